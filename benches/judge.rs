//! Judging alone: samples in memory in, findings out, one thread.
//!
//! `cargo bench --bench judge` runs the criterion benches: each detector by itself, the literal set with both
//! rules, live samples one by one. `cargo bench --bench judge -- --throughput FILE --series N --points P
//! [--interval SECONDS]` judges N series of P points, read from FILE as little-endian f64, one series after
//! another, and prints one JSON line with the processor time; `benches/compare` runs it beside its peers.

mod common;

use common::{cpu_seconds, day_curve};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group};
use quietgate::monitor::{Anomalies, Judged, Monitor, MonitorSpec, Said};
use quietgate_detectors::{Block, Calendar, Interval, Panel, PanelSpec, Sample, Spec, Timestamp};
use quietgate_rules::{Direction, RuleSpec, Sustain};
use std::collections::BTreeMap;
use std::hint::black_box;

/// A UTC midnight.
const START_MS: i64 = 1_709_942_400_000;
const MINUTE_MS: i64 = 60_000;
const TWO_WEEKS: usize = 14 * 1440;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match Measured::from(&arguments) {
        Some(throughput) => throughput.run(),
        None => {
            benches();
            Criterion::default().configure_from_args().final_summary();
        }
    }
}

criterion_group!(benches, detectors, literal_set, one_by_one);

/// A day-curve by the minute.
fn samples(points: usize) -> Vec<Sample> {
    let minutes = (0..).map(|minute| START_MS + minute * MINUTE_MS);
    minutes.zip(day_curve(points)).map(|(at, value)| Sample::new(at, value)).collect()
}

fn interval(ms: i64) -> Interval {
    Interval::from_millis(ms).expect("an interval in range")
}

fn panel(kind: &str) -> Panel {
    Panel::new(PanelSpec {
        detectors: Spec::new(kind, &[]).into_iter().collect(),
        period: None,
        interval: interval(MINUTE_MS),
        calendar: Calendar::Utc,
        lateness_ms: 0,
    })
}

fn literal(interval_ms: i64) -> MonitorSpec {
    let rule = |kind| {
        let sustain = Sustain::new(2, 3).expect("a sustain in range");
        RuleSpec::new(kind, &[], Vec::new(), Direction::Either, sustain)
            .expect("a rule with its own detectors")
    };
    MonitorSpec {
        rules: vec![rule("majority"), rule("by_period")],
        slow: None,
        interval: interval(interval_ms),
        calendar: Calendar::Utc,
        lateness_ms: 0,
    }
}

fn detectors(criterion: &mut Criterion) {
    let samples = samples(TWO_WEEKS);
    let mut group = criterion.benchmark_group("detector");
    group.throughput(Throughput::Elements(samples.len() as u64));
    for entry in quietgate_detectors::all().iter().filter(|entry| Spec::new(entry.kind, &[]).is_ok()) {
        group.bench_function(BenchmarkId::from_parameter(entry.kind), |bencher| {
            bencher.iter(|| {
                let mut fired = 0;
                panel(entry.kind).observe(black_box(&samples), |block| {
                    if let Block::Judged(run) = block {
                        fired += run.verdicts[0].iter().filter(|verdict| verdict.fired()).count();
                    }
                });
                fired
            });
        });
    }
    group.finish();
}

fn literal_set(criterion: &mut Criterion) {
    let samples = samples(TWO_WEEKS);
    let mut group = criterion.benchmark_group("literal set");
    group.throughput(Throughput::Elements(samples.len() as u64));
    let spec = literal(MINUTE_MS);
    group.bench_function("verdicts", |bencher| {
        bencher.iter(|| {
            let mut cells = 0;
            Monitor::new(&spec).observe(black_box(&samples), |said| {
                if let Said::Judged(judged) = said {
                    cells += judged.findings.len();
                }
            });
            cells
        });
    });
    group.bench_function("anomalies with their evidence", |bencher| {
        bencher.iter(|| {
            let mut anomalies = Anomalies::new(spec.rules[0].sustain.n());
            Monitor::new(&spec).observe(black_box(&samples), |said| anomalies.hear(&said));
            anomalies.finish()
        });
    });
    group.finish();
}

fn one_by_one(criterion: &mut Criterion) {
    let samples = samples(TWO_WEEKS);
    let mut group = criterion.benchmark_group("live");
    group.throughput(Throughput::Elements(samples.len() as u64));
    group.bench_function("sample by sample", |bencher| {
        bencher.iter(|| {
            let (mut monitor, mut cells) = (Monitor::new(&literal(MINUTE_MS)), 0);
            for sample in black_box(&samples).chunks(1) {
                monitor.observe(sample, |_| cells += 1);
            }
            cells
        });
    });
    group.finish();
}

/// What `--throughput` asks for.
struct Measured {
    file: String,
    series: usize,
    points: usize,
    interval_ms: i64,
}

impl Measured {
    fn from(arguments: &[String]) -> Option<Self> {
        let after = |flag: &str| {
            let place = arguments.iter().position(|argument| argument == flag)?;
            arguments.get(place + 1).cloned()
        };
        let number = |flag: &str| after(flag).and_then(|text| text.parse().ok());
        Some(Self {
            file: after("--throughput")?,
            series: number("--series").expect("--series is a number"),
            points: number("--points").expect("--points is a number"),
            interval_ms: 1000
                * after("--interval").map_or(60, |text| text.parse().expect("--interval in seconds")),
        })
    }

    fn run(&self) {
        let series = self.read();
        let spec = literal(self.interval_ms);
        // the verdicts are counted in a pass of its own: the peers do not count while they are measured either
        let mut fired = Fired::default();
        series.iter().for_each(|values| judge(&spec, values, |judged| fired.count(judged)));
        let (begin, mut passes) = (cpu_seconds(), 0);
        // one series is done in a millisecond: it is judged until the clock says something
        while passes == 0 || cpu_seconds() - begin < 0.2 {
            series.iter().for_each(|values| judge(&spec, values, |judged| _ = black_box(judged)));
            passes += 1;
        }
        let line = serde_json::json!({
            "points": passes * self.series * self.points,
            "cpu_seconds": cpu_seconds() - begin,
            "fired": fired.by_name,
        });
        println!("{line}");
    }

    fn read(&self) -> Vec<Vec<f64>> {
        let bytes = std::fs::read(&self.file).expect("the file of the values");
        let wanted = 8 * self.series * self.points;
        assert!(bytes.len() >= wanted, "{} has {} bytes, {wanted} are wanted", self.file, bytes.len());
        let number = |bytes: &[u8; 8]| f64::from_le_bytes(*bytes);
        let one = |bytes: &[u8]| bytes.as_chunks().0.iter().map(number).collect();
        bytes[..wanted].chunks_exact(8 * self.points).map(one).collect()
    }
}

fn judge(spec: &MonitorSpec, values: &[f64], mut tell: impl FnMut(&Judged<'_>)) {
    Monitor::new(spec).observe_even(Timestamp::from_millis(START_MS), values, |said| {
        if let Said::Judged(judged) = said {
            tell(&judged);
        }
    });
}

/// How often each detector and rule fired.
#[derive(Default)]
struct Fired {
    by_name: BTreeMap<&'static str, usize>,
}

impl Fired {
    fn count(&mut self, judged: &Judged<'_>) {
        const COLUMNS: [&str; 7] = ["ss", "ls", "ewma3sigma", "chain", "ca", "majority", "by_period"];
        let columns = judged.run.verdicts.iter().chain(judged.combined);
        for (name, column) in COLUMNS.into_iter().zip(columns) {
            *self.by_name.entry(name).or_default() += column.iter().filter(|verdict| verdict.fired()).count();
        }
        *self.by_name.entry("period").or_default() +=
            usize::from(judged.run.periodic) * judged.findings.len();
    }
}
