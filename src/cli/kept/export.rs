//! `quietgate history export`: all that is kept, as a table.

use super::super::exit::Failure;
use super::super::state::StateArgs;
use crate::clock;
use crate::history::{Cell, Cells, Store};
use crate::sources::recorded::{InputError, TableWriter};
use crate::text::{counted, rfc3339};
use clap::Args;
use quietgate_detectors::Sample;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;

/// What `quietgate history export` takes.
#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// The table to write, in the place of an old one: CSV or Parquet, by the end of the name
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// This signal alone
    #[arg(long, value_name = "SIGNAL")]
    signal: Option<String>,
    #[command(flatten)]
    state: StateArgs,
}

pub(super) fn run(args: &ExportArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let mut stores = super::stores(&args.state, args.signal.as_deref())?;
    let series = stores.iter().flat_map(Store::series);
    let labels: BTreeSet<&str> = series.flat_map(|series| &series.labels).map(|(name, _)| name).collect();
    let labels = labels.into_iter().map(str::to_owned).collect();
    let mut table = TableWriter::begin(&args.output, labels).map_err(unwritten)?;
    for store in &mut stores {
        let (samples, damaged) = write(store, &mut table)?;
        let name = &store.shape().signal;
        writeln!(out, "{name}: {}", counted(samples, "sample", "samples"))?;
        if let Some((rows, from, until)) = damaged {
            let rows = counted(rows, "row is", "rows are");
            writeln!(out, "{name}: {rows} damaged from {from} until {until} and left out")?;
        }
    }
    table.finish().map_err(unwritten)
}

/// A table that cannot be written, unless it was asked for wrongly.
fn unwritten(error: InputError) -> Failure {
    Failure::because(error)
}

/// Damaged rows: how many, from when, until when.
type Damaged = Option<(u64, String, String)>;

/// Writes what `store` has; says how many samples that are, and what was damaged.
fn write(store: &mut Store, table: &mut TableWriter) -> Result<(u64, Damaged), Failure> {
    let now = store.row_until(clock::now().as_millis());
    let (mut written, mut failed) = (0, None);
    let reading = store.read(i64::MIN..=now, |store, cells| {
        let samples = samples(store, cells);
        written += samples.len() as u64;
        if failed.is_none() {
            let series = &store.series()[cells.column as usize];
            failed = table.add(&store.shape().signal, &series.labels, &samples).err();
        }
    });
    let reading = reading.map_err(Failure::because)?;
    if let Some(error) = failed {
        return Err(unwritten(error));
    }
    let at = |row: i64| rfc3339(row.saturating_mul(store.shape().interval_ms));
    let damage = reading.damage;
    Ok((written, damage.span.map(|(first, last)| (damage.rows, at(first), at(last)))))
}

/// The cells as samples; one without a value, because there was none or several, is NaN.
fn samples(store: &Store, cells: Cells<'_>) -> Vec<Sample> {
    let (series, interval_ms) = (&store.series()[cells.column as usize], store.shape().interval_ms);
    let sample = |(row, cell): (i64, Cell)| {
        let value = if let Cell::Value(value) = cell { value } else { f64::NAN };
        Sample::new(series.at(row, interval_ms), value)
    };
    cells.known().map(sample).collect()
}
