//! A CSV file from its header to its last line, block by block.

use std::io::Read;

use super::batch::Numeric;
use super::blocks::{Block, BlockError, Blocks};
use super::collector::Collector;
use super::error::{InputError, Place, quoted};
use super::faults::FaultKind;
use super::fields;
use super::layout::Table;
use super::lines::LineReader;
use super::open::damaged;
use super::plain::PlainReader;
use super::reading::{Progress, Reading};
use super::router::Router;

const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Reads all of `text`, which came out of a stream packed by `packed`, if by any.
pub(super) fn read(
    text: Box<dyn Read>,
    packed: Option<&'static str>,
    reading: &Reading<'_>,
    collector: &mut Collector,
    progress: &mut Progress<'_>,
) -> Result<(), InputError> {
    let mut blocks = Blocks::new(text, reading.block_bytes);
    let failed = |error, line| unreadable(reading.file, packed, error, line);
    let (line, header) = loop {
        let line = blocks.next_line();
        match blocks.line() {
            Ok(Some(text)) if is_blank(&text) => {}
            Ok(Some(text)) => break (line, text),
            Ok(None) => {
                return Err(InputError::new(reading.file, "no line", "a header and at least one row"));
            }
            Err(error) => return Err(failed(error, line)),
        }
    };
    let (table, separator) = header_table(&header, reading).map_err(|error| error.at(Place::Line(line)))?;
    let mut csv = CsvReader::new(reading, &table, separator);
    loop {
        if progress.stopped() {
            return Ok(());
        }
        let line = blocks.next_line();
        match blocks.next() {
            Ok(Some(block)) => progress.advanced(csv.block(&block, collector)?),
            Ok(None) => break,
            Err(error) => return Err(failed(error, line)),
        }
    }
    if let Some((line, packing)) = blocks.cut_off().zip(packed) {
        let found = format!("the {packing} stream ends within it");
        collector.fault(FaultKind::Truncated, (Place::Line(line), 0), None, Some(found));
    }
    csv.end()
}

fn is_blank(line: &[u8]) -> bool {
    line.iter().all(|byte| matches!(byte, b'\r' | b'\n'))
}

/// The columns by the header line, and the separator.
pub(super) fn header_table(header: &[u8], reading: &Reading<'_>) -> Result<(Table, u8), InputError> {
    let is_text = |text: &&str| !text.trim_end().chars().any(|c| c.is_control() && c != '\t');
    let Some(header) = std::str::from_utf8(header).ok().filter(is_text) else {
        return Err(InputError::new(reading.file, "bytes that are no text", "a header line in UTF-8"));
    };
    let header = header.strip_prefix(BYTE_ORDER_MARK).unwrap_or(header).trim_end_matches(['\r', '\n']);
    let separator = fields::separator(header);
    let mut names = Vec::new();
    fields::split(header, separator, &mut names)
        .map_err(|error| InputError::new(reading.file, error.found(), error.allowed()))?;
    let names = names.iter().map(|name| name.trim().to_owned()).collect();
    let table = Table::recognise(reading.file, names, reading.options.layout, &reading.options.columns)?;
    Ok((table, separator))
}

fn unreadable(file: &str, packed: Option<&'static str>, error: BlockError, line: u64) -> InputError {
    let error = match (error, packed) {
        (BlockError::LongLine, _) => InputError::new(file, "a line of more than 64 MiB", "shorter lines"),
        (BlockError::Io(cause), Some(packing)) => damaged(file, packing).because(cause),
        (BlockError::Io(cause), None) => {
            InputError::new(file, "a file that cannot be read on", "").because(cause)
        }
    };
    error.at(Place::Line(line))
}

/// Reads the blocks of one file.
struct CsvReader<'t> {
    file: &'t str,
    table: &'t Table,
    lines: LineReader<'t>,
    plain: Option<PlainReader>,
    numeric: Numeric,
    router: Router<'t>,
    rows: u64,
    /// The broken last line, where there is one.
    broken: Option<String>,
}

impl<'t> CsvReader<'t> {
    fn new(reading: &Reading<'t>, table: &'t Table, separator: u8) -> Self {
        Self {
            file: reading.file,
            table,
            lines: LineReader::new(reading.file, table, separator, reading.options.timestamps),
            plain: None,
            numeric: Numeric::new(table),
            router: Router::new(table, reading.file, reading.stem),
            rows: 0,
            broken: None,
        }
    }

    /// Reads one block; states the number of its rows.
    fn block(&mut self, block: &Block<'_>, collector: &mut Collector) -> Result<u64, InputError> {
        let rows = match self.at_once(block, collector)? {
            Some(rows) => rows,
            None => self.by_lines(block, collector)?,
        };
        self.rows += rows;
        Ok(rows)
    }

    /// The fast way; `None` where something in the block is odd.
    fn at_once(&mut self, block: &Block<'_>, collector: &mut Collector) -> Result<Option<u64>, InputError> {
        self.lines.settle(block);
        let Some(form) = self.lines.form() else { return Ok(None) };
        let separator = self.lines.separator();
        let plain = self.plain.get_or_insert_with(|| PlainReader::new(self.table, separator, form));
        let Some(batch) = plain.read(block) else { return Ok(None) };
        self.numeric.no_text(&batch);
        self.router.route(&batch, collector)?;
        Ok(Some(batch.times.len() as u64))
    }

    /// The exact way.
    fn by_lines(&mut self, block: &Block<'_>, collector: &mut Collector) -> Result<u64, InputError> {
        let lines = self.lines.read(block, &mut self.numeric)?;
        self.router.route(&lines.batch, collector)?;
        if let Some((line, text)) = lines.broken {
            let text = quoted(&text);
            self.broken = Some(text.clone());
            collector.fault(FaultKind::Truncated, (Place::Line(line), 0), None, Some(text));
        }
        self.numeric.check(self.file, self.table, false)?;
        Ok(lines.batch.times.len() as u64)
    }

    /// Checks what only the whole file shows.
    fn end(&self) -> Result<(), InputError> {
        if self.rows == 0 {
            let found = self.broken.as_ref().map_or("a header without a row".to_owned(), |line| {
                format!("a header and the broken line {line}")
            });
            return Err(InputError::new(self.file, found, "at least one row"));
        }
        self.numeric.check(self.file, self.table, true)
    }
}
