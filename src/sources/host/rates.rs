//! Counters as they were when last read, and by how much they grew since.

use std::collections::BTreeMap;

/// A counter, the processor that it is of where there are several, and the interval in milliseconds of those who ask: others see
/// it at other times.
type Key = (&'static str, Option<u32>, i64);

/// A counter at a time of which only differences are used: milliseconds since the start of the machine, or ticks of a
/// processor. No clock that can be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) at: u64,
    pub(super) count: u64,
}

/// What a counter did since it was last read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Grown {
    /// It was not read before, or no time has passed.
    Unknown,
    /// It grew by so much in one unit of its time.
    By(f64),
    /// It is lower, or its time is: it began anew.
    Back,
}

/// The counters that were read.
#[derive(Debug, Default)]
pub(super) struct Counters(BTreeMap<Key, Counted>);

impl Counters {
    /// Takes in what a counter is now.
    pub(super) fn grown(&mut self, key: Key, now: Counted) -> Grown {
        let Some(before) = self.0.get(&key).copied() else {
            self.0.insert(key, now);
            return Grown::Unknown;
        };
        if before.at == now.at {
            return Grown::Unknown;
        }
        self.0.insert(key, now);
        match (now.count.checked_sub(before.count), now.at.checked_sub(before.at)) {
            // exact enough: pages in milliseconds
            (Some(grown), Some(passed)) => Grown::By(grown as f64 / passed as f64),
            _ => Grown::Back,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_grows_stands_still_or_begins_anew() {
        let mut counters = Counters::default();
        let key = ("pswpin", None, 1000);
        let mut see = |at, count| counters.grown(key, Counted { at, count });
        assert_eq!(see(10, 5), Grown::Unknown);
        assert_eq!(see(10, 9), Grown::Unknown, "no time has passed, and the first reading stays");
        assert_eq!(see(20, 7), Grown::By(0.2));
        assert_eq!(see(30, 7), Grown::By(0.0));
        assert_eq!(see(40, 6), Grown::Back);
        assert_eq!(see(50, 8), Grown::By(0.2));
        assert_eq!(see(45, 9), Grown::Back);
    }

    #[test]
    fn others_see_it_at_other_times() {
        let mut counters = Counters::default();
        let now = |at, count| Counted { at, count };
        counters.grown(("cpu", Some(0), 1000), now(1, 1));
        assert_eq!(counters.grown(("cpu", Some(1), 1000), now(2, 2)), Grown::Unknown);
        assert_eq!(counters.grown(("cpu", Some(0), 5000), now(2, 2)), Grown::Unknown);
        assert_eq!(counters.grown(("cpu", Some(0), 1000), now(2, 2)), Grown::By(1.0));
    }
}
