//! What a daemon tells of its runs: a line a record, each with the run, the step, the target and the attempt that it is about.

use crate::journal::Entry;
use crate::run::ledger::Ledger;
use crate::run::live::Tell;
use crate::steps::{Record, State, Waiting};
use crate::story::{self, Level, Noted, Window};
use crate::text;
use quietgate_detectors::Timestamp;
use std::rc::Rc;
use tracing::{debug, info, warn};

/// Tells of one run.
#[derive(Debug)]
pub(super) struct Teller {
    pub(super) run: String,
    pub(super) ledger: Rc<Ledger>,
}

impl Tell for Teller {
    fn record(&mut self, entry: &Entry, record: &Record) {
        tell(&self.ledger, entry, record);
    }

    fn waiting(&mut self, _: Timestamp, _: &State, _: &[Waiting], _: Option<Window>) {}

    fn note(&mut self, words: &str) {
        warn!(run = %self.run, "{}", text::plain(words));
    }
}

/// Tells of a record that was written.
pub(super) fn tell(ledger: &Ledger, entry: &Entry, record: &Record) {
    let (at, own) = (Timestamp::from_millis(entry.at), record.clone());
    let noted = Noted { seq: entry.seq, at, epoch: entry.epoch, record: own };
    let state = ledger.state();
    let pinned = record.run().and_then(|run| state.runs.get(run)).map(|run| &*run.pinned);
    let line = story::said(&noted, pinned);
    let (seq, run) = (entry.seq, record.run());
    let (step, target, attempt) = record.place();
    match story::level(record) {
        Level::Detail => debug!(seq, run, step, target, attempt, "{line}"),
        Level::Usual => info!(seq, run, step, target, attempt, "{line}"),
        Level::Loud => warn!(seq, run, step, target, attempt, "{line}"),
    }
}
