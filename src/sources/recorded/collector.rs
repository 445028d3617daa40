//! Takes every sample of every series, checks its time against the one before, and keeps it within
//! the memory that is allowed.

use std::collections::HashMap;
use std::path::PathBuf;

use quietgate_detectors::Sample;

use super::error::{InputError, Place};
use super::faults::{Fault, FaultKind, Faults, Rank};
use super::layout::Identity;
use super::recording::{Recorded, Recording};
use super::segment::Segment;
use super::spill::SpillWriter;

/// A series while it is read.
#[derive(Debug)]
struct Track {
    identity: Identity,
    file: Option<String>,
    closed: Vec<Segment>,
    open: Option<Segment>,
}

/// All series of all files.
#[derive(Debug)]
pub(super) struct Collector {
    tracks: Vec<Track>,
    by_name: HashMap<String, u32>,
    files: Vec<String>,
    faults: Faults,
    spill: Option<SpillWriter>,
    spill_dir: PathBuf,
    memory: usize,
    memory_limit: usize,
}

impl Collector {
    /// Keeps up to `memory_limit` bytes of samples in memory and the rest in a file in `spill_dir`.
    pub(super) fn new(memory_limit: usize, spill_dir: PathBuf) -> Self {
        Self {
            tracks: Vec::new(),
            by_name: HashMap::new(),
            files: Vec::new(),
            faults: Faults::default(),
            spill: None,
            spill_dir,
            memory: 0,
            memory_limit,
        }
    }

    /// From now on samples come from the file `name`.
    pub(super) fn begin_file(&mut self, name: &str) {
        self.files.push(name.to_owned());
        for track in &mut self.tracks {
            track.closed.extend(track.open.take());
        }
    }

    /// The number of the series `identity`, known or new. `file` is the file that gives it its name, if one does.
    pub(super) fn series(&mut self, identity: Identity, file: Option<&str>) -> u32 {
        if let Some(number) = self.by_name.get(&identity.name) {
            return *number;
        }
        let number = u32::try_from(self.tracks.len()).expect("four billion series do not fit into memory");
        self.by_name.insert(identity.name.clone(), number);
        let file = file.map(str::to_owned);
        self.tracks.push(Track { identity, file, closed: Vec::new(), open: None });
        number
    }

    /// The name of a series.
    pub(super) fn name(&self, series: u32) -> &str {
        &self.tracks[series as usize].identity.name
    }

    /// Appends samples to `series`. `place` says where the one at an offset stands and in which value column.
    #[inline]
    pub(super) fn extend(
        &mut self,
        series: u32,
        times: &[i64],
        values: &[f64],
        place: impl Fn(usize) -> (Place, usize),
    ) -> Result<(), InputError> {
        let mut next = 0;
        while next < times.len() {
            next += self.push(series, &times[next..], &values[next..], || place(next))?;
        }
        Ok(())
    }

    /// Counts a fault at `rank` of the file at hand.
    pub(super) fn fault(
        &mut self,
        kind: FaultKind,
        (place, column): (Place, usize),
        series: Option<u32>,
        found: Option<String>,
    ) {
        let rank = (self.files.len() - 1, place, column);
        let series = series.map(|series| self.name(series).to_owned());
        let file = self.files[rank.0].clone();
        self.faults.add(kind, rank, || Fault { file, place, series, found });
    }

    /// Counts faults of which others are named.
    pub(super) fn count_faults(&mut self, kind: FaultKind, count: u64) {
        self.faults.count_only(kind, count);
    }

    /// Appends the first of these samples and those after it that need no look; states how many.
    #[inline]
    fn push(
        &mut self,
        series: u32,
        times: &[i64],
        values: &[f64],
        place: impl Fn() -> (Place, usize),
    ) -> Result<usize, InputError> {
        let sample = Sample::new(times[0], values[0]);
        let file = self.files.len() - 1;
        let track = &mut self.tracks[series as usize];
        let segment = track.open.get_or_insert_with(|| Segment::new(file, sample, place().0));
        let newest = segment.newest;
        self.memory += segment.push(sample);
        let taken = 1 + segment.extend_evenly(&times[1..], &values[1..]);
        if sample.at <= newest.at {
            self.disorder(series, newest, sample, place());
        }
        if self.memory > self.memory_limit {
            self.spill()?;
        }
        Ok(taken)
    }

    /// A sample that is not newer than the newest before it.
    #[cold]
    fn disorder(&mut self, series: u32, newest: Sample, sample: Sample, (place, column): (Place, usize)) {
        let rank = (self.files.len() - 1, place, column);
        let identity = &self.tracks[series as usize].identity;
        disorder(&mut self.faults, &self.files, &identity.name, rank, (newest, sample), "");
    }

    /// Puts all samples aside.
    #[cold]
    fn spill(&mut self) -> Result<(), InputError> {
        let tracks = &mut self.tracks;
        let mut put_aside = || {
            let spill = match &mut self.spill {
                Some(spill) => spill,
                none => none.insert(SpillWriter::create(&self.spill_dir)?),
            };
            tracks
                .iter_mut()
                .flat_map(|track| track.closed.iter_mut().chain(&mut track.open))
                .try_for_each(|segment| segment.spill(spill))
        };
        put_aside().map_err(|cause| self.cannot_spill(cause))?;
        self.memory = 0;
        Ok(())
    }

    fn cannot_spill(&self, cause: std::io::Error) -> InputError {
        let dir = self.spill_dir.display().to_string();
        InputError::new(dir, "no way to put samples aside", "a directory with room for 16 bytes a sample")
            .because(cause)
    }

    /// All that was read, with the segments of each series in the order of their first times.
    pub(super) fn finish(mut self, interrupted: bool) -> Result<Recording, InputError> {
        let spill = self
            .spill
            .take()
            .map(SpillWriter::finish)
            .transpose()
            .map_err(|cause| self.cannot_spill(cause))?;
        let mut recorded = Vec::with_capacity(self.tracks.len());
        for track in self.tracks {
            let mut segments = track.closed;
            segments.extend(track.open);
            segments.sort_by_key(|segment| segment.first.at);
            recorded.push(Recorded { identity: track.identity, file: track.file, segments });
        }
        recorded.retain(|series| !series.segments.is_empty());
        recorded.sort_unstable_by(|a, b| a.identity.name.cmp(&b.identity.name));
        let mut recording = Recording::new(recorded, spill, interrupted);
        recording.check_seams(&self.files, self.faults)?;
        Ok(recording)
    }
}

/// Counts `sample`, which is not newer than `newest`, by what is wrong with it. `whereabouts` is added
/// to what is told.
pub(super) fn disorder(
    faults: &mut Faults,
    files: &[String],
    series: &str,
    rank: Rank,
    (newest, sample): (Sample, Sample),
    whereabouts: &str,
) {
    let kind = disorder_of(newest, sample);
    faults.add(kind, rank, || {
        let found = match kind {
            FaultKind::OutOfOrder => format!("{} after {}", utc(sample), utc(newest)),
            FaultKind::Duplicate => format!("{} again", utc(sample)),
            _ => format!("{} and {} at {}", newest.value, sample.value, utc(sample)),
        };
        Fault {
            file: files[rank.0].clone(),
            place: rank.1,
            series: Some(series.to_owned()),
            found: Some(found + whereabouts),
        }
    });
}

/// What is wrong with `sample`, which is not newer than `newest`.
fn disorder_of(newest: Sample, sample: Sample) -> FaultKind {
    let same = newest.value == sample.value || (newest.value.is_nan() && sample.value.is_nan());
    match (sample.at < newest.at, same) {
        (true, _) => FaultKind::OutOfOrder,
        (false, true) => FaultKind::Duplicate,
        (false, false) => FaultKind::Conflicting,
    }
}

fn utc(sample: Sample) -> String {
    let ms = sample.at.as_millis();
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| format!("{ms} ms"), |at| at.to_string())
}
