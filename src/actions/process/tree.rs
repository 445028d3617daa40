//! All processes of one attempt: found wherever they went, ended, collected.
//!
//! A process belongs to an attempt that is in its control group, in the process group or session of its first process, has its
//! mark in the environment, descends from one that belongs, or was seen to belong before. We adopt orphans (we are their
//! *subreaper*), so a daemon that hides from all of these is still a child of ours.

use super::cage::{Cage, Cgroup, prefix};
use super::stat::{Stat, pids_in};
use rustix::process::{Pid, Signal, WaitOptions, getpid, getsid, set_child_subreaper, waitpid};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The variable that marks the processes of an attempt.
pub(crate) const MARK: &str = "QUIETGATE_ACTION";

/// The first processes of all attempts that are running: nobody collects them but who started them.
static ROOTS: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// Counts attempts of this process.
static COUNT: AtomicU64 = AtomicU64::new(0);

/// How often what was started before the first process was put into the control group is looked for at most, after how many
/// looks without a find no more, and the time between two.
const ADMISSIONS: usize = 10;
const QUIET_ADMISSIONS: usize = 2;
const ADMISSION_PAUSE: Duration = Duration::from_millis(5);

/// How often all are killed when nobody waits for it.
const LAST_KILLS: usize = 3;

/// The processes of one attempt.
#[derive(Debug)]
pub(crate) struct Tree {
    mark: String,
    cgroup: Option<Cgroup>,
    root: Option<Stat>,
    /// Number and start of all that were seen to belong.
    known: HashSet<(u32, u64)>,
    is_over: bool,
}

/// What is there at one moment.
#[derive(Debug, Default)]
pub(crate) struct Look {
    /// Alive, and of this attempt.
    pub(crate) members: Vec<Stat>,
    /// Alive, and of this attempt or of another one that is running.
    pub(crate) doubtful: Vec<Stat>,
    /// Whether one of this attempt has ended that nobody could collect yet, as its parent is just ending too.
    pub(crate) is_ending: bool,
}

impl Look {
    /// Whether nothing of this attempt is alive or still to be collected.
    pub(crate) fn is_quiet(&self) -> bool {
        self.members.is_empty() && !self.is_ending
    }
}

impl Tree {
    /// For an attempt that is about to start.
    pub(crate) fn new(cage: &Cage) -> Self {
        // without it orphans go to another process, and those that hide are not found; everything else still works
        let _ = set_child_subreaper(Some(getpid()));
        let started = Stat::of(std::process::id()).map_or(0, |own| own.started);
        let mark = format!("{}.{started}.{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let cgroup = match cage {
            Cage::Cgroup(parent) => Cgroup::new(parent).ok(),
            Cage::Sweep(_) => None,
        };
        Self { mark, cgroup, root: None, known: HashSet::new(), is_over: false }
    }

    /// The value of [`MARK`].
    pub(crate) fn mark(&self) -> &str {
        &self.mark
    }

    /// The folder of its control group.
    pub(crate) fn cgroup(&self) -> Option<PathBuf> {
        self.cgroup.as_ref().map(|cgroup| cgroup.path().to_owned())
    }

    /// Takes in the first process, which `start` starts and gives the number of.
    pub(crate) fn start<T, E>(&mut self, start: impl FnOnce() -> Result<(T, u32), E>) -> Result<(T, u32), E> {
        // while it is locked, nobody can take the new process for an orphan
        let mut roots = roots();
        let (child, pid) = start()?;
        roots.insert(pid);
        drop(roots);
        self.root = Stat::of(pid);
        if self.cgroup.as_ref().is_some_and(|cgroup| cgroup.take_in(pid).is_err()) {
            self.cgroup = None;
        }
        Ok((child, pid))
    }

    /// When the first process started.
    pub(crate) fn started(&self) -> u64 {
        self.root.as_ref().map_or(0, |root| root.started)
    }

    /// Puts into the control group what the first process had started before it was itself put there.
    ///
    /// A process that changes its program at this moment shows no environment, so one look that finds nothing is not enough.
    /// Who gets away even so is found by the last look, if it has not hidden from that too.
    pub(crate) fn admit(&mut self) {
        let mut quiet = 0;
        for _ in 0..ADMISSIONS {
            let look = self.look();
            let Some(cgroup) = &self.cgroup else { return };
            let inside: BTreeSet<_> = pids_in(cgroup.path()).into_iter().collect();
            let outside: Vec<_> = look.members.iter().filter(|stat| !inside.contains(&stat.pid)).collect();
            quiet = if outside.is_empty() && look.doubtful.is_empty() { quiet + 1 } else { 0 };
            if quiet == QUIET_ADMISSIONS {
                return;
            }
            for stat in outside {
                // one that is gone again has nothing to be held
                let _ = cgroup.take_in(stat.pid);
            }
            std::thread::sleep(ADMISSION_PAUSE);
        }
    }

    /// Looks for all that belong, and collects those that have ended and that nobody else will.
    pub(crate) fn look(&mut self) -> Look {
        let Some(root) = self.root.clone() else { return Look::default() };
        let all: BTreeMap<_, _> = Stat::all().into_iter().map(|stat| (stat.pid, stat)).collect();
        let inside = self.cgroup.as_ref().map(|cgroup| pids_in(cgroup.path())).unwrap_or_default();
        let inside: BTreeSet<_> = inside.into_iter().collect();
        let mark = format!("{MARK}={}", self.mark);
        // a process is at least as old as what it starts, so most are not even looked at
        let young =
            all.values().filter(|stat| stat.started >= root.started && stat.pid != std::process::id());
        let young: Vec<_> = young.collect();
        // who is in the group of another attempt need not be asked for its mark: that is what takes long
        let others: BTreeSet<_> = roots().iter().copied().filter(|pid| *pid != root.pid).collect();
        let is_own = |stat: &Stat| {
            self.known.contains(&(stat.pid, stat.started))
                || inside.contains(&stat.pid)
                || [stat.pid, stat.group, stat.session].contains(&root.pid)
                || (!stat.is_zombie && !others.contains(&stat.group) && stat.was_given(mark.as_bytes()))
        };
        let mut own: BTreeSet<u32> = young.iter().filter(|stat| is_own(stat)).map(|stat| stat.pid).collect();
        with_descendants(&mut own, &young);
        let (strays, doubtful) = strays(&young, &own, root.pid);
        own.extend(&strays);
        with_descendants(&mut own, &young);
        let members: Vec<_> = young.iter().filter(|stat| own.contains(&stat.pid)).copied().cloned().collect();
        self.known.extend(members.iter().map(|stat| (stat.pid, stat.started)));
        collect_orphans(&young, &own);
        let us = std::process::id();
        let is_ending =
            members.iter().any(|stat| stat.is_zombie && stat.pid != root.pid && stat.parent != us);
        Look { members: members.into_iter().filter(|stat| !stat.is_zombie).collect(), doubtful, is_ending }
    }

    /// Those of `members` that are still alive, without a look at all others.
    pub(crate) fn still_alive(members: &[Stat]) -> bool {
        members.iter().any(Stat::is_still_alive)
    }

    /// Ends all of `members` by a signal that they can heed; what is stopped is woken to hear it.
    pub(crate) fn ask_to_end(members: &[Stat]) {
        for stat in members {
            // who is gone or not ours to signal is seen at the next look
            let _ = stat.signal(Signal::TERM);
            let _ = stat.signal(Signal::CONT);
        }
    }

    /// Kills all.
    pub(crate) fn kill(&self, members: &[Stat]) {
        if let Some(cgroup) = &self.cgroup {
            let _ = cgroup.kill();
        }
        for stat in members {
            let _ = stat.signal(Signal::KILL);
        }
    }

    /// Says that the first process was collected, or that it is given up: nothing is looked for any more.
    pub(crate) fn over(mut self) {
        self.is_over = true;
    }
}

impl Drop for Tree {
    /// Kills all where nobody waited for their end, such as when the program ends.
    fn drop(&mut self) {
        for _ in 0..LAST_KILLS {
            let members = if self.is_over { Vec::new() } else { self.look().members };
            if members.is_empty() {
                break;
            }
            self.kill(&members);
        }
        if let Some(root) = &self.root {
            roots().remove(&root.pid);
        }
    }
}

/// Adds to `own` all that descend from one of it.
fn with_descendants(own: &mut BTreeSet<u32>, all: &[&Stat]) {
    loop {
        let before = own.len();
        let children: Vec<_> =
            all.iter().filter(|stat| own.contains(&stat.parent)).map(|stat| stat.pid).collect();
        own.extend(children);
        if own.len() == before {
            return;
        }
    }
}

/// Orphans that we adopted and that carry no mark: ours where no other attempt is running, else doubtful.
fn strays(young: &[&Stat], own: &BTreeSet<u32>, root: u32) -> (Vec<u32>, Vec<Stat>) {
    let roots = roots();
    let is_alone = roots.iter().all(|pid| *pid == root);
    let is_stray = |stat: &&&Stat| {
        is_adopted(stat) && !roots.contains(&stat.pid) && !own.contains(&stat.pid) && !stat.is_zombie
    };
    // what ends meanwhile shows no mark any more
    let strays = young.iter().filter(is_stray).filter(|stat| !stat.is_marked(&format!("{MARK}="), &prefix()));
    let strays = strays.filter(|stat| stat.is_still_alive());
    if is_alone {
        (strays.map(|stat| stat.pid).collect(), Vec::new())
    } else {
        (Vec::new(), strays.map(|stat| (*stat).clone()).collect())
    }
}

/// Collects ended orphans: those that belong, and those of which nothing more can be told.
fn collect_orphans(young: &[&Stat], own: &BTreeSet<u32>) {
    let roots = roots();
    for stat in young {
        let is_ours = own.contains(&stat.pid) && stat.parent == std::process::id();
        if stat.is_zombie && (is_ours || is_adopted(stat)) && !roots.contains(&stat.pid) {
            let pid = i32::try_from(stat.pid).ok().and_then(Pid::from_raw);
            // one that another look has collected is collected
            let _ = waitpid(pid, WaitOptions::NOHANG);
        }
    }
}

/// Whether it is a child of ours that we did not start: what we start is in our session.
fn is_adopted(stat: &Stat) -> bool {
    let session = getsid(None).map_or(0, |pid| pid.as_raw_nonzero().get());
    stat.parent == std::process::id() && i32::try_from(stat.session).is_ok_and(|other| other != session)
}

fn roots() -> MutexGuard<'static, BTreeSet<u32>> {
    ROOTS.lock().unwrap_or_else(PoisonError::into_inner)
}
