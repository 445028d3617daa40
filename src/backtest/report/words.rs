//! What the page says in sentences.

use jiff::tz::TimeZone;

use super::model::{Direction, FindingView, Report};
use super::scale::TimeScale;
use crate::text;

/// From twice the limit on, how far is said as a multiple of it.
const MULTIPLE_FROM: f64 = 2.0;

/// Up to this share of unknown time, finding nothing reassures.
const LITTLE_UNKNOWN: f64 = 0.05;

/// From this share of unknown time on, finding nothing does not reassure.
const MUCH_UNKNOWN: f64 = 0.5;

/// What happened, for how long: `lvs_in dropped for 25 min`.
pub(super) fn headline(finding: &FindingView) -> String {
    let way = match finding.direction {
        Direction::Surge => "surged",
        Direction::Drop => "dropped",
    };
    format!("{} {way} for {}", finding.series, lasted(finding))
}

/// How long it was anomalous.
pub(super) fn lasted(finding: &FindingView) -> String {
    text::duration(finding.until_ms.saturating_sub(finding.from_ms).max(0))
}

/// How far it went at its peak: `412, where at least 980 was expected (58% below)`.
pub(super) fn how_far(finding: &FindingView) -> String {
    let value = text::number(finding.value);
    match (finding.direction, finding.lower, finding.upper) {
        (Direction::Surge, _, Some(limit)) if finding.value > limit => {
            format!(
                "{value}, where at most {} was expected{}",
                text::number(limit),
                beyond(finding.value, limit)
            )
        }
        (Direction::Drop, Some(limit), _) if finding.value < limit => {
            format!(
                "{value}, where at least {} was expected{}",
                text::number(limit),
                beyond(finding.value, limit)
            )
        }
        _ => value,
    }
}

/// The distance from a limit in relation to it, where such a relation makes sense: both above zero.
fn beyond(value: f64, limit: f64) -> String {
    let ratio = value / limit;
    if !(value >= 0.0 && limit > 0.0 && ratio.is_finite()) {
        String::new()
    } else if ratio >= MULTIPLE_FROM {
        format!(" ({} times as much)", text::number_with(ratio, 2))
    } else if ratio > 1.0 {
        format!(" ({} above)", text::share(ratio - 1.0))
    } else {
        format!(" ({} below)", text::share(1.0 - ratio))
    }
}

/// The picture in words, for those who do not see it.
pub(super) fn description(finding: &FindingView, time: TimeScale, zone: &TimeZone) -> String {
    let shown = time.span();
    let span = text::time_span(finding.from_ms, finding.until_ms, zone);
    let mut words = format!(
        "The series from {}. Anomalous {span}, at its peak {}.",
        text::time_span(shown.from_ms, shown.until_ms, zone),
        how_far(finding)
    );
    if !finding.picture.band_of.is_empty() {
        words += &format!(" The shaded band is what {} expected.", finding.picture.band_of);
    }
    words
}

/// The result in one line: `7 findings in 3 of 12 series`.
pub(super) fn result(report: &Report) -> String {
    let series = text::counted(report.series.len() as u64, "series", "series");
    let with = report.series.iter().filter(|s| s.anomalies > 0).count();
    match findings(report) {
        0 => format!("No findings in {series}"),
        n if with == 0 || report.series.len() == 1 => {
            format!("{} in {series}", text::counted(n, "finding", "findings"))
        }
        n => {
            format!("{} in {} of {series}", text::counted(n, "finding", "findings"), text::count(with as u64))
        }
    }
}

/// All findings, shown or not.
pub(super) fn findings(report: &Report) -> u64 {
    report.findings.len() as u64 + report.findings_left_out
}

/// The share of time about which nothing can be said, over all series; none where there was no time at all.
pub(super) fn unknown_share(report: &Report) -> Option<f64> {
    let time = |n: fn(&super::model::SeriesSummary) -> u64| -> f64 {
        report.series.iter().map(|s| n(s) as f64 * s.interval_ms.max(1) as f64).sum()
    };
    let (judged, unknown) = (time(|s| s.judged), time(|s| s.unknown));
    (judged + unknown > 0.0).then(|| unknown / (judged + unknown))
}

/// Why finding nothing may or may not reassure.
pub(super) fn reassurance(report: &Report) -> String {
    let looked_at = format!(
        "{} of {} were looked at",
        text::counted(report.series.iter().map(|s| s.samples).sum(), "sample", "samples"),
        text::counted(report.series.len() as u64, "series", "series")
    );
    match unknown_share(report) {
        None => "There was nothing to judge. This says nothing about the systems.".to_owned(),
        Some(share) if share >= 1.0 => {
            format!(
                "{looked_at}, and nothing could be said about any of them. This does not reassure: unknown is not clean."
            )
        }
        Some(share) if share >= MUCH_UNKNOWN => format!(
            "{looked_at}, but {} of the time is unknown. This does not reassure: an anomaly in that time would not have been seen.",
            text::share(share)
        ),
        Some(share) if share > LITTLE_UNKNOWN => format!(
            "{looked_at}. It reassures only in part: {} of the time is unknown, and an anomaly there would not have been seen.",
            text::share(share)
        ),
        Some(_) if report.interrupted => {
            format!("{looked_at} before the backtest was stopped. It reassures only about these.")
        }
        Some(share) => format!(
            "{looked_at} and {} of the time is unknown: by this rule, the systems were quiet.",
            text::share(share)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::SeriesSummary;
    use super::super::sample;
    use super::*;

    #[test]
    fn how_far_names_the_limit_that_was_crossed() {
        let cases = [
            (Direction::Drop, 412.0, Some(980.0), "412, where at least 980 was expected (58% below)"),
            (Direction::Surge, 59.0, Some(50.0), "59, where at most 50 was expected (18% above)"),
            (Direction::Surge, 120.0, Some(50.0), "120, where at most 50 was expected (2.4 times as much)"),
            (Direction::Surge, 3.0, Some(-1.0), "3, where at most -1 was expected"),
            (Direction::Surge, 3.0, Some(0.0), "3, where at most 0 was expected"),
            (Direction::Surge, 3.0, Some(5.0), "3"),
            (Direction::Drop, 3.0, None, "3"),
            (
                Direction::Surge,
                f64::MAX,
                Some(f64::MIN_POSITIVE),
                "1.798e308, where at most 2.225e-308 was expected",
            ),
        ];
        for (direction, value, limit, expected) in cases {
            let finding = FindingView { direction, value, lower: limit, upper: limit, ..sample::finding() };
            assert_eq!(how_far(&finding), expected);
        }
    }

    #[test]
    fn nothing_found_reassures_only_where_all_was_seen() {
        let cases = [
            (0, 0, "There was nothing to judge."),
            (0, 10, "nothing could be said about any"),
            (4, 6, "but 60% of the time is unknown. This does not reassure"),
            (8, 2, "reassures only in part: 20%"),
            (99, 1, "1% of the time is unknown: by this rule, the systems were quiet"),
        ];
        for (judged, unknown, expected) in cases {
            let series = SeriesSummary { judged, unknown, ..sample::series("a") };
            let report = Report { series: vec![series], ..Report::default() };
            let words = reassurance(&report);
            assert!(words.contains(expected), "{words}");
            let stopped = reassurance(&Report { interrupted: true, ..report });
            assert!(!stopped.contains("were quiet"), "{stopped}");
        }
    }

    #[test]
    fn unknown_time_is_weighed_by_the_interval() {
        let slow = SeriesSummary { interval_ms: 3_600_000, judged: 1, unknown: 0, ..sample::series("slow") };
        let fast = SeriesSummary { interval_ms: 60_000, judged: 0, unknown: 60, ..sample::series("fast") };
        let report = Report { series: vec![slow, fast], ..Report::default() };
        assert_eq!(unknown_share(&report), Some(0.5));
        assert_eq!(unknown_share(&Report::default()), None);
    }

    #[test]
    fn the_result_counts_findings_and_series() {
        let mut report =
            Report { series: vec![sample::series("a"), sample::series("b")], ..Report::default() };
        report.series.iter_mut().for_each(|s| s.anomalies = 0);
        assert_eq!(result(&report), "No findings in 2 series");
        report.findings = vec![sample::finding()];
        report.findings_left_out = 4;
        report.series[1].anomalies = 5;
        assert_eq!(result(&report), "5 findings in 1 of 2 series");
    }
}
