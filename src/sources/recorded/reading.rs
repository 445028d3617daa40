//! What the readers of all files share: whose rows they read, and how far they are.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{ReadOptions, Watch};

/// One file while it is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading<'a> {
    /// The file as it is called in messages.
    pub(super) file: &'a str,
    /// What its series is called, where nothing else names it.
    pub(super) stem: &'a str,
    pub(super) options: &'a ReadOptions,
    /// Bytes of text that are read at once.
    pub(super) block_bytes: usize,
}

/// How far the reading is, told to the one who watches.
pub(super) struct Progress<'w> {
    watch: &'w dyn Watch,
    /// Bytes of the files that are done.
    done: u64,
    rows: u64,
    consumed: Arc<AtomicU64>,
    stopped: bool,
}

impl<'w> Progress<'w> {
    pub(super) fn new(watch: &'w dyn Watch) -> Self {
        Self { watch, done: 0, rows: 0, consumed: Arc::default(), stopped: false }
    }

    /// The next file begins; `consumed` counts its bytes.
    pub(super) fn begin_file(&mut self, consumed: Arc<AtomicU64>) {
        self.done += self.consumed.load(Ordering::Relaxed);
        self.consumed = consumed;
    }

    /// So many bytes of the file at hand are read, where nothing else counts them.
    pub(super) fn consumed(&self, bytes: u64) {
        self.consumed.fetch_max(bytes, Ordering::Relaxed);
    }

    /// So many rows more are read.
    pub(super) fn advanced(&mut self, rows: u64) {
        self.rows += rows;
        self.watch.advanced(self.done + self.consumed.load(Ordering::Relaxed), self.rows);
    }

    /// The rows read so far.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Whether to stop now; once it says so, it goes on saying so.
    pub(super) fn stopped(&mut self) -> bool {
        self.stopped |= self.watch.stop();
        self.stopped
    }

    /// Whether it was stopped.
    pub(super) fn was_stopped(&self) -> bool {
        self.stopped
    }
}
