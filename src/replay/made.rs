//! The world of a replayed run: its clock goes as the recording does, its journal is nowhere, and its actions do nothing but last.

use super::takes::Takes;
use crate::run::{Refused, World};
use crate::steps::{Attempt, BatchId, Doing, End, Gate, Illegal, PinnedStep, Record, State, Word};
use quietgate_detectors::Timestamp;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// The world of one run.
#[derive(Debug)]
pub(super) struct Made<'a> {
    /// The time.
    pub(super) now: Timestamp,
    /// What gates have put on record since it was taken last.
    pub(super) said: Vec<(Timestamp, Gate)>,
    /// When the first action began.
    pub(super) begun: Option<Timestamp>,
    takes: &'a [Takes],
    flying: BTreeSet<(Timestamp, u64)>,
    attempts: VecDeque<(u64, Attempt)>,
    wishes: VecDeque<Record>,
    records: u64,
}

impl<'a> Made<'a> {
    /// A world that begins at `now`, in which the actions of steps last so long.
    pub(super) fn new(now: Timestamp, takes: &'a [Takes]) -> Self {
        let (said, begun, flying) = (Vec::new(), None, BTreeSet::new());
        let (attempts, wishes) = (VecDeque::new(), VecDeque::new());
        Self { now, said, begun, takes, flying, attempts, wishes, records: 0 }
    }

    /// When the next attempt ends; none where none is under way.
    pub(super) fn next_end(&self) -> Option<Timestamp> {
        self.flying.first().map(|(at, _)| *at)
    }

    /// What is to be put on record of attempts that have ended by now.
    pub(super) fn ended(&mut self) -> Vec<Record> {
        let mut records = Vec::new();
        while let Some(&(at, number)) = self.flying.first().filter(|(at, _)| *at <= self.now) {
            self.flying.remove(&(at, number));
            if let Some(place) = self.attempts.iter().position(|(known, _)| *known == number)
                && let Some((_, attempt)) = self.attempts.remove(place)
            {
                let reason = "assumed".to_owned();
                records.push(Record::Result { attempt, end: End::Succeeded, reason, output: None });
            }
        }
        records
    }

    /// A person lets a step begin: nobody is asked in a replay.
    pub(super) fn approve(&mut self, run: &str, step: &PinnedStep, (_, batch): BatchId) {
        let (run, step) = (run.to_owned(), step.step.clone());
        let word = Word { who: "replay".to_owned(), reason: "taken for granted".to_owned() };
        self.wishes.push_back(Record::Approval { run, step, batch, word });
    }
}

impl World for Made<'_> {
    fn now(&self) -> Timestamp {
        self.now
    }

    async fn write(
        &mut self,
        state: &mut Arc<State>,
        at: Timestamp,
        record: &Record,
    ) -> Result<u64, Refused> {
        // nothing can be lost here, so nothing is kept of how it was before
        Arc::make_mut(state).apply(0, at, record).map_err(Refused::Illegal)?;
        match record {
            Record::Gate(gate) => self.said.push((at, gate.clone())),
            Record::Intent { .. } => drop(self.begun.get_or_insert(at)),
            _ => {}
        }
        self.records += 1;
        Ok(self.records)
    }

    fn heard(&mut self) -> Option<Record> {
        self.wishes.pop_front()
    }

    fn answer(&mut self, _outcome: Result<u64, Illegal>) {}

    fn call(&self, _attempt: &Attempt) -> String {
        String::new()
    }

    fn start(&mut self, attempt: &Attempt) {
        let takes = self.takes.iter().find(|takes| takes.step == attempt.step);
        let lasts_ms = takes.map_or(0, |takes| match attempt.doing {
            Doing::Action => takes.action_ms,
            Doing::Undo => takes.undo_ms,
        });
        self.records += 1;
        let ends = Timestamp::from_millis(self.now.as_millis().saturating_add(lasts_ms));
        self.flying.insert((ends, self.records));
        self.attempts.push_back((self.records, attempt.clone()));
    }
}
