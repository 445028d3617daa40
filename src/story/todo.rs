//! What a person can do about the state of a run: in words, with the commands that do it.

use super::waits::{self, Wait};
use super::words::NAMED;
use crate::steps::{BatchId, Mode, Outcome, Run, State, Work};
use crate::text;
use serde::Serialize;

/// Something that a person can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Todo {
    /// Why, and what to look at before.
    pub why: String,
    /// The commands, each of which is one way; `WHY` stands for the reason that is recorded. A few, where there are many
    /// targets.
    pub commands: Vec<String>,
}

/// All that can be done about `run`, what must be settled first standing first. `asked` says whether its driver was.
pub(super) fn todo(state: &State, run: &Run, waiting: &[Wait], asked: bool) -> Vec<Todo> {
    if let Mode::Finished(_) = run.mode {
        return Vec::new();
    }
    let mut out: Vec<Todo> = [unknown(run), stuck(run), failed(run)].into_iter().flatten().collect();
    if run.paused.is_some() {
        out.push(paused(run, !out.is_empty()));
    } else if run.mode == Mode::Going {
        out.extend(approvals(run));
    }
    if state.frozen.is_some() {
        out.push(one(
            "everything is frozen; when batches may start again",
            "quietgate unfreeze --reason WHY",
        ));
    }
    out.extend(waiting.iter().filter(|wait| wait.what == "gate").take(NAMED).filter_map(held));
    if !asked {
        let resume = format!("quietgate run --resume {}", run.pinned.run);
        out.push(one("where no driver runs any more, one that takes the run over", &resume));
    }
    out
}

fn paused(run: &Run, unsettled: bool) -> Todo {
    let first = if unsettled { "once what stands above is settled, " } else { "" };
    let ways: &[&str] = match run.mode {
        Mode::Going => &["resume", "rollback", "abort"],
        Mode::RollingBack => &["resume", "abort"],
        Mode::Aborting | Mode::Finished(_) => &["resume"],
    };
    let go_on = ways.iter().map(|way| format!("quietgate {way} --reason WHY"));
    Todo {
        why: format!("the run is paused; {first}see why and go on"),
        commands: std::iter::once("quietgate why".to_owned()).chain(go_on).collect(),
    }
}

/// What holds by itself needs nobody: its numbers can be looked at.
fn held(wait: &Wait) -> Option<Todo> {
    let (step, number) = (wait.step.as_ref()?, wait.batch? + 1);
    let why = format!("{step} batch {number} holds, and goes on by itself; its numbers");
    Some(one(&why, &format!("quietgate why {step}/{number}")))
}

fn one(why: &str, command: &str) -> Todo {
    Todo { why: why.to_owned(), commands: vec![command.to_owned()] }
}

fn unknown(run: &Run) -> Option<Todo> {
    let why = "nobody knows whether it took effect; look at the target, then say so";
    let is_unknown = |work: &Work| work.unknown().is_some();
    settle(run, is_unknown, why, |step, target| {
        ["--ran", "--not-ran"]
            .map(|found| format!("quietgate resolve {step} {target} {found} --reason WHY"))
            .into()
    })
}

fn stuck(run: &Run) -> Option<Todo> {
    let why = "undoing failed; try the undo again, or undo it by hand and leave it";
    let is_stuck = |work: &Work| work.flight.is_none() && matches!(work.outcome, Outcome::Stuck(_));
    settle(run, is_stuck, why, again_or_leave)
}

fn failed(run: &Run) -> Option<Todo> {
    let why = "the action failed; try it again, or leave the target as it is";
    let is_failed = |work: &Work| work.flight.is_none() && matches!(work.outcome, Outcome::Failed(_));
    settle(run, |work| run.mode == Mode::Going && is_failed(work), why, again_or_leave)
}

fn again_or_leave(step: &str, target: &str) -> Vec<String> {
    ["retry", "skip"].map(|verb| format!("quietgate {verb} {step} {target} --reason WHY")).into()
}

/// What settles the targets that are so, the first few by name.
fn settle(
    run: &Run,
    is_so: impl Fn(&Work) -> bool,
    why: &str,
    commands: impl Fn(&str, &str) -> Vec<String>,
) -> Option<Todo> {
    let mut out = Vec::new();
    let mut count = 0;
    for (step, target, _) in run.all().filter(|(_, _, work)| is_so(work)) {
        count += 1;
        if count <= NAMED {
            out.extend(commands(&run.pinned.steps[step].step, target));
        }
    }
    let more = count.saturating_sub(NAMED);
    let rest = if more > 0 { format!(" (the first {NAMED})") } else { String::new() };
    let why = format!("{}: {why}{rest}", text::counted(count as u64, "target", "targets"));
    (count > 0).then_some(Todo { why, commands: out })
}

fn approvals(run: &Run) -> Vec<Todo> {
    let approve = |(step, _): BatchId| {
        let name = &run.pinned.steps[step].step;
        one(
            &format!("{name} needs a person to let it begin"),
            &format!("quietgate approve {name} --reason WHY"),
        )
    };
    waits::approvals(run).map(approve).collect()
}
