//! Writes a long table as [`load`](super::load) reads it: `timestamp,signal,LABEL…,value`, as CSV or Parquet.

use super::error::InputError;
use crate::labels::Labels;
use polars::prelude::{BatchedWriter, Column, DataFrame, NamedFrom, ParquetWriter, PolarsError, Series};
use quietgate_detectors::Sample;
use std::fs::File;
use std::path::Path;

/// The column of the time, in UTC milliseconds.
const TIME: &str = "timestamp";
/// The column of the signal.
pub const SIGNAL: &str = "signal";
/// The column of the value.
const VALUE: &str = "value";

/// Rows that are written to Parquet at once.
const ROWS: usize = 1 << 20;

/// A table that is being written.
pub struct TableWriter {
    labels: Vec<String>,
    path: String,
    out: Out,
}

enum Out {
    Csv(Box<csv::Writer<File>>),
    Parquet { writer: Option<Box<BatchedWriter<File>>>, file: Option<File>, rows: Rows },
}

/// Rows by columns, for Parquet.
#[derive(Default)]
struct Rows {
    times: Vec<i64>,
    names: Vec<Vec<String>>,
    values: Vec<f64>,
}

impl std::fmt::Debug for TableWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TableWriter").field("path", &self.path).field("labels", &self.labels).finish()
    }
}

impl TableWriter {
    /// Begins the table at `path`, CSV or Parquet by the end of its name, in the place of an old one. It has a column for each of
    /// `labels`; a series that lacks one has nothing there.
    ///
    /// # Errors
    /// Another end of the name, a label that is named as a column of another sort, a file that cannot be written.
    pub fn begin(path: &Path, labels: Vec<String>) -> Result<Self, InputError> {
        let name = path.display().to_string();
        let bad = |what: &str, allowed: &str| {
            Err(InputError::new(name.clone(), what.to_owned(), allowed.to_owned()))
        };
        let is_parquet = match path.extension().and_then(|end| end.to_str()) {
            Some("parquet") => true,
            Some("csv") => false,
            _ => return bad("a name whose form is not known", "one that ends in .csv or .parquet"),
        };
        if let Some(label) = labels.iter().find(|label| [TIME, SIGNAL, VALUE].contains(&label.as_str())) {
            let allowed = format!("labels that are not named {TIME}, {SIGNAL} or {VALUE}, which are columns");
            return bad(&format!("a series with the label {label:?}"), &allowed);
        }
        let file = File::create(path).map_err(|cause| cannot(&name).because(cause))?;
        let out = if is_parquet {
            Out::Parquet { writer: None, file: Some(file), rows: Rows::of(labels.len()) }
        } else {
            let mut writer = csv::Writer::from_writer(file);
            let head = [TIME, SIGNAL].into_iter().chain(labels.iter().map(String::as_str)).chain([VALUE]);
            writer.write_record(head).map_err(|cause| cannot(&name).because(cause))?;
            Out::Csv(Box::new(writer))
        };
        Ok(Self { labels, path: name, out })
    }

    /// Adds samples of one series of `signal`. A value that is no number is `NaN`.
    ///
    /// # Errors
    /// Where they cannot be written.
    pub fn add(&mut self, signal: &str, labels: &Labels, samples: &[Sample]) -> Result<(), InputError> {
        let own = self.labels.iter().map(|label| labels.get(label).unwrap_or_default());
        let names: Vec<&str> = [signal].into_iter().chain(own).collect();
        match &mut self.out {
            Out::Csv(writer) => {
                for sample in samples {
                    let (time, value) = (sample.at.as_millis().to_string(), sample.value.to_string());
                    let row =
                        [time.as_str()].into_iter().chain(names.iter().copied()).chain([value.as_str()]);
                    writer.write_record(row).map_err(|cause| cannot(&self.path).because(cause))?;
                }
                Ok(())
            }
            Out::Parquet { rows, .. } => {
                for sample in samples {
                    rows.times.push(sample.at.as_millis());
                    rows.values.push(sample.value);
                    rows.names
                        .iter_mut()
                        .zip(&names)
                        .for_each(|(column, name)| column.push((*name).to_owned()));
                }
                if rows.times.len() >= ROWS { self.flush() } else { Ok(()) }
            }
        }
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// Where that cannot be.
    pub fn finish(mut self) -> Result<(), InputError> {
        self.flush()?;
        let path = &self.path;
        match self.out {
            Out::Csv(mut writer) => writer.flush().map_err(|cause| cannot(path).because(cause)),
            Out::Parquet { writer: Some(writer), .. } => {
                writer.finish().map(drop).map_err(|cause| cannot(path).because(cause))
            }
            Out::Parquet { .. } => Ok(()),
        }
    }

    fn flush(&mut self) -> Result<(), InputError> {
        let Out::Parquet { writer, file, rows } = &mut self.out else { return Ok(()) };
        let mut write = || -> Result<(), PolarsError> {
            let width = rows.names.len() - 1;
            let table = std::mem::replace(rows, Rows::of(width)).table(&self.labels)?;
            if let Some(file) = file.take() {
                *writer = Some(Box::new(ParquetWriter::new(file).batched(table.schema())?));
            }
            writer.as_mut().map_or(Ok(()), |writer| writer.write_batch(&table))
        };
        write().map_err(|cause| cannot(&self.path).because(cause))
    }
}

impl Rows {
    fn of(labels: usize) -> Self {
        Self { names: vec![Vec::new(); labels + 1], ..Self::default() }
    }

    fn table(self, labels: &[String]) -> Result<DataFrame, PolarsError> {
        let mut columns = vec![Column::from(Series::new(TIME.into(), self.times))];
        let names = [SIGNAL].into_iter().chain(labels.iter().map(String::as_str));
        columns
            .extend(names.zip(self.names).map(|(name, cells)| Column::from(Series::new(name.into(), cells))));
        columns.push(Column::from(Series::new(VALUE.into(), self.values)));
        DataFrame::new_infer_height(columns)
    }
}

fn cannot(path: &str) -> InputError {
    InputError::new(path.to_owned(), "a file that cannot be written", "")
}
