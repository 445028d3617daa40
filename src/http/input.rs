//! What is asked, taken apart: whatever is not as it is described is refused in words.

use super::app::App;
use super::problem::Problem;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use serde::de::DeserializeOwned;
use std::time::Duration;

/// So many bytes a body may have.
pub(super) const BODY_MAX: usize = 1 << 20;
/// So long may a body take.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// So many of a list are given at once at most.
pub(super) const LIMIT_MAX: usize = 1000;
/// So many where nobody says how many.
const LIMIT: usize = 100;

/// The values of a query.
#[derive(Debug)]
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<App> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let query = Query::<T>::from_request_parts(parts, app).await;
        query.map(|Query(value)| Self(value)).map_err(|error| Problem::bad(error.body_text()))
    }
}

/// The names within a path.
#[derive(Debug)]
pub(super) struct Path<T>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let names = axum::extract::Path::<T>::from_request_parts(parts, app).await;
        names.map(|axum::extract::Path(value)| Self(value)).map_err(|error| Problem::bad(error.body_text()))
    }
}

/// A body of JSON.
#[derive(Debug)]
pub(super) struct Json<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<App> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_json = kind.is_some_and(|kind| {
            kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
        });
        if !is_json {
            let why = "the body must be application/json";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, why));
        }
        let late = |_| Problem::new(StatusCode::REQUEST_TIMEOUT, "the body took too long");
        let bytes =
            tokio::time::timeout(BODY_TIMEOUT, Bytes::from_request(request, app)).await.map_err(late)?;
        let bytes = bytes.map_err(|error| Problem::new(error.status(), error.body_text()))?;
        let value = serde_json::from_slice(&bytes);
        value.map(Self).map_err(|error| Problem::bad(format!("the body is not as it should be: {error}")))
    }
}

/// A place in a list.
#[derive(Debug)]
pub(super) struct Paging;

impl Paging {
    /// So many are passed over, and so many given.
    ///
    /// # Errors
    /// A value that is no such number.
    pub(super) fn read(limit: Option<String>, cursor: Option<String>) -> Result<(usize, usize), Problem> {
        let number = |name: &str, text: Option<String>, usual: usize| match text {
            None => Ok(usual),
            Some(text) => {
                let wrong = || Problem::bad(format!("{name} is {text:?}, allowed is a whole number"));
                let number = text.parse::<i64>().ok().and_then(|number| usize::try_from(number).ok());
                number.ok_or_else(wrong)
            }
        };
        let (limit, skip) = (number("limit", limit, LIMIT)?, number("cursor", cursor, 0)?);
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(Problem::bad(format!("limit is {limit}, allowed is 1 to {LIMIT_MAX}")));
        }
        Ok((skip, limit))
    }
}
