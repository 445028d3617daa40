//! Signals, their series, stretches of them, and what was found.

use super::super::allowed::{Allowed, Read};
use super::super::app::App;
use super::super::input::{Asked, Paging, Path};
use super::super::problem::Problem;
use super::super::routes::{Doc, Field, Shape, Table};
use super::PAGING;
use crate::clock;
use crate::labels::Labels;
use crate::run::daemon::{
    Chart, ChartAsk, FindingNow, FindingsAsk, NoChart, Page, SeriesAsk, SeriesNow, SignalNow, chart,
};
use axum::Json as Told;
use axum::extract::State;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The words for what a series is found to be.
const FOUND: &[&str] = &["clean", "suspect", "anomalous", "expected", "unknown"];
/// The longest stretch that is given, in milliseconds: 61 days.
const SPAN_MAX_MS: i64 = 61 * 86_400_000;
/// So many points are given at most.
const POINTS_MAX: i64 = 10_000;

const SERIES: &[Field] = &[
    Field { name: "finding", shape: Shape::Word(FOUND), required: false, about: "those that are found so" },
    PAGING[0],
    PAGING[1],
];
const SAMPLES: &[Field] = &[
    Field {
        name: "series",
        shape: Shape::Text,
        required: true,
        about: "the labels of the series, a JSON object",
    },
    Field {
        name: "from",
        shape: Shape::Number(0, i64::MAX),
        required: false,
        about: "in UTC milliseconds; an hour ago where none is given",
    },
    Field {
        name: "until",
        shape: Shape::Number(0, i64::MAX),
        required: false,
        about: "in UTC milliseconds; now where none is given",
    },
    Field {
        name: "max",
        shape: Shape::Number(1, POINTS_MAX),
        required: false,
        about: "so many points at most; 1200 where none is given",
    },
];

pub(super) fn routes(table: Table) -> Table {
    table
        .route(
            Doc::get("/api/v1/signals", "all signals, and how many of their series are clean").by(&PAGING),
            signals,
        )
        .route(
            Doc::get("/api/v1/signals/{signal}/series", "the required series of a signal").by(SERIES),
            series,
        )
        .route(
            Doc::get(
                "/api/v1/signals/{signal}/samples",
                "a stretch of a series with what was expected and what was found",
            )
            .by(SAMPLES),
            samples,
        )
        .route(
            Doc::get("/api/v1/findings", "the anomalies that last, and behind them those that are over")
                .by(&PAGING),
            findings,
        )
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    limit: Option<String>,
    cursor: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    finding: Option<String>,
    limit: Option<String>,
    cursor: Option<String>,
}

async fn signals(
    _: Allowed<Read>,
    State(app): State<App>,
    Asked(part): Asked<Part>,
) -> Result<Told<Page<SignalNow>>, Problem> {
    let (skip, limit) = Paging::read(part.limit, part.cursor)?;
    let all = app.daemon.signals().await.map_err(Problem::unavailable)?;
    Ok(Told(Page::of(all.into_iter(), skip, limit, |signal| signal)))
}

async fn series(
    _: Allowed<Read>,
    State(app): State<App>,
    (Path(signal), Asked(part)): (Path<String>, Asked<Which>),
) -> Result<Told<Page<SeriesNow>>, Problem> {
    let (skip, limit) = Paging::read(part.limit, part.cursor)?;
    if let Some(word) = part.finding.as_deref().filter(|word| !FOUND.contains(word)) {
        return Err(Problem::bad(format!("finding is {word:?}, allowed is one of {}", FOUND.join(", "))));
    }
    let none = format!("there is no signal {signal:?}");
    let ask = SeriesAsk { signal, finding: part.finding, skip, limit };
    let page = app.daemon.series(ask).await.map_err(Problem::unavailable)?;
    page.map(Told).ok_or_else(|| Problem::absent(none))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stretch {
    series: String,
    from: Option<String>,
    until: Option<String>,
    max: Option<String>,
}

async fn samples(
    _: Allowed<Read>,
    State(app): State<App>,
    (Path(signal), Asked(stretch)): (Path<String>, Asked<Stretch>),
) -> Result<Told<Chart>, Problem> {
    let labels: BTreeMap<String, String> = serde_json::from_str(&stretch.series)
        .map_err(|_| Problem::bad("series is no JSON object of labels, such as {\"host\":\"h1\"}"))?;
    let labels: Labels = labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let number = |name: &str, text: Option<String>, usual: i64| match text {
        None => Ok(usual),
        Some(text) => {
            let wrong = || Problem::bad(format!("{name} is {text:?}, allowed is a whole number"));
            text.parse::<i64>().map_err(|_| wrong())
        }
    };
    let until_ms = number("until", stretch.until, clock::now().as_millis())?;
    let from_ms = number("from", stretch.from, until_ms.saturating_sub(3_600_000))?;
    let max = number("max", stretch.max, 1200)?;
    if from_ms < 0 || until_ms < from_ms || until_ms.saturating_sub(from_ms) > SPAN_MAX_MS {
        return Err(Problem::bad("from and until are no stretch of at most 61 days"));
    }
    if !(1..=POINTS_MAX).contains(&max) {
        return Err(Problem::bad(format!("max is {max}, allowed is 1 to {POINTS_MAX}")));
    }
    let (config, state) = (app.daemon.config(), Arc::clone(&app.daemon.state));
    let max = usize::try_from(max).unwrap_or(1);
    let ask = ChartAsk { signal, labels, from_ms, until_ms, max };
    let found = app.dear(move || chart(&config, &state, &ask)).await?;
    found.map(Told).map_err(|why| match why {
        NoChart::Absent(why) => Problem::absent(why),
        NoChart::TooLong(why) => Problem::bad(why),
    })
}

async fn findings(
    _: Allowed<Read>,
    State(app): State<App>,
    Asked(part): Asked<Part>,
) -> Result<Told<Page<FindingNow>>, Problem> {
    let (skip, limit) = Paging::read(part.limit, part.cursor)?;
    app.daemon.findings(FindingsAsk { skip, limit }).await.map(Told).map_err(Problem::unavailable)
}
