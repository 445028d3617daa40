//! One request: whether it may, whether it is in a form that is read, its body within limits, and the answer to it.

use super::inbox::Inbox;
use super::refusal::Refusal;
use super::token::Token;
use super::{lines, write};
use crate::clock;
use crate::settings::units::Size;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::{
    ALLOW, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// What requests are held to.
#[derive(Debug)]
pub(super) struct Desk {
    /// Where samples go.
    pub(super) inbox: Arc<Inbox>,
    /// Who may push.
    pub(super) token: Token,
    /// The most bytes of a body as it comes, and when it is unpacked.
    pub(super) body: [u64; 2],
    /// How long a body may take.
    pub(super) timeout: Duration,
}

/// How long who has a wrong token waits for the answer: to guess takes for ever.
const GUESSING: Duration = Duration::from_millis(250);
/// The seconds after which to try again: as long as samples wait to be asked for, at most.
const AGAIN: HeaderValue = HeaderValue::from_static("1");

/// An answer.
pub(super) type Answer = Response<Full<Bytes>>;

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Route {
    Write,
    Lines,
}

impl Desk {
    /// The answer to `request`.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Answer {
        let route = Route::of(request.uri().path());
        let answered = match route {
            Some(route) => self.take(route, request).await,
            None => Err(Refusal::NoSuchPath),
        };
        match answered {
            Ok(answer) => answer,
            Err(refusal) => {
                self.inbox.refused(&refusal);
                if refusal == Refusal::WrongToken {
                    tokio::time::sleep(GUESSING).await;
                }
                refused(&refusal, route)
            }
        }
    }

    async fn take(&self, route: Route, request: Request<Incoming>) -> Result<Answer, Refusal> {
        if request.method() != Method::POST {
            return Err(Refusal::NoPost);
        }
        self.token.check(request.headers()).await?;
        route.check(request.headers())?;
        self.inbox.ready()?;
        let body = self.body(request.into_body()).await?;
        let now_ms = clock::now().as_millis();
        match route {
            Route::Write => {
                let request = write::unpacked(&body, self.body[1])?;
                self.inbox.take(&body, now_ms, |staged| write::stage(&request, staged))?;
                Ok(answer(StatusCode::NO_CONTENT, String::new()))
            }
            Route::Lines => {
                self.inbox.take(&body, now_ms, |staged| lines::stage(&body, staged))?;
                Ok(json_answer(StatusCode::OK, &json!({"taken": lines::count(&body)})))
            }
        }
    }

    /// All of a body, within its limit and its time.
    async fn body(&self, mut body: Incoming) -> Result<Vec<u8>, Refusal> {
        let most = self.body[0];
        let too_large =
            || Refusal::TooLarge(format!("a larger body, allowed is at most {} (max_body)", Size(most)));
        if body.size_hint().lower() > most {
            return Err(too_large());
        }
        let read = async {
            let mut bytes = Vec::new();
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(|_| Refusal::Malformed("the body breaks off".to_owned()))?;
                let Ok(data) = frame.into_data() else { continue };
                if (bytes.len() + data.len()) as u64 > most {
                    return Err(too_large());
                }
                bytes.extend_from_slice(&data);
            }
            Ok(bytes)
        };
        // as 408 would be final to Prometheus
        let late = |_| Err(Refusal::NotNow("the body took too long (timeout)"));
        tokio::time::timeout(self.timeout, read).await.unwrap_or_else(late)
    }
}

impl Route {
    fn of(path: &str) -> Option<Self> {
        match path {
            "/api/v1/write" => Some(Self::Write),
            "/push" => Some(Self::Lines),
            _ => None,
        }
    }

    /// Whether headers say that the body is in a form that is read here.
    fn check(self, headers: &HeaderMap) -> Result<(), Refusal> {
        let text = |name| headers.get(name).map_or("", |value| value.to_str().unwrap_or("?"));
        let (form, packing) = (text(CONTENT_TYPE).to_ascii_lowercase(), text(CONTENT_ENCODING));
        let mut parts = form.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default();
        let (is_read, allowed) = match self {
            Self::Write => {
                let is_first = parts.all(|part| !part.starts_with("proto=") || part == FIRST);
                (kind == "application/x-protobuf" && is_first && packing == "snappy", write::FORMS)
            }
            Self::Lines => (LINES.contains(&kind) && matches!(packing, "" | "identity"), lines::FORMS),
        };
        is_read.then_some(()).ok_or(Refusal::OtherForm(allowed))
    }
}

/// The messages of the version that is read, in lower case.
const FIRST: &str = "proto=prometheus.writerequest";
/// What JSON lines are called.
const LINES: [&str; 4] = ["application/x-ndjson", "application/jsonl", "application/json", ""];

fn refused(refusal: &Refusal, route: Option<Route>) -> Answer {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let words = refusal.words();
    let mut answer = match route {
        Some(Route::Lines) => json_answer(status, &json!({"error": words, "taken": 0})),
        _ => answer(status, format!("{words}\n")),
    };
    let header = match refusal {
        Refusal::NotNow(_) => Some((RETRY_AFTER, AGAIN)),
        Refusal::NoToken => Some((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
        Refusal::NoPost => Some((ALLOW, HeaderValue::from_static("POST"))),
        _ => None,
    };
    answer.headers_mut().extend::<Option<(HeaderName, HeaderValue)>>(header);
    answer
}

fn json_answer(status: StatusCode, value: &serde_json::Value) -> Answer {
    let mut answer = answer(status, format!("{value}\n"));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

fn answer(status: StatusCode, text: String) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(text)));
    *answer.status_mut() = status;
    answer
}
