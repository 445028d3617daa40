//! Where the state is: the options that name its folder, and reading the journal in it.

use super::check::read_text;
use super::exit::Failure;
use crate::config::Config;
use crate::journal::{self, Entry, Tip};
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
    /// The folder of the state
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// The config whose `state` is the folder; else quietgate.yaml here, where there is one
    #[arg(long, value_name = "FILE", conflicts_with = "state")]
    config: Option<PathBuf>,
    /// URL of the PostgreSQL database, where the journal is in one; the password comes from PGPASSWORD or ~/.pgpass
    #[arg(long, value_name = "URL")]
    database: Option<String>,
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
        let state = read.state.ok_or_else(|| {
            Failure::Input(format!("{name} has no key \"state\"; name the folder of the state by --state"))
        })?;
        Ok(config.parent().unwrap_or(Path::new("")).join(state))
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
        let tip = runtime.block_on(journal::read(&folder, self.database.as_deref(), take))?;
        match odd {
            None => Ok(tip),
            Some(unreadable) => Err(Failure::Record(Box::new(unreadable))),
        }
    }
}
