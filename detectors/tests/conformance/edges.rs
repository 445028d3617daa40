//! What is defined where there is little to go by: nothing, one sample, no numbers, a constant, a long gap.

use crate::story::{Told, defaults, given, panel, tell, variants};
use crate::streams::{START_MS, interval, unbroken, varied};
use quietgate_detectors::{Reason, Sample, Spec, Timestamp, Verdict, find};

const HOUR_MS: i64 = 3_600_000;
const DAY: usize = 24;

/// The kinds without a memory beyond their look-back, with its length in samples.
fn look_backs() -> Vec<(Spec, usize)> {
    let days = |spec: &Spec| spec.options().count("days").map_or(0, |days| days as usize * DAY);
    let length = |spec: &Spec| match spec.entry().kind {
        "ss" => Some(spec.options().count("samples").map_or(0, |samples| samples as usize)),
        "chain" => Some(days(spec)),
        // each change needs the sample before it
        "ca" => Some(days(spec) + 1),
        "threshold" => Some(0),
        _ => None,
    };
    defaults().into_iter().filter_map(|spec| length(&spec).map(|length| (spec, length))).collect()
}

#[test]
fn nothing_in_nothing_out() {
    let story = tell(&panel(variants(), interval(HOUR_MS), HOUR_MS), &[], &[1]);
    assert!(story.cells.is_empty() && story.late.is_empty());
}

#[test]
fn one_sample_is_too_few_for_whoever_compares() {
    let spec = panel(variants(), interval(HOUR_MS), 0);
    let story = tell(&spec, &[Sample::new(START_MS, 5.0)], &[1]);
    for (column, detector) in spec.detectors.iter().enumerate() {
        let verdicts: Vec<_> = story.of(column).into_iter().flatten().map(|j| j.verdict).collect();
        let unknown = verdicts == [Verdict::Unknown(Reason::WarmingUp)];
        assert_eq!(unknown, detector.warm_up(spec.interval) > 0, "{}", detector.entry().kind);
        assert_eq!(verdicts.len(), 1);
    }
}

#[test]
fn what_is_no_number_reaches_no_detector() {
    let spec = panel(variants(), interval(HOUR_MS), 0);
    for nothing in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let story = tell(&spec, &unbroken(spec.interval, [nothing; 100]), &[7]);
        assert_eq!(story.cells.len(), 100);
        assert!(story.cells.values().all(|told| *told == Told::Unknown(Reason::NotANumber)));
    }
}

#[test]
fn a_constant_never_fires() {
    let spec = panel(defaults(), interval(HOUR_MS), 0);
    for constant in [0.0, 0.1, 1.0 / 3.0, -7.3, 1e-9, -1e12] {
        let story = tell(&spec, &unbroken(spec.interval, [constant; 16 * DAY]), &[]);
        for (column, detector) in spec.detectors.iter().enumerate() {
            let warm_up = detector.warm_up(spec.interval);
            for (cell, judgement) in story.of(column).into_iter().flatten().enumerate() {
                let expected =
                    if cell < warm_up { Verdict::Unknown(Reason::WarmingUp) } else { Verdict::Normal };
                assert_eq!(judgement.verdict, expected, "{} at {cell}", detector.entry().kind);
                assert!(judgement.evidence.is_none_or(|evidence| evidence.score < 1.0));
            }
        }
    }
}

/// The kinds that judge what lasts, or only once a batch has started: one odd value is nothing to them.
const LASTING: &[&str] = &["step_contrast", "cusum", "slope", "flatline", "absence"];

/// The kinds that fire on one side only, or on limits that were given.
const ONE_SIDED: &[&str] = &["threshold", "counts"];

#[test]
fn a_constant_stretch_ends_with_a_surge_or_a_drop_for_whoever_compares() {
    for (last, fired) in [(90.0, Verdict::Surge), (-90.0, Verdict::Drop)] {
        let spec = panel(defaults(), interval(HOUR_MS), 0);
        let values = [50.0; 16 * DAY].into_iter().chain([last]);
        let story = tell(&spec, &unbroken(spec.interval, values), &[]);
        for (column, detector) in spec
            .detectors
            .iter()
            .enumerate()
            .filter(|(_, d)| ![LASTING, ONE_SIDED].concat().contains(&d.entry().kind))
        {
            let newest = story.of(column).pop().flatten().map(|judgement| judgement.verdict);
            assert_eq!(newest, Some(fired), "{}", detector.entry().kind);
        }
    }
}

#[test]
fn after_a_gap_longer_than_the_look_back_a_detector_starts_anew() {
    for (spec, length) in look_backs() {
        let spec = panel(vec![spec], interval(HOUR_MS), 0);
        let before = unbroken(spec.interval, (0..500).map(varied));
        let shift = (500 + length.max(1)) as i64 * HOUR_MS;
        let after = unbroken(spec.interval, (0..500).map(|cell| varied(cell + 3)));
        let after: Vec<_> = after.iter().map(|s| Sample::new(s.at.as_millis() + shift, s.value)).collect();
        let both = tell(&spec, &[before, after.clone()].concat(), &[]);
        let fresh = tell(&spec, &after, &[]);
        assert_eq!(&both.of(0)[500..], fresh.of(0), "{}", spec.detectors[0].entry().kind);
    }
}

#[test]
fn a_gap_of_any_length_leaves_every_kind_with_an_answer() {
    for cells in [1, 24, 500, 700, 1050, 2000, 20_000, 36_000, 37_000, 40_000, 1_000_000] {
        let spec = panel(defaults(), interval(HOUR_MS), 0);
        let mut stream = unbroken(spec.interval, (0..500).map(varied));
        stream.extend((0..40).map(|i| Sample::new(START_MS + (500 + cells + i) * HOUR_MS, 5e6 + i as f64)));
        let story = tell(&spec, &stream, &[]);
        for (column, detector) in spec.detectors.iter().enumerate() {
            let kind = detector.entry().kind;
            let judgements = story.of(column);
            assert_eq!(judgements.len(), 540, "{kind} after {cells}");
            // a millionfold rise: a surge, or unknown where the past is; ls lets the sample pull its own sigma
            let first = judgements[500].map(|judgement| judgement.verdict);
            let judges_one = kind != "ls" && !LASTING.contains(&kind);
            assert!(!judges_one || first != Some(Verdict::Normal), "{kind} after {cells}");
        }
    }
}

#[test]
fn a_weighted_past_that_has_faded_away_is_unknown_and_not_normal() {
    let quick = given(find("ewma3sigma").expect("a kind"), &[("com", 1.0)]);
    let spec = panel(vec![quick], interval(HOUR_MS), 0);
    for cells in 0..1300 {
        let mut stream = unbroken(spec.interval, (0..100).map(varied));
        stream.push(Sample::new(START_MS + (100 + cells) * HOUR_MS, 5e6));
        let newest = tell(&spec, &stream, &[]).of(0).pop().flatten().map(|judgement| judgement.verdict);
        assert!(newest != Some(Verdict::Normal), "a gap of {cells} cells makes a millionfold rise normal");
    }
}

#[test]
fn a_long_stream_is_judged_by_what_can_be_remembered_alone() {
    const CELLS: usize = 100 * DAY;
    for (spec, length) in look_backs() {
        let spec = panel(vec![spec], interval(HOUR_MS), 0);
        let stream = unbroken(spec.interval, (0..CELLS).map(varied));
        let whole = tell(&spec, &stream, &[]);
        for from in [1, 5 * DAY, 50 * DAY + 7, CELLS - length - 30] {
            let fresh = tell(&spec, &stream[from..], &[]);
            let kind = spec.detectors[0].entry().kind;
            assert_eq!(whole.of(0)[from + length..], fresh.of(0)[length..], "{kind} from {from}");
        }
        assert!(whole.cells.contains_key(&Timestamp::from_millis(START_MS + (CELLS as i64 - 1) * HOUR_MS)));
    }
}
