//! What happens, as it happens: server-sent events, from any record on.

use super::super::allowed::{Allowed, Read};
use super::super::app::App;
use super::super::input::Asked;
use super::super::problem::Problem;
use super::super::routes::{Doc, Field, Shape, Table};
use crate::event::Event as Happened;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Sse;
use axum::response::sse::Event;
use futures_core::Stream;
use serde::Deserialize;
use serde_json::json;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};

/// How often is said that there is somebody.
const ALIVE: Duration = Duration::from_secs(10);
/// How often is looked whether the token is still good, and is said that something changed.
const LOOK: Duration = Duration::from_secs(1);
/// So long a stream lasts; a browser asks again by itself.
const LIFE: Duration = Duration::from_secs(3600);
/// So many may wait for who reads slowly.
const WAITING_MAX: usize = 256;

const AFTER: &[Field] = &[Field {
    name: "after",
    shape: Shape::Number(0, i64::MAX),
    required: false,
    about: "the number of a record: those behind it come first; Last-Event-ID does the same",
}];

pub(super) fn routes(table: Table) -> Table {
    let about = "what happens, as server-sent events: `event` with an event as sinks have it, `changed` where something stands \
        otherwise, `missed` where events are not remembered any more, `alive` every ten seconds";
    table.route(Doc { kind: "text/event-stream", ..Doc::get("/api/v1/events", about).by(AFTER) }, events)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct From {
    after: Option<String>,
}

async fn events(
    allowed: Allowed<Read>,
    State(app): State<App>,
    (headers, Asked(from)): (HeaderMap, Asked<From>),
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let newest = headers.get("last-event-id").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let after = match newest.or(from.after) {
        None => app.daemon.desk.seq(),
        Some(text) => {
            let wrong = || Problem::bad(format!("after is {text:?}, allowed is the number of a record"));
            text.parse().map_err(|_| wrong())?
        }
    };
    let full = |_| Problem::unavailable("too many streams are open already");
    let place = Arc::clone(&app.streams).try_acquire_owned().map_err(full)?;
    let (out, stream) = mpsc::channel(WAITING_MAX);
    let (past, news, missed) = app.daemon.events.behind(after);
    tokio::spawn(async move {
        let _place = place;
        let mut telling = Telling { out, newest: after };
        if missed {
            telling.say(Event::default().event("missed").data(json!({ "after": after }).to_string())).await;
        }
        telling.tell(&app, &allowed, past, news).await;
    });
    Ok(Sse::new(Told(stream)))
}

/// One who listens.
struct Telling {
    out: mpsc::Sender<Event>,
    newest: u64,
}

impl Telling {
    /// Says it, and whether anybody still listens.
    async fn say(&mut self, event: Event) -> bool {
        // who takes nothing for so long has gone
        self.out.send_timeout(event, ALIVE).await.is_ok()
    }

    async fn event(&mut self, happened: &Happened) -> bool {
        let seq = happened.data.seq.unwrap_or_default();
        if seq <= self.newest {
            return true;
        }
        self.newest = seq;
        let data = serde_json::to_string(happened).unwrap_or_default();
        self.say(Event::default().id(seq.to_string()).event("event").data(data)).await
    }

    /// Tells what has happened and what happens, until nobody listens, the token is good no more, or the stream is old.
    async fn tell(
        &mut self,
        app: &App,
        allowed: &Allowed<Read>,
        past: Vec<Arc<Happened>>,
        mut news: Receiver<Arc<Happened>>,
    ) {
        for happened in past {
            if !self.event(&happened).await {
                return;
            }
        }
        let (began, mut alive) = (Instant::now(), Instant::now());
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while began.elapsed() < LIFE {
            let listens = tokio::select! {
                happened = news.recv() => match happened {
                    Ok(happened) => self.event(&happened).await,
                    // what was passed over is asked for once more, from the newest on
                    Err(RecvError::Lagged(_)) => return,
                    Err(RecvError::Closed) => return,
                },
                _ = look.tick() => {
                    if !app.tokens.is_good(&allowed.who) {
                        return;
                    }
                    let is_due = alive.elapsed() >= ALIVE;
                    if is_due {
                        alive = Instant::now();
                    }
                    let kind = if is_due { "alive" } else { "changed" };
                    self.say(Event::default().event(kind).data("{}")).await
                }
            };
            if !listens {
                return;
            }
        }
    }
}

/// What is told, as a stream.
struct Told(mpsc::Receiver<Event>);

impl Stream for Told {
    type Item = Result<Event, Infallible>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        self.0.poll_recv(context).map(|event| event.map(Ok))
    }
}
