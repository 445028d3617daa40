//! How far a target of a step is, in one word.

use crate::steps::{Outcome, Work};
use serde::Serialize;

/// How far a target of a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Far {
    /// Nothing was done, or it had no effect.
    Waiting,
    /// An attempt is under way.
    InFlight,
    /// The action succeeded.
    Done,
    /// It failed.
    Failed,
    /// It is left as it is.
    Skipped,
    /// What was done is undone.
    Undone,
    /// Nobody knows how its attempt went.
    Unknown,
    /// The undo failed.
    Stuck,
}

/// How many targets of a step are how far; each counts once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Doings {
    /// [`Far::Waiting`].
    pub waiting: usize,
    /// [`Far::InFlight`].
    pub in_flight: usize,
    /// [`Far::Done`].
    pub done: usize,
    /// [`Far::Failed`].
    pub failed: usize,
    /// [`Far::Skipped`].
    pub skipped: usize,
    /// [`Far::Undone`].
    pub undone: usize,
    /// [`Far::Unknown`].
    pub unknown: usize,
    /// [`Far::Stuck`].
    pub stuck: usize,
}

impl Far {
    /// How far the target of `work` is.
    pub fn of(work: &Work) -> Self {
        match (&work.flight, &work.outcome) {
            (Some(flight), _) if flight.unknown.is_some() => Self::Unknown,
            (Some(_), _) => Self::InFlight,
            (None, Outcome::Untouched) => Self::Waiting,
            (None, Outcome::Done) => Self::Done,
            (None, Outcome::Failed(_)) => Self::Failed,
            (None, Outcome::Skipped(_)) => Self::Skipped,
            (None, Outcome::Undone) => Self::Undone,
            (None, Outcome::Stuck(_)) => Self::Stuck,
        }
    }

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::InFlight => "in flight",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Undone => "undone",
            Self::Unknown => "unknown",
            Self::Stuck => "stuck",
        }
    }
}

impl Doings {
    /// Those of all `works`.
    pub fn of<'a>(works: impl Iterator<Item = &'a Work>) -> Self {
        let mut all = Self::default();
        works.for_each(|work| all.count(Far::of(work)));
        all
    }

    /// Each with its name, as it is in JSON.
    pub const fn named(&self) -> [(&'static str, usize); 8] {
        [
            ("waiting", self.waiting),
            ("in_flight", self.in_flight),
            ("done", self.done),
            ("failed", self.failed),
            ("skipped", self.skipped),
            ("undone", self.undone),
            ("unknown", self.unknown),
            ("stuck", self.stuck),
        ]
    }

    /// Counts a target more.
    fn count(&mut self, far: Far) {
        *match far {
            Far::Waiting => &mut self.waiting,
            Far::InFlight => &mut self.in_flight,
            Far::Done => &mut self.done,
            Far::Failed => &mut self.failed,
            Far::Skipped => &mut self.skipped,
            Far::Undone => &mut self.undone,
            Far::Unknown => &mut self.unknown,
            Far::Stuck => &mut self.stuck,
        } += 1;
    }

    /// In words, what there is none of left out: `2 in flight, 1 failed, 57 waiting`.
    pub(super) fn words(&self) -> String {
        let there = self.counts().into_iter().filter(|(count, _)| *count > 0);
        let words: Vec<_> = there
            .map(|(count, far)| format!("{} {}", crate::text::count(count as u64), far.word()))
            .collect();
        words.join(", ")
    }

    /// What is done first, then what needs a person, then what is to come.
    fn counts(&self) -> [(usize, Far); 8] {
        [
            (self.done, Far::Done),
            (self.undone, Far::Undone),
            (self.skipped, Far::Skipped),
            (self.failed, Far::Failed),
            (self.unknown, Far::Unknown),
            (self.stuck, Far::Stuck),
            (self.in_flight, Far::InFlight),
            (self.waiting, Far::Waiting),
        ]
    }
}
