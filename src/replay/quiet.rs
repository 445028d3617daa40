//! How long a run lasts where every gate opens as soon as it may: the same machine, put through series that are always clean.

use super::course::Stage;
use super::ran::Ending;
use super::series::Stream;
use super::tape::Tape;
use crate::monitor::{Labels, MonitorSpec, Watch, Watched};
use crate::plan::{Opening, Plan};
use crate::run::Refused;
use quietgate_detectors::{Calendar, DAY_MS, OptionValue, Sample, Spec, Timestamp};
use quietgate_rules::{Direction, RuleSpec, Sustain};
use std::collections::BTreeMap;

/// A week and a day: the longest that a window stays closed that opens once a week.
const CLOSED_MS: i64 = 8 * DAY_MS;

/// So often is tried with longer series, where a run comes to no end.
const TRIES: usize = 4;

/// Lengths of quiet runs, found when they are asked for.
#[derive(Debug, Clone)]
pub(super) struct Quiet<'a> {
    stage: &'a Stage<'a>,
    tape: &'a Tape,
    watch: Watch,
    /// The spacing of each signal's samples, and a time at which there is one.
    grids: Vec<(i64, i64)>,
    known: BTreeMap<i64, i64>,
}

impl<'a> Quiet<'a> {
    /// For runs of `stage` over `tape`, whose series are those of `watch`.
    pub(super) fn new(stage: &'a Stage<'a>, tape: &'a Tape, watch: &Watch) -> Self {
        let grid = |(signal, watched): (usize, &Watched)| {
            let own = tape.streams.iter().find(|stream| stream.signal == signal);
            let first = own.and_then(|stream| stream.samples.first());
            (watched.spec.interval.as_millis(), first.map_or(0, |sample| sample.at.as_millis()))
        };
        let grids = watch.signals().enumerate().map(grid).collect();
        let watch = Watch::new(watch.signals().map(always_clean).collect());
        Self { stage, tape, watch, grids, known: BTreeMap::new() }
    }

    /// How long a quiet run lasts that is started at `start`, in milliseconds.
    pub(super) fn of(&mut self, start: Timestamp) -> Result<i64, Refused> {
        let plan = self.stage.plan;
        let (start_ms, opens_ms) = (start.as_millis(), opens(plan, start.as_millis()));
        let begins = self.tape.look_from(Timestamp::from_millis(opens_ms)).as_millis();
        let has_windows = plan.windows.is_some() || plan.steps.iter().any(|step| step.windows.is_some());
        let slowest = self.grids.iter().map(|(interval, _)| *interval).max().unwrap_or(1);
        let key = if has_windows { begins } else { begins.rem_euclid(slowest) };
        let length = match self.known.get(&key) {
            Some(length) => *length,
            None => {
                let length = self.length(begins, has_windows)?;
                self.known.insert(key, length);
                length
            }
        };
        Ok(begins - start_ms + length)
    }

    fn length(&self, begins: i64, has_windows: bool) -> Result<i64, Refused> {
        let mut most = self.most_ms();
        let more = if has_windows { CLOSED_MS } else { 0 };
        for _ in 1..TRIES {
            match self.driven(begins, most)? {
                (Ending::CutOff, _) => most = most.saturating_mul(4).saturating_add(more),
                (_, length) => return Ok(length),
            }
        }
        // a window that never opens: then it is as long as that was looked at
        Ok(self.driven(begins, most)?.1)
    }

    fn driven(&self, begins: i64, most_ms: i64) -> Result<(Ending, i64), Refused> {
        let clean_ms = self.stage.plan.steps.iter().map(|step| step.gate.clean_before_ms).max().unwrap_or(0);
        let slowest = self.grids.iter().map(|(interval, _)| *interval).max().unwrap_or(1);
        let step_ms = self.tape.step_ms();
        let lead = (clean_ms + 2 * slowest) / step_ms + 2;
        let (first, last) = (begins - lead * step_ms, begins.saturating_add(most_ms));
        let stream = |(signal, &(interval, at)): (usize, &(i64, i64))| {
            let from = first + (at - first).rem_euclid(interval);
            let steps = (last - from) / interval;
            let samples = (0..=steps).map(|k| Sample::new(from + k * interval, 0.0)).collect();
            Stream { signal, labels: Labels::new(), series: 0, name: String::new(), samples }
        };
        let streams = self.grids.iter().enumerate().map(stream).collect();
        let tape = Tape::over(streams, (first, last), step_ms);
        let (mut watch, mut place, now) = (self.watch.clone(), tape.begin(), Timestamp::from_millis(begins));
        tape.play(&mut place, now, |signal, labels, samples| watch.observe(signal, labels, samples));
        let passage = self.stage.drive(&tape, (watch, place), now, &mut |_, _| {})?;
        Ok((passage.ending, passage.end.as_millis() - begins))
    }

    /// About as long as a quiet run can be that waits for no window, in milliseconds.
    fn most_ms(&self) -> i64 {
        let slowest = self.grids.iter().map(|(interval, _)| *interval).max().unwrap_or(1);
        let of = |(number, pinned): (usize, &crate::steps::PinnedStep)| {
            let step = self.stage.plan.steps.iter().find(|step| step.name == pinned.step);
            let step = step.unwrap_or(&self.stage.plan.steps[number]);
            let takes = self.stage.takes.iter().find(|takes| takes.step == step.name);
            let gates = step.gate.clean_before_ms.saturating_add(step.gate.clean_after_ms);
            let action = takes.map_or(0, |takes| takes.action_ms);
            let one = gates.saturating_add(step.soak_ms).saturating_add(action).saturating_add(4 * slowest);
            one.saturating_mul(pinned.batches.len() as i64)
        };
        let steps = self.stage.pinned.steps.iter().enumerate().map(of);
        steps.fold(4 * slowest, i64::saturating_add)
    }
}

/// When the first step may begin that is asked for at `at_ms`, as far as windows go.
fn opens(plan: &Plan, at_ms: i64) -> i64 {
    let first = plan.steps.iter().position(|step| step.after.is_empty()).unwrap_or(0);
    match plan.open(first, at_ms) {
        Opening::Closed { until_ms: Some(until), .. } => until.max(at_ms),
        _ => at_ms,
    }
}

/// The same signal, judged by a limit that nothing is above, without anything that must be there.
fn always_clean(watched: &Watched) -> Watched {
    let above = [("above".to_owned(), OptionValue::Number(f64::MAX))];
    let limit = Spec::new("threshold", &above).expect("a limit is all that the kind needs");
    let rule = RuleSpec::new("any", &[], vec![limit], Direction::Up, Sustain::ONE);
    let rule = rule.expect("one detector is enough for the kind");
    let (interval, calendar) = (watched.spec.interval, Calendar::Utc);
    let (rules, slow, lateness_ms) = (vec![rule], None, watched.spec.lateness_ms);
    let spec = MonitorSpec { rules, slow, interval, calendar, lateness_ms };
    Watched { name: watched.name.clone(), spec, max_age_ms: watched.max_age_ms, expect: Vec::new() }
}
