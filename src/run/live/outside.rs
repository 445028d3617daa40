//! The world as a live run has it: the clock, the journal, processes, and persons who ask for things.

use super::Tell;
use super::attempts::Attempts;
use super::sinks::Sinks;
use crate::clock;
use crate::journal::Journal;
use crate::run::control::{Answer, Asked};
use crate::run::desk::append;
use crate::run::{Stopped, World};
use crate::steps::{Attempt, Illegal, Record};
use quietgate_detectors::Timestamp;
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::Receiver;
use tokio::sync::{broadcast, oneshot};

/// How often is looked whether those who watch have taken every record.
const TELLING_LOOK: Duration = Duration::from_millis(2);

/// Everything that the driver of a live run needs.
pub(super) struct Outside<'a> {
    pub(super) journal: Journal,
    pub(super) attempts: Attempts,
    pub(super) asked: Receiver<Asked>,
    pub(super) tell: &'a mut dyn Tell,
    pub(super) sinks: Sinks,
    /// For how long records were waited for until they were on disk, in all.
    pub(super) waited: Duration,
    news: broadcast::Sender<Answer>,
    waiting: VecDeque<Asked>,
    answering: Option<oneshot::Sender<Result<u64, String>>>,
}

impl<'a> Outside<'a> {
    pub(super) fn new(
        journal: Journal,
        attempts: Attempts,
        asked: Receiver<Asked>,
        news: broadcast::Sender<Answer>,
        (sinks, tell): (Sinks, &'a mut dyn Tell),
    ) -> Self {
        let (waited, waiting) = (Duration::ZERO, VecDeque::new());
        Self { journal, attempts, asked, news, sinks, tell, waited, waiting, answering: None }
    }

    /// Waits until everybody who watches has taken every record.
    pub(super) async fn all_told(&self) {
        while !self.news.is_empty() {
            tokio::time::sleep(TELLING_LOOK).await;
        }
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

    async fn append(&mut self, at: Timestamp, record: &Record) -> Result<u64, Stopped> {
        let began = Instant::now();
        let entry = append(&mut self.journal, at, record).await?;
        self.waited += began.elapsed();
        // nobody may be listening
        drop(self.news.send(Answer::from(&entry)));
        self.tell.record(&entry, record);
        self.sinks.tell(&entry, record);
        Ok(entry.seq)
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
