//! What a journal says, read record by record: a plain reading that shares nothing with the machine of a run.

use quietgate::steps::{Attempt, Decision, Doing, End, Gate, Pinned, Record, Side, Told};
use std::collections::{BTreeMap, BTreeSet};

/// All that is to be known.
#[derive(Debug, Default)]
pub(crate) struct Facts<'a> {
    pub(crate) pinned: Option<&'a Pinned>,
    pub(crate) is_paused: bool,
    pub(crate) is_frozen: bool,
    pub(crate) is_aborted: bool,
    pub(crate) is_rolling_back: bool,
    /// By step and target.
    pub(crate) places: BTreeMap<Place<'a>, Facet>,
    /// By step and number.
    pub(crate) passed: BTreeSet<(&'a str, usize)>,
    pub(crate) approved: BTreeSet<(&'a str, usize)>,
}

/// A step and a target.
pub(crate) type Place<'a> = (&'a str, &'a str);

/// What is to be known of one target in one step.
#[derive(Debug, Default)]
pub(crate) struct Facet {
    pub(crate) is: Is,
    /// Retries on record, and attempts that were found not to have run.
    pub(crate) grants: usize,
    /// Those of them that the plan granted.
    pub(crate) by_plan: usize,
    /// Whether a person settled what became of it.
    pub(crate) is_settled: bool,
    /// Whether its last attempt was one that never began.
    pub(crate) never_began: bool,
}

/// What became of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Is {
    #[default]
    Untouched,
    AtWork,
    Unknown,
    Done,
    Failed,
    Skipped,
    Undone,
    Stuck,
}

impl<'a> Facts<'a> {
    /// What these records say.
    pub(crate) fn of(journal: &'a [(i64, Record)]) -> Self {
        let mut facts = Self::default();
        journal.iter().for_each(|(_, record)| facts.read(record));
        facts
    }

    fn read(&mut self, record: &'a Record) {
        match record {
            Record::Plan(pinned) => self.pinned = Some(pinned),
            Record::Gate(gate) => self.gate(gate),
            Record::Approval { step, batch, .. } => drop(self.approved.insert((step, *batch))),
            Record::Intent { attempt, .. } => self.of_attempt(attempt).is = Is::AtWork,
            // what it was before matters to nobody: it is not at work
            Record::Withdrawn { attempt, .. } => self.of_attempt(attempt).is = Is::Untouched,
            Record::Unknown { attempt, .. } => self.of_attempt(attempt).is = Is::Unknown,
            Record::Result { attempt, end, .. } => {
                let facet = self.of_attempt(attempt);
                facet.never_began = *end == End::NotStarted;
                facet.is = match (attempt.doing, *end == End::Succeeded) {
                    (Doing::Action, true) => Is::Done,
                    (Doing::Action, false) => Is::Failed,
                    (Doing::Undo, true) => Is::Undone,
                    (Doing::Undo, false) => Is::Stuck,
                };
            }
            Record::Pause(_) => self.is_paused = true,
            Record::Resume(_) => self.is_paused = false,
            Record::Abort(_) => (self.is_aborted, self.is_paused) = (true, false),
            Record::Rollback(_) => (self.is_rolling_back, self.is_paused) = (true, false),
            Record::Retry(told) => {
                let by_plan = told.word.who == "plan";
                let facet = self.of_told(told);
                (facet.grants, facet.by_plan) = (facet.grants + 1, facet.by_plan + usize::from(by_plan));
                facet.is = if facet.is == Is::Stuck { Is::Failed } else { Is::Untouched };
            }
            Record::Skip(told) => {
                let facet = self.of_told(told);
                (facet.is, facet.is_settled) = (Is::Skipped, true);
            }
            Record::Resolve { told, ran } => {
                let is_rolling_back = self.is_rolling_back;
                let facet = self.of_told(told);
                facet.is_settled = true;
                facet.grants += usize::from(!ran);
                facet.is = match (ran, is_rolling_back) {
                    (true, false) => Is::Done,
                    // of which of the two it is told nothing: neither is down
                    (true, true) => Is::Undone,
                    (false, _) => Is::Untouched,
                };
            }
            Record::Freeze(_) => self.is_frozen = true,
            Record::Unfreeze(_) => self.is_frozen = false,
            Record::Boot { .. }
            | Record::Spawned { .. }
            | Record::Capture(_)
            | Record::Captured(_)
            | Record::Finish { .. } => {}
        }
    }

    fn gate(&mut self, gate: &'a Gate) {
        match (gate.side, gate.decision) {
            (Side::After, Decision::Proceed) => drop(self.passed.insert((&gate.step, gate.batch))),
            (Side::After | Side::Late, Decision::Rollback) => {
                (self.is_rolling_back, self.is_paused) = (true, false)
            }
            (Side::After | Side::Late, Decision::Abort) => (self.is_aborted, self.is_paused) = (true, false),
            (_, Decision::Pause) => self.is_paused = true,
            _ => {}
        }
    }

    fn of_attempt(&mut self, attempt: &'a Attempt) -> &mut Facet {
        self.places.entry((&attempt.step, &attempt.target)).or_default()
    }

    fn of_told(&mut self, told: &'a Told) -> &mut Facet {
        self.places.entry((&told.step, &told.target)).or_default()
    }

    /// The number of the batch that a target is in.
    pub(crate) fn batch(&self, step: &str, target: &str) -> Option<usize> {
        let step = self.pinned?.steps.iter().find(|pinned| pinned.step == step)?;
        step.batches.iter().position(|batch| batch.iter().any(|other| other == target))
    }

    /// The targets that are at work, held with their batch, or down.
    pub(crate) fn touched(&self) -> BTreeSet<&'a str> {
        let is_touched = |(step, target): Place<'a>, facet: &Facet| match facet.is {
            Is::AtWork | Is::Unknown | Is::Failed | Is::Stuck => true,
            Is::Done => self.batch(step, target).is_some_and(|batch| !self.passed.contains(&(step, batch))),
            Is::Untouched | Is::Skipped | Is::Undone => false,
        };
        let touched = self.places.iter().filter(|(place, facet)| is_touched(**place, facet));
        touched.map(|((_, target), _)| *target).collect()
    }
}
