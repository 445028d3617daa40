//! The state of everything a journal tells of: the fold of its records.

use super::record::{Record, Word};
use super::run::{Mode, Run};
use quietgate_detectors::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// All runs of a journal, and what holds for each of them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct State {
    /// By name.
    pub runs: BTreeMap<String, Run>,
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

    /// The run that is not over; there is at most one.
    pub fn open_run(&self) -> Option<&Run> {
        self.runs.values().find(|run| !matches!(run.mode, Mode::Finished(_)))
    }

    fn applied(&mut self, at: Timestamp, record: &Record) -> Result<(), &'static str> {
        match record {
            Record::Boot { driver, .. } => {
                self.drivers.insert(driver.clone());
                // nobody looked at the gates in between, so nobody lost patience
                self.runs.values_mut().for_each(Run::look_anew);
                Ok(())
            }
            Record::Freeze(word) => {
                self.frozen = Some(word.clone());
                Ok(())
            }
            Record::Unfreeze(_) => self.frozen.take().map(|_| ()).ok_or("nothing is frozen"),
            Record::Plan(pinned) => {
                if self.open_run().is_some() {
                    return Err("another run is not over");
                }
                if self.runs.contains_key(&pinned.run) {
                    return Err("there was a run of that name");
                }
                self.runs.insert(pinned.run.clone(), Run::begin(pinned.clone()));
                Ok(())
            }
            _ => {
                let name = record.run().ok_or("the record names no run")?;
                self.runs.get_mut(name).ok_or("there is no such run")?.apply(at, record)
            }
        }
    }
}
