//! `quietgate history import`: the samples of tables, added to what is kept.

use super::super::exit::Failure;
use super::super::state::folder_of;
use crate::clock;
use crate::config::read_text;
use crate::config::{Config, Signal};
use crate::history::{Batch, Histories, How, Labels, Store, Written};
use crate::sources::recorded::{self, ReadOptions, Recording, SeriesInfo};
use crate::text::{counted, plain};
use clap::Args;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

/// So many cells are written at once.
const MANY: usize = 1 << 20;

/// What `quietgate history import` takes.
#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// CSV or Parquet files whose series say by the label `signal`, or by their name, of which signal they are; globs too
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// The config that has the signals
    #[arg(long, value_name = "FILE", default_value = "quietgate.yaml")]
    config: PathBuf,
    /// The folder of the state, instead of the config's
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
}

pub(super) fn run(args: &ImportArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let name = args.config.display().to_string();
    let text = read_text(&args.config).map_err(|why| Failure::Input(format!("{name}: {why}")))?;
    let config = Config::read(&name, &text).map_err(Failure::because)?;
    if config.history_days == 0 {
        return Err(Failure::Input(format!("{name} keeps no history: history.days is 0")));
    }
    let state = args.state.clone().map_or_else(|| folder_of(&args.config, &config), Ok)?;
    let recording = recorded::load(&args.files, &ReadOptions::default(), &()).map_err(Failure::because)?;
    let of_signals = of_signals(&recording, &config)?;
    let histories = Histories::open(&state).map_err(Failure::because)?;
    for (signal, series) in of_signals {
        let store = histories.signal(&signal.name, signal.interval, config.history_days);
        let mut store = store.map_err(Failure::because)?;
        let written = add(&mut store, &recording, &series)?;
        tell(&signal.name, series.len(), written, out)?;
    }
    Ok(())
}

/// A signal with its series: their numbers in the recording, and their labels.
type OfSignal<'a> = (&'a Signal, Vec<(usize, Labels)>);

/// The series of a recording by their signals.
fn of_signals<'a>(recording: &Recording, config: &'a Config) -> Result<Vec<OfSignal<'a>>, Failure> {
    let mut found: BTreeMap<usize, Vec<(usize, Labels)>> = BTreeMap::new();
    for (number, info) in recording.series().iter().enumerate() {
        let (signal, labels) = config.signal_of(&without_nothing(info), None).map_err(|strange| {
            Failure::Input(format!("series {:?} is of no signal: {strange}", plain(&info.name)))
        })?;
        found.entry(signal).or_default().push((number, labels));
    }
    Ok(found.into_iter().map(|(signal, series)| (&config.signals[signal], series)).collect())
}

/// The series as it was before it stood in a table: a label with nothing in it is none.
fn without_nothing(info: &SeriesInfo) -> SeriesInfo {
    let labels = info.labels.iter().filter(|(_, value)| !value.is_empty()).cloned().collect();
    SeriesInfo { labels, ..info.clone() }
}

/// Adds series of a recording to a history, durably.
fn add(store: &mut Store, recording: &Recording, series: &[(usize, Labels)]) -> Result<Written, Failure> {
    let now_ms = clock::now().as_millis();
    let (mut batch, mut sum) = (Batch::default(), Written::default());
    for (number, labels) in series {
        let mut samples = recording.samples(*number).map_err(Failure::because)?;
        samples.sort_by_key(|sample| sample.at);
        let Some(first) = samples.first() else { continue };
        store.know([(labels, first.at.as_millis())].into_iter()).map_err(Failure::because)?;
        store.gather(labels, &samples, &mut batch);
        if batch.len() >= MANY {
            write(store, &mut batch, now_ms, &mut sum)?;
        }
    }
    write(store, &mut batch, now_ms, &mut sum)?;
    if let Some(unsynced) = store.unsynced() {
        unsynced.sync().map_err(Failure::because)?;
    }
    Ok(sum)
}

/// Writes what was gathered.
fn write(store: &mut Store, batch: &mut Batch, now_ms: i64, sum: &mut Written) -> Result<(), Failure> {
    *sum += store.write(batch, How::Add, now_ms).map_err(Failure::because)?;
    batch.clear();
    Ok(())
}

fn tell(signal: &str, series: usize, written: Written, out: &mut dyn Write) -> std::io::Result<()> {
    let series = counted(series as u64, "series", "series");
    writeln!(
        out,
        "{signal}: {series}, {} new or other than before",
        counted(written.changed, "sample", "samples")
    )?;
    let odd = [
        (written.conflicting, "contradicted what was known: these have no value now"),
        (written.too_old, "left out: older than what is kept"),
        (written.too_new, "left out: more than a day ahead of now"),
    ];
    for (count, what) in odd.into_iter().filter(|(count, _)| *count > 0) {
        writeln!(out, "{signal}: {} {what}", counted(count, "sample", "samples"))?;
    }
    Ok(())
}
