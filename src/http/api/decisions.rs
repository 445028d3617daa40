//! What was decided and done in a run, and why.

use super::super::allowed::{Allowed, Read};
use super::super::app::App;
use super::super::input::{Asked, Paging, Path};
use super::super::problem::Problem;
use super::super::routes::{Doc, Table};
use super::PAGING;
use crate::event::{Event, Kind};
use crate::journal;
use crate::run::daemon::Page;
use crate::story::{Noted, Search, Which, Why};
use axum::Json as Told;
use axum::extract::State;
use quietgate_detectors::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) fn routes(table: Table) -> Table {
    let list = "what was decided and done in a run, the newest first; the newest 10,000 events of all runs are known here, the \
        journal has all";
    table.route(Doc::get("/api/v1/runs/{run}/decisions", list).by(&PAGING), of_run).route(
        Doc::get(
            "/api/v1/decisions/{seq}",
            "one record with its numbers, what led to it and what came of it",
        ),
        one,
    )
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    limit: Option<String>,
    cursor: Option<String>,
}

async fn of_run(
    _: Allowed<Read>,
    State(app): State<App>,
    (Path(run), Asked(part)): (Path<String>, Asked<Part>),
) -> Result<Told<Page<Value>>, Problem> {
    let (skip, limit) = Paging::read(part.limit, part.cursor)?;
    let state = app.state()?;
    if !state.runs.contains_key(&run) {
        return Err(Problem::absent(format!("there is no run {run:?}")));
    }
    let events = app.daemon.events.of_run(&run);
    Ok(Told(Page::of(events.iter(), skip, limit, told)))
}

fn told(event: &Arc<Event>) -> Value {
    let decision = match event.kind {
        Kind::BatchOpened | Kind::BatchPassed => Some("proceed"),
        Kind::GateHeld => Some("hold"),
        Kind::GatePaused => Some("pause"),
        Kind::GateTurned => Some("rollback"),
        Kind::GateAborted => Some("abort"),
        _ => None,
    };
    json!({
        "seq": event.data.seq,
        "at": event.timestamp,
        "kind": event.kind,
        "severity": event.severity,
        "line": event.summary,
        "step": event.data.step,
        "batch": event.data.batch.and_then(|batch| batch.checked_sub(1)),
        "target": event.data.target,
        "decision": decision,
    })
}

async fn one(
    _: Allowed<Read>,
    State(app): State<App>,
    Path(seq): Path<String>,
) -> Result<Told<Why>, Problem> {
    let wrong = || Problem::bad(format!("the number of a record is {seq:?}, allowed is a whole number"));
    let seq: u64 = seq.parse().map_err(|_| wrong())?;
    let (state, database) = (Arc::clone(&app.daemon.state), app.database.clone());
    let found = app.dear(move || read(&state, database.as_deref(), seq)).await?;
    found.map(Told)
}

/// Reads the journal as anybody would who has nothing but its files.
fn read(state: &std::path::Path, database: Option<&str>, seq: u64) -> Result<Why, Problem> {
    let unreadable = |_| Problem::unavailable("the journal cannot be read; the log of the daemon says why");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|_| Problem::unavailable("the journal cannot be read"))?;
    let mut search = Search::new(Which::Seq(seq), None);
    let take = |entry: journal::Entry| {
        let at = Timestamp::from_millis(entry.at);
        let noted = Noted::read(entry.seq, at, entry.epoch, &entry.record);
        noted.into_iter().for_each(|noted| search.take(noted));
    };
    runtime.block_on(journal::read(state, database, take)).map_err(unreadable)?;
    search.end().map_err(|none| Problem::absent(none.to_string()))
}
