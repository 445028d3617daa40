//! A whole plan put through recorded series: the real gates, machine and driver with a clock that goes as the recording does.
//!
//! [`Replay::runs`] drives a run from each of many starts, [`Replay::decisions`] tells what the gates of one decide, and
//! [`Replay::moments`] whether they would be shut, look by look, around a batch that starts at a given time. [`again()`] drives a
//! run that was recorded live once more, and holds each decision against the journal.

mod again;
mod course;
mod incidents;
mod made;
mod moments;
mod once;
mod page;
mod quiet;
mod ran;
mod series;
mod starts;
mod summary;
mod takes;
mod tape;
mod text;

pub use again::{Again, AgainError, again};
pub use incidents::{Incident, incidents};
pub use moments::{Moment, MomentSeries};
pub use once::Difference;
pub use page::html;
pub use ran::{By, Cause, Course, Ending, Hold, Ran};
pub use series::{Stream, Unfit, streams};
pub use summary::{About, Added, Episode, Place, SeriesHolds, Summary, Worst, summary};
pub use takes::{ASSUMED_MS, By as TakesBy, Lasted, Past, Said, Takes};
pub use tape::Tape;
pub use text::{csv, text};

use crate::config::plan::PlanFile;
use crate::config::{Config, Signal, ZoneError};
use crate::monitor::Watch;
use crate::plan::Plan;
use crate::run::{self, Refused, Scope, Texts, grown, signals};
use crate::steps::{Gate, Pinned};
use course::Stage;
use quietgate_detectors::{Calendar, Interval, Timestamp};

/// What every run of a replay is called.
const RUN: &str = "replay";

/// A plan and a recording of its signals.
#[derive(Debug)]
pub struct Replay {
    plan: Plan,
    takes: Vec<Takes>,
    tape: Tape,
    watch: Watch,
    scopes: Vec<Scope>,
    pinned: Pinned,
    signals: Vec<Signal>,
    names: Vec<String>,
}

impl Replay {
    /// The plan of `file` over `streams`, which are those of its signals in `config`, and whose actions last as `takes` says.
    ///
    /// # Errors
    /// A time zone that is not known any more.
    pub fn new(
        file: &PlanFile,
        config: &Config,
        streams: Vec<Stream>,
        takes: Vec<Takes>,
    ) -> Result<Self, ZoneError> {
        let plan = file.plan.clone();
        let signals: Vec<Signal> = signals(config, &plan).cloned().collect();
        let step = signals.iter().map(|signal| signal.interval.as_millis()).min();
        let tape = Tape::new(streams, step.unwrap_or(Interval::MIN_MS));
        let (watch, scopes) = run::watch_over(config, &plan, tape.first(), tape.last())?;
        // what is pinned goes to no journal: only the order of it counts
        let texts = Texts { folder: "", config_folder: "", plan: "", config: "", inventory: None };
        let pinned = run::pinned(RUN, file, texts);
        let names = signals.iter().map(|signal| signal.name.clone()).collect();
        Ok(Self { plan, takes, tape, watch, scopes, pinned, signals, names })
    }

    /// The recording.
    pub fn tape(&self) -> &Tape {
        &self.tape
    }

    /// How long actions are taken to last.
    pub fn takes(&self) -> &[Takes] {
        &self.takes
    }

    /// The plan's signals, as streams number them.
    pub fn signals(&self) -> &[Signal] {
        &self.signals
    }

    /// Spacing of the samples of the slowest signal, in milliseconds: what is less cannot be told apart.
    pub fn grain_ms(&self) -> i64 {
        self.signals.iter().map(|signal| signal.interval.as_millis()).max().unwrap_or(1)
    }

    /// The first time from which a run can be expected to begin: then the detectors are warmed up, the start of a batch can be
    /// judged, and the clean window has had its time.
    pub fn first_start(&self) -> Timestamp {
        let of = |signal: &Signal| {
            let warm_up = signal.rule.detectors().iter().map(|spec| spec.warm_up(signal.interval)).max();
            let grown = grown(&signal.monitor_spec(Calendar::Utc));
            let samples = i64::try_from(grown.max(warm_up.unwrap_or(0) as u64)).unwrap_or(i64::MAX);
            samples.saturating_mul(signal.interval.as_millis())
        };
        let warm_up = self.signals.iter().map(of).max().unwrap_or(0);
        let clean = self.plan.steps.iter().map(|step| step.gate.clean_before_ms).max().unwrap_or(0);
        let first = self.tape.first().as_millis();
        self.tape.look_from(Timestamp::from_millis(first.saturating_add(warm_up).saturating_add(clean)))
    }

    /// The looks from `from` until `until`, both included, each at least `every_ms` after the one before: where runs start.
    pub fn starts(&self, from: Timestamp, until: Timestamp, every_ms: i64) -> Vec<Timestamp> {
        let mut starts = Vec::new();
        let mut next = self.tape.look_from(from);
        while next <= until && next <= self.tape.last() {
            starts.push(next);
            let after = next.as_millis().saturating_add(every_ms.max(1));
            next = self.tape.look_from(Timestamp::from_millis(after));
        }
        starts
    }

    /// Drives a run from each of `starts`, looks of the recording in the order of time, on so many threads: what comes out
    /// does not depend on them. With `stop` it ends early, and some are missing.
    ///
    /// # Errors
    /// A record that cannot be: the program is wrong.
    pub fn runs(
        &self,
        starts: &[Timestamp],
        threads: usize,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Vec<Ran>, Refused> {
        starts::run(&self.stage(), &self.tape, &self.watch, starts, threads, stop)
    }

    /// Drives the run that starts at `start`, and gives every decision of its gates with its time to `hear`; says how and when
    /// it ended.
    ///
    /// # Errors
    /// As [`runs`](Self::runs).
    pub fn decisions(
        &self,
        start: Timestamp,
        hear: &mut dyn FnMut(Timestamp, &Gate),
    ) -> Result<(Ending, Timestamp), Refused> {
        let (mut watch, mut place) = (self.watch.clone(), self.tape.begin());
        self.tape.play(&mut place, start, |signal, labels, samples| watch.observe(signal, labels, samples));
        let passage = self.stage().drive(&self.tape, (watch, place), start, hear)?;
        Ok((passage.ending, passage.end))
    }

    fn stage(&self) -> Stage<'_> {
        let Self { plan, takes, scopes, pinned, names, .. } = self;
        Stage { plan, scopes, takes, pinned, signals: names }
    }
}
