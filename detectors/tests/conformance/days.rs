//! The two stores of earlier days agree: a zone that is always at UTC has UTC's days, kept in the other store.

use crate::story::{cuts, defaults, panel, tell, variants};
use crate::streams::{dividing, events, samples, unbroken, varied};
use proptest::prelude::*;
use quietgate_detectors::{Calendar, Interval, PanelSpec, Sample, Spec, Timestamp, Transition, Zone};
use std::sync::Arc;

fn always_utc() -> Calendar {
    Calendar::Civil(Arc::new(Zone::new(0, Vec::new())))
}

fn seasonal() -> Vec<Spec> {
    let short = |kind: &str, days: f64| {
        let entry = quietgate_detectors::find(kind).expect("a kind");
        crate::story::given(entry, &[("days", days), ("min_days", 1.0)])
    };
    let mut specs: Vec<_> = variants().into_iter().filter(|spec| spec.entry().seasonal).collect();
    specs.extend([short("chain", 2.0), short("chain", 3.0), short("ca", 2.0), short("ca", 3.0)]);
    specs
}

proptest! {
    #[test]
    fn days_of_utc_and_of_a_zone_at_utc_are_the_same(
        events in events(), interval in dividing(), cuts in cuts(), late in 0..3_i64
    ) {
        let samples = samples(&events, interval);
        let by_slot = panel(seasonal(), interval, late * interval.as_millis());
        let by_lag = PanelSpec { calendar: always_utc(), ..by_slot.clone() };
        prop_assert_eq!(tell(&by_slot, &samples, &cuts), tell(&by_lag, &samples, &cuts));
    }

    #[test]
    fn a_zone_is_told_apart_only_by_its_changes(
        events in events(), interval in dividing(), quarters in -48..57_i64, far_change in any::<bool>()
    ) {
        // a change long before the stream only sets the offset
        let offset_ms = quarters * 900_000;
        let change = Transition { at: Timestamp::from_millis(0), offset_ms };
        let zone = if far_change { Zone::new(0, vec![change]) } else { Zone::new(offset_ms, Vec::new()) };
        let samples = samples(&events, interval);
        let utc = panel(seasonal(), interval, 0);
        let civil = PanelSpec { calendar: Calendar::Civil(Arc::new(zone)), ..utc.clone() };
        prop_assert_eq!(tell(&utc, &samples, &[]), tell(&civil, &samples, &[]));
    }
}

/// 2024-03-31T01:00Z: clocks in Europe go from 2 to 3.
const SPRING_MS: i64 = 1_711_846_800_000;
const HOUR_MS: i64 = 3_600_000;

#[test]
fn what_follows_the_clock_on_the_wall_is_quiet_over_a_clock_change() {
    let change = Transition { at: Timestamp::from_millis(SPRING_MS), offset_ms: 2 * HOUR_MS };
    let berlin = Calendar::Civil(Arc::new(Zone::new(HOUR_MS, vec![change])));
    let interval = Interval::from_millis(HOUR_MS).expect("an hour");
    // each hour of the clock has its own level, far from the others
    let level = |at: i64| {
        let offset = if at < SPRING_MS { HOUR_MS } else { 2 * HOUR_MS };
        10.0 + varied(usize::try_from((at + offset) / HOUR_MS % 24).expect("an hour of the day") * 7)
    };
    let start = SPRING_MS - 20 * 24 * HOUR_MS;
    let stream: Vec<_> = unbroken(interval, vec![0.0; 40 * 24])
        .iter()
        .enumerate()
        .map(|(cell, _)| {
            let at = start + cell as i64 * HOUR_MS;
            Sample::new(at, level(at))
        })
        .collect();
    let chain: Vec<_> = defaults().into_iter().filter(|spec| spec.entry().kind == "chain").collect();
    let fired = |calendar| {
        let story = tell(&PanelSpec { calendar, ..panel(chain.clone(), interval, 0) }, &stream, &[]);
        story.of(0).into_iter().flatten().filter(|judgement| judgement.verdict.fired()).count()
    };
    assert_eq!(fired(berlin), 0);
    assert!(fired(Calendar::Utc) > 0, "the stream must tell the calendars apart");
}
