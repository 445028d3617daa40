//! The interval of a recorded series: the most common spacing of its samples.

use quietgate_detectors::{Interval, IntervalError, Sample};
use std::collections::BTreeMap;
use std::fmt;

/// Why no interval can be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntervalFault {
    /// All samples have one time, or there is only one.
    NoSpacing,
    /// The most common spacing is out of range.
    OutOfRange(IntervalError),
}

impl fmt::Display for IntervalFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSpacing => f.write_str("its samples have no spacing; name it with --interval"),
            Self::OutOfRange(error) => {
                write!(
                    f,
                    "the most common spacing of its samples is no interval: {error}; name one with --interval"
                )
            }
        }
    }
}

/// The most common spacing of samples that follow each other; of equally common ones the shortest.
pub(super) fn most_common(samples: &[Sample]) -> Result<Interval, IntervalFault> {
    let mut counts: BTreeMap<i64, u64> = BTreeMap::new();
    // nearly all spacings are equal: a run of them is counted at once
    let (mut spacing, mut run) = (0, 0);
    for pair in samples.windows(2) {
        let this = pair[1].at.as_millis() - pair[0].at.as_millis();
        if this != spacing {
            *counts.entry(spacing).or_default() += run;
            (spacing, run) = (this, 0);
        }
        run += 1;
    }
    *counts.entry(spacing).or_default() += run;
    let forward = counts.into_iter().filter(|&(spacing, count)| spacing > 0 && count > 0);
    let (spacing, _) = forward
        .reduce(|best, other| if other.1 > best.1 { other } else { best })
        .ok_or(IntervalFault::NoSpacing)?;
    Interval::from_millis(spacing).map_err(IntervalFault::OutOfRange)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(times: &[i64]) -> Result<i64, IntervalFault> {
        let samples: Vec<_> = times.iter().map(|&at| Sample::new(at, 0.0)).collect();
        most_common(&samples).map(Interval::as_millis)
    }

    #[test]
    fn gaps_repeats_and_disorder_do_not_count() {
        assert_eq!(of(&[0, 1000, 1000, 2000, 9000, 8000, 9000, 10_000]), Ok(1000));
    }

    #[test]
    fn of_equally_common_spacings_the_shortest_is_taken() {
        assert_eq!(of(&[0, 3000, 4000, 7000, 8000]), Ok(1000));
    }

    #[test]
    fn without_a_spacing_there_is_no_interval() {
        assert_eq!(of(&[5]), Err(IntervalFault::NoSpacing));
        assert_eq!(of(&[5, 5, 4]), Err(IntervalFault::NoSpacing));
        assert!(matches!(of(&[0, 10, 20]), Err(IntervalFault::OutOfRange(_))));
    }
}
