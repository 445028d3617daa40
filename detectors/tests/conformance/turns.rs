//! Which of very many series a panel is for makes no difference to what it says, only to when it tidies up.

use crate::story::{Story, panel, variants};
use crate::streams::{START_MS, interval, varied};
use quietgate_detectors::{BatchStart, Calendar, Panel, PanelSpec, Sample, Timestamp, Transition, Zone};
use std::sync::Arc;

/// 2024-03-31T01:00Z, three weeks into the streams: clocks in Europe go from 2 to 3.
const SPRING_MS: i64 = 1_711_846_800_000;
const HOUR_MS: i64 = 3_600_000;

/// Four weeks with a daily shape, with gaps, values taken back, an outage of a day and a batch, told one by one.
fn story(spec: &PanelSpec, turn: u64) -> Story {
    let step = spec.interval.as_millis();
    let a_day = 24 * HOUR_MS / step;
    let (mut told, mut story) = (Panel::new(spec.clone()).in_turn(turn), Story::default());
    let started = Timestamp::from_millis(START_MS + 26 * 24 * HOUR_MS);
    told.batch_starts(BatchStart { at: started, settled: started });
    for cell in 0..28 * a_day {
        let is_missing = cell % 97 == 5 || (17 * a_day..18 * a_day).contains(&cell);
        if is_missing {
            continue;
        }
        let daily = 100 * (cell % a_day) / a_day;
        let value = 200.0 + daily as f64 + varied(cell as usize);
        let at = START_MS + cell * step;
        told.observe(&[Sample::new(at, value)], |block| story.hear(block));
        if cell % 131 == 7 {
            told.observe(&[Sample::new(at, value + 1.0)], |block| story.hear(block));
        }
    }
    story
}

fn the_same_in_any_turn(calendar: Calendar, minutes: i64) {
    let spec = PanelSpec { calendar, ..panel(variants(), interval(minutes * 60_000), 0) };
    let first = story(&spec, 0);
    for turn in [1, 7, 15, 16, 30, 63, u64::MAX] {
        let other = story(&spec, turn);
        let differs = first.cells.iter().find(|(at, told)| other.cells.get(at) != Some(told));
        assert_eq!(differs, None, "every {minutes} minutes, in turn {turn}");
    }
}

#[test]
fn a_panel_says_the_same_in_any_turn() {
    // a day of 24, of 36, of 72 and of 96 cells: shorter and longer than what is done at once
    [60, 40, 20, 15].into_iter().for_each(|minutes| the_same_in_any_turn(Calendar::Utc, minutes));
}

#[test]
fn a_clock_change_within_a_block_is_none_of_its_business() {
    let change = Transition { at: Timestamp::from_millis(SPRING_MS), offset_ms: 2 * HOUR_MS };
    let berlin = || Calendar::Civil(Arc::new(Zone::new(HOUR_MS, vec![change])));
    [20, 15].into_iter().for_each(|minutes| the_same_in_any_turn(berlin(), minutes));
}
