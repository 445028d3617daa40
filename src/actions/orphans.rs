//! What attempts of programs left running that have ended since: a driver that was killed takes nothing along.

use super::process::{MARK, Stat};
use rustix::process::Signal;
use std::collections::BTreeSet;
use std::fs;

/// What the processes are marked with that this program starts: its number and its start.
pub fn driver() -> String {
    Stat::of(std::process::id()).map_or_else(String::new, |own| name(&own))
}

/// The variable that processes have, beside their mark, that only look at the scene of an anomaly: nobody waits for their end.
pub(crate) const LOOKS: &str = "QUIETGATE_LOOKS";

/// The processes that were started by one of `drivers` which is gone, as people are told of them: `pid 12 (sleep)`, but for those
/// that only look. Of other users' processes nothing can be seen.
pub fn orphans(drivers: &BTreeSet<String>) -> Vec<Orphan> {
    let orphan = |(stat, mark): (Stat, String)| Orphan { words: stat.words(), mark };
    left(drivers, false).into_iter().map(orphan).collect()
}

/// A process of an attempt whose driver is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan {
    /// What marks all processes of its attempt.
    pub mark: String,
    /// As people are told of it.
    pub words: String,
}

/// Ends the processes that only look, of those `drivers` which are gone, and tells of them in the same way.
pub(crate) fn end_looks(drivers: &BTreeSet<String>) -> Vec<String> {
    let left = left(drivers, true);
    for (stat, _) in &left {
        // one that is gone meanwhile has ended as well
        let _ = stat.signal(Signal::KILL);
    }
    left.iter().map(|(stat, _)| stat.words()).collect()
}

/// What those of `drivers` left behind which are gone, of what only looks or of all else, each with its mark.
fn left(drivers: &BTreeSet<String>, looks: bool) -> Vec<(Stat, String)> {
    let gone: BTreeSet<&str> =
        drivers.iter().map(String::as_str).filter(|driver| !is_alive(driver)).collect();
    let is_left = |stat: &Stat, mark: &str| {
        !stat.is_zombie
            && mark.rsplit_once('.').is_some_and(|(maker, _)| gone.contains(maker))
            && stat.was_given(format!("{LOOKS}=1").as_bytes()) == looks
    };
    let marked = Stat::all().into_iter().filter_map(|stat| mark(&stat).map(|mark| (stat, mark)));
    marked.filter(|(stat, mark)| is_left(stat, mark)).collect()
}

fn name(stat: &Stat) -> String {
    format!("{}.{}", stat.pid, stat.started)
}

/// What marks a process, where a driver did: itself, and a number.
fn mark(stat: &Stat) -> Option<String> {
    let environment = fs::read(format!("/proc/{}/environ", stat.pid)).unwrap_or_default();
    environment.split(|byte| *byte == 0).find_map(|pair| {
        Some(std::str::from_utf8(pair).ok()?.strip_prefix(MARK)?.strip_prefix('=')?.to_owned())
    })
}

fn is_alive(driver: &str) -> bool {
    let pid = driver.split('.').next().and_then(|pid| pid.parse().ok());
    pid.and_then(Stat::of).is_some_and(|stat| name(&stat) == driver)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn what_a_program_left_that_is_gone_is_an_orphan_and_what_we_started_is_not() {
        let own = Stat::of(std::process::id()).expect("ourselves");
        let run = |mark: &str| {
            let mut command = Command::new("cat");
            command.env(MARK, mark).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("a program")
        };
        let ours = run(&format!("{}.0", driver()));
        // the number is ours, but the start is another's
        let gone = format!("{}.{}", own.pid, own.started + 1);
        let left = run(&format!("{gone}.0"));
        let words = |pid: u32| format!("pid {pid} (cat)");
        let drivers = BTreeSet::from([gone, driver()]);
        // until it has changed its program, the child is a copy of ourselves without the mark
        let told = || orphans(&drivers).into_iter().map(|orphan| orphan.words).collect::<Vec<_>>();
        let found = (0..1000).map(|_| told()).find(|found| found.contains(&words(left.id())));
        assert!(!found.expect("an orphan").contains(&words(ours.id())));
        assert_eq!(orphans(&BTreeSet::new()), Vec::new(), "those of other drivers are not looked at");
        for mut child in [ours, left] {
            drop(child.stdin.take());
            child.wait().expect("its end");
        }
    }
}
