//! The data sets are what their manifest says: checksums, spans, labels, the table for readers, and the generator.

use flate2::read::GzDecoder;
use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

/// All data sets together, in bytes: a checkout stays small.
const BYTES_MAX: u64 = 5_000_000;
/// The sets that hold no series to judge but cases with expected verdicts.
const GOLDEN: &str = "golden";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("datasets")
}

fn text(path: &Path) -> String {
    let raw = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut out = String::new();
    let done = if path.extension().is_some_and(|e| e == "gz") {
        GzDecoder::new(raw.as_slice()).read_to_string(&mut out)
    } else {
        raw.as_slice().read_to_string(&mut out)
    };
    done.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    out
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&text(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn sets() -> Vec<Value> {
    json(&folder().join("manifest.json"))["sets"].as_array().expect("a list of sets").clone()
}

/// The text at `key` of a set.
fn of<'a>(set: &'a Value, key: &str) -> &'a str {
    set[key].as_str().unwrap_or_else(|| panic!("{}: {key} is no text", set["name"]))
}

fn list<'a>(set: &'a Value, key: &str) -> &'a [Value] {
    set[key].as_array().unwrap_or_else(|| panic!("{}: {key} is no list", set["name"]))
}

fn time(value: &str) -> Timestamp {
    value.parse().unwrap_or_else(|error| panic!("{value}: {error}"))
}

/// A time of a table: RFC 3339, epoch seconds or epoch milliseconds.
fn cell_time(cell: &str) -> Timestamp {
    match cell.parse::<i64>() {
        Ok(number) if number > 100_000_000_000 => Timestamp::from_millisecond(number).expect("in range"),
        Ok(number) => Timestamp::from_second(number).expect("in range"),
        Err(_) => time(cell),
    }
}

/// The whole seconds nearest to the time between two samples: what is recorded comes some milliseconds late.
fn seconds_between(a: Timestamp, b: Timestamp) -> i64 {
    (b.as_millisecond() - a.as_millisecond() + 500).div_euclid(1000)
}

/// The times of each series of a wide or long table.
fn table(content: &str) -> BTreeMap<String, Vec<Timestamp>> {
    let mut lines = content.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let header = lines.next().expect("a header");
    let long = header[1..] == ["series", "value"];
    let mut out = BTreeMap::<String, Vec<Timestamp>>::new();
    for row in lines {
        assert_eq!(row.len(), header.len(), "{row:?} has as many cells as {header:?}");
        let at = cell_time(row[0]);
        for name in if long { &row[1..2] } else { &header[1..] } {
            out.entry((*name).to_owned()).or_default().push(at);
        }
    }
    out
}

/// The table of a set that has series.
fn series(set: &Value) -> Option<BTreeMap<String, Vec<Timestamp>>> {
    let name = of(set, "name");
    (name != GOLDEN).then(|| {
        let packed = folder().join(name).join("series.csv.gz");
        let path = if packed.exists() { packed } else { folder().join(name).join("series.csv") };
        table(&text(&path))
    })
}

#[test]
fn checksums_and_sizes_are_those_of_the_files() {
    let mut total = 0;
    for file in sets().iter().flat_map(|set| list(set, "files")) {
        let path = folder().join(of(file, "path"));
        let content = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let sum: String = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(sum, of(file, "sha256"), "{}: run datasets/index if the change is meant", path.display());
        assert_eq!(file["bytes"].as_u64(), u64::try_from(content.len()).ok(), "{}", path.display());
        total += u64::try_from(content.len()).expect("a file's length");
    }
    assert!(total < BYTES_MAX, "the data sets have {total} bytes, allowed are {BYTES_MAX}");
}

#[test]
fn every_file_is_in_the_manifest() {
    let listed: Vec<String> =
        sets().iter().flat_map(|set| list(set, "files")).map(|file| of(file, "path").to_owned()).collect();
    for set in fs::read_dir(folder()).expect("the folder").flatten().filter(|entry| entry.path().is_dir()) {
        for file in fs::read_dir(set.path()).expect("a set").flatten() {
            let path = format!("{}/{}", set.file_name().display(), file.file_name().display());
            let is_made_from = path.ends_with("/about.json") || path.ends_with("/make");
            assert!(
                is_made_from || listed.contains(&path),
                "{path} is not in the manifest: run datasets/index"
            );
        }
    }
}

#[test]
fn series_and_spans_are_those_of_the_tables() {
    for set in sets() {
        let Some(table) = series(&set) else { continue };
        let mut named: Vec<&str> = list(&set, "series").iter().filter_map(Value::as_str).collect();
        named.sort_unstable();
        assert_eq!(table.keys().collect::<Vec<_>>(), named, "{}", set["name"]);
        let spacing = set["interval_s"].as_i64().expect("an interval");
        for (name, times) in &table {
            let ends = (times[0], times[times.len() - 1]);
            assert_eq!(ends, (time(of(&set, "from")), time(of(&set, "to"))), "{}: {name}", set["name"]);
            let odd = times.windows(2).filter(|pair| seconds_between(pair[0], pair[1]) != spacing).count();
            assert_eq!(odd, 0, "{}: {name} has spacings other than {spacing} s", set["name"]);
        }
    }
}

#[test]
fn labels_lie_in_their_series_and_are_the_same_in_both_forms() {
    for set in sets() {
        let Some(table) = series(&set) else { continue };
        let here = folder().join(of(&set, "name"));
        let mut windows = Vec::new();
        for (name, list) in json(&here.join("labels.json")).as_object().expect("an object") {
            let times = table.get(name).unwrap_or_else(|| panic!("{}: no series {name}", set["name"]));
            for window in list.as_array().expect("a list of windows") {
                let (from, to) = (window[0].as_str().expect("a time"), window[1].as_str().expect("a time"));
                let ends = [from, to].map(|end| times.binary_search(&time(end)));
                assert!(
                    ends.iter().all(Result::is_ok) && ends[0] <= ends[1],
                    "{name}: no samples from {from} to {to}"
                );
                windows.push(format!("{name},{from},{to}"));
            }
        }
        assert_eq!(set["labels"].as_u64(), u64::try_from(windows.len()).ok(), "{}", set["name"]);
        let csv = text(&here.join("labels.csv"));
        let lines: Vec<&str> = csv.lines().collect();
        assert_eq!(lines[0], "series,from,to");
        windows.sort();
        assert_eq!(lines[1..], windows, "{}", set["name"]);
        let causes = list(&set, "causes").iter();
        let mut told: Vec<String> =
            causes.map(|cause| [of(cause, "series"), of(cause, "from"), of(cause, "to")].join(",")).collect();
        told.sort();
        assert_eq!(told, windows, "{}: every label has a cause", set["name"]);
    }
}

#[test]
fn every_golden_case_has_a_verdict_for_each_of_its_series() {
    let golden = folder().join(GOLDEN);
    let names = |file: String| -> Vec<(String, usize)> {
        let content = text(&golden.join(file));
        let mut out = BTreeMap::<String, Vec<&str>>::new();
        for row in content.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>()) {
            out.entry(row[1].to_owned()).or_default().push(row[0]);
        }
        out.into_iter().map(|(name, times)| (name, times.len())).collect()
    };
    let cases = text(&golden.join("cases.csv"));
    assert!(cases.lines().count() > 10, "{cases}");
    for name in cases.lines().skip(1).filter_map(|line| line.split(',').next()) {
        let (samples, verdicts) = (names(format!("{name}.csv")), names(format!("{name}.verdicts.csv")));
        assert_eq!(samples.len(), verdicts.len(), "{name}");
        for (of_samples, of_verdicts) in samples.iter().zip(&verdicts) {
            assert_eq!(of_samples.0, of_verdicts.0, "{name}");
            assert!(of_verdicts.1 <= of_samples.1, "{name}/{}: more verdicts than samples", of_samples.0);
        }
    }
}

/// The cells of a row that the table for readers must begin with, from the manifest.
fn row(set: &Value) -> String {
    let spacing = match set["interval_s"].as_u64() {
        None => "5 s to 1 d".to_owned(),
        Some(seconds) if seconds % 60 == 0 => format!("{} m", seconds / 60),
        Some(seconds) => format!("{seconds} s"),
    };
    let seconds = time(of(set, "to")).as_second() - time(of(set, "from")).as_second();
    let span = if seconds > 2 * 86_400 {
        format!("{} d", (seconds + 43_200) / 86_400)
    } else {
        format!("{} m", (seconds + 30) / 60)
    };
    let kinds = set["kinds"].as_object().expect("kinds");
    let kinds: Vec<String> = kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    let labels = if kinds.is_empty() {
        set["labels"].to_string()
    } else {
        format!("{} ({})", set["labels"], kinds.join(", "))
    };
    let (name, title, unit, count) =
        (of(set, "name"), of(set, "title"), of(set, "unit"), list(set, "series").len());
    format!("| `{name}` | {title} | {unit} | {spacing} | {span} | {count} | {labels} |")
}

#[test]
fn the_table_for_readers_says_what_the_manifest_says() {
    let readme = text(&folder().join("README.md"));
    let shown: Vec<&str> = readme.lines().filter(|line| line.starts_with("| `")).collect();
    let wanted: Vec<String> = sets().iter().map(row).collect();
    assert_eq!(shown, wanted, "run datasets/index");
}

#[test]
fn licence_and_origin_are_said_for_each_set() {
    for set in sets() {
        assert_eq!(of(&set, "licence"), "MIT OR Apache-2.0", "{}", set["name"]);
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(of(&set["made"], "by"));
        assert!(script.exists(), "{}: {} is not there", set["name"], script.display());
    }
}

#[test]
fn the_generator_makes_the_same_bytes_again() {
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("skipped: there is no python3 here, so datasets/generate cannot run");
        return;
    }
    let out = tempfile::tempdir().expect("a folder");
    let done = Command::new("python3").arg(folder().join("generate")).arg("--out").arg(out.path()).output();
    let done = done.expect("python3 ran a moment ago");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let made: Vec<Value> =
        sets().into_iter().filter(|set| of(&set["made"], "by") == "datasets/generate").collect();
    assert_eq!(made.len(), fs::read_dir(out.path()).expect("the folder").count());
    for file in made.iter().flat_map(|set| list(set, "files")).map(|file| of(file, "path")) {
        // compared unpacked: another zlib packs the same content into other bytes
        assert!(
            text(&out.path().join(file)) == text(&folder().join(file)),
            "{file} differs: run datasets/generate"
        );
    }
}
