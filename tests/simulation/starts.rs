//! Which batches have started, and what is expected to move for it: read from the records and the plan alone, by rules that
//! share nothing with the program.

use super::facts::Facts;
use super::outside::Outside;
use quietgate::steps::{Attempt, Decision, Doing, Gate, Record, Side};
use std::collections::{BTreeMap, BTreeSet};

/// Every start of a batch.
#[derive(Debug)]
pub(crate) struct Starts {
    starts: Vec<Start>,
}

/// A start: when, of which batch, and until when what it expects of its own series moves, by series.
#[derive(Debug)]
struct Start {
    at_ms: i64,
    /// The place of the step in the pinned plan, and the number of the batch.
    batch: (usize, usize),
    /// Beside each series whether it is one of the batch's own, and until when it is muted.
    own: Vec<(bool, i64)>,
}

type Key<'a> = (&'a str, usize);

impl Starts {
    /// What the records of `outside` say.
    pub(crate) fn of(outside: &Outside) -> Self {
        Self::by(outside, outside.journal.len())
    }

    /// What they said before the newest intent of `attempt`: what it begins itself is not in its own way.
    pub(crate) fn before(outside: &Outside, attempt: &Attempt) -> Self {
        let is_intent = |(_, record): &(i64, Record)| matches!(record, Record::Intent { attempt: other, .. } if other == attempt);
        Self::by(outside, outside.journal.iter().rposition(is_intent).unwrap_or(0))
    }

    /// What the first of the records say.
    fn by(outside: &Outside, records: usize) -> Self {
        let facts = Facts::of(&outside.journal);
        let (mut starts, mut attempts, mut open, mut passed) =
            (Vec::<(i64, Key<'_>)>::new(), BTreeMap::<Key<'_>, u32>::new(), BTreeSet::new(), BTreeSet::new());
        let key = |step: &'_ str, target: &str| facts.batch(step, target);
        for (at, record) in &outside.journal[..records] {
            match record {
                Record::Intent { attempt, .. } if attempt.doing == Doing::Action => {
                    let Some(key) = of_attempt(&facts, attempt) else { continue };
                    *attempts.entry(key).or_default() += 1;
                    if open.insert(key) {
                        starts.push((*at, key));
                    }
                }
                Record::Withdrawn { attempt, .. } if attempt.doing == Doing::Action => {
                    let Some(key) = of_attempt(&facts, attempt) else { continue };
                    let left = attempts.entry(key).or_default();
                    *left = left.saturating_sub(1);
                    if *left == 0 && open.remove(&key) {
                        let newest = starts.iter().rposition(|(_, other)| *other == key);
                        newest.map(|newest| starts.remove(newest));
                    }
                }
                Record::Gate(Gate {
                    side: Side::After, decision: Decision::Proceed, step, batch, ..
                }) => {
                    passed.insert((step.as_str(), *batch));
                }
                Record::Retry(told) => {
                    let Some(batch) = key(&told.step, &told.target) else { continue };
                    if passed.remove(&(told.step.as_str(), batch)) {
                        open.remove(&(told.step.as_str(), batch));
                    }
                }
                _ => {}
            }
        }
        let start = |(at_ms, (step, batch)): (i64, Key<'_>)| Start {
            at_ms,
            batch: (place(&facts, step), batch),
            own: (0..outside.fleet.series.len())
                .map(|i| muted(outside, &facts, i, at_ms, (step, batch)))
                .collect(),
        };
        Self { starts: starts.into_iter().map(start).collect() }
    }

    /// Whether a series is expected to move at that time.
    pub(crate) fn mute(&self, series: usize, at_ms: i64) -> bool {
        self.starts.iter().any(|start| start.at_ms <= at_ms && at_ms < start.own[series].1)
    }

    /// Whether the newest batch of a series' own that had started then is this one.
    pub(crate) fn is_newest(&self, series: usize, at_ms: i64, batch: (usize, usize)) -> bool {
        let before = self.starts.iter().filter(|start| start.at_ms <= at_ms && start.own[series].0);
        before.max_by_key(|start| (start.at_ms, start.batch)).is_some_and(|start| start.batch == batch)
    }

    /// Whether a batch has started.
    pub(crate) fn has(&self, batch: (usize, usize)) -> bool {
        self.starts.iter().any(|start| start.batch == batch)
    }
}

/// The place of a step in the pinned plan.
pub(crate) fn place(facts: &Facts<'_>, step: &str) -> usize {
    let steps = facts.pinned.map(|pinned| pinned.steps.as_slice()).unwrap_or_default();
    steps.iter().position(|pinned| pinned.step == step).unwrap_or(usize::MAX)
}

fn of_attempt<'a>(facts: &Facts<'_>, attempt: &'a Attempt) -> Option<Key<'a>> {
    Some((attempt.step.as_str(), facts.batch(&attempt.step, &attempt.target)?))
}

/// Whether series `i` is one of the batch's own, and until when it is expected to move.
fn muted(outside: &Outside, facts: &Facts<'_>, i: usize, at_ms: i64, (step, batch): Key<'_>) -> (bool, i64) {
    let plan = &outside.case.plan;
    let is_own = match plan.inventory.targets.get(i) {
        Some(target) => facts.batch(step, &target.name) == Some(batch),
        None => true,
    };
    let signal = ["loss", "load"][outside.fleet.series[i].signal];
    let step = plan.steps.iter().find(|other| other.name == step);
    let expects = step.into_iter().flat_map(|step| &step.expects);
    let named = expects.filter(|expects| is_own && expects.signals.iter().any(|name| name == signal));
    (is_own, at_ms + named.map(|expects| expects.for_ms).max().unwrap_or(0))
}
