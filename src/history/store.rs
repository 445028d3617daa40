//! The history of one signal: its series, and a shelf for every so many of them.

use super::batch::{Batch, Piece, ROWS};
use super::cell::{Cell, MISSING};
use super::names::{Labels, Names, Series};
use super::row::{Found, Head};
use super::shape::Shape;
use super::shelf::Shelf;
use super::{HistoryError, files};
use quietgate_detectors::{DAY_MS, Interval, Sample, Timestamp};
use std::collections::HashSet;
use std::fs::{self, DirBuilder, File};
use std::ops::AddAssign;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The history of one signal.
#[derive(Debug)]
pub struct Store {
    pub(super) folder: PathBuf,
    pub(super) shape: Shape,
    pub(super) names: Names,
    pub(super) shelves: Vec<Shelf>,
    /// Rows while they are changed.
    pub(super) image: Vec<u64>,
}

/// How what is written goes together with what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// It is the last word about its cells.
    Restate,
    /// It is one more word: another value than the known one leaves a cell without any.
    Add,
}

/// What became of cells that were to be written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// Cells that are other than before.
    pub changed: u64,
    /// Cells whose values contradict what was known, and that have none any more.
    pub conflicting: u64,
    /// Cells that are older than what is kept.
    pub too_old: u64,
    /// Cells more than a day from now.
    pub too_new: u64,
    /// Rows that were damaged before: what other series had there was lost already.
    pub damaged: u64,
    /// Cells that were left out before, because too many waited.
    pub lost: u64,
}

impl AddAssign for Written {
    fn add_assign(&mut self, other: Self) {
        let Self { changed, conflicting, too_old, too_new, damaged, lost } = other;
        self.changed += changed;
        self.conflicting += conflicting;
        self.too_old += too_old;
        self.too_new += too_new;
        self.damaged += damaged;
        self.lost += lost;
    }
}

/// Files that were written and may not be on disk yet.
#[derive(Debug)]
pub struct Unsynced(Vec<(PathBuf, Arc<File>)>);

impl Unsynced {
    /// Brings them to disk for good. May take long: not to be called where something waits.
    ///
    /// # Errors
    /// Where one cannot be synced: then what was written to it since the last time may be lost.
    pub fn sync(&self) -> Result<(), HistoryError> {
        self.0.iter().try_for_each(|(path, file)| file.sync_data().map_err(HistoryError::file(path)))
    }
}

impl Store {
    /// Opens the history in `folder` to read it.
    ///
    /// # Errors
    /// There is none, or it cannot be used.
    pub(super) fn read_only(folder: &Path) -> Result<Self, HistoryError> {
        let shape = Shape::read(folder)?.ok_or_else(|| HistoryError::Damaged {
            path: folder.join(super::shape::FILE),
            why: "it is not there".to_owned(),
        })?;
        Self::with(folder, shape, false)
    }

    /// Opens the history of `signal` in `folder` to go on with it, and makes it where there is none.
    ///
    /// # Errors
    /// One that keeps something else, or that cannot be used.
    pub(super) fn open(
        folder: &Path,
        signal: &str,
        interval: Interval,
        days: u32,
    ) -> Result<Self, HistoryError> {
        let wanted = Shape::new(signal, interval, days);
        let shape = match Shape::read(folder)? {
            Some(shape) => {
                shape.hold(folder, &wanted)?;
                shape
            }
            None => {
                let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
                made.map_err(HistoryError::file(folder))?;
                Self::hold_empty(folder)?;
                wanted.write(folder)?;
                files::sync_folder_of(folder)?;
                wanted
            }
        };
        Self::with(folder, shape, true)
    }

    /// Refuses to begin a history where there are files already: what they belong to is not known.
    fn hold_empty(folder: &Path) -> Result<(), HistoryError> {
        let failed = HistoryError::file(folder);
        for entry in fs::read_dir(folder).map_err(&failed)? {
            let name = entry.map_err(&failed)?.file_name();
            // the beginning of a shape that was never there
            if name != "shape.new" {
                let why = format!("it is not there, but {} is", name.to_string_lossy());
                return Err(HistoryError::Damaged { path: folder.join(super::shape::FILE), why });
            }
        }
        Ok(())
    }

    fn with(folder: &Path, shape: Shape, writes: bool) -> Result<Self, HistoryError> {
        let names = Names::read(folder, &shape, writes)?;
        let mut shelves = Vec::new();
        let mut next = 0;
        while next < names.count() {
            let place = shape.place(next);
            shelves.push(Shelf::open(folder, &shape, place, writes)?);
            next = place.first + place.width;
        }
        Ok(Self { folder: folder.to_owned(), shape, names, shelves, image: Vec::new() })
    }

    /// What it keeps.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Every series, by its column. One whose samples are all gone stays until its column is used again.
    pub fn series(&self) -> &[Series] {
        self.names.all()
    }

    /// The column of the series with these labels; none where it is new.
    pub fn column(&self, labels: &Labels) -> Option<u32> {
        self.names.find(labels)
    }

    /// The same, and how many milliseconds after a multiple of the interval its samples come.
    pub(super) fn phase(&self, labels: &Labels) -> Option<(u32, i64)> {
        self.names.phase(labels)
    }

    /// Puts samples of a series that is known into `batch`, by their rows.
    pub fn gather(&self, labels: &Labels, samples: &[Sample], batch: &mut Batch) {
        let Some(column) = self.column(labels) else { return };
        for sample in samples {
            if let Some(row) = self.row(column, sample.at.as_millis()) {
                batch.add(column, row, Cell::of(sample.value));
            }
        }
    }

    /// The column of a series, and how its grid begins for a sample at that time: with the row that it has there, or the one before, so
    /// that ties go where they always went.
    pub fn begun(&self, labels: &Labels, at: Timestamp) -> Option<(u32, Timestamp, i64)> {
        let column = self.column(labels)?;
        let (series, interval_ms) = (self.names.all().get(column as usize)?, self.shape.interval_ms);
        let row = series.first_row(series.row(at.as_millis(), interval_ms));
        Some((column, Timestamp::from_millis(series.at(row, interval_ms)), row))
    }

    /// The row of a column to which a sample at that time, in UTC milliseconds, belongs.
    pub fn row(&self, column: u32, at_ms: i64) -> Option<i64> {
        let series = self.names.all().get(column as usize)?;
        Some(series.row(at_ms, self.shape.interval_ms))
    }

    /// The oldest row that a time, in UTC milliseconds, can have.
    pub fn row_from(&self, at_ms: i64) -> i64 {
        at_ms.div_euclid(self.shape.interval_ms)
    }

    /// The newest row that a time, in UTC milliseconds, can have.
    pub fn row_until(&self, at_ms: i64) -> i64 {
        at_ms.div_euclid(self.shape.interval_ms).saturating_add(1)
    }

    /// The bytes that it takes on disk now.
    ///
    /// # Errors
    /// Where a file cannot be looked at.
    pub fn disk_bytes(&self) -> Result<u64, HistoryError> {
        let shelves: Result<Vec<u64>, _> = self.shelves.iter().map(Shelf::disk_bytes).collect();
        Ok(shelves?.into_iter().sum::<u64>() + self.names.bytes())
    }

    /// The most bytes that its series can take on disk, the log of series left out: that is the size of the files, which have
    /// holes where nothing was written yet.
    pub fn bound(&self) -> u64 {
        self.shape.bound(self.names.count())
    }

    /// Adds series whose grids begin with a sample at the time that is given, UTC milliseconds. One that is known stays as it
    /// is.
    ///
    /// # Errors
    /// Where they cannot be put down for good: then none of them is known.
    pub fn know<'a>(&mut self, new: impl Iterator<Item = (&'a Labels, i64)>) -> Result<(), HistoryError> {
        let interval_ms = self.shape.interval_ms;
        let mut seen = HashSet::new();
        let mut series = Vec::new();
        for (labels, start_ms) in new {
            if self.names.find(labels).is_none() && seen.insert(labels) {
                series.push(Series::begin(labels, start_ms, interval_ms));
            }
        }
        if series.is_empty() {
            return Ok(());
        }
        // a series is never known before there is a place for it
        let most = self.names.count() + u32::try_from(series.len()).unwrap_or(u32::MAX);
        while let Some(next) = self.next_column().filter(|next| *next < most) {
            let shelf = Shelf::make(&self.folder, &self.shape, self.shape.place(next))?;
            self.shelves.push(shelf);
        }
        self.names.add(series)
    }

    /// The first column that there is no shelf for.
    fn next_column(&self) -> Option<u32> {
        self.shelves.last().map_or(Some(0), |last| last.place.first.checked_add(last.place.width))
    }

    /// Writes the cells of `batch` at `now_ms`, UTC milliseconds. They are with the system then, and outlive this process.
    ///
    /// # Errors
    /// Where they cannot be written: some of them may be.
    pub fn write(&mut self, batch: &Batch, how: How, now_ms: i64) -> Result<Written, HistoryError> {
        let latest = self.row_until(now_ms.saturating_add(DAY_MS));
        let pieces = batch.in_order(|column| self.shape.place(column).shelf);
        let mut written = Written::default();
        for part in pieces.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            let Some((shelf, part_number, _)) = part.first() else { continue };
            let first_row = part_number * ROWS;
            let Some(shelf) = self.shelves.get_mut(*shelf as usize) else { continue };
            let image = Image::of(&mut self.image, shelf.place.width as usize, first_row);
            let mut writing = Writing { shape: &self.shape, names: &self.names, shelf, image, latest };
            for (_, _, piece) in part {
                writing.put(piece, batch.cells(piece), how, &mut written)?;
            }
            writing.end()?;
        }
        Ok(written)
    }

    /// What was written since this was last asked.
    pub fn unsynced(&mut self) -> Option<Unsynced> {
        let files: Vec<_> = self.shelves.iter_mut().filter_map(Shelf::unsynced).collect();
        (!files.is_empty()).then_some(Unsynced(files))
    }
}

/// What is known of a row in an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Unknown,
    Same,
    Changed,
    /// Its place has a newer row already.
    Over,
}

/// Some consecutive rows of a shelf.
#[derive(Debug)]
struct Image<'a> {
    cells: &'a mut [u64],
    states: [State; ROWS as usize],
    width: usize,
    first_row: i64,
}

impl<'a> Image<'a> {
    fn of(cells: &'a mut Vec<u64>, width: usize, first_row: i64) -> Self {
        let wanted = width * ROWS as usize;
        if cells.len() < wanted {
            cells.resize(wanted, MISSING);
        }
        Self { cells, states: [State::Unknown; ROWS as usize], width, first_row }
    }

    fn row(&mut self, number: usize) -> &mut [u64] {
        &mut self.cells[number * self.width..(number + 1) * self.width]
    }
}

/// Rows of a shelf that are being changed.
struct Writing<'a> {
    shape: &'a Shape,
    names: &'a Names,
    shelf: &'a mut Shelf,
    image: Image<'a>,
    /// The latest row that can be.
    latest: i64,
}

impl Writing<'_> {
    fn put(
        &mut self,
        piece: &Piece,
        cells: &[u64],
        how: How,
        written: &mut Written,
    ) -> Result<(), HistoryError> {
        let first = (piece.column - self.shelf.place.first) as usize;
        let owns = |names: &Names, column: usize, row| {
            names.all().get(piece.column as usize - first + column).is_some_and(|series| series.owns(row))
        };
        for ((right, row), &new) in piece.places().zip(cells) {
            let column = first + right;
            if row > self.latest {
                written.too_new += 1;
                continue;
            }
            // a part begins at a multiple of its rows
            let number = (row - self.image.first_row).unsigned_abs() as usize;
            if self.image.states[number] == State::Unknown {
                self.image.states[number] = self.load(number, row, written)?;
            }
            if self.image.states[number] == State::Over || !owns(self.names, column, row) {
                written.too_old += 1;
                continue;
            }
            let known = &mut self.image.row(number)[column];
            let next = next(*known, new, how);
            if *known != next {
                written.changed += 1;
                written.conflicting += u64::from(how == How::Add && next == Cell::Conflicting.bits());
                *known = next;
                self.image.states[number] = State::Changed;
            }
        }
        Ok(())
    }

    /// Reads what is known of a row.
    fn load(&mut self, number: usize, row: i64, written: &mut Written) -> Result<State, HistoryError> {
        let (mut state, mut damaged, mut lines) = (State::Same, false, 0);
        let image = self.image.row(number);
        let latest = self.latest;
        self.shelf.read(self.shape, self.shape.slot_and_day(row), 1, image, |_, found, _| match found {
            Found::Whole(head) => {
                lines = head.lines;
                state = match head.row {
                    same if same == row => State::Same,
                    newer if newer > row && newer <= latest => State::Over,
                    _ => State::Unknown,
                };
            }
            Found::Empty => {}
            Found::Damaged => damaged = true,
        })?;
        written.damaged += u64::from(damaged);
        self.names.hold(lines)?;
        if state == State::Unknown {
            // of an earlier round of days, or of a clock that was wrong
            self.image.row(number).fill(MISSING);
            state = State::Same;
        }
        Ok(state)
    }

    /// Writes the rows that are other than before.
    fn end(mut self) -> Result<(), HistoryError> {
        let count = self.names.count().saturating_sub(self.shelf.place.first).min(self.shelf.place.width);
        let lines = self.names.lines();
        let mut last = None;
        for number in 0..self.image.states.len() {
            if self.image.states[number] == State::Changed {
                let row = self.image.first_row + number as i64;
                self.shelf.write(self.shape, Head { row, lines, count }, self.image.row(number))?;
                last = Some(row);
            }
        }
        last.into_iter().for_each(|row| self.shelf.expect(self.shape, row + 1));
        Ok(())
    }
}

/// What a cell is after one more word about it.
fn next(known: u64, new: u64, how: How) -> u64 {
    if how == How::Restate {
        return new;
    }
    match Cell::from_bits(new) {
        Cell::Missing => known,
        Cell::Value(value) => Cell::from_bits(known).with(value).bits(),
        Cell::NotANumber => Cell::from_bits(known).with(f64::NAN).bits(),
        Cell::Conflicting => new,
    }
}
