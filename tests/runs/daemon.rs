//! `quietgate serve` as an operator has it: several runs at once, restarts of every kind, and a config that changes.

use super::fleet::{Fleet, Run, plan, step, wait};

/// A daemon that answers, and two plans that share no target.
fn serving() -> (Fleet, Run) {
    let fleet = Fleet::new(&step("one", "  batch: 1\n"));
    fleet.write("a.yaml", &plan("a", &["h1", "h2"], "  batch: 1\n"));
    fleet.write("b.yaml", &plan("b", &["h3"], "  batch: 1\n"));
    let daemon = begin(&fleet);
    (fleet, daemon)
}

fn begin(fleet: &Fleet) -> Run {
    let daemon = fleet.start(&["serve", "--stop-within", "5s"]);
    wait("the daemon", || {
        (fleet.say(&["status"]).0 == Some(0) && fleet.said("serve.err").contains("serves")).then_some(())
    });
    daemon
}

fn submit(fleet: &Fleet, plan: &str) -> String {
    let (code, run) = fleet.say(&["submit", plan, "--reason", "change 7"]);
    assert_eq!(code, Some(0), "{run}");
    run.trim().to_owned()
}

fn is_done(fleet: &Fleet, run: &str) -> bool {
    fleet
        .journal()
        .iter()
        .any(|record| record["kind"] == "finish" && record["run"] == run && record["decision"] == "done")
}

#[test]
fn two_runs_go_on_at_once_and_no_target_is_in_both() {
    let (fleet, _daemon) = serving();
    fleet.write("wait-do-h1", "");
    let (a, b) = (submit(&fleet, "a.yaml"), submit(&fleet, "b.yaml"));
    let began = fleet.recorded("the plan", |record| record["kind"] == "plan" && record["run"] == *a);
    assert_eq!(began["by"]["reason"], "change 7", "{began}");
    let (code, text) = fleet.say(&["submit", "plan.yaml", "--reason", "too much"]);
    assert_eq!((code, text.contains("which is not over")), (Some(2), true), "{text}");
    wait("the other run", || is_done(&fleet, &b).then_some(()));
    assert!(!is_done(&fleet, &a), "it still waits");
    fleet.remove("wait-do-h1");
    wait("the first run", || is_done(&fleet, &a).then_some(()));
    assert_eq!(fleet.ledger().len(), 3);
}

#[test]
fn of_several_runs_the_one_is_named_that_is_meant_and_a_freeze_is_for_all() {
    let (fleet, _daemon) = serving();
    fleet.write("wait-do-h1", "");
    fleet.write("wait-do-h3", "");
    let (a, b) = (submit(&fleet, "a.yaml"), submit(&fleet, "b.yaml"));
    fleet.acted("do a h1 1");
    let (code, text) = fleet.say(&["pause", "--reason", "which"]);
    assert_eq!((code, text.contains("name one of them")), (Some(2), true), "{text}");
    assert_eq!(fleet.say(&["pause", "--run", &a, "--reason", "lunch"]).0, Some(0));
    assert_eq!(fleet.say(&["freeze", "--reason", "fair"]).0, Some(0));
    fleet.remove("wait-do-h1");
    fleet.remove("wait-do-h3");
    wait("the run that has begun", || is_done(&fleet, &b).then_some(()));
    assert_eq!(fleet.say(&["resume", "--run", &a, "--reason", "back"]).0, Some(0));
    wait("the freeze", || fleet.say(&["status"]).1.contains("frozen by").then_some(()));
    assert!(!fleet.ledger().iter().any(|line| line.contains("h2")), "{:?}", fleet.ledger());
    assert_eq!(fleet.say(&["unfreeze", "--reason", "over"]).0, Some(0));
    wait("the first run", || is_done(&fleet, &a).then_some(()));
}

#[test]
fn what_was_in_flight_when_a_daemon_was_killed_is_unknown_and_the_next_one_goes_on_with_the_rest() {
    let (fleet, daemon) = serving();
    fleet.write("wait-do-h1", "");
    let (a, b) = (submit(&fleet, "a.yaml"), submit(&fleet, "b.yaml"));
    fleet.acted("do a h1 1");
    fleet.recorded("the end of h3", |record| record["kind"] == "result" && record["target"] == "h3");
    daemon.kill();
    fleet.remove("wait-do-h1");
    let _next = begin(&fleet);
    fleet.recorded("that it is unknown", |record| record["kind"] == "unknown" && record["run"] == *a);
    wait("the other run", || is_done(&fleet, &b).then_some(()));
    wait("the pause", || fleet.say(&["status"]).1.contains("paused").then_some(()));
    assert!(!fleet.ledger().iter().any(|line| line.contains("h2")), "nothing starts: {:?}", fleet.ledger());
    assert_eq!(fleet.say(&["resolve", "a", "h1", "--ran", "--reason", "seen"]).0, Some(0));
    assert_eq!(fleet.say(&["resume", "--reason", "all is known"]).0, Some(0));
    wait("the first run", || is_done(&fleet, &a).then_some(()));
    assert_eq!(fleet.ledger().iter().filter(|line| line.contains("h1")).count(), 1, "never twice");
}

#[test]
fn one_that_is_told_to_end_waits_for_what_is_in_flight_and_leaves_the_rest_to_the_next() {
    let (fleet, daemon) = serving();
    fleet.write("wait-do-h1", "");
    let a = submit(&fleet, "a.yaml");
    fleet.acted("do a h1 1");
    daemon.interrupt();
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert!(fleet.say(&["status"]).1.contains("going"), "it waits");
    fleet.remove("wait-do-h1");
    assert_eq!(daemon.end(), Some(0));
    let ended = fleet.recorded("the end", |record| record["kind"] == "result" && record["target"] == "h1");
    assert_eq!(ended["end"], "succeeded");
    assert!(!fleet.ledger().iter().any(|line| line.contains("h2")));
    let _next = begin(&fleet);
    wait("the run", || is_done(&fleet, &a).then_some(()));
    assert!(!fleet.journal().iter().any(|record| record["kind"] == "pause"), "nobody was needed");
}

#[test]
fn what_does_not_end_within_the_limit_is_ended_and_unknown() {
    let (fleet, daemon) = serving();
    fleet.write("wait-do-h1", "");
    submit(&fleet, "a.yaml");
    fleet.acted("do a h1 1");
    daemon.interrupt();
    assert_eq!(daemon.end(), Some(0));
    let unknown = fleet.recorded("the end", |record| record["kind"] == "unknown");
    assert_eq!(unknown["target"], "h1");
    assert!(fleet.said("serve.err").contains("its outcome is unknown"), "{}", fleet.said("serve.err"));
}

#[test]
fn a_config_counts_wholly_or_not_at_all() {
    let (fleet, _daemon) = serving();
    let config = fleet.said("quietgate.yaml");
    fleet.write("quietgate.yaml", &config.replace("above: 50", "above: fifty"));
    let (code, text) = fleet.say(&["reload"]);
    assert_eq!((code, text.contains("fifty")), (Some(2), true), "{text}");
    fleet.write("quietgate.yaml", &config.replace("state: state", "state: other"));
    let (code, text) = fleet.say(&["reload", "--state", "state"]);
    assert_eq!((code, text.contains("restart")), (Some(2), true), "{text}");
    fleet.write("quietgate.yaml", &config.replace("above: 50", "above: 60"));
    fleet.write("wait-do-h3", "");
    let b = submit(&fleet, "b.yaml");
    assert_eq!(fleet.say(&["reload", "--reason", "more patience"]).0, Some(0));
    assert!(fleet.said("serve.err").contains("more patience"));
    fleet.remove("wait-do-h3");
    wait("the run, by the config that it began with", || is_done(&fleet, &b).then_some(()));
    let a = submit(&fleet, "a.yaml");
    let began = fleet.recorded("the plan", |record| record["run"] == *a && record["kind"] == "plan");
    assert!(began["config"].as_str().is_some_and(|text| text.contains("above: 60")), "{began}");
    wait("the other run", || is_done(&fleet, &a).then_some(()));
}

#[test]
fn who_has_no_daemon_is_told_how_to_begin_one() {
    let fleet = Fleet::new(&step("one", ""));
    fleet.write("state", "");
    fleet.remove("state");
    for words in [&["submit", "plan.yaml", "--reason", "x"][..], &["reload"]] {
        let (code, text) = fleet.say(words);
        assert_eq!((code, text.contains("quietgate serve")), (Some(2), true), "{text}");
    }
    let run = fleet.start(&["run", "plan.yaml"]);
    wait("the driver", || {
        let (code, text) = fleet.say(&["reload"]);
        assert_eq!(code, Some(2), "{text}");
        text.contains("not by a daemon").then_some(())
    });
    drop(run);
}

#[test]
fn the_service_manager_hears_that_it_is_ready_alive_reloading_and_ending() {
    let fleet = Fleet::new(&step("one", ""));
    let socket = std::os::unix::net::UnixDatagram::bind(fleet.path("notify")).expect("a socket");
    socket.set_read_timeout(Some(std::time::Duration::from_secs(30))).expect("a limit");
    let path = format!("NOTIFY_SOCKET={}", fleet.path("notify").display());
    let daemon = fleet.start_by(&["env", &path, "WATCHDOG_USEC=200000"], &["serve"]);
    let heard = || {
        let mut bytes = [0; 256];
        let len = socket.recv(&mut bytes).expect("a word");
        String::from_utf8_lossy(&bytes[..len]).into_owned()
    };
    assert_eq!(heard(), "READY=1\n");
    assert_eq!([heard(), heard()], ["WATCHDOG=1\n", "WATCHDOG=1\n"]);
    daemon.hang_up();
    let until = |word: &str| while !heard().starts_with(word) {};
    until("RELOADING=1\nMONOTONIC_USEC=");
    until("READY=1");
    daemon.interrupt();
    until("STOPPING=1");
    assert_eq!(daemon.end(), Some(0));
}

#[test]
fn how_much_is_told_is_changed_for_a_while() {
    let (fleet, _daemon) = serving();
    let said = || fleet.said("serve.err");
    assert_eq!(fleet.say(&["log-level", "error", "--for", "1s"]).0, Some(0));
    wait("its line", || said().contains("the log is at error for 1 s").then_some(()));
    let a = submit(&fleet, "b.yaml");
    wait("the run", || is_done(&fleet, &a).then_some(()));
    wait("the usual level", || said().contains("tells as much as usual again").then_some(()));
    assert_eq!(fleet.say(&["log-level", "debug", "--for", "1s"]).0, Some(0));
    wait("its line", || said().contains("the log is at debug for 1 s").then_some(()));
    for words in [&["log-level", "loud"][..], &["log-level", "debug", "--for", "2d"]] {
        assert_eq!(fleet.say(words).0, Some(2), "{words:?}");
    }
}
