//! What a report says, as plain data: the page and `findings.json` are made from this and nothing else.
//!
//! Times are UTC milliseconds since 1970 here and RFC 3339 strings in JSON; a limit that does not exist is
//! `None` here and `null` there. Values that are not finite become `null` too.

use quietgate_detectors::Verdict;
use serde::{Serialize, Serializer};

use crate::text;

/// Everything a report says about one backtest.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Report {
    /// The files judged, as they were named on the command line.
    pub inputs: Vec<String>,
    /// The rule in words: `majority of ss, ls, ewma3sigma, chain, ca; sustain 2 of 3; either direction`.
    pub rule: String,
    /// From the first sample of all series until the end of the last one; none where there is no sample.
    pub span: Option<Span>,
    /// The name of the zone in which times are shown and days begin: `UTC`, `Europe/Berlin`.
    pub time_zone: String,
    /// One line for each series judged, in any order: the page sorts them.
    pub series: Vec<SeriesSummary>,
    /// The series that could not be judged, each with the reason.
    pub not_judged: Vec<SeriesLeftOut>,
    /// What was wrong with the data, one line for each kind of fault that occurred.
    pub faults: Vec<FaultLine>,
    /// How good the findings are; none without labels.
    pub score: Option<Score>,
    /// The findings that are shown, in the order in which they are shown.
    pub findings: Vec<FindingView>,
    /// How many findings there are beyond those shown.
    pub findings_left_out: u64,
    /// `true` where the backtest was stopped before all was judged.
    pub interrupted: bool,
}

/// A stretch of time: from its first millisecond until the first one after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Span {
    /// The beginning, inclusive.
    #[serde(rename = "from", serialize_with = "rfc3339")]
    pub from_ms: i64,
    /// The end, exclusive: the time of the last sample plus one interval.
    #[serde(rename = "until", serialize_with = "rfc3339")]
    pub until_ms: i64,
}

impl Span {
    /// How long it is in milliseconds; 0 where it ends before it begins.
    pub const fn len_ms(self) -> i64 {
        let len = self.until_ms.saturating_sub(self.from_ms);
        if len > 0 { len } else { 0 }
    }
}

/// One series in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SeriesSummary {
    /// The name of the series.
    pub name: String,
    /// Nominal spacing of its samples.
    pub interval_ms: i64,
    /// Samples read.
    pub samples: u64,
    /// Intervals about which the rule made a statement.
    pub judged: u64,
    /// Intervals about which nothing can be said: no sample, warm-up, not a number.
    pub unknown: u64,
    /// Intervals without a sample, between the first and the last one; they are unknown too.
    pub missing: u64,
    /// Findings that are anomalous.
    pub anomalies: u64,
    /// Samples within these findings.
    pub anomalous_samples: u64,
}

/// One series that could not be judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SeriesLeftOut {
    /// The name of the series.
    pub name: String,
    /// Samples read.
    pub samples: u64,
    /// Why it could not be judged, in words.
    pub reason: String,
}

/// One kind of data fault, counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FaultLine {
    /// What is wrong: `duplicate time`, `out of order`.
    pub kind: String,
    /// How often it occurred.
    pub count: u64,
    /// The first few, each with file and line.
    pub examples: Vec<String>,
}

/// Findings compared with labels, by event. Ratios are from 0 to 1 and missing where they would divide by
/// nothing; delays are over the labelled anomalies that were caught.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Score {
    /// The share of findings that lie in a labelled window.
    pub precision: Option<f64>,
    /// The share of labelled windows in which there is a finding.
    pub recall: Option<f64>,
    /// The harmonic mean of both.
    pub f1: Option<f64>,
    /// Labelled windows.
    pub labelled: u64,
    /// Labelled windows in which there is a finding.
    pub caught: u64,
    /// Findings outside all labelled windows.
    pub false_holds: u64,
    /// False holds for each day of each series judged.
    pub false_holds_a_day: Option<f64>,
    /// Median of the samples from the beginning of a labelled window to its finding.
    pub delay_samples_median: Option<f64>,
    /// Nine of ten delays are at most this many samples.
    pub delay_samples_p90: Option<f64>,
    /// Median delay in minutes.
    pub delay_minutes_median: Option<f64>,
    /// Nine of ten delays are at most this many minutes.
    pub delay_minutes_p90: Option<f64>,
}

/// Which way a series went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Above its upper limit.
    Surge,
    /// Below its lower limit.
    Drop,
}

impl Direction {
    /// The word used in every output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Surge => "surge",
            Self::Drop => "drop",
        }
    }
}

/// One anomalous stretch of one series.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FindingView {
    /// A name that stays the same from run to run over the same input: `F1`.
    pub id: String,
    /// The series it is in.
    pub series: String,
    /// Which way it went.
    pub direction: Direction,
    /// The first anomalous sample.
    #[serde(rename = "from", serialize_with = "rfc3339")]
    pub from_ms: i64,
    /// The end, exclusive: the last anomalous sample plus one interval.
    #[serde(rename = "until", serialize_with = "rfc3339")]
    pub until_ms: i64,
    /// When it had lasted long enough to be a finding.
    #[serde(rename = "found", serialize_with = "rfc3339")]
    pub found_ms: i64,
    /// How many samples it lasted.
    pub samples: u64,
    /// The detectors that fired, in the order of the registry.
    pub by: Vec<String>,
    /// What each detector said at the peak.
    pub words: Vec<Words>,
    /// The sample with the highest score.
    #[serde(rename = "peak", serialize_with = "rfc3339")]
    pub peak_ms: i64,
    /// Its value.
    pub value: f64,
    /// The lower limit that was in force there, if any.
    pub lower: Option<f64>,
    /// The upper limit that was in force there, if any.
    pub upper: Option<f64>,
    /// The highest score: above 1 is beyond a limit.
    pub score: f64,
    /// Whether it touches a labelled window; none without labels.
    pub labelled: Option<bool>,
    /// What the page draws. Left out of JSON: it repeats the input, and outweighs all else a hundredfold.
    #[serde(skip)]
    pub picture: Picture,
}

/// What one detector said about one sample.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Words {
    /// The detector's name.
    pub detector: String,
    /// Its verdict.
    pub verdict: Said,
    /// One sentence with the numbers: `value 812 is above 640 = 1.2 x the highest of 14 days at 08:01`.
    pub sentence: String,
}

/// A series around a finding, with what was expected of it and what was said about it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Picture {
    /// Nominal spacing of the points: half of it lies on either side of each.
    pub interval_ms: i64,
    /// The points in order of time, gaps as points without value or as missing points.
    pub points: Vec<Point>,
    /// The detector whose band is drawn; empty where there is no band.
    pub band_of: String,
    /// One row for each detector.
    pub votes: Vec<Vote>,
    /// The labelled windows of the series; those outside the picture are not drawn.
    pub labels: Vec<Span>,
    /// When batches started, likewise.
    pub starts_ms: Vec<i64>,
    /// When a gate was shut, likewise.
    pub held: Vec<Span>,
}

/// One interval of a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// When.
    pub at_ms: i64,
    /// The value; none in a gap.
    pub value: Option<f64>,
    /// The lower limit in force; none where it is unbounded or not known.
    pub lower: Option<f64>,
    /// The upper limit in force; none where it is unbounded or not known.
    pub upper: Option<f64>,
    /// What the rule found.
    pub state: State,
}

/// A finding without its reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nothing fired.
    Clean,
    /// Fired, not yet sustained.
    Suspect,
    /// Fired and sustained, and which way.
    Anomalous(Direction),
    /// Nothing can be said.
    Unknown,
}

/// The verdicts of one detector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vote {
    /// The detector's name.
    pub name: String,
    /// Its verdicts, one for each point of the picture, in the same order.
    pub verdicts: Vec<Said>,
}

/// A verdict without its reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Said {
    /// Within the limits.
    Normal,
    /// Above the upper limit.
    Surge,
    /// Below the lower limit.
    Drop,
    /// No statement.
    Unknown,
}

impl Said {
    /// The word used in every output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Surge => "surge",
            Self::Drop => "drop",
            Self::Unknown => "unknown",
        }
    }
}

impl From<Verdict> for Said {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Normal => Self::Normal,
            Verdict::Surge => Self::Surge,
            Verdict::Drop => Self::Drop,
            Verdict::Unknown(_) => Self::Unknown,
        }
    }
}

// serde hands over a reference, whatever the type
fn rfc3339<S: Serializer>(ms: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&text::rfc3339(*ms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use quietgate_detectors::Reason;

    #[test]
    fn a_span_is_never_shorter_than_nothing() {
        assert_eq!(Span { from_ms: 5, until_ms: 9 }.len_ms(), 4);
        assert_eq!(Span { from_ms: 9, until_ms: 5 }.len_ms(), 0);
        assert_eq!(Span { from_ms: i64::MIN, until_ms: i64::MAX }.len_ms(), i64::MAX);
    }

    #[test]
    fn a_verdict_keeps_its_word() {
        for verdict in [Verdict::Normal, Verdict::Surge, Verdict::Drop] {
            assert_eq!(Said::from(verdict).word(), verdict.to_string());
        }
        assert_eq!(Said::from(Verdict::Unknown(Reason::Stale)), Said::Unknown);
    }
}
