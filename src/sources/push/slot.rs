//! What was pushed of the series of one query, until it is told.

use super::super::exposition::{Growth, Moment, NAME, Query, Reading, Row, grown};
use super::super::limits::Limits;
use super::super::source::Labels;
use super::lost::{Lost, Why};
use quietgate_detectors::Sample;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;
use tokio::time::Instant;

/// A query of a signal, and what was pushed for it.
#[derive(Debug)]
pub(super) struct Slot {
    query: Query,
    interval: Duration,
    limits: Limits,
    ids: BTreeMap<Labels, u64>,
    series: HashMap<u64, Series>,
    /// Whether each series knows its place in the order of the labels.
    is_ranked: bool,
    /// Series with samples that are to be told.
    fresh: Vec<u64>,
    lost: Lost,
    /// When the first sample came.
    first: Option<Instant>,
    /// When silent series were looked for.
    looked: Option<Instant>,
}

/// A series that was pushed and is wanted.
#[derive(Debug)]
struct Series {
    labels: Labels,
    rank: usize,
    /// The newest sample that came.
    newest: Option<(i64, f64)>,
    /// The counter as it was last.
    before: Option<Reading>,
    kept: Vec<Sample>,
    heard: Instant,
}

/// Where the samples of a series go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Nowhere: the query does not want them.
    Unwanted,
    /// To the series of this number.
    At(u64),
    /// Nowhere, for the series is beyond a limit.
    Lost(Why),
}

/// Series as they are told.
pub(super) type Told = Vec<(Labels, Vec<Sample>)>;

/// The value by which Prometheus says that a series has ended.
const ENDED: u64 = 0x7ff0_0000_0000_0002;
/// A series that is silent for so long, and for some intervals, is forgotten.
const SILENT: Duration = Duration::from_secs(300);
const SILENT_INTERVALS: u32 = 4;
/// So often silent series are looked for.
const LOOKS: Duration = Duration::from_secs(60);

impl Slot {
    /// One that has nothing yet.
    pub(super) fn new(query: Query, interval_ms: i64, limits: Limits) -> Self {
        Self {
            query,
            interval: Duration::from_millis(interval_ms.max(0).unsigned_abs()),
            limits,
            ids: BTreeMap::new(),
            series: HashMap::new(),
            is_ranked: false,
            fresh: Vec::new(),
            lost: Lost::default(),
            first: None,
            looked: None,
        }
    }

    /// Where the samples of a series of these labels go; `next` is used up where it is new.
    pub(super) fn place(&mut self, labels: &Labels, next: &mut u64, now: Instant) -> Place {
        if !self.query.wants(&row(labels)) {
            return Place::Unwanted;
        }
        if let Some(id) = self.ids.get(labels) {
            return Place::At(*id);
        }
        let longest = labels.iter().map(|(name, value)| name.len().max(value.len())).max().unwrap_or(0);
        if labels.len() > self.limits.labels as usize || longest as u64 > self.limits.label_bytes {
            return Place::Lost(Why::Large);
        }
        if self.ids.len() >= self.limits.series as usize {
            return Place::Lost(Why::Many);
        }
        *next += 1;
        self.ids.insert(labels.clone(), *next);
        let labels = labels.clone();
        let series = Series { labels, rank: 0, newest: None, before: None, kept: Vec::new(), heard: now };
        self.series.insert(*next, series);
        self.is_ranked = false;
        Place::At(*next)
    }

    /// Whether the series of this number is there.
    pub(super) fn has(&self, id: u64) -> bool {
        self.series.contains_key(&id)
    }

    /// Takes a sample of that series, as of `now_ms`; says whether it is kept until it is told.
    pub(super) fn take(&mut self, id: u64, sample: Sample, now_ms: i64, now: Instant) -> bool {
        let Some(series) = self.series.get_mut(&id) else { return false };
        series.heard = now;
        let interval_ms = i64::try_from(self.interval.as_millis()).unwrap_or(i64::MAX);
        let at_ms = sample.at.as_millis();
        if at_ms > now_ms.saturating_add(interval_ms) {
            self.lost.add(Why::Ahead);
            return false;
        }
        match series.newest {
            Some((newest, value)) if newest == at_ms && value.to_bits() == sample.value.to_bits() => {
                return false;
            }
            Some((newest, _)) if newest == at_ms => {
                self.lost.add(Why::Conflicting);
                return false;
            }
            Some((newest, _)) if newest > at_ms => {
                self.lost.add(Why::Late);
                return false;
            }
            _ => series.newest = Some((at_ms, sample.value)),
        }
        if sample.value.to_bits() == ENDED {
            series.before = None;
            return false;
        }
        let told = match self.query.growth {
            Growth::ByType => Some(sample.value),
            growth => {
                let reading = Reading::new(Moment::Theirs(at_ms), sample.value);
                grown(&mut series.before, reading, growth, interval_ms)
            }
        };
        let Some(value) = told else { return false };
        if series.kept.is_empty() {
            self.fresh.push(id);
        }
        series.kept.push(Sample::new(at_ms, value));
        self.first.get_or_insert(now);
        true
    }

    /// Notes that something of its series was lost.
    pub(super) fn lose(&mut self, why: Why) {
        self.lost.add(why);
    }

    /// Whether there is something to tell.
    pub(super) fn has_news(&self) -> bool {
        !self.fresh.is_empty() || !self.lost.is_empty()
    }

    /// When one interval has passed since the first sample came, so that each sender had its turn; none before one has.
    pub(super) fn settled(&self) -> Option<Instant> {
        Some(self.first? + self.interval)
    }

    /// What is to be told now, in the order of the labels, and what is odd. What is told is gone then: says too how many samples
    /// that is.
    pub(super) fn tell(&mut self, now: Instant) -> (Told, Vec<String>, usize) {
        self.rank();
        let mut ranked = Vec::with_capacity(self.fresh.len());
        for id in self.fresh.drain(..) {
            let Some(series) = self.series.get_mut(&id) else { continue };
            ranked.push((series.rank, (series.labels.clone(), std::mem::take(&mut series.kept))));
        }
        ranked.sort_unstable_by_key(|(rank, _)| *rank);
        let told: Told = ranked.into_iter().map(|(_, told)| told).collect();
        self.forget(now);
        let gone = told.iter().map(|(_, samples)| samples.len()).sum();
        (told, std::mem::take(&mut self.lost).in_words(), gone)
    }

    /// Tells each series its place in the order of the labels, where one is new: so that no labels are compared to tell.
    fn rank(&mut self) {
        if std::mem::replace(&mut self.is_ranked, true) {
            return;
        }
        for (rank, id) in self.ids.values().enumerate() {
            self.series.get_mut(id).into_iter().for_each(|series| series.rank = rank);
        }
    }

    /// Forgets series that are silent, once a minute: who pushes from ever new ones must not fill the memory.
    fn forget(&mut self, now: Instant) {
        if self.looked.is_some_and(|looked| now.duration_since(looked) < LOOKS) {
            return;
        }
        self.looked = Some(now);
        let longest = SILENT.max(self.interval.saturating_mul(SILENT_INTERVALS));
        let silent = |series: &Series| series.kept.is_empty() && now.duration_since(series.heard) > longest;
        if self.series.values().any(silent) {
            self.series.retain(|_, series| !silent(series));
            self.ids.retain(|_, id| self.series.contains_key(id));
        }
    }
}

/// Labels as the selector takes them.
fn row(labels: &Labels) -> Row<'_> {
    let name = labels.get(NAME).unwrap_or_default();
    let others = labels.iter().filter(|(name, _)| *name != NAME);
    let others = others.map(|(name, value)| (Cow::Borrowed(name), Cow::Borrowed(value)));
    Row { name: Cow::Borrowed(name), labels: others.collect(), value: 0.0, time_ms: None }
}
