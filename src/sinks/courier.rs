//! Brings the events of one sink to it, in their order, as often as that needs: a task of its own that nobody waits for.

use super::backoff::Backoff;
use super::filter::Filter;
use super::outbox::{Dropped, Outbox};
use super::sink::{Failed, Sink};
use crate::clock;
use crate::event::{Data, Event, Kind};
use crate::text;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// What a person may want to know of a sink, in words.
pub type Note = String;

/// A sink that events are handed to.
#[derive(Debug)]
pub struct Courier {
    name: String,
    events: UnboundedSender<Arc<Event>>,
    task: JoinHandle<usize>,
}

/// So long it is tried to deliver what is left when nobody hands over anything any more.
const LIMIT: Duration = Duration::from_secs(5);
/// And so long the last word may take.
const LAST: Duration = Duration::from_secs(2);

/// What became of the events of a sink when its courier was dismissed.
#[derive(Debug, PartialEq, Eq)]
pub enum Fate {
    /// All were delivered, or dropped and counted.
    Settled,
    /// So many wait for the next driver; none where it is not known how many.
    Waiting(Option<usize>),
}

/// One try to say something: the sink comes back with what became of it.
type Trip = Pin<Box<dyn Future<Output = (Box<dyn Sink>, Result<(), Failed>)> + Send>>;

/// What is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Load {
    First,
    OfDropped(Dropped),
    Reminder,
}

struct Round {
    name: String,
    filter: Filter,
    outbox: Outbox,
    sink: Option<Box<dyn Sink>>,
    trip: Option<(Load, Trip)>,
    backoff: Backoff,
    /// Nothing is tried before.
    not_before: Instant,
    failing_since: Option<Instant>,
    /// So many dropped events are told of next.
    told_from: u64,
    notes: UnboundedSender<Note>,
}

impl Courier {
    /// A courier for `sink`, whose outbox lies in `state` and holds `most` events. The `past` is what is on record, up to the entry
    /// `tip`: what was not delivered of it is delivered now.
    ///
    /// # Errors
    /// The outbox cannot be made.
    pub fn new(
        name: &str,
        filter: Filter,
        mut sink: Box<dyn Sink>,
        (state, most): (&Path, usize),
        past: (u64, &[Arc<Event>]),
        notes: UnboundedSender<Note>,
    ) -> io::Result<Self> {
        let (tip, past) = past;
        let (mut outbox, said) = Outbox::open(state, name, most, tip)?;
        said.into_iter().for_each(|said| drop(notes.send(format!("sink {name}: {said}"))));
        let from = outbox.mark().seq;
        for event in past.iter().filter(|event| filter.wants(event)) {
            match event.data.seq {
                Some(seq) if seq > from => drop(outbox.push(Event::clone(event))?),
                _ => sink.knew(event),
            }
        }
        let (events, received) = unbounded_channel();
        let round = Round {
            name: name.to_owned(),
            filter,
            outbox,
            sink: Some(sink),
            trip: None,
            backoff: Backoff::default(),
            not_before: Instant::now(),
            failing_since: None,
            told_from: 1,
            notes,
        };
        Ok(Self { name: name.to_owned(), events, task: tokio::spawn(round.go(received)) })
    }

    /// The name of the sink.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Hands over `event`; never waits.
    pub fn tell(&self, event: &Arc<Event>) {
        // a courier that is gone has said so; its events are on record
        drop(self.events.send(Arc::clone(event)));
    }

    /// Lets it deliver what it has, for a few seconds at most, and ends it.
    pub async fn dismiss(self) -> Fate {
        let Self { events, task, .. } = self;
        drop(events);
        match task.await {
            Ok(0) => Fate::Settled,
            Ok(left) => Fate::Waiting(Some(left)),
            Err(_) => Fate::Waiting(None),
        }
    }
}

impl Round {
    /// Delivers until nobody hands over anything and all is delivered, or for [`LIMIT`] after the last was handed over. Gives how many are left.
    async fn go(mut self, mut events: UnboundedReceiver<Arc<Event>>) -> usize {
        let mut until = None;
        loop {
            self.set_out();
            let has_more =
                self.trip.is_some() || self.outbox.len() > 0 || self.outbox.mark().untold.is_some();
            if until.is_some_and(|until| !has_more || Instant::now() >= until) {
                break;
            }
            let wake = self.wake();
            tokio::select! {
                biased;
                event = events.recv(), if until.is_none() => match event {
                    Some(event) => self.take(&event),
                    None => until = Some(Instant::now() + LIMIT),
                },
                (sink, outcome) = travelling(&mut self.trip) => self.back(sink, outcome),
                () = tokio::time::sleep_until(until.unwrap_or(wake)), if until.is_some() => {}
                () = tokio::time::sleep_until(wake), if self.trip.is_none() => {}
            }
        }
        if let Some(mut sink) = self.sink.take() {
            let last = tokio::time::timeout(LAST, sink.leave(clock::now().as_millis())).await;
            if let Err(failed) = last.unwrap_or_else(|_| Err(Failed::later("no answer in time"))) {
                self.note(&format!("its last word was not delivered: {failed}"));
            }
        }
        self.outbox.len()
    }

    fn take(&mut self, event: &Arc<Event>) {
        if !self.filter.wants(event) {
            return;
        }
        match self.outbox.push(Event::clone(event)) {
            Ok(None) => {}
            Ok(Some(dropped)) => self.note_dropped(dropped),
            Err(error) => self.not_marked(&error),
        }
    }

    /// Begins what is next, where nothing is under way and it is time.
    fn set_out(&mut self) {
        if self.trip.is_some() || Instant::now() < self.not_before {
            return;
        }
        let Some(mut sink) = self.sink.take() else { return };
        let untold = self.outbox.mark().untold.clone();
        let now_ms = clock::now().as_millis();
        let is_due = sink.due_ms().is_some_and(|due| due <= now_ms);
        if let Some(dropped) = untold {
            let event = self.of_dropped(&dropped);
            let trip = Box::pin(async move {
                let outcome = sink.send(&event).await;
                (sink, outcome)
            });
            self.trip = Some((Load::OfDropped(dropped), trip));
        } else if let Some(event) = self.outbox.first() {
            let trip = Box::pin(async move {
                let outcome = sink.send(&event).await;
                (sink, outcome)
            });
            self.trip = Some((Load::First, trip));
        } else if is_due {
            let trip = Box::pin(async move {
                let outcome = sink.remind(now_ms).await;
                (sink, outcome)
            });
            self.trip = Some((Load::Reminder, trip));
        } else {
            self.sink = Some(sink);
        }
    }

    /// When there is something to do that nobody tells of.
    fn wake(&self) -> Instant {
        const FAR: Duration = Duration::from_secs(3_600);
        let now = Instant::now();
        let has_more = self.outbox.len() > 0 || self.outbox.mark().untold.is_some();
        if has_more {
            return self.not_before.max(now);
        }
        let due_ms = self.sink.as_ref().and_then(|sink| sink.due_ms());
        let left = due_ms.map(|due| due.saturating_sub(clock::now().as_millis()).max(0).unsigned_abs());
        let left = left.map_or(FAR, Duration::from_millis).min(FAR);
        (now + left).max(self.not_before)
    }

    /// What was under way has ended.
    fn back(&mut self, sink: Box<dyn Sink>, outcome: Result<(), Failed>) {
        self.sink = Some(sink);
        let Some((load, _)) = self.trip.take() else { return };
        let marked = match (&outcome, &load) {
            (Ok(()), Load::First) => self.outbox.delivered(),
            (Ok(()) | Err(Failed::ForGood(_)), Load::OfDropped(dropped)) => self.outbox.told(dropped),
            (Err(Failed::ForGood(why)), Load::First) => {
                self.outbox.refused(why).map(|dropped| self.note_dropped(dropped))
            }
            (_, Load::Reminder) => Ok(()),
            (Err(Failed::Later { .. }), _) => {
                self.outbox.keep();
                Ok(())
            }
        };
        if let Err(error) = marked {
            self.not_marked(&error);
        }
        match outcome {
            Err(Failed::Later { why, after }) => self.failed(&why, after),
            Ok(()) | Err(Failed::ForGood(_)) => self.arrived(),
        }
    }

    fn failed(&mut self, why: &str, after: Option<Duration>) {
        if !self.backoff.is_waiting() {
            self.failing_since = Some(Instant::now());
            self.note(&format!("not delivered, and tried again: {why}"));
        }
        self.not_before = Instant::now() + self.backoff.next(after);
    }

    fn arrived(&mut self) {
        self.backoff.reset();
        self.not_before = Instant::now();
        if let Some(since) = self.failing_since.take() {
            let took = text::duration(i64::try_from(since.elapsed().as_millis()).unwrap_or(i64::MAX));
            let left = text::counted(self.outbox.len() as u64, "event", "events");
            self.note(&format!("delivered again after {took}; {left} yet to come"));
        }
    }

    fn of_dropped(&self, dropped: &Dropped) -> Event {
        let Dropped { count, from, to, why } = dropped;
        let events = text::counted(*count, "event", "events");
        let summary =
            format!("{events} between the entries {from} and {to} of the journal were not delivered: {why}");
        let data =
            Data { dropped: Some(*count), seq: Some(*to), reason: Some(why.clone()), ..Data::default() };
        let id = format!("dropped-{}-{from}-{to}-{count}", self.name);
        Event::new(Kind::EventsDropped, id, clock::now(), summary, data)
    }

    /// Says that events were dropped: the first time, and each time that they are twice as many.
    fn note_dropped(&mut self, untold: u64) {
        if untold == 1 {
            self.told_from = 1;
        }
        if untold >= self.told_from {
            self.told_from = untold.saturating_mul(2);
            let why =
                self.outbox.mark().untold.as_ref().map(|dropped| dropped.why.clone()).unwrap_or_default();
            let events = text::counted(untold, "event was", "events were");
            self.note(&format!("{events} dropped, the last because {why}; the journal has them"));
        }
    }

    fn not_marked(&self, error: &io::Error) {
        self.note(&format!(
            "how far it came cannot be put down, so some events may be delivered once more: {error}"
        ));
    }

    fn note(&self, words: &str) {
        // who listened is gone: the process ends
        drop(self.notes.send(format!("sink {}: {words}", self.name)));
    }
}

/// The end of what is under way; never where nothing is.
async fn travelling(trip: &mut Option<(Load, Trip)>) -> (Box<dyn Sink>, Result<(), Failed>) {
    match trip {
        Some((_, trip)) => trip.await,
        None => std::future::pending().await,
    }
}
