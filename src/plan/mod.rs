//! Plans: what an upgrade does, to which targets, in which order, and how much of it at once.
//!
//! All of this is pure: a plan is read elsewhere (`src/config`), driven elsewhere, and the time is an argument.
//!
//! [`order`] makes batches of a plan once, when a run begins; [`kept_up`] asks before every start whether the
//! keep-up rules still allow it, whatever failed or is held meanwhile; [`Plan::open`] whether the clock does.

mod amount;
mod batches;
mod call;
mod forecast;
mod inventory;
mod keep_up;
mod order;
mod selector;
mod steps;
mod windows;

pub use amount::{Amount, AmountError};
pub use batches::{Batch, HeldBack, Least, LeastBy, Width};
pub use call::Call;
pub use forecast::{Forecast, forecast};
pub use inventory::{ADDRESS, Inventory, NAME, TARGET_NAME_PATTERN, Target, is_target_name};
pub use keep_up::{KeepUp, Shortage, kept_up, never_kept_up};
pub use order::{Order, OrderError, StepOrder, in_circle, order};
pub use selector::{Requirement, Selector, SelectorError, Test};
pub use steps::{Edges, cycles};
pub use windows::{Days, Opening, Range, RangeError, Reason, Windows};

use std::collections::BTreeSet;

/// What to do: steps on targets, and what must hold meanwhile.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Its name, as [`is_target_name`] has it.
    pub name: String,
    /// The targets there are.
    pub inventory: Inventory,
    /// The signals whose series must be clean, by their names in the config; at least one.
    pub signals: Vec<String>,
    /// How long series must be clean, where a step does not say otherwise.
    pub gate: GateTimes,
    /// How many targets may fail over the whole run; a share is one of the targets that the steps act on, rounded
    /// down. Where none is given no target may.
    pub max_failed: Option<Amount>,
    /// How much may happen at once.
    pub limits: Limits,
    /// When batches may start; at any time where none are given.
    pub windows: Option<Windows>,
    /// How long the slow layer goes on watching after the last batch before the run ends, in milliseconds.
    pub watch_after_ms: i64,
    /// The steps, in the order of the file.
    pub steps: Vec<Step>,
}

/// How long series must be clean, and how long that is waited for; in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GateTimes {
    /// Length of the clean window before a batch may start; more than 0.
    pub clean_before_ms: i64,
    /// Length of the clean window after a batch.
    pub clean_after_ms: i64,
    /// How long a gate may hold before the run pauses and alerts.
    pub patience_ms: i64,
}

/// How much may happen at once, over all steps; none means no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// The most targets at work at once; at least 1. No batch is wider.
    pub in_flight: Option<u32>,
    /// The most steps at work at once; at least 1.
    pub steps: Option<u32>,
}

/// A node of the plan: one action on some targets.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Its name, as [`is_target_name`] has it; no two steps have the same.
    pub name: String,
    /// The steps that must be done before it begins, by name.
    pub after: Vec<String>,
    /// The targets it acts on.
    pub targets: Selector,
    /// The widths of its batches; the last repeats. A share is one of the step's targets. Empty means one by one.
    pub batch: Vec<Amount>,
    /// What must stay untouched while others are worked on; all of it must hold.
    pub keep_up: Vec<KeepUp>,
    /// What it does to a target.
    pub action: Call,
    /// The reverse of that.
    pub undo: Option<Call>,
    /// Asks whether the action took effect, and changes nothing.
    pub probe: Option<Call>,
    /// What is done when an anomaly is blamed on a batch of it.
    pub on_anomaly: OnAnomaly,
    /// What moves by its action although all is well; no signal twice.
    pub expects: Vec<Expects>,
    /// The plan's times, or its own.
    pub gate: GateTimes,
    /// How long is waited after its last batch although all is clean, in milliseconds.
    pub soak_ms: i64,
    /// Whether a person must approve before it begins.
    pub approve: bool,
    /// When its batches may start; the plan's windows hold as well.
    pub windows: Option<Windows>,
}

/// What a step's action does to series although all is well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expects {
    /// The signals whose series move, by their names; at least one.
    pub signals: Vec<String>,
    /// For how long from the start of a batch, in milliseconds; more than 0.
    pub for_ms: i64,
}

/// What is done when an anomaly is blamed on a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OnAnomaly {
    /// The run pauses; a person decides.
    Pause,
    /// What this run did is undone, in reverse order.
    Rollback,
    /// The run ends where it is.
    Abort,
}

impl OnAnomaly {
    /// All of them, with the words for them.
    pub const ALL: [(Self, &'static str); 3] =
        [(Self::Pause, "pause"), (Self::Rollback, "rollback"), (Self::Abort, "abort")];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Rollback => "rollback",
            Self::Abort => "abort",
        }
    }
}

impl Step {
    /// For how long after the start of a batch its own series of `signal` are expected to move, in milliseconds; 0 where
    /// they are not.
    pub fn expected_ms(&self, signal: &str) -> i64 {
        let named = |expects: &&Expects| expects.signals.iter().any(|name| name == signal);
        self.expects.iter().find(named).map_or(0, |expects| expects.for_ms)
    }

    /// For how long after the start of a batch anything is expected to move, in milliseconds.
    pub fn settles_ms(&self) -> i64 {
        self.expects.iter().map(|expects| expects.for_ms).max().unwrap_or(0)
    }
}

impl Plan {
    /// The targets of `step`, an index of [`Plan::steps`], by their indices in the inventory, in its order. None
    /// where there is no such step.
    pub fn chosen(&self, step: usize) -> Vec<usize> {
        let Some(step) = self.steps.get(step) else { return Vec::new() };
        let targets = self.inventory.targets.iter().enumerate();
        targets.filter(|(_, target)| step.targets.matches(target)).map(|(i, _)| i).collect()
    }

    /// The targets that any step acts on.
    pub fn in_scope(&self) -> BTreeSet<usize> {
        (0..self.steps.len()).flat_map(|step| self.chosen(step)).collect()
    }

    /// How many targets may fail over the whole run; one more ends it.
    pub fn most_failed(&self) -> usize {
        self.max_failed.map_or(0, |amount| amount.rounded_down(self.in_scope().len()))
    }

    /// Whether a batch of `step` may start at `at_ms` by the maintenance windows of the plan and of the step, and
    /// until when. Where both are closed, the answer is the one that is known to last longer.
    pub fn open(&self, step: usize, at_ms: i64) -> Opening {
        let own = self.steps.get(step).and_then(|step| step.windows.as_ref());
        let all = [self.windows.as_ref(), own].into_iter().flatten().map(|windows| windows.at(at_ms));
        all.reduce(Opening::both).unwrap_or(Opening::Open { until_ms: None })
    }
}

#[cfg(test)]
mod tests;
