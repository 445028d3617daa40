//! Reading a history: a shelf after the other, as it lies on disk, and turned so that the cells of each series come in the order
//! of time.

use super::HistoryError;
use super::cell::{Cell, MISSING};
use super::row::Found;
use super::store::Store;
use std::ops::RangeInclusive;

/// So many cells are turned at once: a day or two of a large shelf.
const TURNED: usize = 8 << 20;
/// Slots that are turned at a time: as many cells as a line of the cache has.
const SLOTS: usize = 8;

/// What was found while a history was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
    /// For each column the newest row with something in it.
    pub newest: Vec<Option<i64>>,
    /// The oldest row with something in it.
    pub oldest: Option<i64>,
    /// Rows that were whole, of all shelves.
    pub whole: u64,
    /// What was damaged.
    pub damage: Damage,
}

/// Rows that are not what was written: what their series had there is missing now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Damage {
    /// How many, of all shelves.
    pub rows: u64,
    /// The first and the last of them.
    pub span: Option<(i64, i64)>,
}

/// Cells of one series in the order of time.
#[derive(Debug, Clone, Copy)]
pub struct Cells<'a> {
    /// The column of the series.
    pub column: u32,
    /// The row of the first.
    pub first: i64,
    bits: &'a [u64],
}

impl Cells<'_> {
    /// Each with its row, those left out that are missing.
    pub fn known(&self) -> impl Iterator<Item = (i64, Cell)> {
        let cells = (self.first..).zip(self.bits);
        cells.filter(|(_, bits)| **bits != MISSING).map(|(row, bits)| (row, Cell::from_bits(*bits)))
    }
}

impl Store {
    /// Reads `rows`, not more than are kept of them, and gives the cells of each series to `each`, a stretch of time after the
    /// other. Series of which nothing is kept any more give way to new ones then, where all rows were read.
    ///
    /// # Errors
    /// Where a file cannot be read, and where rows know of series that the log does not.
    pub fn read(
        &mut self,
        rows: RangeInclusive<i64>,
        each: impl FnMut(&Store, Cells<'_>),
    ) -> Result<Reading, HistoryError> {
        let all = self.shelves.len();
        let first = first_kept(&rows, self.shape.rows());
        let reading = self.read_shelves(all, rows.clone(), each)?;
        if rows.end() - first + 1 == self.shape.rows() {
            let columns = (0..).zip(&reading.newest);
            let empty = columns.filter(|(_, newest)| newest.is_none()).map(|(column, _)| column);
            self.names.free(empty.collect(), first);
        }
        Ok(reading)
    }

    /// The oldest of `rows` in which one of the first series has something.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn oldest(&mut self, rows: RangeInclusive<i64>) -> Result<Option<i64>, HistoryError> {
        let shelves = self.shelves.len().min(1);
        Ok(self.read_shelves(shelves, rows, |_, _| {})?.oldest)
    }

    fn read_shelves(
        &mut self,
        shelves: usize,
        rows: RangeInclusive<i64>,
        mut each: impl FnMut(&Store, Cells<'_>),
    ) -> Result<Reading, HistoryError> {
        let last = *rows.end();
        let first = first_kept(&rows, self.shape.rows());
        let mut turned = Vec::new();
        let mut reading = Reading { newest: vec![None; self.names.count() as usize], ..Reading::default() };
        for shelf in 0..shelves {
            let place = self.shelves[shelf].place;
            let count = self.names.count().saturating_sub(place.first).min(place.width) as usize;
            let most = (TURNED / count.max(1)).max(SLOTS) as i64;
            let mut from = first;
            while from <= last {
                let until = last.min(from.saturating_add(most - 1));
                self.turn(shelf, (from, until), count, &mut turned, &mut reading)?;
                self.tell(place.first, (from, until), &turned, &mut reading, &mut each);
                from = until + 1;
            }
        }
        Ok(reading)
    }

    /// Puts the cells of rows `from..=until` of a shelf into `turned`, series by series.
    fn turn(
        &mut self,
        shelf: usize,
        (from, until): (i64, i64),
        count: usize,
        turned: &mut Vec<u64>,
        reading: &mut Reading,
    ) -> Result<(), HistoryError> {
        let (Self { shape, names, shelves, .. }, length) = (self, (until - from + 1) as usize);
        let shelf = &mut shelves[shelf];
        let width = shelf.place.width as usize;
        let slots = shape.slots() as i64;
        let (first_day, last_day) = (from.div_euclid(slots), until.div_euclid(slots));
        let days = (last_day - first_day + 1) as usize;
        turned.clear();
        turned.resize(length * count, MISSING);
        let mut block = vec![MISSING; days * SLOTS * width];
        let mut cells = vec![MISSING; width];
        let mut lines = 0;
        for first_slot in (0..shape.slots()).step_by(SLOTS) {
            let some = SLOTS.min(shape.slots() - first_slot);
            let mut wanted = first_slot..first_slot + some;
            if !wanted.any(|slot| spans(shape.ring(), slots, slot as i64, (from, until)).next().is_some()) {
                continue;
            }
            block.fill(MISSING);
            for offset in 0..some {
                let slot = (first_slot + offset) as i64;
                for (day, count) in spans(shape.ring(), slots, slot, (from, until)) {
                    let ring = shape.slot_and_day(day * slots + slot);
                    shelf.read(shape, ring, count, &mut cells, |at, found, cells| {
                        let wanted = (day + (at - ring.1) as i64) * slots + slot;
                        match found {
                            Found::Whole(head) => {
                                lines = lines.max(head.lines);
                                if head.row == wanted {
                                    let day = (wanted.div_euclid(slots) - first_day) as usize;
                                    let at = (day * SLOTS + offset) * width;
                                    block[at..at + width].copy_from_slice(cells);
                                    reading.whole += 1;
                                }
                            }
                            Found::Empty => {}
                            Found::Damaged => reading.damage.add(wanted),
                        }
                    })?;
                }
            }
            let place = Turning { from, until, length, width, count };
            for day in 0..days {
                let row = (first_day + day as i64) * slots + first_slot as i64;
                place.turn(&block[day * SLOTS * width..], row, some, turned);
            }
        }
        names.hold(lines)
    }

    /// Gives the cells of each series to `each`.
    fn tell(
        &self,
        first_column: u32,
        (from, until): (i64, i64),
        turned: &[u64],
        reading: &mut Reading,
        each: &mut impl FnMut(&Store, Cells<'_>),
    ) {
        let length = (until - from + 1) as usize;
        for (column, bits) in (first_column..).zip(turned.chunks_exact(length)) {
            let series = &self.names.all()[column as usize];
            let own = bits.iter().zip(from..).position(|(_, row)| series.owns(row)).unwrap_or(length);
            let Some(bits) = bits.get(own..) else { continue };
            let cells = Cells { column, first: from + own as i64, bits };
            let known = |bits: &u64| *bits != MISSING;
            let Some(oldest) = bits.iter().position(known) else { continue };
            let newest = bits.iter().rposition(known).unwrap_or(oldest);
            let row = |at: usize| cells.first + at as i64;
            reading.newest[column as usize] = reading.newest[column as usize].max(Some(row(newest)));
            reading.oldest = Some(reading.oldest.map_or(row(oldest), |before| before.min(row(oldest))));
            each(self, cells);
        }
    }
}

/// The first of `rows` of which something can be kept, where there is room for so many.
fn first_kept(rows: &RangeInclusive<i64>, room: i64) -> i64 {
    (*rows.start()).max(rows.end().saturating_sub(room - 1))
}

/// The rows of one slot from `from` until `until` as they lie in the ring: the first day of each stretch, and how many.
fn spans(
    ring: usize,
    slots: i64,
    slot: i64,
    (from, until): (i64, i64),
) -> impl Iterator<Item = (i64, usize)> {
    let first = (from - slot + slots - 1).div_euclid(slots);
    let last = (until - slot).div_euclid(slots);
    let ring = ring as i64;
    // the day at which the ring begins anew
    let anew = (first + ring - first.rem_euclid(ring)).min(last + 1);
    [(first, anew), (anew, last + 1)]
        .into_iter()
        .filter(|(from, until)| from < until)
        .map(|(from, until)| (from, (until - from).unsigned_abs() as usize))
}

/// How cells are turned.
struct Turning {
    from: i64,
    until: i64,
    length: usize,
    width: usize,
    count: usize,
}

impl Turning {
    /// Puts `some` consecutive rows of `block`, of which the first is `row`, where each series has its cells.
    fn turn(&self, block: &[u64], row: i64, some: usize, turned: &mut [u64]) {
        let (first, last) = (row.max(self.from), (row + some as i64 - 1).min(self.until));
        if first > last {
            return;
        }
        let (skip, length) = ((first - row) as usize, (last - first + 1) as usize);
        let at = (first - self.from) as usize;
        let rows: Vec<&[u64]> = block.chunks_exact(self.width).skip(skip).take(length).collect();
        for (column, turned) in turned.chunks_exact_mut(self.length).take(self.count).enumerate() {
            for (cell, row) in turned[at..at + length].iter_mut().zip(&rows) {
                *cell = row[column];
            }
        }
    }
}

impl Damage {
    pub(super) fn add(&mut self, row: i64) {
        self.rows += 1;
        let (first, last) = self.span.unwrap_or((row, row));
        self.span = Some((first.min(row), last.max(row)));
    }
}
