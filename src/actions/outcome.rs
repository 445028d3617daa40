//! How an attempt ended.

use std::fmt;
use std::path::PathBuf;

/// What is known of an attempt once it is over.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// How it ended.
    pub end: End,
    /// The file with what it wrote, or with what the server answered; nothing where there was none to write.
    pub output: Option<PathBuf>,
    /// How many bytes it wrote, those that were not kept included.
    pub bytes: u64,
    /// Whether the file lacks some of them.
    pub truncated: bool,
    /// What is left of its processes although they were killed, or may be left of them: `pid 12 (name)`.
    pub survivors: Vec<String>,
    /// The process it was, where it was one.
    pub spawned: Option<Spawned>,
}

/// How an attempt ended. Each is a different thing to whoever decides what comes next.
#[derive(Debug, Clone, PartialEq)]
pub enum End {
    /// It did what it should: exit code 0, or an expected status.
    Succeeded,
    /// The process ended by itself, with this exit code other than 0.
    Exited(i32),
    /// The process was ended by this signal, and not by us.
    Signalled(i32),
    /// It was not over in time, and was ended. What it did is not known.
    TimedOut,
    /// It did not start, for this reason: nothing was done.
    NotStarted(String),
    /// The server answered, with another status than was expected.
    Status(u16),
    /// The request was sent, and no whole answer came back, for this reason. What was done is not known.
    NoAnswer(String),
    /// It was ended because somebody asked for that. What it did is not known.
    Cancelled,
}

/// A process that was started. It is told as soon as it exists, so that it can be found again after a crash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spawned {
    /// Its number, which is also that of its process group.
    pub pid: u32,
    /// When it started, in clock ticks since the boot of the machine (field 22 of `/proc/PID/stat`): with `pid`, its identity.
    pub started: u64,
    /// The control group that holds it and all that it starts, where there is one.
    pub cgroup: Option<PathBuf>,
    /// The value of `QUIETGATE_ACTION` in its environment, which what it starts inherits; no two attempts have the same.
    pub mark: String,
}

impl Outcome {
    /// Nothing was run.
    pub(crate) fn without_output(end: End) -> Self {
        Self { end, output: None, bytes: 0, truncated: false, survivors: Vec::new(), spawned: None }
    }

    /// It could not start, because of `reason`.
    pub(crate) fn not_started(reason: impl fmt::Display) -> Self {
        Self::without_output(End::NotStarted(reason.to_string()))
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Succeeded => f.write_str("succeeded"),
            Self::Exited(code) => write!(f, "exit code {code}"),
            Self::Signalled(signal) => write!(f, "ended by signal {signal}"),
            Self::TimedOut => f.write_str("timed out"),
            Self::NotStarted(reason) => write!(f, "not started: {reason}"),
            Self::Status(status) => write!(f, "answered with status {status}"),
            Self::NoAnswer(reason) => write!(f, "no answer: {reason}"),
            Self::Cancelled => f.write_str("cancelled"),
        }
    }
}
