//! The history of series that are judged together: their days are read a row at a time, and what they were told of before a restart
//! is learnt from it.

use super::cell::{Cell, MISSING};
use super::keep::{Keeper, WAITING_MAX, take};
use super::pasts::{Looking, Pasts};
use super::{Batch, Damage, HistoryError, How, Labels, Written};
use quietgate_detectors::{LookSpec, Reason, Sample, Timestamp};
use std::collections::BTreeSet;

/// So many times of day are looked at for series that have not come of late: one that was there for half an hour on any day that is
/// kept is found.
const PROBES: i64 = 48;

/// Hears what is judged of series by their columns.
#[derive(Debug)]
pub struct HearingRows<'a> {
    batch: &'a mut Batch,
    waiting: &'a mut usize,
    lost: &'a mut u64,
}

impl HearingRows<'_> {
    /// The cell of a column at a row has this value, or none for this reason; it may be told anew.
    #[inline]
    pub fn hear(&mut self, column: u32, row: i64, said: Result<f64, Reason>) {
        if *self.waiting < WAITING_MAX {
            self.batch.add(column, row, Cell::said(said));
            *self.waiting += 1;
        } else {
            *self.lost += 1;
        }
    }
}

/// What is wanted of the rows before a restart.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// The oldest row of all that are kept.
    pub oldest: i64,
    /// The first that shall be judged.
    pub judged: i64,
    /// The newest.
    pub newest: i64,
    /// How many rows before the first that is judged shall be learnt.
    pub memory: i64,
    /// Whether the daily period is asked for: then that is from the beginning of the day before on, and with the day before that.
    pub asks_period: bool,
}

/// A piece of what was kept.
#[derive(Debug)]
pub enum Piece<'a> {
    /// A series, of which there is something.
    Series {
        /// Its column.
        column: u32,
        /// Its labels.
        labels: &'a Labels,
        /// The time of its first row.
        at: Timestamp,
        /// That row.
        row: i64,
    },
    /// Cells to be learnt, of consecutive columns; not a number where there is no value.
    Learn {
        /// The first column.
        first: u32,
        /// The row.
        row: i64,
        /// The cells.
        cells: &'a [f64],
        /// Those of the day before, where they are asked for.
        before: &'a [f64],
    },
    /// Samples to be judged, of one row.
    Judge {
        /// By their columns.
        samples: &'a [(u32, Sample)],
        /// Where earlier days are looked at.
        past: Looking<'a>,
    },
}

/// What there was.
#[derive(Debug, Default)]
pub struct Resumed {
    /// The newest sample of each series.
    pub newest: Vec<(Labels, Timestamp)>,
    /// What was damaged.
    pub damage: Damage,
}

impl Keeper {
    /// The series are judged together from now on, by what is in this history.
    pub fn judged_together(&mut self, spec: LookSpec) {
        self.pasts = Some(Pasts::new(spec));
    }

    /// Where earlier days are looked at, and who hears what is judged; none where series are judged alone.
    pub fn together(&mut self) -> Option<(Looking<'_>, HearingRows<'_>)> {
        let Self { store, batch, waiting, lost, pasts, .. } = self;
        let looking = Looking { store, pasts: pasts.as_mut()? };
        Some((looking, HearingRows { batch, waiting, lost }))
    }

    /// What was looked at of earlier days; none where series are judged alone.
    pub fn pasts(&mut self) -> Option<&mut Pasts> {
        self.pasts.as_mut()
    }

    /// Adds samples that were told of late to what is kept; what is known stays.
    ///
    /// # Errors
    /// Where they cannot be written.
    pub fn add<'a>(
        &mut self,
        series: impl Iterator<Item = (&'a Labels, &'a [Sample])> + Clone,
        now: Timestamp,
    ) -> Result<Written, HistoryError> {
        let first = |(labels, samples): (&'a Labels, &'a [Sample])| Some((labels, samples.first()?.at));
        self.store.know(series.clone().filter_map(first).map(|(labels, at)| (labels, at.as_millis())))?;
        let mut batch = Batch::default();
        series.for_each(|(labels, samples)| self.store.gather(labels, samples, &mut batch));
        let written = self.store.write(&batch, How::Add, now.as_millis());
        self.tell_pasts(batch.oldest());
        written
    }

    /// Gives what was kept to `each`: a shelf after the other, of each first its series, then what is to be learnt of them and then
    /// what is to be judged, in the order of time.
    ///
    /// # Errors
    /// Where a file cannot be read, and where rows know of series that the log does not.
    pub fn resume(
        &mut self,
        wanted: Wanted,
        mut each: impl FnMut(Piece<'_>),
    ) -> Result<Resumed, HistoryError> {
        let mut resumed = Resumed::default();
        for shelf in 0..self.store.shelves.len() {
            self.resume_shelf(shelf, wanted, &mut resumed, &mut each)?;
        }
        Ok(resumed)
    }

    fn resume_shelf(
        &mut self,
        shelf: usize,
        wanted: Wanted,
        resumed: &mut Resumed,
        each: &mut impl FnMut(Piece<'_>),
    ) -> Result<(), HistoryError> {
        let rows = Rows::of(wanted, self.store.shape().slots() as i64);
        (rows.first..=wanted.newest)
            .for_each(|row| self.store.shelves[shelf].expect(self.store.shape(), row));
        let mut newest = self.newest(shelf, (rows.first, wanted), &mut resumed.damage)?;
        let series = self.store.series().iter().skip(self.store.shelves[shelf].place.first as usize);
        // a column may have gone to another series, and its series to another column
        for (column, (newest, series)) in
            (self.store.shelves[shelf].place.first..).zip(newest.iter_mut().zip(series))
        {
            *newest = newest.filter(|_| self.store.column(&series.labels) == Some(column));
        }
        self.tell_series(shelf, wanted.oldest, &newest, resumed, each);
        let (mut words, mut words_before) = (Vec::new(), Vec::new());
        let first = self.store.shelves[shelf].place.first;
        // of what stopped before, the newest sample is judged all the same: who looks sees since when it is stale
        let stopped: BTreeSet<i64> =
            newest.iter().flatten().copied().filter(|row| *row < wanted.judged).collect();
        for row in stopped.range(..rows.first) {
            self.judge_row((shelf, *row), &newest, |newest| newest == *row, &mut resumed.damage, each)?;
        }
        for row in rows.first..wanted.judged {
            if stopped.contains(&row) {
                self.judge_row((shelf, row), &newest, |newest| newest == row, &mut resumed.damage, each)?;
            }
            let cells = self.store.values_at(shelf, row, &mut words, &mut resumed.damage)?;
            let before: &[f64] = match wanted.asks_period {
                true => {
                    self.store.values_at(shelf, row - rows.a_day, &mut words_before, &mut resumed.damage)?
                }
                false => &[],
            };
            each(Piece::Learn { first, row, cells, before });
        }
        for row in wanted.judged.max(wanted.oldest)..=wanted.newest {
            self.judge_row((shelf, row), &newest, |_| true, &mut resumed.damage, each)?;
        }
        Ok(())
    }

    /// Has the cells of a row judged, of those series that are known and of which `is_wanted` says so by their newest row.
    fn judge_row(
        &mut self,
        (shelf, row): (usize, i64),
        newest: &[Option<i64>],
        is_wanted: impl Fn(i64) -> bool,
        damage: &mut Damage,
        each: &mut impl FnMut(Piece<'_>),
    ) -> Result<(), HistoryError> {
        let (mut bits, mut samples) = (Vec::new(), Vec::new());
        self.store.read_row(shelf, row, &mut bits, damage)?;
        let (interval_ms, first) = (self.store.shape().interval_ms, self.store.shelves[shelf].place.first);
        let mut one = Vec::new();
        for (column, (bits, newest)) in (first..).zip(bits.iter().zip(newest)) {
            if *bits != MISSING && newest.is_some_and(&is_wanted) {
                let series = &self.store.series()[column as usize];
                one.clear();
                take(Cell::from_bits(*bits), series.at(row, interval_ms), &mut one);
                samples.extend(one.iter().map(|sample| (column, *sample)));
            }
        }
        if let (Some(pasts), false) = (&mut self.pasts, samples.is_empty()) {
            each(Piece::Judge { samples: &samples, past: Looking { store: &mut self.store, pasts } });
        }
        Ok(())
    }

    /// The newest row of each series of a shelf, as far as it came of late, or for a while on any day.
    fn newest(
        &mut self,
        shelf: usize,
        (first, wanted): (i64, Wanted),
        damage: &mut Damage,
    ) -> Result<Vec<Option<i64>>, HistoryError> {
        let a_day = self.store.shape().slots() as i64;
        let step = (a_day / PROBES).max(1);
        let place = self.store.shelves[shelf].place;
        let count = self.store.series().len().saturating_sub(place.first as usize).min(place.width as usize);
        let (mut newest, mut bits) = (vec![None; count], Vec::new());
        let probes = (wanted.oldest..first).filter(|row| row % step == 0);
        let late = first.max(wanted.oldest)..=wanted.newest;
        // from the newest on: where all have been seen, what is older is of no matter
        for row in late.rev().chain(probes.rev()) {
            if newest.iter().all(Option::is_some) {
                break;
            }
            self.store.read_row(shelf, row, &mut bits, damage)?;
            let seen = newest.iter_mut().zip(&bits).filter(|(_, bits)| **bits != MISSING);
            seen.for_each(|(newest, _)| *newest = newest.or(Some(row)));
        }
        Ok(newest)
    }

    fn tell_series(
        &self,
        shelf: usize,
        oldest: i64,
        newest: &[Option<i64>],
        resumed: &mut Resumed,
        each: &mut impl FnMut(Piece<'_>),
    ) {
        let (first, interval_ms) = (self.store.shelves[shelf].place.first, self.store.shape().interval_ms);
        for (column, newest) in (first..).zip(newest) {
            let series = &self.store.series()[column as usize];
            let Some(newest) = *newest else { continue };
            let row = series.first_row(oldest);
            let time = |row| Timestamp::from_millis(series.at(row, interval_ms));
            resumed.newest.push((series.labels.clone(), time(newest)));
            each(Piece::Series { column, labels: &series.labels, at: time(row), row });
        }
    }
}

/// Rows that are learnt.
#[derive(Debug, Clone, Copy)]
struct Rows {
    first: i64,
    a_day: i64,
}

impl Rows {
    fn of(wanted: Wanted, a_day: i64) -> Self {
        // as of the first row that is judged: the newest may be of a later day
        let yesterday = (wanted.judged.min(wanted.newest - 1).div_euclid(a_day) - 1) * a_day;
        let memory = wanted.judged.saturating_sub(wanted.memory);
        let first = if wanted.asks_period { memory.min(yesterday) } else { memory };
        Self { first: first.max(wanted.oldest), a_day }
    }
}
