//! What the slow layer of a run's gates says: what it blames on batches that have started, be they over or not, and what it
//! holds for.
//!
//! What is slow shows long after its cause: an anomaly of the slow layer is the doing of the newest batch that had started
//! when it began and whose own it is. No batch is blamed for what began before it, nor for what its control has as well.

use super::gates::{Causes, Gates};
use super::look::Stand;
use super::scope::About;
use super::telling::{self, Layer};
use crate::monitor::View;
use crate::plan::OnAnomaly;
use crate::sabotage::{self, Sabotage};
use crate::steps::{BatchId, Decision, Permit, Start};
use quietgate_detectors::{Reason, Timestamp};
use quietgate_rules::Condition;
use quietgate_rules::gate::{self, NotBlamed, Obstacle, Seen};
use std::collections::{BTreeMap, BTreeSet};

impl Gates<'_> {
    /// What the slow layer blames on batches, with what follows; those that started first stand first.
    pub(super) fn blamed_late(&self) -> Vec<(BatchId, Permit)> {
        if !self.look().is_slowly_moving {
            return Vec::new();
        }
        let mut by_start: BTreeMap<(Timestamp, BatchId), Vec<usize>> = BTreeMap::new();
        for (i, stand) in self.look().series.iter().enumerate() {
            if let Some(start) = slow_since(stand).and_then(|since| self.suspected(stand, since)) {
                by_start.entry((start.at, start.batch)).or_default().push(i);
            }
        }
        let accused = |((at, batch), series): ((Timestamp, BatchId), Vec<usize>)| {
            let seen = self.slowly(batch);
            let is_blamed = |i: &usize| gate::not_blamed(&seen, *i, at).is_none();
            let blamed: Vec<usize> = series.into_iter().filter(is_blamed).collect();
            (!blamed.is_empty()).then(|| (batch, self.accused(&blamed, &seen, (batch, at), Layer::Slow)))
        };
        by_start.into_iter().filter_map(accused).collect()
    }

    /// Whom the gate before a batch holds for by the slow layer: every series with an anomaly there. What it cannot judge
    /// does not hold, for the gate knows by the rule itself where samples are missing.
    pub(super) fn held_late(&self) -> Vec<(usize, Obstacle)> {
        let mut by_batch: BTreeMap<BatchId, Vec<Seen>> = BTreeMap::new();
        let obstacle = |(i, stand): (usize, &Stand)| {
            let since = slow_since(stand)?;
            let not_blamed = match self.suspected(stand, since) {
                Some(Start { at, batch, .. }) => {
                    let seen = by_batch.entry(batch).or_insert_with(|| self.slowly(batch));
                    gate::not_blamed(seen, i, at)
                }
                None if self.is_touched(stand) => Some(NotBlamed::Earlier),
                None => Some(NotBlamed::Elsewhere),
            };
            Some((i, Obstacle::Slow { since, not_blamed }))
        };
        let stands = self.look().series.iter().enumerate();
        stands.filter(|_| !sabotage::is(Sabotage::SlowNotAsked)).filter_map(obstacle).collect()
    }

    /// Which of the series that the slow layer judges are unknown to it now, as a sentence; none where none is.
    pub(super) fn without_watch(&self) -> Option<String> {
        let clause = |view: &View<'_>| match view.slow? {
            Condition::Unknown { reason, .. } => {
                let unknown = telling::unknown(reason, view, Layer::Slow, self.now);
                Some(format!("{}: {unknown}", telling::name(self.watch, view)))
            }
            _ => None,
        };
        let is_unknown = |view: &&View<'_>| matches!(view.slow, Some(Condition::Unknown { .. }));
        let unknown = || self.views().iter().filter(is_unknown);
        let shown: Vec<_> = unknown().take(telling::NAMED).filter_map(clause).collect();
        (!shown.is_empty()).then(|| telling::sentence(&shown, unknown().count()))
    }

    /// What follows where series are `blamed` on a batch that started then.
    pub(super) fn accused(
        &self,
        blamed: &[usize],
        seen: &[Seen],
        ((step, _), started): (BatchId, Timestamp),
        layer: Layer,
    ) -> Permit {
        let views = self.views();
        let name = |i: &usize| telling::name(self.watch, &views[*i]);
        let clause = |i: &usize| format!("{}: {}", name(i), self.blame(seen, *i, started, layer));
        let shown: Vec<_> = blamed.iter().take(telling::NAMED).map(clause).collect();
        let decision = match self.step(step).map(|(_, step)| step.on_anomaly) {
            Some(OnAnomaly::Rollback) => Decision::Rollback,
            Some(OnAnomaly::Abort) => Decision::Abort,
            Some(OnAnomaly::Pause) | None => Decision::Pause,
        };
        let mut causes = Causes::new(self.watch, self.look().is_large());
        blamed.iter().for_each(|i| causes.of(&views[*i], layer.blamed()));
        let reason = telling::sentence(&shown, blamed.len());
        Permit { decision, reason, because: causes.in_order() }
    }

    /// Why series `i` is blamed on a batch that started then, in words.
    pub(super) fn blame(&self, seen: &[Seen], i: usize, started: Timestamp, layer: Layer) -> String {
        let is_whole = self.look().series[i].about == About::Plan;
        let control = (!is_whole).then(|| gate::control(seen, i));
        telling::blame(&self.views()[i], layer, started, control)
    }

    /// The newest start, not after `since`, of a batch whose own a series is.
    fn suspected(&self, stand: &Stand, since: Timestamp) -> Option<Start> {
        let is_own = self.owning(stand);
        let own = self.run.starts.iter().filter(|start| start.at <= since && is_own(start.batch));
        let when = |start: &&Start| (start.at, start.batch);
        if sabotage::is(Sabotage::BlamesFirstBatch) { own.min_by_key(when) } else { own.max_by_key(when) }
            .copied()
    }

    /// Whether a series is one of any batch that has started.
    fn is_touched(&self, stand: &Stand) -> bool {
        let is_own = self.owning(stand);
        self.run.starts.iter().any(|start| is_own(start.batch))
    }

    /// Of which batches a series is their own.
    fn owning(&self, stand: &Stand) -> impl Fn(BatchId) -> bool {
        let names: Option<BTreeSet<&str>> = match &stand.about {
            About::Plan => None,
            About::Targets(targets) => {
                let known = targets.iter().filter_map(|target| self.plan.inventory.targets.get(*target));
                Some(known.map(|target| target.name.as_str()).collect())
            }
        };
        move |(step, batch)| {
            let mut targets = self.run.pinned.steps[step].batches[batch].iter();
            names.as_ref().is_none_or(|names| targets.any(|target| names.contains(target.as_str())))
        }
    }

    /// Every required series by the slow layer, with what it has to do with a batch.
    fn slowly(&self, (step, batch): BatchId) -> Vec<Seen> {
        let nothing = Condition::Unknown { reason: Reason::NoData, newest: None };
        let seen = self.seen(step, batch).into_iter().zip(&self.look().series);
        seen.map(|(seen, stand)| {
            let [_, anomalous_until] = stand.anomalous_until;
            Seen { condition: stand.slow.unwrap_or(nothing), anomalous_until, ..seen }
        })
        .collect()
    }
}

/// Since when the slow layer finds a series anomalous; none where it does not.
fn slow_since(stand: &Stand) -> Option<Timestamp> {
    match stand.slow {
        Some(Condition::Anomalous { since, .. }) => Some(since),
        _ => None,
    }
}
