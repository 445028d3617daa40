//! For fuzzers and tests alone: what must hold of the files of a history.

use super::cell::{Cell, MISSING};
use super::names::Names;
use super::row::{Found, HEAD, Head, decode, encode};
use super::shape::{FILE, Shape};
use super::{files, names};
use quietgate_detectors::Interval;
use std::path::Path;

/// The file of a shape and the log of series, a line of JSON each: as they are, and under checksums that are good. What is read
/// fits together, and the same series are found by their labels.
pub fn history(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path();
    std::fs::write(path.join(FILE), bytes).expect("written");
    drop(Shape::read(path));
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    std::fs::write(path.join(FILE), files::line(first, 0)).expect("written");
    let minute = Interval::from_millis(60_000).expect("a minute");
    let shape = match Shape::read(path) {
        Ok(Some(shape)) => shape,
        _ => Shape::new("s", minute, 14),
    };
    places(&shape);
    series(path, &shape, rest);
}

/// Each row has a place of its own within the ring, each series one within its shelf.
fn places(shape: &Shape) {
    for row in [i64::MIN, -1, 0, 1, shape.rows() - 1, shape.rows(), i64::MAX] {
        let (slot, day) = shape.slot_and_day(row);
        assert!(slot < shape.slots() && day < shape.ring());
    }
    for index in [0, 1, 15, 16, 4_095, 4_096, 1 << 20] {
        let place = shape.place(index);
        assert!(place.first <= index && index - place.first < place.width);
        assert!(shape.bound(index) <= shape.bound(index + 1));
    }
}

fn series(path: &Path, shape: &Shape, lines: &str) {
    let seed = shape.seed(u32::MAX);
    let log: String =
        (0_u64..).zip(lines.lines()).map(|(number, line)| files::line(line, seed ^ number)).collect();
    std::fs::write(path.join(names::FILE), log).expect("written");
    let Ok(names) = Names::read(path, shape, false) else { return };
    assert_eq!(names.lines() as usize, lines.lines().count());
    assert!(names.all().len() <= names.lines() as usize);
    for series in names.all() {
        // a column whose series came again elsewhere, and went, is nobody's
        let column = names.find(&series.labels);
        assert!(column.is_none_or(|column| names.all()[column as usize].labels == series.labels));
        for row in [-1, 0, 1, 28_000_000] {
            let at_ms = series.at(row, shape.interval_ms);
            let _ = (series.row(at_ms, shape.interval_ms), series.owns(row), series.may_begin(row));
        }
    }
}

/// A row: any bytes are read, what was written is read again, and no bit of it can change unseen.
pub fn row(bytes: &[u8]) {
    let mut cells = [0; 16];
    if bytes.len() >= HEAD
        && let Found::Whole(head) = decode(bytes, 1, |_| true, &mut cells)
    {
        assert!(HEAD + 8 * head.count as usize <= bytes.len());
    }
    let (eights, _) = bytes.as_chunks::<8>();
    let Some((number, eights)) = eights.split_first() else { return };
    let written: Vec<u64> = eights.iter().take(cells.len()).map(|eight| u64::from_le_bytes(*eight)).collect();
    let head =
        Head { row: i64::from_le_bytes(*number), lines: u32::from(number[0]), count: written.len() as u32 };
    let mut row = Vec::new();
    encode(head, &written, 1, &mut row);
    assert_eq!(decode(&row, 1, |row| row == head.row, &mut cells), Found::Whole(head));
    let known = cells.iter().zip(written.iter().copied().chain(std::iter::repeat(MISSING)));
    assert!(known.into_iter().all(|(read, written)| *read == written));
    assert_eq!(decode(&row, 2, |_| true, &mut cells), Found::Damaged, "of another shelf");
    let bit = usize::from(number[1]) * 8 % (row.len() * 8) + usize::from(number[2] % 8);
    row[bit / 8] ^= 1 << (bit % 8);
    assert_eq!(decode(&row, 1, |_| true, &mut cells), Found::Damaged);
    for bits in written {
        assert!(!matches!(Cell::from_bits(bits), Cell::Value(value) if !value.is_finite()));
    }
}
