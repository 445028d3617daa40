//! Whether a series has a daily period, found by differencing its last two days.
//!
//! Each day is z-scored on its own; V is the population variance of their difference. V = 2 - 2r with r the
//! correlation of the two days: 0 where they are alike, 2 for noise. Periodic means V below the threshold
//! (0.6, so r above 0.7). Tested once a day on the samples before it, and held for that day. Before two full
//! days, with fewer than 80 % of the pairs present, or where a day is constant: not periodic.
//! Reference: D16 and D17.

use crate::sample::Interval;
use crate::wide::wide;

/// The period test of one series. Memory: two days of cells.
#[derive(Debug, Clone)]
pub(crate) struct Period {
    a_day: u64,
    variance: f64,
    /// Ring over the cell number; not a number where a cell has no value. Grows up to two days.
    cells: Vec<f64>,
    next: u64,
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
        Self { a_day: interval.cells_a_day() as u64, variance, cells: Vec::new(), next: 0, periodic: false }
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
        self.test_if_due();
        let place = (self.next % (2 * self.a_day)) as usize;
        let known = values.len().min(self.cells.len() - place);
        self.cells[place..place + known].copy_from_slice(&values[..known]);
        self.cells.extend_from_slice(&values[known..]);
        self.next += values.len() as u64;
    }

    /// The next `cells` cells have no value.
    pub(crate) fn skip(&mut self, cells: u64) {
        let mut left = cells;
        // after three empty days the answer cannot change any more
        let idle = left.saturating_sub(3 * self.a_day) / self.a_day * self.a_day;
        while left > idle {
            self.test_if_due();
            let place = (self.next % (2 * self.a_day)) as usize;
            let run = self.held_for(self.next).min(left - idle);
            if place + run as usize > self.cells.len() {
                self.cells.resize(place + run as usize, f64::NAN);
            }
            self.cells[place..place + run as usize].fill(f64::NAN);
            self.next += run;
            left -= run;
        }
        if idle > 0 {
            self.cells.fill(f64::NAN);
            self.cells.resize(2 * self.a_day as usize, f64::NAN);
            self.next += idle;
            self.periodic = false;
        }
    }

    /// The newest cell has no value after all.
    pub(crate) fn retract(&mut self) {
        if let Some(newest) = self.next.checked_sub(1) {
            self.cells[(newest % (2 * self.a_day)) as usize] = f64::NAN;
        }
    }

    fn test_if_due(&mut self) {
        if self.next.is_multiple_of(self.a_day) && self.next >= 2 * self.a_day {
            let (one, other) = self.cells.split_at(self.a_day as usize);
            self.periodic = wide!(day_variance(one, other)) < self.variance;
        }
    }
}

/// Sums are kept in this many parts, which lets the processor add them side by side.
const PARTS: usize = 16;

/// Adds up `term` over all pairs.
#[inline(always)]
fn sum(one: &[f64], other: &[f64], term: impl Fn(f64, f64) -> f64) -> f64 {
    let mut parts = [0.0; PARTS];
    let (ones, others) = (one.chunks_exact(PARTS), other.chunks_exact(PARTS));
    let (last_ones, last_others) = (ones.remainder(), others.remainder());
    for (ones, others) in ones.zip(others) {
        for (part, (&a, &b)) in parts.iter_mut().zip(ones.iter().zip(others)) {
            *part += if present(a, b) { term(a, b) } else { 0.0 };
        }
    }
    let rest: f64 =
        last_ones.iter().zip(last_others).map(|(&a, &b)| if present(a, b) { term(a, b) } else { 0.0 }).sum();
    parts.iter().sum::<f64>() + rest
}

/// Whether neither is missing.
#[inline(always)]
fn present(a: f64, b: f64) -> bool {
    !(a.is_nan() | b.is_nan())
}

/// Variance of the difference of two z-scored days; not a number where it is not defined.
#[inline(always)]
fn day_variance(one: &[f64], other: &[f64]) -> f64 {
    // a pair with a missing half counts nowhere
    let pairs = sum(one, other, |_, _| 1.0);
    if pairs < PAIRS_MIN * one.len() as f64 {
        return f64::NAN;
    }
    let (mean_a, mean_b) = (sum(one, other, |a, _| a) / pairs, sum(one, other, |_, b| b) / pairs);
    let aa = sum(one, other, |a, _| (a - mean_a) * (a - mean_a));
    let bb = sum(one, other, |_, b| (b - mean_b) * (b - mean_b));
    let ab = sum(one, other, |a, b| (a - mean_a) * (b - mean_b));
    let (sigma_a, sigma_b) = ((aa / pairs).sqrt(), (bb / pairs).sqrt());
    let constant = |sigma: f64, mean: f64| sigma <= CONSTANT * mean.abs().max(f64::MIN_POSITIVE);
    if constant(sigma_a, mean_a) || constant(sigma_b, mean_b) {
        return f64::NAN;
    }
    2.0 - 2.0 * (ab / pairs) / (sigma_a * sigma_b)
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
        assert!((day_variance(&one, &other) - expected).abs() < 1e-12);
    }
}
