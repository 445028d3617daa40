//! What became of one run of a replay.

use crate::steps::{BatchId, Side};
use quietgate_detectors::{Reason, Timestamp};
use quietgate_rules::Condition;
use std::sync::Arc;

/// So many holds of one run are kept; of the others only the time counts.
pub(super) const MOST_HOLDS: usize = 12;

/// One run, from its start to its end.
#[derive(Debug, Clone, PartialEq)]
pub struct Ran {
    /// When it was started.
    pub start: Timestamp,
    /// When its first gate opened and its first action began; none where it never did.
    pub begun: Option<Timestamp>,
    /// When it was over, or the recording was.
    pub end: Timestamp,
    /// How it ended.
    pub ending: Ending,
    /// How long it lasts where every gate opens as soon as it may, in milliseconds.
    pub quiet_ms: i64,
    /// For how long gates were shut that were waited for, because of what was found of series, before it had begun.
    pub kept_ms: i64,
    /// The stretches of that, in the order of time, those of a run that had not begun first.
    pub kept: Vec<Hold>,
    /// What happened once its first gate had opened; shared by all runs that waited for that.
    pub course: Arc<Course>,
}

/// How a run went on once its first gate had opened.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Course {
    /// For how long gates were shut that were waited for, because of what was found of series, in milliseconds.
    pub held_ms: i64,
    /// The first stretches of that, in the order of time.
    pub holds: Vec<Hold>,
    /// How many there were beyond those.
    pub more_holds: u64,
    /// What was blamed on its batches.
    pub blames: Vec<Hold>,
}

/// How a run of a replay ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ending {
    /// Every step is over.
    Done,
    /// Something was blamed on a batch, and the run paused.
    Paused,
    /// Something was blamed on a batch, and what it did was undone.
    RolledBack,
    /// Something was blamed on a batch, and the run aborted.
    Aborted,
    /// A gate held for longer than its patience, and the run paused.
    OutOfPatience,
    /// The recording ended before the run did.
    CutOff,
}

impl Ending {
    /// All of them, with the words for them.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::Done, "done"),
        (Self::Paused, "paused"),
        (Self::RolledBack, "rolled back"),
        (Self::Aborted, "aborted"),
        (Self::OutOfPatience, "out of patience"),
        (Self::CutOff, "cut off"),
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Paused => "paused",
            Self::RolledBack => "rolled back",
            Self::Aborted => "aborted",
            Self::OutOfPatience => "out of patience",
            Self::CutOff => "cut off",
        }
    }
}

/// A stretch of time in which a gate that was waited for was shut because of what was found of the same series.
#[derive(Debug, Clone, PartialEq)]
pub struct Hold {
    /// The batch.
    pub batch: BatchId,
    /// On which side of it the gate stands.
    pub side: Side,
    /// The first look at which it was so.
    pub from: Timestamp,
    /// The first look at which it was not, or the last one of the run.
    pub until: Timestamp,
    /// The series, in the order of the gate.
    pub by: Vec<By>,
}

/// A series that keeps a gate shut.
#[derive(Debug, Clone, PartialEq)]
pub struct By {
    /// Its name.
    pub series: Arc<str>,
    /// What it was found to be.
    pub cause: Cause,
    /// Since when; none where nothing was ever heard of it.
    pub since: Option<Timestamp>,
    /// The same in words, as they were at first.
    pub words: Arc<str>,
}

/// What a series is found to be that keeps a gate shut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Something fired, and lasts.
    Anomalous,
    /// Nothing can be said.
    Unknown(Reason),
    /// Something fired, and does not last yet.
    Suspect,
}

impl Cause {
    /// What a series in this condition is; none where it is clean, or expected to move.
    pub fn of(condition: Condition) -> Option<(Self, Option<Timestamp>)> {
        match condition {
            Condition::Anomalous { since, .. } => Some((Self::Anomalous, Some(since))),
            Condition::Suspect { since } => Some((Self::Suspect, Some(since))),
            Condition::Unknown { reason, newest } => Some((Self::Unknown(reason), newest)),
            Condition::Clean { .. } | Condition::Expected { .. } => None,
        }
    }

    /// By weight, and then by the word of the reason.
    fn key(self) -> (u8, &'static str) {
        match self {
            Self::Anomalous => (0, ""),
            Self::Unknown(reason) => (1, reason.word()),
            Self::Suspect => (2, ""),
        }
    }

    /// The word for it.
    pub fn words(self) -> String {
        match self {
            Self::Anomalous => "anomalous".to_owned(),
            Self::Suspect => "suspect".to_owned(),
            Self::Unknown(reason) => format!("unknown({reason})"),
        }
    }

    /// Whether it is more than a sample or two that fired: it ends the clean window.
    pub fn is_grave(self) -> bool {
        self != Self::Suspect
    }
}

impl Ord for Cause {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

impl PartialOrd for Cause {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ran {
    /// How much longer it took than a quiet run, in milliseconds: of a run that did not end by itself as far as it came. What
    /// is less than `least_ms` is the grain of the looks and no time at all.
    pub fn added_ms(&self, least_ms: i64) -> i64 {
        let added = match self.ending {
            Ending::Done => self.length_ms().saturating_sub(self.quiet_ms),
            _ => self.kept_ms.saturating_add(self.course.held_ms),
        };
        if added < least_ms { 0 } else { added }
    }

    /// From its start to its end, in milliseconds.
    pub fn length_ms(&self) -> i64 {
        self.end.as_millis().saturating_sub(self.start.as_millis())
    }

    /// All holds that are kept, in the order of time.
    pub fn holds(&self) -> impl Iterator<Item = &Hold> {
        self.kept.iter().chain(&self.course.holds)
    }

    /// Whether a gate kept it waiting for what was found of series, or blamed something on it.
    pub fn is_held(&self, least_ms: i64) -> bool {
        let is_grave = |hold: &Hold| hold.by.iter().any(|by| by.cause.is_grave());
        self.added_ms(least_ms) > 0 || !self.course.blames.is_empty() || self.holds().any(is_grave)
    }
}
