//! From rows to series: which series a row belongs to, at a few nanoseconds a row.
//!
//! Two orders of rows are common: series after series, and time after time with the series always in
//! the same order. So a row is first held against the series of the row before, then against the one
//! that followed it last time; only then its key is hashed.

use std::borrow::Cow;
use std::collections::HashMap;

use quietgate_detectors::Sample;

use super::batch::Batch;
use super::collector::Collector;
use super::error::InputError;
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
            self.route_rows(batch, collector)?;
        }
        self.count_odd(batch, collector);
        Ok(())
    }

    fn route_columns(&mut self, batch: &Batch<'_>, collector: &mut Collector) -> Result<(), InputError> {
        for (ordinal, values) in batch.values.iter().enumerate() {
            let series = self.column_series(ordinal, collector);
            for (row, (at, value)) in batch.times.iter().zip(values).enumerate() {
                collector.push(series, Sample::new(*at, *value), || (batch.places.of(row), ordinal))?;
            }
        }
        Ok(())
    }

    fn route_rows(&mut self, batch: &Batch<'_>, collector: &mut Collector) -> Result<(), InputError> {
        for (row, (at, value)) in batch.times.iter().zip(&batch.values[0]).enumerate() {
            let series = self.row_series(batch, row, collector);
            collector.push(series, Sample::new(*at, *value), || (batch.places.of(row), 0))?;
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

    /// The series of a row, by its key columns.
    #[inline]
    fn row_series(&mut self, batch: &Batch<'_>, row: usize, collector: &mut Collector) -> u32 {
        let table = self.table;
        self.keys.find(&batch.keys, row, |fields| collector.series(table.identity(fields), None))
    }

    fn count_odd(&mut self, batch: &Batch<'_>, collector: &mut Collector) {
        let mut left = batch.odd.counts;
        for odd in &batch.odd.first {
            let series = if self.table.keys.is_empty() {
                self.column_series(odd.column, collector)
            } else {
                self.row_series(batch, odd.row, collector)
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

/// Which series each key (the fields of the key columns) stands for.
#[derive(Debug, Default)]
struct KeyTable {
    entries: Vec<Entry>,
    by_key: HashMap<Box<[u8]>, usize>,
    current: usize,
    scratch: Vec<u8>,
}

#[derive(Debug)]
struct Entry {
    fields: Box<[Box<str>]>,
    series: u32,
    /// The entry of the row that came after this one last time.
    follower: usize,
}

impl Entry {
    #[inline]
    fn is_of(&self, keys: &[Vec<Cow<'_, str>>], row: usize) -> bool {
        self.fields.iter().zip(keys).all(|(field, column)| **field == *column[row])
    }
}

impl KeyTable {
    /// The series of row `row`; `make` names it where it is new.
    #[inline]
    fn find(&mut self, keys: &[Vec<Cow<'_, str>>], row: usize, make: impl FnOnce(&[&str]) -> u32) -> u32 {
        if let Some(current) = self.entries.get(self.current) {
            if current.is_of(keys, row) {
                return current.series;
            }
            let follower = &self.entries[current.follower];
            if follower.is_of(keys, row) {
                self.current = current.follower;
                return follower.series;
            }
        }
        self.look_up(keys, row, make)
    }

    fn look_up(&mut self, keys: &[Vec<Cow<'_, str>>], row: usize, make: impl FnOnce(&[&str]) -> u32) -> u32 {
        self.scratch.clear();
        for column in keys {
            self.scratch.extend_from_slice(&column[row].len().to_le_bytes());
            self.scratch.extend_from_slice(column[row].as_bytes());
        }
        let found = match self.by_key.get(self.scratch.as_slice()) {
            Some(found) => *found,
            None => {
                let fields: Vec<&str> = keys.iter().map(|column| &*column[row]).collect();
                let series = make(&fields);
                let fields = fields.into_iter().map(Box::from).collect();
                let number = self.entries.len();
                self.entries.push(Entry { fields, series, follower: number });
                self.by_key.insert(self.scratch.as_slice().into(), number);
                number
            }
        };
        self.entries[self.current].follower = found;
        self.current = found;
        self.entries[found].series
    }
}
