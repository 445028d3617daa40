//! Samples that others push: Prometheus by its remote-write, anybody by lines of JSON.

mod asking;
#[cfg(any(fuzzing, test))]
pub(super) mod fuzzing;
mod inbox;
mod lines;
mod lost;
mod receiver;
mod refusal;
mod requests;
mod slot;
mod tally;
#[cfg(test)]
mod tests;
mod token;
mod wire;
mod write;

use super::exposition::{Growth, Query};
use super::limits::{self, Limits};
use super::source::Source;
use super::{Entry, SourceError, Trouble};
use crate::settings::units::Duration;
use crate::settings::{Need, SettingDoc, Settings, Shape};
use asking::Push;
use inbox::{Inbox, Room};
use quietgate_detectors::Interval;
use receiver::Receiver;
use requests::Desk;
use std::sync::Arc;
use token::Token;

/// Samples that are pushed.
pub(super) const ENTRY: Entry = Entry {
    kind: "push",
    summary: "Samples that others push: Prometheus by remote-write, or lines of JSON",
    about: "Listens for POST /api/v1/write (remote-write 1.0) and POST /push (JSON lines), both with a bearer token. The query \
        is one selector: up, up{job=\"a\"}; rate(…) and increase(…) tell what a counter grows by, which nothing else does: \
        what is pushed does not say in time what is a counter. Samples have the times that they were pushed with. A request \
        is taken as a whole once there is room for it, or refused; what no signal asks for is dropped. A stale marker \
        ends a series and is no sample. There is no look-back to fill.",
    query: "a selector, alone or in rate(…) or increase(…); it must be there",
    settings: SETTINGS,
    fits,
    asks,
    no_counts,
    lag_ms: |_| 0,
    build,
};

const SETTINGS: &[SettingDoc] = &[
    SettingDoc {
        name: "listen",
        shape: Shape::Listen,
        need: Need::Required,
        about: "where to listen; one source has it for all its signals",
    },
    SettingDoc {
        name: "token_file",
        shape: Shape::SecretFile,
        need: Need::Required,
        about: "token that who pushes has to have; others must not be able to read the file. Read for each request, so that it \
                may be changed",
    },
    SettingDoc {
        name: "max_body",
        shape: Shape::Size { min: 1 << 10, max: 1 << 30 },
        need: Need::Default("4MiB"),
        about: "the largest body of a request as it comes; those of Prometheus have some 100 KiB",
    },
    SettingDoc {
        name: "max_unpacked",
        shape: Shape::Size { min: 1 << 10, max: 1 << 30 },
        need: Need::Default("32MiB"),
        about: "the largest body when it is unpacked; what says that it is larger is not unpacked",
    },
    SettingDoc {
        name: "max_samples",
        shape: Shape::Count { min: 1, max: 10_000_000 },
        need: Need::Default("100000"),
        about: "the most samples of a request; Prometheus sends 2000 at most unless it is told otherwise",
    },
    SettingDoc {
        name: "max_connections",
        shape: Shape::Count { min: 1, max: 10_000 },
        need: Need::Default("256"),
        about: "the most connections at once; others wait. Prometheus has up to 200, and a body may be held for each",
    },
    SettingDoc {
        name: "timeout",
        shape: Shape::Duration { min: 100, max: 300_000 },
        need: Need::Default("10s"),
        about: "the longest that the head of a request may take, and then its body; an idle connection is closed too",
    },
    SettingDoc {
        name: "max_buffered",
        shape: Shape::Count { min: 1, max: 100_000_000 },
        need: Need::Default("1000000"),
        about: "the most samples that wait to be judged, at some 32 bytes; then requests are put off, and none is lost",
    },
    limits::SERIES,
    limits::LABELS,
    limits::LABEL_LENGTH,
];

fn fits(settings: &Settings) -> Result<(), String> {
    let [request, buffered] =
        ["max_samples", "max_buffered"].map(|name| settings.count(name).unwrap_or_default());
    if request <= buffered {
        return Ok(());
    }
    Err(format!(
        "max_samples is {request} and max_buffered {buffered}, so that a request might never find room: allowed is a max_buffered of \
         at least max_samples"
    ))
}

fn asks(query: Option<&str>) -> Result<(), String> {
    Query::required(query, "push").map(drop)
}

fn no_counts(query: &str, interval: Interval) -> Option<String> {
    let growth = Query::new(query).ok()?.growth;
    let own = Duration::from_millis(interval.as_millis());
    (growth == Growth::Rate).then(|| {
        format!("rate(…) is by the second: write increase(…), which is by the {own} of the interval")
    })
}

fn build(settings: &Settings) -> Result<Box<dyn Source>, SourceError> {
    let address = settings.text("listen").unwrap_or_default();
    let bad =
        |_| SourceError::new(address, Trouble::BadQuery { what: "not an address and a port".to_owned() });
    let listen = address.parse().map_err(bad)?;
    let count = |name| settings.count(name).unwrap_or_default() as usize;
    let room =
        Room { request: count("max_samples"), buffered: count("max_buffered"), answer: Limits::of(settings) };
    let inbox = Arc::new(Inbox::new(room));
    let desk = Desk {
        inbox: Arc::clone(&inbox),
        token: Token::new(settings.path("token_file").unwrap_or(std::path::Path::new("")))?,
        body: ["max_body", "max_unpacked"].map(|name| settings.size(name).unwrap_or_default()),
        timeout: std::time::Duration::from_millis(
            settings.duration_ms("timeout").unwrap_or_default().unsigned_abs(),
        ),
    };
    let receiver = Arc::new(Receiver::start(listen, count("max_connections"), desk)?);
    Ok(Box::new(Push { address: address.to_owned(), inbox, receiver, asker: 0 }))
}
