//! A process that ends and goes on by its history judges as one that never did, to the last bit.

use crate::model::open_days;
use proptest::prelude::*;
use quietgate::history::{Histories, Keeper};
use quietgate::monitor::{Labels, Latest, MonitorSpec, Statement, Watch, Watched};
use quietgate_detectors::{Calendar, Interval, OptionValue, Sample, Spec, Timestamp};
use quietgate_rules::{Condition, Direction, RuleSpec, Sustain};
use std::path::Path;

/// One cell an hour: the detectors that look at days have several of them.
pub(crate) const HOUR_MS: i64 = 3_600_000;
/// A day and a half before the first sample.
pub(crate) const BEFORE_MS: i64 = 1_767_225_600_000;

/// A signal judged by much of what there is.
fn watch(lateness_ms: i64) -> Watch {
    let days =
        [("days".to_owned(), OptionValue::Number(3.0)), ("min_days".to_owned(), OptionValue::Number(2.0))];
    let flat = [("samples".to_owned(), OptionValue::Number(6.0))];
    let kinds = [
        ("ss", &[][..]),
        ("ls", &[]),
        ("ewma3sigma", &[]),
        ("chain", &days),
        ("ca", &days),
        ("flatline", &flat),
    ];
    let detectors = kinds.map(|(kind, options)| {
        Spec::new(kind, options).or_else(|_| Spec::new(kind, &[])).expect("a detector")
    });
    let sustain = Sustain::new(2, 3).expect("a sustain");
    let rule = RuleSpec::new("any", &[], detectors.to_vec(), Direction::Either, sustain).expect("a rule");
    let slow = RuleSpec::new("by_period", &[], detectors[..5].to_vec(), Direction::Either, Sustain::ONE);
    watch_by(rule, slow.expect("a rule"), lateness_ms)
}

/// The same signal judged by these rules.
pub(crate) fn watch_by(rule: RuleSpec, slow: RuleSpec, lateness_ms: i64) -> Watch {
    let interval = Interval::from_millis(HOUR_MS).expect("an hour");
    let (rules, slow, calendar) = (vec![rule], Some(slow), Calendar::Utc);
    Watch::new(vec![Watched {
        name: "load".to_owned(),
        spec: MonitorSpec { rules, slow, interval, calendar, lateness_ms },
        max_age_ms: 2 * HOUR_MS,
        expect: Vec::new(),
    }])
}

pub(crate) fn keeper(state: &Path) -> (Histories, Keeper) {
    let (histories, store) = open_days(state, HOUR_MS, 14);
    (histories, Keeper::new(store))
}

/// What a watch says of a series, whose times may be those of the cells.
pub(crate) fn said(watch: &Watch, now: i64) -> Vec<SaidOf> {
    let views = watch.views(Timestamp::from_millis(now));
    let all = views.iter().map(|view| SaidOf {
        labels: view.labels.clone().into_owned(),
        conditions: [Some(view.condition), view.slow],
        latest: view.latest,
        votes: [false, true].map(|slow| view.votes(slow).into_owned()),
    });
    all.collect()
}

/// What is said of a series.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SaidOf {
    pub(crate) labels: Labels,
    pub(crate) conditions: [Option<Condition>; 2],
    pub(crate) latest: Option<Latest>,
    pub(crate) votes: [Vec<Statement>; 2],
}

/// The same without the times of samples, in words neither.
pub(crate) fn untimed(said: Vec<SaidOf>) -> Vec<String> {
    let one = |SaidOf { labels, latest, votes, .. }: SaidOf| {
        let told = |statements: Vec<Statement>| -> Vec<_> {
            statements.into_iter().map(|told| (told.kind, told.verdict, told.evidence, told.lack)).collect()
        };
        let latest = latest.map(|latest| (latest.value.map(f64::to_bits), latest.finding));
        format!("{labels:?} {latest:?} {:?}", votes.map(told))
    };
    said.into_iter().map(one).collect()
}

/// A sample of one of three series: how many intervals after the one before, how far from its cell, and its value.
pub(crate) fn sample() -> impl Strategy<Value = (usize, i64, i64, f64)> {
    let value = prop_oneof![
        20 => (0..1000_i32).prop_map(|value| 100.0 + f64::from(value) / 7.0),
        1 => Just(f64::NAN),
        1 => Just(100.0),
        1 => 1e6..1e7_f64,
    ];
    (0..3_usize, prop_oneof![1 => Just(0_i64), 20 => Just(1), 1 => 2..30_i64], -25..=25_i64, value)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_watch_that_is_filled_judges_as_one_that_never_stopped(
        samples in prop::collection::vec(sample(), 50..500),
        (jitter, twice) in (any::<bool>(), any::<bool>()),
        lateness in 0..3_i64,
        restarts in prop::collection::vec(0..500_usize, 1..4),
        phase in 0..HOUR_MS,
    ) {
        let dir = tempfile::tempdir().expect("a folder");
        // times within a cell are not kept: what waits for late ones may be judged a sample sooner then
        let lateness_ms = if jitter { 0 } else { lateness * HOUR_MS };
        let (mut never, mut again) = (watch(lateness_ms), watch(lateness_ms));
        let (mut histories, mut kept) = keeper(dir.path());
        let mut restated = false;
        let mut newest = [BEFORE_MS + phase; 3];
        let mut heard: Vec<(usize, Sample)> = Vec::new();
        let labels = ["a", "b", "c"].map(|name| Labels::from([("host", name)]));
        for (number, (series, after, off, value)) in samples.into_iter().enumerate() {
            let after = if twice { after } else { after.max(1) };
            newest[series] += after * HOUR_MS;
            if newest[series] > BEFORE_MS + 13 * 24 * HOUR_MS {
                continue;
            }
            if restarts.contains(&number) {
                drop((kept, histories));
                (histories, kept) = keeper(dir.path());
                again = watch(lateness_ms);
                let now = newest.iter().max().copied().unwrap_or_default();
                // the first sample may be early for its cell
                let all = (Timestamp::from_millis(BEFORE_MS - HOUR_MS), Timestamp::from_millis(now));
                let filled = kept.fill(all, |labels, samples| again.observe(0, labels, samples)).expect("a history");
                prop_assert_eq!(filled.reading.damage.rows, 0);
                // the source gives once more what came after that
                for (series, sample) in &heard {
                    let known = filled.newest.iter().find(|(known, _)| *known == labels[*series]);
                    if known.is_none_or(|(_, at)| sample.at > *at) {
                        let mut hearing = kept.hearing(&labels[*series]);
                        again.observe_heard(0, &labels[*series], &[*sample], |at, said| hearing.hear(at, said));
                    }
                }
            }
            let off_ms = if jitter { off * HOUR_MS / 60 } else { 0 };
            let sample = Sample::new(newest[series] + off_ms, value);
            heard.push((series, sample));
            never.observe(0, &labels[series], &[sample]);
            let mut hearing = kept.hearing(&labels[series]);
            again.observe_heard(0, &labels[series], &[sample], |at, said| hearing.hear(at, said));
            kept.write(sample.at).expect("room");
            let (one, other) = (said(&never, newest[series]), said(&again, newest[series]));
            // a cell that was judged before another value came leaves its mark in the time since when something is suspect; of
            // such a cell it is not kept what was judged before
            restated |= after == 0;
            if jitter || restated {
                prop_assert_eq!(untimed(one), untimed(other));
            } else {
                prop_assert_eq!(one, other);
            }
        }
    }
}
