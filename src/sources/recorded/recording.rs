//! What was read: the series, their samples on demand, and what was wrong with them.

use std::io;

use quietgate_detectors::{Sample, Timestamp};

use super::chunk::Piece;
use super::collector::disorder;
use super::error::InputError;
use super::faults::Faults;
use super::layout::Identity;
use super::segment::Segment;
use super::spill::Spill;

/// One recorded series, without its samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesInfo {
    /// The name: that of the `series` column, of the column of a wide table, of the file, or
    /// `{vip="10.0.0.1",port="80"}` from the labels.
    pub name: String,
    /// Labels and their values, in the order of the columns.
    pub labels: Vec<(String, String)>,
    /// How many samples there are, at least one; those that are no number count too.
    pub samples: u64,
    /// The file, where the series has its name from it; the first, where several files have that name.
    pub file: Option<String>,
    /// The oldest time.
    pub first: Timestamp,
    /// The newest time.
    pub last: Timestamp,
}

/// A series with its samples, segments in the order of their first times.
#[derive(Debug)]
pub(super) struct Recorded {
    pub(super) identity: Identity,
    pub(super) file: Option<String>,
    pub(super) segments: Vec<Segment>,
}

impl Recorded {
    fn samples(&self) -> usize {
        self.segments.iter().map(Segment::samples).sum()
    }

    fn info(&self) -> SeriesInfo {
        let oldest_ms = self.segments.iter().map(|segment| segment.oldest_ms).min();
        let newest = self.segments.iter().map(|segment| segment.newest.at).max();
        SeriesInfo {
            name: self.identity.name.clone(),
            labels: self.identity.labels.clone(),
            samples: self.samples() as u64,
            file: self.file.clone(),
            first: Timestamp::from_millis(oldest_ms.unwrap_or_default()),
            last: newest.unwrap_or(Timestamp::from_millis(0)),
        }
    }
}

/// Recorded series. Several threads may ask for samples at once.
#[derive(Debug)]
pub struct Recording {
    infos: Vec<SeriesInfo>,
    series: Vec<Recorded>,
    spill: Option<Spill>,
    faults: Faults,
    interrupted: bool,
}

impl Recording {
    pub(super) fn new(series: Vec<Recorded>, spill: Option<Spill>, interrupted: bool) -> Self {
        let infos = series.iter().map(Recorded::info).collect();
        Self { infos, series, spill, faults: Faults::default(), interrupted }
    }

    /// The series, sorted by name.
    pub fn series(&self) -> &[SeriesInfo] {
        &self.infos
    }

    /// The samples of series `index` of [`series`](Self::series), in the order of arrival; where several
    /// files hold parts of the series, the parts in the order of their first times. A sample whose value
    /// is missing or no finite number has the value NaN.
    ///
    /// # Errors
    /// Where samples were put aside on disk and cannot be read back.
    ///
    /// # Panics
    /// Where there is no such series.
    pub fn samples(&self, index: usize) -> Result<Vec<Sample>, InputError> {
        let mut samples = Vec::with_capacity(self.series[index].samples());
        self.visit(index, &mut |piece| piece.append_to(&mut samples))?;
        Ok(samples)
    }

    /// The same samples in the same order, given to `see` piece by piece: a piece is small enough to stay in the
    /// first cache.
    ///
    /// # Errors
    /// As [`samples`](Self::samples).
    ///
    /// # Panics
    /// As [`samples`](Self::samples).
    pub fn visit(&self, index: usize, see: &mut dyn FnMut(Piece<'_>)) -> Result<(), InputError> {
        let mut segments = self.series[index].segments.iter();
        segments.try_for_each(|segment| segment.read(self.spill.as_ref(), see)).map_err(cannot_read_back)
    }

    /// What was wrong with samples and files that were read all the same.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Whether the reading was stopped before the end of the input.
    pub fn interrupted(&self) -> bool {
        self.interrupted
    }

    /// Adds the faults that show only where the segments of a series from several files meet: samples
    /// at the head of one that are not newer than all before it.
    pub(super) fn check_seams(&mut self, files: &[String], mut faults: Faults) -> Result<(), InputError> {
        for series in &self.series {
            let mut newest: Option<Sample> = None;
            for segment in &series.segments {
                if let Some(newest) = newest.filter(|newest| segment.first.at <= newest.at) {
                    self.check_seam(series, segment, newest, files, &mut faults).map_err(cannot_read_back)?;
                }
                newest = newest.filter(|newest| newest.at >= segment.newest.at).or(Some(segment.newest));
            }
        }
        self.faults = faults;
        Ok(())
    }

    /// Counts the samples of `segment` that are not newer than `newest`, but newer than those before them
    /// in the segment: the others were counted when they came. Only the line of the first is kept.
    fn check_seam(
        &self,
        series: &Recorded,
        segment: &Segment,
        newest: Sample,
        files: &[String],
        faults: &mut Faults,
    ) -> io::Result<()> {
        let mut samples = Vec::with_capacity(segment.samples());
        segment.read(self.spill.as_ref(), &mut |piece| piece.append_to(&mut samples))?;
        let rank = (segment.file, segment.place, 0);
        let mut reached = None;
        for sample in samples.into_iter().take_while(|sample| sample.at <= newest.at) {
            if reached.is_none_or(|reached| sample.at > reached) {
                let whereabouts = if reached.is_none() { "" } else { ", some lines on" };
                disorder(faults, files, &series.identity.name, rank, (newest, sample), whereabouts);
                reached = Some(sample.at);
            }
        }
        Ok(())
    }
}

fn cannot_read_back(cause: io::Error) -> InputError {
    InputError::new("the spill file", "samples that cannot be read back", "").because(cause)
}
