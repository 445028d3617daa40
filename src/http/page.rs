//! The page, and how a browser gets to it: who has no good token yet is answered with a form for one.

use super::allowed::{Allowed, Read, cookie};
use super::app::App;
use super::input::Path;
use super::problem::Problem;
use super::routes::{Doc, Field, Method, Shape, Table};
use crate::clock;
use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;
use std::net::SocketAddr;

/// A file of the page.
struct Asset {
    name: &'static str,
    kind: &'static str,
    text: &'static str,
}

macro_rules! assets {
    ($($name:literal $kind:literal),* $(,)?) => {
        const ASSETS: &[Asset] = &[$(Asset { name: $name, kind: $kind, text: include_str!(concat!("page/", $name)) }),*];
    };
}

assets! {
    "style.css" "text/css; charset=utf-8",
    "uplot.css" "text/css; charset=utf-8",
    "uplot.js" "text/javascript; charset=utf-8",
    "app.js" "text/javascript; charset=utf-8",
    "dom.js" "text/javascript; charset=utf-8",
    "server.js" "text/javascript; charset=utf-8",
    "overview.js" "text/javascript; charset=utf-8",
    "run.js" "text/javascript; charset=utf-8",
    "verbs.js" "text/javascript; charset=utf-8",
    "signals.js" "text/javascript; charset=utf-8",
    "lists.js" "text/javascript; charset=utf-8",
}

const INDEX: &str = include_str!("page/index.html");
const SIGN_IN: &str = include_str!("page/sign-in.html");

const TOKEN: &[Field] =
    &[Field { name: "token", shape: Shape::Text, required: true, about: "the token, as a form has it" }];

pub(super) fn routes(table: Table) -> Table {
    let html = |doc: Doc| Doc { kind: "text/html", ..doc };
    let sign_in = Doc {
        method: Method::Post,
        status: 303,
        ..html(Doc::get("/sign-in", "takes a token from the form of the page, and remembers it as a cookie"))
    };
    let sign_out =
        Doc { status: 204, body: None, ..Doc::post("/api/v1/sign-out", "forgets the cookie", &[]) };
    table
        .route(html(Doc::get("/", "the page")), index)
        .route(Doc { kind: "text/plain", ..Doc::get("/assets/{name}", "a file of the page") }, asset)
        .route(sign_out, self::sign_out)
        .open(Doc { body: Some(TOKEN), ..sign_in }, self::sign_in)
}

async fn index(_: Allowed<Read>) -> Html<&'static str> {
    Html(INDEX)
}

async fn asset(_: Allowed<Read>, Path(name): Path<String>) -> Result<Response, Problem> {
    let asset =
        ASSETS.iter().find(|asset| asset.name == name).ok_or_else(|| Problem::absent("no such file"))?;
    let kind = HeaderValue::from_static(asset.kind);
    Ok(([(header::CONTENT_TYPE, kind)], asset.text).into_response())
}

/// What the form sends.
#[derive(Deserialize)]
struct Given {
    token: String,
}

async fn sign_in(
    State(app): State<App>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    given: Result<Form<Given>, FormRejection>,
) -> Response {
    let token = given.map(|Form(Given { token })| token.trim().to_owned()).unwrap_or_default();
    let Some(identity) = app.tokens.identity(&token) else {
        return match app.failures.add(Some(from.ip())) {
            Ok(()) => form("That token is not known, was revoked, or has ended."),
            Err(problem) => problem.into_response(),
        };
    };
    let left = identity.expires.saturating_sub(clock::now().as_millis()) / 1000;
    let (name, secure) = (cookie(app.is_tls()), if app.is_tls() { "; Secure" } else { "" });
    let value = format!("{name}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age={left}{secure}");
    (StatusCode::SEE_OTHER, [(header::SET_COOKIE, value), (header::LOCATION, "/".to_owned())]).into_response()
}

/// The form for a token, with what is to be said above it.
pub(super) fn form(message: &str) -> Response {
    let page = SIGN_IN.replace("{{message}}", message);
    (StatusCode::UNAUTHORIZED, Html(page)).into_response()
}

async fn sign_out(_: Allowed<Read>, State(app): State<App>) -> Response {
    let name = cookie(app.is_tls());
    let secure = if app.is_tls() { "; Secure" } else { "" };
    let value = format!("{name}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0{secure}");
    (StatusCode::NO_CONTENT, [(header::SET_COOKIE, value)]).into_response()
}
