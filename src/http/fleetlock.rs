//! FleetLock, for managers of reboots (Zincati and others): a host asks before it reboots, and says when it is back. It gets a slot where
//! the gate over the signals in the address is open.

use super::allowed::{Allowed, Operate};
use super::api::look;
use super::app::App;
use super::input::{Json, Path};
use super::locks::Locked;
use super::problem::Problem;
use super::routes::{Doc, Field, Shape, Table};
use crate::clock;
use crate::text;
use axum::Json as Told;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use tracing::info;

/// The header that each request has by the protocol, so that no page of a browser makes one.
const HEADER: &str = "fleet-lock-protocol";
/// So many of a group may be away at once at most.
const SLOTS_MAX: usize = 1000;
/// So long may a name be, in bytes.
const NAME_MAX: usize = 253;

const PARAMS: &[Field] = &[Field {
    name: "client_params",
    shape: Shape::Texts(&["id", "group"]),
    required: true,
    about: "who asks: `id` and `group`",
}];

const REFUSAL: &[Field] = &[
    Field { name: "kind", shape: Shape::Text, required: true, about: "why, in one word" },
    Field { name: "value", shape: Shape::Text, required: true, about: "why" },
];

pub(super) fn routes(table: Table) -> Table {
    let pre = "FleetLock: 200 where a host may reboot: the gate over the signals is open, and fewer of its group are away than there are slots";
    let steady = "FleetLock: a host is back, and its slot is free";
    let post = |path, about| Doc { refusal: Some(REFUSAL), ..Doc::post(path, about, PARAMS) };
    table
        .route(post("/api/v1/fleetlock/{signals}/{window}/{slots}/v1/pre-reboot", pre), pre_reboot)
        .route(post("/api/v1/fleetlock/{signals}/{window}/{slots}/v1/steady-state", steady), steady_state)
}

/// What a client sends.
#[derive(Debug, Deserialize)]
struct Asking {
    client_params: Client,
}

#[derive(Debug, Deserialize)]
struct Client {
    id: String,
    group: String,
}

/// Why not, as the protocol has it.
struct No {
    status: StatusCode,
    kind: &'static str,
    value: String,
}

impl No {
    fn new(status: StatusCode, kind: &'static str, value: impl Into<String>) -> Self {
        Self { status, kind, value: value.into() }
    }
}

impl From<Problem> for No {
    fn from(problem: Problem) -> Self {
        Self::new(problem.status(), "bad_request", problem.detail())
    }
}

impl IntoResponse for No {
    fn into_response(self) -> Response {
        (self.status, Told(json!({ "kind": self.kind, "value": self.value }))).into_response()
    }
}

type Where = Path<(String, String, String)>;

async fn pre_reboot(
    allowed: Allowed<Operate>,
    State(app): State<App>,
    (Path((signals, window, slots)), headers, Json(asking)): (Where, HeaderMap, Json<Asking>),
) -> Result<StatusCode, No> {
    let Client { id, group } = read(&headers, asking)?;
    let slots = number(&slots)?;
    let frozen = app.daemon.desk.state().and_then(|state| state.frozen.clone());
    if let Some(word) = frozen {
        let why = format!("frozen by {}: {}", word.who, word.reason);
        return Err(No::new(StatusCode::CONFLICT, "frozen", why));
    }
    // also who has a slot already: it has not rebooted yet
    let gate = look(&app, &signals, Some(&window)).await?;
    if !gate.is_open {
        return Err(No::new(StatusCode::CONFLICT, "gate_shut", gate.because.join("; ")));
    }
    let (own, who, now) = (app.clone(), (group.clone(), id.clone()), clock::now().as_millis());
    match kept(app.dear(move || own.locks.lock(&who.0, &who.1, slots, now)).await)? {
        Locked::Held => {
            info!(group, host = id, "may reboot, says {}", super::api::who(&allowed.who));
            Ok(StatusCode::OK)
        }
        Locked::Full(others) => {
            let word = |(id, since): &(String, i64)| format!("{id} since {}", text::rfc3339(*since));
            let others: Vec<String> = others.iter().take(10).map(word).collect();
            let why = format!("all {slots} slots of {group} are held: {}", others.join(", "));
            Err(No::new(StatusCode::CONFLICT, "failed_lock_semaphore_full", why))
        }
    }
}

async fn steady_state(
    _: Allowed<Operate>,
    State(app): State<App>,
    (Path((_, _, slots)), headers, Json(asking)): (Where, HeaderMap, Json<Asking>),
) -> Result<StatusCode, No> {
    let Client { id, group } = read(&headers, asking)?;
    number(&slots)?;
    let (own, who) = (app.clone(), (group.clone(), id.clone()));
    // one that had none is back all the same
    if kept(app.dear(move || own.locks.unlock(&who.0, &who.1)).await)? {
        info!(group, host = id, "is back");
    }
    Ok(StatusCode::OK)
}

/// Who asks.
fn read(headers: &HeaderMap, Asking { client_params }: Asking) -> Result<Client, No> {
    let bad = |why: String| Err(No::new(StatusCode::BAD_REQUEST, "bad_request", why));
    if headers.get(HEADER).is_none_or(|value| value != "true") {
        return bad(format!("the header {HEADER} is not true"));
    }
    let Client { id, group } = &client_params;
    if id.is_empty() || id.len() > NAME_MAX || id.chars().any(char::is_control) {
        return bad(format!("id is {id:?}, allowed are 1 to {NAME_MAX} bytes that can be shown"));
    }
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    if group.is_empty() || group.len() > NAME_MAX || !group.chars().all(is_part) {
        return bad(format!(
            "group is {group:?}, allowed are 1 to {NAME_MAX} letters, digits, dots and hyphens"
        ));
    }
    Ok(client_params)
}

fn number(slots: &str) -> Result<usize, No> {
    let number = slots.parse().ok().filter(|slots| (1..=SLOTS_MAX).contains(slots));
    let why = || format!("the slots are {slots:?}, allowed is a whole number from 1 to {SLOTS_MAX}");
    number.ok_or_else(|| No::new(StatusCode::BAD_REQUEST, "bad_request", why()))
}

fn kept<T>(outcome: Result<std::io::Result<T>, Problem>) -> Result<T, No> {
    outcome?.map_err(|error| {
        tracing::error!("the locks cannot be kept: {error}");
        No::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "internal_error",
            "the locks cannot be kept; the log says why",
        )
    })
}
