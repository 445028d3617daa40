//! What is to be written at once: cells of many series, gathered as they come.

use super::cell::Cell;
use super::shape::LARGEST;

/// Rows that are written together lie between two multiples of this.
pub(super) const ROWS: i64 = 512;

/// Cells to be written.
#[derive(Debug, Default)]
pub struct Batch {
    pieces: Vec<Piece>,
    cells: Vec<u64>,
}

/// Consecutive cells: of one series, or at one row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    pub(super) column: u32,
    pub(super) row: i64,
    first: usize,
    length: usize,
    /// Whether they are of consecutive columns.
    across: bool,
}

impl Batch {
    /// Adds the cell of a column at a row. What was added for the same one before is written before.
    pub fn add(&mut self, column: u32, row: i64, cell: Cell) {
        match self.pieces.last_mut() {
            Some(last) if last.goes_on_at(column, row) => last.length += 1,
            Some(last) if last.goes_on_across(column, row) => {
                (last.length, last.across) = (last.length + 1, true)
            }
            _ => self.pieces.push(Piece { column, row, first: self.cells.len(), length: 1, across: false }),
        }
        self.cells.push(cell.bits());
    }

    /// How many cells there are.
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// The oldest row of all.
    pub(super) fn oldest(&self) -> Option<i64> {
        self.pieces.iter().map(|piece| piece.row).min()
    }

    /// Forgets all cells.
    pub fn clear(&mut self) {
        self.pieces.clear();
        self.cells.clear();
    }

    pub(super) fn cells(&self, piece: &Piece) -> &[u64] {
        &self.cells[piece.first..piece.first + piece.length]
    }

    /// The pieces, those first that `before` puts first, then by their rows, each in the order in which they were added.
    pub(super) fn in_order(&self, shelf: impl Fn(u32) -> u32) -> Vec<(u32, i64, Piece)> {
        let place = |piece: &Piece| (shelf(piece.column), piece.row.div_euclid(ROWS), *piece);
        let mut pieces: Vec<_> = self.pieces.iter().map(place).collect();
        if !pieces.is_sorted_by_key(|(shelf, part, _)| (*shelf, *part)) {
            pieces.sort_by_key(|(shelf, part, _)| (*shelf, *part));
        }
        pieces
    }
}

impl Piece {
    /// Whether the cell of `column` at `row` is the next one in time.
    #[inline]
    fn goes_on_at(&self, column: u32, row: i64) -> bool {
        let is_next = row == self.row + self.length as i64 && row.rem_euclid(ROWS) != 0;
        !self.across && column == self.column && is_next
    }

    /// Whether it is that of the next column. Each shelf begins at a column that is a power of two, or a multiple of that of the
    /// first large one.
    #[inline]
    fn goes_on_across(&self, column: u32, row: i64) -> bool {
        let is_next = row == self.row && column as usize == self.column as usize + self.length;
        (self.across || self.length == 1)
            && is_next
            && !column.is_power_of_two()
            && !column.is_multiple_of(LARGEST)
    }

    /// The place of each of its cells: how far from its column, and its row.
    pub(super) fn places(&self) -> impl Iterator<Item = (usize, i64)> {
        let (right, down) = if self.across { (1, 0) } else { (0, 1) };
        (0..self.length).map(move |i| (i * right, self.row + i as i64 * down))
    }
}
