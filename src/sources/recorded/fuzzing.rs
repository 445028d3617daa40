//! For fuzzers and tests alone: what must hold of recorded CSV.

use super::batch::{Batch, Numeric};
use super::blocks::Block;
use super::clock::TimestampForm;
use super::collector::Collector;
use super::csv::{header_table, read};
use super::lines::LineReader;
use super::plain::PlainReader;
use super::reading::{Progress, Reading};
use super::{ReadOptions, Recording};
use std::io::Cursor;

/// A file: the fast reader says what the exact one says, or nothing; and where its blocks are cut changes nothing but which of
/// several mistakes is told.
pub fn csv(bytes: &[u8]) {
    both(bytes);
    let whole = told(bytes, 1 << 20);
    for block_bytes in [1, 40] {
        assert_eq!(told(bytes, block_bytes).ok(), whole.clone().ok(), "in blocks of {block_bytes}");
    }
}

fn both(bytes: &[u8]) -> Option<()> {
    let options = ReadOptions::default();
    let reading = Reading { file: "f.csv", stem: "f", options: &options, block_bytes: 0 };
    let (header, rows) = bytes.split_at(bytes.iter().position(|byte| *byte == b'\n')? + 1);
    let (table, separator) = header_table(header, &reading).ok()?;
    let lines = rows.iter().filter(|byte| **byte == b'\n').count();
    let block = Block { bytes: rows, first_line: 2, lines };
    let mut exact = LineReader::new("f.csv", &table, separator, TimestampForm::Auto);
    exact.settle(&block);
    let fast = PlainReader::new(&table, separator, exact.form()?).read(&block)?;
    let (mut by_lines, mut at_once) = (Numeric::new(&table), Numeric::new(&table));
    let exact = exact.read(&block, &mut by_lines).expect("where nothing is odd, nothing is wrong");
    at_once.no_text(&fast);
    assert_eq!(rows_of(&fast), rows_of(&exact.batch));
    assert_eq!(exact.broken, None);
    let numbers = |numeric: &Numeric| numeric.check("f.csv", &table, true).map_err(|error| error.to_string());
    assert_eq!(numbers(&at_once), numbers(&by_lines));
    Some(())
}

/// Each row with its place, time, key and values to the last bit; and what is odd.
fn rows_of(batch: &Batch<'_>) -> (Vec<String>, String) {
    let row = |row: usize| {
        let run = batch.keys.run_of(row);
        let keys: Vec<_> = batch.keys.columns.iter().map(|column| &column[run]).collect();
        let bits: Vec<_> = batch.values.iter().map(|column| column[row].to_bits()).collect();
        format!("{:?} {} {keys:?} {bits:?}", batch.places.of(row), batch.times[row])
    };
    ((0..batch.times.len()).map(row).collect(), format!("{:?}", batch.odd))
}

/// All that is said of a file which is read in blocks of so many bytes.
fn told(bytes: &[u8], block_bytes: usize) -> Result<String, String> {
    let options = ReadOptions::default();
    let reading = Reading { file: "f.csv", stem: "f", options: &options, block_bytes };
    let mut collector = Collector::new(options.memory_bytes, std::env::temp_dir());
    collector.begin_file("f.csv");
    let text = Box::new(Cursor::new(bytes.to_vec()));
    let done = read(text, None, &reading, &mut collector, &mut Progress::new(&()));
    let recording = done.and_then(|()| collector.finish(false)).map_err(|error| error.to_string())?;
    Ok(shown(&recording))
}

fn shown(recording: &Recording) -> String {
    let mut out = String::new();
    for (number, info) in recording.series().iter().enumerate() {
        let samples = recording.samples(number).expect("it is in memory");
        assert_eq!(samples.len() as u64, info.samples);
        let times = samples.iter().map(|sample| sample.at);
        assert_eq!((times.clone().min(), times.max()), (Some(info.first), Some(info.last)));
        let bits: Vec<_> =
            samples.iter().map(|sample| (sample.at.as_millis(), sample.value.to_bits())).collect();
        out += &format!("{info:?} {bits:?}\n");
    }
    out + &recording.faults().to_string()
}
