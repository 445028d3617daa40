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

/// Counts control groups of this process.
static COUNT: AtomicU64 = AtomicU64::new(0);

/// How often, and how long apart, a control group is removed that the kernel still holds to be busy.
const REMOVALS: usize = 20;
const REMOVAL_PAUSE: Duration = Duration::from_millis(2);

impl Cage {
    /// The best that this process may have. Makes a control group to see, and removes it.
    pub fn detect() -> Self {
        match own_cgroup().and_then(|own| Cgroup::new(&own).map(|_| own)) {
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
        let path = parent.join(format!("{}{}", prefix(), COUNT.fetch_add(1, Ordering::Relaxed)));
        fs::create_dir(&path)?;
        let made = Self(path);
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
    format!("quietgate-{}-", std::process::id())
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
    fn where_none_can_be_made_the_reason_is_told() {
        let error = Cgroup::new(Path::new("/proc/no/such")).expect_err("no folder");
        assert!(!error.to_string().is_empty());
    }
}
