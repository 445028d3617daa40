//! The world of a run that is driven once more: its clock and what is given to it come from the journal, and what it puts on
//! record is compared with that.

use crate::journal::Entry;
use crate::run::{Refused, Stopped, World, followed};
use crate::steps::{Attempt, Illegal, Record, State};
use crate::story::Noted;
use crate::text::rfc3339;
use quietgate_detectors::Timestamp;
use std::fmt;
use std::sync::Arc;

/// Where a run that is driven once more decides otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// When, by the journal or the recording.
    pub at: Timestamp,
    /// The number of the record, and the record; none where the driver looked and had nothing to put on record.
    pub journal: Option<(u64, String)>,
    /// What comes out now; none where nothing does.
    pub now: Option<String>,
}

/// That world.
#[derive(Debug)]
pub(super) struct Once<'a> {
    entries: &'a [Entry],
    noted: &'a [Noted],
    /// How many of the records are past.
    past: usize,
    /// How many may be past before more is heard.
    allowed: usize,
    /// When was looked behind the last of these, and nothing found to do.
    look: Option<Timestamp>,
    /// The time of what was put on record last, or looked at.
    last: Timestamp,
    /// Whether the record that is next was given, and is being put on record.
    gives: bool,
    /// Whether the gate is looked at once more before a start.
    rechecks: bool,
    same: u64,
    difference: Option<Difference>,
}

impl<'a> Once<'a> {
    /// A world that begins at `now`, whose journal goes on with `entries`, which are `noted`.
    pub(super) fn new(entries: &'a [Entry], noted: &'a [Noted], now: Timestamp) -> Self {
        let (past, allowed, same) = (0, 0, 0);
        let (look, last, difference) = (None, now, None);
        Self { entries, noted, past, allowed, look, last, gives: false, rechecks: false, same, difference }
    }

    /// From now on the records up to number `until` are those that come next, and behind them was looked at `look`.
    pub(super) fn allow(&mut self, until: u64, look: Option<Timestamp>) {
        self.allowed = self.noted.iter().take_while(|noted| noted.seq <= until).count().max(self.past);
        self.look = look;
    }

    /// How many records are still to come.
    pub(super) fn left(&self) -> usize {
        self.allowed - self.past
    }

    /// How many decisions came out as they are on record.
    pub(super) fn same(&self) -> u64 {
        self.same
    }

    /// The first that did not.
    pub(super) fn difference(&self) -> Option<&Difference> {
        self.difference.as_ref()
    }

    /// The record that is next, where it was given to the driver; it is put on record then.
    pub(super) fn take_given(&mut self) -> Option<Record> {
        let next = self.next().filter(|next| !is_decision(&next.record))?;
        let record = next.record.clone();
        self.gives = true;
        Some(record)
    }

    /// Whether the record that is next is a decision.
    pub(super) fn next_is_decision(&self) -> bool {
        self.next().is_some_and(|next| is_decision(&next.record))
    }

    /// The record that is next does not come out.
    pub(super) fn not_made(&mut self) {
        let Some(next) = self.next() else { return };
        let journal = Some((next.seq, self.entries[self.past].record.clone()));
        self.difference = Some(Difference { at: next.at, journal, now: None });
    }

    /// The number of the newest record that this driver wrote itself, and how many decisions of others follow it: those of a
    /// driver that did not record, of the same `run`.
    pub(super) fn own_rest(&self, run: &str) -> (u64, u64) {
        let rest = &self.noted[self.past..];
        let is_other = |noted: &Noted| matches!(noted.record, Record::Boot { .. });
        let own = rest.iter().position(is_other).unwrap_or(rest.len());
        let newest = self.past.checked_add(own).and_then(|count| count.checked_sub(1));
        let is_unseen = |noted: &&Noted| is_decision(&noted.record) && noted.record.run() == Some(run);
        let unseen = rest[own..].iter().filter(is_unseen).count() as u64;
        (newest.map_or(0, |newest| self.noted[newest].seq), unseen)
    }

    fn next(&self) -> Option<&'a Noted> {
        self.noted[..self.allowed].get(self.past)
    }
}

/// Whether a record is what the machine decides, by what it knows: all else is given to the driver from outside.
fn is_decision(record: &Record) -> bool {
    /// What the plan says without looking at anything else.
    const PLAN: &str = "plan";
    match record {
        Record::Gate(_) | Record::Intent { .. } | Record::Withdrawn { .. } | Record::Finish { .. } => true,
        Record::Retry(told) | Record::Skip(told) => told.word.who == PLAN,
        // a driver that finds processes of an earlier one pauses before it looks at anything
        Record::Pause(said) => {
            said.word.who == PLAN && !said.word.reason.starts_with(crate::run::LEFT_BEHIND)
        }
        _ => false,
    }
}

impl World for Once<'_> {
    fn now(&self) -> Timestamp {
        let next = self.next();
        if self.rechecks && !self.gives {
            let withdrawn = next.filter(|next| matches!(next.record, Record::Withdrawn { .. }));
            return withdrawn.map_or(self.last, |next| next.at);
        }
        next.map_or(self.look.unwrap_or(self.last), |next| next.at)
    }

    async fn write(
        &mut self,
        state: &mut Arc<State>,
        at: Timestamp,
        record: &Record,
    ) -> Result<u64, Refused> {
        let after = followed(state, at, record)?;
        let stopped = |why: String| Refused::Stopped(Stopped { why });
        let now = serde_json::to_string(record).map_err(|error| stopped(error.to_string()))?;
        let Some(next) = self.next() else {
            // behind the last record of a driver that was killed nobody knows what it did next
            if self.look.is_some() {
                self.difference = Some(Difference { at, journal: None, now: Some(now) });
            }
            return Err(stopped("the journal has no more".to_owned()));
        };
        let is_given = std::mem::take(&mut self.gives);
        if !is_given && now != self.entries[self.past].record {
            let journal = Some((next.seq, self.entries[self.past].record.clone()));
            self.difference = Some(Difference { at: next.at, journal, now: Some(now) });
            return Err(stopped("it comes out otherwise".to_owned()));
        }
        self.same += u64::from(!is_given);
        self.past += 1;
        self.last = next.at;
        if !is_given {
            self.rechecks = matches!(record, Record::Intent { .. });
        }
        *state = after;
        Ok(next.seq)
    }

    fn heard(&mut self) -> Option<Record> {
        self.take_given()
    }

    fn answer(&mut self, _outcome: Result<u64, Illegal>) {}

    fn call(&self, attempt: &Attempt) -> String {
        match self.next().map(|next| &next.record) {
            Some(Record::Intent { attempt: next, call }) if next == attempt => call.clone(),
            _ => String::new(),
        }
    }

    fn start(&mut self, _attempt: &Attempt) {
        self.rechecks = false;
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = rfc3339(self.at.as_millis());
        match (&self.journal, &self.now) {
            (Some((seq, was)), Some(now)) => {
                write!(
                    f,
                    "record {seq} of {at} comes out otherwise{}\n  was {was}\n  now {now}",
                    field(was, now)
                )
            }
            (Some((seq, was)), None) => write!(f, "record {seq} of {at} does not come out\n  was {was}"),
            (None, Some(now)) => write!(f, "at {at} there was nothing to do, and now there is\n  now {now}"),
            (None, None) => write!(f, "at {at}"),
        }
    }
}

/// The first key in which two records differ.
fn field(was: &str, now: &str) -> String {
    type Object = serde_json::Map<String, serde_json::Value>;
    let read = |text: &str| serde_json::from_str::<Object>(text).unwrap_or_default();
    let (was, now) = (read(was), read(now));
    let mut keys = was.keys().chain(now.keys());
    keys.find(|key| was.get(*key) != now.get(*key)).map_or(String::new(), |key| format!(", in {key:?}"))
}
