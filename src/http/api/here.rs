//! Who asks, how everything stands, and what the daemon goes by.

use super::super::allowed::{Admin, Allowed, Read};
use super::super::app::App;
use super::super::input::Json;
use super::super::problem::Problem;
use super::super::routes::{Doc, Field, Shape, Table};
use super::{REASON, runs};
use crate::clock;
use crate::settings::units::Duration;
use crate::steps::Word;
use crate::telemetry::LEVELS;
use crate::text;
use axum::Json as Told;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

/// So many runs that are over are in the status.
const OVER: usize = 10;

const LEVEL: &[Field] = &[
    Field { name: "level", shape: Shape::Word(&LEVELS), required: true, about: "how much is told" },
    Field {
        name: "lasts",
        shape: Shape::Text,
        required: false,
        about: "for how long, such as 10m, a day at most; 10m where none is given",
    },
];

pub(super) fn routes(table: Table) -> Table {
    table
        .route(Doc::get("/api/v1/me", "who asks: the token's name, what it allows and until when"), me)
        .route(Doc::get("/api/v1/ready", "whether everything that is watched and driven is"), ready)
        .route(Doc::get("/api/v1/status", "how everything stands: runs, signals, a freeze"), status)
        .route(Doc::get("/api/v1/config", "the config, as it was read, without what is secret"), config)
        .route(
            Doc::post(
                "/api/v1/config/reload",
                "reads the config once more: all of it counts, or nothing",
                &[REASON],
            ),
            reload,
        )
        .route(
            Doc::post("/api/v1/log-level", "how much is told in the log of the daemon, for a while", LEVEL),
            level,
        )
}

async fn me(allowed: Allowed<Read>) -> Told<Value> {
    let who = allowed.who;
    Told(json!({ "token": who.name, "scope": who.scope, "expires": text::rfc3339(who.expires) }))
}

async fn ready(_: Allowed<Read>, State(app): State<App>) -> Result<Told<Value>, Problem> {
    app.state()?;
    app.daemon.signals().await.map_err(Problem::unavailable)?;
    Ok(Told(json!({ "ready": true })))
}

async fn status(_: Allowed<Read>, State(app): State<App>) -> Result<Told<Value>, Problem> {
    let state = app.state()?;
    let signals = app.daemon.signals().await.map_err(Problem::unavailable)?;
    let all = runs::newest_first(&state);
    let open = all.iter().filter(|run| !run.is_over());
    let over = all.iter().filter(|run| run.is_over()).take(OVER);
    let briefs: Vec<_> = open.chain(over).map(|run| runs::brief(&app, &state, run)).collect();
    Ok(Told(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "at": text::rfc3339(clock::now().as_millis()),
        "started": text::rfc3339(app.started.as_millis()),
        "ready": true,
        "frozen": state.frozen,
        "journal": { "seq": app.daemon.desk.seq() },
        "runs": briefs,
        "signals": signals,
    })))
}

async fn config(_: Allowed<Admin>, State(app): State<App>) -> Told<Value> {
    // secrets stand in files of their own, and an address with a user in it is refused: there is none in the text
    let config = app.daemon.config();
    Told(json!({ "text": config.text }))
}

/// Why.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Why {
    reason: String,
}

async fn reload(
    allowed: Allowed<Admin>,
    State(app): State<App>,
    Json(Why { reason }): Json<Why>,
) -> Result<Told<Value>, Problem> {
    let word = Word { who: super::verbs::who(&allowed.who), reason };
    app.daemon.reload(word).await.map_err(Problem::conflict)?;
    Ok(Told(json!({ "done": true })))
}

/// How much.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Level {
    level: String,
    lasts: Option<String>,
}

async fn level(
    allowed: Allowed<Admin>,
    State(app): State<App>,
    Json(Level { level, lasts }): Json<Level>,
) -> Result<Told<Value>, Problem> {
    let lasts = lasts.as_deref().unwrap_or("10m");
    let wrong = |_| Problem::bad(format!("lasts is {lasts:?}, allowed is a duration up to 1d, such as 10m"));
    let lasts_ms = lasts.parse::<Duration>().map_err(wrong)?.as_millis().max(0).unsigned_abs();
    let who = super::verbs::who(&allowed.who);
    app.daemon.tell(&level, std::time::Duration::from_millis(lasts_ms), &who).map_err(Problem::bad)?;
    Ok(Told(json!({ "done": true })))
}
