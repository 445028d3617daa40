//! What is outside of the driver: the journal on its disk, persons, targets, and the ledger of what was really started.

use super::case::{Case, STEP_MS};
use super::dice::Dice;
use super::disk::{Disk, Stage};
use super::fleet::Fleet;
use super::judges;
use super::persons;
use super::told::Told;
use quietgate::run::{Driver, Refused, Stopped, World, followed};
use quietgate::steps::{Attempt, Doing, End, Gate, Illegal, Record, Side, State};
use quietgate_detectors::Timestamp;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// The world. Everything in it follows from the dice.
#[derive(Debug)]
pub(crate) struct Outside {
    pub(crate) case: Case,
    pub(crate) dice: Dice,
    pub(crate) now_ms: i64,
    pub(crate) disk: Disk,
    pub(crate) fleet: Fleet,
    pub(crate) told: Told,
    /// What is on record, read back from its text: of each entry its time, and the state of the driver after it, where a
    /// driver took it in.
    pub(crate) journal: Vec<(i64, Record)>,
    pub(crate) texts: Vec<String>,
    pub(crate) live: Vec<Option<State>>,
    /// So many of them the head knows of. What it does not know of nobody was told of.
    pub(crate) vouched: usize,
    /// What was appended last, whether it got there or not.
    pub(crate) tried: Option<String>,
    /// The state by what is acknowledged.
    pub(crate) state: State,
    pub(crate) ledger: Vec<Started>,
    /// What persons are going to say, and what they wait for an answer to.
    pub(crate) said: VecDeque<Record>,
    asking: Option<Record>,
    /// Whether a person was told that the run is aborted.
    pub(crate) is_aborted: bool,
    /// How the driver died, where it has.
    pub(crate) death: Option<Death>,
    /// Whether an append failed: then the journal takes nothing more.
    pub(crate) is_stopped: bool,
    crash_in: Option<u64>,
    error_in: Option<u64>,
    /// Whether everything goes well from now on.
    pub(crate) is_calm: bool,
    /// The first promise that was broken.
    pub(crate) broken: Option<String>,
    /// What happened at least once.
    pub(crate) marks: BTreeSet<&'static str>,
}

/// How a driver dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Death {
    /// Alone: what it wrote is there.
    Killed,
    /// With its machine: what is not synced may be gone.
    PowerLoss,
}

/// What was really started, and what really became of it.
#[derive(Debug, Clone)]
pub(crate) struct Started {
    pub(crate) attempt: Attempt,
    pub(crate) ends_ms: i64,
    /// How it ends, where it is not cut off.
    pub(crate) end: End,
    /// Whether the driver that started it is gone.
    pub(crate) is_orphan: bool,
    /// Whether it was cut off half-way, or nobody heard of its end.
    pub(crate) is_lost: bool,
    pub(crate) is_told: bool,
    pub(crate) spawned_told: bool,
}

impl Outside {
    pub(crate) fn new(case: Case, mut dice: Dice) -> Self {
        let fleet = Fleet::new(&case, &mut dice);
        let mut outside = Self {
            told: Told::nothing(&case, fleet.series.len()),
            now_ms: case.begins_ms,
            case,
            dice,
            disk: Disk::new(),
            fleet,
            journal: Vec::new(),
            texts: Vec::new(),
            live: Vec::new(),
            vouched: 0,
            tried: None,
            state: State::default(),
            ledger: Vec::new(),
            said: VecDeque::new(),
            asking: None,
            is_aborted: false,
            death: None,
            is_stopped: false,
            crash_in: None,
            error_in: None,
            is_calm: false,
            broken: None,
            marks: BTreeSet::new(),
        };
        outside.fate();
        outside
    }

    /// When the next driver dies, or its disk fails.
    pub(crate) fn fate(&mut self) {
        let Self { case, dice, .. } = self;
        self.crash_in = (case.faults.crashes && dice.one_in(2)).then(|| dice.roll(600));
        self.error_in = (case.faults.errors && dice.one_in(2)).then(|| dice.roll(150));
    }

    /// The same once more where it is over; nothing goes wrong any more once all is well.
    pub(crate) fn fate_after_a_death(&mut self) {
        if !self.is_calm && self.crash_in.is_none() {
            self.fate();
            // and again at once: while it takes over
            if self.case.faults.crashes && self.dice.one_in(4) {
                self.crash_in = Some(self.dice.roll(12));
            }
        }
    }

    /// What the driver started is cut off with it, or goes on without it.
    pub(crate) fn cut_off(&mut self) {
        let Self { ledger, dice, now_ms, .. } = self;
        for started in ledger.iter_mut().filter(|started| !started.is_told && !started.is_orphan) {
            started.is_orphan = true;
            if started.ends_ms > *now_ms && dice.one_in(2) {
                (started.ends_ms, started.is_lost) = (*now_ms, true);
            }
        }
    }

    /// A driver that goes on from what is on record and was told nothing yet.
    pub(crate) fn begin(&mut self) -> Driver {
        self.told = Told::nothing(&self.case, self.fleet.series.len());
        self.asking = None;
        self.case.driver(self.state.clone())
    }

    /// From now on everything goes well.
    pub(crate) fn calm(&mut self) {
        self.is_calm = true;
        (self.crash_in, self.error_in) = (None, None);
        self.fleet.calm();
    }

    /// Notes that a promise is broken; only the first counts.
    pub(crate) fn must(&mut self, held: Result<(), String>) {
        if let Err(what) = held {
            self.broken.get_or_insert(what);
        }
    }

    pub(crate) fn mark(&mut self, what: &'static str) {
        self.marks.insert(what);
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.death.is_some()
    }

    /// A point at which the driver may die. Says whether it is dead.
    pub(crate) fn point(&mut self, what: &'static str) -> bool {
        if self.is_dead() {
            return true;
        }
        match &mut self.crash_in {
            Some(0) => {
                let death = if self.dice.one_in(2) { Death::Killed } else { Death::PowerLoss };
                (self.death, self.crash_in) = (Some(death), None);
                self.mark(what);
                true
            }
            Some(points) => {
                *points -= 1;
                false
            }
            None => false,
        }
    }

    /// The attempts that are really at work now.
    pub(crate) fn at_work(&self) -> impl Iterator<Item = &Attempt> {
        self.ledger.iter().filter(|started| started.ends_ms > self.now_ms).map(|started| &started.attempt)
    }

    /// The entry goes to the disk, stage by stage; the driver may die before each and after the last.
    fn put(&mut self, at_ms: i64, text: String) -> Result<(), Stopped> {
        let entry = self.disk.next(at_ms, text);
        let fails = match &mut self.error_in {
            Some(0) => {
                self.error_in = None;
                Some(self.dice.pick(&Stage::ALL))
            }
            Some(appends) => {
                *appends -= 1;
                None
            }
            None => None,
        };
        let points =
            ["dies before a write", "dies before a sync", "dies before a head", "dies before its sync"];
        for (stage, point) in Stage::ALL.into_iter().zip(points) {
            if self.point(point) {
                return stopped("it is dead");
            }
            if fails == Some(stage) {
                self.is_stopped = true;
                self.mark("the disk fails");
                if stage == Stage::Write {
                    self.disk.fail(&entry, &mut self.dice);
                }
                return stopped("an error of the disk");
            }
            self.disk.append(stage, &entry);
        }
        if self.point("dies before it is told") { stopped("it is dead") } else { Ok(()) }
    }

    /// What is on record now, and what became of it.
    pub(crate) fn keep(&mut self, at_ms: i64, text: String) -> Record {
        let record: Record = serde_json::from_str(&text).expect("it was written so");
        self.journal.push((at_ms, record.clone()));
        self.texts.push(text);
        record
    }

    fn append(&mut self, at: Timestamp, record: &Record) -> Result<u64, Stopped> {
        if self.is_dead() || self.is_stopped {
            return stopped("the journal takes nothing more");
        }
        if self.texts.len() > ENDLESS {
            self.must(Err("the driver writes without an end".to_owned()));
            return stopped("it writes without an end");
        }
        let text = serde_json::to_string(record).expect("a record is JSON");
        self.tried = Some(text.clone());
        self.put(at.as_millis(), text.clone())?;
        self.vouched = self.texts.len() + 1;
        self.time_passes();
        let back = self.keep(at.as_millis(), text);
        let held = judges::same(&back, record);
        self.must(held);
        // what the driver takes in, as it has it
        let seq = self.journal.len() as u64;
        if let Err(illegal) = self.state.apply(seq, at, record) {
            self.must(Err(illegal.to_string()));
        }
        self.live.push(Some(self.state.clone()));
        match &back {
            Record::Withdrawn { .. } => self.mark("withdrawn"),
            Record::Gate(gate) => self.gated(gate),
            Record::Captured(captured) if captured.end.is_none() => self.mark("a capture is lost"),
            Record::Finish { reason, .. } if reason.contains("slow layer") => self.mark("watched to the end"),
            _ => {}
        }
        let held = judges::record(self, &back);
        self.must(held);
        self.point("dies after an acknowledgement");
        Ok(seq)
    }

    fn gated(&mut self, gate: &Gate) {
        let has = |end: &str| gate.because.iter().any(|why| why.ends_with(end));
        let over = self.state.runs.values().flat_map(|run| &run.starts).any(|start| start.passed.is_some());
        match (gate.side, judges::is_blamed(gate)) {
            (Side::Late, true) if over => self.mark("blamed late"),
            (_, true) => self.mark("blamed"),
            _ => {}
        }
        for (end, mark) in [
            (": expected", "holds for what is expected"),
            ("by the slow layer: anomalous", "holds for the slow layer"),
        ] {
            if has(end) {
                self.mark(mark);
            }
        }
    }

    /// What a step expects really happens, and at times for longer.
    fn stir(&mut self, attempt: &Attempt) {
        let Self { case, dice, fleet, now_ms, is_calm, .. } = self;
        let step = case.plan.steps.iter().find(|step| step.name == attempt.step);
        let expected_ms = step.map_or(0, |step| step.expected_ms("loss"));
        let series = case.plan.inventory.find(&attempt.target).and_then(|i| fleet.series.get_mut(i));
        if let Some(series) = series.filter(|_| expected_ms > 0 && !*is_calm) {
            let longer_ms = if dice.one_in(8) { 4 * STEP_MS } else { 0 };
            series.stirred_ms = *now_ms + dice.between(0, expected_ms) + longer_ms;
        }
    }

    fn time_passes(&mut self) {
        let Self { case, dice, .. } = self;
        let slow = case.faults.slow && dice.one_in(40);
        self.now_ms += if slow { dice.between(100, 4000) } else { dice.between(1, 5) };
    }

    fn wait_of(&mut self, after_intent: bool) -> u64 {
        match (self.case.faults.persons, after_intent) {
            (true, true) => 30,
            (true, false) => 400,
            (false, true) => 200,
            (false, false) => 4000,
        }
    }
}

/// A run has some hundred records.
const ENDLESS: usize = 5000;

fn stopped<T>(why: &str) -> Result<T, Stopped> {
    Err(Stopped { why: why.to_owned() })
}

impl World for Outside {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now_ms)
    }

    async fn write(
        &mut self,
        state: &mut Arc<State>,
        at: Timestamp,
        record: &Record,
    ) -> Result<u64, Refused> {
        let after = followed(state, at, record)?;
        let seq = self.append(at, record).map_err(Refused::Stopped)?;
        *state = after;
        Ok(seq)
    }

    fn heard(&mut self) -> Option<Record> {
        if self.is_dead() || self.is_stopped {
            return None;
        }
        let after_intent = matches!(self.journal.last(), Some((_, Record::Intent { .. })));
        let wait = self.wait_of(after_intent);
        if !self.is_calm && self.dice.one_in(wait) {
            let word = persons::anything(&mut self.dice, &self.state);
            self.said.extend(word);
            if after_intent && !self.said.is_empty() {
                self.mark("a person speaks between an intent and its start");
            }
        }
        self.asking = self.said.pop_front();
        self.asking.clone()
    }

    fn answer(&mut self, outcome: Result<u64, Illegal>) {
        let Some(asked) = self.asking.take().filter(|_| !self.is_dead()) else { return };
        match outcome {
            Ok(seq) => {
                let held = judges::answered(self, &asked, seq);
                self.must(held);
                self.is_aborted |= matches!(asked, Record::Abort(_));
                self.mark(persons::verb(&asked));
            }
            Err(_) => self.mark("a person is refused"),
        }
    }

    fn call(&self, attempt: &Attempt) -> String {
        format!("{:?} {}", attempt.doing, attempt.target)
    }

    fn start(&mut self, attempt: &Attempt) {
        if self.point("dies before a start") {
            return;
        }
        let held = judges::start(self, attempt);
        self.must(held);
        let fails = self.case.faults.actions && !self.is_calm;
        let ends = [End::Failed, End::Signalled, End::TimedOut, End::NotStarted];
        let end = if fails && self.dice.one_in(12) { self.dice.pick(&ends) } else { End::Succeeded };
        let lasts_ms = self.dice.between(1, 5) * STEP_MS;
        match attempt.doing {
            Doing::Undo => self.mark("undo"),
            Doing::Action => self.stir(attempt),
        }
        self.ledger.push(Started {
            attempt: attempt.clone(),
            ends_ms: self.now_ms + lasts_ms,
            end,
            is_orphan: false,
            is_lost: fails && self.dice.one_in(60),
            is_told: false,
            spawned_told: self.dice.one_in(2),
        });
        self.point("dies after a start");
    }
}
