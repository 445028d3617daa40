//! The histories of a run's signals: what sources say is kept, and what was kept before is told to the monitors first.

use super::DriveError;
use crate::config::Config;
use crate::history::{Filled, Histories, HistoryError, Keeper};
use crate::monitor::Labels;
use crate::plan::Plan;
use crate::run::signals;
use crate::text;
use quietgate_detectors::{Sample, Timestamp};
use std::path::Path;
use tokio::task::JoinHandle;

/// How often what was written is brought to disk for good: what a loss of power may take, where nothing takes longer.
const SYNC_MS: i64 = 60_000;
/// So many cells are written before the rest of an answer is looked at.
const MANY: usize = 1 << 20;

/// The histories of the signals of a run, in their order.
#[derive(Debug, Default)]
pub(super) struct Kept {
    signals: Vec<Option<Keeping>>,
    syncing: Option<JoinHandle<Result<(), HistoryError>>>,
    sync_due_ms: i64,
    _lock: Option<Histories>,
}

/// That of one.
#[derive(Debug)]
struct Keeping {
    name: String,
    keeper: Keeper,
    is_failing: bool,
}

impl Kept {
    /// Opens the histories of the signals of `plan` in `state`. Where one cannot be used, that is an error; or, where the run
    /// `goes_on`, it is said by `note` and the run goes on without.
    pub(super) fn open(
        config: &Config,
        plan: &Plan,
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
        for signal in signals(config, plan) {
            let opened = match lock.signal(&signal.name, signal.interval, days) {
                Ok(store) => Some(Keeper::new(store)),
                Err(error) => {
                    or_without(error)?;
                    None
                }
            };
            let one = |keeper| Keeping { name: signal.name.clone(), keeper, is_failing: false };
            kept.push(opened.map(one));
        }
        Ok(Self { signals: kept, syncing: None, sync_due_ms: 0, _lock: Some(lock) })
    }

    /// The time of the oldest sample of a signal since `from`; none where there is no history of it.
    pub(super) fn oldest(&mut self, signal: usize, from: Timestamp, now: Timestamp) -> Option<Timestamp> {
        self.one(signal)?.keeper.oldest(from, now).ok().flatten()
    }

    /// Gives what was kept of a signal since `from` to `each`; says what that was, and what was wrong with it.
    pub(super) fn fill(
        &mut self,
        signal: usize,
        (from, now): (Timestamp, Timestamp),
        each: impl FnMut(&Labels, &[Sample]),
    ) -> Option<(Filled, Vec<String>)> {
        let one = self.one(signal)?;
        match one.keeper.fill((from, now), each) {
            Ok(filled) => {
                let notes = one.notes(&filled, now);
                Some((filled, notes))
            }
            Err(error) => {
                let words = format!("without history of {}: {}", one.name, text::with_causes(&error));
                self.signals[signal] = None;
                let filled = Filled { reading: Default::default(), newest: Vec::new() };
                Some((filled, vec![words]))
            }
        }
    }

    /// The history of a signal, to be told what its monitors say.
    pub(super) fn keeper(&mut self, signal: usize) -> Option<&mut Keeper> {
        Some(&mut self.one(signal)?.keeper)
    }

    /// Writes what was heard of a signal, where that is `much` or the answer is at its end; gives what there is to say about it.
    pub(super) fn write(&mut self, signal: usize, at_end: bool, now: Timestamp) -> Option<String> {
        let one = self.one(signal)?;
        if !at_end && one.keeper.waiting() < MANY {
            return None;
        }
        match one.keeper.write(now) {
            Ok(_) if std::mem::take(&mut one.is_failing) => {
                Some(format!("the history of {} is kept again", one.name))
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
        if !is_due || self.syncing.as_ref().is_some_and(|syncing| !syncing.is_finished()) {
            return None;
        }
        self.sync_due_ms = now_ms.saturating_add(SYNC_MS);
        let said = self.synced().await;
        let stores = self.signals.iter_mut().flatten();
        let unsynced: Vec<_> = stores.filter_map(|one| one.keeper.store().unsynced()).collect();
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

    fn one(&mut self, signal: usize) -> Option<&mut Keeping> {
        self.signals.get_mut(signal)?.as_mut()
    }
}

impl Keeping {
    /// What is to be said of what was read: rows that are damaged, and series that are not there any more.
    fn notes(&mut self, filled: &Filled, now: Timestamp) -> Vec<String> {
        let (name, mut notes) = (&self.name, Vec::new());
        let interval_ms = self.keeper.store().shape().interval_ms;
        let damage = &filled.reading.damage;
        if let Some((first, last)) = damage.span {
            let at = |row: i64| text::rfc3339(row.saturating_mul(interval_ms));
            let rows = text::counted(damage.rows, "row is", "rows are");
            let (from, until) = (at(first), at(last));
            notes.push(format!(
                "history of {name}: {rows} damaged from {from} until {until}: their samples are missing"
            ));
        }
        let latest = filled.newest.iter().map(|(_, at)| at.as_millis()).max().unwrap_or(now.as_millis());
        let gone = filled.newest.iter().filter(|(_, at)| latest - at.as_millis() > 2 * interval_ms);
        let since = gone.clone().map(|(_, at)| at.as_millis()).max();
        if let Some(since) = since {
            let count = text::counted(gone.count() as u64, "series has", "series have");
            let since = text::rfc3339(since);
            notes.push(format!("history of {name}: {count} not been seen since {since} or before"));
        }
        notes
    }
}
