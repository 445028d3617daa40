//! Whether a series has a daily period, found by differencing its last two days.
//!
//! Each day is z-scored on its own; V is the population variance of their difference. V = 2 - 2r with r the
//! correlation of the two days: 0 where they are alike, 2 for noise. Periodic means V below the threshold
//! (0.6, so r above 0.7). Tested once a day on the samples before it, and held for that day. Before two full
//! days, with fewer than 80 % of the pairs present, or where a day is constant: not periodic.
//! Reference: D16 and D17.

use crate::sample::Interval;

/// The period test of one series. Memory: a day of cells.
#[derive(Debug, Clone)]
pub(crate) struct Period {
    a_day: u64,
    variance: f64,
    /// Ring over the cell number; not a number where a cell has no value. Grows up to a day.
    cells: Vec<f64>,
    next: u64,
    /// Of the day at hand and the one before it, without the newest.
    pairs: Pairs,
    /// The newest cell and that of a day before, while it may still be taken back.
    newest: Option<(f64, f64)>,
    periodic: bool,
}

/// The default variance threshold.
pub const PERIOD_VARIANCE: f64 = 0.6;

/// The share of pairs that two days must have in common.
const PAIRS_MIN: f64 = 0.8;
/// Below this share of the mean a day's spread is rounding: the day is constant.
const CONSTANT: f64 = 1e-12;

impl Period {
    /// A test for series of this interval, with a variance threshold between 0 and 2.
    pub(crate) fn new(interval: Interval, variance: f64) -> Self {
        let (a_day, cells, pairs) = (interval.cells_a_day() as u64, Vec::new(), Pairs::default());
        Self { a_day, variance, cells, next: 0, pairs, newest: None, periodic: false }
    }

    /// Whether the series is periodic at the newest cell.
    pub(crate) fn periodic(&self) -> bool {
        self.periodic
    }

    /// How many cells from `cell` on have the same answer as `cell` itself.
    pub(crate) fn held_for(&self, cell: u64) -> u64 {
        self.a_day - cell % self.a_day
    }

    /// Takes in the values of consecutive cells, all of one day as [`held_for`](Self::held_for) counts it.
    pub(crate) fn observe_run(&mut self, values: &[f64]) {
        self.settle();
        let place = (self.next % self.a_day) as usize;
        let known = values.len().min(self.cells.len() - place);
        let mut pairs = self.pairs;
        for (cell, &value) in self.cells[place..place + known].iter_mut().zip(values) {
            if let Some((before, newest)) = self.newest.replace((*cell, value)) {
                pairs.add(before, newest);
            }
            *cell = value;
        }
        self.pairs = pairs;
        self.cells.extend_from_slice(&values[known..]);
        self.next += values.len() as u64;
    }

    /// The next `cells` cells have no value.
    pub(crate) fn skip(&mut self, cells: u64) {
        let mut left = cells;
        // after two empty days the answer cannot change any more
        let idle = left.saturating_sub(3 * self.a_day) / self.a_day * self.a_day;
        while left > idle {
            self.settle();
            let place = (self.next % self.a_day) as usize;
            let run = self.held_for(self.next).min(left - idle);
            if place + run as usize > self.cells.len() {
                self.cells.resize(place + run as usize, f64::NAN);
            }
            self.cells[place..place + run as usize].fill(f64::NAN);
            self.next += run;
            left -= run;
        }
        self.next += idle;
    }

    /// The newest cell has no value after all.
    pub(crate) fn retract(&mut self) {
        self.newest = None;
        if let Some(newest) = self.next.checked_sub(1) {
            self.cells[(newest % self.a_day) as usize] = f64::NAN;
        }
    }

    /// The newest cell stays as it is. Where its day is over, that is tested.
    fn settle(&mut self) {
        if let Some((before, newest)) = self.newest.take() {
            self.pairs.add(before, newest);
        }
        if self.next.is_multiple_of(self.a_day) {
            self.periodic = std::mem::take(&mut self.pairs).variance(self.a_day) < self.variance;
        }
    }
}

/// What is counted of the cells of a day, each with the one a day before. Sums are of differences from the first of them, so that
/// what all have in common does not drown what they differ in.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Pairs {
    count: u64,
    first: (f64, f64),
    one: f64,
    other: f64,
    one_one: f64,
    other_other: f64,
    one_other: f64,
}

impl Pairs {
    /// One more; where either is not a number it counts nowhere.
    #[inline(always)]
    pub(crate) fn add(&mut self, one: f64, other: f64) {
        if one.is_nan() | other.is_nan() {
            return;
        }
        if self.count == 0 {
            self.first = (one, other);
        }
        let (one, other) = (one - self.first.0, other - self.first.1);
        self.count += 1;
        self.one += one;
        self.other += other;
        self.one_one += one * one;
        self.other_other += other * other;
        self.one_other += one * other;
    }

    /// Variance of the difference of the two days, each z-scored, which have so many cells; not a number where it is not
    /// defined.
    pub(crate) fn variance(&self, a_day: u64) -> f64 {
        let pairs = self.count as f64;
        if pairs < PAIRS_MIN * a_day as f64 {
            return f64::NAN;
        }
        let (one, other) = (self.one / pairs, self.other / pairs);
        let sigma_one = (self.one_one / pairs - one * one).max(0.0).sqrt();
        let sigma_other = (self.other_other / pairs - other * other).max(0.0).sqrt();
        let constant = |sigma: f64, mean: f64| sigma <= CONSTANT * mean.abs().max(f64::MIN_POSITIVE);
        if constant(sigma_one, self.first.0 + one) || constant(sigma_other, self.first.1 + other) {
            return f64::NAN;
        }
        2.0 - 2.0 * (self.one_other / pairs - one * other) / (sigma_one * sigma_other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hourly() -> Period {
        Period::new(Interval::from_millis(3_600_000).expect("an hour"), PERIOD_VARIANCE)
    }

    fn curve(hour: u64) -> f64 {
        100.0 + 50.0 * (hour as f64 * std::f64::consts::TAU / 24.0).sin()
    }

    fn feed(period: &mut Period, hours: std::ops::Range<u64>, value: impl Fn(u64) -> f64) {
        hours.for_each(|hour| period.observe_run(&[value(hour)]));
    }

    #[test]
    fn a_daily_curve_is_periodic_from_the_third_day_on() {
        let mut period = hourly();
        feed(&mut period, 0..48, curve);
        assert!(!period.periodic());
        feed(&mut period, 48..49, curve);
        assert!(period.periodic());
    }

    #[test]
    fn noise_and_constants_are_not_periodic() {
        let mut noise = hourly();
        feed(&mut noise, 0..200, |hour| (hour.wrapping_mul(2_654_435_761) % 1000) as f64);
        assert!(!noise.periodic());
        let mut constant = hourly();
        feed(&mut constant, 0..200, |_| 0.1);
        assert!(!constant.periodic());
    }

    #[test]
    fn a_day_with_too_many_holes_is_not_periodic() {
        let mut period = hourly();
        feed(&mut period, 0..72, curve);
        period.skip(5); // 19 of 24 pairs are fewer than 80 %
        feed(&mut period, 77..97, curve);
        assert!(!period.periodic());
    }

    #[test]
    fn skipping_cell_by_cell_and_at_once_is_the_same() {
        for gap in [1, 23, 24, 25, 48, 72, 73, 100, 1000] {
            let (mut at_once, mut by_cell) = (hourly(), hourly());
            for period in [&mut at_once, &mut by_cell] {
                feed(period, 0..61, curve);
            }
            at_once.skip(gap);
            (0..gap).for_each(|_| by_cell.skip(1));
            let rest = 61 + gap..61 + gap + 100;
            for hour in rest {
                feed(&mut at_once, hour..hour + 1, curve);
                feed(&mut by_cell, hour..hour + 1, curve);
                assert_eq!(at_once.periodic(), by_cell.periodic(), "gap {gap}, hour {hour}");
            }
        }
    }

    #[test]
    fn the_variance_is_that_of_the_difference_of_z_scores() {
        let one: Vec<f64> = (0..24).map(curve).collect();
        let other: Vec<f64> = (0..24).map(|h| 3.0 * curve(h + 6) + (h % 5) as f64).collect();
        let z = |day: &[f64]| {
            let mean = day.iter().sum::<f64>() / 24.0;
            let sigma = (day.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 24.0).sqrt();
            day.iter().map(|v| (v - mean) / sigma).collect::<Vec<_>>()
        };
        let difference: Vec<f64> = z(&one).iter().zip(z(&other)).map(|(a, b)| a - b).collect();
        let expected = difference.iter().map(|d| d * d).sum::<f64>() / 24.0;
        let mut pairs = Pairs::default();
        one.iter().zip(&other).for_each(|(one, other)| pairs.add(*one, *other));
        assert!((pairs.variance(24) - expected).abs() < 1e-12);
    }
}
