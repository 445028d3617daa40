//! Counters as they were when last read, and by how much they grew since.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A counter, the processor that it is of where there are several, and the interval in milliseconds of those who ask: others see
/// it at other times.
type Key = (&'static str, Option<u32>, i64);

/// A counter at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counted {
    /// Milliseconds since the machine was started, by a clock that nobody can set, and that goes on while the machine sleeps.
    pub(super) at_ms: u64,
    pub(super) count: u64,
    /// What it is a part of: the milliseconds, or the ticks of a processor.
    pub(super) of: u64,
}

/// What a counter did since it was last read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Grown {
    /// It was not read about an interval before.
    Unknown,
    /// It grew by so much with one more of what it is a part of.
    By(f64),
    /// It is lower, or its time is: it began anew.
    Back,
}

/// What was found by one reading.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    /// What is told, for each processor where there are several; nothing where there is no value yet.
    pub(super) values: Vec<(Option<u32>, Option<f64>)>,
    /// The processors that are there no more.
    pub(super) ended: Vec<u32>,
    /// Whether a counter that is all that is asked for went back.
    pub(super) is_reset: bool,
}

/// The counters that were read, and what was last found.
#[derive(Debug, Default)]
pub(super) struct Counters {
    counters: BTreeMap<Key, Reading>,
    found: BTreeMap<(&'static str, i64), (Instant, Found)>,
}

/// What a counter grows by is taken from here on.
#[derive(Debug, Clone, Copy)]
struct Reading {
    counted: Counted,
    /// The count when it was read again, too soon to tell by what it grew.
    newest: u64,
}

/// What is asked for within such a time is one asking: two signals may ask for the same. Half of the shortest interval.
const SAME: Duration = Duration::from_millis(50);

impl Counters {
    /// What was found of `counter` just now by somebody else with the same interval.
    pub(super) fn found(&self, counter: &'static str, interval_ms: i64, now: Instant) -> Option<Found> {
        let (at, found) = self.found.get(&(counter, interval_ms))?;
        (now.saturating_duration_since(*at) < SAME).then(|| found.clone())
    }

    /// Keeps what was found at `now` for who comes just after.
    pub(super) fn keep(&mut self, counter: &'static str, interval_ms: i64, now: Instant, found: Found) {
        self.found.insert((counter, interval_ms), (now, found));
    }

    /// As if some time had passed in which nobody asked.
    #[cfg(test)]
    pub(super) fn forget_found(&mut self) {
        self.found.clear();
    }

    /// Takes in what a counter is now. What it grew by is told of a time of half an interval to one and a half.
    pub(super) fn grown(&mut self, key: Key, now: Counted) -> Grown {
        let interval_ms = key.2.unsigned_abs();
        let begin = Reading { counted: now, newest: now.count };
        let Some(Reading { counted: before, newest }) = self.counters.insert(key, begin) else {
            return Grown::Unknown;
        };
        let went_back = now.count < newest || now.of < before.of;
        let Some(passed_ms) = now.at_ms.checked_sub(before.at_ms).filter(|_| !went_back) else {
            return Grown::Back;
        };
        if passed_ms < interval_ms.div_ceil(2) {
            // the next reading goes on from the one before
            self.counters.insert(key, Reading { counted: before, newest: now.count });
            return Grown::Unknown;
        }
        if passed_ms > interval_ms.saturating_mul(3) / 2 || now.of == before.of {
            return Grown::Unknown;
        }
        // exact enough: pages in milliseconds
        Grown::By((now.count - before.count) as f64 / (now.of - before.of) as f64)
    }

    /// Forgets the processors of a counter that are not among those that `are_there`; says which they were.
    pub(super) fn retain(&mut self, counter: &'static str, interval_ms: i64, are_there: &[u32]) -> Vec<u32> {
        let all = (counter, None, i64::MIN)..=(counter, Some(u32::MAX), i64::MAX);
        let known = self.counters.range(all).filter(|((_, _, interval), _)| *interval == interval_ms);
        let gone: Vec<u32> =
            known.filter_map(|((_, cpu, _), _)| *cpu).filter(|cpu| !are_there.contains(cpu)).collect();
        for cpu in &gone {
            self.counters.remove(&(counter, Some(*cpu), interval_ms));
        }
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Key = ("pswpin", None, 1000);

    fn counted(at_ms: u64, count: u64) -> Counted {
        Counted { at_ms, count, of: at_ms }
    }

    #[test]
    fn a_counter_grows_stands_still_or_begins_anew() {
        let mut counters = Counters::default();
        let mut see = |at_ms, count| counters.grown(KEY, counted(at_ms, count));
        assert_eq!(see(1_000, 500), Grown::Unknown);
        assert_eq!(see(2_000, 700), Grown::By(0.2));
        assert_eq!(see(3_000, 700), Grown::By(0.0));
        assert_eq!(see(4_000, 600), Grown::Back);
        assert_eq!(see(5_000, 800), Grown::By(0.2));
        assert_eq!(see(4_500, 900), Grown::Back);
    }

    #[test]
    fn what_it_grew_by_is_told_of_about_one_interval() {
        let mut counters = Counters::default();
        let mut see = |at_ms, count| counters.grown(KEY, counted(at_ms, count));
        see(0, 0);
        assert_eq!(see(490, 490), Grown::Unknown, "less than half of one");
        assert_eq!(see(1_500, 3_000), Grown::By(2.0), "from the first reading on");
        assert_eq!(see(2_000, 3_500), Grown::By(1.0));
        assert_eq!(see(3_510, 9_000), Grown::Unknown, "more than one and a half");
        assert_eq!(see(4_510, 9_000), Grown::By(0.0));
        assert_eq!(see(4_600, 9_050), Grown::Unknown);
        assert_eq!(
            see(4_700, 9_020),
            Grown::Back,
            "it is above what growth is taken from, and below what it was"
        );
        assert_eq!(see(5_700, 9_120), Grown::By(0.1));
    }

    #[test]
    fn others_see_it_at_other_times() {
        let mut counters = Counters::default();
        counters.grown(("cpu", Some(0), 1000), counted(1_000, 1_000));
        assert_eq!(counters.grown(("cpu", Some(1), 1000), counted(2_000, 2_000)), Grown::Unknown);
        assert_eq!(counters.grown(("cpu", Some(0), 5000), counted(2_000, 2_000)), Grown::Unknown);
        assert_eq!(counters.grown(("cpu", Some(0), 1000), counted(2_000, 2_000)), Grown::By(1.0));
        assert_eq!(counters.retain("cpu", 1000, &[0]), [1]);
        assert_eq!(counters.retain("cpu", 1000, &[0]), [0_u32; 0], "said once");
        assert_eq!(counters.retain("cpu", 5000, &[1]), [0]);
    }
}
