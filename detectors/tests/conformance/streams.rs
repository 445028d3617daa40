//! Made streams of samples, with everything that goes wrong in real ones.

use proptest::collection::vec;
use proptest::prelude::*;
use quietgate_detectors::{Interval, Sample};

/// When made streams begin: a Saturday, midnight UTC.
pub(crate) const START_MS: i64 = 1_709_942_400_000;
const HOUR_MS: i64 = 3_600_000;

/// What happens at the next cell of a stream.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Event {
    /// A sample, so many thousandths of an interval early or late.
    Value(f64, i64),
    /// No sample for so many cells.
    Gap(i64),
    /// A sample that is no number.
    NotANumber,
    /// The same value twice.
    Twice(f64),
    /// Two values at one time.
    Conflict(f64, f64),
    /// No number, then a value.
    Mended(f64),
    /// A sample of so many cells ago; the stream does not move on.
    Late(f64, i64),
}

/// Values that are told apart by far more than rounding, some of them often equal.
pub(crate) fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (380..420_i32).prop_map(|quarters| f64::from(quarters) / 4.0),
        2 => (-4..5_i32).prop_map(f64::from),
        2 => Just(100.0),
        1 => (-4000..4000_i32).prop_map(|halves| f64::from(halves) / 2.0),
    ]
}

/// A stream with gaps (some longer than two weeks of 6 hours), repeats, conflicts, disorder and jitter.
pub(crate) fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        40 => (value(), -400..400_i64).prop_map(|(value, early)| Event::Value(value, early)),
        20 => value().prop_map(|value| Event::Value(value, 0)),
        3 => (1..6_i64).prop_map(Event::Gap),
        1 => (1..70_i64).prop_map(Event::Gap),
        2 => Just(Event::NotANumber),
        2 => value().prop_map(Event::Twice),
        3 => (value(), value()).prop_map(|(a, b)| Event::Conflict(a, b)),
        1 => value().prop_map(Event::Mended),
        2 => (value(), 0..5_i64).prop_map(|(value, cells)| Event::Late(value, cells)),
    ];
    vec(event, 0..250)
}

/// Intervals that divide the day, from 1 hour (so that two weeks do not fit) to a day.
pub(crate) fn dividing() -> impl Strategy<Value = Interval> {
    let hours = prop_oneof![Just(1), Just(4), Just(6), Just(8), Just(12), Just(24)];
    hours.prop_map(|hours| interval(hours * HOUR_MS))
}

/// Intervals of any kind.
pub(crate) fn intervals() -> impl Strategy<Value = Interval> {
    prop_oneof![3 => dividing(), 1 => Just(interval(5 * HOUR_MS)), 1 => Just(interval(16 * HOUR_MS))]
}

/// An interval that is in range.
pub(crate) fn interval(ms: i64) -> Interval {
    Interval::from_millis(ms).expect("in range")
}

/// The samples of a stream, in the order of arrival. The first cell, which fixes the grid, has one of its own.
pub(crate) fn samples(events: &[Event], interval: Interval) -> Vec<Sample> {
    let step = interval.as_millis();
    let mut out = vec![Sample::new(START_MS, 99.25)];
    let mut at = START_MS + step;
    for &event in events {
        let mut put = |offset_ms: i64, value: f64| out.push(Sample::new(at + offset_ms, value));
        match event {
            Event::Value(value, early) => put(step * early / 1000, value),
            Event::Gap(_) => {}
            Event::NotANumber => put(0, f64::NAN),
            Event::Twice(value) => [0, 1].map(|_| put(0, value)).into_iter().collect(),
            Event::Conflict(a, b) => [a, b].map(|value| put(0, value)).into_iter().collect(),
            Event::Mended(value) => [f64::NAN, value].map(|value| put(0, value)).into_iter().collect(),
            Event::Late(value, cells) => put(-(cells + 1) * step, value),
        }
        at += step
            * match event {
                Event::Gap(cells) => cells,
                Event::Late(..) => 0,
                _ => 1,
            };
    }
    out
}

/// A value that is never 0 and never the same as the one before.
pub(crate) fn varied(cell: usize) -> f64 {
    let swing = (cell as f64 * 0.7).sin();
    20.0 + 5.0 * swing + (cell * 37 % 101) as f64 / 16.0
}

/// One sample a cell.
pub(crate) fn unbroken(interval: Interval, values: impl IntoIterator<Item = f64>) -> Vec<Sample> {
    let times = (0..).map(|cell| START_MS + cell * interval.as_millis());
    times.zip(values).map(|(at, value)| Sample::new(at, value)).collect()
}
