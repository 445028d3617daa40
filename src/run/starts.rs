//! Which batch starts a series may feel: detectors that compare after with before are told of them, and what is expected
//! of a batch is muted from its start on. Pure.

use super::scope::Scope;
use crate::monitor::Labels;
use crate::plan::Plan;
use crate::sabotage::{self, Sabotage};
use crate::steps::{BatchId, Run, Start};
use quietgate_detectors::{BatchStart, Timestamp};
use quietgate_rules::gate::Part;
use std::collections::BTreeSet;

/// What a batch touched is not the control of another for this long: what shows late would be compared with itself.
const RECENT_MS: i64 = 4 * 3_600_000;

/// How a series of `signal` feels the start of a batch; none where it does not.
///
/// The batch's own series do, and its control, which is compared with them. What another batch has touched before goes on
/// being compared with what was before that one: an earlier batch of the step, one of another step that was at work, and any
/// that started not long ago.
/// What the step expects of its own series settles later; of no other series anything is expected.
pub(super) fn felt(
    plan: &Plan,
    run: &Run,
    (signal, scope): (&str, &Scope),
    labels: &Labels,
    start: &Start,
) -> Option<BatchStart> {
    let targets = |(step, batch): BatchId| run.pinned.steps[step].batches[batch].iter().map(String::as_str);
    let (at, batch) = (start.at, start.batch);
    let own: Vec<&str> = targets(batch).collect();
    let touched: BTreeSet<&str> = run
        .starts
        .iter()
        .filter(|other| {
            let is_at_work = other.passed.is_none_or(|passed| passed > at);
            let is_recent = at.as_millis().saturating_sub(other.at.as_millis()) < RECENT_MS;
            (other.at, other.batch) < (at, batch) && (other.batch.0 == batch.0 || is_at_work || is_recent)
        })
        .flat_map(|other| targets(other.batch))
        .collect();
    let part = scope.part(labels, &plan.inventory, &own, &touched);
    let is_muted = part == Part::Own || sabotage::is(Sabotage::MutedElsewhere);
    let settles_ms = if is_muted { expected_ms(plan, run, batch.0, signal) } else { 0 };
    let settled = Timestamp::from_millis(at.as_millis().saturating_add(settles_ms));
    (part != Part::Other || settles_ms > 0).then_some(BatchStart { at, settled })
}

/// For how long after its start the step of that number in the run expects its own series of `signal` to move.
fn expected_ms(plan: &Plan, run: &Run, step: usize, signal: &str) -> i64 {
    let name = &run.pinned.steps[step].step;
    plan.steps.iter().find(|step| step.name == *name).map_or(0, |step| step.expected_ms(signal))
}
