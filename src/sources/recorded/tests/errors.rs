//! Files that are not what they say, and what is said about them.

use std::error::Error;

use super::*;
use crate::sources::recorded::{Layout, TimestampForm};

fn refused(name: &str, content: impl AsRef<[u8]>) -> String {
    Files::of(name, content).refusal(&[name], &ReadOptions::default())
}

#[test]
fn patterns_without_a_file() {
    let files = Files::of("x/load.csv", "");
    let options = ReadOptions::default();
    assert_eq!(
        files.refusal(&["y.csv"], &options),
        "y.csv: found no such file, allowed: a CSV or Parquet file"
    );
    assert_eq!(
        files.refusal(&["y*.csv"], &options),
        "y*.csv: found no file that matches, allowed: a glob that matches one file or more"
    );
    assert_eq!(
        files.refusal(&["x"], &options),
        "x: found a directory, allowed: a file or a glob such as x/*.csv"
    );
    assert_eq!(
        files.refusal(&["y[.csv"], &options),
        "y[.csv: found a broken glob, allowed: a path or a glob with *, ? and []"
    );
    let nothing = load_in_blocks(&[], &options, &(), BLOCK_BYTES).expect_err("refused").to_string();
    assert_eq!(nothing, "input: found no file, allowed: one or more paths or globs of CSV or Parquet files");
}

#[test]
fn content_that_is_not_what_the_name_says() {
    assert_eq!(
        refused("x.parquet", "timestamp,value\n60,1\n"),
        "x.parquet: found text or other bytes, allowed: a Parquet file, as the name of the file says"
    );
    assert_eq!(
        refused("x.parquet.gz", gzip("timestamp,value\n60,1\n")),
        "x.parquet.gz: found text or other bytes inside of gzip, allowed: a Parquet file, as the name of the file says"
    );
    assert_eq!(
        refused("x.csv", "PAR1...."),
        "x.csv: found a Parquet file, allowed: text, as the name of the file says"
    );
    assert_eq!(
        refused("x.csv.gz", "timestamp,value\n60,1\n"),
        "x.csv.gz: found text or other bytes, allowed: a gzip stream, as the name of the file says"
    );
}

#[test]
fn content_that_is_no_table() {
    let allowed = "allowed: CSV or Parquet, plain or packed with gzip or zstd";
    assert_eq!(refused("x.csv", ""), format!("x.csv: found an empty file, {allowed}"));
    assert_eq!(
        refused("x.csv.gz", gzip("")),
        format!("x.csv.gz: found an empty file inside of gzip, {allowed}")
    );
    assert_eq!(refused("x.zip", "PK\x03\x04...."), format!("x.zip: found a zip archive, {allowed}"));
    assert_eq!(
        refused("x.gz", gzip(gzip("a"))),
        format!("x.gz: found a gzip stream inside of gzip, {allowed}")
    );
    let text = "allowed: a header line in UTF-8";
    assert_eq!(
        refused("x", [0xff, 0xfe, 0, 1, 2]),
        format!("x line 1: found bytes that are no text, {text}")
    );
    assert_eq!(refused("x", "a\0b,c\n1,2\n"), format!("x line 1: found bytes that are no text, {text}"));
    assert_eq!(refused("x", "\n\n"), "x: found no line, allowed: a header and at least one row");
    assert_eq!(
        refused("x", "timestamp,value\n"),
        "x: found a header without a row, allowed: at least one row"
    );
    assert_eq!(
        refused("x", "timestamp,value\n60"),
        "x: found a header and the broken line \"60\", allowed: at least one row"
    );
    assert_eq!(
        refused("x.parquet", "PAR1 and no more"),
        "x.parquet: found a damaged Parquet file, allowed: a whole Parquet file"
    );
    assert_eq!(
        refused("x.csv.zst", [b"\x28\xb5\x2f\xfd".as_slice(), &[0xff; 40]].concat()),
        "x.csv.zst: found a damaged zstd stream, allowed: a whole zstd stream"
    );
}

#[test]
fn a_header_without_a_time() {
    assert_eq!(
        refused("x.csv", "\nwhen,value\n60,1\n"),
        "x.csv line 2: found the columns when, value, allowed: one column timestamp, time, at, ts, date or datetime \
         in the header, or the one named by --time"
    );
}

#[test]
fn a_row_of_the_wrong_width() {
    let rows = "timestamp,series,value\n60,a,1\n";
    assert_eq!(
        refused("x.csv", format!("{rows}120,a\n180,a,2\n")),
        "x.csv line 3: found 2 of 3 fields in \"120,a\", allowed: 3 fields as in the header"
    );
    assert_eq!(
        refused("x.csv", format!("{rows}\n120,a,1,2\n")),
        "x.csv line 4: found 4 of 3 fields in \"120,a,1,2\", allowed: 3 fields as in the header"
    );
    assert_eq!(
        refused("x.csv", format!("{rows}120,a\n180,a,2,3\n")),
        "x.csv line 3: found 2 of 3 fields in \"120,a\", allowed: 3 fields as in the header"
    );
}

#[test]
fn broken_quotes_and_bytes() {
    let rows = "timestamp,series,value\n60,a,1\n";
    assert_eq!(
        refused("x.csv", format!("{rows}120,\"a\nb\",1\n")),
        "x.csv line 3: found a quoted field that does not end on its line, allowed: quoted fields without a line break"
    );
    assert_eq!(
        refused("x.csv", format!("{rows}120,\"a\"b,1\n")),
        "x.csv line 3: found text after a closing quote, allowed: a separator or the line end after a closing quote"
    );
    let error = Files::of("x.csv", [rows.as_bytes(), b"120,\xff,1\n180,a,1\n"].concat())
        .try_load(&["x.csv"], &ReadOptions::default(), BLOCK_BYTES)
        .expect_err("refused");
    assert!(
        error.to_string().ends_with("x.csv line 3: found bytes that are not UTF-8, allowed: text in UTF-8")
    );
    assert!(error.source().is_some());
}

#[test]
fn a_time_that_is_none() {
    let prefix = "x.csv line 3, column timestamp: found";
    let second =
        |first: &str, second: &str| refused("x.csv", format!("timestamp,a\n{first},1\n{second},2\n180,1\n"));
    assert_eq!(
        refused("x.csv", "timestamp,a\nyesterday,1\n60,2\n"),
        "x.csv line 2, column timestamp: found \"yesterday\", allowed: epoch s, ms, us or ns, RFC 3339, \
         or YYYY-MM-DD HH:MM[:SS] in UTC"
    );
    assert_eq!(
        second("60", "yesterday"),
        format!("{prefix} \"yesterday\", allowed: epoch s as in the first row")
    );
    assert_eq!(second("60", ""), format!("{prefix} no time, allowed: epoch s as in the first row"));
    assert_eq!(
        second("2024-01-01 00:00", "1704067260"),
        format!("{prefix} \"1704067260\", allowed: date and time without an offset as in the first row")
    );
    assert_eq!(
        second("2024-01-01T00:00:00Z", "2024-01-01T00:01:00"),
        format!("{prefix} \"2024-01-01T00:01:00\", allowed: RFC 3339 with an offset as in the first row")
    );
    assert_eq!(second("60", "-1"), format!("{prefix} \"-1\", allowed: times from 1970 to 2200"));
    assert_eq!(
        second("60", "1700000000000"),
        format!("{prefix} \"1700000000000\", allowed: times from 1970 to 2200")
    );
    let millis = ReadOptions { timestamps: TimestampForm::Millis, ..ReadOptions::default() };
    assert_eq!(
        Files::of("x.csv", "ts,a\n2024-01-01 00:00,1\n").refusal(&["x.csv"], &millis),
        "x.csv line 2, column ts: found \"2024-01-01 00:00\", allowed: epoch ms as told"
    );
}

#[test]
fn a_column_of_text_is_no_series() {
    let allowed =
        "allowed: a column of numbers (--value and --series for a long table, --ignore for a column of text)";
    assert_eq!(
        refused("x.csv", "timestamp,host,load\n60,,1\n120,web-1,2\n180,web-2,2\n"),
        format!("x.csv line 3, column host: found \"web-1\", {allowed}")
    );
    let many: String = (0..1500).map(|row| format!("{},web,1\n", row * 60)).collect();
    let late = format!("timestamp,host,load\n{many}90000,1,1\n");
    assert_eq!(refused("x.csv", late), format!("x.csv line 2, column host: found \"web\", {allowed}"));
}

#[test]
fn options_that_do_not_fit() {
    let long = ReadOptions { layout: Layout::Long, ..ReadOptions::default() };
    assert_eq!(
        Files::of("x.csv", "ts,a\n60,1\n").refusal(&["x.csv"], &long),
        "x.csv line 1: found the columns ts, a, allowed: a column value, or the one named by --value"
    );
}

#[test]
fn any_damage_to_a_parquet_file_is_an_error_or_shows_nowhere() {
    let values: Vec<f64> = (0..200).map(f64::from).collect();
    let at: Vec<i64> = (0..200).map(|row| row * 60).collect();
    let columns = vec![super::forms::column("at", at), super::forms::column("load", values)];
    let whole = super::forms::parquet(columns, 50);
    for position in (0..whole.len()).step_by(7) {
        let mut damaged = whole.clone();
        damaged[position] ^= 0x55;
        let files = Files::of("x", &damaged);
        if let Err(error) = files.try_load(&["x"], &ReadOptions::default(), BLOCK_BYTES) {
            assert!(!error.found.is_empty(), "{error}");
        }
    }
}
