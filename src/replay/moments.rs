//! Look by look around a batch that starts at a given time, whatever its gate says: would the gate be shut, and why.

use super::course::ready;
use super::made::Made;
use super::ran::Cause;
use super::{RUN, Replay};
use crate::run::{Driver, Gates, HeldBy, Layer, Refused, series_name};
use crate::steps::{Attempt, Decision, Doing, End, Gate, Record, Run, Side, State};
use crate::text::rfc3339;
use quietgate_detectors::Timestamp;
use serde::{Serialize, Serializer};

/// How long before the start is looked already, in milliseconds.
const BEFORE_MS: i64 = 15 * 60_000;

/// One look.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Moment {
    /// When the batch starts.
    #[serde(serialize_with = "time")]
    pub start: Timestamp,
    /// The time of the look.
    #[serde(serialize_with = "time")]
    pub at: Timestamp,
    /// The same from the start on, in milliseconds; below 0 before it.
    pub offset_ms: i64,
    /// Which gate is asked: the one before the batch, or the one after its start.
    pub side: Side,
    /// Why it is shut: `finding` where a series is anomalous or unknown, `slow` where the slow layer alone finds one anomalous,
    /// `suspect` where something fired that does not last yet,
    /// `window` where all is clean and was not for long enough; none where it is open.
    pub hold: Option<&'static str>,
    /// The series that are not clean, of those that this gate looks at.
    pub series: Vec<MomentSeries>,
}

/// A series that is not clean.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MomentSeries {
    /// Its name.
    pub series: String,
    /// What it is found to be.
    pub condition: String,
    /// Since when; none where nothing was ever heard of it.
    pub since: Option<String>,
    /// Whether that is blamed on the batch.
    pub blamed: bool,
    /// Whether it is the slow layer that finds it.
    pub slow: bool,
}

fn time<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339(at.as_millis()))
}

impl Replay {
    /// Looks at the gates of the first batch of the first step, which starts at `start`, right before the sample of that time,
    /// and gives each look to `hear`: from 15 minutes before it until its soak is over.
    ///
    /// # Errors
    /// As [`runs`](Self::runs).
    pub fn moments(&self, start: Timestamp, hear: &mut dyn FnMut(Moment)) -> Result<(), Refused> {
        let step = self.pinned.steps.iter().position(|step| step.after.is_empty()).unwrap_or(0);
        let (tape, scopes) = (&self.tape, &self.scopes);
        let (mut watch, mut place) = (self.watch.clone(), tape.begin());
        let empty = Run::begin(self.pinned.clone(), Timestamp::from_millis(0));
        let first = tape.look_from(Timestamp::from_millis(start.as_millis().saturating_sub(BEFORE_MS)));
        let mut look = Some(first).filter(|first| *first <= tape.last());
        while let Some(now) = look.filter(|now| *now < start) {
            tape.play(&mut place, now, |signal, labels, samples| watch.observe(signal, labels, samples));
            let gates = Gates::new(&self.plan, &empty, &watch, scopes, now);
            hear(self.moment(start, now, Side::Before, gates.held_by((step, 0), Side::Before)));
            look = tape.look_after(now);
        }
        let before = Timestamp::from_millis(start.as_millis().saturating_sub(1));
        tape.play(&mut place, before, |signal, labels, samples| watch.observe(signal, labels, samples));
        let state = self.begun(step, start).map_err(Refused::Illegal)?;
        let run = self.pinned.run.clone();
        let mut driver = Driver::new(self.plan.clone(), watch, scopes.clone(), state, run);
        (0..self.names.len()).for_each(|signal| driver.begin(signal));
        let named = self.plan.steps.iter().find(|plan| plan.name == self.pinned.steps[step].step);
        let lasts_ms = self.takes.iter().find(|takes| named.is_some_and(|step| step.name == takes.step));
        let ended_ms = start.as_millis().saturating_add(lasts_ms.map_or(0, |takes| takes.action_ms));
        let until_ms = ended_ms.saturating_add(named.map_or(0, |step| step.soak_ms));
        let mut is_over = false;
        let mut look = Some(tape.look_from(start)).filter(|look| *look <= tape.last());
        while let Some(now) = look.filter(|now| now.as_millis() <= until_ms) {
            if !is_over && now.as_millis() >= ended_ms {
                self.end(&mut driver, step, Timestamp::from_millis(ended_ms))?;
                is_over = true;
            }
            tape.play(&mut place, now, |signal, labels, samples| driver.observe(signal, labels, samples));
            if let Some(gates) = driver.gates_at(now) {
                hear(self.moment(start, now, Side::After, gates.held_by((step, 0), Side::After)));
            }
            look = tape.look_after(now);
        }
        Ok(())
    }

    fn moment(&self, start: Timestamp, at: Timestamp, side: Side, held: (Vec<HeldBy>, bool)) -> Moment {
        let (held, is_short) = held;
        let causes: Vec<_> = held
            .iter()
            .filter_map(|held| Cause::of(held.condition).map(|(cause, since)| (held, cause, since)))
            .collect();
        let grave = |layer| causes.iter().any(|(held, cause, _)| held.layer == layer && cause.is_grave());
        let hold = match (grave(Layer::Fast), grave(Layer::Slow), causes.is_empty(), is_short) {
            (true, ..) => Some("finding"),
            (false, true, ..) => Some("slow"),
            (false, false, false, _) => Some("suspect"),
            (false, false, true, true) => Some("window"),
            (false, false, true, false) => None,
        };
        let series = |&(held, cause, since): &(&HeldBy, Cause, Option<Timestamp>)| MomentSeries {
            series: series_name(&self.names[held.signal], &held.labels),
            condition: cause.words(),
            since: since.map(|since| rfc3339(since.as_millis())),
            blamed: held.blamed,
            slow: held.layer == Layer::Slow,
        };
        let series = causes.iter().map(series).collect();
        let offset_ms = at.as_millis().saturating_sub(start.as_millis());
        Moment { start, at, offset_ms, side, hold, series }
    }

    /// The state of a run whose first batch of that step was let start at `at`, and is at work.
    fn begun(&self, step: usize, at: Timestamp) -> Result<State, crate::steps::Illegal> {
        let mut state = State::default();
        state.apply(0, at, &Record::Plan(self.pinned.clone()))?;
        if self.pinned.steps[step].approve {
            let word = crate::steps::Word { who: RUN.to_owned(), reason: String::new() };
            let (run, step) = (self.pinned.run.clone(), self.pinned.steps[step].step.clone());
            state.apply(0, at, &Record::Approval { run, step, batch: 0, word })?;
        }
        let gate = Gate {
            run: self.pinned.run.clone(),
            step: self.pinned.steps[step].step.clone(),
            batch: 0,
            side: Side::Before,
            decision: Decision::Proceed,
            reason: String::new(),
            because: Vec::new(),
            evidence: serde_json::Value::Null,
        };
        state.apply(0, at, &Record::Gate(gate))?;
        for attempt in self.attempts(step) {
            state.apply(0, at, &Record::Intent { attempt, call: String::new() })?;
        }
        Ok(state)
    }

    fn end(&self, driver: &mut Driver, step: usize, at: Timestamp) -> Result<(), Refused> {
        let mut world = Made::new(at, &self.takes);
        for attempt in self.attempts(step) {
            let (end, reason) = (End::Succeeded, String::new());
            let record = Record::Result { attempt, end, reason, output: None };
            ready(driver.write(&mut world, record))?;
        }
        Ok(())
    }

    fn attempts(&self, step: usize) -> impl Iterator<Item = Attempt> {
        let pinned = &self.pinned.steps[step];
        let targets = pinned.batches.first().into_iter().flatten();
        targets.map(|target| Attempt {
            run: self.pinned.run.clone(),
            step: pinned.step.clone(),
            target: target.clone(),
            doing: Doing::Action,
            attempt: 1,
        })
    }
}
