//! Bits that flip, files that are cut or gone: everything that is read afterwards is right, or missing and said to be.

use crate::dice::Dice;
use crate::model::{DAYS, INTERVAL_MS, Known, SLOTS, kept, labels, open, read, try_open, write};
use quietgate::history::{Cell, HistoryError, How};
use quietgate_detectors::Interval;
use std::fs;
use std::path::{Path, PathBuf};

const SERIES: i64 = 70;
const LAST: i64 = 16;

/// A history of seventy series over sixteen rows.
fn history(state: &Path) -> Known {
    let (_histories, mut store) = open(state);
    let cells = |row: i64| {
        let cell = move |series: i64| Cell::Value((row * 100 + series) as f64 / 3.0);
        // series come one after the other
        (0..SERIES.min(10 + row * 5)).map(move |series| (format!("h{series}"), row, cell(series)))
    };
    let rows: Vec<Vec<_>> = (0..=LAST).map(|row| cells(row).collect()).collect();
    rows.iter().for_each(|cells| write(&mut store, cells, How::Restate, LAST));
    rows.concat().into_iter().map(|(name, row, cell)| ((name, row), cell)).collect()
}

/// What became of a damaged history.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    /// It is refused.
    Refused(String),
    /// So many cells are missing, and it is said that rows are.
    Missing(usize),
    /// Nothing is other than before.
    Same,
}

/// Opens a damaged history, goes on with it, and holds it against what was written.
fn look(state: &Path, known: &Known) -> Told {
    let (_histories, store) = try_open(state, INTERVAL_MS, DAYS);
    let mut store = match store {
        Ok(store) => store,
        Err(error) => return Told::Refused(error.to_string()),
    };
    let mut found = Known::new();
    let reading = store.read(0..=LAST, |store, cells| {
        let host = &store.series()[cells.column as usize].labels["host"];
        found.extend(cells.known().map(|(row, cell)| ((host.to_owned(), row), cell)));
    });
    let reading = match reading {
        Ok(reading) => reading,
        Err(error) => return Told::Refused(error.to_string()),
    };
    let lost = silently_changed(&found, &kept(known, LAST));
    assert!(lost == 0 || reading.damage.rows > 0, "{lost} cells are missing and nothing is said");
    // a new series does not bring anybody else's values along
    write(&mut store, &[("new".to_owned(), LAST + 1, Cell::Value(1.0))], How::Restate, LAST + 1);
    let (mut found, _) = read(&mut store, LAST + 1);
    found.retain(|(name, _), _| name != "new");
    silently_changed(&found, &kept(known, LAST + 1));
    if lost == 0 { Told::Same } else { Told::Missing(lost) }
}

/// How many cells are missing; none may be other than it was.
fn silently_changed(found: &Known, known: &Known) -> usize {
    for (key, cell) in found {
        assert_eq!(known.get(key), Some(cell), "{key:?}");
    }
    known.len() - found.len()
}

fn copy(from: &Path) -> (tempfile::TempDir, Vec<PathBuf>) {
    let dir = tempfile::tempdir().expect("a folder");
    let folder = dir.path().join("history/load");
    fs::create_dir_all(&folder).expect("a folder");
    let mut files = Vec::new();
    for file in fs::read_dir(from.join("history/load")).expect("a folder") {
        let file = file.expect("a file");
        fs::copy(file.path(), folder.join(file.file_name())).expect("a copy");
        files.push(folder.join(file.file_name()));
    }
    files.sort();
    (dir, files)
}

/// Does something to a file of a copy again and again, and prints what came of it. No damage is silent.
fn spoil(what: &str, rounds: usize, spoil: impl Fn(&mut Dice, &Path)) {
    let original = tempfile::tempdir().expect("a folder");
    let (known, mut dice) = (history(original.path()), Dice(9));
    let (mut refused, mut missing, mut same) = (0, 0, 0);
    for _ in 0..rounds {
        let (dir, files) = copy(original.path());
        spoil(&mut dice, &files[dice_file(&files, rounds, refused + missing + same)]);
        match look(dir.path(), &known) {
            Told::Refused(_) => refused += 1,
            Told::Missing(_) => missing += 1,
            Told::Same => same += 1,
        }
    }
    println!(
        "{what}: rounds={rounds} refused={refused} missing_and_said={missing} no_difference={same} silent=0"
    );
    assert!(refused > rounds / 10);
}

/// Every file has its turn.
fn dice_file(files: &[PathBuf], _rounds: usize, round: usize) -> usize {
    round % files.len()
}

#[test]
fn no_flipped_bit_is_silent() {
    spoil("flipped bits", 500, |dice, path| {
        let mut bytes = fs::read(path).expect("a file");
        let bit = dice.below(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(path, bytes).expect("a file");
    });
}

#[test]
fn no_cut_is_silent() {
    spoil("cuts", 500, |dice, path| {
        let bytes = fs::read(path).expect("a file");
        fs::write(path, &bytes[..dice.below(bytes.len())]).expect("a file");
    });
}

#[test]
fn a_log_that_lost_whole_lines_is_refused() {
    spoil("lost lines", 60, |dice, path| {
        let is_log = path.ends_with("series.log");
        let path = if is_log { path.to_owned() } else { path.with_file_name("series.log") };
        let text = fs::read_to_string(&path).expect("a file");
        let lines: Vec<_> = text.split_inclusive('\n').collect();
        let left = dice.below(lines.len());
        fs::write(&path, lines[..left].concat()).expect("a file");
        if !is_log {
            // also where nobody knows how many there were but the rows
            fs::remove_file(path.with_file_name("series.count")).expect("a file");
        }
    });
}

#[test]
fn rows_of_another_history_or_place_are_none_of_it() {
    let (one, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let known = history(one.path());
    history(other.path());
    let shelf = "history/load/shelf-000001";
    let (dir, _) = copy(one.path());
    fs::copy(other.path().join(shelf), dir.path().join(shelf)).expect("a copy");
    assert!(matches!(look(dir.path(), &known), Told::Missing(_)));
    let (dir, _) = copy(one.path());
    let path = dir.path().join(shelf);
    let mut bytes = fs::read(&path).expect("a file");
    // the rows of one slot in the place of those of the next
    let slot = bytes.len() / SLOTS as usize;
    bytes.copy_within(0..slot, slot);
    fs::write(&path, bytes).expect("a file");
    assert!(matches!(look(dir.path(), &known), Told::Missing(_)));
}

#[test]
fn what_was_lost_is_named_by_its_rows() {
    let dir = tempfile::tempdir().expect("a folder");
    history(dir.path());
    let path = dir.path().join("history/load/shelf-000000");
    let mut bytes = fs::read(&path).expect("a file");
    // slot 2, day 1 of 3
    let row = bytes.len() / (SLOTS as usize * 3);
    bytes[row * 7 + 40] ^= 1;
    fs::write(&path, bytes).expect("a file");
    let (_histories, mut store) = open(dir.path());
    let (_, reading) = read(&mut store, LAST);
    assert_eq!((reading.damage.rows, reading.damage.span), (1, Some((8, 8))));
}

#[test]
fn another_shape_is_refused_in_clear_words_and_nothing_is_touched() {
    let dir = tempfile::tempdir().expect("a folder");
    let known = history(dir.path());
    let (histories, other) = try_open(dir.path(), 60_000, DAYS);
    let words = other.expect_err("another interval").to_string();
    assert!(
        words.contains(
            "keeps samples of load every 4 h for 2 days, wanted is samples of load every 1 min for 2 days"
        ),
        "{words}"
    );
    assert!(words.contains("quietgate history export") && words.contains("move that folder away"), "{words}");
    let interval = Interval::from_millis(INTERVAL_MS).expect("in range");
    let error = histories.signal("load", interval, 3).expect_err("other days");
    assert!(matches!(error, HistoryError::Other { .. }), "{error}");
    drop(histories);
    assert_eq!(look(dir.path(), &known), Told::Same);
}

#[test]
fn files_without_a_shape_are_no_beginning() {
    let dir = tempfile::tempdir().expect("a folder");
    history(dir.path());
    fs::remove_file(dir.path().join("history/load/shape")).expect("a file");
    let (_, store) = try_open(dir.path(), INTERVAL_MS, DAYS);
    let words = store.expect_err("no shape").to_string();
    assert!(words.contains("shape is damaged: it is not there, but"), "{words}");
}

#[test]
fn a_series_whose_days_are_over_gives_its_column_to_another_and_nothing_of_it() {
    let dir = tempfile::tempdir().expect("a folder");
    let (histories, mut store) = open(dir.path());
    let both = ["a", "b"].map(|name| (name.to_owned(), 0, Cell::Value(1.0)));
    write(&mut store, &both, How::Restate, 0);
    let bound = store.bound();
    for row in 1..200 {
        write(&mut store, &[("b".to_owned(), row, Cell::Value(2.0))], How::Restate, row);
    }
    for round in 0..100_i64 {
        let row = 200 + round * 30;
        let (_, reading) = read(&mut store, row);
        assert_eq!(reading.damage.rows, 0);
        let name = format!("new{round}");
        write(&mut store, &[(name.clone(), row, Cell::Value(3.0))], How::Restate, row);
        let (found, _) = read(&mut store, row);
        let own: Vec<_> = found.iter().filter(|((other, _), _)| *other == name).collect();
        assert_eq!(own, [(&(name.clone(), row), &Cell::Value(3.0))]);
    }
    assert_eq!(store.bound(), bound, "a hundred series that came and went take no more room");
    drop((store, histories));
    let (_histories, store) = open(dir.path());
    assert_eq!(store.column(&labels("a")), None);
}
