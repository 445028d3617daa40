//! A run from its beginning to its end: passed, paused by Ctrl-C, aborted, rolled back, held.

use super::fleet::{Fleet, exists, step, wait};

fn two_steps() -> String {
    step("one", "  batch: 3\n") + &step("two", "  after: [one]\n  batch: [1, 2]\n  on_anomaly: rollback\n")
}

#[test]
fn a_plan_runs_to_its_end_and_leaves_a_journal_that_says_so() {
    let fleet = Fleet::new(&two_steps());
    let (code, text) = fleet.say(&["run", "plan.yaml", "--format", "json"]);
    assert_eq!(code, Some(0), "{text}");
    let told: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect();
    assert_eq!(told, fleet.journal(), "what is told is what is on record");
    let keys = ["seq", "at", "kind", "run", "step", "target", "attempt", "decision", "reason", "epoch"];
    assert!(told.iter().all(|event| keys.iter().all(|key| event.get(key).is_some())));
    let mut ledger = fleet.ledger();
    ledger[..3].sort();
    assert_eq!(ledger[..4], ["do one h1 1", "do one h2 1", "do one h3 1", "do two h1 1"]);
    assert_eq!(ledger.len(), 6);
    assert_eq!(fleet.say(&["journal", "verify", "state"]).0, Some(0));
    assert!(!exists(&fleet.path("state/control.sock")), "the socket goes away with its driver");
    // the next run is another one
    assert_eq!(fleet.say(&["run", "plan.yaml"]).0, Some(0));
    assert_eq!(fleet.ledger().len(), 12);
}

#[test]
fn a_dry_run_does_everything_but_the_actions() {
    let fleet = Fleet::new(&two_steps());
    let (code, text) = fleet.say(&["run", "plan.yaml", "--dry-run"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("two/h3 succeeded"), "{text}");
    assert!(fleet.ledger().is_empty() && !exists(&fleet.path("state")), "nothing is touched");
}

#[test]
fn ctrl_c_pauses_after_what_is_in_flight_and_the_run_goes_on_later() {
    let fleet = Fleet::new(&two_steps());
    fleet.write("wait-do-h1", "");
    let run = fleet.start(&["run", "plan.yaml"]);
    fleet.acted("do one h1 1");
    run.interrupt();
    fleet.recorded("the pause", |record| record["kind"] == "pause");
    fleet.remove("wait-do-h1");
    assert_eq!(run.end(), Some(3));
    let name = fleet.run_name();
    assert!(fleet.said("run.err").contains(&format!("--resume {name}")), "{}", fleet.said("run.err"));
    let (code, text) = fleet.say(&["run", "plan.yaml"]);
    assert_eq!(code, Some(2), "another run cannot begin meanwhile");
    assert!(text.contains(&format!("the run {name} is not over")), "{text}");
    // the plan is pinned: what its file says meanwhile is another plan
    fleet.write("plan.yaml", "plan: other\n");
    assert_eq!(fleet.say(&["run", "--resume", &name]).0, Some(0));
    assert_eq!(fleet.ledger().len(), 6, "nothing is done twice");
}

#[test]
fn ctrl_c_twice_aborts_and_three_times_ends_what_is_in_flight() {
    let fleet = Fleet::new(&two_steps());
    fleet.write("wait-do-h1", "");
    let run = fleet.start(&["run", "plan.yaml"]);
    ["do one h1 1", "do one h2 1", "do one h3 1"].into_iter().for_each(|line| fleet.acted(line));
    run.interrupt();
    // the same signal twice at once is one wish
    run.interrupt();
    fleet.recorded("the pause", |record| record["kind"] == "pause");
    wait("another wish", || {
        run.interrupt();
        fleet.journal().iter().any(|record| record["kind"] == "abort").then_some(())
    });
    wait("the end", || {
        run.interrupt();
        fleet.journal().iter().any(|record| record["kind"] == "unknown").then_some(())
    });
    assert_eq!(run.end(), Some(1));
    let unknown = fleet.recorded("the attempt", |record| record["kind"] == "unknown");
    assert_eq!((unknown["target"].as_str(), unknown["reason"].as_str()), (Some("h1"), Some("cancelled")));
    assert_eq!(fleet.ledger().len(), 3, "nothing starts after it");
}

#[test]
fn what_a_batch_is_to_blame_for_is_undone_in_reverse() {
    let fleet = Fleet::new(&two_steps());
    fleet.write("wait-do-h2", "");
    let run = fleet.start(&["run", "plan.yaml"]);
    fleet.acted("do one h2 1");
    fleet.remove("wait-do-h2");
    fleet.acted("do two h2 1");
    fleet.lose("h2", 90.0);
    assert_eq!(run.end(), Some(4));
    let order = |doing: &str| {
        let journal = fleet
            .journal()
            .into_iter()
            .filter(|record| record["kind"] == "intent" && record["doing"] == doing);
        journal.map(|record| format!("{} {}", record["step"], record["target"])).collect::<Vec<_>>()
    };
    let mut done = order("action");
    done.reverse();
    assert_eq!(order("undo"), done);
    let why = fleet.say(&["why", "two"]).1;
    assert!(why.contains("loss{host=\"h2\"}") && why.contains("value 90 is above the limit 50"), "{why}");
}

#[test]
fn an_anomaly_that_hits_everybody_holds_and_is_not_blamed() {
    let fleet = Fleet::new(&step("one", "  batch: 1\n  on_anomaly: rollback\n"));
    fleet.write("wait-do-h1", "");
    let run = fleet.start(&["run", "plan.yaml"]);
    fleet.acted("do one h1 1");
    fleet.lose_everywhere(90.0);
    fleet.remove("wait-do-h1");
    let hold = fleet.recorded("a hold", |record| {
        record["decision"] == "hold"
            && record["reason"].as_str().is_some_and(|reason| reason.contains("not blamed"))
    });
    assert!(
        hold["reason"].as_str().is_some_and(|reason| reason.contains("2 of 2 untouched series have it too")),
        "{hold}"
    );
    fleet.lose_everywhere(0.0);
    assert_eq!(run.end(), Some(0));
}

#[test]
fn what_an_earlier_step_has_touched_is_still_the_control_of_a_later_one() {
    let two = "  after: [one]\n  batch: 1\n  on_anomaly: rollback\n";
    let fleet = Fleet::new(&(step("one", "  batch: 3\n") + &step("two", two)));
    fleet.write("wait-do-h1", "");
    let run = fleet.start(&["run", "plan.yaml"]);
    fleet.acted("do one h1 1");
    fleet.remove("wait-do-h1");
    fleet.acted("do two h1 1");
    fleet.lose_everywhere(90.0);
    fleet.recorded("a hold", |record| {
        record["step"] == "two"
            && record["reason"]
                .as_str()
                .is_some_and(|reason| reason.contains("2 of 2 untouched series have it too"))
    });
    fleet.lose_everywhere(0.0);
    assert_eq!(run.end(), Some(0));
}

#[test]
fn without_samples_the_gate_holds_and_goes_on_when_they_come_again() {
    let mut fleet = Fleet::new(&two_steps());
    fleet.starve();
    let run = fleet.start(&["run", "plan.yaml"]);
    fleet.recorded("a hold", |record| {
        record["decision"] == "hold"
            && record["reason"].as_str().is_some_and(|reason| reason.contains("unknown"))
    });
    assert!(fleet.ledger().is_empty());
    fleet.feed();
    fleet.acted("do one h1 1");
    fleet.starve();
    fleet.recorded("a hold", |record| {
        record["side"] == "after"
            && record["reason"].as_str().is_some_and(|reason| reason.contains("unknown (stale)"))
    });
    assert_eq!(fleet.ledger().len(), 3);
    fleet.feed();
    assert_eq!(run.end(), Some(0));
    let decisions = fleet.journal();
    assert!(decisions.iter().all(|record| record["decision"] != "rollback" && record["decision"] != "abort"));
}

#[test]
fn a_second_driver_is_turned_away_and_a_damaged_journal_is_refused() {
    let fleet = Fleet::new(&two_steps());
    fleet.write("wait-do-h1", "");
    let run = fleet.start(&["run", "plan.yaml"]);
    fleet.acted("do one h1 1");
    assert_eq!(fleet.say(&["run", "plan.yaml"]).0, Some(6));
    run.kill();
    fleet.remove("wait-do-h1");
    let journal = fleet.path("state/head");
    let mut bytes = std::fs::read(&journal).expect("the head");
    bytes[0] ^= 1;
    std::fs::write(&journal, bytes).expect("a file");
    let (code, text) = fleet.say(&["run", "--resume", "any"]);
    assert_eq!(code, Some(5), "{text}");
    assert!(text.contains("damaged"), "{text}");
}
