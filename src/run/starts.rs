//! What detectors that compare after with before are told of a batch: when it started, and when it ended where it took long;
//! and which series may feel it. What is expected of a batch is muted from its start on. Pure.

use super::scope::{About, Marked};
use crate::plan::Plan;
use crate::sabotage::{self, Sabotage};
use crate::steps::{BatchId, Run, Start};
use quietgate_detectors::{BatchStart, Timestamp};
use quietgate_rules::gate::Part;
use std::collections::BTreeSet;

/// What a batch touched is not the control of another for this long: what shows late would be compared with itself.
const RECENT_MS: i64 = 4 * 3_600_000;

/// The end of a batch that took so long is told as well: what it did may have come about only then.
const LONG_MS: i64 = 10 * 60_000;

/// What started longer ago than this is felt no more: no detector looks for more than a day, and no effect is expected for longer.
const FELT_MS: i64 = 2 * 86_400_000;

/// A time after which series may differ from what they were before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark {
    pub(super) at: Timestamp,
    pub(super) batch: BatchId,
    pub(super) is_end: bool,
}

/// All of them so far, those of a start before that of its end.
pub(super) fn marks(run: &Run) -> impl Iterator<Item = Mark> + '_ {
    run.starts.iter().flat_map(|start| std::iter::once(mark(start)).chain(end(run, start)))
}

/// Those of `told` that may still be felt when the newest is.
pub(super) fn recent(told: &BTreeSet<Mark>) -> impl Iterator<Item = &Mark> {
    let since = told.last().map_or(0, |newest| newest.at.as_millis().saturating_sub(FELT_MS));
    told.iter().filter(move |mark| mark.at.as_millis() >= since)
}

fn mark(start: &Start) -> Mark {
    Mark { at: start.at, batch: start.batch, is_end: false }
}

/// Where the batch that started then is over, and took long.
fn end(run: &Run, start: &Start) -> Option<Mark> {
    let (step, batch) = start.batch;
    let at = run.steps[step].batches[batch].ended?;
    let took_ms = at.as_millis().saturating_sub(start.at.as_millis());
    let is_over = took_ms >= LONG_MS && run.batch(step, batch).all(|(_, work)| work.is_over());
    is_over.then_some(Mark { at, batch: start.batch, is_end: true })
}

/// Who may feel a mark.
pub(super) struct Felt<'a> {
    plan: &'a Plan,
    run: &'a Run,
    mark: Mark,
    own: Marked,
    touched: Marked,
}

impl<'a> Felt<'a> {
    pub(super) fn new(plan: &'a Plan, run: &'a Run, mark: Mark) -> Self {
        let targets =
            |(step, batch): BatchId| run.pinned.steps[step].batches[batch].iter().map(String::as_str);
        let Mark { at, batch, .. } = mark;
        let before = |other: &&Start| {
            let is_at_work = other.passed.is_none_or(|passed| passed > at);
            let is_recent = at.as_millis().saturating_sub(other.at.as_millis()) < RECENT_MS;
            (other.at, other.batch) < (at, batch)
                && other.batch != batch
                && (other.batch.0 == batch.0 || is_at_work || is_recent)
        };
        let touched = run.starts.iter().filter(before).flat_map(|other| targets(other.batch));
        let touched = Marked::of(touched, &plan.inventory);
        Self { plan, run, mark, own: Marked::of(targets(batch), &plan.inventory), touched }
    }

    /// How a series of `signal` that is about these targets feels it; none where it does not.
    ///
    /// The batch's own series do, and its control, which is compared with them. What another batch has touched before goes on
    /// being compared with what was before that one: an earlier batch of the step, one of another step that was at work, and
    /// any that started not long ago.
    /// What the step expects of its own series settles later; of no other series anything is expected.
    pub(super) fn by(&self, signal: &str, about: &About) -> Option<BatchStart> {
        let Mark { at, batch, is_end } = self.mark;
        let part = about.part(&self.own, &self.touched);
        let is_muted = !is_end && (part == Part::Own || sabotage::is(Sabotage::MutedElsewhere));
        let settles_ms = if is_muted { self.expected_ms(batch.0, signal) } else { 0 };
        let settled = Timestamp::from_millis(at.as_millis().saturating_add(settles_ms));
        (part != Part::Other || settles_ms > 0).then_some(BatchStart { at, settled })
    }

    /// For how long after its start the step of that number in the run expects its own series of `signal` to move.
    fn expected_ms(&self, step: usize, signal: &str) -> i64 {
        let name = &self.run.pinned.steps[step].step;
        self.plan.steps.iter().find(|step| step.name == *name).map_or(0, |step| step.expected_ms(signal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::gates::tests::{attempt, pinned, proceed};
    use crate::steps::{End, Record, Side, State};

    const MINUTE_MS: i64 = 60_000;

    /// The marks of a batch of two targets, whose attempts are intended and end at these minutes.
    fn marked(ends: [Option<i64>; 2]) -> Vec<(i64, bool)> {
        let at = |minute: i64| Timestamp::from_millis(minute * MINUTE_MS);
        let mut plan = pinned("", &["h1"]);
        plan.steps[0].batches = vec![["h1", "h2"].map(str::to_owned).to_vec()];
        let mut state = State::default();
        let intents =
            ["h1", "h2"].map(|target| Record::Intent { attempt: attempt(target), call: String::new() });
        let result = |target: &str| {
            let (end, reason) = (End::Succeeded, String::new());
            Record::Result { attempt: attempt(target), end, reason, output: None }
        };
        let begun = std::iter::once(Record::Plan(plan));
        let begun =
            begun.chain(std::iter::once(proceed(0, Side::Before))).chain(intents).map(|record| (0, record));
        let ended =
            ["h1", "h2"].into_iter().zip(ends).filter_map(|(target, end)| Some((end?, result(target))));
        for (seq, (minute, record)) in (1..).zip(begun.chain(ended)) {
            state.apply(seq, at(minute), &record).expect("a record that may follow");
        }
        marks(&state.runs["r"]).map(|mark| (mark.at.as_millis() / MINUTE_MS, mark.is_end)).collect()
    }

    #[test]
    fn the_end_of_a_batch_is_told_where_it_took_long() {
        assert_eq!(marked([None, None]), [(0, false)]);
        assert_eq!(marked([Some(1), Some(9)]), [(0, false)]);
        assert_eq!(marked([Some(1), Some(10)]), [(0, false), (10, true)]);
        assert_eq!(marked([Some(90), None]), [(0, false)], "one is still at work");
        assert_eq!(marked([Some(90), Some(120)]), [(0, false), (120, true)]);
    }

    #[test]
    fn what_is_two_days_old_is_felt_no_more() {
        let mark = |hour: i64| Mark {
            at: Timestamp::from_millis(hour * 60 * MINUTE_MS),
            batch: (0, hour as usize),
            is_end: false,
        };
        let told = BTreeSet::from([0, 1, 20, 49].map(mark));
        assert_eq!(recent(&told).map(|mark| mark.batch.1).collect::<Vec<_>>(), [1, 20, 49]);
        assert_eq!(recent(&BTreeSet::new()).count(), 0);
    }
}
