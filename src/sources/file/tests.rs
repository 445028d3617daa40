//! A file that grows, is renamed, cut and written badly.

use super::*;
use quietgate_detectors::{Interval, Timestamp};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

const HEADER: &str = "timestamp,series,value\n";
/// The second of the first row.
const START: i64 = 1_700_000_000;

struct File {
    dir: tempfile::TempDir,
    tail: Tail,
}

impl File {
    fn new(text: &str) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("a.csv");
        fs::write(&path, text).expect("a file");
        let tail = Tail { path, bytes_max: 1 << 20, series_max: 3, logs: Mutex::default() };
        Self { dir, tail }
    }

    fn path(&self) -> &Path {
        &self.tail.path
    }

    fn append(&self, text: &str) {
        let mut file = OpenOptions::new().append(true).create(true).open(self.path()).expect("the file");
        file.write_all(text.as_bytes()).expect("room");
    }

    /// What there is in the seconds `(from, until]` after the start: `name:second=value`, then the warnings.
    fn between(&self, from: i64, until: i64) -> Vec<String> {
        told(self.tail.answer(&ask(from, until, None)))
    }
}

fn ask(from: i64, until: i64, query: Option<&str>) -> Ask {
    let at = |second: i64| Timestamp::from_millis((START + second) * 1000);
    let interval = Interval::from_millis(1000).expect("in range");
    Ask { query: query.map(str::to_owned), from: at(from), until: at(until), interval }
}

fn told(answer: Result<Answer, SourceError>) -> Vec<String> {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return vec![format!("error {error}")],
    };
    let mut out = Vec::new();
    for series in &answer.series {
        let name = series.labels.get("series").unwrap_or_default();
        let second = |sample: &Sample| sample.at.as_millis() / 1000 - START;
        out.extend(series.samples.iter().map(|sample| format!("{name}:{}={}", second(sample), sample.value)));
    }
    out.extend(answer.warnings);
    out
}

fn row(second: i64, name: &str, value: f64) -> String {
    format!("{},{name},{value}\n", START + second)
}

#[test]
fn whole_lines_alone_are_read_and_each_asker_gets_its_own() {
    let file = File::new("timestamp,ser");
    assert_eq!(file.between(-10, 10), Vec::<String>::new());
    file.append("ies,value\n");
    file.append(&row(1, "a", 1.0));
    file.append(&row(2, "a", 2.0)[..8]);
    assert_eq!(file.between(-10, 10), ["a:1=1"]);
    file.append(&row(2, "a", 2.0)[8..]);
    file.append(&row(2, "b", 3.0));
    assert_eq!(file.between(-10, 10), ["a:1=1", "a:2=2", "b:2=3"]);
    assert_eq!(file.between(1, 10), ["a:2=2", "b:2=3"]);
    assert_eq!(told(file.tail.answer(&ask(-10, 10, Some("b")))), ["b:2=3"]);
    assert_eq!(file.between(2, 10), Vec::<String>::new());
}

#[test]
fn a_file_that_is_renamed_is_read_to_its_end_before_the_next() {
    let file = File::new(&(HEADER.to_owned() + &row(1, "a", 1.0)));
    assert_eq!(file.between(0, 10), ["a:1=1"]);
    file.append(&row(2, "a", 2.0));
    fs::rename(file.path(), file.dir.path().join("a.csv.1")).expect("a new name");
    assert_eq!(file.between(1, 10), ["a:2=2"], "no other file has come yet");
    file.append(&(HEADER.to_owned() + &row(3, "a", 3.0)));
    assert_eq!(file.between(1, 10), ["a:2=2", "a:3=3"]);
}

#[test]
fn a_file_that_is_cut_or_written_anew_is_read_anew() {
    let file = File::new(&(HEADER.to_owned() + &row(1, "a", 1.0) + &row(2, "a", 2.0)));
    assert_eq!(file.between(0, 10).len(), 2);
    fs::write(file.path(), HEADER.to_owned() + &row(3, "a", 3.0)).expect("a file");
    assert_eq!(file.between(0, 10), ["a:3=3"]);
    let longer: String = (4..9).map(|second| row(second, "a", 0.0)).collect();
    fs::write(file.path(), HEADER.to_owned() + &longer).expect("a file");
    assert_eq!(file.between(3, 10).len(), 5, "longer than before, and another beginning");
}

#[test]
fn bad_lines_are_named_as_long_as_their_time_is_wanted() {
    let file =
        File::new(&(HEADER.to_owned() + &row(1, "a", 1.0) + "what,is,this\n" + &row(2, "a", f64::NAN)));
    let warned = file.between(0, 10);
    assert_eq!(warned[..2], ["a:1=1", "a:2=NaN"]);
    assert!(warned[2].starts_with("line 3 cannot be read: the time \"what\""), "{warned:?}");
    assert_eq!(file.between(2, 10), Vec::<String>::new(), "what follows it is not wanted any more");
    file.append("\n1,2\n");
    assert_eq!(file.between(2, 10), ["line 6 cannot be read: 2 of 3 fields"]);
    file.append(&format!("{}\n", "x".repeat(100_000)));
    assert!(file.between(2, 10)[1].starts_with("line 7 cannot be read: a line of more than"));
    file.append(&row(3, "a", 3.0));
    assert_eq!(file.between(3, 10), Vec::<String>::new());
}

#[test]
fn a_bad_line_is_odd_until_rows_of_two_later_intervals_are_there() {
    let file = File::new(&(HEADER.to_owned() + &row(1, "a", 1.0) + "what,is,this\n"));
    let of = |until| file.tail.answer(&ask(0, until, None)).expect("an answer");
    assert!(!of(2).complete && !of(90).complete, "nobody knows yet what time it is of");
    file.append(&row(2, "a", 2.0));
    assert!(!of(2).complete && !of(3).complete);
    // whoever asks from then on goes on, and the line is still told of
    let answer = of(4);
    assert!(answer.complete && answer.warnings.len() == 1, "{answer:?}");
    assert_eq!(answer.series[0].samples.len(), 2);
}

#[test]
fn two_values_at_one_time_are_a_conflict_for_two_intervals_and_one_twice_is_none() {
    let file = File::new(&(HEADER.to_owned() + &row(1, "a", 1.0) + &row(1, "a", 1.0) + &row(1, "b", 1.0)));
    assert_eq!(file.between(0, 1), ["a:1=1", "a:1=1", "b:1=1"]);
    file.append(&(row(2, "a", f64::NAN) + &row(2, "a", 2.0) + &row(3, "a", 3.0)));
    assert_eq!(file.between(0, 3).len(), 6, "what is no number contradicts nothing");
    // also where a newer one has come before
    file.append(&row(2, "b", 2.0));
    file.append(&row(2, "b", 3.0));
    let told = file.between(0, 3);
    assert!(
        told[0].ends_with("the series {series=\"b\"} has two values at 2023-11-14T22:13:22Z"),
        "{told:?}"
    );
    let error = file.tail.answer(&ask(0, 3, None)).expect_err("a conflict");
    assert_eq!(error.reason(), quietgate_detectors::Reason::Conflicting);
    assert_eq!(file.between(0, 4).len(), 8, "the cell has no value then, by the grid of the series");
}

#[test]
fn samples_from_ahead_make_the_answer_partial() {
    let file = File::new(&(HEADER.to_owned() + &row(1, "a", 1.0) + &row(2, "a", 2.0) + &row(90, "a", 3.0)));
    let lies = "1 sample lies more than an interval after the time of asking: the clocks differ";
    assert_eq!(file.between(0, 1), ["a:1=1", "a:2=2", lies]);
    assert_eq!(file.between(89, 90), ["a:90=3"]);
}

#[test]
fn a_large_file_is_read_in_several_askings_and_the_old_part_once() {
    let mut text = HEADER.to_owned();
    let rows = 20_000;
    text.extend((0..rows).map(|second| row(second, "a", 1.0)));
    let mut file = File::new(&text);
    file.tail.bytes_max = 100 << 10;
    let newest = rows - 1;
    let mut askings = 0;
    while let [_, .., warning] | [warning] = file.between(newest - 2, newest).as_slice()
        && warning.ends_with("of the file are still to be read")
    {
        askings += 1;
        assert!(askings < 10, "{warning}");
    }
    assert_eq!(askings, text.len() / (100 << 10), "each asking goes on where the last one ended, by marks");
    assert_eq!(file.between(newest - 2, newest).len(), 2);
}

#[test]
fn what_is_no_table_and_too_many_series_are_errors() {
    let file = File::new("a,b\n1,2\n");
    let error = file.between(0, 10).remove(0);
    assert!(error.contains("a.csv: not an answer that can be used"), "{error}");
    let many: String = ["a", "b", "c", "d"].map(|name| row(1, name, 1.0)).concat();
    let file = File::new(&(HEADER.to_owned() + &many));
    let error = file.between(0, 10).remove(0);
    assert!(error.ends_with("4 series, allowed is at most 3 (max_series)"), "{error}");
    fs::remove_file(file.path()).expect("the file");
    let file = Tail { path: file.path().to_owned(), bytes_max: 1, series_max: 1, logs: Mutex::default() };
    assert!(told(file.answer(&ask(0, 1, None)))[0].ends_with("a.csv: the file cannot be read"));
}
