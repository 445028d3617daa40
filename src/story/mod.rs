//! What a run tells: lines, events, its status, and why something was decided. Pure: records and the time in, words and
//! values out.

mod batches;
mod event;
mod evidence;
mod far;
mod follow;
#[cfg(any(fuzzing, test))]
pub(crate) mod fuzzing;
mod line;
mod live;
mod past;
#[cfg(test)]
pub(crate) mod sample;
mod scene;
mod status;
mod status_text;
#[cfg(test)]
mod tests;
mod todo;
mod waits;
mod why;
mod why_text;
mod words;

pub use batches::{BatchTold, batch_told};
pub use event::{event, object};
pub use evidence::{SeriesSeen, Vote};
pub use far::{Doings, Far};
pub use line::{Level, level, line, said};
pub use live::{Window, live};
pub use past::Link;
pub use scene::{CapturesNow, Wrote};
pub use status::{BatchNow, Names, RunStatus, Status, StepStatus, TargetNow, TurnedBy, status};
pub use todo::Todo;
pub use waits::{Patience, Wait, Waits};
pub use why::{NotThere, Search, Which, Why, why};
pub use words::mode;

use crate::steps::Record;
use quietgate_detectors::Timestamp;
use std::error::Error;
use std::fmt;

/// An entry of a journal, read.
#[derive(Debug, Clone, PartialEq)]
pub struct Noted {
    /// Its number, from 1.
    pub seq: u64,
    /// When it was written.
    pub at: Timestamp,
    /// The driver that wrote it, by its number.
    pub epoch: u64,
    /// What it says.
    pub record: Record,
}

/// A record that this program does not know: another one wrote it.
#[derive(Debug)]
pub struct Unreadable {
    /// Its number.
    pub seq: u64,
    why: serde_json::Error,
}

impl Noted {
    /// The entry number `seq`, written at `at` by the driver of `epoch`, whose record is the JSON object `record`.
    ///
    /// # Errors
    /// Where `record` is of no kind that is known, or has not what one of its kind has.
    pub fn read(seq: u64, at: Timestamp, epoch: u64, record: &str) -> Result<Self, Unreadable> {
        let record = serde_json::from_str(record).map_err(|why| Unreadable { seq, why })?;
        Ok(Self { seq, at, epoch, record })
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "record {} is none that this version of the program knows", self.seq)
    }
}

impl Error for Unreadable {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.why)
    }
}
