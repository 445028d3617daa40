//! What a plan takes from elsewhere: files beside it, and what commands print. Both are bounded in size, commands also in
//! time.

use crate::config::units::Duration;
use std::error::Error;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time;

/// Something that a plan names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Elsewhere<'a> {
    /// A file, as the plan writes its path.
    File(&'a str),
    /// What a program writes to its standard output.
    Command {
        /// The program and its arguments; not empty.
        argv: &'a [String],
        /// How long it may take, in milliseconds.
        timeout_ms: i64,
    },
}

/// `file hosts.csv`, `command ./hosts`
impl fmt::Display for Elsewhere<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file {path}"),
            Self::Command { argv, .. } => write!(f, "command {}", argv.join(" ")),
        }
    }
}

/// Where a plan gets its inventory from.
pub trait Supply {
    /// The text of `from`.
    ///
    /// # Errors
    /// Where there is none.
    fn fetch(&self, from: &Elsewhere<'_>) -> Result<String, SupplyError>;

    /// The path of a file that the plan names as `path`, for messages.
    fn shown(&self, path: &str) -> String {
        path.to_owned()
    }
}

/// Why something cannot be had.
#[derive(Debug)]
pub enum SupplyError {
    /// The file cannot be read, or the output of the command.
    Read(io::Error),
    /// There are more bytes than this.
    TooLarge(u64),
    /// The text is not UTF-8.
    NotText,
    /// The command cannot be started.
    NotStarted(io::Error),
    /// The command failed; with what it wrote to its standard error.
    Failed(ExitStatus, String),
    /// The command took longer than this, in milliseconds.
    TimedOut(i64),
    /// There is nothing of that name.
    Unknown,
}

impl fmt::Display for SupplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(_) => f.write_str("it cannot be read"),
            Self::TooLarge(limit) => write!(f, "there are more than {limit} bytes"),
            Self::NotText => f.write_str("it is not UTF-8 text"),
            Self::NotStarted(_) => f.write_str("it cannot be started"),
            Self::Failed(status, said) if said.is_empty() => write!(f, "it failed with {status}"),
            Self::Failed(status, said) => write!(f, "it failed with {status} and said {said:?}"),
            Self::TimedOut(ms) => write!(f, "it took longer than {}", Duration::from_millis(*ms)),
            Self::Unknown => f.write_str("it is not known"),
        }
    }
}

impl Error for SupplyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Read(error) | Self::NotStarted(error) => Some(error),
            _ => None,
        }
    }
}

/// The error and its causes in one line.
pub(super) fn with_causes(error: &SupplyError) -> String {
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

/// The files and programs of this machine: relative paths begin in the folder of the plan, and there commands run.
#[derive(Debug, Clone)]
pub struct Near {
    folder: PathBuf,
}

impl Near {
    /// What is near the plan at `path`.
    pub fn to(path: &Path) -> Self {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        Self { folder: folder.unwrap_or(Path::new(".")).to_owned() }
    }
}

/// The most that an inventory may have: 16 MiB, which is room for a hundred thousand targets.
const SIZE_MAX: u64 = 16 << 20;
/// How much of what a failed command says is told.
const SAID_MAX: u64 = 500;

impl Supply for Near {
    fn fetch(&self, from: &Elsewhere<'_>) -> Result<String, SupplyError> {
        match from {
            Elsewhere::File(path) => text(File::open(self.folder.join(path)).map_err(SupplyError::Read)?),
            Elsewhere::Command { argv, timeout_ms } => output(&self.folder, argv, *timeout_ms),
        }
    }

    fn shown(&self, path: &str) -> String {
        // as the user has named the plan, without a `./` that nobody wrote
        if self.folder == Path::new(".") {
            path.to_owned()
        } else {
            self.folder.join(path).display().to_string()
        }
    }
}

/// All that `input` has, as text.
fn text(input: impl Read) -> Result<String, SupplyError> {
    let mut bytes = Vec::new();
    input.take(SIZE_MAX + 1).read_to_end(&mut bytes).map_err(SupplyError::Read)?;
    if bytes.len() as u64 > SIZE_MAX {
        return Err(SupplyError::TooLarge(SIZE_MAX));
    }
    String::from_utf8(bytes).map_err(|_| SupplyError::NotText)
}

/// What the command prints. Standard input is empty; what it leaves running is not looked for.
fn output(folder: &Path, argv: &[String], timeout_ms: i64) -> Result<String, SupplyError> {
    let Some((program, arguments)) = argv.split_first() else { return Err(SupplyError::Unknown) };
    // a path is looked for from the folder, a bare name on the search path
    let absolute = std::path::absolute(folder).map_err(SupplyError::NotStarted)?;
    let program = if program.contains('/') { absolute.join(program) } else { program.into() };
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(&absolute)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(SupplyError::NotStarted)?;
    let ended = ended(&mut child, timeout_ms);
    if ended.is_err() {
        // it may have ended meanwhile; either way nothing of it is left
        drop(child.kill());
        drop(child.wait());
    }
    let (status, out, said) = ended?;
    if status.success() { out } else { Err(SupplyError::Failed(status, said)) }
}

/// How often a command that has closed its output is asked whether it has ended.
const ASKED_EVERY_MS: i64 = 5;

type Ended = (ExitStatus, Result<String, SupplyError>, String);

/// Waits until the command has written all and ended, at most so long.
fn ended(child: &mut Child, timeout_ms: i64) -> Result<Ended, SupplyError> {
    let (tell, told) = mpsc::channel();
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (tell_out, tell_said) = (tell.clone(), tell);
    // threads that outlast the time end when the pipes do; nobody waits for them
    thread::spawn(move || {
        let out = stdout.map_or(Err(SupplyError::Unknown), text);
        drop(tell_out.send(Heard::Out(out)));
    });
    thread::spawn(move || {
        let said = stderr.map(said).unwrap_or_default();
        drop(tell_said.send(Heard::Said(said)));
    });
    let (mut out, mut words, mut left_ms) = (None, None, timeout_ms);
    // waits in short turns, so that the time is counted without a look at the clock
    while out.is_none() || words.is_none() {
        match told.recv_timeout(time::Duration::from_millis(ASKED_EVERY_MS as u64)) {
            Ok(Heard::Out(Err(error @ SupplyError::TooLarge(_)))) => return Err(error),
            Ok(Heard::Out(text)) => out = Some(text),
            Ok(Heard::Said(text)) => words = Some(text),
            Err(_) => left_ms -= ASKED_EVERY_MS,
        }
        if left_ms <= 0 {
            return Err(SupplyError::TimedOut(timeout_ms));
        }
    }
    let out = out.unwrap_or(Err(SupplyError::Unknown));
    loop {
        if let Some(status) = child.try_wait().map_err(SupplyError::Read)? {
            return Ok((status, out, words.unwrap_or_default()));
        }
        thread::sleep(time::Duration::from_millis(ASKED_EVERY_MS as u64));
        left_ms -= ASKED_EVERY_MS;
        if left_ms <= 0 {
            return Err(SupplyError::TimedOut(timeout_ms));
        }
    }
}

enum Heard {
    Out(Result<String, SupplyError>),
    Said(String),
}

/// The head of what a command says about itself; the rest is read and dropped, so that it can go on.
fn said(mut stderr: impl Read) -> String {
    let mut head = Vec::new();
    drop(stderr.by_ref().take(SAID_MAX).read_to_end(&mut head));
    drop(io::copy(&mut stderr, &mut io::sink()));
    String::from_utf8_lossy(&head).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetched(argv: &[&str], timeout_ms: i64) -> Result<String, String> {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join("hosts.csv"), "name\nh1\n").expect("a file");
        let argv: Vec<String> = argv.iter().map(|word| (*word).to_owned()).collect();
        let near = Near::to(&dir.path().join("plan.yaml"));
        let from = match argv.as_slice() {
            [file] if file.ends_with(".csv") => Elsewhere::File(file),
            argv => Elsewhere::Command { argv, timeout_ms },
        };
        near.fetch(&from).map_err(|error| with_causes(&error))
    }

    #[test]
    fn files_and_commands_begin_in_the_folder_of_the_plan() {
        assert_eq!(fetched(&["hosts.csv"], 0), Ok("name\nh1\n".to_owned()));
        assert_eq!(fetched(&["cat", "hosts.csv"], 60_000), Ok("name\nh1\n".to_owned()));
        let error = fetched(&["none.csv"], 0).expect_err("no such file");
        assert!(error.starts_with("it cannot be read: No such file"), "{error}");
    }

    #[test]
    fn a_command_that_fails_or_hangs_or_never_stops_writing_is_an_error() {
        let error = |script: &str, ms| fetched(&["sh", "-c", script], ms).expect_err(script);
        assert_eq!(
            error("echo no hosts >&2; exit 3", 60_000),
            "it failed with exit status: 3 and said \"no hosts\""
        );
        assert_eq!(error("exec sleep 600", 50), "it took longer than 50ms");
        assert_eq!(error("exec >&- 2>&-; exec sleep 600", 50), "it took longer than 50ms");
        assert_eq!(error("exec yes", 60_000), "there are more than 16777216 bytes");
        assert_eq!(error("printf '\\377'", 60_000), "it is not UTF-8 text");
        assert!(fetched(&["./none"], 0).expect_err("none").starts_with("it cannot be started: No such file"));
    }
}
