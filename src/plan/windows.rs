//! Maintenance windows: the times of the week at which batches may start, by the clocks of a time zone.

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::{Disambiguation, TimeZone};
use jiff::{Timestamp, ToSpan};
use std::fmt;
use std::str::FromStr;

/// When batches may start: in one of the `allow`ed ranges, or at any time where there are none, and in none of the
/// `deny` ranges.
///
/// Where clocks change, a time of theirs may come twice or never. Then an allowed range is as short as it may be
/// read, and a denied one as long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Windows {
    /// The zone whose clocks count.
    pub zone: TimeZone,
    /// When batches may start.
    pub allow: Vec<Range>,
    /// When they may not, whatever is allowed.
    pub deny: Vec<Range>,
}

/// A time of the week, as `mon-fri 22:00-05:00`: from the first time of each of its days until the second, which is one
/// of the next day where it is not later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The days on which it begins.
    pub days: Days,
    /// When it begins, in minutes from midnight: 0 to 1439.
    pub from_min: u16,
    /// When it ends, in minutes from midnight: 1 to 1440. It is never the same as `from_min`.
    pub until_min: u16,
}

/// Days of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days(u8);

/// Whether batches may start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opening {
    /// They may.
    Open {
        /// Until when, in UTC milliseconds; none where that does not end.
        until_ms: Option<i64>,
    },
    /// They may not.
    Closed {
        /// Until when, in UTC milliseconds; none where that does not end.
        until_ms: Option<i64>,
        /// Why not.
        reason: Reason,
    },
}

/// Why batches may not start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// None of the allowed ranges has begun.
    NotAllowed,
    /// It is this denied range.
    Denied(Range),
}

impl Opening {
    /// What holds where both must be open.
    pub(super) fn both(self, other: Self) -> Self {
        // none is later than every time
        let later = |a: Option<i64>, b: Option<i64>| a.unwrap_or(i64::MAX) >= b.unwrap_or(i64::MAX);
        match (&self, &other) {
            (Self::Open { until_ms: a }, Self::Open { until_ms: b }) => {
                if later(*a, *b) {
                    other
                } else {
                    self
                }
            }
            (Self::Closed { until_ms: a, .. }, Self::Closed { until_ms: b, .. }) => {
                if later(*a, *b) {
                    self
                } else {
                    other
                }
            }
            (Self::Closed { .. }, Self::Open { .. }) => self,
            (Self::Open { .. }, Self::Closed { .. }) => other,
        }
    }
}

/// How far ahead a change is looked for: a week has all there are, and another one is for ranges that a clock change
/// swallows.
const AHEAD_MS: i64 = 14 * 86_400_000;
/// The days whose ranges are looked at for that: enough that none that begins in sight is left out.
const DAYS_AHEAD: i32 = 16;

/// A stretch of time in UTC milliseconds, without its end.
type Stretch = (i64, i64);

impl Windows {
    /// Whether batches may start at `at_ms` (UTC milliseconds), and until when. A time outside of the years -9999 to
    /// 9999 is closed for ever.
    pub fn at(&self, at_ms: i64) -> Opening {
        let Some(today) = self.day_of(at_ms) else {
            return Opening::Closed { until_ms: None, reason: Reason::NotAllowed };
        };
        let stretches = |ranges: &[Range], allowed: bool| -> Vec<(Range, Stretch)> {
            let of = |range: &Range| {
                let range = *range;
                let days = (-2..=DAYS_AHEAD).filter_map(|days| today.checked_add(days.days()).ok());
                days.filter_map(move |day| self.stretch(range, day, allowed)).map(move |one| (range, one))
            };
            ranges.iter().flat_map(of).collect()
        };
        let (allow, deny) = (stretches(&self.allow, true), stretches(&self.deny, false));
        let within = |(_, (from, until)): &&(Range, Stretch), at: i64| (*from..*until).contains(&at);
        let why_closed = |at: i64| match deny.iter().find(|one| within(one, at)) {
            Some((range, _)) => Some(Reason::Denied(*range)),
            None if !self.allow.is_empty() && !allow.iter().any(|one| within(&one, at)) => {
                Some(Reason::NotAllowed)
            }
            None => None,
        };
        let now = why_closed(at_ms);
        let mut changes: Vec<i64> =
            allow.iter().chain(&deny).flat_map(|(_, (from, until))| [*from, *until]).collect();
        changes.sort_unstable();
        let in_sight = |at: i64| at > at_ms && at - at_ms < AHEAD_MS;
        let changed = |at: &i64| in_sight(*at) && why_closed(*at).is_none() != now.is_none();
        let until_ms = changes.into_iter().find(changed);
        match now {
            None => Opening::Open { until_ms },
            Some(reason) => Opening::Closed { until_ms, reason },
        }
    }

    fn day_of(&self, at_ms: i64) -> Option<Date> {
        let at = Timestamp::from_millisecond(at_ms).ok()?;
        Some(at.to_zoned(self.zone.clone()).date())
    }

    /// The time of `range` that begins on `day`; none where it does not, or where a clock change leaves nothing of it.
    fn stretch(&self, range: Range, day: Date, allowed: bool) -> Option<Stretch> {
        if !range.days.has(day.weekday()) {
            return None;
        }
        let (start, end) = if allowed {
            (Disambiguation::Later, Disambiguation::Earlier)
        } else {
            (Disambiguation::Earlier, Disambiguation::Later)
        };
        let next = range.until_min <= range.from_min;
        let last = if next { day.checked_add(1.day()).ok()? } else { day };
        let from = self.instant(clock(day, range.from_min)?, start)?;
        let until = self.instant(clock(last, range.until_min)?, end)?;
        (from < until).then_some((from, until))
    }

    fn instant(&self, at: DateTime, way: Disambiguation) -> Option<i64> {
        let zoned = self.zone.to_ambiguous_zoned(at).disambiguate(way).ok()?;
        Some(zoned.timestamp().as_millisecond())
    }
}

/// What clocks show so many minutes after the midnight that `day` begins with; 1440 is the next midnight.
fn clock(day: Date, minutes: u16) -> Option<DateTime> {
    let (day, minutes) =
        if minutes >= MIDNIGHT { (day.checked_add(1.day()).ok()?, 0) } else { (day, minutes) };
    let (hour, minute) = (i8::try_from(minutes / 60).ok()?, i8::try_from(minutes % 60).ok()?);
    Some(day.to_datetime(Time::new(hour, minute, 0, 0).ok()?))
}

/// The minutes of a day: the midnight at its end.
const MIDNIGHT: u16 = 24 * 60;

/// The words for the days, in the order of the week.
const DAY_WORDS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

impl Days {
    /// The whole week.
    pub const ALL: Self = Self(0b111_1111);

    fn has(self, day: Weekday) -> bool {
        self.0 & (1 << day.to_monday_zero_offset()) != 0
    }
}

/// A text that is no time of the week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RangeError {
    text: String,
}

impl fmt::Display for RangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "found {:?}, allowed is a time of the week such as `mon-fri 22:00-05:00`, `sat,sun`, `09:00-17:00`",
            self.text
        )
    }
}

impl std::error::Error for RangeError {}

/// Days, times, or both: `mon-fri 22:00-05:00`, `sat,sun` (the whole days), `09:00-17:00` (each day). Days may run over
/// the end of the week (`sat-mon`), a range may end at `24:00`.
impl FromStr for Range {
    type Err = RangeError;

    fn from_str(text: &str) -> Result<Self, RangeError> {
        let whole_day = (0, MIDNIGHT);
        let words: Vec<&str> = text.split_whitespace().collect();
        let read = || match words.as_slice() {
            [one] if one.contains(':') => Some((Days::ALL, times(one)?)),
            [one] => Some((days(one)?, whole_day)),
            [first, second] => Some((days(first)?, times(second)?)),
            _ => None,
        };
        let (days, (from_min, until_min)) = read().ok_or_else(|| RangeError { text: text.to_owned() })?;
        Ok(Self { days, from_min, until_min })
    }
}

fn days(text: &str) -> Option<Days> {
    let index = |word: &str| DAY_WORDS.iter().position(|day| *day == word);
    let mut days = 0;
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (mut day, last) = (index(first)?, index(last)?);
        loop {
            days |= 1 << day;
            if day == last {
                break;
            }
            day = (day + 1) % DAY_WORDS.len();
        }
    }
    Some(Days(days))
}

/// `22:00-05:00` in minutes; both ends the same would be a whole day or nothing, and is refused.
fn times(text: &str) -> Option<(u16, u16)> {
    let (from, until) = text.split_once('-')?;
    let (from, until) = (minutes(from)?, minutes(until)?);
    // that ends at midnight: the one at the end of a day
    let until = if until == 0 { MIDNIGHT } else { until };
    (from < MIDNIGHT && from != until).then_some((from, until))
}

fn minutes(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |digits: &str| -> Option<u16> {
        let plain = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
        digits.parse().ok().filter(|_| plain)
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let total = hours * 60 + minutes;
    (minutes < 60 && total <= MIDNIGHT).then_some(total)
}

/// `mon,tue,wed 22:00-05:00`, with runs of days as `mon-wed`.
impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { days, from_min, until_min } = self;
        if *days != Days::ALL {
            write!(f, "{days} ")?;
        }
        let clock = |minutes: u16| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        write!(f, "{}-{}", clock(*from_min), clock(*until_min))
    }
}

impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has = |day: usize| self.0 & (1 << day) != 0;
        let mut parts = Vec::new();
        let mut day = 0;
        while day < DAY_WORDS.len() {
            let run = (day..DAY_WORDS.len()).take_while(|day| has(*day)).count();
            match run {
                0 => {}
                1 => parts.push(DAY_WORDS[day].to_owned()),
                _ => parts.push(format!("{}-{}", DAY_WORDS[day], DAY_WORDS[day + run - 1])),
            }
            day += run.max(1);
        }
        f.write_str(&parts.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn windows(zone: &str, allow: &[&str], deny: &[&str]) -> Windows {
        let ranges = |texts: &[&str]| texts.iter().map(|text| text.parse().expect(text)).collect();
        let zone = TimeZone::get(zone).expect("a zone of the database");
        Windows { zone, allow: ranges(allow), deny: ranges(deny) }
    }

    fn ms(at: &str) -> i64 {
        at.parse::<Timestamp>().expect(at).as_millisecond()
    }

    /// `open until …` or `closed until …`, in UTC.
    fn said(windows: &Windows, at: &str) -> String {
        let until = |ms: Option<i64>| {
            ms.map_or("ever".to_owned(), |ms| Timestamp::from_millisecond(ms).expect("a time").to_string())
        };
        match windows.at(ms(at)) {
            Opening::Open { until_ms } => format!("open until {}", until(until_ms)),
            Opening::Closed { until_ms, reason } => {
                let why = match reason {
                    Reason::NotAllowed => "closed".to_owned(),
                    Reason::Denied(range) => format!("{range}"),
                };
                format!("{why} until {}", until(until_ms))
            }
        }
    }

    #[test]
    fn a_night_belongs_to_the_day_on_which_it_begins() {
        // 2024-03-08 is a Friday
        let nights = windows("UTC", &["mon-fri 22:00-05:00"], &[]);
        let cases = [
            ("2024-03-08T21:59:59.999Z", "closed until 2024-03-08T22:00:00Z"),
            ("2024-03-08T22:00:00Z", "open until 2024-03-09T05:00:00Z"),
            ("2024-03-09T04:59:59.999Z", "open until 2024-03-09T05:00:00Z"),
            ("2024-03-09T05:00:00Z", "closed until 2024-03-11T22:00:00Z"),
            ("2024-03-11T03:00:00Z", "closed until 2024-03-11T22:00:00Z"),
        ];
        for (at, expected) in cases {
            assert_eq!(said(&nights, at), expected, "{at}");
        }
    }

    #[test]
    fn denied_goes_before_allowed_and_what_touches_is_one() {
        let both = windows("UTC", &["sat,sun", "mon 00:00-06:00"], &["sun 12:00-13:00"]);
        let cases = [
            ("2024-03-09T10:00:00Z", "open until 2024-03-10T12:00:00Z"),
            ("2024-03-10T12:30:00Z", "sun 12:00-13:00 until 2024-03-10T13:00:00Z"),
            ("2024-03-10T13:00:00Z", "open until 2024-03-11T06:00:00Z"),
        ];
        for (at, expected) in cases {
            assert_eq!(said(&both, at), expected, "{at}");
        }
        assert_eq!(said(&windows("UTC", &["00:00-24:00"], &[]), "2024-03-09T10:00:00Z"), "open until ever");
        let never = windows("UTC", &[], &["mon-sun"]);
        assert_eq!(said(&never, "2024-03-09T10:00:00Z"), "00:00-24:00 until ever");
        assert_eq!(said(&windows("UTC", &[], &[]), "2024-03-09T10:00:00Z"), "open until ever");
    }

    #[test]
    fn the_clocks_of_the_zone_count_also_when_they_change() {
        let berlin = windows("Europe/Berlin", &["22:00-05:00"], &[]);
        let cases = [
            // winter, summer, the night that is an hour shorter, the one that is an hour longer
            ("2024-01-10T21:30:00Z", "open until 2024-01-11T04:00:00Z"),
            ("2024-07-10T20:30:00Z", "open until 2024-07-11T03:00:00Z"),
            ("2024-03-30T21:30:00Z", "open until 2024-03-31T03:00:00Z"),
            ("2024-10-26T20:30:00Z", "open until 2024-10-27T04:00:00Z"),
        ];
        for (at, expected) in cases {
            assert_eq!(said(&berlin, at), expected, "{at}");
        }
    }

    #[test]
    fn a_time_that_comes_twice_or_never_opens_late_and_closes_early() {
        // on 2024-10-27 in Berlin 02:30 comes twice, at 00:30 and at 01:30 UTC
        let from = windows("Europe/Berlin", &["02:30-05:00"], &[]);
        assert_eq!(said(&from, "2024-10-27T00:45:00Z"), "closed until 2024-10-27T01:30:00Z");
        let until = windows("Europe/Berlin", &["00:00-02:30"], &[]);
        assert_eq!(said(&until, "2024-10-27T00:15:00Z"), "open until 2024-10-27T00:30:00Z");
        let denied = windows("Europe/Berlin", &[], &["02:00-02:30"]);
        assert_eq!(said(&denied, "2024-10-27T00:45:00Z"), "02:00-02:30 until 2024-10-27T01:30:00Z");
        // on 2024-03-31 there is no 02:30: 03:00 follows 02:00, at 01:00 UTC
        assert_eq!(said(&from, "2024-03-31T01:10:00Z"), "closed until 2024-03-31T01:30:00Z");
        let gone = windows("Europe/Berlin", &["02:10-02:50"], &[]);
        assert_eq!(said(&gone, "2024-03-31T00:00:00Z"), "closed until 2024-04-01T00:10:00Z");
    }

    #[test]
    fn ranges_are_read_and_written() {
        let cases = [
            ("mon-fri 22:00-05:00", "mon-fri 22:00-05:00"),
            ("sat,sun", "sat-sun 00:00-24:00"),
            ("sat-mon 01:00-02:00", "mon,sat-sun 01:00-02:00"),
            ("09:00-17:30", "09:00-17:30"),
            ("18:00-00:00", "18:00-24:00"),
            ("mon-sun 09:00-10:00", "09:00-10:00"),
            ("mon,wed,thu,fri 09:00-10:00", "mon,wed-fri 09:00-10:00"),
        ];
        for (text, written) in cases {
            assert_eq!(text.parse::<Range>().expect(text).to_string(), written);
        }
        for text in [
            "",
            "mon-",
            "Mon",
            "monday",
            "9:00-10:00",
            "09:00",
            "09:00-09:00",
            "24:00-05:00",
            "09:60-10:00",
            "mon 09:00-10:00 x",
            "mon  tue",
            "00:00-25:00",
            "mon, tue",
            "0９:00-10:00",
        ] {
            let error = text.parse::<Range>().expect_err(text);
            assert!(error.to_string().starts_with(&format!("found {text:?}, allowed is")), "{error}");
        }
    }

    #[test]
    fn a_time_without_a_year_is_closed() {
        let always = windows("UTC", &["00:00-24:00"], &[]);
        for at in [i64::MIN, i64::MAX] {
            assert!(matches!(always.at(at), Opening::Closed { until_ms: None, .. }));
        }
    }

    proptest! {
        /// What is said holds until the time that is said, and no longer.
        #[test]
        fn until_is_the_first_change(
            start in 1_700_000_000_000_i64..1_740_000_000_000,
            from in 0_u16..1440, until in 1_u16..=1440, days in 1_u8..=127,
            deny_from in 0_u16..1440, deny_until in 1_u16..=1440,
        ) {
            prop_assume!(from != until && deny_from != deny_until);
            let zone = TimeZone::get("Europe/Berlin").expect("a zone of the database");
            let range = |days, from_min, until_min| Range { days: Days(days), from_min, until_min };
            let windows = Windows {
                zone,
                allow: vec![range(days, from, until)],
                deny: vec![range(days.rotate_left(1) & 127, deny_from, deny_until)],
            };
            let is_open = |at| matches!(windows.at(at), Opening::Open { .. });
            let (Opening::Open { until_ms } | Opening::Closed { until_ms, .. }) = windows.at(start);
            let end = until_ms.unwrap_or(start + 8 * 86_400_000);
            for part in 0..20 {
                prop_assert_eq!(is_open(start + (end - 1 - start) / 19 * part), is_open(start));
            }
            prop_assert!(until_ms.is_none_or(|end| is_open(end) != is_open(start) && is_open(end - 1) == is_open(start)));
        }
    }
}
