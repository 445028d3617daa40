//! `quietgate sinks`: where events go, how far each sink came, and whether one takes an event now.

use super::exit::{End, Failure};
use super::state::folder_of;
use crate::clock;
use crate::config::read_text;
use crate::config::{Config, NamedSink};
use crate::event::{Data, Event, Kind};
use crate::sinks::{Mark, marks};
use crate::text;
use clap::{Args, Subcommand};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// What `quietgate sinks` takes.
#[derive(Debug, Args)]
pub(crate) struct SinksArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List the sinks of a config: which events each is told of, and how far it came
    List(ListArgs),
    /// Deliver one event of kind sink.tested, once, and say what became of it
    Test(TestArgs),
}

#[derive(Debug, Args)]
struct ListArgs {
    /// The config that has the sinks
    #[arg(long, value_name = "FILE", default_value = "quietgate.yaml")]
    config: PathBuf,
    /// The folder of the state, instead of the config's
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 it was taken; 1 it was not; 2 bad usage or input.")]
struct TestArgs {
    /// The sink, by its name in the config
    #[arg(value_name = "NAME")]
    sink: String,
    /// The config that has the sink
    #[arg(long, value_name = "FILE", default_value = "quietgate.yaml")]
    config: PathBuf,
}

/// Does what `args` say.
///
/// # Errors
/// A config with mistakes, a sink that it does not have or that cannot be opened; where `out` cannot be written.
pub(crate) fn run(args: &SinksArgs, out: &mut dyn Write) -> Result<End, Failure> {
    match &args.what {
        What::List(args) => list(args, out),
        What::Test(args) => test(args, out),
    }
}

fn read(path: &Path) -> Result<Config, Failure> {
    let file = path.display().to_string();
    let text = read_text(path).map_err(|why| Failure::Input(format!("{file}: {why}")))?;
    Config::read(&file, &text).map_err(Failure::because)
}

fn list(args: &ListArgs, out: &mut dyn Write) -> Result<End, Failure> {
    let config = read(&args.config)?;
    let state = match &args.state {
        Some(state) => Some(state.clone()),
        None => config.state.is_some().then(|| folder_of(&args.config, &config)).transpose()?,
    };
    let marks = state.map_or(Ok(Vec::new()), |state| marks(&state)).map_err(Failure::Input)?;
    for sink in &config.sinks {
        let mark = marks.iter().find(|(name, _)| *name == sink.name).map(|(_, mark)| mark);
        writeln!(out, "{} ({}): {}; {}", sink.name, sink.spec.entry().kind, wanted(sink), came(mark))?;
    }
    if config.sinks.is_empty() {
        writeln!(out, "no sinks: nobody is told of anything")?;
    }
    Ok(End::Done)
}

/// Which events a sink is told of.
fn wanted(sink: &NamedSink) -> String {
    let kinds = match sink.filter.kinds.as_slice() {
        [] => "every event".to_owned(),
        kinds => kinds.join(", "),
    };
    format!("{kinds}, {} or more", sink.filter.least)
}

/// How far it came.
fn came(mark: Option<&Mark>) -> String {
    let Some(mark) = mark else { return "no run has had it yet".to_owned() };
    let dropped = match mark.dropped {
        0 => String::new(),
        count => format!(", {} dropped", text::counted(count, "event", "events")),
    };
    format!("delivered up to entry {}{dropped}", text::count(mark.seq))
}

fn test(args: &TestArgs, out: &mut dyn Write) -> Result<End, Failure> {
    let config = read(&args.config)?;
    let Some(named) = config.sinks.iter().find(|sink| sink.name == args.sink) else {
        let known: Vec<_> = config.sinks.iter().map(|sink| sink.name.as_str()).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(Failure::Input(format!("the config has no sink {:?}; there is {known}", args.sink)));
    };
    let folder = args.config.parent().unwrap_or(Path::new(""));
    let mut sink = named.spec.open(folder).map_err(Failure::because)?;
    let now = clock::now();
    let id = format!("test-{}-{}", named.name, now.as_millis());
    let summary = format!("somebody tries the sink {}: nothing is wrong", named.name);
    let event = Event::new(Kind::SinkTested, id, now, summary, Data::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let began = Instant::now();
    let outcome = runtime.block_on(sink.send(&event));
    let took = text::duration(i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX));
    runtime.shutdown_background();
    match outcome {
        Ok(()) => {
            writeln!(out, "{}: taken after {took}", named.name)?;
            Ok(End::Done)
        }
        Err(failed) => {
            writeln!(out, "{}: not taken: {failed}", named.name)?;
            Ok(End::Aborted)
        }
    }
}
