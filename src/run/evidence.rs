//! What a gate saw, as data, for the record of its decision: bounded for any number of series.

use super::telling::{ALL_TOLD, Layer, fired, has_told, lack_words, name, remarks};
use crate::monitor::{Statement, View, Watch};
use crate::text;
use quietgate_detectors::Timestamp;
use quietgate_rules::Condition;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Every required series as data: its newest sample, what it is found to be, and the numbers of what fired, or what those
/// lack by which it is unknown; what the slow layer finds beside, where it judges the series; and what those lack by which
/// nothing could be said of it once a batch starts.
///
/// Of more than [`ALL_TOLD`] series those that tell most: so many that are not clean, or of which there is anything else to tell, and a
/// clean one of each signal. The others are counted behind them, by their signal and what they are found to be. Else each decision
/// about a fleet would be tens of megabytes, nearly all of it saying that nothing is to be said.
pub(super) fn evidence(watch: &Watch, views: &[View<'_>], is_blind: impl Fn(usize) -> bool) -> Value {
    if views.len() <= ALL_TOLD {
        return views.iter().map(|view| series(watch, view)).collect();
    }
    let (mut telling, mut examples, mut others) = (0, BTreeSet::new(), BTreeMap::new());
    let mut shown = Vec::new();
    for (i, view) in views.iter().enumerate() {
        let is_told = if is_blind(i) || !is_plain(view) {
            telling += 1;
            telling <= ALL_TOLD
        } else {
            examples.insert(view.signal)
        };
        if is_told {
            shown.push(series(watch, view));
        } else {
            *others.entry((view.signal, condition(view.condition))).or_insert(0_u64) += 1;
        }
    }
    let signal = |number: usize| watch.signals().nth(number).map_or("?", |signal| signal.name.as_str());
    let counted = others.into_iter().map(|((number, condition), more)| {
        let words = format!("and {} more of {}", text::count(more), signal(number));
        json!({"series": words, "condition": condition, "more": more})
    });
    shown.into_iter().chain(counted).collect()
}

/// Whether of a series nothing is to be told but that it is clean.
fn is_plain(view: &View<'_>) -> bool {
    let is_clean = |condition| matches!(condition, Condition::Clean { .. });
    is_clean(view.condition) && view.slow.is_none_or(is_clean) && !has_told(view)
}

fn series(watch: &Watch, view: &View<'_>) -> Value {
    let mut object = json!({"series": name(watch, view)});
    stands(&mut object, view, Layer::Fast);
    if let Some(latest) = view.latest {
        object["at"] = json!(text::rfc3339(latest.at.as_millis()));
        object["value"] = json!(latest.value);
    }
    said_by(&mut object, view, Layer::Fast);
    if view.slow.is_some() {
        let mut slow = json!({});
        stands(&mut slow, view, Layer::Slow);
        said_by(&mut slow, view, Layer::Slow);
        object["slow"] = slow;
    }
    let lacks = watch.start_lacks(view.signal, &view.labels, false);
    if !lacks.is_empty() && matches!(view.condition, Condition::Clean { .. }) {
        object["start"] = json!(lacks.iter().map(self::lacks).collect::<Vec<_>>());
    }
    object
}

/// What a series is found to be, in a word.
fn condition(condition: Condition) -> String {
    match condition {
        Condition::Clean { .. } => "clean".to_owned(),
        Condition::Suspect { .. } => "suspect".to_owned(),
        Condition::Anomalous { .. } => "anomalous".to_owned(),
        Condition::Expected { .. } => "expected".to_owned(),
        Condition::Unknown { reason, .. } => format!("unknown({reason})"),
    }
}

/// Adds how a series stands by a layer.
fn stands(object: &mut Value, view: &View<'_>, layer: Layer) {
    let time = |at: Timestamp| json!(text::rfc3339(at.as_millis()));
    object["condition"] = json!(condition(layer.of(view)));
    match layer.of(view) {
        Condition::Clean { since, samples, .. } => {
            object["clean_since"] = time(since);
            object["samples"] = json!(samples);
        }
        Condition::Suspect { since } | Condition::Anomalous { since, .. } => object["since"] = time(since),
        Condition::Expected { until } => object["until"] = time(until),
        Condition::Unknown { .. } => {}
    }
}

/// Adds what the detectors of a layer said that fired, or have to tell of what is normal, and what those lack by which it is unknown.
fn said_by(object: &mut Value, view: &View<'_>, layer: Layer) {
    let statements = layer.statements(view);
    let fired: Vec<_> = fired(&statements).filter_map(vote).collect();
    if !fired.is_empty() {
        object["votes"] = json!(fired);
    }
    let told: Vec<_> = remarks(&statements).map(remark).collect();
    if !told.is_empty() {
        object["told"] = json!(told);
    }
    let unknown: Vec<_> = layer.unknown(view, &statements).map(lacks).collect();
    if !unknown.is_empty() {
        object["unknown"] = json!(unknown);
    }
}

fn remark(vote: &Statement) -> Value {
    json!({"detector": vote.kind, "verdict": vote.verdict.to_string(), "words": vote.words})
}

fn lacks(vote: &Statement) -> Value {
    json!({"detector": vote.kind, "verdict": vote.verdict.to_string(), "words": vote.lack.map(lack_words)})
}

fn vote(vote: &Statement) -> Option<Value> {
    let evidence = vote.evidence?;
    let finite = |limit: f64| Some(limit).filter(|limit| limit.is_finite());
    Some(json!({
        "detector": vote.kind, "verdict": vote.verdict.to_string(), "lower": finite(evidence.lower),
        "upper": finite(evidence.upper), "score": evidence.score, "points": evidence.points, "words": vote.words,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::{Labels, MonitorSpec, Watched};
    use quietgate_detectors::{Calendar, Interval, OptionValue, Sample, Spec};
    use quietgate_rules::{Direction, RuleSpec, Sustain};

    /// Two signals of so many hosts each, of which these lose something.
    fn evidence_of(hosts: usize, lossy: std::ops::Range<usize>) -> Vec<Value> {
        let above = [("above".to_owned(), OptionValue::Number(5.0))];
        let detector = Spec::new("threshold", &above).expect("a detector");
        let rule = RuleSpec::new("any", &[], vec![detector], Direction::Up, Sustain::ONE).expect("a rule");
        let interval = Interval::from_millis(1000).expect("a second");
        let spec =
            MonitorSpec { rules: vec![rule], slow: None, interval, calendar: Calendar::Utc, lateness_ms: 0 };
        let watched = |name: &str| Watched {
            name: name.to_owned(),
            spec: spec.clone(),
            max_age_ms: 2000,
            expect: Vec::new(),
        };
        let mut watch = Watch::new(vec![watched("loss"), watched("load")]);
        for host in 0..hosts {
            let labels = Labels::from([("host".to_owned(), format!("h{host:05}"))]);
            let value = if lossy.contains(&host) { 90.0 } else { 0.0 };
            watch.observe(0, &labels, &[Sample::new(0, value)]);
            watch.observe(1, &labels, &[Sample::new(0, 0.0)]);
        }
        let views = watch.views(Timestamp::from_millis(1000));
        let Value::Array(all) = evidence(&watch, &views, |_| false) else { unreachable!("it is an array") };
        all
    }

    #[test]
    fn a_thousand_series_are_all_on_record() {
        let all = evidence_of(500, 3..4);
        assert_eq!(all.len(), 1000);
        assert!(all.iter().all(|series| series.get("more").is_none()));
    }

    #[test]
    fn of_more_those_that_tell_something_are_and_the_others_are_counted() {
        let all = evidence_of(600, 3..5);
        let told: Vec<_> = all.iter().map(|series| (&series["series"], &series["condition"])).collect();
        let expected = [
            (json!("loss{host=\"h00000\"}"), json!("clean")),
            (json!("loss{host=\"h00003\"}"), json!("anomalous")),
            (json!("loss{host=\"h00004\"}"), json!("anomalous")),
            (json!("load{host=\"h00000\"}"), json!("clean")),
            (json!("and 597 more of loss"), json!("clean")),
            (json!("and 599 more of load"), json!("clean")),
        ];
        assert_eq!(told, expected.iter().map(|(series, condition)| (series, condition)).collect::<Vec<_>>());
        assert_eq!((all[4]["more"].as_u64(), all[5]["more"].as_u64()), (Some(597), Some(599)));
    }

    #[test]
    fn also_of_what_is_not_clean_no_more_than_a_thousand_are_on_record() {
        let all = evidence_of(1500, 0..1500);
        let [.., loss, load] = all.as_slice() else { panic!("{} series", all.len()) };
        assert_eq!(all.len(), 1000 + 1 + 2);
        assert_eq!(
            (&loss["series"], &loss["condition"]),
            (&json!("and 500 more of loss"), &json!("anomalous"))
        );
        assert_eq!(load["series"], json!("and 1,499 more of load"));
    }
}
