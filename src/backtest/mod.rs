//! Recorded series in; findings, scores and reports out.
//!
//! [`run`] judges each series by the same [`monitor`](crate::monitor) that judges live samples. Several series
//! are judged at once, their outcomes are told in the order of the recording: the bytes that come out do not
//! depend on the number of threads.

#[cfg(any(fuzzing, test))]
pub(crate) mod fuzzing;
mod held;
mod history;
mod interval;
pub mod labels;
pub mod output;
pub mod report;
pub mod score;
mod series;
mod starts;
pub mod summary;
mod view;

pub use history::{History, Odd, history};
pub use interval::IntervalFault;
pub use series::{Cell, Outcome, Row, Want, listen, spec_of};
pub use starts::Starts;
pub use view::{draw, in_numbers, view};

use crate::monitor::MonitorSpec;
use crate::sources::recorded::{InputError, Recording, SeriesInfo};
use quietgate_detectors::Interval;
use rayon::prelude::*;
use std::error::Error;
use std::fmt;

/// How one series is judged. Without an interval that of the series is found: its most common spacing.
pub type SpecOf<'a> = dyn Fn(&SeriesInfo, Option<Interval>) -> Result<MonitorSpec, NotJudged> + Sync + 'a;

/// What [`run`] is asked to do.
pub struct Task<'a> {
    /// How a series is judged, given the interval that was found for it.
    pub spec: &'a SpecOf<'a>,
    /// The interval of all series, where it is given.
    pub interval: Option<Interval>,
    /// What is kept of each series beyond its anomalies.
    pub want: Want,
    /// How many series are judged at once; at least 1.
    pub threads: usize,
    /// Asked between series: whether to end now.
    pub stop: &'a (dyn Fn() -> bool + Sync),
}

impl fmt::Debug for Task<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").field("interval", &self.interval).field("threads", &self.threads).finish()
    }
}

/// So many series a thread are judged before their outcomes are told: memory is bounded by the series in flight.
const SERIES_A_THREAD: usize = 4;

/// Judges every series of `recording` and gives the outcomes, in its order, to `tell`: also of a series that
/// cannot be judged, which is no reason to be silent about the others. Says whether it got to the end, or was
/// stopped before.
///
/// # Errors
/// Samples that cannot be read back, and what `tell` returns.
pub fn run<E: From<BacktestError>>(
    recording: &Recording,
    task: &Task<'_>,
    mut tell: impl FnMut(usize, Result<Outcome, NotJudged>) -> Result<(), E>,
) -> Result<bool, E> {
    let threads = task.threads.max(1);
    let pool =
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(BacktestError::Threads)?;
    let all: Vec<usize> = (0..recording.series().len()).collect();
    for some in all.chunks(threads * SERIES_A_THREAD) {
        if (task.stop)() {
            return Ok(false);
        }
        let judge = |&index: &usize| series::judge(recording, index, task);
        let outcomes: Vec<_> = pool.install(|| some.par_iter().map(judge).collect());
        for (&index, outcome) in some.iter().zip(outcomes) {
            tell(index, outcome?)?;
        }
    }
    Ok(true)
}

/// Why one series cannot be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotJudged {
    /// It has no interval that can be used.
    Interval(IntervalFault),
    /// It is not known how it is to be judged, in words.
    Signal(String),
}

impl fmt::Display for NotJudged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interval(fault) => fault.fmt(f),
            Self::Signal(message) => f.write_str(message),
        }
    }
}

impl Error for NotJudged {}

/// Why a recording cannot be judged.
#[derive(Debug)]
pub enum BacktestError {
    /// Samples cannot be read back.
    Input(InputError),
    /// Threads cannot be started.
    Threads(rayon::ThreadPoolBuildError),
}

impl fmt::Display for BacktestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input(error) => error.fmt(f),
            Self::Threads(_) => f.write_str("threads for judging cannot be started"),
        }
    }
}

impl Error for BacktestError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Input(error) => error.source(),
            Self::Threads(error) => Some(error),
        }
    }
}
