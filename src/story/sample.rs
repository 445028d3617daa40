//! Records to tell of, for the tests: a run of two steps in which much goes wrong.

use super::Noted;
use crate::steps::{
    Attempt, Capture, Captured, Decision, Doing, End, Ending, Gate, Pinned, PinnedStep, Record, Said, Scene,
    Side, State, Told, Word,
};
use quietgate_detectors::Timestamp;
use serde_json::{Value, json};

/// 2026-03-09 08:00:00 UTC.
pub(super) const BEGIN_MS: i64 = 1_773_043_200_000;

/// So many seconds after the begin.
pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(BEGIN_MS + 1_000 * seconds)
}

pub(super) fn noted(seq: u64, seconds: i64, record: Record) -> Noted {
    Noted { seq, at: at(seconds), epoch: 3, record }
}

/// Numbered from 1, each ten seconds after the one before.
pub(super) fn numbered(records: impl IntoIterator<Item = Record>) -> Vec<Noted> {
    (0..).zip(records).map(|(n, record)| noted(n as u64 + 1, 10 * n, record)).collect()
}

pub(super) fn pinned(steps: &[(&str, &[&[&str]])]) -> Pinned {
    let step = |(name, batches): &(&str, &[&[&str]])| PinnedStep {
        expects: Vec::new(),
        patience_ms: None,
        step: (*name).to_owned(),
        after: Vec::new(),
        batches: batches
            .iter()
            .map(|batch| batch.iter().map(|target| (*target).to_owned()).collect())
            .collect(),
        approve: false,
        undo: true,
        retries: 0,
    };
    Pinned {
        run: "r7".to_owned(),
        plan: "ovs".to_owned(),
        folder: "/plans".to_owned(),
        config_folder: "/plans".to_owned(),
        text: "plan: ovs\n".to_owned(),
        config: "signals: {}\n".to_owned(),
        inventory: json!([{"name": "h1"}]),
        max_failed: 0,
        steps: steps.iter().map(step).collect(),
        by: None,
    }
}

pub(super) fn word(who: &str, reason: &str) -> Word {
    Word { who: who.to_owned(), reason: reason.to_owned() }
}

pub(super) fn said(who: &str, reason: &str) -> Said {
    Said { run: "r7".to_owned(), word: word(who, reason) }
}

pub(super) fn told(step: &str, target: &str, who: &str, reason: &str) -> Told {
    Told { run: "r7".to_owned(), step: step.to_owned(), target: target.to_owned(), word: word(who, reason) }
}

pub(super) fn attempt(step: &str, target: &str, doing: Doing, attempt: u32) -> Attempt {
    Attempt { run: "r7".to_owned(), step: step.to_owned(), target: target.to_owned(), doing, attempt }
}

pub(super) fn gate(step: &str, batch: usize, side: Side, decision: Decision, reason: &str) -> Record {
    Record::Gate(Gate {
        run: "r7".to_owned(),
        step: step.to_owned(),
        batch,
        side,
        decision,
        reason: reason.to_owned(),
        because: vec!["loss{host=\"h9\"}: anomalous".to_owned()],
        evidence: evidence(),
    })
}

pub(super) fn intent(step: &str, target: &str, doing: Doing, number: u32) -> Record {
    Record::Intent {
        attempt: attempt(step, target, doing, number),
        call: format!(r#"["./upgrade","{target}"]"#),
    }
}

pub(super) fn result(step: &str, target: &str, doing: Doing, number: u32, end: End, reason: &str) -> Record {
    let output = Some(format!("/state/{target}.out"));
    Record::Result { attempt: attempt(step, target, doing, number), end, reason: reason.to_owned(), output }
}

/// What a gate saw a moment before 08:00:30.
pub(super) fn evidence() -> Value {
    json!([
        {"series": "load{host=\"h1\"}", "condition": "clean", "clean_since": "2026-03-09T07:40:00Z", "samples": 20,
            "at": "2026-03-09T08:00:00Z", "value": 0.25},
        {"series": "loss{host=\"h9\"}", "condition": "anomalous", "since": "2026-03-09T07:59:40Z",
            "at": "2026-03-09T08:00:20Z", "value": 12.5, "votes": [{"detector": "ls", "verdict": "surge", "lower": null,
            "upper": 3.0, "score": 4.17, "points": 600, "words": "12.5 is above mean 1 by more than 3 sigma"}]},
        {"series": "vip{vip=\"v2\"}", "condition": "unknown(no_data)"}
    ])
}

/// The first capture of the run, or a second one that is left out.
pub(super) fn capture(left_out: Option<&str>) -> Record {
    let argv = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let programs = vec![argv(&["vmstat", "1", "5"]), argv(&["ps", "a\u{1b}x"])];
    Record::Capture(Capture {
        scene: Scene { capture: if left_out.is_some() { 2 } else { 1 }, ..scene() },
        since: "2026-03-09T07:59:40Z".to_owned(),
        programs: if left_out.is_some() { Vec::new() } else { programs },
        left_out: left_out.map(str::to_owned),
    })
}

/// What the first program of that capture wrote.
pub(super) fn captured() -> Record {
    Record::Captured(Captured {
        scene: scene(),
        program: 0,
        argv: ["vmstat", "1", "5"].map(str::to_owned).to_vec(),
        began: Some("2026-03-09T08:00:00.02Z".to_owned()),
        took_ms: Some(4_030),
        end: Some(End::Succeeded),
        reason: "succeeded".to_owned(),
        output: "procs\tmemory\n 1  0\u{1b}[2J\n".to_owned(),
        bytes: 19,
        cut: false,
        errors: String::new(),
    })
}

fn scene() -> Scene {
    Scene {
        run: "r7".to_owned(),
        capture: 1,
        signal: "loss".to_owned(),
        series: vec!["loss{host=\"h9\"}".to_owned()],
        count: 3,
        found: "2026-03-09T08:00:00Z".to_owned(),
    }
}

/// A step `prewarm` of one batch, and `agent` of two.
pub(super) fn plan() -> Record {
    Record::Plan(pinned(&[("prewarm", &[&["h1", "h2"]]), ("agent", &[&["h1"], &["h2"]])]))
}

/// One of every kind.
pub(crate) fn all() -> Vec<Noted> {
    use Decision::{Abort, Hold, Pause, Proceed, Rollback};
    use Doing::{Action, Undo};
    numbered([
        Record::Boot { version: "0.1.0".to_owned(), driver: String::new() },
        plan(),
        gate("prewarm", 0, Side::Before, Hold, "loss{host=\"h9\"}: anomalous since 2026-03-09T07:59:40Z"),
        gate("prewarm", 0, Side::Before, Proceed, "3 series clean for long enough"),
        gate("prewarm", 0, Side::After, Hold, "load{host=\"h1\"}: clean for 1 min of 15 min"),
        gate("prewarm", 0, Side::After, Proceed, "3 series clean for long enough"),
        gate("agent", 0, Side::Before, Pause, "held for longer than its patience of 2 h: no data"),
        gate("agent", 0, Side::After, Rollback, "loss{host=\"h1\"}: anomalous"),
        gate("agent", 0, Side::After, Abort, "loss{host=\"h1\"}: anomalous"),
        Record::Approval {
            run: "r7".to_owned(),
            step: "agent".to_owned(),
            batch: 1,
            word: word("alice", "looks good"),
        },
        intent("agent", "h1", Action, 1),
        Record::Spawned { attempt: attempt("agent", "h1", Action, 1), process: "process 4711".to_owned() },
        result("agent", "h1", Action, 1, End::Failed, "exit code 3"),
        result("agent", "h1", Action, 2, End::Succeeded, "succeeded"),
        result("agent", "h1", Undo, 1, End::TimedOut, "killed after 5 min"),
        Record::Withdrawn {
            attempt: attempt("agent", "h2", Action, 1),
            reason: "the run is paused: wait".to_owned(),
        },
        Record::Unknown { attempt: attempt("agent", "h2", Action, 1), reason: "the driver ended".to_owned() },
        Record::Pause(said("alice", "lunch\u{1b}[2J\nnow")),
        Record::Resume(said("alice", "back")),
        Record::Abort(said("bob", "enough")),
        Record::Rollback(said("bob", "go back")),
        Record::Retry(told("agent", "h1", "plan", "attempt 1 failed, the plan grants more")),
        Record::Skip(told("agent", "h1", "alice", "it is down for good")),
        Record::Resolve { told: told("agent", "h2", "alice", "I looked"), ran: true },
        Record::Resolve { told: told("agent", "h2", "alice", "I looked"), ran: false },
        Record::Freeze(word("carol", "fire drill")),
        Record::Unfreeze(word("carol", "over")),
        Record::Finish {
            run: "r7".to_owned(),
            decision: Ending::Done,
            reason: "every step is over".to_owned(),
        },
        capture(None),
        captured(),
        capture(Some("another of loss was captured 20 s before")),
    ])
}

/// The fold of `records`, which must follow each other.
pub(super) fn folded(records: &[Noted]) -> State {
    let mut state = State::default();
    for noted in records {
        state
            .apply(noted.seq, noted.at, &noted.record)
            .unwrap_or_else(|illegal| panic!("{illegal}: {noted:?}"));
    }
    state
}
