//! The time grid of a series: which cell a sample belongs to, and what a cell holds.
//!
//! Cell k is the time start + k × interval; a sample belongs to the nearest cell (a tie goes to the even one).
//! Two samples of one cell with the same value count once; with different values the cell has none
//! (`conflicting`). A value that is not finite is no value, and does not conflict. Reference: D1.

use crate::sample::{Interval, Sample, Timestamp};
use crate::verdict::Reason;
use crate::wide::wide;

/// Places samples, which come in the order of their cells, on the grid.
#[derive(Debug, Clone)]
pub(crate) struct Grid {
    start: Timestamp,
    interval: Interval,
    newest: Newest,
    /// The time at which a sample of the cell after the newest is expected to the millisecond.
    expected: i64,
}

#[derive(Debug, Clone, Copy)]
struct Newest {
    cell: u64,
    content: Content,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Content {
    Value(f64),
    NotANumber,
    Conflicting,
}

/// What a sample means for the grid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Placed {
    /// The cell has this value now, where it had none before.
    Value { cell: u64 },
    /// The cell has no value, for this reason, where it was unknown or empty before.
    Nothing { cell: u64, reason: Reason },
    /// The newest cell had a value and has none any more.
    Retracted { cell: u64 },
    /// Nothing new: the same value again, or one more sample for a cell that has none for good.
    Again,
    /// The sample belongs to an older cell: too late.
    Late,
}

impl Grid {
    /// The grid that begins with `first`, and what that sample means.
    pub(crate) fn begin(first: Sample, interval: Interval) -> (Self, Placed) {
        let content = Content::of(first.value);
        let expected = first.at.as_millis() + interval.as_millis();
        let grid = Self { start: first.at, interval, newest: Newest { cell: 0, content }, expected };
        (grid, content.placed(0))
    }

    /// The time of `cell`.
    pub(crate) fn at(&self, cell: u64) -> Timestamp {
        let offset = i64::try_from(cell).unwrap_or(i64::MAX).saturating_mul(self.interval.as_millis());
        Timestamp::from_millis(self.start.as_millis().saturating_add(offset))
    }

    /// The cell nearest to `at`; none before the first.
    pub(crate) fn cell(&self, at: Timestamp) -> Option<u64> {
        let step = self.interval.as_millis();
        let offset = at.as_millis().saturating_sub(self.start.as_millis());
        let (below, rest) = (offset.div_euclid(step), offset.rem_euclid(step));
        let up = 2 * rest > step || (2 * rest == step && below % 2 != 0);
        u64::try_from(below + i64::from(up)).ok()
    }

    /// The first cell whose time is `at` or later.
    pub(crate) fn first_from(&self, at: Timestamp) -> u64 {
        let (offset, step) =
            (at.as_millis().saturating_sub(self.start.as_millis()), self.interval.as_millis());
        u64::try_from(offset.saturating_add(step - 1).div_euclid(step)).unwrap_or(0)
    }

    /// The cell after the newest.
    pub(crate) fn next_cell(&self) -> u64 {
        self.newest.cell + 1
    }

    /// How many of `samples` come to the millisecond when they are expected, each with a value: they take the next
    /// cells, one each, and are placed by this. At most `most`.
    #[inline(always)]
    pub(crate) fn place_regular(&mut self, samples: &[Sample], most: usize) -> usize {
        let step = self.interval.as_millis();
        let mut expected = self.expected;
        let regular = samples.iter().take(most).take_while(|sample| {
            let regular = sample.at.as_millis() == expected && sample.value.is_finite();
            expected += step;
            regular
        });
        let count = regular.count();
        if let Some(last) = samples[..count].last() {
            self.newest =
                Newest { cell: self.newest.cell + count as u64, content: Content::Value(last.value) };
            self.expected = last.at.as_millis() + step;
        }
        count
    }

    /// Whether `sample` comes to the millisecond when one of the next cell is expected, with a value.
    pub(crate) fn expects(&self, sample: Sample) -> bool {
        sample.at.as_millis() == self.expected && sample.value.is_finite()
    }

    /// The same for samples of which the first is [expected](Self::expects) and the others follow at the interval: how
    /// many of their `values` are values, up to the first that is not. At most `most`.
    pub(crate) fn place_even(&mut self, values: &[f64], most: usize) -> usize {
        let values = &values[..values.len().min(most)];
        let count = if wide!(all_finite(values)) {
            values.len()
        } else {
            values.iter().take_while(|value| value.is_finite()).count()
        };
        if let Some(&last) = values[..count].last() {
            self.newest = Newest { cell: self.newest.cell + count as u64, content: Content::Value(last) };
            self.expected += self.interval.as_millis() * count as i64;
        }
        count
    }

    /// What any one sample means.
    #[inline]
    pub(crate) fn place(&mut self, sample: Sample) -> Placed {
        // most of the time: without a division
        if self.place_regular(&[sample], 1) == 1 {
            return Placed::Value { cell: self.newest.cell };
        }
        self.place_anywhere(sample)
    }

    fn place_anywhere(&mut self, sample: Sample) -> Placed {
        match self.cell(sample.at) {
            Some(cell) if cell > self.newest.cell => {
                let content = Content::of(sample.value);
                self.newest = Newest { cell, content };
                self.expected = self.at(cell).as_millis() + self.interval.as_millis();
                content.placed(cell)
            }
            Some(cell) if cell == self.newest.cell => self.place_again(sample.value),
            _ => Placed::Late,
        }
    }

    /// One more sample for the newest cell.
    fn place_again(&mut self, value: f64) -> Placed {
        let cell = self.newest.cell;
        match self.newest.content {
            Content::Conflicting => Placed::Again,
            _ if !value.is_finite() => Placed::Again,
            Content::Value(known) if known == value => Placed::Again,
            Content::NotANumber => {
                self.newest.content = Content::Value(value);
                Placed::Value { cell }
            }
            Content::Value(_) => {
                self.newest.content = Content::Conflicting;
                Placed::Retracted { cell }
            }
        }
    }
}

/// Whether all are finite. Counted, which takes many at once, where `all` takes one after the other.
#[inline(always)]
fn all_finite(values: &[f64]) -> bool {
    values.iter().map(|value| u64::from(value.is_finite())).sum::<u64>() == values.len() as u64
}

impl Content {
    fn of(value: f64) -> Self {
        if value.is_finite() { Self::Value(value) } else { Self::NotANumber }
    }

    fn placed(self, cell: u64) -> Placed {
        match self {
            Self::Value(_) => Placed::Value { cell },
            Self::NotANumber => Placed::Nothing { cell, reason: Reason::NotANumber },
            Self::Conflicting => Placed::Nothing { cell, reason: Reason::Conflicting },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(samples: &[(i64, f64)]) -> Vec<Placed> {
        let interval = Interval::from_millis(1000).expect("in range");
        let (mut grid, first) = Grid::begin(Sample::new(samples[0].0, samples[0].1), interval);
        let rest = samples[1..].iter().map(|&(at, value)| grid.place(Sample::new(at, value)));
        std::iter::once(first).chain(rest).collect()
    }

    #[test]
    fn samples_go_to_the_nearest_cell_and_ties_to_the_even_one() {
        let cells = place(&[(0, 1.0), (1499, 2.0), (2500, 3.0), (3500, 4.0), (5501, 5.0)]);
        let numbers: Vec<_> = cells
            .iter()
            .map(|p| matches!(p, Placed::Value { cell } if [0, 1, 2, 4, 6].contains(cell)))
            .collect();
        assert_eq!(numbers, [true; 5], "{cells:?}");
    }

    #[test]
    fn the_same_value_counts_once_and_another_conflicts_for_good() {
        let placed = place(&[(0, 1.0), (10, 1.0), (20, 2.0), (30, 1.0), (1000, 1.0)]);
        assert_eq!(
            placed,
            [
                Placed::Value { cell: 0 },
                Placed::Again,
                Placed::Retracted { cell: 0 },
                Placed::Again,
                Placed::Value { cell: 1 }
            ]
        );
    }

    #[test]
    fn what_is_not_a_number_gives_way_to_a_value_and_never_conflicts() {
        let placed = place(&[(0, f64::NAN), (10, 1.0), (20, f64::INFINITY), (1000, f64::NAN)]);
        assert_eq!(
            placed,
            [
                Placed::Nothing { cell: 0, reason: Reason::NotANumber },
                Placed::Value { cell: 0 },
                Placed::Again,
                Placed::Nothing { cell: 1, reason: Reason::NotANumber }
            ]
        );
    }

    #[test]
    fn an_older_cell_is_too_late() {
        assert_eq!(
            place(&[(0, 1.0), (3000, 2.0), (1000, 3.0), (-5000, 1.0)])[2..],
            [Placed::Late, Placed::Late]
        );
    }
}
