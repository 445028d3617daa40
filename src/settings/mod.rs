//! Settings of sources, actions and sinks: each kind describes its keys as data, and gets them back as checked values.
//!
//! A kind states a table of [`SettingDoc`]. The reader of files, the schema, `quietgate kinds` and the pages derive from
//! it, and [`Settings::check`] holds what was [`Given`] to it. Nothing here knows of files or of places in them.

mod given;
pub(crate) mod kind;
mod shape;
pub mod units;
mod values;

pub use given::{Given, Scalar};
pub use kind::Kind;
pub use shape::Shape;
pub use values::{Part, SettingError, Settings, Value};

/// A key that a kind takes.
#[derive(Debug)]
pub struct SettingDoc {
    /// The key itself.
    pub name: &'static str,
    /// What its value looks like.
    pub shape: Shape,
    /// Whether it must be given.
    pub need: Need,
    /// What it does and why the default is what it is.
    pub about: &'static str,
}

/// Whether a key must be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// It must be there.
    Required,
    /// It may be left out; then nothing stands in for it.
    Optional,
    /// It may be left out; this is what holds then, as the file would say it.
    Default(&'static str),
    /// It may be left out; these words say what holds then.
    DefaultWords(&'static str),
}
