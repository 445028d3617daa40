//! The options that say what is read, and how.

use super::exit::Failure;
use crate::config::units::Size;
use crate::sources::recorded::{ColumnNames, Layout, ReadOptions, TimestampForm};
use clap::{Args, ValueEnum};

/// What to read.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "What to read")]
pub(crate) struct InputArgs {
    /// CSV or Parquet files, plain or packed with gzip or zstd; globs too
    #[arg(long, short, value_name = "FILE", required = true, num_args = 1..)]
    pub(crate) input: Vec<String>,
    /// How the series stand in a table: long is `timestamp,series,value` or with label columns, wide is one column
    /// a series
    #[arg(long, value_name = "FORM", value_enum, default_value_t = LayoutArg::Auto)]
    layout: LayoutArg,
    /// The form of the timestamps; else recognised by the first of each file
    #[arg(long, value_name = "FORM", value_enum, default_value_t = TimestampArg::Auto)]
    timestamps: TimestampArg,
    /// The column of the time, where it has another name than timestamp, time, at, ts, date or datetime
    #[arg(long, value_name = "COLUMN")]
    time: Option<String>,
    /// The column of the value in a long table, where it is not `value`
    #[arg(long, value_name = "COLUMN")]
    value: Option<String>,
    /// The column of the series' name in a long table, where it is not `series`
    #[arg(long, value_name = "COLUMN")]
    series: Option<String>,
    /// Columns to leave out
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',')]
    ignore: Vec<String>,
    /// Samples kept in memory while reading, 8 to 16 bytes each; what is more waits in a temporary file
    #[arg(long, value_name = "SIZE", default_value = "512MiB")]
    memory: String,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LayoutArg {
    Auto,
    Long,
    Wide,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum TimestampArg {
    Auto,
    S,
    Ms,
    Us,
    Ns,
    Rfc3339,
}

impl InputArgs {
    /// How to read.
    pub(crate) fn options(&self, threads: usize) -> Result<ReadOptions, Failure> {
        let memory: Size =
            self.memory.parse().map_err(|error| Failure::Input(format!("--memory: {error}")))?;
        Ok(ReadOptions {
            layout: match self.layout {
                LayoutArg::Auto => Layout::Auto,
                LayoutArg::Long => Layout::Long,
                LayoutArg::Wide => Layout::Wide,
            },
            timestamps: match self.timestamps {
                TimestampArg::Auto => TimestampForm::Auto,
                TimestampArg::S => TimestampForm::Seconds,
                TimestampArg::Ms => TimestampForm::Millis,
                TimestampArg::Us => TimestampForm::Micros,
                TimestampArg::Ns => TimestampForm::Nanos,
                TimestampArg::Rfc3339 => TimestampForm::Rfc3339,
            },
            columns: ColumnNames {
                time: self.time.clone(),
                value: self.value.clone(),
                series: self.series.clone(),
                ignore: self.ignore.clone(),
            },
            memory_bytes: usize::try_from(memory.0).unwrap_or(usize::MAX),
            spill_dir: None,
            threads: Some(threads),
        })
    }
}
