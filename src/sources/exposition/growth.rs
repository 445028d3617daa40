//! What a counter grew by between two readings of it.

use super::selector::Growth;
use std::time::Duration;
use tokio::time::Instant;

/// A counter when it was read.
#[derive(Debug, Clone, Copy)]
pub(in crate::sources) struct Reading {
    /// When that was.
    pub(in crate::sources) at: Moment,
    /// What it had counted.
    pub(in crate::sources) count: f64,
}

/// When a counter was read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::sources) enum Moment {
    /// By our clock, which cannot be set.
    Ours(Instant),
    /// By the clock of who read it: milliseconds.
    Theirs(i64),
}

/// What a counter grew by since it was read `before`, which is what is read `now` from then on; nothing where that cannot be
/// told: the first time, where it went back, where more than `longest` has passed, or no time. What is no number is told as that.
pub(in crate::sources) fn grown(
    before: &mut Option<Reading>,
    now: Reading,
    growth: Growth,
    longest: Duration,
) -> Option<f64> {
    if !now.count.is_finite() {
        *before = None;
        return Some(now.count);
    }
    let last = before.replace(now)?;
    let passed = match (last.at, now.at) {
        (Moment::Ours(last), Moment::Ours(now)) => now.checked_duration_since(last)?,
        (Moment::Theirs(last), Moment::Theirs(now)) => {
            Duration::from_millis(u64::try_from(now.checked_sub(last)?).ok()?)
        }
        _ => return None,
    };
    if passed.is_zero() || passed > longest || now.count < last.count {
        return None;
    }
    let count = now.count - last.count;
    let told = if growth == Growth::Increase { count } else { count / passed.as_secs_f64() };
    // two counts far from each other may be further apart than any number
    told.is_finite().then_some(told)
}
