//! The key columns of rows: what stands in them, and which series that is.
//!
//! Two orders of rows are common: series after series, and time after time with the series always in
//! the same order. So rows with the same key that follow each other may be one run, and a run is first held
//! against the key that followed the one before it last time, then against that one itself; only then its key
//! is hashed.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

/// The keys of a stretch of rows, run by run. Neighbouring runs may have the same key.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Keys<'a> {
    /// The first row of each run.
    pub(super) starts: Vec<usize>,
    /// For each key column of the table what stands there in each run.
    pub(super) columns: Vec<Vec<Cow<'a, str>>>,
}

impl Keys<'_> {
    /// No runs yet of `columns` columns.
    pub(super) fn empty(columns: usize) -> Self {
        Self { starts: Vec::new(), columns: vec![Vec::new(); columns] }
    }

    /// The rows of each run, where there are `rows` in all.
    pub(super) fn runs(&self, rows: usize) -> impl Iterator<Item = Range<usize>> {
        let ends = self.starts.iter().skip(1).copied().chain(std::iter::once(rows));
        self.starts.iter().zip(ends).map(|(start, end)| *start..end)
    }

    /// The run of row `row`.
    pub(super) fn run_of(&self, row: usize) -> usize {
        self.starts.partition_point(|start| *start <= row) - 1
    }
}

/// Which series each key (the fields of the key columns) stands for.
#[derive(Debug, Default)]
pub(super) struct KeyTable {
    entries: Vec<Entry>,
    by_key: HashMap<Box<[u8]>, usize>,
    current: usize,
    scratch: Vec<u8>,
}

#[derive(Debug)]
struct Entry {
    fields: Box<[Box<str>]>,
    series: u32,
    /// The entry of the run that came after this one last time.
    follower: usize,
}

impl Entry {
    #[inline]
    fn is_of(&self, keys: &Keys<'_>, run: usize) -> bool {
        self.fields.iter().zip(&keys.columns).all(|(field, column)| **field == *column[run])
    }
}

impl KeyTable {
    /// The series of run `run`; `make` names it where it is new.
    #[inline]
    pub(super) fn find(&mut self, keys: &Keys<'_>, run: usize, make: impl FnOnce(&[&str]) -> u32) -> u32 {
        if let Some(current) = self.entries.get(self.current) {
            let follower = &self.entries[current.follower];
            if follower.is_of(keys, run) {
                self.current = current.follower;
                return follower.series;
            }
            if current.is_of(keys, run) {
                return current.series;
            }
        }
        self.look_up(keys, run, make)
    }

    fn look_up(&mut self, keys: &Keys<'_>, run: usize, make: impl FnOnce(&[&str]) -> u32) -> u32 {
        self.scratch.clear();
        for column in &keys.columns {
            self.scratch.extend_from_slice(&column[run].len().to_le_bytes());
            self.scratch.extend_from_slice(column[run].as_bytes());
        }
        let found = match self.by_key.get(self.scratch.as_slice()) {
            Some(found) => *found,
            None => {
                let fields: Vec<&str> = keys.columns.iter().map(|column| &*column[run]).collect();
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
