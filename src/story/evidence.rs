//! The numbers behind what a gate decided, as its record has them.

use super::words::{ago, columns, near};
use crate::text;
use quietgate_detectors::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A required series, as a gate saw it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeriesSeen {
    /// Its name, with its labels.
    pub series: String,
    /// Of how many series this tells that are alike; none where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more: Option<u64>,
    /// What it was found to be: `clean`, `suspect`, `anomalous`, `expected`, `unknown(reason)`.
    pub condition: String,
    /// Since when it was suspect or anomalous, in RFC 3339.
    pub since: Option<String>,
    /// The beginning of its clean window, in RFC 3339.
    pub clean_since: Option<String>,
    /// How many samples the clean window had.
    pub samples: Option<u64>,
    /// Until when it was expected to move, in RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// The time of its newest sample, in RFC 3339; none where there was none.
    pub at: Option<String>,
    /// How old that sample was when the gate decided, in milliseconds.
    pub age_ms: Option<i64>,
    /// Its value; none where it had none.
    pub value: Option<f64>,
    /// What the detectors that fired said of it.
    #[serde(default)]
    pub votes: Vec<Vote>,
    /// What detectors had to tell of it although they found it normal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<Lacking>,
    /// The detectors by which it was unknown, and what they lacked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<Lacking>,
    /// The detectors by which it would be unknown once a batch starts, and what they lacked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub start: Vec<Lacking>,
    /// What the slow layer found; none where it did not judge the series.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow: Option<SlowSeen>,
}

/// A series, as the slow layer saw it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SlowSeen {
    /// What it was found to be, in the same words.
    pub condition: String,
    /// Since when it was suspect or anomalous, in RFC 3339.
    pub since: Option<String>,
    /// What its detectors that fired said of the newest sample.
    #[serde(default)]
    pub votes: Vec<Vote>,
    /// The detectors by which it was unknown, and what they lacked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<Lacking>,
}

/// A detector without a verdict, or one that tells something although it finds nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lacking {
    /// Its kind.
    pub detector: String,
    /// `unknown(reason)` or `normal`.
    pub verdict: String,
    /// What it lacked and what would end that, or what it tells, in words; none where the reason says it all.
    pub words: Option<String>,
}

/// What a detector said of a sample.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Vote {
    /// The detector's kind.
    pub detector: String,
    /// Its verdict.
    pub verdict: String,
    /// The lowest value that is expected; none where there is no limit below.
    pub lower: Option<f64>,
    /// The highest value that is expected; none where there is no limit above.
    pub upper: Option<f64>,
    /// How far out the value is; beyond 1 it fires.
    pub score: Option<f64>,
    /// On how many samples it rests.
    pub points: Option<u64>,
    /// The same in words.
    pub words: Option<String>,
}

/// The series in the `evidence` of a record of `at`, those that are not clean first, and those that are merely counted last. What is of another form is told as
/// it stands.
pub(super) fn series(evidence: &Value, at: Timestamp) -> Vec<SeriesSeen> {
    let read = |value: &Value| SeriesSeen::deserialize(value).unwrap_or_else(|_| SeriesSeen::odd(value));
    let mut out: Vec<_> = evidence.as_array().into_iter().flatten().map(read).collect();
    for series in &mut out {
        let newest = series.at.as_deref().and_then(time);
        series.age_ms = newest.map(|newest| at.as_millis().saturating_sub(newest.as_millis()));
    }
    out.sort_by_key(|series| {
        let is_clean = series.condition == "clean" && series.start.is_empty() && !series.is_slowly_moving();
        (series.more.is_some(), is_clean)
    });
    out
}

/// The series as a table, with what the detectors said below each; `at` is when the gate decided.
pub(super) fn table(series: &[SeriesSeen], at: Timestamp) -> Vec<String> {
    let mut rows = vec![["series", "condition", "newest", "age", "value"].map(str::to_owned).to_vec()];
    rows.extend(series.iter().map(|series| series.row(at)));
    let mut lines = columns(&rows).into_iter();
    let mut out: Vec<String> = lines.next().into_iter().collect();
    for (series, line) in series.iter().zip(lines) {
        out.push(line);
        out.extend(said("    ", &series.votes, &series.unknown));
        let told = series.told.iter().map(|told| format!("    told, not held for: {}", told.said()));
        out.extend(told);
        let start = series.start.iter().map(|lacking| format!("    once a batch starts {}", lacking.said()));
        out.extend(start);
        out.extend(series.slow.iter().flat_map(|slow| slow.lines(at)));
    }
    out
}

/// A line each for what detectors said, behind a margin.
fn said<'a>(
    margin: &'a str,
    votes: &'a [Vote],
    unknown: &'a [Lacking],
) -> impl Iterator<Item = String> + use<'a> {
    let lines = votes.iter().map(Vote::said).chain(unknown.iter().map(Lacking::said));
    lines.map(move |line| format!("{margin}{line}"))
}

impl SeriesSeen {
    fn odd(value: &Value) -> Self {
        Self {
            series: value.to_string(),
            condition: "of a form that this version of the program does not know".to_owned(),
            more: None,
            since: None,
            clean_since: None,
            samples: None,
            at: None,
            age_ms: None,
            value: None,
            until: None,
            votes: Vec::new(),
            told: Vec::new(),
            unknown: Vec::new(),
            start: Vec::new(),
            slow: None,
        }
    }

    /// Whether the slow layer found something.
    fn is_slowly_moving(&self) -> bool {
        self.slow.as_ref().is_some_and(|slow| ["suspect", "anomalous"].contains(&slow.condition.as_str()))
    }

    fn row(&self, at: Timestamp) -> Vec<String> {
        let clock = |text: &Option<String>| clock(text.as_deref(), at);
        let since = clock(&self.since).or_else(|| clock(&self.clean_since));
        let since = since.map(|since| format!(" since {since}"));
        let since = since.or_else(|| Some(format!(" until {}", clock(&self.until)?))).unwrap_or_default();
        let none = || if self.more.is_some() { String::new() } else { "none".to_owned() };
        vec![
            self.series.clone(),
            format!("{}{since}", self.condition),
            clock(&self.at).unwrap_or_else(none),
            self.at.as_deref().and_then(time).map_or_else(none, |newest| ago(newest, at)),
            self.value.map_or_else(none, text::number),
        ]
    }
}

impl SlowSeen {
    fn lines(&self, at: Timestamp) -> Vec<String> {
        if self.condition == "clean" {
            return Vec::new();
        }
        let since = clock(self.since.as_deref(), at).map(|since| format!(" since {since}"));
        let first = format!("    by the slow layer {}{}", self.condition, since.unwrap_or_default());
        std::iter::once(first).chain(said("      ", &self.votes, &self.unknown)).collect()
    }
}

/// A time of a record as it is told beside `at`; what is no time, as it stands.
fn clock(text: Option<&str>, at: Timestamp) -> Option<String> {
    text.map(|text| time(text).map_or_else(|| text.to_owned(), |time| near(time, at)))
}

impl Lacking {
    /// `counts unknown(warming_up): it needs 120 samples first; …`.
    fn said(&self) -> String {
        let words = self.words.as_ref().map(|words| format!(": {words}")).unwrap_or_default();
        format!("{} {}{words}", self.detector, self.verdict)
    }
}

impl Vote {
    /// `surge by ls: 12.3 is beyond …; expected up to 4.5, score 2.1, 300 samples`.
    fn said(&self) -> String {
        let words = self.words.as_ref().map(|words| format!(": {words}")).unwrap_or_default();
        let mut numbers = Vec::new();
        match (self.lower, self.upper) {
            (Some(lower), Some(upper)) => {
                numbers.push(format!("expected {} to {}", text::number(lower), text::number(upper)));
            }
            (Some(lower), None) => numbers.push(format!("expected from {}", text::number(lower))),
            (None, Some(upper)) => numbers.push(format!("expected up to {}", text::number(upper))),
            (None, None) => {}
        }
        numbers.extend(self.score.map(|score| format!("score {}", text::number(score))));
        // a fixed limit rests on none
        let points = self.points.filter(|points| *points > 0);
        numbers.extend(points.map(|points| format!("by {}", text::counted(points, "sample", "samples"))));
        let numbers = if numbers.is_empty() { String::new() } else { format!(" ({})", numbers.join(", ")) };
        format!("{} {}{words}{numbers}", self.detector, self.verdict)
    }
}

fn time(text: &str) -> Option<Timestamp> {
    let at: jiff::Timestamp = text.parse().ok()?;
    Some(Timestamp::from_millis(at.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_merely_counted_stands_behind_all_that_is_named() {
        let evidence = json!([
            {"series": "loss{host=\"h1\"}", "condition": "clean", "at": "1970-01-01T00:00:01Z", "value": 0.0},
            {"series": "loss{host=\"h2\"}", "condition": "anomalous", "at": "1970-01-01T00:00:01Z", "value": 9.0},
            {"series": "and 40 more of loss", "condition": "anomalous", "more": 40},
            {"series": "and 60,000 more of loss", "condition": "clean", "more": 60000},
        ]);
        let at = Timestamp::from_millis(2000);
        let seen = series(&evidence, at);
        let names: Vec<_> = seen.iter().map(|series| series.series.as_str()).collect();
        let counted = ["and 40 more of loss", "and 60,000 more of loss"];
        assert_eq!(names, ["loss{host=\"h2\"}", "loss{host=\"h1\"}", counted[0], counted[1]]);
        assert_eq!(
            seen.iter().map(|series| series.more).collect::<Vec<_>>(),
            [None, None, Some(40), Some(60000)]
        );
        let lines = table(&seen, at);
        let row: Vec<_> = lines[3].split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
        assert_eq!(row, [counted[0], "anomalous"], "it has no sample of its own: {lines:?}");
        let written = json!(seen[0]);
        assert_eq!(written.get("more"), None, "a series that is named is written as before");
    }
}
