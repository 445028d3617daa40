//! What holds the processes of one attempt together: a control group (cgroup v2) of its own where one can be made.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How the processes of an attempt are found again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cage {
    /// Each attempt gets a control group below this one. Nothing leaves it by itself, and the kernel ends all in it at once.
    Cgroup(PathBuf),
    /// There are none to be had, for this reason: processes are found by descent, group, session and environment, and what
    /// hides from all of these is only named.
    Sweep(String),
}

/// How the names of all control groups begin; then comes the number of the program that made them.
const PREFIX: &str = "quietgate-";

/// Counts control groups of this process.
static COUNT: AtomicU64 = AtomicU64::new(0);

/// How often, and how long apart, a control group is removed that the kernel still holds to be busy.
const REMOVALS: usize = 20;
const REMOVAL_PAUSE: Duration = Duration::from_millis(2);

impl Cage {
    /// The best that this process may have. Makes a control group to see, and removes it, with the empty ones that killed
    /// drivers have left.
    pub fn detect() -> Self {
        let own = own_cgroup().inspect(|own| remove_left(own));
        match own.and_then(|own| Cgroup::new(&own).map(|_| own)) {
            Ok(own) => Self::Cgroup(own),
            Err(error) => Self::Sweep(error.to_string()),
        }
    }
}

/// A control group of one attempt; removed when this is dropped, if it is empty then.
#[derive(Debug)]
pub(crate) struct Cgroup(PathBuf);

impl Cgroup {
    /// A new one below `parent`.
    pub(crate) fn new(parent: &Path) -> io::Result<Self> {
        let made = loop {
            let path = parent.join(format!("{}{}", prefix(), COUNT.fetch_add(1, Ordering::Relaxed)));
            match fs::create_dir(&path) {
                // of a killed driver that had our number
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                created => break created.map(|()| Self(path))?,
            }
        };
        // Linux 5.14 and later
        fs::metadata(made.0.join("cgroup.kill"))?;
        Ok(made)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Puts a process in, with all its threads. What it started before stays outside.
    pub(crate) fn take_in(&self, pid: u32) -> io::Result<()> {
        fs::write(self.0.join("cgroup.procs"), pid.to_string())
    }

    /// Ends all in it at once.
    pub(crate) fn kill(&self) -> io::Result<()> {
        fs::write(self.0.join("cgroup.kill"), "1")
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        for _ in 0..REMOVALS {
            match fs::remove_dir(&self.0) {
                // what was killed leaves a moment later
                Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                    std::thread::sleep(REMOVAL_PAUSE)
                }
                _ => return,
            }
        }
    }
}

/// How the names of the control groups of all our attempts begin.
pub(crate) fn prefix() -> String {
    format!("{PREFIX}{}-", std::process::id())
}

/// Removes the control groups below `parent` of programs that are gone. The kernel keeps those that are not empty.
fn remove_left(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let maker =
            name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split_once('-')?.0.parse::<u32>().ok());
        if maker.is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists()) {
            // one that is not empty is looked at again by the next driver
            let _ = fs::remove_dir(entry.path());
        }
    }
}

/// The folder of the control group that we are in.
fn own_cgroup() -> io::Result<PathBuf> {
    let none = |what: &str| io::Error::new(io::ErrorKind::NotFound, what);
    let groups = fs::read_to_string("/proc/self/cgroup")?;
    let own = groups.lines().find_map(|line| line.strip_prefix("0::"));
    let own = own.ok_or_else(|| none("this process is in no control group of version 2"))?;
    let mounts = fs::read_to_string("/proc/self/mountinfo")?;
    let mount =
        mounts.lines().find_map(mounted).ok_or_else(|| none("no control groups of version 2 are mounted"))?;
    Ok(Path::new(mount).join(own.trim_start_matches('/')))
}

/// Where a line of `mountinfo` mounts control groups of version 2, if it does.
fn mounted(line: &str) -> Option<&str> {
    let (mount, kind) = line.split_once(" - ")?;
    kind.starts_with("cgroup2 ").then(|| mount.split(' ').nth(4))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mount_is_found_among_others() {
        let v1 = "36 25 0:31 / /sys/fs/cgroup/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu";
        let v2 = "46 25 0:41 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw";
        assert_eq!((mounted(v1), mounted(v2)), (None, Some("/sys/fs/cgroup/unified")));
    }

    #[test]
    fn what_programs_left_that_are_gone_is_removed_if_it_is_empty() {
        let parent = tempfile::tempdir().expect("a folder");
        // no process has a number as high as this
        let (gone, busy) = ("quietgate-4194305-0".to_owned(), "quietgate-4194305-1".to_owned());
        let (ours, other) = (format!("{}7", prefix()), "quietgate-x".to_owned());
        for name in [&gone, &busy, &ours, &other] {
            fs::create_dir(parent.path().join(name)).expect("a folder");
        }
        fs::create_dir(parent.path().join(&busy).join("inside")).expect("a folder");
        remove_left(parent.path());
        let left = [&gone, &busy, &ours, &other].map(|name| parent.path().join(name).exists());
        assert_eq!(left, [false, true, true, true]);
    }

    #[test]
    fn where_none_can_be_made_the_reason_is_told() {
        let error = Cgroup::new(Path::new("/proc/no/such")).expect_err("no folder");
        assert!(!error.to_string().is_empty());
    }
}
