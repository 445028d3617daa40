//! Where the state is: the options that name its folder, and reading the journal in it.

use super::exit::Failure;
use crate::config::Config;
use crate::config::read_text;
use crate::journal::{self, Entry, Tip};
use crate::steps::State;
use crate::story::Noted;
use clap::Args;
use quietgate_detectors::Timestamp;
use std::path::{Path, PathBuf};

/// The config that is read where no option names another, if it is there.
const CONFIG: &str = "quietgate.yaml";

/// Where the state is.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Where the state is")]
pub(crate) struct StateArgs {
    /// The folder of the state, whatever a config says
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// The config whose `state` is the folder; else quietgate.yaml here, where there is one
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    database: Database,
}

/// Where the journal is, if not in the folder of the state.
#[derive(Debug, Clone, Args)]
pub(crate) struct Database {
    /// URL of the PostgreSQL database, where the journal is in one; the password comes from PGPASSWORD or ~/.pgpass
    #[arg(long = "database", value_name = "URL")]
    url: Option<String>,
}

impl Database {
    /// Its URL.
    pub(crate) fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }
}

/// The folder that `config`, the file at `path`, names as its state; relative, it begins in the folder of that file.
///
/// # Errors
/// The config names none.
pub(crate) fn folder_of(path: &Path, config: &Config) -> Result<PathBuf, Failure> {
    let state = config.state.as_ref().ok_or_else(|| {
        let name = path.display();
        Failure::Input(format!("{name} has no key \"state\"; name the folder of the state by --state"))
    })?;
    Ok(path.parent().unwrap_or(Path::new("")).join(state))
}

/// What `entries`, all of a journal, lead to.
///
/// # Errors
/// One that this program does not know, or that cannot follow those before it.
pub(crate) fn fold(entries: &[Entry]) -> Result<State, Failure> {
    let mut state = State::default();
    for Entry { seq, at, epoch, record, .. } in entries {
        let noted = Noted::read(*seq, Timestamp::from_millis(*at), *epoch, record);
        let noted = noted.map_err(|unreadable| Failure::Record(Box::new(unreadable)))?;
        let applied = state.apply(*seq, noted.at, &noted.record);
        applied.map_err(|illegal| Failure::Record(Box::new(illegal)))?;
    }
    Ok(state)
}

impl StateArgs {
    /// The folder of the state: the one that is named, or `state` of the config, which begins in the config's folder where
    /// it is relative.
    ///
    /// # Errors
    /// Where nothing names a folder, and where the config cannot be read or has mistakes.
    pub(crate) fn folder(&self) -> Result<PathBuf, Failure> {
        if let Some(state) = &self.state {
            return Ok(state.clone());
        }
        let config = match &self.config {
            Some(config) => config.as_path(),
            None if Path::new(CONFIG).exists() => Path::new(CONFIG),
            None => {
                let message =
                    format!("there is no {CONFIG} here; name the folder of the state by --state or --config");
                return Err(Failure::Input(message));
            }
        };
        let name = config.display().to_string();
        let text = read_text(config).map_err(|message| Failure::Input(format!("{name}: {message}")))?;
        let read = Config::read(&name, &text).map_err(Failure::because)?;
        folder_of(config, &read)
    }

    /// The URL of the database, where the journal is in one.
    pub(crate) fn database(&self) -> Option<&str> {
        self.database.url()
    }

    /// Reads the journal, whoever drives it, and gives each entry to `each`.
    ///
    /// # Errors
    /// Where there is no journal, where it is not whole, and where it has a record that this program does not know: then
    /// `each` was given all before that one.
    pub(crate) fn entries(&self, mut each: impl FnMut(Noted)) -> Result<Tip, Failure> {
        let mut odd = None;
        let take = |entry: Entry| {
            let at = Timestamp::from_millis(entry.at);
            match Noted::read(entry.seq, at, entry.epoch, &entry.record) {
                Ok(noted) if odd.is_none() => each(noted),
                Ok(_) => {}
                Err(unreadable) => drop(odd.get_or_insert(unreadable)),
            }
        };
        let folder = self.folder()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let tip = runtime.block_on(journal::read(&folder, self.database(), take))?;
        match odd {
            None => Ok(tip),
            Some(unreadable) => Err(Failure::Record(Box::new(unreadable))),
        }
    }
}
