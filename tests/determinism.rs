//! The same samples give the same bytes: whatever the threads, the memory, the time zone and the locale of the
//! process, and whatever the form of the file.

use polars::prelude::{Column, DataFrame, ParquetWriter};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;

/// Standard output, `findings.json` and `report.html`.
type Bytes = (Vec<u8>, String, String);

/// Judges `file` of the folder `dir` in a process of its own.
fn judged(dir: &Path, file: &str, flags: &[&str], environment: &[(&str, &str)]) -> Bytes {
    let labels = Path::new(env!("CARGO_MANIFEST_DIR")).join("datasets/lvs-traffic/labels.json");
    let output = Command::new(env!("CARGO_BIN_EXE_quietgate"))
        .args(["backtest", "--report", "out", "--input", file, "--labels"])
        .arg(labels)
        .args(flags)
        .envs(environment.iter().copied())
        .current_dir(dir)
        .output()
        .expect("the program");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // the report names the file
    let read = |name: &str| {
        let text = fs::read_to_string(dir.join("out").join(name)).expect("a file of the report");
        text.replace(file, "FILE")
    };
    (output.stdout, read("findings.json"), read("report.html"))
}

/// A folder with the data set as CSV.
fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let packed = Path::new(env!("CARGO_MANIFEST_DIR")).join("datasets/lvs-traffic/series.csv.gz");
    let mut text = Vec::new();
    let file = File::open(packed).expect("the data set");
    flate2::read::GzDecoder::new(file).read_to_end(&mut text).expect("a whole gzip stream");
    fs::write(dir.path().join("series.csv"), text).expect("a file");
    dir
}

/// Variables that a command runs with.
type Environment<'a> = &'a [(&'a str, &'a str)];

#[test]
fn neither_threads_nor_memory_nor_the_environment_change_a_byte() {
    let dir = folder();
    let plain = judged(dir.path(), "series.csv", &["--threads", "1"], &[("TZ", "UTC"), ("LC_ALL", "C")]);
    assert!(plain.0.starts_with(b"F1  2026-01-") && plain.1.contains("\"F17\"") && plain.2.contains("F17"));
    let others: [(&[&str], Environment<'_>); 6] = [
        (&["--threads", "2"], &[]),
        (&["--threads", "7"], &[]),
        (&["--memory", "1MiB"], &[]),
        (&[], &[("TZ", "Asia/Tokyo")]),
        (&[], &[("LANG", "de_DE.UTF-8"), ("LC_ALL", "de_DE.UTF-8")]),
        (&["--memory", "0B", "--threads", "3"], &[("TZ", "America/St_Johns"), ("POLARS_MAX_THREADS", "1")]),
    ];
    for (flags, environment) in others {
        let other = judged(dir.path(), "series.csv", flags, environment);
        assert!(plain == other, "{flags:?} {environment:?} differ");
    }
}

#[test]
fn the_form_of_the_file_does_not_change_a_byte() {
    let dir = folder();
    let plain = judged(dir.path(), "series.csv", &[], &[]);
    for form in [gzip, zstd, parquet, long] {
        let file = form(dir.path());
        let other = judged(dir.path(), file, &[], &[]);
        // wide and long have their series in the same order, that of their names
        assert!(plain == other, "{file} differs");
    }
}

fn gzip(dir: &Path) -> &'static str {
    let file = File::create(dir.join("packed.csv.gz")).expect("a file");
    let mut out = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    out.write_all(&fs::read(dir.join("series.csv")).expect("the table")).expect("room");
    out.finish().expect("room");
    "packed.csv.gz"
}

fn zstd(dir: &Path) -> &'static str {
    let packed = zstd::encode_all(File::open(dir.join("series.csv")).expect("the table"), 1).expect("room");
    fs::write(dir.join("packed.csv.zst"), packed).expect("a file");
    "packed.csv.zst"
}

fn parquet(dir: &Path) -> &'static str {
    let text = fs::read_to_string(dir.join("series.csv")).expect("the table");
    let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let names = lines.next().expect("a header");
    let rows: Vec<_> = lines.collect();
    let times: Vec<i64> = rows.iter().map(|row| row[0].parse().expect("a time")).collect();
    let mut columns = vec![Column::new(names[0].into(), times)];
    for (at, name) in names.iter().enumerate().skip(1) {
        let values: Vec<Option<f64>> = rows.iter().map(|row| row[at].parse().ok()).collect();
        columns.push(Column::new((*name).into(), values));
    }
    let mut table = DataFrame::new(rows.len(), columns).expect("a table");
    let file = File::create(dir.join("table.parquet")).expect("a file");
    ParquetWriter::new(file).finish(&mut table).expect("room");
    "table.parquet"
}

fn long(dir: &Path) -> &'static str {
    let wide = fs::read_to_string(dir.join("series.csv")).expect("the table");
    let mut lines = wide.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let names = lines.next().expect("a header");
    let mut text = "series,value,timestamp\n".to_owned();
    for fields in lines {
        for (name, value) in names.iter().zip(&fields).skip(1) {
            text.push_str(&format!("{name},{value},{}000\n", fields[0]));
        }
    }
    fs::write(dir.join("long.csv"), text).expect("a file");
    "long.csv"
}
