//! What persons can ask of a run, and the record that each makes of it.

use crate::steps::{Mode, Record, Run, Said, State, Told, Word};
use serde::{Deserialize, Serialize};

/// What somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "snake_case")]
pub enum Verb {
    /// A batch may start; without a number the next one of the step.
    Approve {
        /// The step.
        step: String,
        /// The number of the batch, from 1.
        batch: Option<usize>,
    },
    /// Nothing new starts.
    Pause,
    /// A paused run goes on.
    Resume,
    /// Nothing starts any more.
    Abort,
    /// What the run did is undone.
    Rollback,
    /// A target that failed or is stuck is tried once more.
    Retry {
        /// The step.
        step: String,
        /// The target.
        target: String,
    },
    /// A target that waits, failed or is stuck is left as it is.
    Skip {
        /// The step.
        step: String,
        /// The target.
        target: String,
    },
    /// What became of an attempt whose outcome is unknown.
    Resolve {
        /// The step.
        step: String,
        /// The target.
        target: String,
        /// Whether it took effect.
        ran: bool,
    },
    /// No batch of any run starts.
    Freeze,
    /// Batches may start again.
    Unfreeze,
}

impl Verb {
    /// The record of it for the run named `run`, or else the only one that is not over, with who asked and why.
    ///
    /// # Errors
    /// No such run is under way, or it has no such step or batch; in words, with what there is.
    pub fn record(&self, state: &State, run: Option<&str>, word: Word) -> Result<Record, String> {
        match self {
            Self::Freeze => return Ok(Record::Freeze(word)),
            Self::Unfreeze => return Ok(Record::Unfreeze(word)),
            _ => {}
        }
        let run = under_way(state, run)?;
        let name = run.pinned.run.clone();
        let said = || Said { run: name.clone(), word: word.clone() };
        let told = |step: &str, target: &str| told(run, step, target, word.clone());
        Ok(match self {
            Self::Approve { step, batch } => approval(run, step, *batch, word)?,
            Self::Pause => Record::Pause(said()),
            Self::Resume => Record::Resume(said()),
            Self::Abort => Record::Abort(said()),
            Self::Rollback => Record::Rollback(said()),
            Self::Retry { step, target } => Record::Retry(told(step, target)?),
            Self::Skip { step, target } => Record::Skip(told(step, target)?),
            Self::Resolve { step, target, ran } => Record::Resolve { told: told(step, target)?, ran: *ran },
            Self::Freeze => Record::Freeze(word),
            Self::Unfreeze => Record::Unfreeze(word),
        })
    }
}

/// The run of that name, or the only one.
fn under_way<'a>(state: &'a State, name: Option<&str>) -> Result<&'a Run, String> {
    let open: Vec<&Run> = state.open_runs().collect();
    let names = || open.iter().map(|run| run.pinned.run.as_str()).collect::<Vec<_>>().join(", ");
    match (name, open.as_slice()) {
        (_, []) => Err("no run is under way".to_owned()),
        (None, [run]) => Ok(run),
        (None, _) => Err(format!("several runs are under way, name one of them: {}", names())),
        (Some(name), _) => {
            let run = open.iter().find(|run| run.pinned.run == name);
            run.copied().ok_or_else(|| format!("no run {name:?} is under way, there is: {}", names()))
        }
    }
}

fn told(run: &Run, step: &str, target: &str, word: Word) -> Result<Told, String> {
    let number = number(run, step)?;
    if !run.steps[number].work.contains_key(target) {
        return Err(format!("the step {step} has no target {target:?}"));
    }
    let (run, step, target) = (run.pinned.run.clone(), step.to_owned(), target.to_owned());
    Ok(Told { run, step, target, word })
}

fn number(run: &Run, step: &str) -> Result<usize, String> {
    let names = || run.pinned.steps.iter().map(|step| step.step.as_str()).collect::<Vec<_>>().join(", ");
    run.step(step).ok_or_else(|| format!("the plan has no step {step:?}, its steps are {}", names()))
}

/// A person counts batches from 1, records from 0.
fn approval(run: &Run, step: &str, batch: Option<usize>, word: Word) -> Result<Record, String> {
    if run.mode != Mode::Going {
        return Err("the run does not work its plan off any more".to_owned());
    }
    let number = number(run, step)?;
    let next = run.next_batch(number).ok_or_else(|| format!("every batch of {step} has passed"))?;
    if batch.is_some_and(|batch| batch != next + 1) {
        return Err(format!("the next batch of {step} is {}", next + 1));
    }
    Ok(Record::Approval { run: run.pinned.run.clone(), step: step.to_owned(), batch: next, word })
}
