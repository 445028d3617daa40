//! A disk that is full, in truth: a small file system that an action fills.

use crate::hold::hold;
use crate::ledger::{self, Word};
use crate::records::{self, open_run};
use crate::rig::{Driver, LONG, Rig};
use std::ffi::OsString;
use std::fs;
use std::process::Command;

/// A file system of its own for the state, which is gone with the driver; what lay on it is kept in the folder `kept`.
const SCRIPT: &str = "mount -t tmpfs -o size=2m none state || exit 99; \"$0\" \"$@\"; code=$?; \
    rm state/filled; cp -r state/. kept; exit $code";

#[test]
fn a_full_disk_stops_it_and_it_goes_on_when_there_is_room() {
    let namespace = ["unshare", "--user", "--map-root-user", "--mount"];
    let can =
        Command::new("unshare").args(&namespace[1..]).args(["mount", "-t", "tmpfs", "none", "/mnt"]).output();
    if !can.is_ok_and(|output| output.status.success()) {
        println!("skipped: no file system can be mounted here");
        return;
    }
    let rig = Rig::new(LONG);
    fs::create_dir(rig.path().join("kept")).expect("a folder");
    fs::write(rig.path().join("fill"), "").expect("a file");
    let wrapper: Vec<OsString> =
        namespace.into_iter().chain(["sh", "-c", SCRIPT]).map(OsString::from).collect();
    let status = Driver::start(rig.command(&wrapper, &["run", "plan.yaml"])).end();
    assert_eq!(status.code(), Some(5), "{}", rig.said());
    // what was in flight came to its end before the driver did
    let lines = ledger::read(rig.path());
    let count = |word| lines.iter().filter(|line| line.word == word).count();
    assert!(count(Word::Begin) > 0);
    assert_eq!(count(Word::Begin), count(Word::Ok) + count(Word::Failed));
    assert!(
        lines.iter().all(|line| line.key.step == "one"),
        "a step began after the disk was full: {lines:?}"
    );

    fs::remove_file(rig.path().join("fill")).expect("a file");
    fs::remove_dir(rig.state()).expect("the folder below the file system");
    fs::rename(rig.path().join("kept"), rig.state()).expect("a folder");
    let records = records::read(&rig);
    hold(&records, &lines);
    let run = open_run(&records).expect("a run that is not over");
    let status = Driver::start(rig.command(&[], &["run", "--resume", &run])).end();
    // 3 where something else on this machine was left running, so that no probe was asked
    assert!(matches!(status.code(), Some(0 | 3)), "it ended {status}: {}", rig.said());
    rig.wait_until_quiet();
    hold(&records::read(&rig), &ledger::read(rig.path()));
}
