//! The history: the samples of the last days, on disk, so that a restart judges as if there had been none.
//!
//! One folder for each signal under `history` of the state. `shape` says what it keeps, `series.log` which series, and the shelves
//! have their values: rows of all series of a time, each with a checksum, rows of the same time of day side by side. What is in them
//! is read and written at its place; nothing is mapped into memory, and nothing grows or moves.

mod batch;
mod cell;
mod error;
mod files;
#[cfg(any(fuzzing, test))]
pub(crate) mod fuzzing;
mod keep;
mod names;
mod pasts;
mod read;
mod room;
mod row;
mod shape;
mod shelf;
mod store;
mod together;

pub use batch::Batch;
pub use cell::Cell;
pub use error::HistoryError;
pub use keep::{Filled, Hearing, Keeper};
pub use names::{Labels, Series};
pub use pasts::{Looking, Pasts};
pub use read::{Cells, Damage, Reading};
pub use room::{free, needs};
pub use shape::Shape;
pub use store::{How, Store, Unsynced, Written};
pub use together::{HearingRows, Piece, Resumed, Wanted};

use quietgate_detectors::Interval;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The name of the folder in that of the state.
const FOLDER: &str = "history";
/// The name of the file that who writes has locked. It stays: a lock on a file that somebody removes is no lock.
const LOCK: &str = "lock";

/// So many days are kept where nothing else is said: what `chain`, `ca` and `seasonal` look at.
pub const DAYS: u32 = 14;
/// The most days that can be kept: what any detector can look at.
pub const DAYS_MAX: u32 = 60;

/// The histories of a state, for who writes them: there is one at a time.
#[derive(Debug)]
pub struct Histories {
    folder: PathBuf,
    _lock: File,
}

impl Histories {
    /// Takes the histories in `state`, the folder of the state.
    ///
    /// # Errors
    /// Where another process has them, or the folder cannot be used.
    pub fn open(state: &Path) -> Result<Self, HistoryError> {
        let folder = state.join(FOLDER);
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&folder);
        made.map_err(HistoryError::file(&folder))?;
        let path = folder.join(LOCK);
        let failed = HistoryError::file(&path);
        let options = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).clone();
        let lock = options.open(&path).map_err(&failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { folder, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(HistoryError::Held(folder)),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// The history of `signal`, which is made where there is none.
    ///
    /// # Errors
    /// One that keeps something else, or that cannot be used.
    pub fn signal(&self, signal: &str, interval: Interval, days: u32) -> Result<Store, HistoryError> {
        Store::open(&self.folder.join(signal), signal, interval, days)
    }
}

/// Whether the history of `signal` in `state` can be gone on with, where there is one.
///
/// # Errors
/// Why not.
pub fn fits(state: &Path, signal: &str, interval: Interval, days: u32) -> Result<(), HistoryError> {
    let folder = state.join(FOLDER).join(signal);
    let Some(shape) = Shape::read(&folder)? else { return Ok(()) };
    shape.hold(&folder, &Shape::new(signal, interval, days))
}

/// The names of the signals that have a history in `state`, in order.
///
/// # Errors
/// Where the folder cannot be read.
pub fn signals(state: &Path) -> Result<Vec<String>, HistoryError> {
    let folder = state.join(FOLDER);
    let failed = HistoryError::file(&folder);
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(&failed)?;
        if entry.path().join(shape::FILE).is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// The history of `signal` in `state`, to be read, also while somebody writes it: what is written meanwhile may look damaged.
///
/// # Errors
/// There is none, or it cannot be used.
pub fn read_only(state: &Path, signal: &str) -> Result<Store, HistoryError> {
    Store::read_only(&state.join(FOLDER).join(signal))
}
