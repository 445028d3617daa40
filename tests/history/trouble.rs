//! A disk without room.

use crate::child::{DAYS, INTERVAL_MS, Writer, command, value};
use crate::model::open_days;
use quietgate::history::Cell;
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
