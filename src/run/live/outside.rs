//! The world as a live run has it: the clock, the journal, processes, and persons who ask for things.

use super::Tell;
use super::attempts::Attempts;
use crate::clock;
use crate::run::control::{Asked, Desk};
use crate::run::ledger::Ledger;
use crate::run::sinks::Notes;
use crate::run::{Refused, World};
use crate::steps::{Attempt, Illegal, Record, State};
use quietgate_detectors::Timestamp;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::Receiver;
use tokio::sync::oneshot;

/// Everything that the driver of a live run needs.
pub(super) struct Outside<'a> {
    pub(super) ledger: Rc<Ledger>,
    pub(super) attempts: Attempts,
    pub(super) asked: Receiver<Asked>,
    pub(super) desk: Desk,
    pub(super) tell: &'a mut dyn Tell,
    pub(super) notes: &'a mut Notes,
    /// For how long records were waited for until they were on disk, in all.
    pub(super) waited: Duration,
    waiting: VecDeque<Asked>,
    answering: Option<oneshot::Sender<Result<u64, String>>>,
}

impl<'a> Outside<'a> {
    pub(super) fn new(
        ledger: Rc<Ledger>,
        attempts: Attempts,
        (asked, desk): (Receiver<Asked>, Desk),
        (notes, tell): (&'a mut Notes, &'a mut dyn Tell),
    ) -> Self {
        let (waited, waiting) = (Duration::ZERO, VecDeque::new());
        Self { ledger, attempts, asked, desk, tell, notes, waited, waiting, answering: None }
    }

    /// Whoever wants something is told that the driver ends.
    pub(super) fn hear_no_more(&mut self) {
        self.asked.close();
        while self.asked.try_recv().is_ok() {}
        self.waiting.clear();
    }

    /// Keeps what somebody asked for until the driver listens.
    pub(super) fn keep(&mut self, asked: Asked) {
        self.waiting.push_back(asked);
    }
}

impl World for Outside<'_> {
    fn now(&self) -> Timestamp {
        clock::now()
    }

    async fn write(
        &mut self,
        state: &mut Arc<State>,
        at: Timestamp,
        record: &Record,
    ) -> Result<u64, Refused> {
        let began = Instant::now();
        let entry = self.ledger.write(at, record).await?;
        self.waited += began.elapsed();
        *state = self.ledger.state();
        self.tell.record(&entry, record);
        Ok(entry.seq)
    }

    fn catch_up(&mut self, state: &mut Arc<State>) {
        *state = self.ledger.state();
    }

    fn heard(&mut self) -> Option<Record> {
        let Asked { record, answer } = self.waiting.pop_front().or_else(|| self.asked.try_recv().ok())?;
        self.answering = answer;
        Some(record)
    }

    fn answer(&mut self, outcome: Result<u64, Illegal>) {
        let outcome = outcome.map_err(|illegal| illegal.why.to_owned());
        match self.answering.take() {
            // who does not wait for the answer any more has it from the journal
            Some(answer) => drop(answer.send(outcome)),
            None => {
                if let Err(why) = outcome {
                    self.tell.note(&format!("not done: {why}"));
                }
            }
        }
    }

    fn call(&self, attempt: &Attempt) -> String {
        self.attempts.call(attempt)
    }

    fn start(&mut self, attempt: &Attempt) {
        self.attempts.start(attempt);
    }
}
