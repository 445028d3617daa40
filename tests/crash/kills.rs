//! Drivers killed with -9 at random instants, one after the other, until their run is over; then a new run.

use crate::dice::Dice;
use crate::hold::hold;
use crate::ledger::{self, Key, Line, Word};
use crate::records::{self, Record, open_attempts, open_run};
use crate::rig::{Driver, LONG, PATIENCE, Rig, Shape, ticks};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

/// So many drivers are killed where `QUIETGATE_KILLS` does not say otherwise.
const KILLS: usize = 200;
/// So many chains of runs go side by side; in every other one the plan has probes.
const CHAINS: usize = 4;
/// With so many kills each sort of instant must have been hit.
const ENOUGH: usize = 100;
/// So often in a row a run may need a person although there are probes: something of another driver may still be running.
const MOST_TRIES: usize = 500;

/// So many runs are tried until one is killed while something is in flight: on a busy machine the blow may come late.
const MOST_RUNS: usize = 20;

/// What was hit, and how runs ended: how often each.
type Counts = BTreeMap<&'static str, usize>;

/// What must have been hit.
const SORTS: [&str; 10] = [
    "hit while opening",
    "hit between attempts",
    "hit after an intent, nothing begun",
    "hit after a start, no process on record",
    "hit while an action works",
    "hit after its end, no result on record",
    "hit while undoing",
    "run done",
    "run aborted",
    "run rolled back",
];

#[test]
fn killed_at_random_instants_nothing_is_done_twice_or_forgotten() {
    let kills = std::env::var("QUIETGATE_KILLS")
        .map_or(KILLS, |text| text.parse().expect("QUIETGATE_KILLS: a number"));
    let seed = crate::seed();
    let chains = CHAINS.min(kills.max(1));
    let counts = std::thread::scope(|scope| {
        let share = |n: usize| kills / chains + usize::from(n < kills % chains);
        let start = |n| scope.spawn(move || Chain::new(n, seed).work(share(n)));
        let chains: Vec<_> = (0..chains).map(start).collect();
        chains.into_iter().map(|chain| chain.join().expect("a chain that holds")).reduce(added)
    });
    let counts = counts.expect("a chain");
    println!("kill -9: seed={seed} {counts:?}");
    let hits: usize = counts.get("killed").copied().unwrap_or_default();
    assert_eq!(hits, kills);
    let missed: Vec<_> = SORTS.iter().filter(|sort| !counts.contains_key(*sort)).collect();
    assert!(kills < ENOUGH || missed.is_empty(), "never {missed:?}, so this proves nothing: {counts:?}");
}

#[test]
fn what_an_aborted_run_left_unknown_is_not_settled_in_the_next() {
    let mut chain = Chain::new(1, crate::seed());
    let left = chain.aborted_at_work();
    let mut driver = Driver::start(chain.rig.command(&[], &["run", "plan.yaml"]));
    let ended = driver.watch(Instant::now() + PATIENCE, || open_run(&records::read(&chain.rig)).is_some());
    assert_eq!(ended, None, "{}", chain.rig.said());
    assert_eq!(driver.kill().code(), None);
    chain.check();
    chain.settle();
    assert_eq!(chain.unsettled(), None);
    assert_eq!(open_attempts(&chain.records).into_keys().collect::<Vec<_>>(), left);
    for Key { step, target, .. } in &left {
        let said = chain.rig.run(&["resolve", step, target, "--ran", "--reason", "of the run before"]);
        let words = String::from_utf8_lossy(&said.stderr).into_owned();
        assert_eq!(said.status.code(), Some(2), "{words}");
        assert!(words.contains("no attempt of it is unknown"), "{words}");
    }
    let before = chain.records.len();
    chain.look();
    assert_eq!(chain.records.len(), before, "what was refused left something behind");
    chain.drive(false);
    chain.check();
    assert_eq!(chain.counts.get("run done"), Some(&1), "{:?}", chain.counts);
}

fn added(mut one: Counts, other: Counts) -> Counts {
    other.into_iter().for_each(|(sort, count)| *one.entry(sort).or_default() += count);
    one
}

/// What a person asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Abort,
    Rollback,
}

/// One of them is asked for in a run.
const WISHES: [Option<Wish>; 5] = [None, None, Some(Wish::Abort), Some(Wish::Rollback), Some(Wish::Rollback)];

/// Runs in one folder, one after the other.
struct Chain {
    rig: Rig,
    is_probed: bool,
    dice: Dice,
    counts: Counts,
    /// The journal, as it was read last.
    records: Vec<Record>,
    /// What a person is going to ask for in this run.
    wish: Option<Wish>,
    /// The runs whose abort was answered, and when.
    aborted: Vec<(String, u64)>,
    /// How often in a row a run needed a person.
    tries: usize,
}

impl Chain {
    fn new(n: usize, seed: u64) -> Self {
        let is_probed = n.is_multiple_of(2);
        let dice = Dice(seed.wrapping_mul(CHAINS as u64).wrapping_add(n as u64));
        let rig = Rig::new(Shape { is_probed, ..LONG });
        let (counts, records, aborted) = (Counts::new(), Vec::new(), Vec::new());
        Self { rig, is_probed, dice, counts, records, wish: None, aborted, tries: 0 }
    }

    /// Kills `kills` drivers, then lets the last run come to its end.
    fn work(mut self, kills: usize) -> Counts {
        while self.counts.get("killed").copied().unwrap_or_default() < kills {
            self.drive(true);
        }
        while self.run().is_some() {
            self.drive(false);
        }
        self.check();
        self.counts
    }

    /// Kills drivers at work and aborts their runs, until one of these is over and has attempts that nobody knows the end of:
    /// these.
    fn aborted_at_work(&mut self) -> Vec<Key> {
        for _ in 0..MOST_RUNS {
            let mut driver = Driver::start(self.rig.command(&[], &["run", "plan.yaml"]));
            let lines = ledger::read(self.rig.path()).len();
            let is_at_work = || ledger::read(self.rig.path()).len() > lines;
            let ended = driver.watch(Instant::now() + PATIENCE, is_at_work);
            assert_eq!(ended, None, "{}", self.rig.said());
            assert_eq!(driver.kill().code(), None);
            self.rig.wait_until_quiet();
            assert_eq!(self.rig.run(&["abort", "--reason", "a test"]).status.code(), Some(0));
            self.check();
            assert_eq!(self.run(), None, "nothing of it is in flight");
            let left: Vec<_> = open_attempts(&self.records).into_keys().collect();
            if !left.is_empty() {
                return left;
            }
        }
        panic!("{MOST_RUNS} times all was on record when the driver was killed");
    }

    fn run(&self) -> Option<String> {
        open_run(&self.records)
    }

    fn count(&mut self, sort: &'static str) {
        *self.counts.entry(sort).or_default() += 1;
    }

    /// Begins a run or goes on with one, kills its driver or lets it come to an end, and sees to what it left.
    fn drive(&mut self, kill: bool) {
        let run = self.run();
        let words = match &run {
            Some(run) => vec!["run", "--resume", run],
            None => {
                self.wish = WISHES[self.dice.below(WISHES.len())];
                vec!["run", "plan.yaml"]
            }
        };
        let mut driver = Driver::start(self.rig.command(&[], &words));
        if !kill {
            let ended = driver.end();
            return self.ended(ended, false);
        }
        let mut ended = self.wait(&mut driver);
        let is_asked = ended.is_none() && self.ask();
        if is_asked {
            ended = self.wait(&mut driver);
        }
        match ended {
            Some(status) => self.ended(status, is_asked),
            None => self.kill(driver),
        }
    }

    /// Waits for a random instant: after some time, after the ledger or the journal has grown; or for the end.
    fn wait(&mut self, driver: &mut Driver) -> Option<ExitStatus> {
        let begun = Instant::now();
        let (files, times, longest_us): (&[&str], usize, usize) = match self.dice.below(8) {
            0 => (&[], 0, 60_000),
            1 | 2 => (&[], 0, 1_000_000),
            3..=5 => (&["ledger"], 1 + self.dice.below(8), 60_000),
            _ => (&["state/journal.db-wal"], 1 + self.dice.below(20), 20_000),
        };
        for file in files {
            let path = self.rig.path().join(file);
            let mut grown = Growth::of(&path);
            let ended = driver.watch(begun + PATIENCE, || grown.times() >= times);
            if ended.is_some() {
                return ended;
            }
        }
        let more = Duration::from_micros(self.dice.below(longest_us) as u64);
        driver.watch(Instant::now() + more, || false)
    }

    /// Says what a person wants of this run, now or later; whether it was said.
    fn ask(&mut self) -> bool {
        let Some(wish) = self.wish.filter(|_| self.dice.below(2) == 0) else { return false };
        let verb = if wish == Wish::Abort { "abort" } else { "rollback" };
        let said = self.rig.run(&[verb, "--reason", "a test"]);
        match said.status.code() {
            Some(0) => {
                self.wish = None;
                let now = ticks();
                self.look();
                let run = self.records.iter().rfind(|record| record.kind == verb).expect("what was answered");
                if wish == Wish::Abort {
                    self.aborted.push((run.text("run").to_owned(), now));
                }
            }
            // there is no run yet; its driver is just starting or ending
            Some(2 | 6) => {}
            code => panic!("{verb} ended {code:?}: {}", String::from_utf8_lossy(&said.stderr)),
        }
        true
    }

    fn kill(&mut self, mut driver: Driver) {
        let status = driver.kill();
        if status.code().is_some() {
            // it was quicker
            return self.ended(status, true);
        }
        let lines = ledger::read(self.rig.path());
        let boots = |records: &[Record]| records.iter().filter(|record| record.kind == "boot").count();
        let before = boots(&self.records);
        self.look();
        self.count("killed");
        if boots(&self.records) == before {
            return self.count("hit while opening");
        }
        let has = |key: &Key, words: &[Word]| {
            lines.iter().any(|line| line.key == *key && words.contains(&line.word))
        };
        let mut sorts = BTreeSet::new();
        for (key, open) in open_attempts(&self.records).into_iter().filter(|(_, open)| !open.is_unknown) {
            let is_over = has(&key, &[Word::Ok, Word::Failed]);
            sorts.insert(match (has(&key, &[Word::Begin]), open.is_spawned) {
                _ if is_over => "hit after its end, no result on record",
                (false, false) => "hit after an intent, nothing begun",
                (true, false) => "hit after a start, no process on record",
                (_, true) => "hit while an action works",
            });
            if key.doing == "undo" {
                sorts.insert("hit while undoing");
            }
        }
        if sorts.is_empty() {
            sorts.insert("hit between attempts");
        }
        sorts.into_iter().for_each(|sort| self.count(sort));
        self.go_on();
    }

    /// After a kill: the next driver comes at once, or when all is quiet; where no probe can tell, by and by a person does.
    fn go_on(&mut self) {
        if self.dice.below(3) > 0 {
            return;
        }
        self.check();
        if !self.is_probed {
            self.settle();
        }
    }

    /// It ended by itself. `is_excused` where a person may have had the journal when it came.
    fn ended(&mut self, status: ExitStatus, is_excused: bool) {
        match status.code() {
            Some(0 | 1 | 4) => {
                self.tries = 0;
                self.check();
                assert_eq!(self.run(), None, "it ended {status}");
                let finish = self.records.iter().rfind(|record| record.kind == "finish").expect("a finish");
                let (code, sort) = match finish.text("decision") {
                    "done" => (0, "run done"),
                    "aborted" => (1, "run aborted"),
                    _ => (4, "run rolled back"),
                };
                assert_eq!(status.code(), Some(code));
                self.count(sort);
            }
            Some(3) => self.paused(),
            Some(6) if is_excused => self.check(),
            _ => panic!("it ended {status}: {}", self.rig.said()),
        }
    }

    fn paused(&mut self) {
        self.count("needed a person");
        self.tries += 1;
        assert!(self.tries < MOST_TRIES, "no probe is asked: {}", self.rig.said());
        self.check();
        self.settle();
    }

    /// Reads the journal, of which nothing may be gone or changed.
    fn look(&mut self) {
        let records = records::read(&self.rig);
        let before = records.get(..self.records.len()).expect("records are gone");
        assert!(before == self.records, "records have changed");
        self.records = records;
    }

    /// Holds everything, when all is quiet.
    fn check(&mut self) {
        self.rig.wait_until_quiet();
        self.look();
        let lines = ledger::read(self.rig.path());
        hold(&self.records, &lines);
        for (run, answered) in &self.aborted {
            let late = lines
                .iter()
                .find(|line| line.key.run == *run && line.word == Word::Begin && line.started > answered + 1);
            assert!(late.is_none(), "started after an answered abort at {answered}: {late:?}");
        }
    }

    /// Says what became of each attempt of the run that is not over and that has no end on record, by the truth of the ledger.
    /// An aborted run is over with the first of them, for nothing of it is in flight any more. What a run that is over has left
    /// unknown is nobody's to settle: `resolve` is about the run that is not over, whose steps and targets have the same names.
    fn settle(&mut self) {
        let lines = ledger::read(self.rig.path());
        while let Some(key) = self.unsettled() {
            let ran = lines.iter().any(|line| line.key == key && line.word == Word::Ok);
            let outcome = if ran { "--ran" } else { "--not-ran" };
            let said = self.rig.run(&["resolve", &key.step, &key.target, outcome, "--reason", "the ledger"]);
            let words = String::from_utf8_lossy(&said.stderr);
            assert_eq!(said.status.code(), Some(0), "resolve {key:?} {outcome}: {words}");
            self.count("settled by the ledger");
            self.look();
            assert!(!open_attempts(&self.records).contains_key(&key), "resolved, and open: {key:?}");
        }
    }

    /// The first attempt of the run that is not over and that has no end on record; where there are probes, the first that none
    /// of them can tell of.
    fn unsettled(&self) -> Option<Key> {
        let run = self.run()?;
        let lines = ledger::read(self.rig.path());
        let is_for_a_person = |key: &Key| !self.is_probed || is_undo_of_failed(key, &lines);
        open_attempts(&self.records).into_keys().find(|key| key.run == run && is_for_a_person(key))
    }
}

/// Whether `key` undoes what no attempt of the action has brought about: that it is not there tells nothing of the undo.
fn is_undo_of_failed(key: &Key, lines: &[Line]) -> bool {
    let is_its =
        |line: &Line| [&line.key.run, &line.key.step, &line.key.target] == [&key.run, &key.step, &key.target];
    let is_done = |line: &Line| line.word == Word::Ok && line.key.doing == "action" && is_its(line);
    key.doing == "undo" && !lines.iter().any(is_done)
}

/// How often a file was seen to have grown.
struct Growth<'a> {
    path: &'a Path,
    bytes: u64,
    times: usize,
}

impl<'a> Growth<'a> {
    fn of(path: &'a Path) -> Self {
        let mut growth = Self { path, bytes: 0, times: 0 };
        growth.times();
        growth.times = 0;
        growth
    }

    fn times(&mut self) -> usize {
        let bytes = fs::metadata(self.path).map_or(0, |file| file.len());
        self.times += usize::from(bytes > self.bytes);
        self.bytes = bytes;
        self.times
    }
}
