//! The newest values of a series, by the number of their cell.

use crate::middle::PLACES;

/// A ring over the cell number that grows up to its capacity.
///
/// The newest cells lie at hand until there is a whole block of them: where very many series get a value each, most of the time
/// goes into fetching memory from afar, and the ring itself need not be for most of the values.
#[derive(Debug, Clone)]
pub(crate) struct Ring {
    /// Whole blocks; memory that was never written costs nothing.
    cells: Vec<f32>,
    /// Where in them the block at hand goes.
    place: usize,
    /// The newest cells, since a block began.
    at_hand: [f32; PLACES],
    /// How many places of the first block come before the first cell: what is put away at the same time in all rings of very
    /// many series would hold them up together.
    ahead: u64,
    capacity: usize,
    /// In place of a value that is missing: no finite number.
    missing: f32,
    /// The number of the next cell.
    next: u64,
}

/// Where a cell is.
enum Place {
    AtHand(usize),
    Cells(usize),
}

impl Ring {
    /// Of so many cells, with the first of all at the place `ahead` of its block.
    pub(crate) fn new(capacity: usize, missing: f32, ahead: u64) -> Self {
        let (capacity, ahead) = (capacity.max(1), ahead % PLACES as u64);
        // grown bit by bit, the rings of all series would be copied at the same sample
        let cells = Vec::with_capacity(capacity.next_multiple_of(PLACES));
        Self { cells, place: 0, at_hand: [missing; PLACES], ahead, capacity, missing, next: 0 }
    }

    /// The number of the next cell.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// How many cells back the ring reaches.
    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    pub(crate) fn push(&mut self, value: f32) {
        self.extend(&[value]);
    }

    /// The values of the next cells, not beyond the end of a block.
    #[inline(always)]
    pub(crate) fn extend(&mut self, values: &[f32]) {
        let filled = self.filled();
        self.at_hand[filled..][..values.len()].copy_from_slice(values);
        self.next += values.len() as u64;
        if filled + values.len() == PLACES {
            self.put_away();
        }
    }

    fn put_away(&mut self) {
        if self.place == self.cells.len() {
            self.cells.extend_from_slice(&self.at_hand);
        } else {
            self.cells[self.place..][..PLACES].copy_from_slice(&self.at_hand);
        }
        self.place += PLACES;
        if self.place >= self.capacity {
            self.place = 0;
        }
    }

    /// How many places of the block at hand are taken.
    #[inline(always)]
    fn filled(&self) -> usize {
        self.place_in_block(self.next)
    }

    /// The place of a cell in its block.
    #[inline(always)]
    pub(crate) fn place_in_block(&self, cell: u64) -> usize {
        ((cell + self.ahead) % PLACES as u64) as usize
    }

    /// Nothing is left of what was seen, and so many cells are passed over.
    pub(crate) fn forget(&mut self, cells: u64) {
        self.cells.clear();
        self.cells.resize(self.capacity.next_multiple_of(PLACES), self.missing);
        self.place = 0;
        self.at_hand = [self.missing; PLACES];
        self.next += cells;
    }

    /// The value of a cell; the missing one where it is too old or yet to come.
    #[inline(always)]
    pub(crate) fn get(&self, cell: u64) -> f32 {
        match self.place_of(cell) {
            Some(Place::AtHand(place)) => self.at_hand[place],
            Some(Place::Cells(place)) => self.cells[place],
            None => self.missing,
        }
    }

    /// Changes the value of a cell that is there.
    pub(crate) fn set(&mut self, cell: u64, value: f32) {
        match self.place_of(cell) {
            Some(Place::AtHand(place)) => self.at_hand[place] = value,
            Some(Place::Cells(place)) => self.cells[place] = value,
            None => {}
        }
    }

    /// The values of the newest cells, at most so many, oldest first.
    pub(crate) fn newest(&self, cells: usize) -> Vec<f32> {
        let at_hand = &self.at_hand[..self.filled()];
        let (new, old) = self.cells.split_at(self.place.min(self.cells.len()));
        let parts = [old, new, at_hand];
        let all = usize::try_from(self.next).unwrap_or(usize::MAX);
        let count = cells.min(self.capacity).min(all);
        let mut beyond = parts.map(<[f32]>::len).iter().sum::<usize>().saturating_sub(count);
        let mut newest = Vec::with_capacity(count);
        for part in parts {
            let left_out = beyond.min(part.len());
            newest.extend_from_slice(&part[left_out..]);
            beyond -= left_out;
        }
        newest
    }

    /// The values of the cells from `first` on that come before `until`; `first` may be one before the first cell of all, in
    /// wrapping numbers.
    #[inline(always)]
    pub(crate) fn copy(&self, first: u64, until: u64, values: &mut [f32; PLACES]) {
        // what would be before the first cell of all is as old as that, and what is to come is older than all
        if self.next.wrapping_sub(first) > (self.capacity + PLACES) as u64 {
            *values = [self.missing; PLACES];
            return;
        }
        if let Some(Place::Cells(place)) = self.place_of(first)
            && let Some(side_by_side) = self.cells.get(place..place + PLACES)
            && first + PLACES as u64 <= until.min(self.next.saturating_sub(self.filled() as u64))
        {
            values.copy_from_slice(side_by_side);
            return;
        }
        for (offset, value) in (0..).zip(values) {
            let cell = first.wrapping_add(offset);
            *value = if cell < until { self.get(cell) } else { self.missing };
        }
    }

    #[inline(always)]
    fn place_of(&self, cell: u64) -> Option<Place> {
        let back = usize::try_from(self.next.checked_sub(cell)?).ok()?;
        if back == 0 || back > self.capacity {
            return None;
        }
        let Some(before) = back.checked_sub(self.filled()).filter(|before| *before > 0) else {
            return Some(Place::AtHand(self.filled() - back));
        };
        Some(Place::Cells(if before <= self.place {
            self.place - before
        } else {
            self.place + self.cells.len() - before
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_the_newest_cells() {
        let mut ring = Ring::new(3, f32::NAN, 0);
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
        let mut ring = Ring::new(3, f32::NAN, 0);
        (0..4).for_each(|i| ring.push(i as f32));
        assert_eq!(ring.get(3), 3.0);
        ring.forget(10);
        ring.push(7.0);
        assert_eq!((ring.next(), ring.get(14)), (15, 7.0));
        assert!(ring.get(13).is_nan() && ring.get(3).is_nan());
    }

    #[test]
    fn every_cell_within_reach_is_found_at_any_time() {
        for (capacity, ahead) in [1, 15, 16, 17, 40, 64].into_iter().zip([0, 1, 0, 15, 9, 5]) {
            let mut ring = Ring::new(capacity, f32::INFINITY, ahead);
            for next in 0..300_u64 {
                for back in 0..80 {
                    let there = (1..=capacity as u64).contains(&back) && back <= next;
                    let expected = if there { (next - back) as f32 } else { f32::INFINITY };
                    assert_eq!(ring.get(next.wrapping_sub(back)), expected, "{capacity} {next} {back}");
                }
                let from = next.saturating_sub(capacity as u64);
                let all: Vec<f32> = (from..next).map(|cell| cell as f32).collect();
                assert_eq!(ring.newest(usize::MAX), all);
                for first in (0..100).map(|back| next.wrapping_sub(back)) {
                    let (mut found, until) = ([0.0; PLACES], next.saturating_sub(3));
                    ring.copy(first, until, &mut found);
                    let cell = |offset: usize| first.wrapping_add(offset as u64);
                    let one =
                        |offset| if cell(offset) < until { ring.get(cell(offset)) } else { f32::INFINITY };
                    assert_eq!(found, std::array::from_fn(one), "{capacity} {next} {first}");
                }
                ring.push(next as f32);
            }
        }
    }
}
