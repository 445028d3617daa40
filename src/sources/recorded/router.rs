//! From rows to series: which series the rows of a batch belong to.

use super::batch::Batch;
use super::collector::Collector;
use super::error::InputError;
use super::keys::KeyTable;
use super::layout::{Identity, Table};

/// Routes the rows of one file.
#[derive(Debug)]
pub(super) struct Router<'t> {
    table: &'t Table,
    file: &'t str,
    stem: &'t str,
    keys: KeyTable,
}

impl<'t> Router<'t> {
    /// A router for `file`; a series without another name is called `stem`.
    pub(super) fn new(table: &'t Table, file: &'t str, stem: &'t str) -> Self {
        Self { table, file, stem, keys: KeyTable::default() }
    }

    /// Hands every sample of `batch` to `collector`, then counts the odd values.
    pub(super) fn route(&mut self, batch: &Batch<'_>, collector: &mut Collector) -> Result<(), InputError> {
        if batch.times.is_empty() {
            return Ok(());
        }
        if self.table.keys.is_empty() {
            self.route_columns(batch, collector)?;
        } else {
            self.route_runs(batch, collector)?;
        }
        self.count_odd(batch, collector);
        Ok(())
    }

    fn route_columns(&mut self, batch: &Batch<'_>, collector: &mut Collector) -> Result<(), InputError> {
        for (ordinal, values) in batch.values.iter().enumerate() {
            let series = self.column_series(ordinal, collector);
            collector.extend(series, &batch.times, values, |row| (batch.places.of(row), ordinal))?;
        }
        Ok(())
    }

    fn route_runs(&mut self, batch: &Batch<'_>, collector: &mut Collector) -> Result<(), InputError> {
        for (run, rows) in batch.keys.runs(batch.times.len()).enumerate() {
            let series = self.run_series(batch, run, collector);
            let (times, values) = (&batch.times[rows.clone()], &batch.values[0][rows.clone()]);
            collector.extend(series, times, values, |row| (batch.places.of(rows.start + row), 0))?;
        }
        Ok(())
    }

    /// The series of a value column.
    fn column_series(&self, ordinal: usize, collector: &mut Collector) -> u32 {
        let (name, file) = if self.table.wide {
            (self.table.names[self.table.values[ordinal]].as_str(), None)
        } else {
            (self.stem, Some(self.file))
        };
        collector.series(Identity { name: name.to_owned(), labels: Vec::new() }, file)
    }

    /// The series of a run of rows, by their key columns.
    #[inline]
    fn run_series(&mut self, batch: &Batch<'_>, run: usize, collector: &mut Collector) -> u32 {
        let table = self.table;
        self.keys.find(&batch.keys, run, |fields| collector.series(table.identity(fields), None))
    }

    fn count_odd(&mut self, batch: &Batch<'_>, collector: &mut Collector) {
        let mut left = batch.odd.counts;
        for odd in &batch.odd.first {
            let series = if self.table.keys.is_empty() {
                self.column_series(odd.column, collector)
            } else {
                self.run_series(batch, batch.keys.run_of(odd.row), collector)
            };
            let at = (batch.places.of(odd.row), odd.column);
            collector.fault(odd.kind, at, Some(series), odd.found.clone());
            left[odd.kind as usize] -= 1;
        }
        for (kind, count) in super::faults::FaultKind::ALL.into_iter().zip(left) {
            collector.count_faults(kind, count);
        }
    }
}
