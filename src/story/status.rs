//! How a run stands: a value, bounded for any number of targets.

use super::Noted;
use super::far::{Doings, Far};
use super::line::said;
use super::scene::CapturesNow;
use super::todo::{Todo, todo};
use super::waits::{Wait, Waits, waits};
use super::words::{NAMED, enumerated, mode, near};
use crate::steps::{Doing, Mode, Outcome, Run, State, Turned, Word, Work};
use crate::text;
use quietgate_detectors::Timestamp;
use serde::Serialize;
use std::sync::Arc;

/// How everything stands at one moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// The moment, in RFC 3339.
    pub at: String,
    /// The time of the newest record, in RFC 3339, where the records alone were asked; none where the driver says so.
    pub recorded: Option<String>,
    /// Who froze everything and why.
    pub frozen: Option<Word>,
    /// The run; none where there is none.
    pub run: Option<RunStatus>,
    /// What it waits for.
    pub waiting: Vec<Wait>,
    /// What a person can do.
    pub todo: Vec<Todo>,
    #[serde(skip)]
    pub(super) now: Timestamp,
    #[serde(skip)]
    pub(super) origin: Option<String>,
}

/// How a run stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunStatus {
    /// The run.
    pub run: String,
    /// Its plan's name.
    pub plan: String,
    /// What it is about: `going`, `rolling back`, `aborting`, `done`, `aborted` or `rolled back`.
    pub mode: &'static str,
    /// Whether it is over.
    pub over: bool,
    /// Who paused it and why.
    pub paused: Option<Word>,
    /// What made it roll back or abort; none where it does or did neither.
    pub turned: Option<TurnedBy>,
    /// Its captures of anomalies; none where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub captures: Option<CapturesNow>,
    /// Its steps, in the order of the plan.
    pub steps: Vec<StepStatus>,
}

/// What made a run roll back or abort.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TurnedBy {
    /// When, in RFC 3339.
    pub at: String,
    /// The line of its record, as `why` tells it.
    pub line: String,
    #[serde(skip)]
    clock: String,
}

/// How a step stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepStatus {
    /// The step.
    pub step: String,
    /// How many batches it has.
    pub batches: usize,
    /// How many of them have passed.
    pub passed: usize,
    /// How many have started and not passed.
    pub at_work: usize,
    /// How many have not started.
    pub waiting: usize,
    /// How many targets are how far.
    pub targets: Doings,
    /// The batch that is at work, or comes next once the steps before are over; none where nothing is to come.
    pub batch: Option<BatchNow>,
    /// The targets whose action failed.
    pub failed: Names,
    /// The targets of which nobody knows how their attempt went.
    pub unknown: Names,
    /// The targets whose undo failed.
    pub stuck: Names,
}

/// Some targets: how many, and the first few of them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Names {
    /// How many.
    pub count: usize,
    /// The first few, by name.
    pub first: Vec<TargetNow>,
}

/// A target in a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TargetNow {
    /// The target.
    pub target: String,
    /// How far it is.
    pub state: Far,
    /// What the newest attempt does.
    pub doing: Doing,
    /// Its number; 0 where there was none.
    pub attempt: u32,
    /// Why it is so, where there is more to say.
    pub reason: Option<String>,
}

/// A batch of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BatchNow {
    /// Its number in the step, from 0.
    pub batch: usize,
    /// Whether it has started.
    pub started: bool,
    /// Its targets; those in flight stand first.
    pub targets: Names,
    /// What its own series are expected to do now.
    pub expected: Vec<ExpectedNow>,
}

/// Signals whose series are expected to move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExpectedNow {
    /// The signals, by name.
    pub signals: Vec<String>,
    /// Until when, in RFC 3339.
    pub until: String,
    /// The same as it is told.
    #[serde(skip)]
    pub(super) clock: String,
}

/// How everything stands at `now`, with the run named `run` or else the one that is not over. `from` is what is known of
/// what it waits for.
pub fn status(state: &State, run: Option<&str>, now: Timestamp, from: Waits<'_>) -> Status {
    let run = match run {
        Some(name) => state.runs.get(name).map(Arc::as_ref),
        None => state.open_run(),
    };
    let waiting = run.map(|run| waits(state, run, from, now)).unwrap_or_default();
    let asked = matches!(from, Waits::Now(_));
    Status {
        at: text::rfc3339(now.as_millis()),
        recorded: match from {
            Waits::Now(_) => None,
            Waits::Recorded(newest) => Some(text::rfc3339(newest.as_millis())),
        },
        frozen: state.frozen.clone(),
        run: run.map(|run| run_status(run, now)),
        todo: run.map(|run| todo(state, run, &waiting, asked)).unwrap_or_default(),
        waiting,
        now,
        origin: from.origin(now),
    }
}

fn run_status(run: &Run, now: Timestamp) -> RunStatus {
    RunStatus {
        run: run.pinned.run.clone(),
        plan: run.pinned.plan.clone(),
        mode: mode(run.mode),
        over: run.is_over(),
        paused: run.paused.clone(),
        turned: run.turned.as_ref().map(|turned| turned_by(run, turned, now)),
        captures: CapturesNow::of(run, now),
        steps: (0..run.steps.len()).map(|step| step_status(run, step, now)).collect(),
    }
}

fn turned_by(run: &Run, Turned { at, by }: &Turned, now: Timestamp) -> TurnedBy {
    // its number and driver are in no line
    let noted = Noted { seq: 0, at: *at, epoch: 0, record: by.clone() };
    let line = said(&noted, Some(&run.pinned));
    TurnedBy { at: text::rfc3339(at.as_millis()), line, clock: near(*at, now) }
}

fn step_status(run: &Run, step: usize, now: Timestamp) -> StepStatus {
    let state = &run.steps[step];
    let passed = state.batches.iter().filter(|batch| batch.passed.is_some()).count();
    let at_work =
        state.batches.iter().filter(|batch| batch.started.is_some() && batch.passed.is_none()).count();
    let so = |far: Far| named(run, step, |work| Far::of(work) == far);
    StepStatus {
        step: run.pinned.steps[step].step.clone(),
        batches: state.batches.len(),
        passed,
        at_work,
        waiting: state.batches.len() - passed - at_work,
        targets: Doings::of(state.work.values()),
        batch: run
            .next_batch(step)
            .filter(|_| run.mode == Mode::Going)
            .map(|batch| batch_now(run, step, batch, now)),
        failed: so(Far::Failed),
        unknown: so(Far::Unknown),
        stuck: so(Far::Stuck),
    }
}

fn batch_now(run: &Run, step: usize, batch: usize, now: Timestamp) -> BatchNow {
    let (flying, others): (Vec<_>, Vec<_>) =
        run.batch(step, batch).partition(|(_, work)| work.flight.is_some());
    let first = flying.iter().chain(&others).take(NAMED).map(|(target, work)| target_now(target, work));
    BatchNow {
        batch,
        started: run.steps[step].batches[batch].started.is_some(),
        targets: Names { count: flying.len() + others.len(), first: first.collect() },
        expected: expected(run, step, batch, now),
    }
}

/// What is still expected of a batch at `now`.
fn expected(run: &Run, step: usize, batch: usize, now: Timestamp) -> Vec<ExpectedNow> {
    let Some(started) = run.steps[step].batches[batch].started else { return Vec::new() };
    let until = |for_ms: i64| Timestamp::from_millis(started.as_millis().saturating_add(for_ms));
    let all = run.pinned.steps[step].expects.iter().filter(|expected| now < until(expected.for_ms));
    all.map(|expected| {
        let until = until(expected.for_ms);
        let signals = expected.signals.clone();
        ExpectedNow { signals, until: text::rfc3339(until.as_millis()), clock: near(until, now) }
    })
    .collect()
}

fn named(run: &Run, step: usize, is_so: impl Fn(&Work) -> bool) -> Names {
    let mut names = Names::default();
    for (target, work) in run.steps[step].work.iter().filter(|(_, work)| is_so(work)) {
        names.count += 1;
        if names.count <= NAMED {
            names.first.push(target_now(target, work));
        }
    }
    names
}

pub(super) fn target_now(target: &str, work: &Work) -> TargetNow {
    let doing = match &work.flight {
        Some(flight) => flight.doing,
        None if matches!(work.outcome, Outcome::Undone | Outcome::Stuck(_)) => Doing::Undo,
        None => Doing::Action,
    };
    let reason = match &work.outcome {
        _ if work.flight.is_some() => work.unknown(),
        Outcome::Failed(reason) | Outcome::Stuck(reason) | Outcome::Skipped(reason) => Some(reason.as_str()),
        Outcome::Untouched | Outcome::Done | Outcome::Undone => None,
    };
    let attempt = match doing {
        Doing::Action => work.attempts,
        Doing::Undo => work.undos,
    };
    TargetNow {
        target: target.to_owned(),
        state: Far::of(work),
        doing,
        attempt,
        reason: reason.map(str::to_owned),
    }
}

impl TurnedBy {
    /// `because at 08:01:07 agent batch 2 of 5 rolls the run back: …`.
    pub(super) fn words(&self) -> String {
        format!("because at {} {}", self.clock, self.line)
    }
}

impl BatchNow {
    /// What is expected of it now, each in a line without a margin.
    pub(super) fn expected_words(&self) -> impl Iterator<Item = String> {
        let words = |expected: &ExpectedNow| {
            let signals = enumerated(&expected.signals, 0);
            let (batch, until) = (text::count(self.batch as u64 + 1), &expected.clock);
            format!("batch {batch}: {signals} expected to move until {until}, judged again then")
        };
        self.expected.iter().map(words)
    }
}
