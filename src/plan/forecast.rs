//! How long a run takes where all stays quiet.

use super::{Order, Plan, Step};

/// The length of a run of a plan in which every gate opens as soon as it may, in milliseconds. Maintenance windows,
/// approvals, and whatever makes a gate hold come on top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forecast {
    /// Where actions take no time.
    pub least_ms: i64,
    /// Where each action takes as long as it may, in each of its attempts.
    pub most_ms: i64,
}

/// The forecast for `plan`, whose order is `order`.
///
/// The clean window before the first batch is waited for as if nothing was known of the time before the run; later it has
/// grown while others were at work, unless they were expected to move something. After a batch comes its clean window, which
/// begins once nothing is expected to move any more, after a step its soak, and after the last the watch of the slow layer.
pub fn forecast(plan: &Plan, order: &Order) -> Forecast {
    let length = |work: &dyn Fn(&Step) -> i64| Schedule::new(plan, order, work).length();
    let longest =
        |step: &Step| step.action.timeout_ms.saturating_mul(i64::from(step.action.retries).saturating_add(1));
    Forecast { least_ms: length(&|_| 0), most_ms: length(&longest) }
}

/// A run put through time: whatever may start does, in the order of the steps.
struct Schedule<'a> {
    plan: &'a Plan,
    order: &'a Order,
    work: &'a dyn Fn(&Step) -> i64,
    /// Beside each step of the order: how far it is.
    states: Vec<State>,
    /// Since when nothing is expected to move.
    still_from: i64,
}

#[derive(Debug, Clone, Copy)]
struct State {
    /// The batch that comes next or is at work.
    batch: usize,
    /// When the batch at work, or the soak behind the last one, ends.
    busy_until: Option<i64>,
    done: bool,
}

impl<'a> Schedule<'a> {
    fn new(plan: &'a Plan, order: &'a Order, work: &'a dyn Fn(&Step) -> i64) -> Self {
        let states = vec![State { batch: 0, busy_until: None, done: false }; order.steps.len()];
        Self { plan, order, work, states, still_from: 0 }
    }

    fn length(mut self) -> i64 {
        let mut now = 0;
        loop {
            while self.end_at(now) | self.start_at(now) {}
            let ends = self.states.iter().filter_map(|state| state.busy_until);
            let opens = (0..self.states.len()).filter(|i| self.waits_for_window(*i)).map(|i| self.window(i));
            // a time that has passed opens nothing any more: what waits then waits for others
            match ends.chain(opens).filter(|at| *at > now).min() {
                Some(next) => now = next,
                None => return now.saturating_add(self.plan.watch_after_ms),
            }
        }
    }

    /// Ends what ends now; whether there was anything.
    fn end_at(&mut self, now: i64) -> bool {
        let mut any = false;
        for (state, order) in self.states.iter_mut().zip(&self.order.steps) {
            if state.busy_until.is_some_and(|end| end <= now) {
                state.busy_until = None;
                state.batch += 1;
                state.done = state.batch >= order.batches.len();
                any = true;
            }
        }
        any
    }

    /// Starts what may start now; whether there was anything.
    fn start_at(&mut self, now: i64) -> bool {
        let mut any = false;
        for i in 0..self.states.len() {
            if !self.may_start(i) || self.window(i) > now {
                continue;
            }
            any = true;
            let batches = &self.order.steps[i].batches;
            if batches.is_empty() {
                self.states[i].done = true;
                continue;
            }
            let step = self.step(i);
            let last = self.states[i].batch + 1 == batches.len();
            let soak = if last { step.soak_ms } else { 0 };
            let busy = (self.work)(step).max(step.settles_ms());
            if step.settles_ms() > 0 {
                self.still_from = self.still_from.max(now.saturating_add(step.settles_ms()));
            }
            let length = busy.saturating_add(step.gate.clean_after_ms).saturating_add(soak);
            self.states[i].busy_until = Some(now.saturating_add(length));
        }
        any
    }

    fn step(&self, i: usize) -> &'a Step {
        &self.plan.steps[self.order.steps[i].step]
    }

    /// When the clean window before its batches is full.
    fn window(&self, i: usize) -> i64 {
        self.still_from.saturating_add(self.step(i).gate.clean_before_ms)
    }

    fn waits_for_window(&self, i: usize) -> bool {
        !self.states[i].done && self.states[i].busy_until.is_none()
    }

    /// Whether the next batch may start as far as other steps and the limits go.
    fn may_start(&self, i: usize) -> bool {
        let state = &self.states[i];
        if state.done || state.busy_until.is_some() {
            return false;
        }
        let is_done = |name: &String| {
            let mut others = (0..self.states.len()).filter(|other| self.step(*other).name == *name);
            others.all(|other| self.states[other].done)
        };
        if !self.step(i).after.iter().all(is_done) {
            return false;
        }
        let busy: Vec<usize> =
            (0..self.states.len()).filter(|i| self.states[*i].busy_until.is_some()).collect();
        let at_work = (0..self.states.len())
            .filter(|i| !self.states[*i].done && (self.states[*i].batch > 0 || busy.contains(i)));
        let steps = at_work.filter(|other| *other != i).count();
        let width = |i: usize| {
            self.order.steps[i].batches.get(self.states[i].batch).map_or(0, |batch| batch.targets.len())
        };
        let targets: usize = busy.iter().map(|other| width(*other)).sum::<usize>() + width(i);
        let fits = |limit: Option<u32>, count: usize| limit.is_none_or(|limit| count <= limit as usize);
        fits(self.plan.limits.steps, steps + 1)
            && (busy.is_empty() || fits(self.plan.limits.in_flight, targets))
    }
}
