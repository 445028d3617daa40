//! A state that may not be driven: another driver has it, or its journal is damaged.

use crate::hold::hold;
use crate::ledger::{self, Key};
use crate::records::{self, Record, open_run};
use crate::rig::{Driver, LONG, PATIENCE, Rig, SHORT};
use std::fs;
use std::time::Instant;

#[test]
fn a_second_driver_ends_and_starts_nothing() {
    let rig = Rig::new(LONG);
    let mut first = Driver::start(rig.command(&[], &["run", "plan.yaml"]));
    let ended = first.watch(Instant::now() + PATIENCE, || !ledger::read(rig.path()).is_empty());
    assert_eq!(ended, None, "{}", rig.said());
    let run = open_run(&records::read(&rig)).expect("a run");
    for words in [&["run", "plan.yaml"][..], &["run", "--resume", &run]] {
        let second = rig.run(words);
        assert_eq!(second.status.code(), Some(6), "{}", String::from_utf8_lossy(&second.stderr));
    }
    assert_eq!(first.end().code(), Some(0), "{}", rig.said());
    rig.wait_until_quiet();
    let (records, lines) = (records::read(&rig), ledger::read(rig.path()));
    hold(&records, &lines);
    assert!(lines.iter().all(|line| line.key.run == run));
    assert_eq!(records.iter().filter(|record| record.kind == "boot").count(), 1);
}

#[test]
fn one_flipped_bit_is_named_and_nothing_starts() {
    let rig = Rig::new(SHORT);
    let mut driver = Driver::start(rig.command(&[], &["run", "plan.yaml"]));
    let ended = driver.watch(Instant::now() + PATIENCE, || !ledger::read(rig.path()).is_empty());
    assert_eq!(ended, None, "{}", rig.said());
    driver.kill();
    rig.wait_until_quiet();
    // who ends well leaves all records in the one file
    assert_eq!(rig.run(&["freeze", "--reason", "a test"]).status.code(), Some(0));
    let records = records::read(&rig);
    let run = open_run(&records).expect("a run");
    let intent = records.iter().find(|record| record.kind == "intent").expect("an intent");
    flip(&rig, &intent.key().expect("an attempt"));
    let before = ledger::read(rig.path()).len();
    for words in [&["run", "--resume", &run][..], &["run", "plan.yaml"], &["journal", "verify", "state"]] {
        let refused = rig.run(words);
        let said = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(5), "{words:?}: {said}");
        assert!(numbers(&said).contains(&seq(intent)), "{words:?} does not name {}: {said}", seq(intent));
    }
    rig.wait_until_quiet();
    assert_eq!(ledger::read(rig.path()).len(), before);
}

/// Flips a bit in the intent of `key`.
fn flip(rig: &Rig, key: &Key) {
    let path = rig.state().join("journal.db");
    let mut bytes = fs::read(&path).expect("a journal");
    let Key { run, step, target, .. } = key;
    let text = format!(r#"{{"kind":"intent","run":"{run}","step":"{step}","target":"{target}""#);
    // a page that was moved may have left a copy that nobody reads
    let places: Vec<_> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(text.as_bytes())).collect();
    assert!(!places.is_empty(), "{text} is not there");
    places.iter().for_each(|at| bytes[at + text.len() - 2] ^= 1);
    fs::write(&path, bytes).expect("a journal");
}

fn seq(record: &Record) -> String {
    record.seq.to_string()
}

fn numbers(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_ascii_digit()).map(str::to_owned).collect()
}
