//! Labelled incidents held against the runs of a replay: which of them a run that was on would have met, and how late.

use super::ran::{Hold, Ran};
use super::series::Stream;
use crate::backtest::labels::{Labels, Window};
use crate::sources::recorded::SeriesInfo;
use crate::text::rfc3339;
use quietgate_detectors::Timestamp;
use serde::Serialize;

/// A labelled incident, and what became of the runs that it met.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Incident {
    /// The series.
    pub series: String,
    /// The first anomalous time.
    pub from: String,
    /// The last anomalous time.
    pub to: String,
    /// How many runs were on when it began.
    pub on: u64,
    /// How many of these a gate held or blamed for this series before it was over.
    pub caught: u64,
    /// From its beginning until a gate was shut or something blamed, in milliseconds: the median over those that were caught.
    pub delay_ms_median: Option<i64>,
    /// Nine of ten were caught within this time, in milliseconds.
    pub delay_ms_p90: Option<i64>,
    /// How many runs were started while it lasted.
    pub started: u64,
    /// How many of these were kept from beginning for this series while it lasted.
    pub kept: u64,
}

/// The labelled windows of the series of `streams`, each with what became of `runs`. `infos` are the series of the recording.
pub fn incidents(labels: &Labels, streams: &[Stream], infos: &[SeriesInfo], runs: &[Ran]) -> Vec<Incident> {
    let mut incidents = Vec::new();
    for stream in streams {
        let info = &infos[stream.series];
        incidents.extend(labels.of(info).iter().map(|window| incident(&stream.name, *window, runs)));
    }
    incidents.sort_by(|a, b| (&a.from, &a.series).cmp(&(&b.from, &b.series)));
    incidents
}

fn incident(series: &str, window: Window, runs: &[Ran]) -> Incident {
    let is_before = |run: &&Ran| run.start < window.from && window.from <= run.end;
    let is_started = |run: &&Ran| (window.from..=window.to).contains(&run.start);
    let (mut on, mut delays) = (0, Vec::new());
    for run in runs.iter().filter(is_before) {
        let times = run.holds().chain(&run.course.blames).filter_map(|hold| met(hold, series, window));
        let caught = times.min().map(|at| at.as_millis() - window.from.as_millis());
        // one that ends as the incident begins was on if that is what ended it
        on += u64::from(window.from < run.end || caught.is_some());
        delays.extend(caught);
    }
    delays.sort_unstable();
    let is_kept = |run: &&Ran| run.kept.iter().any(|hold| met(hold, series, window).is_some());
    Incident {
        series: series.to_owned(),
        from: rfc3339(window.from.as_millis()),
        to: rfc3339(window.to.as_millis()),
        on,
        caught: delays.len() as u64,
        delay_ms_median: share(&delays, 0.5),
        delay_ms_p90: share(&delays, 0.9),
        started: runs.iter().filter(is_started).count() as u64,
        kept: runs.iter().filter(is_started).filter(is_kept).count() as u64,
    }
}

/// When a hold for this series first fell into a window; none where it did not. One that lasts
/// from before it on is there at once.
fn met(hold: &Hold, series: &str, window: Window) -> Option<Timestamp> {
    let is_for = hold.by.iter().any(|by| &*by.series == series && by.cause.is_grave());
    let is_within = hold.from <= window.to && hold.until >= window.from;
    (is_for && is_within).then(|| hold.from.max(window.from))
}

/// The value that so large a share of sorted ones does not exceed: the nearest of them; none where there is none.
pub(super) fn share(sorted: &[i64], share: f64) -> Option<i64> {
    let last = sorted.len().checked_sub(1)?;
    sorted.get((last as f64 * share).round() as usize).copied()
}
