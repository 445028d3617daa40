//! Amounts of targets: a number, or a share of some whole.

use std::fmt;
use std::str::FromStr;

/// How many targets: a number of them, or a share of a whole that whoever uses the amount names.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Amount {
    /// So many.
    Count(u32),
    /// This part of the whole, from 0 to 1.
    Share(f64),
}

/// Shares are read from percent, so that 29% of 100 is 28.999999999999996: closer than this to a whole number is one.
const SLACK: f64 = 1e-9;

impl Amount {
    /// How many of `whole` targets to work on: a share is rounded down, but never to less than one target, for a
    /// batch of none would never end. A count may be more than there are.
    pub fn at_most_of(self, whole: usize) -> usize {
        match self {
            Self::Count(count) => count as usize,
            Self::Share(_) => self.rounded_down(whole).max(1),
        }
    }

    /// How many of `whole` targets must be left alone: a share is rounded up, for a half of three members that has
    /// to stay is two of them. A count may be more than there are.
    pub fn at_least_of(self, whole: usize) -> usize {
        match self {
            Self::Count(count) => count as usize,
            // a share of at most 1 of what fits into memory: exact enough, and never negative
            Self::Share(share) => (share * whole as f64 - SLACK).ceil().max(0.0) as usize,
        }
    }

    /// How many of `whole` targets: a share is rounded down, also to none.
    pub fn rounded_down(self, whole: usize) -> usize {
        match self {
            Self::Count(count) => count as usize,
            Self::Share(share) => (share * whole as f64 + SLACK).floor().max(0.0) as usize,
        }
    }

    /// Whether it is nothing of any whole.
    pub fn is_zero(self) -> bool {
        match self {
            Self::Count(count) => count == 0,
            Self::Share(share) => share <= 0.0,
        }
    }
}

/// A text that is no amount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AmountError {
    text: String,
}

impl fmt::Display for AmountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "found {:?}, allowed is a number of targets or a share such as 10%", self.text)
    }
}

impl std::error::Error for AmountError {}

/// `60` or `10%`; a sign, an exponent and a fraction of a target are refused, a fraction of a percent is not.
impl FromStr for Amount {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        let error = || AmountError { text: text.to_owned() };
        let plain = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        let Some(percent) = text.strip_suffix('%') else {
            return text.parse().ok().filter(|_| plain(text)).map(Self::Count).ok_or_else(error);
        };
        let (whole, part) = percent.split_once('.').unwrap_or((percent, "0"));
        let share: f64 = percent.parse().ok().filter(|_| plain(whole) && plain(part)).ok_or_else(error)?;
        if share > 100.0 { Err(error()) } else { Ok(Self::Share(share / 100.0)) }
    }
}

/// As it is written in a plan.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Share(share) => {
                let percent = format!("{:.9}", share * 100.0);
                write!(f, "{}%", percent.trim_end_matches('0').trim_end_matches('.'))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(text: &str) -> Amount {
        text.parse().expect(text)
    }

    #[test]
    fn amounts_are_read_and_written() {
        for text in ["0", "1", "60", "0%", "10%", "0.5%", "29%", "100%", "33.333%"] {
            assert_eq!(amount(text).to_string(), text);
        }
        for text in ["", "-1", "+1", "1.5", "1e3", "%", "101%", "-1%", "1e1%", ".5%", "5.%", "10 %", "ten"] {
            let error = text.parse::<Amount>().expect_err(text);
            assert!(error.to_string().starts_with(&format!("found {text:?}, allowed is")), "{error}");
        }
    }

    #[test]
    fn work_is_rounded_down_but_never_to_none_and_what_must_stay_is_rounded_up() {
        let cases =
            [("10%", 30, 3, 3), ("29%", 100, 29, 29), ("5%", 3, 1, 1), ("50%", 3, 1, 2), ("100%", 7, 7, 7)];
        for (text, whole, most, least) in cases {
            assert_eq!(
                (amount(text).at_most_of(whole), amount(text).at_least_of(whole)),
                (most, least),
                "{text} of {whole}"
            );
        }
        assert_eq!((amount("7").at_most_of(3), amount("7").at_least_of(3)), (7, 7));
        assert_eq!((amount("0%").at_least_of(9), amount("9%").rounded_down(10)), (0, 0));
        assert!(amount("0").is_zero() && amount("0%").is_zero() && !amount("0.1%").is_zero());
    }
}
