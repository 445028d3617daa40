//! The series of the targets as they are, and what a source makes of them: it lies.

use super::case::{Case, STEP_MS};
use super::dice::Dice;
use quietgate::monitor::Labels;
use quietgate_detectors::{Reason, Sample};

/// The series, those of the targets first, in their order.
#[derive(Debug)]
pub(crate) struct Fleet {
    pub(crate) series: Vec<Series>,
    /// Until when the source can say nothing, and why.
    down: Option<(i64, Reason)>,
    lies: [bool; 9],
    /// Whether it has what was asked for in vain when it is back.
    remembers: bool,
}

/// A series.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) signal: usize,
    pub(crate) labels: Labels,
    /// Whether something is wrong with what it measures.
    pub(crate) is_bad: bool,
    /// Whether it drifts: so little that the slow layer alone can see it.
    pub(crate) drifts: bool,
    /// Until when it moves as an action lets it.
    pub(crate) stirred_ms: i64,
    /// Until when nothing is heard of it, or only the same again.
    gone_ms: i64,
    frozen_ms: i64,
    delayed: Vec<(i64, Sample)>,
    missed: Vec<Sample>,
    /// What a new driver is told of the past.
    past: Vec<Sample>,
}

/// What a source says.
#[derive(Debug)]
pub(crate) enum Saying {
    Samples { series: usize, samples: Vec<Sample> },
    Trouble { signal: usize, reason: Reason },
}

/// One of so many samples is a lie of each kind that the source tells.
const RARE: u64 = 300;
/// A new driver is told of so many samples of the past.
const PAST: usize = 20;

impl Fleet {
    pub(crate) fn new(case: &Case, dice: &mut Dice) -> Self {
        let labels = |label: &str, value: &str| Labels::from([(label, value)]);
        let hosts = case.plan.inventory.targets.iter().map(|target| (0, labels("host", &target.name)));
        let load = case.load.then(|| (1, labels("site", "here")));
        let series = hosts.chain(load).map(|(signal, labels)| Series::new(signal, labels)).collect();
        Self { series, down: None, lies: case.faults.lies, remembers: dice.one_in(2) }
    }

    /// Nothing lies any more, and everything is well.
    pub(crate) fn calm(&mut self) {
        self.lies = [false; 9];
        self.down = None;
        for series in &mut self.series {
            (series.is_bad, series.gone_ms, series.frozen_ms) = (false, 0, 0);
            (series.drifts, series.stirred_ms) = (false, 0);
            series.delayed.clear();
        }
    }

    /// Something moves, or comes to rest again.
    pub(crate) fn weather(&mut self, dice: &mut Dice, moves: bool) {
        let everywhere = moves && dice.one_in(250);
        let all_drift = moves && dice.one_in(250);
        for series in &mut self.series {
            if all_drift || (moves && dice.one_in(700)) {
                series.drifts = true;
            } else if dice.one_in(25) {
                series.drifts = false;
            }
            if everywhere || (moves && dice.one_in(700)) {
                series.is_bad = true;
            } else if dice.one_in(12) {
                series.is_bad = false;
            }
        }
    }

    /// What is heard of the second that ends at `at_ms`.
    pub(crate) fn say(&mut self, dice: &mut Dice, at_ms: i64) -> Vec<Saying> {
        let reasons = [Reason::SourceDown, Reason::Partial, Reason::CounterReset];
        if self.down.is_none() && self.lies[0] && dice.one_in(RARE) {
            self.down = Some((at_ms + dice.between(1, 12) * STEP_MS, dice.pick(&reasons)));
        }
        self.down = self.down.filter(|(until, _)| at_ms < *until);
        let mut out = Vec::new();
        for (number, series) in self.series.iter_mut().enumerate() {
            let value = match (series.is_bad || at_ms < series.stirred_ms, series.drifts) {
                (true, _) => 90.0,
                (false, true) => 30.0,
                (false, false) => dice.roll(5) as f64,
            };
            let samples = match self.down {
                Some(_) => {
                    series.missed.extend(self.remembers.then(|| Sample::new(at_ms, value)));
                    continue;
                }
                None => series.say(dice, &self.lies, at_ms, value),
            };
            series.past.extend(&samples);
            series.past.drain(..series.past.len().saturating_sub(PAST));
            if !samples.is_empty() {
                out.push(Saying::Samples { series: number, samples });
            }
        }
        if let Some((_, reason)) = self.down {
            let signals = 1 + self.series.iter().map(|series| series.signal).max().unwrap_or(0);
            out.extend((0..signals).map(|signal| Saying::Trouble { signal, reason }));
        }
        out
    }

    /// What a new driver is told first, where the source knows of the past.
    pub(crate) fn past(&self) -> Vec<Saying> {
        let known = self.series.iter().enumerate().filter(|_| self.remembers && self.down.is_none());
        let known = known.filter(|(_, series)| !series.past.is_empty());
        known
            .map(|(number, series)| Saying::Samples { series: number, samples: series.past.clone() })
            .collect()
    }
}

impl Series {
    fn new(signal: usize, labels: Labels) -> Self {
        Self {
            signal,
            labels,
            is_bad: false,
            drifts: false,
            stirred_ms: 0,
            gone_ms: 0,
            frozen_ms: 0,
            delayed: Vec::new(),
            missed: Vec::new(),
            past: Vec::new(),
        }
    }

    fn say(&mut self, dice: &mut Dice, lies: &[bool; 9], at_ms: i64, value: f64) -> Vec<Sample> {
        let mut lie = |number: usize| lies[number] && dice.one_in(RARE);
        let (goes, freezes) = (lie(1), lie(2));
        let (lost, late, again, not_a_number, conflict, future) =
            (lie(3), lie(4), lie(5), lie(6), lie(7), lie(8));
        if goes {
            self.gone_ms = at_ms + dice.between(2, 15) * STEP_MS;
        }
        if freezes {
            self.frozen_ms = at_ms + dice.between(2, 15) * STEP_MS;
        }
        let mut out = std::mem::take(&mut self.missed);
        out.extend(self.delayed.extract_if(.., |(due_ms, _)| *due_ms <= at_ms).map(|(_, sample)| sample));
        let sample = Sample::new(at_ms, value);
        match () {
            () if at_ms < self.gone_ms || lost => {}
            // the same sample, as a server says it that lost its target
            () if at_ms < self.frozen_ms => out.extend(self.past.last().copied()),
            () if late => self.delayed.push((at_ms + dice.between(1, 5) * STEP_MS, sample)),
            () if not_a_number => {
                out.push(Sample::new(at_ms, dice.pick(&[f64::NAN, f64::INFINITY, f64::NEG_INFINITY])));
                out.extend(dice.one_in(4).then_some(sample));
            }
            () if conflict => out.extend([sample, Sample::new(at_ms, value + 1.0)]),
            () if again => out.extend([sample, sample]),
            () if future => out.push(Sample::new(at_ms + dice.between(1, 5) * STEP_MS, value)),
            () => out.push(sample),
        }
        out
    }
}
