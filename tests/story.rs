//! `quietgate why` and `quietgate status` on a real little journal: what they print, and how they end.

use quietgate::journal::{self, Store};
use quietgate::steps::{Attempt, Decision, Doing, Gate, Pinned, PinnedStep, Record, Said, Side, State, Word};
use quietgate::story::{self, Noted};
use quietgate_detectors::Timestamp;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// 2026-03-09 08:00:00 UTC; each record is ten seconds after the one before.
const BEGIN_MS: i64 = 1_773_043_200_000;

fn run() -> String {
    "r7".to_owned()
}

fn attempt() -> Attempt {
    Attempt {
        run: run(),
        step: "agent".to_owned(),
        target: "h1".to_owned(),
        doing: Doing::Action,
        attempt: 1,
    }
}

fn gate(decision: Decision, reason: &str) -> Record {
    Record::Gate(Gate {
        run: run(),
        step: "agent".to_owned(),
        batch: 0,
        side: Side::Before,
        decision,
        reason: reason.to_owned(),
        because: vec!["loss{host=\"h1\"}: anomalous".to_owned()],
        evidence: json!([{"series": "loss{host=\"h1\"}", "condition": "anomalous", "since": "2026-03-09T08:00:00Z",
            "at": "2026-03-09T08:00:15Z", "value": 12.5, "votes": [{"detector": "ls", "verdict": "surge", "lower": null,
            "upper": 3.0, "score": 4.17, "points": 600, "words": "12.5 is above mean 1"}]}]),
    })
}

/// A run that held, went on, lost a target from sight, and paused.
fn records() -> Vec<Record> {
    let step = PinnedStep {
        expects: Vec::new(),
        patience_ms: None,
        step: "agent".to_owned(),
        after: Vec::new(),
        batches: vec![vec!["h1".to_owned()], vec!["h2".to_owned()]],
        approve: false,
        undo: false,
        retries: 0,
    };
    let plan = Pinned {
        run: run(),
        plan: "ovs".to_owned(),
        folder: "/plans".to_owned(),
        config_folder: "/plans".to_owned(),
        text: "plan: ovs\n".to_owned(),
        config: String::new(),
        inventory: json!([]),
        max_failed: 0,
        steps: vec![step],
        by: None,
    };
    let word = Word { who: "plan".to_owned(), reason: "agent on h1: the driver ended\u{1b}[2J".to_owned() };
    vec![
        Record::Boot { version: "0.1.0".to_owned(), driver: String::new() },
        Record::Plan(plan),
        gate(Decision::Hold, "loss{host=\"h1\"}: anomalous since 2026-03-09T08:00:00Z"),
        gate(Decision::Proceed, "1 series clean for long enough"),
        Record::Intent { attempt: attempt(), call: r#"["./upgrade","h1"]"#.to_owned() },
        Record::Unknown { attempt: attempt(), reason: "the driver ended".to_owned() },
        Record::Pause(Said { run: run(), word }),
    ]
}

/// A journal of these records in the folder `state` of a new one.
fn journal(records: &[String]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    now(async {
        let (mut journal, _) = journal::open(&folder.path().join("state"), None).await.expect("a journal");
        for (n, record) in (0..).zip(records) {
            journal.append(BEGIN_MS + 10_000 * n, record).await.expect("an entry");
        }
        journal.close().await.expect("an end");
    });
    folder
}

fn now<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

fn texts() -> Vec<String> {
    records().iter().map(|record| serde_json::to_string(record).expect("JSON")).collect()
}

/// Standard output, standard error and the exit code of `quietgate` with these words, in `folder`.
fn quietgate(folder: &Path, words: &[&str]) -> (String, String, Option<i32>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quietgate"));
    let output = command.current_dir(folder).args(words).output().expect("the program");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (text(output.stdout), text(output.stderr), output.status.code())
}

/// What `quietgate` says with these words, which must end well.
fn said(folder: &TempDir, words: &[&str]) -> String {
    let (out, error, code) = quietgate(folder.path(), words);
    assert_eq!((error.as_str(), code), ("", Some(0)), "{words:?}");
    out
}

const HOLD: &str = "\
record 3 of 2026-03-09 08:00:20 UTC, run r7, driver 1
agent batch 1 of 2 holds before it starts: loss{host=\"h1\"}: anomalous since 2026-03-09T08:00:00Z
its targets: h1

series           condition                 newest    age  value
loss{host=\"h1\"}  anomalous since 08:00:00  08:00:15  5 s  12.5
    ls surge: 12.5 is above mean 1 (expected up to 3, score 4.17, by 600 samples)

what came of it
  4 08:00:30 agent batch 1 of 2 may start on h1: 1 series clean for long enough
";

const PAUSE: &str = "\
record 7 of 2026-03-09 08:01:00 UTC, run r7, driver 1
run r7 paused by plan: agent on h1: the driver ended\\u{1b}[2J

what led to it
  6 08:00:50 agent/h1 unknown, nobody knows how attempt 1 went: the driver ended

what came of it
  nothing that is on record
";

const ATTEMPT: &str = "\
record 6 of 2026-03-09 08:00:50 UTC, run r7, driver 1
agent/h1 unknown, nobody knows how attempt 1 went: the driver ended

what led to it
  4 08:00:30 agent batch 1 of 2 may start on h1: 1 series clean for long enough
  5 08:00:40 agent/h1 starts (attempt 1): [\"./upgrade\",\"h1\"]

what came of it
  7 08:01:00 run r7 paused by plan: agent on h1: the driver ended\\u{1b}[2J
";

#[test]
fn a_decision_is_explained_by_the_journal_alone() {
    let folder = journal(&texts());
    assert_eq!(said(&folder, &["why", "--state", "state"]), PAUSE);
    assert_eq!(said(&folder, &["why", "3", "--state", "state", "--run", "r7"]), HOLD);
    assert_eq!(said(&folder, &["why", "agent/h1", "--state", "state"]), ATTEMPT);
    let of_batch = said(&folder, &["why", "agent/1", "--state", "state"]);
    assert_eq!(of_batch, said(&folder, &["why", "4", "--state", "state"]));
    assert_eq!(of_batch, said(&folder, &["why", "agent", "--state", "state"]));
}

#[test]
fn as_data_it_has_the_event_and_every_number() {
    let folder = journal(&texts());
    let why: Value =
        serde_json::from_str(&said(&folder, &["why", "3", "--state", "state", "--format", "json"]))
            .expect("JSON");
    let shown = said(&folder, &["journal", "show", "state", "--format", "json", "--from", "3"]);
    let event: Value = serde_json::from_str(shown.lines().next().expect("a line")).expect("JSON");
    assert_eq!(why["event"], event);
    assert_eq!(why["series"][0]["age_ms"], 5_000);
    assert_eq!(why["series"][0]["votes"][0]["score"], 4.17);
    assert_eq!(why["after"][0]["seq"], 4);
}

#[test]
fn events_are_what_the_journal_shows() {
    let folder = journal(&texts());
    let shown = said(&folder, &["journal", "show", "state", "--format", "json"]);
    let events: Vec<String> = (0..)
        .zip(records())
        .map(|(n, record)| {
            let at = Timestamp::from_millis(BEGIN_MS + 10_000 * n);
            story::event(&Noted { seq: n as u64 + 1, at, epoch: 1, record }).to_string() + "\n"
        })
        .collect();
    assert_eq!(shown, events.concat());
}

const STATUS: &str = "\
run r7 of plan ovs: going, paused
paused by plan: agent on h1: the driver ended\\u{1b}[2J

step   batches                   targets
agent  0 of 2 passed, 1 at work  1 unknown, 1 waiting
  h1 unknown (attempt 1): the driver ended

what a person can do
  1 target: nobody knows whether it took effect; look at the target, then say so:
    quietgate resolve agent h1 --ran --reason WHY
    quietgate resolve agent h1 --not-ran --reason WHY
  the run is paused; once what stands above is settled, see why and go on:
    quietgate why
    quietgate resume --reason WHY
    quietgate rollback --reason WHY
    quietgate abort --reason WHY
  where no driver runs any more, one that takes the run over:
    quietgate run --resume r7
";

/// A status without its second line, which has the time of day.
fn timeless(status: &str) -> String {
    status.lines().enumerate().filter(|(n, _)| *n != 1).map(|(_, line)| format!("{line}\n")).collect()
}

#[test]
fn the_status_says_what_a_person_can_do() {
    let folder = journal(&texts());
    let status = said(&folder, &["status", "--state", "state"]);
    assert_eq!(timeless(&status), STATUS);
    let second = status.lines().nth(1).expect("a line");
    assert!(second.contains("as recorded up to 2026-03-09 08:01:00 UTC"), "{second}");
    let data: Value =
        serde_json::from_str(&said(&folder, &["status", "--state", "state", "--format", "json"]))
            .expect("JSON");
    assert_eq!(data["recorded"], "2026-03-09T08:01:00Z");
    assert_eq!(data["run"]["steps"][0]["unknown"]["first"][0]["target"], "h1");
    assert_eq!(data["todo"][0]["commands"][0], "quietgate resolve agent h1 --ran --reason WHY");
}

#[test]
fn the_records_of_the_test_are_a_run() {
    let mut state = State::default();
    for (n, record) in (0..).zip(records()) {
        state
            .apply(n as u64, Timestamp::from_millis(BEGIN_MS + n), &record)
            .expect("a record that may follow");
    }
}

#[test]
fn beside_a_running_driver_both_are_told_too() {
    let folder = journal(&texts());
    now(async {
        let (journal, entries) = journal::open(&folder.path().join("state"), None).await.expect("a journal");
        assert_eq!(entries.len(), 7);
        assert_eq!(said(&folder, &["why", "3", "--state", "state"]), HOLD);
        assert_eq!(timeless(&said(&folder, &["status", "--state", "state"])), STATUS);
        journal.close().await.expect("an end");
    });
}

#[test]
fn the_config_says_where_the_state_is() {
    let folder = journal(&texts());
    let config = "state: state\nsignals:\n  load:\n    interval: 1m\n    rule: {kind: majority}\n";
    std::fs::create_dir(folder.path().join("elsewhere")).expect("a folder");
    let nothing = quietgate(folder.path(), &["why"]);
    let why = "error: there is no quietgate.yaml here; name the folder of the state by --state or --config\n";
    assert_eq!(nothing, (String::new(), why.to_owned(), Some(2)));
    std::fs::write(folder.path().join("quietgate.yaml"), config).expect("a config");
    assert_eq!(said(&folder, &["why", "3"]), HOLD);
    assert_eq!(timeless(&said(&folder, &["status"])), STATUS);
    let from = |path: &str, words: &[&str]| quietgate(&folder.path().join(path), words);
    assert_eq!(from("elsewhere", &["why", "3", "--config", "../quietgate.yaml"]).0, HOLD);
    std::fs::write(folder.path().join("none.yaml"), config.replace("state: state\n", "")).expect("a config");
    let none = from("", &["status", "--config", "none.yaml"]);
    let why = "error: none.yaml has no key \"state\"; name the folder of the state by --state\n";
    assert_eq!(none, (String::new(), why.to_owned(), Some(2)));
    let both = from("", &["status", "--config", "none.yaml", "--state", "state"]);
    assert_eq!(
        (timeless(&both.0), both.2),
        (STATUS.to_owned(), Some(0)),
        "a folder that is named is the one"
    );
}

#[test]
fn what_is_not_there_ends_2() {
    let folder = journal(&texts());
    for (words, why) in [
        (&["why", "99"][..], "there is no record 99, the newest is 7"),
        (&["why", "agnet"], "there is no step agnet; there is agent"),
        (&["why", "agent/h2"], "nothing is on record of agent/h2 yet"),
        (&["why", "3", "--run", "r8"], "record 3 is of another run"),
        (&["status", "--run", "r8"], "there is no run r8 in the journal; there is r7"),
    ] {
        let words: Vec<&str> = words.iter().chain(&["--state", "state"]).copied().collect();
        let (out, error, code) = quietgate(folder.path(), &words);
        assert_eq!(
            (out.as_str(), error.as_str(), code),
            ("", &*format!("error: {why}\n"), Some(2)),
            "{words:?}"
        );
    }
    let (_, error, code) = quietgate(folder.path(), &["why", "agent/", "--state", "state"]);
    assert_eq!(code, Some(2));
    assert!(error.contains("allowed is the number of a record, STEP, STEP/BATCH or STEP/TARGET"), "{error}");
    for verb in ["why", "status"] {
        let (out, error, code) = quietgate(folder.path(), &[verb, "--state", "nowhere"]);
        assert_eq!((out.as_str(), code), ("", Some(2)));
        assert!(error.starts_with("error: there is no journal in "), "{error}");
    }
}

#[test]
fn a_journal_that_cannot_be_used_ends_5() {
    let folder = journal(&texts());
    let path: PathBuf = folder.path().join("state/journal.db");
    let mut bytes = std::fs::read(&path).expect("the file");
    let at = bytes.windows(4).position(|four| four == b"hold").expect("record 3");
    bytes[at] ^= 1;
    std::fs::write(&path, bytes).expect("a damaged file");
    let damaged = "error: the journal is damaged from seq 3 on: its hash is not that of what it says\n";
    let ends_5 = |folder: &TempDir, why: &str| {
        for verb in ["why", "status"] {
            let (out, error, code) = quietgate(folder.path(), &[verb, "--state", "state"]);
            assert_eq!((out.as_str(), code), ("", Some(5)), "{verb}");
            assert!(error.starts_with(why), "{error}");
        }
    };
    ends_5(&folder, damaged);
    let unknown = [texts(), vec![r#"{"kind":"dance","run":"r7"}"#.to_owned()]].concat();
    ends_5(
        &journal(&unknown),
        "error: record 8 is none that this version of the program knows: unknown variant",
    );
    let illegal = [texts(), vec![serde_json::to_string(&records()[4]).expect("JSON")]].concat();
    let (out, error, code) = quietgate(journal(&illegal).path(), &["status", "--state", "state"]);
    let why = "error: record 8 cannot follow those before it: the run is paused\n";
    assert_eq!((out.as_str(), error.as_str(), code), ("", why, Some(5)));
}

#[test]
fn an_empty_journal_has_no_run() {
    let folder = journal(&[]);
    assert_eq!(timeless(&said(&folder, &["status", "--state", "state"])), "no run\n");
    let why = "error: the journal has no records yet\n".to_owned();
    assert_eq!(quietgate(folder.path(), &["why", "--state", "state"]), (String::new(), why, Some(2)));
}
