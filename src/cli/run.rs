//! `quietgate run`: drives one plan here, in the foreground.

use super::exit::{End, Failure};
use super::following::Follower;
use super::format::Format;
use super::state::{Database, fold, folder_of};
use crate::clock;
use crate::journal::{self, Journal};
use crate::run::job::{Pinning, Prepared, Read};
use crate::run::live::{Ended, Job, drive};
use crate::run::{Past, control};
use crate::steps::{Ending, State};
use crate::text;
use clap::Args;
use std::path::{Path, PathBuf};

/// What `quietgate run` takes.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct RunArgs {
    /// The plan; with --resume it comes from the journal
    #[arg(value_name = "PLAN", required_unless_present = "resume")]
    plan: Option<PathBuf>,
    /// The config: where samples come from, and how they are judged
    #[arg(long, value_name = "FILE", default_value = "quietgate.yaml")]
    config: PathBuf,
    /// The folder of the state, instead of the config's
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    #[command(flatten)]
    database: Database,
    /// Do everything but the actions; nothing of it goes into the state
    #[arg(long, conflicts_with = "resume")]
    dry_run: bool,
    /// Go on with this run, by the plan and the config that it began with
    #[arg(long, value_name = "RUN")]
    resume: Option<String>,
    /// Put down in this file what the sources say, behind what it has: with the journal, `quietgate replay --recorded` makes every
    /// decision once more
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    record: Option<PathBuf>,
    /// Form of the output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

const AFTER: &str = "Ctrl-C pauses the run and ends when what is in flight has come to its end; twice aborts it; the third \
    time ends what is in flight.\n\
    Exit codes: 0 done; 1 aborted; 2 bad usage or input; 3 paused, a person is needed; 4 rolled back; 5 the journal is \
    damaged or cannot be written; 6 another driver holds the state, or another process has its journal locked.";

/// Drives the plan of `args`.
///
/// # Errors
/// A plan or config with mistakes, a state that another driver holds or that is damaged, a journal that cannot be written.
pub(crate) fn run(args: &RunArgs) -> Result<End, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ended = runtime.block_on(run_here(args));
    // a read that the system holds up ends with the program
    runtime.shutdown_background();
    ended
}

async fn run_here(args: &RunArgs) -> Result<End, Failure> {
    let dry = if args.dry_run { Some(tempfile::tempdir()?) } else { None };
    // what is wrong with a plan is told before anything is touched
    let begun = match &args.plan {
        Some(plan) if args.resume.is_none() => Some(prepare(plan, &args.config)?),
        _ => None,
    };
    let state = match (&dry, &args.state, &begun) {
        (Some(dry), ..) => dry.path().to_owned(),
        (_, Some(state), _) => state.clone(),
        (_, _, Some(begun)) => folder_of(&args.config, &begun.config)?,
        _ => folder_of(&args.config, &Read::at(&args.config).map_err(Failure::because)?.config)?,
    };
    let database = if args.dry_run { None } else { args.database.url() };
    let (journal, entries) = journal::open(&state, database).await?;
    let before = fold(&entries)?;
    let mut job = match (begun, &args.resume) {
        (Some(begun), _) => first(begun, &before, &state, args.dry_run)?,
        (None, Some(run)) => again(run, &before, &state)?,
        (None, None) => return Err(Failure::Input("a plan is needed, or --resume with a run".to_owned())),
    };
    job.record.clone_from(&args.record);
    if !args.dry_run && !job.config.sinks.is_empty() {
        job.past = Some(Past::of(&entries).map_err(|unreadable| Failure::Record(Box::new(unreadable)))?);
    }
    follow(args, job, journal, before).await
}

fn prepare(plan: &Path, config: &Path) -> Result<Prepared, Failure> {
    let config = Read::at(config).map_err(Failure::because)?;
    Prepared::at(plan, config).map_err(Failure::because)
}

async fn follow(args: &RunArgs, job: Job, journal: Journal, before: State) -> Result<End, Failure> {
    let mut follower = Follower::new(args.format, &job.pinned.run, before.clone());
    let ended = drive(job, journal, before, &mut follower).await;
    follower.end();
    match ended {
        Ok(Ended::Over(Ending::Done)) => Ok(End::Done),
        Ok(Ended::Over(Ending::Aborted)) => Ok(End::Aborted),
        Ok(Ended::Over(Ending::RolledBack)) => Ok(End::RolledBack),
        Ok(Ended::Paused(word)) if args.dry_run => {
            eprintln!("the run would be paused by {}: {}", word.who, text::plain(&word.reason));
            Ok(End::Paused)
        }
        Ok(Ended::Paused(_)) => {
            follower.stand(clock::now());
            Ok(End::Paused)
        }
        Ok(Ended::Left) => unreachable!("nothing but a daemon leaves a run"),
        Err(error) => Err(Failure::Drive(error)),
    }
}

fn first(prepared: Prepared, before: &State, state: &Path, dry: bool) -> Result<Job, Failure> {
    if let Some(open) = before.open_runs().next() {
        let run = &open.pinned.run;
        return Err(Failure::Input(format!(
            "the run {run} is not over: go on with `quietgate run --resume {run}`, or end it with `quietgate abort` before"
        )));
    }
    Ok(job(prepared.begin(clock::now(), before), state, Kind { resumed: false, dry }))
}

/// The run of that name, as it was pinned.
fn again(run: &str, before: &State, state: &Path) -> Result<Job, Failure> {
    let pinning = Pinning::again(run, before).map_err(Failure::because)?;
    Ok(job(pinning, state, Kind { resumed: true, dry: false }))
}

/// How a run is driven.
struct Kind {
    resumed: bool,
    dry: bool,
}

fn job(pinning: Pinning, state: &Path, Kind { resumed, dry }: Kind) -> Job {
    let Pinning { file, config, pinned } = pinning;
    let (state, who) = (state.to_owned(), control::ourselves());
    Job { file, config, pinned, resumed, state, who, dry, record: None, past: None }
}
