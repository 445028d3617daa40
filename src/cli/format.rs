//! The two forms in which most commands tell what they have to tell.

use clap::ValueEnum;

/// Forms of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Lines to read
    Text,
    /// JSON: one object, or one a line where there are many
    Json,
}
