//! The source `ping` with many hosts while every core is busy: no loss that is none, and what it costs.
//! One run of 6 s is the short form, which `./test` runs; `QUIETGATE_PING=full` makes it ten runs of 60 s, as it is promised.

use crate::ping::{asked, may_ping, ping};
use quietgate::sources::{Answer, Source};
use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Keeps every core busy until it is dropped.
struct Busy {
    ends: Arc<AtomicBool>,
    threads: Vec<JoinHandle<u64>>,
}

impl Busy {
    fn every_core() -> Self {
        let ends = Arc::new(AtomicBool::new(false));
        let cores = std::thread::available_parallelism().expect("a number of cores").get();
        let busy = |ends: Arc<AtomicBool>| {
            std::thread::spawn(move || {
                let mut sum = 0_u64;
                while !ends.load(Ordering::Relaxed) {
                    sum = std::hint::black_box(sum.wrapping_mul(31).wrapping_add(7));
                }
                sum
            })
        };
        let threads = (0..cores).map(|_| busy(Arc::clone(&ends))).collect();
        Self { ends, threads }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.join().expect("it only counts");
        }
    }
}

/// So many hosts of this machine.
fn hosts(count: u32) -> Vec<String> {
    (0..count).map(|n| format!("127.{}.{}.{}", 20 + n / 50_000, n / 250 % 200, n % 250 + 1)).collect()
}

/// How many runs of how long, as `QUIETGATE_PING` says.
fn form() -> (usize, Duration) {
    match std::env::var("QUIETGATE_PING").as_deref() {
        Ok("full") => (10, Duration::from_secs(60)),
        Ok(other) => panic!("QUIETGATE_PING is {other:?}, allowed is full, or nothing at all"),
        Err(_) => (1, Duration::from_secs(6)),
    }
}

/// Seconds of a core that the threads of sources have used so far.
fn used_seconds() -> f64 {
    let mut ticks = 0.0;
    for task in fs::read_dir("/proc/self/task").expect("the threads").flatten() {
        // a thread may end meanwhile
        let Ok(stat) = fs::read_to_string(task.path().join("stat")) else { continue };
        let (name, rest) = stat.rsplit_once(')').expect("a name in brackets");
        if name.ends_with("(ping") {
            let words: Vec<f64> =
                rest.split_whitespace().skip(11).take(2).map(|word| word.parse().expect("ticks")).collect();
            ticks += words.iter().sum::<f64>();
        }
    }
    // the kernel counts hundredths of a second for programs, whatever it does itself
    ticks / 100.0
}

/// What a run gave.
#[derive(Debug, Default)]
struct Figures {
    /// Share of a core.
    cores: f64,
    /// Intervals that were over.
    intervals: usize,
    /// Those in which every host was measured in full.
    whole: usize,
    /// Samples, each of a host in an interval.
    samples: usize,
}

/// Pings for `length`. Fails on any loss.
fn no_loss(source: &dyn Source, hosts: usize, length: Duration) -> Figures {
    let (mut figures, mut ends) = (Figures::default(), BTreeMap::new());
    // the first answer waits for an interval, of which the work is not counted
    let mut newest = asked(source, "loss_ratio", 1_000).map(|answer| newest_end(&answer)).expect("an answer");
    let (began, used) = (Instant::now(), used_seconds());
    while began.elapsed() < length {
        let answer = asked(source, "loss_ratio", 1_000).expect("an answer");
        ends.clear();
        for sample in answer.series.iter().flat_map(|series| &series.samples) {
            if sample.at.as_millis() > newest {
                assert!(sample.value <= 0.0, "nothing is lost on loopback: {sample:?} {:?}", answer.warnings);
                *ends.entry(sample.at.as_millis()).or_insert(0) += 1;
            }
        }
        newest = newest.max(newest_end(&answer));
        figures.intervals += ends.len();
        figures.samples += ends.values().sum::<usize>();
        figures.whole += ends.values().filter(|measured| **measured == hosts).count();
        // the answer is all that there is: the next one has something new after an interval at the soonest
        std::thread::sleep(Duration::from_millis(250));
    }
    figures.cores = (used_seconds() - used) / began.elapsed().as_secs_f64();
    figures
}

/// The time of the newest sample.
fn newest_end(answer: &Answer) -> i64 {
    let samples = answer.series.iter().filter_map(|series| series.samples.last());
    samples.map(|sample| sample.at.as_millis()).max().unwrap_or_default()
}

/// Makes the runs, each with a source of its own, and tells their figures. Fails on any loss, and where nothing was measured in full.
fn runs(what: &str, every: &str, hosts: u32) -> Vec<Figures> {
    let (count, length) = form();
    let names = self::hosts(hosts);
    let run = |number: usize| {
        let figures = no_loss(&*ping(&names, &[("every", every)]), names.len(), length);
        let Figures { cores, intervals, whole, samples } = &figures;
        println!(
            "{what}, run {number} of {count}, {} s: no loss in {samples} samples, {whole} of {intervals} intervals whole, \
             {cores:.3} of a core",
            length.as_secs()
        );
        assert!(*whole > 0, "something was measured in full: {figures:?}");
        figures
    };
    (1..=count).map(run).collect()
}

#[test]
fn two_thousand_hosts_at_five_a_second_lose_nothing_while_every_core_is_busy() {
    if !may_ping() {
        return;
    }
    let _busy = Busy::every_core();
    runs("2,000 hosts at 5 a second, every core busy", "200ms", 2_000);
}

#[test]
fn ten_thousand_hosts_at_one_a_second_take_less_than_half_a_core() {
    if !may_ping() {
        return;
    }
    for figures in runs("10,000 hosts at 1 a second", "1s", 10_000) {
        assert!(figures.cores < 0.5, "{figures:?}");
    }
}
