//! The overview: one strip for each series over the whole span, with the findings placed in time.

use std::fmt::{self, Write};

use jiff::tz::TimeZone;

use super::markup::{Esc, Percent, anchor};
use super::model::{Direction, FindingView, Report, Span};
use super::scale::TimeScale;
use super::{lanes, plot, summary, words};
use crate::text;

/// More strips than this are no overview.
const MOST_STRIPS: usize = 40;

/// A finding is at least this share of the width, so that a minute in a month is seen.
const LEAST_WIDTH: f64 = 0.006;

/// Writes the strips; nothing where there is no time to place them in.
pub(super) fn write(out: &mut String, report: &Report, zone: &TimeZone) -> fmt::Result {
    let (Some(span), false) = (report.span, report.findings.is_empty()) else { return Ok(()) };
    let time = TimeScale::new(span);
    let sorted = summary::most_anomalous_first(&report.series);
    writeln!(out, r#"<section aria-labelledby="overview"><h2 id="overview">Overview</h2>"#)?;
    writeln!(
        out,
        "<p>A mark above the line is a surge, one below it a drop. Each leads to its finding.</p>"
    )?;
    if report.findings_left_out > 0 {
        let (shown, all) = (text::count(report.findings.len() as u64), text::count(words::findings(report)));
        writeln!(out, "<p>Shown are the {shown} findings of {all} that went furthest beyond a limit.</p>")?;
    }
    writeln!(out, r#"<div class="overview">"#)?;
    for series in sorted.iter().take(MOST_STRIPS) {
        let findings: Vec<_> = report.findings.iter().filter(|f| f.series == series.name).collect();
        strip(out, &series.name, &findings, time, zone)?;
    }
    writeln!(out, r#"<svg class="times" aria-hidden="true"><g class="axis">"#)?;
    plot::time_axis(out, time, zone)?;
    writeln!(out, "</g></svg></div>")?;
    if let Some((_, left_out)) = sorted.split_at_checked(MOST_STRIPS).filter(|(_, rest)| !rest.is_empty()) {
        let with = left_out.iter().filter(|s| s.anomalies > 0).count() as u64;
        writeln!(
            out,
            "<p>The {MOST_STRIPS} series with the most anomalous time are shown. {} left out, {} of them with findings.</p>",
            text::counted(left_out.len() as u64, "series is", "series are"),
            text::count(with)
        )?;
    }
    writeln!(out, "</section>")
}

fn strip(
    out: &mut String,
    name: &str,
    findings: &[&FindingView],
    time: TimeScale,
    zone: &TimeZone,
) -> fmt::Result {
    let (name, count) = (Esc(name), text::counted(findings.len() as u64, "finding", "findings"));
    writeln!(out, r#"<div class="lane"><span class="who name">{name}</span>"#)?;
    writeln!(out, r#"<svg role="group" aria-label="{name}: {count}">"#)?;
    writeln!(out, r#"<line class="middle" x2="100%" y1="10" y2="10"/>"#)?;
    for finding in findings {
        let span = Span { from_ms: finding.from_ms, until_ms: finding.until_ms };
        let place = time.stretch(span).unwrap_or_else(|| (time.at(span.from_ms), time.at(span.from_ms)));
        let Some((left, right)) = lanes::merged([place].into_iter(), LEAST_WIDTH).pop() else { continue };
        let (x, width, way) = (Percent(left), Percent(right - left), finding.direction.word());
        let y = if finding.direction == Direction::Surge { 1 } else { 10 };
        let when = text::time(finding.from_ms, zone);
        let title = format!("{}: {}, from {when}", finding.id, words::headline(finding));
        writeln!(out, r##"<a href="#{}"><title>{}</title>"##, anchor(&finding.id), Esc(&title))?;
        writeln!(out, r#"<rect class="reach" x="{x}" width="{width}" height="20"/>"#)?;
        writeln!(out, r#"<rect class="{way}" x="{x}" y="{y}" width="{width}" height="9"/></a>"#)?;
    }
    writeln!(out, "</svg></div>")
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn overview(report: &Report) -> String {
        let mut out = String::new();
        write(&mut out, report, &TimeZone::UTC).expect("writing to a string");
        out
    }

    #[test]
    fn a_finding_lies_where_it_was() {
        let finding = FindingView { from_ms: 250, until_ms: 500, ..sample::finding() };
        let report = Report {
            span: Some(Span { from_ms: 0, until_ms: 1_000 }),
            series: vec![sample::series(&finding.series)],
            findings: vec![finding],
            ..Report::default()
        };
        let page = overview(&report);
        assert!(page.contains(r#"<rect class="drop" x="25%" y="10" width="25%" height="9"/>"#), "{page}");
        assert!(page.contains("1 finding\""), "{page}");
    }

    #[test]
    fn many_series_are_cut_and_said_so() {
        let series = (0..MOST_STRIPS + 2).map(|i| sample::series(&format!("s{i:02}"))).collect();
        let page = overview(&Report { series, ..sample::report() });
        assert_eq!(page.matches("role=\"group\"").count(), MOST_STRIPS);
        assert!(page.contains("2 series are left out, 2 of them with findings"), "{page}");
    }

    #[test]
    fn without_findings_there_is_nothing_to_place() {
        assert_eq!(overview(&Report { findings: Vec::new(), ..sample::report() }), "");
    }
}
