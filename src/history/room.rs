//! Whether the disk has the room that histories may come to take.

use super::shape::Shape;
use super::{FOLDER, HistoryError, Store};
use quietgate_detectors::Interval;
use std::path::Path;

/// How many bytes more the history of `signal` in `state` may take, of the series that it has, or of so many where that is more.
///
/// # Errors
/// One that is there and cannot be used.
pub fn needs(
    state: &Path,
    signal: &str,
    interval: Interval,
    days: u32,
    series: u32,
) -> Result<u64, HistoryError> {
    let folder = state.join(FOLDER).join(signal);
    if Shape::read(&folder)?.is_none() {
        return Ok(Shape::new(signal, interval, days).bound(series));
    }
    let store = Store::read_only(&folder)?;
    let bound = store.bound().max(store.shape.bound(series));
    Ok(bound.saturating_sub(store.disk_bytes()?))
}

/// How many bytes are free for us on the disk where `state` is, or will be.
///
/// # Errors
/// Where the system does not tell.
pub fn free(state: &Path) -> Result<u64, HistoryError> {
    // what is relative begins here
    let here = Path::new(".");
    let there = state.ancestors().find(|folder| folder.exists()).unwrap_or(here);
    let told = rustix::fs::statvfs(there).map_err(|error| HistoryError::file(there)(error.into()))?;
    Ok(told.f_bavail.saturating_mul(told.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Batch, Cell, Histories, How, Labels};

    #[test]
    fn what_is_there_already_is_not_needed_any_more() {
        let dir = tempfile::tempdir().expect("a folder");
        let interval = Interval::from_millis(600_000).expect("in range");
        let needs = |series| needs(dir.path(), "load", interval, 2, series).expect("a history, or none");
        // 144 slots, each of 3 days with a row of 16 series: 24 bytes and 8 for each of them
        let one_shelf = 144 * 3 * (24 + 8 * 16);
        assert_eq!((needs(1), needs(16), needs(17)), (one_shelf, one_shelf, 2 * one_shelf));
        let mut store =
            Histories::open(dir.path()).and_then(|all| all.signal("load", interval, 2)).expect("a history");
        let labels = Labels::new();
        store.know([(&labels, 0)].into_iter()).expect("room");
        let column = store.column(&labels).expect("it is known");
        let mut batch = Batch::default();
        (0..432).for_each(|row| batch.add(column, row, Cell::Value(1.0)));
        store.write(&batch, How::Add, 432 * 600_000).expect("room");
        let left = needs(1);
        assert!(left < one_shelf / 2, "{left} of {one_shelf}");
        assert!(
            (one_shelf / 2..=left + one_shelf).contains(&needs(17)),
            "{} more for another shelf",
            needs(17)
        );
        // and what is not there yet lies on the disk of the folder in which it will be
        let disk = free(dir.path()).expect("a disk");
        let later = free(&dir.path().join("not/yet")).expect("the same");
        assert!(disk > 0 && disk.abs_diff(later) < 1 << 30);
    }
}
