//! What is held can be broken: a whole run, of which one thing is forged at a time, is seen each time.

use crate::hold::hold;
use crate::ledger::{self, Line, Word};
use crate::records::{self, Record};
use crate::rig::{Driver, Rig, SHORT};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Forges one thing.
type Forge = fn(&mut Vec<Record>, &mut Vec<Line>);

const FORGERIES: [(&str, Forge); 9] = [
    ("no intent", |records, _| {
        let at = records.iter().position(|record| record.kind == "intent").expect("an intent");
        records.remove(at);
    }),
    ("an intent after the start", |records, _| {
        records.iter_mut().filter(|record| record.kind == "intent").for_each(|record| record.at_ms += 60_000);
    }),
    ("no retry", |records, _| records.retain(|record| record.kind != "retry")),
    ("no result", |records, _| records.retain(|record| record.kind != "result")),
    ("left unknown by a run that is done", |records, _| {
        let at = records.iter().rposition(|record| record.kind == "result").expect("a result");
        records[at].kind = "unknown".to_owned();
    }),
    ("an abort before the end", |records, _| {
        let at = records.iter().position(|record| record.kind == "gate").expect("a gate");
        records[at].kind = "abort".to_owned();
    }),
    ("begun twice", |_, lines| {
        let line = lines[0].clone();
        let at = lines
            .iter()
            .position(|other| other.key == line.key && other.word != Word::Begin)
            .expect("an end");
        lines.splice(at..at, [lines[at].clone(), line]);
    }),
    ("done twice", |_, lines| {
        let last = lines.iter().rfind(|line| line.word == Word::Ok).expect("an end").clone();
        let mut begun = Line { word: Word::Begin, ..last.clone() };
        begun.key.attempt += 1;
        let ended = Line { word: Word::Ok, ..begun.clone() };
        lines.extend([begun, ended]);
    }),
    ("never done", |_, lines| {
        let key = lines.iter().rfind(|line| line.word == Word::Ok).expect("an end").key.clone();
        lines.retain(|line| line.key != key);
    }),
];

#[test]
fn each_forged_thing_is_seen() {
    let rig = Rig::new(SHORT);
    let status = Driver::start(rig.command(&[], &["run", "plan.yaml"])).end();
    assert_eq!(status.code(), Some(0), "{}", rig.said());
    rig.wait_until_quiet();
    let (records, lines) = (records::read(&rig), ledger::read(rig.path()));
    hold(&records, &lines);
    for (what, forge) in FORGERIES {
        let (mut records, mut lines) = (records.clone(), lines.clone());
        forge(&mut records, &mut lines);
        let held = catch_unwind(AssertUnwindSafe(|| hold(&records, &lines)));
        assert!(held.is_err(), "not seen: {what}");
    }
}
