//! A status as text.

use super::status::{BatchNow, Names, RunStatus, Status, StepStatus, TargetNow};
use super::words::{columns, when};
use crate::steps::{Doing, Word};
use crate::text;
use std::fmt;

/// Lines to read, without a final line feed. Nothing in them is obeyed by a terminal.
impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = lines(self).iter().map(|line| text::plain(line).into_owned()).collect();
        f.write_str(&lines.join("\n"))
    }
}

fn lines(status: &Status) -> Vec<String> {
    let mut out = head(status);
    let Some(run) = &status.run else { return out };
    out.push(String::new());
    let mut rows = vec![["step", "batches", "targets"].map(str::to_owned).to_vec()];
    rows.extend(run.steps.iter().map(row));
    let mut table = columns(&rows).into_iter();
    out.extend(table.next());
    for (step, line) in run.steps.iter().zip(table) {
        out.push(line);
        for names in [&step.unknown, &step.stuck, &step.failed] {
            out.extend(named(names));
        }
        let expected = step.batch.iter().flat_map(BatchNow::expected_words);
        out.extend(expected.map(|words| format!("  {words}")));
    }
    let mut waits = status.waiting.iter().filter(|wait| !wait.is_in_head()).peekable();
    if waits.peek().is_some() {
        out.extend([String::new(), "waits for".to_owned()]);
    }
    for wait in waits {
        out.push(format!("  {}", wait.reason));
        out.extend(wait.patience.iter().map(|patience| format!("    {}", patience.words)));
    }
    if !status.todo.is_empty() {
        out.extend([String::new(), "what a person can do".to_owned()]);
    }
    for todo in &status.todo {
        out.push(format!("  {}:", todo.why));
        out.extend(todo.commands.iter().map(|command| format!("    {command}")));
    }
    out
}

fn head(status: &Status) -> Vec<String> {
    let mut out = vec![match &status.run {
        Some(run) => format!("run {} of plan {}: {}", run.run, run.plan, going(run)),
        None => "no run".to_owned(),
    }];
    out.push(match &status.origin {
        Some(origin) => format!("at {}, {origin}", when(status.now)),
        None => format!("at {}", when(status.now)),
    });
    out.extend(status.run.iter().filter_map(|run| Some(run.turned.as_ref()?.words())));
    if let Some(word) = status.run.as_ref().and_then(|run| run.paused.as_ref()) {
        out.push(by("paused", word));
    }
    out.extend(status.frozen.iter().map(|word| by("frozen", word)));
    let captures = status.run.as_ref().and_then(|run| run.captures.as_ref());
    out.extend(captures.map(|captures| captures.words().to_owned()));
    out
}

/// How a run goes on, in a word or two.
pub(super) fn going(run: &RunStatus) -> String {
    let paused = if run.paused.is_some() { ", paused" } else { "" };
    format!("{}{paused}", run.mode)
}

fn by(what: &str, word: &Word) -> String {
    format!("{what} by {}: {}", word.who, word.reason)
}

fn row(step: &StepStatus) -> Vec<String> {
    vec![step.step.clone(), batches(step), step.targets.words()]
}

/// How many batches of a step are how far: `2 of 5 passed, 1 at work`.
fn batches(step: &StepStatus) -> String {
    let (passed, all) = (text::count(step.passed as u64), text::count(step.batches as u64));
    match step.at_work {
        0 => format!("{passed} of {all} passed"),
        at_work => format!("{passed} of {all} passed, {} at work", text::count(at_work as u64)),
    }
}

fn named(names: &Names) -> Vec<String> {
    let line = |target: &TargetNow| {
        let undo = if target.doing == Doing::Undo { "undo " } else { "" };
        let why = target.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        format!("  {} {} ({undo}attempt {}){why}", target.target, target.state.word(), target.attempt)
    };
    let mut out: Vec<_> = names.first.iter().map(line).collect();
    let more = names.count - names.first.len();
    if let Some(last) = names.first.last().filter(|_| more > 0) {
        out.push(format!("  and {} more {}", text::count(more as u64), last.state.word()));
    }
    out
}
