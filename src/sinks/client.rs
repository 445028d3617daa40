//! One HTTP client for one receiver: no redirects, no proxy, nothing that lies beside this machine's own link, everything with a limit.

use super::sink::{Failed, SinkError};
use crate::secret;
use crate::settings::{Need, SettingDoc, Settings, Shape};
use crate::text;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Certificate, Client as Inner, Response, Url, redirect, retry};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub(super) const URL: SettingDoc =
    SettingDoc { name: "url", shape: Shape::Url, need: Need::Required, about: "where it listens" };

pub(super) const AUTHORITY: SettingDoc = SettingDoc {
    name: "ca_file",
    shape: Shape::Path,
    need: Need::DefaultWords("those the system trusts"),
    about: "certificates (PEM) that sign the receiver's, and no others",
};

pub(super) const TIMEOUT: SettingDoc = SettingDoc {
    name: "timeout",
    shape: Shape::Duration { min: 100, max: 60_000 },
    need: Need::Default("10s"),
    about: "the longest that one delivery may take, from the connection to the answer",
};

/// How we name ourselves.
const NAME: &str = concat!("quietgate/", env!("CARGO_PKG_VERSION"));
/// The most bytes of certificates: those of a whole system are a quarter of this.
const CERTIFICATES_MAX: u64 = 1 << 20;
/// The most characters that are told of what a receiver says about an error.
const COMPLAINT_MAX: usize = 200;

/// A receiver that takes requests.
#[derive(Debug)]
pub(super) struct Client(Inner);

/// Whether the address of the settings is one that events may go to.
pub(super) fn fits(settings: &Settings) -> Result<(), String> {
    let url = Url::parse(settings.text("url").unwrap_or_default());
    url.map_or(Ok(()), |url| apart(&url).map_err(|why| format!("url has {why}")))
}

/// Refuses an address by number that is link-local; names are looked at when they are looked up.
fn apart(url: &Url) -> Result<(), String> {
    let host = url.host_str().unwrap_or_default();
    match host.trim_start_matches('[').trim_end_matches(']').parse() {
        Ok(address) if is_beside(address) => Err(format!("{host}, {BESIDE}")),
        _ => Ok(()),
    }
}

const BESIDE: &str = "which is link-local: what listens there is no receiver of events";

/// Whether an address is only of the link that this machine is on, as those are by which a cloud tells machines their secrets.
fn is_beside(address: IpAddr) -> bool {
    /// By which one cloud tells them over IPv6.
    const TELLS: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_link_local() || address.is_unspecified() || address.is_broadcast(),
        IpAddr::V6(address) => {
            address.is_unicast_link_local() || address.is_unspecified() || address == TELLS
        }
    }
}

/// Looks names up, and leaves out what is link-local: of what a name stands for nobody knows before.
#[derive(Debug)]
struct Apart;

impl Resolve for Apart {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let kept: Vec<_> = found.iter().copied().filter(|found| !is_beside(found.ip())).collect();
            match (found.first(), kept.is_empty()) {
                (Some(first), true) => Err(format!("{} is {}, {BESIDE}", name.as_str(), first.ip()).into()),
                _ => Ok(Box::new(kept.into_iter()) as Addrs),
            }
        })
    }
}

impl Client {
    /// One for the receiver of `settings`. Nothing is sent yet; certificates are read now.
    pub(super) fn new(settings: &Settings) -> Result<Self, SinkError> {
        // the first one installed stays: whoever comes later has the same
        drop(rustls::crypto::ring::default_provider().install_default());
        let timeout =
            Duration::from_millis(settings.duration_ms("timeout").unwrap_or_default().unsigned_abs());
        let builder = Inner::builder().user_agent(NAME).timeout(timeout).connect_timeout(timeout);
        let builder =
            builder.redirect(redirect::Policy::none()).retry(retry::never()).referer(false).no_proxy();
        let mut builder = builder.dns_resolver(Arc::new(Apart));
        if let Some(path) = settings.path("ca_file") {
            builder = builder.tls_certs_only(certificates(path)?);
        } else if settings.text("url").is_some_and(|url| url.starts_with("http://")) {
            // nothing to verify: a machine without certificates will do
            builder = builder.tls_certs_only([]);
        }
        builder.build().map(Self).map_err(|error| SinkError(text::with_causes(&error.without_url())))
    }

    /// Posts `body` to `url`, which no error tells.
    pub(super) async fn post(&self, url: Url, headers: HeaderMap, body: Vec<u8>) -> Result<(), Failed> {
        apart(&url).map_err(Failed::later)?;
        match self.0.post(url).headers(headers).body(body).send().await {
            Ok(answer) => judge(answer).await,
            Err(error) if error.is_timeout() => Err(Failed::later("no answer in time")),
            Err(error) => Err(Failed::later(text::with_causes(&error.without_url()))),
        }
    }
}

/// Headers for a body in JSON.
pub(super) fn json() -> HeaderMap {
    HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))])
}

/// What an answer means: only what is wrong with the event itself is refused for good.
async fn judge(mut answer: Response) -> Result<(), Failed> {
    let status = answer.status();
    if status.is_success() {
        return Ok(());
    }
    if status.is_redirection() {
        return Err(Failed::later(format!("{}: a redirect, which is not followed", status.as_u16())));
    }
    let after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    // what comes in the first piece is enough; a connection that breaks ends it
    let said = answer.chunk().await.ok().flatten().unwrap_or_default();
    let said: String = String::from_utf8_lossy(&said).trim().chars().take(COMPLAINT_MAX).collect();
    let said = text::plain(&said).into_owned();
    let why =
        if said.is_empty() { status.as_u16().to_string() } else { format!("{}: {said}", status.as_u16()) };
    match status.as_u16() {
        400 | 413 | 422 => Err(Failed::ForGood(why)),
        _ => Err(Failed::Later { why, after: after.map(Duration::from_secs) }),
    }
}

fn certificates(path: &Path) -> Result<Vec<Certificate>, SinkError> {
    let failed =
        |why: String| SinkError(format!("{}: the certificates cannot be used: {why}", path.display()));
    let pem = secret::bounded(path, CERTIFICATES_MAX).map_err(|error| failed(error.to_string()))?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(all) if all.is_empty() => Err(failed("there is none in it".to_owned())),
        Ok(all) => Ok(all),
        Err(error) => Err(failed(text::with_causes(&error))),
    }
}

/// The address of what the page at `page` shows of a run; of all, where none is named.
pub(super) fn of_run(page: &str, run: Option<&str>) -> String {
    let run = run.map(|run| format!("run/{}", utf8_percent_encode(run, PART)));
    format!("{page}/#/{}", run.unwrap_or_default())
}

/// What is not itself in a part of an address.
const PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_link_local_is_no_receiver() {
        let beside = [
            "169.254.169.254",
            "fe80::1",
            "::ffff:169.254.1.1",
            "0.0.0.0",
            "::",
            "fd00:ec2::254",
            "255.255.255.255",
        ];
        for address in beside {
            assert!(is_beside(address.parse().expect("an address")), "{address}");
        }
        for address in ["127.0.0.1", "::1", "10.0.0.1", "192.0.2.1", "fd00::1", "2001:db8::1"] {
            assert!(!is_beside(address.parse().expect("an address")), "{address}");
        }
    }
}
