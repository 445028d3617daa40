"""Makes the data that everything is measured on: the same numbers for a given seed, whoever asks.

    python data.py raw=FILE csv=FILE parquet=FILE --series 1000 --points 20160 --interval 60 --seed 7
    python data.py stream-series=FILE stream-time=FILE --series 5000 --points 20000

`raw`, `csv` and `parquet` hold the same series one after the other (little-endian f64; `timestamp,series,value` with
epoch seconds; the same table as polars writes it by default). `stream-series` and `stream-time` are Parquet written
in pieces, for data that should not be in memory at once, one series after the other and one instant after the other.

Three of four series are day-curves with noise, the fourth is a random walk; a few surges and drops are put into each.
Values have 6 decimals, so that every file holds the very same f64.
"""

import argparse
from pathlib import Path

import numpy as np

EPOCH = 1_735_689_600  # 2025-01-01T00:00:00Z
DAY = 86_400
PIECE = 262_144  # rows in a row group, as polars writes them


def series(number, points, interval, seed):
    """One series of `points` values `interval` seconds apart."""
    rng = np.random.default_rng([seed, number])
    level = rng.uniform(50, 500)
    noise = rng.normal(size=points)
    if number % 4 == 3:
        values = level * 4 + level * 0.01 * np.cumsum(noise)
    else:
        time_of_day = 2 * np.pi * (np.arange(points) * interval % DAY / DAY + rng.uniform())
        curve = 1 + 0.5 * np.sin(time_of_day) + 0.2 * np.sin(2 * time_of_day + rng.uniform(0, 6))
        values = level * (curve + rng.uniform(0.01, 0.05) * noise)
    for at in rng.integers(0, points, size=max(points // 3000, 1)):
        values[at : at + rng.integers(1, 10)] *= rng.choice([0.3, 0.6, 1.6, 3.0])
    return np.round(values, 6)


def name(number):
    """The name of a series, in the order of the numbers."""
    return f"vip{number:05d}"


def write_tables(count, points, interval, seed, files):
    """The raw file, the CSV and the Parquet of the same numbers."""
    values = np.concatenate([series(number, points, interval, seed) for number in range(count)])
    if "raw" in files:
        values.astype("<f8").tofile(files["raw"])
    if {"csv", "parquet"} & set(files):
        import polars as pl

        names = pl.Series("series", [name(number) for number in range(count)])
        table = pl.DataFrame({
            "timestamp": np.tile(EPOCH + interval * np.arange(points), count),
            "series": names.gather(np.repeat(np.arange(count, dtype=np.uint32), points)),
            "value": values,
        })
        if "csv" in files:
            table.write_csv(files["csv"])
        if "parquet" in files:
            table.write_parquet(files["parquet"])


def write_streams(count, points, interval, seed, files):
    """The long tables that should not be in memory at once, by pieces of whole series or of whole instants."""
    at = EPOCH + interval * np.arange(points)
    if "stream-series" in files:
        several = max(PIECE // points, 1)
        pieces = (
            (np.tile(at, len(part)), np.repeat(part, points), np.concatenate([series(n, points, interval, seed) for n in part]))
            for part in np.array_split(np.arange(count), -(-count // several))
        )
        _write(files["stream-series"], count, pieces)
    if "stream-time" in files:
        scratch = files["stream-time"].with_suffix(".scratch")
        grid = np.memmap(scratch, "<f8", "w+", shape=(points, count))
        for first in range(0, count, 256):
            part = [series(n, points, interval, seed) for n in range(first, min(first + 256, count))]
            grid[:, first : first + 256] = np.stack(part, axis=1)
        several = max(PIECE // count, 1)
        pieces = (
            (np.repeat(at[i : i + several], count), np.tile(np.arange(count), len(at[i : i + several])), grid[i : i + several].ravel())
            for i in range(0, points, several)
        )
        _write(files["stream-time"], count, pieces)
        scratch.unlink()


def _write(file, count, pieces):
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = pa.array([name(number) for number in range(count)])
    schema = pa.schema([("timestamp", pa.int64()), ("series", pa.string()), ("value", pa.float64())])
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for at, numbers, values in pieces:
            columns = [pa.array(at), names.take(pa.array(numbers)), pa.array(np.ascontiguousarray(values))]
            writer.write_table(pa.table(columns, schema=schema), row_group_size=PIECE)


def main():
    """Writes the files named on the command line; each appears under its name only when it is whole."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", help="KIND=FILE; kinds are raw, csv, parquet, stream-series, stream-time")
    parser.add_argument("--series", type=int, default=1000)
    parser.add_argument("--points", type=int, default=20160)
    parser.add_argument("--interval", type=int, default=60, help="seconds between two points")
    parser.add_argument("--seed", type=int, default=7)
    wanted = parser.parse_args()
    files = {kind: Path(file) for kind, file in (pair.split("=", 1) for pair in wanted.files)}
    partial = {kind: file.with_name(file.name + ".partial") for kind, file in files.items()}
    size = (wanted.series, wanted.points, wanted.interval, wanted.seed)
    tables = {kind: file for kind, file in partial.items() if not kind.startswith("stream")}
    if tables:
        write_tables(*size, tables)
    write_streams(*size, partial)
    for kind, file in files.items():
        partial[kind].rename(file)


if __name__ == "__main__":
    main()
