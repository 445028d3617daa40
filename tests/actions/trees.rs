//! Nothing is left of what an action started, wherever it went.

use crate::rig::{Rig, exec, exists, runtime, uncollected, until, values};
use quietgate::actions::{Cage, End};
use quietgate::settings::Given;

/// A daemon: in a session of its own, with a parent that is gone, and its number in the file `$1`.
const DAEMON: &str = "(setsid sh -c 'echo $$ > \"$1\"; exec sleep 1000' sh \"$1\" >/dev/null 2>&1 &)
while ! [ -s \"$1\" ]; do sleep 0.01; done";

/// The same with nothing in its environment.
const HIDDEN: &str = "(env -i setsid sh -c 'echo $$ > \"$1\"; exec sleep 1000' sh \"$1\" >/dev/null 2>&1 &)
while ! [ -s \"$1\" ]; do sleep 0.01; done";

#[test]
fn a_daemon_that_a_success_leaves_behind_is_ended() {
    for rig in Rig::each() {
        for (name, script) in [("daemon", DAEMON), ("hidden", HIDDEN)] {
            rig.script("act", script);
            let outcome = rig.exec(&["./act", name]);
            assert_eq!((outcome.end, outcome.survivors), (End::Succeeded, vec![]), "{name} {:?}", rig.cage);
            assert!(!exists(rig.pid(name)), "{name} {:?}", rig.cage);
        }
        assert_eq!(uncollected(), Vec::<String>::new());
    }
}

#[test]
fn children_in_a_session_of_their_own_end_with_the_rest() {
    for rig in Rig::each() {
        rig.script(
            "act",
            "for n in 1 2 3; do setsid sh -c 'sleep 1000 & echo $! > c'$n'; wait' & done
             while ! [ -s c1 -a -s c2 -a -s c3 ]; do sleep 0.01; done; echo up > up; wait",
        );
        let outcome = rig.cancelled_at(&exec(&["./act"], &[]), "up");
        assert_eq!((outcome.end, outcome.survivors), (End::Cancelled, vec![]), "{:?}", rig.cage);
        assert!(["c1", "c2", "c3"].iter().all(|name| !exists(rig.pid(name))), "{:?}", rig.cage);
        assert_eq!(uncollected(), Vec::<String>::new());
    }
}

#[test]
fn who_does_not_heed_a_term_is_killed_after_the_grace() {
    for rig in Rig::each() {
        rig.script("act", "trap '' TERM; echo up > up; while :; do sleep 0.01; done");
        let spec = exec(&["./act"], &[("grace", Given::plain("50ms"))]);
        let outcome = rig.cancelled_at(&spec, "up");
        assert_eq!((outcome.end, outcome.survivors), (End::Cancelled, vec![]), "{:?}", rig.cage);
    }
}

#[test]
fn who_is_stopped_is_ended_too() {
    for rig in Rig::each() {
        rig.script("act", "echo up > up; kill -STOP $$");
        let outcome = rig.cancelled_at(&exec(&["./act"], &[]), "up");
        assert_eq!((outcome.end, outcome.survivors), (End::Cancelled, vec![]), "{:?}", rig.cage);
    }
}

#[test]
fn what_forks_as_it_ends_is_followed() {
    for rig in Rig::each() {
        // each one starts another one in a new session when it is asked to end
        rig.script(
            "act",
            "n=$1; trap 'setsid ./act $((n+1)) >/dev/null 2>&1 & exit' TERM
             echo $$ > p$n; [ $n -lt 3 ] || trap '' TERM; while :; do sleep 0.01; done",
        );
        let spec = exec(&["./act", "1"], &[("grace", Given::plain("300ms"))]);
        let outcome = rig.cancelled_at(&spec, "p1");
        assert_eq!((outcome.end, outcome.survivors), (End::Cancelled, vec![]), "{:?}", rig.cage);
        let left = (1..=4).filter(|n| rig.has(&format!("p{n}")) && exists(rig.pid(&format!("p{n}"))));
        assert_eq!(left.collect::<Vec<_>>(), Vec::<u32>::new(), "{:?}", rig.cage);
        assert_eq!(uncollected(), Vec::<String>::new());
    }
}

#[test]
fn what_may_be_of_another_action_is_named_and_ended_by_the_last_one() {
    let rig = Rig::new(Cage::Sweep("the test wants it so".into()));
    rig.script("hide", HIDDEN);
    rig.script("stay", "echo up > up; while ! [ -s go ]; do sleep 0.01; done");
    runtime().block_on(async {
        let (outputs, values) = (rig.io(), values());
        let io = outputs.io();
        let (stay, hide) = (exec(&["./stay"], &[]), exec(&["./hide", "hidden"], &[]));
        let first = async {
            until(|| rig.has("up")).await;
            let outcome = hide.run(&values, &io).await;
            let pid = rig.pid("hidden");
            assert_eq!(outcome.survivors, [format!("pid {pid} (sleep), of this or another action")]);
            assert!(exists(pid), "what may be of another action was ended");
            std::fs::write(rig.path("go"), "go\n").expect("a file");
        };
        let (second, ()) = tokio::join!(stay.run(&values, &io), first);
        assert_eq!((second.end, second.survivors), (End::Succeeded, vec![]));
        assert!(!exists(rig.pid("hidden")));
    });
}

#[test]
fn a_control_group_holds_all_and_is_gone_afterwards() {
    let rig = Rig::best();
    let Cage::Cgroup(parent) = &rig.cage else { return };
    // the child may be faster than we are, and is put in a moment later then
    rig.script(
        "act",
        "(setsid sh -c 'while ! grep -q quietgate- /proc/$$/cgroup; do sleep 0.01; done
                        cat /proc/$$/cgroup > child; echo >> child; sleep 1000' &)
         while ! [ -s child ]; do sleep 0.01; done",
    );
    let outcome = rig.exec(&["./act"]);
    let folder = outcome.spawned.and_then(|spawned| spawned.cgroup).expect("a control group");
    assert!(folder.starts_with(parent) && !folder.exists(), "{}", folder.display());
    let name = folder.file_name().and_then(|name| name.to_str()).expect("a name");
    let child = std::fs::read_to_string(rig.path("child")).expect("what the child saw");
    assert!(child.contains(name), "{child} is not in {name}");
}
