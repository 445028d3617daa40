//! Scalars with a unit, as files and flags write them: durations `2h30m`, sizes `64KiB`, shares `10%`.

use std::fmt;
use std::str::FromStr;

/// A length of time in whole milliseconds, 0 or more.
///
/// Written as whole numbers with units, the larger unit first, each at most once: `300ms`, `10m`, `2h30m`,
/// `1d`, `1w`. A number without a unit, a fraction and a sign are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(i64);

/// Units of time with their milliseconds, the larger first. A day is 86,400 s.
const TIME_UNITS: [(&str, i64); 6] =
    [("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// Units of size with their bytes, the larger first.
const SIZE_UNITS: [(&str, u64); 5] =
    [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

impl Duration {
    /// The longest that can be said.
    pub const MAX: Self = Self(i64::MAX);

    /// `ms` milliseconds; what is below 0 is 0.
    pub const fn from_millis(ms: i64) -> Self {
        Self(if ms < 0 { 0 } else { ms })
    }

    /// The whole milliseconds.
    pub const fn as_millis(self) -> i64 {
        self.0
    }
}

impl FromStr for Duration {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let error = || UnitError { text: text.to_owned(), allowed: "a duration such as 300ms, 10m, 2h30m" };
        let (mut total, mut rest, mut units) = (0_i64, text, TIME_UNITS.as_slice());
        loop {
            let (count, unit, after) = number_and_unit(rest).ok_or_else(error)?;
            let place = units.iter().position(|(name, _)| *name == unit).ok_or_else(error)?;
            let ms = i64::try_from(count).ok().and_then(|count| count.checked_mul(units[place].1));
            total = ms.and_then(|ms| total.checked_add(ms)).ok_or_else(error)?;
            if after.is_empty() {
                return Ok(Self(total));
            }
            // what follows must be smaller
            (rest, units) = (after, &units[place + 1..]);
        }
    }
}

impl fmt::Display for Duration {
    /// The shortest form without weeks: `8d` rather than `1w1d`, as people count them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        for (unit, ms) in &TIME_UNITS[1..] {
            if rest >= *ms {
                write!(f, "{}{unit}", rest / ms)?;
                rest %= ms;
            }
        }
        Ok(())
    }
}

/// An amount of bytes, written as a whole number with a unit: `512B`, `64KiB`, `2GiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

impl FromStr for Size {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let read = || {
            let (count, unit, rest) = number_and_unit(text)?;
            let (_, bytes) = SIZE_UNITS.iter().find(|(name, _)| *name == unit)?;
            count.checked_mul(*bytes).filter(|_| rest.is_empty())
        };
        read()
            .map(Self)
            .ok_or_else(|| UnitError { text: text.to_owned(), allowed: "a size such as 512B, 64KiB, 2GiB" })
    }
}

impl fmt::Display for Size {
    /// In the largest unit that says it exactly.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = SIZE_UNITS.iter().find(|(_, bytes)| self.0 != 0 && self.0.is_multiple_of(*bytes));
        let (unit, bytes) = exact.unwrap_or(&("B", 1));
        write!(f, "{}{unit}", self.0 / bytes)
    }
}

/// A part of a whole, written in percent from `0%` to `100%`; fractions are allowed (`0.5%`).
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Share {
    percent: f64,
}

impl Share {
    /// The part, from 0 to 1.
    pub fn fraction(self) -> f64 {
        self.percent / 100.0
    }
}

impl FromStr for Share {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        text.strip_suffix('%')
            // the sign and the words that a float may have are none of ours
            .filter(|digits| digits.starts_with(|c: char| c.is_ascii_digit()))
            .and_then(|digits| digits.parse().ok())
            .filter(|percent| (0.0..=100.0).contains(percent))
            .map(|percent| Self { percent })
            .ok_or_else(|| UnitError { text: text.to_owned(), allowed: "a share from 0% to 100%" })
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.percent)
    }
}

/// A text that is no scalar of this unit, or one too large to be held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitError {
    text: String,
    allowed: &'static str,
}

impl UnitError {
    /// What is allowed, in words.
    pub const fn allowed(&self) -> &'static str {
        self.allowed
    }
}

impl fmt::Display for UnitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "found {:?}, allowed is {}", self.text, self.allowed)
    }
}

impl std::error::Error for UnitError {}

/// The digits at the head of `text`, the letters behind them, and what follows.
fn number_and_unit(text: &str) -> Option<(u64, &str, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (count, rest) = text.split_at(digits);
    let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(letters);
    Some((count.parse().ok()?, unit, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_are_read_and_written() {
        let cases = [
            ("300ms", 300, "300ms"),
            ("10m", 600_000, "10m"),
            ("2h30m", 9_000_000, "2h30m"),
            ("1d", 86_400_000, "1d"),
            ("1w", 604_800_000, "7d"),
            ("90s", 90_000, "1m30s"),
            ("0s", 0, "0s"),
            ("0h0ms", 0, "0s"),
        ];
        for (text, ms, written) in cases {
            let duration: Duration = text.parse().expect(text);
            assert_eq!((duration.as_millis(), duration.to_string().as_str()), (ms, written), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        let too_large = format!("{}w", u64::MAX);
        for text in
            ["", "10", "0", "m", "1.5h", "-1s", "1 m", "30m2h", "1s1s", "1x", "10m ", "9223372036854775807s"]
                .into_iter()
                .chain([too_large.as_str()])
        {
            let error = text.parse::<Duration>().expect_err(text);
            assert_eq!(
                error.to_string(),
                format!("found {text:?}, allowed is a duration such as 300ms, 10m, 2h30m")
            );
        }
    }

    #[test]
    fn sizes_and_shares_are_read_and_checked() {
        assert_eq!("64KiB".parse(), Ok(Size(65_536)));
        for text in ["64", "64KB", "1.5MiB", "16777216TiB", "1KiB1B", ""] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
        assert_eq!("10%".parse::<Share>().map(Share::fraction), Ok(0.1));
        for text in ["10", "101%", "-1%", "NaN%", "inf%", "%", "1e999%"] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(ms in 0..=i64::MAX, bytes: u64, percent in 0.0..=100.0_f64) {
            let duration = Duration::from_millis(ms);
            prop_assert_eq!(duration.to_string().parse(), Ok(duration));
            prop_assert_eq!(Size(bytes).to_string().parse(), Ok(Size(bytes)));
            let share = Share { percent };
            prop_assert_eq!(share.to_string().parse(), Ok(share));
        }

        #[test]
        fn no_text_is_read_by_accident(text in "[0-9a-zA-Z.% -]{0,12}") {
            if let Ok(duration) = text.parse::<Duration>() {
                prop_assert_eq!(duration.to_string().parse(), Ok(duration));
            }
        }
    }
}
