//! Output of any amount and kind is read, kept within bounds, and holds nobody up.

use crate::rig::{Rig, exec, exists, output};
use quietgate::actions::End;
use quietgate::settings::Given;

#[test]
fn a_flood_is_read_to_its_end_and_its_two_ends_are_kept() {
    let rig = Rig::best();
    rig.script("act", "echo first; head -c 300000000 /dev/zero; echo last");
    let spec = exec(&["./act"], &[("output", Given::plain("4096B"))]);
    let before = peak_memory();
    let outcome = rig.run(&spec);
    assert_eq!((&outcome.end, outcome.bytes, outcome.truncated), (&End::Succeeded, 300_000_011, true));
    let kept = output(&outcome);
    assert!(kept.starts_with("first\n\0") && kept.ends_with("\0last\n"));
    assert!(kept.contains("\n[quietgate left out 299995915 bytes here]\n") && kept.len() < 4200);
    assert!(peak_memory() - before < 8 << 20, "it was kept in memory");
}

/// The most memory that this process has had, in bytes.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("our status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the peak");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}

#[test]
fn a_flood_without_end_is_ended_in_time() {
    for mut rig in Rig::each() {
        rig.timeout_ms = 200;
        let outcome = rig.exec(&["yes"]);
        assert_eq!((&outcome.end, outcome.truncated), (&End::TimedOut, true));
        assert!(outcome.survivors.is_empty() && outcome.bytes > 1 << 20, "{outcome:?}");
    }
}

#[test]
fn output_can_be_read_while_it_comes() {
    let rig = Rig::best();
    // it goes on only when what it said has been seen in the file
    rig.script("act", "echo hello; while ! grep -q hello out/*.out; do sleep 0.01; done");
    assert_eq!(rig.exec(&["./act"]).end, End::Succeeded);
}

#[test]
fn who_closes_its_output_early_is_waited_for() {
    for rig in Rig::each() {
        rig.script("act", "echo a; exec >&- 2>&-; sleep 0.2; exit 3");
        let outcome = rig.exec(&["./act"]);
        assert_eq!((&outcome.end, output(&outcome).as_str()), (&End::Exited(3), "a\n"));
    }
}

#[test]
fn who_keeps_the_output_open_after_the_end_holds_nobody_up() {
    for rig in Rig::each() {
        rig.script("act", "setsid sh -c 'echo $$ > child; trap \"\" TERM; while :; do echo x; sleep 0.01; done' & while ! [ -s child ]; do sleep 0.01; done; echo done");
        let spec = exec(&["./act"], &[("grace", Given::plain("50ms"))]);
        let outcome = rig.run(&spec);
        assert_eq!((&outcome.end, outcome.survivors.len()), (&End::Succeeded, 0));
        assert!(output(&outcome).contains("done\n") && !exists(rig.pid("child")));
    }
}

#[test]
fn output_that_is_no_text_is_kept_as_it_is() {
    let rig = Rig::best();
    let outcome = rig.exec(&["printf", "\\377\\000\\033[31m"]);
    assert_eq!(std::fs::read(outcome.output.expect("an output")).expect("a file"), b"\xff\0\x1b[31m");
}
