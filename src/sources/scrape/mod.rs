//! Samples from a page that a program shows of itself, in the exposition format of Prometheus or in OpenMetrics.

mod readings;
#[cfg(test)]
mod tests;

use super::aside::aside;
use super::error::quoted;
use super::exposition::{Format, Growth, Query, find};
use super::limits::{self, Limits};
use super::server::{self, Body, Server};
use super::source::{Answer, Ask, Fetching, Labels, Source};
use super::{Entry, SourceError, Trouble};
use crate::clock;
use crate::labels::Table;
use crate::settings::units::Duration;
use crate::settings::{Need, SettingDoc, Settings, Shape};
use quietgate_detectors::Interval;
use readings::{Asked, Readings};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// A page of samples.
pub(super) const ENTRY: Entry = Entry {
    kind: "scrape",
    summary: "A page in the exposition format of Prometheus, or in OpenMetrics",
    about: "The query is one selector: up, up{job=\"a\"}. What the page declares a counter (buckets, sums and counts of \
        histograms and summaries too) is told as what it grows by in a second, anything else as its value; rate(…) and \
        increase(…) take anything as a counter. A sample has the time of asking, or its own where the page gives it one. A \
        counter that went back, or that was not read about an interval before, has no sample that time; what the page shows \
        no more has ended, and nothing is repeated. A page is read as a whole or not at all. There is no look-back to fill.",
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
        name: "url",
        shape: Shape::Url,
        need: Need::Required,
        about: "address of the page; /metrics where it has no path",
    },
    SettingDoc {
        name: "params",
        shape: Shape::TextMap,
        need: Need::Optional,
        about: "what stands behind the ? of the address, by name",
    },
    SettingDoc {
        name: "labels",
        shape: Shape::TextMap,
        need: Need::Optional,
        about: "labels that every series gets, such as host: a page does not say where it is from. One that the page has too \
                is an error",
    },
    SettingDoc {
        name: "rename",
        shape: Shape::TextMap,
        need: Need::Optional,
        about: "new names of labels, by the names that the page has; queries use those of the page",
    },
    server::TOKEN,
    server::USER,
    server::PASSWORD,
    server::AUTHORITY,
    server::PROXY,
    server::HEADERS,
    server::TIMEOUT,
    SettingDoc {
        name: "max_body",
        shape: Shape::Size { min: 1 << 10, max: 1 << 30 },
        need: Need::Default("32MiB"),
        about: "the largest page",
    },
    limits::SERIES,
    limits::LABELS,
    limits::LABEL_LENGTH,
];

fn fits(settings: &Settings) -> Result<(), String> {
    server::fits(settings)?;
    let added = settings.map("labels").iter().map(|(name, _)| name);
    let renamed = settings.map("rename").iter().map(|(_, name)| name);
    let mut known = BTreeSet::new();
    for name in added.chain(renamed) {
        if name.is_empty() {
            return Err("labels or rename has an empty name of a label".to_owned());
        }
        if !known.insert(name) {
            return Err(format!("labels and rename make {name:?} twice"));
        }
    }
    Ok(())
}

fn asks(query: Option<&str>) -> Result<(), String> {
    Query::required(query, "scrape").map(drop)
}

fn no_counts(query: &str, interval: Interval) -> Option<String> {
    let growth = Query::new(query).ok()?.growth;
    let own = Duration::from_millis(interval.as_millis());
    let what = "what a counter grows by is told by the second";
    (growth != Growth::Increase)
        .then(|| format!("{what}: write increase(…), which is by the {own} of the interval"))
}

fn build(settings: &Settings) -> Result<Box<dyn Source>, SourceError> {
    let address = settings.text("url").unwrap_or_default();
    let has_path = reqwest::Url::parse(address).is_ok_and(|url| url.path() != "/");
    let page = Page {
        address: if has_path { address.to_owned() } else { format!("{address}/{PAGE}") },
        labels: settings.map("labels").to_vec(),
        rename: settings.map("rename").to_vec(),
        limits: Limits::of(settings),
        readings: Mutex::default(),
    };
    Ok(Box::new(Scrape {
        server: Server::new(settings)?,
        path: if has_path { "" } else { PAGE },
        params: settings.map("params").to_vec(),
        page: Arc::new(page),
        turn: Arc::new(Semaphore::new(1)),
    }))
}

/// Where the page is, unless the address says.
const PAGE: &str = "metrics";
/// What is asked for: the newer format where there is one.
const ACCEPT: &str = "application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5";

#[derive(Debug)]
struct Scrape {
    server: Server,
    path: &'static str,
    params: Vec<(String, String)>,
    page: Arc<Page>,
    /// One page is taken apart at a time.
    turn: Arc<Semaphore>,
}

/// What is made of the page.
#[derive(Debug)]
struct Page {
    address: String,
    labels: Vec<(String, String)>,
    rename: Vec<(String, String)>,
    limits: Limits,
    readings: Mutex<BTreeMap<Key, Readings>>,
}

/// A query, and the interval of those who ask it: others read the counters at other times.
type Key = (String, i64);

impl Source for Scrape {
    /// Each asking reads the page.
    fn asked_every_ms(&self, interval: Interval) -> i64 {
        interval.as_millis()
    }

    /// What grows has a sample from half an interval on.
    fn settles_ms(&self, interval: Interval) -> i64 {
        interval.as_millis() / 2 + 1
    }

    fn fetch<'a>(&'a self, ask: &'a Ask) -> Fetching<'a> {
        Box::pin(self.answer(ask))
    }
}

impl Scrape {
    async fn answer(&self, ask: &Ask) -> Result<Answer, SourceError> {
        let text = ask.query.as_deref().unwrap_or_default();
        let query = Query::new(text).map_err(|what| self.page.error(Trouble::BadQuery { what }))?;
        let key = (text.to_owned(), ask.interval.as_millis());
        let asked = Asked::new(ask, Instant::now(), clock::now());
        let body = self.read().await;
        let body = body.inspect_err(|_| self.page.forget(&key))?;
        self.taken_apart(body, query, key, asked).await
    }

    /// What the page says. A large one takes a while, aside, and goes on where nobody waits for it any more.
    async fn taken_apart(
        &self,
        body: Body,
        query: Query,
        key: Key,
        asked: Asked,
    ) -> Result<Answer, SourceError> {
        let page = Arc::clone(&self.page);
        let failed = |what: String| self.page.error(Trouble::BadAnswer { what });
        let read = aside(&self.turn, move || {
            page.answer(&body, &query, &key, asked).inspect_err(|_| page.forget(&key))
        });
        read.await.map_err(|error| failed(error.to_string()))?
    }

    async fn read(&self) -> Result<Body, SourceError> {
        let params: Vec<_> = self.params.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        let seconds = self.server.timeout_ms() as f64 / 1000.0;
        let headers = [
            ("Accept", ACCEPT.to_owned()),
            // who asks others for the page is to give up before we do
            ("X-Prometheus-Scrape-Timeout-Seconds", seconds.to_string()),
        ];
        self.server.get(self.path, &params, &headers).await
    }
}

impl Page {
    fn answer(&self, body: &Body, query: &Query, key: &Key, asked: Asked) -> Result<Answer, SourceError> {
        let bad = |what| self.error(Trouble::BadAnswer { what });
        let format = format(body.content_type.as_deref()).map_err(bad)?;
        let (most, labels_max) = (self.limits.series as usize, self.limits.labels as usize);
        let found = find(&body.bytes, format, most, labels_max, |row| query.wants(row)).map_err(bad)?;
        self.limits.hold_series(found.len(), &self.address)?;
        let mut series = Table::<Vec<_>>::new();
        for found in found {
            let labels = self.named(&found.labels)?;
            self.limits.hold_labels(&labels, &self.address)?;
            series.entry(labels).1.push(found);
        }
        let mut readings = self.readings();
        let readings = readings.entry(key.clone()).or_default();
        readings.take(series.into_order(), query.growth, asked).map_err(|trouble| self.error(trouble))
    }

    /// The labels as the settings want them.
    fn named(&self, labels: &Labels) -> Result<Labels, SourceError> {
        if self.labels.is_empty() && self.rename.is_empty() {
            return Ok(labels.clone());
        }
        let count = labels.len() + self.labels.len();
        let renamed = labels.iter().map(|(name, value)| {
            let new = self.rename.iter().find(|(old, _)| *old == name);
            (new.map_or(name, |(_, new)| new), value)
        });
        let added = self.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let named: Labels = renamed.chain(added).collect();
        if named.len() < count {
            let series = super::labels_in_words(&named);
            let what =
                format!("a label of the page has a name that labels or rename give to another: {series}");
            return Err(self.error(Trouble::BadAnswer { what }));
        }
        Ok(named)
    }

    /// The page is missing.
    fn forget(&self, key: &Key) {
        if let Some(readings) = self.readings().get_mut(key) {
            readings.forget();
        }
    }

    fn readings(&self) -> MutexGuard<'_, BTreeMap<Key, Readings>> {
        self.readings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn error(&self, trouble: Trouble) -> SourceError {
        SourceError::new(&self.address, trouble)
    }
}

/// The format that a server calls `content_type`. Who says nothing speaks the older one; a page of another kind, such as a
/// login, is no page.
fn format(content_type: Option<&str>) -> Result<Format, String> {
    let Some(content_type) = content_type else { return Ok(Format::Plain) };
    match content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "text/plain" => Ok(Format::Plain),
        "application/openmetrics-text" => Ok(Format::OpenMetrics),
        other => {
            Err(format!("it is {}, allowed is text/plain and application/openmetrics-text", quoted(other)))
        }
    }
}
