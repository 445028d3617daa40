//! `quietgate journal`: reads a journal, also beside a running driver, and says whether it is whole.

use super::exit::Failure;
use super::format::Format;
use crate::journal::{self, Entry};
use crate::{story, text};
use clap::{Args, Subcommand};
use jiff::tz::TimeZone;
use serde_json::{Map, Value};
use std::io::{BufWriter, Write};
use std::path::PathBuf;

/// What `quietgate journal` takes.
#[derive(Debug, Args)]
pub(crate) struct JournalArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print the records, oldest first
    Show(ShowArgs),
    /// Check that no record is changed or missing; end 5 and name the first bad one where one is
    Verify(Place),
}

#[derive(Debug, Args)]
struct Place {
    /// The folder of the state
    #[arg(value_name = "DIR")]
    state: PathBuf,
    /// URL of the PostgreSQL database, where the journal is in one; the password comes from PGPASSWORD or ~/.pgpass
    #[arg(long, value_name = "URL")]
    database: Option<String>,
}

#[derive(Debug, Args)]
struct ShowArgs {
    #[command(flatten)]
    place: Place,
    /// Form of the output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Only records of this run
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
    /// Only records from this number on
    #[arg(long, value_name = "SEQ", default_value_t = 1)]
    from: u64,
}

/// Does what `args` ask for and writes to `out`.
///
/// # Errors
/// Where the journal cannot be read or is not whole, and where `out` cannot be written. What was written before stands
/// before the first bad record.
pub(crate) fn run(args: &JournalArgs, out: &mut dyn Write) -> Result<(), Failure> {
    match &args.command {
        Command::Show(args) => show(args, out),
        Command::Verify(place) => verify(place, out),
    }
}

fn show(args: &ShowArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let mut out = BufWriter::new(out);
    let mut written = Ok(());
    let each = |entry: Entry| {
        if written.is_ok() && entry.seq >= args.from {
            written = line(args, &entry).map_or(Ok(()), |line| writeln!(out, "{line}"));
        }
    };
    let read = read(&args.place, each);
    written.and_then(|()| out.flush())?;
    read.map(drop)
}

fn verify(place: &Place, out: &mut dyn Write) -> Result<(), Failure> {
    let tip = read(place, drop)?;
    let records = text::counted(tip.seq, "record", "records");
    writeln!(out, "the journal is whole: {records}, the newest of epoch {}", tip.epoch)?;
    writeln!(out, "head {}:{}", tip.seq, tip.hash)?;
    Ok(())
}

fn read(place: &Place, each: impl FnMut(Entry)) -> Result<journal::Tip, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(journal::read(&place.state, place.database.as_deref(), each))?)
}

/// The line of `entry`; nothing where it is of another run than the one asked for.
fn line(args: &ShowArgs, entry: &Entry) -> Option<String> {
    // what was appended is an object, and the chain says that it is what was appended
    let record: Map<String, Value> = serde_json::from_str(&entry.record).unwrap_or_default();
    if args.run.as_deref().is_some_and(|run| record.get("run").and_then(Value::as_str) != Some(run)) {
        return None;
    }
    let object = story::object(entry.seq, entry.at, entry.epoch, record);
    Some(match args.format {
        Format::Text => in_words(entry, &object),
        Format::Json => text::plain_json(Value::Object(object).to_string()),
    })
}

/// `12  2026-03-09 08:01 UTC  epoch 3  intent  run r1  step agent  target h7  attempt 1  who alice`.
fn in_words(entry: &Entry, object: &Map<String, Value>) -> String {
    let at = text::time(entry.at, &TimeZone::UTC);
    let mut words = vec![format!("{}  {at}  epoch {}", entry.seq, entry.epoch)];
    let told = |key: &str| ["seq", "at", "epoch"].contains(&key);
    for (key, value) in object.iter().filter(|(key, _)| !told(key)) {
        let value = match value {
            Value::Null => continue,
            Value::String(text) => text.clone(),
            value => value.to_string(),
        };
        words.push(if key == "kind" { value } else { format!("{key} {value}") });
    }
    text::plain(&words.join("  ")).into_owned()
}
