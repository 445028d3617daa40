//! Sources against the real thing: a Prometheus with history, with a node_exporter, with TLS, and one that is stopped;
//! pages that exporters show; programs; servers that misbehave; and pings on loopback and in network namespaces of their own.
//! What is not installed is skipped in plain words.

#[path = "sources/backfill.rs"]
mod backfill;
#[path = "sources/both_ways.rs"]
mod both_ways;
#[path = "sources/command.rs"]
mod command;
#[path = "sources/misbehaving.rs"]
mod misbehaving;
#[path = "sources/online.rs"]
mod online;
#[path = "sources/ping.rs"]
mod ping;
#[path = "sources/ping_link.rs"]
mod ping_link;
#[path = "sources/ping_load.rs"]
mod ping_load;
#[path = "sources/push.rs"]
mod push;
#[path = "sources/real.rs"]
mod real;
#[path = "sources/responder.rs"]
mod responder;
#[path = "sources/scrape.rs"]
mod scrape;
#[path = "sources/servers.rs"]
mod servers;
#[path = "sources/upgrade.rs"]
mod upgrade;

use quietgate::settings::Given;
use quietgate::sources::{Answer, Ask, Labels, Source, SourceError, Spec, find};
use quietgate_detectors::{Interval, Timestamp};

/// The source of `kind` with settings that are plain scalars.
fn source(kind: &str, settings: &[(&str, &str)]) -> Box<dyn Source> {
    let given: Vec<_> =
        settings.iter().map(|(name, text)| ((*name).to_owned(), Given::plain(text))).collect();
    given_source(kind, &given)
}

/// The source of `kind` with these settings.
fn given_source(kind: &str, given: &[(String, Given)]) -> Box<dyn Source> {
    let spec = Spec::new(find(kind).expect("a kind"), given).expect("good settings");
    spec.open(std::path::Path::new("")).expect("a source")
}

/// What `source` says about `(from, until]`, in milliseconds.
fn fetch(source: &dyn Source, query: &str, from: i64, until: i64, every: i64) -> Result<Answer, SourceError> {
    let ask = Ask {
        query: Some(query.to_owned()),
        from: Timestamp::from_millis(from),
        until: Timestamp::from_millis(until),
        interval: Interval::from_millis(every).expect("in range"),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(source.fetch(&ask))
}

/// The samples of the only series, as milliseconds and value.
fn only(answer: &Answer) -> Vec<(i64, f64)> {
    assert_eq!(answer.series.len(), 1, "{:?}", answer.series.iter().map(|s| &s.labels).collect::<Vec<_>>());
    answer.series[0].samples.iter().map(|sample| (sample.at.as_millis(), sample.value)).collect()
}

/// The time of day, in milliseconds.
fn now() -> i64 {
    quietgate::clock::now().as_millis()
}

/// Without the labels that a Prometheus adds.
fn plain(labels: &Labels) -> Labels {
    labels.without("instance").without("job")
}
