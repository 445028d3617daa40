//! Each way to end is told apart.

use crate::rig::{Rig, exec, output, runtime, text, uncollected, until, values};
use quietgate::actions::{Allowed, End, Spec};
use quietgate::settings::Given;
use std::fs;

#[test]
fn exit_code_and_signal_are_told_apart() {
    for rig in Rig::each() {
        for (script, end) in [
            ("echo out; echo err >&2", End::Succeeded),
            ("exit 7", End::Exited(7)),
            ("exit 255", End::Exited(255)),
            ("kill -9 $$", End::Signalled(9)),
            ("kill -15 $$", End::Signalled(15)),
        ] {
            rig.script("act", script);
            let outcome = rig.exec(&["./act"]);
            assert_eq!((&outcome.end, outcome.survivors.len()), (&end, 0), "{script}");
            let told = rig.told.lock().expect("a list").pop();
            assert_eq!((outcome.spawned.is_some(), &outcome.spawned), (true, &told));
        }
        rig.script("act", "echo out; echo err >&2");
        assert_eq!(output(&rig.exec(&["./act"])), "out\nerr\n");
        assert_eq!(uncollected(), Vec::<String>::new());
    }
}

#[test]
fn what_cannot_start_says_why_and_is_no_process() {
    let rig = Rig::best();
    rig.script("plain", "true");
    fs::set_permissions(rig.path("plain"), std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .expect("a file");
    rig.script("odd", "true");
    fs::write(rig.path("odd"), "#!/no/such/interpreter\n").expect("a script");
    rig.script("garbage", "true");
    fs::write(rig.path("garbage"), "\u{7f}ELF").expect("no script");
    let missing = exec(&["true"], &[("dir", text("nowhere"))]);
    let file = exec(&["true"], &[("dir", text("plain"))]);
    for (spec, why) in [
        (exec(&["./missing"], &[]), "./missing: No such file or directory"),
        (exec(&["missing-program"], &[]), "missing-program: no such program in PATH (/usr/local/sbin:"),
        (exec(&["./plain"], &[]), "./plain: permission denied (not executable)"),
        (exec(&["./out"], &[]), "./out: not a file"),
        (exec(&["./odd"], &[]), "./odd: No such file or directory (os error 2) (the interpreter"),
        (exec(&["./garbage"], &[]), "./garbage: Exec format error"),
        (missing, "/nowhere: No such file or directory"),
        (file, "/plain: not a folder"),
        (exec(&["true", "${label.rack}"], &[]), "target h1 has no label rack"),
        (exec(&["true", "${label.dash}"], &[]), "\"-rf\" would be taken for an option"),
    ] {
        let outcome = rig.run(&spec);
        match &outcome.end {
            End::NotStarted(reason) => assert!(reason.contains(why), "{reason} is not {why}"),
            other => panic!("{why}: {other}"),
        }
        assert_eq!(outcome.spawned, None, "{why}");
    }
    assert!(rig.told.lock().expect("a list").is_empty(), "a process was told");
}

#[test]
fn an_output_that_cannot_be_kept_keeps_the_action_from_starting() {
    let rig = Rig::best();
    fs::remove_dir(rig.path("out")).expect("an empty folder");
    assert!(
        matches!(rig.exec(&["true"]).end, End::NotStarted(reason) if reason.contains("/out: No such file"))
    );
    assert!(rig.told.lock().expect("a list").is_empty());
}

#[test]
fn what_takes_too_long_is_ended() {
    for mut rig in Rig::each() {
        rig.timeout_ms = 100;
        let outcome = rig.exec(&["sleep", "1000"]);
        assert_eq!((outcome.end, outcome.survivors), (End::TimedOut, vec![]));
        assert_eq!(uncollected(), Vec::<String>::new());
    }
}

#[test]
fn what_is_cancelled_is_ended_and_says_so_even_if_it_exits_with_0() {
    for rig in Rig::each() {
        rig.script("act", "trap 'echo bye; exit 0' TERM; echo up > up; while :; do sleep 0.01; done");
        let outcome = rig.cancelled_at(&exec(&["./act"], &[]), "up");
        assert!(outcome.end == End::Cancelled && output(&outcome).ends_with("bye\n"), "{outcome:?}");
    }
}

#[test]
fn what_waits_or_does_nothing_ends_the_same_ways() {
    let mut rig = Rig::best();
    let wait = |ms| {
        Spec::new("wait", &[("duration".to_owned(), Given::plain(&format!("{ms}ms")))], Allowed::default())
    };
    assert_eq!(rig.run(&wait(1).expect("a wait")).end, End::Succeeded);
    rig.timeout_ms = 1;
    assert_eq!(rig.run(&wait(60_000).expect("a wait")).end, End::TimedOut);
    let noop = Spec::new("noop", &[], Allowed::default()).expect("a noop");
    assert_eq!(rig.run(&noop).end, End::Succeeded);
    rig.timeout_ms = 60_000;
    rig.canceller.cancel();
    assert_eq!(rig.run(&wait(60_000).expect("a wait")).end, End::Cancelled);
}

#[test]
fn an_attempt_that_nobody_waits_for_is_killed() {
    for rig in Rig::each() {
        rig.script(
            "act",
            "trap '' TERM; setsid sh -c 'echo $$ > child; exec sleep 1000' & echo $$ > root; wait",
        );
        runtime().block_on(async {
            let (outputs, values, spec) = (rig.io(), values(), exec(&["./act"], &[]));
            let io = outputs.io();
            tokio::select! {
                outcome = spec.run(&values, &io) => panic!("it ended: {outcome:?}"),
                () = until(|| rig.has("child") && rig.has("root")) => {}
            }
            let alive = |name| {
                fs::read_to_string(format!("/proc/{}/stat", rig.pid(name)))
                    .is_ok_and(|stat| !stat.contains(") Z "))
            };
            until(|| !alive("child") && !alive("root")).await;
        });
    }
}
