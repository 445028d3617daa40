//! Until when a run waits, and why one went back or was ended.

use super::status::{boot, proceed, recorded};
use crate::steps::{Decision, Doing, End, Ending, Record, Side, Waiting};
use crate::story::sample::{at, folded, gate, intent, numbered, pinned, plan, result, said};
use crate::story::{Waits, Which, live, status, why};
use Doing::{Action, Undo};
use Side::{After, Before};

#[test]
fn what_the_slow_layer_watches_is_waited_for() {
    let records = numbered([boot(), plan()]);
    let waiting = |unknown: Option<&str>| {
        let waiting = [Waiting::Watch(at(7_200), unknown.map(str::to_owned))];
        let status = status(&folded(&records), None, at(20), Waits::Now(&waiting));
        let wait = &status.waiting[0];
        (wait.what, wait.until.clone(), wait.reason.clone())
    };
    let until = Some("2026-03-09T10:00:00Z".to_owned());
    let over = "every step is over, and the slow layer watches until 10:00:00";
    assert_eq!(waiting(None), ("watch", until.clone(), over.to_owned()));
    let unknown = "cpu: unknown (stale), newest sample 8 s ago";
    assert_eq!(
        waiting(Some(unknown)),
        ("watch", until, format!("{over}, and until it knows of all: {unknown}"))
    );
}

#[test]
fn a_hold_says_when_its_patience_ends_and_what_follows() {
    let mut pinned = pinned(&[("agent", &[&["h1"], &["h2"]])]);
    pinned.steps[0].patience_ms = Some(7_200_000);
    let hold = gate("agent", 0, Before, Decision::Hold, "loss{host=\"h9\"}: anomalous since then");
    let records = numbered([boot(), Record::Plan(pinned), hold]);
    let state = folded(&records);
    let waiting = [Waiting::Gate((0, 0), Before, "load: suspect".to_owned())];
    let ends =
        "    its patience of 2 h ends at 10:00:20: where it still holds then, the run is paused for a person";
    let told = |status: &str| status.lines().find(|line| line.contains("patience")).map(str::to_owned);
    assert_eq!(told(&recorded(&records, 7_220)).as_deref(), Some(ends));
    let ended = "    its patience of 2 h ended at 10:00:20: a driver that finds it holding pauses the run";
    assert_eq!(told(&recorded(&records, 7_221)).as_deref(), Some(ended));
    let now = status(&state, None, at(60), Waits::Now(&waiting));
    assert_eq!(told(&now.to_string()).as_deref(), Some(ends));
    assert!(live(&now, None, 120, 40).iter().any(|line| line == ends.trim()));
    let data = serde_json::to_value(&now).expect("JSON");
    let patience = serde_json::json!({"until": "2026-03-09T10:00:20Z", "then": "pause"});
    assert_eq!(data["waiting"][0]["patience"], patience);
}

#[test]
fn a_run_that_went_back_or_was_ended_says_why_as_why_does() {
    let reason = "loss{host=\"h1\"}: anomalous since then";
    let begun = [boot(), plan(), proceed("prewarm", 0, Before), intent("prewarm", "h1", Action, 1)];
    let done = result("prewarm", "h1", Action, 1, End::Succeeded, "");
    let back = gate("prewarm", 0, After, Decision::Rollback, reason);
    let undo = [
        intent("prewarm", "h1", Undo, 1),
        result("prewarm", "h1", Undo, 1, End::Succeeded, ""),
        Record::Finish {
            run: "r7".to_owned(),
            decision: Ending::RolledBack,
            reason: "what it did is undone".to_owned(),
        },
    ];
    let records = numbered(begun.into_iter().chain([done, back]).chain(undo));
    let line = why(records.clone(), Which::Newest, None).expect("a decision").line;
    assert_eq!(line, format!("prewarm batch 1 of 1 rolls the run back: {reason}"));
    let mut heads = Vec::new();
    for until in [6, records.len()] {
        let told = recorded(&records[..until], 3_600);
        heads.push(told.lines().next().unwrap_or_default().to_owned());
        assert_eq!(told.lines().nth(2), Some(format!("because at 08:00:50 {line}").as_str()), "{told}");
        let now = status(&folded(&records[..until]), Some("r7"), at(3_600), Waits::Now(&[]));
        assert!(live(&now, None, 120, 40).contains(&format!("because at 08:00:50 {line}")));
        let data = serde_json::to_value(&now).expect("JSON");
        assert_eq!(data["run"]["turned"], serde_json::json!({"at": "2026-03-09T08:00:50Z", "line": line}));
    }
    assert_eq!(heads, ["run r7 of plan ovs: rolling back", "run r7 of plan ovs: rolled back"]);
    let aborted = numbered([boot(), plan(), Record::Abort(said("carol", "fire drill"))]);
    let told = recorded(&aborted, 60);
    assert_eq!(told.lines().nth(2), Some("because at 08:00:20 run r7 aborted by carol: fire drill"));
    assert!(!recorded(&aborted[..2], 60).contains("because"));
}
