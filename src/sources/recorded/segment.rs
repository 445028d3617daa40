//! The samples of one series from one file: in memory as they come, on disk where there are too many.

use std::fmt;
use std::io;

use quietgate_detectors::Sample;

use super::chunk::{Chunk, Piece};
use super::error::Place;
use super::spill::{Extent, Spill, SpillWriter};

/// Samples of the first chunk of a series: small, so that many short series cost little.
const FIRST_CHUNK: usize = 16;
/// Samples of the largest chunk. Their values fill a page of 4 KiB: of larger chunks the allocator leaves a good
/// part of its own pages empty.
const LARGEST_CHUNK: usize = 512;

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
    full: Vec<Chunk>,
    tail: Chunk,
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
            tail: Chunk::default(),
        }
    }

    /// Appends a sample; states the bytes that it took beyond those that were there.
    #[inline]
    pub(super) fn push(&mut self, sample: Sample) -> usize {
        if sample.at > self.newest.at {
            self.newest = sample;
        } else {
            self.oldest_ms = self.oldest_ms.min(sample.at.as_millis());
        }
        let full = self.tail.len() == self.tail.capacity();
        if full {
            self.grow();
        }
        let before = if full { 0 } else { self.tail.bytes() };
        self.tail.push(sample);
        self.tail.bytes() - before
    }

    /// Appends of these samples those at the head that are newer than all before and need neither a look nor
    /// more bytes; states how many.
    #[inline]
    pub(super) fn extend_evenly(&mut self, times: &[i64], values: &[f64]) -> usize {
        if times.first().is_none_or(|at_ms| *at_ms <= self.newest.at.as_millis()) {
            return 0;
        }
        let taken = self.tail.extend_evenly(times, values);
        if let (Some(at_ms), Some(value)) = (times[..taken].last(), values[..taken].last()) {
            self.newest = Sample::new(*at_ms, *value);
        }
        taken
    }

    /// How many samples there are.
    pub(super) fn samples(&self) -> usize {
        let on_disk: usize = self.extents.iter().map(|extent| extent.samples()).sum();
        let in_memory: usize = self.chunks().map(Chunk::len).sum();
        on_disk + in_memory
    }

    /// Moves what is in memory to disk.
    pub(super) fn spill(&mut self, spill: &mut SpillWriter) -> io::Result<()> {
        if self.tail.len() == 0 {
            return Ok(());
        }
        self.extents.push(spill.append(self.chunks().flat_map(Chunk::samples))?);
        self.full = Vec::new();
        self.tail = Chunk::default();
        Ok(())
    }

    /// Gives all samples to `see`, piece by piece.
    pub(super) fn read(&self, spill: Option<&Spill>, see: &mut dyn FnMut(Piece<'_>)) -> io::Result<()> {
        for extent in &self.extents {
            let spill = spill.ok_or_else(|| io::Error::other("the spill file is gone"))?;
            spill.read(*extent, &mut |samples| see(Piece::Listed(samples)))?;
        }
        let mut buffer = Vec::new();
        self.chunks().filter(|chunk| chunk.len() > 0).for_each(|chunk| chunk.see(&mut buffer, see));
        Ok(())
    }

    /// Begins a new chunk.
    fn grow(&mut self) {
        let samples = (self.tail.capacity() * 2).clamp(FIRST_CHUNK, LARGEST_CHUNK);
        let full = std::mem::replace(&mut self.tail, Chunk::with_room(samples));
        if full.len() > 0 {
            self.full.push(full);
        }
    }

    fn chunks(&self) -> impl Iterator<Item = &Chunk> {
        self.full.iter().chain(std::iter::once(&self.tail))
    }
}
