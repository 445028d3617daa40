//! Findings and verdicts as text, JSON lines and CSV.

use super::report::FindingView;
use super::series::{Outcome, Row};
use crate::text;
use jiff::tz::TimeZone;
use quietgate_detectors::{Spec, Verdict};
use std::io::{self, Write};

/// The form of what is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
    /// A table with a header.
    Csv,
}

/// The columns of findings as CSV. `labelled` is empty without labels.
const FINDING_COLUMNS: [&str; 14] = [
    "id",
    "from",
    "until",
    "found",
    "series",
    "direction",
    "samples",
    "value",
    "lower",
    "upper",
    "score",
    "by",
    "labelled",
    "words",
];

/// Writes findings, one a line, in the order given.
///
/// # Errors
/// What writing returns.
pub fn findings(
    findings: &[FindingView],
    format: Format,
    zone: &TimeZone,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        Format::Text => {
            findings.iter().try_for_each(|finding| writeln!(out, "{}", finding_text(finding, zone)))
        }
        Format::Json => findings.iter().try_for_each(|finding| json_line(out, "finding", finding)),
        Format::Csv => {
            let mut table = csv::Writer::from_writer(out);
            table.write_record(FINDING_COLUMNS).map_err(plain)?;
            findings.iter().try_for_each(|f| table.write_record(finding_record(f))).map_err(plain)?;
            table.flush()
        }
    }
}

/// Writes `value`, a struct or map, as one line of JSON with `kind` in front.
///
/// # Errors
/// What writing returns.
pub fn json_line(out: &mut dyn Write, kind: &str, value: &impl serde::Serialize) -> io::Result<()> {
    #[derive(serde::Serialize)]
    struct Line<'a, T> {
        kind: &'a str,
        #[serde(flatten)]
        value: &'a T,
    }
    let line = text::plain_json(serde_json::to_string(&Line { kind, value })?);
    writeln!(out, "{line}")
}

/// The error of the writer below, which knows of a reader that went away; `csv` wraps it.
fn plain(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        kind => io::Error::other(format!("{kind:?}")),
    }
}

/// A name for each detector: its kind, and from the second of a kind on a number behind it.
pub fn detector_names(detectors: &[Spec]) -> Vec<String> {
    let name = |(place, detector): (usize, &Spec)| {
        let kind = detector.entry().kind;
        match detectors[..place].iter().filter(|other| other.entry().kind == kind).count() {
            0 => kind.to_owned(),
            before => format!("{kind}_{}", before + 1),
        }
    };
    detectors.iter().enumerate().map(name).collect()
}

/// `F1  2024-03-09 08:01 – 08:26 UTC (25 min)  vip1  drop  by chain, ls  value 120 is below 312 = …`
fn finding_text(finding: &FindingView, zone: &TimeZone) -> String {
    let FindingView { id, series, from_ms, until_ms, .. } = finding;
    let span = text::time_span(*from_ms, *until_ms, zone);
    let duration = text::duration(until_ms - from_ms);
    let by = finding.by.join(", ");
    let labelled = match finding.labelled {
        Some(true) => "  labelled",
        Some(false) => "  not labelled",
        None => "",
    };
    let words = loudest(finding);
    let series = text::plain(series);
    format!("{id}  {span} ({duration})  {series}  {}  by {by}{labelled}  {words}", finding.direction.word())
}

/// What the detector says whose limits are shown; all say it in the report.
fn loudest(finding: &FindingView) -> &str {
    let of_band = finding.words.iter().find(|words| words.detector == finding.picture.band_of);
    of_band.or(finding.words.first()).map_or("", |words| &words.sentence)
}

fn finding_record(finding: &FindingView) -> [String; 14] {
    let number = |value: Option<f64>| value.map(|v| v.to_string()).unwrap_or_default();
    [
        finding.id.clone(),
        text::rfc3339(finding.from_ms),
        text::rfc3339(finding.until_ms),
        text::rfc3339(finding.found_ms),
        text::cell(&finding.series).into_owned(),
        finding.direction.word().to_owned(),
        finding.samples.to_string(),
        finding.value.to_string(),
        number(finding.lower),
        number(finding.upper),
        finding.score.to_string(),
        finding.by.join(" "),
        finding.labelled.map(|labelled| labelled.to_string()).unwrap_or_default(),
        text::cell(loudest(finding)).into_owned(),
    ]
}

/// Writes one row a sample: what every detector and every rule said of its cell.
#[derive(Debug)]
pub struct AllRows {
    format: Format,
    scores: bool,
    head_written: bool,
}

impl AllRows {
    /// Nothing written yet. With `scores` there is a column more for each detector; the series must be judged with these
    /// ([`Want::Scores`](super::Want::Scores)).
    pub fn new(format: Format, scores: bool) -> Self {
        Self { format, scores, head_written: false }
    }

    /// Writes the rows of one series. All series written must have the same detectors and rules.
    ///
    /// # Errors
    /// What writing returns.
    pub fn write(&mut self, series: &str, outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
        let columns = Columns::of(outcome, self.scores);
        match self.format {
            Format::Csv => self.csv(series, outcome, &columns, out),
            Format::Json => json_rows(series, outcome, &columns, out),
            Format::Text => text_rows(series, outcome, &columns, out),
        }
    }

    fn csv(
        &mut self,
        series: &str,
        outcome: &Outcome,
        columns: &Columns,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let mut table = csv::Writer::from_writer(out);
        if !std::mem::replace(&mut self.head_written, true) {
            let names = columns.names.iter().chain(&columns.scores).map(String::as_str);
            table.write_record(["timestamp", "series", "value"].into_iter().chain(names)).map_err(plain)?;
        }
        let series = text::cell(series);
        let sign = |verdict: Option<i8>| verdict.map(|sign| sign.to_string()).unwrap_or_default();
        let number = |value: Option<f64>| value.map(|v| v.to_string()).unwrap_or_default();
        for ((at_ms, value, signs), row) in columns.rows(outcome).zip(&outcome.rows) {
            let sample = [text::rfc3339(at_ms), series.to_string(), number(value)];
            let scores = columns.scores_of(outcome, row).map(number);
            table.write_record(sample.into_iter().chain(signs.map(sign)).chain(scores)).map_err(plain)?;
        }
        table.flush()
    }
}

/// What is stated of a cell: by the detectors, then by the rules in the order of their registry.
struct Columns {
    names: Vec<String>,
    /// Where each is found among the verdicts of the detectors and, after them, of the rules.
    places: Vec<usize>,
    /// The columns of the scores, one a detector; none where they are not wanted.
    scores: Vec<String>,
}

impl Columns {
    fn of(outcome: &Outcome, scores: bool) -> Self {
        let mut names = detector_names(&outcome.spec.detectors());
        let scored = if scores { names.as_slice() } else { &[] };
        let scores = scored.iter().map(|name| format!("{name}_score")).collect();
        let mut places: Vec<usize> = (0..names.len()).collect();
        let rules = outcome.spec.rules.iter().map(|rule| rule.entry().kind);
        let mut rules: Vec<_> = (names.len()..).zip(rules).collect();
        let known = quietgate_rules::all();
        rules.sort_by_key(|(_, kind)| known.iter().position(|entry| entry.kind == *kind));
        names.extend(rules.iter().map(|(_, kind)| (*kind).to_owned()));
        places.extend(rules.iter().map(|(place, _)| place));
        Self { names, places, scores }
    }

    /// The scores stated of a sample, one for each of their columns.
    fn scores_of<'a>(&self, outcome: &'a Outcome, row: &Row) -> impl Iterator<Item = Option<f64>> + use<'a> {
        let scores: &[_] = row.cell.map_or(&[], |index| &outcome.cells[index].scores);
        (0..self.scores.len()).map(|column| scores.get(column).copied().flatten())
    }

    /// Each sample with its value, if it has one, and the sign of each column.
    fn rows<'a>(
        &'a self,
        outcome: &'a Outcome,
    ) -> impl Iterator<Item = (i64, Option<f64>, impl Iterator<Item = Option<i8>> + 'a)> {
        outcome.rows.iter().map(move |row| {
            let cell = row.cell.map(|index| &outcome.cells[index]);
            let sign = move |place: &usize| -> Option<i8> {
                let cell = cell?;
                cell.verdicts.iter().chain(&cell.combined).nth(*place).copied().and_then(Verdict::sign)
            };
            let value = Some(row.sample.value).filter(|value| value.is_finite());
            (row.sample.at.as_millis(), value, self.places.iter().map(sign))
        })
    }
}

fn json_rows(series: &str, outcome: &Outcome, columns: &Columns, out: &mut dyn Write) -> io::Result<()> {
    for ((at_ms, value, signs), row) in columns.rows(outcome).zip(&outcome.rows) {
        let mut line = serde_json::Map::new();
        line.insert("timestamp".into(), text::rfc3339(at_ms).into());
        line.insert("series".into(), series.into());
        line.insert("value".into(), value.into());
        line.extend(columns.names.iter().cloned().zip(signs.map(serde_json::Value::from)));
        let scores = columns.scores_of(outcome, row).map(serde_json::Value::from);
        line.extend(columns.scores.iter().cloned().zip(scores));
        let finding = row.cell.map(|index| outcome.cells[index].finding.to_string());
        line.insert("finding".into(), finding.unwrap_or_else(|| "unknown(out_of_order)".to_owned()).into());
        json_line(out, "sample", &line)?;
    }
    Ok(())
}

fn text_rows(series: &str, outcome: &Outcome, columns: &Columns, out: &mut dyn Write) -> io::Result<()> {
    let series = text::plain(series);
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |v| v.to_string());
    for ((at_ms, value, signs), row) in columns.rows(outcome).zip(&outcome.rows) {
        write!(out, "{}  {series}  {}", text::rfc3339(at_ms), number(value))?;
        for (name, sign) in columns.names.iter().zip(signs) {
            let word = match sign {
                Some(0) => "normal",
                Some(1) => "surge",
                Some(_) => "drop",
                None => "unknown",
            };
            write!(out, "  {name}={word}")?;
        }
        for (name, score) in columns.scores.iter().zip(columns.scores_of(outcome, row)) {
            write!(out, "  {name}={}", number(score))?;
        }
        writeln!(out)?;
    }
    Ok(())
}
