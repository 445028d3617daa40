//! `quietgate replay` over made recordings of which is known, minute by minute, what the gates must do.

use quietgate::config::Config;
use quietgate::config::plan::{Near, PlanFile};
use quietgate::replay::{Lasted, Replay, Said, streams};
use quietgate::sources::recorded::{ReadOptions, load};
use serde_json::Value;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The first minute: 2026-03-09T00:00:00Z.
const FIRST_MS: i64 = 1_773_014_400_000;
const MINUTE_MS: i64 = 60_000;

const CONFIG: &str = "\
signals:
  loss:
    interval: 1m
    direction: up
    labels: {host: target}
    expect: {host: inventory}
    rule: {kind: any, detectors: [{kind: threshold, above: 50}], sustain: 2 of 3}
";

const PLAN: &str = "\
plan: fleet
inventory: [{name: h1, address: a1}, {name: h2, address: a2}, {name: h3, address: a3}]
signals: [loss]
gate: {clean_before: 5m, clean_after: 5m, patience: 10h}
steps:
- {step: one, batch: 3, action: {kind: noop}, undo: {kind: noop}}
";

/// A folder with a config, a plan and a recording.
struct Folder(tempfile::TempDir);

impl Folder {
    /// Of `minutes`, where hosts lose as `loss` says; nothing where there is no sample.
    fn new(plan: &str, minutes: i64, loss: impl Fn(&str, i64) -> Option<f64>) -> Self {
        let folder = Self(tempfile::tempdir().expect("a folder"));
        let mut rows = "timestamp,signal,host,value\n".to_owned();
        for minute in 0..=minutes {
            for host in ["h1", "h2", "h3"] {
                if let Some(loss) = loss(host, minute) {
                    writeln!(rows, "{},loss,{host},{loss}", FIRST_MS + minute * MINUTE_MS).expect("a string");
                }
            }
        }
        folder.write("loss.csv", &rows);
        folder.write("quietgate.yaml", CONFIG);
        folder.write("plan.yaml", plan);
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("a file");
    }

    /// What `quietgate replay plan.yaml` says with these words more: its result, or why there is none.
    fn said(&self, words: &str) -> (Option<i32>, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_quietgate"))
            .args(["replay", "plan.yaml"])
            .args(words.split_whitespace())
            .current_dir(self.0.path())
            .stdin(Stdio::null())
            .output()
            .expect("the program");
        let said = if output.status.success() { output.stdout } else { output.stderr };
        (output.status.code(), String::from_utf8_lossy(&said).into_owned())
    }

    fn replayed(&self, words: &str) -> String {
        let (code, text) = self.said(&format!("-i loss.csv --takes 2m {words}"));
        assert_eq!(code, Some(0), "{text}");
        text
    }

    fn json(&self, words: &str) -> Value {
        serde_json::from_str(&self.replayed(&format!("--format json {words}"))).expect("JSON")
    }

    fn lines(&self, words: &str) -> Vec<Value> {
        self.replayed(words)
            .lines()
            .map(|line| serde_json::from_str(line).expect("an object a line"))
            .collect()
    }

    /// The rows of the table of runs, by the minute of the start: ending, held, blamed, minutes added.
    fn rows(&self, words: &str) -> Vec<(i64, String, bool, bool, i64)> {
        let text = self.replayed(&format!("--format csv {words}"));
        let mut table = csv::Reader::from_reader(text.as_bytes());
        let row = |row: Result<csv::StringRecord, csv::Error>| {
            let row = row.expect("a row");
            let start = quietgate::sources::recorded::time(&row[0]).expect("a time").as_millis();
            let added = row[7].parse::<i64>().expect("seconds") / 60;
            ((start - FIRST_MS) / MINUTE_MS, row[3].to_owned(), &row[4] == "true", &row[5] == "true", added)
        };
        table.records().map(row).collect()
    }
}

fn at(minute: i64) -> String {
    quietgate::text::rfc3339(FIRST_MS + minute * MINUTE_MS)
}

/// Everybody loses in the ten minutes from 60 on.
fn outage(_: &str, minute: i64) -> Option<f64> {
    Some(if (60..70).contains(&minute) { 90.0 } else { 0.0 })
}

/// Now and then a host loses, or is not heard, for some minutes; and everybody loses for three quarters of an hour.
fn shaky(host: &str, minute: i64) -> Option<f64> {
    let dice = (minute / 4 * 7919 + i64::from(host.as_bytes()[1]) * 104_729) % 53;
    let is_bad = dice < 2 || (300..345).contains(&minute);
    (dice != 7).then_some(if is_bad { 90.0 } else { 1.0 })
}

#[test]
fn where_all_is_quiet_no_run_is_held_and_each_lasts_as_long_as_it_must() {
    let folder = Folder::new(PLAN, 60, |_, _| Some(0.0));
    let told = folder.json("");
    assert_eq!((&told["runs"], &told["held"], &told["blamed"]), (&56.into(), &0.into(), &0.into()));
    assert_eq!(told["quiet_ms"], 7 * MINUTE_MS, "two minutes of the action and five of the clean window");
    // the last seven come to no end before the recording does
    assert_eq!((&told["endings"]["done"], &told["endings"]["cut off"]), (&49.into(), &7.into()));
    assert_eq!(told["added"]["max_ms"], 0);
    assert_eq!(
        (told["places"].as_array().map(Vec::len), told["episodes"].as_array().map(Vec::len)),
        (Some(0), Some(0))
    );
}

#[test]
fn each_start_has_the_outcome_that_the_minutes_say() {
    let folder = Folder::new(PLAN, 180, outage);
    let rows = folder.rows("");
    assert_eq!(rows.len(), 176, "from minute 5 on, when the clean window can be whole");
    for (minute, ending, held, blamed, added) in rows {
        let expected = match minute {
            // it is found in minute 61, and the run of minute 53 waits in minute 60 for what fired
            53..=59 => ("paused", true, true),
            // what fired last leaves the look-back in minute 72, and the window is whole five minutes later
            60..=76 => ("done", true, false),
            174.. => ("cut off", false, false),
            _ => ("done", false, false),
        };
        assert_eq!((ending.as_str(), held, blamed), expected, "minute {minute}");
        if (60..=76).contains(&minute) {
            assert_eq!(added, 77 - minute, "minute {minute}");
        }
    }
}

#[test]
fn what_a_step_expects_is_muted_as_in_a_run() {
    let expects = PLAN.replace("undo:", "expects: {signals: [loss], for: 15m}, undo:");
    for (plan, ending, blamed) in [(PLAN, "paused", true), (expects.as_str(), "done", false)] {
        let rows = Folder::new(plan, 180, outage).rows(&format!("--at {}", at(58)));
        assert_eq!((rows[0].1.as_str(), rows[0].3), (ending, blamed));
    }
}

#[test]
fn detectors_are_told_of_the_starts_of_batches_as_in_a_run() {
    let rule = "rule: {kind: any, detectors: [step_contrast], sustain: 1 of 1}";
    let steady = |host: &str, minute: i64| {
        let noise = (minute * 7919 + i64::from(host.as_bytes()[1])) % 53;
        Some(50.0 + noise as f64 / 10.0 + if minute >= 605 { 10.0 } else { 0.0 })
    };
    let folder = Folder::new(PLAN, 700, steady);
    let literal = "rule: {kind: any, detectors: [{kind: threshold, above: 50}], sustain: 2 of 3}";
    folder.write("quietgate.yaml", &CONFIG.replace(literal, rule));
    // started at 601 all rise by a fifth after it; at 675 they had risen an hour before
    let rows = folder.rows(&format!("--at {} --at {}", at(601), at(675)));
    let said: Vec<_> = rows.iter().map(|row| (row.1.as_str(), row.3)).collect();
    assert_eq!(said, [("paused", true), ("done", false)]);
    // with less than 8 hours and 45 minutes of past the start could not be judged: the gate waits for minute 524
    let rows = folder.rows(&format!("--at {}", at(300)));
    assert_eq!(rows, [(300, "done".to_owned(), true, false, 524 - 300)]);
    let words = "unknown (warming_up) once a batch starts (step_contrast is unknown(warming_up): it needs 525 samples first; ";
    assert!(folder.replayed(&format!("--at {}", at(300))).contains("unknown(warming_up)"));
    let decided = folder.lines(&format!("--decisions --at {}", at(300)));
    assert!(decided[0]["reason"].as_str().is_some_and(|reason| reason.contains(words)), "{decided:?}");
    let rows = folder.rows("");
    assert_eq!((rows[0].0, rows[0].2), (530, false), "where no start is given that is known");
}

#[test]
fn labelled_incidents_are_caught_by_the_runs_that_are_on() {
    let folder = Folder::new(PLAN, 180, outage);
    let window = format!("[\"{}\", \"{}\"]", at(60), at(69));
    folder.write("labels.json", &format!("{{\"{{signal=\\\"loss\\\",host=\\\"h1\\\"}}\": [{window}]}}"));
    let told = folder.json("--labels labels.json --report out");
    let incident = &told["incidents"][0];
    assert_eq!(incident["series"], "loss{host=\"h1\"}");
    let counts = ["on", "caught", "started", "kept"].map(|key| incident[key].as_u64());
    assert_eq!(counts, [7, 7, 10, 10].map(Some));
    assert_eq!(
        (&incident["delay_ms_median"], &incident["delay_ms_p90"]),
        (&MINUTE_MS.into(), &MINUTE_MS.into())
    );
    let page = fs::read_to_string(folder.path("out/report.html")).expect("a page");
    assert!(
        page.contains("class=\"held\"")
            && page.contains("class=\"start\"")
            && page.contains("class=\"band\"")
    );
    let json = fs::read_to_string(folder.path("out/replay.json")).expect("a file");
    assert_eq!(serde_json::from_str::<Value>(&json).expect("JSON"), told);
}

#[test]
fn an_incident_that_ends_a_run_in_its_first_minute_is_caught_by_it() {
    let folder = Folder::new(PLAN, 180, outage);
    folder.write("quietgate.yaml", &CONFIG.replace("2 of 3", "1 of 1"));
    let window = format!("[\"{}\", \"{}\"]", at(60), at(69));
    folder.write("labels.json", &format!("{{\"{{signal=\\\"loss\\\",host=\\\"h1\\\"}}\": [{window}]}}"));
    // the second is done before the incident
    let starts = [58, 50].map(at).join(" --at ");
    let incident = &folder.json(&format!("--labels labels.json --at {starts}"))["incidents"][0];
    let counts = ["on", "caught", "delay_ms_median"].map(|key| incident[key].as_i64());
    assert_eq!(counts, [1, 1, 0].map(Some), "{incident}");
}

#[test]
fn what_comes_out_does_not_depend_on_threads_nor_on_which_other_runs_there_are() {
    let folder = Folder::new(PLAN, 400, shaky);
    let all = folder.rows("--threads 1");
    assert_eq!(folder.replayed("--format csv --threads 2"), folder.replayed("--format csv --threads 1"));
    assert!(all.iter().any(|row| row.2) && all.iter().any(|row| row.3), "the recording is shaky");
    let alone = folder.rows(&format!("--at {} --at {}", at(100), at(217)));
    assert_eq!(alone, [&all[95], &all[212]].map(Clone::clone));
}

#[test]
fn runs_that_wait_together_go_on_as_each_does_alone() {
    let folder = Folder::new(&PLAN.replace("patience: 10h", "patience: 25m"), 500, shaky);
    let read = |name: &str| fs::read_to_string(folder.path(name)).expect("a file");
    let config = Config::read("config", &read("quietgate.yaml")).expect("a config");
    let file =
        PlanFile::read("plan", &read("plan.yaml"), &Near::to(&folder.path("plan.yaml"))).expect("a plan");
    let input = [folder.path("loss.csv").display().to_string()];
    let recording = load(&input, &ReadOptions::default(), &()).expect("a recording");
    let takes = Said::read(&["3m".to_owned()], &file.plan).expect("a length").of(&file.plan, &Lasted::new());
    let series = streams(&recording, &config, &file.plan, false).expect("series of the signal");
    let replay = Replay::new(&file, &config, series, takes).expect("a replay");
    let starts = replay.starts(replay.first_start(), replay.tape().last(), MINUTE_MS);
    let runs = replay.runs(&starts, 2, &|| false).expect("runs");
    let mut endings = std::collections::BTreeSet::new();
    for run in &runs {
        let alone = replay.decisions(run.start, &mut |_, _| {}).expect("a run");
        assert_eq!((run.ending, run.end), alone, "started at {:?}", run.start);
        endings.insert(run.ending);
    }
    assert!(endings.len() >= 4, "{endings:?}");
}

#[test]
fn every_decision_of_one_run_is_told_with_its_reasons() {
    let folder = Folder::new(
        &PLAN.replace("undo: {kind: noop}", "undo: {kind: noop}, on_anomaly: rollback"),
        180,
        outage,
    );
    let lines = folder.lines(&format!("--at {} --decisions", at(58)));
    let decided: Vec<_> =
        lines.iter().map(|line| (line["side"].as_str(), line["decision"].as_str())).collect();
    let (before, after) = (Some("before"), Some("after"));
    let (proceeds, holds, rolls_back) =
        ((before, Some("proceed")), (after, Some("hold")), (after, Some("rollback")));
    assert_eq!(decided, [proceeds, holds, rolls_back, (None, None)]);
    assert_eq!([&lines[1]["at"], &lines[2]["at"]], [&at(60), &at(61)]);
    assert!(lines[2]["reason"].as_str().is_some_and(|why| why.contains("value 90 is above the limit 50")));
    assert_eq!(
        (&lines[3]["ending"], &lines[3]["at"]),
        (&"rolled back".into(), &at(67).into()),
        "three undos of two minutes"
    );
}

#[test]
fn moments_tell_a_finding_from_a_window_that_is_not_whole() {
    let plan = PLAN.replace("batch: 3", "batch: 3, soak: 20m");
    let folder = Folder::new(&plan, 180, |_, minute| {
        Some(if [30, 31, 60, 61].contains(&minute) { 90.0 } else { 0.0 })
    });
    let lines = folder.lines(&format!("--at {} --moments", at(45)));
    let of = |line: &Value| {
        (line["offset_ms"].as_i64().expect("a number") / MINUTE_MS, line["hold"].as_str().map(str::to_owned))
    };
    let told: Vec<_> = lines.iter().map(of).collect();
    let expected: Vec<_> = (-15..=22)
        .map(|minute| {
            let hold = match minute + 45 {
                30 => Some("suspect"),
                31 | 32 => Some("finding"),
                33 => Some("suspect"),
                34..=38 => Some("window"),
                60 => Some("suspect"),
                61 | 62 => Some("finding"),
                63 => Some("suspect"),
                _ => None,
            };
            (minute, hold.map(str::to_owned))
        })
        .collect();
    let before: Vec<_> = told.iter().filter(|(minute, _)| *minute < 0).cloned().collect();
    assert_eq!(before, expected[..15]);
    let found = |told: &[(i64, Option<String>)]| {
        told.iter()
            .filter(|(_, hold)| hold.as_deref() == Some("finding"))
            .map(|(minute, _)| *minute)
            .collect::<Vec<_>>()
    };
    assert_eq!(found(&told), found(&expected));
    let blamed = lines.iter().find(|line| line["offset_ms"] == 16 * MINUTE_MS).expect("that minute");
    let series: Vec<_> =
        blamed["series"].as_array().expect("series").iter().map(|s| (&s["series"], &s["blamed"])).collect();
    let all =
        ["h1", "h2", "h3"].map(|host| (Value::from(format!("loss{{host=\"{host}\"}}")), Value::from(true)));
    assert_eq!(series, all.iter().map(|(name, blamed)| (name, blamed)).collect::<Vec<_>>());
}

#[test]
fn what_cannot_be_replayed_is_told_and_what_to_do() {
    let folder = Folder::new(PLAN, 60, outage);
    let refused = |words: &str| {
        let (code, text) = folder.said(words);
        assert_eq!(code, Some(2), "{text}");
        text
    };
    folder.write("other.csv", "timestamp,cpu\n1773014400,1\n1773014460,1\n");
    let strange =
        "the input has series of no signal: cpu; no signal of the config (loss) has the name \"cpu\"";
    assert!(refused("-i other.csv").contains(strange));
    let silent = refused("-i other.csv --leave-out");
    assert!(silent.contains("no series of these signals of the plan: loss; it has cpu"), "{silent}");
    assert!(refused("-i loss.csv --takes two=1m").contains("the plan has no step \"two\", it has one"));
    assert!(refused("-i loss.csv --takes soon").contains("STEP=DURATION"));
    assert!(refused("-i loss.csv --at 2020-01-01").contains("the recording is from 2026-03-09T00:00:00Z"));
    assert!(refused("-i loss.csv --from 2030-01-01").contains("no run can be started"));
    let window = format!("[\"{}\", \"{}\"]", at(6), at(9));
    folder.write("names.json", &format!("{{\"loss{{host=\\\"h1\\\"}}\": [{window}]}}"));
    let labels = refused("-i loss.csv --labels names.json");
    assert!(
        labels
            .contains("no label is for a series of the input: labelled are loss{host=\"h1\"}; the input has"),
        "{labels}"
    );
    folder.write(
        "wide.csv",
        "timestamp,loss{host=h1},loss{host=h2},loss{host=h3}\n1773014400,1,1,1\n1773014460,1,1,1\n",
    );
    let (code, text) = folder.said(&format!("-i wide.csv --at {}", at(1)));
    assert_eq!(code, Some(0), "{text}");
}
