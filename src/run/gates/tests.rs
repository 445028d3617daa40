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

pub(super) struct Nothing;

impl Supply for Nothing {
    fn fetch(&self, _: &Elsewhere<'_>) -> Result<String, SupplyError> {
        Err(SupplyError::Unknown)
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_millis(second * SECOND_MS)
}

/// Loss in percent, one sample a second; above 5 is an anomaly.
fn watch() -> Watch {
    let above = [("above".to_owned(), OptionValue::Number(5.0))];
    watch_by(Spec::new("threshold", &above).expect("a detector"))
}

fn watch_by(detector: Spec) -> Watch {
    let rule = RuleSpec::new("any", &[], vec![detector], Direction::Up, Sustain::ONE).expect("a rule");
    let interval = Interval::from_millis(SECOND_MS).expect("a second");
    let spec =
        MonitorSpec { rules: vec![rule], slow: None, interval, calendar: Calendar::Utc, lateness_ms: 0 };
    Watch::new(vec![Watched { name: "loss".to_owned(), spec, max_age_ms: 2 * SECOND_MS, expect: Vec::new() }])
}

fn see(watch: &mut Watch, host: &str, seconds: std::ops::RangeInclusive<i64>, value: f64) {
    let samples: Vec<_> = seconds.map(|second| Sample::new(second * SECOND_MS, value)).collect();
    watch.observe(0, &Labels::from([("host".to_owned(), host.to_owned())]), &samples);
}

/// The run of a plan with one step, whose batches are single hosts.
pub(in crate::run) fn pinned(text: &str, hosts: &[&str]) -> Pinned {
    let step = PinnedStep {
        expects: Vec::new(),
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
    }
}

/// The state of a run of the plan that began.
fn begun() -> State {
    let mut state = State::default();
    state.apply(1, at(0), &Record::Plan(pinned(PLAN, &["h1"]))).expect("a run that begins");
    state
}

fn window(state: &State, watch: &Watch, side: Side, second: i64) -> Option<Window> {
    let plan = PlanFile::read("p.yaml", PLAN, &Nothing).expect("a plan").plan;
    let run = state.open_run().expect("a run");
    Gates { plan: &plan, run, watch, scopes: &[Scope::default()], now: at(second) }.window((0, 0), side)
}

#[test]
fn the_window_is_that_of_the_series_that_was_clean_for_the_shortest() {
    let (state, mut watch) = (begun(), watch());
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
    let (state, mut watch) = (begun(), watch());
    let of_none = Some(Window { clean_ms: 0, wanted_ms: 10 * SECOND_MS });
    assert_eq!(window(&state, &watch, Side::Before, 0), of_none, "nothing was seen");
    see(&mut watch, "a", 0..=20, 0.0);
    see(&mut watch, "b", 0..=20, 9.0);
    assert_eq!(window(&state, &watch, Side::Before, 20), of_none);
    assert_eq!(window(&state, &watch, Side::Before, 40), of_none, "all is stale");
}

#[test]
fn after_a_batch_its_window_begins_where_the_batch_ended() {
    let (mut state, mut watch) = (begun(), watch());
    let attempt = Attempt {
        run: "r".to_owned(),
        step: "agent".to_owned(),
        target: "h1".to_owned(),
        doing: Doing::Action,
        attempt: 1,
    };
    let opened = Gate {
        run: "r".to_owned(),
        step: "agent".to_owned(),
        batch: 0,
        side: Side::Before,
        decision: Decision::Proceed,
        reason: String::new(),
        because: Vec::new(),
        evidence: serde_json::Value::Null,
    };
    let result =
        Record::Result { attempt: attempt.clone(), end: End::Succeeded, reason: String::new(), output: None };
    let records = [Record::Gate(opened), Record::Intent { attempt, call: String::new() }, result];
    for (seq, record) in (2..).zip(records) {
        state.apply(seq, at(10), &record).expect("a record that may follow");
    }
    see(&mut watch, "a", 0..=15, 0.0);
    let of = |clean_ms| Some(Window { clean_ms, wanted_ms: 20 * SECOND_MS });
    assert_eq!(window(&state, &watch, Side::After, 15), of(5 * SECOND_MS));
    see(&mut watch, "a", 16..=30, 0.0);
    assert_eq!(window(&state, &watch, Side::After, 30), None);
}

#[test]
fn a_detector_that_is_unknown_is_named_with_what_it_lacks_and_until_when() {
    let (state, mut watch) = (begun(), watch_by(Spec::new("counts", &[]).expect("a detector")));
    see(&mut watch, "a", 0..=59, 0.0);
    let plan = PlanFile::read("p.yaml", PLAN, &Nothing).expect("a plan").plan;
    let run = state.open_run().expect("a run");
    fn gates<'a>(plan: &'a Plan, run: &'a Run, watch: &'a Watch, second: i64) -> Gates<'a> {
        Gates { plan, run, watch, scopes: &[], now: at(second) }
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
    let (state, mut watch) = (begun(), watch_by(Spec::new("step_contrast", &[]).expect("a detector")));
    see(&mut watch, "a", 0..=59, 0.0);
    watch.batch_starts(|_, _| Some(quietgate_detectors::BatchStart { at: at(60), settled: at(60) }));
    see(&mut watch, "a", 60..=70, 0.0);
    let plan = PlanFile::read("p.yaml", PLAN, &Nothing).expect("a plan").plan;
    let run = state.open_run().expect("a run");
    let gates = Gates { plan: &plan, run, watch: &watch, scopes: &[Scope::default()], now: at(70) };
    let (held, _) = gates.held_by((0, 0), Side::Before);
    assert_eq!(
        held[0].words,
        "unknown (warming_up), newest sample 0 ms ago (step_contrast is unknown(warming_up): too little is known from before \
         the batch that started at 1970-01-01T00:01:00Z, 1 min after the first sample; it looks until \
         1970-01-01T01:01:00Z, and has nothing to say after that)"
    );
}
