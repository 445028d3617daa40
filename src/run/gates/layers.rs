//! What is expected to move, the slow layer and the control: gates over real series, told of real starts.

use super::tests::{attempt, proceed};
use super::*;
use crate::config::Meaning;
use crate::config::plan::PlanFile;
use crate::monitor::{Labels, MonitorSpec, Watched};
use crate::run::starts::{Felt, marks};
use crate::steps::{End, Record, State};
use quietgate_detectors::{Calendar, Interval, OptionValue, Sample, Spec};
use quietgate_rules::{Condition, Direction, RuleSpec, Sustain};
use std::ops::RangeInclusive;

const SECOND_MS: i64 = 1000;
const PLAN: &str = "plan: p\ninventory: [{name: h1}, {name: h2}, {name: h3}]\nsignals: [loss, cpu, total]\n\
    gate: {clean_before: 2s, clean_after: 2s, patience: 1h}\n\
    steps: [{step: agent, expects: {signals: [cpu], for: 4s}, action: {kind: noop}}]\n";
const LOSS: usize = 0;
const CPU: usize = 1;
const TOTAL: usize = 2;

fn at(second: i64) -> Timestamp {
    Timestamp::from_millis(second * SECOND_MS)
}

fn above(limit: f64, k: u32) -> RuleSpec {
    let above = [("above".to_owned(), OptionValue::Number(limit))];
    let threshold = Spec::new("threshold", &above).expect("a detector");
    let sustain = Sustain::new(k, k).expect("a sustain");
    RuleSpec::new("any", &[], vec![threshold], Direction::Up, sustain).expect("a rule")
}

/// A signal sampled each second: above 50 is an anomaly, above 20 for three seconds one of the slow layer.
fn watched(name: &str, slow: bool) -> Watched {
    let spec = MonitorSpec {
        rules: vec![above(50.0, 1)],
        slow: slow.then(|| above(20.0, 3)),
        interval: Interval::from_millis(SECOND_MS).expect("a second"),
        calendar: Calendar::Utc,
        lateness_ms: 0,
    };
    Watched { name: name.to_owned(), spec, max_age_ms: 2 * SECOND_MS, expect: Vec::new() }
}

/// A run of the plan with what it watches: every host has loss and cpu, and there is one total.
struct Case {
    plan: Plan,
    state: State,
    watch: Watch,
    scopes: Vec<Scope>,
}

impl Case {
    /// Everything was clean until the second before this one.
    fn clean_until(second: i64) -> Self {
        let plan = PlanFile::read("p.yaml", PLAN, &tests::Nothing).expect("a plan").plan;
        let host = || Scope::new(vec![("host".to_owned(), Meaning::Target)], &plan.inventory);
        let scopes = vec![host(), host(), Scope::default()];
        let mut case = Self {
            plan,
            state: State::default(),
            watch: Watch::new(vec![watched("loss", false), watched("cpu", true), watched("total", true)]),
            scopes,
        };
        case.write(0, Record::Plan(tests::pinned(PLAN, &["h1", "h2", "h3"])));
        case.see_all(0..=second - 1, &[]);
        case
    }

    fn write(&mut self, second: i64, record: Record) {
        self.state.apply(1, at(second), &record).expect("a record that may follow");
    }

    /// A batch starts, and ends within the second.
    fn start(&mut self, batch: usize, second: i64) {
        let attempt = attempt(["h1", "h2", "h3"][batch]);
        self.write(second, proceed(batch, Side::Before));
        self.write(second, Record::Intent { attempt: attempt.clone(), call: String::new() });
        let (end, reason) = (End::Succeeded, String::new());
        self.write(second, Record::Result { attempt, end, reason, output: None });
        let (plan, run, scopes) = (&self.plan, &self.state.runs["r"], &self.scopes);
        let felt = Felt::new(plan, run, marks(run).last().expect("it has started"));
        self.watch.batch_starts(|signal, labels| {
            felt.by(["loss", "cpu", "total"][signal], &scopes[signal].about(labels))
        });
    }

    fn pass(&mut self, batch: usize, second: i64) {
        self.write(second, proceed(batch, Side::After));
    }

    fn see(&mut self, signal: usize, host: &str, seconds: RangeInclusive<i64>, value: f64) {
        let samples: Vec<_> = seconds.map(|second| Sample::new(second * SECOND_MS, value)).collect();
        let labels = if signal == TOTAL { Labels::new() } else { Labels::from([("host", host)]) };
        self.watch.observe(signal, &labels, &samples);
    }

    /// Every series is 0, but for those that are named with their value.
    fn see_all(&mut self, seconds: RangeInclusive<i64>, but: &[(usize, &str, f64)]) {
        for (signal, hosts) in [(LOSS, &["h1", "h2", "h3"][..]), (CPU, &["h1", "h2", "h3"]), (TOTAL, &[""])] {
            for host in hosts {
                let named = but.iter().find(|(other, name, _)| (*other, *name) == (signal, *host));
                self.see(signal, host, seconds.clone(), named.map_or(0.0, |(_, _, value)| *value));
            }
        }
    }

    fn gates(&self, second: i64) -> Gates<'_> {
        let run = &self.state.runs["r"];
        Gates::new(&self.plan, run, &self.watch, &self.scopes, at(second))
    }

    /// What the series are that are not clean, by name.
    fn conditions(&self, second: i64) -> Vec<(String, Condition)> {
        let views = self.watch.views(at(second));
        let odd = views.iter().filter(|view| !matches!(view.condition, Condition::Clean { .. }));
        odd.map(|view| (telling::name(&self.watch, view), view.condition)).collect()
    }
}

#[test]
fn what_is_expected_mutes_the_batchs_own_series_of_that_signal_and_no_other() {
    let mut case = Case::clean_until(10);
    case.start(0, 10);
    case.see_all(10..=12, &[(CPU, "h1", 90.0), (CPU, "h2", 90.0), (LOSS, "h1", 90.0), (TOTAL, "", 90.0)]);
    let moved = Condition::Anomalous { since: at(10), found: at(10) };
    let expected = Condition::Expected { until: at(14) };
    let name = |signal: &str, host: &str| format!("{signal}{{host={host:?}}}");
    assert_eq!(
        case.conditions(12),
        [
            (name("loss", "h1"), moved),
            (name("cpu", "h1"), expected),
            (name("cpu", "h2"), moved),
            ("total".to_owned(), moved)
        ]
    );
}

#[test]
fn while_it_is_expected_gates_hold_and_nothing_is_blamed() {
    let mut case = Case::clean_until(10);
    case.start(0, 10);
    case.see_all(10..=13, &[(CPU, "h1", 90.0)]);
    let words = "cpu{host=\"h1\"}: expected to move until 1970-01-01T00:00:14Z, for 1 s more";
    for permit in [case.gates(13).after(0, 0, true), case.gates(13).before(0, 1)] {
        assert_eq!(permit.decision, Decision::Hold);
        assert!(permit.reason.contains(words), "{}", permit.reason);
        assert!(permit.because.contains(&"cpu{host=\"h1\"}: expected".to_owned()), "{:?}", permit.because);
    }
    let evidence = case.gates(13).evidence();
    let seen = &evidence[3];
    let told = (&seen["series"], &seen["condition"], &seen["until"], &seen["slow"]["condition"]);
    let json = |text: &str| serde_json::json!(text);
    let until = json("1970-01-01T00:00:14Z");
    assert_eq!(told, (&json("cpu{host=\"h1\"}"), &json("expected"), &until, &json("expected")));
    // once it rests in time the window begins from zero
    case.see_all(14..=15, &[]);
    let permit = case.gates(15).after(0, 0, true);
    assert_eq!(permit.reason, "cpu{host=\"h1\"}: clean for 1 s of 2 s");
    case.see_all(16..=16, &[]);
    assert_eq!(case.gates(16).after(0, 0, true).decision, Decision::Proceed);
}

#[test]
fn what_still_moves_when_it_should_be_over_began_there_and_is_blamed() {
    let mut case = Case::clean_until(10);
    case.start(0, 10);
    case.see_all(10..=14, &[(CPU, "h1", 90.0)]);
    let permit = case.gates(14).after(0, 0, true);
    assert_eq!(permit.decision, Decision::Pause);
    assert_eq!(
        permit.reason,
        "cpu{host=\"h1\"}: anomalous since 1970-01-01T00:00:14Z, after the batch started, in its scope and not in the \
         control (threshold: value 90 is above the limit 50)"
    );
}

#[test]
fn what_is_missing_is_unknown_also_where_something_is_expected() {
    let mut case = Case::clean_until(10);
    case.start(0, 10);
    case.see_all(10..=10, &[(CPU, "h1", 90.0)]);
    case.see_all(11..=11, &[(CPU, "h1", f64::NAN)]);
    let is_unknown = |second| {
        let conditions = case.conditions(second);
        matches!(conditions.first(), Some((name, Condition::Unknown { .. })) if name.contains("cpu"))
    };
    assert!(is_unknown(11));
    let mut case = Case::clean_until(10);
    case.start(0, 10);
    case.see(CPU, "h1", 10..=10, 90.0);
    let stale = case.conditions(13).into_iter().find(|(name, _)| name == "cpu{host=\"h1\"}");
    assert!(matches!(stale, Some((_, Condition::Unknown { .. }))), "{stale:?}");
}

#[test]
fn a_common_cause_is_not_blamed_although_the_batchs_own_series_were_muted() {
    let mut case = Case::clean_until(10);
    case.start(0, 10);
    let all = [(CPU, "h1", 90.0), (CPU, "h2", 90.0), (CPU, "h3", 90.0)];
    case.see_all(10..=11, &[]);
    case.see_all(12..=15, &all);
    let permit = case.gates(15).after(0, 0, true);
    assert_eq!(permit.decision, Decision::Hold);
    assert!(
        permit.reason.ends_with("not blamed on the batch: 2 of 2 untouched series have it too"),
        "{}",
        permit.reason
    );
    let mut case = Case::clean_until(10);
    case.start(0, 10);
    case.see_all(10..=11, &[]);
    case.see_all(12..=15, &all[..1]);
    assert_eq!(case.gates(15).after(0, 0, true).decision, Decision::Pause, "alone it is blamed");
}

#[test]
fn what_has_no_control_is_not_said_to_be_missing_in_it() {
    let mut case = Case::clean_until(10);
    case.start(0, 10);
    case.see_all(10..=12, &[(TOTAL, "", 90.0)]);
    assert_eq!(
        case.gates(12).after(0, 0, true).reason,
        "total: anomalous since 1970-01-01T00:00:10Z, after the batch started; it concerns the whole plan, and has no \
         control (threshold: value 90 is above the limit 50)"
    );
    // every target is touched by then
    let mut case = Case::clean_until(10);
    for (batch, second) in [(0, 10), (1, 11), (2, 12)] {
        case.start(batch, second);
        if batch < 2 {
            case.pass(batch, second);
        }
    }
    case.see_all(10..=12, &[]);
    case.see_all(13..=14, &[(LOSS, "h3", 90.0)]);
    let reason = case.gates(14).after(0, 2, true).reason;
    assert!(reason.contains(", in its scope; there is no control that tells (threshold"), "{reason}");
}

#[test]
fn the_slow_layer_blames_the_batch_long_after_it_passed() {
    let mut case = Case::clean_until(10);
    case.start(0, 10);
    case.pass(0, 16);
    case.see_all(10..=29, &[]);
    case.see_all(30..=31, &[(CPU, "h1", 30.0)]);
    assert_eq!(case.gates(31).late(), [], "not sustained");
    assert_eq!(case.gates(31).before(0, 1).decision, Decision::Proceed, "nor does it hold then");
    case.see_all(32..=32, &[(CPU, "h1", 30.0)]);
    let late = case.gates(32).late();
    assert_eq!(late.len(), 1);
    let (batch, permit) = &late[0];
    assert_eq!((*batch, permit.decision), ((0, 0), Decision::Pause));
    assert_eq!(permit.because, ["cpu{host=\"h1\"}: by the slow layer: blamed"]);
    assert_eq!(
        permit.reason,
        "cpu{host=\"h1\"}: by the slow layer anomalous since 1970-01-01T00:00:30Z, after the batch started at \
         1970-01-01T00:00:10Z, in its scope and not in the control (threshold: value 30 is above the limit 20)"
    );
    assert_eq!(case.conditions(32), [], "the rule itself finds nothing");
    let permit = case.gates(32).before(0, 1);
    assert_eq!(permit.decision, Decision::Hold, "no other batch starts meanwhile");
    assert!(permit.reason.ends_with("a batch is to blame for it"), "{}", permit.reason);
}

#[test]
fn what_is_slow_is_blamed_on_the_newest_batch_that_had_started_when_it_began() {
    let mut case = Case::clean_until(10);
    case.start(0, 10);
    case.pass(0, 16);
    case.see_all(10..=19, &[]);
    case.start(1, 20);
    case.see_all(20..=29, &[]);
    case.see_all(30..=33, &[(CPU, "h2", 30.0), (TOTAL, "", 30.0)]);
    let late = case.gates(33).late();
    let batches: Vec<_> = late.iter().map(|(batch, permit)| (*batch, permit.because.len())).collect();
    assert_eq!(batches, [((0, 1), 2)], "its own, and what concerns the whole plan");
}

#[test]
fn what_is_slow_and_began_before_a_batch_holds_and_is_not_blamed() {
    let mut case = Case::clean_until(5);
    case.see_all(5..=9, &[(TOTAL, "", 30.0), (CPU, "h2", 30.0)]);
    let reason = case.gates(9).before(0, 0).reason;
    assert!(
        reason.contains("cpu{host=\"h2\"}: by the slow layer anomalous since 1970-01-01T00:00:05Z"),
        "{reason}"
    );
    assert!(reason.contains(": no batch has touched its targets"), "{reason}");
    case.start(0, 10);
    case.see_all(10..=12, &[(TOTAL, "", 30.0)]);
    assert_eq!(case.gates(12).late(), []);
    let permit = case.gates(12).before(0, 1);
    assert_eq!(permit.decision, Decision::Hold);
    assert!(permit.reason.ends_with(": it began before a batch of its targets started"), "{}", permit.reason);
}

#[test]
fn what_is_slow_everywhere_holds_and_is_not_blamed() {
    let mut case = Case::clean_until(10);
    case.start(0, 10);
    case.pass(0, 16);
    case.see_all(10..=29, &[]);
    case.see_all(30..=33, &[(CPU, "h1", 30.0), (CPU, "h2", 30.0), (CPU, "h3", 30.0)]);
    assert_eq!(case.gates(33).late(), []);
    let permit = case.gates(33).before(0, 1);
    assert_eq!(permit.decision, Decision::Hold);
    let words = "cpu{host=\"h1\"}: by the slow layer anomalous since 1970-01-01T00:00:30Z (threshold: value 30 is above \
                 the limit 20): 2 of 2 untouched series have it too";
    assert!(permit.reason.contains(words), "{}", permit.reason);
    assert!(permit.reason.contains(": no batch has touched its targets"), "{}", permit.reason);
}

#[test]
fn what_the_slow_layer_cannot_judge_does_not_hold_and_is_known() {
    let mut case = Case::clean_until(10);
    case.see_all(10..=12, &[]);
    assert_eq!((case.gates(12).unwatched(), case.gates(12).before(0, 0).decision), (None, Decision::Proceed));
    let stale = |name: &str| format!("{name}: unknown (stale), newest sample 8 s ago");
    let cpu = |host: &str| stale(&format!("cpu{{host=\"{host}\"}}"));
    let all = [cpu("h1"), cpu("h2"), cpu("h3"), stale("total")].join("; ");
    assert_eq!(case.gates(20).unwatched(), Some(all), "every sample is stale by then");
}

#[test]
fn a_few_lost_pings_are_told_and_held_for_by_nobody() {
    let mut case = Case::clean_until(10);
    let counts = Spec::new("counts", &[]).expect("a detector");
    let rule = RuleSpec::new("any", &[], vec![counts], Direction::Up, Sustain::ONE).expect("a rule");
    let mut loss = watched("loss", false);
    loss.spec.rules = vec![rule];
    case.watch = Watch::new(vec![loss, watched("cpu", false), watched("total", false)]);
    case.see_all(0..=199, &[]);
    assert_eq!(case.gates(199).before(0, 0).reason, "7 series clean for long enough");
    case.see_all(200..=200, &[(LOSS, "h1", 3.0), (LOSS, "h2", 1.0)]);
    let told = |count: u32| {
        format!("counts: {count} in the last 15 samples, below the 4 that would fire (usually 0 a sample)")
    };
    let (h1, h2) = (format!("loss{{host=\"h1\"}}: {}", told(3)), format!("loss{{host=\"h2\"}}: {}", told(1)));
    let permit = case.gates(200).before(0, 0);
    let words = format!("7 series clean for long enough; told, not held for: {h1}; {h2}");
    assert_eq!((permit.decision, permit.reason, permit.because), (Decision::Proceed, words, Vec::new()));
    let evidence = case.gates(200).evidence();
    let of_h1 = serde_json::json!([{"detector": "counts", "verdict": "normal", "words": told(3)["counts: ".len()..]}]);
    assert_eq!((&evidence[0]["told"], evidence[2].get("told")), (&of_h1, None));
    // after the batch only what is its own is told, and first while it holds: that is what its status says
    case.start(0, 201);
    case.see_all(201..=202, &[]);
    let permit = case.gates(202).after(0, 0, true);
    assert_eq!(permit.decision, Decision::Hold);
    assert!(permit.reason.ends_with(&format!("; told, not held for: {h1}")), "{}", permit.reason);
    assert!(permit.because.iter().all(|cause| !cause.contains("counts")), "{:?}", permit.because);
    // cpu is expected to move until 205
    case.see_all(203..=207, &[]);
    let permit = case.gates(207).after(0, 0, true);
    let words = format!("3 series clean for long enough; told, not held for: {h1}");
    assert_eq!((permit.decision, permit.reason), (Decision::Proceed, words));
}

#[test]
fn what_the_slow_layer_lacks_is_told_as_a_gate_tells_it() {
    let mut case = Case::clean_until(10);
    let counts = Spec::new("counts", &[]).expect("a detector");
    let slow = RuleSpec::new("any", &[], vec![counts], Direction::Up, Sustain::ONE).expect("a rule");
    let mut total = watched("total", false);
    total.spec.slow = Some(slow);
    case.watch = Watch::new(vec![watched("loss", false), watched("cpu", false), total]);
    case.see_all(0..=10, &[]);
    assert_eq!(case.gates(10).before(0, 0).decision, Decision::Proceed);
    let words = "total: unknown (warming_up), newest sample 0 ms ago (counts is unknown(warming_up): it needs 120 samples first; \
        it judges from 1970-01-01T00:02:00Z on, if none is missing until then)";
    assert_eq!(case.gates(10).unwatched().as_deref(), Some(words));
}
