//! From the files of a plan and a config to a run that can be driven: a new one, or one that is on record and goes on.

use super::{Keeping, Texts, pinned};
use crate::config::plan::{Near, PlanFile, Supply};
use crate::config::{Config, Mistakes, read_text};
use crate::steps::{Mode, Pinned, State};
use crate::text;
use quietgate_detectors::Timestamp;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A plan and its config, which fit each other, with the texts that a run of them is pinned with.
#[derive(Debug)]
pub struct Prepared {
    /// The plan.
    pub file: PlanFile,
    /// The config.
    pub config: Config,
    folder: String,
    config_folder: String,
    plan_text: String,
    config_text: String,
    inventory: Option<String>,
}

/// A config as it was read.
#[derive(Debug, Clone)]
pub struct Read {
    /// What it says.
    pub config: Config,
    /// Its text.
    pub text: String,
    /// The folder in which its relative paths begin.
    pub folder: PathBuf,
}

/// What is driven: a plan with its config, and what the run was pinned with.
#[derive(Debug)]
pub struct Pinning {
    /// The plan.
    pub file: PlanFile,
    /// The config.
    pub config: Config,
    /// What the run is pinned with.
    pub pinned: Pinned,
}

/// Why there is no run.
#[derive(Debug)]
pub enum JobError {
    /// A file has mistakes.
    Mistakes(Mistakes),
    /// Where a file is cannot be found out.
    Place(PathBuf, io::Error),
    /// Something else, in words.
    Not(String),
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mistakes(mistakes) => mistakes.fmt(f),
            Self::Place(path, _) => write!(f, "{}: its folder is not known", path.display()),
            Self::Not(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for JobError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Place(_, error) => Some(error),
            Self::Mistakes(_) | Self::Not(_) => None,
        }
    }
}

impl Read {
    /// The config at `path`, which has sources.
    ///
    /// # Errors
    /// It cannot be read, or has mistakes.
    pub fn at(path: &Path) -> Result<Self, JobError> {
        let text = text_at(path)?;
        let config = config(&path.display().to_string(), &text)?;
        Ok(Self { config, text, folder: folder(path)? })
    }
}

impl Prepared {
    /// The plan at `path`, with `config`.
    ///
    /// # Errors
    /// The plan cannot be read, has mistakes, or wants what the config does not have or allow.
    pub fn at(path: &Path, config: Read) -> Result<Self, JobError> {
        let plan_text = text_at(path)?;
        let near = Keeping::new(Near::to(path));
        let file = plan(&path.display().to_string(), &plan_text, &near, &config.config)?;
        let (folder, config_folder) = (shown(&folder(path)?), shown(&config.folder));
        let (config, config_text) = (config.config, config.text);
        Ok(Self { file, config, folder, config_folder, plan_text, config_text, inventory: near.kept() })
    }

    /// A new run of it, beside what is on record `before`.
    pub fn begin(self, now: Timestamp, before: &State) -> Pinning {
        let Self { file, config, folder, config_folder, plan_text, config_text, inventory } = self;
        let name = run_name(&file.plan.name, now, before);
        let texts = Texts {
            folder: &folder,
            config_folder: &config_folder,
            plan: &plan_text,
            config: &config_text,
            inventory: inventory.as_deref(),
        };
        let pinned = pinned(&name, &file, texts);
        Pinning { file, config, pinned }
    }
}

impl Pinning {
    /// The run `run` of those on record, as it was pinned.
    ///
    /// # Errors
    /// There is no such run, it is over, or this program would make another order of it.
    pub fn again(run: &str, before: &State) -> Result<Self, JobError> {
        let Some(known) = before.runs.get(run) else {
            let names: Vec<_> = before.runs.keys().map(String::as_str).collect();
            return Err(JobError::Not(format!("there is no run {run:?}, there is: {}", names.join(", "))));
        };
        if let Mode::Finished(_) = known.mode {
            return Err(JobError::Not(format!("the run {run} is over")));
        }
        let own = Pinned::clone(&known.pinned);
        let config = config(&format!("config of {run}"), &own.config)?;
        let file = plan(&format!("plan of {run}"), &own.text, &own, &config)?;
        if pinned(run, &file, texts(&own)).steps != own.steps {
            return Err(JobError::Not(format!(
                "this version of the program makes other batches of the plan of {run} than the one that began it: go on with \
                 that version, or abort the run"
            )));
        }
        Ok(Self { file, config, pinned: own })
    }
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

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// The folder of the file at `path`, from the root.
fn folder(path: &Path) -> Result<PathBuf, JobError> {
    let path = std::path::absolute(path).map_err(|error| JobError::Place(path.to_owned(), error))?;
    Ok(path.parent().unwrap_or(Path::new("/")).to_owned())
}

fn config(name: &str, text: &str) -> Result<Config, JobError> {
    let config = Config::read(name, text).map_err(JobError::Mistakes)?;
    if config.sources.is_empty() {
        return Err(JobError::Not(format!("{name}: a run needs sources, and the config has none")));
    }
    Ok(config)
}

fn plan(name: &str, text: &str, supply: &dyn Supply, config: &Config) -> Result<PlanFile, JobError> {
    let file = PlanFile::read(name, text, supply).map_err(JobError::Mistakes)?;
    let against: Mistakes = file.against(config);
    if against.list().is_empty() { Ok(file) } else { Err(JobError::Mistakes(against)) }
}

fn text_at(path: &Path) -> Result<String, JobError> {
    read_text(path).map_err(|why| JobError::Not(format!("{}: {why}", path.display())))
}

/// `ovs-agent-20260309-080107`: the plan and the time, and a number where there is such a run already.
fn run_name(plan: &str, now: Timestamp, before: &State) -> String {
    let digits: String = text::rfc3339(now.as_millis()).chars().filter(char::is_ascii_digit).collect();
    let (day, time) = (digits.get(..8).unwrap_or_default(), digits.get(8..14).unwrap_or_default());
    let name = format!("{plan}-{day}-{time}");
    let more = (2_u64..).map(|number| format!("{name}-{number}"));
    std::iter::once(name.clone()).chain(more).find(|name| !before.runs.contains_key(name)).unwrap_or(name)
}
