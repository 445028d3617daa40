//! A record as one plain line, for logs and pipes.

use super::Noted;
use super::scene;
use super::words::{self, batch, clock, day, ended, ending, names, place};
use crate::steps::{Attempt, Decision, Doing, End, Gate, Pinned, Record, Side, State, Told, Word};
use crate::text;
use std::collections::BTreeSet;

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For who looks for a mistake.
    Detail,
    /// What who follows a run reads.
    Usual,
    /// What a person must hear of.
    Loud,
}

/// How much the line of `record` matters.
pub fn level(record: &Record) -> Level {
    match record {
        Record::Spawned { .. } => Level::Detail,
        // that there is a capture was told when it began
        Record::Captured(captured) if captured.end == Some(End::Succeeded) => Level::Detail,
        Record::Unknown { .. }
        | Record::Pause(_)
        | Record::Abort(_)
        | Record::Rollback(_)
        | Record::Freeze(_) => Level::Loud,
        Record::Result { end, .. } if *end != End::Succeeded => Level::Loud,
        Record::Gate(gate) if !matches!(gate.decision, Decision::Proceed | Decision::Hold) => Level::Loud,
        _ => Level::Usual,
    }
}

/// The line of `noted`, with the time of day in UTC and without what a terminal would obey. `state` knows the plans, so
/// that the line can say how many batches there are.
pub fn line(noted: &Noted, state: &State) -> String {
    let pinned = noted.record.run().and_then(|run| state.runs.get(run)).map(|run| &*run.pinned);
    format!("{} {}", clock(noted.at), said(noted, pinned))
}

/// The same without the time, and with the plan that is known of its run.
pub fn said(noted: &Noted, pinned: Option<&Pinned>) -> String {
    text::plain(&words_of(noted, pinned)).into_owned()
}

fn words_of(noted: &Noted, pinned: Option<&Pinned>) -> String {
    match &noted.record {
        Record::Boot { version, .. } => {
            format!(
                "quietgate {version} took over as driver {} on {} (times are UTC)",
                noted.epoch,
                day(noted.at)
            )
        }
        Record::Plan(pinned) => begins(noted, pinned),
        Record::Gate(gate) => gate_words(gate, pinned),
        Record::Approval { step, batch: number, word, .. } => {
            format!("{} approved {}", batch(pinned, step, *number), by(word))
        }
        Record::Pause(said) => format!("run {} paused {}", said.run, by(&said.word)),
        Record::Resume(said) => format!("run {} resumed {}", said.run, by(&said.word)),
        Record::Abort(said) => format!("run {} aborted {}", said.run, by(&said.word)),
        Record::Rollback(said) => format!("run {} rolls back, told {}", said.run, by(&said.word)),
        Record::Retry(told) => format!("{} is tried once more, told {}", at(told), by(&told.word)),
        Record::Skip(told) => format!("{} skipped {}", at(told), by(&told.word)),
        Record::Resolve { told, ran } => {
            let found = if *ran { "it ran" } else { "it did not run" };
            format!("{} resolved as \"{found}\" {}", at(told), by(&told.word))
        }
        Record::Capture(capture) => scene::begun(noted.seq, capture),
        Record::Captured(captured) => scene::ended(captured),
        Record::Freeze(word) => format!("everything frozen {}", by(word)),
        Record::Unfreeze(word) => format!("the freeze lifted {}", by(word)),
        Record::Finish { run, decision, reason } => format!("run {run} is {}: {reason}", ending(*decision)),
        Record::Intent { attempt, call } => {
            format!("{} starts (attempt {}): {call}", doing(attempt), attempt.attempt)
        }
        Record::Spawned { attempt, process } => format!("{} runs as {process}", doing(attempt)),
        Record::Result { attempt, end, reason, output } => result(attempt, *end, reason, output.as_deref()),
        Record::Withdrawn { attempt, reason } => {
            format!("{} is not started after all: {reason}", doing(attempt))
        }
        Record::Unknown { attempt, reason } => {
            format!("{} unknown, nobody knows how attempt {} went: {reason}", doing(attempt), attempt.attempt)
        }
    }
}

fn begins(noted: &Noted, pinned: &Pinned) -> String {
    let batches: usize = pinned.steps.iter().map(|step| step.batches.len()).sum();
    let targets: BTreeSet<_> = pinned.steps.iter().flat_map(|step| step.batches.iter().flatten()).collect();
    format!(
        "run {} of plan {} begins on {} (times are UTC): {}, {}, {}",
        pinned.run,
        pinned.plan,
        day(noted.at),
        text::counted(pinned.steps.len() as u64, "step", "steps"),
        text::counted(batches as u64, "batch", "batches"),
        text::counted(targets.len() as u64, "target", "targets"),
    )
}

fn gate_words(gate: &Gate, pinned: Option<&Pinned>) -> String {
    let starts = gate.side == Side::Before && gate.decision == Decision::Proceed;
    let on = words::targets(pinned, &gate.step, gate.batch).filter(|_| starts);
    let on = on.map(|targets| format!(" on {}", names(targets.iter().map(String::as_str))));
    let (batch, decided) = (batch(pinned, &gate.step, gate.batch), words::decided(gate));
    format!("{batch} {decided}{}: {}", on.unwrap_or_default(), gate.reason)
}

fn result(attempt: &Attempt, end: End, reason: &str, output: Option<&str>) -> String {
    let which = if attempt.attempt > 1 { format!(" (attempt {})", attempt.attempt) } else { String::new() };
    let ended = ended(end);
    // what says no more than that it ended so is not said twice
    let why = if reason.is_empty() || reason == ended { String::new() } else { format!(": {reason}") };
    let output = output.map(|file| format!(" (output: {file})")).unwrap_or_default();
    format!("{} {ended}{which}{why}{output}", doing(attempt))
}

fn doing(attempt: &Attempt) -> String {
    place(&attempt.step, &attempt.target, attempt.doing)
}

fn at(told: &Told) -> String {
    place(&told.step, &told.target, Doing::Action)
}

fn by(word: &Word) -> String {
    format!("by {}: {}", word.who, word.reason)
}
