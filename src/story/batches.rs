//! The batches of a step, each with what became of its targets: bounded, however large they are.

use super::status::{TargetNow, target_now};
use crate::steps::{Run, Word, Work};
use crate::text;
use quietgate_detectors::Timestamp;
use serde::Serialize;

/// So many targets of a batch are told.
const TARGETS_MAX: usize = 100;

/// A batch.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BatchTold {
    /// The step.
    pub step: String,
    /// Its number in the step, from 0.
    pub batch: usize,
    /// How far it is: `waiting`, `held`, `open`, `at work`, `soaking` or `passed`.
    pub state: &'static str,
    /// When its gate opened, in RFC 3339.
    pub opened: Option<String>,
    /// When its first attempt was intended.
    pub started: Option<String>,
    /// When its newest attempt ended.
    pub ended: Option<String>,
    /// When its gate let it pass.
    pub passed: Option<String>,
    /// Who let it start, where somebody must.
    pub approved: Option<Word>,
    /// Its targets, the first of them.
    pub targets: Vec<TargetNow>,
    /// How many it has.
    pub count: usize,
}

/// The batch of that number of the step of that number; none where there is none.
pub fn batch_told(run: &Run, step: usize, number: usize) -> Option<BatchTold> {
    let batch = run.steps.get(step)?.batches.get(number)?;
    let at = |at: Option<Timestamp>| at.map(|at| text::rfc3339(at.as_millis()));
    let over = run.batch(step, number).all(|(_, work): (&str, &Work)| work.is_over());
    let state = match () {
        () if batch.passed.is_some() => "passed",
        () if batch.started.is_some() && over => "soaking",
        () if batch.started.is_some() => "at work",
        () if batch.held.is_some() => "held",
        () if batch.opened.is_some() => "open",
        () => "waiting",
    };
    Some(BatchTold {
        step: run.pinned.steps[step].step.clone(),
        batch: number,
        state,
        opened: at(batch.opened),
        started: at(batch.started),
        ended: at(batch.ended),
        passed: at(batch.passed),
        approved: batch.approved.clone(),
        targets: run
            .batch(step, number)
            .take(TARGETS_MAX)
            .map(|(target, work)| target_now(target, work))
            .collect(),
        count: run.pinned.steps[step].batches[number].len(),
    })
}
