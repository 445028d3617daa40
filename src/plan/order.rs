//! The order of a run: which targets are worked on together, and after which others. It is made once, when a run
//! begins, and never computed anew.

use super::batches::{Batch, Least, cut};
use super::keep_up::never_kept_up;
use super::steps::sorted;
use super::{Plan, Shortage};
use std::fmt;

/// All steps with their batches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Each step after those it waits for, and otherwise in the order of the file.
    pub steps: Vec<StepOrder>,
}

/// A step with its batches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepOrder {
    /// Its index in [`Plan::steps`].
    pub step: usize,
    /// Its batches, one after the other; together they have each of the step's targets once.
    pub batches: Vec<Batch>,
    /// A number of batches that cannot be undercut, however they are cut.
    pub least: Least,
}

/// Why a plan has no order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderError {
    /// A step waits for one that is not there.
    UnknownStep {
        /// The step that waits.
        step: String,
        /// What it waits for.
        after: String,
    },
    /// Steps wait for each other: each for the next one, the last for the first.
    Cycle(Vec<String>),
    /// A keep-up rule lets no target of a group be worked on.
    KeepUp {
        /// The step with the rule.
        step: String,
        /// The group.
        shortage: Shortage,
    },
}

impl fmt::Display for OrderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownStep { step, after } => {
                write!(f, "step {step} waits for {after:?}, which is no step")
            }
            Self::Cycle(steps) => {
                write!(f, "steps wait for each other: {}", in_circle(steps.iter().map(String::as_str)))
            }
            Self::KeepUp { step, .. } => write!(f, "no batch of step {step} can satisfy its keep-up rule"),
        }
    }
}

impl std::error::Error for OrderError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        if let Self::KeepUp { shortage, .. } = self { Some(shortage) } else { None }
    }
}

/// A cycle in words: `a -> b -> a`, where each waits for the next.
pub fn in_circle<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut names: Vec<&str> = names.collect();
    names.extend(names.first().copied());
    names.join(" -> ")
}

/// The order of `plan`: the same for the same plan, always.
///
/// A batch is as wide as its size, the limit of targets in flight and the keep-up rules allow; a step has as few
/// batches as two ways to fill them find: in the order of the inventory, and those first whose groups need most
/// batches yet. The first is taken where it needs no more.
///
/// # Errors
/// A plan that has no order: an unknown step in `after`, a cycle, a keep-up rule that no batch can satisfy.
pub fn order(plan: &Plan) -> Result<Order, OrderError> {
    for step in &plan.steps {
        if let Some(after) = step.after.iter().find(|name| !plan.steps.iter().any(|step| step.name == **name))
        {
            return Err(OrderError::UnknownStep { step: step.name.clone(), after: after.clone() });
        }
    }
    let edges: Vec<_> = plan.steps.iter().map(|step| (step.name.as_str(), step.after.as_slice())).collect();
    let (order, cycles) = sorted(&edges);
    if let Some(cycle) = cycles.first() {
        return Err(OrderError::Cycle(cycle.iter().map(|step| plan.steps[*step].name.clone()).collect()));
    }
    let batches = |step: usize| match never_kept_up(plan, step).into_iter().next() {
        Some(shortage) => Err(OrderError::KeepUp { step: plan.steps[step].name.clone(), shortage }),
        None => {
            let (batches, least) = cut(plan, step);
            Ok(StepOrder { step, batches, least })
        }
    };
    Ok(Order { steps: order.into_iter().map(batches).collect::<Result<_, _>>()? })
}
