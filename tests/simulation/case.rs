//! What is driven: a plan, the rules its series are judged by, and what may go wrong, all from the seed.

use super::dice::Dice;
use quietgate::config::Meaning;
use quietgate::monitor::{MonitorSpec, Watch, Watched};
use quietgate::plan::{
    Amount, Call, Expects, GateTimes, Inventory, KeepUp, Limits, OnAnomaly, Plan, Selector, Step, Target,
    Windows,
};
use quietgate::run::{Driver, Scope};
use quietgate::steps::{Expected, Pinned, PinnedStep, State};
use quietgate_detectors::{Calendar, Interval, OptionValue, Spec};
use quietgate_rules::{Direction, RuleSpec, Sustain};
use std::collections::BTreeMap;

/// The name of the run.
pub(crate) const RUN: &str = "r";
/// One sample a second.
pub(crate) const STEP_MS: i64 = 1000;
/// What is above is an anomaly.
pub(crate) const LIMIT: f64 = 50.0;
/// What is above for long is one for the slow layer.
pub(crate) const SLOW_LIMIT: f64 = 20.0;
/// Monday, the 1st of January 2024, 10:00 UTC: when windows change.
const TEN: i64 = 1_704_103_200_000;

/// A plan and its surroundings.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) plan: Plan,
    /// The clock when the run begins.
    pub(crate) begins_ms: i64,
    /// For each step of the plan the stretch in which its windows are closed: the truth about them, in UTC milliseconds.
    pub(crate) shut: Vec<Option<(i64, i64)>>,
    pub(crate) lateness_ms: i64,
    /// How old the newest sample may be.
    pub(crate) max_age_ms: i64,
    /// K of N.
    pub(crate) sustain: (u32, u32),
    /// K of N of the slow layer, where there is one.
    pub(crate) slow: Option<(u32, u32)>,
    /// Whether there is a second signal, which concerns the whole plan.
    pub(crate) load: bool,
    pub(crate) faults: Faults,
}

/// What may go wrong in a run; each for about half of the runs, so that some have few faults and some many.
#[derive(Debug)]
pub(crate) struct Faults {
    /// The driver dies, by `kill -9` or with the machine.
    pub(crate) crashes: bool,
    /// The disk fails.
    pub(crate) errors: bool,
    /// What was synced is damaged when the machine comes back.
    pub(crate) rot: bool,
    /// Actions fail, and break their targets.
    pub(crate) actions: bool,
    /// Something moves by itself.
    pub(crate) weather: bool,
    /// Persons say whatever comes to their mind.
    pub(crate) persons: bool,
    /// How sources lie: by the number of the lie.
    pub(crate) lies: [bool; 9],
    /// A sync takes seconds at times.
    pub(crate) slow: bool,
}

impl Faults {
    fn roll(dice: &mut Dice) -> Self {
        Self {
            crashes: dice.one_in(2),
            errors: dice.one_in(4),
            rot: dice.one_in(8),
            actions: dice.one_in(2),
            weather: dice.one_in(2),
            persons: dice.one_in(2),
            lies: std::array::from_fn(|_| dice.one_in(3)),
            slow: dice.one_in(3),
        }
    }
}

impl Case {
    pub(crate) fn roll(dice: &mut Dice) -> Self {
        let (groups, size) = (1 + dice.index(3), 2 + dice.index(2));
        let targets = (0..groups * size).map(|i| target(i, i / size)).collect();
        let load = dice.one_in(2);
        let mut signals = vec!["loss".to_owned()];
        signals.extend(load.then(|| "load".to_owned()));
        let names = ["a", "b", "c", "d"];
        let mut plan = Plan {
            name: "p".to_owned(),
            inventory: Inventory { targets },
            signals,
            gate: GateTimes { clean_before_ms: 1, clean_after_ms: 0, patience_ms: 1 },
            max_failed: [None, Some(Amount::Count(1)), Some(Amount::Share(0.5))][dice.index(3)],
            limits: Limits {
                in_flight: dice.one_in(3).then(|| 1 + dice.roll(3) as u32),
                steps: dice.one_in(3).then(|| 1 + dice.roll(2) as u32),
            },
            windows: None,
            watch_after_ms: 0,
            steps: Vec::new(),
        };
        for name in &names[..1 + dice.index(names.len())] {
            let mut step = step(dice, name, &plan.steps, groups);
            step.expects = expects(dice, &plan.signals);
            plan.steps.push(step);
        }
        let slow = dice.one_in(2).then(|| dice.pick(&[(3, 3), (4, 5), (6, 8)]));
        plan.watch_after_ms = if slow.is_some() { dice.between(0, 8) * STEP_MS } else { 0 };
        let (begins_ms, shut) = windows(dice, &mut plan);
        let lateness_ms = [0, 0, STEP_MS, 2 * STEP_MS][dice.index(4)];
        Self {
            plan,
            begins_ms,
            shut,
            lateness_ms,
            max_age_ms: lateness_ms + 2 * STEP_MS,
            sustain: dice.pick(&[(1, 1), (1, 1), (2, 2), (2, 3)]),
            slow,
            load,
            faults: Faults::roll(dice),
        }
    }

    /// What the run begins with.
    pub(crate) fn pinned(&self) -> Pinned {
        let plan = &self.plan;
        let order = quietgate::plan::order(plan).expect("every keep-up rule leaves one member to work on");
        let name = |target: &usize| plan.inventory.targets[*target].name.clone();
        let pinned = |order: &quietgate::plan::StepOrder| {
            let step = &plan.steps[order.step];
            PinnedStep {
                expects: step.expects.iter().map(expected).collect(),
                patience_ms: Some(step.gate.patience_ms),
                step: step.name.clone(),
                after: step.after.clone(),
                batches: order.batches.iter().map(|batch| batch.targets.iter().map(name).collect()).collect(),
                approve: step.approve,
                undo: step.undo.is_some(),
                retries: step.action.retries,
            }
        };
        Pinned {
            run: RUN.to_owned(),
            plan: plan.name.clone(),
            folder: String::new(),
            config_folder: String::new(),
            text: String::new(),
            config: String::new(),
            inventory: serde_json::Value::Null,
            max_failed: u32::try_from(plan.most_failed()).expect("a few targets"),
            steps: order.steps.iter().map(pinned).collect(),
            by: None,
        }
    }

    /// A driver that goes on from `state`, and has seen no sample yet.
    pub(crate) fn driver(&self, state: State) -> Driver {
        let own = Scope::new(vec![("host".to_owned(), Meaning::Target)], &self.plan.inventory);
        let scopes = if self.load { vec![own, Scope::default()] } else { vec![own] };
        Driver::new(self.plan.clone(), self.watch(), scopes, state, RUN.to_owned())
    }

    fn watch(&self) -> Watch {
        let spec = MonitorSpec {
            rules: vec![rule(LIMIT, self.sustain)],
            slow: self.slow.map(|sustain| rule(SLOW_LIMIT, sustain)),
            interval: Interval::from_millis(STEP_MS).expect("a second"),
            calendar: Calendar::Utc,
            lateness_ms: self.lateness_ms,
        };
        let signal = |name: &str, label: &str, values| Watched {
            name: name.to_owned(),
            spec: spec.clone(),
            max_age_ms: self.max_age_ms,
            expect: vec![(label.to_owned(), values)],
        };
        let hosts = self.plan.inventory.targets.iter().map(|target| target.name.clone()).collect();
        let mut signals = vec![signal("loss", "host", hosts)];
        signals.extend(self.load.then(|| signal("load", "site", vec!["here".to_owned()])));
        Watch::new(signals)
    }
}

fn rule(limit: f64, (k, n): (u32, u32)) -> RuleSpec {
    let above = [("above".to_owned(), OptionValue::Number(limit))];
    let threshold = Spec::new("threshold", &above).expect("a detector");
    let sustain = Sustain::new(k, n).expect("a sustain");
    RuleSpec::new("any", &[], vec![threshold], Direction::Up, sustain).expect("a rule")
}

fn expected(expects: &Expects) -> Expected {
    Expected { signals: expects.signals.clone(), for_ms: expects.for_ms }
}

/// What a step does to series although all is well: nothing, or to some signals for some seconds.
fn expects(dice: &mut Dice, signals: &[String]) -> Vec<Expects> {
    let mut all = Vec::new();
    for signal in signals {
        if dice.one_in(3) {
            all.push(Expects { signals: vec![signal.clone()], for_ms: dice.between(1, 8) * STEP_MS });
        }
    }
    all
}

fn target(i: usize, group: usize) -> Target {
    let labels = BTreeMap::from([("vip".to_owned(), format!("v{group}"))]);
    Target { name: format!("h{i}"), address: format!("10.0.0.{i}"), labels }
}

fn call(retries: u32) -> Call {
    Call {
        kind: "noop".to_owned(),
        at: (0, 0),
        settings: Vec::new(),
        timeout_ms: 1000,
        retries,
        repeatable: retries > 0,
    }
}

fn step(dice: &mut Dice, name: &str, before: &[Step], groups: usize) -> Step {
    let on_anomaly =
        dice.pick(&[OnAnomaly::Rollback, OnAnomaly::Rollback, OnAnomaly::Pause, OnAnomaly::Abort]);
    let widths = [vec![], vec![Amount::Count(1)], vec![Amount::Count(3)], vec![Amount::Share(0.5)]];
    let growing = vec![Amount::Count(1), Amount::Share(1.0)];
    let keep_up = |min| vec![KeepUp { label: "vip".to_owned(), min }];
    let chosen = ["", "", "vip=v0", "vip!=v0"];
    let chosen = chosen[dice.index(if groups > 1 { chosen.len() } else { 2 })];
    Step {
        name: name.to_owned(),
        after: before.iter().filter(|_| dice.one_in(2)).map(|step| step.name.clone()).collect(),
        targets: chosen.parse().unwrap_or_else(|_| Selector::default()),
        batch: if dice.one_in(5) { growing } else { dice.pick(&widths) },
        keep_up: dice.pick(&[vec![], keep_up(Amount::Count(1)), keep_up(Amount::Share(0.5))]),
        action: call(if dice.one_in(4) { 1 + dice.roll(2) as u32 } else { 0 }),
        undo: (on_anomaly == OnAnomaly::Rollback || dice.one_in(2)).then(|| call(0)),
        probe: None,
        on_anomaly,
        expects: Vec::new(),
        gate: GateTimes {
            clean_before_ms: dice.between(3, 7) * STEP_MS,
            clean_after_ms: dice.between(0, 4) * STEP_MS,
            patience_ms: dice.between(15, 60) * STEP_MS,
        },
        soak_ms: dice.between(0, 3) * STEP_MS,
        approve: dice.one_in(5),
        windows: None,
    }
}

/// Windows for the plan or for one step in some runs: closed for two minutes, or until ten.
fn windows(dice: &mut Dice, plan: &mut Plan) -> (i64, Vec<Option<(i64, i64)>>) {
    let begins_ms = TEN - dice.between(0, 90) * STEP_MS;
    let mut shut = vec![None; plan.steps.len()];
    if !dice.one_in(6) {
        return (begins_ms, shut);
    }
    let range = |text: &str| vec![text.parse().expect("a range")];
    let (allow, deny, closed) = if dice.one_in(2) {
        (range("mon-sun 10:00-24:00"), Vec::new(), (i64::MIN, TEN))
    } else {
        (Vec::new(), range("mon-sun 10:00-10:02"), (TEN, TEN + 120_000))
    };
    let windows = Some(Windows { zone: jiff::tz::TimeZone::UTC, allow, deny });
    if dice.one_in(2) {
        plan.windows = windows;
        shut.fill(Some(closed));
    } else {
        let step = dice.index(plan.steps.len());
        plan.steps[step].windows = windows;
        shut[step] = Some(closed);
    }
    (begins_ms, shut)
}
