//! The newest values of a series, by the number of their cell.

use crate::middle::PLACES;

/// A ring over the cell number that grows up to its capacity.
#[derive(Debug, Clone)]
pub(crate) struct Ring {
    cells: Vec<f32>,
    capacity: usize,
    /// In place of a value that is missing: no finite number.
    missing: f32,
    /// The place of the next cell.
    place: usize,
    /// The number of the next cell.
    next: u64,
}

impl Ring {
    pub(crate) fn new(capacity: usize, missing: f32) -> Self {
        Self { cells: Vec::new(), capacity: capacity.max(1), missing, place: 0, next: 0 }
    }

    /// The number of the next cell.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// How many cells back the ring reaches.
    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    #[inline(always)]
    pub(crate) fn push(&mut self, value: f32) {
        if self.place == self.cells.len() {
            self.cells.push(value);
        } else {
            self.cells[self.place] = value;
        }
        self.next += 1;
        self.place = if self.place + 1 == self.capacity { 0 } else { self.place + 1 };
    }

    #[inline(always)]
    pub(crate) fn extend(&mut self, values: &[f32]) {
        if self.place + values.len() < self.cells.len() {
            self.cells[self.place..][..values.len()].copy_from_slice(values);
            self.place += values.len();
            self.next += values.len() as u64;
        } else {
            values.iter().for_each(|&value| self.push(value));
        }
    }

    /// Nothing is left of what was seen, and so many cells are passed over.
    pub(crate) fn forget(&mut self, cells: u64) {
        self.cells.clear();
        self.cells.resize(self.capacity, self.missing);
        self.next += cells;
        self.place = (self.next % self.capacity as u64) as usize;
    }

    /// The value of a cell; the missing one where it is too old or yet to come.
    #[inline(always)]
    pub(crate) fn get(&self, cell: u64) -> f32 {
        self.place_of(cell).map_or(self.missing, |place| self.cells[place])
    }

    /// Changes the value of a cell that is there.
    pub(crate) fn set(&mut self, cell: u64, value: f32) {
        if let Some(place) = self.place_of(cell) {
            self.cells[place] = value;
        }
    }

    /// The values of the newest cells, at most so many, oldest first.
    pub(crate) fn newest(&self, cells: usize) -> Vec<f32> {
        let cells = cells.min(self.cells.len());
        let (new, old) = self.cells.split_at(self.place.min(self.cells.len()));
        let from_old = cells.saturating_sub(new.len());
        [&old[old.len() - from_old..], &new[new.len() - (cells - from_old)..]].concat()
    }

    /// The values of the cells from `first` on that come before `until`; `first` may be one before the first cell of all, in
    /// wrapping numbers.
    #[inline(always)]
    pub(crate) fn copy(&self, first: u64, until: u64, values: &mut [f32; PLACES]) {
        // what would be before the first cell of all is as old as that, and what is to come is older than all
        if self.next.wrapping_sub(first) > (self.cells.len() + PLACES) as u64 {
            *values = [self.missing; PLACES];
            return;
        }
        let side_by_side = self.place_of(first).filter(|place| {
            place + PLACES <= self.cells.len() && first + PLACES as u64 <= until.min(self.next)
        });
        if let Some(place) = side_by_side {
            values.copy_from_slice(&self.cells[place..place + PLACES]);
            return;
        }
        for (offset, value) in (0..).zip(values) {
            let cell = first.wrapping_add(offset);
            *value = if cell < until { self.get(cell) } else { self.missing };
        }
    }

    #[inline(always)]
    fn place_of(&self, cell: u64) -> Option<usize> {
        let back = usize::try_from(self.next.checked_sub(cell)?).ok()?;
        if back == 0 || back > self.cells.len() {
            return None;
        }
        Some(if back <= self.place { self.place - back } else { self.place + self.cells.len() - back })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_the_newest_cells() {
        let mut ring = Ring::new(3, f32::NAN);
        (0..5).for_each(|i| ring.push(i as f32));
        assert_eq!([2, 3, 4].map(|cell| ring.get(cell)), [2.0, 3.0, 4.0]);
        assert_eq!([1, 2, 3, 9].map(|cells| ring.newest(cells).len()), [1, 2, 3, 3]);
        assert_eq!(ring.newest(3), [2.0, 3.0, 4.0]);
        assert!([0, 1, 5, u64::MAX].iter().all(|&cell| ring.get(cell).is_nan()));
        ring.set(3, 9.0);
        assert_eq!(ring.get(3), 9.0);
    }

    #[test]
    fn after_a_long_gap_nothing_is_left() {
        let mut ring = Ring::new(3, f32::NAN);
        (0..4).for_each(|i| ring.push(i as f32));
        ring.forget(10);
        ring.push(7.0);
        assert_eq!((ring.next(), ring.get(14)), (15, 7.0));
        assert!(ring.get(13).is_nan() && ring.get(3).is_nan());
    }
}
