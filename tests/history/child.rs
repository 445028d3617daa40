//! A real process that writes a history until it is stopped: this test program again, told by its environment. What it prints after
//! a row was with the system then.

use crate::model::{labels, open_days};
use quietgate::history::{Batch, Cell, How, Store};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// What a child is told: the folder of the state, the first row, and how many, where there is an end.
const STATE: &str = "HISTORY_CHILD_STATE";
const FIRST: &str = "HISTORY_CHILD_FIRST";
const COUNT: &str = "HISTORY_CHILD_COUNT";

/// The interval of its history: 144 rows a day.
pub(crate) const INTERVAL_MS: i64 = 600_000;
/// Days that it keeps.
pub(crate) const DAYS: u32 = 2;
/// Rows that there is room for.
pub(crate) const ROWS: i64 = 144 * 3;

/// A running child.
#[derive(Debug)]
pub(crate) struct Writer {
    process: Child,
    lines: BufReader<std::process::ChildStdout>,
    /// The newest row that it said.
    pub(crate) said: Option<i64>,
    /// Why it could not write.
    pub(crate) failed: Option<String>,
}

impl Writer {
    /// Starts `command`, made by [`command`].
    pub(crate) fn start(mut command: Command) -> Self {
        let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut process = spawned.expect("a child");
        let lines = BufReader::new(process.stdout.take().expect("a pipe"));
        Self { process, lines, said: None, failed: None }
    }

    /// Waits until so many rows were said, or the child ends.
    pub(crate) fn wait_for(&mut self, rows: usize) {
        let mut heard = 0;
        while heard < rows && self.next() {
            heard += usize::from(self.said.is_some());
        }
    }

    /// Kills the child, which gets no chance to do anything, and hears what it had said by then.
    pub(crate) fn kill(&mut self) {
        self.process.kill().expect("a process of ours");
        self.end();
    }

    /// Waits for its own end.
    pub(crate) fn end(&mut self) {
        while self.next() {}
        self.process.wait().expect("an end");
    }

    fn next(&mut self) -> bool {
        let mut line = String::new();
        let read = self.lines.read_line(&mut line).expect("text");
        // a line that was cut by the end was not said; others are of the test program
        if let Some(line) = line.strip_suffix('\n').and_then(|line| line.strip_prefix('@')) {
            match line.parse() {
                Ok(row) => self.said = Some(row),
                Err(_) => self.failed = Some(line.to_owned()),
            }
        }
        read > 0
    }
}

/// The command line of a child, behind the words of `wrapper`, that begins at the row `first`.
pub(crate) fn command(wrapper: &[&str], state: &Path, first: i64, count: Option<i64>) -> Command {
    let program = std::env::current_exe().expect("this program");
    let program = program.to_str().expect("text");
    let words: Vec<&str> = wrapper.iter().copied().chain([program]).collect();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).args(["--exact", "child::a_writer_in_another_process", "--nocapture"]);
    command.env(STATE, state).env(FIRST, first.to_string());
    count.map(|count| command.env(COUNT, count.to_string()));
    command
}

/// So many series there are at a row: one more every third.
pub(crate) fn series(row: i64) -> i64 {
    500 + row.rem_euclid(1000) / 3
}

/// What a series has at a row.
pub(crate) fn value(series: i64, row: i64) -> f64 {
    (row * 1000 + series) as f64 / 7.0
}

#[test]
fn a_writer_in_another_process() {
    if let Some(state) = std::env::var_os(STATE) {
        let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<i64>().ok());
        let first = number(FIRST).expect("a row");
        drive(Path::new(&state), first, number(COUNT).unwrap_or(i64::MAX));
        return;
    }
    let dir = tempfile::tempdir().expect("a folder");
    let mut writer = Writer::start(command(&[], dir.path(), 5, Some(10)));
    writer.end();
    assert_eq!((writer.said, &writer.failed), (Some(14), &None));
    let (_histories, mut store) = open_days(dir.path(), INTERVAL_MS, DAYS);
    let mut cells = 0;
    let reading = store.read(0..=14, |_, some| cells += some.known().count() as i64).expect("a history");
    // the row before the first is written with it
    assert_eq!(
        cells,
        series(5)
            + (5..15).map(series).sum::<i64>()
            + (6..15).map(|row| series(row) - series(row - 1)).sum::<i64>()
    );
    assert_eq!((reading.oldest, reading.damage.rows), (Some(4), 0));
}

fn drive(state: &Path, first: i64, count: i64) {
    let (_histories, mut store) = open_days(state, INTERVAL_MS, DAYS);
    for row in first..first.saturating_add(count) {
        match write(&mut store, row) {
            Ok(()) => say(&row.to_string()),
            Err(why) => return say(&why),
        }
    }
}

/// Writes a row in two parts, and the one before it once more, as where samples come late.
fn write(store: &mut Store, row: i64) -> Result<(), String> {
    let all = series(row);
    let failed = |error| quietgate::text::with_causes(&error);
    let names: Vec<_> = (0..all).map(|series| labels(&format!("h{series}"))).collect();
    store.know(names.iter().map(|labels| (labels, row * INTERVAL_MS))).map_err(failed)?;
    let columns: Vec<u32> = names.iter().map(|labels| store.column(labels).expect("it is known")).collect();
    let mut batch = Batch::default();
    for part in [0..all / 2, all / 2..all] {
        batch.clear();
        for series in part {
            let column = columns[series as usize];
            batch.add(column, row - 1, Cell::Value(value(series, row - 1)));
            batch.add(column, row, Cell::Value(value(series, row)));
        }
        store.write(&batch, How::Restate, row * INTERVAL_MS).map_err(failed)?;
    }
    if let Some(unsynced) = store.unsynced().filter(|_| row % 50 == 0) {
        unsynced.sync().map_err(failed)?;
    }
    Ok(())
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // the test program leaves its own line open
    writeln!(out, "\n@{line}").and_then(|()| out.flush()).expect("a reader");
}
