//! Timestamps as they stand in files, turned into UTC milliseconds.

use jiff::civil;
use jiff::tz::TimeZone;

use quietgate_detectors::DAY_MS;

/// The form of the timestamps of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimestampForm {
    /// Recognised by the first timestamp of each file: a number by its magnitude (below 1e11 seconds,
    /// below 1e14 milliseconds, below 1e17 microseconds, else nanoseconds), anything else as RFC 3339.
    #[default]
    Auto,
    /// Seconds since 1970-01-01T00:00:00Z, also with a fraction.
    Seconds,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    Millis,
    /// Microseconds since 1970-01-01T00:00:00Z.
    Micros,
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    Nanos,
    /// `2024-01-31T12:00:00Z`, with any offset; without an offset, also with a space in place of the
    /// `T` and without seconds, it is UTC.
    Rfc3339,
}

/// What a timestamp may be, as told in errors.
const ALLOWED_TIMES: &str = "epoch s, ms, us or ns, RFC 3339, or YYYY-MM-DD HH:MM[:SS] in UTC";
/// The years that a timestamp may lie in, as told in errors.
const ALLOWED_YEARS: &str = "times from 1970 to 2200";

/// The first millisecond after the last allowed one: 2201-01-01T00:00:00Z.
const END_MS: i64 = days_from_civil(2201, 1, 1) * DAY_MS;

/// Whether a time lies in the allowed years. What lies outside comes from a wrong unit or a broken clock.
pub(super) fn in_years(ms: i64) -> bool {
    (0..END_MS).contains(&ms)
}

/// The time that was read, or what is allowed instead: `ms` is none where there was no time of the
/// settled `form`, or no form could be settled under `wanted`.
pub(super) fn checked(
    ms: Option<i64>,
    form: Option<Form>,
    wanted: TimestampForm,
) -> Result<i64, &'static str> {
    match (ms, form) {
        (Some(ms), _) if in_years(ms) => Ok(ms),
        (Some(_), _) => Err(ALLOWED_YEARS),
        (None, Some(form)) => Err(form.words()),
        (None, None) => Err(wanted.words()),
    }
}

/// The unit of an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Seconds,
    Millis,
    Micros,
    Nanos,
}

impl Unit {
    /// The unit that puts `value` between 1970 and 5138.
    fn by_magnitude(value: f64) -> Self {
        match value.abs() {
            v if v < 1e11 => Self::Seconds,
            v if v < 1e14 => Self::Millis,
            v if v < 1e17 => Self::Micros,
            _ => Self::Nanos,
        }
    }

    /// UTC milliseconds, rounded to the nearest; saturated where they do not fit, far outside of all years.
    pub(super) fn to_ms(self, value: i64) -> i64 {
        match self {
            Self::Seconds => value.saturating_mul(1000),
            Self::Millis => value,
            Self::Micros => value.saturating_add(500).div_euclid(1000),
            Self::Nanos => value.saturating_add(500_000).div_euclid(1_000_000),
        }
    }

    /// UTC milliseconds of a number with a fraction; `None` for what is not finite.
    #[expect(clippy::cast_possible_truncation, reason = "`as` saturates, far outside of all years")]
    pub(super) fn fraction_to_ms(self, value: f64) -> Option<i64> {
        let ms = match self {
            Self::Seconds => value * 1e3,
            Self::Millis => value,
            Self::Micros => value / 1e3,
            Self::Nanos => value / 1e6,
        };
        ms.is_finite().then_some(ms.round() as i64)
    }
}

/// The form of timestamps, settled for one file: mixed forms are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A number in this unit.
    Epoch(Unit),
    /// Date and time with an offset from UTC.
    Zoned,
    /// Date and time without an offset: UTC.
    Utc,
}

impl Form {
    /// The form that `text`, the first timestamp of a file, has under `wanted`; `None` where it is
    /// no timestamp of the wanted form.
    pub(super) fn settle(wanted: TimestampForm, text: &str) -> Option<Self> {
        match wanted {
            TimestampForm::Auto => match text.parse::<f64>() {
                Ok(value) if value.is_finite() => Some(Self::Epoch(Unit::by_magnitude(value))),
                _ => Clock::default().civil(text).map(|(_, form)| form),
            },
            TimestampForm::Rfc3339 => Clock::default().civil(text).map(|(_, form)| form),
            _ => wanted.unit().filter(|_| text.parse::<f64>().is_ok()).map(Self::Epoch),
        }
    }

    /// The form in words, as told when another one turns up.
    const fn words(self) -> &'static str {
        match self {
            Self::Epoch(Unit::Seconds) => "epoch s as in the first row",
            Self::Epoch(Unit::Millis) => "epoch ms as in the first row",
            Self::Epoch(Unit::Micros) => "epoch us as in the first row",
            Self::Epoch(Unit::Nanos) => "epoch ns as in the first row",
            Self::Zoned => "RFC 3339 with an offset as in the first row",
            Self::Utc => "date and time without an offset as in the first row",
        }
    }
}

impl TimestampForm {
    /// The form in words, as told when the first timestamp has another.
    const fn words(self) -> &'static str {
        match self {
            Self::Auto => ALLOWED_TIMES,
            Self::Seconds => "epoch s as told",
            Self::Millis => "epoch ms as told",
            Self::Micros => "epoch us as told",
            Self::Nanos => "epoch ns as told",
            Self::Rfc3339 => "RFC 3339 as told, or YYYY-MM-DD HH:MM[:SS] in UTC",
        }
    }

    /// The unit that is named; none for `Auto` and `Rfc3339`.
    pub(super) const fn unit(self) -> Option<Unit> {
        match self {
            Self::Seconds => Some(Unit::Seconds),
            Self::Millis => Some(Unit::Millis),
            Self::Micros => Some(Unit::Micros),
            Self::Nanos => Some(Unit::Nanos),
            Self::Auto | Self::Rfc3339 => None,
        }
    }

    /// The unit of numbers of which `first` is the first; `None` where text is wanted.
    pub(super) fn unit_of(self, first: f64) -> Option<Unit> {
        if self == Self::Auto { Some(Unit::by_magnitude(first)) } else { self.unit() }
    }
}

/// Reads timestamps of one file. It remembers the date of the last one: most rows share it.
#[derive(Debug, Default)]
pub(super) struct Clock {
    date: [u8; 10],
    date_ms: i64,
}

impl Clock {
    /// UTC milliseconds of `text`, which must have the form `form`.
    pub(super) fn read(&mut self, form: Form, text: &str) -> Option<i64> {
        match form {
            Form::Epoch(unit) => match text.parse::<i64>() {
                Ok(value) => Some(unit.to_ms(value)),
                Err(_) => unit.fraction_to_ms(text.parse().ok()?),
            },
            Form::Zoned | Form::Utc => self.civil(text).filter(|(_, found)| *found == form).map(|(ms, _)| ms),
        }
    }

    /// Date and time in the fixed layout that nearly all files have, else in any that jiff reads.
    fn civil(&mut self, text: &str) -> Option<(i64, Form)> {
        self.fixed(text.as_bytes()).or_else(|| by_jiff(text))
    }

    /// `YYYY-MM-DD[T ]HH:MM[:SS[.fraction]][Z|±HH:MM]`.
    fn fixed(&mut self, text: &[u8]) -> Option<(i64, Form)> {
        let (date, rest) = text.split_first_chunk::<10>()?;
        if *date != self.date {
            self.date_ms = date_ms(date)?;
            self.date = *date;
        }
        let [b'T' | b' ', h1, h2, b':', m1, m2, rest @ ..] = rest else { return None };
        let minutes = two(*h1, *h2, 23)? * 60 + two(*m1, *m2, 59)?;
        let (seconds_ms, rest) = seconds(rest)?;
        let (form, offset_min) = offset(rest)?;
        let ms = self.date_ms + (minutes - offset_min) * 60_000 + seconds_ms;
        Some((ms, form))
    }
}

/// Milliseconds of `:SS[.fraction]`, rounded to the nearest, and what follows.
fn seconds(text: &[u8]) -> Option<(i64, &[u8])> {
    let [b':', s1, s2, rest @ ..] = text else { return Some((0, text)) };
    let ms = two(*s1, *s2, 59)? * 1000;
    let [b'.', rest @ ..] = rest else { return Some((ms, rest)) };
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    if digits == 0 {
        return None;
    }
    let digit = |n: usize| rest[..digits].get(n).map_or(0, |b| i64::from(b - b'0'));
    let rounded = digit(0) * 100 + digit(1) * 10 + digit(2) + i64::from(digit(3) >= 5);
    Some((ms + rounded, &rest[digits..]))
}

/// Minutes east of UTC.
fn offset(text: &[u8]) -> Option<(Form, i64)> {
    match text {
        [] => Some((Form::Utc, 0)),
        [b'Z'] => Some((Form::Zoned, 0)),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let minutes = two(*h1, *h2, 23)? * 60 + two(*m1, *m2, 59)?;
            Some((Form::Zoned, if *sign == b'-' { -minutes } else { minutes }))
        }
        _ => None,
    }
}

/// The rarer spellings: lower case, a time zone in brackets, a date alone, a leap second.
fn by_jiff(text: &str) -> Option<(i64, Form)> {
    if let Ok(timestamp) = text.parse::<jiff::Timestamp>() {
        return Some((nearest_ms(timestamp), Form::Zoned));
    }
    let utc = text.parse::<civil::DateTime>().ok()?.to_zoned(TimeZone::UTC).ok()?;
    Some((nearest_ms(utc.timestamp()), Form::Utc))
}

fn nearest_ms(timestamp: jiff::Timestamp) -> i64 {
    Unit::Micros.to_ms(timestamp.as_microsecond())
}

/// Two digits as a number up to `max`.
fn two(tens: u8, ones: u8, max: i64) -> Option<i64> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    let number = i64::from(tens) * 10 + i64::from(ones);
    (tens < 10 && ones < 10 && number <= max).then_some(number)
}

/// UTC milliseconds of the start of `YYYY-MM-DD`, `None` where there is no such day.
fn date_ms(date: &[u8; 10]) -> Option<i64> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *date else { return None };
    let year = two(y1, y2, 99)? * 100 + two(y3, y4, 99)?;
    let (month, day) = (two(m1, m2, 12)?, two(d1, d2, 31)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    (1..=last).contains(&day).then(|| days_from_civil(year, month, day) * DAY_MS)
}

/// Days from 1970-01-01 in the Gregorian calendar. Years start in March here, so that the leap day is
/// the last day of its year and 400 years are always 146,097 days.
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(text: &str) -> Option<(i64, Form)> {
        let form = Form::settle(TimestampForm::Auto, text)?;
        Clock::default().read(form, text).map(|ms| (ms, form))
    }

    #[test]
    fn an_epoch_is_recognised_by_its_magnitude() {
        const MS: i64 = 1_700_000_000_000;
        assert_eq!(settled("1700000000"), Some((MS, Form::Epoch(Unit::Seconds))));
        assert_eq!(settled("1700000000000"), Some((MS, Form::Epoch(Unit::Millis))));
        assert_eq!(settled("1700000000000000"), Some((MS, Form::Epoch(Unit::Micros))));
        assert_eq!(settled("1700000000000000000"), Some((MS, Form::Epoch(Unit::Nanos))));
        assert_eq!(settled("1700000000.25"), Some((MS + 250, Form::Epoch(Unit::Seconds))));
        assert_eq!(settled("1700000000000499999"), Some((MS, Form::Epoch(Unit::Nanos))));
        assert_eq!(settled("1700000000000500000"), Some((MS + 1, Form::Epoch(Unit::Nanos))));
    }

    #[test]
    fn every_spelling_of_one_time_is_the_same_time() {
        for text in [
            "2024-02-29T12:30:00Z",
            "2024-02-29T13:30:00+01:00",
            "2024-02-29 07:00:00.000-05:30",
            "2024-02-29t12:30:00z",
            "2024-02-29T13:30:00+01:00[Europe/Berlin]",
        ] {
            assert_eq!(settled(text), Some((1_709_209_800_000, Form::Zoned)), "{text}");
        }
        for text in ["2024-02-29 12:30", "2024-02-29T12:30:00", "2024-02-29 12:29:59.9996"] {
            assert_eq!(settled(text), Some((1_709_209_800_000, Form::Utc)), "{text}");
        }
        assert_eq!(settled("2024-02-29"), Some((1_709_164_800_000, Form::Utc)));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in
            ["", "yesterday", "2023-02-29 00:00", "2024-13-01 00:00", "2024-01-01 24:00", "NaN", "1.5.2024"]
        {
            assert_eq!(settled(text), None, "{text}");
        }
        assert_eq!(Form::settle(TimestampForm::Rfc3339, "1700000000"), None);
        assert_eq!(Form::settle(TimestampForm::Millis, "2024-01-01 00:00"), None);
    }

    #[test]
    fn a_named_unit_beats_the_magnitude() {
        let form = Form::settle(TimestampForm::Millis, "1700").expect("a number");
        assert_eq!(Clock::default().read(form, "1700"), Some(1700));
    }

    #[test]
    fn the_allowed_years_end_with_2200() {
        assert_eq!(END_MS, settled("2201-01-01 00:00").expect("a time").0);
        assert!(in_years(0) && in_years(END_MS - 1));
        assert!(!in_years(-1) && !in_years(END_MS));
    }

    proptest::proptest! {
        #[test]
        fn the_fixed_layout_agrees_with_jiff(second in 0_i64..7_289_654_400, ms in 0_i64..1000) {
            let at = jiff::Timestamp::from_millisecond(second * 1000 + ms).expect("in range");
            let text = at.to_string();
            let fixed = Clock::default().fixed(text.as_bytes());
            proptest::prop_assert_eq!(fixed, Some((second * 1000 + ms, Form::Zoned)));
            proptest::prop_assert_eq!(by_jiff(&text), fixed);
        }
    }
}
