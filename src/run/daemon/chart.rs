//! A stretch of one series as it was judged: what is kept of it is put through the same monitor once more, so that the band and the
//! findings are those that gates went by.

use crate::config::calendar;
use crate::history::{Cell, read_only};
use crate::labels::Labels;
use crate::monitor::{Judged, Monitor, Said};
use crate::run::job::Read;
use crate::text;
use quietgate_detectors::{Calendar, DAY_MS, Sample};
use quietgate_rules::Finding;
use serde::Serialize;
use std::path::Path;

/// Of a signal with more series than this the past is not read only to judge by it: rows are read as a whole.
const JUDGED_MAX: usize = 2000;
/// The longest look at the past, in days, beside what is asked for.
const LOOK_BACK_DAYS: i64 = 15;
/// So many cells of the series are judged at most for one stretch: 23 days at 1 s, about 200 MB.
const CELLS_MAX: i64 = 2_000_000;
/// And so many of all series are read for it, for rows lie side by side: about a second.
const READ_MAX: i64 = 100_000_000;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct ChartAsk {
    /// The signal.
    pub signal: String,
    /// The series.
    pub labels: Labels,
    /// From when, in UTC milliseconds.
    pub from_ms: i64,
    /// Until when.
    pub until_ms: i64,
    /// So many points at most.
    pub max: usize,
}

/// A stretch of a series.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Chart {
    /// The signal.
    pub signal: String,
    /// Nominal spacing of the samples, in milliseconds.
    pub interval_ms: i64,
    /// The unit of the values.
    pub unit: Option<String>,
    /// From when, in UTC milliseconds.
    pub from_ms: i64,
    /// Until when.
    pub until_ms: i64,
    /// The time of each cell, in UTC milliseconds.
    pub at_ms: Vec<i64>,
    /// Its value; none where it has none.
    pub value: Vec<Option<f64>>,
    /// The lower end of what was expected; none where there is none.
    pub low: Vec<Option<f64>>,
    /// The upper end.
    pub high: Vec<Option<f64>>,
    /// What it was found to be: `c`lean, `s`uspect, `a`nomalous, `e`xpected to move, `u`nknown.
    pub finding: Vec<char>,
    /// Whether cells were left out, so that there are not too many.
    pub thinned: bool,
    /// Whether the past was there to judge by; else only what was measured is shown.
    pub judged: bool,
}

/// One cell.
#[derive(Debug, Clone, Copy)]
struct Point {
    at_ms: i64,
    value: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
    finding: char,
}

/// Why there is no chart, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoChart {
    /// There is no such signal, or nothing is kept of the series.
    Absent(String),
    /// The stretch is too long.
    TooLong(String),
}

/// The stretch that `ask` asks for, of what is kept in `state`. Reads files.
///
/// # Errors
/// There is no such signal, nothing is kept of the series, or the stretch is too long.
pub fn chart(config: &Read, state: &Path, ask: &ChartAsk) -> Result<Chart, NoChart> {
    let no_signal = || NoChart::Absent(format!("there is no signal {:?}", ask.signal));
    let signal = config.config.signal(&ask.signal).ok_or_else(no_signal)?;
    let told = |error: &dyn std::error::Error| NoChart::Absent(text::with_causes(error));
    let mut store = read_only(state, &signal.name).map_err(|error| told(&error))?;
    let nothing = || NoChart::Absent("nothing is kept of that series".to_owned());
    let column = store.column(&ask.labels).ok_or_else(nothing)?;
    let judged = store.series().len() <= JUDGED_MAX;
    let room_ms = room_ms(ask, store.shape().interval_ms, store.series().len())?;
    let back_ms = if judged { (LOOK_BACK_DAYS * DAY_MS).min(room_ms) } else { 0 };
    let (first, last) = (store.row_from(ask.from_ms.saturating_sub(back_ms)), store.row_until(ask.until_ms));
    let mut samples = Vec::new();
    let read = store.read(first..=last, |store, cells| {
        if cells.column != column {
            return;
        }
        let (series, interval_ms) = (&store.series()[column as usize], store.shape().interval_ms);
        for (row, cell) in cells.known() {
            let value = if let Cell::Value(value) = cell { value } else { f64::NAN };
            samples.push(Sample::new(series.at(row, interval_ms), value));
        }
    });
    read.map_err(|error| told(&error))?;
    let zone = signal.time_zone.as_deref();
    let span = (ask.from_ms.saturating_sub(back_ms), ask.until_ms);
    let calendar = zone.map_or(Ok(Calendar::Utc), |zone| calendar(zone, span.0, span.1));
    let mut monitor = Monitor::new(&signal.monitor_spec(calendar.map_err(|error| told(&error))?));
    let mut points = Vec::new();
    let columns = signal.rule.detectors().len();
    let mut tell = |said: Said<'_>| take(said, columns, ask.from_ms, &mut points);
    monitor.observe(&samples, &mut tell);
    monitor.finish(&mut tell);
    let (points, thinned) = thin(points, ask.max.max(1));
    Ok(Chart {
        signal: signal.name.clone(),
        interval_ms: signal.interval.as_millis(),
        unit: signal.unit.clone(),
        from_ms: ask.from_ms,
        until_ms: ask.until_ms,
        at_ms: points.iter().map(|point| point.at_ms).collect(),
        value: points.iter().map(|point| point.value).collect(),
        low: points.iter().map(|point| point.low).collect(),
        high: points.iter().map(|point| point.high).collect(),
        finding: points.iter().map(|point| point.finding).collect(),
        thinned,
        judged,
    })
}

/// How much of the past may be looked at beside the stretch, in milliseconds, where there are so many series.
fn room_ms(ask: &ChartAsk, interval_ms: i64, series: usize) -> Result<i64, NoChart> {
    let (asked_ms, interval_ms) = (ask.until_ms.saturating_sub(ask.from_ms), interval_ms.max(1));
    let rows = CELLS_MAX.min(READ_MAX / i64::try_from(series).unwrap_or(i64::MAX).max(1)).max(1);
    let most_ms = rows.saturating_mul(interval_ms);
    if asked_ms > most_ms {
        let (asked, most) = (text::duration(asked_ms), text::duration(most_ms));
        return Err(NoChart::TooLong(format!(
            "the stretch is {asked} long, allowed are {most} for this signal"
        )));
    }
    Ok(most_ms - asked_ms)
}

fn take(said: Said<'_>, columns: usize, from_ms: i64, points: &mut Vec<Point>) {
    let mut put = |point: Point| {
        if point.at_ms < from_ms {
            return;
        }
        // the newest cell may be restated
        if points.last().is_some_and(|last| last.at_ms == point.at_ms) {
            points.pop();
        }
        points.push(point);
    };
    match said {
        Said::Judged(Judged { run, findings, .. }) => {
            for (offset, value) in run.values.iter().enumerate() {
                let evidence = || (0..columns).filter_map(|column| run.evidence(column, offset));
                let finite = |limit: f64| limit.is_finite().then_some(limit);
                put(Point {
                    at_ms: run.at(offset).as_millis(),
                    value: Some(*value),
                    low: evidence().filter_map(|e| finite(e.lower)).reduce(f64::max),
                    high: evidence().filter_map(|e| finite(e.upper)).reduce(f64::min),
                    finding: findings.get(offset).map_or('u', |finding| letter(*finding)),
                });
            }
        }
        Said::Unknown { at, .. } => {
            put(Point { at_ms: at.as_millis(), value: None, low: None, high: None, finding: 'u' });
        }
        Said::Late { .. } => {}
    }
}

fn letter(finding: Finding) -> char {
    match finding {
        Finding::Clean => 'c',
        Finding::Suspect => 's',
        Finding::Anomalous => 'a',
        Finding::Expected => 'e',
        Finding::Unknown(_) => 'u',
    }
}

/// Not more than `max` of `points`: of those that lie together the one that matters most.
fn thin(points: Vec<Point>, max: usize) -> (Vec<Point>, bool) {
    if points.len() <= max {
        return (points, false);
    }
    let weight = |point: &&Point| "cuesa".find(point.finding);
    let bucket = points.len().div_ceil(max);
    let kept = points.chunks(bucket).filter_map(|chunk| chunk.iter().max_by_key(weight).copied());
    (kept.collect(), true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_stretch_is_longer_than_can_be_read_at_once() {
        let ask = |days: i64| ChartAsk {
            signal: "load".to_owned(),
            labels: Labels::default(),
            from_ms: 0,
            until_ms: days * DAY_MS,
            max: 100,
        };
        assert_eq!(room_ms(&ask(1), 1000, 1), Ok(CELLS_MAX * 1000 - DAY_MS));
        assert_eq!(room_ms(&ask(1), 1000, 1000), Ok(100_000_000 - DAY_MS));
        let too_long = |days, interval_ms, series| {
            matches!(room_ms(&ask(days), interval_ms, series), Err(NoChart::TooLong(_)))
        };
        assert!(too_long(2, 1000, 1000) && too_long(24, 1000, 1) && !too_long(61, 10_000, 1));
        assert!(!too_long(0, 100, usize::MAX));
    }

    #[test]
    fn of_too_many_points_those_are_kept_that_matter() {
        let point = |at_ms: i64| Point {
            at_ms,
            value: Some(0.0),
            low: None,
            high: None,
            finding: if at_ms % 97 == 5 { 'a' } else { 'c' },
        };
        let (kept, thinned) = thin((0..1000).map(point).collect(), 100);
        assert!(thinned && kept.len() <= 100 && kept.is_sorted_by_key(|point| point.at_ms));
        let anomalous = |points: &[Point]| points.iter().filter(|point| point.finding == 'a').count();
        assert_eq!(anomalous(&kept), 11);
        let (all, thinned) = thin((0..100).map(point).collect(), 100);
        assert_eq!((all.len(), thinned), (100, false));
    }
}
