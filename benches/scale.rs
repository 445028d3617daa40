//! A tick of very many series, judged together with their days in the history: a table of its processor time and of its memory.
//!
//! `cargo bench --bench scale -- --series 10000,100000,1000000` prints a line for each number of series. A tick is what comes between an
//! answer of a source and the findings: a new sample of every series by its labels, the five detectors, the rule, its sustain, how each
//! series stands, and the row in the history. The history has 14 days of minutes at the times of day of the ticks, in the page
//! cache; and all series have seen as many samples before as make the weights of averages stand still. Without numbers it is a test
//! that every series is judged. With `--start` it is the time from opening such a history, all 14 days of it, until every series is judged
//! (16 GB on disk for 100,000 series).

#[path = "common/mod.rs"]
#[allow(dead_code, reason = "the other benches use all of it")]
mod common;

use quietgate::history::{Batch, Cell, Histories, How, Keeper, Labels, Piece, Store, Wanted};
use quietgate::monitor::{MonitorSpec, Watch, Watched};
use quietgate_detectors::{Calendar, DAY_MS, Interval, Look, Past, Sample, Spec, Timestamp, Verdict};
use quietgate_rules::{Condition, Direction, RuleSpec, Sustain};
use std::path::Path;
use std::process::ExitCode;
use tempfile::TempDir;

const MINUTE_MS: i64 = 60_000;
const SLOTS: i64 = DAY_MS / MINUTE_MS;
/// Some row in the first quarter of 2026.
const FIRST: i64 = 29_500_000;
const DAYS: u32 = 14;
const TICKS: i64 = 20;
/// Ticks before that, which are not counted: all has been looked at and grown once.
const BEFORE: i64 = 3;

/// The value of a series at a row: a daily curve, and noise of its own.
fn value(series: usize, row: i64) -> f64 {
    // a step of splitmix64 (Steele, Lea and Flood 2014): the same at every run
    let seed = (series as u64 ^ (row.cast_unsigned() << 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let noise = (mixed ^ (mixed >> 31)) as f64 / u64::MAX as f64;
    let day = std::f64::consts::TAU * (row.rem_euclid(SLOTS) as f64) / SLOTS as f64;
    100.0 + 30.0 * day.sin() + 10.0 * noise
}

/// The labels of a series.
fn name(series: usize) -> Labels {
    Labels::from([("host", format!("host-{:05}", series / 20)), ("name", format!("n{}", series % 20))])
}

fn watch() -> Watch {
    let five = ["ss", "ls", "ewma3sigma", "chain", "ca"];
    let detectors = five.map(|kind| Spec::new(kind, &[]).expect("a detector")).to_vec();
    let sustain = Sustain::new(3, 5).expect("a sustain");
    let rule = RuleSpec::new("majority", &[], detectors, Direction::Either, sustain).expect("a rule");
    let interval = Interval::from_millis(MINUTE_MS).expect("a minute");
    let spec =
        MonitorSpec { rules: vec![rule], slow: None, interval, calendar: Calendar::Utc, lateness_ms: 0 };
    let (name, max_age_ms) = ("load".to_owned(), 2 * MINUTE_MS);
    Watch::new(vec![Watched { name, spec, max_age_ms, expect: Vec::new() }])
}

/// A run's share of it: the watch, and the history.
struct Run {
    labels: Vec<Labels>,
    samples: Vec<(u32, Sample)>,
    watch: Watch,
    keeper: Keeper,
    _histories: Histories,
    _folder: TempDir,
}

/// Counts the processor time of looking at earlier days apart.
struct Timed<'a, P> {
    past: P,
    seconds: &'a mut f64,
}

impl<P: Past> Past for Timed<'_, P> {
    fn look(&mut self, row: i64, member: u32) -> Option<(u32, &Look)> {
        let begun = common::cpu_seconds();
        let look = self.past.look(row, member);
        *self.seconds += common::cpu_seconds() - begun;
        look
    }
}

/// Seconds of processor time.
#[derive(Debug, Default, Clone, Copy)]
struct Times {
    looked: f64,
    judged: f64,
    written: f64,
}

impl Run {
    fn new(series: usize) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let histories = Histories::open(folder.path()).expect("a folder");
        let interval = Interval::from_millis(MINUTE_MS).expect("a minute");
        let mut store = histories.signal("load", interval, DAYS).expect("a history");
        let labels: Vec<_> = (0..series).map(name).collect();
        store.know(labels.iter().map(|labels| (labels, FIRST * MINUTE_MS))).expect("names");
        fill(&mut store, series);
        let (mut watch, mut keeper) = (watch(), Keeper::new(store));
        keeper.judged_together(watch.judge_together(0, DAYS).expect("all five").look().clone());
        for (number, labels) in (0..).zip(&labels) {
            watch.know_together(0, number, labels, false);
        }
        let mut run =
            Self { labels, samples: Vec::new(), watch, keeper, _histories: histories, _folder: folder };
        run.learn(series);
        run
    }

    /// As many samples as make the weights of averages stand still.
    fn learn(&mut self, series: usize) {
        let together = self.watch.together(0).expect("together");
        let first = FIRST - together.memory().0;
        for number in 0..series as u32 {
            together.begin(number, Timestamp::from_millis(first * MINUTE_MS), first);
        }
        // which values these are is of no matter
        let cells: Vec<Vec<f64>> =
            (0..8).map(|row| (0..series).map(|series| value(series, row)).collect()).collect();
        (first..FIRST).zip(cells.iter().cycle()).for_each(|(row, cells)| together.learn(0, row, cells, &[]));
    }

    /// A new sample of every series: where its time goes.
    fn tick(&mut self, row: i64) -> Times {
        let at = row * MINUTE_MS;
        let answer: Vec<(&Labels, Sample)> = self
            .labels
            .iter()
            .enumerate()
            .map(|(series, labels)| (labels, Sample::new(at, value(series, row))))
            .collect();
        let (begun, mut looked) = (common::cpu_seconds(), 0.0);
        let mut samples = std::mem::take(&mut self.samples);
        for (labels, sample) in answer {
            let number = self.watch.together(0).and_then(|together| together.find(labels));
            let number = number.expect("a series that is known");
            samples.push((number, sample));
        }
        let (past, mut hearing) = self.keeper.together().expect("together");
        let mut past = Timed { past, seconds: &mut looked };
        self.watch.observe_together(0, samples.drain(..), &mut past, |number, row, said| {
            hearing.hear(number, row, said)
        });
        self.samples = samples;
        let judged = common::cpu_seconds() - begun - looked;
        let begun = common::cpu_seconds();
        let written = self.keeper.write(Timestamp::from_millis(at)).expect("room");
        assert_eq!(written.changed, self.labels.len() as u64);
        Times { looked, judged, written: common::cpu_seconds() - begun }
    }
}

/// The cells of earlier days at the times of day that are going to be looked at.
fn fill(store: &mut Store, series: usize) {
    // and the day before those, in whose place the new samples come
    for day in (1..=i64::from(DAYS) + 1).rev() {
        for row in FIRST - 1..FIRST + BEFORE + TICKS {
            let row = row - day * SLOTS;
            let mut batch = Batch::default();
            (0..series).for_each(|series| batch.add(series as u32, row, Cell::Value(value(series, row))));
            store.write(&batch, How::Restate, FIRST * MINUTE_MS).expect("room");
        }
    }
    // what the system still has to bring to disk takes the memory's time away
    store.unsynced().into_iter().for_each(|files| files.sync().expect("a disk"));
}

/// So many rows are judged once more where a run goes on: ten minutes of a window, and what the longest sustain looks back on. Where one
/// begins it is what its own does.
const JUDGED: i64 = 75;

/// How long it takes from opening a history of 14 days until every series is judged: on the clock, and of the processor.
fn start(series: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let interval = Interval::from_millis(MINUTE_MS).expect("a minute");
    let histories = Histories::open(folder.path()).expect("a folder");
    let mut store = histories.signal("load", interval, DAYS).expect("a history");
    let labels: Vec<_> = (0..series).map(name).collect();
    let from = FIRST - i64::from(DAYS) * SLOTS;
    store.know(labels.iter().map(|labels| (labels, from * MINUTE_MS))).expect("names");
    let mut batch = Batch::default();
    for row in from..FIRST {
        batch.clear();
        (0..series).for_each(|series| batch.add(series as u32, row, Cell::Value(value(series, row))));
        store.write(&batch, How::Restate, row * MINUTE_MS).expect("room");
    }
    store.unsynced().into_iter().for_each(|files| files.sync().expect("a disk"));
    drop((store, histories, labels, batch));
    for is_cold in [true, false] {
        if is_cold {
            forget(folder.path());
        }
        let (clock, begun) = (std::time::Instant::now(), common::cpu_seconds());
        let known = started(folder.path(), interval);
        let (clock, processor) = (clock.elapsed().as_secs_f64(), common::cpu_seconds() - begun);
        assert_eq!(known, series, "every series can be judged");
        let files = if is_cold { "cold" } else { "in the page cache" };
        println!("| {series} | {files} | {clock:.1} s | {processor:.1} s | {:.0} MiB |", anonymous());
    }
}

/// Opens a history, learns and judges what is in it; how many series can be judged then.
fn started(folder: &Path, interval: Interval) -> usize {
    let histories = Histories::open(folder).expect("a folder");
    let mut keeper = Keeper::new(histories.signal("load", interval, DAYS).expect("a history"));
    let mut watch = watch();
    let together = watch.judge_together(0, DAYS).expect("all five");
    let ((memory, asks_period), look) = (together.memory(), together.look().clone());
    keeper.judged_together(look);
    let (oldest, newest) = (FIRST - i64::from(DAYS) * SLOTS, FIRST - 1);
    let wanted = Wanted { oldest, judged: newest - JUDGED, newest, memory, asks_period };
    let resumed = keeper.resume(wanted, |piece| match piece {
        Piece::Series { column, labels, at, row } => {
            watch.know_together(0, column, labels, false);
            watch.together(0).expect("together").begin(column, at, row);
        }
        Piece::Learn { first, row, cells, before } => {
            watch.together(0).expect("together").learn(first, row, cells, before);
        }
        Piece::Judge { samples, mut past } => {
            watch.remember_together(0, samples.iter().copied(), &mut past);
        }
    });
    assert_eq!(resumed.expect("a history").damage.rows, 0);
    let views = watch.views(Timestamp::from_millis(newest * MINUTE_MS));
    views.iter().filter(|view| !matches!(view.condition, Condition::Unknown { .. })).count()
}

/// Lets the system forget the files below `folder`, which are on disk.
fn forget(folder: &Path) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            forget(&path);
        } else {
            let file = std::fs::File::open(&path).expect("a file");
            rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).expect("a file system");
        }
    }
}

/// Mebibytes of memory that no file stands behind.
fn anonymous() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = status.lines().find_map(|line| line.strip_prefix("RssAnon:")?.trim().strip_suffix(" kB"));
    kib.and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(f64::NAN) / 1024.0
}

/// A line of the table; every series must have been judged by all five.
fn line(series: usize) {
    let mut run = Run::new(series);
    for tick in 0..BEFORE {
        run.tick(FIRST + tick);
    }
    let (mut sum, mut worst) = (Times::default(), 0.0_f64);
    for tick in 0..TICKS {
        let Times { looked, judged, written } = run.tick(FIRST + BEFORE + tick);
        sum.looked += looked;
        sum.judged += judged;
        sum.written += written;
        worst = worst.max(looked + judged + written);
    }
    let memory = anonymous();
    let now = Timestamp::from_millis((FIRST + BEFORE + TICKS - 1) * MINUTE_MS);
    let views = run.watch.views(now);
    assert_eq!(views.len(), series);
    let known = views.iter().filter(|view| !matches!(view.condition, Condition::Unknown { .. })).count();
    assert_eq!(known, series, "all can be judged");
    let of = views.iter().step_by((series / 50).max(1)).flat_map(|view| view.votes(false).into_owned());
    assert!(of.into_iter().all(|vote| !matches!(vote.verdict, Verdict::Unknown(_))), "by each of the five");
    let mean = |seconds: f64| 1e3 * seconds / TICKS as f64;
    let tick = mean(sum.looked + sum.judged + sum.written);
    println!(
        "| {series} | {tick:.1} ms | {:.1} | {:.1} | {:.1} | {:.1} ms | {memory:.0} MiB |",
        mean(sum.looked),
        mean(sum.judged),
        mean(sum.written),
        1e3 * worst
    );
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let wanted =
        arguments.iter().position(|argument| argument == "--series").and_then(|at| arguments.get(at + 1));
    let numbers = wanted.map_or("1000", String::as_str);
    let numbers: Result<Vec<usize>, _> = numbers.split(',').map(str::parse).collect();
    let Ok(numbers) = numbers else {
        eprintln!("--series takes whole numbers with commas between them");
        return ExitCode::from(2);
    };
    if arguments.iter().any(|argument| argument == "--start") {
        println!("| series | 14 days of minutes | until all is judged | processor | anonymous memory |");
        println!("|---|---|---|---|---|");
        numbers.into_iter().for_each(start);
        return ExitCode::SUCCESS;
    }
    println!("| series | tick | earlier days | judged | written | worst tick | anonymous memory |");
    println!("|---|---|---|---|---|---|---|");
    numbers.into_iter().for_each(line);
    ExitCode::SUCCESS
}
