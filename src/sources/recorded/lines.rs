//! CSV line by line: exact about every place and every oddity. What this reader says about a file is
//! the definition; `plain` is the fast way to the same answer for blocks without oddities.

use std::borrow::Cow;

use super::batch::{Batch, Numeric, Places, Value};
use super::blocks::Block;
use super::clock::{Clock, Form, TimestampForm, checked};
use super::error::{InputError, Place, quoted};
use super::faults::FaultKind;
use super::fields;
use super::layout::Table;

/// Reads the lines of one file.
#[derive(Debug)]
pub(super) struct LineReader<'t> {
    file: &'t str,
    table: &'t Table,
    separator: u8,
    wanted: TimestampForm,
    form: Option<Form>,
    clock: Clock,
}

/// The rows of a block and what was left out of it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Lines<'a> {
    pub(super) batch: Batch<'a>,
    /// The last line of the file, where it is broken and has no line end: its number and its text.
    pub(super) broken: Option<(u64, String)>,
}

impl<'t> LineReader<'t> {
    pub(super) fn new(file: &'t str, table: &'t Table, separator: u8, wanted: TimestampForm) -> Self {
        Self { file, table, separator, wanted, form: None, clock: Clock::default() }
    }

    pub(super) fn separator(&self) -> u8 {
        self.separator
    }

    /// The form of the timestamps; none before the first row was seen.
    pub(super) fn form(&self) -> Option<Form> {
        self.form
    }

    /// Settles the form by the first row of `block`, where that row has a time.
    pub(super) fn settle(&mut self, block: &Block<'_>) {
        let mut fields = Vec::new();
        let first = block.bytes.split(|byte| *byte == b'\n').map(without_cr).find(|line| !line.is_empty());
        let line = first.and_then(|line| std::str::from_utf8(line).ok());
        if self.form.is_none()
            && let Some(line) = line
            && fields::split(line, self.separator, &mut fields).is_ok()
            && let Some(time) = fields.get(self.table.time)
        {
            self.form = Form::settle(self.wanted, time.trim());
        }
    }

    /// Reads all lines of `block`.
    pub(super) fn read<'b>(
        &mut self,
        block: &Block<'b>,
        numeric: &mut Numeric,
    ) -> Result<Lines<'b>, InputError> {
        let mut lines = Lines { batch: Batch::empty(self.table), broken: None };
        let text = match std::str::from_utf8(block.bytes) {
            Ok(text) => text,
            Err(_) if !block.is_whole() => {
                lines.broken = Some((block.first_line, String::from_utf8_lossy(block.bytes).into_owned()));
                return Ok(lines);
            }
            Err(cause) => return Err(self.not_utf8(block, cause)),
        };
        let mut places = Vec::with_capacity(block.lines);
        let mut fields = Vec::new();
        for (number, line) in (block.first_line..).zip(text.split_terminator('\n')) {
            let line = line.strip_suffix('\r').unwrap_or(line);
            if line.is_empty() {
                continue;
            }
            if !block.is_whole() && self.is_broken(line, number, &mut fields) {
                lines.broken = Some((number, line.to_owned()));
                continue;
            }
            self.row(line, number, &mut fields, &mut lines.batch, numeric)?;
            places.push(number);
        }
        lines.batch.places = Places::Lines(places);
        Ok(lines)
    }

    /// Whether the last line of the file, which has no line end, was only half written.
    fn is_broken<'b>(&mut self, line: &'b str, number: u64, fields: &mut Vec<Cow<'b, str>>) -> bool {
        if fields::split(line, self.separator, fields).is_err() || fields.len() != self.table.names.len() {
            return true;
        }
        let last = fields.len() - 1;
        let odd =
            matches!(Value::read(fields[last].trim()), Value::Odd(FaultKind::Empty | FaultKind::NotNumeric));
        (odd && self.table.values.contains(&last)) || self.time(&fields[self.table.time], number).is_err()
    }

    fn row<'b>(
        &mut self,
        line: &'b str,
        number: u64,
        fields: &mut Vec<Cow<'b, str>>,
        batch: &mut Batch<'b>,
        numeric: &mut Numeric,
    ) -> Result<(), InputError> {
        let place = Place::Line(number);
        fields::split(line, self.separator, fields)
            .map_err(|error| InputError::new(self.file, error.found(), error.allowed()).at(place))?;
        let columns = self.table.names.len();
        if fields.len() != columns {
            let found = format!("{} of {columns} fields in {}", fields.len(), quoted(line));
            let allowed = format!("{columns} fields as in the header");
            return Err(InputError::new(self.file, found, allowed).at(place));
        }
        let row = batch.times.len();
        batch.times.push(self.time(&fields[self.table.time], number)?);
        for (ordinal, column) in self.table.values.iter().enumerate() {
            let text = fields[*column].trim();
            let value = match Value::read(text) {
                Value::Number(value) => {
                    numeric.number(ordinal);
                    value
                }
                Value::Odd(kind) => {
                    if kind == FaultKind::NotNumeric {
                        numeric.text(ordinal, place, text);
                    }
                    batch.odd.nan(kind, row, ordinal, text)
                }
            };
            batch.values[ordinal].to_mut().push(value);
        }
        batch.keys.starts.push(row);
        for (keys, column) in batch.keys.columns.iter_mut().zip(&self.table.keys) {
            keys.push(std::mem::take(&mut fields[*column]));
        }
        Ok(())
    }

    fn time(&mut self, text: &str, number: u64) -> Result<i64, InputError> {
        let text = text.trim();
        if self.form.is_none() {
            self.form = Form::settle(self.wanted, text);
        }
        let ms = self.form.and_then(|form| self.clock.read(form, text));
        let allowed = match checked(ms, self.form, self.wanted) {
            Ok(ms) => return Ok(ms),
            Err(allowed) => allowed,
        };
        let found = if text.is_empty() { "no time".to_owned() } else { quoted(text) };
        let column = &self.table.names[self.table.time];
        Err(InputError::new(self.file, found, allowed).at(Place::Line(number)).in_column(column))
    }

    fn not_utf8(&self, block: &Block<'_>, cause: std::str::Utf8Error) -> InputError {
        let before = &block.bytes[..cause.valid_up_to()];
        let line = block.first_line + memchr::memchr_iter(b'\n', before).count() as u64;
        InputError::new(self.file, "bytes that are not UTF-8", "text in UTF-8")
            .at(Place::Line(line))
            .because(cause)
    }
}

fn without_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}
