//! Readings of the table over a short time, and how much a counter grew between two of them.
//!
//! The kernel brings the counters of all entries up to date every 2 seconds. What they grew by from one second to the next is
//! therefore nothing or twice the truth; so a rate is taken over several of these steps.

use super::key::{Key, Scope};
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
    /// Entries that are there no more, with the time of the first reading without them.
    gone: BTreeMap<Key, Instant>,
    /// The longest time that readings are wanted for, of all who ask.
    keep: Duration,
    /// Whether the kernel did not count when it was last looked.
    is_still: bool,
}

/// A reading so old is not read again: signals that are asked for at the same time share one.
const SHARED: Duration = Duration::from_millis(50);
/// Readings stay so many times closer together than they are old.
const DENSITY: u32 = 8;
/// Counters that stood still and count again have caught up within this: two of the kernel's steps.
const CATCH_UP: Duration = Duration::from_secs(4);

impl History {
    /// Whether a reading at `now` would be no newer than the one that is here.
    pub(super) fn is_fresh(&self, now: Instant) -> bool {
        self.readings.back().is_some_and(|newest| now.saturating_duration_since(newest.at) < SHARED)
    }

    /// Counters stand still, or count; where they have stood still all that they grow by until they have caught up is not of
    /// that time.
    pub(super) fn stands_still(&mut self) {
        self.is_still = true;
    }

    /// Takes up the `table` of `now`, at which counters stand still or not. `keep` is the longest time that a rate of who
    /// asks may go over.
    pub(super) fn push(&mut self, table: Table, now: Instant, keep: Duration, is_still: bool) {
        self.keep = self.keep.max(keep);
        let (keep, newest) = (self.keep, self.readings.back());
        let was_still = std::mem::replace(&mut self.is_still, is_still) || is_still;
        let begin = if was_still { now + CATCH_UP } else { now };
        let since = |key: &Key, entry: &Entry| match newest.and_then(|newest| newest.entries.get(key)) {
            Some((before, since)) if !was_still && entry.counters.continues(&before.counters) => *since,
            // new, or anew
            _ => begin,
        };
        self.gone.retain(|key, at| !table.contains_key(key) && now.saturating_duration_since(*at) < keep);
        let before = newest.into_iter().flat_map(|newest| newest.entries.keys());
        self.gone.extend(before.filter(|key| !table.contains_key(key)).map(|key| (*key, now)));
        let entries = table.into_iter().map(|(key, entry)| (key, (entry, since(&key, &entry)))).collect();
        self.readings.push_back(Reading { at: now, entries });
        let is_old = |reading: &Reading| now.saturating_duration_since(reading.at) >= keep;
        // the newest of those that are too old may be what a rate begins at
        while self.readings.get(1).is_some_and(is_old) {
            self.readings.pop_front();
        }
        self.thin_out(now);
    }

    /// Drops readings that lie close together for how old they are: a rate over any time finds one to begin at.
    fn thin_out(&mut self, now: Instant) {
        let mut middle = 1;
        while middle + 1 < self.readings.len() {
            let between =
                self.readings[middle + 1].at.saturating_duration_since(self.readings[middle - 1].at);
            if between < now.saturating_duration_since(self.readings[middle].at) / DENSITY {
                drop(self.readings.remove(middle));
            } else {
                middle += 1;
            }
        }
    }

    /// The entries of this kind that were there and are there no more; each as long as readings are kept.
    pub(super) fn gone(&self, scope: Scope) -> impl Iterator<Item = &Key> {
        self.gone.keys().filter(move |key| key.scope() == scope)
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

    /// What `counter` of each entry grew by in a second, over a time of at least `shortest`, as little as there are readings
    /// for, and of at most `longest`. An entry that was not there all the time, or whose counters went back meanwhile, has none.
    pub(super) fn rates(
        &self,
        counter: Counter,
        shortest: Duration,
        longest: Duration,
    ) -> impl Iterator<Item = (&Key, f64)> {
        let newest = self.readings.back();
        let fits = |reading: &&Reading| {
            let age =
                newest.map(|newest| newest.at.saturating_duration_since(reading.at)).unwrap_or_default();
            age >= shortest && age <= longest && !age.is_zero()
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
