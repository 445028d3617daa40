//! What a history ought to know: a plain map of all that was ever said, and the same words said to both.

use proptest::prelude::*;
use quietgate::history::{Batch, Cell, Histories, HistoryError, How, Labels, Reading, Store};
use quietgate_detectors::Interval;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

/// Every cell that is known: by series and row.
pub(crate) type Known = BTreeMap<(String, i64), Cell>;

/// Six cells a day: days are over soon.
pub(crate) const INTERVAL_MS: i64 = 4 * 3_600_000;
pub(crate) const SLOTS: i64 = 6;
pub(crate) const DAYS: u32 = 2;
/// So many rows there is room for.
pub(crate) const ROWS: i64 = SLOTS * (DAYS as i64 + 1);

/// Labels of the series `name`.
pub(crate) fn labels(name: &str) -> Labels {
    Labels::from([("host", name)])
}

/// The history of a signal in `state`, to go on with it.
pub(crate) fn open(state: &Path) -> (Histories, Store) {
    open_days(state, INTERVAL_MS, DAYS)
}

/// The same of another interval and other days.
pub(crate) fn open_days(state: &Path, interval_ms: i64, days: u32) -> (Histories, Store) {
    let (histories, store) = try_open(state, interval_ms, days);
    (histories, store.expect("a history"))
}

/// The same where it may not be.
pub(crate) fn try_open(
    state: &Path,
    interval_ms: i64,
    days: u32,
) -> (Histories, Result<Store, HistoryError>) {
    // a process that another test is about to start has this one's files, with their locks, for a moment
    let bound = Instant::now() + Duration::from_secs(10);
    let histories = loop {
        match Histories::open(state) {
            Err(HistoryError::Held(_)) if Instant::now() < bound => {}
            opened => break opened.expect("nobody else has it"),
        }
    };
    let interval = Interval::from_millis(interval_ms).expect("in range");
    let store = histories.signal("load", interval, days);
    (histories, store)
}

/// Writes cells of series, by row and content, when the row `last` is the newest.
pub(crate) fn write(store: &mut Store, cells: &[(String, i64, Cell)], how: How, last: i64) {
    let all: Vec<_> = cells.iter().map(|(name, row, _)| (labels(name), row * INTERVAL_MS)).collect();
    store.know(all.iter().map(|(labels, at)| (labels, *at))).expect("names");
    let mut batch = Batch::default();
    for (name, row, cell) in cells {
        batch.add(store.column(&labels(name)).expect("it is known"), *row, *cell);
    }
    store.write(&batch, how, last * INTERVAL_MS).expect("room");
}

/// All that a history says of the rows until `last`.
pub(crate) fn read(store: &mut Store, last: i64) -> (Known, Reading) {
    let mut known = Known::new();
    let reading = store.read(last - ROWS + 1..=last, |store, cells| {
        let host = &store.series()[cells.column as usize].labels["host"];
        known.extend(cells.known().map(|(row, cell)| ((host.to_owned(), row), cell)));
    });
    (known, reading.expect("it can be read"))
}

/// What is left of `known` at the row `last`.
pub(crate) fn kept(known: &Known, last: i64) -> Known {
    let is_kept = |((_, row), cell): &(&(String, i64), &Cell)| {
        (last - ROWS + 1..=last).contains(row) && **cell != Cell::Missing
    };
    known.iter().filter(is_kept).map(|(key, cell)| (key.clone(), *cell)).collect()
}

/// Something that happens to a history.
#[derive(Debug, Clone)]
enum Event {
    /// Cells come: of the series of these numbers, so many rows before the newest, after so many rows in which nothing came.
    Cells { skip: i64, cells: Vec<(usize, i64, Cell)>, how: How },
    /// The process ends, and another one goes on.
    Restart,
}

fn cell() -> impl Strategy<Value = Cell> {
    prop_oneof![
        8 => any::<f64>().prop_map(Cell::of),
        4 => (0..3_i32).prop_map(|value| Cell::Value(f64::from(value))),
        1 => Just(Cell::Missing),
        1 => Just(Cell::NotANumber),
        1 => Just(Cell::Conflicting),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let how = prop_oneof![Just(How::Restate), Just(How::Add)];
    let cells = prop::collection::vec((0..70_usize, 0..ROWS + 4, cell()), 1..40);
    prop_oneof![
        6 => (prop_oneof![9 => 0..3_i64, 1 => 0..40_i64], cells, how)
            .prop_map(|(skip, cells, how)| Event::Cells { skip, cells, how }),
        1 => Just(Event::Restart),
    ]
}

/// What the map says after one more word.
fn say(known: &mut Known, name: &str, row: i64, new: Cell, how: How) {
    let cell = known.entry((name.to_owned(), row)).or_insert(Cell::Missing);
    *cell = match (how, *cell, new) {
        (How::Restate, _, new) => new,
        (How::Add, known, Cell::Missing) => known,
        (How::Add, Cell::Missing | Cell::NotANumber, new) => new,
        (How::Add, known, Cell::NotANumber) => known,
        (How::Add, Cell::Value(known), Cell::Value(new)) if known == new => Cell::Value(known),
        (How::Add, ..) => Cell::Conflicting,
    };
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_history_knows_what_a_map_does(events in prop::collection::vec(event(), 1..25), start in -50..50_i64) {
        let dir = tempfile::tempdir().expect("a folder");
        let (mut known, mut last) = (Known::new(), start);
        let (mut histories, mut store) = open(dir.path());
        for event in events {
            match event {
                Event::Restart => {
                    drop((store, histories));
                    (histories, store) = open(dir.path());
                }
                Event::Cells { skip, cells, how } => {
                    last += skip;
                    let cells: Vec<_> =
                        cells.into_iter().map(|(n, back, cell)| (format!("h{n}"), last - back, cell)).collect();
                    write(&mut store, &cells, how, last);
                    for (name, row, cell) in cells {
                        say(&mut known, &name, row, cell, how);
                    }
                }
            }
            let (found, reading) = read(&mut store, last);
            prop_assert_eq!(&found, &kept(&known, last));
            prop_assert_eq!(reading.damage.rows, 0);
        }
    }
}
