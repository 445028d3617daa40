//! A daemon elsewhere, asked over HTTP for what the commands of this machine ask by its socket.

use super::exit::Failure;
use crate::run::control::Verb;
use crate::secret;
use crate::text;
use clap::Args;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Certificate, Client, Identity, Method, Url, redirect};
use serde_json::{Value, json};
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// So long may one question take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The most bytes of an answer.
const ANSWER_MAX: usize = 16 << 20;
/// The most bytes of certificates.
const CERTIFICATES_MAX: u64 = 1 << 20;

/// Where it is, and how it is asked.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "A daemon elsewhere")]
pub(crate) struct RemoteArgs {
    /// Where it is, such as https://gate.example.org:7460; it is asked there, and not by the state here
    #[arg(id = "daemon", long = "url", value_name = "URL", requires = "token_file")]
    url: Option<String>,
    /// The file with the token that it is shown
    #[arg(long, value_name = "FILE", requires = "daemon")]
    token_file: Option<PathBuf>,
    /// Certificates (PEM) that sign the daemon's, and no others; else those the system trusts
    #[arg(long, value_name = "FILE", requires = "daemon")]
    ca_file: Option<PathBuf>,
    /// Certificate and key (PEM) that it is shown, where it wants one
    #[arg(long, value_name = "FILE", requires = "daemon")]
    client_file: Option<PathBuf>,
}

/// A daemon elsewhere.
#[derive(Debug)]
pub(crate) struct Remote {
    client: Client,
    base: Url,
    token_file: PathBuf,
}

/// Why there is no answer that is good.
#[derive(Debug)]
pub(crate) enum Unanswered {
    /// It was refused for good, in words.
    Refused(String),
    /// Nobody answered, or not now.
    Away(String),
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(why) => write!(f, "not done: {}", text::plain(why)),
            Self::Away(why) => write!(f, "the daemon does not answer: {}", text::plain(why)),
        }
    }
}

impl From<Unanswered> for Failure {
    fn from(unanswered: Unanswered) -> Self {
        Self::Input(unanswered.to_string())
    }
}

impl RemoteArgs {
    /// The daemon that is meant; none where it is the one of this machine.
    ///
    /// # Errors
    /// An address or a file that cannot be used.
    pub(crate) fn open(&self) -> Result<Option<Remote>, Failure> {
        let (Some(url), Some(token_file)) = (&self.url, &self.token_file) else { return Ok(None) };
        let base = address(url).map_err(Failure::Input)?;
        // the first one installed stays: whoever comes later has the same
        drop(rustls::crypto::ring::default_provider().install_default());
        let mut builder = Client::builder().timeout(TIMEOUT).redirect(redirect::Policy::none()).no_proxy();
        if let Some(path) = &self.ca_file {
            let all = Certificate::from_pem_bundle(&file(path)?).map_err(|error| odd(path, &error))?;
            builder = builder.tls_certs_only(all);
        } else if base.scheme() == "http" {
            // nothing to verify: a machine without certificates will do
            builder = builder.tls_certs_only([]);
        }
        if let Some(path) = &self.client_file {
            builder = builder.identity(Identity::from_pem(&file(path)?).map_err(|error| odd(path, &error))?);
        }
        let client = builder.build().map_err(Failure::because)?;
        Ok(Some(Remote { client, base, token_file: token_file.clone() }))
    }
}

fn file(path: &Path) -> Result<Vec<u8>, Failure> {
    secret::bounded(path, CERTIFICATES_MAX).map_err(|error| odd(path, &error))
}

fn odd(path: &Path, error: &dyn std::error::Error) -> Failure {
    Failure::Input(format!("{} cannot be used: {}", path.display(), text::with_causes(error)))
}

/// The address of a daemon: the token goes there, so over the network it must be https.
fn address(url: &str) -> Result<Url, String> {
    let wrong =
        |why: &str| format!("--url is {url:?}, allowed is one such as https://gate.example.org:7460: {why}");
    let parsed: Url = url.parse().map_err(|_| wrong("it is no URL"))?;
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err("--url has a user in it: a token is in the file that --token-file names".to_owned());
    }
    if parsed.query().is_some() || parsed.fragment().is_some() {
        return Err(wrong("there is more behind it"));
    }
    let host = parsed.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let is_here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    match parsed.scheme() {
        "https" => Ok(parsed),
        "http" if is_here => Ok(parsed),
        "http" => Err(wrong("http is for this machine alone, for the token would go as it is")),
        _ => Err(wrong("it begins with neither http:// nor https://")),
    }
}

/// `name` as a part of a path.
pub(crate) fn part(name: &str) -> String {
    utf8_percent_encode(name, NON_ALPHANUMERIC).to_string()
}

impl Remote {
    /// What is answered at `path`.
    ///
    /// # Errors
    /// It is refused, or nobody answers.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Value, Unanswered> {
        let token = secret::read(&self.token_file);
        let token = token.map_err(|error| {
            Unanswered::Refused(format!("the token in {}: {error}", self.token_file.display()))
        })?;
        let away = |error: reqwest::Error| Unanswered::Away(text::with_causes(&error.without_url()));
        let url = format!("{}{path}", self.base.as_str().trim_end_matches('/'));
        let mut request = self.client.request(method, url).bearer_auth(token);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let mut response = request.send().await.map_err(away)?;
        let status = response.status();
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(away)? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > ANSWER_MAX {
                return Err(Unanswered::Refused(format!("the answer has more than {ANSWER_MAX} bytes")));
            }
        }
        let value: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        if status.is_success() {
            return Ok(value);
        }
        let why = value["detail"].as_str().map_or_else(|| format!("it answers {status}"), str::to_owned);
        let is_passing = status.is_server_error() || [408, 429].contains(&status.as_u16());
        Err(if is_passing { Unanswered::Away(why) } else { Unanswered::Refused(why) })
    }

    /// Does `verb`, and gives the number under which it is on record.
    ///
    /// # Errors
    /// It is refused, nobody answers, or several runs are open and none is named.
    pub(crate) async fn done(&self, verb: &Verb, run: Option<&str>, reason: &str) -> Result<u64, Unanswered> {
        let Ok(Value::Object(mut body)) = serde_json::to_value(verb) else {
            unreachable!("a verb is an object")
        };
        let name = body.remove("verb").and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default();
        body.retain(|_, value| !value.is_null());
        body.insert("reason".to_owned(), json!(reason));
        let path = match verb {
            Verb::Freeze | Verb::Unfreeze => format!("/api/v1/{name}"),
            _ => format!("/api/v1/runs/{}/{name}", part(&self.run(run).await?)),
        };
        let told = self.ask(Method::POST, &path, Some(Value::Object(body))).await?;
        Ok(told["seq"].as_u64().unwrap_or_default())
    }

    /// The run that is meant: the one named, else the only one that is open.
    async fn run(&self, named: Option<&str>) -> Result<String, Unanswered> {
        if let Some(run) = named {
            return Ok(run.to_owned());
        }
        let open = self.ask(Method::GET, "/api/v1/runs?state=open", None).await?;
        let items = open["items"].as_array().cloned().unwrap_or_default();
        let names: Vec<&str> = items.iter().filter_map(|run| run["run"].as_str()).collect();
        match names[..] {
            [run] => Ok(run.to_owned()),
            [] => Err(Unanswered::Refused("no run is under way".to_owned())),
            _ => Err(Unanswered::Refused(format!(
                "several runs are under way, name one of them by --run: {}",
                names.join(", ")
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_over_the_network_by_https_alone() {
        for good in
            ["https://gate.example.org:7460", "http://127.0.0.1:7460/", "http://[::1]:1", "http://localhost"]
        {
            assert!(address(good).is_ok(), "{good}");
        }
        for bad in [
            "http://gate.example.org",
            "http://127.0.0.1.example.org",
            "ftp://127.0.0.1",
            "gate:7460",
            "https://a:b@c",
            "https://h/?x=1",
            "",
        ] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }
}
