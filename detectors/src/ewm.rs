//! Exponentially weighted mean and variance of the whole past of a series.
//!
//! The recurrence of West (1979) with unequal weights: equal to pandas `ewm(com, adjust=True,
//! ignore_na=False)` with `mean()` and `std(bias=False)`, in O(1) a sample.

use crate::settled::{Moments, Settled, Weights};
use crate::wide::wide;

/// The newest sample weighs 1, each step back weighs `com / (1 + com)` times less.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ewm {
    /// Weight of a sample against that of the next one.
    keep: f64,
    /// Mean, and weighted sum of squared deviations from it.
    now: Moments,
    /// Sum of the weights, and of their squares.
    weight: f64,
    weight2: f64,
    /// 1 / weight, and what turns the spread into an unbiased variance: both follow from the weights alone.
    share: f64,
    unbias: f64,
    /// Where the weights have reached their limit: after some 37 × com samples without a gap they no longer move.
    settled: Option<Settled>,
    count: u64,
    /// Cells without a sample since the newest; they weigh in with the next sample, however they were told.
    gap: u64,
}

impl Ewm {
    /// Centre of mass `com` in samples, above 0.
    pub(crate) fn new(com: f64) -> Self {
        Self {
            keep: com / (1.0 + com),
            now: Moments::NONE,
            weight: 0.0,
            weight2: 0.0,
            share: 0.0,
            unbias: f64::NAN,
            settled: None,
            count: 0,
            gap: 0,
        }
    }

    /// Takes the next sample in.
    #[inline(always)]
    pub(crate) fn learn(&mut self, value: f64) {
        self.count += 1;
        match &mut self.settled {
            Some(settled) => self.now = settled.learn(&Weights::new(self.keep, self.share), value),
            None => {
                self.weigh();
                self.update(value);
            }
        }
    }

    /// Takes the next sample of each of many series in, whose weights are these: after it their `means` and `spreads`. Whether the weights
    /// have reached their limit by it.
    pub(crate) fn learn_all(&mut self, values: &[f64], means: &mut [f64], spreads: &mut [f64]) -> bool {
        self.count += 1;
        self.weigh();
        let (share, keep) = (self.share, self.keep);
        wide!(learn_side_by_side((share, keep), values, means, spreads));
        self.end_of_weights()
    }

    /// That of a series which stands at `now` by `count` samples, and is weighed as this one.
    pub(crate) fn of(&self, now: Moments, count: u64) -> Self {
        Self { now, count, settled: self.settled.map(|_| Settled::new(now)), ..*self }
    }

    /// Whether samples to come weigh the same in both.
    pub(crate) fn weighs_like(&self, other: &Self) -> bool {
        let weights =
            |ewm: &Self| [ewm.keep, ewm.weight, ewm.weight2, ewm.share, ewm.unbias].map(f64::to_bits);
        weights(self) == weights(other) && self.gap == other.gap
    }

    /// Mean and spread, where the weights have reached their limit and a block of samples begins with the next one.
    pub(crate) fn settled_now(&self) -> Option<Moments> {
        self.settled.as_ref().filter(|settled| settled.is_between_blocks()).map(|_| self.now)
    }

    /// The weights as they are.
    pub(crate) fn weights(&self) -> Weights {
        Weights::new(self.keep, self.share)
    }

    /// What turns the spread into a variance, by the weights as they are.
    pub(crate) fn unbias(&self) -> f64 {
        self.unbias
    }

    /// Takes the next samples in, and says how mean and variance went: after each of `values` an entry in `means` and
    /// in `variances`, which are as long.
    pub(crate) fn learn_run(&mut self, values: &[f64], means: &mut [f64], variances: &mut [f64]) {
        self.count += values.len() as u64;
        let mut done = 0;
        while done < values.len() && self.settled.is_none() {
            self.weigh();
            self.update(values[done]);
            (means[done], variances[done]) = (self.mean(), self.variance());
            done += 1;
        }
        if let Some(settled) = self.settled.as_mut().filter(|_| done < values.len()) {
            let (means, variances) = (&mut means[done..], &mut variances[done..]);
            settled.learn_run(&Weights::new(self.keep, self.share), &values[done..], means, variances);
            let last = values.len() - done - 1;
            self.now = Moments { mean: means[last], spread: variances[last] };
            variances.iter_mut().for_each(|spread| *spread *= self.unbias);
        }
    }

    /// Mean and spread with one more sample, by the weights as they are.
    #[inline(always)]
    fn update(&mut self, value: f64) {
        let Moments { mean, spread } = &mut self.now;
        let deviation = value - *mean;
        *mean += deviation * self.share;
        *spread = *spread * self.keep + deviation * (value - *mean);
        self.end_of_weights();
    }

    /// Whether the weights have reached their limit.
    #[inline(always)]
    fn end_of_weights(&mut self) -> bool {
        let is_over = (self.weight, self.weight2) == self.weights_after();
        if is_over {
            self.settled = Some(Settled::new(self.now));
        }
        is_over
    }

    /// Lets `cells` cells without a sample pass: the past loses weight, mean and variance stay what they were. A
    /// past that has faded away has no variance.
    pub(crate) fn decay(&mut self, cells: u64) {
        if self.count == 0 || cells == 0 {
            return;
        }
        self.gap = self.gap.saturating_add(cells);
        self.settled = None;
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
        self.now.mean
    }

    /// The unbiased variance; not a number before the second sample.
    #[inline(always)]
    pub(crate) fn variance(&self) -> f64 {
        self.now.spread * self.unbias
    }

    /// How many samples were taken in.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Whether the weights have reached their limit: then there is a variance, until the next gap.
    pub(crate) fn is_settled(&self) -> bool {
        self.settled.is_some()
    }

    fn weigh(&mut self) {
        if self.gap > 0 {
            let kept = self.kept();
            self.weight *= kept;
            self.weight2 *= kept * kept;
            self.now.spread *= kept;
            self.gap = 0;
        }
        (self.weight, self.weight2) = self.weights_after();
        let (weight, weight2) = (self.weight, self.weight2);
        self.share = 1.0 / weight;
        let freedom = weight - weight2 * self.share;
        self.unbias = if freedom > 0.0 { 1.0 / freedom } else { f64::NAN };
    }

    /// Both sums of weights with one more sample.
    fn weights_after(&self) -> (f64, f64) {
        (self.weight * self.keep + 1.0, self.weight2 * self.keep * self.keep + 1.0)
    }
}

/// Means and spreads with one more sample each, by the operations of [`Ewm::update`].
#[inline(always)]
fn learn_side_by_side((share, keep): (f64, f64), values: &[f64], means: &mut [f64], spreads: &mut [f64]) {
    for ((&value, mean), spread) in values.iter().zip(means).zip(spreads) {
        let deviation = value - *mean;
        *mean += deviation * share;
        *spread = *spread * keep + deviation * (value - *mean);
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
        assert!(ewm.is_settled());
    }
}
