//! What goes in: a value and the time it was taken.

use std::fmt;

/// A point in time: UTC milliseconds since 1970-01-01, leap seconds not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The time `ms` milliseconds after (before, where negative) 1970-01-01T00:00:00Z.
    pub const fn from_millis(ms: i64) -> Self {
        Self(ms)
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub const fn as_millis(self) -> i64 {
        self.0
    }
}

/// One value in time. A value that is not finite is a sample that says nothing: it is judged
/// `unknown(not_a_number)` and never reaches a detector.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// When the value was taken.
    pub at: Timestamp,
    /// The value, in the unit of its signal.
    pub value: f64,
}

impl Sample {
    /// A sample from UTC milliseconds and a value.
    pub const fn new(at_ms: i64, value: f64) -> Self {
        Self { at: Timestamp(at_ms), value }
    }
}

/// Nominal spacing of the samples of a series: from 100 ms to one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval(i64);

/// Milliseconds of a day of 86,400 s.
pub const DAY_MS: i64 = 86_400_000;

impl Interval {
    /// The shortest interval that is watched.
    pub const MIN_MS: i64 = 100;
    /// The longest interval that is watched: a longer one has no time of day.
    pub const MAX_MS: i64 = DAY_MS;

    /// An interval of `ms` milliseconds.
    ///
    /// # Errors
    /// Below 100 ms or above one day.
    pub fn from_millis(ms: i64) -> Result<Self, IntervalError> {
        if (Self::MIN_MS..=Self::MAX_MS).contains(&ms) { Ok(Self(ms)) } else { Err(IntervalError { ms }) }
    }

    /// The spacing in milliseconds.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Cells of one day, rounded to the nearest whole number, at least one.
    pub fn cells_a_day(self) -> usize {
        let whole = (DAY_MS + self.0 / 2) / self.0;
        usize::try_from(whole).unwrap_or(1).max(1)
    }
}

/// An interval outside of what is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IntervalError {
    /// What was asked for, in milliseconds.
    pub ms: i64,
}

impl fmt::Display for IntervalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "interval {} ms is not between {} ms and {} ms (one day)",
            self.ms,
            Interval::MIN_MS,
            Interval::MAX_MS
        )
    }
}

impl std::error::Error for IntervalError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_out_of_range_names_value_and_range() {
        let error = Interval::from_millis(99).expect_err("99 ms is too short");
        assert_eq!(error.to_string(), "interval 99 ms is not between 100 ms and 86400000 ms (one day)");
        assert!(Interval::from_millis(DAY_MS + 1).is_err());
    }

    #[test]
    fn cells_a_day_is_the_nearest_whole_number() {
        let cells = |ms| Interval::from_millis(ms).expect("in range").cells_a_day();
        assert_eq!(cells(60_000), 1440);
        assert_eq!(cells(7 * 60_000), 206);
        assert_eq!(cells(DAY_MS), 1);
    }
}
