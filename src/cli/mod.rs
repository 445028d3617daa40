//! Words in, words out: the command line.

mod backtest;
mod detect;
mod exit;
mod input;
mod judging;
mod progress;
mod reporting;

use clap::{Parser, Subcommand};
use exit::{End, Failure};
use std::process::ExitCode;

/// The next upgrade step opens only when your systems are quiet.
#[derive(Debug, Parser)]
#[command(name = "quietgate", version, max_term_width = 110, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done; 1 failed or stopped before the end; 2 bad usage or input.\n\
    Results go to standard output, everything else to standard error.";

#[derive(Debug, Subcommand)]
enum Command {
    Backtest(Box<backtest::BacktestArgs>),
    Detect(Box<detect::DetectArgs>),
}

/// Runs the command that the arguments of the process name.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli.command) {
        Ok(end) => end.into(),
        Err(failure) => {
            if !failure.is_silent() {
                eprintln!("error: {failure}");
            }
            failure.code()
        }
    }
}

fn run(command: &Command) -> Result<End, Failure> {
    match command {
        Command::Backtest(args) => backtest::run(args),
        Command::Detect(args) => detect::run(args),
    }
}
