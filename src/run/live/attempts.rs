//! Attempts under way: each is a task of its own, and tells of its process and of its end.

use super::calls::{Calls, Timed};
use crate::actions::{Cage, Cancel, End as ActionEnd, Io, Outcome, Spawned, Values};
use crate::steps::{Attempt, Doing, End, Record, Run};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{Id, JoinSet};

/// The attempts of a run that are under way. Dropping it kills what they started.
#[derive(Debug)]
pub(super) struct Attempts {
    calls: Calls,
    surroundings: Arc<Surroundings>,
    tasks: JoinSet<Record>,
    attempts: BTreeMap<Id, Attempt>,
    tell: UnboundedSender<Record>,
    told: UnboundedReceiver<Record>,
    /// Whether nothing is really run.
    dry: bool,
}

#[derive(Debug)]
struct Surroundings {
    /// Where files with output go.
    directory: PathBuf,
    /// Where relative paths of the plan begin.
    base: PathBuf,
    cage: Cage,
    cancel: Cancel,
}

impl Attempts {
    /// None yet. Files with output go to `directory`, which exists; relative paths of the plan begin in `base`.
    pub(super) fn new(calls: Calls, (directory, base): (&Path, &Path), cancel: Cancel, dry: bool) -> Self {
        let (tell, told) = unbounded_channel();
        let surroundings = Surroundings {
            directory: directory.to_owned(),
            base: base.to_owned(),
            cage: Cage::detect(),
            cancel,
        };
        let (surroundings, tasks) = (Arc::new(surroundings), JoinSet::new());
        Self { calls, surroundings, tasks, attempts: BTreeMap::new(), tell, told, dry }
    }

    /// What is going to be run for `attempt`.
    pub(super) fn call(&self, attempt: &Attempt) -> String {
        self.calls.rendered(attempt)
    }

    /// How many have not told of their end.
    pub(super) fn under_way(&self) -> usize {
        self.attempts.len()
    }

    /// Starts `attempt`.
    pub(super) fn start(&mut self, attempt: &Attempt) {
        let job = self.calls.of(attempt).cloned().zip(self.calls.values(attempt));
        let (surroundings, tell, dry) = (Arc::clone(&self.surroundings), self.tell.clone(), self.dry);
        let own = attempt.clone();
        let handle = self.tasks.spawn(async move {
            let Some((timed, values)) = job.filter(|_| !dry) else { return not_run(own, dry) };
            let spawned = |process: &Spawned| {
                let process = identity(process);
                // the receiver is gone only when nothing is put on record any more
                drop(tell.send(Record::Spawned { attempt: own.clone(), process }));
            };
            let outcome = surroundings.run(&timed, &values, &spawned).await;
            record(own, &timed, &outcome)
        });
        self.attempts.insert(handle.id(), attempt.clone());
    }

    /// The next thing to put on record; never where nothing is under way. May be dropped and called again: nothing is lost.
    pub(super) async fn next(&mut self) -> Record {
        loop {
            let ended = tokio::select! {
                biased;
                // of the process of an attempt is told before its end
                Some(spawned) = self.told.recv() => return spawned,
                Some(ended) = self.tasks.join_next_with_id() => ended,
                else => std::future::pending().await,
            };
            let id = ended.as_ref().map_or_else(|error| error.id(), |(id, _)| *id);
            let attempt = self.attempts.remove(&id);
            match (ended, attempt) {
                (Ok((_, record)), _) => return record,
                (Err(error), Some(attempt)) => {
                    return Record::Unknown { attempt, reason: format!("it was lost: {error}") };
                }
                (Err(_), None) => {}
            }
        }
    }

    /// The same of what is there already.
    pub(super) async fn ready(&mut self) -> Option<Record> {
        tokio::select! {
            biased;
            record = self.next() => Some(record),
            () = std::future::ready(()) => None,
        }
    }

    /// Whether an attempt took effect, by the probe of its step, and how it said so; nothing where there is no probe, or where
    /// it could not tell. `was_done` says whether the action had taken effect before, as far as is known.
    pub(super) fn probe(
        &self,
        attempt: &Attempt,
        was_done: bool,
    ) -> impl Future<Output = Option<(bool, String)>> + use<> {
        let job = self.calls.probe(&attempt.step).cloned().zip(self.calls.values(attempt));
        let (surroundings, doing) = (Arc::clone(&self.surroundings), attempt.doing);
        async move {
            let (timed, values) = job?;
            let outcome = surroundings.run(&timed, &values, &|_| {}).await;
            Some((took_effect(doing, was_done, &outcome.end)?, outcome.end.to_string()))
        }
    }
}

impl Surroundings {
    async fn run(
        &self,
        timed: &Timed,
        values: &Values,
        spawned: &(dyn Fn(&Spawned) + Send + Sync),
    ) -> Outcome {
        let io = Io {
            directory: &self.directory,
            base: &self.base,
            cage: &self.cage,
            timeout_ms: timed.timeout_ms,
            cancel: &self.cancel,
            spawned,
        };
        timed.spec.run(values, &io).await
    }
}

/// Whether an attempt took effect, where the probe of its step ended so. A probe asks for the effect of the action: where that
/// is there, an undo had none. Where it is not, the undo had one if the action `was_done`; of an action that failed half-way the
/// probe may have said the same before its undo.
fn took_effect(doing: Doing, was_done: bool, probe: &ActionEnd) -> Option<bool> {
    let is_there = match probe {
        ActionEnd::Succeeded => true,
        // by these a shell says that there is no such program, or none that can be run: the probe itself is broken
        ActionEnd::Exited(126 | 127) => return None,
        ActionEnd::Exited(_) | ActionEnd::Status(_) => false,
        _ => return None,
    };
    match doing {
        Doing::Action => Some(is_there),
        Doing::Undo if is_there => Some(false),
        Doing::Undo => was_done.then_some(true),
    }
}

/// What is put on record of an attempt that was not run at all.
fn not_run(attempt: Attempt, dry: bool) -> Record {
    let (end, reason) = match dry {
        true => (End::Succeeded, "not run: this is a dry run"),
        false => (End::NotStarted, "the plan has no such action"),
    };
    Record::Result { attempt, end, reason: reason.to_owned(), output: None }
}

/// What a process is found again by.
fn identity(process: &Spawned) -> String {
    let cgroup = process.cgroup.as_ref().map(|path| format!(", control group {}", path.display()));
    let Spawned { pid, started, mark, .. } = process;
    format!("pid {pid}, started at tick {started}, mark {mark}{}", cgroup.unwrap_or_default())
}

/// What is put on record of an attempt that ended so.
fn record(attempt: Attempt, timed: &Timed, outcome: &Outcome) -> Record {
    let reason = reason(timed, outcome);
    let end = match outcome.end {
        ActionEnd::Succeeded => End::Succeeded,
        ActionEnd::Exited(_) | ActionEnd::Status(_) => End::Failed,
        ActionEnd::Signalled(_) => End::Signalled,
        ActionEnd::TimedOut => End::TimedOut,
        ActionEnd::NotStarted(_) => End::NotStarted,
        // what was done is not known
        ActionEnd::NoAnswer(_) | ActionEnd::Cancelled => return Record::Unknown { attempt, reason },
    };
    let output = outcome.output.as_ref().map(|path| path.display().to_string());
    Record::Result { attempt, end, reason, output }
}

fn reason(timed: &Timed, outcome: &Outcome) -> String {
    let mut words = match outcome.end {
        ActionEnd::TimedOut => format!("timed out after {}", crate::text::duration(timed.timeout_ms)),
        ref end => end.to_string(),
    };
    if outcome.truncated {
        words.push_str(&format!("; its output of {} bytes is not whole", outcome.bytes));
    }
    if !outcome.survivors.is_empty() {
        words.push_str(&format!("; still running: {}", outcome.survivors.join(", ")));
    }
    words
}

/// Whether the action is known to have taken effect on the target of `attempt`, in its step.
pub(super) fn was_done(run: &Run, attempt: &Attempt) -> bool {
    let step = run.step(&attempt.step).and_then(|step| run.steps.get(step));
    step.and_then(|step| step.work.get(&attempt.target))
        .is_some_and(|work| work.outcome == crate::steps::Outcome::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_the_action_is_in_effect_its_undo_is_not() {
        let (there, gone) = (ActionEnd::Succeeded, ActionEnd::Exited(1));
        let both = |doing, was_done| [&there, &gone].map(|end| took_effect(doing, was_done, end));
        assert_eq!(both(Doing::Action, false), [Some(true), Some(false)]);
        assert_eq!(both(Doing::Undo, true), [Some(false), Some(true)]);
    }

    #[test]
    fn that_a_failed_action_is_not_in_effect_does_not_say_that_it_was_undone() {
        let (there, gone) = (ActionEnd::Succeeded, ActionEnd::Exited(1));
        let said = [&there, &gone].map(|end| took_effect(Doing::Undo, false, end));
        assert_eq!(said, [Some(false), None]);
    }

    #[test]
    fn a_probe_that_did_not_end_by_itself_says_nothing() {
        let broken = ActionEnd::Exited(127);
        for end in [ActionEnd::TimedOut, ActionEnd::Signalled(9), ActionEnd::NoAnswer(String::new()), broken]
        {
            assert_eq!(took_effect(Doing::Action, false, &end), None);
            assert_eq!(took_effect(Doing::Undo, true, &end), None);
        }
    }
}
