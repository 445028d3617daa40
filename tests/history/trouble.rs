//! A disk without room.

use crate::again::{BEFORE_MS, HOUR_MS, keeper};
use crate::child::{DAYS, INTERVAL_MS, Writer, command, value};
use crate::model::open_days;
use quietgate::history::{Cell, Keeper};
use quietgate::monitor::Labels;
use quietgate_detectors::Timestamp;
use std::fs;
use std::path::Path;
use std::process::Command;

/// What is there is right, up to the row that was said last; and a writer goes on where there is room.
fn goes_on(state: &Path, said: i64) {
    let (histories, mut store) = open_days(state, INTERVAL_MS, DAYS);
    let mut newest = -1;
    let reading = store.read(0..=said + 1, |store, cells| {
        let name = &store.series()[cells.column as usize].labels["host"];
        let number: i64 = name.trim_start_matches('h').parse().expect("a number");
        for (row, cell) in cells.known() {
            assert_eq!(cell, Cell::Value(value(number, row)), "{name} at {row}");
            newest = newest.max(row);
        }
    });
    let reading = reading.expect("a history");
    assert!(newest >= said, "{newest} of {said}");
    assert!(reading.damage.span.is_none_or(|(first, _)| first >= said), "{reading:?}");
    drop((store, histories));
    let mut again = Writer::start(command(&[], state, said + 1, Some(5)));
    again.end();
    assert_eq!((again.said, &again.failed), (Some(said + 5), &None));
}

#[test]
fn a_file_that_may_not_grow_is_an_error_and_loses_nothing() {
    let dir = tempfile::tempdir().expect("a folder");
    let script = "trap '' XFSZ; ulimit -f 1400; exec \"$0\" \"$@\"";
    let mut writer = Writer::start(command(&["sh", "-c", script], dir.path(), 0, None));
    writer.end();
    let failed = writer.failed.expect("it cannot go on");
    assert!(failed.contains("cannot be used"), "{failed}");
    println!("file limit: said={:?} then {failed:?}", writer.said);
    if let Some(said) = writer.said {
        goes_on(dir.path(), said);
    }
}

#[test]
fn a_full_disk_is_an_error_and_loses_nothing() {
    let (dir, kept) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let script = "mount -t tmpfs -o size=1200k none \"$HISTORY_CHILD_STATE\" && \
        { \"$@\"; cp -r --sparse=always \"$HISTORY_CHILD_STATE\"/history \"$0\"; }";
    let namespace = ["unshare", "--user", "--map-root-user", "--mount"];
    let can =
        Command::new("unshare").args(&namespace[1..]).args(["mount", "-t", "tmpfs", "none", "/mnt"]).output();
    if !can.is_ok_and(|output| output.status.success()) {
        println!("skipped: no file system can be mounted here");
        return;
    }
    let to = kept.path().to_str().expect("text");
    let wrapper: Vec<&str> = namespace.into_iter().chain(["sh", "-c", script, to]).collect();
    let mut writer = Writer::start(command(&wrapper, dir.path(), 0, None));
    writer.end();
    let failed = writer.failed.clone().expect("there is no room");
    assert!(failed.contains("there is no room for"), "{failed}");
    println!("full disk: said={:?} then {failed:?}", writer.said);
    assert!(fs::exists(kept.path().join("history/load/shape")).expect("a folder"));
    goes_on(kept.path(), writer.said.expect("some rows had room"));
}

/// The names of the series that have something at `row`.
fn at_row(keeper: &mut Keeper, row: i64) -> Vec<String> {
    let mut names = Vec::new();
    let reading = keeper.store().read(row..=row, |store, cells| {
        names.extend(cells.known().map(|_| store.series()[cells.column as usize].labels["host"].to_owned()));
    });
    assert_eq!(reading.expect("a history").damage.rows, 0);
    names
}

#[test]
fn series_that_have_no_room_keep_no_other_from_being_written() {
    let dir = tempfile::tempdir().expect("a folder");
    let (_histories, mut keeper) = keeper(dir.path());
    let at = |row: i64| Timestamp::from_millis(BEFORE_MS + row * HOUR_MS);
    let hear = |keeper: &mut Keeper, series: u32, row: i64| {
        let labels = Labels::from([("host", format!("h{series:02}"))]);
        keeper.hearing(&labels).hear(at(row), Ok(1.0));
    };
    // as many as the first shelf has room for
    (0..16).for_each(|series| hear(&mut keeper, series, 0));
    assert_eq!(keeper.write(at(0)).map(|written| written.changed).expect("room"), 16);
    let in_the_way = dir.path().join("history/load/shelf-000001.new");
    fs::create_dir(&in_the_way).expect("a folder");
    hear(&mut keeper, 16, 1);
    hear(&mut keeper, 3, 1);
    keeper.write(at(1)).expect_err("there is no second shelf");
    let first = keeper.store().row_from(at(0).as_millis());
    assert_eq!((at_row(&mut keeper, first + 1), keeper.waiting()), (vec!["h03".to_owned()], 1));
    fs::remove_dir(&in_the_way).expect("an empty folder");
    assert_eq!(keeper.write(at(1)).map(|written| (written.changed, written.lost)).expect("room"), (1, 0));
    assert_eq!(
        (at_row(&mut keeper, first + 1), keeper.waiting()),
        (vec!["h03".to_owned(), "h16".to_owned()], 0)
    );
}

#[test]
fn what_is_too_much_to_wait_is_counted() {
    let dir = tempfile::tempdir().expect("a folder");
    let (_histories, mut keeper) = keeper(dir.path());
    let labels = Labels::from([("host", "h")]);
    let at = Timestamp::from_millis(BEFORE_MS);
    (0..(4 << 20) + 3).for_each(|_| keeper.hearing(&labels).hear(at, Ok(1.0)));
    let written = keeper.write(at).expect("room");
    assert_eq!((written.changed, written.lost, keeper.waiting()), (1, 3, 0));
    keeper.hearing(&labels).hear(at, Ok(2.0));
    assert_eq!(keeper.write(at).map(|written| (written.changed, written.lost)).expect("room"), (1, 0));
}
