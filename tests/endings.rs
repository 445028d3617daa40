//! How a backtest ends before its end: by Ctrl-C while it reads and while it judges, and by a reader of its output
//! that goes away.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// More rows than the pipe between two processes holds.
const ROWS: i64 = 3_000;
/// More series than are judged before the program asks whether to stop.
const SERIES: usize = 20;

fn table() -> String {
    let names: Vec<_> = (0..SERIES).map(|series| format!("s{series:02}")).collect();
    let mut text = format!("timestamp,{}\n", names.join(","));
    for row in 0..ROWS {
        let values: Vec<_> = (0..SERIES as i64).map(|series| (row * (series + 3) % 17).to_string()).collect();
        let _ = writeln!(text, "{},{}", 1_710_000_000 + 60 * row, values.join(","));
    }
    text
}

fn backtest(dir: &Path, arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_quietgate"))
        .args([
            "backtest",
            "--threads",
            "1",
            "--rule",
            "any",
            "--detectors",
            "threshold:above=15",
            "--sustain",
            "1 of 1",
        ])
        .args(arguments)
        .current_dir(dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program")
}

fn interrupt(child: &Child) {
    let status = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
    assert!(status.success());
}

/// The rest of standard output, standard error and the exit code.
fn end(mut child: Child, stdout: &mut impl Read) -> (String, String, Option<i32>) {
    let (mut out, mut err) = (String::new(), String::new());
    stdout.read_to_string(&mut out).expect("text");
    child.stderr.take().expect("a pipe").read_to_string(&mut err).expect("text");
    (out, err, child.wait().expect("an end").code())
}

#[test]
fn stopped_while_it_reads() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let pipe = dir.path().join("pipe.csv");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    let mut child = backtest(dir.path(), &["-i", "pipe.csv"]);
    // this waits for the program to open the other end: it hears Ctrl-C by then
    let mut input = File::options().write(true).open(&pipe).expect("the pipe");
    let table = table();
    input.write_all(table.as_bytes()).expect("a reader");
    interrupt(&child);
    let rows = table.split_once('\n').expect("a header").1;
    // the program goes away in the middle of this
    while input.write_all(rows.as_bytes()).is_ok() {}
    let mut stdout = child.stdout.take().expect("a pipe");
    let (out, err, code) = end(child, &mut stdout);
    assert_eq!(
        (out.as_str(), code),
        ("0 series, 0 samples\nstopped before anything was judged\n", Some(1)),
        "{err}"
    );
}

#[test]
fn stopped_while_it_judges() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    fs::write(dir.path().join("table.csv"), table()).expect("a file");
    let mut child = backtest(dir.path(), &["-i", "table.csv", "--all", "--format", "csv", "--report", "out"]);
    let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut header = String::new();
    // it writes the rows of the first series, and cannot go on until they are read
    stdout.read_line(&mut header).expect("text");
    interrupt(&child);
    let (out, err, code) = end(child, &mut stdout);
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("\nstopped before the end: this is what was judged so far\n"), "{err}");
    let rows = out.lines().count() as i64;
    assert!(rows > 0 && rows % ROWS == 0 && rows < ROWS * SERIES as i64, "{rows} rows");
    assert!(err.starts_with(&format!("{} series, ", rows / ROWS)), "{err}");
    let page = fs::read_to_string(dir.path().join("out/report.html")).expect("the report");
    assert!(page.contains("Interrupted."));
}

#[test]
fn a_reader_that_goes_away_is_no_failure_and_the_report_is_written() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    fs::write(dir.path().join("table.csv"), table()).expect("a file");
    for arguments in [&["--format", "csv"][..], &["--format", "json"], &[], &["--all", "--format", "csv"]] {
        let mut child = backtest(
            dir.path(),
            &[&["-i", "table.csv", "--report", "out", "--report-findings", "3"], arguments].concat(),
        );
        let mut line = String::new();
        BufReader::with_capacity(16, child.stdout.take().expect("a pipe"))
            .read_line(&mut line)
            .expect("text");
        let (_, err, code) = end(child, &mut std::io::empty());
        let told = if arguments.contains(&"--all") { "" } else { "report: out/report.html\n" };
        assert_eq!((code, err.as_str()), (Some(0), told), "{arguments:?}");
    }
}
