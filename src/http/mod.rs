//! The daemon over HTTP: an API, a page, events as they happen.
//!
//! It runs on a thread of its own, so that nothing that is asked holds up what is watched and driven. Whatever it wants of the
//! daemon goes through a [`Handle`].
//!
//! **Who may what is a matter of types**: a route is added with a handler whose first argument proves that who asks may; see
//! `routes.rs` and `allowed.rs`.

mod allowed;
mod api;
mod app;
mod failures;
mod fleetlock;
mod guard;
mod health;
mod input;
mod kept;
mod listener;
mod locks;
mod metrics;
mod openapi;
mod page;
mod problem;
mod routes;
mod tls;
mod tokens;

use crate::clock;
use crate::config::Api;
use crate::run::daemon::Handle;
use app::App;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
pub use openapi::document;
use problem::Problem;
pub use routes::{Doc, Field, Method, Route, Shape};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
pub use tokens::{Identity, Level, Token, Tokens};
use tokio::sync::oneshot;

/// Why the API cannot be reached.
#[derive(Debug)]
pub struct HttpError {
    what: String,
    cause: Option<io::Error>,
}

impl HttpError {
    fn new(what: impl Into<String>, cause: Option<io::Error>) -> Self {
        Self { what: what.into(), cause }
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for HttpError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_ref().map(|error| error as _)
    }
}

/// A server that answers. Dropping it ends it.
#[derive(Debug)]
pub struct Server {
    thread: Option<JoinHandle<()>>,
    ends: Option<oneshot::Sender<()>>,
}

/// What a server begins with.
#[derive(Debug)]
pub struct Setup {
    /// How it is reached.
    pub api: Api,
    /// The folder in which the paths of its files begin.
    pub base: PathBuf,
    /// The daemon.
    pub daemon: Handle,
    /// Where the journal is, if not in the folder of the state.
    pub database: Option<String>,
}

impl Server {
    /// Begins to answer.
    ///
    /// # Errors
    /// An address that cannot be had, a certificate that cannot be used.
    pub fn start(setup: Setup) -> Result<Self, HttpError> {
        let Setup { api, base, daemon, database } = setup;
        let listen = api.listen;
        let certificates = api.tls.as_ref().map(|tls| tls::Certificates::open(tls, &base)).transpose()?;
        let listener = std::net::TcpListener::bind(listen)
            .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
            .map_err(|error| HttpError::new(format!("nothing can listen at {listen}"), Some(error)))?;
        let app = App::new(daemon, api, database, clock::now());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| HttpError::new("no runtime can be made", Some(error)))?;
        let (ends, end) = oneshot::channel();
        let work = move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = end => {}
                    () = listener::serve(listener, certificates, router(app)) => {}
                }
            });
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new().name("http".to_owned()).spawn(work);
        let thread = thread.map_err(|error| HttpError::new("no thread can be started", Some(error)))?;
        Ok(Self { thread: Some(thread), ends: Some(ends) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.ends.take());
        // one that panicked has ended too
        drop(self.thread.take().map(JoinHandle::join));
    }
}

/// Every route, as it is described.
pub fn routes() -> Vec<Route> {
    table().into_parts().1
}

fn table() -> routes::Table {
    let families =
        [health::routes, api::routes, fleetlock::routes, metrics::routes, openapi::routes, page::routes];
    families.into_iter().fold(routes::Table::default(), |table, family| family(table))
}

/// What answers to a request.
fn router(app: App) -> Router {
    let (router, _) = table().into_parts();
    let none = || async { Problem::absent("there is nothing here") };
    let wrong = || async { Problem::new(StatusCode::METHOD_NOT_ALLOWED, "that cannot be asked this way") };
    let guarded = axum::middleware::from_fn_with_state(app.clone(), guard::guard);
    router
        .fallback(none)
        .method_not_allowed_fallback(wrong)
        .layer(DefaultBodyLimit::max(input::BODY_MAX))
        .layer(guarded)
        .with_state(app)
}

/// The file at `path` of the settings, which begins in `base` where it is relative.
fn file(base: &Path, path: &str) -> PathBuf {
    base.join(path)
}
