//! What attempts of programs left running that have ended since: a driver that was killed takes nothing along.

use super::process::{MARK, Stat};
use std::fs;

/// The processes that belong to attempts whose program is gone, as people are told of them: `pid 12 (sleep)`. Of other
/// users' processes nothing can be seen.
pub fn orphans() -> Vec<String> {
    let all = Stat::all();
    all.iter().filter(|stat| !stat.is_zombie && is_orphan(stat)).map(Stat::words).collect()
}

fn is_orphan(stat: &Stat) -> bool {
    let environment = fs::read(format!("/proc/{}/environ", stat.pid)).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|pair| maker(pair).is_some_and(|maker| !is_alive(maker)))
}

/// The number and the start of the program that set the mark, where `pair` is one.
fn maker(pair: &[u8]) -> Option<(u32, u64)> {
    let mark = std::str::from_utf8(pair).ok()?.strip_prefix(MARK)?.strip_prefix('=')?;
    let mut parts = mark.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

fn is_alive((pid, started): (u32, u64)) -> bool {
    Stat::of(pid).is_some_and(|stat| stat.started == started)
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
        let ours = run(&format!("{}.{}.0", own.pid, own.started));
        // the number is ours, but the start is another's
        let left = run(&format!("{}.{}.0", own.pid, own.started + 1));
        let words = |pid: u32| format!("pid {pid} (cat)");
        // until it has changed its program, the child is a copy of ourselves without the mark
        let found = (0..1000).map(|_| orphans()).find(|found| found.contains(&words(left.id())));
        assert!(!found.expect("an orphan").contains(&words(ours.id())));
        for mut child in [ours, left] {
            drop(child.stdin.take());
            child.wait().expect("its end");
        }
    }
}
