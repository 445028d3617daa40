//! The histories of signals: what sources say is kept, and what was kept before is told to the monitors first. A run that is driven
//! beside others looks at what the daemon keeps, and writes nothing.

use super::DriveError;
use crate::config::Config;
use crate::config::Signal;
use crate::history::{Damage, Filled, Histories, HistoryError, Keeper, Piece, Store, Wanted};
use crate::monitor::Labels;
use crate::text;
use quietgate_detectors::{DAY_MS, Sample, Timestamp};
use std::cell::{RefCell, RefMut};
use std::path::Path;
use std::rc::Rc;
use tokio::task::JoinHandle;

/// How often what was written is brought to disk for good: what a loss of power may take, where nothing takes longer.
const SYNC_MS: i64 = 60_000;
/// So many cells are written before the rest of an answer is looked at.
const MANY: usize = 1 << 20;

/// The newest samples of series.
pub(super) type Newest = Vec<(Labels, Timestamp)>;

/// The histories of some signals, in their order.
#[derive(Debug, Default)]
pub(in crate::run) struct Kept {
    signals: Vec<Option<Rc<RefCell<Keeping>>>>,
    /// Whether others write them.
    is_beside: bool,
    syncing: Option<JoinHandle<Result<(), HistoryError>>>,
    sync_due_ms: i64,
    /// Memory for the samples of an answer, by the numbers of their series: asked for once, it goes round.
    pub(super) spare: Vec<(u32, Sample)>,
    _lock: Option<Histories>,
}

/// That of one.
#[derive(Debug)]
struct Keeping {
    name: String,
    signal: Signal,
    keeper: Keeper,
    is_failing: bool,
    /// Whether it was said that earlier days cannot be read.
    is_unread: bool,
}

impl Kept {
    /// Opens the histories of `signals` in `state`. Where one cannot be used, that is an error; or, where what needs them
    /// `goes_on`, it is said by `note` and it goes on without.
    pub(in crate::run) fn open<'a>(
        config: &Config,
        signals: impl Iterator<Item = &'a Signal>,
        state: &Path,
        goes_on: bool,
        note: &mut dyn FnMut(&str),
    ) -> Result<Self, DriveError> {
        let days = config.history_days;
        if days == 0 {
            return Ok(Self::default());
        }
        let mut or_without = |error: HistoryError| {
            if !goes_on {
                return Err(DriveError::History(error));
            }
            note(&format!("without history: {}", text::with_causes(&error)));
            Ok(())
        };
        let lock = match Histories::open(state) {
            Ok(lock) => lock,
            Err(error) => return or_without(error).map(|()| Self::default()),
        };
        let mut kept = Vec::new();
        for signal in signals {
            let opened = match lock.signal(&signal.name, signal.interval, days) {
                Ok(store) => Some(Keeper::new(store)),
                Err(error) => {
                    or_without(error)?;
                    None
                }
            };
            let one = |keeper| {
                let (name, signal) = (signal.name.clone(), signal.clone());
                Rc::new(RefCell::new(Keeping { name, signal, keeper, is_failing: false, is_unread: false }))
            };
            kept.push(opened.map(one));
        }
        Ok(Self { signals: kept, _lock: Some(lock), ..Self::default() })
    }

    /// What is kept here of `signals`, for a run that judges them the same way; of those that are judged otherwise there is nothing,
    /// and their names are given too.
    pub(in crate::run) fn beside<'a>(
        &self,
        signals: impl Iterator<Item = &'a Signal>,
    ) -> (Self, Vec<String>) {
        let (mut kept, mut others) = (Vec::new(), Vec::new());
        for signal in signals {
            let known = self.signals.iter().flatten().find(|one| one.borrow().signal == *signal);
            if known.is_none() && !self.signals.is_empty() {
                others.push(signal.name.clone());
            }
            kept.push(known.map(Rc::clone));
        }
        (Self { signals: kept, is_beside: true, ..Self::default() }, others)
    }

    /// Whether others write what is kept here.
    pub(super) fn is_beside(&self) -> bool {
        self.is_beside
    }

    /// The time of the oldest sample of a signal since `from`; none where there is no history of it.
    pub(super) fn oldest(&self, signal: usize, from: Timestamp, now: Timestamp) -> Option<Timestamp> {
        self.one(signal)?.keeper.oldest(from, now).ok().flatten()
    }

    /// The earliest time of which the history of a signal can have anything.
    pub(super) fn room(&self, signal: usize, now: Timestamp) -> Timestamp {
        let room_ms = |mut one: RefMut<'_, Keeping>| {
            let shape = one.keeper.store().shape();
            (i64::from(shape.days) + 1).saturating_mul(DAY_MS).saturating_sub(2 * shape.interval_ms)
        };
        let room_ms = self.one(signal).map_or(i64::MAX, room_ms);
        Timestamp::from_millis(now.as_millis().saturating_sub(room_ms))
    }

    /// Gives what was kept of a signal since `from` to `each`; says what that was, and what was wrong with it.
    pub(super) fn fill(
        &mut self,
        signal: usize,
        (from, now): (Timestamp, Timestamp),
        each: impl FnMut(&Labels, &[Sample]),
    ) -> Option<(Filled, Vec<String>)> {
        let mut one = self.one(signal)?;
        match one.keeper.fill((from, now), each) {
            Ok(filled) => {
                let notes = one.notes(&filled.reading.damage, &filled.newest, now);
                Some((filled, notes))
            }
            Err(error) => {
                let words = format!("without history of {}: {}", one.name, text::with_causes(&error));
                drop(one);
                self.signals[signal] = None;
                let filled = Filled { reading: Default::default(), newest: Vec::new() };
                Some((filled, vec![words]))
            }
        }
    }

    /// Gives what was kept of a signal whose series are judged together to `each`: see [`Keeper::resume`]. Wanted is what came since
    /// `from`, of which what came since `judged` shall be judged. Says what that was, and what was wrong with it.
    pub(super) fn resume(
        &self,
        signal: usize,
        (from, judged, now): (Timestamp, Timestamp, Timestamp),
        (memory, asks_period): (i64, bool),
        each: impl FnMut(Piece<'_>),
    ) -> Option<(Newest, Vec<String>)> {
        let mut one = self.one(signal)?;
        let row = |store: &mut Store, at: Timestamp| store.row_from(at.as_millis());
        let store = one.keeper.store();
        let (newest, room) = (row(store, now) + 1, store.shape().rows());
        let (oldest, judged) = (row(store, from).max(newest - room + 1), row(store, judged));
        let wanted = Wanted { oldest, judged, newest, memory, asks_period };
        match one.keeper.resume(wanted, each) {
            Ok(resumed) if resumed.newest.is_empty() => None,
            Ok(resumed) => {
                let notes = one.notes(&resumed.damage, &resumed.newest, now);
                Some((resumed.newest, notes))
            }
            Err(error) => {
                let why = text::with_causes(&error);
                Some((Vec::new(), vec![format!("what was kept of {} cannot be read: {why}", one.name)]))
            }
        }
    }

    /// What was wrong with earlier days of a signal that were looked at, since this was asked last.
    pub(super) fn strange(&self, signal: usize) -> Vec<String> {
        let Some(mut one) = self.one(signal) else { return Vec::new() };
        let Some(pasts) = one.keeper.pasts() else { return Vec::new() };
        let (damage, failed) = (pasts.take_damage(), pasts.take_failed());
        let failed = failed.map(|error| {
            let why = text::with_causes(&error);
            format!("earlier days of {} cannot be read, so its series are unknown(partial): {why}", one.name)
        });
        let failed = failed.filter(|_| !std::mem::replace(&mut one.is_unread, true));
        one.damaged(&damage).into_iter().chain(failed).collect()
    }

    /// The history of a signal.
    pub(super) fn keeper(&self, signal: usize) -> Option<RefMut<'_, Keeper>> {
        Some(RefMut::map(self.one(signal)?, |one| &mut one.keeper))
    }

    /// The same, to be told what its monitors say; none where others tell it.
    pub(super) fn writer(&self, signal: usize) -> Option<RefMut<'_, Keeper>> {
        self.keeper(signal).filter(|_| !self.is_beside)
    }

    /// Writes what was heard of a signal, where that is `much` or the answer is at its end; gives what there is to say about it.
    pub(super) fn write(&self, signal: usize, at_end: bool, now: Timestamp) -> Option<String> {
        let mut one = self.one(signal).filter(|_| !self.is_beside)?;
        if !at_end && one.keeper.waiting() < MANY {
            return None;
        }
        match one.keeper.write(now) {
            Ok(written) if std::mem::take(&mut one.is_failing) => {
                let lost = match written.lost {
                    0 => String::new(),
                    lost => format!(
                        ", without {} that were too many to wait",
                        text::counted(lost, "sample", "samples")
                    ),
                };
                Some(format!("the history of {} is kept again{lost}", one.name))
            }
            Ok(_) => None,
            Err(error) => {
                let is_news = !std::mem::replace(&mut one.is_failing, true);
                let why = text::with_causes(&error);
                is_news.then(|| {
                    format!(
                        "the history of {} is not kept, and tried again with each answer: {why}",
                        one.name
                    )
                })
            }
        }
    }

    /// Brings what was written to disk for good, beside what else goes on; gives what there is to say about the last time.
    pub(super) async fn sync(&mut self, now: Timestamp) -> Option<String> {
        let now_ms = now.as_millis();
        let is_due = now_ms >= self.sync_due_ms || now_ms < self.sync_due_ms.saturating_sub(SYNC_MS);
        if !is_due || self.is_beside || self.syncing.as_ref().is_some_and(|syncing| !syncing.is_finished()) {
            return None;
        }
        self.sync_due_ms = now_ms.saturating_add(SYNC_MS);
        let said = self.synced().await;
        let stores = self.signals.iter().flatten();
        let unsynced: Vec<_> = stores.filter_map(|one| one.borrow_mut().keeper.store().unsynced()).collect();
        if !unsynced.is_empty() {
            let sync = move || unsynced.iter().try_for_each(|files| files.sync());
            self.syncing = Some(tokio::task::spawn_blocking(sync));
        }
        said
    }

    /// Writes and syncs everything: the run ends.
    pub(super) async fn close(&mut self, now: Timestamp) -> Vec<String> {
        let mut said: Vec<_> =
            (0..self.signals.len()).filter_map(|signal| self.write(signal, true, now)).collect();
        said.extend(self.synced().await);
        self.sync_due_ms = i64::MIN;
        said.extend(self.sync(now).await);
        said.extend(self.synced().await);
        said
    }

    /// How the sync ended that is under way, where one is.
    async fn synced(&mut self) -> Option<String> {
        match self.syncing.take()?.await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(format!(
                "what was written to the history may not outlive a loss of power: {}",
                text::with_causes(&error)
            )),
            Err(error) => Some(format!("the history was not synced: {error}")),
        }
    }

    fn one(&self, signal: usize) -> Option<RefMut<'_, Keeping>> {
        Some(self.signals.get(signal)?.as_ref()?.borrow_mut())
    }
}

impl Keeping {
    /// What is to be said of what was read: rows that are damaged, and series that are not there any more.
    fn notes(&mut self, damage: &Damage, newest: &[(Labels, Timestamp)], now: Timestamp) -> Vec<String> {
        let mut notes: Vec<_> = self.damaged(damage).into_iter().collect();
        let (name, interval_ms) = (&self.name, self.keeper.store().shape().interval_ms);
        let latest = newest.iter().map(|(_, at)| at.as_millis()).max().unwrap_or(now.as_millis());
        let gone = newest.iter().filter(|(_, at)| latest - at.as_millis() > 2 * interval_ms);
        let since = gone.clone().map(|(_, at)| at.as_millis()).max();
        if let Some(since) = since {
            let count = text::counted(gone.count() as u64, "series has", "series have");
            let since = text::rfc3339(since);
            notes.push(format!("history of {name}: {count} not been seen since {since} or before"));
        }
        notes
    }

    /// That rows are damaged; nothing where none is.
    fn damaged(&mut self, damage: &Damage) -> Option<String> {
        let (name, interval_ms) = (&self.name, self.keeper.store().shape().interval_ms);
        let (first, last) = damage.span?;
        let at = |row: i64| text::rfc3339(row.saturating_mul(interval_ms));
        let rows = text::counted(damage.rows, "row is", "rows are");
        let (from, until) = (at(first), at(last));
        Some(format!(
            "history of {name}: {rows} damaged from {from} until {until}: their samples are missing"
        ))
    }
}
