//! Readings of the table over a short time, and how much a counter grew between two of them.
//!
//! The kernel brings the counters of all entries up to date every 2 seconds. What they grew by from one second to the next is
//! therefore nothing or twice the truth; so a rate is taken over several of these steps.

use super::key::Key;
use super::table::{Counter, Counters, Levels};
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

/// An entry of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// What was counted.
    pub(super) counters: Counters,
    /// What stands now; of a service what its real servers have together.
    pub(super) levels: Levels,
}

/// All entries by their keys.
pub(super) type Table = BTreeMap<Key, Entry>;

/// The table at a time.
#[derive(Debug)]
pub(super) struct Reading {
    /// By a clock that nobody can set.
    at: Instant,
    /// Each entry, and since when its counters have only grown.
    entries: BTreeMap<Key, (Entry, Instant)>,
}

/// Readings, the oldest first: the newest, and as many before it as rates need.
#[derive(Debug, Default)]
pub(super) struct History {
    readings: VecDeque<Reading>,
}

/// A reading so old is not read again: signals that are asked for at the same time share one.
const SHARED: Duration = Duration::from_millis(50);
/// So many readings are kept of the time that a rate goes over; of those that come closer together the later stays.
const KEPT: u32 = 64;

impl History {
    /// Whether a reading at `now` would be no newer than the one that is here.
    pub(super) fn is_fresh(&self, now: Instant) -> bool {
        self.readings.back().is_some_and(|newest| now.saturating_duration_since(newest.at) < SHARED)
    }

    /// Takes up the `table` of `now`. `keep` is the longest time that a rate may go over.
    pub(super) fn push(&mut self, table: Table, now: Instant, keep: Duration) {
        let newest = self.readings.back();
        let since = |key: &Key, entry: &Entry| match newest.and_then(|newest| newest.entries.get(key)) {
            Some((before, since)) if entry.counters.continues(&before.counters) => *since,
            // new, or anew
            _ => now,
        };
        let entries = table.into_iter().map(|(key, entry)| (key, (entry, since(&key, &entry)))).collect();
        let between = |older: &Reading| newest.map(|newest| newest.at.saturating_duration_since(older.at));
        let last_but_one = self.readings.iter().rev().nth(1);
        if last_but_one.and_then(between).is_some_and(|between| between < keep / KEPT) {
            self.readings.pop_back();
        }
        self.readings.push_back(Reading { at: now, entries });
        let is_old = |reading: &Reading| now.saturating_duration_since(reading.at) >= keep;
        // the newest of those that are too old may be what a rate begins at
        while self.readings.get(1).is_some_and(is_old) {
            self.readings.pop_front();
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.readings.len()
    }

    /// The entries of the newest reading.
    pub(super) fn newest(&self) -> impl Iterator<Item = (&Key, &Entry)> {
        self.readings
            .back()
            .into_iter()
            .flat_map(|newest| newest.entries.iter().map(|(key, (entry, _))| (key, entry)))
    }

    /// What `counter` of each entry grew by in a second, over the time `span`, or over the time since the reading before where
    /// that is longer, up to `longest`. An entry that was not there all the time, or whose counters went back meanwhile, has none.
    pub(super) fn rates(
        &self,
        counter: Counter,
        span: Duration,
        slack: Duration,
        longest: Duration,
    ) -> impl Iterator<Item = (&Key, f64)> {
        let newest = self.readings.back();
        let fits = |reading: &&Reading| {
            let age =
                newest.map(|newest| newest.at.saturating_duration_since(reading.at)).unwrap_or_default();
            age >= span.saturating_sub(slack) && age <= longest && !age.is_zero()
        };
        let pair = newest.zip(self.readings.iter().rev().find(fits));
        pair.into_iter().flat_map(move |(newest, base)| {
            let seconds = newest.at.saturating_duration_since(base.at).as_secs_f64();
            newest.entries.iter().filter_map(move |(key, (entry, since))| {
                let (before, _) = base.entries.get(key).filter(|_| *since <= base.at)?;
                let grown = entry.counters.of(counter).checked_sub(before.counters.of(counter))?;
                // exact enough: what goes through a machine in minutes
                Some((key, grown as f64 / seconds))
            })
        })
    }
}
