//! How far the window of a gate is, on real series of a real plan.

use super::*;
use crate::config::plan::{Elsewhere, PlanFile, Supply, SupplyError};
use crate::monitor::{Labels, MonitorSpec, Watched};
use crate::steps::{Attempt, Doing, End, Gate, Pinned, PinnedStep, Record, State};
use quietgate_detectors::{Calendar, Interval, OptionValue, Sample, Spec};
use quietgate_rules::{Direction, RuleSpec, Sustain};

const SECOND_MS: i64 = 1000;
const PLAN: &str = "plan: p\ninventory: [{name: h1}]\nsignals: [loss]\n\
    gate: {clean_before: 10s, clean_after: 20s, patience: 1h}\nsteps: [{step: agent, action: {kind: noop}}]\n";

pub(in crate::run) struct Nothing;

impl Supply for Nothing {
    fn fetch(&self, _: &Elsewhere<'_>) -> Result<String, SupplyError> {
        Err(SupplyError::Unknown)
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_millis(second * SECOND_MS)
}

/// Loss in percent, one sample a second, late ones waited for; above 5 is an anomaly.
fn watch(lateness_ms: i64) -> Watch {
    let above = [("above".to_owned(), OptionValue::Number(5.0))];
    watch_by(Spec::new("threshold", &above).expect("a detector"), lateness_ms)
}

fn watch_by(detector: Spec, lateness_ms: i64) -> Watch {
    let rule = RuleSpec::new("any", &[], vec![detector], Direction::Up, Sustain::ONE).expect("a rule");
    let interval = Interval::from_millis(SECOND_MS).expect("a second");
    let spec = MonitorSpec { rules: vec![rule], slow: None, interval, calendar: Calendar::Utc, lateness_ms };
    Watch::new(vec![Watched {
        name: "loss".to_owned(),
        spec,
        max_age_ms: 2 * SECOND_MS + lateness_ms,
        expect: Vec::new(),
    }])
}

fn see(watch: &mut Watch, host: &str, seconds: std::ops::RangeInclusive<i64>, value: f64) {
    let samples: Vec<_> = seconds.map(|second| Sample::new(second * SECOND_MS, value)).collect();
    watch.observe(0, &Labels::from([("host", host)]), &samples);
}

/// One sample of host `a`, so many milliseconds after the second.
fn see_one(watch: &mut Watch, second: i64, off_ms: i64, value: f64) -> Timestamp {
    let sample = Sample::new(second * SECOND_MS + off_ms, value);
    watch.observe(0, &Labels::from([("host", "a")]), &[sample]);
    sample.at
}

/// The run of a plan with one step, whose batches are single hosts.
pub(in crate::run) fn pinned(text: &str, hosts: &[&str]) -> Pinned {
    let step = PinnedStep {
        expects: Vec::new(),
        patience_ms: None,
        step: "agent".to_owned(),
        after: Vec::new(),
        batches: hosts.iter().map(|host| vec![(*host).to_owned()]).collect(),
        approve: false,
        undo: false,
        retries: 0,
    };
    Pinned {
        run: "r".to_owned(),
        plan: "p".to_owned(),
        folder: String::new(),
        config_folder: String::new(),
        text: text.to_owned(),
        config: String::new(),
        inventory: serde_json::Value::Null,
        max_failed: 0,
        steps: vec![step],
        by: None,
    }
}

/// The first attempt of the action on a target, in the run of [`pinned`].
pub(in crate::run) fn attempt(target: &str) -> Attempt {
    let (run, step, target) = ("r".to_owned(), "agent".to_owned(), target.to_owned());
    Attempt { run, step, target, doing: Doing::Action, attempt: 1 }
}

/// That a gate of its step lets a batch go on.
pub(in crate::run) fn proceed(batch: usize, side: Side) -> Record {
    opened("r", batch, side)
}

/// That a gate of the step of this run lets a batch go on.
fn opened(run: &str, batch: usize, side: Side) -> Record {
    Record::Gate(Gate {
        run: run.to_owned(),
        step: "agent".to_owned(),
        batch,
        side,
        decision: Decision::Proceed,
        reason: String::new(),
        because: Vec::new(),
        evidence: serde_json::Value::Null,
    })
}

/// The state of a run of the plan that began.
fn begun() -> State {
    let mut state = State::default();
    state.apply(1, at(0), &Record::Plan(pinned(PLAN, &["h1"]))).expect("a run that begins");
    state
}

fn window(state: &State, watch: &Watch, side: Side, second: i64) -> Option<Window> {
    window_at(state, watch, side, at(second))
}

fn window_at(state: &State, watch: &Watch, side: Side, now: Timestamp) -> Option<Window> {
    let plan = PlanFile::read("p.yaml", PLAN, &Nothing).expect("a plan").plan;
    let run = state.open_run().expect("a run");
    Gates::new(&plan, run, watch, &[Scope::default()], now).window((0, 0), side)
}

/// The state of a run whose batch started and ended at second 10.
fn ended() -> State {
    let mut state = begun();
    let attempt = attempt("h1");
    let result =
        Record::Result { attempt: attempt.clone(), end: End::Succeeded, reason: String::new(), output: None };
    let records = [proceed(0, Side::Before), Record::Intent { attempt, call: String::new() }, result];
    for (seq, record) in (2..).zip(records) {
        state.apply(seq, at(10), &record).expect("a record that may follow");
    }
    state
}

#[test]
fn the_window_is_that_of_the_series_that_was_clean_for_the_shortest() {
    let (state, mut watch) = (begun(), watch(0));
    see(&mut watch, "a", 0..=6, 0.0);
    see(&mut watch, "b", 4..=6, 0.0);
    let of = |clean_ms| Some(Window { clean_ms, wanted_ms: 10 * SECOND_MS });
    assert_eq!(window(&state, &watch, Side::Before, 6), of(2 * SECOND_MS));
    see(&mut watch, "a", 7..=14, 0.0);
    see(&mut watch, "b", 7..=13, 0.0);
    assert_eq!(window(&state, &watch, Side::Before, 14), of(9 * SECOND_MS), "the other needs none any more");
    see(&mut watch, "b", 14..=14, 0.0);
    assert_eq!(window(&state, &watch, Side::Before, 14), None);
}

#[test]
fn where_one_series_is_not_clean_the_window_has_not_begun() {
    let (state, mut watch) = (begun(), watch(0));
    let of_none = Some(Window { clean_ms: 0, wanted_ms: 10 * SECOND_MS });
    assert_eq!(window(&state, &watch, Side::Before, 0), of_none, "nothing was seen");
    see(&mut watch, "a", 0..=20, 0.0);
    see(&mut watch, "b", 0..=20, 9.0);
    assert_eq!(window(&state, &watch, Side::Before, 20), of_none);
    assert_eq!(window(&state, &watch, Side::Before, 40), of_none, "all is stale");
}

#[test]
fn after_a_batch_its_window_begins_where_the_batch_ended() {
    let (state, mut watch) = (ended(), watch(0));
    see(&mut watch, "a", 0..=15, 0.0);
    let of = |clean_ms| Some(Window { clean_ms, wanted_ms: 20 * SECOND_MS });
    assert_eq!(window(&state, &watch, Side::After, 15), of(5 * SECOND_MS));
    see(&mut watch, "a", 16..=30, 0.0);
    assert_eq!(window(&state, &watch, Side::After, 30), None);
}

#[test]
fn a_detector_that_is_unknown_is_named_with_what_it_lacks_and_until_when() {
    let (state, mut watch) = (begun(), watch_by(Spec::new("counts", &[]).expect("a detector"), 0));
    see(&mut watch, "a", 0..=59, 0.0);
    let plan = PlanFile::read("p.yaml", PLAN, &Nothing).expect("a plan").plan;
    let run = state.open_run().expect("a run");
    fn gates<'a>(plan: &'a Plan, run: &'a Run, watch: &'a Watch, second: i64) -> Gates<'a> {
        Gates::new(plan, run, watch, &[], at(second))
    }
    let held = gates(&plan, run, &watch, 60).before(0, 0);
    let lack =
        "it needs 120 samples first; it judges from 1970-01-01T00:02:00Z on, if none is missing until then";
    assert_eq!(
        held.reason,
        format!(
            "loss{{host=\"a\"}}: unknown (warming_up), newest sample 1 s ago (counts is unknown(warming_up): {lack})"
        )
    );
    // what changes from sample to sample is no new decision
    assert_eq!(held.because, ["loss{host=\"a\"}: unknown(warming_up)"]);
    let unknown =
        serde_json::json!([{"detector": "counts", "verdict": "unknown(warming_up)", "words": lack}]);
    assert_eq!(gates(&plan, run, &watch, 60).evidence()[0]["unknown"], unknown);
    // a sample that is too old is not the detector's doing
    let stale = gates(&plan, run, &watch, 70);
    assert_eq!(stale.before(0, 0).reason, "loss{host=\"a\"}: unknown (stale), newest sample 11 s ago");
    assert_eq!(stale.evidence()[0].get("unknown"), None);
    see(&mut watch, "a", 60..=120, 0.0);
    assert_eq!(
        gates(&plan, run, &watch, 120).before(0, 0).reason,
        "loss{host=\"a\"}: clean for 0 ms of 10 s"
    );
    let silent = gates(&plan, run, &watch, 120).held_by((0, 0), Side::Before).0;
    assert_eq!(silent, [], "and a replay says the same");
}

#[test]
fn what_knows_too_little_of_the_time_before_a_batch_says_until_when_it_looks() {
    let (state, mut watch) = (begun(), watch_by(Spec::new("step_contrast", &[]).expect("a detector"), 0));
    see(&mut watch, "a", 0..=59, 0.0);
    watch.batch_starts(|_, _| Some(quietgate_detectors::BatchStart { at: at(60), settled: at(60) }));
    see(&mut watch, "a", 60..=70, 0.0);
    let plan = PlanFile::read("p.yaml", PLAN, &Nothing).expect("a plan").plan;
    let run = state.open_run().expect("a run");
    let scopes = [Scope::default()];
    let gates = Gates::new(&plan, run, &watch, &scopes, at(70));
    let (held, _) = gates.held_by((0, 0), Side::Before);
    assert_eq!(
        held[0].words,
        "unknown (warming_up), newest sample 0 ms ago (step_contrast is unknown(warming_up): too little is known from before \
         the batch that started at 1970-01-01T00:01:00Z, 1 min after the first sample; it looks until \
         1970-01-01T01:01:00Z, and has nothing to say after that)"
    );
}

/// How long its window is when each of these samples after the end of the batch has just come, so many milliseconds after its
/// second.
fn windows(off_ms: i64, lateness_ms: i64, seconds: std::ops::RangeInclusive<i64>) -> Vec<Option<i64>> {
    let (state, mut watch) = (ended(), watch(lateness_ms));
    see(&mut watch, "a", 0..=9, 0.0);
    let mut look = |second| {
        let now = see_one(&mut watch, second, off_ms, 0.0);
        window_at(&state, &watch, Side::After, now).map(|window| window.clean_ms)
    };
    let all: Vec<_> = (10..=*seconds.end()).map(|second| (second, look(second))).collect();
    all.into_iter().filter(|(second, _)| seconds.contains(second)).map(|(_, clean_ms)| clean_ms).collect()
}

#[test]
fn the_window_is_counted_to_when_the_newest_sample_was_taken_and_not_to_its_cell() {
    assert_eq!(windows(0, 0, 29..=30), [Some(19_000), None]);
    assert_eq!(
        windows(-499, 0, 10..=12),
        [Some(0), Some(501), Some(1501)],
        "taken before the end: nothing yet"
    );
    assert_eq!(windows(-499, 0, 30..=31), [Some(19_501), None], "its cell is 20 s after the end");
    assert_eq!(windows(499, 0, 10..=10), [Some(499)]);
    assert_eq!(windows(499, 0, 29..=30), [Some(19_499), None], "and so is this one");
}

#[test]
fn time_that_goes_by_without_a_sample_is_not_counted() {
    let (state, mut watch) = (ended(), watch(0));
    see(&mut watch, "a", 0..=29, 0.0);
    see_one(&mut watch, 30, -499, 0.0);
    let clean_ms = window(&state, &watch, Side::After, 30).map(|window| window.clean_ms);
    assert_eq!(clean_ms, Some(19_501), "the newest sample is 499 ms old, whatever its cell says");
}

#[test]
fn samples_that_are_waited_for_do_not_count_before_they_are_judged() {
    assert_eq!(windows(0, 2000, 31..=32), [Some(19_000), None]);
    assert_eq!(windows(-499, 2000, 32..=33), [Some(19_501), None]);
    assert_eq!(windows(499, 2000, 31..=32), [Some(19_499), None]);
}

#[test]
fn the_window_begins_when_the_first_clean_sample_was_taken_and_not_with_its_cell() {
    for (off_ms, clean_ms) in [(-499, None), (0, None), (1, Some(9999)), (499, Some(9501))] {
        let (state, mut watch) = (begun(), watch(0));
        see(&mut watch, "a", 0..=3, 0.0);
        see(&mut watch, "a", 4..=4, 9.0);
        see_one(&mut watch, 5, off_ms, 0.0);
        see(&mut watch, "a", 6..=15, 0.0);
        let clean = window(&state, &watch, Side::Before, 15).map(|window| window.clean_ms);
        assert_eq!(clean, clean_ms, "{off_ms} ms after its second");
    }
}

#[test]
fn a_source_whose_clock_is_ahead_makes_no_window_longer() {
    let (state, mut watch) = (ended(), watch(0));
    see(&mut watch, "a", 0..=31, 0.0);
    let clean_ms = |now_ms| {
        let window = window_at(&state, &watch, Side::After, Timestamp::from_millis(now_ms));
        window.map(|window| window.clean_ms)
    };
    assert_eq!((clean_ms(29_999), clean_ms(30_000)), (Some(19_999), None));
}

#[test]
fn an_anomaly_began_when_its_sample_was_taken_and_not_with_its_cell() {
    for (off_ms, is_blamed) in [(-499, false), (-1, false), (0, true), (499, true)] {
        let (state, mut watch) = (ended(), watch(0));
        see(&mut watch, "a", 0..=9, 0.0);
        let now = see_one(&mut watch, 10, off_ms, 9.0).max(at(10));
        let plan = PlanFile::read("p.yaml", PLAN, &Nothing).expect("a plan").plan;
        let run = state.open_run().expect("a run");
        let scopes = [Scope::default()];
        let gates = Gates::new(&plan, run, &watch, &scopes, now);
        let is_held = gates.after(0, 0, true).decision == Decision::Hold;
        assert_eq!(!is_held, is_blamed, "{off_ms} ms after the start");
    }
}

/// A watch and a run over so many hosts, of which the first few are anomalous since a second.
fn fleet(hosts: usize, anomalous: usize) -> Permit {
    let mut watch = watch(0);
    for number in 0..hosts {
        let host = format!("h{number:04}");
        see(&mut watch, &host, 0..=59, 0.0);
        see(&mut watch, &host, 60..=60, if number < anomalous { 90.0 } else { 0.0 });
    }
    let plan = PlanFile::read("p.yaml", PLAN, &Nothing).expect("a plan").plan;
    let mut state = State::default();
    state.apply(1, at(0), &Record::Plan(pinned(PLAN, &["h1"]))).expect("a run");
    Gates::new(&plan, &state.runs["r"], &watch, &[Scope::default()], at(60)).before(0, 0)
}

#[test]
fn a_gate_over_very_many_series_opens_as_it_does_over_a_few() {
    for hosts in [999, 1001] {
        let permit = fleet(hosts, 0);
        let words = format!("{} series clean for long enough", text::count(hosts as u64));
        assert_eq!((permit.decision, permit.reason, permit.because), (Decision::Proceed, words, Vec::new()));
    }
}

#[test]
fn of_very_many_series_a_hundred_are_named_with_the_same_cause() {
    let cause = |number: usize| format!("loss{{host=\"h{number:04}\"}}: anomalous");
    for (hosts, anomalous, named) in [(1000, 150, 150), (1001, 100, 100), (1001, 101, 100), (1001, 900, 100)]
    {
        let permit = fleet(hosts, anomalous);
        assert_eq!(permit.decision, Decision::Hold);
        assert!(permit.reason.ends_with(&format!("; and {} more", anomalous - 5)), "{}", permit.reason);
        let mut because: Vec<_> = (0..named).map(cause).collect();
        because.extend((named < anomalous).then(|| "more than 100 series of loss: anomalous".to_owned()));
        assert_eq!(permit.because, because, "{anomalous} of {hosts}");
    }
}

#[test]
fn keep_up_rules_hold_over_all_that_other_runs_work_on_too() {
    let text = PLAN
        .replace("inventory: [{name: h1}]", "inventory: [{name: h1, vip: v}, {name: h2, vip: v}]")
        .replace("{step: agent,", "{step: agent, keep_up: {label: vip, min: 50%},");
    let plan = PlanFile::read("p.yaml", &text, &Nothing).expect("a plan").plan;
    let mut state = State::default();
    let other = Pinned { run: "other".to_owned(), ..pinned(&text, &["h2"]) };
    let started = Attempt { run: "other".to_owned(), ..attempt("h2") };
    let records = [
        Record::Plan(pinned(&text, &["h1"])),
        Record::Plan(other),
        opened("other", 0, Side::Before),
        Record::Intent { attempt: started, call: String::new() },
    ];
    for (seq, record) in (1..).zip(&records) {
        state.apply(seq, at(0), record).expect("a record that can follow");
    }
    let watch = Watch::new(Vec::new());
    let gates = || Gates::new(&plan, &state.runs["r"], &watch, &[], at(0));
    assert_eq!(gates().forbidden(0, &BTreeSet::new(), &["h1"]), None);
    let others = || state.open_runs().filter(|run| run.pinned.run == "other");
    let forbidden = gates().beside(others()).forbidden(0, &BTreeSet::new(), &["h1"]);
    assert!(forbidden.as_ref().is_some_and(|why| why.contains('v')), "{forbidden:?}");
    let same = Record::Plan(Pinned { run: "third".to_owned(), ..pinned(&text, &["h2"]) });
    let refused = state.apply(5, at(0), &same).expect_err("a target is in no two runs");
    assert!(refused.why.contains("one of its targets"), "{refused}");
}
