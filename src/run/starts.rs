//! Which batch starts a series may feel: detectors that compare after with before are told of them. Pure.

use super::scope::Scope;
use crate::monitor::Labels;
use crate::plan::Plan;
use crate::steps::{BatchId, Run};
use quietgate_detectors::{BatchStart, Timestamp};
use quietgate_rules::gate::Part;
use std::collections::BTreeSet;

/// The batches of a run that have started, in that order.
pub(super) fn started(run: &Run) -> Vec<(Timestamp, BatchId)> {
    let batches = run.steps.iter().enumerate().flat_map(|(step, state)| {
        let started = state.batches.iter().enumerate();
        started.filter_map(move |(batch, state)| Some((state.started?, (step, batch))))
    });
    let mut started: Vec<_> = batches.collect();
    started.sort();
    started
}

/// How a series feels the start of a batch; none where it does not.
///
/// The batch's own series do, and its control, which is compared with them. What another batch has touched before goes on
/// being compared with what was before that one: an earlier batch of the step, or one of another step that was at work.
pub(super) fn felt(
    plan: &Plan,
    run: &Run,
    scope: &Scope,
    labels: &Labels,
    (at, batch): (Timestamp, BatchId),
) -> Option<BatchStart> {
    let targets = |(step, batch): BatchId| run.pinned.steps[step].batches[batch].iter().map(String::as_str);
    let own: Vec<&str> = targets(batch).collect();
    let touched: BTreeSet<&str> = started(run)
        .into_iter()
        .filter(|&(earlier, other)| {
            let passed = run.steps[other.0].batches[other.1].passed;
            (earlier, other) < (at, batch) && (other.0 == batch.0 || passed.is_none_or(|passed| passed > at))
        })
        .flat_map(|(_, other)| targets(other))
        .collect();
    let part = scope.part(labels, &plan.inventory, &own, &touched);
    (part != Part::Other).then_some(BatchStart { at, settled: at })
}
