//! What the slow layer of a run's gates says: what it blames on batches that have started, be they over or not, and what it
//! holds for.
//!
//! What is slow shows long after its cause: an anomaly of the slow layer is the doing of the newest batch that had started
//! when it began and whose own it is. No batch is blamed for what began before it, nor for what its control has as well.

use super::gates::Gates;
use super::telling::{self, Layer};
use crate::monitor::View;
use crate::plan::OnAnomaly;
use crate::sabotage::{self, Sabotage};
use crate::steps::{BatchId, Decision, Permit, Start};
use quietgate_detectors::{Reason, Timestamp};
use quietgate_rules::Condition;
use quietgate_rules::gate::{self, NotBlamed, Obstacle, Seen};
use std::collections::BTreeMap;

impl Gates<'_> {
    /// What the slow layer blames on batches, with what follows; those that started first stand first.
    pub(super) fn blamed_late(&self) -> Vec<(BatchId, Permit)> {
        if !self.watch.is_slowly_moving(self.now) {
            return Vec::new();
        }
        let views = self.watch.views(self.now);
        let mut by_start: BTreeMap<(Timestamp, BatchId), Vec<usize>> = BTreeMap::new();
        for (i, view) in views.iter().enumerate() {
            if let Some(start) = slow_since(view).and_then(|since| self.suspected(view, since)) {
                by_start.entry((start.at, start.batch)).or_default().push(i);
            }
        }
        let accused = |((at, batch), series): ((Timestamp, BatchId), Vec<usize>)| {
            let seen = self.slowly(&views, batch);
            let is_blamed = |i: &usize| gate::not_blamed(&seen, *i, at).is_none();
            let blamed: Vec<usize> = series.into_iter().filter(is_blamed).collect();
            (!blamed.is_empty())
                .then(|| (batch, self.accused(&blamed, &views, &seen, (batch, at), Layer::Slow)))
        };
        by_start.into_iter().filter_map(accused).collect()
    }

    /// Whom the gate before a batch holds for by the slow layer: every series with an anomaly there. What it cannot judge
    /// does not hold, for the gate knows by the rule itself where samples are missing.
    pub(super) fn held_late(&self, views: &[View<'_>]) -> Vec<(usize, Obstacle)> {
        let mut by_batch: BTreeMap<BatchId, Vec<Seen>> = BTreeMap::new();
        let obstacle = |(i, view): (usize, &View<'_>)| {
            let since = slow_since(view)?;
            let not_blamed = match self.suspected(view, since) {
                Some(Start { at, batch, .. }) => {
                    let seen = by_batch.entry(batch).or_insert_with(|| self.slowly(views, batch));
                    gate::not_blamed(seen, i, at)
                }
                None if self.is_touched(view) => Some(NotBlamed::Earlier),
                None => Some(NotBlamed::Elsewhere),
            };
            Some((i, Obstacle::Slow { since, not_blamed }))
        };
        let asked = views.iter().enumerate().filter(|_| !sabotage::is(Sabotage::SlowNotAsked));
        asked.filter_map(obstacle).collect()
    }

    /// Which of the series that the slow layer judges are unknown to it now, as a sentence; none where none is.
    pub(super) fn without_watch(&self) -> Option<String> {
        let views = self.watch.views(self.now);
        let clause = |view: &View<'_>| match view.slow? {
            Condition::Unknown { reason, .. } => {
                let unknown = telling::unknown(reason, view, Layer::Slow, self.now);
                Some(format!("{}: {unknown}", telling::name(self.watch, view)))
            }
            _ => None,
        };
        let clauses: Vec<_> = views.iter().filter_map(clause).collect();
        (!clauses.is_empty()).then(|| telling::sentence(&clauses))
    }

    /// What follows where series are `blamed` on a batch that started then.
    pub(super) fn accused(
        &self,
        blamed: &[usize],
        views: &[View<'_>],
        seen: &[Seen],
        ((step, _), started): (BatchId, Timestamp),
        layer: Layer,
    ) -> Permit {
        let name = |i: &usize| telling::name(self.watch, &views[*i]);
        let clause = |i: &usize| format!("{}: {}", name(i), self.blame((views, seen), *i, started, layer));
        let clauses: Vec<_> = blamed.iter().map(clause).collect();
        let decision = match self.step(step).map(|(_, step)| step.on_anomaly) {
            Some(OnAnomaly::Rollback) => Decision::Rollback,
            Some(OnAnomaly::Abort) => Decision::Abort,
            Some(OnAnomaly::Pause) | None => Decision::Pause,
        };
        let because = blamed.iter().map(|i| format!("{}: {}", name(i), layer.blamed())).collect();
        Permit { decision, reason: telling::sentence(&clauses), because }
    }

    /// Why series `i` is blamed on a batch that started then, in words.
    pub(super) fn blame(
        &self,
        (views, seen): (&[View<'_>], &[Seen]),
        i: usize,
        started: Timestamp,
        layer: Layer,
    ) -> String {
        let view = &views[i];
        let whole = self.scopes.get(view.signal).is_none_or(|scope| scope.is_whole(&view.labels));
        let control = (!whole).then(|| gate::control(seen, i));
        telling::blame(view, layer, started, control)
    }

    /// The newest start, not after `since`, of a batch whose own a series is.
    fn suspected(&self, view: &View<'_>, since: Timestamp) -> Option<Start> {
        let is_own = self.owning(view);
        let own = self.run.starts.iter().filter(|start| start.at <= since && is_own(start.batch));
        let when = |start: &&Start| (start.at, start.batch);
        if sabotage::is(Sabotage::BlamesFirstBatch) { own.min_by_key(when) } else { own.max_by_key(when) }
            .copied()
    }

    /// Whether a series is one of any batch that has started.
    fn is_touched(&self, view: &View<'_>) -> bool {
        let is_own = self.owning(view);
        self.run.starts.iter().any(|start| is_own(start.batch))
    }

    /// Of which batches a series is their own.
    fn owning(&self, view: &View<'_>) -> impl Fn(BatchId) -> bool {
        let scope = self.scopes.get(view.signal);
        let about = scope.and_then(|scope| scope.about(&view.labels, &self.plan.inventory));
        move |(step, batch)| {
            let mut targets = self.run.pinned.steps[step].batches[batch].iter();
            about.as_ref().is_none_or(|about| targets.any(|target| about.contains(target.as_str())))
        }
    }

    /// Every required series by the slow layer, with what it has to do with a batch.
    fn slowly(&self, views: &[View<'_>], (step, batch): BatchId) -> Vec<Seen> {
        let nothing = Condition::Unknown { reason: Reason::NoData, newest: None };
        let seen = self.seen(views, step, batch).into_iter().zip(views);
        seen.map(|(seen, view)| {
            let [_, anomalous_until] = view.anomalous_until;
            Seen { condition: view.slow.unwrap_or(nothing), anomalous_until, ..seen }
        })
        .collect()
    }
}

/// Since when the slow layer finds a series anomalous; none where it does not.
fn slow_since(view: &View<'_>) -> Option<Timestamp> {
    match view.slow {
        Some(Condition::Anomalous { since, .. }) => Some(since),
        _ => None,
    }
}
