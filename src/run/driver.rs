//! Drives one run: puts on record what the machine decides, and starts what it allows.
//!
//! The order for every attempt is that of the design: abort and pause are looked at, the gate must proceed, the intent is
//! on disk, then abort, pause and gate are looked at once more, and only then the attempt starts. All of it happens in
//! one place and one thing after the other, live and in the simulation alike.

use super::gates::Gates;
use super::look::Look;
use super::scope::Scope;
use super::starts::{Felt, Mark, marks, recent};
use super::telling::series_name;
use super::young::young;
use crate::monitor::{Labels, Watch};
use crate::plan::Plan;
use crate::sabotage::{self, Sabotage};
use crate::steps::{
    Attempt, End, Flight, Illegal, Mode, Next, Record, Run, State, Waiting, next, still_allowed,
};
use crate::story::Window;
use quietgate_detectors::{BatchStart, Past, Reason, Sample, Timestamp};
use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

/// What a driver needs of the world.
pub trait World {
    /// The time.
    fn now(&self) -> Timestamp;

    /// Puts a record on disk for good that can follow `state`, takes it in there, and gives its number. After
    /// [`Refused::Stopped`] nothing more is put on record, and nothing starts: whether the record is there is unknown.
    fn write(
        &mut self,
        state: &mut Arc<State>,
        at: Timestamp,
        record: &Record,
    ) -> impl Future<Output = Result<u64, Refused>>;

    /// Takes into `state` what others have put on record since, where there are others.
    fn catch_up(&mut self, _state: &mut Arc<State>) {}

    /// What a person asks for; none where nobody asks. Looked at before anything is decided, and once more between an
    /// intent and its start, so that nothing starts after an abort that was heard.
    fn heard(&mut self) -> Option<Record>;

    /// What became of what was [heard](Self::heard) last: the number of its record, or why it cannot be.
    fn answer(&mut self, outcome: Result<u64, Illegal>);

    /// What is going to be run for `attempt`, values filled in, without secrets.
    fn call(&self, attempt: &Attempt) -> String;

    /// Starts `attempt`. How it goes is told later, by records.
    fn start(&mut self, attempt: &Attempt);
}

/// The journal cannot be written: the driver must end.
#[derive(Debug)]
pub struct Stopped {
    /// Why.
    pub why: String,
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the journal cannot be written: {}", self.why)
    }
}

impl std::error::Error for Stopped {}

/// Why a record was not taken.
#[derive(Debug)]
pub enum Refused {
    /// It cannot follow what is on record: nothing was written.
    Illegal(Illegal),
    /// It could not be written.
    Stopped(Stopped),
}

/// The driver of one run.
#[derive(Debug)]
pub struct Driver {
    plan: Plan,
    scopes: Vec<Scope>,
    watch: Watch,
    state: Arc<State>,
    run: String,
    /// The starts and ends of batches that the series were told of.
    told: BTreeSet<Mark>,
    /// Whether there may be more of them by now.
    is_behind: bool,
    /// When was looked at what comes next, the last time.
    looked: Timestamp,
    /// How all series stood then; none where anything was heard since.
    look: Option<Arc<Look>>,
}

impl Driver {
    /// The driver of the run `run` of `state`, whose plan is `plan`. `scopes` says what the labels of each signal of
    /// `watch` stand for.
    pub fn new(
        plan: Plan,
        watch: Watch,
        scopes: Vec<Scope>,
        state: impl Into<Arc<State>>,
        run: String,
    ) -> Self {
        let (state, looked) = (state.into(), Timestamp::from_millis(0));
        Self { plan, scopes, watch, state, run, told: BTreeSet::new(), is_behind: true, looked, look: None }
    }

    /// The run, as its records leave it; none before its plan is on record.
    pub fn run(&self) -> Option<&Run> {
        self.state.runs.get(&self.run).map(Arc::as_ref)
    }

    /// Everything on record, as it is now.
    pub fn state(&self) -> &Arc<State> {
        &self.state
    }

    /// New samples of one series of `signal`.
    pub fn observe(&mut self, signal: usize, labels: &Labels, samples: &[Sample]) {
        self.observe_heard(signal, labels, samples, |_, _| {});
    }

    /// The same; what becomes of each cell is given to `heard`: see [`Watch::observe_heard`].
    pub fn observe_heard(
        &mut self,
        signal: usize,
        labels: &Labels,
        samples: &[Sample],
        heard: impl FnMut(Timestamp, Result<f64, Reason>),
    ) {
        self.expect_starts(signal, labels);
        self.look = None;
        self.watch.observe_heard(signal, labels, samples, heard);
    }

    /// Samples of one series of `signal` that are remembered from before: what it was does not mean that it must be there.
    pub fn remember(&mut self, signal: usize, labels: &Labels, samples: &[Sample]) {
        self.expect_starts(signal, labels);
        self.look = None;
        self.watch.remember(signal, labels, samples);
    }

    /// The watch over all series, for those that are judged together: see [`Watch::judge_together`].
    pub fn watch(&mut self) -> &mut Watch {
        self.look = None;
        &mut self.watch
    }

    /// A series of `signal` that is judged together with others has this number: see [`Watch::know_together`].
    pub fn know_together(&mut self, signal: usize, number: u32, labels: &Labels, remembered: bool) {
        self.tell_starts();
        self.look = None;
        // whatever was told of it before is not known by that number
        self.watch.know_together(signal, number, labels, remembered);
        let felt = self.felt(signal, labels);
        self.watch.expect_starts(signal, labels, felt.into_iter());
    }

    /// Judges samples of series of `signal` by their numbers: see [`Watch::observe_together`].
    pub fn observe_together(
        &mut self,
        signal: usize,
        samples: impl IntoIterator<Item = (u32, Sample)>,
        past: &mut impl Past,
        heard: impl FnMut(u32, i64, Result<f64, Reason>),
    ) {
        self.tell_starts();
        self.look = None;
        self.watch.observe_together(signal, samples, past, heard);
    }

    /// The same of samples that are remembered: see [`Watch::remember_together`].
    pub fn remember_together(
        &mut self,
        signal: usize,
        samples: impl IntoIterator<Item = (u32, Sample)>,
        past: &mut impl Past,
    ) {
        self.tell_starts();
        self.look = None;
        self.watch.remember_together(signal, samples, past);
    }

    /// Tells a series that is new of the batches that have started.
    fn expect_starts(&mut self, signal: usize, labels: &Labels) {
        // what was started is told before what came after it is judged, and not what was withdrawn at once
        self.tell_starts();
        if self.watch.is_new(signal, labels) {
            let felt = self.felt(signal, labels);
            self.watch.expect_starts(signal, labels, felt.into_iter());
        }
    }

    /// The batches that have started of late, as a series feels them.
    fn felt(&self, signal: usize, labels: &Labels) -> Vec<BatchStart> {
        let (run, scope) = (self.state.runs.get(&self.run), self.scope(signal));
        let Some((run, (name, scope))) = run.zip(scope) else { return Vec::new() };
        let about = scope.about(labels);
        let felt = |mark: &Mark| Felt::new(&self.plan, run, *mark).by(name, &about);
        recent(&self.told).filter_map(felt).collect()
    }

    /// The source of `signal` does not show this series any more.
    pub fn end(&mut self, signal: usize, labels: &Labels) {
        self.look = None;
        self.watch.end(signal, labels);
    }

    /// The source of `signal` can say nothing from `now` on, or everything again.
    pub fn trouble(&mut self, signal: usize, trouble: Option<Reason>, now: Timestamp) {
        self.look = None;
        self.watch.trouble(signal, trouble, now);
    }

    /// The first whole answer of `signal` has come.
    pub fn begin(&mut self, signal: usize) {
        self.look = None;
        self.watch.begin(signal);
    }

    /// Tells the series of batches that have started or ended since.
    fn tell_starts(&mut self) {
        let Some(run) = self.state.runs.get(&self.run).filter(|_| self.is_behind) else { return };
        self.is_behind = false;
        let new: BTreeSet<Mark> = marks(run).filter(|mark| !self.told.contains(mark)).collect();
        if new.is_empty() {
            return;
        }
        self.look = None;
        let names = self.signals();
        for mark in &new {
            let felt = Felt::new(&self.plan, run, *mark);
            self.watch.batch_starts(|signal, labels| {
                felt.by(names.get(signal)?, &self.scopes.get(signal)?.about(labels))
            });
        }
        self.told.extend(new);
    }

    /// Of which series of `signal` too little is known at `now` to judge the start of a batch: see [`young`].
    pub fn young(&self, signal: usize, now: Timestamp) -> Vec<String> {
        young(&self.watch, signal, now)
    }

    /// The names of the signals, in the order in which they are numbered.
    pub fn signals(&self) -> Vec<String> {
        self.watch.signals().map(|signal| signal.name.clone()).collect()
    }

    /// The required series of `signal` that are anomalous at `now`, by name, and since when.
    pub fn anomalous(&self, signal: usize, now: Timestamp) -> Vec<(String, Timestamp)> {
        let name = self.watch.signals().nth(signal).map_or("?", |signal| signal.name.as_str());
        let anomalous = self.moving(signal, now);
        anomalous.map(|(labels, since)| (series_name(name, labels), since)).collect()
    }

    /// The same by their labels.
    pub(super) fn moving(&self, signal: usize, now: Timestamp) -> impl Iterator<Item = (&Labels, Timestamp)> {
        self.watch.anomalous(signal, now)
    }

    /// The name of a signal, and what its labels stand for.
    fn scope(&self, signal: usize) -> Option<(&str, &Scope)> {
        Some((self.watch.signals().nth(signal)?.name.as_str(), self.scopes.get(signal)?))
    }

    /// Puts a record on disk and takes it in. What cannot follow what is on record is refused before.
    ///
    /// # Errors
    /// Where the record is refused or cannot be written.
    pub async fn write(&mut self, world: &mut impl World, record: Record) -> Result<u64, Refused> {
        let at = world.now();
        self.write_at(world, at, record).await
    }

    /// The same for what was decided at `at`: the time of a decision is that at which was looked, so that it can be made
    /// again from what was known then.
    async fn write_at(
        &mut self,
        world: &mut impl World,
        at: Timestamp,
        record: Record,
    ) -> Result<u64, Refused> {
        let seq = write(world, &mut self.state, at, &record).await?;
        self.is_behind = true;
        Ok(seq)
    }

    /// Takes in what persons ask for. What cannot be now is refused, and they are told so.
    ///
    /// # Errors
    /// Where a record cannot be written: then nobody is told that it was.
    pub async fn listen(&mut self, world: &mut impl World) -> Result<(), Refused> {
        while let Some(record) = world.heard() {
            if sabotage::is(Sabotage::AnswerBeforeRecord) {
                world.answer(Ok(0));
            }
            match self.write(world, record).await {
                Ok(seq) => world.answer(Ok(seq)),
                Err(Refused::Illegal(illegal)) => world.answer(Err(illegal)),
                Err(stopped) => return Err(stopped),
            }
        }
        Ok(())
    }

    /// A driver took over, whose processes are marked with `driver`: whatever was in flight is unknown from here on.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub async fn take_over(
        &mut self,
        world: &mut impl World,
        version: &str,
        driver: &str,
    ) -> Result<(), Refused> {
        for record in taken_over(&self.state, version, driver) {
            self.write(world, record).await?;
        }
        Ok(())
    }

    /// Does all there is to do now, and says what the run waits for; nothing where it is over.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub async fn settle(&mut self, world: &mut impl World) -> Result<Vec<Waiting>, Refused> {
        loop {
            world.catch_up(&mut self.state);
            self.listen(world).await?;
            let Some(run) = self.run().filter(|run| !matches!(run.mode, Mode::Finished(_))) else {
                return Ok(Vec::new());
            };
            let now = world.now();
            let gates = self.gates(run, now);
            let next = next(run, self.state.frozen.as_ref(), &gates);
            self.look = gates.into_look();
            self.looked = now;
            match next {
                Next::Write(record) => drop(self.write_at(world, now, record).await?),
                Next::Start(attempt) => self.start(world, now, attempt).await?,
                Next::Wait(waiting) => return Ok(waiting),
            }
        }
    }

    /// When was looked at what comes next, the last time: 0 where it never was.
    pub fn looked(&self) -> Timestamp {
        self.looked
    }

    async fn start(
        &mut self,
        world: &mut impl World,
        now: Timestamp,
        attempt: Attempt,
    ) -> Result<(), Refused> {
        let call = world.call(&attempt);
        if sabotage::is(Sabotage::RecordAfterRun) {
            world.start(&attempt);
        }
        self.write_at(world, now, Record::Intent { attempt: attempt.clone(), call }).await?;
        self.listen(world).await?;
        let Some(run) = self.run() else { return Ok(()) };
        let now = world.now();
        let gates = self.gates(run, now);
        match still_allowed(run, self.state.frozen.as_ref(), &attempt, &gates) {
            Ok(()) => world.start(&attempt),
            Err(_) if sabotage::is(Sabotage::NoRecheck) => world.start(&attempt),
            Err(reason) => drop(self.write_at(world, now, Record::Withdrawn { attempt, reason }).await?),
        }
        self.tell_starts();
        Ok(())
    }

    /// How far the clean window is at `now` that the first of the gates needs which are waited for; none where none is.
    pub fn window(&self, waiting: &[Waiting], now: Timestamp) -> Option<Window> {
        let run = self.run()?;
        waiting.iter().find_map(|waiting| match waiting {
            Waiting::Gate(batch, side, _) => self.gates(run, now).window(*batch, *side),
            _ => None,
        })
    }

    /// The gates of its run at `now`; none before its plan is on record.
    pub fn gates_at(&self, now: Timestamp) -> Option<Gates<'_>> {
        Some(self.gates(self.run()?, now))
    }

    fn gates<'a>(&'a self, run: &'a Run, now: Timestamp) -> Gates<'a> {
        let others = self.state.open_runs().filter(|other| other.pinned.run != self.run);
        Gates::new(&self.plan, run, &self.watch, &self.scopes, now).by(self.look.as_ref()).beside(others)
    }
}

async fn write(
    world: &mut impl World,
    state: &mut Arc<State>,
    at: Timestamp,
    record: &Record,
) -> Result<u64, Refused> {
    if sabotage::is(Sabotage::AbortInMemory) && matches!(record, Record::Abort(_)) {
        *state = followed(state, at, record)?;
        return Ok(0);
    }
    match world.write(state, at, record).await {
        Err(Refused::Stopped(_)) if sabotage::is(Sabotage::ContinueAfterError) => {
            *state = followed(state, at, record)?;
            Ok(0)
        }
        written => written,
    }
}

/// What `state` is once `record` has followed it.
///
/// # Errors
/// It cannot.
pub fn followed(state: &State, at: Timestamp, record: &Record) -> Result<Arc<State>, Refused> {
    let mut after = state.clone();
    after.apply(0, at, record).map_err(Refused::Illegal)?;
    Ok(Arc::new(after))
}

/// What is put on record of an attempt whose driver ended before it did.
fn lost(attempt: Attempt) -> Record {
    let reason = "the driver ended before it was known how it went".to_owned();
    if sabotage::is(Sabotage::RerunStarted) {
        return Record::Withdrawn { attempt, reason };
    }
    if sabotage::is(Sabotage::SkipStarted) {
        return Record::Result { attempt, end: End::Succeeded, reason, output: None };
    }
    Record::Unknown { attempt, reason }
}

/// What a driver that takes over puts on record first: itself, and that nobody knows how what was in flight ended.
pub(super) fn taken_over(state: &State, version: &str, driver: &str) -> Vec<Record> {
    let unknown =
        |(run, step, target, flight): (&Run, usize, &str, &Flight)| lost(run.attempt(step, target, flight));
    let flights = state.open_runs().flat_map(|run| {
        let work = run.all().filter_map(|(step, target, work)| Some((step, target, work.flight.as_ref()?)));
        work.filter(|(_, _, flight)| flight.unknown.is_none())
            .map(move |(step, target, flight)| (run, step, target, flight))
    });
    let boot = Record::Boot { version: version.to_owned(), driver: driver.to_owned() };
    let captures = state.runs.values().flat_map(|run| run.scenes.lost());
    std::iter::once(boot).chain(flights.map(unknown)).chain(captures).collect()
}
