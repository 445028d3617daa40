//! Words in, words out: the command line.

mod backtest;
mod check;
mod detect;
mod exit;
mod following;
mod format;
mod gate;
mod gathered;
mod history;
mod input;
mod journal;
mod judging;
mod kept;
mod kinds;
mod online;
mod plan;
mod probe;
mod progress;
mod remote;
mod replay;
mod reporting;
mod run;
mod schema;
mod serve;
mod shell;
mod sinks;
mod state;
mod status;
mod telling;
mod token;
mod tune;
mod verbs;
mod watch;
mod why;

use crate::run::control::Verb;
use crate::text;
use clap::{Parser, Subcommand};
use exit::{End, Failure};
use std::process::ExitCode;

/// The next upgrade step opens only when your systems are quiet.
#[derive(Debug, Parser)]
#[command(name = "quietgate", version, max_term_width = 110, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Tell on standard error what is read and judged, with the seconds since the beginning
    #[arg(long, short, global = true)]
    verbose: bool,
}

const EXIT_CODES: &str = "Exit codes: 0 done; 1 failed, aborted, or stopped before the end; 2 bad usage or input.\n\
    Of a run: 3 paused, a person is needed; 4 rolled back; 5 the journal is damaged or cannot be written; 6 another driver holds \
    it, or another process has its file locked.\n\
    Results go to standard output, everything else to standard error.";

#[derive(Debug, Subcommand)]
enum Command {
    Backtest(Box<backtest::BacktestArgs>),
    Detect(Box<detect::DetectArgs>),
    Replay(Box<replay::ReplayArgs>),
    Tune(Box<tune::TuneArgs>),
    /// Find every mistake in configs and plans, with file, line and column
    Check(check::CheckArgs),
    /// Ask one source of a config, and print what it gives now
    Probe(probe::ProbeArgs),
    /// Print the order of a plan: steps, batches, targets, and why each batch is as wide as it is
    Plan(plan::PlanArgs),
    /// Drive a plan here: each step opens only on a clean window
    Run(run::RunArgs),
    /// Watch all signals at all times, and drive the plans that are submitted
    Serve(serve::ServeArgs),
    /// Have the daemon on this machine begin a run of a plan
    Submit(serve::SubmitArgs),
    /// Have the daemon on this machine read its config once more
    Reload(serve::ReloadArgs),
    /// Have the daemon on this machine tell more, or less, in its log for a while
    LogLevel(serve::LogLevelArgs),
    Gate(Box<gate::GateArgs>),
    /// Make, list and revoke tokens: who may ask the daemon over HTTP, and for what
    Token(token::TokenArgs),
    /// Show what happens in the run that is under way, as it happens
    Watch(watch::WatchArgs),
    /// Let the next batch of a step start, where the plan wants a person to say so
    Approve(verbs::ApproveArgs),
    /// Start nothing new until the run is resumed
    Pause(verbs::Why),
    /// Let a paused run go on
    Resume(verbs::Why),
    /// End the run: nothing starts any more, what is in flight comes to its end
    Abort(verbs::Why),
    /// Undo what the run did, in reverse order
    Rollback(verbs::Why),
    /// Try a target once more that failed or is stuck
    Retry(verbs::PlaceArgs),
    /// Leave a target as it is, and go on without it
    Skip(verbs::PlaceArgs),
    /// Say what became of an attempt whose outcome is unknown
    Resolve(verbs::ResolveArgs),
    /// Let no batch of any run start
    Freeze(verbs::Why),
    /// Let batches start again
    Unfreeze(verbs::Why),
    /// Read the journal of runs, and check that it is whole
    Journal(journal::JournalArgs),
    /// Tell what is kept of the samples, write it to a table, or add to it
    History(kept::HistoryArgs),
    /// Tell how a run stands, what it waits for, and what a person can do about it
    Status(status::StatusArgs),
    /// Explain one decision of a run from its journal: what was seen, what led to it, what came of it
    Why(why::WhyArgs),
    /// Say where events go and how far each sink came, or try one
    Sinks(sinks::SinksArgs),
    /// List every detector and rule with its options
    Kinds(kinds::KindsArgs),
    /// Print the JSON Schema of the files that users write
    Schema(schema::SchemaArgs),
    /// Print what a shell reads to complete commands
    Completions(shell::CompletionsArgs),
    /// Write a manual page for each command
    Man(shell::ManArgs),
}

/// Runs the command that the arguments of the process name.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    if !matches!(cli.command, Command::Serve(_)) {
        telling::begin(cli.verbose);
    }
    match command(&cli.command) {
        Ok(end) => end.into(),
        Err(failure) => {
            if !failure.is_silent() {
                let message = failure.to_string();
                let lines: Vec<_> = message.lines().map(text::plain).collect();
                eprintln!("error: {}", lines.join("\n"));
            }
            failure.code()
        }
    }
}

fn command(command: &Command) -> Result<End, Failure> {
    match command {
        Command::Backtest(args) => backtest::run(args),
        Command::Detect(args) => detect::run(args),
        Command::Replay(args) => replay::run(args),
        Command::Tune(args) => tune::run(args),
        Command::Check(args) => match check::run(args, &mut std::io::stdout())? {
            check::Checked::Good => Ok(End::Done),
            check::Checked::Mistaken => Ok(End::BadInput),
        },
        Command::Probe(args) => probe::run(args, &mut std::io::stdout()),
        Command::Plan(args) => plan::run(args, &mut std::io::stdout()).map(|()| End::Done),
        Command::Journal(args) => {
            journal::run(args, &mut std::io::stdout())?;
            Ok(End::Done)
        }
        Command::History(args) => kept::run(args, &mut std::io::stdout()),
        Command::Run(args) => run::run(args),
        Command::Serve(args) => serve::run(args),
        Command::Submit(args) => args.run(),
        Command::Reload(args) => args.run(),
        Command::LogLevel(args) => args.run(),
        Command::Gate(args) => gate::run(args, &mut std::io::stdout()),
        Command::Token(args) => token::run(args, &mut std::io::stdout()),
        Command::Watch(args) => watch::run(args),
        Command::Approve(args) => args.run(),
        Command::Pause(why) => why.run(Verb::Pause),
        Command::Resume(why) => why.run(Verb::Resume),
        Command::Abort(why) => why.run(Verb::Abort),
        Command::Rollback(why) => why.run(Verb::Rollback),
        Command::Retry(args) => args.retry(),
        Command::Skip(args) => args.skip(),
        Command::Resolve(args) => args.run(),
        Command::Freeze(why) => why.run(Verb::Freeze),
        Command::Unfreeze(why) => why.run(Verb::Unfreeze),
        Command::Status(args) => status::run(args, &mut std::io::stdout()).map(|()| End::Done),
        Command::Why(args) => why::run(args, &mut std::io::stdout()).map(|()| End::Done),
        Command::Sinks(args) => sinks::run(args, &mut std::io::stdout()),
        Command::Kinds(args) => done(kinds::run(args, &mut std::io::stdout())),
        Command::Completions(args) => shell::completions(args, &mut std::io::stdout()),
        Command::Man(args) => shell::man(args),
        Command::Schema(args) => done(schema::run(args, &mut std::io::stdout())),
    }
}

fn done(written: std::io::Result<()>) -> Result<End, Failure> {
    written?;
    Ok(End::Done)
}
