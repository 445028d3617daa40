//! One run put through a recording, from the moment at which its first gate may open.

use super::made::Made;
use super::ran::{By, Cause, Course, Ending, Hold, MOST_HOLDS};
use super::takes::Takes;
use super::tape::{Place, Tape};
use crate::monitor::Watch;
use crate::plan::Plan;
use crate::run::{Driver, HeldBy, Refused, Scope, series_name};
use crate::steps::{self, BatchId, Decision, Gate, Mode, Pinned, Record, Side, State, Waiting};
use quietgate_detectors::Timestamp;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// What all runs of a replay have in common.
#[derive(Debug)]
pub(super) struct Stage<'a> {
    pub(super) plan: &'a Plan,
    pub(super) scopes: &'a [Scope],
    pub(super) takes: &'a [Takes],
    /// What each run begins with.
    pub(super) pinned: &'a Pinned,
    /// The names of the plan's signals.
    pub(super) signals: &'a [String],
}

/// How a run went from the opening of its first gate on.
#[derive(Debug, Clone)]
pub(super) struct Passage {
    pub(super) begun: Option<Timestamp>,
    pub(super) end: Timestamp,
    pub(super) ending: Ending,
    pub(super) course: Arc<Course>,
}

impl Stage<'_> {
    /// Drives a run that starts at `now` to its end, or to that of `tape`, which has been played to `place` for `watch`.
    /// What gates decide is given to `hear`.
    pub(super) fn drive(
        &self,
        tape: &Tape,
        (watch, place): (Watch, Place),
        now: Timestamp,
        hear: &mut dyn FnMut(Timestamp, &Gate),
    ) -> Result<Passage, Refused> {
        let mut state = State::default();
        state.apply(0, now, &Record::Plan(self.pinned.clone())).map_err(Refused::Illegal)?;
        let run = self.pinned.run.clone();
        let mut driver = Driver::new(self.plan.clone(), watch, self.scopes.to_vec(), state, run);
        (0..self.signals.len()).for_each(|signal| driver.begin(signal));
        let going = Going {
            stage: self,
            tape,
            place,
            driver,
            world: Made::new(now, self.takes),
            course: Course::default(),
            shut: None,
        };
        going.drive(hear)
    }
}

/// Everything is at hand in a made world: a future of the driver is ready at once.
pub(super) fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("a made world never waits"),
    }
}

/// A run under way.
struct Going<'a> {
    stage: &'a Stage<'a>,
    tape: &'a Tape,
    place: Place,
    driver: Driver,
    world: Made<'a>,
    course: Course,
    /// The hold that lasts.
    shut: Option<Hold>,
}

impl Going<'_> {
    fn drive(mut self, hear: &mut dyn FnMut(Timestamp, &Gate)) -> Result<Passage, Refused> {
        loop {
            let waiting = ready(self.driver.settle(&mut self.world))?;
            for (at, gate) in std::mem::take(&mut self.world.said) {
                self.blame(at, &gate);
                hear(at, &gate);
            }
            if self.approve(&waiting) {
                continue;
            }
            if let Some(ending) = self.ending() {
                return Ok(self.passage(ending));
            }
            self.look(&waiting);
            if !self.advance(&waiting)? {
                return Ok(self.passage(Ending::CutOff));
            }
        }
    }

    fn ending(&self) -> Option<Ending> {
        let run = self.driver.run()?;
        let blamed = !self.course.blames.is_empty();
        match run.mode {
            Mode::Finished(steps::Ending::Done) => Some(Ending::Done),
            Mode::Finished(steps::Ending::RolledBack) => Some(Ending::RolledBack),
            Mode::Finished(steps::Ending::Aborted) => Some(Ending::Aborted),
            _ if run.paused.is_some() => Some(if blamed { Ending::Paused } else { Ending::OutOfPatience }),
            _ => None,
        }
    }

    fn approve(&mut self, waiting: &[Waiting]) -> bool {
        let Some(run) = self.driver.run() else { return false };
        let mut any = false;
        for waiting in waiting {
            if let Waiting::Approval(batch) = waiting {
                self.world.approve(&run.pinned.run, &run.pinned.steps[batch.0], *batch);
                any = true;
            }
        }
        any
    }

    /// Takes note of the gates that are waited for and shut because of what was found.
    fn look(&mut self, waiting: &[Waiting]) {
        let gates = self.driver.gates_at(self.world.now);
        let held = waiting.iter().find_map(|waiting| match waiting {
            Waiting::Gate(batch, side, _) => {
                let by = gates.as_ref()?.waits_for(*batch, *side);
                (!by.is_empty()).then_some((*batch, *side, by))
            }
            _ => None,
        });
        match held {
            Some((batch, side, by)) => self.keep_shut(batch, side, by),
            None => self.open(),
        }
    }

    fn keep_shut(&mut self, batch: BatchId, side: Side, held_by: Vec<HeldBy>) {
        let is_same = |hold: &Hold| {
            (hold.batch, hold.side) == (batch, side)
                && hold.by.len() == held_by.len()
                && hold.by.iter().zip(&held_by).all(|(by, held)| {
                    Cause::of(held.condition).is_some_and(|(cause, _)| cause == by.cause)
                        && is_named(&by.series, &self.stage.signals[held.signal], &held.labels)
                })
        };
        if self.shut.as_ref().is_some_and(is_same) {
            return;
        }
        self.open();
        let by = held_by.iter().filter_map(|held| self.by(held)).collect();
        let now = self.world.now;
        self.shut = Some(Hold { batch, side, from: now, until: now, by });
    }

    fn by(&self, held: &HeldBy) -> Option<By> {
        by(&self.stage.signals[held.signal], held)
    }

    /// The hold that lasted is over.
    fn open(&mut self) {
        let Some(mut hold) = self.shut.take() else { return };
        hold.until = self.world.now;
        self.course.held_ms += hold.until.as_millis() - hold.from.as_millis();
        if self.course.holds.len() < MOST_HOLDS {
            self.course.holds.push(hold);
        } else {
            self.course.more_holds += 1;
        }
    }

    /// Takes note of what is blamed on a batch.
    fn blame(&mut self, at: Timestamp, gate: &Gate) {
        let is_blame = gate.because.iter().any(|cause| cause.ends_with(": blamed"));
        if gate.side == Side::Before || gate.decision == Decision::Hold || !is_blame {
            return;
        }
        let Some(gates) = self.driver.gates_at(at) else { return };
        let Some(step) = gates.run.step(&gate.step) else { return };
        let held = gates.held_by((step, gate.batch), Side::After).0;
        let by = held.iter().filter(|held| held.blamed).filter_map(|held| self.by(held)).collect();
        let hold = Hold { batch: (step, gate.batch), side: Side::After, from: at, until: at, by };
        self.course.blames.push(hold);
    }

    /// Goes on to whatever happens next; whether there is anything left.
    fn advance(&mut self, waiting: &[Waiting]) -> Result<bool, Refused> {
        let now = self.world.now;
        let soak = waiting.iter().filter_map(|waiting| match waiting {
            Waiting::Soak(_, until) => Some(*until),
            _ => None,
        });
        let ends = self.world.next_end().into_iter().chain(soak).filter(|at| *at > now);
        let look = self.tape.look_after(now);
        let Some(next) = ends.chain(look).min() else { return Ok(false) };
        if next > self.tape.last() {
            return Ok(false);
        }
        self.world.now = next;
        let driver = &mut self.driver;
        if look == Some(next) {
            self.tape.play(&mut self.place, next, |signal, labels, samples| {
                driver.observe(signal, labels, samples);
            });
        }
        for record in self.world.ended() {
            ready(self.driver.write(&mut self.world, record))?;
        }
        Ok(true)
    }

    fn passage(mut self, ending: Ending) -> Passage {
        self.open();
        Passage { begun: self.world.begun, end: self.world.now, ending, course: Arc::new(self.course) }
    }
}

/// What keeps a gate shut, as it is kept: none where the series is clean.
pub(super) fn by(signal: &str, held: &HeldBy) -> Option<By> {
    let (cause, since) = Cause::of(held.condition)?;
    let series = series_name(signal, &held.labels).into();
    Some(By { series, cause, since, words: held.words.as_str().into() })
}

/// Whether a series has this name, without making it.
fn is_named(name: &str, signal: &str, labels: &crate::monitor::Labels) -> bool {
    match labels.is_empty() {
        true => name == signal,
        false => name == series_name(signal, labels),
    }
}
