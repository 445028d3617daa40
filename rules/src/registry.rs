//! The table of rules, and a rule as it is configured.

use crate::combiner::Combiner;
use crate::direction::Direction;
use crate::kinds;
use crate::sustain::Sustain;
use quietgate_detectors::{OptionDoc, OptionError, OptionValue, Options, Spec, SpecError, Verdict};
use std::fmt;

/// Combines the verdicts of several detectors on one cell into one.
///
/// Promises that `tests/truth_tables.rs` holds: what has no verdict never counts as normal where a verdict
/// could change the outcome, unless the kind says so; nothing but the verdicts and the period decides.
pub trait Rule: fmt::Debug + Send + Sync {
    /// The combined verdict on one cell. `verdicts` has one entry a detector, in the order of the rule.
    fn combine(&self, verdicts: &[Verdict], periodic: bool) -> Verdict;

    /// The variance threshold of the period test, where the rule asks for it.
    fn period(&self) -> Option<f64> {
        None
    }
}

/// The most detectors that one rule may combine.
pub const VOTERS_MAX: usize = 16;

/// A kind of rule.
#[derive(Debug)]
pub struct Entry {
    /// Its name in files and output.
    pub kind: &'static str,
    /// What it asks for, in at most 80 characters.
    pub summary: &'static str,
    /// How it combines, and what it does with unknown verdicts.
    pub about: &'static str,
    /// Its options.
    pub options: &'static [OptionDoc],
    /// The detectors it takes where none are named; none where they must be named.
    pub default_detectors: &'static [&'static str],
    /// Makes one for these detectors.
    pub build: Build,
}

/// Makes a rule from checked options, or says why these options and detectors do not go together.
pub type Build = fn(&Options, &[Spec]) -> Result<Box<dyn Rule>, OptionError>;

/// A rule as it is configured, found good.
#[derive(Debug, Clone)]
pub struct RuleSpec {
    entry: &'static Entry,
    options: Options,
    detectors: Vec<Spec>,
    /// Which way is harmful.
    pub direction: Direction,
    /// How long a verdict must last to become a finding.
    pub sustain: Sustain,
}

impl PartialEq for RuleSpec {
    fn eq(&self, other: &Self) -> bool {
        self.entry.kind == other.entry.kind
            && self.options == other.options
            && self.detectors == other.detectors
            && self.direction == other.direction
            && self.sustain == other.sustain
    }
}

impl RuleSpec {
    /// The rule `kind` over `detectors`, or over those the kind takes where none are given.
    ///
    /// # Errors
    /// An unknown kind; every mistake in the options; too few or too many detectors.
    pub fn new(
        kind: &str,
        given: &[(String, OptionValue)],
        detectors: Vec<Spec>,
        direction: Direction,
        sustain: Sustain,
    ) -> Result<Self, RuleError> {
        let entry = find(kind).ok_or_else(|| RuleError::UnknownKind { kind: kind.to_owned() })?;
        let options = Options::check(entry.options, given).map_err(RuleError::Options)?;
        let detectors = if detectors.is_empty() { default_detectors(entry)? } else { detectors };
        if detectors.is_empty() {
            return Err(RuleError::NoDetectors { kind: entry.kind });
        }
        if detectors.len() > VOTERS_MAX {
            return Err(RuleError::TooMany { detectors: detectors.len() });
        }
        (entry.build)(&options, &detectors).map_err(|error| RuleError::Options(vec![error]))?;
        Ok(Self { entry, options, detectors, direction, sustain })
    }

    /// The kind's entry in the table.
    pub fn entry(&self) -> &'static Entry {
        self.entry
    }

    /// The checked options of the kind.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The detectors it combines, in order.
    pub fn detectors(&self) -> &[Spec] {
        &self.detectors
    }

    /// For how many milliseconds any of its detectors looks at a batch: see [`Spec::looks_ms`]. None where all judge at all times.
    pub fn looks_ms(&self) -> Option<i64> {
        self.detectors.iter().filter_map(Spec::looks_ms).max()
    }

    /// The rule at work.
    pub fn combiner(&self) -> Combiner {
        // the options and detectors alone decide whether one can be made, and `new` made one
        let rule = (self.entry.build)(&self.options, &self.detectors).expect("options that were found good");
        Combiner::new(rule.into(), self.direction, self.detectors.len())
    }
}

/// `majority of ss, ls; sustain 2 of 3; direction either`.
impl fmt::Display for RuleSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.detectors.iter().map(|d| d.entry().kind).collect();
        let (kind, names) = (self.entry.kind, names.join(", "));
        write!(f, "{kind} of {names}; sustain {}; direction {}", self.sustain, self.direction)
    }
}

fn default_detectors(entry: &Entry) -> Result<Vec<Spec>, RuleError> {
    entry.default_detectors.iter().map(|kind| Spec::new(kind, &[]).map_err(RuleError::Detector)).collect()
}

/// Every kind of rule, in the order of the documentation.
pub fn all() -> &'static [Entry] {
    kinds::ALL
}

/// The entry of `kind`.
pub fn find(kind: &str) -> Option<&'static Entry> {
    all().iter().find(|entry| entry.kind == kind)
}

/// Why there is no such rule.
#[derive(Debug, Clone, PartialEq)]
pub enum RuleError {
    /// The kind is not in the table.
    UnknownKind {
        /// What was asked for.
        kind: String,
    },
    /// The options are wrong.
    Options(Vec<OptionError>),
    /// A detector is wrong.
    Detector(SpecError),
    /// The kind needs its detectors named.
    NoDetectors {
        /// The kind.
        kind: &'static str,
    },
    /// More detectors than a rule may combine.
    TooMany {
        /// How many were given.
        detectors: usize,
    },
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownKind { kind } => {
                let known: Vec<_> = all().iter().map(|entry| entry.kind).collect();
                write!(f, "unknown rule {kind:?}, expected one of: {}", known.join(", "))
            }
            Self::Options(errors) => {
                let text: Vec<_> = errors.iter().map(ToString::to_string).collect();
                f.write_str(&text.join("; "))
            }
            Self::Detector(error) => error.fmt(f),
            Self::NoDetectors { kind } => {
                write!(f, "rule {kind} needs its detectors named: detectors: [ss, ls, ...]")
            }
            Self::TooMany { detectors } => {
                write!(f, "the rule has {detectors} detectors, allowed are at most {VOTERS_MAX}")
            }
        }
    }
}

impl std::error::Error for RuleError {}
