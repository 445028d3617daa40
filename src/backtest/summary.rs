//! What was judged, in a few lines: totals, data faults, scores.

use super::output::{Format, json_line};
use super::report::{Report, Score};
use crate::text;
use jiff::tz::TimeZone;
use serde::Serialize;
use std::io::{self, Write};

/// Writes the summary of `report`, with the scores of the labelled series by name.
///
/// # Errors
/// What writing returns.
pub fn write(
    report: &Report,
    scores: &[(&str, Score)],
    format: Format,
    zone: &TimeZone,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        Format::Json => json(report, scores, out),
        Format::Text | Format::Csv => in_words(report, scores, zone, out),
    }
}

#[derive(Serialize)]
struct Summary<'a> {
    rule: &'a str,
    time_zone: &'a str,
    span: Option<super::report::Span>,
    totals: Totals,
    series: &'a [super::report::SeriesSummary],
    not_judged: &'a [super::report::SeriesLeftOut],
    faults: &'a [super::report::FaultLine],
    score: Option<&'a Score>,
    interrupted: bool,
}

#[derive(Serialize)]
struct Totals {
    series: u64,
    samples: u64,
    findings: u64,
    judged: u64,
    unknown: u64,
    missing: u64,
}

impl Totals {
    fn of(report: &Report) -> Self {
        let sum = |of: fn(&super::report::SeriesSummary) -> u64| report.series.iter().map(of).sum();
        Self {
            series: report.series.len() as u64,
            samples: sum(|s| s.samples),
            findings: sum(|s| s.anomalies),
            judged: sum(|s| s.judged),
            unknown: sum(|s| s.unknown),
            missing: sum(|s| s.missing),
        }
    }
}

fn json(report: &Report, scores: &[(&str, Score)], out: &mut dyn Write) -> io::Result<()> {
    #[derive(Serialize)]
    struct OfSeries<'a> {
        series: &'a str,
        #[serde(flatten)]
        score: &'a Score,
    }
    scores.iter().try_for_each(|(series, score)| json_line(out, "score", &OfSeries { series, score }))?;
    let summary = Summary {
        rule: &report.rule,
        time_zone: &report.time_zone,
        span: report.span,
        totals: Totals::of(report),
        series: &report.series,
        not_judged: &report.not_judged,
        faults: &report.faults,
        score: report.score.as_ref(),
        interrupted: report.interrupted,
    };
    json_line(out, "summary", &summary)
}

fn in_words(
    report: &Report,
    scores: &[(&str, Score)],
    zone: &TimeZone,
    out: &mut dyn Write,
) -> io::Result<()> {
    let totals = Totals::of(report);
    let span = report.span.map(|span| format!(", {}", text::time_span(span.from_ms, span.until_ms, zone)));
    let series = text::counted(totals.series, "series", "series");
    let samples = text::counted(totals.samples, "sample", "samples");
    writeln!(out, "{series}, {samples}{}", span.unwrap_or_default())?;
    if report.series.is_empty() {
        return writeln!(out, "stopped before anything was judged");
    }
    writeln!(out, "judged by {}", report.rule)?;
    let found_in = report.series.iter().filter(|series| series.anomalies > 0).count() as u64;
    let cells = (totals.judged + totals.unknown).max(1);
    writeln!(
        out,
        "{} in {}; {} of the time unknown",
        text::counted(totals.findings, "finding", "findings"),
        text::counted(found_in, "series", "series"),
        text::share(totals.unknown as f64 / cells as f64)
    )?;
    not_judged(report, out)?;
    missing(report, totals.missing, out)?;
    for fault in &report.faults {
        let more = if fault.count > fault.examples.len() as u64 { "; …" } else { "" };
        let examples = fault.examples.join("; ");
        writeln!(out, "{} {}: {}{more}", text::count(fault.count), fault.kind, text::plain(&examples))?;
    }
    for (series, score) in scores {
        writeln!(out, "score of {}: {}", text::plain(series), score_in_words(score))?;
    }
    if let Some(score) = &report.score {
        writeln!(out, "score overall: {}", score_in_words(score))?;
    }
    if report.interrupted {
        writeln!(out, "stopped before the end: this is what was judged so far")?;
    }
    Ok(())
}

/// As many series are named for one reason: enough to look them up, and still one screen.
const NAMED: usize = 5;

/// One line for each series that could not be judged.
fn not_judged(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for series in report.not_judged.iter().take(NAMED) {
        let samples = text::counted(series.samples, "sample", "samples");
        writeln!(out, "not judged: {} ({samples}): {}", text::plain(&series.name), series.reason)?;
    }
    match report.not_judged.len().saturating_sub(NAMED) {
        0 => Ok(()),
        more => writeln!(out, "not judged: {more} more"),
    }
}

/// `12 intervals without a sample: vip-a 7, vip-b 5`
fn missing(report: &Report, total: u64, out: &mut dyn Write) -> io::Result<()> {
    if total == 0 {
        return Ok(());
    }
    let mut gaps: Vec<_> = report.series.iter().filter(|series| series.missing > 0).collect();
    gaps.sort_by_key(|series| std::cmp::Reverse(series.missing));
    let named: Vec<_> = gaps
        .iter()
        .take(NAMED)
        .map(|s| format!("{} {}", text::plain(&s.name), text::count(s.missing)))
        .collect();
    let more =
        if gaps.len() > NAMED { format!(" and {} more series", gaps.len() - NAMED) } else { String::new() };
    let intervals = text::counted(total, "interval", "intervals");
    writeln!(out, "{intervals} without a sample: {}{more}", named.join(", "))
}

/// `precision 0.9, recall 0.8, F1 0.847 (8 of 10 labels caught), delay median …, 0.1 false holds a day`
fn score_in_words(score: &Score) -> String {
    let figure = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |v| text::number_with(v, 3));
    let (precision, recall, f1) = (figure(score.precision), figure(score.recall), figure(score.f1));
    let caught = format!("{} of {} caught", score.caught, text::counted(score.labelled, "label", "labels"));
    let delay = |samples: Option<f64>, minutes: Option<f64>| match (samples, minutes) {
        (Some(samples), Some(minutes)) => {
            let word = if samples == 1.0 { "sample" } else { "samples" };
            let time = text::duration((minutes * 60_000.0).round() as i64);
            format!("{} {word} = {time}", text::number(samples))
        }
        _ => "-".to_owned(),
    };
    let median = delay(score.delay_samples_median, score.delay_minutes_median);
    let p90 = delay(score.delay_samples_p90, score.delay_minutes_p90);
    let holds = text::counted(score.false_holds, "false hold", "false holds");
    let a_day = figure(score.false_holds_a_day);
    format!(
        "precision {precision}, recall {recall}, F1 {f1} ({caught}); delay median {median}, p90 {p90}; \
         {holds}, {a_day} a day"
    )
}
