//! `/metrics`, for Prometheus: what was counted, and how everything stands.

use super::allowed::{Allowed, Read};
use super::app::App;
use super::problem::Problem;
use super::routes::{Doc, Table};
use crate::clock;
use crate::run::daemon::{SignalNow, waits};
use crate::sinks::marks;
use crate::steps::State as Record;
use crate::story::{self, Doings};
use crate::telemetry::{Gauges, MEDIA_TYPE, process};
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) fn routes(table: Table) -> Table {
    let doc = Doc { kind: "application/openmetrics-text", ..Doc::get("/metrics", "metrics, for Prometheus") };
    table.route(doc, metrics)
}

async fn metrics(_: Allowed<Read>, State(app): State<App>) -> Result<impl IntoResponse, Problem> {
    let state = app.state()?;
    let signals = app.daemon.signals().await.map_err(Problem::unavailable)?;
    let mut now = Gauges::default();
    now.set("quietgate_build_info", vec![("version", env!("CARGO_PKG_VERSION").to_owned())], 1.0);
    now.set("process_start_time_seconds", Vec::new(), app.started.as_millis() as f64 / 1000.0);
    now.set("quietgate_journal_records", Vec::new(), app.daemon.desk.seq() as f64);
    now.set("quietgate_http_streams", Vec::new(), app.streams_open() as f64);
    process(&mut now);
    signals.iter().for_each(|signal| of_signal(&mut now, signal));
    of_runs(&mut now, &app, &state);
    of_sinks(&mut now, &app).await?;
    let text =
        app.daemon.telemetry.text(&now).map_err(|_| Problem::unavailable("the metrics have no form"))?;
    Ok(([(header::CONTENT_TYPE, MEDIA_TYPE)], text))
}

fn of_signal(now: &mut Gauges, signal: &SignalNow) {
    let name = || ("signal", signal.signal.clone());
    let SignalNow { clean, suspect, anomalous, expected, unknown, .. } = signal;
    let found = [
        ("clean", clean),
        ("suspect", suspect),
        ("anomalous", anomalous),
        ("expected", expected),
        ("unknown", unknown),
    ];
    for (finding, count) in found {
        now.set("quietgate_series", vec![name(), ("finding", finding.to_owned())], *count as f64);
    }
    now.set("quietgate_signal_trouble", vec![name()], f64::from(u8::from(signal.trouble.is_some())));
    if let Some(newest_ms) = signal.newest_ms {
        let age_ms = clock::now().as_millis().saturating_sub(newest_ms);
        now.set("quietgate_signal_age_seconds", vec![name()], age_ms as f64 / 1000.0);
    }
}

fn of_runs(now: &mut Gauges, app: &App, state: &Record) {
    let (mut modes, mut targets, mut reasons) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for run in state.runs.values() {
        *modes.entry(story::mode(run.mode).to_owned()).or_insert(0_usize) += 1;
    }
    for run in state.open_runs() {
        for (state, count) in Doings::of(run.all().map(|(_, _, work)| work)).named() {
            *targets.entry(state.to_owned()).or_default() += count;
        }
    }
    for reason in waits(&app.daemon.desk, state) {
        *reasons.entry(reason.to_owned()).or_insert(0_usize) += 1;
    }
    let all = [
        ("quietgate_runs", "mode", modes),
        ("quietgate_targets", "state", targets),
        ("quietgate_waiting", "reason", reasons),
    ];
    for (metric, label, counts) in all {
        for (value, count) in counts {
            now.set(metric, vec![(label, value)], count as f64);
        }
    }
    now.set("quietgate_frozen", Vec::new(), f64::from(u8::from(state.frozen.is_some())));
}

/// How far the sinks came, by their marks.
async fn of_sinks(now: &mut Gauges, app: &App) -> Result<(), Problem> {
    let state = Arc::clone(&app.daemon.state);
    let marks = app
        .dear(move || marks(&state))
        .await?
        .map_err(|_| Problem::unavailable("the marks of the sinks cannot be read"))?;
    let config = app.daemon.config();
    for (name, mark) in
        marks.iter().filter(|(name, _)| config.config.sinks.iter().any(|sink| sink.name == *name))
    {
        let sink = || vec![("sink", name.clone())];
        let behind = app.daemon.desk.seq().saturating_sub(mark.seq);
        now.set("quietgate_sink_waiting", sink(), behind as f64);
        now.set("quietgate_sink_dropped", sink(), mark.dropped as f64);
    }
    Ok(())
}
