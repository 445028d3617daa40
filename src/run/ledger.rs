//! The journal of a state as all see it who write to it: one after the other, each by what those before have left.

use super::control::Answer;
use super::desk::append;
use super::driver::{Refused, Stopped, followed};
use super::sinks::Sinks;
use crate::journal::{Entry, Journal};
use crate::steps::{Record, State};
use crate::telemetry::Telemetry;
use quietgate_detectors::Timestamp;
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use tokio::sync::{Mutex, broadcast, watch};

/// So many records may be told of before who watches must have taken them.
const NEWS_MAX: usize = 1024;

/// The journal of a state, for all runs that are driven here.
#[derive(Debug)]
pub(super) struct Ledger {
    /// None once it is closed.
    journal: Mutex<Option<Journal>>,
    state: watch::Sender<Arc<State>>,
    tip: Arc<AtomicU64>,
    news: broadcast::Sender<Answer>,
    sinks: RefCell<Sinks>,
    telemetry: Telemetry,
}

impl Ledger {
    /// Of `journal`, which tells `state` so far. What is put on record is told to `sinks`.
    pub(super) fn new(journal: Journal, state: State, sinks: Sinks) -> Self {
        Self {
            tip: Arc::new(AtomicU64::new(journal.tip().seq)),
            journal: Mutex::new(Some(journal)),
            state: watch::Sender::new(Arc::new(state)),
            news: broadcast::Sender::new(NEWS_MAX),
            sinks: RefCell::new(sinks),
            telemetry: Telemetry::default(),
        }
    }

    /// The same, which counts there how long it takes to write.
    pub(super) fn counted(self, telemetry: Telemetry) -> Self {
        Self { telemetry, ..self }
    }

    /// Everything on record.
    pub(super) fn state(&self) -> Arc<State> {
        Arc::clone(&self.state.borrow())
    }

    /// The same whenever it changes, and the number of the newest record.
    pub(super) fn states(&self) -> (watch::Receiver<Arc<State>>, Arc<AtomicU64>) {
        (self.state.subscribe(), Arc::clone(&self.tip))
    }

    /// Every record from now on.
    pub(super) fn news(&self) -> &broadcast::Sender<Answer> {
        &self.news
    }

    /// The number of the newest record.
    pub(super) fn seq(&self) -> u64 {
        self.tip.load(Ordering::Acquire)
    }

    /// Puts `record` on disk for good, where it can follow everything on record.
    ///
    /// # Errors
    /// It cannot, or cannot be written: then nothing can any more.
    pub(super) async fn write(&self, at: Timestamp, record: &Record) -> Result<Entry, Refused> {
        let mut journal = self.journal.lock().await;
        let after = followed(&self.state(), at, record)?;
        let closed = || Refused::Stopped(Stopped { why: "it is closed".to_owned() });
        let open = journal.as_mut().ok_or_else(closed)?;
        let began = Instant::now();
        let entry = append(open, at, record).await.map_err(Refused::Stopped)?;
        self.telemetry.wrote(began.elapsed());
        self.tip.store(entry.seq, Ordering::Release);
        self.state.send_replace(after);
        // nobody may be listening
        drop(self.news.send(Answer::from(&entry)));
        self.sinks.borrow_mut().tell(&entry, record);
        Ok(entry)
    }

    /// Takes the sinks out, to let them deliver what they have: nothing more is told to them.
    pub(super) fn take_sinks(&self) -> Sinks {
        self.sinks.take()
    }

    /// Closes the journal. Everything is durable already: what the end brings in order, the next opening does as well.
    pub(super) async fn close(&self) {
        if let Some(journal) = self.journal.lock().await.take() {
            drop(journal.close().await);
        }
    }
}
