//! What the gates of a run say now. Pure: the watch, the plan and the time in, permits out.

mod blind;
mod causes;
mod held;

pub(super) use causes::Causes;
pub use held::HeldBy;

use super::evidence::evidence;
use super::look::{Look, Stand};
use super::scope::{Marked, Scope};
use super::telling::{self, Layer};
use crate::monitor::{View, Watch};
use crate::plan::{self, Opening, Plan};
use crate::sabotage::{self, Sabotage};
use crate::steps::{BatchId, Decision, Outlook, Permit, Run, Side, busy};
use crate::story::Window;
use crate::text;
use quietgate_detectors::Timestamp;
use quietgate_rules::gate::{self, Answer, Obstacle, Seen};
use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The gates of one run at one moment.
#[derive(Debug)]
pub struct Gates<'a> {
    /// The plan, as it was pinned.
    pub plan: &'a Plan,
    /// What the run has done so far.
    pub run: &'a Run,
    /// The series of the plan's signals.
    pub watch: &'a Watch,
    /// What the labels of each signal stand for, in the order of the watch.
    pub scopes: &'a [Scope],
    /// The time.
    pub now: Timestamp,
    /// The targets that other runs work on, or that are down by them.
    elsewhere: BTreeSet<&'a str>,
    /// What is asked of all series by several gates, each made once, and only where any asks.
    views: OnceCell<Vec<View<'a>>>,
    look: OnceCell<Arc<Look>>,
}

impl<'a> Gates<'a> {
    /// Those of a run of `plan` at `now`; `scopes` says what the labels of each signal of `watch` stand for.
    pub fn new(plan: &'a Plan, run: &'a Run, watch: &'a Watch, scopes: &'a [Scope], now: Timestamp) -> Self {
        let (views, look, elsewhere) = (OnceCell::new(), OnceCell::new(), BTreeSet::new());
        Self { plan, run, watch, scopes, now, elsewhere, views, look }
    }

    /// The same while these runs go on as well: the keep-up rules hold over all that is at work.
    pub fn beside(mut self, others: impl Iterator<Item = &'a Run>) -> Self {
        self.elsewhere = others.flat_map(busy).collect();
        self
    }

    /// The same by a look that was made before, where that still holds.
    pub(super) fn by(self, look: Option<&Arc<Look>>) -> Self {
        let look = look.filter(|look| look.holds_at(self.now)).map(Arc::clone);
        Self { look: look.map(OnceCell::from).unwrap_or_default(), ..self }
    }

    /// The look that these gates were asked by; none where nothing was asked of them.
    pub(super) fn into_look(self) -> Option<Arc<Look>> {
        self.look.into_inner()
    }

    /// Every required series, for who needs words.
    pub(super) fn views(&self) -> &[View<'a>] {
        self.views.get_or_init(|| self.watch.views(self.now))
    }

    /// The same for who counts.
    pub(super) fn look(&self) -> &Look {
        self.look.get_or_init(|| Arc::new(Look::new(self.watch, self.views(), self.scopes, self.now)))
    }
}

impl Gates<'_> {
    /// The plan's step of that number in the run.
    pub(super) fn step(&self, step: usize) -> Option<(usize, &plan::Step)> {
        let name = &self.run.pinned.steps[step].step;
        self.plan.steps.iter().enumerate().find(|(_, step)| step.name == *name)
    }

    /// Every required series, with what it has to do with a batch.
    pub(super) fn seen(&self, step: usize, batch: usize) -> Vec<Seen> {
        let inventory = &self.plan.inventory;
        let own = self.run.pinned.steps[step].batches[batch].iter().map(String::as_str);
        let own = Marked::of(own, inventory);
        let touched = Marked::of(self.touched(step).into_iter(), inventory);
        let seen = |stand: &Stand| {
            let [anomalous_until, _] = stand.anomalous_until;
            let (condition, signal) = (stand.condition, stand.signal);
            Seen { condition, anomalous_until, part: stand.about.part(&own, &touched), signal, blind: None }
        };
        self.look().series.iter().map(seen).collect()
    }

    /// The targets that this step has touched, or another one that is at work: all others are the control. A step that is
    /// over was clean afterwards, and what moves now is not its doing.
    fn touched(&self, step: usize) -> BTreeSet<&str> {
        let is_at_work = |other: &usize| {
            self.run.steps[*other]
                .batches
                .iter()
                .any(|batch| batch.started.is_some() && batch.passed.is_none())
        };
        let touching = self
            .run
            .all()
            .filter(|(other, _, work)| work.is_touched() && (*other == step || is_at_work(other)));
        touching.map(|(_, target, _)| target).collect()
    }

    fn hold(&self, obstacles: &[(usize, Obstacle)]) -> (String, Vec<String>) {
        let clause = |(i, obstacle): &(usize, Obstacle)| {
            let view = &self.views()[*i];
            format!("{}: {}", telling::name(self.watch, view), self.words(obstacle, view))
        };
        let mut causes = Causes::new(self.watch, self.look().is_large());
        for (i, obstacle) in obstacles {
            match obstacle {
                // samples come at different times: which series still lack some changes all the while
                Obstacle::TooShort { .. } => causes.of_all(telling::cause(obstacle)),
                _ => causes.of(&self.views()[*i], &telling::cause(obstacle)),
            }
        }
        let shown: Vec<_> = obstacles.iter().take(telling::NAMED).map(clause).collect();
        let is_blind = obstacles.iter().any(|(_, obstacle)| matches!(obstacle, Obstacle::Blind(_)));
        let helps = if is_blind { telling::HELPS_BLIND } else { "" };
        (format!("{}{helps}", telling::sentence(&shown, obstacles.len())), causes.sorted())
    }

    /// What an answer means to the run, where `asked` of the series were looked at.
    fn permit(&self, answer: Answer, asked: usize, (step, batch): BatchId) -> Permit {
        match answer {
            Answer::Proceed => {
                let count = text::counted(asked as u64, "series", "series");
                let reason = format!("{count} clean for long enough");
                Permit { decision: Decision::Proceed, reason, because: Vec::new() }
            }
            Answer::Hold(obstacles) => {
                let (reason, because) = self.hold(&obstacles);
                match self.impatience(step, batch) {
                    Some(patience) => {
                        let reason = format!("held for longer than its patience of {patience}: {reason}");
                        let blamed = sabotage::is(Sabotage::TroubleIsBlamed);
                        let decision = if blamed { Decision::Rollback } else { Decision::Pause };
                        Permit { decision, reason, because }
                    }
                    None => Permit { decision: Decision::Hold, reason, because },
                }
            }
            Answer::Blame(blamed) => {
                let seen = self.seen(step, batch);
                let started = self.run.steps[step].batches[batch].started.unwrap_or(self.now);
                self.accused(&blamed, &seen, ((step, batch), started), Layer::Fast)
            }
        }
    }

    /// With what detectors have to tell of series that they find normal, such as a few lost pings: for who reads, and held for by
    /// nobody. `is_asked` says of which places.
    fn with_told(&self, mut permit: Permit, is_asked: impl Fn(&usize) -> bool) -> Permit {
        let told: Vec<_> = self.look().told.iter().copied().filter(is_asked).collect();
        if told.is_empty() || !matches!(permit.decision, Decision::Proceed | Decision::Hold) {
            return permit;
        }
        let clause = |i: &usize| {
            let view = &self.views()[*i];
            format!("{}: {}", telling::name(self.watch, view), telling::told(view).unwrap_or_default())
        };
        let shown: Vec<_> = told.iter().take(telling::NAMED).map(clause).collect();
        permit.reason =
            format!("{}; told, not held for: {}", permit.reason, telling::sentence(&shown, told.len()));
        permit
    }

    /// The patience of a step, where its gate has held for longer.
    fn impatience(&self, step: usize, batch: usize) -> Option<String> {
        let since = self.run.steps[step].batches[batch].held.as_ref()?.since;
        let patience_ms = self.step(step)?.1.gate.patience_ms;
        let held_ms = self.now.as_millis().saturating_sub(since.as_millis());
        (held_ms > patience_ms).then(|| text::duration(patience_ms))
    }

    fn closed(&self, step: usize) -> Option<String> {
        match self.plan.open(step, self.now.as_millis()) {
            Opening::Open { .. } => None,
            Opening::Closed { until_ms, reason } => {
                let until =
                    until_ms.map_or("for good".to_owned(), |ms| format!("until {}", text::rfc3339(ms)));
                Some(match reason {
                    plan::Reason::NotAllowed => format!("outside of the allowed windows {until}"),
                    plan::Reason::Denied(range) => format!("inside of the denied window {range} {until}"),
                })
            }
        }
    }

    fn beyond_limits(&self, step: usize, busy: &BTreeSet<&str>, more: &[&str]) -> Option<String> {
        let at_work = busy.iter().chain(more).collect::<BTreeSet<_>>().len();
        if let Some(most) = self.plan.limits.in_flight.filter(|most| at_work > *most as usize) {
            return Some(format!("{at_work} targets would be at work or down, {most} may"));
        }
        let begun = |(i, state): &(usize, &crate::steps::Step)| {
            *i != step && state.batches.iter().any(|batch| batch.started.is_some() && batch.passed.is_none())
        };
        let steps = 1 + self.run.steps.iter().enumerate().filter(begun).count();
        let most = self.plan.limits.steps.filter(|most| steps > *most as usize)?;
        Some(format!("{steps} steps would be at work, {most} may"))
    }
}

impl Outlook for Gates<'_> {
    fn now(&self) -> Timestamp {
        self.now
    }

    fn before(&self, step: usize, batch: usize) -> Permit {
        let (answer, _) = self.asked_before(step, batch);
        let permit = self.permit(answer, self.look().series.len(), (step, batch));
        self.with_told(permit, |_| true)
    }

    fn after(&self, step: usize, batch: usize, over: bool) -> Permit {
        let (answer, _) = self.asked_after(step, batch, over);
        // while it is at work and nothing is to be blamed, nobody counts its series
        if !over && answer == Answer::Hold(Vec::new()) {
            return self.permit(answer, 0, (step, batch));
        }
        let seen = self.seen(step, batch);
        let own = seen.iter().filter(|series| series.part == gate::Part::Own).count();
        let permit = self.permit(answer, own, (step, batch));
        if over { self.with_told(permit, |i| seen[*i].part == gate::Part::Own) } else { permit }
    }

    fn forbidden(&self, step: usize, at_work: &BTreeSet<&str>, more: &[&str]) -> Option<String> {
        let Some((number, _)) = self.step(step) else { return Some("the plan has no such step".to_owned()) };
        let index = |name: &&str| self.plan.inventory.find(name);
        let down: BTreeSet<_> = at_work.union(&self.elsewhere).filter_map(index).collect();
        let wanted: Vec<_> = more.iter().filter_map(index).collect();
        // the rules of every step that is at work must hold for all targets
        let own = std::iter::once(number);
        let steps =
            own.chain((0..self.plan.steps.len()).filter(|other| *other != number && self.is_begun(*other)));
        let short =
            |step| plan::kept_up(self.plan, step, &down, &wanted).err().map(|shortage| shortage.to_string());
        if sabotage::is(Sabotage::KeepUpNotAsked) {
            return self.closed(number);
        }
        self.closed(number)
            .or_else(|| self.beyond_limits(step, at_work, more))
            .or_else(|| steps.map(short).find_map(|s| s))
    }

    fn soak_ms(&self, step: usize) -> i64 {
        self.step(step).map_or(0, |(_, step)| step.soak_ms)
    }

    fn late(&self) -> Vec<(BatchId, Permit)> {
        self.blamed_late()
    }

    fn watch_after_ms(&self) -> i64 {
        self.plan.watch_after_ms
    }

    fn unwatched(&self) -> Option<String> {
        self.without_watch()
    }

    fn evidence(&self) -> serde_json::Value {
        let blind = if self.look().is_large() { self.blind() } else { &[] };
        evidence(self.watch, self.views(), |i| blind.get(i) == Some(&true))
    }
}

impl Gates<'_> {
    /// Whether the step of that number in the plan has a batch at work.
    fn is_begun(&self, number: usize) -> bool {
        let run = self.run.step(&self.plan.steps[number].name);
        run.is_some_and(|step| {
            self.run.steps[step].batches.iter().any(|batch| batch.started.is_some() && batch.passed.is_none())
        })
    }

    /// How far the clean window is that the gate on this side of a batch needs; none where it needs none any more.
    pub fn window(&self, (step, batch): BatchId, side: Side) -> Option<Window> {
        let (answer, wanted_ms) = match side {
            Side::Before => self.asked_before(step, batch),
            Side::After => self.asked_after(step, batch, true),
            Side::Late => return None,
        };
        let Answer::Hold(obstacles) = answer else { return None };
        // what must grow there is another thing than the window
        if obstacles.iter().any(|(_, obstacle)| matches!(obstacle, Obstacle::Blind(_))) {
            return None;
        }
        let clean = |(_, obstacle): &(usize, Obstacle)| match obstacle {
            Obstacle::TooShort { clean_ms, .. } => *clean_ms,
            Obstacle::Unknown(_)
            | Obstacle::Blind(_)
            | Obstacle::Suspect { .. }
            | Obstacle::Anomalous { .. }
            | Obstacle::Expected { .. }
            | Obstacle::Slow { .. } => 0,
        };
        Some(Window { clean_ms: obstacles.iter().map(clean).min().unwrap_or(0), wanted_ms })
    }

    /// What the gate before a batch answers, the slow layer included, and how long its clean window must be.
    fn asked_before(&self, step: usize, batch: usize) -> (Answer, i64) {
        let clean_ms = self.step(step).map_or(i64::MAX, |(_, step)| step.gate.clean_before_ms);
        if self.is_open_before(clean_ms) {
            return (Answer::Proceed, clean_ms);
        }
        let slow = self.held_late();
        let answer = match gate::before(&self.seen_before((step, batch)), self.now, clean_ms) {
            answer if slow.is_empty() => answer,
            Answer::Hold(obstacles) => Answer::Hold(obstacles.into_iter().chain(slow).collect()),
            Answer::Proceed | Answer::Blame(_) => Answer::Hold(slow),
        };
        (answer, clean_ms)
    }

    /// Whether every one of very many series was clean for so long, whatever it has to do with a batch: then it need not be asked
    /// what that is, for each target that starts.
    fn is_open_before(&self, clean_ms: i64) -> bool {
        let look = self.look();
        look.is_large() && look.is_clean_for(clean_ms) && !look.is_slowly_moving && self.blind().is_empty()
    }

    /// What the gate after the start of a batch answers, and how long its clean window must be.
    fn asked_after(&self, step: usize, batch: usize, over: bool) -> (Answer, i64) {
        let seen = || self.seen(step, batch);
        let state = &self.run.steps[step].batches[batch];
        let clean_ms = self.step(step).map_or(i64::MAX, |(_, step)| step.gate.clean_after_ms);
        let answer = match (state.started, state.ended) {
            (Some(started), Some(ended)) if over => {
                gate::after(&seen(), (started, ended), self.now, clean_ms)
            }
            // every target was skipped: there is nothing to look at
            (None, _) if over => Answer::Proceed,
            // where nothing is anomalous nothing is to be blamed
            (Some(started), _) if self.look().is_moving => match gate::blamed(&seen(), started) {
                blamed if blamed.is_empty() => Answer::Hold(Vec::new()),
                blamed => Answer::Blame(blamed),
            },
            (Some(_) | None, _) => Answer::Hold(Vec::new()),
        };
        (answer, clean_ms)
    }

    /// The targets that are at work or down.
    pub fn busy(&self) -> BTreeSet<&str> {
        busy(self.run)
    }
}

#[cfg(test)]
mod layers;
#[cfg(test)]
pub(in crate::run) mod tests;
