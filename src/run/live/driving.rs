//! The loop around one run: what sources say, how attempts end, what persons ask for, the passing of time. Between two of these the
//! driver does all there is to do.

use super::attempts::{Attempts, was_done};
use super::calls::Calls;
use super::captures::Captures;
use super::feed::Feed;
use super::hearing::{Hearing, Recording};
use super::keep::Kept;
use super::outside::Outside;
use super::pace::Pace;
use super::signals;
use super::{DriveError, Ended, Job, Tell};
use crate::actions::Cancel;
use crate::clock;
use crate::run::contradicted::GATE;
use crate::run::control::{Asked, Desk, Shown};
use crate::run::ledger::Ledger;
use crate::run::recording::{FORM, Line, Recorder};
use crate::run::sinks::Notes;
use crate::run::{Driver, LEFT_BEHIND, Refused, watch};
use crate::sources::{Contradicted, Opened};
use crate::steps::{Attempt, Mode, Record, Run, Said, State, Told, Waiting, Word};
use quietgate_detectors::Timestamp;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::Receiver;
use tokio::sync::oneshot;

/// The longest that nothing is looked at: windows open, patience ends and samples age without anybody saying so.
const LOOK_MS: i64 = 1000;

/// What a run needs of the process that drives it.
#[derive(Debug)]
pub(in crate::run) struct Seat<'a> {
    /// The journal.
    pub(in crate::run) ledger: Rc<Ledger>,
    /// Where it shows how it stands.
    pub(in crate::run) desk: Desk,
    /// What persons want of it.
    pub(in crate::run) asked: Receiver<Asked>,
    /// What was kept of its series.
    pub(in crate::run) kept: Kept,
    /// What sinks have to say, where the run tells it.
    pub(in crate::run) notes: &'a mut Notes,
    /// Ends what is in flight.
    pub(in crate::run) cancel: Cancel,
    /// Whether the process is to end.
    pub(in crate::run) stop: Stop,
    /// Told once the plan of the run is on record.
    pub(in crate::run) begun: Option<oneshot::Sender<()>>,
    /// Whether it has the process for itself: then a pause ends it, and it takes the journal over by itself.
    pub(in crate::run) is_alone: bool,
}

/// Whether a process is to end that drives runs: then nothing new starts.
#[derive(Debug, Clone)]
pub(in crate::run) struct Stop(Option<tokio::sync::watch::Receiver<bool>>);

impl Stop {
    /// As `wanted` says.
    pub(in crate::run) fn by(wanted: tokio::sync::watch::Receiver<bool>) -> Self {
        Self(Some(wanted))
    }

    /// Never.
    pub(super) fn never() -> Self {
        Self(None)
    }

    pub(in crate::run) fn is_wanted(&self) -> bool {
        self.0.as_ref().is_some_and(|wanted| *wanted.borrow())
    }

    /// Until that changes.
    pub(in crate::run) async fn changed(&mut self) {
        let changed = match &mut self.0 {
            Some(wanted) => wanted.changed().await.is_ok(),
            None => false,
        };
        if !changed {
            std::future::pending::<()>().await;
        }
    }
}

/// What the sources say of the signals of `job`, whose run is among those of `state`; they are opened with those that are `opened`.
///
/// # Errors
/// A source that cannot be opened.
pub(in crate::run) fn feed(job: &Job, state: &State, opened: &mut Opened) -> Result<Feed, DriveError> {
    let started = state.runs.get(&job.pinned.run).and_then(|run| run.starts.first()).map(|start| start.at);
    let folder = Path::new(&job.pinned.config_folder);
    let feed = Feed::of_plan(&job.config, (folder, opened), &job.file.plan, clock::now(), started);
    feed.map_err(DriveError::Source)
}

/// Drives `job` at `seat` to its end, or until a person is needed, by what `feed` says.
///
/// # Errors
/// Where the journal cannot be written, or something that is needed cannot be opened.
pub(in crate::run) async fn drive_at(
    job: Job,
    seat: Seat<'_>,
    feed: Feed,
    tell: &mut dyn Tell,
) -> Result<Ended, DriveError> {
    let mut live = Live::open(&job, seat, feed, tell)?;
    let ended = live.whole(job).await;
    live.outside.desk.show(&live.run, None);
    live.hearing.close().await;
    live.tell_notes();
    match ended {
        Err(Refused::Stopped(stopped)) => {
            live.outside.hear_no_more();
            Err(live.ended_in_silence(stopped.why).await)
        }
        Err(Refused::Illegal(illegal)) => Err(DriveError::Illegal(illegal)),
        Ok(ended) => Ok(ended),
    }
}

fn make_folder(path: &Path) -> Result<PathBuf, DriveError> {
    let failed = |error| DriveError::State(path.to_owned(), error);
    fs::create_dir_all(path).map_err(failed)?;
    fs::canonicalize(path).map_err(failed)
}

/// Begins to put down at `path` what sources say.
fn record(path: &Path, now: Timestamp, ledger: &Rc<Ledger>, run: &str) -> Result<Recording, DriveError> {
    let (at, seq, version) = (now.as_millis(), ledger.seq(), env!("CARGO_PKG_VERSION").to_owned());
    let line = Line::Driver { at, seq, form: FORM, version, run: run.to_owned() };
    let begun = Recorder::open(path).and_then(|mut recorder| recorder.write(&line).map(|()| recorder));
    let recorder = begun.map_err(|error| DriveError::State(path.to_owned(), error))?;
    Ok(Recording { recorder, ledger: Rc::clone(ledger) })
}

struct Live<'a> {
    run: String,
    hearing: Hearing,
    outside: Outside<'a>,
    captures: Captures,
    pace: Pace,
    stop: Stop,
    begun: Option<oneshot::Sender<()>>,
    /// Whether it has the process for itself.
    is_alone: bool,
    /// Whether the run is left paused for a person from the beginning.
    needs_person: bool,
}

impl<'a> Live<'a> {
    fn open(job: &Job, seat: Seat<'a>, feed: Feed, tell: &'a mut dyn Tell) -> Result<Self, DriveError> {
        let outputs = make_folder(&job.state.join("runs").join(&job.pinned.run))?;
        let Seat { ledger, desk, asked, kept, notes, cancel, stop, begun, is_alone } = seat;
        let (now, state, run) = (clock::now(), ledger.state(), job.pinned.run.clone());
        let (watched, scopes) = watch(&job.config, &job.file.plan, now).map_err(DriveError::Zone)?;
        let folder = Path::new(&job.pinned.config_folder);
        let captures = Captures::new(&job.config, &job.file.plan, folder, cancel.clone(), job.dry);
        let base = Path::new(&job.pinned.folder);
        let attempts = Attempts::new(Calls::new(&job.file), (&outputs, base), cancel, job.dry);
        let recording = job.record.as_deref().map(|path| record(path, now, &ledger, &run)).transpose()?;
        let driver = Driver::new(job.file.plan.clone(), watched, scopes, state, run.clone());
        let hearing = Hearing::new(driver, feed, kept, recording);
        let outside = Outside::new(ledger, attempts, (asked, desk), (notes, tell));
        let pace = Pace::new(Instant::now());
        Ok(Self { run, hearing, outside, captures, pace, stop, begun, is_alone, needs_person: false })
    }
}

impl Live<'_> {
    async fn whole(&mut self, job: Job) -> Result<Ended, Refused> {
        self.begin(job).await?;
        self.hearing.begin();
        self.tell_notes();
        loop {
            if self.stop.is_wanted() {
                if self.outside.attempts.under_way() == 0 && self.captures.under_way() == 0 {
                    return Ok(Ended::Left);
                }
                self.wait().await?;
                self.hearing.driver.listen(&mut self.outside).await?;
                continue;
            }
            if self.pace.until_due(Instant::now()).is_zero() {
                self.look().await?;
            }
            // what was begun of a capture is kept: it has its own limit
            let ended = self.hearing.driver.run().and_then(|run| self.ended(run));
            if let Some(ended) = ended.filter(|_| self.captures.under_way() == 0) {
                return Ok(ended);
            }
            self.wait().await?;
        }
    }

    /// Does all there is to do, and shows what is waited for.
    async fn look(&mut self) -> Result<(), Refused> {
        let (began, waited) = (Instant::now(), self.outside.waited);
        let waiting = self.hearing.driver.settle(&mut self.outside).await?;
        let at = self.hearing.driver.looked().as_millis();
        self.hearing.put_down(|seq| Line::Looked { at, seq });
        self.show(waiting);
        let waited = self.outside.waited.saturating_sub(waited);
        self.pace.looked(began.elapsed().saturating_sub(waited), Instant::now());
        Ok(())
    }

    /// Puts on record that the run begins, or goes on: then what was in flight is unknown, or settled by its probe.
    async fn begin(&mut self, job: Job) -> Result<(), Refused> {
        if self.is_alone {
            let version = env!("CARGO_PKG_VERSION");
            self.hearing.driver.take_over(&mut self.outside, version, &crate::actions::driver()).await?;
        }
        if !job.resumed {
            self.hearing.driver.write(&mut self.outside, Record::Plan(job.pinned.clone())).await?;
        }
        // from now on persons are answered
        self.show(Vec::new());
        self.outside.desk.open();
        // who began it may have gone
        self.begun.take().map(|begun| begun.send(()));
        let looks = crate::actions::end_looks(&self.hearing.driver.state().drivers);
        if !looks.is_empty() {
            self.outside
                .tell
                .note(&format!("ended what a capture of an earlier driver left: {}", looks.join(", ")));
        }
        let left = self.orphans();
        if !left.is_empty() {
            return self.left_behind(&left).await;
        }
        if !job.resumed {
            return Ok(());
        }
        self.probe().await?;
        let is_paused = |run: &&Run| run.paused.is_some() && self.is_alone;
        let Some(run) = self.hearing.driver.run().filter(is_paused) else { return Ok(()) };
        if unknown(run).is_empty() {
            let word = Word { who: job.who, reason: "--resume".to_owned() };
            self.hearing
                .driver
                .write(&mut self.outside, Record::Resume(Said { run: job.pinned.run, word }))
                .await?;
        } else {
            self.needs_person = true;
        }
        Ok(())
    }

    /// What an earlier driver started and is still running, but for what is surely of other runs.
    fn orphans(&self) -> Vec<String> {
        let state = self.hearing.driver.state();
        let others = state.open_runs().filter(|run| run.pinned.run != self.run);
        let flights = others.flat_map(|run| run.all().filter_map(|(.., work)| work.flight.as_ref()));
        let theirs: Vec<&str> = flights.filter_map(|flight| flight.process.as_deref()).collect();
        let left = crate::actions::orphans(&state.drivers).into_iter();
        let is_ours = |orphan: &crate::actions::Orphan| {
            let mark = format!("mark {}", orphan.mark);
            !theirs.iter().any(|process| process.split(", ").any(|part| part == mark))
        };
        left.filter(is_ours).map(|orphan| orphan.words).collect()
    }

    /// While something that an earlier driver started is still running, what a probe says now may not hold any more when
    /// it ends, and what is started once more would run beside it: the run waits for a person.
    async fn left_behind(&mut self, left: &[String]) -> Result<(), Refused> {
        let reason = format!("{LEFT_BEHIND}: {}", left.join(", "));
        self.outside.tell.note(&format!("{reason}; once that has ended, --resume goes on"));
        self.needs_person = true;
        let Some(run) =
            self.hearing.driver.run().filter(|run| run.paused.is_none() && run.mode != Mode::Aborting)
        else {
            return Ok(());
        };
        let word = Word { who: "plan".to_owned(), reason };
        let pause = Record::Pause(Said { run: run.pinned.run.clone(), word });
        self.hearing.driver.write(&mut self.outside, pause).await.map(drop)
    }

    /// Asks the probes about all attempts whose end nobody knows, as long as nobody wants something else.
    async fn probe(&mut self) -> Result<(), Refused> {
        let paused = self.hearing.driver.run().and_then(|run| run.paused.clone());
        for attempt in self.hearing.driver.run().map(unknown).unwrap_or_default() {
            let was_done = self.hearing.driver.run().is_some_and(|run| was_done(run, &attempt));
            let probing = self.outside.attempts.probe(&attempt, was_done);
            let said = tokio::select! {
                biased;
                Some(asked) = self.outside.asked.recv() => {
                    self.outside.keep(asked);
                    None
                }
                said = probing => said,
            };
            self.hearing.driver.listen(&mut self.outside).await?;
            let is_wanted = |run: &Run| run.paused == paused && run.mode != Mode::Aborting;
            let is_unknown = |run: &Run| unknown(run).contains(&attempt);
            let Some((ran, words)) = said.filter(|_| self.hearing.driver.run().is_some_and(is_unknown))
            else {
                if !self.hearing.driver.run().is_some_and(is_wanted) {
                    return Ok(());
                }
                continue;
            };
            let word = Word { who: "probe".to_owned(), reason: words };
            let Attempt { run, step, target, .. } = attempt;
            let told = Told { run, step, target, word };
            self.hearing.driver.write(&mut self.outside, Record::Resolve { told, ran }).await?;
        }
        Ok(())
    }

    /// Waits until something happens or time has passed, and takes it in.
    async fn wait(&mut self) -> Result<(), Refused> {
        let now = clock::now();
        let pause_ms = self.hearing.ask(now).clamp(1, LOOK_MS);
        self.hearing.sync(now).await;
        tokio::select! {
            biased;
            Some(asked) = self.outside.asked.recv() => {
                self.outside.keep(asked);
                self.pace.hurry();
            }
            record = self.outside.attempts.next() => {
                self.write(record).await?;
                // what ends at the same time is looked at together
                while let Some(record) = self.outside.attempts.ready().await {
                    self.write(record).await?;
                }
            }
            record = self.captures.next() => self.write(record).await?,
            words = self.outside.notes.next() => self.outside.tell.note(&words),
            () = self.stop.changed() => {}
            Some(mut fetched) = self.hearing.next() => {
                let (signal, contradicted) = (fetched.signal, std::mem::take(&mut fetched.contradicted));
                self.hearing.take(fetched);
                self.contradict(signal, &contradicted).await?;
                self.capture(signal).await?;
                let waits = !self.pace.until_due(Instant::now()).is_zero();
                if waits && self.hearing.driver.watch().is_stirred(signal) {
                    self.pace.anomalous(signal, self.hearing.driver.moving(signal, clock::now()));
                }
            }
            () = tokio::time::sleep(Duration::from_millis(pause_ms.unsigned_abs())) => {}
        }
        self.tell_notes();
        Ok(())
    }

    /// Puts on record what was not decided by a look, and is looked at at once.
    async fn write(&mut self, record: Record) -> Result<(), Refused> {
        self.pace.hurry();
        self.hearing.driver.write(&mut self.outside, record).await.map(drop)
    }

    /// Pauses the run where one of its gates opened by a sample that is told otherwise now: a person is to judge what follows from
    /// that. Where none did, the gates hold by the answer alone.
    async fn contradict(&mut self, signal: usize, contradicted: &[Contradicted]) -> Result<(), Refused> {
        if contradicted.is_empty() {
            return Ok(());
        }
        let Some(gates) = self.hearing.driver.gates_at(clock::now()) else { return Ok(()) };
        let Some(word) = gates.distrusted(signal, contradicted) else { return Ok(()) };
        let pause = Record::Pause(Said { run: gates.run.pinned.run.clone(), word });
        self.write(pause).await
    }

    /// Captures the scene where something of `signal` is anomalous now and was not before, as long as the run goes on here.
    async fn capture(&mut self, signal: usize) -> Result<(), Refused> {
        let run = self.hearing.driver.run().filter(|run| self.ended(run).is_none());
        let Some(run) = run.filter(|_| self.captures.looks_at(signal)) else { return Ok(()) };
        let now = clock::now();
        let anomalous = self.hearing.driver.anomalous(signal, now);
        let Some(capture) = self.captures.due(run, signal, &anomalous, now) else { return Ok(()) };
        self.write(Record::Capture(capture.clone())).await?;
        self.captures.start(signal, &capture);
        // they begin before anything else is looked at
        tokio::task::yield_now().await;
        Ok(())
    }

    fn show(&mut self, waiting: Vec<Waiting>) {
        let now = clock::now();
        let window = self.hearing.driver.window(&waiting, now);
        self.outside.tell.waiting(now, self.hearing.driver.state(), &waiting, window);
        self.outside.desk.show(&self.run, Some(Shown { at: now, waiting, window }));
    }

    fn tell_notes(&mut self) {
        self.hearing.notes().iter().for_each(|words| self.outside.tell.note(words));
    }

    /// Whether nothing more happens here. What a person has paused from elsewhere waits for them.
    fn ended(&self, run: &Run) -> Option<Ended> {
        if let Mode::Finished(ending) = run.mode {
            return Some(Ended::Over(ending));
        }
        let word = run.paused.as_ref().filter(|_| self.outside.attempts.under_way() == 0)?;
        let by_itself = ["plan", GATE].contains(&word.who.as_str());
        let here = word.reason == signals::PAUSED || self.needs_person;
        (self.is_alone && (by_itself || here)).then(|| Ended::Paused(word.clone()))
    }

    /// Waits for what is in flight when nothing can be put on record any more.
    async fn ended_in_silence(mut self, why: String) -> DriveError {
        let lost = self.outside.attempts.under_way();
        while self.outside.attempts.under_way() > 0 {
            let record = self.outside.attempts.next().await;
            if let Record::Result { attempt, reason, .. } | Record::Unknown { attempt, reason } = record {
                let words =
                    format!("{} on {}: {reason}; this is not on record", attempt.step, attempt.target);
                self.outside.tell.note(&words);
            }
        }
        DriveError::Journal { why, lost }
    }
}

/// The attempts whose end nobody knows.
fn unknown(run: &Run) -> Vec<Attempt> {
    let attempt = |(step, target, work): (usize, &str, &crate::steps::Work)| {
        let flight = work.flight.as_ref().filter(|flight| flight.unknown.is_some())?;
        Some(run.attempt(step, target, flight))
    };
    run.all().filter_map(attempt).collect()
}
