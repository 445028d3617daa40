//! `quietgate history`: what is kept of the samples; out to a table, and in from one.

mod export;
mod import;
mod show;

pub(super) use show::{json_of_all, line_of_all, mebibytes};

use super::exit::{End, Failure};
use super::state::StateArgs;
use crate::history::{self, HistoryError, Store};
use clap::{Args, Subcommand};
use std::io::Write;
use std::path::Path;

/// What `quietgate history` takes.
#[derive(Debug, Args)]
pub(crate) struct HistoryArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Tell what is kept of each signal, how much room it takes, and what is damaged
    Show(show::ShowArgs),
    /// Write all that is kept to a table that backtest, replay and tune read
    Export(export::ExportArgs),
    /// Add the samples of tables to what is kept
    Import(import::ImportArgs),
}

/// Does what `args` ask for and writes to `out`.
///
/// # Errors
/// A history that is not there or cannot be used, a file that cannot be read or written.
pub(crate) fn run(args: &HistoryArgs, out: &mut dyn Write) -> Result<End, Failure> {
    match &args.command {
        Command::Show(args) => show::run(args, out)?,
        Command::Export(args) => export::run(args, out)?,
        Command::Import(args) => import::run(args, out)?,
    }
    Ok(End::Done)
}

/// The histories in the folder of the state; that of `signal` alone, where one is named.
fn stores(state: &StateArgs, signal: Option<&str>) -> Result<Vec<Store>, Failure> {
    let folder = state.folder()?;
    let stores = open(&folder, signal).map_err(Failure::because)?;
    if stores.is_empty() {
        let of = signal.map_or(String::new(), |signal| format!(" of {signal}"));
        return Err(Failure::Input(format!("there is no history{of} in {}", folder.display())));
    }
    Ok(stores)
}

fn open(folder: &Path, signal: Option<&str>) -> Result<Vec<Store>, HistoryError> {
    let names = history::signals(folder)?;
    let wanted = names.iter().filter(|name| signal.is_none_or(|signal| signal == *name));
    wanted.map(|name| history::read_only(folder, name)).collect()
}
