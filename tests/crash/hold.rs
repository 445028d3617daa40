//! What must hold whenever a driver is gone and its actions have ended: the ledger held against the journal.

use crate::ledger::{Key, Line, Word};
use crate::records::{Record, open_attempts};
use std::collections::{BTreeMap, BTreeSet};

/// Where a target is in a step.
type Place<'a> = [&'a str; 3];

/// Holds `lines` against `records`.
pub(crate) fn hold(records: &[Record], lines: &[Line]) {
    begun_after_its_intent(records, lines);
    steps_in_their_order(records, lines);
    no_more_often_than_granted(records, lines);
    one_after_the_other(lines);
    aborted_is_aborted(records);
    told_as_it_was(records, lines);
    for record in records.iter().filter(|record| record.kind == "finish") {
        ended(records, lines, record);
    }
}

/// Nothing begins without an intent before it on record, and nothing twice.
fn begun_after_its_intent(records: &[Record], lines: &[Line]) {
    let mut begun = BTreeSet::new();
    for line in begins(lines) {
        assert!(begun.insert(&line.key), "began twice: {line:?}");
        let is_its = |record: &&Record| record.kind == "intent" && record.key().as_ref() == Some(&line.key);
        let intent =
            records.iter().find(is_its).unwrap_or_else(|| panic!("began without an intent: {line:?}"));
        assert!(intent.at_ms <= line.at_ms, "began before its intent: {line:?}, {intent:?}");
    }
}

/// A step begins when each target of the step before is done.
fn steps_in_their_order(records: &[Record], lines: &[Line]) {
    for plan in records.iter().filter(|record| record.kind == "plan") {
        let places = plan.places();
        for (i, (step, target)) in places.iter().enumerate() {
            let before: Vec<_> = places[..i].iter().filter(|(other, _)| other != step).collect();
            let is_here = |line: &Line, word, step: &str, target: &str| {
                line.word == word
                    && line.key.doing == "action"
                    && place(&line.key) == [plan.text("run"), step, target]
            };
            let Some(begun) = lines.iter().position(|line| is_here(line, Word::Begin, step, target)) else {
                continue;
            };
            for (step, target) in before {
                let is_done = lines[..begun].iter().any(|line| is_here(line, Word::Ok, step, target));
                assert!(is_done, "{:?} began before {step} on {target} was done", lines[begun]);
            }
        }
    }
}

/// A target is tried once in a step, and once more for each retry and each attempt that was found not to have run.
fn no_more_often_than_granted(records: &[Record], lines: &[Line]) {
    let mut begun: BTreeMap<(Place<'_>, &str), usize> = BTreeMap::new();
    for line in begins(lines) {
        *begun.entry((place(&line.key), &line.key.doing)).or_default() += 1;
    }
    for ((place, doing), count) in begun {
        let is_its = |record: &&Record| ["run", "step", "target"].map(|name| record.text(name)) == place;
        let grants = |record: &&Record| match record.kind.as_str() {
            "retry" => true,
            "resolve" => !record.is("ran"),
            _ => false,
        };
        let granted = 1 + records.iter().filter(is_its).filter(grants).count();
        assert!(count <= granted, "{doing} of {place:?} began {count} times, granted were {granted}");
    }
}

/// Never two attempts at once on a target in a step, and no probe while one is under way: what it says would not hold.
fn one_after_the_other(lines: &[Line]) {
    let mut busy: BTreeMap<Place<'_>, &Line> = BTreeMap::new();
    for line in lines {
        let place = place(&line.key);
        match line.word {
            Word::Begin | Word::Yes | Word::No => {
                assert!(!busy.contains_key(&place), "{line:?} while {:?}", busy[&place]);
                if line.word == Word::Begin {
                    busy.insert(place, line);
                }
            }
            Word::Ok | Word::Failed => {
                let began = busy.remove(&place).unwrap_or_else(|| panic!("ended and never began: {line:?}"));
                assert_eq!(began.key, line.key);
            }
        }
    }
    assert!(busy.is_empty(), "began, and never ended: {busy:?}");
}

/// After an abort nothing is even intended.
fn aborted_is_aborted(records: &[Record]) {
    for abort in records.iter().filter(|record| record.kind == "abort") {
        let after = |record: &&Record| record.seq > abort.seq && record.text("run") == abort.text("run");
        let intended = records.iter().filter(after).find(|record| record.kind == "intent");
        assert_eq!(intended, None, "intended after {abort:?}");
    }
}

/// Whatever the journal tells of an attempt, the ledger says as well.
fn told_as_it_was(records: &[Record], lines: &[Line]) {
    let ends: BTreeMap<&Key, Word> = lines
        .iter()
        .filter(|line| matches!(line.word, Word::Ok | Word::Failed))
        .map(|line| (&line.key, line.word))
        .collect();
    let begun: BTreeSet<&Key> = begins(lines).map(|line| &line.key).collect();
    let mut unknown: BTreeMap<[String; 3], Key> = BTreeMap::new();
    let mut withdrawn = BTreeSet::new();
    for record in records {
        let key = record.key();
        match (record.kind.as_str(), &key) {
            ("result", Some(key)) => {
                let told = match record.text("end") {
                    "succeeded" => Word::Ok,
                    "failed" => Word::Failed,
                    _ => panic!("an end that no action here has: {record:?}"),
                };
                assert_eq!(ends.get(key), Some(&told), "{record:?}");
            }
            ("withdrawn", Some(key)) => drop(withdrawn.insert(key.clone())),
            ("intent", Some(key)) => drop(withdrawn.remove(key)),
            ("unknown", Some(key)) => drop(unknown.insert(place(key).map(str::to_owned), key.clone())),
            ("resolve", None) => {
                let place = ["run", "step", "target"].map(|name| record.text(name).to_owned());
                let key = unknown.remove(&place).unwrap_or_else(|| panic!("nothing to resolve: {record:?}"));
                assert_eq!(record.is("ran"), ends.get(&key) == Some(&Word::Ok), "{record:?} of {key:?}");
            }
            _ => {}
        }
    }
    let of_withdrawn = withdrawn.iter().find(|key| begun.contains(key));
    assert_eq!(of_withdrawn, None, "withdrawn, and it began");
}

/// A run is over: each attempt has an end on record, and each target is as the end says. Only a run that was aborted may leave
/// attempts that nobody knows the end of.
fn ended(records: &[Record], lines: &[Line], finish: &Record) {
    let run = finish.text("run");
    let may_stay = |is_unknown: bool| is_unknown && finish.text("decision") == "aborted";
    let mut open = open_attempts(records).into_iter();
    let open = open.find(|(key, open)| key.run == run && !may_stay(open.is_unknown));
    assert_eq!(open, None, "without an end on record in a run that is over");
    let plan =
        records.iter().find(|record| record.kind == "plan" && record.text("run") == run).expect("a plan");
    for (step, target) in plan.places() {
        let place = [run, &step, &target];
        let its: Vec<&str> = lines
            .iter()
            .filter(|line| line.word == Word::Ok && self::place(&line.key) == place)
            .map(|line| line.key.doing.as_str())
            .collect();
        match finish.text("decision") {
            "done" => assert_eq!(its, ["action"], "{place:?} in a run that is done"),
            "rolled_back" => {
                assert!(matches!(its[..], [] | ["undo"] | ["action", "undo"]), "{place:?}: {its:?}")
            }
            _ => assert!(
                matches!(its[..], [] | ["undo"] | ["action"] | ["action", "undo"]),
                "{place:?}: {its:?}"
            ),
        }
    }
}

fn begins(lines: &[Line]) -> impl Iterator<Item = &Line> {
    lines.iter().filter(|line| line.word == Word::Begin)
}

fn place(key: &Key) -> Place<'_> {
    [&key.run, &key.step, &key.target]
}
