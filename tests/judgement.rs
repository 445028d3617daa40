//! Scores against labels are right: counted again here from the findings and the label file, on our own sets always
//! and on public ones where they are; NAB's own score is what the page says; and the commands of datasets/README.md work
//! as they stand.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The first and the last anomalous time of each label, by the name of the series.
type Windows = BTreeMap<String, Vec<(Timestamp, Timestamp)>>;

/// Few findings and many.
const WAYS: [&[&str]; 2] = [&[], &["--rule", "any", "--detectors", "ss", "--sustain", "1 of 1"]];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A folder of the public sets, or a word on why there is none.
fn public(folder: &str) -> Option<PathBuf> {
    let path = root().join("../shared/data").join(folder);
    if path.is_dir() {
        return Some(path);
    }
    eprintln!("skipped: the public data set {folder} is not beside this checkout");
    None
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&read(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn of<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} is no text in {value}"))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("{value} is no list"))
}

/// RFC 3339, or date and time without a zone, which is UTC's.
fn time(text: &str) -> Timestamp {
    text.parse().unwrap_or_else(|_| {
        let civil: DateTime = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        civil.to_zoned(TimeZone::UTC).expect("in range").timestamp()
    })
}

/// The windows of a JSON label file for the series named; a label may have the path of the series' file.
fn windows(labels: &Path, named: impl Fn(&str) -> Option<String>) -> Windows {
    let file = json(labels);
    let all = file.as_object().expect("an object").iter();
    let ends = |window: &Value| [0, 1].map(|end| time(window[end].as_str().expect("a time")));
    let of_series = |windows: &Value| list(windows).iter().map(ends).map(|[from, to]| (from, to)).collect();
    all.filter_map(|(name, windows)| Some((named(name)?, of_series(windows)))).collect()
}

/// What the program writes in JSON about `input`, the same with one thread and with two.
fn backtest(input: &[PathBuf], labels: &Path, flags: &[&str]) -> Vec<Value> {
    let run = |threads: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quietgate"));
        command.args(["backtest", "--format", "json", "--threads", threads, "--labels"]).arg(labels);
        let done = command.args(flags).arg("--input").args(input).output().expect("the program starts");
        assert!(done.status.success(), "{flags:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).expect("UTF-8")
    };
    let said = run("1");
    assert!(said == run("2"), "{flags:?}: twice is not the same");
    said.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"))).collect()
}

/// Judges `input` in each way and counts every score again. Returns how many labels were scored.
fn hold(input: &[PathBuf], labels: &Path, flags: &[&str], windows: &Windows) -> u64 {
    let expected: usize = windows.values().map(Vec::len).sum();
    for way in WAYS {
        let said = backtest(input, labels, &[flags, way].concat());
        let of_kind = |kind: &str| -> Vec<&Value> { said.iter().filter(|v| v["kind"] == kind).collect() };
        let (findings, scores, summary) = (of_kind("finding"), of_kind("score"), of_kind("summary")[0]);
        let mut all = Counted::default();
        let empty = Vec::new();
        for series in list(&summary["series"]) {
            let name = of(series, "name");
            let score = scores.iter().find(|score| score["series"] == name);
            let found: Vec<&Value> = findings.iter().filter(|f| f["series"] == name).copied().collect();
            let counted = Counted::of(&found, windows.get(name).unwrap_or(&empty));
            counted.hold(score.unwrap_or_else(|| panic!("no score of {name}")), name);
            all.add(counted);
        }
        all.hold(&summary["score"], "all");
        assert_eq!(summary["totals"]["findings"], all.findings);
        assert_eq!(all.caught + all.missed, expected as u64, "caught and missed are all labels");
    }
    expected as u64
}

/// What is counted here, from the findings and the labels.
#[derive(Default)]
struct Counted {
    findings: u64,
    false_holds: u64,
    caught: u64,
    missed: u64,
    delays_minutes: Vec<f64>,
}

impl Counted {
    fn of(findings: &[&Value], windows: &[(Timestamp, Timestamp)]) -> Self {
        let ends = |finding: &Value| ["from", "until", "found"].map(|end| time(of(finding, end)));
        // `until` is the end of the last cell, `to` the time of the last labelled sample
        let overlap = |f: &Value, &(from, to): &(Timestamp, Timestamp)| ends(f)[0] <= to && ends(f)[1] > from;
        let mut counted = Self { findings: findings.len() as u64, ..Self::default() };
        for finding in findings {
            let labelled = windows.iter().any(|window| overlap(finding, window));
            assert_eq!(finding["labelled"], labelled, "{finding}");
            counted.false_holds += u64::from(!labelled);
        }
        for window in windows {
            let found = findings.iter().filter(|f| overlap(f, window)).map(|f| ends(f)[2]).min();
            counted.caught += u64::from(found.is_some());
            counted.missed += u64::from(found.is_none());
            let delay = |found: Timestamp| (found.as_millisecond() - window.0.as_millisecond()).max(0) as f64;
            counted.delays_minutes.extend(found.map(delay).map(|ms| ms / 60_000.0));
        }
        counted
    }

    fn add(&mut self, other: Self) {
        self.findings += other.findings;
        self.false_holds += other.false_holds;
        self.caught += other.caught;
        self.missed += other.missed;
        self.delays_minutes.extend(other.delays_minutes);
    }

    /// Fails where `score` says otherwise.
    fn hold(&self, score: &Value, name: &str) {
        let near = |key: &str, ours: Option<f64>| {
            let theirs = score[key].as_f64();
            let same =
                theirs.zip(ours).map_or(theirs.is_none() && ours.is_none(), |(a, b)| (a - b).abs() < 1e-9);
            assert!(same, "{name}: {key} is {theirs:?}, counted {ours:?}");
        };
        let ratio = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
        let hits = self.findings - self.false_holds;
        assert_eq!(score["labelled"], self.caught + self.missed, "{name}");
        assert_eq!(score["caught"], self.caught, "{name}");
        assert_eq!(score["false_holds"], self.false_holds, "{name}");
        let (precision, recall) = (ratio(hits, self.findings), ratio(self.caught, self.caught + self.missed));
        for share in [precision, recall].into_iter().flatten() {
            assert!((0.0..=1.0).contains(&share), "{name}: {share}");
        }
        near("precision", precision);
        near("recall", recall);
        let both = precision.zip(recall).filter(|(p, r)| p + r > 0.0);
        near("f1", both.map(|(p, r)| 2.0 / (1.0 / p + 1.0 / r)));
        near("delay_minutes_median", median(&self.delays_minutes));
        let a_day = score["false_holds_a_day"].as_f64().expect("every series lasts some time");
        assert_eq!(a_day > 0.0, self.false_holds > 0, "{name}");
    }
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len().checked_sub(1)?;
    Some(f64::midpoint(sorted[middle / 2], sorted[middle.div_ceil(2)]))
}

/// The tables in `folder`, in order.
fn tables(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "csv"));
    files.sort();
    files
}

fn sets() -> Vec<Value> {
    let manifest = json(&root().join("datasets/manifest.json"));
    list(&manifest["sets"]).to_vec()
}

#[test]
fn our_own_sets_are_scored_as_counted_by_hand() {
    let (mut scored, mut quiet) = (0, 0);
    for set in sets().iter().filter(|set| of(set, "name") != "golden") {
        let here = root().join("datasets").join(of(set, "name"));
        let packed = here.join("series.csv.gz");
        let input = if packed.exists() { packed } else { here.join("series.csv") };
        let labels = here.join("labels.json");
        let windows = windows(&labels, |name| Some(name.to_owned()));
        let labelled = hold(&[input], &labels, &[], &windows);
        assert_eq!(set["labels"], labelled, "{}", set["name"]);
        scored += labelled;
        quiet += u64::from(labelled == 0);
    }
    assert!(scored > 30 && quiet >= 3, "{scored} labels, {quiet} quiet sets");
}

#[test]
fn a_group_of_nab_is_scored_as_counted_by_hand() {
    let Some(nab) = public("nab") else { return };
    let labels = nab.join("labels/combined_windows.json");
    let name = |label: &str| label.strip_prefix("realTraffic/")?.strip_suffix(".csv").map(str::to_owned);
    let windows = windows(&labels, name);
    let input = tables(&nab.join("realTraffic"));
    assert_eq!(input.len(), windows.len(), "every file has its labels");
    assert!(hold(&input, &labels, &[], &windows) > 10);
}

#[test]
fn a_family_of_cloud_monitoring_is_scored_as_counted_by_hand() {
    let Some(cloud) = public("cloud-monitoring") else { return };
    let input = tables(&cloud.join("application-crash-rate-2"));
    let (mut by_file, mut begun) = (serde_json::Map::new(), 0);
    for file in &input {
        let name = file.file_name().and_then(|name| name.to_str()).expect("a name");
        let runs = labelled_runs(&read(file));
        begun += runs.len() as u64;
        by_file.insert(format!("application-crash-rate-2/{name}"), serde_json::json!(runs));
    }
    let scratch = tempfile::tempdir().expect("a folder");
    let labels = scratch.path().join("labels.json");
    fs::write(&labels, Value::Object(by_file).to_string()).expect("the labels are written");
    let name = |label: &str| label.rsplit('/').next()?.strip_suffix(".csv").map(str::to_owned);
    let flags = ["--time", "TimeStamp", "--value", "Value", "--ignore", "Label"];
    assert_eq!(hold(&input, &labels, &flags, &windows(&labels, name)), begun);
    assert!(begun > 10, "{begun} runs of labelled samples");
}

/// First and last time of each run of rows `time,value,1`.
fn labelled_runs(table: &str) -> Vec<[String; 2]> {
    let mut runs: Vec<[String; 2]> = Vec::new();
    let mut before = false;
    for line in table.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').map(|cell| cell.trim_matches('"')).collect();
        let labelled = cells[2] == "1";
        match runs.last_mut().filter(|_| before && labelled) {
            Some(run) => run[1] = cells[0].to_owned(),
            None if labelled => runs.push([cells[0].to_owned(), cells[0].to_owned()]),
            None => {}
        }
        before = labelled;
    }
    runs
}

#[test]
fn the_commands_for_our_sets_work_as_they_stand() {
    let page = read(&root().join("datasets/README.md"));
    let commands: Vec<&str> = page.lines().filter(|line| line.starts_with("quietgate backtest ")).collect();
    for set in sets() {
        let path = format!(" datasets/{}/", of(&set, "name"));
        assert!(commands.iter().any(|command| command.contains(&path)), "no command for {}", set["name"]);
    }
    for command in commands {
        let words: Vec<&str> = command.split_whitespace().skip(1).collect();
        let program = Command::new(env!("CARGO_BIN_EXE_quietgate")).args(words).current_dir(root()).output();
        let done = program.expect("the program starts");
        let (said, aside) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        assert!(done.status.success(), "{command}: {aside}");
        assert!(said.lines().count() > 2, "{command}: {said}");
        let labelled = command.contains("--labels");
        assert_eq!(said.contains("score overall: "), labelled, "{command}: {said}");
    }
}

#[test]
fn the_page_has_the_score_of_novelty_on_nab() {
    if public("nab").is_none() {
        return;
    }
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("skipped: there is no python3 here, so benches/nab cannot run");
        return;
    }
    let mut bench = Command::new("python3");
    bench
        .args(["-B", "benches/nab", "--detectors", "novelty", "--binary"])
        .arg(env!("CARGO_BIN_EXE_quietgate"));
    let done = bench.current_dir(root()).output().expect("python3 ran a moment ago");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let said = String::from_utf8(done.stdout).expect("UTF-8");
    let row = said.lines().find(|line| line.starts_with("| `novelty`")).expect("a row of the table");
    assert!(read(&root().join("docs/judgement.md")).contains(row), "docs/judgement.md has not {row}");
    let figures: Value = serde_json::from_str(said.lines().next().expect("a line")).expect("JSON");
    let score = figures["detectors"][0]["standard"].as_f64().expect("a score");
    assert!(score >= 70.0, "the standard score is {score}");
}
