//! The same samples give the same verdicts and the same numbers, however the stream is cut into calls.

use crate::story::{Story, Told, cuts, panel, tell, variants};
use crate::streams::{self, START_MS, events, interval, intervals, samples};
use proptest::collection::vec;
use proptest::prelude::*;
use quietgate_detectors::{
    BatchStart, Calendar, Ensemble, Interval, Judgement, Panel, Sample, Spec, Timestamp,
};

/// Late samples are waited for this many intervals, or not at all.
fn lateness() -> impl Strategy<Value = i64> {
    prop_oneof![Just(0), 1..4_i64]
}

proptest! {
    #[test]
    fn a_panel_says_the_same_however_it_is_fed(
        events in events(), interval in intervals(), cuts in cuts(), lateness in lateness()
    ) {
        let samples = samples(&events, interval);
        let spec = panel(variants(), interval, lateness * interval.as_millis());
        prop_assert_eq!(tell(&spec, &samples, &cuts), tell(&spec, &samples, &[]));
    }

    #[test]
    fn an_even_stretch_is_its_samples(
        events in events(), interval in intervals(), lateness in lateness(),
        values in vec(prop_oneof![20 => streams::value(), 1 => Just(f64::NAN)], 0..90),
        // where it begins, in tenths of an interval after the samples before it
        tenths in prop_oneof![Just(10), 0..40_i64], at_first in any::<bool>(),
    ) {
        let before = if at_first { Vec::new() } else { samples(&events, interval) };
        let step = interval.as_millis();
        let first = before.iter().map(|sample| sample.at.as_millis()).max().map_or(START_MS, |at| at + tenths * step / 10);
        let stretch = values.iter().zip(0..).map(|(&value, i)| Sample::new(first + i * step, value));
        let (spec, mut story) = (panel(variants(), interval, lateness * step), Story::default());
        let mut fed = Panel::new(spec.clone());
        fed.observe(&before, |block| story.hear(block));
        fed.observe_even(Timestamp::from_millis(first), &values, |block| story.hear(block));
        fed.finish(|block| story.hear(block));
        let expected = tell(&spec, &before.iter().copied().chain(stretch).collect::<Vec<_>>(), &[]);
        prop_assert_eq!(story, expected);
    }

    #[test]
    fn a_detector_says_the_same_however_it_is_driven(
        calls in calls(), interval in intervals(), sizes in vec(1..30_usize, 1..9)
    ) {
        for spec in variants() {
            let make = || alone(&spec, interval);
            prop_assert_eq!(one_by_one(make(), &calls), in_runs(make(), &calls, &sizes), "{}", spec.entry().kind);
        }
    }

    #[test]
    fn a_value_taken_back_is_a_gap(calls in calls(), value in streams::value(), interval in intervals()) {
        for spec in variants() {
            let mut taken_back = alone(&spec, interval);
            let mut never_there = alone(&spec, interval);
            let told = [Call::Value(value), Call::Retract].into_iter().chain(calls.clone()).collect::<Vec<_>>();
            let gap = [Call::Skip(1)].into_iter().chain(calls.clone()).collect::<Vec<_>>();
            // some past, so that there is something to fall back to
            for past in 0..30 {
                let value = [streams::varied(past)];
                prop_assert_eq!(judge(&mut taken_back, &value), judge(&mut never_there, &value));
            }
            let told = one_by_one(taken_back, &told);
            let expected = one_by_one(never_there, &gap);
            prop_assert_eq!(&told[1..], expected.as_slice(), "{}", spec.entry().kind);
        }
    }
}

proptest! {
    #[test]
    fn the_start_of_a_batch_may_be_told_with_any_sample_before_it(
        events in events(), minutes in prop_oneof![Just(10), Just(60)], cuts in cuts(),
        // where batches start after 1000 cells, in tenths of a cell, and for how many cells effects are expected
        starts in vec((0..2000_i64, 0..5_i64), 1..4), told_early in any::<bool>(),
    ) {
        let interval = interval(minutes * 60_000);
        let step = interval.as_millis();
        let mut stream = streams::unbroken(interval, (0..1000).map(streams::varied));
        let shift = 1000 * step;
        stream.extend(samples(&events, interval).iter().map(|s| Sample::new(s.at.as_millis() + shift, s.value)));
        let mut starts: Vec<BatchStart> = starts.into_iter().map(|(tenths, settling)| {
            let at = START_MS + shift + tenths * step / 10;
            BatchStart { at: Timestamp::from_millis(at), settled: Timestamp::from_millis(at + settling * step) }
        }).collect();
        starts.sort_by_key(|start| start.at);
        let spec = panel(vec![Spec::new("step_contrast", &[]).expect("a kind")], interval, 0);
        // each told at the first call boundary before the newest sample reaches it, or all of them at once
        let (mut fed, mut story, mut rest) = (Panel::new(spec.clone()), Story::default(), stream.as_slice());
        let mut waiting = starts.iter().copied().peekable();
        let mut sizes = cuts.iter().copied().chain(std::iter::repeat(7));
        while !rest.is_empty() {
            let (now, after) = rest.split_at(sizes.next().unwrap_or(1).clamp(1, rest.len()));
            let newest = now.iter().map(|sample| sample.at.as_millis() + step).max().unwrap_or_default();
            while let Some(start) = waiting.next_if(|start| told_early || start.at.as_millis() <= newest) {
                fed.batch_starts(start);
            }
            fed.observe(now, |block| story.hear(block));
            rest = after;
        }
        let (mut at_once, mut expected) = (Panel::new(spec), Story::default());
        starts.iter().for_each(|&start| at_once.batch_starts(start));
        at_once.observe(&stream, |block| expected.hear(block));
        prop_assert_eq!(story, expected);
    }
}

#[test]
fn a_conflict_may_come_in_a_later_call() {
    let interval = interval(6 * 3_600_000);
    let step = interval.as_millis();
    let mut stream = streams::unbroken(interval, (0..80).map(streams::varied));
    stream.push(Sample::new(START_MS + 79 * step, 1.0));
    // and then a gap, so that the conflict and the gap must add up
    stream.extend((83..120).map(|cell| Sample::new(START_MS + cell * step, streams::varied(cell as usize))));
    let spec = panel(variants(), interval, 0);
    let at_once = tell(&spec, &stream, &[]);
    assert_eq!(tell(&spec, &stream, &[80, 1, 200]), at_once);
    assert!(matches!(at_once.cells[&Timestamp::from_millis(START_MS + 79 * step)], Told::Unknown(_)));
}

/// What a detector is told.
#[derive(Debug, Clone, Copy)]
enum Call {
    Value(f64),
    Skip(u64),
    /// Only where the call before was a value.
    Retract,
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let call = prop_oneof![
        30 => streams::value().prop_map(Call::Value),
        2 => (0..9_u64).prop_map(Call::Skip),
        1 => (0..90_u64).prop_map(Call::Skip),
        2 => Just(Call::Retract),
    ];
    vec(call, 0..200).prop_map(|mut calls| {
        let mut value_before = false;
        calls.retain(|call| {
            let kept = value_before || !matches!(call, Call::Retract);
            value_before = matches!(call, Call::Value(_)) || (value_before && !kept);
            kept
        });
        calls
    })
}

/// A detector without a panel around it.
fn alone(spec: &Spec, interval: Interval) -> Ensemble {
    let start = Timestamp::from_millis(START_MS);
    Ensemble::new(std::slice::from_ref(spec), start, interval, Calendar::Utc, 0)
}

fn judge(detector: &mut Ensemble, values: &[f64]) -> Vec<Judgement> {
    detector.observe_run(values);
    let verdicts = detector.verdicts()[0].iter().enumerate();
    let evidence = |offset| detector.evidence(values, 0, offset);
    verdicts.map(|(offset, &verdict)| Judgement { verdict, evidence: evidence(offset) }).collect()
}

/// One judgement a value, each value and each missing cell told alone.
fn one_by_one(mut detector: Ensemble, calls: &[Call]) -> Vec<Judgement> {
    let mut out = Vec::new();
    for &call in calls {
        match call {
            Call::Value(value) => out.extend(judge(&mut detector, &[value])),
            Call::Skip(cells) => (0..cells).for_each(|_| detector.skip(1)),
            Call::Retract => detector.retract(),
        }
    }
    out
}

/// The same with neighbouring values told together, in runs of the sizes given, over and over.
fn in_runs(mut detector: Ensemble, calls: &[Call], sizes: &[usize]) -> Vec<Judgement> {
    let mut out = Vec::new();
    let mut waiting = Vec::new();
    let mut sizes = sizes.iter().cycle();
    for &call in calls {
        if let Call::Value(value) = call {
            waiting.push(value);
            continue;
        }
        flush(&mut detector, &mut waiting, &mut sizes, &mut out);
        match call {
            Call::Skip(cells) => detector.skip(cells),
            _ => detector.retract(),
        }
    }
    flush(&mut detector, &mut waiting, &mut sizes, &mut out);
    out
}

fn flush<'a>(
    detector: &mut Ensemble,
    waiting: &mut Vec<f64>,
    sizes: &mut impl Iterator<Item = &'a usize>,
    out: &mut Vec<Judgement>,
) {
    while !waiting.is_empty() {
        let size = sizes.next().copied().unwrap_or(1).min(waiting.len());
        let run: Vec<f64> = waiting.drain(..size).collect();
        out.extend(judge(detector, &run));
    }
}
