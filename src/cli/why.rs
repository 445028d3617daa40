//! `quietgate why`: explains one record of the journal, which a driver may be writing to.

use super::exit::Failure;
use super::format::Format;
use super::state::StateArgs;
use crate::story::{Search, Which};
use clap::Args;
use std::io::{self, Write};

/// What `quietgate why` takes.
#[derive(Debug, Args)]
pub(crate) struct WhyArgs {
    /// The number of a record, STEP, STEP/BATCH (counted from 1) or STEP/TARGET; else the newest decision
    #[arg(value_name = "ID")]
    which: Option<Which>,
    /// The newest capture of an anomaly, with what its programs wrote
    #[arg(long, conflicts_with = "which")]
    capture: bool,
    /// Only records of this run; else the newest one
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
    /// Form of the output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    state: StateArgs,
}

/// Explains the record that `args` ask for, to `out`.
///
/// # Errors
/// Where there is no such record or no journal, where that is not whole, and where `out` cannot be written.
pub(crate) fn run(args: &WhyArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let newest = if args.capture { Which::Capture } else { Which::Newest };
    let mut search = Search::new(args.which.clone().unwrap_or(newest), args.run.as_deref());
    args.state.entries(|noted| search.take(noted))?;
    let why = search.end().map_err(Failure::because)?;
    match args.format {
        Format::Text => writeln!(out, "{why}")?,
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, &why).map_err(io::Error::from)?;
            writeln!(out)?;
        }
    }
    Ok(())
}
