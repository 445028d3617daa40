//! A look-back of days in few numbers: slices of it are summed up, and leave it as a whole.

use crate::sample::Interval;
use std::collections::VecDeque;

/// A look-back has about so many slices, whatever the interval: an hour each in a week.
const SLICES: usize = 160;

/// Limits are worked out anew every so many cells.
pub(crate) const RENEWAL: u64 = 64;

/// A look-back holds at least so many cells, however few come in its days.
const CELLS_MIN: u64 = 960;

/// Cells of a look-back of `days` days.
pub(crate) fn look_back(days: u32, interval: Interval) -> u64 {
    (u64::from(days) * interval.cells_a_day() as u64).max(CELLS_MIN)
}

/// Sums over slices of consecutive cells, the newest of which grows.
#[derive(Debug, Clone)]
pub(crate) struct Slices<T> {
    /// Slices that are full, oldest first.
    full: VecDeque<T>,
    growing: T,
    /// Cells of the growing slice.
    cells: u64,
    /// Cells of a full slice: a multiple of [`RENEWAL`].
    length: u64,
    most: usize,
}

impl<T: Default> Slices<T> {
    /// Slices for the past `look_back` cells.
    pub(crate) fn new(look_back: u64) -> Self {
        let length = look_back.div_ceil(SLICES as u64).next_multiple_of(RENEWAL);
        // a slice leaves only when all of it is older than the look-back
        let most = look_back.div_ceil(length) as usize;
        Self { full: VecDeque::new(), growing: T::default(), cells: 0, length, most }
    }

    /// The sum that the next cell belongs to.
    #[inline(always)]
    pub(crate) fn growing(&mut self) -> &mut T {
        &mut self.growing
    }

    /// The slices that are full, oldest first.
    pub(crate) fn full(&self) -> impl Iterator<Item = &T> {
        self.full.iter()
    }

    /// How many cells of the growing slice have passed.
    #[inline(always)]
    pub(crate) fn grown(&self) -> u64 {
        self.cells
    }

    /// Those of the full slices from the one at `first` on, at most `most` of them, that will be left when the growing one is full.
    pub(crate) fn staying(&self, first: usize, most: usize) -> impl ExactSizeIterator<Item = &T> {
        let leaving = usize::from(self.full.len() == self.most);
        let first = (leaving + first).min(self.full.len());
        self.full.range(first..(first + most).min(self.full.len()))
    }

    /// Whether the next cell is the first of its slice: the slices that are full have changed.
    pub(crate) fn begins(&self) -> bool {
        self.cells == 0
    }

    /// A cell has passed. What left the look-back goes to `left`; `true` where limits are to be renewed.
    #[inline(always)]
    pub(crate) fn pass(&mut self, left: impl FnMut(T)) -> bool {
        self.cells += 1;
        let renewal = self.cells.is_multiple_of(RENEWAL);
        if renewal {
            self.close(left);
        }
        renewal
    }

    /// As many of `cells` cells have passed as there are up to the next renewal: how many that were, and whether it came.
    pub(crate) fn pass_many(&mut self, cells: u64, left: impl FnMut(T)) -> (u64, bool) {
        let passed = cells.min(RENEWAL - self.cells % RENEWAL);
        self.cells += passed;
        let renewal = self.cells.is_multiple_of(RENEWAL);
        if renewal {
            self.close(left);
        }
        (passed, renewal)
    }

    /// How many of `cells` cells without a value make a difference: beyond a whole empty look-back there is none.
    pub(crate) fn telling(&self, cells: u64) -> u64 {
        let all = self.length * (self.most as u64 + 2);
        if cells > all { all + (cells - all) % self.length } else { cells }
    }

    fn close(&mut self, mut left: impl FnMut(T)) {
        if self.cells == self.length {
            self.cells = 0;
            self.full.push_back(std::mem::take(&mut self.growing));
            if self.full.len() > self.most {
                self.full.pop_front().into_iter().for_each(&mut left);
            }
        }
    }
}

/// The sum of the newest few values, in amortised constant time and without rounding that adds up: each value is
/// summed from one side until the stretch it fills is full, and from the other side afterwards.
#[derive(Debug, Clone)]
pub(crate) struct Sliding {
    values: Vec<f64>,
    /// Sums from each place to the end, of the values when the stretch was last full.
    older: Vec<f64>,
    newer: f64,
    place: usize,
}

impl Sliding {
    /// The sum of the newest `length` values; all are 0 at first.
    pub(crate) fn new(length: usize) -> Self {
        Self { values: vec![0.0; length], older: vec![0.0; length + 1], newer: 0.0, place: 0 }
    }

    #[inline(always)]
    pub(crate) fn sum(&self) -> f64 {
        self.older[self.place] + self.newer
    }

    #[inline(always)]
    pub(crate) fn push(&mut self, value: f64) {
        if let Some(place) = self.values.get_mut(self.place) {
            *place = value;
            self.newer += value;
            self.place += 1;
            if self.place == self.values.len() {
                self.turn();
            }
        }
    }

    fn turn(&mut self) {
        let mut sum = 0.0;
        for (older, value) in self.older.iter_mut().zip(&self.values).rev() {
            sum += value;
            *older = sum;
        }
        (self.newer, self.place) = (0.0, 0);
    }

    /// The same as `cells` times 0.
    pub(crate) fn push_zeros(&mut self, cells: u64) {
        let length = self.values.len() as u64;
        // after two whole stretches of zeros nothing else is left
        let telling =
            if cells > 2 * length { 2 * length + (cells - 2 * length) % length.max(1) } else { cells };
        (0..telling).for_each(|_| self.push(0.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_leaves_when_all_of_it_is_older_than_the_look_back() {
        let mut slices = Slices::<Vec<u64>>::new(128);
        let mut left = Vec::new();
        for cell in 0..256_u64 {
            slices.growing().push(cell);
            let renewal = slices.pass(|slice| left.extend(slice));
            assert_eq!(renewal, (cell + 1) % 64 == 0);
        }
        assert_eq!(left, (0..128).collect::<Vec<_>>());
        assert_eq!(slices.full().flatten().copied().collect::<Vec<_>>(), (128..256).collect::<Vec<_>>());
    }

    #[test]
    fn a_long_gap_is_as_many_short_ones() {
        for gap in [1, 63, 64, 65, 500, 5000] {
            let mut alone = Slices::<u32>::new(1000);
            let mut at_once = alone.clone();
            *alone.growing() += 1;
            *at_once.growing() += 1;
            (0..gap).for_each(|_| {
                alone.pass(|_| {});
            });
            let mut rest = at_once.telling(gap);
            while rest > 0 {
                rest -= at_once.pass_many(rest, |_| {}).0;
            }
            assert_eq!((alone.cells, alone.full), (at_once.cells, at_once.full), "{gap}");
        }
    }

    #[test]
    fn a_sliding_sum_forgets_without_a_trace() {
        let mut sliding = Sliding::new(3);
        let sums: Vec<_> = [1e300, 0.25, 2.0, 4.0, 8.0, 16.0]
            .iter()
            .map(|&value| {
                sliding.push(value);
                sliding.sum()
            })
            .collect();
        assert_eq!(sums[3..], [6.25, 14.0, 28.0]);
        sliding.push_zeros(2);
        assert_eq!(sliding.sum(), 16.0);
        sliding.push_zeros(1_000_000);
        assert_eq!(sliding.sum(), 0.0);
    }
}
