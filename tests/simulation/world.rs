//! A made world: everything in it follows from a seed.

use quietgate::config::Meaning;
use quietgate::monitor::{Labels, MonitorSpec, Watch, Watched};
use quietgate::plan::{
    Amount, Call, GateTimes, Inventory, KeepUp, Limits, OnAnomaly, Plan, Selector, Step, Target,
};
use quietgate::run::{Driver, Refused, Scope, Stopped, World};
use quietgate::steps::{
    Attempt, Decision, Doing, End, Ending, Illegal, Mode, Pinned, PinnedStep, Record, Run, Said, Side, State,
    Told, Word,
};
use quietgate_detectors::{Calendar, Interval, OptionValue, Reason, Sample, Spec, Timestamp};
use quietgate_rules::{Direction, RuleSpec, Sustain};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    RolledBack,
    Aborted,
    Paused,
}

const STEP_MS: i64 = 1000;
/// So many clean samples must follow each other before a batch.
const CLEAN: i64 = 5;
/// So many intervals old the newest sample may be.
const MAX_AGE: usize = 2;
/// A run that goes on for longer needs a person.
const LONGEST: i64 = 1500;
const RUN: &str = "r";

/// Numbers from a seed, by the finalizer of SplitMix64 (Steele, Lea and Flood 2014).
#[derive(Debug)]
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }

    fn one_in(&mut self, sides: u64) -> bool {
        self.roll(sides) == 0
    }
}

/// What is outside of the driver: the disk, the targets, the ledger of what was really started.
#[derive(Debug)]
struct Outside {
    dice: Dice,
    now_ms: i64,
    journal: Vec<(i64, Record)>,
    /// The disk ends here; the driver dies.
    dies_at: usize,
    running: Vec<(Attempt, i64)>,
    ledger: Vec<(i64, Attempt)>,
}

impl World for Outside {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now_ms)
    }

    async fn append(&mut self, at: Timestamp, record: &Record) -> Result<u64, Stopped> {
        if self.journal.len() >= self.dies_at {
            // the record may be there or not
            if self.dice.one_in(2) {
                self.journal.push((at.as_millis(), record.clone()));
            }
            return Err(Stopped { why: "crash".to_owned() });
        }
        self.journal.push((at.as_millis(), record.clone()));
        Ok(self.journal.len() as u64)
    }

    fn heard(&mut self) -> Option<Record> {
        None
    }

    fn answer(&mut self, outcome: Result<u64, Illegal>) {
        unreachable!("nothing was heard: {outcome:?}");
    }

    fn call(&self, attempt: &Attempt) -> String {
        format!("{:?} {}", attempt.doing, attempt.target)
    }

    fn start(&mut self, attempt: &Attempt) {
        let lasts = 1 + self.dice.roll(4) as i64;
        self.ledger.push((self.now_ms, attempt.clone()));
        self.running.push((attempt.clone(), self.now_ms + lasts * STEP_MS));
    }
}

/// Everything here is ready at once.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("the made world never waits"),
    }
}

/// The fleet: six targets behind three addresses, loss measured on each of them.
#[derive(Debug)]
struct Fleet {
    /// The loss of each target, in percent.
    loss: BTreeMap<String, f64>,
    /// What no gate may see: the truth about each series, newest last: the value, or none where there was no sample.
    truth: BTreeMap<String, Vec<Option<f64>>>,
    down: bool,
}

fn target(i: usize) -> Target {
    let labels = Labels::from([("vip".to_owned(), format!("v{}", i / 2))]);
    Target { name: format!("h{i}"), address: format!("10.0.0.{i}"), labels }
}

fn call() -> Call {
    Call {
        kind: "noop".to_owned(),
        at: (0, 0),
        settings: Vec::new(),
        timeout_ms: 1000,
        retries: 0,
        repeatable: false,
    }
}

fn plan(on_anomaly: OnAnomaly) -> Plan {
    let gate = GateTimes {
        clean_before_ms: CLEAN * STEP_MS,
        clean_after_ms: 2 * STEP_MS,
        patience_ms: 60 * STEP_MS,
    };
    let step = |name: &str, after: &[&str], batch| Step {
        name: name.to_owned(),
        after: after.iter().map(|name| (*name).to_owned()).collect(),
        targets: Selector::default(),
        batch: vec![Amount::Count(batch)],
        keep_up: vec![KeepUp { label: "vip".to_owned(), min: Amount::Count(1) }],
        action: call(),
        undo: Some(call()),
        probe: None,
        on_anomaly,
        gate,
        soak_ms: STEP_MS,
        approve: false,
        windows: None,
    };
    Plan {
        name: "p".to_owned(),
        inventory: Inventory { targets: (0..6).map(target).collect() },
        signals: vec!["loss".to_owned()],
        gate,
        max_failed: None,
        limits: Limits::default(),
        windows: None,
        steps: vec![step("a", &[], 3), step("b", &["a"], 2)],
    }
}

fn pinned(plan: &Plan) -> Pinned {
    let order = quietgate::plan::order(plan).expect("an order");
    let name = |target: &usize| plan.inventory.targets[*target].name.clone();
    let step = |step: &quietgate::plan::StepOrder| PinnedStep {
        step: plan.steps[step.step].name.clone(),
        after: plan.steps[step.step].after.clone(),
        batches: step.batches.iter().map(|batch| batch.targets.iter().map(name).collect()).collect(),
        approve: false,
        undo: true,
        retries: 0,
    };
    Pinned {
        run: RUN.to_owned(),
        plan: plan.name.clone(),
        folder: String::new(),
        config_folder: String::new(),
        text: String::new(),
        config: String::new(),
        inventory: serde_json::Value::Null,
        max_failed: 0,
        steps: order.steps.iter().map(step).collect(),
    }
}

fn watch() -> Watch {
    let above = [("above".to_owned(), OptionValue::Number(50.0))];
    let threshold = Spec::new("threshold", &above).expect("a detector");
    let rule = RuleSpec::new("any", &[], vec![threshold], Direction::Up, Sustain::ONE).expect("a rule");
    let spec = MonitorSpec {
        rules: vec![rule],
        interval: Interval::from_millis(STEP_MS).expect("a second"),
        calendar: Calendar::Utc,
        lateness_ms: 0,
    };
    let expect = vec![("host".to_owned(), (0..6).map(|i| target(i).name).collect())];
    Watch::new(vec![Watched { name: "loss".to_owned(), spec, max_age_ms: MAX_AGE as i64 * STEP_MS, expect }])
}

fn driver(plan: Plan, state: State) -> Driver {
    let scopes = vec![Scope::new(vec![("host".to_owned(), Meaning::Target)])];
    Driver::new(plan, watch(), scopes, state, RUN.to_owned())
}

/// One run of the world.
pub(crate) fn run(seed: u64) -> Outcome {
    let mut dice = Dice(seed);
    let on_anomaly = [OnAnomaly::Rollback, OnAnomaly::Pause, OnAnomaly::Abort][dice.roll(3) as usize];
    let dies_at = if dice.one_in(3) { 2 + dice.roll(60) as usize } else { usize::MAX };
    let plan = plan(on_anomaly);
    let mut outside =
        Outside { dice, now_ms: 0, journal: Vec::new(), dies_at, running: Vec::new(), ledger: Vec::new() };
    let names: Vec<String> = (0..6).map(|i| target(i).name).collect();
    let mut fleet = Fleet {
        loss: names.iter().map(|name| (name.clone(), 0.0)).collect(),
        truth: names.iter().map(|name| (name.clone(), Vec::new())).collect(),
        down: false,
    };
    let mut driver = driver(plan.clone(), State::default());
    must(now(driver.write(&mut outside, Record::Plan(pinned(&plan)))));
    for _ in 0..LONGEST {
        outside.now_ms += STEP_MS;
        weather(&mut fleet, &mut outside, &mut driver);
        let told = now(tell(&mut driver, &mut outside, &mut fleet));
        let settled = told.and_then(|()| settle(&mut driver, &mut outside, &plan, &fleet));
        match settled {
            Ok(()) => {}
            Err(Refused::Illegal(illegal)) => panic!("{illegal}"),
            Err(Refused::Stopped(_)) => driver = restart(&plan, &mut outside),
        }
        if let Some(Mode::Finished(ending)) = driver.run().map(|run| run.mode) {
            return over(ending, &outside, driver.run().expect("a run"));
        }
    }
    Outcome::Paused
}

fn must<T>(written: Result<T, Refused>) {
    if let Err(Refused::Illegal(illegal)) = written {
        panic!("{illegal}");
    }
}

/// What the sources say of this second, and what the world does to the targets.
fn weather(fleet: &mut Fleet, outside: &mut Outside, driver: &mut Driver) {
    if outside.dice.one_in(200) {
        fleet.down = !fleet.down;
    } else if fleet.down && outside.dice.one_in(10) {
        fleet.down = false;
    }
    // something that hits everybody, and something that hits one
    if outside.dice.one_in(300) {
        fleet.loss.values_mut().for_each(|loss| *loss = 90.0);
    }
    for (name, loss) in &mut fleet.loss {
        if outside.dice.one_in(1500) {
            *loss = 90.0;
        } else if outside.dice.one_in(8) {
            *loss = 0.0;
        }
        let lost = fleet.down || outside.dice.one_in(300);
        let value = if outside.dice.one_in(500) { f64::NAN } else { *loss };
        let truth = fleet.truth.get_mut(name).expect("a target");
        truth.push((!lost).then_some(value));
        if !lost {
            let labels = Labels::from([("host".to_owned(), name.clone())]);
            driver.observe(0, &labels, &[Sample::new(outside.now_ms, value)]);
        }
    }
    if fleet.down {
        driver.trouble(0, Reason::SourceDown);
    }
}

/// Attempts end, and persons speak.
async fn tell(driver: &mut Driver, outside: &mut Outside, fleet: &mut Fleet) -> Result<(), Refused> {
    let now_ms = outside.now_ms;
    let ended: Vec<_> = outside.running.extract_if(.., |(_, ends)| *ends <= now_ms).map(|(a, _)| a).collect();
    for attempt in ended {
        let end = if outside.dice.one_in(40) { End::Failed } else { End::Succeeded };
        // an upgrade may break its target, and its undo mends it
        if outside.dice.one_in(15) && attempt.doing == Doing::Action {
            fleet.loss.insert(attempt.target.clone(), 90.0);
        }
        driver
            .write(outside, Record::Result { attempt, end, reason: "exited".to_owned(), output: None })
            .await?;
    }
    if outside.dice.one_in(12)
        && let Some(record) = verb(driver, outside)
    {
        // what is not possible now is refused, and nothing is written
        match driver.write(outside, record).await {
            Err(Refused::Illegal(_)) | Ok(_) => {}
            Err(stopped) => return Err(stopped),
        }
    }
    Ok(())
}

fn verb(driver: &Driver, outside: &mut Outside) -> Option<Record> {
    let run = driver.run()?;
    let word = Word { who: "op".to_owned(), reason: "so".to_owned() };
    let said = Said { run: RUN.to_owned(), word: word.clone() };
    let open: Vec<_> =
        run.all().filter(|(_, _, work)| work.unknown().is_some() || work.needs_undo()).collect();
    let told = |(step, target): (usize, &str)| Told {
        run: RUN.to_owned(),
        step: run.pinned.steps[step].step.clone(),
        target: target.to_owned(),
        word: word.clone(),
    };
    let (step, target, work) = *open.get(outside.dice.roll(open.len().max(1) as u64) as usize)?;
    Some(match outside.dice.roll(40) {
        0 => Record::Pause(said),
        1 if run.paused.is_some() => Record::Abort(said),
        2 => Record::Rollback(said),
        3..8 if work.unknown().is_some() => {
            Record::Resolve { told: told((step, target)), ran: outside.dice.one_in(2) }
        }
        8..12 => Record::Retry(told((step, target))),
        12..14 => Record::Skip(told((step, target))),
        14 => Record::Freeze(word),
        15..20 => Record::Unfreeze(word),
        _ => Record::Resume(said),
    })
}

fn settle(driver: &mut Driver, outside: &mut Outside, plan: &Plan, fleet: &Fleet) -> Result<(), Refused> {
    let (from, records) = (outside.ledger.len(), outside.journal.len());
    let settled = now(driver.settle(outside)).map(|_| ());
    for i in from..outside.ledger.len() {
        judge_start(&outside.ledger[i].1.clone(), i, records, outside, plan, fleet);
    }
    settled
}

/// The driver dies and another one takes over what is on the disk.
fn restart(plan: &Plan, outside: &mut Outside) -> Driver {
    outside.dies_at = usize::MAX;
    outside.running.clear();
    let state = fold(&outside.journal);
    let mut driver = driver(plan.clone(), state);
    must(now(driver.take_over(outside, "sim")));
    driver
}

fn fold(journal: &[(i64, Record)]) -> State {
    let mut state = State::default();
    for (seq, (at, record)) in journal.iter().enumerate() {
        state.apply(seq as u64, Timestamp::from_millis(*at), record).expect("what is on disk is legal");
    }
    state
}

/// What must hold of a start, by the truth and by the journal alone.
fn judge_start(
    attempt: &Attempt,
    number: usize,
    records: usize,
    outside: &Outside,
    plan: &Plan,
    fleet: &Fleet,
) {
    let before = &outside.ledger[..number];
    assert!(before.iter().all(|(_, other)| other != attempt), "the same attempt twice: {attempt:?}");
    let intent = |(_, record): &(i64, Record)| matches!(record, Record::Intent { attempt: other, .. } if other == attempt);
    assert_eq!(outside.journal.iter().filter(|entry| intent(entry)).count(), 1, "an intent on disk");
    let aborted = outside.journal[..records].iter().any(|(_, record)| match record {
        Record::Abort(_) => true,
        Record::Gate(gate) => gate.side == Side::After && gate.decision == Decision::Abort,
        _ => false,
    });
    assert!(!aborted, "a start after an abort");
    match attempt.doing {
        Doing::Action => judge_action(attempt, before, outside, plan, fleet),
        Doing::Undo => judge_undo(attempt, before, outside),
    }
}

fn judge_action(attempt: &Attempt, before: &[(i64, Attempt)], outside: &Outside, plan: &Plan, fleet: &Fleet) {
    assert!(!fleet.down, "a start while the source is down");
    for (name, truth) in &fleet.truth {
        // the newest sample may be as old as is allowed
        let late = truth.iter().rev().take(MAX_AGE).take_while(|value| value.is_none()).count();
        let window = &truth[..truth.len() - late];
        let window = &window[window.len().saturating_sub(CLEAN as usize)..];
        // what is no number is not below the limit either
        let below = |value: &Option<f64>| value.is_some_and(|value| value <= 50.0);
        let clean = window.len() == CLEAN as usize && window.iter().all(below);
        assert!(clean, "a start although {name} was not clean for long enough: {window:?}");
    }
    let same = |step: &str, target: &str| step == attempt.step && target == attempt.target;
    let starts =
        before.iter().filter(|(_, other)| other.doing == Doing::Action && same(&other.step, &other.target));
    let grants = outside.journal.iter().filter(|(_, record)| match record {
        Record::Retry(told) | Record::Resolve { told, ran: false } => same(&told.step, &told.target),
        _ => false,
    });
    assert!(starts.count() <= grants.count(), "more starts than one and the retries on record");
    let busy: BTreeSet<&str> = outside.running.iter().map(|(attempt, _)| attempt.target.as_str()).collect();
    for vip in 0..3 {
        let members = plan.inventory.targets.iter().filter(|t| t.labels["vip"] == format!("v{vip}"));
        assert!(
            members.filter(|t| busy.contains(t.name.as_str())).count() <= 1,
            "keep_up is broken for v{vip}"
        );
    }
}

/// Nothing that was started later still waits for its undo, unless a person said that it needs none.
fn judge_undo(attempt: &Attempt, before: &[(i64, Attempt)], outside: &Outside) {
    let same = |other: &Attempt, than: &Attempt| (&other.step, &other.target) == (&than.step, &than.target);
    let newest = before.iter().rposition(|(_, other)| other.doing == Doing::Action && same(other, attempt));
    let Some(newest) = newest else {
        // it was intended, and a person said that it ran
        let ran = |(_, record): &(i64, Record)| matches!(record, Record::Resolve { told, ran: true } if told.target == attempt.target);
        assert!(outside.journal.iter().any(ran), "an undo of what was never started");
        return;
    };
    for (_, later) in before[newest + 1..].iter().filter(|(_, later)| later.doing == Doing::Action) {
        let undone = before.iter().rev().take_while(|(_, other)| other != later);
        let undone = undone.into_iter().any(|(_, other)| other.doing == Doing::Undo && same(other, later));
        let settled = outside.journal.iter().any(|(_, record)| match record {
            Record::Skip(told) | Record::Resolve { told, .. } => {
                (&told.step, &told.target) == (&later.step, &later.target)
            }
            _ => false,
        });
        assert!(undone || settled, "{attempt:?} is undone before {later:?}");
    }
}

/// What must hold at the end: the journal alone leads to the same state, and tells of everything that was started.
fn over(ending: Ending, outside: &Outside, run: &Run) -> Outcome {
    assert_eq!(fold(&outside.journal).runs[RUN], *run, "recovery is the live state");
    for (_, attempt) in &outside.ledger {
        let told = outside.journal.iter().any(|(_, record)| match record {
            Record::Result { attempt: other, .. } | Record::Unknown { attempt: other, .. } => {
                other == attempt
            }
            _ => false,
        });
        assert!(told, "no outcome of {attempt:?} is on record");
    }
    match ending {
        Ending::Done => Outcome::Done,
        Ending::RolledBack => Outcome::RolledBack,
        Ending::Aborted => Outcome::Aborted,
    }
}
