//! What is asked of a daemon's monitor, and what it answers: plain data, bounded.

use serde::Serialize;
use std::collections::BTreeMap;
use tokio::sync::oneshot;

/// A question, and where the answer goes.
#[derive(Debug)]
pub enum Query {
    /// All signals.
    Signals(oneshot::Sender<Vec<SignalNow>>),
    /// The series of a signal; none where there is no such signal.
    Series(SeriesAsk, oneshot::Sender<Option<Page<SeriesNow>>>),
    /// What was found, the newest first.
    Findings(FindingsAsk, oneshot::Sender<Page<FindingNow>>),
    /// Whether signals are clean.
    Gate(GateAsk, oneshot::Sender<Result<GateNow, String>>),
}

/// Which series are asked for.
#[derive(Debug, Clone)]
pub struct SeriesAsk {
    /// The signal.
    pub signal: String,
    /// Those that are found so, in one word.
    pub finding: Option<String>,
    /// So many are passed over.
    pub skip: usize,
    /// So many at most.
    pub limit: usize,
}

/// Which findings are asked for.
#[derive(Debug, Clone)]
pub struct FindingsAsk {
    /// So many are passed over.
    pub skip: usize,
    /// So many at most.
    pub limit: usize,
}

/// Which gate is asked for.
#[derive(Debug, Clone)]
pub struct GateAsk {
    /// The signals.
    pub signals: Vec<String>,
    /// For how long they must have been clean, in milliseconds.
    pub window_ms: i64,
}

/// Some of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Page<T> {
    /// They.
    pub items: Vec<T>,
    /// Where the rest begins; none where there is no rest.
    pub next: Option<usize>,
}

impl<T> Page<T> {
    /// `limit` of `all` behind the first `skip`, as `told` tells them.
    pub fn of<A>(all: impl Iterator<Item = A>, skip: usize, limit: usize, told: impl FnMut(A) -> T) -> Self {
        let mut rest = all.skip(skip);
        let items: Vec<T> = rest.by_ref().take(limit).map(told).collect();
        let next = rest.next().map(|_| skip + items.len());
        Self { items, next }
    }
}

/// A signal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignalNow {
    /// Its name.
    pub signal: String,
    /// Its source.
    pub source: String,
    /// The spacing of its samples.
    pub interval: String,
    /// How many required series it has.
    pub series: usize,
    /// How many of them are clean.
    pub clean: usize,
    /// In how many something fired that is not sustained.
    pub suspect: usize,
    /// How many are anomalous.
    pub anomalous: usize,
    /// How many are expected to move.
    pub expected: usize,
    /// Of how many nothing can be said.
    pub unknown: usize,
    /// Why the source says nothing, or not everything.
    pub trouble: Option<String>,
    /// The time of the newest sample, in RFC 3339.
    pub newest: Option<String>,
    /// The same in UTC milliseconds.
    #[serde(skip)]
    pub newest_ms: Option<i64>,
}

/// A series.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeriesNow {
    /// Its name, with its labels.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// What it is found to be: `clean`, `suspect`, `anomalous`, `expected` or `unknown`.
    pub finding: &'static str,
    /// Why it is unknown.
    pub reason: Option<String>,
    /// Since when it is so, in RFC 3339.
    pub since: Option<String>,
    /// Its newest sample.
    pub newest: Option<ValueNow>,
}

/// A sample.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ValueNow {
    /// Its time, in RFC 3339.
    pub at: String,
    /// Its value; none where it has none.
    pub value: Option<f64>,
}

/// An anomaly that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FindingNow {
    /// The signal.
    pub signal: String,
    /// The series.
    pub name: String,
    /// What it is found to be.
    pub finding: &'static str,
    /// Since when, in RFC 3339.
    pub since: String,
    /// Until when, in RFC 3339; none where it still is.
    pub until: Option<String>,
    /// What the detectors that fired said.
    pub words: Vec<String>,
}

/// How a gate over signals stands: the worst of what its series are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum GateState {
    /// Every series was clean for long enough.
    Open,
    /// Every series is clean, or may turn out to be, and was not for long enough.
    Waiting,
    /// Of a series nothing can be said, or there is none.
    Unknown,
    /// A series is anomalous.
    Anomalous,
}

/// A gate over signals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GateNow {
    /// When it was looked at, in RFC 3339.
    pub at: String,
    /// Whether every series was clean for long enough.
    #[serde(rename = "open")]
    pub is_open: bool,
    /// How it stands, in one word.
    pub state: GateState,
    /// For how long they must have been, in milliseconds.
    pub window_ms: i64,
    /// For how long they have been; 0 where one is not.
    pub clean_ms: i64,
    /// How many series there are.
    pub series: usize,
    /// What keeps it shut.
    pub because: Vec<String>,
}
