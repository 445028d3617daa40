//! The table of detectors: everything that is said about a kind is said in its [`Entry`].

use crate::averages::Averages;
use crate::calendar::Calendar;
use crate::detector::Detector;
use crate::kinds;
use crate::options::{OptionDoc, OptionError, OptionValue, Options};
use crate::residuals::AllResiduals;
use crate::sample::{Interval, Timestamp};
use std::fmt;

/// A kind of detector.
#[derive(Debug)]
pub struct Entry {
    /// Its name in files and output.
    pub kind: &'static str,
    /// What it finds, in at most 80 characters.
    pub summary: &'static str,
    /// How it judges, when to use it, where it is blind, where the formula comes from.
    pub about: &'static str,
    /// Its options.
    pub options: &'static [OptionDoc],
    /// Whether it compares with the same time of earlier days, and so suits a periodic series.
    pub seasonal: bool,
    /// How many samples without a gap it needs before the first verdict.
    pub warm_up: fn(&Options, Interval) -> usize,
    /// Makes one from checked options.
    pub(crate) build: Build,
}

/// Makes a detector from checked options, or says which of them do not go together.
pub(crate) type Build = fn(&Options, &mut Common) -> Result<Box<dyn Detector>, OptionError>;

/// What the detectors of one series have in common.
#[derive(Debug, Clone)]
pub(crate) struct Common {
    /// The time of cell 0: the first sample.
    pub(crate) start: Timestamp,
    /// Spacing of the cells.
    pub(crate) interval: Interval,
    /// What a day is.
    pub(crate) calendar: Calendar,
    /// Which of very many series this is: what is done for a block of cells is done at other cells than for its neighbours.
    pub(crate) turn: u64,
    /// What they ask to be followed for them.
    pub(crate) averages: Averages,
    pub(crate) residuals: AllResiduals,
}

impl Common {
    pub(crate) fn new(start: Timestamp, interval: Interval, calendar: Calendar) -> Self {
        let (averages, residuals) = (Averages::default(), AllResiduals::default());
        Self { start, interval, calendar, turn: 0, averages, residuals }
    }
}

/// A kind with options that were found good.
#[derive(Debug, Clone)]
pub struct Spec {
    entry: &'static Entry,
    options: Options,
}

impl PartialEq for Spec {
    fn eq(&self, other: &Self) -> bool {
        self.entry.kind == other.entry.kind && self.options == other.options
    }
}

impl Spec {
    /// The detector `kind` with `given` options, the rest at their defaults.
    ///
    /// # Errors
    /// An unknown kind, or every mistake in the options.
    pub fn new(kind: &str, given: &[(String, OptionValue)]) -> Result<Self, SpecError> {
        let entry = find(kind).ok_or_else(|| SpecError::UnknownKind { kind: kind.to_owned() })?;
        let options = Options::check(entry.options, given).map_err(SpecError::Options)?;
        // what only the whole can tell (two options that do not go together) shows when one is made
        let mut nowhere = Common::new(Timestamp::from_millis(0), Interval::LONGEST, Calendar::Utc);
        (entry.build)(&options, &mut nowhere).map_err(|error| SpecError::Options(vec![error]))?;
        Ok(Self { entry, options })
    }

    /// The kind's entry in the table.
    pub fn entry(&self) -> &'static Entry {
        self.entry
    }

    /// The checked options.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// A detector for one series.
    pub(crate) fn detector(&self, common: &mut Common) -> Box<dyn Detector> {
        // the options alone decide whether one can be made, and `new` made one
        (self.entry.build)(&self.options, common).expect("options that were found good")
    }

    /// For how many milliseconds it looks at a batch, from its start or from when what is expected of it is over: by the option
    /// `within`. None where it judges at all times.
    pub fn looks_ms(&self) -> Option<i64> {
        self.options.count("within").map(|minutes| i64::from(minutes) * 60_000)
    }

    /// How many samples without a gap it needs before the first verdict.
    pub fn warm_up(&self, interval: Interval) -> usize {
        (self.entry.warm_up)(&self.options, interval)
    }
}

/// Every kind of detector, in the order of the documentation.
pub fn all() -> &'static [Entry] {
    kinds::ALL
}

/// The entry of `kind`.
pub fn find(kind: &str) -> Option<&'static Entry> {
    all().iter().find(|entry| entry.kind == kind)
}

/// Why there is no such detector.
#[derive(Debug, Clone, PartialEq)]
pub enum SpecError {
    /// The kind is not in the table.
    UnknownKind {
        /// What was asked for.
        kind: String,
    },
    /// The options are wrong.
    Options(Vec<OptionError>),
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownKind { kind } => {
                let known: Vec<_> = all().iter().map(|entry| entry.kind).collect();
                write!(f, "unknown detector {kind:?}, expected one of: {}", known.join(", "))
            }
            Self::Options(errors) => {
                let text: Vec<_> = errors.iter().map(ToString::to_string).collect();
                f.write_str(&text.join("; "))
            }
        }
    }
}

impl std::error::Error for SpecError {}
