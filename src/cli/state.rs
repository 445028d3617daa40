//! Where the state is: its folder, and the database of its journal.

use super::exit::Failure;
use crate::config::Config;
use crate::journal::Entry;
use crate::steps::State;
use clap::Args;
use quietgate_detectors::Timestamp;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct Database {
    /// URL of the PostgreSQL database, where the journal is in one; the password comes from PGPASSWORD or ~/.pgpass
    #[arg(long = "database", value_name = "URL")]
    url: Option<String>,
}
impl Database { pub(crate) fn url(&self) -> Option<&str> { self.url.as_deref() } }

#[derive(Debug, Args)]
pub(crate) struct StateArgs {
    /// The folder of the state
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// The config that names it
    #[arg(long, value_name = "FILE", default_value = "quietgate.yaml")]
    config: PathBuf,
    #[command(flatten)]
    database: Database,
}
impl StateArgs {
    pub(crate) fn database(&self) -> Option<&str> { self.database.url() }
    pub(crate) fn folder(&self) -> Result<PathBuf, Failure> {
        if let Some(s) = &self.state { return Ok(s.clone()); }
        let text = super::check::read_text(&self.config).map_err(Failure::Input)?;
        let config = Config::read(&self.config.display().to_string(), &text).map_err(Failure::because)?;
        config.state.map(PathBuf::from).ok_or_else(|| Failure::Input("no state".into()))
    }
}
pub(crate) fn fold(entries: &[Entry]) -> Result<State, Failure> {
    let mut state = State::default();
    for entry in entries {
        let record = serde_json::from_str(&entry.record).map_err(Failure::because)?;
        state.apply(entry.seq, Timestamp::from_millis(entry.at), &record).map_err(Failure::because)?;
    }
    Ok(state)
}
