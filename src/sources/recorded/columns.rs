//! CSV column by column, by polars: the fast way through blocks in which nothing is odd. Where
//! anything is (quotes, blank lines, a value that is no number, a time out of form), it gives no
//! answer, and `lines` reads the block instead.

use std::borrow::Cow;
use std::io::Cursor;
use std::sync::Arc;

use polars::prelude::{Column, CsvParseOptions, CsvReadOptions, DataFrame, DataType, Schema, SerReader};

use super::batch::{Batch, Places};
use super::blocks::Block;
use super::clock::{Clock, Form, Unit, in_years};
use super::error::Place;
use super::layout::Table;

/// Reads the blocks of one file.
#[derive(Debug)]
pub(super) struct ColumnReader<'t> {
    table: &'t Table,
    separator: u8,
    form: Form,
    /// Whether a time had a fraction, so that integers will not do.
    fractions: bool,
    threads: Option<usize>,
}

impl<'t> ColumnReader<'t> {
    pub(super) fn new(table: &'t Table, separator: u8, form: Form, threads: Option<usize>) -> Self {
        Self { table, separator, form, fractions: false, threads }
    }

    /// The columns of `block`, where nothing in it is odd at first sight.
    ///
    /// All columns are read, also those that are ignored: only then polars refuses a line with too many
    /// fields, and together with the number of separators no line has too few.
    pub(super) fn parse(&mut self, block: &Block<'_>) -> Option<DataFrame> {
        let rows = block.lines;
        let count = |byte| memchr::memchr_iter(byte, block.bytes).count();
        let plain = block.is_whole()
            && count(self.separator) == rows * (self.table.names.len() - 1)
            && memchr::memchr(b'"', block.bytes).is_none()
            && (memchr::memchr(b'\r', block.bytes).is_none() || count(b'\r') == rows);
        if !plain {
            return None;
        }
        let frame = self.frame(block.bytes, self.fractions).or_else(|| {
            let frame = self.may_have_fractions().then(|| self.frame(block.bytes, true))?;
            self.fractions |= frame.is_some();
            frame
        })?;
        (frame.height() == rows).then_some(frame)
    }

    /// Integers of these units are exact as floats, so that both ways to read them agree.
    fn may_have_fractions(&self) -> bool {
        !self.fractions && matches!(self.form, Form::Epoch(Unit::Seconds | Unit::Millis))
    }

    fn frame(&self, bytes: &[u8], fractions: bool) -> Option<DataFrame> {
        let options = CsvReadOptions::default()
            .with_has_header(false)
            .with_schema(Some(Arc::new(self.schema(fractions))))
            .with_n_threads(self.threads)
            .with_parse_options(
                CsvParseOptions::default()
                    .with_separator(self.separator)
                    .with_quote_char(None)
                    .with_missing_is_null(false),
            );
        options.into_reader_with_file_handle(Cursor::new(bytes)).finish().ok()
    }

    /// Names are numbers: the names of the file need not be unique where they are ignored.
    fn schema(&self, fractions: bool) -> Schema {
        let column = |number: usize| {
            let kind = match self.form {
                _ if self.table.values.contains(&number) => DataType::Float64,
                Form::Epoch(_) if number == self.table.time && fractions => DataType::Float64,
                Form::Epoch(_) if number == self.table.time => DataType::Int64,
                _ => DataType::String,
            };
            (number.to_string().into(), kind)
        };
        (0..self.table.names.len()).map(column).collect()
    }

    /// The rows of `frame`, where nothing in them is odd.
    pub(super) fn batch<'f>(&self, frame: &'f DataFrame, first_line: u64) -> Option<Batch<'f>> {
        let columns = frame.columns();
        let values: Option<Vec<Vec<f64>>> =
            self.table.values.iter().map(|number| numbers(&columns[*number])).collect();
        let keys: Option<Vec<_>> = self.table.keys.iter().map(|number| texts(&columns[*number])).collect();
        Some(Batch {
            times: self.times(&columns[self.table.time])?,
            keys: keys?,
            values: values?,
            places: Places::From(Place::Line(first_line)),
            ..Batch::default()
        })
    }

    fn times(&self, column: &Column) -> Option<Vec<i64>> {
        let times = match self.form {
            Form::Epoch(unit) if self.fractions => numbers(column)?
                .into_iter()
                .map(|value| unit.fraction_to_ms(value))
                .collect::<Option<Vec<_>>>()?,
            Form::Epoch(unit) => epochs(column, unit)?,
            form => {
                let mut clock = Clock::default();
                column.str().ok()?.iter().map(|text| clock.read(form, text?)).collect::<Option<Vec<_>>>()?
            }
        };
        times.iter().all(|ms| in_years(*ms)).then_some(times)
    }
}

fn epochs(column: &Column, unit: Unit) -> Option<Vec<i64>> {
    let column = column.i64().ok().filter(|column| column.null_count() == 0)?;
    let mut times = Vec::with_capacity(column.len());
    for chunk in column.downcast_iter() {
        times.extend(chunk.values().iter().map(|value| unit.to_ms(*value)));
    }
    Some(times)
}

fn numbers(column: &Column) -> Option<Vec<f64>> {
    let column = column.f64().ok().filter(|column| column.null_count() == 0)?;
    let mut values = Vec::with_capacity(column.len());
    for chunk in column.downcast_iter() {
        values.extend_from_slice(chunk.values());
    }
    values.iter().all(|value| value.is_finite()).then_some(values)
}

fn texts(column: &Column) -> Option<Vec<Cow<'_, str>>> {
    let column = column.str().ok().filter(|column| column.null_count() == 0)?;
    let mut texts = Vec::with_capacity(column.len());
    for chunk in column.downcast_iter() {
        texts.extend(chunk.values_iter().map(Cow::Borrowed));
    }
    Some(texts)
}

#[cfg(test)]
mod tests {
    use super::super::batch::Numeric;
    use super::super::clock::TimestampForm;
    use super::super::layout::{ColumnNames, Layout};
    use super::super::lines::LineReader;
    use super::*;

    /// What both readers say about `rows`; the fast one may say nothing.
    fn both(header: &str, rows: &str, check: impl Fn(Option<&Batch<'_>>, &Batch<'_>)) {
        let names = header.split(',').map(str::to_owned).collect();
        let wanted = ColumnNames { ignore: vec!["note".into()], ..ColumnNames::default() };
        let table = Table::recognise("x.csv", names, Layout::Auto, &wanted).expect("a table");
        let block = Block { bytes: rows.as_bytes(), first_line: 2, lines: rows.matches('\n').count() };
        let mut exact = LineReader::new("x.csv", &table, b',', TimestampForm::Auto);
        let lines = exact.read(&block, &mut Numeric::new(&table)).expect("readable");
        let mut fast = ColumnReader::new(&table, b',', exact.form().expect("a form"), None);
        let frame = fast.parse(&block);
        check(frame.as_ref().and_then(|frame| fast.batch(frame, 2)).as_ref(), &lines.batch);
    }

    #[test]
    fn what_is_not_odd_is_read_as_line_by_line() {
        let long = "timestamp,series,note,value";
        for (header, rows) in [
            (long, "60,a,x,1\n120,,,-2.5e-3\n120,b b,é, 7\n"),
            (long, "60,a,x,1\r\n120.5,b,,2\r\n"),
            (long, "2024-01-01 00:00,a,,1\n2024-01-02 00:00:00.5,a,,2\n"),
            ("a,time,b", "1,2024-01-01T00:00:00Z,2\n3,2024-01-01T01:30:00+01:00,4\n"),
        ] {
            both(header, rows, |fast, exact| {
                let fast = fast.expect("nothing is odd");
                assert_eq!(
                    (&fast.times, &fast.keys, &fast.values),
                    (&exact.times, &exact.keys, &exact.values)
                );
                let places = |batch: &Batch<'_>| (0..2).map(|row| batch.places.of(row)).collect::<Vec<_>>();
                assert_eq!(places(fast), places(exact));
            });
        }
    }

    #[test]
    fn what_is_odd_is_left_to_the_lines() {
        for odd in
            ["120,a,\n", "120,a,n/a\n", "120,a,NaN\n", "\n", "120,\"a\",1\n", "120,a,1 \n", "120,a\r,1\n"]
        {
            both("timestamp,series,value", &format!("60,a,1\n{odd}180,a,2\n"), |fast, _| {
                assert_eq!(fast, None, "{odd}")
            });
        }
    }
}
