//! Round times for a time axis: whole minutes, hours, days, months of the zone in which times are shown.

use jiff::{Timestamp, civil, tz::TimeZone};
use quietgate_detectors::DAY_MS;

use super::scale::TimeScale;
use crate::text;

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
/// The mean month, to choose a distance by.
const MONTH: i64 = 2_629_746_000;

/// Distances of ticks up to two weeks, each dividing a larger one.
#[rustfmt::skip]
const STEPS: [i64; 30] = [
    1, 2, 5, 10, 20, 50, 100, 200, 500,
    SECOND, 2 * SECOND, 5 * SECOND, 10 * SECOND, 15 * SECOND, 30 * SECOND,
    MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE,
    HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR,
    DAY_MS, 2 * DAY_MS, 7 * DAY_MS, 14 * DAY_MS,
];

/// Distances in months, where two weeks are too close.
const MONTH_STEPS: [i64; 10] = [1, 3, 6, 12, 24, 60, 120, 240, 600, 1_200];

/// More ticks than this do not fit: on a narrow screen every other label is hidden, which leaves four.
const MOST: i64 = 8;

/// 1970-01-05, the first Monday: weeks are counted from it.
const MONDAY: i64 = 4 * DAY_MS;

/// A label nearer to an edge than this share of the width would be cut off.
const EDGES: std::ops::RangeInclusive<f64> = 0.02..=0.96;

/// A round time with its place and label.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    /// From the left edge (0) to the right one (1).
    pub(super) place: f64,
    /// `08:30`, at midnight `9 Mar`.
    pub(super) label: String,
}

/// The round times of a scale, at most nine. None where the times are outside the calendar.
pub(super) fn time_ticks(scale: TimeScale, zone: &TimeZone) -> Vec<Tick> {
    let span = scale.span();
    let step = STEPS.into_iter().find(|step| span.len_ms() / step <= MOST);
    let ticks = match step {
        Some(step) => clock_ticks(span.from_ms, step, zone),
        None => month_ticks(span.from_ms, span.len_ms(), zone),
    };
    ticks
        .unwrap_or_default()
        .into_iter()
        .map(|(ms, label)| Tick { place: scale.at(ms), label })
        .filter(|tick| EDGES.contains(&tick.place))
        .collect()
}

/// Multiples of `step` on the clock of the zone, from the last one before `from_ms`.
fn clock_ticks(from_ms: i64, step: i64, zone: &TimeZone) -> Option<Vec<(i64, String)>> {
    let clock = to_clock(from_ms, zone)?;
    let origin = if step % (7 * DAY_MS) == 0 { MONDAY } else { 0 };
    let first = (clock - origin).div_euclid(step) * step + origin;
    let tick = |i: i64| {
        let clock = first + i * step;
        let ms = from_clock(clock, zone)?;
        let format = if clock.rem_euclid(DAY_MS) == 0 { "%-d %b" } else { clock_format(step) };
        Some((ms, text::time_as(ms, zone, format)?))
    };
    Some((0..=MOST + 1).filter_map(tick).collect())
}

fn clock_format(step: i64) -> &'static str {
    if step < SECOND {
        "%H:%M:%S.%3f"
    } else if step < MINUTE {
        "%H:%M:%S"
    } else {
        "%H:%M"
    }
}

/// First days of months, from the last one before `from_ms`.
fn month_ticks(from_ms: i64, len_ms: i64, zone: &TimeZone) -> Option<Vec<(i64, String)>> {
    let step = MONTH_STEPS.into_iter().find(|step| len_ms / (step * MONTH) <= MOST)?;
    let start = Timestamp::from_millisecond(from_ms).ok()?.to_zoned(zone.clone()).date();
    let months = i64::from(start.year()) * 12 + i64::from(start.month()) - 1;
    let first = months.div_euclid(step) * step;
    let format = if step % 12 == 0 { "%Y" } else { "%b %Y" };
    let tick = |i: i64| {
        let month = first + i * step;
        let year = i16::try_from(month.div_euclid(12)).ok()?;
        let date = civil::Date::new(year, i8::try_from(month.rem_euclid(12)).ok()? + 1, 1).ok()?;
        let ms = date.to_zoned(zone.clone()).ok()?.timestamp().as_millisecond();
        Some((ms, text::time_as(ms, zone, format)?))
    };
    Some((0..=MOST + 1).filter_map(tick).collect())
}

/// What the clock of the zone shows, as if that were UTC.
fn to_clock(ms: i64, zone: &TimeZone) -> Option<i64> {
    let shown = Timestamp::from_millisecond(ms).ok()?.to_zoned(zone.clone()).datetime();
    Some(shown.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond())
}

/// When the clock of the zone shows this.
fn from_clock(clock: i64, zone: &TimeZone) -> Option<i64> {
    let shown = Timestamp::from_millisecond(clock).ok()?.to_zoned(TimeZone::UTC).datetime();
    Some(shown.to_zoned(zone.clone()).ok()?.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::super::model::Span;
    use super::*;

    fn labels(from: &str, until: &str, zone: &TimeZone) -> Vec<String> {
        let ms = |text: &str| text.parse::<Timestamp>().expect("a valid time").as_millisecond();
        let scale = TimeScale::new(Span { from_ms: ms(from), until_ms: ms(until) });
        time_ticks(scale, zone).into_iter().map(|tick| tick.label).collect()
    }

    fn berlin() -> TimeZone {
        TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a valid rule")
    }

    #[test]
    fn ticks_are_round_at_every_length() {
        let utc = TimeZone::UTC;
        let cases = [
            (
                "2024-03-09T08:00:00Z",
                "2024-03-09T08:00:01Z",
                "08:00:00.200 08:00:00.400 08:00:00.600 08:00:00.800",
            ),
            ("2024-03-09T07:58:00Z", "2024-03-09T08:01:00Z", "07:58:30 07:59:00 07:59:30 08:00:00 08:00:30"),
            (
                "2024-03-09T23:10:00Z",
                "2024-03-10T01:10:00Z",
                "23:15 23:30 23:45 10 Mar 00:15 00:30 00:45 01:00",
            ),
            ("2024-03-05T05:00:00Z", "2024-03-18T05:00:00Z", "6 Mar 8 Mar 10 Mar 12 Mar 14 Mar 16 Mar"),
            ("2024-03-01T00:00:00Z", "2024-04-20T00:00:00Z", "4 Mar 11 Mar 18 Mar 25 Mar 1 Apr 8 Apr 15 Apr"),
            ("2024-01-15T00:00:00Z", "2025-03-01T00:00:00Z", "Apr 2024 Jul 2024 Oct 2024 Jan 2025"),
            ("1990-06-01T00:00:00Z", "2024-06-01T00:00:00Z", "1995 2000 2005 2010 2015 2020"),
        ];
        for (from, until, expected) in cases {
            assert_eq!(labels(from, until, &utc).join(" "), expected);
        }
    }

    #[test]
    fn ticks_follow_the_clock_of_the_zone() {
        // the clocks go forward at 02:00; ticks of six hours stay on the clock's round hours
        let labels = labels("2024-03-30T17:10:00Z", "2024-03-31T21:00:00Z", &berlin());
        assert_eq!(labels.join(" "), "31 Mar 06:00 12:00 18:00");
    }

    #[test]
    fn times_outside_the_calendar_have_no_ticks() {
        let scale = TimeScale::new(Span { from_ms: i64::MIN, until_ms: i64::MAX });
        assert_eq!(time_ticks(scale, &TimeZone::UTC), []);
    }
}
