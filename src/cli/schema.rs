//! `quietgate schema`: JSON Schemas of the files that a user writes, and of the events that sinks bring.

use crate::config;
use crate::event;
use clap::{Args, ValueEnum};
use std::io::{self, Write};

/// What `quietgate schema` takes.
#[derive(Debug, Args)]
pub(crate) struct SchemaArgs {
    /// What the schema is for
    file: SchemaOf,
}

/// What has a schema.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum SchemaOf {
    /// The config file, quietgate.yaml
    Config,
    /// A plan
    Plan,
    /// An event, as a webhook or a log has it
    Event,
}

/// Writes the schema that `args` asks for to `out`.
///
/// # Errors
/// Where `out` cannot be written.
pub(crate) fn run(args: &SchemaArgs, out: &mut dyn Write) -> io::Result<()> {
    let schema = match args.file {
        SchemaOf::Config => config::schema(),
        SchemaOf::Plan => config::plan::schema(),
        SchemaOf::Event => event::schema(),
    };
    serde_json::to_writer_pretty(&mut *out, &schema)?;
    writeln!(out)
}
