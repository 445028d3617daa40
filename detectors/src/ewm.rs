//! Exponentially weighted mean and variance of the whole past of a series.
//!
//! The recurrence of West (1979) with unequal weights: equal to pandas `ewm(com, adjust=True,
//! ignore_na=False)` with `mean()` and `std(bias=False)`, in O(1) a sample.

use crate::options::{Accepts, Default, OptionDoc, Options};
use crate::verdict::{Evidence, Verdict};
use crate::words::number;

/// The option `com` of what rests on an [`Ewm`].
pub(crate) const COM: OptionDoc = OptionDoc {
    name: "com",
    accepts: Accepts::Number { min: 0.5, max: 1e6 },
    default: Default::Number(50.0),
    unit: "samples",
    why: "centre of mass of the weights: the past com samples count for about 63 %; 50 as the origin story has it",
};

/// The newest sample weighs 1, each step back weighs `com / (1 + com)` times less.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ewm {
    /// Weight of a sample against that of the next one.
    keep: f64,
    mean: f64,
    /// Weighted sum of squared deviations from the mean.
    spread: f64,
    /// Sum of the weights, and of their squares.
    weight: f64,
    weight2: f64,
    /// 1 / weight, and what turns the spread into an unbiased variance: both follow from the weights alone.
    share: f64,
    unbias: f64,
    /// The weights have reached their limit: after some 37 × com samples without a gap they no longer move.
    settled: bool,
    count: u64,
    /// Cells without a sample since the newest; they weigh in with the next sample, however they were told.
    gap: u64,
}

impl Ewm {
    /// With the centre of mass of option `com`.
    pub(crate) fn from_options(options: &Options) -> Self {
        Self::new(options.the_number(COM.name))
    }

    /// Centre of mass `com` in samples, above 0.
    pub(crate) fn new(com: f64) -> Self {
        Self {
            keep: com / (1.0 + com),
            mean: 0.0,
            spread: 0.0,
            weight: 0.0,
            weight2: 0.0,
            share: 0.0,
            unbias: f64::NAN,
            settled: false,
            count: 0,
            gap: 0,
        }
    }

    /// Takes the next sample in.
    #[inline(always)]
    pub(crate) fn learn(&mut self, value: f64) {
        if !self.settled {
            self.weigh();
        }
        self.update(value);
        self.count += 1;
    }

    /// Mean and spread with one more sample, by the weights as they are.
    #[inline(always)]
    fn update(&mut self, value: f64) {
        let deviation = value - self.mean;
        self.mean += deviation * self.share;
        self.spread = self.spread * self.keep + deviation * (value - self.mean);
    }

    /// Lets `cells` cells without a sample pass: the past loses weight, mean and variance stay what they were. A
    /// past that has faded away has no variance.
    pub(crate) fn decay(&mut self, cells: u64) {
        if self.count == 0 || cells == 0 {
            return;
        }
        self.gap = self.gap.saturating_add(cells);
        self.settled = false;
        if self.weight2 * self.kept().powi(2) < f64::MIN_POSITIVE {
            self.unbias = f64::NAN;
        }
    }

    /// What the gap leaves of the weights.
    fn kept(&self) -> f64 {
        self.keep.powi(i32::try_from(self.gap).unwrap_or(i32::MAX))
    }

    /// The mean; 0 before the first sample.
    #[inline(always)]
    pub(crate) fn mean(&self) -> f64 {
        self.mean
    }

    /// The unbiased variance; not a number before the second sample.
    #[inline(always)]
    pub(crate) fn variance(&self) -> f64 {
        self.spread * self.unbias
    }

    /// How many samples were taken in.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    fn weigh(&mut self) {
        if self.gap > 0 {
            let kept = self.kept();
            self.weight *= kept;
            self.weight2 *= kept * kept;
            self.spread *= kept;
            self.gap = 0;
        }
        let weight = self.weight * self.keep + 1.0;
        let weight2 = self.weight2 * self.keep * self.keep + 1.0;
        self.settled = weight == self.weight && weight2 == self.weight2;
        (self.weight, self.weight2) = (weight, weight2);
        self.share = 1.0 / weight;
        let freedom = weight - weight2 / weight;
        self.unbias = if freedom > 0.0 { 1.0 / freedom } else { f64::NAN };
    }
}

/// An [`Ewm`] along a run of cells.
#[derive(Debug)]
pub(crate) struct EwmRun {
    now: Ewm,
    /// Before the newest cell.
    before: Ewm,
    /// Mean and variance before the first cell of the run and after each of its cells.
    track: Vec<(f64, f64)>,
}

impl EwmRun {
    pub(crate) fn new(ewm: Ewm) -> Self {
        Self { now: ewm, before: ewm, track: Vec::new() }
    }

    /// How many samples were taken in.
    pub(crate) fn count(&self) -> u64 {
        self.now.count()
    }

    /// Whether the weights have reached their limit: then there is a variance, until the next gap.
    pub(crate) fn is_firm(&self) -> bool {
        self.now.settled
    }

    /// Takes in a run, and says how mean and variance went: one entry more than there are values.
    #[inline(always)]
    pub(crate) fn learn(&mut self, values: &[f64]) -> &[(f64, f64)] {
        self.track.resize(values.len() + 1, (0.0, 0.0));
        self.track[0] = (self.now.mean(), self.now.variance());
        let mut learnt = 0;
        while learnt < values.len() && !self.now.settled {
            self.before = self.now;
            self.now.learn(values[learnt]);
            learnt += 1;
            self.track[learnt] = (self.now.mean(), self.now.variance());
        }
        self.learn_settled(&values[learnt..], learnt + 1);
        &self.track
    }

    /// The same for the rest of a run, while the weights do not move: what does not change stays in registers.
    #[inline(always)]
    fn learn_settled(&mut self, values: &[f64], from: usize) {
        let Some((&last, others)) = values.split_last() else { return };
        let mut now = self.now;
        let track = &mut self.track[from..];
        for (place, &value) in track.iter_mut().zip(others) {
            now.update(value);
            *place = (now.mean, now.spread * now.unbias);
        }
        now.count += others.len() as u64;
        self.before = now;
        now.learn(last);
        track[others.len()] = (now.mean(), now.variance());
        self.now = now;
    }

    /// The next `cells` cells have no value.
    pub(crate) fn skip(&mut self, cells: u64) {
        self.now.decay(cells);
    }

    /// The newest cell has no value after all.
    pub(crate) fn retract(&mut self) {
        self.now = self.before;
        self.now.decay(1);
    }
}

/// A limit of so many standard deviations on either side of the mean.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sigmas {
    k: f64,
}

/// A deviation under this share of the mean is rounding: a constant series never fires.
const ROUNDING: f64 = 1e-9;

impl Sigmas {
    pub(crate) const OPTION: OptionDoc = OptionDoc {
        name: "k",
        accepts: Accepts::Number { min: 0.1, max: 1000.0 },
        default: Default::Number(3.0),
        unit: "sigma",
        why: "how far from the mean a value must be: 3 sigma is passed by 0.27 % of the samples of a normal law",
    };

    pub(crate) fn from_options(options: &Options) -> Self {
        Self { k: options.the_number(Self::OPTION.name) }
    }

    /// The verdict on `value` against a mean and variance. Squares are compared, which saves the root.
    #[inline(always)]
    pub(crate) fn judge(self, value: f64, (mean, variance): (f64, f64)) -> Verdict {
        let deviation = value - mean;
        let beyond = deviation * deviation > self.k * self.k * variance;
        let real = deviation.abs() > ROUNDING * mean.abs().max(f64::MIN_POSITIVE);
        Verdict::of(beyond & real, deviation > 0.0)
    }

    /// Score: deviation / (k × sigma), 0 where the deviation is rounding. Basis: the mean. `points` samples.
    pub(crate) fn evidence(self, value: f64, (mean, variance): (f64, f64), points: u64) -> Evidence {
        // rounding may leave a variance just below 0
        let reach = self.k * variance.max(0.0).sqrt();
        let deviation = (value - mean).abs();
        let score = if deviation <= ROUNDING * mean.abs() { 0.0 } else { deviation / reach };
        let points = u32::try_from(points).unwrap_or(u32::MAX);
        Evidence { value, lower: mean - reach, upper: mean + reach, score, points, basis: mean }
    }

    pub(crate) fn words(self, verdict: Verdict, evidence: &Evidence) -> String {
        let sigma = number((evidence.upper - evidence.basis) / self.k);
        let (value, mean, k) = (number(evidence.value), number(evidence.basis), number(self.k));
        let of = format!("mean and sigma of {} samples", evidence.points);
        match verdict {
            Verdict::Surge => {
                format!("value {value} is above {} = {mean} + {k} x {sigma}, {of}", number(evidence.upper))
            }
            Verdict::Drop => {
                format!("value {value} is below {} = {mean} - {k} x {sigma}, {of}", number(evidence.lower))
            }
            _ => format!("value {value} is within {mean} +- {k} x {sigma}, {of}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean and unbiased variance straight from the definition.
    fn by_definition(com: f64, cells: &[Option<f64>]) -> (f64, f64) {
        let keep = com / (1.0 + com);
        let weighed: Vec<(f64, f64)> = cells
            .iter()
            .rev()
            .enumerate()
            .filter_map(|(age, v)| v.map(|v| (keep.powi(age as i32), v)))
            .collect();
        let w: f64 = weighed.iter().map(|(w, _)| w).sum();
        let w2: f64 = weighed.iter().map(|(w, _)| w * w).sum();
        let mean = weighed.iter().map(|(w, v)| w * v).sum::<f64>() / w;
        let biased = weighed.iter().map(|(w, v)| w * (v - mean).powi(2)).sum::<f64>() / w;
        (mean, biased * w * w / (w * w - w2))
    }

    #[test]
    fn equals_the_definition_with_and_without_gaps() {
        let mut cells = Vec::new();
        let mut ewm = Ewm::new(50.0);
        for i in 0..400u32 {
            if (100..130).contains(&i) {
                let before = ewm.variance();
                ewm.decay(1);
                assert!(
                    (ewm.variance() - before).abs() <= 1e-12 * before,
                    "a gap does not change the variance"
                );
                cells.push(None);
                continue;
            }
            let value = f64::from((i * 37) % 101);
            ewm.learn(value);
            cells.push(Some(value));
            if i > 0 {
                let (mean, variance) = by_definition(50.0, &cells);
                assert!((ewm.mean() - mean).abs() <= 1e-12 * mean.abs(), "mean at {i}");
                assert!((ewm.variance() - variance).abs() <= 1e-11 * variance, "variance at {i}");
            }
        }
    }

    #[test]
    fn one_sample_has_no_variance_and_a_constant_has_none_at_all() {
        let mut ewm = Ewm::new(50.0);
        ewm.learn(0.1);
        assert!(ewm.variance().is_nan());
        for _ in 0..5000 {
            ewm.learn(0.1);
        }
        assert_eq!((ewm.mean(), ewm.variance()), (0.1, 0.0));
        assert!(ewm.settled);
    }
}
