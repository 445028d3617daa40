//! Drivers killed at each system call of the journal in turn, and an error at each: what was begun comes to its end, nothing
//! starts any more, and another driver goes on.

use crate::hold::hold;
use crate::ledger::{self, Line, Word};
use crate::records::{self, Record, open_run};
use crate::rig::{Driver, Rig, SHORT, now_ms, ticks};
use crate::strace::{CALLS, GROWING, MOST_CALLS, is_installed, wrapper};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// So many points are tried side by side.
const SIDE_BY_SIDE: usize = 6;
/// Fewer points than this are not a run.
const LEAST_KILLS: usize = 60;
const LEAST_ERRORS: usize = 10;
/// So often in a row a run may need a person although there are probes: something of another driver may still be running.
const MOST_TRIES: usize = 500;

#[test]
fn killed_at_each_system_call_it_goes_on() {
    let check = |rig: &Rig, hit: &Hit| {
        assert_eq!(hit.status.signal(), Some(9), "{hit:?}");
        goes_on(rig);
        "killed"
    };
    if let Some(counts) = at_each(&CALLS, "signal=SIGKILL", check) {
        println!("kill -9 at each call: {counts:?}");
        assert!(counts["killed"] >= LEAST_KILLS, "too few to be a run: {counts:?}");
    }
}

#[test]
fn after_an_error_of_a_system_call_nothing_starts() {
    for (error, calls) in [("EIO", &CALLS[..]), ("ENOSPC", &GROWING)] {
        if let Some(counts) = at_each(calls, &format!("error={error}"), failed) {
            println!("{error} at each call: {counts:?}");
            assert!(counts["while driving"] >= LEAST_ERRORS, "too few to be a run: {counts:?}");
        }
    }
}

/// A driver that met a fault.
#[derive(Debug)]
struct Hit {
    status: ExitStatus,
    /// The calls that failed, as strace saw them, one for each thread at most; none where it did not live to say.
    calls: Vec<String>,
}

impl Hit {
    /// When the first call failed at `from_ms` or later: in milliseconds, and in hundredths of a second since the machine started.
    fn when(&self, from_ms: i64) -> Option<(i64, u64)> {
        let times = self.calls.iter().map(|call| {
            let seconds: f64 =
                call.split_whitespace().nth(1).and_then(|word| word.parse().ok()).expect("a time");
            (seconds * 1000.0) as i64
        });
        let ms = times.filter(|ms| *ms >= from_ms).min()?;
        Some((ms, ticks().saturating_sub((now_ms() as i64 - ms) as u64 / 10)))
    }
}

/// Ended by an error: 5, and nothing started after it. Only while the journal is opened or closed there are calls on which
/// nothing depends: a log that is not moved into the database stays a log.
fn failed(rig: &Rig, hit: &Hit) -> &'static str {
    let head = head(rig);
    let (records, lines) = held(rig);
    let at_of = |kind| records.iter().find(|record| record.kind == kind).map(|record| record.at_ms);
    let while_driving = at_of("boot").and_then(|boot_ms| hit.when(boot_ms));
    let Some((at_ms, at)) = while_driving else {
        goes_on(rig);
        return match hit.status.code() {
            Some(5) => "while opening",
            Some(0) => "while opening, and went on",
            _ => panic!("{hit:?}: {}", rig.said()),
        };
    };
    if at_of("finish").is_some_and(|finish_ms| finish_ms <= at_ms) && hit.status.code() == Some(0) {
        return "while closing";
    }
    assert_eq!(hit.status.code(), Some(5), "{hit:?}: {}", rig.said());
    // what the head has was told to be on record, so it was being started when the next record failed
    let may_begin = |line: &Line| {
        let intent =
            records.iter().find(|record| record.kind == "intent" && record.key().as_ref() == Some(&line.key));
        intent.is_some_and(|intent| intent.seq <= head)
    };
    let late =
        lines.iter().find(|line| line.word == Word::Begin && line.started > at + 1 && !may_begin(line));
    assert!(late.is_none(), "started after the error: {late:?}, {hit:?} at {at}, head {head}");
    goes_on(rig);
    "while driving"
}

/// The number of the newest record that the driver was told to be there for good; 0 where there is none.
fn head(rig: &Rig) -> u64 {
    let head = fs::read_to_string(rig.state().join("head")).unwrap_or_default();
    head.lines().find_map(|line| line.strip_prefix("seq ")?.parse().ok()).unwrap_or_default()
}

/// Lets other drivers go on until the run is over.
fn goes_on(rig: &Rig) {
    let (mut records, _) = held(rig);
    for _ in 0..MOST_TRIES {
        let run = open_run(&records);
        let words = match &run {
            Some(run) => vec!["run", "--resume", run],
            None if records.iter().any(|record| record.kind == "finish") => return,
            None => vec!["run", "plan.yaml"],
        };
        let status = Driver::start(rig.command(&[], &words)).end();
        assert!(matches!(status.code(), Some(0 | 3)), "{words:?} ended {status}: {}", rig.said());
        let (now, _) = held(rig);
        assert!(now.starts_with(&records), "records are gone or have changed");
        records = now;
    }
    panic!("it does not come to an end: {}", rig.said());
}

/// What is in the journal and in the ledger when all is quiet; it holds.
fn held(rig: &Rig) -> (Vec<Record>, Vec<Line>) {
    rig.wait_until_quiet();
    let (records, lines) = (records::read(rig), ledger::read(rig.path()));
    hold(&records, &lines);
    (records, lines)
}

/// Lets a driver begin a new run again and again, with `fault` at one call of one of these kinds, each in turn. Gives how
/// often `check` found what; nothing where strace is not there.
fn at_each(
    calls: &[&str],
    fault: &str,
    check: impl Fn(&Rig, &Hit) -> &'static str + Sync,
) -> Option<BTreeMap<&'static str, usize>> {
    if !is_installed() {
        return None;
    }
    let counts = Mutex::new(BTreeMap::new());
    let kinds: Vec<_> =
        calls.iter().map(|call| (*call, AtomicUsize::new(0), AtomicUsize::new(MOST_CALLS))).collect();
    // no kind is tried beyond its last call; several at once may find that out
    let work = || {
        for (call, taken, last) in &kinds {
            loop {
                let number = 1 + taken.fetch_add(1, Ordering::Relaxed);
                if number > last.load(Ordering::Relaxed) {
                    break;
                }
                match at(call, fault, number, &check) {
                    Some(sort) => *counts.lock().expect("a count").entry(sort).or_default() += 1,
                    None => drop(last.fetch_min(number - 1, Ordering::Relaxed)),
                }
            }
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..SIDE_BY_SIDE).map(|_| scope.spawn(work)).collect();
        workers.into_iter().for_each(|worker| worker.join().expect("points that hold"));
    });
    Some(counts.into_inner().expect("a count"))
}

/// One point; nothing where there was no such call.
fn at(
    call: &str,
    fault: &str,
    number: usize,
    check: &impl Fn(&Rig, &Hit) -> &'static str,
) -> Option<&'static str> {
    let rig = Rig::new(SHORT);
    let log = rig.path().join("strace");
    let wrapper = wrapper(&rig.state(), call, fault, number, &log);
    let status = Driver::start(rig.command(&wrapper, &["run", "plan.yaml"])).end();
    let calls = injected(&log);
    if calls.is_empty() && status.code() == Some(0) {
        // the run with nothing wrong holds as well
        held(&rig);
        return None;
    }
    Some(check(&rig, &Hit { status, calls }))
}

/// The calls that failed, by the log of strace.
fn injected(log: &Path) -> Vec<String> {
    let log = fs::read_to_string(log).expect("a log");
    log.lines().filter(|line| line.ends_with("(INJECTED)")).map(str::to_owned).collect()
}
