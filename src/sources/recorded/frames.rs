//! From the columns of a Parquet file, as polars reads them, to batches.

use std::borrow::Cow;

use polars::prelude::{
    ChunkedArray, Column, DataFrame, DataType, PolarsError, PolarsNumericType, PolarsResult, StringChunked,
    TimeUnit,
};
use quietgate_detectors::DAY_MS;

use super::batch::{Batch, Numeric, Places, Value};
use super::clock::{Clock, Form, TimestampForm, Unit, checked, in_years};
use super::collector::Collector;
use super::error::{InputError, Place, quoted};
use super::faults::FaultKind;
use super::keys::Keys;
use super::layout::Table;
use super::reading::Reading;
use super::router::Router;

/// Why rows cannot be used.
pub(super) enum RowsError {
    Input(InputError),
    Polars(PolarsError),
}

impl RowsError {
    pub(super) fn or_damaged(self, damaged: impl Fn(PolarsError) -> InputError) -> InputError {
        match self {
            Self::Input(error) => error,
            Self::Polars(cause) => damaged(cause),
        }
    }
}

impl From<InputError> for RowsError {
    fn from(error: InputError) -> Self {
        Self::Input(error)
    }
}

impl From<PolarsError> for RowsError {
    fn from(error: PolarsError) -> Self {
        Self::Polars(error)
    }
}

/// Reads the rows of one table.
pub(super) struct RowReader<'t> {
    file: &'t str,
    pub(super) table: &'t Table,
    wanted: TimestampForm,
    form: Option<Form>,
    clock: Clock,
    pub(super) numeric: Numeric,
    router: Router<'t>,
}

impl<'t> RowReader<'t> {
    pub(super) fn new(reading: &Reading<'t>, table: &'t Table) -> Self {
        Self {
            file: reading.file,
            table,
            wanted: reading.options.timestamps,
            form: None,
            clock: Clock::default(),
            numeric: Numeric::new(table),
            router: Router::new(table, reading.file, reading.stem),
        }
    }

    /// Hands on the rows of `frame`, of which `before` rows of the file came before.
    pub(super) fn rows(
        &mut self,
        frame: &DataFrame,
        before: usize,
        collector: &mut Collector,
    ) -> Result<(), RowsError> {
        let column = |number: &usize| frame.column(&self.table.names[*number]);
        let texts = self.table.keys.iter().map(|number| column(number)?.cast(&DataType::String));
        let texts: Vec<Column> = texts.collect::<PolarsResult<_>>()?;
        let numbers = self.table.values.iter().map(|number| in_numbers(column(number)?));
        let numbers: Vec<Column> = numbers.collect::<PolarsResult<_>>()?;
        let times = column(&self.table.time)?;
        let places = Places::From(Place::Row(before as u64 + 1));
        let mut batch = Batch { keys: keys(&texts)?, places, ..Batch::default() };
        batch.times = self.times(times, &batch.places)?;
        for (ordinal, column) in numbers.iter().enumerate() {
            let values = self.values(column, ordinal, &mut batch)?;
            batch.values.push(values);
        }
        self.router.route(&batch, collector)?;
        self.numeric.check(self.file, self.table, false)?;
        Ok(())
    }

    fn values<'f>(
        &mut self,
        column: &'f Column,
        ordinal: usize,
        batch: &mut Batch<'_>,
    ) -> Result<Cow<'f, [f64]>, RowsError> {
        let mut values = Vec::new();
        if let Ok(texts) = column.str() {
            for (row, text) in texts.iter().enumerate() {
                let text = text.unwrap_or_default().trim();
                let value = Value::read(text);
                if value == Value::Odd(FaultKind::NotNumeric) {
                    self.numeric.text(ordinal, batch.places.of(row), text);
                }
                values.push(self.value(value, row, ordinal, text, batch));
            }
            return Ok(values.into());
        }
        let numbers = column.f64()?;
        if let Some(values) = complete(numbers).filter(|values| values.iter().all(|value| value.is_finite()))
        {
            self.numeric.number(ordinal);
            return Ok(values.into());
        }
        for (row, value) in numbers.iter().enumerate() {
            let (value, text) = match value {
                Some(value) if value.is_finite() => (Value::Number(value), String::new()),
                Some(value) => (Value::Odd(FaultKind::NotANumber), value.to_string()),
                None => (Value::Odd(FaultKind::Empty), String::new()),
            };
            values.push(self.value(value, row, ordinal, &text, batch));
        }
        Ok(values.into())
    }

    fn value(&mut self, value: Value, row: usize, ordinal: usize, text: &str, batch: &mut Batch<'_>) -> f64 {
        match value {
            Value::Number(value) => {
                self.numeric.number(ordinal);
                value
            }
            Value::Odd(kind) => batch.odd.nan(kind, row, ordinal, text),
        }
    }

    fn times(&mut self, column: &Column, places: &Places) -> Result<Vec<i64>, RowsError> {
        let mut times = Vec::with_capacity(column.len());
        match column.dtype() {
            DataType::String => {
                for (row, text) in column.str()?.iter().enumerate() {
                    let text = text.unwrap_or_default().trim();
                    if self.form.is_none() {
                        self.form = Form::settle(self.wanted, text);
                    }
                    let ms = self.form.and_then(|form| self.clock.read(form, text));
                    times.push(self.checked(ms, places.of(row), || quoted(text))?);
                }
            }
            DataType::Float32 | DataType::Float64 => {
                for (row, value) in column.cast(&DataType::Float64)?.f64()?.iter().enumerate() {
                    let ms = value.and_then(|value| self.unit(value)?.fraction_to_ms(value));
                    times.push(self.checked(ms, places.of(row), || shown(value))?);
                }
            }
            kind => return self.integer_times(column, unit_of_type(kind), places),
        }
        Ok(times)
    }

    /// The times of a column of integers, dates or timestamps; `typed` is what its type says that it counts.
    fn integer_times(
        &mut self,
        column: &Column,
        typed: Option<TypeUnit>,
        places: &Places,
    ) -> Result<Vec<i64>, RowsError> {
        let column = column.cast(&DataType::Int64)?;
        let integers = column.i64()?;
        let unit =
            |this: &mut Self, value: i64| typed.or_else(|| this.unit(value as f64).map(TypeUnit::Unit));
        if let Some(values) = complete(integers)
            && let Some(unit) = values.first().and_then(|first| unit(self, *first))
        {
            let times: Vec<i64> = values.iter().map(|value| unit.to_ms(*value)).collect();
            if times.iter().all(|ms| in_years(*ms)) {
                return Ok(times);
            }
        }
        let mut times = Vec::with_capacity(integers.len());
        for (row, value) in integers.iter().enumerate() {
            let ms = value.and_then(|value| Some(unit(self, value)?.to_ms(value)));
            times.push(self.checked(ms, places.of(row), || shown(value))?);
        }
        Ok(times)
    }

    /// The unit of numbers, settled by the first; `None` where text is wanted.
    fn unit(&mut self, first: f64) -> Option<Unit> {
        if self.form.is_none() {
            self.form = self.wanted.unit_of(first).map(Form::Epoch);
        }
        match self.form {
            Some(Form::Epoch(unit)) => Some(unit),
            _ => None,
        }
    }

    fn checked(&self, ms: Option<i64>, place: Place, found: impl Fn() -> String) -> Result<i64, InputError> {
        let allowed = match checked(ms, self.form, self.wanted) {
            Ok(ms) => return Ok(ms),
            Err(allowed) => allowed,
        };
        let column = &self.table.names[self.table.time];
        Err(InputError::new(self.file, found(), allowed).at(place).in_column(column))
    }
}

/// What an integer in a column of dates or timestamps counts.
#[derive(Debug, Clone, Copy)]
enum TypeUnit {
    Days,
    Unit(Unit),
}

impl TypeUnit {
    fn to_ms(self, value: i64) -> i64 {
        match self {
            Self::Days => value.saturating_mul(DAY_MS),
            Self::Unit(unit) => unit.to_ms(value),
        }
    }
}

fn unit_of_type(kind: &DataType) -> Option<TypeUnit> {
    match kind {
        DataType::Date => Some(TypeUnit::Days),
        DataType::Datetime(TimeUnit::Milliseconds, _) => Some(TypeUnit::Unit(Unit::Millis)),
        DataType::Datetime(TimeUnit::Microseconds, _) => Some(TypeUnit::Unit(Unit::Micros)),
        DataType::Datetime(TimeUnit::Nanoseconds, _) => Some(TypeUnit::Unit(Unit::Nanos)),
        _ => None,
    }
}

fn shown(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "no time".to_owned(), |value| value.to_string())
}

/// A column of values as floats, or as the text that it is.
fn in_numbers(column: &Column) -> PolarsResult<Column> {
    if column.dtype() == &DataType::String { Ok(column.clone()) } else { column.cast(&DataType::Float64) }
}

/// All of a column that is in one piece and has a number in every row.
fn complete<T: PolarsNumericType>(column: &ChunkedArray<T>) -> Option<&[T::Native]> {
    column.cont_slice().ok()
}

/// The keys of all rows, by the columns of texts that have them; what is missing is empty.
fn keys(columns: &[Column]) -> PolarsResult<Keys<'_>> {
    let texts = columns.iter().map(|column| column.str()).collect::<PolarsResult<Vec<_>>>()?;
    let mut starts: Vec<usize> = texts.iter().flat_map(|column| changes(column)).collect();
    if texts.len() > 1 {
        starts.sort();
        starts.dedup();
    }
    let columns = texts.iter().map(|column| fields(column, &starts)).collect();
    Ok(Keys { starts, columns })
}

fn fields<'f>(column: &'f StringChunked, rows: &[usize]) -> Vec<Cow<'f, str>> {
    rows.iter().map(|row| Cow::Borrowed(column.get(*row).unwrap_or_default())).collect()
}

/// The rows where another text may begin. Texts are held against each other by what stands in their place in the
/// column: the bytes themselves where they are few, else where they lie.
fn changes(column: &StringChunked) -> Vec<usize> {
    if column.has_nulls() {
        return (0..column.len()).collect();
    }
    let mut starts = Vec::new();
    let mut first = 0;
    for chunk in column.downcast_iter() {
        let pairs = chunk.views().windows(2).zip(first + 1..);
        starts.push(first);
        starts.extend(pairs.filter(|(pair, _)| pair[0] != pair[1]).map(|(_, row)| row));
        first += chunk.len();
    }
    starts
}
