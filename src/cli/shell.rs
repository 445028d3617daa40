//! What shells and `man` know of the program, made from the command line as it is.

use super::Cli;
use super::exit::{End, Failure};
use clap::{Args, CommandFactory};
use clap_complete::Shell;
use std::io::Write;
use std::path::PathBuf;

/// What `quietgate completions` takes.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// What `quietgate man` takes.
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// The folder that the pages are written to; it must be there
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

/// Writes what the shell of `args` reads.
///
/// # Errors
/// It cannot be written.
pub(crate) fn completions(args: &CompletionsArgs, out: &mut impl Write) -> Result<End, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "quietgate", &mut text);
    out.write_all(&text)?;
    Ok(End::Done)
}

/// Writes a page for each command.
///
/// # Errors
/// One cannot be written.
pub(crate) fn man(args: &ManArgs) -> Result<End, Failure> {
    let failed = |error| Failure::File(args.dir.display().to_string(), error);
    clap_mangen::generate_to(Cli::command(), &args.dir).map_err(failed)?;
    Ok(End::Done)
}
