//! What a history keeps, as its file `shape` has it from the beginning: never changed, so that sizes and places never move.

use super::HistoryError;
use super::files;
use super::row::HEAD;
use quietgate_detectors::Interval;
use serde::{Deserialize, Serialize};
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::path::Path;

/// The format of the files that this program writes and reads.
pub(super) const FORMAT: u32 = 1;
/// The name of the file.
pub(super) const FILE: &str = "shape";

/// Series of the first shelf: most signals have few.
const FIRST: u32 = 16;
/// Series of a large shelf. More would not be faster, and less would be more open files.
pub(super) const LARGEST: u32 = 4096;

/// What a history keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    format: u32,
    /// A number that no other history has, part of every checksum.
    id: u64,
    /// The signal whose series are kept.
    pub signal: String,
    /// Spacing of the samples, in milliseconds.
    pub interval_ms: i64,
    /// So many days are kept, and today.
    pub days: u32,
    /// Rows of a day.
    slots: u32,
    first: u32,
    largest: u32,
}

/// The place of a shelf among the series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Which shelf.
    pub(super) shelf: u32,
    /// Its first series.
    pub(super) first: u32,
    /// So many series it has room for.
    pub(super) width: u32,
}

impl Shape {
    /// The shape of a new history.
    pub(super) fn new(signal: &str, interval: Interval, days: u32) -> Self {
        let slots = u32::try_from(interval.cells_a_day()).unwrap_or(u32::MAX);
        let (signal, interval_ms) = (signal.to_owned(), interval.as_millis());
        // every hasher of the system's begins elsewhere
        let id = RandomState::new().build_hasher().finish();
        Self { format: FORMAT, id, signal, interval_ms, days, slots, first: FIRST, largest: LARGEST }
    }

    /// Reads the shape of the history in `folder`; none where there is no history.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>, HistoryError> {
        let path = folder.join(FILE);
        let Some(text) = files::read(&path)? else { return Ok(None) };
        let damaged = |why: &str| HistoryError::Damaged { path: path.clone(), why: why.to_owned() };
        let line = text.strip_suffix('\n').ok_or_else(|| damaged("it has no whole line"))?;
        let json = files::checked(line, 0).ok_or_else(|| damaged("its checksum is wrong"))?;
        let format = serde_json::from_str::<serde_json::Value>(json);
        let format = format.ok().and_then(|value| u32::try_from(value.get("format")?.as_u64()?).ok());
        match format {
            Some(FORMAT) => {}
            Some(found) => return Err(HistoryError::Format { folder: folder.to_owned(), found }),
            None => return Err(damaged("it says no format")),
        }
        let shape: Self = serde_json::from_str(json).map_err(|error| damaged(&error.to_string()))?;
        if shape.is_sane() { Ok(Some(shape)) } else { Err(damaged("its numbers do not fit each other")) }
    }

    /// Writes the shape of a new history into `folder`.
    pub(super) fn write(&self, folder: &Path) -> Result<(), HistoryError> {
        let json = serde_json::to_string(self)
            .map_err(|error| HistoryError::File(folder.join(FILE), std::io::Error::other(error)))?;
        files::replace(&folder.join(FILE), &files::line(&json, 0))
    }

    /// Refuses a history that keeps something else than `wanted`.
    pub(super) fn hold(&self, folder: &Path, wanted: &Self) -> Result<(), HistoryError> {
        let keeps = |shape: &Self| {
            let every = crate::text::duration(shape.interval_ms);
            let days = crate::text::counted(shape.days.into(), "day", "days");
            format!("samples of {} every {every} for {days}", shape.signal)
        };
        let key = |shape: &Self| (shape.signal.clone(), shape.interval_ms, shape.days);
        if key(self) == key(wanted) {
            return Ok(());
        }
        let (found, wanted) = (keeps(self), keeps(wanted));
        Err(HistoryError::Other { folder: folder.to_owned(), found, wanted })
    }

    /// So many days lie side by side: those that are kept, and today.
    pub(super) fn ring(&self) -> usize {
        self.days as usize + 1
    }

    /// Rows of a day.
    pub(super) fn slots(&self) -> usize {
        self.slots as usize
    }

    /// All rows that there is room for.
    pub fn rows(&self) -> i64 {
        i64::from(self.slots) * (i64::from(self.days) + 1)
    }

    /// Where a row lies: its slot, and the day of the ring.
    pub(super) fn slot_and_day(&self, row: i64) -> (usize, usize) {
        let slots = i64::from(self.slots);
        let day = row.div_euclid(slots).rem_euclid(i64::from(self.days) + 1);
        // both are remainders, and not below zero
        (row.rem_euclid(slots).unsigned_abs() as usize, day.unsigned_abs() as usize)
    }

    /// The shelf of a series. Shelves double until they are large, so that a small signal takes little and growth moves nothing.
    pub(super) fn place(&self, index: u32) -> Place {
        let (first, largest) = (self.first, self.largest);
        if index < first {
            return Place { shelf: 0, first: 0, width: first };
        }
        if index < largest {
            let doubled = (index / first).ilog2();
            return Place { shelf: doubled + 1, first: first << doubled, width: first << doubled };
        }
        let large = index / largest;
        Place { shelf: (largest / first).ilog2() + large, first: large * largest, width: largest }
    }

    /// Bytes of a row in a shelf that is so wide.
    pub(super) fn row_bytes(width: u32) -> usize {
        HEAD + 8 * width as usize
    }

    /// Bytes of a shelf that is so wide, when it is full.
    pub(super) fn shelf_bytes(&self, width: u32) -> u64 {
        self.rows().unsigned_abs() * Self::row_bytes(width) as u64
    }

    /// The most bytes that the values of so many series take on disk.
    pub(super) fn bound(&self, series: u32) -> u64 {
        let Some(last) = series.checked_sub(1).map(|last| self.place(last)) else { return 0 };
        let mut bytes = 0;
        let mut index = 0;
        while index <= last.first {
            let place = self.place(index);
            bytes += self.shelf_bytes(place.width);
            index = place.first + place.width;
        }
        bytes
    }

    /// What the checksums of a shelf begin with: a row of another history or shelf is none of it.
    pub(super) fn seed(&self, shelf: u32) -> u64 {
        self.id ^ u64::from(shelf).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    fn is_sane(&self) -> bool {
        let interval = Interval::from_millis(self.interval_ms);
        let fits = interval.is_ok_and(|interval| interval.cells_a_day() == self.slots as usize);
        let shelves = self.first.is_power_of_two()
            && self.largest.is_power_of_two()
            && self.first <= self.largest
            && self.largest <= 1 << 20;
        fits && shelves && (1..=super::DAYS_MAX).contains(&self.days)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape() -> Shape {
        Shape::new("load", Interval::from_millis(60_000).expect("a minute"), 14)
    }

    #[test]
    fn shelves_lie_side_by_side_without_a_hole() {
        let (shape, mut index, mut shelf) = (shape(), 0, 0);
        while index < 40_000 {
            let place = shape.place(index);
            assert_eq!((place.shelf, place.first), (shelf, index));
            assert_eq!(shape.place(index + place.width - 1), place);
            (index, shelf) = (index + place.width, shelf + 1);
        }
        assert_eq!(shape.bound(0), 0);
        assert_eq!(shape.bound(1), 21_600 * (24 + 8 * 16));
        assert_eq!(shape.bound(17), 2 * shape.bound(16));
    }

    #[test]
    fn every_row_has_a_place_of_its_own_until_its_days_are_over() {
        let shape = shape();
        for row in [-1, 0, 1, 29_000_000, -29_000_001] {
            let (slot, day) = shape.slot_and_day(row);
            assert_eq!(shape.slot_and_day(row + shape.rows()), (slot, day));
            assert_ne!(shape.slot_and_day(row + 1440), (slot, day));
            assert!(slot < shape.slots() && day < shape.ring());
        }
    }

    #[test]
    fn a_shape_is_read_as_it_was_written_and_changed_never() {
        let dir = tempfile::tempdir().expect("a folder");
        assert_eq!(Shape::read(dir.path()).expect("nothing"), None);
        shape().write(dir.path()).expect("a file");
        let read = Shape::read(dir.path()).expect("a shape").expect("a shape");
        assert!(read.hold(dir.path(), &shape()).is_ok(), "another id is the same shape");
        let path = dir.path().join(FILE);
        let bytes = std::fs::read(&path).expect("a file");
        for bit in 0..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&path, bytes).expect("a file");
            assert!(Shape::read(dir.path()).is_err(), "bit {bit}");
        }
        for length in 0..bytes.len() {
            std::fs::write(&path, &bytes[..length]).expect("a file");
            assert!(Shape::read(dir.path()).is_err(), "cut to {length}");
        }
        let newer = files::line(r#"{"format":2,"more":true}"#, 0);
        std::fs::write(&path, newer).expect("a file");
        let error = Shape::read(dir.path()).expect_err("another format").to_string();
        assert!(error.contains("has the format 2, this version of the program knows 1"), "{error}");
    }
}
