//! Huge pages: off in a daemon, where each region that is touched a little would count as 2 MiB; as usual in whatever it starts.

use rustix::thread::{disable_transparent_huge_pages as disable, transparent_huge_pages_are_disabled};

/// From now on this process has memory in small pages, where `is_small`, else as the system says. A kernel that cannot is left as it is.
pub fn small_pages(is_small: bool) {
    disable(is_small).unwrap_or_default();
}

/// Starts a process that has memory as the system says: what is said of ours would hold for it too.
pub fn usual<T>(start: impl FnOnce() -> T) -> T {
    if !transparent_huge_pages_are_disabled().unwrap_or(false) {
        return start();
    }
    small_pages(false);
    let started = start();
    small_pages(true);
    started
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn what_a_daemon_starts_has_memory_as_usual() {
        let told = |command: &mut Command| {
            let output = command.args(["THP_enabled:", "/proc/self/status"]).output().expect("grep");
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        let before = told(&mut Command::new("grep"));
        small_pages(true);
        let (inherited, usual) = (told(&mut Command::new("grep")), usual(|| told(&mut Command::new("grep"))));
        small_pages(false);
        // a kernel that tells nothing of it says the same of both
        if before.contains('1') {
            assert_eq!((inherited.contains('0'), usual), (true, before));
        }
    }
}
