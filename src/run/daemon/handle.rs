//! What the rest of the process has of a daemon: cheap to clone, and good on any thread.

use super::plans::{PlanNow, find, list};
use super::query::{FindingNow, FindingsAsk, GateAsk, GateNow, Page, Query, SeriesAsk, SeriesNow, SignalNow};
use crate::run::Events;
use crate::run::control::Desk;
use crate::run::job::Read;
use crate::steps::Word;
use crate::telemetry::{Log, Telemetry, allowed};
use crate::text;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot, watch};
use tracing::warn;

/// What a daemon is told to do.
#[derive(Debug)]
pub(super) enum Order {
    /// To begin a run.
    Start { plan: PathBuf, word: Word, to: oneshot::Sender<Result<String, String>> },
    /// To read its config once more.
    Reload { word: Word, to: oneshot::Sender<Result<(), String>> },
}

/// A daemon that runs.
#[derive(Debug, Clone)]
pub struct Handle {
    /// Its runs.
    pub desk: Desk,
    /// What happens in them.
    pub events: Events,
    /// Where its state is.
    pub state: Arc<PathBuf>,
    /// What it counts of itself.
    pub telemetry: Telemetry,
    /// How much it tells in its log.
    pub log: Log,
    pub(super) orders: mpsc::Sender<Order>,
    pub(super) queries: mpsc::Sender<Query>,
    pub(super) config: watch::Receiver<Arc<Read>>,
}

const ENDING: &str = "the daemon is ending";

impl Handle {
    /// The config as it is now.
    pub fn config(&self) -> Arc<Read> {
        Arc::clone(&self.config.borrow())
    }

    /// Tells as much as `level` says in the log for so long, because `who` wants it.
    ///
    /// # Errors
    /// There is no such level, or it is too long.
    pub fn tell(&self, level: &str, lasts: Duration, who: &str) -> Result<(), String> {
        allowed(level, lasts)?;
        // said before, for afterwards it might be too little to be told
        let words = text::duration(i64::try_from(lasts.as_millis()).unwrap_or(i64::MAX));
        warn!(who, "the log is at {level} for {words}");
        self.log.change(level, lasts, Instant::now())
    }

    /// Begins a run of the plan in the file at `plan`, and gives its name.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub async fn start(&self, plan: PathBuf, word: Word) -> Result<String, String> {
        let (to, answer) = oneshot::channel();
        self.orders.send(Order::Start { plan, word, to }).await.map_err(|_| ENDING)?;
        answer.await.map_err(|_| ENDING)?
    }

    /// Begins a run of the plan of that name in the folder of the plans.
    ///
    /// # Errors
    /// As [`start`](Self::start); and where there is no such plan.
    pub async fn start_named(&self, plan: &str, word: Word) -> Result<String, String> {
        let (config, name) = (self.config(), plan.to_owned());
        let found = tokio::task::spawn_blocking(move || find(&config, &name)).await;
        let path = found.map_err(|error| error.to_string())??;
        self.start(path, word).await
    }

    /// The plans that can be started by their names.
    ///
    /// # Errors
    /// Their folder cannot be read, in words.
    pub async fn plans(&self) -> Result<Vec<PlanNow>, String> {
        let config = self.config();
        tokio::task::spawn_blocking(move || list(&config)).await.map_err(|error| error.to_string())?
    }

    /// Reads the config once more: all of it counts from now on, or nothing.
    ///
    /// # Errors
    /// What is wrong with it.
    pub async fn reload(&self, word: Word) -> Result<(), String> {
        let (to, answer) = oneshot::channel();
        self.orders.send(Order::Reload { word, to }).await.map_err(|_| ENDING)?;
        answer.await.map_err(|_| ENDING)?
    }

    /// All signals.
    ///
    /// # Errors
    /// The daemon is ending.
    pub async fn signals(&self) -> Result<Vec<SignalNow>, String> {
        self.ask(Query::Signals).await
    }

    /// Series of a signal; none where there is no such signal.
    ///
    /// # Errors
    /// The daemon is ending.
    pub async fn series(&self, ask: SeriesAsk) -> Result<Option<Page<SeriesNow>>, String> {
        self.ask(|to| Query::Series(ask, to)).await
    }

    /// What was found, the newest first.
    ///
    /// # Errors
    /// The daemon is ending.
    pub async fn findings(&self, ask: FindingsAsk) -> Result<Page<FindingNow>, String> {
        self.ask(|to| Query::Findings(ask, to)).await
    }

    /// Whether signals are clean for long enough.
    ///
    /// # Errors
    /// There is no such signal, or the daemon is ending.
    pub async fn gate(&self, ask: GateAsk) -> Result<GateNow, String> {
        self.ask(|to| Query::Gate(ask, to)).await?
    }

    async fn ask<T>(&self, query: impl FnOnce(oneshot::Sender<T>) -> Query) -> Result<T, String> {
        let (to, answer) = oneshot::channel();
        self.queries.send(query(to)).await.map_err(|_| ENDING)?;
        answer.await.map_err(|_| ENDING.to_owned())
    }
}
