//! The first verdict comes where the table says.

use crate::story::{given, panel, tell, variants};
use crate::streams::{interval, unbroken, varied};
use quietgate_detectors::{Reason, Spec, Verdict, find};

const MINUTE_MS: i64 = 60_000;

/// Intervals that divide the day and such that do not; with 16 hours the same time of day may lie between two cells.
const INTERVALS_MS: [i64; 10] = [
    10_000,
    7 * MINUTE_MS,
    11 * MINUTE_MS,
    60 * MINUTE_MS,
    5 * 60 * MINUTE_MS,
    6 * 60 * MINUTE_MS,
    16 * 60 * MINUTE_MS,
    19 * 60 * MINUTE_MS,
    23 * 60 * MINUTE_MS,
    24 * 60 * MINUTE_MS,
];

/// A longer warm-up is not waited for.
const CELLS_MAX: usize = 110_000;

#[test]
fn the_first_verdict_comes_right_after_the_declared_warm_up() {
    let mut others = Vec::new();
    for days in [1.0, 2.0, 5.0, 14.0] {
        let entries = ["chain", "ca"].map(|kind| find(kind).expect("a kind"));
        others.extend(entries.map(|entry| given(entry, &[("min_days", days)])));
    }
    for spec in variants().into_iter().chain(others) {
        let held = INTERVALS_MS.iter().filter(|&&ms| holds(&spec, ms)).count();
        assert!(held >= 5, "{} was tried with {held} intervals only", spec.entry().kind);
    }
}

/// Holds it for one interval, unless that takes too long.
fn holds(spec: &Spec, interval_ms: i64) -> bool {
    let interval = interval(interval_ms);
    let warm_up = spec.warm_up(interval);
    if warm_up > CELLS_MAX {
        return false;
    }
    let stream = unbroken(interval, (0..warm_up + 2).map(varied));
    let story = tell(&panel(vec![spec.clone()], interval, 0), &stream, &[]);
    for (cell, judgement) in story.of(0).into_iter().enumerate() {
        let verdict = judgement.expect("each cell has a value").verdict;
        let expected = verdict == Verdict::Unknown(Reason::WarmingUp);
        let (kind, days) = (spec.entry().kind, spec.options().count("min_days"));
        assert!(
            if cell < warm_up { expected } else { !verdict.is_unknown() },
            "{kind} ({days:?} days) at {interval_ms} ms, warm-up {warm_up}: {verdict} at cell {cell}"
        );
    }
    true
}
