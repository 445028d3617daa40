//! What is judged of the series of a signal, on its way into its history; and back, for monitors that begin anew.

use super::cell::Cell;
use super::{Batch, HistoryError, How, Labels, Pasts, Reading, Store, Written};
use quietgate_detectors::{Reason, Sample, Timestamp};

/// So many cells wait at most where they cannot be written: what comes then is left out, and counted.
pub(super) const WAITING_MAX: usize = 4 << 20;

/// The history of a signal, and what waits to be written there.
#[derive(Debug)]
pub struct Keeper {
    pub(super) store: Store,
    pub(super) batch: Batch,
    new: Vec<(Labels, Vec<(i64, Cell)>)>,
    pub(super) waiting: usize,
    /// Cells that were left out since the last writing.
    pub(super) lost: u64,
    /// Where series are judged together: what earlier days showed.
    pub(super) pasts: Option<Pasts>,
}

/// Hears what the monitor of one series says.
#[derive(Debug)]
pub struct Hearing<'a> {
    to: To<'a>,
    waiting: &'a mut usize,
    lost: &'a mut u64,
}

#[derive(Debug)]
enum To<'a> {
    Column { batch: &'a mut Batch, column: u32, phase_ms: i64, interval_ms: i64 },
    New(&'a mut Vec<(i64, Cell)>),
    Nobody,
}

/// What monitors were filled with.
#[derive(Debug)]
pub struct Filled {
    /// What was found on the way.
    pub reading: Reading,
    /// The newest time of each series of which there is anything.
    pub newest: Vec<(Labels, Timestamp)>,
}

impl Keeper {
    /// Keeps what is heard in `store`.
    pub fn new(store: Store) -> Self {
        Self { store, batch: Batch::default(), new: Vec::new(), waiting: 0, lost: 0, pasts: None }
    }

    /// The history.
    pub fn store(&mut self) -> &mut Store {
        &mut self.store
    }

    /// How many cells wait to be written.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// Who hears what the monitor of the series with these labels says next.
    pub fn hearing(&mut self, labels: &Labels) -> Hearing<'_> {
        let to = if self.waiting >= WAITING_MAX {
            To::Nobody
        } else if let Some((column, phase_ms)) = self.store.phase(labels) {
            let interval_ms = self.store.shape().interval_ms;
            To::Column { batch: &mut self.batch, column, phase_ms, interval_ms }
        } else {
            if self.new.last().is_none_or(|(last, _)| last != labels) {
                self.new.push((labels.clone(), Vec::new()));
            }
            self.new.last_mut().map_or(To::Nobody, |(_, cells)| To::New(cells))
        };
        Hearing { to, waiting: &mut self.waiting, lost: &mut self.lost }
    }

    /// Writes what was heard. Then it is with the system, and outlives this process.
    ///
    /// # Errors
    /// Where that cannot be: it is written the next time, as far as it is not too much by then.
    pub fn write(&mut self, now: Timestamp) -> Result<Written, HistoryError> {
        // series that are known do not wait for those that there may be no room for
        let mut written = self.write_known(now)?;
        self.new.retain(|(_, cells)| !cells.is_empty());
        if !self.new.is_empty() {
            let begin = |(labels, cells): &'_ (Labels, Vec<(i64, Cell)>)| {
                cells.first().map(|(at, _)| (labels.clone(), *at))
            };
            let begun: Vec<_> = self.new.iter().filter_map(begin).collect();
            self.store.know(begun.iter().map(|(labels, at)| (labels, *at)))?;
            for (labels, cells) in self.new.drain(..) {
                let Some((column, phase_ms)) = self.store.phase(&labels) else { continue };
                let interval_ms = self.store.shape().interval_ms;
                for (at, cell) in cells {
                    self.batch.add(column, row_of(at, phase_ms, interval_ms), cell);
                }
            }
            written += self.write_known(now)?;
        }
        (self.waiting, written.lost) = (0, std::mem::take(&mut self.lost));
        Ok(written)
    }

    /// Writes what was heard of series that have a column.
    fn write_known(&mut self, now: Timestamp) -> Result<Written, HistoryError> {
        if self.batch.is_empty() {
            return Ok(Written::default());
        }
        let written = self.store.write(&self.batch, How::Restate, now.as_millis());
        self.tell_pasts(self.batch.oldest());
        let written = written?;
        self.waiting = self.waiting.saturating_sub(self.batch.len());
        self.batch.clear();
        Ok(written)
    }

    /// Rows from `oldest` on were written: what was looked at of earlier days may have been one of them.
    pub(super) fn tell_pasts(&mut self, oldest: Option<i64>) {
        let slots = self.store.shape().slots() as i64;
        if let (Some(pasts), Some(oldest)) = (&mut self.pasts, oldest) {
            pasts.written(oldest, slots);
        }
    }

    /// The oldest time at which any series has something, from `from` on; by the first series that there were, of which all is read
    /// at once.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn oldest(&mut self, from: Timestamp, until: Timestamp) -> Result<Option<Timestamp>, HistoryError> {
        let first = self.store.row_from(from.as_millis());
        let last = self.store.row_until(until.as_millis());
        let row = self.store.oldest(first..=last)?;
        let interval_ms = self.store.shape().interval_ms;
        Ok(row.map(|row| Timestamp::from_millis(row.saturating_mul(interval_ms))))
    }

    /// Gives all samples from `from` until `until` to `each`, those of a series in the order of time, as its monitor heard them: at the
    /// times of their cells, of which the first is even from the beginning, so that the grid is the same.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn fill(
        &mut self,
        (from, until): (Timestamp, Timestamp),
        mut each: impl FnMut(&Labels, &[Sample]),
    ) -> Result<Filled, HistoryError> {
        let first = self.store.row_from(from.as_millis());
        let last = self.store.row_until(until.as_millis());
        let mut begun = vec![false; self.store.series().len()];
        let mut samples = Vec::new();
        let reading = self.store.read(first..=last, |store, cells| {
            let column = cells.column as usize;
            let (series, interval_ms) = (&store.series()[column], store.shape().interval_ms);
            samples.clear();
            for (row, cell) in cells.known() {
                begun[column] |= series.may_begin(row);
                if begun[column] {
                    take(cell, series.at(row, interval_ms), &mut samples);
                }
            }
            each(&series.labels, &samples);
        })?;
        let interval_ms = self.store.shape().interval_ms;
        let series = self.store.series().iter().zip(&reading.newest);
        let newest = series.filter_map(|(series, row)| {
            Some((series.labels.clone(), Timestamp::from_millis(series.at((*row)?, interval_ms))))
        });
        Ok(Filled { newest: newest.collect(), reading })
    }
}

impl Hearing<'_> {
    /// The cell at this time has this value now, or none for this reason.
    pub fn hear(&mut self, at: Timestamp, said: Result<f64, Reason>) {
        let cell = Cell::said(said);
        let at_ms = at.as_millis();
        match &mut self.to {
            To::Column { batch, column, phase_ms, interval_ms } => {
                batch.add(*column, row_of(at_ms, *phase_ms, *interval_ms), cell);
            }
            To::New(cells) => cells.push((at_ms, cell)),
            To::Nobody => return *self.lost += 1,
        }
        *self.waiting += 1;
    }
}

/// The row of a cell: neighbours never share one, whatever the phase of their grid.
fn row_of(at_ms: i64, phase_ms: i64, interval_ms: i64) -> i64 {
    at_ms.saturating_sub(phase_ms).saturating_add(interval_ms / 2).div_euclid(interval_ms)
}

/// The samples that give a cell its content.
pub(super) fn take(cell: Cell, at_ms: i64, samples: &mut Vec<Sample>) {
    match cell {
        Cell::Missing => {}
        Cell::Value(value) => samples.push(Sample::new(at_ms, value)),
        Cell::NotANumber => samples.push(Sample::new(at_ms, f64::NAN)),
        Cell::Conflicting => samples.extend([0.0, 1.0].map(|value| Sample::new(at_ms, value))),
    }
}
