//! What `/proc` says about processes.

use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};
use std::fs;
use std::io;
use std::path::Path;

/// A process at one moment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stat {
    pub(crate) pid: u32,
    /// The name of its program, at most 15 bytes.
    pub(crate) name: String,
    pub(crate) parent: u32,
    pub(crate) group: u32,
    pub(crate) session: u32,
    /// Ended, and not yet collected by its parent.
    pub(crate) is_zombie: bool,
    /// When it started, in clock ticks since the boot.
    pub(crate) started: u64,
}

impl Stat {
    /// The process `pid`, where there is one.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let bytes = fs::read(format!("/proc/{pid}/stat")).ok()?;
        Self::parse(&String::from_utf8_lossy(&bytes))
    }

    /// Every process that can be seen.
    pub(crate) fn all() -> Vec<Self> {
        let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
        let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        pids.filter_map(Self::of).collect()
    }

    fn parse(text: &str) -> Option<Self> {
        // the name stands in parentheses and may itself have spaces and parentheses
        let (pid, rest) = text.split_once(" (")?;
        let (name, rest) = rest.rsplit_once(") ")?;
        let fields: Vec<_> = rest.split_ascii_whitespace().collect();
        let number = |at: usize| fields.get(at)?.parse().ok();
        Some(Self {
            pid: pid.parse().ok()?,
            name: name.to_owned(),
            is_zombie: matches!(*fields.first()?, "Z" | "X"),
            parent: number(1)?,
            group: number(2)?,
            session: number(3)?,
            started: fields.get(19)?.parse().ok()?,
        })
    }

    /// Whether `NAME=value` was in its environment when its program started. No where it may not be read.
    pub(crate) fn was_given(&self, variable: &[u8]) -> bool {
        let environment = fs::read(format!("/proc/{}/environ", self.pid)).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|pair| pair == variable)
    }

    /// Whether it can be seen to be of another attempt: by a mark, or by the control group of one.
    pub(crate) fn is_marked(&self, mark: &str, cgroup: &str) -> bool {
        let read = |file: &str| fs::read(format!("/proc/{}/{file}", self.pid)).unwrap_or_default();
        let is_given = read("environ").split(|byte| *byte == 0).any(|pair| pair.starts_with(mark.as_bytes()));
        is_given || String::from_utf8_lossy(&read("cgroup")).contains(cgroup)
    }

    /// Whether it has not ended since.
    pub(crate) fn is_still_alive(&self) -> bool {
        Self::of(self.pid).is_some_and(|now| now.started == self.started && !now.is_zombie)
    }

    /// Sends it a signal; another process that has got its number meanwhile is left alone.
    pub(crate) fn signal(&self, signal: Signal) -> io::Result<()> {
        let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) else { return Ok(()) };
        let handle = pidfd_open(pid, PidfdFlags::empty());
        // a handle holds on to one process: if the number is still its own now, so is the handle
        if Self::of(self.pid).is_none_or(|now| now.started != self.started) {
            return Ok(());
        }
        match handle {
            Ok(handle) => Ok(pidfd_send_signal(handle, signal)?),
            Err(_) => Ok(kill_process(pid, signal)?),
        }
    }

    /// As people are told of it.
    pub(crate) fn words(&self) -> String {
        format!("pid {} ({})", self.pid, self.name)
    }
}

/// The numbers of the processes in the control group at `folder` and in those below it.
pub(crate) fn pids_in(folder: &Path) -> Vec<u32> {
    let own = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
    let mut pids: Vec<u32> = own.lines().filter_map(|line| line.parse().ok()).collect();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            pids.extend(pids_in(&entry.path()));
        }
    }
    pids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_have_anything_in_it() {
        let text = "12 (a) b (c)) Z 1 2 3 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 777 0 0";
        let stat = Stat::parse(text).expect("a line");
        let expected = Stat {
            pid: 12,
            name: "a) b (c)".into(),
            parent: 1,
            group: 2,
            session: 3,
            is_zombie: true,
            started: 777,
        };
        assert_eq!(stat, expected);
        assert_eq!(Stat::parse("12 (a"), None);
    }

    #[test]
    fn we_are_among_all() {
        let own = Stat::all().into_iter().find(|stat| stat.pid == std::process::id()).expect("ourselves");
        assert!(own.started > 0 && !own.is_zombie);
    }
}
