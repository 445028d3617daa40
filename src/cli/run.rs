//! `quietgate run`: drives one plan here, in the foreground.

use super::check::read_text;
use super::exit::{End, Failure};
use super::following::Follower;
use super::format::Format;
use super::state::{Database, fold, folder_of};
use crate::clock;
use crate::config::plan::{Near, PlanFile, Supply};
use crate::config::{Config, Mistakes};
use crate::journal::{self, Journal};
use crate::run::live::{Ended, Job, drive};
use crate::run::{Keeping, Past, Texts, control, pinned};
use crate::steps::{Ending, Mode, Pinned, State};
use crate::text;
use clap::Args;
use quietgate_detectors::Timestamp;
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

/// A run that is to begin or to go on, before its journal is open.
struct Begun {
    file: PlanFile,
    config: Config,
    folder: String,
    config_folder: String,
    plan_text: String,
    config_text: String,
    inventory: Option<String>,
}

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
        Some(plan) if args.resume.is_none() => Some(begin(plan, &args.config)?),
        _ => None,
    };
    let state = match (&dry, &args.state, &begun) {
        (Some(dry), ..) => dry.path().to_owned(),
        (_, Some(state), _) => state.clone(),
        (_, _, Some(begun)) => folder_of(&args.config, &begun.config)?,
        _ => folder_of(&args.config, &read_config(&args.config)?.1)?,
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

/// The plan at `path` and the config at `config_path`, which fit each other.
fn begin(path: &Path, config_path: &Path) -> Result<Begun, Failure> {
    let (config_text, config) = read_config(config_path)?;
    let plan_text = read(path)?;
    let near = Keeping::new(Near::to(path));
    let file = plan(&path.display().to_string(), &plan_text, &near, &config)?;
    let (folder, config_folder) = (folder(path)?, folder(config_path)?);
    Ok(Begun { file, config, folder, config_folder, plan_text, config_text, inventory: near.kept() })
}

fn read_config(path: &Path) -> Result<(String, Config), Failure> {
    let text = read(path)?;
    let config = config(&path.display().to_string(), &text)?;
    Ok((text, config))
}

fn first(begun: Begun, before: &State, state: &Path, dry: bool) -> Result<Job, Failure> {
    if let Some(open) = before.open_runs().next() {
        let run = &open.pinned.run;
        return Err(Failure::Input(format!(
            "the run {run} is not over: go on with `quietgate run --resume {run}`, or end it with `quietgate abort` before"
        )));
    }
    let Begun { file, config, folder, config_folder, plan_text, config_text, inventory } = begun;
    let name = run_name(&file.plan.name, clock::now(), before);
    let texts = Texts {
        folder: &folder,
        config_folder: &config_folder,
        plan: &plan_text,
        config: &config_text,
        inventory: inventory.as_deref(),
    };
    let pinned = pinned(&name, &file, texts);
    let (state, who) = (state.to_owned(), control::ourselves());
    Ok(Job { file, config, pinned, resumed: false, state, who, dry, record: None, past: None })
}

/// The run of that name, as it was pinned.
fn again(run: &str, before: &State, state: &Path) -> Result<Job, Failure> {
    let Some(known) = before.runs.get(run) else {
        let names: Vec<_> = before.runs.keys().map(String::as_str).collect();
        return Err(Failure::Input(format!("there is no run {run:?}, there is: {}", names.join(", "))));
    };
    if let Mode::Finished(_) = known.mode {
        return Err(Failure::Input(format!("the run {run} is over")));
    }
    let pinned = Pinned::clone(&known.pinned);
    let config = config(&format!("config of {run}"), &pinned.config)?;
    let file = plan(&format!("plan of {run}"), &pinned.text, &pinned, &config)?;
    if crate::run::pinned(run, &file, texts(&pinned)).steps != pinned.steps {
        return Err(Failure::Input(format!(
            "this version of the program makes other batches of the plan of {run} than the one that began it: go on with \
             that version, or abort the run"
        )));
    }
    let (state, who) = (state.to_owned(), control::ourselves());
    Ok(Job { file, config, pinned, resumed: true, state, who, dry: false, record: None, past: None })
}

fn texts(pinned: &Pinned) -> Texts<'_> {
    Texts {
        folder: &pinned.folder,
        config_folder: &pinned.config_folder,
        plan: &pinned.text,
        config: &pinned.config,
        inventory: pinned.inventory.as_str(),
    }
}

/// The folder of the file at `path`, from the root.
fn folder(path: &Path) -> Result<String, Failure> {
    let path = std::path::absolute(path).map_err(|error| Failure::File(path.display().to_string(), error))?;
    Ok(path.parent().unwrap_or(Path::new("/")).display().to_string())
}

fn config(name: &str, text: &str) -> Result<Config, Failure> {
    let config = Config::read(name, text).map_err(Failure::because)?;
    if config.sources.is_empty() {
        return Err(Failure::Input(format!("{name}: a run needs sources, and the config has none")));
    }
    Ok(config)
}

fn plan(name: &str, text: &str, supply: &dyn Supply, config: &Config) -> Result<PlanFile, Failure> {
    let file = PlanFile::read(name, text, supply).map_err(Failure::because)?;
    let against: Mistakes = file.against(config);
    if against.list().is_empty() { Ok(file) } else { Err(Failure::because(against)) }
}

fn read(path: &Path) -> Result<String, Failure> {
    read_text(path).map_err(|message| Failure::Input(format!("{}: {message}", path.display())))
}

/// `ovs-agent-20260309-080107`: the plan and the time, and a number where there is such a run already.
fn run_name(plan: &str, now: Timestamp, before: &State) -> String {
    let digits: String = text::rfc3339(now.as_millis()).chars().filter(char::is_ascii_digit).collect();
    let (day, time) = (digits.get(..8).unwrap_or_default(), digits.get(8..14).unwrap_or_default());
    let name = format!("{plan}-{day}-{time}");
    let more = (2_u64..).map(|number| format!("{name}-{number}"));
    std::iter::once(name.clone()).chain(more).find(|name| !before.runs.contains_key(name)).unwrap_or(name)
}
