//! One plan, driven on this machine until it is over or needs a person.
//!
//! Everything happens in one loop: what sources say, how attempts end, what persons ask for, the passing of time. Between two of
//! these the driver does all there is to do.

mod alone;
mod attempts;
mod calls;
mod captures;
mod driving;
mod error;
mod feed;
mod hearing;
mod keep;
mod outside;
mod pace;
mod signals;
mod together;

use super::sinks::Past;
use crate::config::Config;
use crate::config::plan::PlanFile;
use crate::journal::Entry;
use crate::steps::{Ending, Pinned, Record, State, Waiting, Word};
use crate::story::Window;
pub use alone::drive;
pub(super) use driving::{Seat, Stop, drive_at, feed};
pub use error::DriveError;
pub(super) use feed::Feed;
pub(super) use hearing::Hearing;
pub(super) use keep::Kept;
use quietgate_detectors::Timestamp;
use std::path::PathBuf;

/// A run that is to be driven.
#[derive(Debug)]
pub struct Job {
    /// What it does.
    pub file: PlanFile,
    /// Where samples come from, and how they are judged.
    pub config: Config,
    /// What it is pinned with.
    pub pinned: Pinned,
    /// Whether it is on record already and goes on.
    pub resumed: bool,
    /// The folder of the state.
    pub state: PathBuf,
    /// Who drives it.
    pub who: String,
    /// Whether actions are left out.
    pub dry: bool,
    /// Where what sources say is put down, so that every decision can be made once more.
    pub record: Option<PathBuf>,
    /// What is on record already, for sinks; none where they are told nothing.
    pub past: Option<Past>,
}

/// Who is told how a run goes.
pub trait Tell {
    /// A record was written.
    fn record(&mut self, entry: &Entry, record: &Record);

    /// All there was to do is done, and this is what the run waits for.
    /// `window` is that of the gate that is waited for, where one is.
    fn waiting(&mut self, now: Timestamp, state: &State, waiting: &[Waiting], window: Option<Window>);

    /// Something that is not on record: a source in trouble, a wish that was not granted.
    fn note(&mut self, words: &str);
}

/// How driving a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The run is over.
    Over(Ending),
    /// It is paused, and a person is needed.
    Paused(Word),
    /// It is not over, and nothing of it is in flight: the next driver of the state goes on with it.
    Left,
}
