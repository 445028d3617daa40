//! Reads how the daemon can be reached.

use super::fields::{API, TLS};
use super::mistakes::{Mistakes, Place};
use super::read::Fields;
use std::net::SocketAddr;

/// How the daemon can be reached over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Api {
    /// Where it listens.
    pub listen: SocketAddr,
    /// The names under which it is asked.
    pub hosts: Vec<String>,
    /// Where persons open the page.
    pub url: Option<String>,
    /// By which it shows who it is; none where it listens on this host alone.
    pub tls: Option<Tls>,
}

/// The files of certificates; relative, they begin in the folder of the config.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The certificate.
    pub cert_file: String,
    /// Its key.
    pub key_file: String,
    /// The certificates that vouch for those who ask.
    pub client_ca_file: Option<String>,
}

/// What `fields` say at `api`; none where they say nothing.
pub(super) fn read(fields: &Fields<'_>, mistakes: &mut Mistakes) -> Option<Api> {
    let own = fields.inner("api", &API, mistakes)?;
    let tls = own.inner("tls", &TLS, mistakes).and_then(|own| tls(&own, mistakes));
    let listen: Option<SocketAddr> = own.parsed("listen", mistakes);
    let hosts = hosts(&own, mistakes);
    let url = url(&own, mistakes);
    let listen = listen?;
    if !listen.ip().is_loopback() && own.node("tls").is_none() {
        let message = format!(
            "listen is {listen}, which others can reach, and there is no tls: allowed is an address of this host alone, such as \
             127.0.0.1:7460, or tls beside it"
        );
        mistakes.add(own.place("listen"), message);
    }
    Some(Api { listen, hosts: hosts.unwrap_or_else(|| usual(listen)), url: url?, tls })
}

fn tls(own: &Fields<'_>, mistakes: &mut Mistakes) -> Option<Tls> {
    let (cert_file, key_file) = (own.text("cert_file", mistakes), own.text("key_file", mistakes));
    let client_ca_file = own.text("client_ca_file", mistakes);
    Some(Tls { cert_file: cert_file?, key_file: key_file?, client_ca_file })
}

/// The names by which a daemon that listens there is asked where nothing else is said.
fn usual(listen: SocketAddr) -> Vec<String> {
    let address = match listen {
        SocketAddr::V4(own) => own.ip().to_string(),
        SocketAddr::V6(own) => format!("[{}]", own.ip()),
    };
    let local = listen.ip().is_loopback().then(|| "localhost".to_owned());
    std::iter::once(address).chain(local).collect()
}

fn hosts(own: &Fields<'_>, mistakes: &mut Mistakes) -> Option<Vec<String>> {
    let node = own.node("hosts")?;
    let is_host = |name: &&str| {
        let is_part = |c: char| c.is_ascii_alphanumeric() || "-.:[]".contains(c);
        !name.is_empty() && name.chars().all(is_part)
    };
    let name = |node: &super::yaml::Node| node.scalar().filter(is_host).map(str::to_ascii_lowercase);
    let names = node.list().and_then(|items| items.iter().map(name).collect::<Option<Vec<_>>>());
    own.or_wrong("hosts", node, names.filter(|names| !names.is_empty()), mistakes)
}

/// The outer none says that it is wrong.
fn url(own: &Fields<'_>, mistakes: &mut Mistakes) -> Option<Option<String>> {
    let Some(url) = own.text("url", mistakes) else {
        return Some(None).filter(|_| own.node("url").is_none());
    };
    let is_good =
        ["http://", "https://"].iter().any(|scheme| url.len() > scheme.len() && url.starts_with(scheme))
            && !url.contains(['@', ' ', '?', '#']);
    if !is_good {
        let place: Place = own.place("url");
        mistakes
            .add(place, format!("url is {url:?}, allowed is one such as https://quietgate.example.org:7460"));
        return None;
    }
    Some(Some(url.trim_end_matches('/').to_owned()))
}
