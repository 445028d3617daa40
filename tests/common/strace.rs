//! Faults at single system calls of the journal, by strace: which calls, on which files, and the words before a command.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

/// The calls by which the journal writes. SQLite uses some, the head others, so each is counted by itself.
pub(crate) const CALLS: [&str; 7] =
    ["pwrite64", "fdatasync", "fsync", "rename", "write", "ftruncate", "unlink"];
/// Those of them that a full disk can refuse.
pub(crate) const GROWING: [&str; 2] = ["pwrite64", "write"];
/// The files that these calls are about; the folder itself is synced as well.
const FILES: [&str; 7] =
    ["", "head", "head.new", "lock", "journal.db", "journal.db-journal", "journal.db-wal"];
/// More calls of one kind than any command here can need.
pub(crate) const MOST_CALLS: usize = 400;
/// Seconds that a command may take, for one that hangs must end.
const PATIENCE: &str = "60";

/// Whether strace is there; where it is not, that is said.
pub(crate) fn is_installed() -> bool {
    let is_installed = Command::new("strace").arg("-V").output().is_ok();
    if !is_installed {
        println!("skipped: strace is not installed (Debian: apt-get install strace)");
    }
    is_installed
}

/// The words before a command that is to meet `fault` at the call of that kind and `number`, counted from 1, where it is about
/// a file of the journal in `state`. What was done is written to `log`, with its time in seconds in front.
pub(crate) fn wrapper(state: &Path, call: &str, fault: &str, number: usize, log: &Path) -> Vec<OsString> {
    let trace = format!("trace={call}");
    let inject = format!("inject={call}:{fault}:when={number}");
    let mut words: Vec<OsString> =
        ["timeout", PATIENCE, "strace", "-f", "-ttt", "-qq", "-e", &trace, "-e", &inject, "-o"]
            .map(OsString::from)
            .into();
    words.push(log.into());
    for file in FILES {
        let path = if file.is_empty() { state.to_owned() } else { state.join(file) };
        words.extend(["-P".into(), path.into()]);
    }
    words
}
