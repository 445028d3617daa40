//! For fuzzers and tests alone: what must hold of answers of a server, and of queries.

use super::answer::{Said, read};
use super::promql::{Query, bounded, no_counts, understand};
use crate::sources::limits::Limits;
use quietgate_detectors::Interval;
use serde_json::{Value, json};

/// An answer: within its limits, in the order of time, and the same once it is written and read again.
pub fn prometheus(bytes: &[u8]) {
    let limits = Limits { series: 6, labels: 4, label_bytes: 16 };
    let Ok(said) = read(bytes, "s", limits) else { return };
    assert!(said.series.len() <= 6);
    for (labels, samples) in &said.series {
        assert!(labels.len() <= 4 && labels.iter().all(|(name, value)| name.len().max(value.len()) <= 16));
        assert!(samples.is_sorted_by(|a, b| a.at < b.at));
    }
    let again =
        read(written(&said).to_string().as_bytes(), "s", limits).expect("what was read can be written");
    assert_eq!(format!("{:?}", again.series), format!("{:?}", said.series));
}

fn written(said: &Said) -> Value {
    let series = said.series.iter().map(|(labels, samples)| {
        let pair = |sample: &quietgate_detectors::Sample| {
            json!([sample.at.as_millis() as f64 / 1000.0, sample.value.to_string()])
        };
        json!({"metric": labels, "values": samples.iter().map(pair).collect::<Vec<_>>()})
    });
    json!({"status": "success", "data": {"resultType": "matrix", "result": series.collect::<Vec<_>>()}})
}

/// A query: what is one selector stays one, and what has been given a range is given no other.
pub fn promql(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Query::Selector(selector) = understand(text) {
        assert!(text.contains(&selector));
        assert_eq!(understand(&selector), Query::Selector(selector.clone()));
    }
    let once = bounded(text, 9);
    let mut rest = once.chars();
    assert!(text.chars().all(|char| rest.any(|other| other == char)), "nothing of it is lost: {once}");
    no_counts(text, Interval::LONGEST);
}
