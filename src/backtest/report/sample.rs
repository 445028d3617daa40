//! A report with one of everything, for the tests of its parts.

use super::model::{
    Direction, FaultLine, FindingView, Picture, Point, Report, Said, Score, SeriesLeftOut, SeriesSummary,
    Span, State, Vote, Words,
};

/// Saturday 2024-03-09, 06:00 UTC.
const START_MS: i64 = 1_709_964_000_000;

const MINUTE_MS: i64 = 60_000;

/// Minutes of the picture, and those in which the series is down.
const MINUTES: i64 = 180;
const DOWN: std::ops::Range<i64> = 100..125;

/// A series of two weeks of minutes with one finding.
pub(super) fn series(name: &str) -> SeriesSummary {
    SeriesSummary {
        name: name.to_owned(),
        interval_ms: MINUTE_MS,
        samples: 20_160,
        judged: 20_000,
        unknown: 160,
        missing: 12,
        anomalies: 1,
        anomalous_samples: 25,
    }
}

/// A drop of 25 minutes.
pub(super) fn finding() -> FindingView {
    FindingView {
        id: "F1".to_owned(),
        series: "lvs_in".to_owned(),
        direction: Direction::Drop,
        from_ms: START_MS + DOWN.start * MINUTE_MS,
        until_ms: START_MS + DOWN.end * MINUTE_MS,
        found_ms: START_MS + (DOWN.start + 1) * MINUTE_MS,
        samples: 25,
        by: vec!["ls".to_owned(), "chain".to_owned()],
        words: vec![Words {
            detector: "chain".to_owned(),
            verdict: Said::Drop,
            sentence: "value 412 is below 980 = 0.8 x the lowest of 14 days at 07:46".to_owned(),
        }],
        peak_ms: START_MS + 106 * MINUTE_MS,
        value: 412.0,
        lower: Some(980.0),
        upper: Some(1_500.0),
        score: 2.4,
        labelled: Some(true),
        picture: picture(),
    }
}

/// Three hours around the drop, a gap of ten minutes among them.
pub(super) fn picture() -> Picture {
    let point = |i: i64| {
        let (value, state) = match i {
            _ if DOWN.contains(&i) => (Some(440.0 - (i % 5) as f64 * 7.0), State::Anomalous(Direction::Drop)),
            40..50 => (None, State::Unknown),
            99 => (Some(700.0), State::Suspect),
            _ => (Some(1_200.0 + (i * 37 % 90) as f64), State::Clean),
        };
        Point { at_ms: START_MS + i * MINUTE_MS, value, lower: Some(980.0), upper: Some(1_500.0), state }
    };
    let said = |i: i64| match i {
        _ if DOWN.contains(&i) => Said::Drop,
        40..50 => Said::Unknown,
        60 => Said::Surge,
        _ => Said::Normal,
    };
    Picture {
        interval_ms: MINUTE_MS,
        points: (0..MINUTES).map(point).collect(),
        band_of: "chain".to_owned(),
        votes: vec![Vote { name: "chain".to_owned(), verdicts: (0..MINUTES).map(said).collect() }],
        labels: vec![Span { from_ms: START_MS + 98 * MINUTE_MS, until_ms: START_MS + 126 * MINUTE_MS }],
        ..Picture::default()
    }
}

/// A report with one of everything.
pub(super) fn report() -> Report {
    Report {
        inputs: vec!["lvs.csv".to_owned()],
        rule: "majority of ls, chain; sustain 2 of 3; either direction".to_owned(),
        span: Some(Span { from_ms: START_MS, until_ms: START_MS + 14 * 1_440 * MINUTE_MS }),
        time_zone: "UTC".to_owned(),
        series: vec![series("lvs_in"), series("load")],
        not_judged: vec![SeriesLeftOut {
            name: "once".to_owned(),
            samples: 1,
            reason: "its samples have no spacing".to_owned(),
        }],
        faults: vec![FaultLine {
            kind: "duplicate time".to_owned(),
            count: 3,
            examples: vec!["lvs.csv:812".to_owned()],
        }],
        score: Some(Score {
            precision: Some(1.0),
            recall: Some(0.5),
            labelled: 2,
            caught: 1,
            ..Score::default()
        }),
        findings: vec![finding()],
        findings_left_out: 2,
        interrupted: true,
    }
}
