//! What a record led to: which of the records after it tell what came of it.

use super::past::{attempt, target};
use crate::steps::{Decision, Doing, Gate, Record, Side};

/// What a later record is to an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Follows {
    /// It came of it, and more may.
    More,
    /// It came of it, and ends it.
    Last,
}

/// What `next` is to `first`, which is of the same run or of none; nothing where it did not come of it. `targets` are those of
/// the batch that `first` is about.
pub(super) fn follows(first: &Record, targets: &[String], next: &Record) -> Option<Follows> {
    let is_last = |yes: bool| yes.then_some(Follows::Last);
    match first {
        Record::Gate(gate) => gated(gate, targets, next),
        Record::Approval { step, batch, .. } => {
            is_last(is_of_batch(next, step, *batch)).or_else(|| stops(next))
        }
        Record::Pause(_) => paused(next),
        Record::Rollback(_) => undone(next),
        Record::Abort(_) => ended(next),
        Record::Freeze(_) => is_last(matches!(next, Record::Unfreeze(_))),
        Record::Boot { .. } => match next {
            Record::Unknown { .. } | Record::Captured(_) => Some(Follows::More),
            Record::Pause(_) | Record::Resume(_) => Some(Follows::Last),
            _ => None,
        },
        Record::Intent { .. } | Record::Spawned { .. } => {
            let same = attempt(first).is_some() && attempt(first) == attempt(next);
            let more = matches!(next, Record::Spawned { .. } | Record::Unknown { .. });
            match same {
                true if more => Some(Follows::More),
                true => Some(Follows::Last),
                false => is_last(matches!(next, Record::Resolve { .. }) && target(next) == target(first)),
            }
        }
        Record::Result { .. }
        | Record::Withdrawn { .. }
        | Record::Unknown { .. }
        | Record::Retry(_)
        | Record::Skip(_)
        | Record::Resolve { .. } => {
            let begins = matches!(next, Record::Intent { .. });
            let own =
                (target(next) == target(first)).then_some(if begins { Follows::Last } else { Follows::More });
            // a pause is where a person settles it, which is told after it
            let paused = matches!(next, Record::Pause(_)).then_some(Follows::More);
            own.or(paused).or_else(|| stops(next))
        }
        Record::Capture(capture) => match next {
            Record::Captured(captured) if captured.scene.capture == capture.scene.capture => {
                Some(Follows::More)
            }
            _ => None,
        },
        Record::Plan(_)
        | Record::Resume(_)
        | Record::Unfreeze(_)
        | Record::Captured(_)
        | Record::Finish { .. } => None,
    }
}

fn gated(gate: &Gate, targets: &[String], next: &Record) -> Option<Follows> {
    let again = is_of_batch(next, &gate.step, gate.batch);
    match (gate.decision, gate.side) {
        (Decision::Proceed, Side::Before) => match next {
            Record::Intent { attempt, .. } | Record::Withdrawn { attempt, .. }
                if attempt.step == gate.step && targets.contains(&attempt.target) =>
            {
                Some(Follows::More)
            }
            _ if again => Some(Follows::Last),
            _ => stops(next),
        },
        (Decision::Proceed, Side::After | Side::Late) => match next {
            Record::Gate(_) | Record::Intent { .. } => Some(Follows::Last),
            _ => stops(next),
        },
        (Decision::Hold, _) => again.then_some(Follows::Last).or_else(|| stops(next)),
        (Decision::Pause, _) => paused(next),
        (Decision::Rollback, _) => undone(next),
        (Decision::Abort, _) => ended(next),
    }
}

/// What may come of a pause: what a person settles, and how it goes on.
fn paused(next: &Record) -> Option<Follows> {
    match next {
        Record::Retry(_) | Record::Skip(_) | Record::Resolve { .. } => Some(Follows::More),
        Record::Resume(_) => Some(Follows::Last),
        _ => stops(next).filter(|_| !matches!(next, Record::Pause(_))),
    }
}

fn undone(next: &Record) -> Option<Follows> {
    let undo = attempt(next).is_some_and(|attempt| attempt.doing == Doing::Undo);
    match next {
        Record::Intent { .. } if undo => Some(Follows::More),
        Record::Pause(_) => Some(Follows::More),
        _ => ended(next),
    }
}

fn ended(next: &Record) -> Option<Follows> {
    matches!(next, Record::Finish { .. } | Record::Abort(_)).then_some(Follows::Last)
}

/// What ends everything that was under way.
fn stops(next: &Record) -> Option<Follows> {
    let gate =
        matches!(next, Record::Gate(gate) if !matches!(gate.decision, Decision::Proceed | Decision::Hold));
    let said =
        matches!(next, Record::Pause(_) | Record::Abort(_) | Record::Rollback(_) | Record::Finish { .. });
    (gate || said).then_some(Follows::Last)
}

fn is_of_batch(next: &Record, step: &str, batch: usize) -> bool {
    matches!(next, Record::Gate(gate) if gate.step == step && gate.batch == batch)
}
