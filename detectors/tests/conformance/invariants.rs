//! What may be done to a stream without changing what is said of it, and what may never come of losing a sample.

use crate::story::{Story, Told, defaults, given, panel, tell, variants};
use crate::streams::{Event, events, intervals, samples};
use proptest::prelude::*;
use quietgate_detectors::{
    Calendar, DAY_MS, Evidence, Interval, PanelSpec, Sample, Spec, Timestamp, Zone, find,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The kinds that have no limit of their own in the signal's unit.
const SCALE_FREE: [&str; 6] = ["ss", "ls", "ewma3sigma", "chain", "ca", "novelty"];

fn calendars() -> impl Strategy<Value = Calendar> {
    let zone = |quarters: i64| Calendar::Civil(Arc::new(Zone::new(quarters * 900_000, Vec::new())));
    prop_oneof![Just(Calendar::Utc), (-48..57_i64).prop_map(zone)]
}

/// Small look-backs, so that short streams are judged all over.
fn restless() -> Vec<Spec> {
    let of = |kind: &str, options: &[(&str, f64)]| given(find(kind).expect("a kind"), options);
    vec![
        of("ss", &[("samples", 3.0), ("count", 1.0)]),
        of("ls", &[("com", 3.0), ("k", 1.0)]),
        of("ewma3sigma", &[("com", 3.0), ("k", 1.0), ("min_samples", 3.0)]),
        of("chain", &[("days", 3.0), ("min_days", 2.0)]),
        of("ca", &[("days", 3.0), ("min_days", 2.0), ("factor", 0.5)]),
        of("novelty", &[("samples", 10.0), ("limit", 0.1), ("rest", 3.0), ("com", 50.0)]),
    ]
}

/// What keeps its weighted past over the gaps that are made here. After one so long that the weights before it
/// fade away (some 37 x com cells), ewma3sigma judges one sample by the old sigma and needs two for a new one: there
/// losing the first of the two does make the second known, as in the reference.
fn unfading() -> Vec<Spec> {
    let all = [variants(), restless()].concat();
    all.into_iter().filter(|spec| spec.options().number("com").is_none_or(|com| com >= 50.0)).collect()
}

proptest! {
    #[test]
    fn a_shift_by_whole_days_changes_nothing(
        events in events(), interval in intervals(), days in -15_000..15_000_i64, calendar in calendars()
    ) {
        let samples = samples(&events, interval);
        let shift = days * DAY_MS;
        let shifted: Vec<_> = samples.iter().map(|s| Sample::new(s.at.as_millis() + shift, s.value)).collect();
        let spec = PanelSpec { calendar, ..panel([variants(), restless()].concat(), interval, 0) };
        let mut back = tell(&spec, &shifted, &[]);
        let unshift = |at: Timestamp| Timestamp::from_millis(at.as_millis() - shift);
        back.cells = back.cells.into_iter().map(|(at, told)| (unshift(at), told)).collect();
        back.late.iter_mut().for_each(|at| *at = unshift(*at));
        prop_assert_eq!(back, tell(&spec, &samples, &[]));
    }

    #[test]
    fn scaling_the_values_scales_the_limits_and_changes_no_verdict(
        events in events(), interval in intervals(), power in -60..60_i32
    ) {
        // a power of two, so that nothing is rounded otherwise than before
        let scale = 2.0_f64.powi(power);
        let samples = samples(&events, interval);
        let scaled: Vec<_> = samples.iter().map(|s| Sample { value: s.value * scale, ..*s }).collect();
        let free = defaults().into_iter().filter(|spec| SCALE_FREE.contains(&spec.entry().kind));
        let spec = panel(free.chain(restless()).collect(), interval, 0);
        let expected = scaled_story(tell(&spec, &samples, &[]), scale);
        prop_assert_eq!(tell(&spec, &scaled, &[]), expected);
    }

    #[test]
    fn a_lost_sample_makes_nothing_known(events in events(), interval in intervals(), pick in any::<prop::sample::Index>()) {
        // what is too late as it is could be in time once a newer sample is lost: that is another stream
        let in_time = |event: &Event| !matches!(event, Event::Late(..));
        let samples = samples(&events.into_iter().filter(in_time).collect::<Vec<_>>(), interval);
        let spec = panel(unfading(), interval, 0);
        let whole = tell(&spec, &samples, &[]);
        // all samples of one cell are lost; the first cell stays, as the grid begins there
        let cells: Vec<_> = whole.cells.keys().copied().skip(1).collect();
        prop_assume!(!cells.is_empty());
        let lost = cells[pick.index(cells.len())];
        let in_lost = |s: &&Sample| nearest(s.at, interval) != lost;
        let rest: Vec<_> = samples.iter().filter(in_lost).copied().collect();
        let less = tell(&spec, &rest, &[]);
        prop_assert!(!less.cells.contains_key(&lost));
        for (at, told) in &less.cells {
            let before = unknown_columns(whole.cells.get(at), spec.detectors.len());
            let after = unknown_columns(Some(told), spec.detectors.len());
            for (column, (before, after)) in before.iter().zip(after).enumerate() {
                let kind = spec.detectors[column].entry().kind;
                prop_assert!(!before || after, "{kind} at {at:?} became known by losing {lost:?}");
            }
        }
    }
}

/// The cell of a sample: the nearest, a tie goes to the even one.
fn nearest(at: Timestamp, interval: Interval) -> Timestamp {
    let offset = (at.as_millis() - crate::streams::START_MS) as f64 / interval.as_millis() as f64;
    let cell = offset.round_ties_even() as i64;
    Timestamp::from_millis(crate::streams::START_MS + cell * interval.as_millis())
}

/// Whether each detector has no verdict on a cell; a cell of which nothing was said has none.
fn unknown_columns(told: Option<&Told>, detectors: usize) -> Vec<bool> {
    match told {
        Some(Told::Judged { judgements, .. }) => judgements.iter().map(|j| j.verdict.is_unknown()).collect(),
        Some(Told::Unknown(_)) | None => vec![true; detectors],
    }
}

/// What the story must be when all values are `scale` times as large.
fn scaled_story(story: Story, scale: f64) -> Story {
    let cells: BTreeMap<_, _> = story
        .cells
        .into_iter()
        .map(|(at, mut told)| {
            if let Told::Judged { value, judgements, .. } = &mut told {
                *value *= scale;
                judgements.iter_mut().filter_map(|j| j.evidence.as_mut()).for_each(|e| *e = scaled(e, scale));
            }
            (at, told)
        })
        .collect();
    Story { cells, ..story }
}

/// Score and points have no unit.
fn scaled(evidence: &Evidence, scale: f64) -> Evidence {
    let [value, lower, upper, basis] =
        [evidence.value, evidence.lower, evidence.upper, evidence.basis].map(|number| number * scale);
    Evidence { value, lower, upper, basis, ..*evidence }
}
