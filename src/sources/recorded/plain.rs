//! CSV in one pass over its bytes, at a few nanoseconds a field. Where something in a block is odd (a quote, a
//! blank line, text in place of a value, a time out of form), it gives no answer, and `lines` reads the block
//! instead.

use std::borrow::Cow;

use super::batch::{Batch, OddValues, Places, Value};
use super::blocks::Block;
use super::clock::{Clock, Form, in_years};
use super::decimal::{decimal, integer};
use super::error::Place;
use super::faults::FaultKind;
use super::keys::Keys;
use super::layout::Table;

/// Reads the blocks of one file.
#[derive(Debug)]
pub(super) struct PlainReader {
    roles: Vec<Role>,
    keys: usize,
    values: usize,
    separator: u8,
    form: Form,
    clock: Clock,
}

/// What a column is; values and keys have numbers.
#[derive(Debug, Clone, Copy)]
enum Role {
    Time,
    Value(usize),
    Key(usize),
    Ignored,
}

impl Role {
    fn of(column: usize, table: &Table) -> Self {
        let number = |columns: &[usize]| columns.iter().position(|other| *other == column);
        match (number(&table.values), number(&table.keys)) {
            _ if column == table.time => Self::Time,
            (Some(number), _) => Self::Value(number),
            (_, Some(number)) => Self::Key(number),
            (None, None) => Self::Ignored,
        }
    }
}

/// The columns of a block as they fill.
struct Rows<'b> {
    times: Vec<i64>,
    values: Vec<Vec<f64>>,
    odd: OddValues,
    keys: Keys<'b>,
    /// The key of the last row.
    key: Vec<&'b str>,
}

impl PlainReader {
    pub(super) fn new(table: &Table, separator: u8, form: Form) -> Self {
        Self {
            roles: (0..table.names.len()).map(|column| Role::of(column, table)).collect(),
            keys: table.keys.len(),
            values: table.values.len(),
            separator,
            form,
            clock: Clock::default(),
        }
    }

    /// The rows of `block`, where nothing in it is odd.
    pub(super) fn read<'b>(&mut self, block: &Block<'b>) -> Option<Batch<'b>> {
        let text = std::str::from_utf8(block.bytes).ok()?;
        if !block.is_whole() || memchr::memchr(b'"', block.bytes).is_some() {
            return None;
        }
        let mut rows = Rows {
            times: Vec::with_capacity(block.lines),
            values: vec![Vec::with_capacity(block.lines); self.values],
            odd: OddValues::default(),
            keys: Keys::empty(self.keys),
            key: vec![""; self.keys],
        };
        let mut at = 0;
        while at < text.len() {
            at = self.row(text, at, &mut rows)?;
        }
        Some(Batch {
            times: rows.times,
            keys: rows.keys,
            values: rows.values.into_iter().map(Cow::Owned).collect(),
            places: Places::From(Place::Line(block.first_line)),
            odd: rows.odd,
        })
    }

    /// Reads the row at byte `at` of `text`; states where the next one begins.
    #[inline]
    fn row<'b>(&mut self, text: &'b str, mut at: usize, rows: &mut Rows<'b>) -> Option<usize> {
        let row = rows.times.len();
        let mut new_key = row == 0;
        for column in 0..self.roles.len() {
            let end = if column + 1 == self.roles.len() { b'\n' } else { self.separator };
            match self.roles[column] {
                Role::Time => rows.times.push(self.time(text, &mut at, end)?),
                Role::Value(number) => {
                    let value = match self.value(text, &mut at, end)? {
                        (Value::Number(value), _) => value,
                        (Value::Odd(FaultKind::NotNumeric), _) => return None,
                        (Value::Odd(kind), found) => rows.odd.nan(kind, row, number, found),
                    };
                    rows.values[number].push(value);
                }
                Role::Key(number) => {
                    let known = rows.key[number];
                    let same = text.as_bytes()[at..].starts_with(known.as_bytes());
                    if !(same && passes_end(text, &mut at, known.len(), end)) {
                        rows.key[number] = self.field(text, &mut at, end)?;
                        new_key = true;
                    }
                }
                Role::Ignored => _ = self.field(text, &mut at, end)?,
            }
        }
        if new_key {
            rows.keys.starts.push(row);
            rows.keys.columns.iter_mut().zip(&rows.key).for_each(|(all, key)| all.push(Cow::Borrowed(key)));
        }
        Some(at)
    }

    #[inline]
    fn time(&mut self, text: &str, at: &mut usize, end: u8) -> Option<i64> {
        let ms = match (self.form, integer(&text.as_bytes()[*at..])) {
            (Form::Epoch(unit), Some((value, bytes))) if passes_end(text, at, bytes, end) => {
                unit.to_ms(value)
            }
            _ => {
                let field = self.field(text, at, end)?;
                self.clock.read(self.form, field.trim())?
            }
        };
        in_years(ms).then_some(ms)
    }

    /// The value at `at`, and how it is written where that may have to be told.
    #[inline]
    fn value<'b>(&self, text: &'b str, at: &mut usize, end: u8) -> Option<(Value, &'b str)> {
        match decimal(&text.as_bytes()[*at..]) {
            Some((value, bytes)) if passes_end(text, at, bytes, end) => Some((Value::Number(value), "")),
            _ => {
                let field = self.field(text, at, end)?.trim();
                Some((Value::read(field), field))
            }
        }
    }

    /// The field at `at`, which is passed; `None` where it does not end with `end`: the line has fewer fields than
    /// there are columns, or more.
    #[inline]
    fn field<'b>(&self, text: &'b str, at: &mut usize, end: u8) -> Option<&'b str> {
        let rest = &text[*at..];
        let length = memchr::memchr2(self.separator, b'\n', rest.as_bytes())?;
        if rest.as_bytes()[length] != end {
            return None;
        }
        *at += length + 1;
        let field = &rest[..length];
        Some(if end == b'\n' { field.strip_suffix('\r').unwrap_or(field) } else { field })
    }
}

/// Whether the field at `at` ends with `end` after so many bytes; then it is passed.
#[inline]
fn passes_end(text: &str, at: &mut usize, bytes: usize, end: u8) -> bool {
    let length = match text.as_bytes()[*at + bytes..] {
        [byte, ..] if byte == end => 1,
        [b'\r', b'\n', ..] if end == b'\n' => 2,
        _ => return false,
    };
    *at += bytes + length;
    true
}

#[cfg(test)]
mod tests {
    use super::super::batch::Numeric;
    use super::super::clock::TimestampForm;
    use super::super::layout::{ColumnNames, Layout};
    use super::super::lines::LineReader;
    use super::*;

    /// The key of each row.
    fn keys<'a>(batch: &'a Batch<'_>) -> Vec<Vec<&'a str>> {
        let key = |row| batch.keys.columns.iter().map(|column| &*column[batch.keys.run_of(row)]).collect();
        (0..batch.times.len()).map(key).collect()
    }

    /// What both readers say about `rows`; the fast one may say nothing.
    fn both(header: &str, rows: &str, check: impl Fn(Option<&Batch<'_>>, &Batch<'_>)) {
        let names = header.split(',').map(str::to_owned).collect();
        let wanted = ColumnNames { ignore: vec!["note".into()], ..ColumnNames::default() };
        let table = Table::recognise("x.csv", names, Layout::Auto, &wanted).expect("a table");
        let block = Block { bytes: rows.as_bytes(), first_line: 2, lines: rows.matches('\n').count() };
        let mut exact = LineReader::new("x.csv", &table, b',', TimestampForm::Auto);
        let lines = exact.read(&block, &mut Numeric::new(&table)).expect("readable");
        let mut fast = PlainReader::new(&table, b',', exact.form().expect("a form"));
        check(fast.read(&block).as_ref(), &lines.batch);
    }

    #[test]
    fn what_is_not_odd_is_read_as_line_by_line() {
        let long = "timestamp,series,note,value";
        for (header, rows) in [
            (long, "60,a,x,1\n120,,,-2.5e-3\n120,b b,é, 7 \n"),
            ("value,timestamp,series", "1,60,a\n2,60,a\r\n3,60,a\r\r\n4, 60,ab\n5,60,a\n"),
            (long, "60,a,x,1\r\n120.5,b,,2\r\n"),
            (long, "2024-01-01 00:00,a,,1\n2024-01-02 00:00:00.5,a,,2\n"),
            (long, "60,a,,\n120,a,x,NaN\n180,b,, \n240,b,,-inf\n300,a,,1\n"),
            ("a,time,b", "1,2024-01-01T00:00:00Z,2\n3,2024-01-01T01:30:00+01:00,4\n"),
        ] {
            both(header, rows, |fast, exact| {
                let fast = fast.expect("nothing is odd");
                let numbers = |batch: &Batch<'_>| format!("{:?} {:?}", batch.values, batch.odd);
                assert_eq!((&fast.times, numbers(fast)), (&exact.times, numbers(exact)));
                assert_eq!(keys(fast), keys(exact));
                let rows = 0..exact.times.len();
                let places =
                    |batch: &Batch<'_>| rows.clone().map(|row| batch.places.of(row)).collect::<Vec<_>>();
                assert_eq!(places(fast), places(exact));
            });
        }
    }

    #[test]
    fn what_is_odd_is_left_to_the_lines() {
        for odd in ["120,a,n/a\n", "\n", "\r\n", "120,\"a\",1\n"] {
            both("timestamp,series,value", &format!("60,a,1\n{odd}180,a,2\n"), |fast, _| {
                assert_eq!(fast, None, "{odd}")
            });
        }
    }
}
