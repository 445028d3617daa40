//! The summary: totals, the score against labels, the faults of the data, a line for each series.

use std::cmp::Reverse;
use std::fmt::{self, Write};

use super::markup::{Esc, Percent};
use super::model::{Report, Score, SeriesSummary};
use super::words;
use crate::text;

/// More series than this are not listed: nobody reads them here, and `findings.json` has them.
const MOST_ROWS: usize = 200;

/// The beginning of the table. The roles say again what the elements mean, for on a narrow screen each row is
/// laid out as a grid and browsers then forget that it is one.
const TABLE_HEAD: &str = r#"<table role="table"><thead role="rowgroup"><tr role="row">
<th role="columnheader" scope="col">Series</th><th role="columnheader" scope="col">Findings</th>
<th role="columnheader" scope="col">Anomalous</th><th role="columnheader" scope="col">Unknown</th>
</tr></thead><tbody role="rowgroup">"#;

/// Writes totals, score and faults.
pub(super) fn write(out: &mut String, report: &Report) -> fmt::Result {
    writeln!(out, r#"<section aria-labelledby="totals"><h2 id="totals">In short</h2>"#)?;
    totals(out, report)?;
    if let Some(score) = &report.score {
        write_score(out, score)?;
    }
    faults(out, report)?;
    writeln!(out, "</section>")
}

fn totals(out: &mut String, report: &Report) -> fmt::Result {
    let samples = report.series.iter().map(|s| s.samples).sum();
    let anomalous = match report.series.iter().map(anomalous_ms).sum::<f64>() {
        0.0 => "none".to_owned(),
        ms => text::duration(ms as i64),
    };
    let unknown = words::unknown_share(report).map_or_else(|| "–".to_owned(), text::share);
    writeln!(out, r#"<dl class="tiles">"#)?;
    tile(out, "Findings", &text::count(words::findings(report)), "")?;
    tile(out, "Anomalous time", &anomalous, "summed over all series")?;
    tile(out, "Unknown time", &unknown, "nothing can be said about it")?;
    tile(out, "Series", &text::count(report.series.len() as u64), "")?;
    tile(out, "Samples", &text::count(samples), "")?;
    writeln!(out, "</dl>")
}

/// One number with its name, and what it means where that is not plain.
fn tile(out: &mut String, name: &str, value: &str, meaning: &str) -> fmt::Result {
    write!(out, r#"<div><dt>{}</dt><dd><span class="figure">{}</span>"#, Esc(name), Esc(value))?;
    if !meaning.is_empty() {
        write!(out, r#"<span class="meaning">{}</span>"#, Esc(meaning))?;
    }
    writeln!(out, "</dd></div>")
}

fn write_score(out: &mut String, score: &Score) -> fmt::Result {
    let ratio = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), text::share);
    let missed = score.labelled.saturating_sub(score.caught);
    writeln!(out, "<h3>Against the labels</h3>")?;
    writeln!(
        out,
        "<p>{} of {} caught, {} missed.</p>",
        text::count(score.caught),
        text::counted(score.labelled, "labelled window was", "labelled windows were"),
        text::count(missed)
    )?;
    writeln!(out, r#"<dl class="tiles">"#)?;
    tile(out, "Precision", &ratio(score.precision), "of the findings are labelled")?;
    tile(out, "Recall", &ratio(score.recall), "of the labelled windows are found")?;
    tile(out, "F1", &ratio(score.f1), "of precision and recall")?;
    let a_day = score.false_holds_a_day.map(|n| format!("{} a day and series", text::number(n)));
    tile(out, "False holds", &text::count(score.false_holds), &a_day.unwrap_or_default())?;
    write_delay(out, score)?;
    writeln!(out, "</dl>")
}

/// The median delay, in time where it is known, and how long nine of ten took at most.
fn write_delay(out: &mut String, score: &Score) -> fmt::Result {
    let median = Delay { minutes: score.delay_minutes_median, samples: score.delay_samples_median };
    let most = Delay { minutes: score.delay_minutes_p90, samples: score.delay_samples_p90 };
    let figure = median.time().or_else(|| median.count()).unwrap_or_else(|| "–".to_owned());
    let count = median.time().and_then(|_| median.count());
    let within = most.time().or_else(|| most.count()).map(|most| format!("nine of ten within {most}"));
    let meaning: Vec<_> = [count, within].into_iter().flatten().collect();
    tile(out, "Median delay", &figure, &meaning.join("; "))
}

/// How long it took to notice, in minutes and in samples, as far as they are known.
struct Delay {
    minutes: Option<f64>,
    samples: Option<f64>,
}

impl Delay {
    fn time(&self) -> Option<String> {
        self.minutes.map(|minutes| text::duration((minutes * 60_000.0).round() as i64))
    }

    fn count(&self) -> Option<String> {
        self.samples.map(|n| format!("{} {}", text::number(n), if n == 1.0 { "sample" } else { "samples" }))
    }
}

/// The series of which nothing at all is said below, each with the reason.
fn not_judged(out: &mut String, report: &Report) -> fmt::Result {
    if report.not_judged.is_empty() {
        return Ok(());
    }
    let count = text::count(report.not_judged.len() as u64);
    writeln!(out, r#"<h3>Not judged</h3><ul class="faults"><li><strong>{count}</strong> series"#)?;
    for left_out in report.not_judged.iter().take(MOST_ROWS) {
        let (name, reason) = (Esc(&left_out.name), Esc(&left_out.reason));
        write!(out, r#"<span class="example">{name}: {reason}</span>"#)?;
    }
    writeln!(out, "</li></ul>")
}

fn faults(out: &mut String, report: &Report) -> fmt::Result {
    not_judged(out, report)?;
    if report.faults.is_empty() {
        return Ok(());
    }
    writeln!(out, r#"<h3>Faults of the data</h3><ul class="faults">"#)?;
    for fault in &report.faults {
        write!(out, "<li><strong>{}</strong> {}", text::count(fault.count), Esc(&fault.kind))?;
        for example in &fault.examples {
            write!(out, r#"<span class="example">{}</span>"#, Esc(example))?;
        }
        writeln!(out, "</li>")?;
    }
    writeln!(out, "</ul>")
}

/// Writes the table of series, the most anomalous first.
pub(super) fn write_series(out: &mut String, report: &Report) -> fmt::Result {
    if report.series.is_empty() {
        return Ok(());
    }
    let sorted = most_anomalous_first(&report.series);
    let largest = sorted.first().map_or(0.0, |s| anomalous_ms(s));
    writeln!(out, r#"<section aria-labelledby="series"><h2 id="series">Series</h2>"#)?;
    writeln!(out, "{TABLE_HEAD}")?;
    for series in sorted.iter().take(MOST_ROWS) {
        row(out, series, largest)?;
    }
    writeln!(out, "</tbody></table>")?;
    if sorted.len() > MOST_ROWS {
        let more = text::count((sorted.len() - MOST_ROWS) as u64);
        writeln!(out, "<p>{more} more series with less anomalous time are in findings.json.</p>")?;
    }
    writeln!(out, "</section>")
}

fn row(out: &mut String, series: &SeriesSummary, largest_ms: f64) -> fmt::Result {
    let anomalous = anomalous_ms(series);
    let all = series.judged.saturating_add(series.unknown);
    let unknown = if all == 0 { "–".to_owned() } else { text::share(series.unknown as f64 / all as f64) };
    write!(
        out,
        r#"<tr role="row"><th role="rowheader" scope="row"><span class="name">{}</span>"#,
        Esc(&series.name)
    )?;
    let samples = text::counted(series.samples, "sample", "samples");
    let every = text::duration(series.interval_ms);
    let missing = match series.missing {
        0 => String::new(),
        missing => format!(", {} missing", text::count(missing)),
    };
    writeln!(out, r#"<span class="meaning">{samples}, every {every}{missing}</span></th>"#)?;
    writeln!(out, r#"<td role="cell">{}</td>"#, text::count(series.anomalies))?;
    let time = if anomalous > 0.0 { text::duration(anomalous as i64) } else { "–".to_owned() };
    let bar = Percent(if largest_ms > 0.0 { anomalous / largest_ms } else { 0.0 });
    writeln!(
        out,
        r#"<td role="cell"><div class="amount"><svg class="bar" aria-hidden="true"><rect width="{bar}" height="6"/></svg><span>{time}</span></div></td>"#
    )?;
    writeln!(out, r#"<td role="cell">{unknown}</td></tr>"#)
}

/// How long a series was anomalous, in milliseconds.
fn anomalous_ms(series: &SeriesSummary) -> f64 {
    series.anomalous_samples as f64 * series.interval_ms.max(0) as f64
}

/// By anomalous time, then findings, then name, so that the order is the same from run to run.
pub(super) fn most_anomalous_first(series: &[SeriesSummary]) -> Vec<&SeriesSummary> {
    let mut sorted: Vec<_> = series.iter().collect();
    sorted.sort_by(|a, b| {
        let time = anomalous_ms(b).total_cmp(&anomalous_ms(a));
        time.then_with(|| (Reverse(a.anomalies), &a.name).cmp(&(Reverse(b.anomalies), &b.name)))
    });
    sorted
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn the_most_anomalous_series_comes_first() {
        let with = |name: &str, interval_ms, anomalies, anomalous_samples| SeriesSummary {
            interval_ms,
            anomalies,
            anomalous_samples,
            ..sample::series(name)
        };
        let series =
            [with("d", 1, 0, 0), with("b", 60_000, 1, 5), with("a", 1_000, 9, 100), with("c", 1, 0, 0)];
        let names: Vec<_> = most_anomalous_first(&series).iter().map(|s| s.name.as_str()).collect();
        assert_eq!(names, ["b", "a", "c", "d"]);
    }

    #[test]
    fn a_score_without_ratios_shows_dashes() {
        let mut out = String::new();
        write_score(&mut out, &Score { labelled: 1, ..Score::default() }).expect("writing to a string");
        assert_eq!(out.matches(r#"<span class="figure">–</span>"#).count(), 4, "{out}");
        assert!(out.contains("0 of 1 labelled window was caught, 1 missed"), "{out}");
    }

    #[test]
    fn a_delay_is_said_in_time_and_samples() {
        let said = |score: Score| {
            let mut out = String::new();
            write_delay(&mut out, &score).expect("writing to a string");
            out
        };
        let samples = Score { delay_samples_median: Some(1.0), ..Score::default() };
        assert!(said(samples.clone()).contains(">1 sample</span></dd>"));
        let both = Score { delay_minutes_median: Some(2.5), delay_minutes_p90: Some(60.0), ..samples };
        let both = said(both);
        assert!(both.contains(">2 min 30 s</span>"), "{both}");
        assert!(both.contains(">1 sample; nine of ten within 1 h</span>"), "{both}");
    }

    #[test]
    fn a_long_table_says_what_it_leaves_out() {
        let series = (0..MOST_ROWS + 3).map(|i| sample::series(&format!("s{i}"))).collect();
        let mut out = String::new();
        write_series(&mut out, &Report { series, ..Report::default() }).expect("writing to a string");
        assert_eq!(out.matches("scope=\"row\"").count(), MOST_ROWS);
        assert!(out.contains("<p>3 more series"));
    }
}
