//! A real driver in a process of its own, which appends until it is stopped: this test program again, told by its
//! environment. What it prints after an append is what it acknowledged.

use crate::place::{self, PATIENCE, Place, now};
use quietgate::journal::{self, Hash, Journal, JournalError, OpenError, Store};
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

/// What a child is told.
const STATE: &str = "JOURNAL_CHILD_STATE";
const URL: &str = "JOURNAL_CHILD_URL";
const ROUND: &str = "JOURNAL_CHILD_ROUND";
const COUNT: &str = "JOURNAL_CHILD_COUNT";

/// An append that was acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Acknowledged {
    /// The number of the entry.
    pub(crate) seq: u64,
    /// Its hash.
    pub(crate) hash: Hash,
}

/// What a child said to its end.
#[derive(Debug, Default)]
pub(crate) struct Said {
    /// Its acknowledged appends.
    pub(crate) acknowledged: Vec<Acknowledged>,
    /// Whether it opened the journal.
    pub(crate) is_open: bool,
    /// Why it stopped by itself.
    pub(crate) failed: Option<String>,
    /// Whether the journal refused to go on after that.
    pub(crate) stood_still: bool,
}

impl Said {
    fn take(&mut self, line: &str) {
        let mut words = line.trim_start_matches('@').split(' ');
        match words.next() {
            Some("open") => self.is_open = true,
            Some("entry") => {
                assert!(self.failed.is_none(), "an entry after an error");
                let seq = words.next().and_then(|word| word.parse().ok()).expect("a number");
                let hash = words.next().and_then(|word| word.parse().ok()).expect("a hash");
                self.acknowledged.push(Acknowledged { seq, hash });
            }
            Some("failed") => self.failed = Some(words.collect::<Vec<_>>().join(" ")),
            Some("stopped") => self.stood_still = true,
            other => panic!("a child says {other:?}"),
        }
    }
}

/// A running child.
#[derive(Debug)]
pub(crate) struct Driver {
    process: Child,
    lines: BufReader<std::process::ChildStdout>,
    said: Said,
}

impl Driver {
    /// Starts `command`, made by [`command`].
    pub(crate) fn start(mut command: Command) -> Self {
        let mut process = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a child");
        let lines = BufReader::new(process.stdout.take().expect("a pipe"));
        Self { process, lines, said: Said::default() }
    }

    /// Waits until `count` appends are acknowledged, or the child ends.
    pub(crate) fn wait_for(&mut self, count: usize) {
        while self.said.acknowledged.len() < count && self.next() {}
    }

    /// Kills the child, which gets no chance to do anything, and gives what it had said by then.
    pub(crate) fn kill(mut self) -> Said {
        self.process.kill().expect("a process of ours");
        self.end().0
    }

    /// Waits for the child's own end. Gives what it said, and whether it ended well.
    pub(crate) fn end(mut self) -> (Said, bool) {
        while self.next() {}
        let status = self.process.wait().expect("an end");
        (std::mem::take(&mut self.said), status.success())
    }

    /// Takes the next line; false at the end.
    fn next(&mut self) -> bool {
        let mut line = String::new();
        let read = self.lines.read_line(&mut line).expect("text");
        // a line that was cut by the end was not said; others are of the test program
        if let Some(line) = line.strip_suffix('\n').filter(|line| line.starts_with('@')) {
            self.said.take(line);
        }
        read > 0
    }
}

/// The command line of a child, behind the words of `wrapper`, for the journal of `place`.
pub(crate) fn command(wrapper: &[&OsStr], place: &Place, round: usize, count: Option<usize>) -> Command {
    let program = std::env::current_exe().expect("this program");
    let test = "child::a_driver_in_another_process_appends";
    let words: Vec<&OsStr> = wrapper.iter().copied().chain([program.as_os_str()]).collect();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).args(["--exact", test, "--nocapture", "--test-threads=1"]);
    command.env(STATE, place.state()).env(ROUND, round.to_string());
    place.url().map(|url| command.env(URL, url));
    count.map(|count| command.env(COUNT, count.to_string()));
    command
}

#[test]
fn a_driver_in_another_process_appends() {
    if let Some(state) = std::env::var_os(STATE) {
        now(drive(Path::new(&state)));
        return;
    }
    let place = Place::files();
    let (said, is_well) = Driver::start(command(&[], &place, 0, Some(3))).end();
    assert!(is_well && said.is_open && said.acknowledged.len() == 3);
    let (tip, entries) = now(place.read()).expect("a whole journal");
    assert_eq!(Acknowledged { seq: tip.seq, hash: tip.hash }, said.acknowledged[2]);
    assert_eq!(entries[2].record, record(0, 2));
}

/// What the child appends as number `n` in its `round`.
pub(crate) fn record(round: usize, n: usize) -> String {
    format!("{{\"kind\":\"intent\",\"round\":{round},\"n\":{n},\"reason\":\"{}\"}}", "quiet ".repeat(40))
}

async fn drive(state: &Path) {
    let told = |name| std::env::var(name).ok();
    let number = |name| told(name).and_then(|text| text.parse::<usize>().ok());
    let (url, round) = (told(URL), number(ROUND).unwrap_or_default());
    let mut journal = match open(state, url.as_deref()).await {
        Ok(journal) => journal,
        Err(error) => return say(&format!("@failed {error}")),
    };
    say("@open");
    for n in 0..number(COUNT).unwrap_or(usize::MAX) {
        match journal.append(n as i64, &record(round, n)).await {
            Ok(entry) => say(&format!("@entry {} {}", entry.seq, entry.hash)),
            Err(error) => {
                say(&format!("@failed {error}"));
                if let Err(JournalError::Stopped) = journal.append(0, "{}").await {
                    say("@stopped");
                }
                return;
            }
        }
    }
}

/// Opens the journal, waiting until a server has noticed that the driver before is gone.
async fn open(state: &Path, url: Option<&str>) -> Result<Journal, OpenError> {
    let begun = Instant::now();
    loop {
        match journal::open(state, url).await {
            Err(OpenError::Held { .. }) if url.is_some() && begun.elapsed() < PATIENCE => {}
            opened => return opened.map(|(journal, _)| journal),
        }
    }
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // the test program leaves its own line open
    writeln!(out, "\n{line}").and_then(|()| out.flush()).expect("a reader");
}

/// Holds the journal of `place` against what its drivers said, round by round: nothing acknowledged is missing, nothing is
/// there twice, and of what was not acknowledged at most one record a round is there. Gives how many those are.
pub(crate) fn hold(place: &Place, rounds: &[Said]) -> usize {
    let entries = match now(place::read(place.state(), place.url())) {
        Ok((_, entries)) => entries,
        // killed before there was anything
        Err(OpenError::Absent(_)) => Vec::new(),
        Err(error) => panic!("no whole journal: {error}"),
    };
    let mut at = 0;
    let mut unheard = 0;
    for (round, said) in rounds.iter().enumerate() {
        for (n, acknowledged) in said.acknowledged.iter().enumerate() {
            let entry = entries.get(at + n).unwrap_or_else(|| panic!("round {round} lost entry {n}"));
            assert_eq!((entry.seq, entry.hash), (acknowledged.seq, acknowledged.hash), "round {round}");
            assert_eq!(entry.record, record(round, n));
        }
        at += said.acknowledged.len();
        if entries.get(at).is_some_and(|entry| entry.record == record(round, said.acknowledged.len())) {
            at += 1;
            unheard += 1;
        }
    }
    assert_eq!(entries.len(), at, "entries that nobody appended");
    unheard
}
