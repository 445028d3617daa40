//! Score, limits and words go with the verdict they stand behind.

use crate::story::{Story, Told, panel, tell, variants};
use crate::streams::{events, interval, intervals, samples, unbroken};
use proptest::collection::vec;
use proptest::prelude::*;
use quietgate_detectors::{Evidence, Judgement, Panel, Verdict, number};

/// Fire on how many of the look-back differ, on what was never seen, or for how long a value lasts, and not on a limit of the
/// value itself.
const WITHOUT_LIMITS: &[&str] = &["ss", "novelty", "flatline", "absence"];

/// Limits are told after rounding.
const ROUNDING: f64 = 1e-9;

proptest! {
    #[test]
    fn score_and_limits_agree_with_the_verdict(events in events(), interval in intervals()) {
        let spec = panel(variants(), interval, 0);
        let story = tell(&spec, &samples(&events, interval), &[]);
        for (value, column, judgement) in judged(&story) {
            let kind = spec.detectors[column].entry().kind;
            if let Some(complaint) = complaint(kind, value, judgement) {
                prop_assert!(false, "{kind}: {complaint}: {value} {judgement:?}");
            }
        }
    }

    #[test]
    fn a_score_is_finite_whatever_comes(values in vec(any::<f64>(), 0..120), cut in 1..50_usize) {
        let spec = panel(variants(), interval(12 * 3_600_000), 0);
        let story = tell(&spec, &unbroken(spec.interval, values), &[cut]);
        for (value, _, judgement) in judged(&story) {
            if let Some(evidence) = judgement.evidence {
                prop_assert!(evidence.score.is_finite() && evidence.score >= 0.0, "{value}: {evidence:?}");
            }
        }
    }

    #[test]
    fn words_are_one_clause_that_names_the_value(events in events(), interval in intervals()) {
        let spec = panel(variants(), interval, 0);
        let (samples, mut panel, mut story) = (samples(&events, interval), Panel::new(spec), Story::default());
        panel.observe(&samples, |block| story.hear(block));
        for (at, told) in &story.cells {
            for (column, judgement) in judgements(told) {
                if let Some(evidence) = judgement.evidence {
                    let words = panel.words(column, judgement.verdict, &evidence, *at);
                    prop_assert!(is_a_clause(&words, evidence.value), "{words:?}");
                }
            }
        }
    }
}

/// Value, detector and judgement, cell by cell.
fn judged(story: &Story) -> impl Iterator<Item = (f64, usize, Judgement)> {
    story.cells.values().flat_map(|told| {
        let value = match told {
            Told::Judged { value, .. } => *value,
            Told::Unknown(_) => f64::NAN,
        };
        judgements(told).map(move |(column, judgement)| (value, column, judgement))
    })
}

fn judgements(told: &Told) -> impl Iterator<Item = (usize, Judgement)> {
    let judgements = match told {
        Told::Judged { judgements, .. } => judgements.as_slice(),
        Told::Unknown(_) => &[],
    };
    judgements.iter().copied().enumerate()
}

/// What does not fit together, if anything.
fn complaint(kind: &str, value: f64, judgement: Judgement) -> Option<&'static str> {
    let Judgement { verdict, evidence } = judgement;
    let Some(evidence) = evidence else {
        return (!verdict.is_unknown()).then_some("a verdict without evidence");
    };
    if verdict.is_unknown() {
        return Some("evidence without a verdict");
    }
    let scored = if verdict.fired() {
        evidence.score >= 1.0 - ROUNDING
    } else {
        (0.0..=1.0 + ROUNDING).contains(&evidence.score)
    };
    let limited = WITHOUT_LIMITS.contains(&kind) || beyond(&evidence, verdict);
    match (evidence.value == value, scored, limited) {
        (false, ..) => Some("another value"),
        (_, false, _) => Some("the score is on the other side of 1"),
        (_, _, false) => Some("the value is on the other side of a limit"),
        _ => None,
    }
}

/// Whether the value lies where the verdict says, up to rounding.
fn beyond(evidence: &Evidence, verdict: Verdict) -> bool {
    let Evidence { value, lower, upper, .. } = *evidence;
    let leeway = |limit: f64| if limit.is_finite() { ROUNDING * value.abs().max(limit.abs()) } else { 0.0 };
    match verdict {
        Verdict::Surge => value > upper - leeway(upper),
        Verdict::Drop => value < lower + leeway(lower),
        _ => value <= upper + leeway(upper) && value >= lower - leeway(lower),
    }
}

fn is_a_clause(words: &str, value: f64) -> bool {
    let infinite = words.split(|c: char| !c.is_alphabetic()).any(|word| matches!(word, "inf" | "infinity"));
    words.starts_with(&format!("value {} ", number(value)))
        && !words.contains("NaN")
        && !words.contains("not a number")
        && !infinite
        && !words.contains(['\n', '\r'])
        && !words.ends_with('.')
}

#[test]
fn the_checks_can_fail() {
    let evidence = Evidence { value: 5.0, lower: 1.0, upper: 4.0, score: 1.5, points: 3, basis: 2.0 };
    let judgement = |verdict, evidence| Judgement { verdict, evidence };
    assert_eq!(complaint("ls", 5.0, judgement(Verdict::Surge, Some(evidence))), None);
    assert!(complaint("ls", 5.0, judgement(Verdict::Drop, Some(evidence))).is_some());
    assert!(complaint("ls", 5.0, judgement(Verdict::Normal, Some(evidence))).is_some());
    assert!(complaint("ls", 4.0, judgement(Verdict::Surge, Some(evidence))).is_some());
    assert!(complaint("ls", 5.0, judgement(Verdict::Surge, None)).is_some());
    assert!(is_a_clause("value 5 is above 4", 5.0));
    for wrong in
        ["value 5 is above inf", "value 5 is above 4.", "value 6 is above 4", "value 5 is\nabove", ""]
    {
        assert!(!is_a_clause(wrong, 5.0), "{wrong:?}");
    }
}
