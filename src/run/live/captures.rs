//! Captures of anomalies under way: each program is a task of its own, bounded in time and output, and tells of its end by a
//! record. Nothing that the run does waits for one.

use crate::actions::{Bounds, Cage, Cancel, Captured as Ended, End as ActionEnd, Program, capture_until};
use crate::clock;
use crate::config::Config;
use crate::plan::Plan;
use crate::run::scenes::{Anomalous, Often, due};
use crate::run::signals;
use crate::steps::{Capture, Captured, End, Record, Run, Scene};
use crate::text;
use quietgate_detectors::Timestamp;
use std::collections::BTreeMap;
use std::path::Path;
use tokio::task::{Id, JoinSet};

/// How long the processes of a program that is ended have until they are killed: what only looks has nothing to tidy up.
const GRACE_MS: i64 = 200;

/// The captures of a run that are under way. Dropping it kills what they started.
#[derive(Debug)]
pub(super) struct Captures {
    /// By the number of the signal.
    signals: Vec<Looked>,
    often: Often,
    bounds: Bounds,
    cage: Cage,
    cancel: Cancel,
    tasks: JoinSet<Record>,
    under_way: BTreeMap<Id, Job>,
}

/// What is known of the anomalies of a signal.
#[derive(Debug)]
struct Looked {
    name: String,
    programs: Vec<Program>,
    /// What began no later was looked at.
    known: Option<Timestamp>,
}

/// A program of a capture.
#[derive(Debug, Clone)]
struct Job {
    scene: Scene,
    number: usize,
    program: Program,
}

impl Captures {
    /// None yet. Relative programs of `config` begin in `folder`. What `cancel` ends are these too. A `dry` run has none.
    pub(super) fn new(config: &Config, plan: &Plan, folder: &Path, cancel: Cancel, dry: bool) -> Self {
        let looked = |signal| {
            let looks = if dry { &[] } else { config.looks(signal) };
            let programs = looks.iter().map(|look| look.program(folder)).collect();
            Looked { name: signal.name.clone(), programs, known: None }
        };
        let own = &config.capture;
        Self {
            signals: signals(config, plan).map(looked).collect(),
            often: Often { at_most: own.at_most, spacing_ms: own.spacing_ms },
            bounds: Bounds { timeout_ms: own.timeout_ms, grace_ms: GRACE_MS, output: own.max_output },
            cage: Cage::detect(),
            cancel,
            tasks: JoinSet::new(),
            under_way: BTreeMap::new(),
        }
    }

    /// How many programs have not told of their end.
    pub(super) fn under_way(&self) -> usize {
        self.under_way.len()
    }

    /// Whether anything captures the scene where a series of the signal of this number is anomalous.
    pub(super) fn looks_at(&self, signal: usize) -> bool {
        self.signals.get(signal).is_some_and(|looked| !looked.programs.is_empty())
    }

    /// What is to be put on record at `now`, where these `series` of the signal of this number are anomalous.
    pub(super) fn due(
        &mut self,
        run: &Run,
        signal: usize,
        series: &[(String, Timestamp)],
        now: Timestamp,
    ) -> Option<Capture> {
        let looked = self.signals.get_mut(signal)?;
        let newest = series.iter().map(|(_, since)| *since).max()?;
        let programs: Vec<_> = looked.programs.iter().map(|program| program.argv.clone()).collect();
        let anomalous = Anomalous { signal: &looked.name, series, known: looked.known, now };
        let due = due(run, anomalous, &programs, self.often);
        // what is passed over now is not captured later, when there is another scene
        looked.known = looked.known.max(Some(newest));
        due
    }

    /// Starts the programs of `capture`, which is on record.
    pub(super) fn start(&mut self, signal: usize, capture: &Capture) {
        let Some(looked) = self.signals.get(signal) else { return };
        for (number, program) in looked.programs.iter().enumerate().take(capture.programs.len()) {
            let job = Job { scene: capture.scene.clone(), number, program: program.clone() };
            let (bounds, cage, cancel, own) =
                (self.bounds, self.cage.clone(), self.cancel.clone(), job.clone());
            let handle = self.tasks.spawn(async move {
                let began = clock::now();
                let ended = capture_until(&own.program, bounds, &cage, &cancel).await;
                own.record(began, ended, bounds)
            });
            self.under_way.insert(handle.id(), job);
        }
    }

    /// The next thing to put on record; never where nothing is under way. May be dropped and called again: nothing is lost.
    pub(super) async fn next(&mut self) -> Record {
        loop {
            let Some(ended) = self.tasks.join_next_with_id().await else {
                return std::future::pending().await;
            };
            let id = ended.as_ref().map_or_else(|error| error.id(), |(id, _)| *id);
            let job = self.under_way.remove(&id);
            match (ended, job) {
                (Ok((_, record)), _) => return record,
                (Err(error), Some(job)) => return job.lost(format!("it was lost: {error}")),
                (Err(_), None) => {}
            }
        }
    }
}

impl Job {
    /// What is put on record of a program of which nothing is known.
    fn lost(self, reason: String) -> Record {
        Record::Captured(Captured {
            scene: self.scene,
            program: self.number,
            argv: self.program.argv,
            began: None,
            took_ms: None,
            end: None,
            reason,
            output: String::new(),
            bytes: 0,
            cut: false,
            errors: String::new(),
        })
    }

    /// What is put on record of a program that began at `began` and ended now.
    fn record(self, began: Timestamp, ended: Ended, bounds: Bounds) -> Record {
        let Record::Captured(lost) = self.lost(reason(&ended, bounds)) else {
            unreachable!("it makes no other")
        };
        let end = end(&ended.end);
        let took_ms = clock::now().as_millis().saturating_sub(began.as_millis()).max(0);
        let began = (end != Some(End::NotStarted)).then(|| text::rfc3339(began.as_millis()));
        Record::Captured(Captured {
            took_ms: began.is_some().then_some(took_ms),
            began,
            end,
            output: String::from_utf8_lossy(&ended.output.bytes).into_owned(),
            bytes: ended.output.total,
            cut: !ended.output.is_whole(),
            errors: String::from_utf8_lossy(&ended.errors.bytes).into_owned(),
            ..lost
        })
    }
}

fn end(end: &ActionEnd) -> Option<End> {
    match end {
        ActionEnd::Succeeded => Some(End::Succeeded),
        ActionEnd::Exited(_) | ActionEnd::Status(_) => Some(End::Failed),
        ActionEnd::Signalled(_) => Some(End::Signalled),
        ActionEnd::TimedOut => Some(End::TimedOut),
        ActionEnd::NotStarted(_) => Some(End::NotStarted),
        ActionEnd::NoAnswer(_) | ActionEnd::Cancelled => None,
    }
}

fn reason(ended: &Ended, bounds: Bounds) -> String {
    let mut words = match &ended.end {
        ActionEnd::TimedOut => format!("ended at its limit of {}", text::duration(bounds.timeout_ms)),
        end => end.to_string(),
    };
    if !ended.survivors.is_empty() {
        words.push_str(&format!("; still running: {}", ended.survivors.join(", ")));
    }
    words
}
