//! Actions that fail, hang, leave things behind; undos that fail; a driver that was killed.

use super::fleet::{Fleet, step, wait};

#[test]
fn an_undo_that_fails_is_stuck_until_a_person_has_settled_it() {
    let fleet = Fleet::new(&step("one", "  batch: 3\n"));
    fleet.write("wait-do-h1", "");
    fleet.write("fail-undo-h2", "");
    let run = fleet.start(&["run", "plan.yaml"]);
    fleet.acted("do one h3 1");
    assert_eq!(fleet.say(&["rollback", "--reason", "users call"]).0, Some(0));
    fleet.remove("wait-do-h1");
    assert_eq!(run.end(), Some(3));
    let loud = fleet.said("run.out") + &fleet.said("run.err");
    assert!(loud.contains("stuck: undoing one on h2 failed"), "{loud}");
    let undone = fleet.ledger().iter().filter(|line| line.starts_with("undo")).count();
    fleet.remove("fail-undo-h2");
    assert_eq!(fleet.say(&["retry", "one", "h2", "--reason", "mended"]).0, Some(0));
    assert_eq!(fleet.start(&["run", "--resume", &fleet.run_name()]).end(), Some(4));
    let ledger = fleet.ledger();
    assert_eq!(
        ledger.iter().filter(|line| line.starts_with("undo")).count(),
        4,
        "{ledger:?}, {undone} at first"
    );
}

#[test]
fn an_attempt_whose_driver_was_killed_is_settled_by_a_person() {
    let fleet = Fleet::new(&step("one", "  batch: 3\n"));
    fleet.write("wait-do-h1", "");
    let run = fleet.start(&["run", "plan.yaml"]);
    fleet.acted("do one h1 1");
    fleet.recorded("the others", |record| record["kind"] == "result" && record["target"] == "h3");
    fleet.recorded("the others", |record| record["kind"] == "result" && record["target"] == "h2");
    run.kill();
    let name = fleet.run_name();
    assert_eq!(fleet.start(&["run", "--resume", &name]).end(), Some(3));
    let said = fleet.said("run.err");
    assert!(said.contains("quietgate resolve one h1 --ran") && said.contains("still running"), "{said}");
    let (code, text) = fleet.say(&["resolve", "one", "h1", "--not-ran", "--reason", "looked"]);
    assert_eq!((code, text.contains("still running")), (Some(2), true), "{text}");
    fleet.remove("wait-do-h1");
    let (code, text) = fleet.say(&["resolve", "one", "h1", "--reason", "looked"]);
    assert_eq!(code, Some(2), "ran or not: {text}");
    wait("the end of what was left", || {
        let (code, _) = fleet.say(&["resolve", "one", "h1", "--not-ran", "--reason", "looked"]);
        (code == Some(0)).then_some(())
    });
    assert_eq!(fleet.start(&["run", "--resume", &name]).end(), Some(0));
    let tries = fleet.ledger().into_iter().filter(|line| line.ends_with("h1 1") || line.ends_with("h1 2"));
    assert_eq!(tries.collect::<Vec<_>>(), ["do one h1 1", "do one h1 2"]);
}

#[test]
fn a_probe_settles_what_a_killed_driver_left_once_nothing_of_it_runs_any_more() {
    let probe = "  probe: {kind: exec, argv: [sh, -c, 'test -e done-$1', sh, \"${target}\"], timeout: 30s}\n";
    let fleet = Fleet::new(&step("one", &format!("  batch: 3\n{probe}")));
    fleet.write("wait-do-h1", "");
    let run = fleet.start(&["run", "plan.yaml"]);
    fleet.acted("do one h1 1");
    for target in ["h2", "h3"] {
        fleet.recorded("the others", |record| record["kind"] == "result" && record["target"] == target);
    }
    run.kill();
    let name = fleet.run_name();
    fleet.write("done-h1", "");
    assert_eq!(
        fleet.start(&["run", "--resume", &name]).end(),
        Some(3),
        "it still runs: what a probe says may not hold"
    );
    assert!(fleet.said("run.err").contains("still running"), "{}", fleet.said("run.err"));
    fleet.remove("wait-do-h1");
    wait("the probe", || {
        let code = fleet.start(&["run", "--resume", &name]).end();
        (code == Some(0)).then_some(())
    });
    let resolve = fleet.recorded("what the probe said", |record| record["kind"] == "resolve");
    assert_eq!((resolve["who"].as_str(), resolve["ran"].as_bool()), (Some("probe"), Some(true)));
    assert_eq!(fleet.ledger().len(), 3);
    // what is looked at after the batch begins when it is known what became of it
    let passed =
        fleet.recorded("the end", |record| record["side"] == "after" && record["decision"] == "proceed");
    let at = |record: &serde_json::Value| {
        record["at"]
            .as_str()
            .and_then(|at| at.parse::<jiff::Timestamp>().ok())
            .expect("a time")
            .as_millisecond()
    };
    assert!(at(&passed) >= at(&resolve) + 600, "{passed} after {resolve}");
}

#[test]
fn an_undo_of_a_failed_action_is_not_forgotten_for_what_a_probe_does_not_find() {
    let probe = "  probe: {kind: exec, argv: [sh, -c, 'test -e done-$1', sh, \"${target}\"], timeout: 30s}\n";
    let fleet = Fleet::new(&step("one", &format!("  batch: 3\n{probe}")));
    for file in ["fail-do-h1", "wait-undo-h1", "fail-undo-h1"] {
        fleet.write(file, "");
    }
    assert_eq!(fleet.start(&["run", "plan.yaml"]).end(), Some(3), "one failed, none may");
    let name = fleet.run_name();
    assert_eq!(fleet.say(&["rollback", "--reason", "users call"]).0, Some(0));
    let run = fleet.start(&["run", "--resume", &name]);
    fleet.acted("undo one h1 1");
    run.kill();
    // nothing is undone, and nobody puts it on record
    fleet.remove("wait-undo-h1");
    let code = wait("the end of what was left", || {
        let code = fleet.start(&["run", "--resume", &name]).end();
        (!fleet.said("run.err").contains("once that has ended")).then_some(code)
    });
    assert_eq!(code, Some(3), "the probe would have said the same before the undo");
    assert!(!fleet.journal().iter().any(|record| record["kind"] == "resolve"), "{}", fleet.said("run.err"));
    fleet.remove("fail-undo-h1");
    assert_eq!(fleet.say(&["resolve", "one", "h1", "--not-ran", "--reason", "looked"]).0, Some(0));
    assert_eq!(fleet.start(&["run", "--resume", &name]).end(), Some(4));
    let undone = fleet.ledger().into_iter().filter(|line| line.starts_with("undo one h1"));
    assert_eq!(undone.collect::<Vec<_>>(), ["undo one h1 1", "undo one h1 2"]);
}

#[test]
fn how_an_action_ends_is_on_record_and_what_it_left_behind_is_gone() {
    let exec = |argv: &str| format!("{{kind: exec, argv: [{argv}], timeout: 500ms}}");
    let one = |name: &str, argv: &str| {
        format!("- step: {name}\n  targets: name={name}\n  action: {}\n", exec(argv))
    };
    let steps =
        one("h1", "sh, -c, 'sleep 600'") + &one("h2", "sh, -c, 'kill -9 $$'") + &one("h3", "./not-there");
    let fleet = Fleet::new(&steps.replace("targets: name=", "targets: name = "));
    let plan = std::fs::read_to_string(fleet.path("plan.yaml")).expect("the plan");
    fleet.write("plan.yaml", &plan.replace("signals:", "max_failed: 3\nsignals:"));
    let (code, text) = fleet.say(&["run", "plan.yaml"]);
    assert_eq!(code, Some(0), "{text}");
    let end = |target: &str| {
        let record =
            fleet.recorded("a result", |record| record["kind"] == "result" && record["target"] == target);
        (
            record["end"].as_str().expect("a word").to_owned(),
            record["reason"].as_str().expect("words").to_owned(),
        )
    };
    assert_eq!(end("h1"), ("timed_out".to_owned(), "timed out after 500 ms".to_owned()));
    assert_eq!(end("h2").0, "signalled");
    assert_eq!(end("h3").0, "not_started");
}

#[test]
fn mistakes_are_told_before_anything_is_touched() {
    let fleet = Fleet::new(&step("one", "  batch: 3\n"));
    let plan = std::fs::read_to_string(fleet.path("plan.yaml")).expect("the plan");
    fleet.write("plan.yaml", &plan.replace("signals: [loss]", "signals: [los]"));
    let (code, text) = fleet.say(&["run", "plan.yaml"]);
    assert_eq!(code, Some(2));
    assert!(text.contains("plan.yaml:3:11: signal is \"los\""), "{text}");
    assert!(!fleet.path("state").exists());
    let (code, text) = fleet.say(&["run", "plan.yaml", "--config", "none.yaml"]);
    assert_eq!((code, text.contains("none.yaml")), (Some(2), true), "{text}");
}
