//! What a day is: 86,400 s of UTC, or a civil day of a time zone.
//!
//! A time zone comes in as a table of its transitions, so that nothing here reads the zone database.

use crate::sample::{DAY_MS, Timestamp};
use std::sync::Arc;

/// The calendar by which "the same time on an earlier day" is found.
#[derive(Debug, Clone)]
pub enum Calendar {
    /// Every day is 86,400 s.
    Utc,
    /// A day is what the clocks of this zone show.
    Civil(Arc<Zone>),
}

/// A change of a zone's offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// The first instant at which the new offset holds.
    pub at: Timestamp,
    /// Local time minus UTC from then on, in milliseconds.
    pub offset_ms: i64,
}

/// The offsets of a time zone over the time that is judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    first_offset_ms: i64,
    transitions: Vec<Transition>,
}

/// No zone is further from UTC than this.
const OFFSET_MAX_MS: i64 = 26 * 3_600_000;
/// Offsets and transitions of all zones since 1972 are multiples of a quarter of an hour.
const QUARTER_MS: i64 = 15 * 60_000;

impl Zone {
    /// A zone with `first_offset_ms` before the first of `transitions`, which are sorted by time here.
    pub fn new(first_offset_ms: i64, mut transitions: Vec<Transition>) -> Self {
        transitions.sort_by_key(|t| t.at);
        Self { first_offset_ms, transitions }
    }

    /// Local time minus UTC at the instant `utc_ms`.
    fn offset_at(&self, utc_ms: i64) -> i64 {
        self.offset_of_period(self.period_at(utc_ms))
    }

    /// The period (0 is before the first transition) in which `utc_ms` lies.
    fn period_at(&self, utc_ms: i64) -> usize {
        self.transitions.partition_point(|t| t.at.as_millis() <= utc_ms)
    }

    fn offset_of_period(&self, period: usize) -> i64 {
        match period.checked_sub(1) {
            None => self.first_offset_ms,
            Some(i) => self.transitions[i].offset_ms,
        }
    }

    /// The first instant at which the clocks show `local_ms`; none where they never do.
    fn first_at(&self, local_ms: i64) -> Option<i64> {
        let earliest = self.period_at(local_ms - OFFSET_MAX_MS);
        let latest = self.period_at(local_ms + OFFSET_MAX_MS);
        (earliest..=latest).find_map(|period| {
            let utc = local_ms - self.offset_of_period(period);
            (self.period_at(utc) == period).then_some(utc)
        })
    }

    /// When the offset changes next after `utc_ms`.
    fn next_change(&self, utc_ms: i64) -> i64 {
        self.transitions.get(self.period_at(utc_ms)).map_or(i64::MAX, |change| change.at.as_millis())
    }

    /// Whether the offset is the same at all times of `from_ms..=until_ms`.
    fn steady(&self, from_ms: i64, until_ms: i64) -> bool {
        self.period_at(from_ms) == self.period_at(until_ms)
    }

    fn on_quarters(&self) -> bool {
        self.first_offset_ms % QUARTER_MS == 0
            && self
                .transitions
                .iter()
                .all(|t| t.offset_ms % QUARTER_MS == 0 && t.at.as_millis() % QUARTER_MS == 0)
    }
}

impl Calendar {
    /// The instant at which the clocks showed the same time `days` days earlier: none where they skipped
    /// it that day (spring), the first of the two where they showed it twice (autumn).
    pub fn earlier(&self, at: Timestamp, days: u32) -> Option<Timestamp> {
        let back = i64::from(days) * DAY_MS;
        match self {
            Self::Utc => Some(Timestamp::from_millis(at.as_millis() - back)),
            Self::Civil(zone) => {
                let local = at.as_millis() + zone.offset_at(at.as_millis());
                zone.first_at(local - back).map(Timestamp::from_millis)
            }
        }
    }

    /// Until when (exclusive) the same lags hold as at `at`, for look-backs of up to `days` days:
    /// as long as no clock change comes into sight or leaves it.
    pub(crate) fn lags_hold_until(&self, at: Timestamp, days: u32) -> Timestamp {
        let now = at.as_millis();
        let until = match self {
            Self::Utc => i64::MAX,
            Self::Civil(zone) => {
                let from = now - i64::from(days + 1) * DAY_MS - OFFSET_MAX_MS;
                let far = now + DAY_MS;
                if zone.steady(from, far) {
                    far
                } else if zone.on_quarters() {
                    (now.div_euclid(QUARTER_MS) + 1) * QUARTER_MS
                } else {
                    now + 1
                }
            }
        };
        Timestamp::from_millis(until)
    }

    /// Which of `parts` equal parts of the day the clocks show at `at`, from 0, and until when (exclusive) that is sure.
    pub(crate) fn part_of_day(&self, at: Timestamp, parts: u32) -> (usize, Timestamp) {
        let (now, parts) = (at.as_millis(), i64::from(parts));
        let (offset, change) = match self {
            Self::Utc => (0, i64::MAX),
            Self::Civil(zone) => (zone.offset_at(now), zone.next_change(now)),
        };
        let time = (now + offset).rem_euclid(DAY_MS);
        let part = time * parts / DAY_MS;
        // the first millisecond of the next part
        let end = ((part + 1) * DAY_MS + parts - 1) / parts;
        (usize::try_from(part).unwrap_or(0), Timestamp::from_millis(change.min(now + end - time)))
    }

    /// The time of day that the clocks show, `HH:MM`, with seconds where they are not zero.
    pub fn time_of_day(&self, at: Timestamp) -> String {
        let offset = match self {
            Self::Utc => 0,
            Self::Civil(zone) => zone.offset_at(at.as_millis()),
        };
        let second = (at.as_millis() + offset).rem_euclid(DAY_MS) / 1000;
        let (h, m, s) = (second / 3600, second / 60 % 60, second % 60);
        if s == 0 { format!("{h:02}:{m:02}") } else { format!("{h:02}:{m:02}:{s:02}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    /// Berlin around the spring change of 2024-03-31T01:00Z and the autumn change of 2024-10-27T01:00Z.
    fn berlin() -> Calendar {
        let at = |ms| Timestamp::from_millis(ms);
        Calendar::Civil(Arc::new(Zone::new(
            HOUR,
            vec![
                Transition { at: at(1_711_846_800_000), offset_ms: 2 * HOUR },
                Transition { at: at(1_729_990_800_000), offset_ms: HOUR },
            ],
        )))
    }

    fn lag_hours(calendar: &Calendar, at_ms: i64) -> Option<i64> {
        let at = Timestamp::from_millis(at_ms);
        calendar.earlier(at, 1).map(|t| (at_ms - t.as_millis()) / HOUR)
    }

    #[test]
    fn a_utc_day_is_24_hours() {
        assert_eq!(lag_hours(&Calendar::Utc, 1_711_846_800_000), Some(24));
    }

    #[test]
    fn the_spring_day_is_23_hours_and_its_missing_hour_is_skipped() {
        let noon = 1_711_879_200_000; // 2024-03-31T10:00Z, 12:00 in Berlin
        assert_eq!(lag_hours(&berlin(), noon), Some(23));
        let half_past_two_next_day = 1_711_931_400_000; // 2024-04-01T00:30Z, 02:30 in Berlin
        assert_eq!(lag_hours(&berlin(), half_past_two_next_day), None);
    }

    #[test]
    fn the_autumn_hour_means_its_first_occurrence() {
        let half_past_two_next_day = 1_730_079_000_000; // 2024-10-28T01:30Z, 02:30 in Berlin
        assert_eq!(lag_hours(&berlin(), half_past_two_next_day), Some(25));
    }

    #[test]
    fn lags_hold_longer_where_no_change_is_in_sight() {
        let summer = Timestamp::from_millis(1_720_000_000_000);
        assert_eq!(berlin().lags_hold_until(summer, 14).as_millis(), 1_720_000_000_000 + DAY_MS);
        let change = Timestamp::from_millis(1_711_846_800_001);
        assert_eq!(berlin().lags_hold_until(change, 14).as_millis(), 1_711_846_800_000 + QUARTER_MS);
    }

    #[test]
    fn a_part_of_the_day_holds_until_the_next_one_or_a_clock_change() {
        let part = |calendar: &Calendar, at_ms, parts| {
            let (part, until) = calendar.part_of_day(Timestamp::from_millis(at_ms), parts);
            (part, until.as_millis() - at_ms)
        };
        assert_eq!(part(&Calendar::Utc, 0, 8), (0, 3 * HOUR));
        assert_eq!(part(&Calendar::Utc, -1, 8), (7, 1));
        assert_eq!(part(&Calendar::Utc, 4 * HOUR, 8), (1, 2 * HOUR));
        // a day has no whole number of milliseconds in each of 7 parts: the seventh begins within one
        assert_eq!(part(&Calendar::Utc, 12_342_857, 7), (0, 1));
        assert_eq!(part(&Calendar::Utc, 12_342_858, 7), (1, 12_342_858 - 1));
        // 2024-03-31T00:30Z is 01:30 in Berlin, and half an hour later it is 03:00
        assert_eq!(part(&berlin(), 1_711_845_000_000, 8), (0, HOUR / 2));
        assert_eq!(part(&berlin(), 1_711_846_800_000, 8), (1, 3 * HOUR));
    }

    #[test]
    fn the_time_of_day_is_local() {
        assert_eq!(berlin().time_of_day(Timestamp::from_millis(1_711_879_200_000)), "12:00");
        assert_eq!(Calendar::Utc.time_of_day(Timestamp::from_millis(61_000)), "00:01:01");
    }
}
