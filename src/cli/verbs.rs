//! The verbs: what a person asks of the run that is under way, by its driver, or by the journal where none drives it.

use super::exit::{End, Failure};
use super::remote::RemoteArgs;
use super::state::{StateArgs, fold};
use crate::journal::{self, Journal, OpenError};
use crate::run::control::{self, Answer, Question, Verb};
use crate::run::{Refused, put_on_record};
use crate::steps::{State, Word};
use crate::text;
use clap::Args;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::Path;

/// Where, and why.
#[derive(Debug, Args)]
pub(crate) struct Why {
    #[command(flatten)]
    state: StateArgs,
    #[command(flatten)]
    remote: RemoteArgs,
    /// The run, where several are under way
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
    /// Why; it goes on record with who asked. Asked for on a terminal where it is left out
    #[arg(long, short, value_name = "TEXT")]
    reason: Option<String>,
}

/// A step's next batch.
#[derive(Debug, Args)]
pub(crate) struct ApproveArgs {
    /// The step
    step: String,
    /// The number of the batch, from 1; without it the next one
    batch: Option<usize>,
    #[command(flatten)]
    why: Why,
}

/// A target in a step.
#[derive(Debug, Args)]
pub(crate) struct PlaceArgs {
    /// The step
    step: String,
    /// The target
    target: String,
    #[command(flatten)]
    why: Why,
}

/// A target in a step, and what became of it.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("outcome").required(true).args(["ran", "not_ran"]))]
pub(crate) struct ResolveArgs {
    /// The step
    step: String,
    /// The target
    target: String,
    /// The attempt took effect
    #[arg(long)]
    ran: bool,
    /// The attempt had no effect; it is tried again
    #[arg(long)]
    not_ran: bool,
    #[command(flatten)]
    why: Why,
}

impl ApproveArgs {
    /// Lets the batch start.
    pub(crate) fn run(&self) -> Result<End, Failure> {
        self.why.run(Verb::Approve { step: self.step.clone(), batch: self.batch })
    }
}

impl PlaceArgs {
    /// Tries the target once more.
    pub(crate) fn retry(&self) -> Result<End, Failure> {
        self.why.run(Verb::Retry { step: self.step.clone(), target: self.target.clone() })
    }

    /// Leaves the target as it is.
    pub(crate) fn skip(&self) -> Result<End, Failure> {
        self.why.run(Verb::Skip { step: self.step.clone(), target: self.target.clone() })
    }
}

impl ResolveArgs {
    /// Says what became of the attempt.
    pub(crate) fn run(&self) -> Result<End, Failure> {
        self.why.run(Verb::Resolve { step: self.step.clone(), target: self.target.clone(), ran: self.ran })
    }
}

impl Why {
    /// Does `verb`, and says under which number it is on record.
    ///
    /// # Errors
    /// It cannot be done now, or there is no reason.
    pub(crate) fn run(&self, verb: Verb) -> Result<End, Failure> {
        let reason = self.reason()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let seq = runtime.block_on(self.done(verb, reason))?;
        println!("on record as {seq}");
        Ok(End::Done)
    }

    fn reason(&self) -> Result<String, Failure> {
        let reason = match &self.reason {
            Some(reason) => reason.clone(),
            None if io::stdin().is_terminal() && io::stderr().is_terminal() => {
                eprint!("why? ");
                io::stderr().flush()?;
                let mut line = String::new();
                io::stdin().lock().read_line(&mut line)?;
                line
            }
            None => return Err(Failure::Input("a reason is needed: --reason TEXT".to_owned())),
        };
        let reason = reason.trim();
        if reason.is_empty() {
            return Err(Failure::Input("the reason is empty: it goes on record with who asked".to_owned()));
        }
        Ok(reason.to_owned())
    }

    async fn done(&self, verb: Verb, reason: String) -> Result<u64, Failure> {
        if let Some(remote) = self.remote.open()? {
            return Ok(remote.done(&verb, self.run.as_deref(), &reason).await?);
        }
        let folder = self.state.folder()?;
        let run = self.run.clone();
        let question = Question::Do { verb: verb.clone(), run, reason: reason.clone(), behind: behind() };
        if let Some(seq) = asked(&folder, &question).await? {
            return Ok(seq);
        }
        if !folder.exists() {
            return Err(Failure::Input(format!(
                "there is no state in {}: nothing was run there",
                folder.display()
            )));
        }
        match journal::open(&folder, self.state.database()).await {
            Ok((journal, entries)) => {
                alone(journal, fold(&entries)?, (&verb, self.run.as_deref()), reason).await
            }
            // its driver is just starting or ending
            Err(error @ OpenError::Held { .. }) => match asked(&folder, &question).await? {
                Some(seq) => Ok(seq),
                None => Err(error.into()),
            },
            Err(error) => Err(error.into()),
        }
    }
}

/// The user before `sudo`: what the system does not tell of.
pub(super) fn behind() -> Option<String> {
    std::env::var("SUDO_USER").ok().filter(|user| !user.is_empty())
}

/// Asks the driver; nothing where there is none.
async fn asked(folder: &Path, question: &Question) -> Result<Option<u64>, Failure> {
    let mut said = None;
    let keep = |answer| {
        said = Some(answer);
        Ok(())
    };
    control::ask(folder, question, keep).await.map_err(Failure::because)?;
    match said {
        Some(Answer::Done { seq }) => Ok(Some(seq)),
        Some(Answer::Refused { why }) => Err(Failure::Input(format!("not done: {}", text::plain(&why)))),
        _ => Ok(None),
    }
}

/// Puts `verb` on record where nobody drives the run.
async fn alone(
    mut journal: Journal,
    state: State,
    (verb, run): (&Verb, Option<&str>),
    reason: String,
) -> Result<u64, Failure> {
    let who =
        behind().map_or_else(control::ourselves, |user| format!("{} (for {user})", control::ourselves()));
    let record = verb
        .record(&state, run, Word { who, reason })
        .map_err(|why| Failure::Input(format!("not done: {why}")))?;
    if let Verb::Resolve { ran: false, .. } = verb {
        let left = crate::actions::orphans(&state.drivers);
        if !left.is_empty() {
            let left: Vec<String> = left.into_iter().map(|orphan| orphan.words).collect();
            let left = text::plain(&left.join(", ")).into_owned();
            return Err(Failure::Input(format!(
                "not done: still running from an earlier driver: {left}; end it, or wait"
            )));
        }
    }
    let seq = put_on_record(&mut journal, state, record).await.map_err(|refused| match refused {
        Refused::Illegal(illegal) => Failure::Input(format!("not done: {}", illegal.why)),
        Refused::Stopped(stopped) => Failure::Unwritten(stopped.why),
    })?;
    journal.close().await.map_err(Failure::because)?;
    Ok(seq)
}
