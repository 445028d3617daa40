//! What the kinds of signals cost: judged in long runs, and a tick of very many live series.
//!
//! `cargo bench --bench presets` prints one line of JSON and a table, by processor time of one core: for each kind the points a
//! second of a backtest, beside the five literal detectors in the same run, and the time of ticks in which `--series N` (default
//! 20,000) series with 14 days of history get a sample each, with what that makes for 100,000: median, mean and worst of 64 ticks. `-- --rounds R` (default 5) takes
//! the median of more rounds. Run as a test it measures two series once.

mod common;

use common::{cpu_seconds, day_curve};
use quietgate::monitor::{Monitor, MonitorSpec};
use quietgate_detectors::{Calendar, Interval, Sample, Timestamp};
use quietgate_rules::{Direction, RuleSpec, Sustain, presets};
use std::hint::black_box;

const MINUTE_MS: i64 = 60_000;
const DAY: usize = 1440;
/// A backtest of a month.
const MONTH: usize = 31 * DAY;
const HISTORY: usize = 14 * DAY;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let after = |flag: &str| {
        let place = arguments.iter().position(|argument| argument == flag)?;
        arguments.get(place + 1)?.parse::<usize>().ok()
    };
    let is_test = arguments.iter().any(|argument| argument == "--test");
    let rounds = if is_test { 1 } else { after("--rounds").unwrap_or(5) };
    let series = if is_test { 2 } else { after("--series").unwrap_or(20_000) };
    let values = day_curve(MONTH);
    let specs: Vec<(&str, MonitorSpec)> = std::iter::once(("literal", literal())).chain(kinds()).collect();
    let found: Vec<_> = specs
        .iter()
        .map(|(kind, spec)| (*kind, points_a_second(spec, &values, rounds), ticks(spec, &values, series)))
        .collect();
    let line: serde_json::Map<_, _> = found
        .iter()
        .map(|(kind, points, ticks)| {
            let figures = serde_json::json!({
                "million_points_a_second": points / 1e6,
                "tick_ms_of_100000": {"median": ticks.median, "mean": ticks.mean, "worst": ticks.worst},
            });
            ((*kind).to_owned(), figures)
        })
        .collect();
    println!(
        "{}",
        serde_json::json!({"bench": "presets", "series": series, "rounds": rounds, "kinds": line})
    );
    println!(
        "\n| kind | M points/s | a tick of 100,000 series | mean | worst |\n| --- | --- | --- | --- | --- |"
    );
    for (kind, points, Ticks { median, mean, worst }) in found {
        println!("| {kind} | {:.1} | {median:.0} ms | {mean:.0} ms | {worst:.0} ms |", points / 1e6);
    }
}

/// Every kind of signal by the rule of its gate.
fn kinds() -> impl Iterator<Item = (&'static str, MonitorSpec)> {
    presets().iter().map(|preset| {
        let rule = preset.rule.spec(preset.direction).expect("a rule of the table");
        (preset.kind, spec(rule))
    })
}

fn literal() -> MonitorSpec {
    let sustain = Sustain::new(2, 3).expect("a sustain in range");
    spec(RuleSpec::new("majority", &[], Vec::new(), Direction::Either, sustain).expect("its own detectors"))
}

fn spec(rule: RuleSpec) -> MonitorSpec {
    MonitorSpec {
        rules: vec![rule],
        slow: None,
        interval: Interval::from_millis(MINUTE_MS).expect("a minute"),
        calendar: Calendar::Utc,
        lateness_ms: 0,
    }
}

/// The median over the rounds.
fn points_a_second(spec: &MonitorSpec, values: &[f64], rounds: usize) -> f64 {
    let round = || {
        let (begin, mut judged) = (cpu_seconds(), 0);
        while judged == 0 || cpu_seconds() - begin < 0.3 {
            let mut monitor = Monitor::new(spec);
            monitor.observe_even(Timestamp::from_millis(0), black_box(values), |said| _ = black_box(said));
            judged += values.len();
        }
        judged as f64 / (cpu_seconds() - begin)
    };
    median((0..rounds).map(|_| round()))
}

/// What ticks cost, in milliseconds for 100,000 series: half of them less than the median.
struct Ticks {
    median: f64,
    mean: f64,
    worst: f64,
}

/// Over so many ticks: what is done for a block of samples, or every so often, is due in each series once at least.
const TICKS: usize = 64;
/// After so many series the next one is at the same point as the first again.
const TURNS: u64 = 32;

fn ticks(spec: &MonitorSpec, values: &[f64], series: usize) -> Ticks {
    let history = |turn| {
        let mut monitor = Monitor::new(spec).in_turn(turn);
        monitor.observe_even(Timestamp::from_millis(0), &values[..HISTORY], |said| _ = black_box(said));
        monitor
    };
    // some are judged and the others have their history: each has memory of its own
    let first: Vec<Monitor> = (0..TURNS).map(history).collect();
    let mut monitors: Vec<Monitor> = first.iter().cycle().take(series).cloned().collect();
    let mut tick = |minute: usize| {
        let sample = [Sample::new(minute as i64 * MINUTE_MS, values[minute])];
        let begin = cpu_seconds();
        for monitor in &mut monitors {
            monitor.observe(black_box(&sample), |said| _ = black_box(said));
        }
        1000.0 * (cpu_seconds() - begin) * 1e5 / series as f64
    };
    // memory that was doubled has no room to grow: it is got before anything is measured
    (HISTORY..HISTORY + TICKS).for_each(|minute| _ = tick(minute));
    let all: Vec<f64> = (HISTORY + TICKS..HISTORY + 2 * TICKS).map(tick).collect();
    let mean = all.iter().sum::<f64>() / all.len() as f64;
    Ticks { mean, worst: all.iter().copied().fold(0.0, f64::max), median: median(all.into_iter()) }
}

fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}
