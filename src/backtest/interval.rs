//! The interval of a recorded series: the most common spacing of its samples.

use crate::sources::recorded::Piece;
use quietgate_detectors::{Interval, IntervalError};
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

/// How often each spacing of samples that follow each other occurs.
#[derive(Debug, Default)]
pub(super) struct Spacings {
    counts: BTreeMap<i64, u64>,
    last_ms: Option<i64>,
    /// Nearly all spacings are equal: a run of them is counted at once.
    spacing: i64,
    run: u64,
}

impl Spacings {
    /// Counts the samples of `piece`, which follow those of earlier calls.
    pub(super) fn observe(&mut self, piece: Piece<'_>) {
        match piece {
            Piece::Listed(samples) => samples.iter().for_each(|sample| self.sample(sample.at.as_millis())),
            Piece::Even { first, step_ms, values } => {
                self.sample(first.as_millis());
                let steps = values.len() as u64 - 1;
                self.count(step_ms, steps);
                self.last_ms = Some(first.as_millis() + step_ms * steps as i64);
            }
        }
    }

    fn sample(&mut self, at_ms: i64) {
        if let Some(last_ms) = self.last_ms.replace(at_ms) {
            self.count(at_ms - last_ms, 1);
        }
    }

    fn count(&mut self, spacing: i64, times: u64) {
        if times > 0 && spacing != self.spacing {
            self.end_run();
            self.spacing = spacing;
        }
        self.run += times;
    }

    /// The most common spacing; of equally common ones the shortest.
    pub(super) fn most_common(mut self) -> Result<Interval, IntervalFault> {
        self.end_run();
        let forward = self.counts.into_iter().filter(|&(spacing, count)| spacing > 0 && count > 0);
        let (spacing, _) = forward
            .reduce(|best, other| if other.1 > best.1 { other } else { best })
            .ok_or(IntervalFault::NoSpacing)?;
        Interval::from_millis(spacing).map_err(IntervalFault::OutOfRange)
    }

    fn end_run(&mut self) {
        *self.counts.entry(self.spacing).or_default() += std::mem::take(&mut self.run);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quietgate_detectors::{Sample, Timestamp};

    fn of(times: &[i64]) -> Result<i64, IntervalFault> {
        let mut spacings = Spacings::default();
        times.iter().for_each(|&at| spacings.observe(Piece::Listed(&[Sample::new(at, 0.0)])));
        spacings.most_common().map(Interval::as_millis)
    }

    #[test]
    fn even_pieces_count_as_their_samples() {
        let even = |spacings: &mut Spacings, first, step_ms, values: &[f64]| {
            let first = Timestamp::from_millis(first);
            spacings.observe(Piece::Even { first, step_ms, values });
        };
        let mut spacings = Spacings::default();
        even(&mut spacings, 0, 200, &[0.0; 3]);
        even(&mut spacings, 700, 200, &[0.0; 2]);
        // from 900 on every 300: four of them, and three of 200
        even(&mut spacings, 1200, 0, &[0.0]);
        even(&mut spacings, 1500, 300, &[0.0; 3]);
        assert_eq!(spacings.most_common().map(Interval::as_millis), Ok(300));
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
