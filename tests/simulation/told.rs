//! What the driver was told of each series, and what follows from it: a simple model, cell by cell, that shares nothing with
//! the code that judges.

use super::case::{Case, LIMIT, STEP_MS};
use quietgate_detectors::{Reason, Sample};
use std::collections::BTreeMap;

/// Everything that one driver was told.
#[derive(Debug)]
pub(crate) struct Told {
    series: Vec<Series>,
    lateness_ms: i64,
    max_age_ms: i64,
    sustain: (u32, u32),
}

#[derive(Debug, Default)]
struct Series {
    /// What came in time, by its own time.
    cells: BTreeMap<i64, Cell>,
    /// The times of all that was above the limit, whenever it came.
    bad: Vec<i64>,
    /// Why its source can say nothing.
    trouble: Option<Reason>,
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
        }
    }

    /// Samples of one series.
    pub(crate) fn hear(&mut self, series: usize, samples: &[Sample]) {
        for sample in samples {
            let at = sample.at.as_millis();
            let judged = self.newest_judged(series);
            let series = &mut self.series[series];
            if sample.value > LIMIT {
                series.bad.push(at);
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

    /// Whether the source of a series can say nothing.
    pub(crate) fn trouble(&mut self, series: usize, trouble: Option<Reason>) {
        self.series[series].trouble = trouble;
    }

    /// Why nothing may start at `now_ms` that asks for a clean window of `wanted_ms`; none where it may.
    pub(crate) fn obstacle(&self, now_ms: i64, wanted_ms: i64) -> Option<String> {
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
                None => self.short(number, newest, wanted_ms)?,
            };
            Some(format!(
                "series {number}: {why}; {:?}",
                series.cells.iter().rev().take(12).collect::<Vec<_>>()
            ))
        })
    }

    /// Whether a series was above the limit at `from_ms` or later.
    pub(crate) fn moved_since(&self, series: usize, from_ms: i64) -> bool {
        self.series[series].bad.iter().any(|at| *at >= from_ms)
    }

    /// The newest cell that nothing can be put before any more.
    fn newest_judged(&self, series: usize) -> Option<i64> {
        let cells = &self.series[series].cells;
        let newest = cells.keys().next_back()?;
        cells.range(..=newest - self.lateness_ms).next_back().map(|(at, _)| *at)
    }

    /// Why the clean window of a series that ends at the cell `newest` is too short.
    fn short(&self, series: usize, newest: i64, wanted_ms: i64) -> Option<String> {
        let fired = |at: i64| matches!(self.series[series].cells.get(&at), Some(Cell::Value(value)) if *value > LIMIT);
        let is_value = |at: i64| matches!(self.series[series].cells.get(&at), Some(Cell::Value(_)));
        let (k, n) = self.sustain;
        let count = |at: i64| (0..i64::from(n)).filter(|back| fired(at - back * STEP_MS)).count() as u32;
        if !is_value(newest) || count(newest) > 0 {
            return Some("its newest sample is not clean".to_owned());
        }
        let (mut at, mut since) = (newest, newest);
        while is_value(at) && count(at) < k {
            since = if count(at) == 0 { at } else { since };
            at -= STEP_MS;
        }
        (newest - since < wanted_ms).then(|| format!("clean for {} of {wanted_ms} ms", newest - since))
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
