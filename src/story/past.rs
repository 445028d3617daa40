//! What led to a record: the records before it that it rests on, as far as an explanation names them.

use super::line::{Level, level, said};
use super::{Noted, words};
use crate::steps::{Attempt, Decision, Doing, Gate, Pinned, Record, Side};
use crate::text;
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Another record, in a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Link {
    /// Its number.
    pub seq: u64,
    /// When it was written, in RFC 3339.
    pub at: String,
    /// What it says.
    pub line: String,
    #[serde(skip)]
    pub(super) time: String,
}

/// What is remembered of a run while its journal is read.
#[derive(Debug, Default)]
pub(super) struct Past {
    batches: BTreeMap<(String, usize), Batch>,
    /// The records of each target in a step since its newest attempt was intended.
    targets: BTreeMap<(String, String), Vec<Link>>,
    /// The newest record that a person must hear of.
    loud: Option<Link>,
    /// What made the run go back.
    back: Option<Link>,
    /// The newest capture of each signal, by its name, with the number of the capture.
    captures: BTreeMap<String, (u32, Link)>,
}

#[derive(Debug, Default)]
struct Batch {
    approved: Option<Link>,
    opened: Option<Link>,
    /// The first hold since the gate went on.
    held: Option<Link>,
}

impl Link {
    /// The link to `noted`.
    pub(super) fn to(noted: &Noted, pinned: Option<&Pinned>) -> Self {
        Self {
            seq: noted.seq,
            at: text::rfc3339(noted.at.as_millis()),
            line: said(noted, pinned),
            time: words::clock(noted.at),
        }
    }
}

impl Past {
    /// Takes the next record of the run in.
    pub(super) fn take(&mut self, noted: &Noted, pinned: Option<&Pinned>) {
        let link = || Link::to(noted, pinned);
        if level(&noted.record) == Level::Loud {
            self.loud = Some(link());
        }
        match &noted.record {
            Record::Gate(gate) => {
                let batch = self.batches.entry((gate.step.clone(), gate.batch)).or_default();
                match (gate.decision, gate.side) {
                    (Decision::Proceed, Side::Before) => (batch.opened, batch.held) = (Some(link()), None),
                    (Decision::Proceed, Side::After | Side::Late) => batch.held = None,
                    (Decision::Hold, _) => drop(batch.held.get_or_insert_with(link)),
                    (Decision::Rollback, _) => self.back = Some(link()),
                    (Decision::Pause | Decision::Abort, _) => {}
                }
            }
            Record::Approval { step, batch, .. } => {
                self.batches.entry((step.clone(), *batch)).or_default().approved = Some(link());
            }
            Record::Rollback(_) => self.back = Some(link()),
            Record::Capture(capture) if capture.left_out.is_none() => {
                let scene = &capture.scene;
                self.captures.insert(scene.signal.clone(), (scene.capture, link()));
            }
            Record::Intent { attempt, .. } => {
                self.targets.insert((attempt.step.clone(), attempt.target.clone()), vec![link()]);
            }
            record => {
                if let Some(key) = target(record).map(|(step, target)| (step.to_owned(), target.to_owned())) {
                    self.targets.entry(key).or_default().push(link());
                }
            }
        }
    }

    /// The records that led to `record`, in their order.
    pub(super) fn before(&self, record: &Record, pinned: Option<&Pinned>) -> Vec<Link> {
        let mut out: Vec<Link> = match record {
            Record::Gate(gate) => {
                let batch = self.batches.get(&(gate.step.clone(), gate.batch));
                let links = batch.into_iter().flat_map(|batch| {
                    let opened = batch.opened.as_ref().filter(|_| gate.side != Side::Before);
                    [batch.approved.as_ref(), opened, batch.held.as_ref()]
                });
                links.flatten().chain(self.captures_of(gate)).cloned().collect()
            }
            Record::Captured(captured) => {
                let own = self.captures.values().filter(|(number, _)| *number == captured.scene.capture);
                own.map(|(_, link)| link.clone()).collect()
            }
            Record::Pause(_)
            | Record::Resume(_)
            | Record::Abort(_)
            | Record::Rollback(_)
            | Record::Finish { .. } => self.loud.iter().cloned().collect(),
            record => self.of_target(record, pinned),
        };
        out.sort_by_key(|link| link.seq);
        out
    }

    /// The newest captures of the signals of which series were anomalous when a gate decided against going on.
    fn captures_of(&self, gate: &Gate) -> impl Iterator<Item = &Link> {
        let seen = gate.evidence.as_array().filter(|_| gate.decision != Decision::Proceed);
        let anomalous = seen.into_iter().flatten().filter(|series| {
            let is_so = |layer: &Value| layer["condition"] == "anomalous";
            is_so(series) || is_so(&series["slow"])
        });
        let signal = |series: &Value| series["series"].as_str()?.split('{').next().map(str::to_owned);
        let signals: BTreeSet<String> = anomalous.filter_map(signal).collect();
        let of = self.captures.iter().filter(move |(name, _)| signals.contains(*name));
        of.map(|(_, (_, link))| link)
    }

    /// What opened the way for an attempt, and its own records.
    fn of_target(&self, record: &Record, pinned: Option<&Pinned>) -> Vec<Link> {
        let Some((step, name)) = target(record) else { return Vec::new() };
        let opened = match attempt(record).map(|attempt| attempt.doing) {
            Some(Doing::Undo) => self.back.iter().cloned().collect(),
            _ => self.opened(step, name, pinned),
        };
        let own = self.targets.get(&(step.to_owned(), name.to_owned())).into_iter().flatten().cloned();
        // an attempt that is only intended does not rest on the one before, which has its end
        let begins = matches!(record, Record::Intent { .. });
        opened.into_iter().chain(own.filter(|_| !begins)).collect()
    }

    fn opened(&self, step: &str, target: &str, pinned: Option<&Pinned>) -> Vec<Link> {
        let step = pinned.and_then(|pinned| pinned.steps.iter().find(|other| other.step == step));
        let number =
            step.and_then(|step| step.batches.iter().position(|batch| batch.iter().any(|t| t == target)));
        let batch =
            step.zip(number).and_then(|(step, number)| self.batches.get(&(step.step.clone(), number)));
        let links = batch.into_iter().flat_map(|batch| [batch.approved.as_ref(), batch.opened.as_ref()]);
        links.flatten().cloned().collect()
    }
}

/// The step and the target that a record is about.
pub(super) fn target(record: &Record) -> Option<(&str, &str)> {
    if let Some(attempt) = attempt(record) {
        return Some((&attempt.step, &attempt.target));
    }
    match record {
        Record::Retry(told) | Record::Skip(told) | Record::Resolve { told, .. } => {
            Some((&told.step, &told.target))
        }
        _ => None,
    }
}

/// The attempt that a record is about.
pub(super) fn attempt(record: &Record) -> Option<&Attempt> {
    match record {
        Record::Intent { attempt, .. }
        | Record::Spawned { attempt, .. }
        | Record::Result { attempt, .. }
        | Record::Withdrawn { attempt, .. }
        | Record::Unknown { attempt, .. } => Some(attempt),
        _ => None,
    }
}
