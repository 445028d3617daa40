//! Recorded series from CSV and Parquet files, plain or packed with gzip or zstd.
//!
//! [`load`] reads files of any size in bounded memory, in any order of rows, and sorts the samples to
//! their series. What is wrong with single samples is counted and named ([`Faults`]) and the sample is
//! kept; what says that a file is not what it was taken for is an [`InputError`].
//!
//! A file goes this way: `open` unpacks it, `csv` or `parquet` makes `batch`es of its rows (CSV
//! in `blocks`, by the `plain` reader or by `lines`), `layout` says which column is what, `clock` reads
//! the times, the `router` finds the series of rows by their `keys`, and the `collector` keeps their samples in
//! `segment`s, by `chunk`s in memory or in the `spill` file.

mod batch;
mod blocks;
mod chunk;
mod clock;
mod collector;
mod csv;
mod decimal;
mod error;
mod faults;
mod fields;
mod frames;
#[cfg(any(fuzzing, test))]
pub(super) mod fuzzing;
mod hush;
mod keys;
mod layout;
mod lines;
mod open;
mod parquet;
mod paths;
mod plain;
mod reading;
mod recording;
mod router;
mod rows;
mod segment;
mod spill;
mod table;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use collector::Collector;
use open::Content;
use quietgate_detectors::Timestamp;
use reading::{Progress, Reading};
use tracing::info;

pub use chunk::Piece;
pub use clock::TimestampForm;
pub use error::{InputError, Place, quoted};
pub use faults::{EXAMPLES, Fault, FaultKind, Faults};
pub use layout::{ColumnNames, Layout};
pub use recording::{Recording, SeriesInfo};
pub(super) use rows::Rows;
pub use table::{SIGNAL, TableWriter};

/// How to read recorded series. The default recognises everything by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadOptions {
    /// How the series stand in a table.
    pub layout: Layout,
    /// The form of the timestamps.
    pub timestamps: TimestampForm,
    /// Which column is what.
    pub columns: ColumnNames,
    /// Bytes of samples kept in memory, 8 a sample where they come in even steps, else 16; what is more goes to a
    /// temporary file. Default 512 MiB.
    pub memory_bytes: usize,
    /// The directory for temporary files; else that of the system (`TMPDIR`).
    pub spill_dir: Option<PathBuf>,
    /// For how many threads Parquet is read at once; else as many as there are processors. The number of polars'
    /// threads is set by the environment variable `POLARS_MAX_THREADS` alone.
    pub threads: Option<usize>,
}

/// Half a GiB holds 67 million samples in even steps: the files of most people never touch the disk.
const MEMORY_BYTES: usize = 512 << 20;

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            layout: Layout::default(),
            timestamps: TimestampForm::default(),
            columns: ColumnNames::default(),
            memory_bytes: MEMORY_BYTES,
            spill_dir: None,
            threads: None,
        }
    }
}

/// Someone who looks on while files are read, and may end it.
pub trait Watch {
    /// So many bytes of the files (as they are on disk, packed) and so many rows are read, all in all.
    fn advanced(&self, bytes_read: u64, rows: u64);

    /// Whether to end the reading now and be content with what was read. Asked every few megabytes.
    fn stop(&self) -> bool;
}

/// Nobody looks on.
impl Watch for () {
    fn advanced(&self, _bytes_read: u64, _rows: u64) {}

    fn stop(&self) -> bool {
        false
    }
}

/// Bytes of text that are read at once: large enough that the cost of a block does not count, small
/// enough that a block and its columns are a small part of any memory.
const BLOCK_BYTES: usize = 8 << 20;

/// Reads the files that `patterns` name: paths, or globs with `*`, `?` and `[]`. A file that is named
/// twice is read once.
///
/// # Errors
/// A pattern without a file, a directory, a file that cannot be read or is not what it should be, and
/// a temporary file that cannot be written. The message names file, line, column, what was found and
/// what is allowed.
pub fn load(patterns: &[String], options: &ReadOptions, watch: &dyn Watch) -> Result<Recording, InputError> {
    load_in_blocks(patterns, options, watch, BLOCK_BYTES)
}

/// The bytes of all files that `patterns` name, as they are on disk: what [`Watch::advanced`] counts to.
///
/// # Errors
/// As [`load`] for patterns; a file that is not there.
pub fn total_bytes(patterns: &[String]) -> Result<u64, InputError> {
    let size = |path: PathBuf| {
        let metadata = std::fs::metadata(&path);
        metadata.map(|metadata| metadata.len()).map_err(|cause| {
            InputError::new(path.display().to_string(), "a file that cannot be read", "").because(cause)
        })
    };
    paths::expand(patterns)?.into_iter().map(size).sum()
}

/// The time that `text` says, in any of the forms that are recognised in files: what lies outside of the years
/// 1970 to 2200 is none.
pub fn time(text: &str) -> Option<Timestamp> {
    let form = clock::Form::settle(TimestampForm::Auto, text)?;
    let ms = clock::Clock::default().read(form, text)?;
    clock::in_years(ms).then_some(Timestamp::from_millis(ms))
}

fn load_in_blocks(
    patterns: &[String],
    options: &ReadOptions,
    watch: &dyn Watch,
    block_bytes: usize,
) -> Result<Recording, InputError> {
    let files = paths::expand(patterns)?;
    let temporary = options.spill_dir.clone().unwrap_or_else(std::env::temp_dir);
    let mut collector = Collector::new(options.memory_bytes, temporary.clone());
    let mut progress = Progress::new(watch);
    let stems = paths::stems(&files);
    for (path, stem) in files.iter().zip(&stems) {
        if progress.stopped() {
            break;
        }
        let file = path.display().to_string();
        let reading = Reading { file: &file, stem, options, block_bytes };
        collector.begin_file(&file);
        let before = progress.rows();
        read_file(path, &reading, &temporary, &mut collector, &mut progress)?;
        info!(file, rows = progress.rows() - before, "read");
    }
    collector.finish(progress.was_stopped())
}

fn read_file(
    path: &Path,
    reading: &Reading<'_>,
    temporary: &Path,
    collector: &mut Collector,
    progress: &mut Progress<'_>,
) -> Result<(), InputError> {
    let opened = open::open(path, reading.file, temporary)?;
    progress.begin_file(opened.consumed);
    match opened.content {
        Content::Text(text) => csv::read(text, opened.packed, reading, collector, progress),
        Content::Parquet(file) => parquet::read(&file, opened.packed, reading, collector, progress),
    }
}
