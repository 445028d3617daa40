//! The source `ping` with many hosts while every core is busy: no loss that is none, and what it costs.
//! `QUIETGATE_PING_SECONDS=60` makes it as long as a promise is.

use crate::ping::{asked, may_ping, ping};
use quietgate::sources::Source;
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

/// How long, as `QUIETGATE_PING_SECONDS` says.
fn length() -> Duration {
    let seconds = std::env::var("QUIETGATE_PING_SECONDS").map(|text| text.parse().expect("whole seconds"));
    Duration::from_secs(seconds.unwrap_or(6).clamp(1, 120))
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

/// Pings for as long as it was asked for. Fails on any loss; tells the share of a core, and how many intervals were whole.
fn no_loss(source: &dyn Source, hosts: usize) -> (f64, usize) {
    let (mut whole, mut newest) = (0, 0);
    let began = Instant::now();
    let used = used_seconds();
    while began.elapsed() < length() {
        let answer = asked(source, "loss_ratio", 1_000).expect("an answer");
        let samples = || answer.series.iter().flat_map(|series| &series.samples);
        let lost = samples().filter(|sample| sample.value > 0.0).count();
        assert_eq!(lost, 0, "nothing is lost on loopback: {:?}", answer.warnings);
        let ends: std::collections::BTreeSet<_> = samples().map(|sample| sample.at.as_millis()).collect();
        for end in ends.into_iter().filter(|end| *end > newest).collect::<Vec<_>>() {
            newest = end;
            whole += usize::from(samples().filter(|sample| sample.at.as_millis() == end).count() == hosts);
        }
        std::thread::sleep(Duration::from_millis(250));
    }
    ((used_seconds() - used) / began.elapsed().as_secs_f64(), whole)
}

#[test]
fn two_thousand_hosts_at_five_a_second_lose_nothing_while_every_core_is_busy() {
    if !may_ping() {
        return;
    }
    let source = ping(&hosts(2_000), &[("every", "200ms")]);
    let busy = Busy::every_core();
    let (cores, whole) = no_loss(&*source, 2_000);
    drop(busy);
    println!("2,000 hosts at 5 a second, every core busy: {cores:.3} of a core, {whole} whole intervals");
    assert!(whole > 0, "something was measured");
}

#[test]
fn ten_thousand_hosts_at_one_a_second_take_less_than_half_a_core() {
    if !may_ping() {
        return;
    }
    let source = ping(&hosts(10_000), &[("every", "1s")]);
    let (cores, whole) = no_loss(&*source, 10_000);
    println!("10,000 hosts at 1 a second: {cores:.3} of a core, {whole} whole intervals");
    assert!(cores < 0.5, "{cores} of a core");
}
