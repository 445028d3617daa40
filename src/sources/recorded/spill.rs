//! Samples put aside on disk: one temporary file without a name, which the system removes by itself.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use quietgate_detectors::Sample;

/// Bytes of a sample on disk: time and value, little endian.
const SAMPLE_BYTES: usize = 16;
/// Bytes that are read at once.
const READ_BYTES: usize = 64 * 1024;

/// Where a run of samples lies in the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    offset: u64,
    samples: usize,
}

impl Extent {
    /// How many samples lie there.
    pub(super) const fn samples(self) -> usize {
        self.samples
    }
}

/// The file while it is written.
#[derive(Debug)]
pub(super) struct SpillWriter {
    file: BufWriter<File>,
    length: u64,
}

impl SpillWriter {
    /// A new file in `dir`.
    pub(super) fn create(dir: &Path) -> io::Result<Self> {
        Ok(Self { file: BufWriter::with_capacity(READ_BYTES, tempfile::tempfile_in(dir)?), length: 0 })
    }

    /// Appends `samples` as one run.
    pub(super) fn append(&mut self, mut samples: impl Iterator<Item = Sample>) -> io::Result<Extent> {
        let offset = self.length;
        // going through a chain of chunks is much faster from within than by `next`
        samples.try_for_each(|sample| {
            self.length += SAMPLE_BYTES as u64;
            self.file.write_all(&encoded(sample))
        })?;
        Ok(Extent { offset, samples: (self.length - offset) as usize / SAMPLE_BYTES })
    }

    /// Ends the writing.
    pub(super) fn finish(self) -> io::Result<Spill> {
        self.file.into_inner().map(|file| Spill { file }).map_err(io::IntoInnerError::into_error)
    }
}

/// The file once it is written; several threads may read it at once.
#[derive(Debug)]
pub(super) struct Spill {
    file: File,
}

impl Spill {
    /// Gives the samples of `extent` to `see`, piece by piece.
    pub(super) fn read(&self, extent: Extent, see: &mut dyn FnMut(&[Sample])) -> io::Result<()> {
        let mut buffer = [0; READ_BYTES];
        let mut samples = Vec::with_capacity(READ_BYTES / SAMPLE_BYTES);
        let mut offset = extent.offset;
        let mut left = extent.samples * SAMPLE_BYTES;
        while left > 0 {
            let bytes = &mut buffer[..left.min(READ_BYTES)];
            self.file.read_exact_at(bytes, offset)?;
            samples.clear();
            samples.extend(bytes.as_chunks::<SAMPLE_BYTES>().0.iter().map(decoded));
            see(&samples);
            offset += bytes.len() as u64;
            left -= bytes.len();
        }
        Ok(())
    }
}

fn encoded(sample: Sample) -> [u8; SAMPLE_BYTES] {
    let [a, b, c, d, e, f, g, h] = sample.at.as_millis().to_le_bytes();
    let [i, j, k, l, m, n, o, p] = sample.value.to_le_bytes();
    [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]
}

fn decoded(bytes: &[u8; SAMPLE_BYTES]) -> Sample {
    let [a, b, c, d, e, f, g, h, value @ ..] = *bytes;
    Sample::new(i64::from_le_bytes([a, b, c, d, e, f, g, h]), f64::from_le_bytes(value))
}
