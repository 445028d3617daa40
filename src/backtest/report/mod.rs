//! The report of a backtest: a self-contained HTML page to look at, and the same as JSON for machines.
//!
//! Both are pure functions of a [`Report`]: the same one gives the same bytes, and nothing is read or asked
//! on the way. The page needs no network and no script; a policy within it forbids both.

mod finding;
mod lanes;
mod markup;
mod model;
mod overview;
mod page;
mod pieces;
mod plot;
#[cfg(test)]
mod sample;
mod scale;
mod summary;
#[cfg(test)]
mod tests;
mod thin;
mod ticks;
mod words;

use crate::text::plain_json;
use jiff::tz::TimeZone;

pub use model::{
    Direction, FaultLine, FindingView, Picture, Point, Report, Said, Score, SeriesLeftOut, SeriesSummary,
    Span, State, Vote, Words,
};
pub use pieces::{document, escaped, legend, picture};

/// The page, a whole HTML document with times in the zone given.
///
/// It renders whatever the report holds: values that are not finite are gaps, what text has that a page would obey is shown as its escape, times
/// outside the calendar are written as milliseconds.
pub fn html(report: &Report, zone: &TimeZone) -> String {
    let mut out = String::new();
    page::write(&mut out, report, zone).expect("writing to a string does not fail");
    out
}

/// The report as JSON with a line break at its end: `findings.json`. Times are RFC 3339 in UTC, what does not
/// exist is `null`; pictures are left out.
///
/// # Errors
/// Never for a [`Report`]: the type is serde_json's.
pub fn json(report: &Report) -> Result<String, serde_json::Error> {
    Ok(plain_json(serde_json::to_string_pretty(report)?) + "\n")
}
