//! The scene of an anomaly is captured: at once, once, bounded, and without holding anything up.

use super::fleet::{Fleet, exists, step, wait};
use serde_json::Value;

/// Leaves the number of what it started, and does not end.
const HANGS: &str = "[sh, -c, 'echo before; sleep 600 & echo $! >hangs; wait']";

fn of_kind(fleet: &Fleet, kind: &str) -> Vec<Value> {
    fleet.journal().into_iter().filter(|record| record["kind"] == kind).collect()
}

fn captured(fleet: &Fleet, program: u64) -> Value {
    fleet.recorded("the end of a program", |record| {
        record["kind"] == "captured" && record["program"] == program
    })
}

/// A time of a record, in milliseconds.
fn ms(time: &Value) -> i64 {
    let time: jiff::Timestamp = time.as_str().expect("a time").parse().expect("RFC 3339");
    time.as_millisecond()
}

/// Whether what `HANGS` started is gone.
fn is_gone(fleet: &Fleet) -> bool {
    let pid: u32 = fleet.said("hangs").trim().parse().expect("a number");
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !stat.contains("(sleep)") || stat.contains(") Z ")
}

#[test]
fn the_scene_is_in_the_journal_once_with_all_that_may_go_wrong() {
    let fleet = Fleet::new(&step("one", "  batch: 1\n  on_anomaly: rollback\n"));
    let looks = "[sh, -c, 'env; cat seen; echo odd >&2; exit 3']";
    let long = "[sh, -c, 'yes | head -c 5000']";
    fleet.write("seen", "a\u{1b}[2J");
    fleet.capture(&format!("[{looks}, [./no-such], {long}, {HANGS}]"), "{timeout: 2s, max_output: 2KiB}");
    fleet.write("wait-do-h1", "");
    let run = fleet.start(&["run", "plan.yaml", "--record", "said.jsonl"]);
    fleet.acted("do one h1 1");
    fleet.lose_everywhere(90.0);
    let begun = fleet.recorded("a capture", |record| record["kind"] == "capture");
    assert_eq!(begun["signal"], "loss");
    assert_eq!(begun["programs"].as_array().map(Vec::len), Some(4));
    let all = [0, 1, 2, 3].map(|program| captured(&fleet, program));
    for captured in &all {
        assert_eq!([&captured["found"], &captured["series"]], [&begun["found"], &begun["series"]]);
        let began = captured["began"].as_str().map(|_| ms(&captured["began"]) - ms(&captured["found"]));
        assert!(began.is_none_or(|after| (0..1000).contains(&after)), "{captured}");
    }
    let [looked, missing, long, hung] = all;
    let output = looked["output"].as_str().expect("text");
    assert!(output.contains("PATH=/usr/local/sbin:") && output.ends_with("a\u{1b}[2J"), "{output}");
    assert!(!output.contains("CARGO"), "the environment is clean: {output}");
    assert_eq!((&looked["end"], &looked["errors"]), (&Value::from("failed"), &Value::from("odd\n")));
    assert_eq!((&missing["end"], &missing["began"]), (&Value::from("not_started"), &Value::Null));
    assert!(
        missing["reason"].as_str().is_some_and(|why| why.contains("./no-such: No such file")),
        "{missing}"
    );
    assert_eq!((long["bytes"].as_u64(), &long["cut"]), (Some(5000), &Value::from(true)));
    assert_eq!(long["output"].as_str().map(str::len), Some(2048));
    assert_eq!((&hung["end"], &hung["output"]), (&Value::from("timed_out"), &Value::from("before\n")));
    assert!((2000..20_000).contains(&hung["took_ms"].as_i64().expect("it was measured")), "{hung}");
    assert!(is_gone(&fleet), "what it started is ended with it");
    // ten intervals later it stays, and is one anomaly
    assert_eq!(of_kind(&fleet, "capture").len(), 1);
    fleet.remove("wait-do-h1");
    told(&fleet);
    fleet.lose_everywhere(0.0);
    assert_eq!(run.end(), Some(0));
    let lines = fleet.said("run.out");
    assert_eq!(lines.lines().filter(|line| line.contains("is captured by")).count(), 1, "{lines}");
    let (code, text) = fleet.say(&["replay", "--recorded", "said.jsonl"]);
    assert!(code == Some(0) && text.ends_with("decisions, all identical\n"), "{text}");
    assert_eq!(fleet.say(&["journal", "verify", "state"]).0, Some(0));
}

/// Whoever reads is told of the capture, and sees it without being obeyed by a terminal.
fn told(fleet: &Fleet) {
    let status = fleet.say(&["status"]).1;
    assert!(status.contains("captured the scene of loss{host="), "{status}");
    assert!(status.contains("quietgate why --capture shows it"), "{status}");
    let why = fleet.say(&["why", "--capture"]).1;
    assert!(why.contains("\n    a\\u{1b}[2J\n    standard error: odd\n"), "{why}");
    assert!(why.contains("ended at its limit of 2 s") && why.contains("\n    before\n"), "{why}");
    let hold = fleet.recorded("a hold", |record| {
        record["decision"] == "hold" && record["reason"].as_str().is_some_and(|why| why.contains("anomalous"))
    });
    let seq = hold["seq"].to_string();
    let why = fleet.say(&["why", &seq]).1;
    assert!(why.contains("the scene of loss") && why.contains("shows it)"), "{why}");
    let shown = fleet.say(&["journal", "show", "state"]).1;
    assert!(shown.contains("a\\u{1b}[2J") && !shown.contains('\u{1b}'), "{shown}");
}

#[test]
fn a_driver_that_was_killed_leaves_no_capture_and_the_next_one_says_so_and_goes_on() {
    let fleet = Fleet::new(&step("one", "  batch: 3\n"));
    fleet.capture(&format!("[{HANGS}]"), "{timeout: 1m}");
    fleet.lose("h1", 90.0);
    let run = fleet.start(&["run", "plan.yaml"]);
    wait("what hangs", || fleet.said("hangs").ends_with('\n').then_some(()));
    run.kill();
    assert!(!is_gone(&fleet), "nobody was there to end it");
    let run = fleet.start(&["run", "--resume", &fleet.run_name()]);
    let lost = captured(&fleet, 0);
    assert_eq!((&lost["end"], &lost["began"]), (&Value::Null, &Value::Null), "{lost}");
    wait("its end", || is_gone(&fleet).then_some(()));
    let holds = |record: &Value| record["decision"] == "hold" && record["epoch"] == 2;
    fleet.recorded("a hold of the next driver", |record| {
        holds(record) && record["reason"].as_str().is_some_and(|why| why.contains("anomalous"))
    });
    fleet.lose("h1", 0.0);
    assert_eq!(run.end(), Some(0));
    assert_eq!(of_kind(&fleet, "capture").len(), 1, "the anomaly that stayed is the same");
    assert!(of_kind(&fleet, "pause").is_empty(), "it was nothing to wait for");
    let (said, told) = (fleet.said("run.err"), fleet.said("run.out"));
    assert!(said.contains("ended what a capture of an earlier driver left: pid"), "{said}");
    assert!(told.contains("the driver ended before it was known what it wrote"), "{told}");
}

#[test]
fn the_end_of_a_run_waits_for_a_capture_no_longer_than_its_limit_and_nothing_else_does() {
    let fleet = Fleet::new(&step("one", "  batch: 1\n  on_anomaly: abort\n"));
    fleet.capture(&format!("[{HANGS}]"), "{timeout: 3s}");
    fleet.write("wait-do-h1", "");
    let run = fleet.start(&["run", "plan.yaml"]);
    fleet.acted("do one h1 1");
    fleet.lose("h1", 90.0);
    let aborted = fleet.recorded("the abort", |record| record["decision"] == "abort");
    fleet.remove("wait-do-h1");
    let finish = fleet.recorded("the end", |record| record["kind"] == "finish");
    assert_eq!(run.end(), Some(1));
    let captured = captured(&fleet, 0);
    assert!(ms(&aborted["at"]) - ms(&captured["began"]) < 1000, "{aborted}, {captured}");
    assert!(finish["seq"].as_u64() < captured["seq"].as_u64(), "the run was over before");
    assert_eq!(captured["end"], "timed_out");
    assert!(ms(&captured["at"]) - ms(&captured["began"]) < 20_000, "{captured}");
    assert!(is_gone(&fleet));
    assert_eq!(fleet.say(&["journal", "verify", "state"]).0, Some(0));
    // its records are read by the next run
    fleet.lose("h1", 0.0);
    assert_eq!(fleet.say(&["run", "plan.yaml"]).0, Some(0));
}

#[test]
fn what_comes_again_too_soon_is_left_out_and_a_dry_run_captures_nothing() {
    let fleet = Fleet::new(&step("one", "  batch: 3\n"));
    fleet.capture("[[touch, captured]]", "{spacing: 1d}");
    fleet.lose("h1", 90.0);
    let dry = fleet.start(&["run", "plan.yaml", "--dry-run"]);
    wait("a hold of the dry run", || fleet.said("run.out").contains("anomalous").then_some(()));
    drop(dry);
    assert!(!exists(&fleet.path("captured")));
    let run = fleet.start(&["run", "plan.yaml"]);
    wait("a capture", || exists(&fleet.path("captured")).then_some(()));
    fleet.write("wait-do-h1", "");
    fleet.lose("h1", 0.0);
    // the gate has found it clean in between
    fleet.acted("do one h1 1");
    fleet.lose("h1", 90.0);
    let left_out = fleet.recorded("what is left out", |record| record["left_out"].is_string());
    assert!(left_out["left_out"].as_str().is_some_and(|why| why.contains("(spacing)")), "{left_out}");
    assert_eq!(left_out["programs"], Value::Array(Vec::new()));
    fleet.remove("wait-do-h1");
    assert_eq!(run.end(), Some(3), "it is blamed on the batch");
    assert_eq!(of_kind(&fleet, "captured").len(), 1);
}

#[test]
fn a_run_that_is_over_ends_its_capture_on_ctrl_c() {
    let fleet = Fleet::new(&step("one", "  batch: 1\n  on_anomaly: abort\n"));
    fleet.capture(&format!("[{HANGS}]"), "{timeout: 1m}");
    fleet.write("wait-do-h1", "");
    let run = fleet.start(&["run", "plan.yaml"]);
    fleet.acted("do one h1 1");
    fleet.lose("h1", 90.0);
    fleet.recorded("the abort", |record| record["decision"] == "abort");
    fleet.remove("wait-do-h1");
    fleet.recorded("the end", |record| record["kind"] == "finish");
    let cancelled = wait("the end of the capture", || {
        run.interrupt();
        of_kind(&fleet, "captured").pop()
    });
    assert_eq!(run.end(), Some(1));
    assert_eq!([&cancelled["end"], &cancelled["reason"]], [&Value::Null, &Value::from("cancelled")]);
    assert_eq!(cancelled["output"], "before\n");
    assert!(is_gone(&fleet));
}
