//! The samples of one series from one file: in memory as they come, on disk where there are too many.

use std::fmt;
use std::io;

use quietgate_detectors::Sample;

use super::error::Place;
use super::spill::{Extent, Spill, SpillWriter};

/// Samples of the first chunk of a series: small, so that many short series cost little.
const FIRST_CHUNK: usize = 16;
/// Samples of the largest chunk: large, so that a long series has few.
const LARGEST_CHUNK: usize = 4096;

/// A stretch of a series, in the order of arrival.
pub(super) struct Segment {
    /// Number of the file.
    pub(super) file: usize,
    /// The first sample and where it stands.
    pub(super) first: Sample,
    pub(super) place: Place,
    /// The sample with the newest time; of several with that time the first.
    pub(super) newest: Sample,
    /// The oldest time in milliseconds.
    pub(super) oldest_ms: i64,
    extents: Vec<Extent>,
    full: Vec<Vec<Sample>>,
    tail: Vec<Sample>,
}

/// Without the samples, which may be millions.
impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (file, place, samples) = (self.file, self.place, self.samples());
        f.debug_struct("Segment")
            .field("file", &file)
            .field("place", &place)
            .field("samples", &samples)
            .finish()
    }
}

impl Segment {
    /// A segment that is about to get `first`.
    pub(super) fn new(file: usize, first: Sample, place: Place) -> Self {
        Self {
            file,
            first,
            place,
            newest: Sample::new(i64::MIN, f64::NAN),
            oldest_ms: first.at.as_millis(),
            extents: Vec::new(),
            full: Vec::new(),
            tail: Vec::new(),
        }
    }

    /// Whether the next sample needs a new chunk.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.tail.len() == self.tail.capacity()
    }

    /// Begins a new chunk; states the bytes that it takes.
    pub(super) fn grow(&mut self) -> usize {
        let samples = (self.tail.capacity() * 2).clamp(FIRST_CHUNK, LARGEST_CHUNK);
        let chunk = Vec::with_capacity(samples);
        let bytes = chunk.capacity() * size_of::<Sample>();
        let old = std::mem::replace(&mut self.tail, chunk);
        if !old.is_empty() {
            self.full.push(old);
        }
        bytes
    }

    /// Appends a sample.
    #[inline]
    pub(super) fn push(&mut self, sample: Sample) {
        self.tail.push(sample);
    }

    /// How many samples there are.
    pub(super) fn samples(&self) -> usize {
        let on_disk: usize = self.extents.iter().map(|extent| extent.samples()).sum();
        let in_memory: usize = self.chunks().map(<[Sample]>::len).sum();
        on_disk + in_memory
    }

    /// Moves what is in memory to disk.
    pub(super) fn spill(&mut self, spill: &mut SpillWriter) -> io::Result<()> {
        if self.chunks().all(<[Sample]>::is_empty) {
            return Ok(());
        }
        self.extents.push(spill.append(self.chunks())?);
        self.full = Vec::new();
        self.tail = Vec::new();
        Ok(())
    }

    /// Appends all samples to `samples`.
    pub(super) fn read(&self, spill: Option<&Spill>, samples: &mut Vec<Sample>) -> io::Result<()> {
        for extent in &self.extents {
            let spill = spill.ok_or_else(|| io::Error::other("the spill file is gone"))?;
            spill.read(*extent, samples)?;
        }
        self.chunks().for_each(|chunk| samples.extend_from_slice(chunk));
        Ok(())
    }

    fn chunks(&self) -> impl Iterator<Item = &[Sample]> {
        self.full.iter().map(Vec::as_slice).chain(std::iter::once(self.tail.as_slice()))
    }
}
