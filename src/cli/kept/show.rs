//! `quietgate history show`, and what `status` says of the histories.

use super::super::exit::Failure;
use super::super::format::Format;
use super::super::state::StateArgs;
use crate::clock;
use crate::history::{HistoryError, Reading, Store};
use crate::text::{self, counted, rfc3339};
use clap::Args;
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;

/// What `quietgate history show` takes.
#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// This signal alone
    #[arg(long, value_name = "SIGNAL")]
    signal: Option<String>,
    /// Form of the output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    state: StateArgs,
}

/// What there is to say of one history.
struct Shown {
    signal: String,
    interval_ms: i64,
    days: u32,
    series: u64,
    /// Series that were not seen for two intervals when the newest was, and when the last of them was.
    gone: u64,
    gone_since: Option<i64>,
    from: Option<i64>,
    until: Option<i64>,
    bytes: u64,
    bound: u64,
    damaged: u64,
    damaged_between: Option<(i64, i64)>,
}

pub(super) fn run(args: &ShowArgs, out: &mut dyn Write) -> Result<(), Failure> {
    for mut store in super::stores(&args.state, args.signal.as_deref())? {
        let shown = shown(&mut store).map_err(Failure::because)?;
        match args.format {
            Format::Text => shown.write(out)?,
            Format::Json => writeln!(out, "{}", shown.json())?,
        }
    }
    Ok(())
}

fn shown(store: &mut Store) -> Result<Shown, HistoryError> {
    let now = store.row_until(clock::now().as_millis());
    let reading = store.read(i64::MIN..=now, |_, _| {})?;
    let Reading { newest, oldest, damage, .. } = reading;
    let shape = store.shape();
    let at = |row: i64| row.saturating_mul(shape.interval_ms);
    let latest = newest.iter().flatten().max().copied();
    let is_gone = |row: &&i64| latest.is_some_and(|latest| latest - **row > 2);
    let gone: Vec<_> = newest.iter().flatten().filter(is_gone).copied().collect();
    Ok(Shown {
        signal: shape.signal.clone(),
        interval_ms: shape.interval_ms,
        days: shape.days,
        series: newest.iter().flatten().count() as u64,
        gone: gone.len() as u64,
        gone_since: gone.iter().max().map(|row| at(*row)),
        from: oldest.map(at),
        until: latest.map(at),
        bytes: store.disk_bytes()?,
        bound: store.bound(),
        damaged: damage.rows,
        damaged_between: damage.span.map(|(first, last)| (at(first), at(last))),
    })
}

impl Shown {
    fn write(&self, out: &mut dyn Write) -> std::io::Result<()> {
        let every = text::duration(self.interval_ms);
        writeln!(out, "{}: samples every {every}, {} days and today", self.signal, self.days)?;
        let series = counted(self.series, "series", "series");
        match self.gone_since {
            None => writeln!(out, "  {series}")?,
            Some(since) => {
                writeln!(
                    out,
                    "  {series}, {} of them not seen since {}",
                    text::count(self.gone),
                    rfc3339(since)
                )?;
            }
        }
        if let (Some(from), Some(until)) = (self.from, self.until) {
            writeln!(out, "  from {} until {}", rfc3339(from), rfc3339(until))?;
        }
        writeln!(
            out,
            "  {} on disk, {} at most with so many series",
            mebibytes(self.bytes),
            mebibytes(self.bound)
        )?;
        if let Some((from, until)) = self.damaged_between {
            let rows = counted(self.damaged, "row is", "rows are");
            let (from, until) = (rfc3339(from), rfc3339(until));
            writeln!(out, "  {rows} damaged from {from} until {until}: their samples are missing")?;
        }
        Ok(())
    }

    fn json(&self) -> Value {
        let time = |ms: Option<i64>| ms.map(rfc3339);
        json!({
            "signal": self.signal,
            "interval_ms": self.interval_ms,
            "days": self.days,
            "series": self.series,
            "not_seen": self.gone,
            "not_seen_since": time(self.gone_since),
            "from": time(self.from),
            "until": time(self.until),
            "bytes": self.bytes,
            "bytes_at_most": self.bound,
            "damaged_rows": self.damaged,
            "damaged_from": time(self.damaged_between.map(|between| between.0)),
            "damaged_until": time(self.damaged_between.map(|between| between.1)),
        })
    }
}

/// One line about all histories in the folder of a state; none where there are none.
pub(in crate::cli) fn line_of_all(folder: &Path) -> Option<String> {
    let (bytes, bound, series) = match sums(folder) {
        Ok(sums) => sums?,
        Err(error) => return Some(format!("history   cannot be used: {}", text::with_causes(&error))),
    };
    let (bytes, bound) = (mebibytes(bytes), mebibytes(bound));
    let series = counted(series, "series", "series");
    Some(format!("history   {bytes} on disk, {bound} at most with {series}"))
}

/// The same as data; null where there are none.
pub(in crate::cli) fn json_of_all(folder: &Path) -> Value {
    match sums(folder) {
        Ok(None) => Value::Null,
        Ok(Some((bytes, bound, series))) => json!({"bytes": bytes, "bytes_at_most": bound, "series": series}),
        Err(error) => json!({"error": text::with_causes(&error)}),
    }
}

/// The bytes on disk, the most that there can be, and the series.
fn sums(folder: &Path) -> Result<Option<(u64, u64, u64)>, HistoryError> {
    let stores = super::open(folder, None)?;
    let mut sums = (0, 0, 0);
    for store in &stores {
        sums = (sums.0 + store.disk_bytes()?, sums.1 + store.bound(), sums.2 + store.series().len() as u64);
    }
    Ok((!stores.is_empty()).then_some(sums))
}

/// An amount in words.
pub(in crate::cli) fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
