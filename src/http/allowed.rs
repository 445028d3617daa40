//! Who may do what, by types: a handler that has no [`Allowed`] as its first argument is no route.

use super::app::App;
use super::problem::Problem;
use super::tokens::{Identity, Level};
use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;
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

/// The token in the headers of a request. As a password it may come too, for programs that can be told an address and nothing else.
fn token(headers: &HeaderMap, is_tls: bool) -> Option<Cow<'_, str>> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        // who shows one is not somebody else by a cookie
        let (scheme, given) = value.to_str().ok()?.split_once(' ')?;
        return match scheme.to_ascii_lowercase().as_str() {
            "bearer" => Some(Cow::Borrowed(given.trim())),
            "basic" => password(given.trim()).map(Cow::Owned),
            _ => None,
        };
    }
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == cookie(is_tls)).map(|(_, value)| Cow::Borrowed(value))
}

/// The password of a login; the name before it is anybody's.
fn password(given: &str) -> Option<String> {
    let login = String::from_utf8(STANDARD.decode(given).ok()?).ok()?;
    login.split_once(':').map(|(_, password)| password.to_owned())
}

/// Who asks, if a token of theirs is good.
///
/// # Errors
/// Nobody that is known, or too many tries.
pub(super) fn identity(app: &App, parts: &Parts) -> Result<Identity, Problem> {
    let from = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let Some(token) = token(&parts.headers, app.is_tls()) else {
        return Err(unauthorized("a token is needed"));
    };
    app.tokens.identity(&token).ok_or_else(|| app.failures.add(from).err().unwrap_or_else(unknown))
}

/// What is said of a token that is not good: never what is wrong with it.
fn unknown() -> Problem {
    unauthorized("the token is not known, was revoked, or has ended")
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

#[cfg(test)]
mod tests {
    use super::*;
    use axum::extract::State;

    /// Compiles only as long as a handler with these arguments is no route: were it one, it would be `Judged` in two ways, and nobody
    /// could say which is meant.
    macro_rules! no_route {
        ($arguments:ty) => {
            const _: fn() = || {
                trait Judged<Way> {
                    fn judged() {}
                }
                struct Route;
                impl<T> Judged<()> for T {}
                impl<T: Guarded> Judged<Route> for T {}
                <$arguments as Judged<_>>::judged();
            };
        };
    }

    no_route!(((),));
    no_route!((u8, State<App>));
    no_route!((u8, State<App>, Allowed<Read>));

    #[test]
    fn what_a_route_needs_is_what_its_first_argument_says() {
        assert_eq!(<(u8, Allowed<Read>) as Guarded>::LEVEL, Level::Read);
        assert_eq!(<(u8, Allowed<Operate>, State<App>) as Guarded>::LEVEL, Level::Operate);
        assert_eq!(<(u8, Allowed<Admin>, State<App>, String) as Guarded>::LEVEL, Level::Admin);
    }

    #[test]
    fn a_token_comes_in_a_header_as_a_password_or_in_the_cookie_of_this_host() {
        let given = |name: header::HeaderName, value: &str, is_tls: bool| {
            let headers = HeaderMap::from_iter([(name, value.parse().expect("a value"))]);
            token(&headers, is_tls).map(Cow::into_owned)
        };
        let some = Some("qg_1_x".to_owned());
        assert_eq!(given(header::AUTHORIZATION, "Bearer qg_1_x", false), some);
        assert_eq!(given(header::AUTHORIZATION, "basic YW55Ym9keTpxZ18xX3g=", false), some);
        assert_eq!(given(header::AUTHORIZATION, "Digest qg_1_x", false), None);
        assert_eq!(given(header::AUTHORIZATION, "Basic no", false), None);
        assert_eq!(given(header::COOKIE, "a=b; quietgate=qg_1_x", false), some);
        assert_eq!(given(header::COOKIE, "quietgate=qg_1_x", true), None, "over TLS it has a prefix");
        assert_eq!(given(header::COOKIE, "__Host-quietgate=qg_1_x", true), some);
    }
}
