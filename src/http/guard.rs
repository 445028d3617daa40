//! What holds for every request, before anybody looks at who asks: whom it was sent to, from which page, and what a browser may
//! make of the answer.

use super::app::App;
use super::page;
use super::problem::Problem;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Nothing runs or is shown but what comes from here, and nobody frames it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
    frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/// Headers of every answer.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Refuses what was sent to another name or by another page, and says to browsers what they may do.
pub(super) async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let is_page = request.method() == Method::GET && request.uri().path() == "/";
    let refused = host(&app, request.headers()).and_then(|()| origin(&app, &request));
    let mut response = match refused {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    if is_page && response.status() == StatusCode::UNAUTHORIZED {
        response = page::form("");
    }
    app.daemon.telemetry.answered(response.status().as_u16());
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    if app.is_tls() {
        let value = HeaderValue::from_static("max-age=31536000");
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, value);
    }
    response
}

/// The name without its port.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.chars().all(|c| c.is_ascii_digit()) && !name.is_empty() => name,
        _ => host,
    }
}

/// A page of another name that resolves to our address is not ours.
fn host(app: &App, headers: &HeaderMap) -> Result<(), Problem> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (host, more) = (hosts.next().and_then(|value| value.to_str().ok()), hosts.next());
    let is_ours = |host: &str| {
        let name = without_port(host).to_ascii_lowercase();
        app.api.hosts.contains(&name)
    };
    match host {
        Some(host) if more.is_none() && is_ours(host) => Ok(()),
        _ => Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, "the request was sent to another host")),
    }
}

/// What a browser sends for another page is refused, whatever it asks for.
fn origin(app: &App, request: &Request) -> Result<(), Problem> {
    let headers = request.headers();
    let refused = || Problem::new(StatusCode::FORBIDDEN, "the request comes from another page");
    if let Some(site) = headers.get("sec-fetch-site") {
        let is_navigation = request.method() == Method::GET
            && headers.get("sec-fetch-mode").is_some_and(|mode| mode == "navigate");
        // who follows a link from elsewhere only looks
        if site != "same-origin" && site != "none" && !is_navigation {
            return Err(refused());
        }
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let scheme = if app.is_tls() { "https://" } else { "http://" };
    let told = origin.to_str().ok().and_then(|origin| origin.strip_prefix(scheme));
    let own = headers.get(header::HOST).and_then(|value| value.to_str().ok());
    if told.is_some() && told == own { Ok(()) } else { Err(refused()) }
}
