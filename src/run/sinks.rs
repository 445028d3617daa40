//! The sinks of a state: each record is handed to them as an event, and nobody waits for them but the end.

use super::Events;
use crate::config::Config;
use crate::event::{Event, Telling};
use crate::journal::Entry;
use crate::sinks::{Courier, Fate, Note};
use crate::steps::Record;
use crate::story::Noted;
use crate::text;
use quietgate_detectors::Timestamp;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;

/// What is on record already, as events.
#[derive(Debug, Default)]
pub struct Past {
    telling: Telling,
    events: Vec<Arc<Event>>,
    tip: u64,
}

impl Past {
    /// What `entries` tell.
    ///
    /// # Errors
    /// A record that this program does not know.
    pub fn of(entries: &[Entry]) -> Result<Self, crate::story::Unreadable> {
        let mut past = Self::default();
        for entry in entries {
            let noted = Noted::read(entry.seq, Timestamp::from_millis(entry.at), entry.epoch, &entry.record)?;
            past.events.extend(past.telling.event(&noted, || id(entry)).map(Arc::new));
            past.tip = entry.seq;
        }
        Ok(past)
    }
}

impl Past {
    /// The newest of it.
    pub(super) fn newest(&self) -> Events {
        Events::of(&self.events)
    }
}

/// The same for every delivery, and for no other entry of any journal: its number and its hash.
fn id(entry: &Entry) -> String {
    let hash: String = entry.hash.to_string().chars().take(16).collect();
    format!("{}-{hash}", entry.seq)
}

/// The sinks of a state.
#[derive(Debug, Default)]
pub(super) struct Sinks {
    telling: Telling,
    /// Where others follow them, those that are told.
    events: Option<Events>,
    couriers: Vec<Courier>,
}

/// What sinks have to say of themselves.
#[derive(Debug, Default)]
pub(super) struct Notes(Option<UnboundedReceiver<Note>>);

impl Notes {
    /// The next; never over where there is none. May be dropped and called again.
    pub(super) async fn next(&mut self) -> Note {
        match &mut self.0 {
            Some(notes) => match notes.recv().await {
                Some(note) => note,
                None => std::future::pending().await,
            },
            None => std::future::pending().await,
        }
    }

    /// Those that were not told yet.
    fn rest(&mut self) -> impl Iterator<Item = Note> {
        std::iter::from_fn(|| self.0.as_mut()?.try_recv().ok())
    }
}

impl Sinks {
    /// Those of `config`, whose relative paths begin in `base`, with their outboxes in `state`.
    ///
    /// # Errors
    /// One that cannot be opened, in words.
    pub(super) fn open(
        config: &Config,
        base: &Path,
        state: &Path,
        past: Past,
    ) -> Result<(Self, Notes), String> {
        let Past { telling, events, tip } = past;
        let (note, notes) = unbounded_channel();
        let mut couriers = Vec::new();
        for sink in &config.sinks {
            let failed = |why: String| format!("sink {}: {why}", sink.name);
            let mut opened = sink.spec.open(base).map_err(|error| failed(error.to_string()))?;
            if let Some(url) = config.api.as_ref().and_then(|api| api.url.as_deref()) {
                opened.page(url);
            }
            let filter = sink.filter.clone();
            let courier =
                Courier::new(&sink.name, filter, opened, (state, sink.queue), (tip, &events), note.clone());
            couriers.push(courier.map_err(|error| failed(error.to_string()))?);
        }
        Ok((Self { telling, events: None, couriers }, Notes(Some(notes))))
    }

    /// Hands over what `entry` tells; never waits.
    pub(super) fn tell(&mut self, entry: &Entry, record: &Record) {
        if self.couriers.is_empty() && self.events.is_none() {
            return;
        }
        let (at, record) = (Timestamp::from_millis(entry.at), record.clone());
        let noted = Noted { seq: entry.seq, at, epoch: entry.epoch, record };
        let Some(event) = self.telling.event(&noted, || id(entry)).map(Arc::new) else { return };
        self.couriers.iter().for_each(|courier| courier.tell(&event));
        self.events.iter().for_each(|events| events.add(&event));
    }

    /// Tells `events` as well.
    pub(super) fn followed(self, events: Events) -> Self {
        Self { events: Some(events), ..self }
    }

    /// Lets them deliver what they have, for as long as the end of a run waits. Gives what there is to say of it.
    pub(super) async fn dismiss(self, notes: &mut Notes) -> Vec<String> {
        let dismissed = self.couriers.into_iter().map(|courier| async move {
            let name = courier.name().to_owned();
            (name, courier.dismiss().await)
        });
        let mut said = Vec::new();
        for (name, fate) in dismissed.collect::<JoinSet<_>>().join_all().await {
            let events = match fate {
                Fate::Settled => continue,
                Fate::Waiting(Some(left)) => text::counted(left as u64, "event", "events"),
                Fate::Waiting(None) => "some events".to_owned(),
            };
            said.push(format!(
                "sink {name}: {events} not delivered yet; the next driver of this state delivers what is left"
            ));
        }
        said.sort();
        notes.rest().chain(said).collect()
    }
}
