//! The anomalies that a daemon has found: those that last, and the newest of those that are over.

use super::query::FindingNow;
use crate::text;
use quietgate_detectors::Timestamp;
use std::collections::{BTreeMap, VecDeque};

/// So many that are over are remembered.
const OVER_MAX: usize = 1000;

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Findings {
    open: BTreeMap<(usize, String), Open>,
    over: VecDeque<Found>,
}

#[derive(Debug, Clone)]
struct Open {
    since: Timestamp,
    words: Vec<String>,
}

/// One that was found.
#[derive(Debug, Clone)]
pub(super) struct Found {
    signal: usize,
    name: String,
    since: Timestamp,
    until: Option<Timestamp>,
    words: Vec<String>,
}

impl Found {
    /// As it is told, where the signals have these names.
    pub(super) fn told(self, signals: &[String]) -> FindingNow {
        let at = |at: Timestamp| text::rfc3339(at.as_millis());
        FindingNow {
            signal: signals.get(self.signal).cloned().unwrap_or_default(),
            name: self.name,
            finding: "anomalous",
            since: at(self.since),
            until: self.until.map(at),
            words: self.words,
        }
    }
}

impl Findings {
    /// Whether any of `signal` lasts.
    pub(super) fn has_open(&self, signal: usize) -> bool {
        self.open.range((signal, String::new())..(signal + 1, String::new())).next().is_some()
    }

    /// The signals of which any lasts.
    pub(super) fn open_signals(&self) -> Vec<usize> {
        let mut signals: Vec<usize> = self.open.keys().map(|(signal, _)| *signal).collect();
        signals.dedup();
        signals
    }

    /// These series of `signal` are anomalous at `now`, and no others. Gives the names of those that were not before.
    pub(super) fn now(
        &mut self,
        signal: usize,
        anomalous: Vec<(String, Timestamp)>,
        now: Timestamp,
    ) -> Vec<String> {
        let anomalous: BTreeMap<String, Timestamp> = anomalous.into_iter().collect();
        let own = (signal, String::new())..(signal + 1, String::new());
        let is_over =
            |((_, name), open): &(&(usize, String), &Open)| anomalous.get(name) != Some(&open.since);
        let over: Vec<(usize, String)> =
            self.open.range(own).filter(is_over).map(|(key, _)| key.clone()).collect();
        for key in over {
            if let Some(Open { since, words }) = self.open.remove(&key) {
                let (signal, name) = key;
                self.over.push_back(Found { signal, name, since, until: Some(now), words });
            }
        }
        while self.over.len() > OVER_MAX {
            self.over.pop_front();
        }
        let mut new = Vec::new();
        for (name, since) in anomalous {
            self.open.entry((signal, name.clone())).or_insert_with(|| {
                new.push(name);
                Open { since, words: Vec::new() }
            });
        }
        new
    }

    /// What detectors said of the series `name` of `signal` when it was found.
    pub(super) fn because(&mut self, signal: usize, name: String, words: Vec<String>) {
        if let Some(open) = self.open.get_mut(&(signal, name)) {
            open.words = words;
        }
    }

    /// Those that last, the newest first, and behind them those that are over, likewise.
    pub(super) fn newest_first(&self) -> impl Iterator<Item = Found> {
        let told = |((signal, name), open): (&(usize, String), &Open)| Found {
            signal: *signal,
            name: name.clone(),
            since: open.since,
            until: None,
            words: open.words.clone(),
        };
        let mut open: Vec<Found> = self.open.iter().map(told).collect();
        open.sort_by_key(|found| std::cmp::Reverse(found.since));
        open.into_iter().chain(self.over.iter().rev().cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_millis(second * 1000)
    }

    fn told(findings: &Findings) -> Vec<(String, i64, Option<i64>)> {
        let second = |at: Timestamp| at.as_millis() / 1000;
        let told = |found: Found| (found.name, second(found.since), found.until.map(second));
        findings.newest_first().map(told).collect()
    }

    #[test]
    fn what_is_over_is_remembered_behind_what_lasts() {
        let mut findings = Findings::default();
        let series = |names: &[(&str, i64)]| {
            names.iter().map(|(name, since)| ((*name).to_owned(), at(*since))).collect()
        };
        assert_eq!(findings.now(0, series(&[("a", 1), ("b", 2)]), at(3)), ["a", "b"]);
        assert_eq!(findings.now(1, series(&[("c", 3)]), at(4)), ["c"]);
        assert!(findings.now(0, series(&[("b", 2)]), at(5)).is_empty(), "it is known");
        assert_eq!(findings.now(0, series(&[("b", 6)]), at(7)), ["b"], "it began anew");
        let (name, open) = (|name: &str| name.to_owned(), None);
        let expected =
            [(name("b"), 6, open), (name("c"), 3, open), (name("b"), 2, Some(7)), (name("a"), 1, Some(5))];
        assert_eq!(told(&findings), expected);
        assert_eq!(findings.open_signals(), [0, 1]);
        assert!(
            findings.now(0, Vec::new(), at(8)).is_empty() && !findings.has_open(0) && findings.has_open(1)
        );
    }

    #[test]
    fn what_is_over_is_remembered_up_to_a_bound() {
        let mut findings = Findings::default();
        for second in 0..3000 {
            findings.now(0, vec![("a".to_owned(), at(second))], at(second));
        }
        assert_eq!(findings.newest_first().count(), OVER_MAX + 1);
    }
}
