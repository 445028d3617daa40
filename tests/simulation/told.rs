//! What the driver was told of each series, and what follows from it: a simple model, cell by cell, that shares nothing with
//! the code that judges.

use super::case::{Case, LIMIT, SLOW_LIMIT, STEP_MS};
use super::starts::Starts;
use quietgate_detectors::{Reason, Sample};
use std::collections::BTreeMap;

/// Everything that one driver was told.
#[derive(Debug)]
pub(crate) struct Told {
    series: Vec<Series>,
    lateness_ms: i64,
    max_age_ms: i64,
    sustain: (u32, u32),
    slow: Option<(u32, u32)>,
}

#[derive(Debug, Default)]
struct Series {
    /// What came in time, by its own time.
    cells: BTreeMap<i64, Cell>,
    /// All that was above any limit, whenever it came.
    bad: Vec<(i64, f64)>,
    /// Why its source can say nothing.
    trouble: Option<Reason>,
    /// Whether its source has said something, and since when it does so again.
    was_whole: bool,
    whole_since: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Cell {
    NotANumber,
    Value(f64),
    Conflict,
}

/// So many cells are remembered: more than any window needs.
const KEPT: usize = 64;

impl Told {
    /// Nothing yet of so many series.
    pub(crate) fn nothing(case: &Case, series: usize) -> Self {
        Self {
            series: (0..series).map(|_| Series::default()).collect(),
            lateness_ms: case.lateness_ms,
            max_age_ms: case.max_age_ms,
            sustain: case.sustain,
            slow: case.slow,
        }
    }

    /// Samples of one series.
    pub(crate) fn hear(&mut self, series: usize, samples: &[Sample]) {
        for sample in samples {
            let at = sample.at.as_millis();
            let judged = self.newest_judged(series);
            let series = &mut self.series[series];
            if sample.value > LIMIT.min(SLOW_LIMIT) {
                series.bad.push((at, sample.value));
            }
            if judged.is_none_or(|judged| at >= judged) {
                let cell = series.cells.entry(at).or_insert(Cell::NotANumber);
                *cell = cell.and(sample.value);
            }
            while series.cells.len() > KEPT {
                series.cells.pop_first();
            }
        }
    }

    /// Whether the source of a series can say nothing, from now on.
    pub(crate) fn trouble(&mut self, series: usize, trouble: Option<Reason>, now_ms: i64) {
        let series = &mut self.series[series];
        match trouble {
            None if series.trouble.is_some() && series.was_whole => series.whole_since = Some(now_ms),
            None => series.was_whole = true,
            Some(_) => {}
        }
        series.trouble = trouble;
    }

    /// Why nothing may start at `now_ms` that asks for a clean window of `wanted_ms`; none where it may.
    pub(crate) fn obstacle(&self, starts: &Starts, now_ms: i64, wanted_ms: i64) -> Option<String> {
        (0..self.series.len()).find_map(|number| {
            let series = &self.series[number];
            let Some(newest) = self.newest_judged(number) else {
                return Some(format!("series {number} was never heard of"));
            };
            let why = match series.trouble {
                Some(reason) => format!("its source says nothing ({reason})"),
                None if now_ms - newest > self.max_age_ms => {
                    format!("its newest sample is {} ms old", now_ms - newest)
                }
                None if newest - now_ms > self.max_age_ms => "its newest sample is of the future".to_owned(),
                None if self.is_slowly_bad(starts, number, newest) => {
                    "the slow layer finds it anomalous".to_owned()
                }
                None => self.short(starts, number, newest, wanted_ms)?,
            };
            Some(format!(
                "series {number}: {why}; {:?}",
                series.cells.iter().rev().take(12).collect::<Vec<_>>()
            ))
        })
    }

    /// Whether a series was above `limit` at a time for which `counts`.
    pub(crate) fn moved(&self, series: usize, limit: f64, counts: impl Fn(i64) -> bool) -> bool {
        self.series[series].bad.iter().any(|(at, value)| *value > limit && counts(*at))
    }

    /// Whether there is a value at that time, no two of them and nothing else.
    pub(crate) fn is_value(&self, series: usize, at: i64) -> bool {
        matches!(self.series[series].cells.get(&at), Some(Cell::Value(_)))
    }

    /// The newest cell that nothing can be put before any more.
    pub(crate) fn newest_judged(&self, series: usize) -> Option<i64> {
        let cells = &self.series[series].cells;
        let newest = cells.keys().next_back()?;
        cells.range(..=newest - self.lateness_ms).next_back().map(|(at, _)| *at)
    }

    /// Why the clean window of a series that ends at the cell `newest` is too short. What is expected to move is in none.
    fn short(&self, starts: &Starts, series: usize, newest: i64, wanted_ms: i64) -> Option<String> {
        let is_judged = |at: i64| self.is_value(series, at) && !starts.mute(series, at);
        let (k, n) = self.sustain;
        let count = |at: i64| self.count(starts, series, at, (LIMIT, n));
        if !is_judged(newest) || count(newest) > 0 {
            return Some("its newest sample is not clean".to_owned());
        }
        let (mut at, mut since) = (newest, newest);
        while is_judged(at) && count(at) < k {
            since = if count(at) == 0 { at } else { since };
            at -= STEP_MS;
        }
        // what nobody could know meanwhile counts from when it was known again
        let since = self.series[series].whole_since.map_or(since, |whole| whole.max(since));
        (newest - since < wanted_ms).then(|| format!("clean for {} of {wanted_ms} ms", newest - since))
    }

    /// How many of the `n` cells up to `at` were above `limit`; what lies before one that was expected to move does not count.
    fn count(&self, starts: &Starts, series: usize, at: i64, (limit, n): (f64, u32)) -> u32 {
        let fired = |at: i64| matches!(self.series[series].cells.get(&at), Some(Cell::Value(value)) if *value > limit);
        let cells = (0..i64::from(n)).map(|back| at - back * STEP_MS);
        let after = cells.take_while(|at| !starts.mute(series, *at));
        after.filter(|at| fired(*at)).count() as u32
    }

    /// Whether the slow layer must find a series anomalous at the cell `newest`.
    fn is_slowly_bad(&self, starts: &Starts, series: usize, newest: i64) -> bool {
        let Some((k, n)) = self.slow else { return false };
        self.is_value(series, newest) && self.count(starts, series, newest, (SLOW_LIMIT, n)) >= k
    }
}

impl Cell {
    /// The cell with one more sample.
    fn and(self, value: f64) -> Self {
        match self {
            _ if !value.is_finite() => self,
            Self::NotANumber => Self::Value(value),
            Self::Value(known) if known == value => self,
            Self::Value(_) | Self::Conflict => Self::Conflict,
        }
    }
}
