//! Who may do what, by types: a handler that has no [`Allowed`] as its first argument is no route.

use super::app::App;
use super::problem::Problem;
use super::tokens::{Identity, Level};
use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use std::marker::PhantomData;
use std::net::SocketAddr;

/// What a route needs.
pub(super) trait Scope: Send + Sync + 'static {
    /// The least that a token must allow.
    const LEVEL: Level;
}

/// To look.
#[derive(Debug, Clone, Copy)]
pub(super) struct Read;
/// To speak to runs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operate;
/// To change who may do what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Admin;

impl Scope for Read {
    const LEVEL: Level = Level::Read;
}

impl Scope for Operate {
    const LEVEL: Level = Level::Operate;
}

impl Scope for Admin {
    const LEVEL: Level = Level::Admin;
}

/// Proof that who asks may.
#[derive(Debug, Clone)]
pub(super) struct Allowed<S> {
    /// Who asks.
    pub(super) who: Identity,
    scope: PhantomData<S>,
}

/// The arguments of handlers that can be routes.
pub(super) trait Guarded {
    /// What they need.
    const LEVEL: Level;
}

macro_rules! guarded {
    ($($argument:ident),*) => {
        impl<M, S: Scope, $($argument),*> Guarded for (M, Allowed<S>, $($argument,)*) {
            const LEVEL: Level = S::LEVEL;
        }
    };
}

guarded!();
guarded!(A);
guarded!(A, B);
guarded!(A, B, C);

/// The name of the cookie that a browser has after a sign-in; over TLS with the prefix by which it is of this host alone.
pub(super) const fn cookie(is_tls: bool) -> &'static str {
    if is_tls { "__Host-quietgate" } else { "quietgate" }
}

/// The token in the headers of a request.
fn token(headers: &HeaderMap, is_tls: bool) -> Option<&str> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        // who shows one is not somebody else by a cookie
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        return scheme.eq_ignore_ascii_case("bearer").then(|| token.trim());
    }
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == cookie(is_tls)).map(|(_, value)| value)
}

/// Who asks, if a token of theirs is good.
///
/// # Errors
/// Nobody that is known, or too many tries.
pub(super) fn identity(app: &App, parts: &Parts) -> Result<Identity, Problem> {
    let from = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    app.failures.allow(from)?;
    let Some(token) = token(&parts.headers, app.is_tls()) else {
        return Err(unauthorized("a token is needed"));
    };
    app.tokens.identity(token).ok_or_else(|| {
        app.failures.add(from);
        unauthorized("the token is not known, was revoked, or has ended")
    })
}

fn unauthorized(detail: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, detail).with(header::WWW_AUTHENTICATE, "Bearer")
}

impl<S: Scope> FromRequestParts<App> for Allowed<S> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let who = identity(app, parts)?;
        if who.scope < S::LEVEL {
            let (has, needs) = (who.scope.name(), S::LEVEL.name());
            let why = format!("the token is for {has}, and this needs one for {needs}");
            return Err(Problem::new(StatusCode::FORBIDDEN, why));
        }
        Ok(Self { who, scope: PhantomData })
    }
}
