//! A Parquet file, a stretch of rows at a time.

use std::borrow::Cow;
use std::fs::File;
use std::sync::Arc;

use polars::io::parquet::metadata::FileMetadataRef;
use polars::prelude::{
    ArrowDataType, ArrowSchema, Column, DataFrame, DataType, ParallelStrategy, ParquetReader, PolarsError,
    PolarsResult, SerReader, TimeUnit,
};
use quietgate_detectors::DAY_MS;

use super::batch::{Batch, Numeric, Places, Value};
use super::clock::{Clock, Form, TimestampForm, Unit, checked};
use super::collector::Collector;
use super::error::{InputError, Place, quoted};
use super::faults::FaultKind;
use super::hush;
use super::layout::Table;
use super::open::damaged;
use super::reading::{Progress, Reading};
use super::router::Router;

/// Rows that are read at once: as many as the largest common row group has.
const ROWS: usize = 1 << 20;
/// Value columns of a wide table that are read at once: with [`ROWS`] they take 128 MiB.
const WIDE_COLUMNS: usize = 16;

/// Reads all of `file`, which came out of a stream packed by `packed`, if by any.
pub(super) fn read(
    file: &File,
    packed: Option<&'static str>,
    reading: &Reading<'_>,
    collector: &mut Collector,
    progress: &mut Progress<'_>,
) -> Result<(), InputError> {
    let broken = |cause: PolarsError| damaged_file(reading.file, packed, cause);
    let (schema, metadata) = caught(|| {
        let mut reader = open(file)?;
        Ok((reader.schema()?, Arc::clone(reader.get_metadata()?)))
    })
    .map_err(broken)?;
    let names = schema.iter_names().map(ToString::to_string).collect();
    let table = Table::recognise(reading.file, names, reading.options.layout, &reading.options.columns)?;
    check_types(reading.file, &table, &schema)?;
    if metadata.num_rows == 0 {
        return Err(InputError::new(reading.file, "columns without a row", "at least one row"));
    }
    let size = file.metadata().map_or(0, |metadata| metadata.len());
    let parts = table.in_parts(WIDE_COLUMNS);
    let mut readers: Vec<_> = parts.iter().map(|part| RowReader::new(reading, part)).collect();
    for first in (0..metadata.num_rows).step_by(ROWS) {
        if progress.stopped() {
            return Ok(());
        }
        let rows = ROWS.min(metadata.num_rows - first);
        for part in &mut readers {
            let frame = caught(|| frame(file, &metadata, part.table, first, rows)).map_err(broken)?;
            part.rows(&frame, first, collector).map_err(|error| error.or_damaged(broken))?;
        }
        if packed.is_none() {
            progress.consumed(size * (first + rows) as u64 / metadata.num_rows as u64);
        }
        progress.advanced(rows as u64);
    }
    readers.iter().try_for_each(|part| part.numeric.check(reading.file, part.table, true))
}

/// The columns of `table` in `rows` rows from row `first` on.
fn frame(
    file: &File,
    metadata: &FileMetadataRef,
    table: &Table,
    first: usize,
    rows: usize,
) -> PolarsResult<DataFrame> {
    let mut reader = open(file)?;
    reader.set_metadata(Arc::clone(metadata));
    let frame = reader
        .with_projection(Some(table.used().collect()))
        .with_slice(Some((first, rows)))
        .read_parallel(ParallelStrategy::RowGroups)
        .finish()?;
    if frame.columns().iter().all(|column| column.len() == rows) {
        Ok(frame)
    } else {
        Err(PolarsError::ShapeMismatch(format!("columns with another number of rows than {rows}").into()))
    }
}

/// Does `read`. On damaged files polars panics where it should state an error; here it is one.
fn caught<T>(read: impl FnOnce() -> PolarsResult<T>) -> PolarsResult<T> {
    hush::caught(read).unwrap_or_else(|| Err(PolarsError::ComputeError("the content makes no sense".into())))
}

fn open(file: &File) -> PolarsResult<ParquetReader<File>> {
    Ok(ParquetReader::new(file.try_clone()?))
}

fn damaged_file(name: &str, packed: Option<&str>, cause: PolarsError) -> InputError {
    match packed {
        Some(packing) => damaged(name, &format!("Parquet file in a {packing}")),
        None => InputError::new(name, "a damaged Parquet file", "a whole Parquet file"),
    }
    .because(cause)
}

/// Refuses a column of a type that cannot be what it is taken for, before polars is asked to read it.
fn check_types(file: &str, table: &Table, schema: &ArrowSchema) -> Result<(), InputError> {
    use ArrowDataType as T;
    const NUMBERS: &str = "integers of 32 or 64 bits, floats of 32 or 64 bits, text";
    let number =
        |kind: &T| matches!(kind, T::Int32 | T::Int64 | T::UInt32 | T::UInt64 | T::Float32 | T::Float64);
    let text = |kind: &T| matches!(kind, T::Utf8 | T::LargeUtf8 | T::Utf8View);
    let date = |kind: &T| matches!(kind, T::Date32 | T::Date64 | T::Timestamp(..));
    for (column, (name, field)) in schema.iter().enumerate() {
        let kind = field.dtype();
        let (fits, allowed) = if column == table.time {
            (number(kind) || text(kind) || date(kind), format!("dates, timestamps, {NUMBERS}"))
        } else if table.values.contains(&column) {
            (number(kind) || text(kind), NUMBERS.to_owned())
        } else if table.keys.contains(&column) {
            (number(kind) || text(kind) || *kind == T::Boolean, format!("booleans, {NUMBERS}"))
        } else {
            continue;
        };
        if !fits {
            return Err(InputError::new(file, format!("the type {kind:?}"), allowed).in_column(name));
        }
    }
    Ok(())
}

/// Why rows cannot be used.
enum RowsError {
    Input(InputError),
    Polars(PolarsError),
}

impl RowsError {
    fn or_damaged(self, damaged: impl Fn(PolarsError) -> InputError) -> InputError {
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
struct RowReader<'t> {
    file: &'t str,
    table: &'t Table,
    wanted: TimestampForm,
    form: Option<Form>,
    clock: Clock,
    numeric: Numeric,
    router: Router<'t>,
}

impl<'t> RowReader<'t> {
    fn new(reading: &Reading<'t>, table: &'t Table) -> Self {
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
    fn rows(&mut self, frame: &DataFrame, before: usize, collector: &mut Collector) -> Result<(), RowsError> {
        let places = Places::From(Place::Row(before as u64 + 1));
        let column = |number: usize| frame.column(&self.table.names[number]);
        let texts: PolarsResult<Vec<Column>> =
            self.table.keys.iter().map(|number| column(*number)?.cast(&DataType::String)).collect();
        let texts = texts?;
        let times = column(self.table.time)?;
        let values: PolarsResult<Vec<&Column>> =
            self.table.values.iter().map(|number| column(*number)).collect();
        let mut batch = Batch { places, ..Batch::default() };
        batch.times = self.times(times, &batch.places)?;
        for (ordinal, column) in values?.into_iter().enumerate() {
            let values = self.values(column, ordinal, &mut batch)?;
            batch.values.push(values);
        }
        for column in &texts {
            let keys = column.str()?.iter().map(|text| Cow::Borrowed(text.unwrap_or_default())).collect();
            batch.keys.push(keys);
        }
        self.router.route(&batch, collector)?;
        self.numeric.check(self.file, self.table, false)?;
        Ok(())
    }

    fn values(
        &mut self,
        column: &Column,
        ordinal: usize,
        batch: &mut Batch<'_>,
    ) -> Result<Vec<f64>, RowsError> {
        let mut values = Vec::with_capacity(column.len());
        if let Ok(texts) = column.str() {
            for (row, text) in texts.iter().enumerate() {
                let text = text.unwrap_or_default().trim();
                let value = Value::read(text);
                if value == Value::Odd(FaultKind::NotNumeric) {
                    self.numeric.text(ordinal, batch.places.of(row), text);
                }
                values.push(self.value(value, row, ordinal, text, batch));
            }
            return Ok(values);
        }
        for (row, value) in column.cast(&DataType::Float64)?.f64()?.iter().enumerate() {
            match value {
                Some(value) if value.is_finite() => {
                    self.numeric.number(ordinal);
                    values.push(value);
                }
                Some(value) => {
                    let odd = Value::Odd(FaultKind::NotANumber);
                    values.push(self.value(odd, row, ordinal, &value.to_string(), batch));
                }
                None => values.push(self.value(Value::Odd(FaultKind::Empty), row, ordinal, "", batch)),
            }
        }
        Ok(values)
    }

    fn value(&mut self, value: Value, row: usize, ordinal: usize, text: &str, batch: &mut Batch<'_>) -> f64 {
        match value {
            Value::Number(value) => {
                self.numeric.number(ordinal);
                value
            }
            Value::Odd(kind) => {
                batch.odd.add(kind, row, ordinal, text);
                f64::NAN
            }
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
            kind => {
                let typed = unit_of_type(kind);
                for (row, value) in column.cast(&DataType::Int64)?.i64()?.iter().enumerate() {
                    let ms = value.and_then(|value| match typed {
                        Some(TypeUnit::Days) => value.checked_mul(DAY_MS),
                        Some(TypeUnit::Unit(unit)) => Some(unit.to_ms(value)),
                        None => self.unit(value as f64).map(|unit| unit.to_ms(value)),
                    });
                    times.push(self.checked(ms, places.of(row), || shown(value))?);
                }
            }
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
