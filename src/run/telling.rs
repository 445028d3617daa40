//! What a gate says, in words and as data.

use crate::monitor::{Labels, View, Watch};
use crate::text;
use quietgate_detectors::Timestamp;
use quietgate_rules::Condition;
use quietgate_rules::gate::{NotBlamed, Obstacle};
use serde_json::{Value, json};

/// So many series are named in a sentence; the evidence has all.
const NAMED: usize = 5;

/// The name of a series: `loss{host="h1"}`.
pub(super) fn name(watch: &Watch, view: &View<'_>) -> String {
    let signal = watch.signals().nth(view.signal).map_or("?", |signal| signal.name.as_str());
    series_name(signal, &view.labels)
}

/// The name of a series of `signal`: `loss{host="h1"}`.
pub fn series_name(signal: &str, labels: &Labels) -> String {
    let labels: Vec<_> = labels.iter().map(|(label, value)| format!("{label}={value:?}")).collect();
    if labels.is_empty() { signal.to_owned() } else { format!("{signal}{{{}}}", labels.join(",")) }
}

/// Some clauses as one sentence.
pub(super) fn sentence(clauses: &[String]) -> String {
    let shown = clauses[..clauses.len().min(NAMED)].join("; ");
    let more = clauses.len().saturating_sub(NAMED);
    if more > 0 { format!("{shown}; and {more} more") } else { shown }
}

/// Why a series keeps a gate shut, with numbers.
pub(super) fn obstacle(obstacle: &Obstacle, view: &View<'_>, now: Timestamp) -> String {
    let ago = |at: Timestamp| text::duration(now.as_millis().saturating_sub(at.as_millis()).max(0));
    match obstacle {
        Obstacle::Unknown(reason) => match view.condition {
            Condition::Unknown { newest: Some(newest), .. } => {
                format!("unknown ({reason}), newest sample {} ago", ago(newest))
            }
            _ => format!("unknown ({reason}), no sample yet"),
        },
        Obstacle::Suspect { since } => {
            format!("suspect since {}{}", text::rfc3339(since.as_millis()), said(view))
        }
        Obstacle::Anomalous { since, not_blamed } => {
            let blame = not_blamed.map(|why| format!(", not blamed on the batch: {}", innocent(why)));
            let since = text::rfc3339(since.as_millis());
            format!("anomalous since {since}{}{}", said(view), blame.unwrap_or_default())
        }
        Obstacle::TooShort { clean_ms, wanted_ms } => {
            format!("clean for {} of {}", text::duration(*clean_ms), text::duration(*wanted_ms))
        }
    }
}

/// The same without what changes from sample to sample.
pub(super) fn cause(obstacle: &Obstacle) -> String {
    match obstacle {
        Obstacle::Unknown(reason) => format!("unknown({reason})"),
        Obstacle::Suspect { .. } => "suspect".to_owned(),
        Obstacle::Anomalous { .. } => "anomalous".to_owned(),
        Obstacle::TooShort { .. } => "clean, not yet for long enough".to_owned(),
    }
}

/// Why an anomaly is blamed on a batch, with numbers.
pub(super) fn blame(view: &View<'_>) -> String {
    let since = match view.condition {
        Condition::Anomalous { since, .. } => text::rfc3339(since.as_millis()),
        _ => "?".to_owned(),
    };
    format!(
        "anomalous since {since}, after the batch started, in its scope and not in the control{}",
        said(view)
    )
}

fn innocent(why: NotBlamed) -> String {
    match why {
        NotBlamed::Earlier => "it began before the batch started".to_owned(),
        NotBlamed::Elsewhere => "it is not in its scope".to_owned(),
        NotBlamed::AlsoInControl { anomalous, of } => {
            format!("{anomalous} of {of} untouched series have it too")
        }
        NotBlamed::ControlBehind { behind, of } => {
            format!(
                "{behind} of {of} untouched series have no sample yet that tells whether they have it too"
            )
        }
    }
}

/// What the detectors that fired said of the newest sample.
fn said(view: &View<'_>) -> String {
    let votes = view.latest.iter().flat_map(|latest| &latest.votes).filter(|vote| vote.verdict.fired());
    let words: Vec<_> =
        votes.filter_map(|vote| Some(format!("{}: {}", vote.kind, vote.words.as_ref()?))).collect();
    if words.is_empty() { String::new() } else { format!(" ({})", words.join("; ")) }
}

/// Every required series as data: its newest sample, what it is found to be, and the numbers of what fired.
pub(super) fn evidence(watch: &Watch, views: &[View<'_>]) -> Value {
    let series = |view: &View<'_>| {
        let mut object = json!({"series": name(watch, view)});
        match view.condition {
            Condition::Clean { since, samples, .. } => {
                object["condition"] = json!("clean");
                object["clean_since"] = json!(text::rfc3339(since.as_millis()));
                object["samples"] = json!(samples);
            }
            Condition::Suspect { since } => condition(&mut object, "suspect", since),
            Condition::Anomalous { since, .. } => condition(&mut object, "anomalous", since),
            Condition::Unknown { reason, .. } => object["condition"] = json!(format!("unknown({reason})")),
        }
        if let Some(latest) = view.latest {
            object["at"] = json!(text::rfc3339(latest.at.as_millis()));
            object["value"] = json!(latest.value);
            let fired = latest.votes.iter().filter(|vote| vote.verdict.fired());
            let votes: Vec<_> = fired.filter_map(|vote| {
                let evidence = vote.evidence?;
                let finite = |limit: f64| Some(limit).filter(|limit| limit.is_finite());
                Some(json!({"detector": vote.kind, "verdict": vote.verdict.to_string(), "lower": finite(evidence.lower),
                    "upper": finite(evidence.upper), "score": evidence.score, "points": evidence.points, "words": vote.words}))
            }).collect();
            if !votes.is_empty() {
                object["votes"] = json!(votes);
            }
        }
        object
    };
    views.iter().map(series).collect()
}

fn condition(object: &mut Value, word: &str, since: Timestamp) {
    object["condition"] = json!(word);
    object["since"] = json!(text::rfc3339(since.as_millis()));
}
