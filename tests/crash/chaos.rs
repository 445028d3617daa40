//! The daemon in chaos: killed again and again, its source silent now and then, asked over HTTP all the time. Nothing is done twice or
//! forgotten, and it takes no more at the end than at the beginning.
//!
//! `QUIETGATE_CHAOS` says for how many seconds; 1800 with a kill every 20 s is what is promised.

use crate::dice::Dice;
use crate::hold::hold;
use crate::ledger::{self, Word};
use crate::records::{self, open_attempts, open_run};
use crate::rig::{Driver, LONG, PATIENCE, Rig, until};
use quietgate::http::{Level, Tokens};
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// So long it lasts where nothing else is said.
const LASTS: Duration = Duration::from_secs(25);
/// From so long on it is killed as seldom as is promised, and what it takes is compared.
const LONG_ENOUGH: Duration = Duration::from_secs(900);
/// From here on it has settled.
const SETTLED: Duration = Duration::from_secs(300);
/// What is asked of it.
const ASKED: [&str; 5] =
    ["/api/v1/status", "/api/v1/runs", "/api/v1/findings", "/metrics", "/api/v1/gates/load?window=1s"];

/// What a daemon takes.
#[derive(Debug, Clone, Copy)]
struct Taken {
    after: Duration,
    resident_kib: u64,
    files: usize,
}

#[test]
fn in_chaos_nothing_is_done_twice_and_no_more_is_taken_at_the_end() {
    let lasts = std::env::var("QUIETGATE_CHAOS")
        .map_or(LASTS, |text| Duration::from_secs(text.parse().expect("QUIETGATE_CHAOS: seconds")));
    let every = if lasts >= LONG_ENOUGH { Duration::from_secs(20) } else { Duration::from_secs(4) };
    let seed = crate::seed();
    let (mut chaos, mut dice) = (Chaos::new(), Dice(seed));
    let (began, mut taken) = (Instant::now(), Vec::new());
    while began.elapsed() < lasts {
        let mut daemon = chaos.begin();
        let end = Instant::now() + every.mul_f64(0.5 + dice.below(100) as f64 / 100.0);
        while Instant::now() < end {
            chaos.rig.hush(dice.below(4) == 0);
            chaos.work();
            assert_eq!(daemon.watch(Instant::now() + Duration::from_millis(200), || false), None);
        }
        taken.push(chaos.taken(&daemon, began.elapsed()));
        assert_eq!(daemon.kill().code(), None);
        chaos.kills += 1;
    }
    chaos.rig.hush(false);
    let mut daemon = chaos.begin();
    until("the last run to end", || {
        chaos.work_on();
        open_run(&records::read(&chaos.rig)).is_none()
    });
    daemon.kill();
    chaos.rig.wait_until_quiet();
    let (records, lines) = (records::read(&chaos.rig), ledger::read(chaos.rig.path()));
    hold(&records, &lines);
    assert!(open_attempts(&records).is_empty(), "the last run is over, and nobody aborted one");
    let done = records.iter().filter(|record| record.kind == "finish").count();
    let begun = lines.iter().filter(|line| line.word == Word::Begin).count();
    let Chaos { kills, answers, .. } = chaos;
    println!("chaos: seed={seed} {kills} kills, {done} runs, {begun} attempts, {answers} answers; {taken:?}");
    assert!(kills >= 3 && done >= 1 && answers > 10, "{kills} kills, {done} runs, {answers} answers");
    if lasts >= LONG_ENOUGH {
        compared(&taken);
    }
}

/// What is taken in the last minutes is at most a tenth more than after five.
fn compared(taken: &[Taken]) {
    let end = taken.last().expect("a life").after;
    let most = |from: Duration, of: fn(&Taken) -> u64| {
        let there =
            taken.iter().filter(|taken| (from..from + Duration::from_secs(120)).contains(&taken.after));
        there.map(of).max().expect("a life")
    };
    for of in [(|taken| taken.resident_kib) as fn(&Taken) -> u64, |taken| taken.files as u64] {
        let (before, after) = (most(SETTLED, of), most(end.saturating_sub(Duration::from_secs(119)), of));
        assert!(after * 10 <= before * 11, "{before} after five minutes, {after} at the end");
    }
}

struct Chaos {
    rig: Rig,
    port: u16,
    token: String,
    kills: usize,
    answers: usize,
}

impl Chaos {
    fn new() -> Self {
        let rig = Rig::new(LONG);
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
        let config = rig.path().join("quietgate.yaml");
        let text = fs::read_to_string(&config).expect("the config");
        fs::write(&config, format!("{text}api: {{listen: \"127.0.0.1:{port}\"}}\n")).expect("a file");
        let (_, token) = Tokens::of(&rig.state()).create("chaos", Level::Read, 86_400_000).expect("a token");
        Self { rig, port, token, kills: 0, answers: 0 }
    }

    /// A daemon that answers: before, a word to a run would have the journal, and the daemon would find it held.
    fn begin(&self) -> Driver {
        let daemon = Driver::start(self.rig.command(&[], &["serve"]));
        until("the daemon", || self.ask("/api/v1/ready") == Some(200));
        daemon
    }

    /// A run is under way wherever it can be, and what can be asked is.
    fn work(&mut self) {
        self.work_on();
        // one is under way already, or nobody is there yet
        drop(self.rig.run(&["submit", "plan.yaml", "--reason", "chaos"]));
        for path in ASKED {
            self.answers += usize::from(self.ask(path).is_some_and(|status| status == 200));
        }
    }

    /// Whoever is paused goes on: it was for a process that an earlier daemon left, or for a probe that could not tell.
    fn work_on(&self) {
        drop(self.rig.run(&["resume", "--reason", "chaos"]));
    }

    /// The status of the answer to `path`; nothing where nobody is there, or goes away.
    fn ask(&self, path: &str) -> Option<u16> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
            self.token
        );
        stream.write_all(head.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let status: u16 = answer.get(9..12)?.parse().ok()?;
        assert!(status < 500 || status == 503, "{path}: {answer}");
        Some(status)
    }

    fn taken(&self, daemon: &Driver, after: Duration) -> Taken {
        let of = format!("/proc/{}", daemon.number());
        let status = fs::read_to_string(format!("{of}/status")).expect("a process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
        let resident_kib = line.trim().trim_end_matches(" kB").parse().expect("a number");
        Taken { after, resident_kib, files: fs::read_dir(format!("{of}/fd")).expect("files").count() }
    }
}
