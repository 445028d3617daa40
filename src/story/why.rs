//! Why something was decided, and what came of it: one record, explained by the journal alone.

use super::evidence::{SeriesSeen, series};
use super::follow::{Follows, follows};
use super::line::said;
use super::past::{Link, Past, target};
use super::scene::Wrote;
use super::words::{self, NAMED};
use super::{Noted, event};
use crate::steps::{Gate, Pinned, Record};
use crate::text;
use serde::Serialize;
use serde_json::Value;
use std::error::Error;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Which record is to be explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// The newest decision of a gate, pause, abort or rollback of the newest run.
    Newest,
    /// The newest capture of the newest run.
    Capture,
    /// The record of this number.
    Seq(u64),
    /// The newest decision of a gate of this step.
    Step(String),
    /// Of this step the newest record about the target of this name or, where it has none, the newest decision of the gate of
    /// the batch of this number, from 1.
    Part(String, String),
}

/// An explained record.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Why {
    /// The record's number.
    pub seq: u64,
    /// What it says, in a line.
    pub line: String,
    /// The targets that it is about, where it is about a batch: how many, and the first few.
    pub targets: Option<Targets>,
    /// What a gate saw: every required series, those that were not clean first.
    pub series: Vec<SeriesSeen>,
    /// What the programs of a capture wrote.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub wrote: Vec<Wrote>,
    /// What led to it.
    pub before: Vec<Link>,
    /// What came of it so far: the first few records, and the one that ended it.
    pub after: Vec<Link>,
    /// How many more came of it.
    pub after_more: usize,
    /// The whole record, as an event.
    pub event: Value,
    #[serde(skip)]
    pub(super) noted: Noted,
}

/// Some targets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Targets {
    /// How many.
    pub count: usize,
    /// The first few.
    pub first: Vec<String>,
}

/// There is no such record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotThere {
    which: Which,
    /// The number of the newest record; 0 where there is none.
    newest: u64,
    /// The names of the plan's steps, where the one asked for is none of them.
    steps: Vec<String>,
}

/// Looks for a record while a journal is read, and for what explains it. Memory: the plan, some lines a target, and one
/// record with all its numbers.
#[derive(Debug)]
pub struct Search {
    which: Which,
    run: Option<String>,
    newest: u64,
    plan: Option<Arc<Pinned>>,
    past: Past,
    found: Option<Found>,
}

#[derive(Debug)]
struct Found {
    noted: Noted,
    plan: Option<Arc<Pinned>>,
    before: Vec<Link>,
    wrote: Vec<Wrote>,
    after: Vec<Link>,
    more: usize,
    over: bool,
}

/// Explains a record of `entries`, which are a whole journal in its order; with `run`, one of that run.
///
/// # Errors
/// Where there is no such record.
pub fn why(
    entries: impl IntoIterator<Item = Noted>,
    which: Which,
    run: Option<&str>,
) -> Result<Why, NotThere> {
    let mut search = Search::new(which, run);
    entries.into_iter().for_each(|noted| search.take(noted));
    search.end()
}

impl Search {
    /// A search that has read nothing yet; with `run`, among the records of that run and those of none.
    pub fn new(which: Which, run: Option<&str>) -> Self {
        let run = run.map(str::to_owned);
        Self { which, run, newest: 0, plan: None, past: Past::default(), found: None }
    }

    /// Takes the next entry of the journal.
    pub fn take(&mut self, noted: Noted) {
        self.newest = noted.seq;
        let of = noted.record.run();
        if of.is_some() && self.run.is_some() && of != self.run.as_deref() {
            return;
        }
        if let Record::Plan(pinned) = &noted.record {
            (self.plan, self.past) = (Some(Arc::new(pinned.clone())), Past::default());
            // what an earlier run decided is not what this one did
            self.found.take_if(|_| !matches!(self.which, Which::Seq(_)));
        }
        let plan = self.plan.as_deref();
        if self.which.is(&noted, plan) {
            let before = self.past.before(&noted.record, plan);
            self.past.take(&noted, plan);
            let plan = self.plan.clone();
            self.found = Some(Found::new(noted, plan, before));
            return;
        }
        if let Some(found) = self.found.as_mut().filter(|found| !found.over) {
            found.take(&noted);
        }
        self.past.take(&noted, plan);
    }

    /// What was found, once the whole journal is read.
    ///
    /// # Errors
    /// Where there is no such record.
    pub fn end(self) -> Result<Why, NotThere> {
        if let Some(found) = self.found {
            return Ok(found.explained());
        }
        let steps = self.plan.iter().flat_map(|plan| &plan.steps).map(|step| step.step.clone()).collect();
        Err(NotThere { which: self.which, newest: self.newest, steps })
    }
}

impl Found {
    fn new(noted: Noted, plan: Option<Arc<Pinned>>, before: Vec<Link>) -> Self {
        let wrote = match &noted.record {
            Record::Captured(captured) => vec![Wrote::of(noted.seq, captured)],
            _ => Vec::new(),
        };
        Self { noted, plan, before, wrote, after: Vec::new(), more: 0, over: false }
    }

    fn take(&mut self, next: &Noted) {
        let plan = self.plan.as_deref();
        let own = self.noted.record.run();
        if own.is_some() && next.record.run().is_some_and(|run| Some(run) != own) {
            self.over = true;
            return;
        }
        if let (Record::Capture(own), Record::Captured(captured)) = (&self.noted.record, &next.record)
            && own.scene.capture == captured.scene.capture
        {
            self.wrote.push(Wrote::of(next.seq, captured));
        }
        match follows(
            &self.noted.record,
            batch_of(&self.noted.record, plan).unwrap_or_default(),
            &next.record,
        ) {
            None => {}
            Some(Follows::More) if self.after.len() >= NAMED => self.more += 1,
            Some(follows) => {
                self.after.push(Link::to(next, plan));
                self.over = follows == Follows::Last;
            }
        }
    }

    fn explained(self) -> Why {
        let plan = self.plan.as_deref();
        let first = |targets: &[String]| targets[..targets.len().min(NAMED)].to_vec();
        let targets = batch_of(&self.noted.record, plan);
        let evidence = match &self.noted.record {
            Record::Gate(Gate { evidence, .. }) => series(evidence, self.noted.at),
            _ => Vec::new(),
        };
        Why {
            seq: self.noted.seq,
            line: said(&self.noted, plan),
            targets: targets.map(|targets| Targets { count: targets.len(), first: first(targets) }),
            series: evidence,
            wrote: self.wrote,
            before: self.before,
            after: self.after,
            after_more: self.more,
            event: event(&self.noted),
            noted: self.noted,
        }
    }
}

/// The targets of the batch that a record is about.
fn batch_of<'a>(record: &Record, plan: Option<&'a Pinned>) -> Option<&'a [String]> {
    match record {
        Record::Gate(gate) => words::targets(plan, &gate.step, gate.batch),
        Record::Approval { step, batch, .. } => words::targets(plan, step, *batch),
        _ => None,
    }
}

impl Which {
    fn is(&self, noted: &Noted, plan: Option<&Pinned>) -> bool {
        match (self, &noted.record) {
            (Self::Seq(seq), _) => *seq == noted.seq,
            (Self::Newest, Record::Gate(_) | Record::Pause(_) | Record::Abort(_) | Record::Rollback(_)) => {
                true
            }
            (Self::Newest, _) => false,
            (Self::Capture, Record::Capture(capture)) => capture.left_out.is_none(),
            (Self::Capture, _) => false,
            (Self::Step(step), Record::Gate(gate)) => *step == gate.step,
            (Self::Step(_), _) => false,
            (Self::Part(step, part), Record::Gate(gate)) => {
                let is_batch = || part.parse() == Ok(gate.batch as u64 + 1);
                *step == gate.step && is_batch() && !has_target(plan, step, part)
            }
            (Self::Part(step, part), record) => target(record) == Some((step.as_str(), part.as_str())),
        }
    }
}

fn has_target(plan: Option<&Pinned>, step: &str, target: &str) -> bool {
    let mut steps = plan.into_iter().flat_map(|plan| &plan.steps);
    steps.any(|other| other.step == step && other.batches.iter().flatten().any(|other| other == target))
}

/// A record's number, `STEP`, `STEP/BATCH` or `STEP/TARGET`.
impl FromStr for Which {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.bytes().all(|byte| byte.is_ascii_digit())
            && let Ok(seq) = text.parse()
        {
            return Ok(Self::Seq(seq));
        }
        let allowed = "allowed is the number of a record, STEP, STEP/BATCH or STEP/TARGET";
        match text.split_once('/') {
            None if !text.is_empty() => Ok(Self::Step(text.to_owned())),
            Some((step, part)) if !step.is_empty() && !part.is_empty() => {
                Ok(Self::Part(step.to_owned(), part.to_owned()))
            }
            _ => Err(allowed.to_owned()),
        }
    }
}

impl fmt::Display for NotThere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.which {
            _ if self.newest == 0 => f.write_str("the journal has no records yet"),
            Which::Seq(seq) if (1..=self.newest).contains(seq) => write!(f, "record {seq} is of another run"),
            Which::Seq(seq) => write!(f, "there is no record {seq}, the newest is {}", self.newest),
            Which::Capture => f.write_str("nothing was captured yet"),
            Which::Newest => f.write_str("no gate has decided anything yet, and nobody paused the run"),
            Which::Step(step) | Which::Part(step, _) if !self.steps.contains(step) => {
                let names = words::names(self.steps.iter().map(String::as_str));
                let known =
                    if names.is_empty() { "there is no run".to_owned() } else { format!("there is {names}") };
                write!(f, "there is no step {}; {}", text::plain(step), text::plain(&known))
            }
            Which::Step(step) => write!(f, "no gate of {} has decided anything yet", text::plain(step)),
            Which::Part(step, part) => {
                write!(f, "nothing is on record of {}/{} yet", text::plain(step), text::plain(part))
            }
        }
    }
}

impl Error for NotThere {}
