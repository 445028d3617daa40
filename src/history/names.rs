//! Which series the columns of a history belong to: the file `series.log`, a line for each series that came.
//!
//! A line is durable before the first row that rests on it is written. How many lines there are stands in `series.count` too, and each
//! row says how many there were. So a log that was cut is noticed, and no value ever goes to a series whose it is not.

use super::HistoryError;
use super::files;
use super::shape::Shape;
pub use crate::labels::Labels;
use crate::labels::Table;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The name of the file.
pub(super) const FILE: &str = "series.log";
/// The name of the file with the number of its lines.
const COUNT: &str = "series.count";

/// A series that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Series {
    index: u32,
    /// Its labels.
    pub labels: Labels,
    /// Its samples come so many milliseconds after a multiple of the interval.
    phase_ms: i64,
    /// Whether its grid began at an odd row: a sample that lies right between two rows goes to the one that is even from there.
    odd: bool,
    /// The first row that is its own, where another series had the column before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    own_from: Option<i64>,
}

impl Series {
    /// The series with these labels whose grid begins with a sample at `start_ms`, UTC milliseconds.
    pub(super) fn begin(labels: &Labels, start_ms: i64, interval_ms: i64) -> Self {
        let (row, phase_ms) = (start_ms.div_euclid(interval_ms), start_ms.rem_euclid(interval_ms));
        Self { index: 0, labels: labels.clone(), phase_ms, odd: row.rem_euclid(2) == 1, own_from: None }
    }

    /// The time of a row, in UTC milliseconds.
    pub fn at(&self, row: i64, interval_ms: i64) -> i64 {
        row.saturating_mul(interval_ms).saturating_add(self.phase_ms)
    }

    /// The row nearest to `at_ms`; of two that are as near the one that is even from the beginning, as the grid of the
    /// detectors has it.
    pub(super) fn row(&self, at_ms: i64, interval_ms: i64) -> i64 {
        let offset = at_ms.saturating_sub(self.phase_ms);
        let (below, rest) = (offset.div_euclid(interval_ms), offset.rem_euclid(interval_ms));
        let is_odd = (below.rem_euclid(2) == 1) != self.odd;
        let up = 2 * rest > interval_ms || (2 * rest == interval_ms && is_odd);
        below + i64::from(up)
    }

    /// Whether a grid may begin at `row` and place samples as it did.
    pub(super) fn may_begin(&self, row: i64) -> bool {
        (row.rem_euclid(2) == 1) == self.odd
    }

    /// The first row of a grid that begins at `row`, or one before.
    pub(super) fn first_row(&self, row: i64) -> i64 {
        if self.may_begin(row) { row } else { row - 1 }
    }

    /// Whether what stands in this row of its column is its own.
    pub(super) fn owns(&self, row: i64) -> bool {
        self.own_from.is_none_or(|from| from <= row)
    }
}

/// What `series.count` says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Count {
    lines: u32,
}

/// All series of a history.
#[derive(Debug)]
pub(super) struct Names {
    path: PathBuf,
    count: PathBuf,
    seed: u64,
    series: Vec<Series>,
    /// Their columns.
    index: Table<u32>,
    /// Columns that belonged to another series before the row that is given.
    used_again: BTreeMap<u32, i64>,
    lines: u32,
    /// Bytes of the file that are whole lines.
    bytes: u64,
    file: Option<File>,
    /// Columns whose series has nothing left in them, and the first row for which that is known.
    free: (Vec<u32>, i64),
    /// Whether it is for who writes: then nobody else does.
    writes: bool,
}

impl Names {
    /// Reads the log of the history in `folder`. What was begun at its end and not finished was never used.
    pub(super) fn read(folder: &Path, shape: &Shape, writes: bool) -> Result<Self, HistoryError> {
        let (path, count, seed) = (folder.join(FILE), folder.join(COUNT), shape.seed(u32::MAX));
        let text = files::read(&path)?.unwrap_or_default();
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        let (series, index, used_again) = (Vec::new(), Table::new(), BTreeMap::new());
        let bytes = whole as u64;
        let (file, free) = (None, (Vec::new(), 0));
        let mut names =
            Self { path, count, seed, series, index, used_again, lines: 0, bytes, file, free, writes };
        for line in text[..whole].lines() {
            names.take(line)?;
        }
        let wanted = names.counted()?;
        names.hold(wanted)?;
        Ok(names)
    }

    /// Refuses a log that has fewer lines than somebody knows of. Beside who writes there may be more by now than were read.
    pub(super) fn hold(&self, lines: u32) -> Result<(), HistoryError> {
        if lines <= self.lines {
            return Ok(());
        }
        let text = if self.writes { None } else { files::read(&self.path)? };
        let found =
            text.map_or(0, |text| text.matches('\n').count()).try_into().unwrap_or(u32::MAX).max(self.lines);
        if lines <= found {
            return Ok(());
        }
        Err(HistoryError::Nameless { path: self.path.clone(), found, wanted: lines })
    }

    /// How many lines there are by the other file.
    fn counted(&self) -> Result<u32, HistoryError> {
        let Some(text) = files::read(&self.count)? else { return Ok(0) };
        let json = text.strip_suffix('\n').and_then(|line| files::checked(line, self.seed));
        let count = json.and_then(|json| serde_json::from_str::<Count>(json).ok());
        count.map(|count| count.lines).ok_or_else(|| HistoryError::Damaged {
            path: self.count.clone(),
            why: "its checksum is wrong".to_owned(),
        })
    }

    fn take(&mut self, line: &str) -> Result<(), HistoryError> {
        let damaged = |why: &str| HistoryError::Damaged {
            path: self.path.clone(),
            why: format!("{why} in line {}", self.lines + 1),
        };
        let json = files::checked(line, self.seed ^ u64::from(self.lines));
        let json = json.ok_or_else(|| damaged("the checksum is wrong"))?;
        let series: Series = serde_json::from_str(json).map_err(|_| damaged("there is no series"))?;
        if series.index as usize > self.series.len() {
            return Err(damaged("there is another column than the next one"));
        }
        self.put(series);
        Ok(())
    }

    fn put(&mut self, series: Series) {
        let index = series.index;
        self.lines += 1;
        if let Some(before) = self.series.get(index as usize)
            && self.find(&before.labels) == Some(index)
        {
            self.index.remove(&before.labels);
        }
        self.index.insert(series.labels.clone(), index);
        if let Some(from) = series.own_from {
            self.used_again.insert(index, from);
        }
        match self.series.get_mut(index as usize) {
            Some(before) => *before = series,
            None => self.series.push(series),
        }
    }

    /// Every series, by its column.
    pub(super) fn all(&self) -> &[Series] {
        &self.series
    }

    /// How many columns are in use.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.series.len()).unwrap_or(u32::MAX)
    }

    /// How many lines there are.
    pub(super) fn lines(&self) -> u32 {
        self.lines
    }

    /// Those of `width` columns from `first` on that belonged to another series before, with the row from which on they do not.
    pub(super) fn used_again(&self, first: u32, width: u32) -> impl Iterator<Item = (u32, i64)> {
        self.used_again.range(first..first.saturating_add(width)).map(|(column, from)| (*column, *from))
    }

    /// Its bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The column of the series with these labels.
    pub(super) fn find(&self, labels: &Labels) -> Option<u32> {
        self.index.get(self.index.find(labels)?).map(|(_, column)| *column)
    }

    /// The column of the series with these labels, and how many milliseconds after a multiple of the interval its samples come.
    pub(super) fn phase(&self, labels: &Labels) -> Option<(u32, i64)> {
        let column = self.find(labels)?;
        Some((column, self.series.get(column as usize)?.phase_ms))
    }

    /// These columns have nothing left of their series from the row `first` on: others may have them, and the series is as new as any.
    pub(super) fn free(&mut self, columns: Vec<u32>, first: i64) {
        for column in &columns {
            if let Some(series) = self.series.get(*column as usize)
                && self.find(&series.labels) == Some(*column)
            {
                self.index.remove(&series.labels);
            }
        }
        self.free = (columns, first);
    }

    /// Puts down `new` series, and makes that durable. A column that is free is used again.
    pub(super) fn add(&mut self, new: Vec<Series>) -> Result<(), HistoryError> {
        let mut text = String::new();
        let (mut lines, mut next) = (self.lines, self.count());
        let (mut free, first_row) = self.free.clone();
        let mut added = Vec::with_capacity(new.len());
        for mut series in new {
            (series.index, series.own_from) = match free.pop() {
                Some(index) => (index, Some(first_row)),
                None => (next, None),
            };
            next += u32::from(series.own_from.is_none());
            let json = serde_json::to_string(&series)
                .map_err(|error| HistoryError::File(self.path.clone(), std::io::Error::other(error)))?;
            text.push_str(&files::line(&json, self.seed ^ u64::from(lines)));
            lines += 1;
            added.push(series);
        }
        self.append(&text)?;
        let json = format!("{{\"lines\":{lines}}}");
        files::replace(&self.count, &files::line(&json, self.seed))?;
        // not before: what was not counted is written over
        self.bytes += text.len() as u64;
        self.free.0 = free;
        added.into_iter().for_each(|series| self.put(series));
        Ok(())
    }

    /// Writes behind the whole lines: what was begun before and not finished is overwritten.
    fn append(&mut self, text: &str) -> Result<(), HistoryError> {
        let failed = HistoryError::file(&self.path);
        let is_new = self.file.is_none();
        if is_new {
            let options = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).clone();
            self.file = Some(options.open(&self.path).map_err(&failed)?);
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        let bytes = self.bytes;
        let mut write = || {
            file.set_len(bytes)?;
            file.seek(SeekFrom::Start(bytes))?;
            file.write_all(text.as_bytes())?;
            file.sync_all()
        };
        write().map_err(failed)?;
        if is_new {
            files::sync_folder_of(&self.path)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quietgate_detectors::Interval;

    fn shape() -> Shape {
        Shape::new("load", Interval::from_millis(1000).expect("a second"), 1)
    }

    fn named(name: &str) -> Series {
        Series::begin(&Labels::from([("host", name)]), 500, 1000)
    }

    #[test]
    fn a_log_that_is_torn_at_its_end_goes_on_behind_its_whole_lines() {
        let (dir, shape) = (tempfile::tempdir().expect("a folder"), shape());
        let mut names = Names::read(dir.path(), &shape, true).expect("nothing");
        names.add(vec![named("a"), named("b")]).expect("two series");
        let path = dir.path().join(FILE);
        let text = std::fs::read_to_string(&path).expect("a file");
        std::fs::write(&path, &text[..text.len() - 3]).expect("a file");
        assert!(matches!(Names::read(dir.path(), &shape, true), Err(HistoryError::Nameless { .. })));
        // as where nothing was told of the second one yet
        std::fs::write(dir.path().join(COUNT), files::line("{\"lines\":1}", names.seed)).expect("a file");
        let mut names = Names::read(dir.path(), &shape, true).expect("a series");
        assert_eq!((names.count(), names.lines()), (1, 1));
        names.add(vec![named("c")]).expect("a series");
        let names = Names::read(dir.path(), &shape, true).expect("two series");
        assert_eq!(names.find(&named("c").labels), Some(1));
        assert_eq!(names.find(&named("b").labels), None);
    }

    #[test]
    fn a_column_that_is_used_again_belongs_to_the_new_series_from_where_it_was_empty() {
        let (dir, shape) = (tempfile::tempdir().expect("a folder"), shape());
        let mut names = Names::read(dir.path(), &shape, true).expect("nothing");
        names.add(vec![named("a"), named("b")]).expect("two series");
        names.free(vec![0], 70);
        names.add(vec![named("c"), named("d")]).expect("two series");
        let names = Names::read(dir.path(), &shape, true).expect("series");
        let columns = ["a", "b", "c", "d"].map(|name| names.find(&named(name).labels));
        assert_eq!(columns, [None, Some(1), Some(0), Some(2)]);
        assert_eq!([69, 70].map(|row| names.all()[0].owns(row)), [false, true]);
    }

    #[test]
    fn every_bit_of_the_log_counts() {
        let (dir, shape) = (tempfile::tempdir().expect("a folder"), shape());
        let mut names = Names::read(dir.path(), &shape, true).expect("nothing");
        names.add(vec![named("a"), named("b")]).expect("two series");
        let path = dir.path().join(FILE);
        let bytes = std::fs::read(&path).expect("a file");
        for bit in 0..(bytes.len() - 1) * 8 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&path, bytes).expect("a file");
            assert!(Names::read(dir.path(), &shape, true).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn samples_go_to_the_nearest_row_and_ties_to_the_even_one_from_the_beginning() {
        let series = named("a");
        assert_eq!(
            [500, 999, 1000, 1001, 1500, 2000, 3000].map(|at| series.row(at, 1000)),
            [0, 0, 0, 1, 1, 2, 2]
        );
        let odd = Series::begin(&Labels::new(), 1500, 1000);
        assert_eq!([2000, 3000, 4000].map(|at| odd.row(at, 1000)), [1, 3, 3]);
        assert_eq!((odd.at(3, 1000), odd.may_begin(3), odd.may_begin(2)), (3500, true, false));
    }
}
