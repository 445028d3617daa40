//! What a person says to a run, or to all of them.

use super::super::allowed::{Allowed, Operate};
use super::super::app::App;
use super::super::input::{Json, Path};
use super::super::problem::Problem;
use super::super::routes::{Doc, Field, Shape, Table};
use super::super::tokens::Identity;
use super::REASON;
use crate::run::control::Verb;
use crate::steps::Word;
use axum::Json as Told;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

const STEP: Field = Field { name: "step", shape: Shape::Text, required: true, about: "the step" };
const TARGET: Field = Field { name: "target", shape: Shape::Text, required: true, about: "the target" };
const WHY: &[Field] = &[REASON];
const PLACE: &[Field] = &[STEP, TARGET, REASON];
const APPROVE: &[Field] = &[
    STEP,
    Field {
        name: "batch",
        shape: Shape::Number(1, 1_000_000),
        required: false,
        about: "the number of the batch, from 1; without it the next one",
    },
    REASON,
];
const RESOLVE: &[Field] = &[
    STEP,
    TARGET,
    Field { name: "ran", shape: Shape::Bool, required: true, about: "whether the attempt took effect" },
    REASON,
];

/// Who asks, as it stands on record.
pub(in crate::http) fn who(identity: &Identity) -> String {
    format!("{} (token {})", identity.name, identity.id)
}

pub(super) fn routes(table: Table) -> Table {
    let post = Doc::post;
    table
        .route(post("/api/v1/runs/{run}/approve", "lets the next batch of a step start", APPROVE), approve)
        .route(post("/api/v1/runs/{run}/pause", "nothing new starts until the run is resumed", WHY), pause)
        .route(post("/api/v1/runs/{run}/resume", "lets a paused run go on", WHY), resume)
        .route(
            post(
                "/api/v1/runs/{run}/abort",
                "nothing starts any more, what is in flight comes to its end",
                WHY,
            ),
            abort,
        )
        .route(
            post("/api/v1/runs/{run}/rollback", "undoes what the run did, in reverse order", WHY),
            rollback,
        )
        .route(
            post("/api/v1/runs/{run}/retry", "tries a target once more that failed or is stuck", PLACE),
            retry,
        )
        .route(
            post("/api/v1/runs/{run}/skip", "leaves a target as it is, and goes on without it", PLACE),
            skip,
        )
        .route(
            post(
                "/api/v1/runs/{run}/resolve",
                "says what became of an attempt whose outcome is unknown",
                RESOLVE,
            ),
            resolve,
        )
        .route(post("/api/v1/freeze", "lets no batch of any run start", WHY), freeze)
        .route(post("/api/v1/unfreeze", "lets batches start again", WHY), unfreeze)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Why {
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    step: String,
    target: String,
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Approve {
    step: String,
    batch: Option<usize>,
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Resolve {
    step: String,
    target: String,
    ran: bool,
    reason: String,
}

type Done = Result<Told<Value>, Problem>;

async fn done(app: &App, who: &Identity, run: Option<&str>, verb: Verb, reason: String) -> Done {
    let state = app.state()?;
    if let Some(run) = run.filter(|run| !state.runs.contains_key(*run)) {
        return Err(Problem::absent(format!("there is no run {run:?}")));
    }
    let word = Word { who: self::who(who), reason };
    let seq = app.daemon.desk.done(&verb, run, word).await.map_err(Problem::conflict)?;
    Ok(Told(json!({ "seq": seq })))
}

/// A handler of a verb that needs nothing but a reason.
macro_rules! handler {
    ($name:ident, $verb:expr) => {
        async fn $name(
            allowed: Allowed<Operate>,
            State(app): State<App>,
            (Path(run), Json(Why { reason })): (Path<String>, Json<Why>),
        ) -> Done {
            done(&app, &allowed.who, Some(&run), $verb, reason).await
        }
    };
}

handler!(pause, Verb::Pause);
handler!(resume, Verb::Resume);
handler!(abort, Verb::Abort);
handler!(rollback, Verb::Rollback);

async fn approve(
    allowed: Allowed<Operate>,
    State(app): State<App>,
    (Path(run), Json(Approve { step, batch, reason })): (Path<String>, Json<Approve>),
) -> Done {
    done(&app, &allowed.who, Some(&run), Verb::Approve { step, batch }, reason).await
}

async fn retry(
    allowed: Allowed<Operate>,
    State(app): State<App>,
    (Path(run), Json(Place { step, target, reason })): (Path<String>, Json<Place>),
) -> Done {
    done(&app, &allowed.who, Some(&run), Verb::Retry { step, target }, reason).await
}

async fn skip(
    allowed: Allowed<Operate>,
    State(app): State<App>,
    (Path(run), Json(Place { step, target, reason })): (Path<String>, Json<Place>),
) -> Done {
    done(&app, &allowed.who, Some(&run), Verb::Skip { step, target }, reason).await
}

async fn resolve(
    allowed: Allowed<Operate>,
    State(app): State<App>,
    (Path(run), Json(Resolve { step, target, ran, reason })): (Path<String>, Json<Resolve>),
) -> Done {
    done(&app, &allowed.who, Some(&run), Verb::Resolve { step, target, ran }, reason).await
}

async fn freeze(allowed: Allowed<Operate>, State(app): State<App>, Json(Why { reason }): Json<Why>) -> Done {
    done(&app, &allowed.who, None, Verb::Freeze, reason).await
}

async fn unfreeze(
    allowed: Allowed<Operate>,
    State(app): State<App>,
    Json(Why { reason }): Json<Why>,
) -> Done {
    done(&app, &allowed.who, None, Verb::Unfreeze, reason).await
}
