//! `quietgate status`: how a run stands, and what a person can do about it.

use super::exit::Failure;
use super::format::Format;
use super::kept;
use super::state::StateArgs;
use crate::clock;
use crate::run::control::{self, Answer, Question};
use crate::steps::{Record, State};
use crate::story::{self, Noted, Status, Waits};
use clap::Args;
use quietgate_detectors::Timestamp;
use serde_json::Value;
use std::io::{self, Write};

/// What `quietgate status` takes.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// This run; else the newest one
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
    /// Form of the output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    state: StateArgs,
}

/// Writes the status that `args` ask for to `out`.
///
/// # Errors
/// Where there is no such run or no journal, where that is not whole, and where `out` cannot be written.
pub(crate) fn run(args: &StatusArgs, out: &mut dyn Write) -> Result<(), Failure> {
    if args.run.is_none()
        && let Some((text, status)) = driven(&args.state)?
    {
        match args.format {
            Format::Text => write_text(&text, &args.state, out)?,
            Format::Json => write_json(status, &args.state, out)?,
        }
        return Ok(());
    }
    let status = recorded(&args.state, args.run.as_deref(), clock::now())?;
    match args.format {
        Format::Text => write_text(&status.to_string(), &args.state, out),
        Format::Json => write_json(serde_json::to_value(&status).map_err(io::Error::from)?, &args.state, out),
    }
}

/// Writes how a run stands, and a line about the histories.
fn write_text(status: &str, args: &StateArgs, out: &mut dyn Write) -> Result<(), Failure> {
    writeln!(out, "{status}")?;
    if let Some(line) = kept::line_of_all(&args.folder()?) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// The same as data.
fn write_json(mut status: Value, args: &StateArgs, out: &mut dyn Write) -> Result<(), Failure> {
    if let Some(status) = status.as_object_mut() {
        status.insert("history".to_owned(), kept::json_of_all(&args.folder()?));
    }
    writeln!(out, "{status:#}")?;
    Ok(())
}

/// What the driver of the run that is under way says, as text and as data; nothing where nobody drives one.
fn driven(args: &StateArgs) -> Result<Option<(String, Value)>, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut said = None;
    let keep = |answer| {
        if let Answer::Status { text, status } = answer {
            said = Some((text, status));
        }
        Ok(())
    };
    let asked = runtime.block_on(control::ask(&args.folder()?, &Question::Status { run: None }, keep));
    // without an answer the journal tells
    Ok(said.filter(|_| asked.is_ok()))
}

/// How `run`, or else the newest one, stands at `now` by the journal alone.
fn recorded(args: &StateArgs, run: Option<&str>, now: Timestamp) -> Result<Status, Failure> {
    let mut state = State::default();
    let (mut newest, mut newest_run, mut illegal) = (now, None, None);
    let take = |noted: Noted| {
        if let Record::Plan(pinned) = &noted.record {
            newest_run = Some(pinned.run.clone());
        }
        newest = noted.at;
        illegal = illegal.take().or_else(|| state.apply(noted.seq, noted.at, &noted.record).err());
    };
    args.entries(take)?;
    if let Some(illegal) = illegal {
        return Err(Failure::Record(Box::new(illegal)));
    }
    if let Some(run) = run.filter(|run| !state.runs.contains_key(*run)) {
        let known = state.runs.keys().cloned().collect::<Vec<_>>().join(", ");
        return Err(Failure::Input(format!("there is no run {run} in the journal; there is {known}")));
    }
    Ok(story::status(&state, run.or(newest_run.as_deref()), now, Waits::Recorded(newest)))
}
