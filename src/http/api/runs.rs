//! Runs: lists of them, how one stands, its batches and their starts; and beginning one.

use super::super::allowed::{Allowed, Operate, Read};
use super::super::app::App;
use super::super::input::{Asked, Json, Paging, Path};
use super::super::problem::Problem;
use super::super::routes::{Doc, Field, Shape, Table};
use super::{PAGING, REASON};
use crate::run::daemon::Page;
use crate::steps::{Run, Side, State as Record, Waiting, Word};
use crate::story::{self, Doings, RunStatus, StepStatus, batch_told};
use crate::text;
use axum::Json as Told;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

const LIST: &[Field] = &[
    Field { name: "state", shape: Shape::Word(&["open", "over"]), required: false, about: "those alone" },
    PAGING[0],
    PAGING[1],
];
const BATCHES: &[Field] =
    &[Field { name: "step", shape: Shape::Text, required: true, about: "the step" }, PAGING[0], PAGING[1]];
const BEGIN: &[Field] = &[
    Field {
        name: "plan",
        shape: Shape::Text,
        required: true,
        about: "the plan's name, of those in the folder of the plans",
    },
    REASON,
];

pub(super) fn routes(table: Table) -> Table {
    let begin = Doc { status: 201, ..Doc::post("/api/v1/runs", "begins a run of a plan", BEGIN) };
    table
        .route(Doc::get("/api/v1/runs", "all runs, the newest first").by(LIST), list)
        .route(begin, start)
        .route(
            Doc::get("/api/v1/runs/{run}", "how a run stands, what it waits for, and what a person can do"),
            one,
        )
        .route(Doc::get("/api/v1/runs/{run}/batches", "the batches of a step, in order").by(BATCHES), batches)
        .route(Doc::get("/api/v1/runs/{run}/starts", "every start of a batch, in order").by(&PAGING), starts)
}

/// All runs, the newest first.
pub(super) fn newest_first(state: &Record) -> Vec<&Run> {
    let mut runs: Vec<&Run> = state.runs.values().map(|run| &**run).collect();
    runs.sort_by_key(|run| std::cmp::Reverse((run.began, run.pinned.run.clone())));
    runs
}

/// A run in few words.
pub(super) fn brief(app: &App, state: &Record, run: &Run) -> Value {
    let name = &run.pinned.run;
    let status = app.daemon.desk.status_of(state, Some(name));
    let Some(RunStatus { plan, mode, over, paused, steps, .. }) = status.run else { return Value::Null };
    let sum = |of: fn(&StepStatus) -> usize| steps.iter().map(of).sum::<usize>();
    json!({
        "run": name,
        "plan": plan,
        "mode": mode,
        "over": over,
        "paused": paused,
        "began": text::rfc3339(run.began.as_millis()),
        "targets": Doings::of(run.all().map(|(_, _, work)| work)),
        "batches": { "passed": sum(|step| step.passed), "all": sum(|step| step.batches) },
        "waiting": status.waiting.first().map(|wait| wait.reason.clone()),
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    state: Option<String>,
    limit: Option<String>,
    cursor: Option<String>,
}

async fn list(
    _: Allowed<Read>,
    State(app): State<App>,
    Asked(which): Asked<Which>,
) -> Result<Told<Page<Value>>, Problem> {
    let (skip, limit) = Paging::read(which.limit, which.cursor)?;
    let wanted = match which.state.as_deref() {
        None => None,
        Some("open") => Some(false),
        Some("over") => Some(true),
        Some(other) => return Err(Problem::bad(format!("state is {other:?}, allowed is open or over"))),
    };
    let state = app.state()?;
    let runs = newest_first(&state).into_iter().filter(|run| wanted.is_none_or(|over| run.is_over() == over));
    Ok(Told(Page::of(runs, skip, limit, |run| brief(&app, &state, run))))
}

fn find<'a>(state: &'a Record, name: &str) -> Result<&'a Run, Problem> {
    let run = state.runs.get(name).ok_or_else(|| Problem::absent(format!("there is no run {name:?}")))?;
    Ok(run)
}

async fn one(
    _: Allowed<Read>,
    State(app): State<App>,
    Path(name): Path<String>,
) -> Result<Told<Value>, Problem> {
    let state = app.state()?;
    let run = find(&state, &name)?;
    let status = app.daemon.desk.status_of(&state, Some(&name));
    Ok(Told(json!({
        "at": status.at,
        "frozen": status.frozen,
        "run": status.run,
        "waiting": status.waiting,
        "todo": status.todo,
        "window": window(&app, run),
        "began": text::rfc3339(run.began.as_millis()),
        "by": run.pinned.by,
    })))
}

/// How far the clean window is that the run waits for.
fn window(app: &App, run: &Run) -> Option<Value> {
    let shown = app.daemon.desk.shown(&run.pinned.run)?;
    let window = shown.window?;
    let (id, side) = shown.waiting.iter().find_map(|waiting| match waiting {
        Waiting::Gate(id, side, _) => Some((*id, *side)),
        _ => None,
    })?;
    let step = run.pinned.steps.get(id.0)?;
    let held = run.steps.get(id.0)?.batches.get(id.1)?.held.as_ref();
    let because = held.map(|held| held.because.clone()).unwrap_or_default();
    let left_ms = window.wanted_ms.saturating_sub(window.clean_ms).max(0);
    let opens = (window.clean_ms > 0).then(|| text::rfc3339(shown.at.as_millis().saturating_add(left_ms)));
    Some(json!({
        "step": step.step,
        "batch": id.1,
        "side": if side == Side::Before { "before" } else { "after" },
        "needs_ms": window.wanted_ms,
        "clean_ms": window.clean_ms,
        "opens": opens,
        "because": because,
    }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OfStep {
    step: String,
    limit: Option<String>,
    cursor: Option<String>,
}

async fn batches(
    _: Allowed<Read>,
    State(app): State<App>,
    (Path(name), Asked(which)): (Path<String>, Asked<OfStep>),
) -> Result<Told<Page<story::BatchTold>>, Problem> {
    let (skip, limit) = Paging::read(which.limit, which.cursor)?;
    let state = app.state()?;
    let run = find(&state, &name)?;
    let none = || Problem::absent(format!("the plan has no step {:?}", which.step));
    let step = run.step(&which.step).ok_or_else(none)?;
    let told = (0..run.steps[step].batches.len()).filter_map(|batch| batch_told(run, step, batch));
    Ok(Told(Page::of(told, skip, limit, |batch| batch)))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    limit: Option<String>,
    cursor: Option<String>,
}

async fn starts(
    _: Allowed<Read>,
    State(app): State<App>,
    (Path(name), Asked(which)): (Path<String>, Asked<Part>),
) -> Result<Told<Page<Value>>, Problem> {
    let (skip, limit) = Paging::read(which.limit, which.cursor)?;
    let state = app.state()?;
    let run = find(&state, &name)?;
    let told = |start: &crate::steps::Start| {
        json!({
            "step": run.pinned.steps[start.batch.0].step,
            "batch": start.batch.1,
            "at": text::rfc3339(start.at.as_millis()),
            "passed": start.passed.map(|at| text::rfc3339(at.as_millis())),
        })
    };
    Ok(Told(Page::of(run.starts.iter(), skip, limit, told)))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Begin {
    plan: String,
    reason: String,
}

async fn start(
    allowed: Allowed<Operate>,
    State(app): State<App>,
    Json(Begin { plan, reason }): Json<Begin>,
) -> Result<(StatusCode, Told<Value>), Problem> {
    let word = Word { who: super::verbs::who(&allowed.who), reason };
    let run = app.daemon.start_named(&plan, word).await.map_err(Problem::conflict)?;
    Ok((StatusCode::CREATED, Told(json!({ "run": run }))))
}
