//! Writers killed with -9 at random instants.

use crate::child::{DAYS, INTERVAL_MS, ROWS, Writer, command, series, value};
use crate::dice::Dice;
use crate::model::{open_days, try_open};
use quietgate::history::{Cell, Histories, HistoryError};
use std::path::Path;
use std::time::{Duration, Instant};

/// So many writers are killed, where there is time.
const ROUNDS: usize = 150;
/// No more are begun after this.
const TIME: Duration = Duration::from_secs(60);
/// Fewer than this prove nothing.
const LEAST_ROUNDS: usize = 20;

#[test]
fn killed_writers_lose_nothing_that_was_written() {
    let (dir, mut dice, begun) = (tempfile::tempdir().expect("a folder"), Dice(5), Instant::now());
    let (mut next, mut rounds, mut torn, mut first) = (0, 0, 0, 0);
    while rounds < ROUNDS && begun.elapsed() < TIME {
        let mut writer = Writer::start(command(&[], dir.path(), next, None));
        // every fifth is killed while it begins
        let rows = if rounds % 5 == 0 { 0 } else { 1 + dice.below(8) };
        writer.wait_for(rows);
        let instant = Instant::now() + Duration::from_micros(dice.below(6_000) as u64);
        while Instant::now() < instant {
            std::hint::spin_loop();
        }
        writer.kill();
        assert_eq!(writer.failed, None);
        rounds += 1;
        let said = writer.said.unwrap_or(next - 1);
        torn += held(dir.path(), first, said);
        // what was in flight is written once more
        next = said + 1;
        first = first.max(next - ROWS / 2);
    }
    println!("kill -9: rounds={rounds} rows={next} torn={torn} lost=0 wrong=0");
    assert!(rounds >= LEAST_ROUNDS, "only {rounds} rounds in {TIME:?}");
}

/// Holds the history against what was said: the rows from `first` until `said` are there, but the two that were in flight may be torn, which
/// is noticed; and nothing is there that is wrong. Gives how many rows were torn.
fn held(state: &Path, first: i64, said: i64) -> u64 {
    let (_histories, mut store) = open_days(state, INTERVAL_MS, DAYS);
    let mut known = vec![0; usize::try_from(said + 2).expect("rows")];
    let reading = store.read(0..=said + 1, |store, cells| {
        let name = &store.series()[cells.column as usize].labels["host"];
        let number: i64 = name.trim_start_matches('h').parse().expect("a number");
        for (row, cell) in cells.known() {
            assert_eq!(cell, Cell::Value(value(number, row)), "{name} at {row}");
            known[usize::try_from(row).expect("a row")] += 1;
        }
    });
    let reading = reading.expect("a history");
    for row in first..said {
        assert!(known[row as usize] >= series(row), "row {row} of {said} has {}", known[row as usize]);
    }
    let in_flight = reading.damage.span.is_none_or(|(first, last)| first >= said && last <= said + 1);
    assert!(in_flight, "{reading:?}");
    if said >= first && reading.damage.rows == 0 && said >= 0 {
        assert!(known[said as usize] >= series(said), "the newest row that was said");
    }
    reading.damage.rows
}

#[test]
fn one_process_writes_and_others_may_read() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut writer = Writer::start(command(&[], dir.path(), 0, None));
    writer.wait_for(3);
    let second = Histories::open(dir.path());
    assert!(matches!(second, Err(HistoryError::Held(_))), "{second:?}");
    let mut store = quietgate::history::read_only(dir.path(), "load").expect("a history");
    let reading = store.read(0..=ROWS, |_, _| {}).expect("it can be read");
    assert!(reading.whole > 2);
    writer.kill();
    let (_histories, store) = try_open(dir.path(), INTERVAL_MS, DAYS);
    assert!(store.is_ok(), "the lock went with the process");
}
