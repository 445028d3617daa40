//! A monitor and the anomalies it finds: on streams made by hand, and the same however the samples are cut.

#[path = "../detectors/tests/conformance/streams.rs"]
#[allow(dead_code, reason = "the tests of the detectors use all of it")]
mod streams;

use proptest::collection::vec;
use proptest::prelude::*;
use quietgate::backtest::{self, BacktestError, Outcome, Task, Want};
use quietgate::monitor::{Anomalies, Anomaly, Monitor, MonitorSpec, Said};
use quietgate::sources::recorded::{ReadOptions, SeriesInfo, load};
use quietgate_detectors::{
    BatchStart, Calendar, Interval, OptionValue, Reason, Sample, Spec, Timestamp, Verdict,
};
use quietgate_rules::{Direction, Finding, RuleSpec};
use std::collections::BTreeMap;

const MINUTE_MS: i64 = 60_000;

fn limits(above: f64, below: f64) -> Spec {
    let option = |name: &str, value| (name.to_owned(), OptionValue::Number(value));
    Spec::new("threshold", &[option("above", above), option("below", below)]).expect("limits")
}

fn rule(kind: &str, detectors: Vec<Spec>, sustain: &str) -> RuleSpec {
    let sustain = sustain.parse().expect("K of N");
    RuleSpec::new(kind, &[], detectors, Direction::Either, sustain).expect("a rule")
}

/// Minutes, beyond 10 to 50 by the first detector, beyond 0 to 100 by the second; 2 of 3.
fn by_limits() -> MonitorSpec {
    MonitorSpec {
        rules: vec![rule("any", vec![limits(50.0, 10.0), limits(100.0, 0.0)], "2 of 3")],
        slow: None,
        interval: streams::interval(MINUTE_MS),
        calendar: Calendar::Utc,
        lateness_ms: 0,
    }
}

/// Everything in the end: anomalies, and the finding on each cell.
#[derive(Debug, PartialEq)]
struct Heard {
    anomalies: Vec<Anomaly>,
    findings: BTreeMap<u64, (Vec<Verdict>, Finding)>,
    late: Vec<Timestamp>,
}

fn hear(spec: &MonitorSpec, samples: &[Sample], cuts: &[usize]) -> Heard {
    let (mut monitor, mut anomalies) = (Monitor::new(spec), Anomalies::new(spec.rules[0].sustain.n()));
    let (mut findings, mut late) = (BTreeMap::new(), Vec::new());
    let rules = spec.rules.len();
    let mut listen = |said: Said<'_>| {
        anomalies.hear(&said);
        match said {
            Said::Judged(judged) => {
                for (offset, finding) in judged.findings.iter().enumerate() {
                    let combined = judged.combined.iter().map(|column| column[offset]).collect();
                    findings.insert(judged.run.first + offset as u64, (combined, *finding));
                }
            }
            Said::Unknown { cell, reason, .. } => {
                findings.insert(cell, (vec![Verdict::Unknown(reason); rules], Finding::Unknown(reason)));
            }
            Said::Late { at } => late.push(at),
        }
    };
    let mut rest = samples;
    for &cut in cuts {
        let (now, later) = rest.split_at(cut.min(rest.len()));
        monitor.observe(now, &mut listen);
        rest = later;
    }
    monitor.observe(rest, &mut listen);
    monitor.finish(&mut listen);
    Heard { anomalies: anomalies.finish(), findings, late }
}

/// Samples at whole minutes.
fn minutes(values: &[(i64, f64)]) -> Vec<Sample> {
    values.iter().map(|&(minute, value)| Sample::new(minute * MINUTE_MS, value)).collect()
}

fn at(minute: i64) -> Timestamp {
    Timestamp::from_millis(minute * MINUTE_MS)
}

/// From, until and found of each anomaly, in minutes.
fn spans(values: &[(i64, f64)], cuts: &[usize]) -> Vec<[i64; 3]> {
    let minute = |time: Timestamp| time.as_millis() / MINUTE_MS;
    let anomalies = hear(&by_limits(), &minutes(values), cuts).anomalies;
    anomalies.iter().map(|a| [a.from, a.until, a.found].map(minute)).collect()
}

#[test]
fn an_anomaly_tells_when_how_far_and_by_whom() {
    let values = [20.0, 20.0, 60.0, 20.0, 120.0, 55.0, 20.0, 20.0, 20.0, 60.0, 20.0];
    let samples: Vec<_> = (0..).zip(values).collect();
    let heard = hear(&by_limits(), &minutes(&samples), &[]);
    let [anomaly] = heard.anomalies.as_slice() else { panic!("one anomaly: {:?}", heard.anomalies) };
    assert_eq!((anomaly.from, anomaly.until, anomaly.found), (at(2), at(5), at(4)));
    assert_eq!((anomaly.verdict, anomaly.fired), (Verdict::Surge, 3));
    assert_eq!((anomaly.peak, anomaly.value), (at(4), 120.0));
    let votes: Vec<_> =
        anomaly.votes.iter().map(|v| (v.column, v.fired, v.at, v.verdict, v.evidence.score)).collect();
    assert_eq!(votes, [(0, 3, at(4), Verdict::Surge, 2.4), (1, 1, at(4), Verdict::Surge, 1.2)]);
    assert_eq!((anomaly.votes[0].evidence.value, anomaly.votes[0].evidence.upper), (120.0, 50.0));
}

#[test]
fn the_way_is_that_of_most_cells() {
    let way = |values: &[f64]| {
        let samples: Vec<_> = (0..).zip(values.iter().copied()).collect();
        hear(&by_limits(), &minutes(&samples), &[]).anomalies[0].verdict
    };
    assert_eq!(way(&[60.0, 5.0, 5.0, 20.0]), Verdict::Drop);
    assert_eq!(way(&[5.0, 60.0, 60.0]), Verdict::Surge);
    assert_eq!(way(&[5.0, 60.0]), Verdict::Surge);
}

#[test]
fn a_single_cell_is_no_anomaly_and_neither_are_two_far_apart() {
    assert_eq!(spans(&[(0, 20.0), (1, 60.0), (2, 20.0), (3, 20.0), (4, 60.0), (5, 20.0)], &[]), [[0; 3]; 0]);
    assert_eq!(spans(&[(0, 20.0), (1, 60.0), (2, 20.0), (3, 60.0), (4, 20.0)], &[]), [[1, 3, 3]]);
}

#[test]
fn a_gap_as_long_as_the_sustain_ends_an_anomaly() {
    let both = [(0, 60.0), (1, 60.0), (10, 60.0), (11, 60.0)];
    assert_eq!(spans(&both, &[]), [[0, 1, 1], [10, 11, 11]]);
    // with one cell missing two of three have still fired
    assert_eq!(spans(&[(0, 60.0), (1, 60.0), (3, 60.0)], &[]), [[0, 3, 1]]);
    assert_eq!(spans(&[(0, 60.0), (1, 60.0), (4, 60.0), (5, 60.0)], &[]), [[0, 1, 1], [4, 5, 5]]);
    // what has no value takes a place like what is missing
    let nothing = f64::NAN;
    assert_eq!(spans(&[(0, 60.0), (1, nothing), (2, nothing), (3, 60.0)], &[]), [[0; 3]; 0]);
    assert_eq!(spans(&[(0, 60.0), (1, nothing), (2, 60.0)], &[]), [[0, 2, 2]]);
}

#[test]
fn a_value_taken_back_takes_its_part_of_the_anomaly_with_it() {
    for cuts in [&[][..], &[1, 1, 1, 1], &[2], &[3]] {
        // the second value of minute 1 is another one: what made the anomaly is void
        assert_eq!(spans(&[(0, 60.0), (1, 60.0), (1, 70.0), (2, 20.0)], cuts), [[0; 3]; 0], "{cuts:?}");
        // the anomaly stays, without its last minute
        let shorter = [(0, 60.0), (1, 60.0), (2, 60.0), (2, 70.0), (3, 20.0)];
        assert_eq!(spans(&shorter, cuts), [[0, 1, 1]], "{cuts:?}");
        // and goes on behind it
        let longer = [(0, 60.0), (1, 60.0), (2, 60.0), (2, 70.0), (3, 60.0)];
        assert_eq!(spans(&longer, cuts), [[0, 3, 1]], "{cuts:?}");
    }
}

#[test]
fn findings_are_those_of_the_first_rule() {
    let mut spec = by_limits();
    spec.rules.push(rule("all", vec![limits(50.0, 10.0), limits(100.0, 0.0)], "1 of 1"));
    let heard = hear(&spec, &minutes(&[(0, 20.0), (1, 60.0), (2, 120.0), (3, f64::NAN), (4, 20.0)]), &[2]);
    use Verdict::{Normal, Surge};
    let unknown = Verdict::Unknown(Reason::NotANumber);
    let expected = [
        (vec![Normal, Normal], Finding::Clean),
        (vec![Surge, Normal], Finding::Suspect),
        (vec![Surge, Surge], Finding::Anomalous),
        (vec![unknown, unknown], Finding::Unknown(Reason::NotANumber)),
        (vec![Normal, Normal], Finding::Suspect),
    ];
    assert_eq!(heard.findings.into_values().collect::<Vec<_>>(), expected);
    assert_eq!(spec.detectors().len(), 2, "each detector is asked once");
}

/// A monitor of which every part has something to say on short streams.
fn talkative(interval: Interval, sustain: &str, lateness: i64) -> MonitorSpec {
    let mut any = by_limits().rules[0].detectors().to_vec();
    any.extend(["ss", "ewma3sigma", "chain"].map(|kind| Spec::new(kind, &[]).expect("a kind")));
    MonitorSpec {
        rules: vec![
            rule("any", any, sustain),
            rule("by_period", vec![], "1 of 1"),
            rule("majority", vec![], "1 of 1"),
        ],
        interval,
        lateness_ms: lateness * interval.as_millis(),
        ..by_limits()
    }
}

/// The time of each cell that was judged or is unknown, and its findings by the rule and by the slow layer, where a batch starts
/// in between.
fn layers(
    spec: &MonitorSpec,
    start: BatchStart,
    samples: &[Sample],
    cuts: &[usize],
) -> BTreeMap<u64, (Timestamp, Finding, Finding)> {
    let mut monitor = Monitor::new(spec);
    monitor.batch_starts(start);
    let mut findings = BTreeMap::new();
    let mut listen = |said: Said<'_>| match said {
        Said::Judged(judged) => {
            assert_eq!(judged.slow.len(), judged.findings.len());
            for (offset, both) in judged.findings.iter().zip(judged.slow).enumerate() {
                findings.insert(judged.run.first + offset as u64, (judged.run.at(offset), *both.0, *both.1));
            }
        }
        Said::Unknown { cell, at, reason } => {
            findings.insert(cell, (at, Finding::Unknown(reason), Finding::Unknown(reason)));
        }
        Said::Late { .. } => {}
    };
    let mut rest = samples;
    for &cut in cuts {
        let (now, later) = rest.split_at(cut.min(rest.len()));
        monitor.observe(now, &mut listen);
        rest = later;
    }
    monitor.observe(rest, &mut listen);
    monitor.finish(&mut listen);
    findings
}

#[test]
fn each_layer_has_its_own_sustain_and_what_is_expected_is_in_neither() {
    let slow = Some(rule("any", vec![limits(20.0, 0.0)], "3 of 3"));
    let spec = MonitorSpec { slow, ..by_limits() };
    assert_eq!(spec.detectors().len(), 3);
    let values = [15.0, 30.0, 30.0, 30.0, 60.0, 60.0, 60.0, 60.0, 60.0, 15.0];
    let samples: Vec<_> = (0..).zip(values).map(|(i, value)| Sample::new(i * MINUTE_MS, value)).collect();
    let at = |minute: i64| Timestamp::from_millis(minute * MINUTE_MS);
    let start = BatchStart { at: at(5), settled: at(7) };
    let said = layers(&spec, start, &samples, &[]);
    let words: Vec<_> = said.values().map(|(_, fast, slow)| format!("{fast} {slow}")).collect();
    assert_eq!(
        words,
        [
            "clean clean",
            "clean suspect",
            "clean suspect",
            "clean anomalous",
            "suspect anomalous",
            "expected expected",
            "expected expected",
            "suspect suspect",
            "anomalous suspect",
            "anomalous suspect"
        ]
    );
    let mut anomalies = Anomalies::new(2);
    let mut monitor = Monitor::new(&spec);
    monitor.batch_starts(start);
    monitor.observe(&samples, |said| anomalies.hear(&said));
    let found: Vec<_> = anomalies.finish().iter().map(|anomaly| (anomaly.from, anomaly.until)).collect();
    assert_eq!(found, [(at(7), at(8))], "what was expected is no anomaly");
}

proptest! {
    #[test]
    fn the_layers_are_the_same_however_the_samples_are_cut(
        events in streams::events(), interval in streams::intervals(), cuts in vec(0..30_usize, 0..200),
        from in 0..60_i64, cells in 0..20_i64, lateness in 0..3_i64
    ) {
        let samples = streams::samples(&events, interval);
        let slow = Some(rule("any", vec![limits(40.0, 5.0)], "3 of 5"));
        let spec = MonitorSpec { slow, ..talkative(interval, "2 of 3", lateness) };
        let first = samples.first().map_or(0, |sample| sample.at.as_millis());
        let at = Timestamp::from_millis(first + from * interval.as_millis());
        let settled = Timestamp::from_millis(at.as_millis() + cells * interval.as_millis());
        let start = BatchStart { at, settled };
        let at_once = layers(&spec, start, &samples, &[]);
        prop_assert_eq!(&layers(&spec, start, &samples, &vec![1; samples.len()]), &at_once);
        prop_assert_eq!(&layers(&spec, start, &samples, &cuts), &at_once);
        for (cell, fast, slow) in at_once.values() {
            let muted = at <= *cell && *cell < settled;
            for finding in [fast, slow] {
                let fits = match finding {
                    Finding::Expected => muted,
                    Finding::Unknown(_) => true,
                    _ => !muted,
                };
                prop_assert!(fits, "{finding} at {cell:?}");
            }
        }
    }

    #[test]
    fn anomalies_are_the_same_however_the_samples_are_cut(
        events in streams::events(), interval in streams::intervals(), cuts in vec(0..30_usize, 0..200),
        sustain in prop_oneof![Just("1 of 1"), Just("2 of 3"), Just("3 of 5")], lateness in 0..3_i64
    ) {
        let samples = streams::samples(&events, interval);
        let spec = talkative(interval, sustain, lateness);
        let at_once = hear(&spec, &samples, &[]);
        prop_assert_eq!(hear(&spec, &samples, &vec![1; samples.len()]), hear(&spec, &samples, &cuts));
        prop_assert_eq!(hear(&spec, &samples, &cuts), at_once);
    }

    #[test]
    fn an_anomaly_lies_where_the_findings_say(events in streams::events(), interval in streams::intervals()) {
        let spec = talkative(interval, "2 of 3", 0);
        let heard = hear(&spec, &streams::samples(&events, interval), &[]);
        let time = |cell: u64| Timestamp::from_millis(streams::START_MS + cell as i64 * interval.as_millis());
        for (&cell, (combined, finding)) in &heard.findings {
            let inside = heard.anomalies.iter().any(|a| (a.from..=a.until).contains(&time(cell)));
            let fired_and_found = *finding == Finding::Anomalous && combined[0].fired();
            prop_assert!(inside || !fired_and_found, "cell {cell} is in no anomaly");
        }
        for pair in heard.anomalies.windows(2) {
            prop_assert!(pair[0].until < pair[1].from);
        }
        for anomaly in &heard.anomalies {
            prop_assert!(anomaly.from <= anomaly.found && anomaly.found <= anomaly.until);
            prop_assert!((anomaly.from..=anomaly.until).contains(&anomaly.peak) && !anomaly.votes.is_empty());
            let most = anomaly.votes.iter().map(|vote| vote.fired).max();
            prop_assert!(most <= Some(anomaly.fired) && most >= Some(1));
        }
    }
}

/// The outcome of a backtest over one series of `timestamp,value` lines.
fn judge(lines: &str) -> Outcome {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.csv");
    std::fs::write(&path, format!("timestamp,series,value\n{lines}")).expect("written");
    let recording = load(&[path.display().to_string()], &ReadOptions::default(), &()).expect("readable");
    let spec = |_: &SeriesInfo, _: Option<Interval>| Ok(by_limits());
    let interval = Some(streams::interval(MINUTE_MS));
    let task = Task { spec: &spec, interval, want: Want::Rows, threads: 1, stop: &|| false };
    let mut outcomes = Vec::new();
    let all = backtest::run(&recording, &task, |_, outcome| {
        outcomes.push(outcome.expect("a series that can be judged"));
        Ok::<(), BacktestError>(())
    });
    assert!(all.expect("judged"), "not stopped");
    assert_eq!(outcomes.len(), 1);
    outcomes.remove(0)
}

/// For each row its value and the number and finding of its cell, where it has one.
fn rows(outcome: &Outcome) -> Vec<(f64, Option<(u64, Finding)>)> {
    let cell = |index: usize| (outcome.cells[index].number, outcome.cells[index].finding);
    outcome.rows.iter().map(|row| (row.sample.value, row.cell.map(cell))).collect()
}

#[test]
fn there_is_one_row_a_sample_and_a_late_one_has_no_cell() {
    // the fourth is late, the fifth conflicts with the third, the last repeats the one before
    let outcome = judge("0,a,20\n60,a,60\n120,a,61\n60,a,7\n120,a,62\n300,a,20\n300,a,20\n");
    let conflict = Some((2, Finding::Unknown(Reason::Conflicting)));
    assert_eq!(
        rows(&outcome),
        [
            (20.0, Some((0, Finding::Clean))),
            (60.0, Some((1, Finding::Suspect))),
            (61.0, conflict),
            (7.0, None),
            (62.0, conflict),
            (20.0, Some((5, Finding::Clean))),
            (20.0, Some((5, Finding::Clean))),
        ]
    );
    let counts = (outcome.samples, outcome.judged, outcome.unknown, outcome.missing);
    assert_eq!(counts, (7, 3, 3, 2));
    assert!(outcome.cells.iter().all(|cell| cell.verdicts.len() == 2 && cell.combined.len() == 1));
}

#[test]
fn what_is_taken_back_is_not_counted() {
    let outcome = judge("0,a,60\n60,a,60\n0,a,7\n60,a,70\n120,a,20\n");
    assert!(outcome.anomalies.is_empty());
    assert_eq!((outcome.judged, outcome.unknown, outcome.missing), (2, 1, 0));
}
