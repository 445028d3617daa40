//! What those who ask see of the runs that are driven here, and the way by which what they want gets to the drivers.

use super::Verb;
use super::message::Answer;
use crate::clock;
use crate::steps::{Record, State, Waiting, Word};
use crate::story::{self, Waits, Window};
use quietgate_detectors::Timestamp;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{broadcast, mpsc, oneshot, watch};

/// A record that somebody wants written, and where the answer goes.
#[derive(Debug)]
pub struct Asked {
    /// The record.
    pub record: Record,
    /// Told its number, or why it cannot be; nobody where nobody waits.
    pub answer: Option<oneshot::Sender<Result<u64, String>>>,
}

/// What a driver says of its run.
#[derive(Debug, Clone)]
pub struct Shown {
    /// When it said so.
    pub at: Timestamp,
    /// What the run waits for.
    pub waiting: Vec<Waiting>,
    /// How far the clean window is that it waits for; none where it waits for none.
    pub window: Option<Window>,
}

/// What is seen from outside of all runs that are driven here. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Desk {
    ask: mpsc::Sender<Asked>,
    states: watch::Receiver<Arc<State>>,
    news: broadcast::Sender<Answer>,
    shown: Arc<Mutex<BTreeMap<String, Shown>>>,
    is_open: Arc<AtomicBool>,
    seq: Arc<AtomicU64>,
}

impl Desk {
    /// The desk in front of what `states` tells, the newest record of which is `seq`; what is wanted goes to `ask`. It is closed at
    /// first.
    pub fn new(
        ask: mpsc::Sender<Asked>,
        (states, seq): (watch::Receiver<Arc<State>>, Arc<AtomicU64>),
        news: broadcast::Sender<Answer>,
    ) -> Self {
        Self { ask, states, news, shown: Arc::default(), is_open: Arc::default(), seq }
    }

    /// From now on those who ask are answered.
    pub fn open(&self) {
        self.is_open.store(true, Ordering::Release);
    }

    /// Everything on record; none before it is open.
    pub fn state(&self) -> Option<Arc<State>> {
        let is_open = self.is_open.load(Ordering::Acquire);
        is_open.then(|| Arc::clone(&self.states.borrow()))
    }

    /// Every record from now on.
    pub fn news(&self) -> broadcast::Receiver<Answer> {
        self.news.subscribe()
    }

    /// Whenever something on record changes.
    pub fn states(&self) -> watch::Receiver<Arc<State>> {
        self.states.clone()
    }

    /// The number of the newest record.
    pub fn seq(&self) -> u64 {
        self.seq.load(Ordering::Acquire)
    }

    /// What the driver of `run` said last; none where nobody drives it here.
    pub fn shown(&self, run: &str) -> Option<Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).get(run).cloned()
    }

    /// The driver of `run` says this; nothing more where it drives it no more.
    pub fn show(&self, run: &str, shown: Option<Shown>) {
        let mut all = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        match shown {
            Some(shown) => drop(all.insert(run.to_owned(), shown)),
            None => drop(all.remove(run)),
        }
    }

    /// Puts on record what somebody wants of `run`, or of the only one, and gives the number of the record.
    ///
    /// # Errors
    /// It cannot be, in words.
    pub async fn done(&self, verb: &Verb, run: Option<&str>, word: Word) -> Result<u64, String> {
        let state = self.state().ok_or("the driver is just starting")?;
        if word.reason.trim().is_empty() {
            return Err("a reason is needed".to_owned());
        }
        self.write(verb.record(&state, run, word)?).await
    }

    /// Has `record` written, and gives its number.
    ///
    /// # Errors
    /// It cannot be, in words.
    pub async fn write(&self, record: Record) -> Result<u64, String> {
        let (answer, answered) = oneshot::channel();
        let asked = Asked { record, answer: Some(answer) };
        self.ask.send(asked).await.map_err(|_| "the driver is ending")?;
        let lost = "the driver ended before it was on record; the journal tells whether it is";
        answered.await.map_err(|_| lost)?
    }

    /// Has `record` written where that can be, and waits for nothing.
    pub(in crate::run) async fn wish(&self, record: Record) {
        // the driver listens until its run is over
        drop(self.ask.send(Asked { record, answer: None }).await);
    }

    /// How everything stands, with `run` or else all runs that are not over.
    pub fn status(&self, run: Option<&str>) -> Answer {
        let Some(state) = self.state() else { return Answer::refused("the driver is just starting") };
        let names: Vec<&str> = match run {
            Some(run) if !state.runs.contains_key(run) => {
                return Answer::refused(&format!("there is no run {run:?} in the journal"));
            }
            Some(run) => vec![run],
            None => state.open_runs().map(|run| run.pinned.run.as_str()).collect(),
        };
        let statuses = names.iter().map(|run| self.status_of(&state, Some(run)));
        let mut statuses: Vec<story::Status> = statuses.collect();
        if statuses.is_empty() {
            statuses.push(self.status_of(&state, None));
        }
        let text: Vec<String> = statuses.iter().map(ToString::to_string).collect();
        let mut status = json!(statuses[0]);
        if let ([_, others @ ..], Some(status)) = (statuses.as_slice(), status.as_object_mut())
            && !others.is_empty()
        {
            status.insert("others".to_owned(), json!(others));
        }
        Answer::Status { text: text.join("\n\n"), status }
    }

    /// How `run` stands; without one, what holds for all.
    pub fn status_of(&self, state: &State, run: Option<&str>) -> story::Status {
        let waiting = run.and_then(|run| self.shown(run)).map(|shown| shown.waiting).unwrap_or_default();
        story::status(state, run, clock::now(), Waits::Now(&waiting))
    }
}
