//! A Parquet file, a stretch of rows at a time.

use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

use polars::io::parquet::metadata::FileMetadataRef;
use polars::prelude::{
    ArrowDataType, ArrowSchema, DataFrame, ParallelStrategy, ParquetReader, PolarsError, PolarsResult,
    SerReader,
};

use super::collector::Collector;
use super::error::InputError;
use super::frames::RowReader;
use super::hush;
use super::layout::Table;
use super::open::damaged;
use super::reading::{Progress, Reading};

/// Rows that are read at once for each thread: few enough that their columns stay in the cache.
const ROWS_A_THREAD: usize = 1 << 17;
/// Rows that are read at once at most: as many as the largest common row group has.
const MOST_ROWS: usize = 1 << 20;
/// Value columns of a wide table that are read at once: with [`MOST_ROWS`] they take 128 MiB.
const WIDE_COLUMNS: usize = 16;

/// Reads all of `file`, which came out of a stream packed by `packed`, if by any.
pub(super) fn read(
    file: &File,
    packed: Option<&'static str>,
    reading: &Reading<'_>,
    collector: &mut Collector,
    progress: &mut Progress<'_>,
) -> Result<(), InputError> {
    let broken = |cause: PolarsError| damaged_file(reading.file, packed, cause);
    let (schema, metadata) = caught(|| {
        let mut reader = open(file)?;
        Ok((reader.schema()?, Arc::clone(reader.get_metadata()?)))
    })
    .map_err(broken)?;
    let names = schema.iter_names().map(ToString::to_string).collect();
    let table = Table::recognise(reading.file, names, reading.options.layout, &reading.options.columns)?;
    check_types(reading.file, &table, &schema)?;
    if metadata.num_rows == 0 {
        return Err(InputError::new(reading.file, "columns without a row", "at least one row"));
    }
    let size = file.metadata().map_or(0, |metadata| metadata.len());
    let parts = table.in_parts(WIDE_COLUMNS);
    let mut readers: Vec<_> = parts.iter().map(|part| RowReader::new(reading, part)).collect();
    let processors = || std::thread::available_parallelism().map_or(1, usize::from);
    let threads = reading.options.threads.unwrap_or_else(processors);
    let groups = metadata.row_groups.iter().map(|group| group.num_rows());
    for Range { start: first, end } in stretches(groups, ROWS_A_THREAD.saturating_mul(threads)) {
        let rows = end - first;
        if progress.stopped() {
            return Ok(());
        }
        for part in &mut readers {
            let frame = caught(|| frame(file, &metadata, part.table, first, rows)).map_err(broken)?;
            part.rows(&frame, first, collector).map_err(|error| error.or_damaged(broken))?;
        }
        if packed.is_none() {
            progress.consumed(size * end as u64 / metadata.num_rows as u64);
        }
        progress.advanced(rows as u64);
    }
    readers.iter().try_for_each(|part| part.numeric.check(reading.file, part.table, true))
}

/// The rows of a file in stretches that are read at once: whole row groups, for a part of one costs nearly as
/// much as all of it, but never more rows than memory has room for. `groups` are the rows of each row group.
fn stretches(groups: impl Iterator<Item = usize>, at_once: usize) -> Vec<Range<usize>> {
    let mut stretches: Vec<Range<usize>> = Vec::new();
    let mut next = 0;
    for rows in groups {
        let end = next + rows;
        match stretches.last_mut() {
            Some(last) if end - last.start <= at_once.min(MOST_ROWS) => last.end = end,
            _ => stretches.extend((next..end).step_by(MOST_ROWS).map(|from| from..end.min(from + MOST_ROWS))),
        }
        next = end;
    }
    stretches
}

/// The columns of `table` in `rows` rows from row `first` on.
fn frame(
    file: &File,
    metadata: &FileMetadataRef,
    table: &Table,
    first: usize,
    rows: usize,
) -> PolarsResult<DataFrame> {
    let mut reader = open(file)?;
    reader.set_metadata(Arc::clone(metadata));
    let frame = reader
        .with_projection(Some(table.used().collect()))
        .with_slice(Some((first, rows)))
        .read_parallel(ParallelStrategy::RowGroups)
        .set_rechunk(true)
        .finish()?;
    if frame.columns().iter().all(|column| column.len() == rows) {
        Ok(frame)
    } else {
        Err(PolarsError::ShapeMismatch(format!("columns with another number of rows than {rows}").into()))
    }
}

/// Does `read`. On damaged files polars panics where it should state an error; here it is one.
fn caught<T>(read: impl FnOnce() -> PolarsResult<T>) -> PolarsResult<T> {
    hush::caught(read).unwrap_or_else(|| Err(PolarsError::ComputeError("the content makes no sense".into())))
}

fn open(file: &File) -> PolarsResult<ParquetReader<File>> {
    Ok(ParquetReader::new(file.try_clone()?))
}

fn damaged_file(name: &str, packed: Option<&str>, cause: PolarsError) -> InputError {
    match packed {
        Some(packing) => damaged(name, &format!("Parquet file in a {packing}")),
        None => InputError::new(name, "a damaged Parquet file", "a whole Parquet file"),
    }
    .because(cause)
}

/// Refuses a column of a type that cannot be what it is taken for, before polars is asked to read it.
fn check_types(file: &str, table: &Table, schema: &ArrowSchema) -> Result<(), InputError> {
    use ArrowDataType as T;
    const NUMBERS: &str = "integers of 32 or 64 bits, floats of 32 or 64 bits, text";
    let number =
        |kind: &T| matches!(kind, T::Int32 | T::Int64 | T::UInt32 | T::UInt64 | T::Float32 | T::Float64);
    let text = |kind: &T| matches!(kind, T::Utf8 | T::LargeUtf8 | T::Utf8View);
    let date = |kind: &T| matches!(kind, T::Date32 | T::Date64 | T::Timestamp(..));
    for (column, (name, field)) in schema.iter().enumerate() {
        let kind = field.dtype();
        let (fits, allowed) = if column == table.time {
            (number(kind) || text(kind) || date(kind), format!("dates, timestamps, {NUMBERS}"))
        } else if table.values.contains(&column) {
            (number(kind) || text(kind), NUMBERS.to_owned())
        } else if table.keys.contains(&column) {
            (number(kind) || text(kind) || *kind == T::Boolean, format!("booleans, {NUMBERS}"))
        } else {
            continue;
        };
        if !fits {
            return Err(InputError::new(file, format!("the type {kind:?}"), allowed).in_column(name));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_groups_are_read_whole_several_small_ones_together() {
        let cut = |groups: &[usize], at_once| stretches(groups.iter().copied(), at_once);
        assert_eq!(cut(&[5, 5, 5, 20, 1, 0, 1], 10), [0..10, 10..15, 15..35, 35..37]);
        assert_eq!(cut(&[5, 5, 5], 1), [0..5, 5..10, 10..15]);
        let most = MOST_ROWS;
        assert_eq!(cut(&[2 * most + 7, 1], 10), [0..most, most..2 * most, 2 * most..2 * most + 8]);
        assert_eq!(cut(&[most, most], usize::MAX), [0..most, most..2 * most]);
    }
}
