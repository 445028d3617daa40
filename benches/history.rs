//! What the history costs: a row of every series written, the same time of day read back, and the days of a start.
//!
//! Files lie in a temporary folder and in the page cache, and what is measured is processor time: of this program and the system, not of
//! the disk.

#[path = "common/mod.rs"]
mod common;

use criterion::{Criterion, criterion_group, criterion_main};
use quietgate::history::{Batch, Cell, Histories, How, Labels, Store};
use quietgate_detectors::{DAY_MS, Interval};
use std::hint::black_box;
use std::ops::RangeInclusive;
use std::time::Duration;
use tempfile::TempDir;

const MINUTE_MS: i64 = 60_000;
const SLOTS: i64 = DAY_MS / MINUTE_MS;
/// Some row in the first quarter of 2026.
const NOW: i64 = 29_500_000;
const DAYS: u32 = 14;

/// A history of so many series that has `rows`.
fn filled(series: usize, rows: impl Iterator<Item = i64>) -> (TempDir, Histories, Store) {
    let dir = tempfile::tempdir().expect("a folder");
    let histories = Histories::open(dir.path()).expect("a folder");
    let interval = Interval::from_millis(MINUTE_MS).expect("a minute");
    let mut store = histories.signal("load", interval, DAYS).expect("a history");
    let labels: Vec<_> = (0..series).map(|n| Labels::from([("host", format!("h{n:06}"))])).collect();
    store.know(labels.iter().map(|labels| (labels, NOW * MINUTE_MS))).expect("names");
    let curve = common::day_curve(SLOTS as usize);
    for row in rows {
        let written =
            store.write(&tick(&curve, series, row, 0.0), How::Restate, row * MINUTE_MS).expect("room");
        assert_eq!(written.changed, series as u64);
    }
    (dir, histories, store)
}

/// One sample of every series.
fn tick(curve: &[f64], series: usize, row: i64, more: f64) -> Batch {
    let value = curve[row.rem_euclid(SLOTS) as usize] + more;
    let mut batch = Batch::default();
    for column in 0..series {
        batch.add(column as u32, row, Cell::Value(value + column as f64 / 7.0));
    }
    batch
}

/// The rows of one time of day, on so many days.
fn slot(days: i64) -> impl Iterator<Item = i64> {
    (1..=days).rev().map(|day| NOW - day * SLOTS)
}

/// The processor time of `work`, done so many times.
fn cpu(times: u64, mut work: impl FnMut()) -> Duration {
    let begun = common::cpu_seconds();
    (0..times).for_each(|_| work());
    Duration::from_secs_f64((common::cpu_seconds() - begun).max(1e-9))
}

fn writing(c: &mut Criterion) {
    let curve = common::day_curve(SLOTS as usize);
    let mut group = c.benchmark_group("history");
    for series in [10_000, 100_000] {
        for days in [1, 14] {
            let (_dir, _histories, mut store) = filled(series, slot(days));
            // the same rows again and again, and each time with other values
            let rows = (0..8).map(|row| (NOW + row, 0)).chain((0..8).map(|row| (NOW + row, 1)));
            let ticks: Vec<_> =
                rows.map(|(row, other)| tick(&curve, series, row, f64::from(other))).collect();
            let mut next = 0;
            group.bench_function(format!("write a row, {series} series, {days} days"), |b| {
                b.iter_custom(|times| {
                    cpu(times, || {
                        let batch = black_box(&ticks[next % ticks.len()]);
                        next += 1;
                        let written = store.write(batch, How::Restate, (NOW + 8) * MINUTE_MS);
                        assert_eq!(written.expect("room").changed, series as u64);
                    })
                });
            });
        }
    }
    group.finish();
}

/// Reads the same time of day of `days` days.
fn read_slot(store: &mut Store, days: i64) -> u64 {
    let mut cells = 0;
    for row in slot(days) {
        store.read(row..=row, |_, some| cells += some.known().count() as u64).expect("a history");
    }
    cells
}

fn reading(c: &mut Criterion) {
    let mut group = c.benchmark_group("history");
    for series in [10_000, 100_000] {
        for days in [1, 14] {
            let (_dir, _histories, mut store) = filled(series, slot(days));
            assert_eq!(read_slot(&mut store, days), series as u64 * days as u64);
            group.bench_function(format!("read a time of day, {series} series, {days} days"), |b| {
                b.iter_custom(|times| cpu(times, || assert!(black_box(read_slot(&mut store, days)) > 0)));
            });
        }
    }
    group.finish();
}

/// Reads all that is kept.
fn start(store: &mut Store, rows: RangeInclusive<i64>) {
    let mut sum = 0.0;
    let reading = store.read(rows, |_, cells| {
        for (_, cell) in cells.known() {
            if let Cell::Value(value) = cell {
                sum += value;
            }
        }
    });
    assert_eq!(reading.expect("a history").damage.rows, 0);
    black_box(sum);
}

fn starting(c: &mut Criterion) {
    let (series, days) = (10_000, i64::from(DAYS));
    let rows: RangeInclusive<i64> = NOW - days * SLOTS + 1..=NOW;
    let (_dir, _histories, mut store) = filled(series, rows.clone());
    let mut group = c.benchmark_group("history");
    group.sample_size(10);
    group.bench_function(format!("start with {series} series of {days} days"), |b| {
        b.iter_custom(|times| cpu(times, || start(&mut store, rows.clone())));
    });
    group.finish();
}

criterion_group!(benches, writing, reading, starting);
criterion_main!(benches);
