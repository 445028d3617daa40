//! Our gate for others: whether signals are clean, and were for long enough.

use super::super::allowed::{Allowed, Read};
use super::super::app::App;
use super::super::input::{Asked, Json, Path};
use super::super::problem::Problem;
use super::super::routes::{Doc, Field, Shape, Table};
use crate::run::daemon::{GateAsk, GateNow, GateState};
use crate::settings::units::Duration;
use axum::Json as Told;
use axum::extract::State;
use serde::Deserialize;

/// So many signals may be named at once.
const SIGNALS_MAX: usize = 100;

const WINDOW: &[Field] = &[Field {
    name: "window",
    shape: Shape::Text,
    required: false,
    about: "for how long all series must have been clean, such as 10m; 10m where none is given, 24h at most",
}];

const HOOK: &[Field] = &[
    Field { name: "name", shape: Shape::Text, required: true, about: "the canary" },
    Field { name: "namespace", shape: Shape::Text, required: true, about: "its namespace" },
];

pub(super) fn routes(table: Table) -> Table {
    let about = "whether all required series of some signals, named with commas between, or `all`, are clean and were for so long";
    let confirm =
        "for the hooks of Flagger that confirm: 200 where such a gate is open, 409 with why where it is not";
    let rollback = "for the hook of Flagger that rolls back: 200 where a series is anomalous, 409 where none is; unknown is no reason";
    let hook = |path, about| Doc::post(path, about, HOOK).by(WINDOW);
    table
        .route(Doc::get("/api/v1/gates/{signals}", about).by(WINDOW), gate)
        .route(hook("/api/v1/gates/{signals}/flagger/confirm", confirm), self::confirm)
        .route(hook("/api/v1/gates/{signals}/flagger/rollback", rollback), self::rollback)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    window: Option<String>,
}

async fn gate(
    _: Allowed<Read>,
    State(app): State<App>,
    (Path(signals), Asked(wanted)): (Path<String>, Asked<Wanted>),
) -> Result<Told<GateNow>, Problem> {
    look(&app, &signals, wanted.window.as_deref()).await.map(Told)
}

/// What Flagger tells of a canary; what it tells beside this is nothing to us.
#[derive(Debug, Deserialize)]
struct Hook {
    name: String,
    namespace: String,
}

async fn confirm(
    _: Allowed<Read>,
    State(app): State<App>,
    (Path(signals), Asked(wanted), Json(hook)): (Path<String>, Asked<Wanted>, Json<Hook>),
) -> Result<Told<GateNow>, Problem> {
    let now = look(&app, &signals, wanted.window.as_deref()).await?;
    hooked(&hook, now, |state| state == GateState::Open)
}

async fn rollback(
    _: Allowed<Read>,
    State(app): State<App>,
    (Path(signals), Asked(wanted), Json(hook)): (Path<String>, Asked<Wanted>, Json<Hook>),
) -> Result<Told<GateNow>, Problem> {
    let now = look(&app, &signals, wanted.window.as_deref()).await?;
    hooked(&hook, now, |state| state == GateState::Anomalous)
}

fn hooked(hook: &Hook, now: GateNow, is_yes: fn(GateState) -> bool) -> Result<Told<GateNow>, Problem> {
    let Hook { name, namespace } = hook;
    if name.is_empty() || namespace.is_empty() {
        return Err(Problem::bad("name and namespace are those of a canary, allowed is no empty one"));
    }
    if is_yes(now.state) {
        return Ok(Told(now));
    }
    let because = if now.is_open { "all is clean".to_owned() } else { now.because.join("; ") };
    Err(Problem::conflict(format!("{namespace}/{name}: {because}")))
}

/// How the gate over `signals` stands.
pub(in crate::http) async fn look(
    app: &App,
    signals: &str,
    window: Option<&str>,
) -> Result<GateNow, Problem> {
    let text = window.unwrap_or("10m");
    let wrong =
        || Problem::bad(format!("window is {text:?}, allowed is a duration from 0s to 24h, such as 10m"));
    let window_ms = text.parse::<Duration>().map_err(|_| wrong())?.as_millis();
    if !(0..=86_400_000).contains(&window_ms) {
        return Err(wrong());
    }
    let config = app.daemon.config();
    let signals: Vec<String> = match signals {
        "all" => config.config.signals.iter().map(|signal| signal.name.clone()).collect(),
        names => names.split(',').map(str::to_owned).collect(),
    };
    if signals.len() > SIGNALS_MAX && window.is_some() {
        return Err(Problem::bad(format!("{} signals are named, allowed are {SIGNALS_MAX}", signals.len())));
    }
    app.daemon.gate(GateAsk { signals, window_ms }).await.map_err(Problem::absent)
}
