//! The history of a run: kept through `kill -9`, told of to who goes on, shown, and out and in again by tables.

use super::fleet::{Fleet, exists, step};
use serde_json::Value;

const RUN: [&str; 4] = ["run", "plan.yaml", "--record", "said.jsonl"];

fn show(fleet: &Fleet, more: &[&str]) -> Value {
    let (code, text) = fleet.say(&[&["history", "show", "--format", "json"][..], more].concat());
    assert_eq!(code, Some(0), "{text}");
    serde_json::from_str(&text).expect("one object")
}

#[test]
fn who_goes_on_after_a_kill_has_what_was_heard_before_and_decides_by_it() {
    let mut fleet = Fleet::new(&step("one", "  batch: 3\n"));
    fleet.write("wait-do-h1", "");
    let run = fleet.start(&RUN);
    fleet.acted("do one h1 1");
    run.kill();
    // the source itself remembers nothing of it
    fleet.starve();
    fleet.write("samples.csv", "timestamp,value,host\n");
    let before = show(&fleet, &[]);
    assert_eq!(
        (&before["signal"], &before["series"], &before["damaged_rows"]),
        (&"loss".into(), &3.into(), &0.into())
    );
    fleet.feed();
    fleet.remove("wait-do-h1");
    let name = fleet.run_name();
    for target in ["h1", "h2", "h3"] {
        fleet.say(&["resolve", "one", target, "--ran", "--reason", "it did"]);
    }
    assert_eq!(fleet.start(&["run", "--resume", &name, "--record", "said.jsonl"]).end(), Some(0));
    let said = fleet.said("said.jsonl");
    let drivers: Vec<_> = said.split("\"kind\":\"driver\"").collect();
    let kept = |text: &str| text.lines().filter(|line| line.contains("\"kind\":\"kept\"")).count();
    assert_eq!(
        (kept(drivers[1]), kept(drivers[2])),
        (0, 3),
        "three series of which the second driver was told"
    );
    let (code, text) = fleet.say(&["replay", "--recorded", "said.jsonl"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("all identical"), "{text}");
    let (_, text) = fleet.say(&["status"]);
    assert!(text.contains("history") && text.contains("at most with 3 series"), "{text}");
    let (_, text) = fleet.say(&["status", "--format", "json"]);
    let status: Value = serde_json::from_str(&text).expect("an object");
    assert!(status["history"]["bytes"].as_u64() > Some(0), "{text}");
    assert!(status["history"]["bytes"].as_u64() <= status["history"]["bytes_at_most"].as_u64(), "{text}");
}

#[test]
fn what_is_kept_goes_out_to_a_table_and_in_again_as_it_was() {
    let fleet = Fleet::new(&step("one", "  batch: 3\n"));
    fleet.write("quietgate.yaml", &(fleet.said("quietgate.yaml") + "history: {days: 1}\n"));
    assert_eq!(fleet.say(&["run", "plan.yaml"]).0, Some(0));
    for table in ["kept.csv", "kept.parquet"] {
        let (code, text) = fleet.say(&["history", "export", "--output", table]);
        assert_eq!(code, Some(0), "{text}");
        let other = format!("state of {table}");
        let (code, text) = fleet.say(&["history", "import", table, "--state", &other]);
        assert_eq!(code, Some(0), "{text}");
        assert!(text.starts_with("loss: 3 series, ") && text.lines().count() == 1, "{text}");
        let (one, again) = (show(&fleet, &[]), show(&fleet, &["--state", &other]));
        for key in ["series", "from", "until", "interval_ms", "days", "damaged_rows", "bytes_at_most"] {
            assert_eq!(one[key], again[key], "{key}");
        }
        let (_, text) = fleet.say(&["history", "export", "--output", "again.csv", "--state", &other]);
        fleet.say(&["history", "export", "--output", "one.csv"]);
        assert_eq!(fleet.said("again.csv"), fleet.said("one.csv"), "{text}");
        // the same once more changes nothing
        let (_, text) = fleet.say(&["history", "import", table, "--state", &other]);
        assert_eq!(text, "loss: 3 series, 0 samples new or other than before\n");
    }
    let (code, text) = fleet.say(&["replay", "plan.yaml", "--input", "kept.parquet"]);
    assert_eq!(code, Some(0), "{text}");
}

#[test]
fn a_table_whose_series_say_by_their_names_of_which_signal_they_are_is_taken_in() {
    let fleet = Fleet::new(&step("one", "  batch: 3\n"));
    let now = quietgate::clock::now().as_millis() / 200 * 200;
    let rows = |names: [&str; 2]| {
        let row = |back: i64| names.map(|name| format!("{},\"{name}\",{back}\n", now - back * 200)).concat();
        format!("timestamp,series,value\n{}", (1..=50).map(row).collect::<String>())
    };
    fleet.write("old.csv", &rows(["loss{host=h1}", "loss{host=h2}"]));
    let (code, text) = fleet.say(&["history", "import", "old.csv"]);
    assert_eq!((code, &*text), (Some(0), "loss: 2 series, 100 samples new or other than before\n"));
    assert_eq!(show(&fleet, &[])["series"], 2);
    fleet.say(&["history", "export", "--output", "again.csv"]);
    let again = fleet.said("again.csv");
    assert!(again.starts_with("timestamp,signal,host,value\n") && again.lines().count() == 101, "{again}");
    fleet.write("old.csv", &rows(["loss{host=h1}", "lost{host=h2}"]));
    let (code, text) = fleet.say(&["history", "import", "old.csv"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(
        text.contains("is of no signal: no signal of the config (loss) has the name \"lost{host=h2}\""),
        "{text}"
    );
}

#[test]
fn a_disk_with_too_little_room_for_the_history_is_warned_of_with_both_figures() {
    let fleet = Fleet::new(&step("one", "  batch: 3\n"));
    let can = std::process::Command::new("unshare")
        .args(["--mount", "mount", "-t", "tmpfs", "none", "/mnt"])
        .output();
    if !can.is_ok_and(|output| output.status.success()) {
        return println!("skipped: no file system can be mounted here");
    }
    let check = |days: u32, size: &str| {
        let config = fleet.said("quietgate.yaml");
        let config = config.split("history:").next().unwrap_or_default();
        fleet.write("quietgate.yaml", &format!("{config}history: {{days: {days}}}\n"));
        let script =
            format!("mkdir -p state && mount -t tmpfs -o size={size} none state && exec \"$0\" \"$@\"");
        let run = fleet.start_by(&["unshare", "--mount", "sh", "-c", &script], &["check", "quietgate.yaml"]);
        assert_eq!(run.end(), Some(0), "{}", fleet.said("check.err"));
        fleet.said("check.out")
    };
    // 432,000 rows a day for two days, each of 24 bytes and 8 for each of 16 series
    let short = check(1, "8m");
    let words = "warning: the history of 1 day may take 125.2 MiB more, and the disk of state has 8.0 MiB left: what has no room is not \
                 kept; make room, or set history.days lower";
    assert!(short.contains(words), "{short}");
    assert!(check(14, "8m").contains("the history of 14 days may take 939.3 MiB more"));
    assert!(!check(1, "200m").contains("warning"));
    assert!(!check(0, "8m").contains("warning"), "nothing is kept");
}

#[test]
fn another_interval_is_refused_before_a_run_begins_and_what_is_kept_stays() {
    let fleet = Fleet::new(&step("one", "  batch: 3\n"));
    let plain = fleet.said("quietgate.yaml");
    fleet.write("quietgate.yaml", &(plain.clone() + "history: {days: 1}\n"));
    assert_eq!(fleet.say(&["run", "plan.yaml"]).0, Some(0));
    let (before, records) = (show(&fleet, &[]), fleet.journal().len());
    let config = fleet.said("quietgate.yaml");
    fleet.write("quietgate.yaml", &config.replace("interval: 200ms", "interval: 400ms"));
    let (code, text) = fleet.say(&["check", "quietgate.yaml"]);
    assert_eq!(code, Some(0), "{text}");
    let told =
        "keeps samples of loss every 200 ms for 1 day, wanted is samples of loss every 400 ms for 1 day";
    assert!(text.contains("warning") && text.contains(told), "{text}");
    let (code, text) = fleet.say(&["run", "plan.yaml"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains(told) && text.contains("quietgate history export"), "{text}");
    assert_eq!(fleet.journal().len(), records, "nothing was begun");
    assert_eq!(show(&fleet, &[]), before);
    // without a history it goes
    fleet.write(
        "quietgate.yaml",
        &(plain.replace("interval: 200ms", "interval: 400ms") + "history: {days: 0}\n"),
    );
    assert_eq!(fleet.say(&["run", "plan.yaml"]).0, Some(0));
}

#[test]
fn a_history_that_cannot_be_used_does_not_stop_a_run_that_goes_on() {
    let fleet = Fleet::new(&step("one", "  batch: 3\n"));
    fleet.write("wait-do-h1", "");
    let run = fleet.start(&["run", "plan.yaml"]);
    fleet.acted("do one h1 1");
    run.kill();
    fleet.remove("wait-do-h1");
    let log = fleet.path("state/history/loss/series.log");
    assert!(exists(&log));
    std::fs::write(&log, "").expect("a file");
    let name = fleet.run_name();
    for target in ["h1", "h2", "h3"] {
        fleet.say(&["resolve", "one", target, "--ran", "--reason", "it did"]);
    }
    assert_eq!(fleet.start(&["run", "--resume", &name]).end(), Some(0));
    let said = fleet.said("run.err");
    assert!(
        said.contains("without history: ") && said.contains("series.log was cut: it has 0 lines of 3"),
        "{said}"
    );
    let (code, text) = fleet.say(&["run", "plan.yaml"]);
    assert_eq!(code, Some(2), "a new one does not begin: {text}");
}
