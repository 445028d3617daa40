//! `quietgate tune` from outside, on our own sets: what it says does not depend on threads, its figures are those of a
//! backtest by the config that it recommends, and that config is good.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn quietgate(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_quietgate"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("the program")
}

fn set(name: &str) -> (String, String) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("datasets").join(name);
    let path = |file: &str| folder.join(file).display().to_string();
    (path("series.csv.gz"), path("labels.json"))
}

/// The lines of JSON that came out.
fn lines(output: &Output) -> Vec<Value> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

fn of<'a>(lines: &'a [Value], kind: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["kind"] == kind).collect()
}

#[test]
fn the_recommended_config_is_good_and_judges_as_was_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let (series, labels) = set("lvs-traffic");
    let tune = ["tune", "-i", &series, "--labels", &labels, "--kind", "traffic", "--false-holds", "1%"];
    let more = ["--tolerance", "0s", "--format", "json", "--save", "tuned.yaml"];
    let output = quietgate(folder.path(), &[&tune[..], &more].concat());
    let lines = lines(&output);
    let summary = of(&lines, "summary")[0];
    let take = &summary["take"];
    assert_eq!((&take["budget"], &take["labels"]), (&Value::from("within"), &Value::from(16)), "{take}");

    let check = quietgate(folder.path(), &["check", "tuned.yaml"]);
    assert_eq!(String::from_utf8_lossy(&check.stdout), "tuned.yaml: ok, 1 signal\n");
    let saved = std::fs::read_to_string(folder.path().join("tuned.yaml")).expect("the saved config");
    let plain: String =
        saved.lines().filter(|line| !line.contains('#')).map(|line| format!("{line}\n")).collect();
    assert_eq!(summary["config"].as_str(), Some(plain.as_str()));

    // counted again by another way: the findings of a backtest that begin in no label
    let judged =
        ["backtest", "-i", &series, "--labels", &labels, "--config", "tuned.yaml", "--format", "json"];
    let judged = [&judged[..], &["--signal", "traffic"]].concat();
    let judged = self::lines(&quietgate(folder.path(), &judged));
    let labels: Value =
        serde_json::from_str(&std::fs::read_to_string(&labels).expect("labels")).expect("JSON");
    let time = |value: &Value| value.as_str().expect("a time").parse::<jiff::Timestamp>().expect("a time");
    let in_label = |finding: &&&Value| {
        let windows = labels[finding["series"].as_str().expect("a name")].as_array();
        let begins = time(&finding["from"]);
        windows.into_iter().flatten().any(|window| (time(&window[0])..=time(&window[1])).contains(&begins))
    };
    let findings = of(&judged, "finding");
    let of_labels = findings.iter().filter(in_label).count();
    assert!(of_labels > 10, "{of_labels}");
    assert_eq!(take["false_episodes"], findings.len() - of_labels);
    assert_eq!(take["caught"], of(&judged, "summary")[0]["score"]["caught"]);
}

#[test]
fn neither_threads_nor_memory_change_a_byte() {
    let folder = tempfile::tempdir().expect("a folder");
    let (series, labels) = set("host-load");
    let tune = ["tune", "-i", &series, "--labels", &labels, "--rule", "any", "--detectors", "seasonal"];
    let one = quietgate(folder.path(), &[&tune[..], &["--threads", "1"]].concat());
    assert!(one.status.success() && !one.stdout.is_empty());
    let other = quietgate(folder.path(), &[&tune[..], &["--threads", "5", "--memory", "0B"]].concat());
    assert_eq!(String::from_utf8_lossy(&one.stdout), String::from_utf8_lossy(&other.stdout));
}

#[test]
fn parts_together_are_the_whole_and_the_frontier_falls() {
    let folder = tempfile::tempdir().expect("a folder");
    let (series, labels) = set("host-load");
    let tune =
        ["tune", "-i", &series, "--labels", &labels, "--kind", "load", "--format", "json", "--folds", "7"];
    let lines = lines(&quietgate(folder.path(), &tune));
    let number = |value: &Value, key: &str| value[key].as_f64().expect("a number");
    let points: Vec<_> = of(&lines, "point")
        .iter()
        .map(|point| {
            (
                number(point, "false_episodes"),
                number(point, "labels") - number(point, "caught") + number(point, "late"),
            )
        })
        .collect();
    assert!(points.len() > 2, "{points:?}");
    assert!(points.windows(2).all(|two| two[0].0 < two[1].0 && two[0].1 > two[1].1), "{points:?}");
    let summary = of(&lines, "summary")[0];
    let folds = of(&lines, "fold");
    assert_eq!(folds.len(), 7);
    for key in ["false_episodes", "labels", "caught"] {
        let sum: f64 = folds.iter().map(|fold| number(&fold["outside"], key)).sum();
        assert_eq!(sum, number(&summary["left_out"], key), "{key}");
    }
    for fold in folds {
        let both = number(&fold["inside"], "labels") + number(&fold["outside"], "labels");
        assert_eq!(both, number(&summary["take"], "labels"));
    }
    let of_series: f64 = of(&lines, "series").iter().map(|series| number(series, "false_episodes")).sum();
    assert_eq!(of_series, number(&summary["take"], "false_episodes"));
}

#[test]
fn each_signal_of_a_config_is_tuned_by_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = "signals:\n  \
        vip-api: {interval: 1m, kind: traffic}\n  \
        vip-web: {interval: 1m, direction: down, rule: {kind: any, detectors: [ls], sustain: 2 of 3}}\n";
    std::fs::write(folder.path().join("c.yaml"), config).expect("a file");
    let (series, labels) = set("lvs-traffic");
    let tune = [
        "tune", "-i", &series, "--labels", &labels, "--config", "c.yaml", "--format", "json", "--save",
        "t.yaml",
    ];
    let output = quietgate(folder.path(), &tune);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("series \"vip-mail\" is left out: no signal of the config"), "{told}");
    let lines = lines(&output);
    let signals: Vec<_> = of(&lines, "summary").iter().map(|summary| summary["signal"].clone()).collect();
    assert_eq!(signals, ["vip-api", "vip-web"]);
    assert!(of(&lines, "summary")[1]["config"].as_str().is_some_and(|text| text.contains("direction: down")));
    let check = quietgate(folder.path(), &["check", "t.yaml"]);
    assert_eq!(String::from_utf8_lossy(&check.stdout), "t.yaml: ok, 2 signals\n");
}

#[test]
fn what_judges_starts_is_tuned_by_starts_that_are_taken_to_be_there() {
    let folder = tempfile::tempdir().expect("a folder");
    // six days of 5 minutes from 2026-01-05 on, half as much again in three hours; one of them lies behind no start
    let (day, faults) = (288, [2 * 288 + 50, 3 * 288 + 146, 4 * 288 + 222]);
    let (mut rows, mut labels) = ("timestamp,rps\n".to_owned(), "series,from,to\n".to_owned());
    let time = |cell: i64| 1_767_571_200 + 300 * cell;
    for cell in 0..6 * day {
        let is_faulty = faults.iter().any(|from| (*from..from + 10).contains(&cell));
        let value = 100.0 + 0.2 * ((cell * 7919) % 13) as f64;
        rows += &format!("{},{}\n", time(cell), if is_faulty { 1.5 * value } else { value });
    }
    for from in faults {
        let stamp = |cell| jiff::Timestamp::from_second(time(cell)).expect("a time");
        labels += &format!("rps,{},{}\n", stamp(from), stamp(from + 9));
    }
    std::fs::write(folder.path().join("rps.csv"), rows).expect("a file");
    std::fs::write(folder.path().join("labels.csv"), labels).expect("a file");
    let tune = |detectors: &str, more: &[&str]| {
        let tune = ["tune", "-i", "rps.csv", "--labels", "labels.csv", "--format", "json", "--rule", "any"];
        let flags = ["--sustain", "1 of 1", "--false-holds", "1/day", "--detectors", detectors];
        quietgate(folder.path(), &[&tune[..], &flags, more].concat())
    };
    let summary = |output: &Output| of(&lines(output), "summary")[0].clone();
    let without = summary(&tune("step_contrast", &[]));
    assert_eq!((&without["take"]["caught"], &without["not_tuned"][0]), (&0.into(), &"step_contrast".into()));
    let with = summary(&tune("step_contrast", &["--every", "4h"]));
    let take = &with["take"];
    assert_eq!(
        (&take["labels"], &take["caught"], &take["late"]),
        (&2.into(), &2.into(), &0.into()),
        "{with}"
    );
    assert_eq!(with["not_tuned"].as_array().map(Vec::len), Some(0));
    assert!(with["settings"].as_u64() > without["settings"].as_u64(), "{with}");
    // an hour of every four, of what is neither warming up nor labelled
    let days = take["clean_days"].as_f64().expect("a number");
    assert!((1.0..1.5).contains(&days), "{days}");

    let refused = tune("ls", &["--every", "4h"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        String::from_utf8_lossy(&refused.stderr).contains("--every is given, but no detector judges starts")
    );
}

/// What `check --history` says of a month of quiet traffic, judged by `step_contrast` alone with these options.
fn contrasted(options: &str, series: &str) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let rule = format!("{{kind: any, detectors: [{{kind: step_contrast, {options}}}], sustain: 1 of 1}}");
    let config = format!("signals: {{traffic: {{interval: 1m, rule: {rule}}}}}\n");
    std::fs::write(folder.path().join("c.yaml"), config).expect("a file");
    let output = quietgate(folder.path(), &["check", "c.yaml", "--history", series, "--signal", "traffic"]);
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn a_contrast_that_can_never_fire_or_holds_every_night_is_warned_of() {
    let series = set("quiet-traffic").0;
    let strict = contrasted("factor: 0.5", &series);
    assert_eq!(strict.len(), 5, "{strict:?}");
    let web = "series \"vip-web\": in 40,320 samples of 28 d, with a batch taken to start every 1 h, step_contrast held 28 of 28 \
        clean starts at ";
    assert!(
        strict[3].contains(web) && strict[3].contains("and too many at 23 other times of day"),
        "{}",
        strict[3]
    );
    let deaf = contrasted("factor: 1000, least: 10", &series);
    assert_eq!(deaf.len(), 5, "{deaf:?}");
    let never =
        ", with a batch taken to start every 1 h, where above 1 fires: the rule can hardly ever fire on it";
    assert!(
        deaf[..4].iter().all(|line| line.contains("no score was above 0.0") && line.ends_with(never)),
        "{deaf:?}"
    );
    // vip-web and vip-backup are good as they are; the two others have a jump at midnight on two days of each week
    let usual = contrasted("factor: 2", &series);
    let told: Vec<_> = usual.iter().filter(|line| line.contains("clean starts at 00:00")).collect();
    assert_eq!((usual.len(), told.len()), (3, 2), "{usual:?}");
}

#[test]
fn a_contrast_without_enough_history_is_warned_of() {
    let folder = tempfile::tempdir().expect("a folder");
    let rows: String =
        (0..300).map(|minute| format!("{},{}\n", 1_767_571_200 + 60 * minute, 100 + minute % 7)).collect();
    let file = folder.path().join("traffic.csv");
    std::fs::write(&file, format!("timestamp,value\n{rows}")).expect("a file");
    let told = contrasted("factor: 2", &file.display().to_string());
    let why = "in 300 samples of 4 h 59 min step_contrast judged none of 5 starts that are taken to be there, one every 1 h (it \
        needs hours of samples before a start)";
    assert!(told[0].contains(why), "{told:?}");
}
