//! A disk that fails: the driver killed at each system call of the journal in turn, an error at each, and no room.

use crate::child::{Driver, Said, command, hold};
use crate::place::{Place, now};
use crate::strace::{CALLS, GROWING, MOST_CALLS, is_installed, wrapper};
use quietgate::journal::{OpenError, Store};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::process::Command;

/// What a driver appends in a round.
const RECORDS: usize = 3;

#[test]
fn killed_at_each_system_call_it_loses_nothing() {
    let check = |said: &Said, is_well: bool| assert!(!is_well && said.failed.is_none(), "{said:?}");
    if let Some(points) = at_each(&CALLS, "signal=SIGKILL", check) {
        println!("kill -9 at each call: points={points} lost=0 twice=0");
        assert!(points > 20, "only {points} calls of the journal were found");
    }
}

#[test]
fn after_an_error_of_any_system_call_nothing_is_acknowledged() {
    let check = |said: &Said, is_well: bool| {
        assert!(is_well, "it hung or panicked: {said:?}");
        assert!(said.failed.is_none() || !said.is_open || said.stood_still, "{said:?}");
    };
    for (error, calls) in [("EIO", &CALLS[..]), ("ENOSPC", &GROWING)] {
        if let Some(points) = at_each(calls, &format!("error={error}"), check) {
            println!("{error} at each call: points={points} acknowledged_after=0 lost=0");
            assert!(points > 10, "only {points} calls of the journal were found");
        }
    }
}

#[test]
fn drivers_that_all_end_before_they_write_their_head_leave_a_whole_journal() {
    let place = Place::files();
    now(async {
        let (mut journal, _) = place.open().await.expect("a journal");
        journal.append(0, "{}").await.expect("an entry");
        journal.close().await.expect("an end");
        // a head cannot be written any more
        let in_the_way = place.state().join("head.new");
        fs::create_dir(&in_the_way).expect("a folder");
        for _ in 0..3 {
            let opened = place.open().await.map(|_| ());
            assert!(matches!(opened, Err(OpenError::File(..))), "{opened:?}");
        }
        fs::remove_dir(&in_the_way).expect("no folder");
        let (_, entries) = place.open_after_another().await;
        assert_eq!(entries.len(), 1);
    });
}

/// Lets a driver append to a new journal again and again, with `fault` at the first of the `calls` of a kind, then at the
/// second, and so on until there is none. Holds each journal against what was acknowledged, and lets another driver go on
/// with it. Gives the number of calls; nothing where strace is not there.
fn at_each(calls: &[&str], fault: &str, check: impl Fn(&Said, bool)) -> Option<usize> {
    if !is_installed() {
        return None;
    }
    let mut points = 0;
    for call in calls {
        for number in 1..=MOST_CALLS {
            let place = Place::in_memory();
            let log = tempfile::NamedTempFile::new().expect("a file");
            let wrapper = wrapper(place.state(), call, fault, number, log.path());
            let words: Vec<&OsStr> = wrapper.iter().map(OsString::as_os_str).collect();
            let (said, is_well) = Driver::start(command(&words, &place, 0, Some(RECORDS))).end();
            let was_hit = !is_well || fs::read_to_string(log.path()).expect("a log").contains("INJECTED");
            if !was_hit {
                assert_eq!(said.acknowledged.len(), RECORDS);
                break;
            }
            points += 1;
            check(&said, is_well);
            goes_on(&place, said);
        }
    }
    Some(points)
}

/// Another driver goes on, and finds what was acknowledged.
fn goes_on(place: &Place, said: Said) {
    let (again, is_well) = Driver::start(command(&[], place, 1, Some(RECORDS))).end();
    assert!(is_well && again.acknowledged.len() == RECORDS, "{said:?}, then {again:?}");
    hold(place, &[said, again]);
}

#[test]
fn a_file_that_may_not_grow_stops_it_and_loses_nothing() {
    let place = Place::files();
    let script = "trap '' XFSZ; ulimit -f 150; exec \"$0\" \"$@\"";
    let wrapper = ["sh", "-c", script].map(OsStr::new);
    let (said, _) = Driver::start(command(&wrapper, &place, 0, None)).end();
    assert!(said.acknowledged.len() > 2, "{said:?}");
    assert!(said.failed.is_some() && said.stood_still, "{said:?}");
    println!("file limit: acknowledged={} then {:?}", said.acknowledged.len(), said.failed);
    goes_on(&place, said);
}

#[test]
fn a_full_disk_stops_it_and_loses_nothing() {
    let (place, kept) = (Place::files(), tempfile::tempdir().expect("a folder"));
    let script = "mount -t tmpfs -o size=400k none \"$JOURNAL_CHILD_STATE\" && \
        { \"$@\"; cp \"$JOURNAL_CHILD_STATE\"/* \"$0\"; }";
    let namespace = ["unshare", "--user", "--map-root-user", "--mount"];
    let can =
        Command::new("unshare").args(&namespace[1..]).args(["mount", "-t", "tmpfs", "none", "/mnt"]).output();
    if !can.is_ok_and(|output| output.status.success()) {
        println!("skipped: no file system can be mounted here");
        return;
    }
    let wrapper: Vec<&OsStr> = namespace
        .into_iter()
        .chain(["sh", "-c", script])
        .map(OsStr::new)
        .chain([kept.path().as_os_str()])
        .collect();
    let (said, _) = Driver::start(command(&wrapper, &place, 0, None)).end();
    assert!(said.acknowledged.len() > 2 && said.failed.is_some() && said.stood_still, "{said:?}");
    println!("full disk: acknowledged={} then {:?}", said.acknowledged.len(), said.failed);
    // what lay on the full disk goes on where there is room
    for file in fs::read_dir(kept.path()).expect("a folder") {
        let file = file.expect("a file");
        fs::copy(file.path(), place.state().join(file.file_name())).expect("a copy");
    }
    goes_on(&place, said);
    now(async {
        let (mut journal, _) = place.open().await.expect("a journal");
        journal.append(0, "{}").await.expect("an entry");
    });
}
