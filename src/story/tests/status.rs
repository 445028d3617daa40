//! How a run stands.

use crate::steps::{Decision, Doing, End, Ending, Record, Side, State, Waiting};
use crate::story::sample::{
    at, attempt, folded, gate, intent, numbered, pinned, plan, result, said, told, word,
};
use crate::story::{Noted, Waits, status};
use Doing::{Action, Undo};
use Side::{After, Before};

fn boot() -> Record {
    Record::Boot { version: "0.1.0".to_owned() }
}

fn proceed(step: &str, batch: usize, side: Side) -> Record {
    gate(step, batch, side, Decision::Proceed, "3 series clean for long enough")
}

fn unknown(step: &str, target: &str, doing: Doing) -> Record {
    Record::Unknown { attempt: attempt(step, target, doing, 1), reason: "the driver ended".to_owned() }
}

/// A run in which one target failed, another is unknown, and which paused for that.
fn troubled() -> Vec<Noted> {
    numbered([
        boot(),
        plan(),
        proceed("prewarm", 0, Before),
        intent("prewarm", "h1", Action, 1),
        result("prewarm", "h1", Action, 1, End::Failed, "exit code 3\u{1b}[2J"),
        intent("prewarm", "h2", Action, 1),
        unknown("prewarm", "h2", Action),
        Record::Pause(said("plan", "prewarm on h2: the driver ended")),
        Record::Freeze(word("carol", "fire drill")),
    ])
}

fn recorded(records: &[Noted], seconds: i64) -> String {
    let newest = records.last().expect("a record").at;
    status(&folded(records), Some("r7"), at(seconds), Waits::Recorded(newest)).to_string()
}

#[test]
fn a_run_that_needs_a_person_says_why_and_which_commands_help() {
    assert_eq!(recorded(&troubled(), 100), "");
}

#[test]
fn without_a_driver_the_hold_on_record_stands_in() {
    let hold = gate("agent", 0, Before, Decision::Hold, "loss{host=\"h9\"}: anomalous since then");
    let records = numbered([boot(), plan(), hold]);
    assert_eq!(recorded(&records, 3_600), "");
}

#[test]
fn what_a_driver_says_is_told_as_it_is() {
    let hold = gate("agent", 0, Before, Decision::Hold, "then");
    let state = folded(&numbered([
        boot(),
        plan(),
        hold,
        proceed("prewarm", 0, Before),
        intent("prewarm", "h1", Action, 1),
    ]));
    let waiting = [
        Waiting::InFlight(1),
        Waiting::Approval((1, 0)),
        Waiting::Gate((1, 0), Before, "loss{host=\"h9\"}: clean for 4 min of 10 min".to_owned()),
        Waiting::Gate((0, 0), After, "load{host=\"h1\"}: suspect".to_owned()),
        Waiting::Forbidden((1, 0), "outside of the allowed windows until 2026-03-10T00:00:00Z".to_owned()),
        Waiting::Soak((0, 0), at(900)),
    ];
    assert_eq!(status(&state, None, at(60), Waits::Now(&waiting)).to_string(), "");
}

#[test]
fn a_batch_that_a_person_must_let_start_is_named_with_the_command() {
    let mut pinned = pinned(&[("agent", &[&["h1"], &["h2"]])]);
    pinned.steps[0].approve = true;
    assert_eq!(recorded(&numbered([Record::Plan(pinned)]), 0), "");
}

#[test]
fn a_rollback_that_is_stuck_says_so() {
    let records = numbered([
        plan(),
        proceed("agent", 0, Before),
        intent("agent", "h1", Action, 1),
        result("agent", "h1", Action, 1, End::Succeeded, "succeeded"),
        gate("agent", 0, After, Decision::Rollback, "loss{host=\"h1\"}: anomalous"),
        intent("agent", "h1", Undo, 1),
        result("agent", "h1", Undo, 1, End::TimedOut, "killed after 5 min"),
        Record::Pause(said("plan", "stuck: undoing agent on h1 failed")),
    ]);
    assert_eq!(recorded(&records, 90), "");
}

#[test]
fn a_run_that_is_over_waits_for_nothing() {
    let abort = Record::Abort(said("bob", "enough"));
    let finish = Record::Finish {
        run: "r7".to_owned(),
        decision: Ending::Aborted,
        reason: "it was aborted".to_owned(),
    };
    assert_eq!(recorded(&numbered([plan(), abort, finish]), 90), "");
}

#[test]
fn of_thousands_of_targets_a_few_are_named() {
    let names: Vec<String> = (0..3_000).map(|n| format!("h{n:04}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let batches: Vec<&[&str]> = names.chunks(60).collect();
    let mut records = vec![Record::Plan(pinned(&[("agent", &batches)])), proceed("agent", 0, Before)];
    for target in &names[..60] {
        records.push(intent("agent", target, Action, 1));
        records.push(unknown("agent", target, Action));
    }
    let text = recorded(&numbered(records), 2_000);
    assert_eq!(text, "");
}

#[test]
fn without_a_run_there_is_little_to_say() {
    let text = status(&State::default(), None, at(0), Waits::Recorded(at(0))).to_string();
    assert_eq!(text, "");
}

#[test]
fn as_data_it_has_what_the_text_has() {
    let records = troubled();
    let newest = records[records.len() - 1].at;
    let status = status(&folded(&records), None, at(100), Waits::Recorded(newest));
    let data = serde_json::to_string_pretty(&status).expect("JSON");
    assert_eq!(data, "");
}

#[test]
fn what_is_told_once_more_after_a_retry_is_at_work_again() {
    let mut records = troubled();
    let more = [
        Record::Resolve { told: told("prewarm", "h2", "alice", "I looked"), ran: true },
        Record::Retry(told("prewarm", "h1", "alice", "the disk is free again")),
        Record::Unfreeze(word("carol", "over")),
        Record::Resume(said("alice", "mended")),
    ];
    let from = records.len() as u64;
    records.extend(numbered(more).into_iter().map(|mut noted| {
        noted.seq += from;
        noted
    }));
    assert_eq!(recorded(&records, 100), "");
}
