//! What one step has done to one target.

use super::record::{Doing, End};
use crate::sabotage::{self, Sabotage};

/// The state of a target in a step. Made by records alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// What became of the target so far.
    pub outcome: Outcome,
    /// The attempt that is under way, or whose end nobody knows.
    pub flight: Option<Flight>,
    /// How many attempts of the action may have been started.
    pub attempts: u32,
    /// How many attempts of its undo may have been started.
    pub undos: u32,
    /// Whether an attempt may have had an effect that is not undone.
    pub effect: bool,
    /// How many attempts of the action may be started in all: one, and one for each recorded retry.
    pub allowed: u32,
}

/// What became of a target in a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing was done, or a person found that what was tried had no effect.
    Untouched,
    /// The action succeeded.
    Done,
    /// The action failed, for this reason; it may have had some effect.
    Failed(String),
    /// It was left as it is.
    Skipped(String),
    /// What was done is undone.
    Undone,
    /// Undoing failed, for this reason: only a person can go on.
    Stuck(String),
}

/// An attempt that has no result yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flight {
    /// What it does.
    pub doing: Doing,
    /// Its number.
    pub attempt: u32,
    /// What its process is known by, once there is one.
    pub process: Option<String>,
    /// Why nobody knows how it ended; none while it is under way.
    pub unknown: Option<String>,
}

impl Default for Work {
    fn default() -> Self {
        Self { outcome: Outcome::Untouched, flight: None, attempts: 0, undos: 0, effect: false, allowed: 1 }
    }
}

impl Work {
    /// Whether the step is over for this target, well or not.
    pub fn is_over(&self) -> bool {
        self.flight.is_none() && self.outcome != Outcome::Untouched
    }

    /// Whether the run has touched the target in this step, or may have.
    pub fn is_touched(&self) -> bool {
        self.flight.is_some() || self.attempts > 0
    }

    /// Whether there is something that a rollback must undo.
    pub fn needs_undo(&self) -> bool {
        self.effect && !matches!(self.outcome, Outcome::Skipped(_))
    }

    /// Whether an attempt is under way whose end is still to come.
    pub fn is_in_flight(&self) -> bool {
        self.flight.as_ref().is_some_and(|flight| flight.unknown.is_none())
    }

    /// Why nobody knows how the newest attempt ended, where that is so.
    pub fn unknown(&self) -> Option<&str> {
        self.flight.as_ref()?.unknown.as_deref()
    }

    pub(super) fn intend(&mut self, doing: Doing, attempt: u32) -> Result<(), &'static str> {
        if self.flight.is_some() {
            return Err("an attempt is under way or unknown");
        }
        let started = match doing {
            Doing::Action if self.outcome != Outcome::Untouched => return Err("its step is over"),
            Doing::Action if self.attempts >= self.allowed => return Err("no attempt is left"),
            Doing::Undo if !self.needs_undo() => return Err("there is nothing to undo"),
            Doing::Undo if matches!(self.outcome, Outcome::Stuck(_)) => return Err("it is stuck"),
            Doing::Action => &mut self.attempts,
            Doing::Undo => &mut self.undos,
        };
        if attempt != *started + 1 {
            return Err("the attempts are not numbered one by one");
        }
        *started = attempt;
        self.flight = Some(Flight { doing, attempt, process: None, unknown: None });
        Ok(())
    }

    /// The attempt under way, which must be this one.
    pub(super) fn flying(&mut self, doing: Doing, attempt: u32) -> Result<&mut Flight, &'static str> {
        let flight = self.flight.as_mut().ok_or("no attempt is under way")?;
        match flight.doing == doing && flight.attempt == attempt {
            true if flight.unknown.is_some() => Err("the attempt is unknown already"),
            true => Ok(flight),
            false => Err("another attempt is under way"),
        }
    }

    pub(super) fn withdraw(&mut self, doing: Doing, attempt: u32) -> Result<(), &'static str> {
        if self.flying(doing, attempt)?.process.is_some() && !sabotage::is(Sabotage::RerunStarted) {
            return Err("it was started");
        }
        match doing {
            Doing::Action => self.attempts -= 1,
            Doing::Undo => self.undos -= 1,
        }
        self.flight = None;
        Ok(())
    }

    pub(super) fn end(
        &mut self,
        doing: Doing,
        attempt: u32,
        end: End,
        reason: &str,
    ) -> Result<(), &'static str> {
        self.flying(doing, attempt)?;
        self.flight = None;
        let ok = end == End::Succeeded;
        self.effect = match doing {
            Doing::Action => self.effect || end != End::NotStarted,
            Doing::Undo => !ok,
        };
        self.outcome = match (doing, ok) {
            (Doing::Action, true) => Outcome::Done,
            (Doing::Action, false) => Outcome::Failed(reason.to_owned()),
            (Doing::Undo, true) => Outcome::Undone,
            (Doing::Undo, false) => Outcome::Stuck(reason.to_owned()),
        };
        Ok(())
    }

    /// What a person, or a probe, found of an attempt whose end nobody knew.
    pub(super) fn resolve(&mut self, ran: bool) -> Result<(), &'static str> {
        let unknown = self.flight.take_if(|flight| flight.unknown.is_some());
        match (unknown.ok_or("no attempt of it is unknown")?.doing, ran) {
            (Doing::Action, true) => (self.outcome, self.effect) = (Outcome::Done, true),
            (Doing::Undo, true) => (self.outcome, self.effect) = (Outcome::Undone, false),
            // it had no effect: once more is a decision that is on record now
            (Doing::Action, false) => self.allowed = self.attempts + 1,
            (Doing::Undo, false) => {}
        }
        Ok(())
    }

    pub(super) fn retry(&mut self) -> Result<(), &'static str> {
        match (&self.flight, &self.outcome) {
            (None, Outcome::Failed(_)) => {
                self.outcome = Outcome::Untouched;
                self.allowed = self.attempts + 1;
                Ok(())
            }
            // the undo is tried again
            (None, Outcome::Stuck(reason)) => {
                self.outcome = Outcome::Failed(reason.clone());
                Ok(())
            }
            _ => Err("only what failed or is stuck can be tried again"),
        }
    }

    pub(super) fn skip(&mut self, reason: &str) -> Result<(), &'static str> {
        match (&self.flight, &self.outcome) {
            (None, Outcome::Untouched | Outcome::Failed(_) | Outcome::Stuck(_)) => {
                self.outcome = Outcome::Skipped(reason.to_owned());
                Ok(())
            }
            _ => Err("only what waits, failed or is stuck can be skipped"),
        }
    }
}
