//! What a detector states: a verdict, and the numbers it rests on.

use std::fmt;

/// A detector's statement about one sample. One byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Within the limits in force.
    Normal,
    /// Beyond the upper limit.
    Surge,
    /// Beyond the lower limit.
    Drop,
    /// No statement can be made. Never counts as normal.
    Unknown(Reason),
}

impl Verdict {
    /// `true` for surge and drop.
    pub const fn fired(self) -> bool {
        matches!(self, Self::Surge | Self::Drop)
    }

    /// `true` for unknown, whatever the reason.
    pub const fn is_unknown(self) -> bool {
        matches!(self, Self::Unknown(_))
    }

    /// 1 for surge, -1 for drop, 0 for normal, nothing for unknown.
    pub const fn sign(self) -> Option<i8> {
        match self {
            Self::Surge => Some(1),
            Self::Drop => Some(-1),
            Self::Normal => Some(0),
            Self::Unknown(_) => None,
        }
    }

    /// The verdict of a value that is beyond its limits (`fires`) and `above` or below them.
    #[inline(always)]
    pub(crate) const fn of(fires: bool, above: bool) -> Self {
        let way = if above { Self::Surge } else { Self::Drop };
        if fires { way } else { Self::Normal }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Normal => f.write_str("normal"),
            Self::Surge => f.write_str("surge"),
            Self::Drop => f.write_str("drop"),
            Self::Unknown(reason) => write!(f, "unknown({reason})"),
        }
    }
}

/// Why there is no verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// There is no sample.
    NoData,
    /// The newest sample is too old.
    Stale,
    /// The source cannot be asked.
    SourceDown,
    /// The first samples, before a detector may judge.
    WarmingUp,
    /// What the detector compares with has holes: a gap in the look-back, a change from zero.
    Partial,
    /// Two values at one time.
    Conflicting,
    /// The value is not a finite number.
    NotANumber,
    /// The sample came later than `lateness` allows.
    OutOfOrder,
    /// A counter went back to a lower value.
    CounterReset,
}

impl Reason {
    /// Every reason, in the order of the glossary.
    pub const ALL: [Self; 9] = [
        Self::NoData,
        Self::Stale,
        Self::SourceDown,
        Self::WarmingUp,
        Self::Partial,
        Self::Conflicting,
        Self::NotANumber,
        Self::OutOfOrder,
        Self::CounterReset,
    ];

    /// The word used in every output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::NoData => "no_data",
            Self::Stale => "stale",
            Self::SourceDown => "source_down",
            Self::WarmingUp => "warming_up",
            Self::Partial => "partial",
            Self::Conflicting => "conflicting",
            Self::NotANumber => "not_a_number",
            Self::OutOfOrder => "out_of_order",
            Self::CounterReset => "counter_reset",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A verdict with the numbers behind it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judgement {
    /// The statement.
    pub verdict: Verdict,
    /// The numbers; none where the verdict is unknown.
    pub evidence: Option<Evidence>,
}

/// The numbers a verdict rests on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence {
    /// The value judged.
    pub value: f64,
    /// The lower limit in force; minus infinity where there is none.
    pub lower: f64,
    /// The upper limit in force; infinity where there is none.
    pub upper: f64,
    /// How odd the value is: finite, at least 0; above 1 is beyond a limit.
    pub score: f64,
    /// How many earlier samples (days, for what compares days) the limits rest on.
    pub points: u32,
    /// The number the limits are made from, as the detector's words name it.
    pub basis: f64,
}

impl Evidence {
    /// The same with a score that may be stated: not a number is 0, infinite is [`SCORE_MAX`].
    #[inline(always)]
    pub(crate) fn bounded(self) -> Self {
        // `max` takes the other side where one is not a number
        let score = if self.score == f64::INFINITY { SCORE_MAX } else { self.score.max(0.0) };
        Self { score, ..self }
    }
}

/// The score of what is infinitely far beyond its limit.
pub(crate) const SCORE_MAX: f64 = 1e6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_one_byte() {
        assert_eq!(size_of::<Verdict>(), 1);
    }

    #[test]
    fn a_score_is_always_finite() {
        let bounded = |score| {
            let evidence = Evidence { value: 0.0, lower: 0.0, upper: 0.0, score, points: 0, basis: 0.0 };
            evidence.bounded().score
        };
        assert_eq!(bounded(f64::NAN), 0.0);
        assert_eq!(bounded(f64::INFINITY), SCORE_MAX);
        assert_eq!(bounded(3e7), 3e7);
        assert_eq!(bounded(-1.0), 0.0);
    }

    #[test]
    fn words_are_distinct() {
        let words: std::collections::BTreeSet<_> = Reason::ALL.iter().map(|r| r.word()).collect();
        assert_eq!(words.len(), Reason::ALL.len());
    }
}
