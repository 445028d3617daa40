//! Who may ask: tokens are listed, made and revoked.

use super::super::allowed::{Admin, Allowed};
use super::super::app::App;
use super::super::input::{Asked, Json, Paging, Path};
use super::super::problem::Problem;
use super::super::routes::{Doc, Field, Method, Shape, Table};
use super::super::tokens::{Level, Token};
use super::PAGING;
use crate::run::daemon::Page;
use crate::settings::units::Duration;
use axum::Json as Told;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use std::io;

/// The longest that a token lasts, in milliseconds: a year.
pub(in crate::http) const LASTS_MAX_MS: i64 = 366 * 86_400_000;

const CREATE: &[Field] = &[
    Field { name: "name", shape: Shape::Text, required: true, about: "whose it is, or what for" },
    Field {
        name: "scope",
        shape: Shape::Word(&["read", "operate", "admin"]),
        required: true,
        about: "what it allows",
    },
    Field {
        name: "lasts",
        shape: Shape::Text,
        required: false,
        about: "how long it is good, such as 90d; 90d where none is given",
    },
];

pub(super) fn routes(table: Table) -> Table {
    let create = Doc {
        status: 201,
        ..Doc::post("/api/v1/tokens", "makes a token; its text is in this answer and nowhere else", CREATE)
    };
    let revoke = Doc {
        method: Method::Delete,
        status: 204,
        ..Doc::get("/api/v1/tokens/{token}", "takes a token back, also where it is in use")
    };
    table
        .route(Doc::get("/api/v1/tokens", "all tokens, without their texts").by(&PAGING), list)
        .route(create, self::create)
        .route(revoke, self::revoke)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    limit: Option<String>,
    cursor: Option<String>,
}

async fn list(
    _: Allowed<Admin>,
    State(app): State<App>,
    Asked(part): Asked<Part>,
) -> Result<Told<Page<Value>>, Problem> {
    let (skip, limit) = Paging::read(part.limit, part.cursor)?;
    let tokens = app.tokens.all().map_err(|_| Problem::unavailable("the tokens cannot be read"))?;
    Ok(Told(Page::of(tokens.iter(), skip, limit, Token::told)))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Create {
    name: String,
    scope: Level,
    lasts: Option<String>,
}

async fn create(
    _: Allowed<Admin>,
    State(app): State<App>,
    Json(Create { name, scope, lasts }): Json<Create>,
) -> Result<(StatusCode, Told<Value>), Problem> {
    let lasts = lasts.as_deref().unwrap_or("90d");
    let wrong =
        || Problem::bad(format!("lasts is {lasts:?}, allowed is a duration from 1m to 366d, such as 90d"));
    let lasts_ms = lasts.parse::<Duration>().map_err(|_| wrong())?.as_millis();
    if !(60_000..=LASTS_MAX_MS).contains(&lasts_ms) {
        return Err(wrong());
    }
    let own = app.clone();
    let made = app.dear(move || own.tokens.create(&name, scope, lasts_ms)).await?;
    let (token, secret) = made.map_err(|error| match error.kind() {
        io::ErrorKind::InvalidInput => Problem::bad(error.to_string()),
        io::ErrorKind::QuotaExceeded => Problem::conflict(error.to_string()),
        _ => Problem::unavailable("the token cannot be kept"),
    })?;
    tracing::info!(token = token.id, "token {:?} for {} was made", token.name, token.scope.name());
    Ok((StatusCode::CREATED, Told(json!({ "token": secret, "about": token.told() }))))
}

async fn revoke(
    allowed: Allowed<Admin>,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let (own, token) = (app.clone(), id.clone());
    let gone = app.dear(move || own.tokens.revoke(&token)).await?;
    if !gone.map_err(|_| Problem::unavailable("the tokens cannot be written"))? {
        return Err(Problem::absent(format!("there is no token {id:?}")));
    }
    tracing::info!(token = id, "token was revoked by {}", super::verbs::who(&allowed.who));
    Ok(StatusCode::NO_CONTENT)
}
