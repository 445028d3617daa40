//! The state of everything a journal tells of: the fold of its records.

use super::record::{Pinned, Record, Word};
use super::run::Run;
use quietgate_detectors::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// All runs of a journal, and what holds for each of them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct State {
    /// By name. Each is shared, for the state is copied with each record, and that changes one of them.
    pub runs: BTreeMap<String, Arc<Run>>,
    /// Who froze everything and why; while it is frozen no batch starts.
    pub frozen: Option<Word>,
    /// Every driver there was: what its processes are marked with.
    pub drivers: BTreeSet<String>,
}

/// A record that cannot follow those before it: the journal or the program is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Illegal {
    /// The number of the record.
    pub seq: u64,
    /// Why it cannot be.
    pub why: &'static str,
}

impl fmt::Display for Illegal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "record {} cannot follow those before it: {}", self.seq, self.why)
    }
}

impl std::error::Error for Illegal {}

impl State {
    /// Takes the record number `seq` in, which was written at `at`. One that is refused changes nothing.
    ///
    /// # Errors
    /// Where the record cannot follow those before it.
    pub fn apply(&mut self, seq: u64, at: Timestamp, record: &Record) -> Result<(), Illegal> {
        self.applied(at, record).map_err(|why| Illegal { seq, why })
    }

    /// The runs that are not over, by name.
    pub fn open_runs(&self) -> impl Iterator<Item = &Run> {
        self.runs.values().map(Arc::as_ref).filter(|run| !run.is_over())
    }

    /// The run that is not over, where there is exactly one.
    pub fn open_run(&self) -> Option<&Run> {
        let mut open = self.open_runs();
        open.next().filter(|_| open.next().is_none())
    }

    /// A target of `pinned` that a run works on which is not over, and the name of that run: no target is in two at once.
    pub fn shared<'a>(&'a self, pinned: &'a Pinned) -> Option<(&'a str, &'a str)> {
        let targets = pinned.steps.iter().flat_map(|step| step.batches.iter().flatten());
        let own: BTreeSet<&str> = targets.map(String::as_str).collect();
        self.open_runs().find_map(|run| {
            let shared = run.all().map(|(_, target, _)| target).find(|target| own.contains(target));
            shared.map(|target| (target, run.pinned.run.as_str()))
        })
    }

    fn applied(&mut self, at: Timestamp, record: &Record) -> Result<(), &'static str> {
        match record {
            Record::Boot { driver, .. } => {
                self.drivers.insert(driver.clone());
                // nobody looked at the gates in between, so nobody lost patience
                self.runs.values_mut().for_each(|run| Arc::make_mut(run).look_anew());
                Ok(())
            }
            Record::Freeze(word) => {
                self.frozen = Some(word.clone());
                Ok(())
            }
            Record::Unfreeze(_) => self.frozen.take().map(|_| ()).ok_or("nothing is frozen"),
            Record::Plan(pinned) => {
                if self.shared(pinned).is_some() {
                    return Err("another run that is not over has one of its targets");
                }
                if self.runs.contains_key(&pinned.run) {
                    return Err("there was a run of that name");
                }
                self.runs.insert(pinned.run.clone(), Arc::new(Run::begin(pinned.clone(), at)));
                Ok(())
            }
            _ => {
                let name = record.run().ok_or("the record names no run")?;
                let run = self.runs.get_mut(name).ok_or("there is no such run")?;
                Arc::make_mut(run).apply(at, record)
            }
        }
    }
}
