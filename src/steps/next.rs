//! What a run does next: one thing at a time, by what its records tell and what its gates say now.

use super::record::{Attempt, Decision, Doing, Ending, Gate, Record, Said, Side, Told, Word};
use super::run::{Held, Mode, Run};
use super::work::{Outcome, Work};
use crate::sabotage::{self, Sabotage};
use crate::text;
use quietgate_detectors::Timestamp;
use std::collections::BTreeSet;

/// What a run cannot know by its records: the time, and what is allowed now.
pub trait Outlook {
    /// The time.
    fn now(&self) -> Timestamp;

    /// What the gate before a batch of a step says.
    fn before(&self, step: usize, batch: usize) -> Permit;

    /// What the gate after the start of a batch says: with `over`, whether it may pass; else, while it is at work,
    /// only whether anything is to be blamed on it (then it holds where there is nothing).
    fn after(&self, step: usize, batch: usize, over: bool) -> Permit;

    /// Why targets of a step must not be worked on now, while those that are `busy` are at work or down: windows, limits,
    /// keep-up rules.
    fn forbidden(&self, step: usize, busy: &BTreeSet<&str>, more: &[&str]) -> Option<String>;

    /// How long a step soaks after each batch, in milliseconds.
    fn soak_ms(&self, step: usize) -> i64;

    /// What the slow layer blames on batches that have started, whether they have passed or not: what follows, for each.
    fn late(&self) -> Vec<(BatchId, Permit)>;

    /// How long the slow layer goes on watching after the last batch, in milliseconds.
    fn watch_after_ms(&self) -> i64;

    /// Which of the series that the slow layer judges it cannot judge now, in words, with what is lacking; none where it knows
    /// what all of them are.
    fn unwatched(&self) -> Option<String>;

    /// The numbers behind what the gates say now: asked for only where they are put on record.
    fn evidence(&self) -> serde_json::Value;
}

/// What a gate says now.
#[derive(Debug, Clone, PartialEq)]
pub struct Permit {
    /// What it decides.
    pub decision: Decision,
    /// Why, in words with numbers.
    pub reason: String,
    /// The same without what changes from moment to moment: a hold is recorded when this changes.
    pub because: Vec<String>,
}

/// What a run does next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Write this, take it in, and ask again.
    Write(Record),
    /// Write the intent of this attempt, take it in, and start it if it is [still allowed](still_allowed).
    Start(Attempt),
    /// Nothing, until something changes.
    Wait(Vec<Waiting>),
}

/// A batch of a run: the number of its step, and its own in the step.
pub type BatchId = (usize, usize);

/// What a run waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waiting {
    /// Attempts under way to end.
    InFlight(usize),
    /// A person to resume it.
    Paused(Word),
    /// A person to let a batch start.
    Approval(BatchId),
    /// A gate to open: on which side of the batch, and why it holds.
    Gate(BatchId, Side, String),
    /// What windows, limits or keep-up rules forbid now.
    Forbidden(BatchId, String),
    /// The freeze to be lifted.
    Frozen(Word),
    /// A batch to soak until this time.
    Soak(BatchId, Timestamp),
    /// The slow layer to watch until this time, every step being over; and where it cannot judge some series, to judge them:
    /// which, and what is lacking.
    Watch(Timestamp, Option<String>),
}

/// What `run` does next. `frozen` is who froze everything, and why.
pub fn next(run: &Run, frozen: Option<&Word>, outlook: &impl Outlook) -> Next {
    let flying = run.all().filter(|(_, _, work)| work.is_in_flight()).count();
    if let Some(noticed) = noticed(run, outlook) {
        return Next::Write(noticed);
    }
    if run.paused.is_none() {
        let done = match run.mode {
            Mode::Going => going(run, frozen, outlook),
            Mode::RollingBack => rolling_back(run, flying),
            Mode::Aborting => aborted(run).map(Next::Write).map(Ok),
            Mode::Finished(_) => None,
        };
        match done {
            Some(Ok(next)) => return next,
            Some(Err(waiting)) => return Next::Wait(with_flying(flying, waiting)),
            None => {}
        }
    }
    Next::Wait(with_flying(flying, run.paused.iter().cloned().map(Waiting::Paused).collect()))
}

/// What is to be blamed on a batch that had begun when the run was paused: it is put on record, and whoever resumes the run
/// knows of it. Nothing is undone while somebody wants nothing to happen.
fn noticed(run: &Run, outlook: &impl Outlook) -> Option<Record> {
    if run.paused.is_none() || run.mode != Mode::Going {
        return None;
    }
    let blamed = (0..run.steps.len()).find_map(|step| {
        let batch = run.next_batch(step)?;
        let state = &run.steps[step].batches[batch];
        if state.started.is_none() || state.blamed.is_some() {
            return None;
        }
        let permit = outlook.after(step, batch, false);
        let is_blamed = !matches!(permit.decision, Decision::Proceed | Decision::Hold);
        is_blamed.then(|| {
            let permit = Permit { decision: Decision::Pause, ..permit };
            said(run, (step, batch), Side::After, permit, outlook)
        })
    });
    blamed.or_else(|| {
        let is_new = |id: &BatchId| run.steps[id.0].batches[id.1].blamed.is_none();
        let (id, permit) = outlook.late().into_iter().find(|(id, _)| is_new(id))?;
        let permit = Permit { decision: Decision::Pause, ..permit };
        Some(said(run, id, Side::Late, permit, outlook))
    })
}

/// The end of a run that was aborted, once nothing of it is in flight.
pub fn aborted(run: &Run) -> Option<Record> {
    let is_over = run.mode == Mode::Aborting && !run.all().any(|(_, _, work)| work.is_in_flight());
    is_over.then(|| finish(run, Ending::Aborted, "it was aborted"))
}

/// Why an attempt that is intended must not be started after all; asked at the moment of its start.
pub fn still_allowed(
    run: &Run,
    frozen: Option<&Word>,
    attempt: &Attempt,
    outlook: &impl Outlook,
) -> Result<(), String> {
    if let Some(word) = &run.paused {
        return Err(format!("the run is paused: {}", word.reason));
    }
    if attempt.doing == Doing::Undo {
        return if run.mode == Mode::RollingBack {
            Ok(())
        } else {
            Err("the run does not roll back".to_owned())
        };
    }
    let step = run.step(&attempt.step).ok_or("the plan has no such step")?;
    let batch = run.next_batch(step).ok_or("the batch is over")?;
    match may_start(run, frozen, step, batch, &attempt.target, outlook) {
        Ok(_) if run.mode == Mode::Going => Ok(()),
        Ok(_) => Err("the run does not work its plan off any more".to_owned()),
        Err(waiting) => Err(waiting.words()),
    }
}

impl Waiting {
    /// In words, without a final stop.
    pub fn words(&self) -> String {
        match self {
            Self::InFlight(count) => format!("{count} in flight"),
            Self::Paused(word) => format!("paused by {}: {}", word.who, word.reason),
            Self::Approval(_) => "a person must let the step begin".to_owned(),
            Self::Gate(_, _, reason) | Self::Forbidden(_, reason) => reason.clone(),
            Self::Frozen(word) => format!("frozen by {}: {}", word.who, word.reason),
            Self::Soak(..) => "soaking".to_owned(),
            Self::Watch(..) => "every step is over, and the slow layer watches on".to_owned(),
        }
    }
}

fn with_flying(flying: usize, mut waiting: Vec<Waiting>) -> Vec<Waiting> {
    if flying > 0 {
        waiting.insert(0, Waiting::InFlight(flying));
    }
    waiting
}

type Step = Option<Result<Next, Vec<Waiting>>>;

fn going(run: &Run, frozen: Option<&Word>, outlook: &impl Outlook) -> Step {
    if let Some(record) = settle(run) {
        return Some(Ok(Next::Write(record)));
    }
    if let Some((id, permit)) = outlook.late().into_iter().next() {
        return Some(Ok(Next::Write(said(run, id, Side::Late, permit, outlook))));
    }
    let mut waiting = Vec::new();
    for step in 0..run.steps.len() {
        let Some(batch) = run.next_batch(step).filter(|batch| is_ready(run, step, *batch)) else { continue };
        match batch_next(run, frozen, step, batch, outlook) {
            Ok(next) => return Some(Ok(next)),
            Err(why) => waiting.extend(why),
        }
    }
    let over = (0..run.steps.len()).all(|step| run.next_batch(step).is_none());
    Some(if over { done(run, outlook) } else { Err(waiting) })
}

/// Ends a run whose steps are over, once the slow layer has watched for as long as the plan wants, and knows to the end what
/// it looks at.
fn done(run: &Run, outlook: &impl Outlook) -> Result<Next, Vec<Waiting>> {
    let watch_ms = outlook.watch_after_ms();
    let passed = run.steps.iter().flat_map(|step| &step.batches).filter_map(|batch| batch.passed).max();
    let Some(passed) = passed.filter(|_| watch_ms > 0) else {
        return Ok(Next::Write(finish(run, Ending::Done, "every step is over")));
    };
    let until = Timestamp::from_millis(passed.as_millis().saturating_add(watch_ms));
    let unknown = outlook.unwatched();
    if outlook.now() < until || unknown.is_some() {
        return Err(vec![Waiting::Watch(until, unknown)]);
    }
    let watched = text::duration(watch_ms);
    let reason = format!("every step is over, and the slow layer has watched for {watched} since");
    Ok(Next::Write(finish(run, Ending::Done, &reason)))
}

/// What must be put on record before anything else: a retry that the plan grants, or that a person is needed.
fn settle(run: &Run) -> Option<Record> {
    let failed = |(_, _, work): &(usize, &str, &Work)| matches!(work.outcome, Outcome::Failed(_));
    for (step, target, work) in run.all().filter(failed) {
        if work.attempts <= run.pinned.steps[step].retries {
            let reason = format!("attempt {} failed, the plan grants more", work.attempts);
            return Some(Record::Retry(told(run, step, target, reason)));
        }
    }
    if let Some((step, target, work)) = run.all().find(|(_, _, work)| work.unknown().is_some()) {
        let why = work.unknown().unwrap_or_default();
        return Some(pause(run, format!("{} on {target}: {why}", run.pinned.steps[step].step)));
    }
    let (failed, allowed) = (run.failed(), run.pinned.max_failed as usize);
    (failed > allowed).then(|| pause(run, format!("{failed} failed, {allowed} may")))
}

/// Whether the steps before are over. A batch that has begun goes to its end, also where one of them is gone through anew.
fn is_ready(run: &Run, step: usize, batch: usize) -> bool {
    let over = |name: &String| run.step(name).is_some_and(|before| run.next_batch(before).is_none());
    run.steps[step].batches[batch].started.is_some() || run.pinned.steps[step].after.iter().all(over)
}

/// What the batch that is next in its step does next, or what it waits for.
fn batch_next(
    run: &Run,
    frozen: Option<&Word>,
    step: usize,
    batch: usize,
    outlook: &impl Outlook,
) -> Result<Next, Vec<Waiting>> {
    if let Some(target) = run.batch(step, batch).find_map(|(target, work)| lost(run, step, target, work)) {
        let reason = "an earlier step did not succeed on it".to_owned();
        return Ok(Next::Write(Record::Skip(told(run, step, target, reason))));
    }
    let state = &run.steps[step].batches[batch];
    let over = run.batch(step, batch).all(|(_, work)| work.is_over());
    if over || state.started.is_some() {
        return match passing(run, step, batch, over, outlook) {
            // while it is at work, more of its targets may start
            Err(waiting) if !over => starting(run, frozen, step, batch, outlook).map_err(|mut more| {
                more.extend(waiting);
                more
            }),
            other => other,
        };
    }
    starting(run, frozen, step, batch, outlook)
}

/// The target, if it waits in this step although an earlier one did not succeed on it.
fn lost<'a>(run: &Run, step: usize, target: &'a str, work: &Work) -> Option<&'a str> {
    let waits = work.flight.is_none() && work.outcome == Outcome::Untouched;
    let mut before = run.pinned.steps[step].after.iter().filter_map(|name| run.step(name));
    let lost = before.any(|before| {
        run.steps[before].work.get(target).is_some_and(|work| work.is_over() && work.outcome != Outcome::Done)
    });
    (waits && lost).then_some(target)
}

/// Opens the gate of a batch, or starts the next of its targets.
fn starting(
    run: &Run,
    frozen: Option<&Word>,
    step: usize,
    batch: usize,
    outlook: &impl Outlook,
) -> Result<Next, Vec<Waiting>> {
    let waits = |work: &Work| work.flight.is_none() && work.outcome == Outcome::Untouched;
    let Some((target, work)) = run.batch(step, batch).find(|(_, work)| waits(work)) else {
        return Err(Vec::new());
    };
    let pinned = &run.pinned.steps[step];
    if pinned.approve && !run.is_approved(step) {
        return Err(vec![Waiting::Approval((step, batch))]);
    }
    match may_start(run, frozen, step, batch, target, outlook) {
        Err(Waiting::Gate(..)) => {
            gate(run, (step, batch), Side::Before, outlook.before(step, batch), outlook)
        }
        Err(waiting) => Err(vec![waiting]),
        Ok(permit) if run.steps[step].batches[batch].opened.is_none() => {
            gate(run, (step, batch), Side::Before, permit, outlook)
        }
        Ok(_) => {
            let attempt = attempt(run, step, target, Doing::Action, work.attempts + 1);
            Ok(Next::Start(attempt))
        }
    }
}

/// Whether a target may be started now, and the permit of its gate.
fn may_start(
    run: &Run,
    frozen: Option<&Word>,
    step: usize,
    batch: usize,
    target: &str,
    outlook: &impl Outlook,
) -> Result<Permit, Waiting> {
    if let Some(word) = frozen.filter(|_| !sabotage::is(Sabotage::FreezeIgnored)) {
        return Err(Waiting::Frozen(word.clone()));
    }
    let busy = busy(run);
    // a batch is wholly allowed or not begun
    let begun = run.steps[step].batches[batch].started.is_some();
    let all = &run.pinned.steps[step].batches[batch];
    let more: Vec<&str> = if begun { vec![target] } else { all.iter().map(String::as_str).collect() };
    if let Some(reason) = outlook.forbidden(step, &busy, &more) {
        return Err(Waiting::Forbidden((step, batch), reason));
    }
    let permit = outlook.before(step, batch);
    if permit.decision == Decision::Proceed {
        return Ok(permit);
    }
    Err(Waiting::Gate((step, batch), Side::Before, permit.reason))
}

/// The targets at work or down: those of batches that started and have not passed, and those that failed, are stuck or
/// unknown.
pub fn busy(run: &Run) -> BTreeSet<&str> {
    let mut busy = BTreeSet::new();
    for (step, state) in run.steps.iter().enumerate() {
        let batches = state.batches.iter().zip(&run.pinned.steps[step].batches);
        let held = batches.filter(|(batch, _)| batch.started.is_some() && batch.passed.is_none());
        busy.extend(held.flat_map(|(_, targets)| targets.iter().map(String::as_str)));
    }
    let down =
        |work: &Work| work.flight.is_some() || matches!(work.outcome, Outcome::Failed(_) | Outcome::Stuck(_));
    busy.extend(run.all().filter(|(_, _, work)| down(work)).map(|(_, target, _)| target));
    busy
}

/// Lets a batch that is over pass, or does what is to be done where something is to be blamed on it.
fn passing(
    run: &Run,
    step: usize,
    batch: usize,
    over: bool,
    outlook: &impl Outlook,
) -> Result<Next, Vec<Waiting>> {
    let permit = outlook.after(step, batch, over);
    if !matches!(permit.decision, Decision::Proceed | Decision::Hold) {
        return gate(run, (step, batch), Side::After, permit, outlook);
    }
    if !over {
        return Err(Vec::new());
    }
    if let Some(ended) = run.steps[step].batches[batch].ended {
        let until = Timestamp::from_millis(ended.as_millis().saturating_add(outlook.soak_ms(step)));
        if outlook.now() < until {
            return Err(vec![Waiting::Soak((step, batch), until)]);
        }
    }
    gate(run, (step, batch), Side::After, permit, outlook)
}

/// Puts what a gate says on record where that is new, a hold not more often than helps to understand it.
fn gate(
    run: &Run,
    (step, batch): BatchId,
    side: Side,
    permit: Permit,
    outlook: &impl Outlook,
) -> Result<Next, Vec<Waiting>> {
    let known = run.steps[step].batches[batch].held.as_ref();
    let is_known = |held: &Held| held.because == permit.because || !held.is_due(outlook.now());
    if permit.decision == Decision::Hold && known.is_some_and(is_known) {
        return Err(vec![Waiting::Gate((step, batch), side, permit.reason)]);
    }
    Ok(Next::Write(said(run, (step, batch), side, permit, outlook)))
}

fn said(run: &Run, (step, batch): BatchId, side: Side, permit: Permit, outlook: &impl Outlook) -> Record {
    Record::Gate(Gate {
        run: run.pinned.run.clone(),
        step: run.pinned.steps[step].step.clone(),
        batch,
        side,
        decision: permit.decision,
        reason: permit.reason,
        because: permit.because,
        evidence: outlook.evidence(),
    })
}

fn rolling_back(run: &Run, flying: usize) -> Step {
    if flying > 0 {
        return None;
    }
    let place = |step: usize, target: &str| format!("{} on {target}", run.pinned.steps[step].step);
    if let Some((step, target, work)) = run.all().find(|(_, _, work)| work.unknown().is_some()) {
        let reason = format!("{}: {}", place(step, target), work.unknown().unwrap_or_default());
        return Some(Ok(Next::Write(pause(run, reason))));
    }
    let Some((step, target)) = run.next_undo() else {
        return Some(Ok(Next::Write(finish(run, Ending::RolledBack, &undone(run)))));
    };
    let work = &run.steps[*step].work[target];
    if let Outcome::Stuck(reason) = &work.outcome {
        let reason = format!("stuck: undoing {} failed: {reason}", place(*step, target));
        return Some(Ok(Next::Write(pause(run, reason))));
    }
    Some(Ok(Next::Start(attempt(run, *step, target, Doing::Undo, work.undos + 1))))
}

/// What a rollback that is over has done, and what it could not.
fn undone(run: &Run) -> String {
    let stays = run.pinned.steps.iter().zip(&run.steps).filter(|(pinned, _)| !pinned.undo);
    let stays = stays.filter(|(_, step)| step.work.values().any(Work::needs_undo));
    let names: Vec<_> = stays.map(|(pinned, _)| pinned.step.as_str()).collect();
    match names.as_slice() {
        [] => "what it did is undone".to_owned(),
        names => format!("what it did is undone; what has no undo stays: {}", names.join(", ")),
    }
}

fn attempt(run: &Run, step: usize, target: &str, doing: Doing, number: u32) -> Attempt {
    Attempt {
        run: run.pinned.run.clone(),
        step: run.pinned.steps[step].step.clone(),
        target: target.to_owned(),
        doing,
        attempt: number,
    }
}

fn by_plan(reason: String) -> Word {
    Word { who: "plan".to_owned(), reason }
}

fn pause(run: &Run, reason: String) -> Record {
    Record::Pause(Said { run: run.pinned.run.clone(), word: by_plan(reason) })
}

fn told(run: &Run, step: usize, target: &str, reason: String) -> Told {
    let step = run.pinned.steps[step].step.clone();
    Told { run: run.pinned.run.clone(), step, target: target.to_owned(), word: by_plan(reason) }
}

fn finish(run: &Run, decision: Ending, reason: &str) -> Record {
    Record::Finish { run: run.pinned.run.clone(), decision, reason: reason.to_owned() }
}
