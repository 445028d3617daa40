//! How soon is looked again at what comes next, where a look is dear: over tens of thousands of series it takes tens of milliseconds,
//! and sources answer several times a second.
//!
//! Nothing that keeps a run safe waits for that. A start is only ever decided by a look, made on all that was heard until then, and its
//! gate is looked at once more behind the intent: a look that comes later lets a batch start later, never on less. What persons ask
//! for, the end of an attempt, a sample that is told otherwise and an anomaly that was not there before are looked at at once. What
//! remains is told or opened a few seconds later: a clean window that is long enough, a patience that ends, a series that falls silent,
//! an anomaly that is known and of which the control has told by now.

use crate::monitor::Labels;
use quietgate_detectors::Timestamp;
use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

/// What a look may take and be repeated at each occasion.
const CHEAP: Duration = Duration::from_millis(4);
/// A dear look is repeated after so many times what it took: looks take 1 % of a core then.
const REST: u32 = 100;
/// But after this at the latest.
const LONGEST: Duration = Duration::from_secs(5);

/// When is looked again.
#[derive(Debug)]
pub(super) struct Pace {
    due: Instant,
    /// Whether something was heard that is to be looked at at once.
    is_urgent: bool,
    /// The anomalies of each signal that are known, by a hash.
    known: BTreeMap<usize, BTreeSet<u64>>,
}

impl Pace {
    /// A look is due.
    pub(super) fn new(now: Instant) -> Self {
        Self { due: now, is_urgent: true, known: BTreeMap::new() }
    }

    /// It was looked, which took so long until `now`, what was waited for in between not counted.
    pub(super) fn looked(&mut self, took: Duration, now: Instant) {
        let rest = if took <= CHEAP { Duration::ZERO } else { took.saturating_mul(REST).min(LONGEST) };
        (self.due, self.is_urgent) = (now + rest, false);
    }

    /// It is to be looked at once.
    pub(super) fn hurry(&mut self) {
        self.is_urgent = true;
    }

    /// How long until the next look; nothing where it is due.
    pub(super) fn until_due(&self, now: Instant) -> Duration {
        if self.is_urgent { Duration::ZERO } else { self.due.saturating_duration_since(now) }
    }

    /// These series of `signal` are anomalous since then: one that was not is looked at at once.
    pub(super) fn anomalous<'a>(
        &mut self,
        signal: usize,
        series: impl Iterator<Item = (&'a Labels, Timestamp)>,
    ) {
        let hash = |(labels, since): (&Labels, Timestamp)| {
            let mut hasher = DefaultHasher::new();
            (labels, since.as_millis()).hash(&mut hasher);
            hasher.finish()
        };
        let now: BTreeSet<u64> = series.map(hash).collect();
        self.is_urgent |= match self.known.entry(signal) {
            Entry::Occupied(mut known) => !known.insert(now.clone()).is_superset(&now),
            Entry::Vacant(known) => !known.insert(now).is_empty(),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_dear_look_is_repeated_later_and_a_cheap_one_at_each_occasion() {
        let now = Instant::now();
        let mut pace = Pace::new(now);
        assert_eq!(pace.until_due(now), Duration::ZERO, "nothing was looked at yet");
        for (took, rest) in [(0, 0), (4, 0), (5, 500), (20, 2000), (50, 5000), (60_000, 5000)] {
            pace.looked(millis(took), now);
            assert_eq!(pace.until_due(now), millis(rest), "{took} ms");
            assert_eq!(pace.until_due(now + millis(rest)), Duration::ZERO, "{took} ms");
        }
        pace.hurry();
        assert_eq!(pace.until_due(now), Duration::ZERO);
        pace.looked(millis(100), now);
        assert_eq!(pace.until_due(now), millis(5000));
    }

    #[test]
    fn an_anomaly_is_looked_at_at_once_and_not_again_as_long_as_it_lasts() {
        let now = Instant::now();
        let mut pace = Pace::new(now);
        let labels = ["h1", "h2"].map(|host| Labels::from([("host".to_owned(), host.to_owned())]));
        let mut is_urgent = |signal, series: &[(usize, i64)]| {
            pace.looked(millis(100), now);
            let series = series.iter().map(|(host, since)| (&labels[*host], Timestamp::from_millis(*since)));
            pace.anomalous(signal, series);
            pace.until_due(now) == Duration::ZERO
        };
        assert!(!is_urgent(0, &[]));
        assert!(is_urgent(0, &[(0, 10)]));
        assert!(!is_urgent(0, &[(0, 10)]), "it is known");
        assert!(is_urgent(1, &[(0, 10)]), "another signal");
        assert!(is_urgent(0, &[(0, 10), (1, 10)]), "another series");
        assert!(!is_urgent(0, &[(1, 10)]), "one is over");
        assert!(is_urgent(0, &[(1, 20)]), "it began anew");
    }
}
