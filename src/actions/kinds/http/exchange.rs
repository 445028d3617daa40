//! One request and its answer, in bounded time and memory.

use super::super::super::io::Io;
use super::super::super::outcome::{End, Outcome};
use super::super::super::output::Output;
use super::super::super::process::Keep;
use super::super::super::values::Values;
use super::{Http, Request};
use reqwest::{Certificate, Client, redirect, retry};
use rustls::crypto::{CryptoProvider, ring};
use std::error::Error;
use std::path::Path;
use std::time::Duration;

/// How we name ourselves.
const NAME: &str = concat!("quietgate/", env!("CARGO_PKG_VERSION"));

/// Sends `request` and reads the answer.
pub(crate) async fn run(http: &Http, mut request: Request, values: &Values, io: &Io<'_>) -> Outcome {
    if let Err(why) = http.headers.add_secrets(io.base, &mut request.headers) {
        return Outcome::not_started(why);
    }
    let client = match client(http.ca_file.as_ref().map(|path| io.base.join(path)).as_deref()) {
        Ok(client) => client,
        Err(why) => return Outcome::not_started(why),
    };
    let mut output = match Output::create(io.directory, values, http.output) {
        Ok(output) => output,
        Err(error) => return Outcome::not_started(format!("output in {}: {error}", io.directory.display())),
    };
    let limit = Duration::from_millis(u64::try_from(io.timeout_ms).unwrap_or(0));
    let end = tokio::select! {
        biased;
        () = io.cancel.asked() => End::Cancelled,
        end = exchange(http, &client, request, &mut output) => end,
        () = tokio::time::sleep(limit) => End::TimedOut,
    };
    let kept = output.finish().await;
    Outcome {
        output: Some(kept.path),
        bytes: kept.bytes,
        truncated: kept.truncated,
        ..Outcome::without_output(end)
    }
}

/// A client for one request, so that no connection is used twice: a request on one that the server has closed meanwhile would
/// be sent again.
fn client(ca_file: Option<&Path>) -> Result<Client, String> {
    if CryptoProvider::get_default().is_none() {
        // somebody else may have been faster
        let _ = ring::default_provider().install_default();
    }
    let builder = Client::builder().user_agent(NAME).referer(false).no_proxy().pool_max_idle_per_host(0);
    let mut builder = builder.redirect(redirect::Policy::none()).retry(retry::never());
    if let Some(path) = ca_file {
        builder =
            builder.tls_certs_only(certificates(path).map_err(|why| format!("{}: {why}", path.display()))?);
    }
    builder.build().map_err(|error| words(&error))
}

fn certificates(path: &Path) -> Result<Vec<Certificate>, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    match Certificate::from_pem_bundle(&bytes) {
        Ok(all) if all.is_empty() => Err("no certificate in PEM in it".to_owned()),
        Ok(all) => Ok(all),
        Err(error) => Err(words(&error)),
    }
}

async fn exchange(http: &Http, client: &Client, request: Request, output: &mut Output) -> End {
    let mut sent = client.request(http.method.clone(), request.url).headers(request.headers);
    if let Some(body) = request.body {
        sent = sent.body(body);
    }
    let mut answer = match sent.send().await {
        Ok(answer) => answer,
        // without a connection there was nothing to send by
        Err(error) if error.is_connect() || error.is_builder() => {
            return End::NotStarted(words(&error.without_url()));
        }
        Err(error) => return End::NoAnswer(words(&error.without_url())),
    };
    let status = answer.status().as_u16();
    let broken = loop {
        match answer.chunk().await {
            Ok(Some(chunk)) => output.push(&chunk).await,
            Ok(None) => break None,
            Err(error) => break Some(error.without_url()),
        }
    };
    match broken {
        _ if !http.is_expected(status) => End::Status(status),
        None => End::Succeeded,
        Some(error) => End::NoAnswer(format!("the answer with status {status} broke off: {}", words(&error))),
    }
}

/// An error with its causes.
fn words(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
