//! Recorded series as a user meets them: files in, series and messages out.

mod errors;
mod faulty;
mod forms;
mod many;
mod properties;

use std::cell::Cell;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

use super::{BLOCK_BYTES, InputError, ReadOptions, Recording, Watch, load_in_blocks};

/// A directory of files made by a test.
struct Files {
    dir: TempDir,
}

impl Files {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a temporary directory") }
    }

    /// A directory with one file.
    fn of(name: &str, content: impl AsRef<[u8]>) -> Self {
        Self::new().with(name, content)
    }

    fn with(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.dir.path().join(name);
        std::fs::create_dir_all(path.parent().expect("inside of the directory")).expect("made");
        std::fs::write(path, content).expect("written");
        self
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    fn try_load(
        &self,
        names: &[&str],
        options: &ReadOptions,
        block_bytes: usize,
    ) -> Result<Recording, InputError> {
        let patterns: Vec<String> = names.iter().map(|name| self.path(name)).collect();
        load_in_blocks(&patterns, options, &(), block_bytes)
    }

    /// All files of the directory, read as they are usually read.
    fn load(&self) -> Recording {
        self.try_load(&["*"], &ReadOptions::default(), BLOCK_BYTES).expect("readable")
    }

    /// `text` without the path of the directory.
    fn relative(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.dir.path().display()), "")
    }

    /// The message with which the files are refused.
    fn refusal(&self, names: &[&str], options: &ReadOptions) -> String {
        let error = self.try_load(names, options, BLOCK_BYTES).expect_err("refused");
        self.relative(&error.to_string())
    }

    /// The faults of a recording, one kind a line.
    fn faults(&self, recording: &Recording) -> String {
        self.relative(&recording.faults().to_string())
    }
}

/// Every series on one line: `name: at=value at=value`.
fn shown(recording: &Recording) -> String {
    let mut text = String::new();
    for (index, info) in recording.series().iter().enumerate() {
        let _ = write!(text, "{}:", info.name);
        for sample in recording.samples(index).expect("read back") {
            let _ = write!(text, " {}={}", sample.at.as_millis(), sample.value);
        }
        text.push('\n');
    }
    text
}

fn gzip(content: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content.as_ref()).expect("to memory");
    encoder.finish().expect("to memory")
}

fn zstd(content: impl AsRef<[u8]>) -> Vec<u8> {
    ::zstd::encode_all(content.as_ref(), 1).expect("to memory")
}

/// Stops after so many questions, and remembers what it was told.
#[derive(Default)]
struct Patience {
    questions_left: Cell<u32>,
    told: Cell<(u64, u64)>,
}

impl Watch for Patience {
    fn advanced(&self, bytes_read: u64, rows: u64) {
        self.told.set((bytes_read, rows));
    }

    fn stop(&self) -> bool {
        let left = self.questions_left.get();
        self.questions_left.set(left.saturating_sub(1));
        left == 0
    }
}

fn size(path: &str) -> u64 {
    std::fs::metadata(Path::new(path)).expect("there").len()
}
