//! The state of a run: the fold of its records.

use super::next::BatchId;
use super::record::{Attempt, Decision, Doing, Ending, Gate, Pinned, Record, Said, Side, Told, Word};
use super::scenes::Scenes;
use super::work::{Flight, Outcome, Work};
use crate::sabotage::{self, Sabotage};
use quietgate_detectors::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One run, as its records leave it. The same live and at recovery.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// The plan, as it was when the run began; shared, for it is large and never changes, and the state is copied with each record.
    pub pinned: Arc<Pinned>,
    /// When it began.
    pub began: Timestamp,
    /// What it is about.
    pub mode: Mode,
    /// Who paused it and why; while it is paused nothing new starts.
    pub paused: Option<Word>,
    /// The steps, in the order of the plan.
    pub steps: Vec<Step>,
    /// Where the action was started, in that order, each attempt by itself: what a rollback goes back along.
    pub started: Vec<Place>,
    /// Every start of a batch, in that order; one that was gone through anew has several.
    pub starts: Vec<Start>,
    /// What made it roll back or abort, the newer of both; none where it does or did neither.
    pub turned: Option<Turned>,
    /// The captures of anomalies, on which nothing else here depends.
    pub scenes: Scenes,
}

/// What made a run roll back or abort.
#[derive(Debug, Clone, PartialEq)]
pub struct Turned {
    /// When it did.
    pub at: Timestamp,
    /// The record, that of a gate without its evidence.
    pub by: Record,
}

/// A start of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// When its first attempt was intended.
    pub at: Timestamp,
    /// The batch.
    pub batch: BatchId,
    /// When its gate let it pass; none where it has not.
    pub passed: Option<Timestamp>,
}

/// A target in a step: the number of the step, and the target's name.
pub type Place = (usize, String);

/// What a run is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It works its plan off.
    Going,
    /// It undoes what it did.
    RollingBack,
    /// It was aborted; what is in flight comes to its end.
    Aborting,
    /// It is over.
    Finished(Ending),
}

/// A step of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Its batches, in order.
    pub batches: Vec<Batch>,
    /// What it has done to each target.
    pub work: BTreeMap<String, Work>,
}

/// A batch of a step.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Batch {
    /// Who let the step begin when it was the next, where somebody must.
    pub approved: Option<Word>,
    /// That its gate holds; none once it went on.
    pub held: Option<Held>,
    /// When its gate opened.
    pub opened: Option<Timestamp>,
    /// When its first attempt was intended.
    pub started: Option<Timestamp>,
    /// When its newest attempt ended.
    pub ended: Option<Timestamp>,
    /// When its gate, or the slow layer, paused the run for what it was to blame for, since the run was last resumed.
    pub blamed: Option<Timestamp>,
    /// When its gate let it pass.
    pub passed: Option<Timestamp>,
}

/// A gate that holds, as the records tell it.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// Why, as it was recorded last.
    pub because: Vec<String>,
    /// Since when.
    pub since: Timestamp,
    /// When that was recorded last.
    pub noted: Timestamp,
}

/// A reason that changes is put on record again after this part of the time for which the gate has held: so a hold of a
/// night with reasons that come and go has some hundred records, and not one for each sample.
const NOTED_AGAIN: i64 = 20;

impl Held {
    /// Whether another reason is to be put on record at `now`.
    pub fn is_due(&self, now: Timestamp) -> bool {
        let ago = |at: Timestamp| now.as_millis().saturating_sub(at.as_millis());
        ago(self.noted) >= ago(self.since) / NOTED_AGAIN
    }
}

impl Run {
    /// A run that begins at this time.
    pub fn begin(pinned: Pinned, began: Timestamp) -> Self {
        let step = |step: &super::record::PinnedStep| Step {
            batches: vec![Batch::default(); step.batches.len()],
            work: step.batches.iter().flatten().map(|target| (target.clone(), Work::default())).collect(),
        };
        let steps = pinned.steps.iter().map(step).collect();
        Self {
            began,
            mode: Mode::Going,
            paused: None,
            steps,
            started: Vec::new(),
            starts: Vec::new(),
            turned: None,
            scenes: Scenes::default(),
            pinned: Arc::new(pinned),
        }
    }

    /// The number of the step `name`.
    pub fn step(&self, name: &str) -> Option<usize> {
        self.pinned.steps.iter().position(|step| step.step == name)
    }

    /// The number of the batch of `step` that is next: the one that has begun and has not passed, else the first that has
    /// not passed.
    pub fn next_batch(&self, step: usize) -> Option<usize> {
        let batches = &self.steps[step].batches;
        let begun = batches.iter().position(|batch| batch.started.is_some() && batch.passed.is_none());
        begun.or_else(|| batches.iter().position(|batch| batch.passed.is_none()))
    }

    /// Whether a person let the step begin: said before any of its batches, it holds for all of them.
    pub fn is_approved(&self, step: usize) -> bool {
        self.steps[step].batches.iter().any(|batch| batch.approved.is_some())
    }

    /// The targets of a batch with what was done to them.
    pub fn batch(&self, step: usize, batch: usize) -> impl Iterator<Item = (&str, &Work)> {
        let targets = self.pinned.steps[step].batches[batch].iter();
        targets.map(move |target| (target.as_str(), &self.steps[step].work[target]))
    }

    /// Whether nothing of it is to come.
    pub const fn is_over(&self) -> bool {
        matches!(self.mode, Mode::Finished(_))
    }

    /// Everything under way or done, target by target.
    pub fn all(&self) -> impl Iterator<Item = (usize, &str, &Work)> {
        let steps = self.steps.iter().enumerate();
        steps.flat_map(|(i, step)| step.work.iter().map(move |(target, work)| (i, target.as_str(), work)))
    }

    /// The attempt that `flight` is of, on a target in the step of that number.
    pub fn attempt(&self, step: usize, target: &str, flight: &Flight) -> Attempt {
        Attempt {
            run: self.pinned.run.clone(),
            step: self.pinned.steps[step].step.clone(),
            target: target.to_owned(),
            doing: flight.doing,
            attempt: flight.attempt,
        }
    }

    /// How many targets have failed in some step and were not settled since.
    pub fn failed(&self) -> usize {
        self.all().filter(|(_, _, work)| matches!(work.outcome, Outcome::Failed(_))).count()
    }

    /// What a rollback undoes next: the newest of what was started and needs it.
    pub fn next_undo(&self) -> Option<&Place> {
        let undoable = |(step, target): &&Place| {
            self.pinned.steps[*step].undo && self.steps[*step].work[target].needs_undo()
        };
        if sabotage::is(Sabotage::UndoInOrder) {
            return self.started.iter().find(undoable);
        }
        self.started.iter().rev().find(undoable)
    }

    /// Takes a record of this run in.
    pub(super) fn apply(&mut self, at: Timestamp, record: &Record) -> Result<(), &'static str> {
        let before = self.mode;
        self.take(at, record)?;
        if self.mode != before && matches!(self.mode, Mode::RollingBack | Mode::Aborting) {
            self.turned = Some(Turned { at, by: record.brief() });
        }
        Ok(())
    }

    fn take(&mut self, at: Timestamp, record: &Record) -> Result<(), &'static str> {
        if let Record::Captured(captured) = record {
            // what was begun may end after the run
            return self.scenes.end(captured);
        }
        if let Mode::Finished(_) = self.mode {
            return Err("the run is over");
        }
        match record {
            Record::Capture(capture) => self.scenes.begin(at, capture),
            Record::Gate(gate) => self.gate(at, gate),
            Record::Approval { step, batch, word, .. } => self.approve(step, *batch, word),
            Record::Intent { attempt, .. } => self.intend(at, attempt),
            Record::Spawned { attempt, process } => {
                let work = self.work(&attempt.step, &attempt.target)?;
                let flight = work.flying(attempt.doing, attempt.attempt)?;
                flight.process = Some(process.clone());
                Ok(())
            }
            Record::Result { attempt, end, reason, .. } => {
                let work = self.work(&attempt.step, &attempt.target)?;
                work.end(attempt.doing, attempt.attempt, *end, reason)?;
                self.ended(at, attempt)
            }
            Record::Withdrawn { attempt, .. } => self.withdraw(attempt),
            Record::Unknown { attempt, reason } => {
                let work = self.work(&attempt.step, &attempt.target)?;
                work.flying(attempt.doing, attempt.attempt)?.unknown = Some(reason.clone());
                self.ended(at, attempt)
            }
            Record::Pause(Said { word, .. }) => self.pause(word),
            Record::Resume(_) => self.resume(),
            Record::Abort(_) => self.abort(),
            Record::Rollback(_) => self.roll_back(),
            Record::Retry(told) => self.retry(told),
            Record::Skip(told) => self.told(told)?.skip(&told.word.reason),
            Record::Resolve { told, ran } => self.resolve(at, told, *ran),
            Record::Finish { decision, .. } => self.finish(*decision),
            Record::Boot { .. }
            | Record::Plan(_)
            | Record::Freeze(_)
            | Record::Unfreeze(_)
            | Record::Captured(_) => Err("the record is not one of a run"),
        }
    }

    fn work(&mut self, step: &str, target: &str) -> Result<&mut Work, &'static str> {
        let step = self.step(step).ok_or("the plan has no such step")?;
        self.steps[step].work.get_mut(target).ok_or("the step has no such target")
    }

    fn told(&mut self, told: &Told) -> Result<&mut Work, &'static str> {
        self.work(&told.step, &told.target)
    }

    /// The number of the step `name`, whose next batch must be this one.
    fn next_step(&self, name: &str, batch: usize) -> Result<usize, &'static str> {
        let step = self.step(name).ok_or("the plan has no such step")?;
        let next = self.next_batch(step).is_some_and(|next| next == batch);
        next.then_some(step).ok_or("the batch is not the next of its step")
    }

    fn gate(&mut self, at: Timestamp, gate: &Gate) -> Result<(), &'static str> {
        let word = || Word { who: "gate".to_owned(), reason: gate.reason.clone() };
        if gate.side == Side::Late {
            return self.late(at, gate, &word());
        }
        let step = self.next_step(&gate.step, gate.batch)?;
        match (gate.side, gate.decision) {
            (_, Decision::Hold) => {
                let held = &mut self.steps[step].batches[gate.batch].held;
                let since = held.as_ref().map_or(at, |held| held.since);
                *held = Some(Held { because: gate.because.clone(), since, noted: at });
                if gate.side == Side::Before {
                    // on which evidence it opens again is to be on record before the next start
                    self.steps[step].batches[gate.batch].opened = None;
                }
                Ok(())
            }
            (side, Decision::Pause) => {
                self.pause(&word())?;
                self.steps[step].batches[gate.batch].blamed = (side == Side::After).then_some(at);
                Ok(())
            }
            (Side::After, Decision::Rollback) => self.roll_back(),
            (Side::After, Decision::Abort) => self.abort(),
            (Side::Before, Decision::Rollback | Decision::Abort) => {
                Err("before a batch there is nothing to blame it for")
            }
            (Side::Before, Decision::Proceed) => {
                self.must_be_going()?;
                let batch = &mut self.steps[step].batches[gate.batch];
                (batch.opened, batch.held) = (Some(at), None);
                Ok(())
            }
            (Side::After, Decision::Proceed) => {
                self.must_be_going()?;
                if self.batch(step, gate.batch).any(|(_, work)| !work.is_over()) {
                    return Err("the batch is not over");
                }
                let batch = &mut self.steps[step].batches[gate.batch];
                (batch.passed, batch.held) = (Some(at), None);
                let own = |start: &&mut Start| start.batch == (step, gate.batch);
                self.starts.iter_mut().rev().find(own).into_iter().for_each(|start| start.passed = Some(at));
                Ok(())
            }
            (Side::Late, _) => Err("what the slow layer says is no permission"),
        }
    }

    /// What the slow layer blames on a batch, be it over or not.
    fn late(&mut self, at: Timestamp, gate: &Gate, word: &Word) -> Result<(), &'static str> {
        self.must_be_going()?;
        let step = self.step(&gate.step).ok_or("the plan has no such step")?;
        if !self.starts.iter().any(|start| start.batch == (step, gate.batch)) {
            return Err("the batch has not started");
        }
        match gate.decision {
            Decision::Pause => {
                self.pause(word)?;
                self.steps[step].batches[gate.batch].blamed = Some(at);
                Ok(())
            }
            Decision::Rollback => self.roll_back(),
            Decision::Abort => self.abort(),
            Decision::Proceed | Decision::Hold => Err("what the slow layer says is no permission"),
        }
    }

    /// A target that is tried again has not passed its gate: the batch is to be gone through anew, after a later one that
    /// has begun meanwhile.
    fn retry(&mut self, told: &Told) -> Result<(), &'static str> {
        // what failed must be undone while the run rolls back, and not be tried again
        if matches!(self.told(told)?.outcome, Outcome::Failed(_) | Outcome::Untouched) {
            self.must_be_going()?;
        }
        self.told(told)?.retry()?;
        let step = self.step(&told.step).ok_or("the plan has no such step")?;
        if self.mode == Mode::Going {
            let batch = self.batch_of(step, &told.target)?;
            let batch = &mut self.steps[step].batches[batch];
            batch.opened = None;
            if batch.passed.is_some() {
                *batch = Batch { approved: batch.approved.take(), ..Batch::default() };
            }
        }
        Ok(())
    }

    /// What became of an attempt is known only now, so what is looked at after its batch begins now.
    fn resolve(&mut self, at: Timestamp, told: &Told, ran: bool) -> Result<(), &'static str> {
        self.told(told)?.resolve(ran)?;
        let step = self.step(&told.step).ok_or("the plan has no such step")?;
        let batch = self.batch_of(step, &told.target)?;
        let ended = &mut self.steps[step].batches[batch].ended;
        *ended = ended.map(|before| before.max(at));
        Ok(())
    }

    fn must_be_going(&self) -> Result<(), &'static str> {
        (self.mode == Mode::Going).then_some(()).ok_or("the run does not work its plan off any more")
    }

    fn approve(&mut self, step: &str, batch: usize, word: &Word) -> Result<(), &'static str> {
        self.must_be_going()?;
        let step = self.next_step(step, batch)?;
        self.steps[step].batches[batch].approved = Some(word.clone());
        Ok(())
    }

    fn intend(&mut self, at: Timestamp, attempt: &Attempt) -> Result<(), &'static str> {
        let step = self.step(&attempt.step).ok_or("the plan has no such step")?;
        if self.paused.is_some() {
            return Err("the run is paused");
        }
        match attempt.doing {
            Doing::Action => self.may_act(step, &attempt.target)?,
            Doing::Undo => self.may_undo(step, &attempt.target)?,
        }
        self.work(&attempt.step, &attempt.target)?.intend(attempt.doing, attempt.attempt)?;
        if attempt.doing == Doing::Action {
            let batch = self.next_batch(step).ok_or("every batch of the step has passed")?;
            if self.steps[step].batches[batch].started.is_none() {
                self.steps[step].batches[batch].started = Some(at);
                self.starts.push(Start { at, batch: (step, batch), passed: None });
            }
            self.started.push((step, attempt.target.clone()));
        }
        Ok(())
    }

    fn may_act(&self, step: usize, target: &str) -> Result<(), &'static str> {
        self.must_be_going()?;
        let pinned = &self.pinned.steps[step];
        let is_over = |name: &String| self.step(name).is_some_and(|before| self.next_batch(before).is_none());
        let batch = self.next_batch(step).ok_or("every batch of the step has passed")?;
        // what has begun goes to its end, also where something before is gone through anew
        if self.steps[step].batches[batch].started.is_none() && !pinned.after.iter().all(is_over) {
            return Err("a step before is not over");
        }
        if !pinned.batches[batch].iter().any(|other| other == target) {
            return Err("the target is not in the batch that is next");
        }
        let batch = &self.steps[step].batches[batch];
        if batch.opened.is_none() {
            return Err("the gate has not opened");
        }
        (!pinned.approve || self.is_approved(step)).then_some(()).ok_or("nobody let the step begin")
    }

    fn may_undo(&self, step: usize, target: &str) -> Result<(), &'static str> {
        if self.mode != Mode::RollingBack {
            return Err("the run does not roll back");
        }
        if self.all().any(|(_, _, work)| work.flight.is_some()) {
            return Err("something is still in flight or unknown");
        }
        let next = self.next_undo().is_some_and(|(s, t)| *s == step && t == target);
        next.then_some(()).ok_or("something later must be undone before")
    }

    /// What is not started after all leaves no trace: nothing is undone for it, and nothing blamed on a batch that has
    /// not begun.
    fn withdraw(&mut self, attempt: &Attempt) -> Result<(), &'static str> {
        self.work(&attempt.step, &attempt.target)?.withdraw(attempt.doing, attempt.attempt)?;
        let step = self.step(&attempt.step).ok_or("the plan has no such step")?;
        if attempt.doing == Doing::Undo {
            return Ok(());
        }
        let newest = self.started.iter().rposition(|(s, target)| *s == step && *target == attempt.target);
        newest.map(|newest| self.started.remove(newest));
        let batch = self.batch_of(step, &attempt.target)?;
        if !self.batch(step, batch).any(|(_, work)| work.is_touched()) {
            let was_started = self.steps[step].batches[batch].started.take().is_some();
            let newest = self.starts.iter().rposition(|start| start.batch == (step, batch));
            newest.filter(|_| was_started).map(|newest| self.starts.remove(newest));
        }
        Ok(())
    }

    fn ended(&mut self, at: Timestamp, attempt: &Attempt) -> Result<(), &'static str> {
        let step = self.step(&attempt.step).ok_or("the plan has no such step")?;
        if attempt.doing == Doing::Action {
            let batch = self.batch_of(step, &attempt.target)?;
            self.steps[step].batches[batch].ended = Some(at);
        }
        Ok(())
    }

    fn batch_of(&self, step: usize, target: &str) -> Result<usize, &'static str> {
        let has = |batch: &Vec<String>| batch.iter().any(|other| other == target);
        self.pinned.steps[step].batches.iter().position(has).ok_or("the target is in no batch of the step")
    }

    fn pause(&mut self, word: &Word) -> Result<(), &'static str> {
        if self.mode == Mode::Aborting {
            return Err("the run is aborted already");
        }
        self.paused = Some(word.clone());
        // patience is not lost while nobody wants to go on
        self.batches_mut().for_each(|batch| batch.held = None);
        Ok(())
    }

    /// What held before may be looked at for as long again.
    fn resume(&mut self) -> Result<(), &'static str> {
        self.paused.take().ok_or("the run is not paused")?;
        self.look_anew();
        Ok(())
    }

    /// Forgets since when gates hold, and what they have paused for.
    pub(super) fn look_anew(&mut self) {
        self.batches_mut().for_each(|batch| (batch.held, batch.blamed) = (None, None));
    }

    fn batches_mut(&mut self) -> impl Iterator<Item = &mut Batch> {
        self.steps.iter_mut().flat_map(|step| &mut step.batches)
    }

    fn abort(&mut self) -> Result<(), &'static str> {
        if self.mode == Mode::Aborting {
            return Err("the run is aborted already");
        }
        (self.mode, self.paused) = (Mode::Aborting, None);
        Ok(())
    }

    fn roll_back(&mut self) -> Result<(), &'static str> {
        self.must_be_going()?;
        (self.mode, self.paused) = (Mode::RollingBack, None);
        Ok(())
    }

    fn finish(&mut self, ending: Ending) -> Result<(), &'static str> {
        if self.all().any(|(_, _, work)| work.is_in_flight()) {
            return Err("something is in flight");
        }
        let every_step_is_over = (0..self.steps.len()).all(|step| self.next_batch(step).is_none());
        let fits = match ending {
            Ending::Done => self.mode == Mode::Going && every_step_is_over,
            Ending::Aborted => self.mode == Mode::Aborting,
            Ending::RolledBack => self.mode == Mode::RollingBack && self.next_undo().is_none(),
        };
        self.mode = if fits { Mode::Finished(ending) } else { return Err("the run is not there yet") };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_a_gate_holds_the_more_seldom_its_reasons_are_put_on_record_again() {
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1000);
        let held = |noted| Held { because: Vec::new(), since: at(0), noted: at(noted) };
        assert!(held(0).is_due(at(0)) && held(0).is_due(at(1)));
        assert!(!held(100).is_due(at(104)), "4 s after 104 s");
        assert!(held(100).is_due(at(106)), "6 s after 106 s");
        // a hold of eight hours whose reason changes each second
        let mut noted = 0;
        let records = (0..28_800).filter(|now| held(noted).is_due(at(*now)).then(|| noted = *now).is_some());
        assert!((100..300).contains(&records.count()));
        assert!(!held(100).is_due(at(50)), "a clock that was set back");
    }
}
