//! Samples from a CSV file that somebody appends to.

#[cfg(any(fuzzing, test))]
pub(super) mod fuzzing;
mod log;
#[cfg(test)]
mod tests;

use super::aside::aside;
use super::source::{Answer, Ask, Fetching, Gathered, Past, Source, labels_in_words};
use super::{Entry, SourceError, Trouble};
use crate::labels::Table;
use crate::settings::units::Size;
use crate::settings::{Need, SettingDoc, Settings, Shape};
use crate::text::{count, counted};
use log::{Bad, Found, Log, Wanted};
use quietgate_detectors::{Sample, Timestamp};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;
use tracing::info;

/// A file that grows.
pub(super) const ENTRY: Entry = Entry {
    kind: "file",
    summary: "A CSV file that somebody appends to",
    about: "The columns and timestamps are those that backtest reads: timestamp,value, or timestamp,series,value and \
        labels, or one column a series. Lines without an end are left until they have one. Each asking reads from where \
        the wanted times begin; a file that is renamed is read to its end before the next one, a file that is cut is read \
        anew. A line that cannot be read makes the series unknown(partial) until rows of two later intervals are there, two \
        values of one series at one time make them unknown(conflicting) for as long.",
    query: "the value of the label series; without it all series of the file",
    settings: SETTINGS,
    fits: |_| Ok(()),
    asks: |_| Ok(()),
    no_counts: |_, _| None,
    lag_ms: |_| 0,
    build,
};

const SETTINGS: &[SettingDoc] = &[
    SettingDoc {
        name: "path",
        shape: Shape::Path,
        need: Need::Required,
        about: "the file; its first line names the columns",
    },
    SettingDoc {
        name: "max_read",
        shape: Shape::Size { min: 64 << 10, max: 16 << 30 },
        need: Need::Default("256MiB"),
        about: "the most that one asking reads; what is left makes the answer partial and is read by the next",
    },
    SettingDoc {
        name: "max_series",
        shape: Shape::Count { min: 1, max: 1_000_000 },
        need: Need::Default("50000"),
        about: "the most series of one asking",
    },
];

/// The most samples of one answer, which is kept in memory as a whole.
const SAMPLES_MAX: usize = 20_000_000;
/// So many bad lines are named in one answer; the rest are counted.
const NAMED_MAX: usize = 5;
/// What is odd for so many intervals is seen by whoever asks, and does not hold for ever.
const ODD_INTERVALS: i64 = 2;

fn build(settings: &Settings) -> Result<Box<dyn Source>, SourceError> {
    let tail = Tail {
        path: settings.path("path").unwrap_or_else(|| std::path::Path::new("")).to_owned(),
        bytes_max: settings.size("max_read").unwrap_or_default(),
        series_max: settings.count("max_series").unwrap_or_default(),
        logs: Mutex::default(),
    };
    Ok(Box::new(Growing { tail: Arc::new(tail), reads: Arc::new(Semaphore::new(1)) }))
}

#[derive(Debug)]
struct Growing {
    tail: Arc<Tail>,
    /// One read at a time: a disk that hangs holds up one thread and no more.
    reads: Arc<Semaphore>,
}

#[derive(Debug)]
struct Tail {
    path: PathBuf,
    bytes_max: u64,
    series_max: u32,
    logs: Mutex<Logs>,
}

/// The file that was there before the last change of name, for its last lines, and the one that is there.
#[derive(Debug, Default)]
struct Logs {
    previous: Option<Log>,
    current: Option<Log>,
}

impl Source for Growing {
    fn fetch<'a>(&'a self, ask: &'a Ask) -> Fetching<'a> {
        Box::pin(async {
            let (tail, ask) = (Arc::clone(&self.tail), ask.clone());
            let bad = |what: String| SourceError::new(self.tail.name(), Trouble::BadAnswer { what });
            let read = aside(&self.reads, move || tail.answer(&ask)).await;
            read.map_err(|error| bad(error.to_string()))?
        })
    }

    fn past(&self) -> Past {
        Past::Told
    }

    fn is_lasting(&self) -> bool {
        true
    }
}

impl Tail {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn answer(&self, ask: &Ask) -> Result<Answer, SourceError> {
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        let failed =
            |cause: io::Error| SourceError::new(self.name(), Trouble::File { what: "the file", cause });
        self.turn(&mut logs).map_err(failed)?;
        // a clock that is a little ahead is no reason to leave its samples out
        let until = ask.until.as_millis().saturating_add(ask.interval.as_millis());
        let mut wanted = Wanted { from: ask.from.as_millis(), until, bytes: self.bytes_max };
        let Logs { previous, current } = &mut *logs;
        let (mut samples, mut odd) = (Table::new(), Odd::default());
        for log in [previous, current].into_iter().flatten() {
            let found = log.read(&self.name(), wanted).map_err(failed)?;
            let found = found.map_err(|what| SourceError::new(self.name(), Trouble::BadAnswer { what }))?;
            wanted.bytes = if found.rest > 0 { 0 } else { wanted.bytes };
            self.take(found, ask, &mut samples, &mut odd)?;
        }
        let mut gathered = Gathered::default();
        for (labels, mut samples) in samples.into_order() {
            samples.sort_by_key(|sample| sample.at);
            if let Some(at) = contradicted(&samples).filter(|at| is_recent(at.as_millis(), ask)) {
                let series = labels_in_words(&labels);
                return Err(SourceError::new(self.name(), Trouble::Contradicted { series, at }));
            }
            gathered.add(labels, samples);
        }
        let mut answer = gathered.answer(odd.now);
        answer.warnings.extend(odd.before);
        Ok(answer)
    }

    /// Opens what is at the path now, where it is another file or a cut one.
    fn turn(&self, logs: &mut Logs) -> io::Result<()> {
        match &mut logs.current {
            None => logs.current = Some(Log::open(&self.path)?),
            Some(log) if !log.is_at(&self.path) => {
                let next = Log::open(&self.path)?;
                info!(path = %self.name(), "another file is read");
                logs.previous = logs.current.replace(next);
            }
            Some(log) if log.was_cut()? => {
                info!(path = %self.name(), "the file was cut and is read anew");
                *log = Log::open(&self.path)?;
            }
            Some(_) => {}
        }
        Ok(())
    }

    fn take(
        &self,
        found: Found,
        ask: &Ask,
        samples: &mut Table<Vec<Sample>>,
        odd: &mut Odd,
    ) -> Result<(), SourceError> {
        let total = found.samples.len() + samples.iter().map(|(_, known)| known.len()).sum::<usize>();
        for (labels, sample) in found.samples {
            let name = labels.get("series");
            if ask.query.is_none() || ask.query.as_deref() == name {
                samples.entry(labels).1.push(sample);
            }
        }
        let too_much = |what, limit| Err(SourceError::new(self.name(), Trouble::TooMuch { what, limit }));
        if samples.len() > self.series_max as usize {
            let limit = format!("{} (max_series)", count(self.series_max.into()));
            return too_much(counted(samples.len() as u64, "series", "series"), limit);
        }
        if total > SAMPLES_MAX {
            return too_much(counted(total as u64, "sample", "samples"), count(SAMPLES_MAX as u64));
        }
        let (now, before): (Vec<Bad>, Vec<Bad>) =
            found.bad.into_iter().partition(|bad| bad.before.is_none_or(|at| is_recent(at, ask)));
        odd.now.extend(named(&now));
        odd.before.extend(named(&before));
        if found.ahead > 0 {
            let lie = counted(found.ahead, "sample lies", "samples lie");
            odd.now.push(format!("{lie} more than an interval after the time of asking: the clocks differ"));
        }
        if found.rest > 0 {
            odd.now.push(format!("{} of the file are still to be read", Size(found.rest)));
        }
        Ok(())
    }
}

/// What is odd about an answer, in words.
#[derive(Debug, Default)]
struct Odd {
    /// What makes it partial.
    now: Vec<String>,
    /// What is so long ago that it does not: what is missing for it is a gap.
    before: Vec<String>,
}

/// Whether what lies before a row of this time, or at it, makes an answer odd.
fn is_recent(at_ms: i64, ask: &Ask) -> bool {
    at_ms > ask.until.as_millis().saturating_sub(ODD_INTERVALS * ask.interval.as_millis())
}

/// The first bad lines, and how many more there are.
fn named(bad: &[Bad]) -> impl Iterator<Item = String> {
    let first =
        bad.iter().take(NAMED_MAX).map(|Bad { line, why, .. }| format!("line {line} cannot be read: {why}"));
    let more = bad.len().checked_sub(NAMED_MAX).filter(|more| *more > 0);
    first.chain(more.map(|more| format!("{} more cannot be read", counted(more as u64, "line", "lines"))))
}

/// The newest time at which there are two values; none where there is none. Of samples in the order of time.
fn contradicted(samples: &[Sample]) -> Option<Timestamp> {
    let are_two = |two: &&[Sample]| {
        let [a, b] = **two else { return false };
        a.at == b.at && a.value.is_finite() && b.value.is_finite() && a.value != b.value
    };
    samples.windows(2).rev().find(are_two).map(|two| two[0].at)
}
