//! The newest events, for those who follow what happens from elsewhere.

use crate::event::Event;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::broadcast;

/// So many are remembered; the journal has all.
pub const EVENTS_MAX: usize = 10_000;
/// So many may come before who listens must have taken them.
const NEWS_MAX: usize = 1024;

/// The newest events of a journal. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Events {
    newest: Arc<Mutex<VecDeque<Arc<Event>>>>,
    news: broadcast::Sender<Arc<Event>>,
}

impl Events {
    /// Those that there are already, in their order.
    pub(super) fn of(past: &[Arc<Event>]) -> Self {
        let newest = past.iter().skip(past.len().saturating_sub(EVENTS_MAX)).cloned().collect();
        Self { newest: Arc::new(Mutex::new(newest)), news: broadcast::Sender::new(NEWS_MAX) }
    }

    pub(super) fn add(&self, event: &Arc<Event>) {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        newest.push_back(Arc::clone(event));
        if newest.len() > EVENTS_MAX {
            newest.pop_front();
        }
        // under the lock, so that who listens from a number on misses none; nobody may be listening
        drop(self.news.send(Arc::clone(event)));
    }

    /// Those behind the record number `seq`, and every one from now on; whether some of those are not remembered any more.
    pub fn behind(&self, seq: u64) -> (Vec<Arc<Event>>, broadcast::Receiver<Arc<Event>>, bool) {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let own = |event: &Arc<Event>| event.data.seq.unwrap_or_default();
        let missed = newest.len() == EVENTS_MAX && newest.front().is_some_and(|oldest| own(oldest) > seq + 1);
        let events = newest.iter().filter(|event| own(event) > seq).cloned().collect();
        (events, self.news.subscribe(), missed)
    }

    /// Those of a run that are remembered, the newest first.
    pub fn of_run(&self, run: &str) -> Vec<Arc<Event>> {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let is_own = |event: &&Arc<Event>| event.data.run.as_deref() == Some(run);
        newest.iter().rev().filter(is_own).cloned().collect()
    }
}
