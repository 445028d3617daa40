//! A shelf: the file with the values of a fixed number of series. It has a place for each row from the beginning: rows of one time
//! of day side by side, a day behind the other, and of each row all series.

use super::HistoryError;
use super::files;
use super::row::{CELL, Found, HEAD, Head, check, decode, encode};
use super::shape::{Place, Shape};
use rustix::fs::{Advice, fadvise};
use std::fs::{self, File, OpenOptions};
use std::num::NonZeroU64;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An open shelf.
#[derive(Debug)]
pub(super) struct Shelf {
    pub(super) place: Place,
    file: Arc<File>,
    path: PathBuf,
    seed: u64,
    row_bytes: usize,
    is_dirty: bool,
    bytes: Vec<u8>,
}

impl Shelf {
    /// Opens the shelf at `place` of the history in `folder`; for writing where `writes`.
    pub(super) fn open(
        folder: &Path,
        shape: &Shape,
        place: Place,
        writes: bool,
    ) -> Result<Self, HistoryError> {
        let path = path(folder, place);
        let failed = HistoryError::file(&path);
        let file = OpenOptions::new().read(true).write(writes).open(&path).map_err(&failed)?;
        let (found, wanted) = (file.metadata().map_err(failed)?.len(), shape.shelf_bytes(place.width));
        if found != wanted {
            return Err(HistoryError::Length { path, found, wanted });
        }
        // what is wanted is said each time: rows that lie beside it are those of other times of day
        let _only_faster = fadvise(&file, 0, None, Advice::Random);
        let (file, seed) = (Arc::new(file), shape.seed(place.shelf));
        let row_bytes = Shape::row_bytes(place.width);
        Ok(Self { place, file, path, seed, row_bytes, is_dirty: false, bytes: Vec::new() })
    }

    /// Makes a shelf without any value: it takes no room yet, and is there whole or not at all.
    pub(super) fn make(folder: &Path, shape: &Shape, place: Place) -> Result<Self, HistoryError> {
        let path = path(folder, place);
        let new = path.with_extension("new");
        let options = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).clone();
        let made = options.open(&new).and_then(|file| {
            file.set_len(shape.shelf_bytes(place.width))?;
            file.sync_all()
        });
        made.and_then(|()| fs::rename(&new, &path)).map_err(HistoryError::file(&path))?;
        files::sync_folder_of(&path)?;
        Self::open(folder, shape, place, true)
    }

    /// The bytes that its values take on disk.
    pub(super) fn disk_bytes(&self) -> Result<u64, HistoryError> {
        use std::os::unix::fs::MetadataExt;
        Ok(self.file.metadata().map_err(HistoryError::file(&self.path))?.blocks() * 512)
    }

    /// Reads `count` rows of one slot, from `day` of the ring on, and gives for each what stands there to `each`.
    pub(super) fn read(
        &mut self,
        shape: &Shape,
        (slot, day): (usize, usize),
        count: usize,
        cells: &mut [u64],
        mut each: impl FnMut(usize, Found, &[u64]),
    ) -> Result<(), HistoryError> {
        let length = count * self.row_bytes;
        let offset = self.offset(shape, (slot, day));
        self.bytes.resize(length, 0);
        let read = self.file.read_exact_at(&mut self.bytes, offset);
        read.map_err(HistoryError::file(&self.path))?;
        for (next, bytes) in self.bytes.chunks_exact(self.row_bytes).enumerate() {
            let here = (slot, day + next);
            let found = decode(bytes, self.seed, |row| shape.slot_and_day(row) == here, cells);
            each(day + next, found, cells);
        }
        Ok(())
    }

    /// Reads `count` rows of one slot, from `day` of the ring on, into `words`, and gives for each, by its day, what stands there and
    /// its cells to `each`.
    pub(super) fn read_words(
        &self,
        shape: &Shape,
        (slot, first): (usize, usize),
        count: usize,
        words: &mut Vec<f64>,
        mut each: impl FnMut(usize, Found, &mut [f64]),
    ) -> Result<(), HistoryError> {
        words.resize(count * self.words(), f64::NAN);
        let offset = self.offset(shape, (slot, first));
        let read = self.file.read_exact_at(bytemuck::cast_slice_mut(words), offset);
        read.map_err(HistoryError::file(&self.path))?;
        for (day, row) in (first..).zip(words.chunks_exact_mut(self.words())) {
            let here = |row| shape.slot_and_day(row) == (slot, day);
            let found = check(bytemuck::cast_slice(row), self.seed, here);
            let (_, cells) = row.split_at_mut(HEAD / CELL);
            // nothing is done where bytes have the order that files have
            cells.iter_mut().for_each(|cell| *cell = f64::from_bits(u64::from_le(cell.to_bits())));
            each(day, found, cells);
        }
        Ok(())
    }

    /// The cells of row `number` among the words that were read.
    pub(super) fn cells_of<'a>(&self, number: usize, words: &'a [f64]) -> &'a [f64] {
        &words[number * self.words()..][..self.words()][HEAD / CELL..]
    }

    /// So many numbers would be as long as a row.
    fn words(&self) -> usize {
        self.row_bytes / CELL
    }

    /// Writes a row.
    pub(super) fn write(&mut self, shape: &Shape, head: Head, cells: &[u64]) -> Result<(), HistoryError> {
        encode(head, &cells[..head.count as usize], self.seed, &mut self.bytes);
        let offset = self.offset(shape, shape.slot_and_day(head.row));
        self.is_dirty = true;
        self.file.write_all_at(&self.bytes, offset).map_err(HistoryError::file(&self.path))
    }

    /// The system may read the place of a row that is going to be written, before it is.
    pub(super) fn expect(&self, shape: &Shape, row: i64) {
        let offset = self.offset(shape, shape.slot_and_day(row));
        let _only_faster =
            fadvise(&self.file, offset, NonZeroU64::new(self.row_bytes as u64), Advice::WillNeed);
    }

    /// The same for all days at the time of day of a row that is going to be looked at.
    pub(super) fn expect_slot(&self, shape: &Shape, row: i64) {
        let offset = self.offset(shape, (shape.slot_and_day(row).0, 0));
        let bytes = NonZeroU64::new((shape.ring() * self.row_bytes) as u64);
        let _only_faster = fadvise(&self.file, offset, bytes, Advice::WillNeed);
    }

    /// The file, where something was written since this was last asked.
    pub(super) fn unsynced(&mut self) -> Option<(PathBuf, Arc<File>)> {
        std::mem::take(&mut self.is_dirty).then(|| (self.path.clone(), Arc::clone(&self.file)))
    }

    fn offset(&self, shape: &Shape, (slot, day): (usize, usize)) -> u64 {
        ((slot * shape.ring() + day) * self.row_bytes) as u64
    }
}

fn path(folder: &Path, place: Place) -> PathBuf {
    folder.join(format!("shelf-{:06}", place.shelf))
}
