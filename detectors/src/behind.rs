//! Judging a cell before it is learnt: learning runs one cell behind, so that the newest can be taken back.

use crate::detector::{Cells, Detector};
use crate::sample::Timestamp;
use crate::verdict::{Evidence, Verdict};
use std::fmt;

/// What judges one value at a time against what it has learnt, and learns it afterwards.
pub(crate) trait Follower: Clone + fmt::Debug + Send + 'static {
    /// The numbers behind a verdict.
    type Reading: Copy + fmt::Debug + Send + 'static;

    /// The verdict on `value` as the next cell. Learns nothing.
    fn read(&self, value: f64) -> (Verdict, Self::Reading);

    /// Learns the next cell, of which `reading` was read.
    fn learn(&mut self, value: f64, reading: &Self::Reading);

    /// The next `cells` cells have no value.
    fn miss(&mut self, cells: u64);

    /// The numbers behind the verdict on `value`, from what was read then.
    fn evidence(&self, value: f64, reading: &Self::Reading) -> Evidence;

    /// Why a judgement is what it is, in words.
    fn words(&self, verdict: Verdict, evidence: &Evidence) -> String;

    /// What is worth telling of a value that is normal; nothing mostly.
    fn remark(&self, _evidence: &Evidence) -> Option<String> {
        None
    }
}

/// A [`Follower`] as a detector.
#[derive(Debug, Clone)]
pub(crate) struct Behind<F: Follower> {
    follower: F,
    /// The newest cell, while it may still be taken back.
    newest: Option<(f64, F::Reading)>,
    /// Of the newest run.
    readings: Vec<F::Reading>,
}

impl<F: Follower> Behind<F> {
    pub(crate) fn new(follower: F) -> Self {
        Self { follower, newest: None, readings: Vec::new() }
    }

    fn settle(&mut self) {
        if let Some((value, reading)) = self.newest.take() {
            self.follower.learn(value, &reading);
        }
    }
}

impl<F: Follower> Detector for Behind<F> {
    fn observe_run(&mut self, cells: &Cells<'_>, verdicts: &mut [Verdict]) {
        self.readings.clear();
        self.settle();
        self.readings.reserve(cells.values.len());
        let mut newest = None;
        for (place, &value) in verdicts.iter_mut().zip(cells.values) {
            if let Some((before, reading)) = &newest {
                self.follower.learn(*before, reading);
            }
            let (verdict, reading) = self.follower.read(value);
            *place = verdict;
            self.readings.push(reading);
            newest = Some((value, reading));
        }
        self.newest = newest;
    }

    fn evidence(&self, cells: &Cells<'_>, offset: usize) -> Evidence {
        self.follower.evidence(cells.values[offset], &self.readings[offset])
    }

    fn skip(&mut self, cells: u64) {
        if cells > 0 {
            self.settle();
            self.follower.miss(cells);
        }
    }

    fn retract(&mut self) {
        self.newest = None;
        self.follower.miss(1);
    }

    fn words(&self, verdict: Verdict, evidence: &Evidence, _: Timestamp) -> String {
        self.follower.words(verdict, evidence)
    }

    fn remark(&self, evidence: &Evidence) -> Option<String> {
        self.follower.remark(evidence)
    }
}
