//! Runs from many starts over one recording.
//!
//! One watch goes along the recording and is copied where a run begins. A run whose first gate is shut has touched nothing: it
//! goes on exactly as one that starts when the gate opens. So all that wait share one look a time, and what follows.

use super::course::{self, Passage, Stage};
use super::quiet::Quiet;
use super::ran::{Ending, Hold, MOST_HOLDS, Ran};
use super::tape::{Place, Tape};
use crate::monitor::Watch;
use crate::run::{Gates, Refused};
use crate::steps::{Decision, Gate, Next, Record, Run, Side, Waiting, next};
use quietgate_detectors::Timestamp;
use rayon::prelude::*;
use std::sync::Arc;

/// Parts of the starts for each thread: more share less, fewer leave a thread without work at the end.
const PARTS: usize = 4;

/// Puts a run through `tape` from each of `starts`, looks of it in the order of time. `watch` has seen nothing yet. `stop` ends
/// it early: then some are missing. The outcome does not depend on the number of `threads`.
///
/// # Errors
/// Only where the program is wrong: a record that cannot be.
pub(super) fn run(
    stage: &Stage<'_>,
    tape: &Tape,
    watch: &Watch,
    starts: &[Timestamp],
    threads: usize,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<Vec<Ran>, Refused> {
    let part = starts.len().div_ceil(threads.max(1) * PARTS).max(1);
    let quiet = Quiet::new(stage, tape, watch);
    let walk = |starts| {
        let (watch, quiet) = (watch.clone(), quiet.clone());
        let (waiting, shut) = (Vec::new(), Vec::new());
        (Walk { stage, tape, watch, place: tape.begin(), quiet, waiting, shut }, starts)
    };
    let walks: Vec<(Walk<'_>, &[Timestamp])> = starts.chunks(part).map(walk).collect();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let go = |(walk, starts): (Walk<'_>, &[Timestamp])| walk.over(starts, stop);
    let parts: Result<Vec<Vec<Ran>>, Refused> = match pool {
        Ok(pool) if threads > 1 => pool.install(|| walks.into_par_iter().map(go).collect()),
        // without threads of its own it takes longer, and is the same
        _ => walks.into_iter().map(go).collect(),
    };
    let mut runs: Vec<Ran> = parts?.into_iter().flatten().collect();
    runs.sort_by_key(|run| run.start);
    Ok(runs)
}

/// A walk along a recording.
struct Walk<'a> {
    stage: &'a Stage<'a>,
    tape: &'a Tape,
    watch: Watch,
    place: Place,
    quiet: Quiet<'a>,
    waiting: Vec<Waits>,
    /// The stretches in which the first gate was shut for what was found while somebody waited for it.
    shut: Vec<Hold>,
}

/// A run whose first gate has not opened.
struct Waits {
    start: Timestamp,
    /// Since when the gate holds.
    held: Option<Timestamp>,
}

/// What the first gate says.
enum First {
    Open,
    Shut(Hold),
    /// A window is closed, or a limit reached.
    Forbidden,
}

impl Walk<'_> {
    fn over(mut self, starts: &[Timestamp], stop: &dyn Fn() -> bool) -> Result<Vec<Ran>, Refused> {
        let empty = Run::begin(self.stage.pinned.clone(), Timestamp::from_millis(0));
        let (mut done, mut starts) = (Vec::with_capacity(starts.len()), starts.iter().copied().peekable());
        let mut at = starts.peek().copied();
        while let Some(now) = at.filter(|_| !stop()) {
            let watch = &mut self.watch;
            self.tape.play(&mut self.place, now, |signal, labels, samples| {
                watch.observe(signal, labels, samples);
            });
            if starts.next_if(|start| *start <= now).is_some() {
                self.waiting.push(Waits { start: now, held: None });
            }
            match self.first(&empty, now) {
                First::Open => self.open(now, &mut done)?,
                First::Shut(hold) => self.hold(now, hold, &mut done)?,
                First::Forbidden => {}
            }
            at = if self.waiting.is_empty() { starts.peek().copied() } else { self.tape.look_after(now) };
        }
        let last = self.tape.last();
        for Waits { start, .. } in std::mem::take(&mut self.waiting) {
            done.push(self.never_begun(start, last, Ending::CutOff)?);
        }
        Ok(done)
    }

    /// What the gate says before the first batch of a run that starts now. Where several steps may begin at once, or where
    /// anything but a gate comes first, each run is driven by itself.
    fn first(&self, empty: &Run, now: Timestamp) -> First {
        if empty.pinned.steps.iter().filter(|step| step.after.is_empty()).count() != 1 {
            return First::Open;
        }
        let Stage { plan, scopes, .. } = *self.stage;
        let gates = Gates::new(plan, empty, &self.watch, scopes, now);
        match next(empty, None, &gates) {
            Next::Write(Record::Gate(Gate {
                step, side: Side::Before, decision: Decision::Hold, ..
            })) => {
                let batch = (empty.step(&step).unwrap_or_default(), 0);
                let held = gates.waits_for(batch, Side::Before);
                let name = |signal: usize| self.stage.signals[signal].as_str();
                let by = held.iter().filter_map(|held| course::by(name(held.signal), held)).collect();
                First::Shut(Hold { batch, side: Side::Before, from: now, until: now, by })
            }
            Next::Wait(waiting) if waiting.iter().all(|w| matches!(w, Waiting::Forbidden(..))) => {
                First::Forbidden
            }
            _ => First::Open,
        }
    }

    /// All that wait go on together.
    fn open(&mut self, now: Timestamp, done: &mut Vec<Ran>) -> Result<(), Refused> {
        self.end_of_hold(now);
        let copy = (self.watch.clone(), self.place.clone());
        let passage = self.stage.drive(self.tape, copy, now, &mut |_, _| {})?;
        for Waits { start, .. } in std::mem::take(&mut self.waiting) {
            let Passage { begun, end, ending, ref course } = passage;
            let (kept, kept_ms) = self.kept(start, now);
            let (quiet_ms, course) = (self.quiet.of(start)?, Arc::clone(course));
            done.push(Ran { start, begun, end, ending, quiet_ms, kept_ms, kept, course });
        }
        self.shut.clear();
        Ok(())
    }

    /// All that wait go on waiting, but for those that have no patience left.
    fn hold(&mut self, now: Timestamp, hold: Hold, done: &mut Vec<Ran>) -> Result<(), Refused> {
        let pinned = &self.stage.pinned.steps[hold.batch.0];
        let step = self.stage.plan.steps.iter().find(|step| step.name == pinned.step);
        let patience_ms = step.map_or(i64::MAX, |step| step.gate.patience_ms);
        let is_same = |last: &Hold| {
            let both = last.by.iter().zip(&hold.by);
            last.until == last.from
                && last.by.len() == hold.by.len()
                && both.into_iter().all(|(a, b)| (&a.series, a.cause) == (&b.series, b.cause))
        };
        if !self.shut.last().is_some_and(is_same) {
            self.end_of_hold(now);
            if !hold.by.is_empty() {
                self.shut.push(hold);
            }
        }
        let (mut waiting, mut lost) = (Vec::with_capacity(self.waiting.len()), Vec::new());
        for waits in std::mem::take(&mut self.waiting) {
            let since = waits.held.unwrap_or(now);
            let is_lost = now.as_millis() - since.as_millis() > patience_ms;
            if is_lost { lost.push(waits.start) } else { waiting.push(Waits { held: Some(since), ..waits }) }
        }
        self.waiting = waiting;
        for start in lost {
            done.push(self.never_begun(start, now, Ending::OutOfPatience)?);
        }
        if self.waiting.is_empty() {
            self.shut.clear();
        }
        Ok(())
    }

    /// The stretch that lasts, if there is one, ends. One that lasts ends where it begins.
    fn end_of_hold(&mut self, now: Timestamp) {
        if let Some(hold) = self.shut.last_mut().filter(|hold| hold.until == hold.from) {
            hold.until = now;
        }
    }

    /// What kept a run from beginning that started at `start`, until `now`: the first stretches, and the time of all.
    fn kept(&self, start: Timestamp, now: Timestamp) -> (Vec<Hold>, i64) {
        let first = self.shut.partition_point(|hold| hold.until <= start && hold.until != hold.from);
        let (mut kept, mut kept_ms) = (Vec::new(), 0);
        for hold in &self.shut[first..] {
            let until = if hold.until == hold.from { now } else { hold.until };
            let from = hold.from.max(start);
            kept_ms += until.as_millis() - from.as_millis();
            if kept.len() < MOST_HOLDS {
                kept.push(Hold { from, until, ..hold.clone() });
            }
        }
        (kept, kept_ms)
    }

    fn never_begun(&mut self, start: Timestamp, end: Timestamp, ending: Ending) -> Result<Ran, Refused> {
        let (kept, kept_ms) = self.kept(start, end);
        let (quiet_ms, course) = (self.quiet.of(start)?, Arc::default());
        Ok(Ran { start, begun: None, end, ending, quiet_ms, kept_ms, kept, course })
    }
}
