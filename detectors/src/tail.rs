//! How rare a count is: tails of the Poisson and the negative-binomial law.

use crate::logarithm::{exp, ln};

/// Limits above this are not looked for: what comes by the million million is no small count.
pub(crate) const LIMIT_MAX: f64 = 1e12;

/// Above this mean the law is taken as normal.
const MEAN_MAX: f64 = 1e9;

/// So many terms of a tail are added one by one; the rest is a geometric series.
const TERMS: u32 = 24;

/// A law of counts, by the method of moments: negative-binomial where the variance is above the mean, else Poisson.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Law {
    mean: f64,
    variance: f64,
    shape: Option<Shape>,
}

/// What the negative-binomial law has beyond its mean.
#[derive(Debug, Clone, Copy)]
struct Shape {
    r: f64,
    /// 1 - mean / variance.
    q: f64,
    /// The part of the logarithm of every probability that is the same.
    constant: f64,
}

impl Law {
    /// The law with this `mean`, above 0, and `variance`.
    pub(crate) fn new(mean: f64, variance: f64) -> Self {
        // closer to the mean than this r is too great to go by
        let shape = (variance > mean * 1.001).then(|| {
            let (r, q) = (mean * mean / (variance - mean), (variance - mean) / variance);
            Shape { r, q, constant: r * ln(mean / variance) - ln_gamma(r) }
        });
        Self { mean, variance: variance.max(mean), shape }
    }

    /// Whether this `mean` and `variance` give the same law up to 1 %.
    pub(crate) fn is_about(&self, mean: f64, variance: f64) -> bool {
        let about = |own: f64, other: f64| (own - other).abs() <= own * 0.01;
        about(self.mean, mean) && about(self.variance, variance.max(mean))
    }

    /// The probability of `count` or more; 1 up to the mean.
    pub(crate) fn tail(&self, count: f64) -> f64 {
        if count <= self.mean {
            return 1.0;
        }
        let (mut term, mut sum, mut at) = (self.probability(count), 0.0, count);
        for _ in 0..TERMS {
            sum += term;
            term *= self.ratio(at);
            at += 1.0;
            if term < sum * 1e-4 {
                break;
            }
        }
        let ratio = self.ratio(at).min(1.0 - 1e-12);
        (sum + term / (1.0 - ratio)).min(1.0)
    }

    /// The smallest count, above the mean, that is reached with a probability below `share`; looked for from `near` on.
    pub(crate) fn rarest(&self, share: f64, near: f64) -> f64 {
        let least = self.mean.floor() + 1.0;
        if self.mean > MEAN_MAX {
            let sigmas = (-2.0 * ln(share)).sqrt();
            return (self.mean + sigmas * self.variance.sqrt()).ceil().min(LIMIT_MAX);
        }
        // `low` is not rare, `high` is
        let (mut low, mut high) = (least - 1.0, near.clamp(least, LIMIT_MAX));
        let mut stride = 1.0;
        if self.tail(high) < share {
            while high - stride > low && self.tail(high - stride) < share {
                high -= stride;
                stride *= 2.0;
            }
            low = low.max(high - stride);
        } else {
            low = high;
            high += stride;
            while high < LIMIT_MAX && self.tail(high) >= share {
                low = high;
                stride *= 2.0;
                high += stride;
            }
        }
        while high - low > 1.0 {
            let middle = (low + (high - low) / 2.0).floor();
            *(if self.tail(middle) < share { &mut high } else { &mut low }) = middle;
        }
        high.min(LIMIT_MAX)
    }

    fn probability(&self, count: f64) -> f64 {
        match self.shape {
            None => exp(count * ln(self.mean) - self.mean - ln_gamma(count + 1.0)),
            Some(Shape { r, q, constant }) => {
                exp(constant + ln_gamma(count + r) - ln_gamma(count + 1.0) + count * ln(q))
            }
        }
    }

    /// The probability of `count` + 1 over that of `count`.
    #[inline(always)]
    fn ratio(&self, count: f64) -> f64 {
        match self.shape {
            None => self.mean / (count + 1.0),
            Some(Shape { r, q, .. }) => q * (count + r) / (count + 1.0),
        }
    }
}

/// The logarithm of the gamma function of `x` above 0: Stirling's series, from 10 on.
fn ln_gamma(x: f64) -> f64 {
    let (mut x, mut product) = (x.max(1e-30), 1.0);
    while x < 10.0 {
        product *= x;
        x += 1.0;
    }
    let (over, square) = (1.0 / x, 1.0 / (x * x));
    let series = 1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square / 1680.0));
    const HALF_LN_TAU: f64 = 0.918_938_533_204_672_7;
    (x - 0.5) * ln(x) - x + HALF_LN_TAU + over * series - ln(product)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64, within: f64) {
        assert!((found / expected - 1.0).abs() < within, "{found} and not {expected}");
    }

    #[test]
    fn logarithm_and_exponential_are_those_of_the_books() {
        close(ln(2.0), std::f64::consts::LN_2, 1e-15);
        close(ln(1e-9), -20.723_265_836_946_41, 1e-15);
        close(exp(1.0), std::f64::consts::E, 1e-15);
        close(exp(-20.723_265_836_946_41), 1e-9, 1e-14);
        // (1/2)! = sqrt(pi) / 2, and 20!
        close(exp(ln_gamma(1.5)), 0.886_226_925_452_758, 1e-11);
        close(exp(ln_gamma(21.0)), 2_432_902_008_176_640_000.0, 1e-11);
    }

    #[test]
    fn the_poisson_tail_is_one_minus_the_first_terms() {
        // mean 0.5: 1 - e^-0.5, 1 - e^-0.5 (1 + 0.5), 1 - e^-0.5 (1 + 0.5 + 0.125)
        let law = Law::new(0.5, 0.4);
        for (count, tail) in [(1.0, 0.393_469_340_3), (2.0, 0.090_204_010_4), (3.0, 0.014_387_678_0)] {
            close(law.tail(count), tail, 1e-5);
        }
        assert_eq!(law.tail(0.0), 1.0);
    }

    #[test]
    fn the_negative_binomial_tail_of_shape_one_is_geometric() {
        // mean 1, variance 2: r = 1, q = 1/2, P(X >= k) = 2^-k
        let law = Law::new(1.0, 2.0);
        for count in 2..60 {
            close(law.tail(f64::from(count)), 0.5_f64.powi(count), 1e-9);
        }
    }

    #[test]
    fn the_rarest_count_is_the_first_below_the_share_from_wherever_it_is_looked_for() {
        // 2^-18 = 3.8e-6, 2^-19 = 1.9e-6
        let share = exp(-5.5 * std::f64::consts::LN_10);
        for near in [1.0, 2.0, 18.0, 19.0, 20.0, 500.0, 1e9, f64::INFINITY] {
            assert_eq!(Law::new(1.0, 2.0).rarest(share, near), 19.0, "from {near}");
        }
        // e^-0.01 0.01^3 / 6 = 1.65e-7 and e^-0.01 0.01^2 / 2 = 4.95e-5
        assert_eq!(Law::new(0.01, 0.0).rarest(share, 1.0), 3.0);
        // a normal law of mean 10^6 and sigma 1000 is beyond 4.51 sigma with this share
        close(Law::new(1e6, 0.0).rarest(share, 1.0), 1e6 + 4.51 * 1e3, 1e-4);
    }

    #[test]
    fn no_law_keeps_it_busy_or_without_an_answer() {
        for mean in [1e-300, 1e-9, 1.0, 1e9, 1e15] {
            for variance in [0.0, 1.0, 1e9, 1e30] {
                let limit = Law::new(mean, variance).rarest(1e-100, 1.0);
                assert!((1.0..=LIMIT_MAX).contains(&limit), "{mean} {variance}: {limit}");
            }
        }
    }
}
