//! A series at one moment, however it is kept.

use super::MonitorSpec;
use super::together::{One, Together};
use super::watch::{Labels, Series, Statement};
use quietgate_detectors::Timestamp;
use quietgate_rules::{Condition, Finding, Standing};
use std::borrow::Cow;

/// The newest sample of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Latest {
    /// Its time.
    pub at: Timestamp,
    /// Its value; none where the cell has none.
    pub value: Option<f64>,
    /// What the series is found to be there.
    pub finding: Finding,
}

/// A required series at one moment.
#[derive(Debug, Clone)]
pub struct View<'a> {
    /// The number of its signal.
    pub signal: usize,
    /// Its labels; of a series that is missing those that say which.
    pub labels: Cow<'a, Labels>,
    /// How it stands.
    pub condition: Condition,
    /// How it stands by the slow layer; none where that does not judge it.
    pub slow: Option<Condition>,
    /// The time of its newest sample that was found anomalous, over or not, and the same by the slow layer.
    pub anomalous_until: [Option<Timestamp>; 2],
    /// Its newest sample; none where there was none.
    pub latest: Option<Latest>,
    /// Where what was said of that is found; none of a series that is missing.
    pub(super) origin: Option<Origin<'a>>,
}

impl<'a> View<'a> {
    /// Whether a detector may have to tell something of a sample that it finds normal: none of those that keep no past has.
    pub fn may_tell_of_normal(&self) -> bool {
        matches!(self.origin, Some(Origin::Alone(_)))
    }

    /// What each detector said of its newest sample, in the order of the rule, or those of the slow layer; nothing where that has no
    /// value.
    pub fn votes(&self, slow: bool) -> Cow<'a, [Statement]> {
        match self.origin {
            None => Cow::Borrowed(&[]),
            Some(Origin::Alone(series)) => Cow::Borrowed(match &series.latest {
                None => &[],
                Some(told) if slow => &told.slow,
                Some(told) => &told.votes,
            }),
            Some(Origin::Together { together, number, one, spec }) => {
                Cow::Owned(together.votes(number, one, spec, slow))
            }
        }
    }
}

/// How a series is kept.
#[derive(Debug, Clone, Copy)]
pub(super) enum Origin<'a> {
    Alone(&'a Series),
    Together { together: &'a Together, number: u32, one: &'a One, spec: &'a MonitorSpec },
}

/// A series, however it is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stands<'a> {
    pub(super) labels: &'a Labels,
    pub(super) standing: &'a Standing,
    pub(super) slow: Option<&'a Standing>,
    pub(super) required: bool,
    pub(super) has_ended: bool,
    pub(super) origin: Origin<'a>,
}

impl Stands<'_> {
    pub(super) fn latest(&self) -> Option<Latest> {
        match self.origin {
            Origin::Alone(series) => series.latest.as_ref().map(|told| told.latest),
            Origin::Together { one, .. } => one.newest.map(|newest| Latest {
                at: newest.at,
                value: Some(newest.value).filter(|value| !value.is_nan()),
                finding: newest.finding,
            }),
        }
    }
}
