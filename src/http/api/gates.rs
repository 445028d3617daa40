//! Our gate for others: whether signals are clean, and were for long enough.

use super::super::allowed::{Allowed, Read};
use super::super::app::App;
use super::super::input::Asked;
use super::super::problem::Problem;
use super::super::routes::{Doc, Field, Shape, Table};
use crate::run::daemon::{GateAsk, GateNow};
use crate::settings::units::Duration;
use axum::Json as Told;
use axum::extract::{Path, State};
use serde::Deserialize;

/// So many signals may be named at once.
const SIGNALS_MAX: usize = 100;

const WINDOW: &[Field] = &[Field {
    name: "window",
    shape: Shape::Text,
    required: false,
    about: "for how long all series must have been clean, such as 10m; 10m where none is given, 24h at most",
}];

pub(super) fn routes(table: Table) -> Table {
    let about = "whether all required series of some signals, named with commas between, or `all`, are clean and were for so long";
    table.route(Doc::get("/api/v1/gates/{signals}", about).by(WINDOW), gate)
}

#[derive(Debug, Deserialize)]
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
