//! Rows as every reader hands them on, whatever the file was: columns of one stretch of one file.

use std::borrow::Cow;

use super::error::{InputError, Place, quoted};
use super::faults::{EXAMPLES, FaultKind};
use super::keys::Keys;
use super::layout::Table;

/// A stretch of rows, column by column; all columns are equally long.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Batch<'a> {
    /// UTC milliseconds.
    pub(super) times: Vec<i64>,
    pub(super) keys: Keys<'a>,
    /// One for each value column of the table; NaN where there is no finite number.
    pub(super) values: Vec<Cow<'a, [f64]>>,
    pub(super) places: Places,
    /// Why values are NaN.
    pub(super) odd: OddValues,
}

impl Batch<'_> {
    /// No rows yet, with the columns of `table`.
    pub(super) fn empty(table: &Table) -> Self {
        Self {
            keys: Keys::empty(table.keys.len()),
            values: vec![Cow::default(); table.values.len()],
            ..Self::default()
        }
    }
}

/// Where the rows of a batch stand.
#[derive(Debug, PartialEq)]
pub(super) enum Places {
    /// One after the other, from the first.
    From(Place),
    /// On these lines: there are blank ones between.
    Lines(Vec<u64>),
}

impl Default for Places {
    fn default() -> Self {
        Self::Lines(Vec::new())
    }
}

impl Places {
    /// The place of row `row` of the batch, counted from 0.
    pub(super) fn of(&self, row: usize) -> Place {
        match self {
            Self::From(Place::Line(first)) => Place::Line(first + row as u64),
            Self::From(Place::Row(first)) => Place::Row(first + row as u64),
            Self::Lines(lines) => Place::Line(lines[row]),
        }
    }
}

/// A value that is no finite number.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct OddValue {
    pub(super) kind: FaultKind,
    /// Row of the batch.
    pub(super) row: usize,
    /// Number of the value column.
    pub(super) column: usize,
    /// What stood there.
    pub(super) found: Option<String>,
}

/// The odd values of a batch: all counted, the first of each kind kept.
#[derive(Debug, Default, PartialEq)]
pub(super) struct OddValues {
    pub(super) counts: [u64; FaultKind::ALL.len()],
    pub(super) first: Vec<OddValue>,
}

impl OddValues {
    /// Adds one and states what it counts as; `found` is what stood there, empty for nothing.
    pub(super) fn nan(&mut self, kind: FaultKind, row: usize, column: usize, found: &str) -> f64 {
        let count = &mut self.counts[kind as usize];
        *count += 1;
        if *count <= EXAMPLES as u64 {
            let found = (!found.is_empty()).then(|| quoted(found));
            self.first.push(OddValue { kind, row, column, found });
        }
        f64::NAN
    }
}

/// A value as it stands in text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value {
    Number(f64),
    Odd(FaultKind),
}

impl Value {
    /// Reads `text`, which must have no blanks around it.
    pub(super) fn read(text: &str) -> Self {
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() => Self::Number(value),
            Ok(_) => Self::Odd(FaultKind::NotANumber),
            Err(_) if text.is_empty() => Self::Odd(FaultKind::Empty),
            Err(_) => Self::Odd(FaultKind::NotNumeric),
        }
    }
}

/// Whether each value column holds numbers at all. A column of text is no series with faults: it is
/// another kind of column, and a file that has one is not what it was taken for.
#[derive(Debug)]
pub(super) struct Numeric {
    columns: Vec<Evidence>,
}

#[derive(Debug, Clone, Default)]
struct Evidence {
    number: bool,
    texts: u64,
    refused: bool,
    first: Option<(Place, String)>,
}

/// So many texts without one number settle that a column is none of values, before the file ends.
const SETTLED_TEXTS: u64 = 1000;

impl Numeric {
    pub(super) fn new(table: &Table) -> Self {
        Self { columns: vec![Evidence::default(); table.values.len()] }
    }

    /// A number stood in value column `column`.
    pub(super) fn number(&mut self, column: usize) {
        self.columns[column].number = true;
    }

    /// In each value column stood what is in that of `batch`, and no text.
    pub(super) fn no_text(&mut self, batch: &Batch<'_>) {
        for (column, values) in self.columns.iter_mut().zip(&batch.values) {
            column.number |= values.iter().any(|value| value.is_finite());
        }
    }

    /// A text stood in value column `column`.
    pub(super) fn text(&mut self, column: usize, place: Place, text: &str) {
        let column = &mut self.columns[column];
        column.texts += 1;
        if !column.number {
            column.refused |= column.texts >= SETTLED_TEXTS;
            column.first.get_or_insert_with(|| (place, quoted(text)));
        }
    }

    /// Refuses the first value column that holds texts only, as far as that is settled.
    pub(super) fn check(&self, file: &str, table: &Table, at_end: bool) -> Result<(), InputError> {
        for (evidence, column) in self.columns.iter().zip(&table.values) {
            let refused = evidence.refused || (at_end && !evidence.number);
            if let (true, Some((place, text))) = (refused, &evidence.first) {
                let allowed = "a column of numbers (--value and --series for a long table, --ignore for a column of text)";
                return Err(InputError::new(file, text, allowed).at(*place).in_column(&table.names[*column]));
            }
        }
        Ok(())
    }
}
