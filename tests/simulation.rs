//! Whole runs in a made world: the real monitor, gates, machine, driver and chain of the journal, with a clock, a disk, sources
//! that lie, targets, persons and crashes from one seed. A run that breaks a promise prints its seed and the command that
//! repeats it.
//!
//! `QUIETGATE_SEEDS=FROM..UNTIL` names other seeds than the first ten thousand.

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
#[path = "simulation/told.rs"]
mod told;

use rayon::prelude::*;
use run::{Outcome, Report};
use std::collections::BTreeMap;
use std::ops::Range;

const ALL: Range<u64> = 0..10_000;

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
    let runs: Vec<(u64, Result<Report, String>)> =
        seeds().into_par_iter().map(|s| (s, run::run(s, false))).collect();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let (mut records, mut broken) = (0, 0);
    for (seed, run) in &runs {
        match run {
            Ok(report) => {
                *counts.entry(format!("{:?}", report.outcome)).or_default() += 1;
                report.marks.iter().for_each(|mark| *counts.entry((*mark).to_owned()).or_default() += 1);
                records += report.records;
            }
            Err(what) => {
                broken += 1;
                let command = "cargo test --release -p quietgate --test simulation no_run";
                println!("seed {seed}: {what}\n    QUIETGATE_SEEDS={seed}..{} {command}", seed + 1);
            }
        }
    }
    println!("{} runs, {records} records, {:?}", runs.len(), begun.elapsed());
    counts.iter().for_each(|(mark, count)| println!("{count:6} runs: {mark}"));
    let _ = Outcome::Done;
    assert_eq!(broken, 0, "runs broke a promise");
}
