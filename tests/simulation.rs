//! Whole runs in a made world: the real monitor, gates, machine, driver and chain of the journal, with a clock, a disk, sources
//! that lie, targets, persons and crashes from one seed. A run that breaks a promise prints its seed and the command that
//! repeats it.
//!
//! `QUIETGATE_SEEDS=FROM..UNTIL` names other seeds than the first ten thousand.

#[path = "simulation/captures.rs"]
mod captures;
#[path = "simulation/case.rs"]
mod case;
#[path = "simulation/dice.rs"]
mod dice;
#[path = "simulation/disk.rs"]
mod disk;
#[path = "simulation/facts.rs"]
mod facts;
#[path = "simulation/fleet.rs"]
mod fleet;
#[path = "simulation/judges.rs"]
mod judges;
#[path = "simulation/outside.rs"]
mod outside;
#[path = "simulation/persons.rs"]
mod persons;
#[path = "simulation/run.rs"]
mod run;
#[path = "simulation/starts.rs"]
mod starts;
#[path = "simulation/told.rs"]
mod told;

use rayon::prelude::*;
use run::Ran;
use std::collections::BTreeMap;
use std::ops::Range;

const ALL: Range<u64> = 0..10_000;

/// What must come up in some of the ten thousand runs.
const SEEN: [&str; 40] = [
    "Done",
    "RolledBack",
    "Aborted",
    "Refused",
    "dies before a write",
    "dies before a sync",
    "dies before a head",
    "dies before its sync",
    "dies before it is told",
    "dies after an acknowledgement",
    "dies before a start",
    "dies after a start",
    "dies while it waits",
    "dies before it took over",
    "dies before its head",
    "the disk fails",
    "the end is torn",
    "a torn end is refused",
    "a record is there that nobody was told of",
    "a person speaks between an intent and its start",
    "a person is refused",
    "withdrawn",
    "captured",
    "a capture is lost",
    "undo",
    "pause",
    "resume",
    "abort",
    "rollback",
    "freeze",
    "unfreeze",
    "approve",
    "retry",
    "skip",
    "resolve",
    "blamed",
    "blamed late",
    "holds for what is expected",
    "holds for the slow layer",
    "watched to the end",
];

/// Which seeds are run.
fn seeds() -> Range<u64> {
    let given = std::env::var("QUIETGATE_SEEDS").ok();
    let range = given.as_deref().and_then(|text| {
        let (from, until) = text.split_once("..")?;
        Some(from.parse().ok()?..until.parse().ok()?)
    });
    range.unwrap_or(ALL)
}

#[test]
fn no_run_breaks_a_promise() {
    let begun = std::time::Instant::now();
    let runs: Vec<(u64, Ran)> = seeds().into_par_iter().map(|seed| (seed, run::run(seed, false))).collect();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let (mut records, mut broken) = (0, 0);
    for (seed, run) in &runs {
        run.marks.iter().for_each(|mark| *counts.entry((*mark).to_owned()).or_default() += 1);
        records += run.records.len();
        if seeds().count() == 1 {
            run.records.iter().for_each(|(at_ms, record)| println!("{at_ms} {record}"));
        }
        match &run.ended {
            Ok(outcome) => *counts.entry(format!("{outcome:?}")).or_default() += 1,
            Err(what) => {
                broken += 1;
                let command = "cargo test --release -p quietgate --test simulation no_run -- --nocapture";
                println!("seed {seed}: {what}\n    QUIETGATE_SEEDS={seed}..{} {command}", seed + 1);
            }
        }
    }
    println!("{} runs, {records} records, {:?}", runs.len(), begun.elapsed());
    counts.iter().for_each(|(mark, count)| println!("{count:6} runs: {mark}"));
    assert_eq!(broken, 0, "runs broke a promise");
    // a simulation in which nothing happens proves nothing
    if seeds() == ALL {
        let rare: Vec<_> =
            SEEN.iter().filter(|mark| counts.get(**mark).is_none_or(|count| *count < 20)).collect();
        assert!(rare.is_empty(), "this came up in hardly any run: {rare:?}");
    }
}

/// Every mistake that is built in is made until a run breaks a promise by it.
#[cfg(feature = "sabotage")]
#[test]
fn every_sabotage_is_seen() {
    use quietgate::sabotage::{Sabotage, choose};
    let mut missed = Vec::new();
    let program = Sabotage::ALL.map(|mistake| (format!("{mistake:?}"), Some(mistake), false));
    for (name, mistake, forgets_to_sync) in program.into_iter().chain([("NoFsync".to_owned(), None, true)]) {
        let first = |seed: u64| {
            choose(mistake);
            let ended = run::run(seed, forgets_to_sync).ended;
            choose(None);
            Some((seed, ended.err()?))
        };
        let begun = std::time::Instant::now();
        match ALL.into_par_iter().find_map_first(first) {
            Some((seed, broken)) => println!("{name}: seed {seed} in {:?}: {broken}", begun.elapsed()),
            None => missed.push(name),
        }
    }
    assert_eq!(missed, [""; 0], "nobody saw these");
}
