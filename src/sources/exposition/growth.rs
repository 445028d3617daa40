//! What a counter grew by between two readings of it.

use super::selector::Growth;
use tokio::time::Instant;

/// A counter when it was read: what it grows by is taken from here on.
#[derive(Debug, Clone, Copy)]
pub(in crate::sources) struct Reading {
    at: Moment,
    count: f64,
    /// The count when it was read again, too soon to tell by what it grew: one that is lower begins anew.
    newest: f64,
}

/// When a counter was read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::sources) enum Moment {
    /// By our clocks: one that cannot be set, which stands still while the machine sleeps, and the time of day in milliseconds.
    Ours(Instant, i64),
    /// By the clock of who read it: milliseconds.
    Theirs(i64),
}

/// What a counter grew by is told of a time of about one interval only: so many of them at least, and at most.
const SHORTEST: f64 = 0.5;
const LONGEST: f64 = 1.5;

impl Reading {
    /// A counter that had counted `count` at a time.
    pub(in crate::sources) fn new(at: Moment, count: f64) -> Self {
        Self { at, count, newest: count }
    }
}

/// What a counter grew by since it was read `before`, which is what is read `now` from then on: in a second, or in an interval.
/// Nothing where that cannot be told: the first time, where it went back, or where the time between is not about an
/// interval; where it is shorter, the next reading goes on from `before`. What is no number is told as that, and so is a count below
/// 0, which cannot be.
pub(in crate::sources) fn grown(
    before: &mut Option<Reading>,
    now: Reading,
    growth: Growth,
    interval_ms: i64,
) -> Option<f64> {
    if !now.count.is_finite() || is_impossible(now.count) {
        *before = None;
        return Some(if now.count.is_finite() { f64::NAN } else { now.count });
    }
    let last = before.replace(now).filter(|last| now.count >= last.newest)?;
    // exact: far fewer than 2^53
    let interval_ms = interval_ms as f64;
    let passed_ms = passed_ms(last.at, now.at, interval_ms)?;
    if passed_ms < interval_ms * SHORTEST {
        *before = Some(Reading { newest: now.count, ..last });
        return None;
    }
    if passed_ms > interval_ms * LONGEST {
        return None;
    }
    let by_ms = if growth == Growth::Increase { interval_ms } else { 1000.0 };
    let told = (now.count - last.count) * by_ms / passed_ms;
    // two counts far from each other may be further apart than any number
    told.is_finite().then_some(told)
}

/// Whether no counter can have counted that: what only grows began at 0.
pub(in crate::sources) fn is_impossible(count: f64) -> bool {
    count < 0.0
}

/// The milliseconds from `last` to `now`; none where they are times of different clocks, go back, or where ours do not agree: the
/// machine slept, or its clock was set.
fn passed_ms(last: Moment, now: Moment, interval_ms: f64) -> Option<f64> {
    match (last, now) {
        (Moment::Ours(last, clock_before), Moment::Ours(now, clock)) => {
            let passed_ms = now.checked_duration_since(last)?.as_secs_f64() * 1000.0;
            let by_clock = clock.checked_sub(clock_before)? as f64;
            ((passed_ms - by_clock).abs() <= interval_ms * (LONGEST - 1.0)).then_some(passed_ms)
        }
        // exact: times of the day in milliseconds
        (Moment::Theirs(last), Moment::Theirs(now)) => {
            now.checked_sub(last).filter(|passed| *passed >= 0).map(|passed| passed as f64)
        }
        _ => None,
    }
}
