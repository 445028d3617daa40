//! The machine under everything that may happen to it: what it proposes is always legal, and never what it must not be.

use super::scenes::tests::{capture, captured};
use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use quietgate_detectors::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// A world that answers as it is told.
struct World {
    now: i64,
    before: Decision,
    after: Decision,
    forbidden: bool,
    /// What the slow layer says.
    late: Option<(BatchId, Decision)>,
}

impl World {
    fn permit(&self, decision: Decision) -> Permit {
        let because = vec![format!("{decision:?}")];
        Permit { decision, reason: format!("{decision:?} at {}", self.now), because }
    }
}

impl Outlook for World {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now)
    }

    fn before(&self, _: usize, _: usize) -> Permit {
        self.permit(self.before)
    }

    fn after(&self, _: usize, _: usize, over: bool) -> Permit {
        let nothing_to_blame = !over && self.after == Decision::Proceed;
        self.permit(if nothing_to_blame { Decision::Hold } else { self.after })
    }

    fn forbidden(&self, _: usize, _: &BTreeSet<&str>, _: &[&str]) -> Option<String> {
        self.forbidden.then(|| "not now".to_owned())
    }

    fn soak_ms(&self, _: usize) -> i64 {
        3
    }

    fn late(&self) -> Vec<(BatchId, Permit)> {
        self.late.iter().map(|(id, decision)| (*id, self.permit(*decision))).collect()
    }

    fn watch_after_ms(&self) -> i64 {
        5
    }

    fn unwatched(&self) -> Option<String> {
        self.forbidden.then(|| "unknown".to_owned())
    }

    fn evidence(&self) -> serde_json::Value {
        serde_json::Value::Null
    }
}

/// What happens.
#[derive(Debug, Clone, Copy)]
enum Event {
    Before(Decision),
    After(Decision),
    Forbidden(bool),
    /// The slow layer blames the start of this number, or none.
    Late(usize, Option<Decision>),
    /// The attempt of this number among those in flight ends.
    End(usize, End),
    /// The driver dies; the journal is all that is left.
    Crash,
    /// A person does what they can, of these verbs the one of this number.
    Person(usize),
    /// A capture begins, or a program of one ends.
    Capture(bool),
    Later,
}

fn ends() -> impl Strategy<Value = End> {
    prop_oneof![20 => Just(End::Succeeded), 2 => Just(End::Failed), 1 => Just(End::TimedOut), 1 => Just(End::NotStarted)]
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    use Decision::{Abort, Hold, Pause, Proceed, Rollback};
    let before = prop_oneof![6 => Just(Proceed), 2 => Just(Hold), 1 => Just(Pause)];
    let after = prop_oneof![9 => Just(Proceed), 3 => Just(Hold), 1 => Just(Pause), 1 => Just(Rollback), 1 => Just(Abort)];
    let late = prop_oneof![6 => Just(None), 2 => Just(Some(Pause)), 1 => Just(Some(Rollback)), 1 => Just(Some(Abort))];
    let event = prop_oneof![
        3 => before.prop_map(Event::Before),
        3 => after.prop_map(Event::After),
        1 => any::<bool>().prop_map(Event::Forbidden),
        2 => (0..6_usize, late).prop_map(|(which, decision)| Event::Late(which, decision)),
        20 => (0..9_usize, ends()).prop_map(|(which, end)| Event::End(which, end)),
        1 => Just(Event::Crash),
        6 => (0..60_usize).prop_map(Event::Person),
        3 => any::<bool>().prop_map(Event::Capture),
        6 => Just(Event::Later),
    ];
    vec(event, 1..160)
}

fn plan() -> Pinned {
    let step = |step: &str, after: &[&str], batches: &[&[&str]], undo| PinnedStep {
        expects: Vec::new(),
        patience_ms: None,
        step: step.to_owned(),
        after: after.iter().map(|name| (*name).to_owned()).collect(),
        batches: batches.iter().map(|batch| batch.iter().map(|t| (*t).to_owned()).collect()).collect(),
        approve: step == "c",
        undo,
        retries: u32::from(step == "b"),
    };
    Pinned {
        run: "r1".to_owned(),
        plan: "p".to_owned(),
        folder: String::new(),
        config_folder: String::new(),
        text: String::new(),
        config: String::new(),
        inventory: serde_json::Value::Null,
        max_failed: 1,
        steps: vec![
            step("a", &[], &[&["h1", "h2", "h3"]], true),
            step("b", &["a"], &[&["h1"], &["h2", "h3"]], true),
            step("c", &["a"], &[&["h1", "h2"]], false),
            step("d", &["b", "c"], &[&["h3"]], true),
        ],
        by: None,
    }
}

/// A driver with a journal, and an outside ledger of what was really started.
struct Driver {
    state: State,
    journal: Vec<(i64, Record)>,
    world: World,
    /// Attempts that run, as the world has them.
    running: Vec<Attempt>,
    ledger: Vec<Attempt>,
}

impl Driver {
    fn new() -> Self {
        let (before, after) = (Decision::Proceed, Decision::Proceed);
        let world = World { now: 0, before, after, forbidden: false, late: None };
        let mut driver = Self {
            state: State::default(),
            journal: Vec::new(),
            world,
            running: Vec::new(),
            ledger: Vec::new(),
        };
        driver.write(Record::Plan(plan()));
        driver
    }

    fn run(&self) -> &Run {
        &self.state.runs["r1"]
    }

    /// Writes a record that must be legal.
    fn write(&mut self, record: Record) {
        self.offer(record).expect("legal");
    }

    /// Writes a record where it is legal; else nothing changes.
    fn offer(&mut self, record: Record) -> Result<(), Illegal> {
        let (before, seq) = (self.state.clone(), self.journal.len() as u64);
        let applied = self.state.apply(seq, Timestamp::from_millis(self.world.now), &record);
        match &applied {
            Ok(()) => self.journal.push((self.world.now, record)),
            Err(_) => assert_eq!(self.state, before, "a record that is refused changes nothing"),
        }
        applied
    }

    /// Does all there is to do now.
    fn drive(&mut self) {
        for _ in 0..200 {
            match next(self.run(), self.state.frozen.as_ref(), &self.world) {
                Next::Write(record) => self.write(record),
                Next::Start(attempt) => {
                    self.write(Record::Intent { attempt: attempt.clone(), call: "true".to_owned() });
                    let allowed =
                        still_allowed(self.run(), self.state.frozen.as_ref(), &attempt, &self.world);
                    match allowed {
                        Ok(()) => self.start(attempt),
                        Err(reason) => self.write(Record::Withdrawn { attempt, reason }),
                    }
                }
                Next::Wait(_) => return,
            }
        }
        panic!("it never comes to rest: {:?}", &self.journal[self.journal.len() - 8..]);
    }

    fn start(&mut self, attempt: Attempt) {
        self.may_start(&attempt);
        self.ledger.push(attempt.clone());
        self.running.push(attempt.clone());
        self.write(Record::Spawned { attempt, process: "1".to_owned() });
    }

    /// What must hold of every start, seen from outside.
    fn may_start(&self, attempt: &Attempt) {
        assert!(!self.ledger.contains(attempt), "the same attempt twice: {attempt:?}");
        let aborted = self.journal.iter().any(|(_, record)| matches!(record, Record::Abort(_)));
        assert!(!aborted, "a start after an abort");
        if attempt.doing == Doing::Action {
            let (before, forbidden) = (self.world.before, self.world.forbidden);
            assert!(before == Decision::Proceed && !forbidden && self.state.frozen.is_none());
            let same = |other: &&Attempt| {
                (&other.step, &other.target, other.doing) == (&attempt.step, &attempt.target, attempt.doing)
            };
            let starts = self.ledger.iter().filter(same).count();
            let granted = self.journal.iter().filter(|(_, record)| grants(record, attempt)).count();
            assert!(starts <= granted, "more starts than one and the retries on record");
            return;
        }
        // what was started after it is undone, or was left as it is
        let later = self.ledger.iter().rev().take_while(|other| {
            (&other.step, &other.target, other.doing) != (&attempt.step, &attempt.target, Doing::Action)
        });
        for other in later.filter(|other| other.doing == Doing::Action) {
            let step = self.run().step(&other.step).expect("a step");
            let work = &self.run().steps[step].work[&other.target];
            assert!(!self.run().pinned.steps[step].undo || !work.needs_undo(), "undo is not in reverse");
        }
    }

    fn crash(&mut self) {
        let live = std::mem::take(&mut self.state);
        for (seq, (at, record)) in self.journal.iter().enumerate() {
            self.state
                .apply(seq as u64, Timestamp::from_millis(*at), record)
                .expect("what was written is legal");
        }
        assert_eq!(self.state, live, "recovery is the live state");
        self.running.clear();
        self.write(Record::Boot { version: "1".to_owned(), driver: String::new() });
        for attempt in in_flight(self.run()) {
            self.write(Record::Unknown { attempt, reason: "the driver ended".to_owned() });
        }
        let lost: Vec<_> = self.run().scenes.lost().collect();
        lost.into_iter().for_each(|record| self.write(record));
        assert!(self.run().scenes.all.iter().all(|seen| seen.open.is_empty()), "what is lost is over");
    }

    /// A capture begins, or a program of one ends: that can be at any time, and changes nothing else.
    fn capture(&mut self, begins: bool) {
        let before = self.run().clone();
        let is_over = matches!(before.mode, Mode::Finished(_));
        match if begins { Some(capture(&before)) } else { captured(&before) } {
            Some(record) if begins && is_over => assert!(self.offer(record).is_err(), "the run is over"),
            Some(record) => self.write(record),
            None => {}
        }
        assert_eq!(Run { scenes: before.scenes.clone(), ..self.run().clone() }, before);
    }

    fn person(&mut self, verb: usize) {
        let (word, run) = (Word { who: "op".to_owned(), reason: "so".to_owned() }, "r1".to_owned());
        let said = Said { run: run.clone(), word: word.clone() };
        let places: Vec<_> = self.run().all().map(|(step, target, _)| (step, target.to_owned())).collect();
        let (step, target) = places[verb % places.len()].clone();
        let step = self.run().pinned.steps[step].step.clone();
        let told = Told { run: run.clone(), step: step.clone(), target, word: word.clone() };
        let record = match verb {
            0..9 => Record::Resume(said),
            9..12 => Record::Pause(said),
            12 => Record::Abort(said),
            13 | 14 => Record::Rollback(said),
            15..25 => Record::Retry(told),
            25..30 => Record::Skip(told),
            30..40 => Record::Resolve { told, ran: verb.is_multiple_of(2) },
            40 => Record::Freeze(word),
            41..45 => Record::Unfreeze(word),
            _ => Record::Approval { run, step: "c".to_owned(), batch: 0, word },
        };
        // what is not possible now is refused
        _ = self.offer(record);
    }

    fn happen(&mut self, event: Event) {
        self.world.now += 1;
        match event {
            Event::Before(decision) => self.world.before = decision,
            Event::After(decision) => self.world.after = decision,
            Event::Forbidden(forbidden) => self.world.forbidden = forbidden,
            Event::Late(which, decision) => {
                let start = self.run().starts.get(which).map(|start| start.batch);
                self.world.late = start.zip(decision);
            }
            Event::End(which, end) if !self.running.is_empty() => {
                let attempt = self.running.remove(which % self.running.len());
                self.write(Record::Result { attempt, end, reason: "exited".to_owned(), output: None });
            }
            Event::End(..) => {}
            Event::Crash => self.crash(),
            Event::Person(verb) => self.person(verb),
            Event::Capture(begins) => self.capture(begins),
            Event::Later => self.world.now += 10,
        }
        self.drive();
    }
}

/// Whether `record` is a decision that grants a start of the same action on the same target.
fn grants(record: &Record, attempt: &Attempt) -> bool {
    match record {
        Record::Retry(told) | Record::Resolve { told, ran: false } => {
            (&told.step, &told.target) == (&attempt.step, &attempt.target)
        }
        _ => false,
    }
}

fn in_flight(run: &Run) -> Vec<Attempt> {
    let attempt = |(step, target, work): (usize, &str, &Work)| {
        let flight = work.flight.as_ref().filter(|flight| flight.unknown.is_none())?;
        Some(Attempt {
            run: run.pinned.run.clone(),
            step: run.pinned.steps[step].step.clone(),
            target: target.to_owned(),
            doing: flight.doing,
            attempt: flight.attempt,
        })
    };
    run.all().filter_map(attempt).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn whatever_happens_nothing_is_done_that_must_not_be(events in events()) {
        let mut driver = Driver::new();
        driver.drive();
        for event in events {
            if matches!(driver.run().mode, Mode::Finished(_)) {
                break;
            }
            driver.happen(event);
        }
        [false, true].into_iter().for_each(|begins| driver.capture(begins));
        driver.crash();
    }
}

/// A driver whose first step is over; the second has not begun.
fn first_step_over() -> Driver {
    let mut driver = Driver::new();
    driver.world.before = Decision::Proceed;
    driver.drive();
    driver.world.forbidden = true;
    (0..3).for_each(|_| driver.happen(Event::End(0, End::Succeeded)));
    assert!(driver.run().steps[0].batches[0].passed.is_none(), "it soaks");
    driver.happen(Event::Later);
    assert!(driver.run().steps[0].batches[0].passed.is_some());
    driver
}

#[test]
fn what_the_slow_layer_blames_stops_a_run_whose_batch_has_passed() {
    for (decision, mode, paused) in [
        (Decision::Pause, Mode::Going, true),
        (Decision::Rollback, Mode::RollingBack, false),
        (Decision::Abort, Mode::Finished(Ending::Aborted), false),
    ] {
        let mut driver = first_step_over();
        driver.happen(Event::Late(0, Some(decision)));
        assert_eq!((driver.run().mode, driver.run().paused.is_some()), (mode, paused), "{decision:?}");
        let is_late = |record: &Record| matches!(record, Record::Gate(gate) if gate.side == Side::Late);
        let late = |driver: &Driver| driver.journal.iter().filter(|(_, record)| is_late(record)).count();
        assert_eq!(late(&driver), 1);
        if paused {
            driver.happen(Event::Later);
            assert_eq!(late(&driver), 1, "it is put on record once");
            driver.happen(Event::Person(0));
            assert_eq!(late(&driver), 2, "it has not gone, so the run does not go on");
        }
    }
}

#[test]
fn what_the_slow_layer_blames_while_a_run_is_paused_is_put_on_record_and_no_more() {
    let mut driver = first_step_over();
    driver.happen(Event::Person(9));
    driver.happen(Event::Late(0, Some(Decision::Rollback)));
    assert_eq!(driver.run().mode, Mode::Going);
    assert!(driver.run().steps[0].batches[0].blamed.is_some());
    driver.happen(Event::Person(0));
    assert_eq!(driver.run().mode, Mode::RollingBack, "whoever resumes it knew");
}

#[test]
fn a_late_word_is_about_a_batch_that_has_started() {
    let mut driver = first_step_over();
    let late = |step: &str, decision| {
        Record::Gate(Gate {
            run: "r1".to_owned(),
            step: step.to_owned(),
            batch: 0,
            side: Side::Late,
            decision,
            reason: String::new(),
            because: Vec::new(),
            evidence: serde_json::Value::Null,
        })
    };
    assert!(driver.offer(late("b", Decision::Pause)).is_err(), "it has not started");
    assert!(driver.offer(late("a", Decision::Proceed)).is_err(), "it lets nothing pass");
    assert!(driver.offer(late("a", Decision::Hold)).is_err());
    driver.write(late("a", Decision::Rollback));
    assert!(driver.offer(late("a", Decision::Pause)).is_err(), "the run goes back already");
}

#[test]
fn a_run_ends_when_the_slow_layer_has_watched_and_knows_what_it_looks_at() {
    let mut driver = Driver::new();
    driver.drive();
    let word = Word { who: "op".to_owned(), reason: "go".to_owned() };
    let passed = |driver: &Driver| (0..4).all(|step| driver.run().next_batch(step).is_none());
    while !passed(&driver) {
        driver.happen(Event::End(0, End::Succeeded));
        let step = "c".to_owned();
        _ = driver.offer(Record::Approval { run: "r1".to_owned(), step, batch: 0, word: word.clone() });
    }
    assert_eq!(driver.run().mode, Mode::Going, "it watches on");
    driver.happen(Event::Forbidden(true));
    driver.happen(Event::Later);
    assert_eq!(driver.run().mode, Mode::Going, "a series is unknown");
    driver.happen(Event::Forbidden(false));
    assert_eq!(driver.run().mode, Mode::Finished(Ending::Done));
}

#[test]
fn a_plan_comes_to_its_end() {
    let mut driver = Driver::new();
    driver.drive();
    let word = Word { who: "op".to_owned(), reason: "go".to_owned() };
    for _ in 0..60 {
        driver.happen(Event::End(0, End::Succeeded));
        _ = driver.offer(Record::Approval {
            run: "r1".to_owned(),
            step: "c".to_owned(),
            batch: 0,
            word: word.clone(),
        });
    }
    assert_eq!(driver.run().mode, Mode::Finished(Ending::Done));
    let mut done: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    driver.ledger.iter().for_each(|attempt| done.entry(&attempt.step).or_default().push(&attempt.target));
    assert_eq!(done["a"], ["h1", "h2", "h3"]);
    assert_eq!(done["d"], ["h3"]);
    assert_eq!(driver.ledger.len(), 9);
}

#[test]
fn a_record_is_read_back_as_it_was_written() {
    let mut driver = Driver::new();
    driver.drive();
    (0..2).for_each(|i| driver.happen(Event::Capture(i == 0)));
    (0..12).for_each(|i| driver.happen(Event::End(i, if i % 3 > 0 { End::Succeeded } else { End::Failed })));
    for (_, record) in &driver.journal {
        let json = serde_json::to_string(record).expect("json");
        assert_eq!(serde_json::from_str::<Record>(&json).expect("readable"), *record, "{json}");
    }
}

/// The run of one step with two batches, the second of two targets, after `records`.
fn after(records: impl IntoIterator<Item = Record>) -> Run {
    let batches = vec![vec!["h1".to_owned()], vec!["h2".to_owned(), "h3".to_owned()]];
    let step = PinnedStep {
        expects: Vec::new(),
        patience_ms: None,
        step: "s".to_owned(),
        after: Vec::new(),
        batches,
        approve: false,
        undo: true,
        retries: 0,
    };
    let pinned = Pinned { steps: vec![step], ..plan() };
    let mut state = State::default();
    for (at, record) in (0..).zip(std::iter::once(Record::Plan(pinned)).chain(records)) {
        state.apply(at, Timestamp::from_millis(at as i64), &record).expect("legal");
    }
    Run::clone(&state.runs["r1"])
}

fn attempt(target: &str, attempt: u32) -> Attempt {
    let (run, step, target) = ("r1".to_owned(), "s".to_owned(), target.to_owned());
    Attempt { run, step, target, doing: Doing::Action, attempt }
}

fn intent(attempt: Attempt) -> Record {
    Record::Intent { attempt, call: String::new() }
}

fn result(attempt: Attempt, end: End) -> Record {
    Record::Result { attempt, end, reason: "exited".to_owned(), output: None }
}

fn withdrawn(attempt: Attempt) -> Record {
    Record::Withdrawn { attempt, reason: "paused".to_owned() }
}

fn opens(batch: usize, side: Side) -> Record {
    let (run, step, reason) = ("r1".to_owned(), "s".to_owned(), "clean".to_owned());
    let decision = Decision::Proceed;
    Record::Gate(Gate {
        run,
        step,
        batch,
        side,
        decision,
        reason,
        because: Vec::new(),
        evidence: Default::default(),
    })
}

fn retry(target: &str) -> Record {
    Record::Retry(told(target))
}

fn told(target: &str) -> Told {
    let word = Word { who: "op".to_owned(), reason: "so".to_owned() };
    Told { run: "r1".to_owned(), step: "s".to_owned(), target: target.to_owned(), word }
}

/// The first batch is over, its target failed; the second has begun.
fn first_failed() -> Vec<Record> {
    let (before, over) = (opens(0, Side::Before), opens(0, Side::After));
    let failed = result(attempt("h1", 1), End::Failed);
    vec![before, intent(attempt("h1", 1)), failed, over, opens(1, Side::Before), intent(attempt("h2", 1))]
}

#[test]
fn a_batch_that_has_begun_goes_to_its_end_before_an_earlier_one_is_gone_through_anew() {
    let again = [retry("h1"), result(attempt("h2", 1), End::Succeeded)];
    let run = after(first_failed().into_iter().chain(again.clone()));
    assert_eq!((run.next_batch(0), busy(&run).contains("h1")), (Some(1), false));
    assert_eq!(run.steps[0].batches[0], Batch::default());
    assert_eq!(run.steps[0].batches[1].ended, Some(Timestamp::from_millis(8)));
    let over = [intent(attempt("h3", 1)), result(attempt("h3", 1), End::Succeeded), opens(1, Side::After)];
    let run = after(first_failed().into_iter().chain(again).chain(over));
    assert_eq!(run.next_batch(0), Some(0));
}

#[test]
fn a_batch_that_has_begun_goes_on_although_a_step_before_is_gone_through_anew() {
    let mut driver = Driver::new();
    driver.drive();
    driver.happen(Event::End(0, End::Failed));
    (0..2).for_each(|_| driver.happen(Event::End(0, End::Succeeded)));
    driver.happen(Event::Later);
    let step = driver.run().step("b").expect("a step");
    assert!(driver.run().steps[step].batches.iter().any(|batch| batch.started.is_some()));
    driver.offer(Record::Retry(Told { step: "a".to_owned(), ..told("h1") })).expect("it failed");
    for _ in 0..4 {
        driver.happen(Event::End(0, End::Succeeded));
        driver.happen(Event::Later);
    }
    assert_eq!((driver.run().next_batch(step), driver.run().failed()), (None, 0));
}

#[test]
fn a_batch_of_which_nothing_was_started_after_all_has_not_begun() {
    let withdrawn_at_once = [opens(0, Side::Before), intent(attempt("h1", 1)), withdrawn(attempt("h1", 1))];
    let run = after(withdrawn_at_once);
    assert_eq!((run.steps[0].batches[0].started, &run.started), (None, &Vec::new()));
    assert!(busy(&run).is_empty());
    let one_of_two = [intent(attempt("h3", 1)), withdrawn(attempt("h3", 1))];
    let run = after(first_failed().into_iter().chain(one_of_two));
    assert_eq!(run.steps[0].batches[1].started, Some(Timestamp::from_millis(6)));
}

#[test]
fn what_is_not_started_again_after_all_keeps_its_place_in_the_rollback() {
    let again = [
        result(attempt("h2", 1), End::Succeeded),
        intent(attempt("h3", 1)),
        result(attempt("h3", 1), End::Succeeded),
        opens(1, Side::After),
        retry("h1"),
        opens(0, Side::Before),
        intent(attempt("h1", 2)),
    ];
    let started = after(first_failed().into_iter().chain(again.clone()));
    let not_started = after(first_failed().into_iter().chain(again).chain([withdrawn(attempt("h1", 2))]));
    let newest = |run: &Run| run.next_undo().map(|(_, target)| target.clone());
    assert_eq!([newest(&started), newest(&not_started)], [Some("h1".to_owned()), Some("h3".to_owned())]);
}
