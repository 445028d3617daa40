//! What persons ask for from a second terminal, with and without a driver.

use super::fleet::{Fleet, step, wait};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;

#[test]
fn a_step_that_needs_approval_waits_for_a_person() {
    let fleet = Fleet::new(&step("one", "  batch: 2\n  approve: true\n"));
    let run = fleet.start(&["run", "plan.yaml"]);
    let status = || fleet.say(&["status"]).1;
    wait("the question", || status().contains("quietgate approve one").then_some(()));
    assert!(fleet.ledger().is_empty());
    let (code, text) = fleet.say(&["approve", "one"]);
    assert_eq!((code, text.contains("a reason is needed")), (Some(2), true), "{text}");
    let (code, text) = fleet.say(&["approve", "two", "--reason", "so"]);
    assert_eq!((code, text.contains("its steps are one")), (Some(2), true), "{text}");
    let (code, text) = fleet.say(&["approve", "one", "2", "--reason", "so"]);
    assert_eq!((code, text.contains("the next batch of one is 1")), (Some(2), true), "{text}");
    assert_eq!(fleet.say(&["approve", "one", "1", "--reason", "change 7"]).0, Some(0));
    assert_eq!(run.end(), Some(0));
    let approval = fleet.recorded("the approval", |record| record["kind"] == "approval");
    assert_eq!(approval["reason"], "change 7");
    assert!(approval["who"].as_str().is_some_and(|who| !who.is_empty()), "{approval}");
}

#[test]
fn a_pause_keeps_the_driver_and_a_freeze_keeps_batches_from_starting() {
    let fleet = Fleet::new(&(step("one", "  batch: 3\n") + &step("two", "  after: [one]\n  batch: 3\n")));
    assert_eq!(fleet.say(&["freeze", "--reason", "fair"]).0, Some(2), "there is no state yet");
    fleet.write("wait-do-h1", "");
    let run = fleet.start(&["run", "plan.yaml"]);
    fleet.acted("do one h3 1");
    assert_eq!(fleet.say(&["pause", "--reason", "lunch"]).0, Some(0));
    fleet.remove("wait-do-h1");
    fleet.recorded("the end of h1", |record| record["kind"] == "result" && record["target"] == "h1");
    let (_, status) = fleet.say(&["status"]);
    assert!(status.contains("lunch") && status.contains("quietgate resume"), "{status}");
    assert_eq!(fleet.say(&["freeze", "--reason", "fair"]).0, Some(0));
    assert_eq!(fleet.say(&["resume", "--reason", "back"]).0, Some(0));
    wait("the freeze", || fleet.say(&["status"]).1.contains("frozen by").then_some(()));
    let (code, text) = fleet.say(&["resume", "--reason", "back"]);
    assert_eq!((code, text.contains("not paused")), (Some(2), true), "{text}");
    assert_eq!(fleet.ledger().len(), 3);
    assert_eq!(fleet.say(&["unfreeze", "--reason", "over"]).0, Some(0));
    assert_eq!(run.end(), Some(0));
}

#[test]
fn what_a_batch_is_to_blame_for_while_the_run_is_paused_is_on_record() {
    let fleet = Fleet::new(&step("one", "  batch: 1\n  on_anomaly: rollback\n"));
    fleet.write("wait-do-h1", "");
    let run = fleet.start(&["run", "plan.yaml"]);
    fleet.acted("do one h1 1");
    assert_eq!(fleet.say(&["pause", "--reason", "lunch"]).0, Some(0));
    fleet.lose("h1", 90.0);
    let gate =
        fleet.recorded("the gate's word", |record| record["kind"] == "gate" && record["decision"] == "pause");
    assert!(gate["reason"].as_str().is_some_and(|reason| reason.contains("loss{host=\"h1\"")), "{gate}");
    fleet.lose("h1", 0.0);
    fleet.remove("wait-do-h1");
    assert_eq!(run.end(), Some(3), "a person is needed");
    assert_eq!(fleet.ledger(), ["do one h1 1"], "nothing is undone, and nothing starts");
}

#[test]
fn an_abort_ends_the_run_and_a_rollback_undoes_it() {
    for (verb, code, undone) in [("abort", 1, 0), ("rollback", 4, 3)] {
        let fleet = Fleet::new(&step("one", "  batch: 3\n"));
        fleet.write("wait-do-h1", "");
        let run = fleet.start(&["run", "plan.yaml"]);
        fleet.acted("do one h3 1");
        assert_eq!(fleet.say(&[verb, "--reason", "users call"]).0, Some(0));
        fleet.remove("wait-do-h1");
        assert_eq!(run.end(), Some(code));
        let undos = fleet.ledger().iter().filter(|line| line.starts_with("undo")).count();
        assert_eq!(undos, undone, "{verb}");
    }
}

#[test]
fn what_nobody_drives_is_told_by_the_journal_and_changed_in_it() {
    let fleet = Fleet::new(&step("one", "  batch: 1\n"));
    fleet.write("fail-do-h2", "");
    assert_eq!(fleet.start(&["run", "plan.yaml"]).end(), Some(3), "one failed, none may");
    let name = fleet.run_name();
    let (code, status) = fleet.say(&["status"]);
    assert_eq!(code, Some(0));
    for words in ["1 failed, 0 may", "exit code 7", "quietgate retry one h2", "quietgate skip one h2"] {
        assert!(status.contains(words), "{words}: {status}");
    }
    assert_eq!(fleet.say(&["retry", "one", "h2", "--reason", "disk was full"]).0, Some(0));
    assert_eq!(fleet.start(&["run", "--resume", &name]).end(), Some(3), "it fails once more");
    assert_eq!(fleet.say(&["skip", "one", "h2", "--reason", "will be replaced"]).0, Some(0));
    assert_eq!(fleet.start(&["run", "--resume", &name]).end(), Some(0));
    assert_eq!(fleet.ledger(), ["do one h1 1", "do one h2 1", "do one h2 2", "do one h3 1"]);
    let (code, text) = fleet.say(&["abort", "--reason", "so"]);
    assert_eq!((code, text.contains("no run is under way")), (Some(2), true), "{text}");
}

#[test]
fn an_abort_without_a_driver_ends_the_run() {
    let fleet = Fleet::new(&step("one", "  batch: 1\n"));
    fleet.write("fail-do-h1", "");
    assert_eq!(fleet.start(&["run", "plan.yaml"]).end(), Some(3));
    assert_eq!(fleet.say(&["abort", "--reason", "another day"]).0, Some(0));
    fleet.remove("fail-do-h1");
    assert_eq!(fleet.start(&["run", "plan.yaml"]).end(), Some(0), "another run may begin");
}

#[test]
fn the_socket_is_its_owners_alone_and_bears_nonsense() {
    let fleet = Fleet::new(&step("one", "  batch: 3\n"));
    fleet.write("wait-do-h1", "");
    let run = fleet.start(&["run", "plan.yaml"]);
    fleet.acted("do one h1 1");
    let path = fleet.path("state/control.sock");
    let mode = std::fs::metadata(&path).expect("the socket").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let answer = |question: &[u8]| {
        let mut stream = UnixStream::connect(&path).expect("the socket");
        let mut answer = String::new();
        // a driver that has heard enough closes
        drop(stream.write_all(question));
        drop(stream.read_to_string(&mut answer));
        answer
    };
    for nonsense in
        [&b"\n"[..], b"{}\n", b"{\"ask\":\"do\",\"verb\":\"explode\",\"reason\":\"so\"}\n", b"\xff\xfe\n"]
    {
        let answer = answer(nonsense);
        assert!(answer.is_empty() || answer.contains("refused"), "{answer}");
    }
    assert!(answer(b"{\"ask\":\"do\",\"verb\":\"abort\",\"reason\":\" \"}\n").contains("a reason is needed"));
    answer(&[b'x'; 100_000]);
    // who says nothing keeps nobody else waiting
    let _silent: Vec<_> = (0..5).map(|_| UnixStream::connect(&path).expect("the socket")).collect();
    assert!(fleet.say(&["status"]).1.contains("going"));
    fleet.remove("wait-do-h1");
    assert_eq!(run.end(), Some(0));
}

#[test]
fn who_watches_sees_every_record() {
    let fleet = Fleet::new(&step("one", "  batch: 3\n"));
    fleet.write("wait-do-h1", "");
    let run = fleet.start(&["run", "plan.yaml"]);
    fleet.acted("do one h1 1");
    let watch = fleet.start(&["watch", "--format", "json"]);
    wait("who watches", || {
        fleet.say(&["pause", "--reason", "look"]);
        fleet.say(&["resume", "--reason", "look"]);
        (!fleet.said("watch.out").is_empty()).then_some(())
    });
    fleet.remove("wait-do-h1");
    assert_eq!((run.end(), watch.end()), (Some(0), Some(0)));
    let seen: Vec<serde_json::Value> =
        fleet.said("watch.out").lines().map(|line| serde_json::from_str(line).expect("an object")).collect();
    let journal = fleet.journal();
    assert_eq!(seen, journal[journal.len() - seen.len()..]);
}
