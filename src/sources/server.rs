//! One HTTP client for one server: no redirects, no proxy but the one that is set, everything with a limit.

use super::aside::aside;
use super::error::one_line;
use super::{SourceError, Trouble};
use crate::secret;
use crate::settings::units::Size;
use crate::settings::{Need, SettingDoc, Settings, Shape};
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName};
use reqwest::{Certificate, Client, Proxy, RequestBuilder, Response, Url, redirect};
use serde::Deserialize;
use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

pub(super) const TOKEN: SettingDoc = SettingDoc {
    name: "bearer_token_file",
    shape: Shape::SecretFile,
    need: Need::Optional,
    about: "bearer token to log in with; read for each request, so that it may be changed",
};

pub(super) const USER: SettingDoc = SettingDoc {
    name: "user",
    shape: Shape::Text,
    need: Need::Optional,
    about: "user to log in as with password_file; not beside bearer_token_file",
};

pub(super) const PASSWORD: SettingDoc = SettingDoc {
    name: "password_file",
    shape: Shape::SecretFile,
    need: Need::Optional,
    about: "password of the user; read for each request",
};

pub(super) const AUTHORITY: SettingDoc = SettingDoc {
    name: "ca_file",
    shape: Shape::Path,
    need: Need::DefaultWords("those the system trusts"),
    about: "certificates (PEM) that sign the server's, and no others",
};

pub(super) const PROXY: SettingDoc = SettingDoc {
    name: "proxy",
    shape: Shape::Url,
    need: Need::DefaultWords("none, whatever the environment says"),
    about: "proxy to go through",
};

pub(super) const HEADERS: SettingDoc = SettingDoc {
    name: "headers",
    shape: Shape::TextMap,
    need: Need::Optional,
    about: "headers to send, such as the tenant; they are no place for secrets",
};

pub(super) const TIMEOUT: SettingDoc = SettingDoc {
    name: "timeout",
    shape: Shape::Duration { min: 100, max: 300_000 },
    need: Need::Default("10s"),
    about: "the longest that one request may take, from the connection to the last byte",
};

/// Whether the settings of the login and the headers go together.
pub(super) fn fits(settings: &Settings) -> Result<(), String> {
    let (user, password) = (settings.text("user"), settings.text("password_file"));
    if settings.text("bearer_token_file").is_some() && (user.is_some() || password.is_some()) {
        return Err("bearer_token_file does not go with user and password_file: one login is used".to_owned());
    }
    match (user, password) {
        (Some(_), None) => return Err("user has no password_file beside it".to_owned()),
        (None, Some(_)) => return Err("password_file has no user beside it".to_owned()),
        _ => {}
    }
    headers(settings.map("headers")).map(drop)
}

/// What a server answered.
#[derive(Debug)]
pub(super) struct Body {
    /// What the server calls it, where it does.
    pub(super) content_type: Option<String>,
    /// All of it.
    pub(super) bytes: Vec<u8>,
}

/// A server that can be asked.
#[derive(Debug)]
pub(super) struct Server {
    client: Client,
    base: String,
    timeout_ms: i64,
    body_max: u64,
    login: Login,
    /// One read of a secret at a time: a disk that holds reads up holds up one thread and no more.
    reads: Arc<Semaphore>,
}

/// What the server is told about who asks. The secrets stay in their files and are read for each request, so that they
/// may be changed at any time and are in no copy of the settings.
#[derive(Debug)]
enum Login {
    Nobody,
    Bearer(PathBuf),
    Basic { user: String, password: PathBuf },
}

/// The most bytes of certificates: those of a whole system are a quarter of this.
const CERTIFICATES_MAX: u64 = 1 << 20;
/// The most bytes that are read of what a server says about an error.
const COMPLAINT_MAX: usize = 4 << 10;

impl Server {
    /// The server of `settings`. Nothing is asked yet; certificates are read now.
    pub(super) fn new(settings: &Settings) -> Result<Self, SourceError> {
        let base = settings.text("url").unwrap_or_default().to_owned();
        let timeout_ms = settings.duration_ms("timeout").unwrap_or_default();
        let user = settings.text("user").map(str::to_owned);
        let login = match (settings.path("bearer_token_file"), user, settings.path("password_file")) {
            (Some(token), _, _) => Login::Bearer(token.to_owned()),
            (None, Some(user), Some(password)) => Login::Basic { user, password: password.to_owned() },
            _ => Login::Nobody,
        };
        let client = client(settings, &base, timeout_ms)?;
        let body_max = settings.size("max_body").unwrap_or_default();
        let reads = Arc::new(Semaphore::new(1));
        Ok(Self { client, base, timeout_ms, body_max, login, reads })
    }

    /// The address, which holds no secret.
    pub(super) fn address(&self) -> &str {
        &self.base
    }

    /// How long one request may take, in milliseconds.
    pub(super) fn timeout_ms(&self) -> i64 {
        self.timeout_ms
    }

    /// The answer to `GET base/path?arguments`, whose status must be 200; without a path to `GET base?arguments`.
    pub(super) async fn get(
        &self,
        path: &str,
        arguments: &[(&str, String)],
        headers: &[(&'static str, String)],
    ) -> Result<Body, SourceError> {
        let at = if path.is_empty() { self.base.clone() } else { format!("{}/{path}", self.base) };
        let bad = |what: &str| SourceError::new(&at, Trouble::BadAnswer { what: what.to_owned() });
        let mut url = Url::parse(&at).map_err(|_| bad("no address"))?;
        if !arguments.is_empty() {
            url.query_pairs_mut().extend_pairs(arguments);
        }
        let request = self.authorised(self.client.get(url)).await?;
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, value));
        let mut answer = request.send().await.map_err(|error| self.broken(&at, error))?;
        let status = answer.status().as_u16();
        if status != 200 {
            let said = self.complaint(&mut answer).await;
            return Err(SourceError::new(at, Trouble::Status { status, said }));
        }
        if answer.headers().get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
            return Err(bad("it is packed, which it was not asked to be"));
        }
        let content_type = answer.headers().get(CONTENT_TYPE);
        let content_type = content_type.map(|kind| String::from_utf8_lossy(kind.as_bytes()).into_owned());
        Ok(Body { content_type, bytes: self.body(&mut answer, &at).await? })
    }

    async fn body(&self, answer: &mut Response, at: &str) -> Result<Vec<u8>, SourceError> {
        let too_much = || {
            let limit = format!("{} (max_body)", Size(self.body_max));
            SourceError::new(at, Trouble::TooLarge { limit })
        };
        if answer.content_length().is_some_and(|length| length > self.body_max) {
            return Err(too_much());
        }
        let mut body = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(|error| self.broken(at, error))? {
            if (body.len() + piece.len()) as u64 > self.body_max {
                return Err(too_much());
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }

    /// The beginning of what the server says about an error; a connection that breaks ends it.
    async fn complaint(&self, answer: &mut Response) -> String {
        let mut body = Vec::new();
        while let Ok(Some(piece)) = answer.chunk().await {
            body.extend_from_slice(&piece);
            if body.len() >= COMPLAINT_MAX {
                body.truncate(COMPLAINT_MAX);
                break;
            }
        }
        let said = complaint(&body);
        match answer.headers().get("location") {
            Some(_) if answer.status().is_redirection() => "a redirect, which is not followed".to_owned(),
            _ => said,
        }
    }

    fn broken(&self, at: &str, error: reqwest::Error) -> SourceError {
        if error.is_timeout() {
            return SourceError::new(at, Trouble::Late { limit_ms: self.timeout_ms });
        }
        // the address stands in front already, and the query is long
        SourceError::new(at, Trouble::Unreachable(error.without_url()))
    }

    /// The request with the secret of its login.
    async fn authorised(&self, request: RequestBuilder) -> Result<RequestBuilder, SourceError> {
        match &self.login {
            Login::Nobody => Ok(request),
            Login::Bearer(path) => Ok(request.bearer_auth(self.secret(path).await?)),
            Login::Basic { user, password } => {
                Ok(request.basic_auth(user, Some(self.secret(password).await?)))
            }
        }
    }

    /// The secret in the file at `path`, without line ends; read aside, for a disk may hold it up.
    async fn secret(&self, path: &Path) -> Result<String, SourceError> {
        let owned = path.to_owned();
        let read = async { aside(&self.reads, move || secret::read(&owned)).await? };
        let limit = Duration::from_millis(self.timeout_ms.unsigned_abs());
        let late = || {
            let why = format!("it is not read within {}", crate::text::duration(self.timeout_ms));
            io::Error::new(io::ErrorKind::TimedOut, why)
        };
        let text = tokio::time::timeout(limit, read).await.unwrap_or_else(|_| Err(late()));
        text.map_err(|cause| file_error(path, "the secret", cause))
    }
}

/// What the server said about an error, where it said it as JSON; else the text itself, on one line and cut.
fn complaint(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Complaint<'a> {
        #[serde(borrow)]
        error: Cow<'a, str>,
    }
    match serde_json::from_slice::<Complaint<'_>>(body) {
        Ok(complaint) => one_line(&complaint.error),
        Err(_) => one_line(String::from_utf8_lossy(body).trim()),
    }
}

/// The headers that `entries` name, or what is wrong with them.
fn headers(entries: &[(String, String)]) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in entries {
        let key: HeaderName =
            name.parse().map_err(|_| format!("headers has {name:?}, which is no name of a header"))?;
        if key == AUTHORIZATION {
            return Err(
                "headers has authorization: use bearer_token_file, or user and password_file".to_owned()
            );
        }
        let value =
            value.parse().map_err(|_| format!("headers has a value for {name:?} that no header can have"))?;
        headers.insert(key, value);
    }
    Ok(headers)
}

fn client(settings: &Settings, base: &str, timeout_ms: i64) -> Result<Client, SourceError> {
    // the first one installed stays: whoever comes later has the same
    drop(rustls::crypto::ring::default_provider().install_default());
    let failed = |error: reqwest::Error| SourceError::new(base, Trouble::Client(error.without_url()));
    // they were found good with the settings
    let headers = headers(settings.map("headers")).unwrap_or_default();
    let timeout = Duration::from_millis(timeout_ms.unsigned_abs());
    let builder = Client::builder().default_headers(headers).timeout(timeout).connect_timeout(timeout);
    let mut builder = builder.redirect(redirect::Policy::none()).referer(false).no_proxy();
    if let Some(proxy) = settings.text("proxy") {
        builder = builder.proxy(Proxy::all(proxy).map_err(failed)?);
    }
    if let Some(path) = settings.path("ca_file") {
        let pem = secret::bounded(path, CERTIFICATES_MAX);
        let pem = pem.map_err(|cause| file_error(path, "the certificates", cause))?;
        let certificates = Certificate::from_pem_bundle(&pem).map_err(failed)?;
        if certificates.is_empty() {
            let cause = io::Error::new(io::ErrorKind::InvalidData, "there is no certificate in it");
            return Err(file_error(path, "the certificates", cause));
        }
        builder = builder.tls_certs_only(certificates);
    } else if base.starts_with("http://") {
        // nothing to verify: a machine without certificates will do
        builder = builder.tls_certs_only([]);
    }
    builder.build().map_err(failed)
}

/// The secret in the file at `path`, without line ends, for who may be held up.
pub(super) fn secret_now(path: &Path) -> Result<String, SourceError> {
    secret::read(path).map_err(|cause| file_error(path, "the secret", cause))
}

fn file_error(path: &Path, what: &'static str, cause: io::Error) -> SourceError {
    SourceError::new(path.display().to_string(), Trouble::File { what, cause })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A named pipe without a writer holds up who opens it, as a disk does that is away.
    #[test]
    fn a_secret_that_cannot_be_read_in_time_holds_up_one_thread_however_often_it_is_asked_for() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("token");
        drop(rustls::crypto::ring::default_provider().install_default());
        let made = std::process::Command::new("mkfifo").arg(&path).status().expect("mkfifo of coreutils");
        assert!(made.success());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let server = Server {
                client: Client::builder().tls_certs_only([]).build().expect("a client"),
                base: "http://h".to_owned(),
                timeout_ms: 100,
                body_max: 0,
                login: Login::Bearer(path.clone()),
                reads: Arc::new(Semaphore::new(1)),
            };
            let mut said = Vec::new();
            for _ in 0..20 {
                let secret = server.secret(&path).await.map_err(|error| crate::text::with_causes(&error));
                said.push((secret, server.reads.available_permits()));
            }
            let writer = path.clone();
            // every reader that waits is let go
            let write = || std::fs::write(writer, "abc\n");
            tokio::task::spawn_blocking(write).await.expect("no panic").expect("somebody reads");
            let permit = tokio::time::timeout(Duration::from_secs(60), server.reads.acquire()).await;
            drop(permit.expect("the read has ended").expect("open"));
            std::fs::remove_file(&path).expect("the pipe");
            std::fs::write(&path, "abc\n").expect("a file");
            assert_eq!(server.secret(&path).await.expect("a secret"), "abc");
            for (secret, permits) in said {
                let why = secret.expect_err("nobody wrote");
                assert!(why.ends_with("the secret cannot be read: it is not read within 100 ms"), "{why}");
                assert_eq!(permits, 0, "the first read was under way");
            }
        });
    }

    #[test]
    fn words_of_a_server_are_kept_on_one_line() {
        assert_eq!(complaint(br#"{"status":"error","error":"too many points"}"#), "too many points");
        assert_eq!(complaint(b"<html>\x1b[2J"), "<html>\\u{1b}[2J");
        assert_eq!(complaint("x".repeat(1000).as_bytes()).chars().count(), 301);
    }

    #[test]
    fn headers_are_checked_and_hold_no_login() {
        let of = |name: &str, value: &str| headers(&[(name.to_owned(), value.to_owned())]);
        assert!(of("X-Scope-OrgID", "a").is_ok());
        for (name, value) in [("Authorization", "x"), ("a b", "x"), ("a", "x\ny")] {
            assert!(of(name, value).is_err(), "{name}");
        }
    }
}
