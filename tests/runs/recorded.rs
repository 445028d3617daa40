//! `quietgate run --record` and `quietgate replay --recorded`: a real run decides the same once more, byte by byte.

use super::fleet::{Fleet, step};
use serde_json::{Value, json};
use std::fs;

fn two_steps() -> String {
    step("one", "  batch: 3\n") + &step("two", "  after: [one]\n  batch: [1, 2]\n  on_anomaly: rollback\n")
}

const RUN: [&str; 4] = ["run", "plan.yaml", "--record", "said.jsonl"];
const AGAIN: [&str; 3] = ["replay", "--recorded", "said.jsonl"];

/// How many decisions are on record.
fn decisions(fleet: &Fleet) -> usize {
    let is_decision = |record: &&Value| match record["kind"].as_str() {
        Some("gate" | "intent" | "withdrawn" | "finish") => true,
        Some("retry" | "skip" | "pause") => record["who"] == "plan",
        _ => false,
    };
    fleet.journal().iter().filter(is_decision).count()
}

fn all_identical(fleet: &Fleet) {
    let (code, text) = fleet.say(&AGAIN);
    assert_eq!((code, text), (Some(0), format!("{} decisions, all identical\n", decisions(fleet))));
}

/// The recording with each line changed by `change`.
fn changed(fleet: &Fleet, change: impl Fn(&mut Value)) {
    let line = |line: &str| {
        let mut line = serde_json::from_str(line).expect("a line");
        change(&mut line);
        format!("{line}\n")
    };
    let text: String = fleet.said("said.jsonl").lines().map(line).collect();
    fleet.write("said.jsonl", &text);
}

/// Each sample of a recorded line.
fn samples(line: &mut Value) -> impl Iterator<Item = &mut Value> {
    let series = line.get_mut("series").and_then(Value::as_array_mut).into_iter().flatten();
    series.flat_map(|series| series["samples"].as_array_mut().expect("samples"))
}

#[test]
fn a_quiet_run_decides_the_same_once_more() {
    let fleet = Fleet::new(&two_steps());
    let (code, text) = fleet.say(&RUN);
    assert_eq!(code, Some(0), "{text}");
    assert!(decisions(&fleet) > 6 + 6, "gates, intents and the end");
    all_identical(&fleet);
    // what the sources had is a recording too, and the journal knows how long the actions took
    let (code, text) = fleet.say(&["replay", "plan.yaml", "--input", "samples.csv", "--state", "state"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("(median of 3 attempts on record); two takes"), "{text}");
}

#[test]
fn a_run_that_is_blamed_and_undone_decides_the_same_once_more_and_a_changed_sample_is_seen() {
    let fleet = Fleet::new(&two_steps());
    fleet.write("wait-do-h2", "");
    let run = fleet.start(&RUN);
    fleet.acted("do one h2 1");
    fleet.remove("wait-do-h2");
    fleet.acted("do two h2 1");
    fleet.lose("h2", 90.0);
    assert_eq!(run.end(), Some(4));
    all_identical(&fleet);
    // with another loss the blame has other numbers
    let said = fleet.said("said.jsonl");
    changed(&fleet, |line| {
        samples(line).filter(|sample| sample[1] == "90").for_each(|sample| sample[1] = json!("91"));
    });
    let (code, text) = fleet.say(&AGAIN);
    assert_eq!(code, Some(1), "{text}");
    let of_the_blame =
        text.contains("identical, then record") && text.contains("comes out otherwise, in \"reason\"");
    assert!(of_the_blame && text.contains("value 91 is above the limit 50"), "{text}");
    // without the loss there is nothing to blame, so the rollback does not come out
    fleet.write("said.jsonl", &said);
    changed(&fleet, |line| samples(line).for_each(|sample| sample[1] = json!("0")));
    let (code, text) = fleet.say(&AGAIN);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("does not come out") || text.contains("comes out otherwise"), "{text}");
}

#[test]
fn a_look_at_which_the_gate_would_have_opened_is_seen() {
    let fleet = Fleet::new(&two_steps());
    fleet.lose("h1", 90.0);
    let run = fleet.start(&RUN);
    fleet.recorded("a hold", |record| {
        record["decision"] == "hold" && record["reason"].as_str().is_some_and(|why| why.contains("anomalous"))
    });
    fleet.lose("h1", 0.0);
    assert_eq!(run.end(), Some(0));
    all_identical(&fleet);
    changed(&fleet, |line| samples(line).for_each(|sample| sample[1] = json!("0")));
    let (code, text) = fleet.say(&AGAIN);
    assert_eq!(code, Some(1), "{text}");
}

#[test]
fn a_run_that_was_killed_and_went_on_decides_the_same_once_more_with_persons_and_silence() {
    let mut fleet = Fleet::new(&two_steps());
    fleet.write("wait-do-h1", "");
    let run = fleet.start(&RUN);
    fleet.acted("do one h1 1");
    run.kill();
    fleet.remove("wait-do-h1");
    // a driver that was killed may have torn its last line
    let torn = fleet.said("said.jsonl") + "{\"kind\":\"loo";
    fleet.write("said.jsonl", &torn);
    let name = fleet.run_name();
    let (code, text) = fleet.say(&["resolve", "one", "h1", "--ran", "--reason", "it did"]);
    assert_eq!(code, Some(0), "{text}");
    for target in ["h2", "h3"] {
        fleet.say(&["resolve", "one", target, "--ran", "--reason", "it did"]);
    }
    let run = fleet.start(&["run", "--resume", &name, "--record", "said.jsonl"]);
    fleet.acted("do two h1 1");
    fleet.starve();
    fleet.recorded("a hold", |record| {
        record["step"] == "two"
            && record["reason"].as_str().is_some_and(|why| why.contains("unknown (stale)"))
    });
    assert_eq!(fleet.say(&["pause", "--reason", "a look"]).0, Some(0));
    fleet.feed();
    assert_eq!(fleet.say(&["resume", "--reason", "seen"]).0, Some(0));
    assert_eq!(run.end(), Some(0));
    all_identical(&fleet);
}

#[test]
fn what_cannot_be_driven_once_more_is_told() {
    let fleet = Fleet::new(&two_steps());
    assert_eq!(fleet.say(&RUN).0, Some(0));
    let said = |words: &[&str]| {
        let (code, text) = fleet.say(words);
        assert_eq!(code, Some(2), "{text}");
        text
    };
    assert!(said(&["replay", "--recorded", "none.jsonl"]).contains("none.jsonl: the file cannot be read"));
    let other = said(&["replay", "--recorded", "said.jsonl", "--run", "other"]);
    assert!(other.contains("no run \"other\"") && other.contains(&fleet.run_name()), "{other}");
    fleet.write("said.jsonl", &(fleet.said("said.jsonl") + "{}\n"));
    assert!(said(&AGAIN).contains("of the recording is none"));
    assert!(fs::exists(fleet.path("state")).expect("a folder"));
}
