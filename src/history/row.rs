//! A row: what all series of a shelf had at one time, with a head that says which time, and a checksum over both.

use super::cell::MISSING;
use xxhash_rust::xxh3::{Xxh3, xxh3_64_with_seed};

/// Bytes of the head: the row's number, the lines of the log of series when it was written, how many series it has, the checksum.
pub(super) const HEAD: usize = 24;
/// Bytes of a cell, of which as many are a head.
pub(super) const CELL: usize = 8;
/// Where the checksum stands in it.
const SUM: usize = 16;

/// What a row says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// Its number: so many intervals after 1970-01-01.
    pub(super) row: i64,
    /// So many lines the log of series had.
    pub(super) lines: u32,
    /// So many series of the shelf were there.
    pub(super) count: u32,
}

/// What stands at the place of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing was ever written there.
    Empty,
    /// What was written.
    Whole(Head),
    /// Something else.
    Damaged,
}

/// Puts the bytes of a row into `out`.
pub(super) fn encode(head: Head, cells: &[u64], seed: u64, out: &mut Vec<u8>) {
    out.clear();
    out.extend(head.row.to_le_bytes());
    out.extend(head.lines.to_le_bytes());
    out.extend(head.count.to_le_bytes());
    out.extend([0; HEAD - SUM]);
    cells.iter().for_each(|cell| out.extend(cell.to_le_bytes()));
    let sum = sum(out, seed);
    out[SUM..HEAD].copy_from_slice(&sum.to_le_bytes());
}

/// Reads the bytes at the place of a row, where `is_here` says whether a row of that number belongs. The cells go to `cells`, which
/// is as long as the shelf is wide; those that the row does not have are missing.
pub(super) fn decode(bytes: &[u8], seed: u64, is_here: impl Fn(i64) -> bool, cells: &mut [u64]) -> Found {
    let found = check(bytes, seed, is_here);
    match found {
        Found::Whole(head) => {
            let (known, missing) = cells.split_at_mut((head.count as usize).min(cells.len()));
            known.iter_mut().zip(bits(bytes)).for_each(|(cell, bits)| *cell = bits);
            missing.fill(MISSING);
        }
        Found::Empty | Found::Damaged => cells.fill(MISSING),
    }
    found
}

/// What stands in the bytes at the place of a row.
pub(super) fn check(bytes: &[u8], seed: u64, is_here: impl Fn(i64) -> bool) -> Found {
    if bytes[..HEAD] == [0; HEAD] {
        // many at once, for most of a young history is holes
        let any = bytes.as_chunks().0.iter().fold(0, |any, eight| any | u64::from_ne_bytes(*eight));
        return if any == 0 { Found::Empty } else { Found::Damaged };
    }
    let (row, lines, count) = (number(bytes, 0) as i64, half(bytes, 8), half(bytes, 12));
    let length = HEAD + 8 * count as usize;
    let is_whole = length <= bytes.len() && is_here(row) && sum(&bytes[..length], seed) == number(bytes, SUM);
    if is_whole { Found::Whole(Head { row, lines, count }) } else { Found::Damaged }
}

/// The cells of a row that is whole, and what lies behind them.
#[inline(always)]
fn bits(row: &[u8]) -> impl Iterator<Item = u64> {
    row[HEAD..].as_chunks().0.iter().map(|bytes| u64::from_le_bytes(*bytes))
}

/// The checksum of a row, or of any bytes whose ninth to sixteenth byte before their values hold it.
fn sum(bytes: &[u8], seed: u64) -> u64 {
    let mut sum = Xxh3::with_seed(seed);
    sum.update(&bytes[..SUM]);
    sum.update(&bytes[HEAD..]);
    sum.digest()
}

/// The checksum of a text.
pub(super) fn text_sum(text: &str, seed: u64) -> u64 {
    xxh3_64_with_seed(text.as_bytes(), seed)
}

fn number(bytes: &[u8], at: usize) -> u64 {
    let mut eight = [0; 8];
    eight.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(eight)
}

fn half(bytes: &[u8], at: usize) -> u32 {
    let mut four = [0; 4];
    four.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(four)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Cell;

    fn row() -> (Vec<u8>, Vec<u64>) {
        let cells: Vec<u64> = [1.5, -0.0, 3e300].map(|value| Cell::of(value).bits()).to_vec();
        let mut bytes = Vec::new();
        encode(Head { row: 12, lines: 3, count: 3 }, &cells, 7, &mut bytes);
        (bytes, cells)
    }

    #[test]
    fn a_row_is_read_as_it_was_written_and_nothing_else_is_one() {
        let (mut bytes, cells) = row();
        bytes.extend([0; 16]);
        let mut read = [0; 5];
        let whole = Found::Whole(Head { row: 12, lines: 3, count: 3 });
        assert_eq!(decode(&bytes, 7, |row| row == 12, &mut read), whole);
        assert_eq!((&read[..3], &read[3..]), (&cells[..], &[MISSING; 2][..]));
        assert_eq!(decode(&bytes, 8, |_| true, &mut read), Found::Damaged, "of another shelf");
        assert_eq!(decode(&bytes, 7, |_| false, &mut read), Found::Damaged, "at another place");
        assert_eq!(read, [MISSING; 5]);
    }

    #[test]
    fn every_bit_counts() {
        let (bytes, _) = row();
        let mut read = [0; 3];
        for bit in 0..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(&bytes, 7, |_| true, &mut read), Found::Damaged, "bit {bit}");
        }
        assert_eq!(decode(&[0; 48], 7, |_| true, &mut read), Found::Empty);
        assert_eq!(decode(&[&[0; 40][..], &[1; 8]].concat(), 7, |_| true, &mut read), Found::Damaged);
    }
}
