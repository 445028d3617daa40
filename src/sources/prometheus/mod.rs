//! Samples from a server that speaks the HTTP API of Prometheus.
//!
//! A query that is one selector is asked for its raw samples, with their own times. Any other query is evaluated at the
//! multiples of the interval, and sees no sample older than `max_sample_age` (`promql` says how).

mod answer;
#[cfg(any(fuzzing, test))]
pub(super) mod fuzzing;
mod promql;
mod slices;

use super::limits::{self, Limits};
use super::server::{self, Server};
use super::source::{Answer, Ask, Fetching, Gathered, Past, Source};
use super::{Entry, SourceError, Trouble};
use crate::settings::{Need, SettingDoc, Settings, Shape};
use answer::Said;
use promql::Query;
use quietgate_detectors::Interval;
use slices::{Slice, slices};

/// A server of Prometheus.
pub(super) const ENTRY: Entry = Entry {
    kind: "prometheus",
    summary: "A server with the HTTP API of Prometheus, asked by PromQL",
    about: "A query that is one selector (up{job=\"a\"}) is asked for its raw samples, which keep their own times. Any \
        other query is evaluated at the multiples of the interval; each selector in it without a range sees samples of \
        the last max_sample_age alone, not of 5 minutes as is the custom of the server. The look-back is filled at the \
        start. Warnings of the server make the series unknown(partial), an answer beyond a limit unknown(source_down).",
    query: "PromQL; it must be there",
    settings: SETTINGS,
    fits: server::fits,
    asks,
    no_counts: promql::no_counts,
    lag_ms: |_| 0,
    build,
};

const SETTINGS: &[SettingDoc] = &[
    SettingDoc {
        name: "url",
        shape: Shape::Url,
        need: Need::Required,
        about: "address of the server, with the path in front of /api/v1 where it has one",
    },
    server::TOKEN,
    server::USER,
    server::PASSWORD,
    server::AUTHORITY,
    server::PROXY,
    server::HEADERS,
    server::TIMEOUT,
    SettingDoc {
        name: "max_points",
        shape: Shape::Count { min: 1, max: 1_000_000 },
        need: Need::Default("11000"),
        about: "intervals that are asked for at once; servers refuse more than 11,000",
    },
    SettingDoc {
        name: "max_sample_age",
        shape: Shape::Duration { min: 100, max: 86_400_000 },
        need: Need::DefaultWords("two intervals"),
        about: "how old a sample may be that a query with more than one selector still sees",
    },
    SettingDoc {
        name: "max_body",
        shape: Shape::Size { min: 1 << 10, max: 1 << 30 },
        need: Need::Default("32MiB"),
        about: "the largest answer; a look-back that is larger is asked for in shorter pieces",
    },
    limits::SERIES,
    limits::LABELS,
    limits::LABEL_LENGTH,
];

fn asks(query: Option<&str>) -> Result<(), String> {
    match query {
        None => Err("a signal of a prometheus source needs a query, allowed is PromQL".to_owned()),
        Some(query) if query.len() > QUERY_MAX => {
            Err(format!("the query has {} bytes, allowed are {QUERY_MAX}", query.len()))
        }
        Some(_) => Ok(()),
    }
}

/// The longest query: it stands in the address, and servers in between take 8 KiB of that.
const QUERY_MAX: usize = 4 << 10;

/// The most samples of one answer, which is kept in memory as a whole: 320 MB of them.
const SAMPLES_MAX: usize = 20_000_000;

#[derive(Debug)]
struct Prometheus {
    server: Server,
    limits: Limits,
    points: u32,
    sample_age_ms: Option<i64>,
}

fn build(settings: &Settings) -> Result<Box<dyn Source>, SourceError> {
    Ok(Box::new(Prometheus {
        server: Server::new(settings)?,
        limits: Limits::of(settings),
        points: settings.count("max_points").unwrap_or_default(),
        sample_age_ms: settings.duration_ms("max_sample_age"),
    }))
}

impl Source for Prometheus {
    fn fetch<'a>(&'a self, ask: &'a Ask) -> Fetching<'a> {
        Box::pin(self.gather(ask))
    }

    fn past(&self) -> Past {
        Past::Asked
    }
}

impl Prometheus {
    async fn gather(&self, ask: &Ask) -> Result<Answer, SourceError> {
        let query = ask.query.as_deref();
        let bad = |what| SourceError::new(self.server.address(), Trouble::BadQuery { what });
        asks(query).map_err(bad)?;
        let query = match promql::understand(query.unwrap_or_default()) {
            Query::Selector(selector) => Query::Selector(selector),
            Query::Expression(text) => {
                let age = self.sample_age_ms.unwrap_or(2 * ask.interval.as_millis());
                Query::Expression(promql::bounded(&text, age))
            }
        };
        let whole = Slice { from: ask.from.as_millis(), until: ask.until.as_millis() };
        let mut waiting = slices(whole, ask.interval, self.points);
        waiting.reverse();
        let (mut gathered, mut warnings) = (Gathered::default(), Vec::new());
        while let Some(slice) = waiting.pop() {
            match self.slice(&query, slice, ask.interval).await {
                Ok(said) => self.take(said, slice, ask, &mut gathered, &mut warnings)?,
                Err(error) => match slice.halves(ask.interval).filter(|_| error.is_too_much()) {
                    Some([older, newer]) => waiting.extend([newer, older]),
                    None => return Err(error),
                },
            }
        }
        Ok(gathered.answer(warnings))
    }

    /// What the server says about one slice.
    async fn slice(&self, query: &Query, slice: Slice, interval: Interval) -> Result<Said, SourceError> {
        let timeout = ("timeout", seconds(self.server.timeout_ms()));
        let body = match query {
            Query::Selector(selector) => {
                let raw = format!("{selector}[{}ms]", slice.until - slice.from);
                let arguments = [("query", raw), ("time", seconds(slice.until)), timeout];
                self.server.get("api/v1/query", &arguments, &[]).await?
            }
            Query::Expression(text) => {
                let Some((first, last)) = slice.grid(interval) else {
                    return Ok(Said { series: Vec::new(), warnings: Vec::new() });
                };
                let step = ("step", seconds(interval.as_millis()));
                let ends = [("start", seconds(first)), ("end", seconds(last))];
                let [start, end] = ends;
                let arguments = [("query", text.clone()), start, end, step, timeout];
                self.server.get("api/v1/query_range", &arguments, &[]).await?
            }
        };
        answer::read(&body.bytes, self.server.address(), self.limits)
    }

    /// Keeps what was `said` about `slice`. The ends of the slices are held here: servers differ in whether a range has
    /// its start. Of the newest slice also what the server stamped a little later than it was asked, for clocks differ;
    /// what lies more than an interval ahead makes the answer partial.
    fn take(
        &self,
        said: Said,
        slice: Slice,
        ask: &Ask,
        gathered: &mut Gathered,
        warnings: &mut Vec<String>,
    ) -> Result<(), SourceError> {
        let newest = slice.until == ask.until.as_millis();
        let latest = if newest { slice.until.saturating_add(ask.interval.as_millis()) } else { slice.until };
        let mut ahead = 0_u64;
        for (labels, mut samples) in said.series {
            let before = samples.len();
            samples.retain(|sample| sample.at.as_millis() <= latest);
            ahead += (before - samples.len()) as u64;
            samples.retain(|sample| sample.at.as_millis() > slice.from);
            // what ended before is not there any more
            if !samples.is_empty() {
                gathered.add(labels, samples);
            }
        }
        if newest && ahead > 0 {
            let samples = crate::text::counted(ahead, "sample lies", "samples lie");
            warnings
                .push(format!("{samples} more than an interval after the time of asking: the clocks differ"));
        }
        for warning in said.warnings {
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
        self.limits.hold_series(gathered.series(), self.server.address())?;
        if gathered.samples() > SAMPLES_MAX {
            let what = crate::text::counted(gathered.samples() as u64, "sample", "samples");
            let limit = crate::text::count(SAMPLES_MAX as u64);
            return Err(SourceError::new(self.server.address(), Trouble::TooMuch { what, limit }));
        }
        Ok(())
    }
}

/// Milliseconds as the seconds of the API.
fn seconds(ms: i64) -> String {
    format!("{}{}.{:03}", if ms < 0 { "-" } else { "" }, ms.unsigned_abs() / 1000, ms.unsigned_abs() % 1000)
}
