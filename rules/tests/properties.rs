//! What may never come of losing a sample, for the rules that let unknown verdicts not vote.

#[path = "../../detectors/tests/conformance/streams.rs"]
#[allow(dead_code, reason = "the tests of the detectors use all of it")]
mod streams;

use proptest::prelude::*;
use quietgate_detectors::{Block, Calendar, Interval, OptionValue, Panel, PanelSpec, Sample, Spec, Verdict};
use quietgate_rules::{Direction, RuleSpec, Sustain};
use std::collections::BTreeMap;
use streams::{Event, START_MS, dividing, events, samples};

fn rule(kind: &str, options: &[(&str, OptionValue)], detectors: &[&str]) -> RuleSpec {
    let options: Vec<_> = options.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let detectors = detectors.iter().map(|kind| Spec::new(kind, &[]).expect("a kind")).collect();
    RuleSpec::new(kind, &options, detectors, Direction::Either, Sustain::ONE).expect("a rule")
}

/// The rules with their own detectors, and others over detectors whose look-back a gap empties. Not `all` and
/// `at_least`: there one normal verdict may decide, and a detector's verdict may become normal when its past changes.
/// What these make of a lost vote is in the truth tables.
fn rules() -> Vec<RuleSpec> {
    vec![
        rule("by_period", &[], &[]),
        rule("by_period", &[("group", OptionValue::Word("and".to_owned()))], &[]),
        rule("majority", &[], &[]),
        rule("majority", &[], &["ss", "chain", "ca"]),
        rule("any", &[], &["ss", "chain", "ca"]),
    ]
}

/// The combined verdict on each cell that has a sample, by time.
fn judge(rule: &RuleSpec, samples: &[Sample], interval: Interval) -> BTreeMap<i64, Verdict> {
    let mut combiner = rule.combiner();
    let mut panel = Panel::new(PanelSpec {
        detectors: rule.detectors().to_vec(),
        period: combiner.period(),
        interval,
        calendar: Calendar::Utc,
        lateness_ms: 0,
    });
    let mut out = BTreeMap::new();
    panel.observe(samples, |block| match block {
        Block::Judged(run) => {
            let columns: Vec<&[Verdict]> = run.verdicts.iter().map(Vec::as_slice).collect();
            let mut combined = vec![Verdict::Normal; run.values.len()];
            combiner.combine_run(&columns, run.periodic, &mut combined);
            let cells = combined.into_iter().enumerate();
            out.extend(cells.map(|(offset, verdict)| (run.at(offset).as_millis(), verdict)));
        }
        Block::Unknown { at, reason, .. } => {
            out.insert(at.as_millis(), Verdict::Unknown(reason));
        }
        Block::Late { .. } => {}
    });
    out
}

/// Whether nothing is known at `at`: a cell of which nothing was said is unknown as well.
fn unknown(judged: &BTreeMap<i64, Verdict>, at: i64) -> bool {
    judged.get(&at).is_none_or(|verdict| verdict.is_unknown())
}

/// A day that looks like any other, now and then a little off, so that the period test says yes for long.
fn alike() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        60 => (-8..9_i32).prop_map(Some),
        1 => Just(None),
    ];
    proptest::collection::vec(event, 20..250).prop_map(|events| {
        let curve = |cell: usize| 100.0 + 50.0 * ((cell % 24) as f64 * std::f64::consts::TAU / 24.0).sin();
        let event = |(cell, off): (usize, Option<i32>)| match off {
            Some(off) => Event::Value(curve(cell + 1) + f64::from(off), 0),
            None => Event::Gap(1),
        };
        events.into_iter().enumerate().map(event).collect()
    })
}

/// Loses all samples of one cell, not the first, and holds that no other cell went from unknown to normal by it.
fn hold(events: &[Event], interval: Interval, pick: prop::sample::Index) -> Result<(), TestCaseError> {
    // what is too late could be in time once a newer sample is lost: that is another stream
    let in_time = |event: &&Event| !matches!(event, Event::Late(..));
    let samples = samples(&events.iter().filter(in_time).copied().collect::<Vec<_>>(), interval);
    let cell = |sample: &Sample| {
        let offset = (sample.at.as_millis() - START_MS) as f64 / interval.as_millis() as f64;
        offset.round_ties_even() as i64
    };
    let cells: Vec<_> = samples.iter().map(cell).filter(|cell| *cell > 0).collect();
    prop_assume!(!cells.is_empty());
    let lost = cells[pick.index(cells.len())];
    let rest: Vec<_> = samples.iter().filter(|sample| cell(sample) != lost).copied().collect();
    for rule in rules() {
        let (whole, less) = (judge(&rule, &samples, interval), judge(&rule, &rest, interval));
        for (&at, verdict) in &less {
            let became_normal = unknown(&whole, at) && *verdict == Verdict::Normal;
            prop_assert!(!became_normal, "{rule}: normal at {at} by losing cell {lost}");
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_lost_sample_makes_no_unknown_normal(
        events in events(), interval in dividing(), pick in any::<prop::sample::Index>()
    ) {
        hold(&events, interval, pick)?;
    }

    #[test]
    fn a_lost_sample_makes_no_unknown_normal_on_a_periodic_series(events in alike(), pick in any::<prop::sample::Index>()) {
        hold(&events, streams::interval(3_600_000), pick)?;
    }
}
