//! Why something was decided.

use crate::steps::{Decision, Doing, End, Ending, Gate, Record, Side};
use crate::story::sample::{attempt, gate, intent, numbered, plan, result, said, told, word};
use crate::story::{Noted, Which, why};
use Decision::{Hold, Pause, Proceed, Rollback};
use Doing::{Action, Undo};
use Side::{After, Before};
use serde_json::json;

/// A run that held, went on, failed, was tried once more, did harm and went back.
fn story() -> Vec<Noted> {
    let clean = "3 series clean for long enough";
    numbered([
        Record::Boot { version: "0.1.0".to_owned(), driver: String::new() },
        plan(),
        gate("prewarm", 0, Before, Hold, "loss{host=\"h9\"}: anomalous since 2026-03-09T07:59:40Z"),
        gate("prewarm", 0, Before, Proceed, clean),
        intent("prewarm", "h1", Action, 1),
        Record::Spawned { attempt: attempt("prewarm", "h1", Action, 1), process: "process 4711".to_owned() },
        intent("prewarm", "h2", Action, 1),
        result("prewarm", "h1", Action, 1, End::Failed, "exit code 3"),
        Record::Unknown {
            attempt: attempt("prewarm", "h2", Action, 1),
            reason: "the driver ended".to_owned(),
        },
        Record::Pause(said("plan", "prewarm on h2: the driver ended")),
        Record::Resolve { told: told("prewarm", "h2", "alice", "I looked\u{7}"), ran: true },
        Record::Retry(told("prewarm", "h1", "alice", "the disk is free again")),
        Record::Resume(said("alice", "settled")),
        gate("prewarm", 0, Before, Proceed, clean),
        intent("prewarm", "h1", Action, 2),
        result("prewarm", "h1", Action, 2, End::Succeeded, "succeeded"),
        gate("prewarm", 0, After, Rollback, "loss{host=\"h9\"}: anomalous since 2026-03-09T08:02:20Z"),
        intent("prewarm", "h1", Undo, 1),
        result("prewarm", "h1", Undo, 1, End::Succeeded, "succeeded"),
        intent("prewarm", "h2", Undo, 1),
        result("prewarm", "h2", Undo, 1, End::Succeeded, "succeeded"),
        Record::Finish {
            run: "r7".to_owned(),
            decision: Ending::RolledBack,
            reason: "what it did is undone".to_owned(),
        },
    ])
}

fn explained(which: &str) -> String {
    let which = which.parse().expect("an identifier");
    why(story(), which, None).map_or_else(|error| format!("error: {error}"), |why| why.to_string())
}

#[test]
fn a_hold_shows_every_required_series_with_its_numbers() {
    assert_eq!(
        explained("3"),
        "\
record 3 of 2026-03-09 08:00:20 UTC, run r7, driver 3
prewarm batch 1 of 1 holds before it starts: loss{host=\"h9\"}: anomalous since 2026-03-09T07:59:40Z
its targets: h1 and h2

series           condition                 newest    age   value
loss{host=\"h9\"}  anomalous since 07:59:40  08:00:20  0 ms  12.5
    ls surge: 12.5 is above mean 1 by more than 3 sigma (expected up to 3, score 4.17, by 600 samples)
vip{vip=\"v2\"}    unknown(no_data)          none      none  none
load{host=\"h1\"}  clean since 07:40:00      08:00:00  20 s  0.25

what came of it
  4 08:00:30 prewarm batch 1 of 1 may start on h1 and h2: 3 series clean for long enough"
    );
}

#[test]
fn what_the_slow_layer_found_and_what_is_expected_stand_in_the_table() {
    let slow = json!({"condition": "anomalous", "since": "2026-03-09T07:10:00Z",
        "votes": [{"detector": "ls", "verdict": "surge", "words": "61 is above"}]});
    let evidence = json!([
        {"series": "load{host=\"h1\"}", "condition": "clean", "clean_since": "2026-03-09T07:40:00Z",
            "at": "2026-03-09T08:00:00Z", "value": 0.25, "slow": {"condition": "clean"}},
        {"series": "memory{host=\"h1\"}", "condition": "clean", "clean_since": "2026-03-09T07:40:00Z",
            "at": "2026-03-09T08:00:00Z", "value": 61.0, "slow": slow},
        {"series": "cpu{host=\"h2\"}", "condition": "expected", "until": "2026-03-09T08:04:00Z",
            "at": "2026-03-09T08:00:00Z", "value": 97.0}
    ]);
    let Record::Gate(late) = gate("prewarm", 0, Side::Late, Decision::Pause, "memory: …") else {
        unreachable!()
    };
    let records = numbered([plan(), Record::Gate(Gate { evidence, ..late })]);
    let which = "2".parse().expect("a number");
    let text = why(records, which, None).expect("it is there").to_string();
    let table: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("series")).take(6).collect();
    assert_eq!(
        table,
        [
            "series             condition                newest    age   value",
            "memory{host=\"h1\"}  clean since 07:40:00     08:00:00  10 s  61",
            "    by the slow layer anomalous since 07:10:00",
            "      ls surge: 61 is above",
            "cpu{host=\"h2\"}     expected until 08:04:00  08:00:00  10 s  97",
            "load{host=\"h1\"}    clean since 07:40:00     08:00:00  10 s  0.25",
        ]
    );
    assert!(text.contains("prewarm batch 1 of 1 pauses the run: memory: …"));
}

#[test]
fn a_detector_without_a_verdict_stands_in_the_table_with_what_it_lacks() {
    let lacking = json!([{"detector": "step_contrast", "verdict": "unknown(warming_up)", "words": "it looks until 09:00"}]);
    let evidence = json!([
        {"series": "cpu", "condition": "unknown(warming_up)", "at": "2026-03-09T08:00:00Z", "value": 97.0,
            "unknown": lacking, "slow": {"condition": "unknown(warming_up)", "unknown": lacking}},
        {"series": "net", "condition": "unknown(partial)", "at": "2026-03-09T08:00:00Z", "value": 1.0,
            "unknown": [{"detector": "ca", "verdict": "unknown(partial)", "words": null}]}
    ]);
    let Record::Gate(held) = gate("prewarm", 0, Side::Before, Decision::Hold, "cpu: …") else {
        unreachable!()
    };
    let records = numbered([plan(), Record::Gate(Gate { evidence, ..held })]);
    let text = why(records, "2".parse().expect("a number"), None).expect("it is there").to_string();
    let table: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("cpu")).take(6).collect();
    assert_eq!(
        table,
        [
            "cpu     unknown(warming_up)  08:00:00  10 s  97",
            "    step_contrast unknown(warming_up): it looks until 09:00",
            "    by the slow layer unknown(warming_up)",
            "      step_contrast unknown(warming_up): it looks until 09:00",
            "net     unknown(partial)     08:00:00  10 s  1",
            "    ca unknown(partial)",
        ]
    );
}

#[test]
fn an_opening_shows_what_started_by_it() {
    assert_eq!(explained("4"), "\
record 4 of 2026-03-09 08:00:30 UTC, run r7, driver 3
prewarm batch 1 of 1 may start on h1 and h2: 3 series clean for long enough
its targets: h1 and h2

series           condition                 newest    age   value
loss{host=\"h9\"}  anomalous since 07:59:40  08:00:20  10 s  12.5
    ls surge: 12.5 is above mean 1 by more than 3 sigma (expected up to 3, score 4.17, by 600 samples)
vip{vip=\"v2\"}    unknown(no_data)          none      none  none
load{host=\"h1\"}  clean since 07:40:00      08:00:00  30 s  0.25

what led to it
  3 08:00:20 prewarm batch 1 of 1 holds before it starts: loss{host=\"h9\"}: anomalous since 2026-03-09T07:59:40Z

what came of it
  5 08:00:40 prewarm/h1 starts (attempt 1): [\"./upgrade\",\"h1\"]
  7 08:01:00 prewarm/h2 starts (attempt 1): [\"./upgrade\",\"h2\"]
  10 08:01:30 run r7 paused by plan: prewarm on h2: the driver ended");
}

#[test]
fn a_result_shows_the_whole_attempt() {
    assert_eq!(
        explained("8"),
        "\
record 8 of 2026-03-09 08:01:10 UTC, run r7, driver 3
prewarm/h1 failed: exit code 3 (output: /state/h1.out)

what led to it
  4 08:00:30 prewarm batch 1 of 1 may start on h1 and h2: 3 series clean for long enough
  5 08:00:40 prewarm/h1 starts (attempt 1): [\"./upgrade\",\"h1\"]
  6 08:00:50 prewarm/h1 runs as process 4711

what came of it
  10 08:01:30 run r7 paused by plan: prewarm on h2: the driver ended
  12 08:01:50 prewarm/h1 is tried once more, told by alice: the disk is free again
  15 08:02:20 prewarm/h1 starts (attempt 2): [\"./upgrade\",\"h1\"]"
    );
}

#[test]
fn a_pause_shows_what_made_it_and_what_settled_it() {
    assert_eq!(
        explained("10"),
        "\
record 10 of 2026-03-09 08:01:30 UTC, run r7, driver 3
run r7 paused by plan: prewarm on h2: the driver ended

what led to it
  9 08:01:20 prewarm/h2 unknown, nobody knows how attempt 1 went: the driver ended

what came of it
  11 08:01:40 prewarm/h2 resolved as \"it ran\" by alice: I looked\\u{7}
  12 08:01:50 prewarm/h1 is tried once more, told by alice: the disk is free again
  13 08:02:00 run r7 resumed by alice: settled"
    );
}

#[test]
fn the_newest_decision_is_found_without_a_number() {
    let newest = why(story(), Which::Newest, None).expect("a decision");
    assert_eq!(newest.to_string(), explained("17"));
    assert_eq!(explained("prewarm"), explained("17"));
    assert_eq!(explained("prewarm/1"), explained("17"));
    assert_eq!(
        explained("17"),
        "\
record 17 of 2026-03-09 08:02:40 UTC, run r7, driver 3
prewarm batch 1 of 1 rolls the run back: loss{host=\"h9\"}: anomalous since 2026-03-09T08:02:20Z
its targets: h1 and h2

series           condition                 newest    age         value
loss{host=\"h9\"}  anomalous since 07:59:40  08:00:20  2 min 20 s  12.5
    ls surge: 12.5 is above mean 1 by more than 3 sigma (expected up to 3, score 4.17, by 600 samples)
vip{vip=\"v2\"}    unknown(no_data)          none      none        none
load{host=\"h1\"}  clean since 07:40:00      08:00:00  2 min 40 s  0.25

what led to it
  14 08:02:10 prewarm batch 1 of 1 may start on h1 and h2: 3 series clean for long enough

what came of it
  18 08:02:50 prewarm/h1 undo starts (attempt 1): [\"./upgrade\",\"h1\"]
  20 08:03:10 prewarm/h2 undo starts (attempt 1): [\"./upgrade\",\"h2\"]
  22 08:03:30 run r7 is rolled back: what it did is undone"
    );
}

#[test]
fn of_a_target_the_newest_record_is_explained() {
    assert_eq!(explained("prewarm/h1"), explained("19"));
    assert_eq!(
        explained("19"),
        "\
record 19 of 2026-03-09 08:03:00 UTC, run r7, driver 3
prewarm/h1 undo succeeded (output: /state/h1.out)

what led to it
  17 08:02:40 prewarm batch 1 of 1 rolls the run back: loss{host=\"h9\"}: anomalous since 2026-03-09T08:02:20Z
  18 08:02:50 prewarm/h1 undo starts (attempt 1): [\"./upgrade\",\"h1\"]

what came of it
  22 08:03:30 run r7 is rolled back: what it did is undone"
    );
}

#[test]
fn every_record_can_be_explained() {
    for noted in story() {
        let which = Which::Seq(noted.seq);
        let why = why(story(), which, Some("r7")).unwrap_or_else(|error| panic!("{noted:?}: {error}"));
        assert!(why.before.iter().all(|link| link.seq < noted.seq), "{why}");
        assert!(why.after.iter().all(|link| link.seq > noted.seq), "{why}");
        assert!(!why.to_string().contains('\u{7}'));
    }
}

#[test]
fn a_newer_run_is_not_explained_by_an_older_one() {
    let mut entries = story();
    let Record::Plan(mut pinned) = plan() else { panic!("a plan") };
    pinned.run = "r8".to_owned();
    entries.push(Noted { seq: 23, record: Record::Plan(pinned), ..entries[21].clone() });
    let error = why(entries.clone(), Which::Newest, None).expect_err("nothing decided yet");
    assert_eq!(error.to_string(), "no gate has decided anything yet, and nobody paused the run");
    let old = why(entries, Which::Newest, Some("r7")).expect("the one of the run before");
    assert_eq!(old.seq, 17);
}

#[test]
fn a_target_named_like_a_number_is_not_taken_for_a_batch() {
    let Record::Plan(mut pinned) = plan() else { panic!("a plan") };
    pinned.steps[0].batches = vec![vec!["1".to_owned()]];
    let entries = numbered([
        Record::Plan(pinned),
        gate("prewarm", 0, Before, Proceed, "clean"),
        intent("prewarm", "1", Action, 1),
        gate("prewarm", 0, Before, Pause, "too long"),
    ]);
    assert_eq!(why(entries, "prewarm/1".parse().expect("one"), None).expect("an intent").seq, 3);
}

#[test]
fn what_is_not_there_is_named() {
    assert_eq!(explained("99"), "error: there is no record 99, the newest is 22");
    assert_eq!(explained("agent"), "error: no gate of agent has decided anything yet");
    assert_eq!(explained("agent/h1"), "error: nothing is on record of agent/h1 yet");
    assert_eq!(explained("agnet"), "error: there is no step agnet; there is prewarm and agent");
    assert_eq!(
        why([], Which::Newest, None).expect_err("nothing").to_string(),
        "the journal has no records yet"
    );
    for text in ["", "/", "a/", "/b"] {
        assert!(text.parse::<Which>().is_err(), "{text}");
    }
}

#[test]
fn what_came_of_a_freeze_and_of_an_approval_is_told() {
    let approval = Record::Approval {
        run: "r7".to_owned(),
        step: "prewarm".to_owned(),
        batch: 0,
        word: word("alice", "go"),
    };
    let entries = numbered([
        plan(),
        Record::Freeze(word("carol", "fire drill")),
        approval,
        Record::Unfreeze(word("carol", "over")),
        gate("prewarm", 0, Before, Proceed, "clean"),
    ]);
    let after = |seq| {
        let why = why(entries.clone(), Which::Seq(seq), None).expect("a record");
        why.after.iter().map(|link| link.seq).collect::<Vec<_>>()
    };
    assert_eq!((after(2), after(3)), (vec![4], vec![5]));
}
