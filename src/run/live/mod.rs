//! One plan, driven on this machine until it is over or needs a person.
//!
//! Everything happens in one loop: what sources say, how attempts end, what persons ask for, the passing of time. Between two of
//! these the driver does all there is to do.

mod attempts;
mod calls;
mod captures;
mod error;
mod feed;
mod keep;
mod outside;
mod pace;
mod signals;
mod sinks;
mod together;

use super::contradicted::GATE;
use super::control::{self, Answer, Ends, Shown, serve};
use super::recording::{FORM, Line, Recorder, SaidSeries};
use super::{Driver, LEFT_BEHIND, Refused, watch};
use crate::clock;
use crate::config::Config;
use crate::config::plan::PlanFile;
use crate::journal::{Entry, Journal};
use crate::sources::{Contradicted, SeriesSamples};
use crate::steps::{Attempt, Ending, Mode, Pinned, Record, Run, Said, State, Told, Waiting, Word};
use crate::story::{self, Waits, Window};
use crate::text;
use attempts::{Attempts, was_done};
use calls::Calls;
use captures::Captures;
pub use error::DriveError;
use feed::{Feed, Fetched};
use keep::Kept;
use outside::Outside;
use pace::Pace;
use quietgate_detectors::{Reason, Timestamp};
use serde_json::json;
pub use sinks::Past;
use sinks::Sinks;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The longest that nothing is looked at: windows open, patience ends and samples age without anybody saying so.
const LOOK_MS: i64 = 1000;

/// The longest that a driver which has ended waits for those who watch to take the last records.
const TELLING: Duration = Duration::from_secs(1);

/// A run that is to be driven.
#[derive(Debug)]
pub struct Job {
    /// What it does.
    pub file: PlanFile,
    /// Where samples come from, and how they are judged.
    pub config: Config,
    /// What it is pinned with.
    pub pinned: Pinned,
    /// Whether it is on record already and goes on.
    pub resumed: bool,
    /// The folder of the state.
    pub state: PathBuf,
    /// Who drives it.
    pub who: String,
    /// Whether actions are left out.
    pub dry: bool,
    /// Where what sources say is put down, so that every decision can be made once more.
    pub record: Option<PathBuf>,
    /// What is on record already, for sinks; none where they are told nothing.
    pub past: Option<Past>,
}

/// Who is told how a run goes.
pub trait Tell {
    /// A record was written.
    fn record(&mut self, entry: &Entry, record: &Record);

    /// All there was to do is done, and this is what the run waits for.
    /// `window` is that of the gate that is waited for, where one is.
    fn waiting(&mut self, now: Timestamp, state: &State, waiting: &[Waiting], window: Option<Window>);

    /// Something that is not on record: a source in trouble, a wish that was not granted.
    fn note(&mut self, words: &str);
}

/// How driving a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The run is over.
    Over(Ending),
    /// It is paused, and a person is needed.
    Paused(Word),
}

/// Drives `job` to its end, or until a person is needed. `state` is what `journal` tells so far.
///
/// # Errors
/// Where the journal cannot be written, or something that is needed cannot be opened.
pub async fn drive(
    mut job: Job,
    journal: Journal,
    state: State,
    tell: &mut dyn Tell,
) -> Result<Ended, DriveError> {
    let outputs = make_folder(&job.state.join("runs").join(&job.pinned.run))?;
    let now = clock::now();
    let (watched, scopes) = watch(&job.config, &job.file.plan, now).map_err(DriveError::Zone)?;
    let run = state.runs.get(&job.pinned.run);
    let started = run.and_then(|run| run.starts.first()).map(|start| start.at);
    let feed = Feed::open(&job.config, Path::new(&job.pinned.config_folder), &job.file.plan, now, started)
        .map_err(DriveError::Source)?;
    let state_kept = if job.dry { None } else { Some(job.state.as_path()) };
    let kept = match state_kept {
        Some(state) => {
            Kept::open(&job.config, &job.file.plan, state, job.resumed, &mut |note| tell.note(note))?
        }
        None => Kept::default(),
    };
    let (Ends { asked, ask, shown, news }, answering) =
        serve(&job.state).map_err(|error| DriveError::State(job.state.clone(), error))?;
    let attempts = Attempts::new(Calls::new(&job.file), &outputs, Path::new(&job.pinned.folder), job.dry);
    let cancel = attempts.canceller();
    let folder = Path::new(&job.pinned.config_folder);
    let captures = Captures::new(&job.config, &job.file.plan, folder, attempts.cancel(), job.dry);
    let sinks = job.past.take().map(|past| Sinks::open(&job.config, folder, &job.state, past));
    let sinks = sinks.transpose().map_err(DriveError::Sink)?.unwrap_or_default();
    let outside = Outside::new(journal, attempts, asked, news, (sinks, tell));
    let recorder = job.record.as_deref().map(|path| record(path, now, &outside.journal, &job.pinned.run));
    let recorder = recorder.transpose()?;
    let driver = Driver::new(job.file.plan.clone(), watched, scopes, state, job.pinned.run.clone());
    let seen = shown.subscribe();
    let pace = Pace::new(Instant::now());
    let mut live = Live { driver, outside, feed, captures, kept, shown, needs_person: false, recorder, pace };
    tokio::pin!(answering);
    let (run, who, state_folder) = (job.pinned.run.clone(), job.who.clone(), job.state.clone());
    let ended = tokio::select! {
        ended = live.whole(job) => ended,
        () = &mut answering => unreachable!("who listens goes on"),
        () = signals::hear(run, who, ask, seen, cancel) => unreachable!("signals are listened to as long as there is a run"),
    };
    // the last record is for those who watch as well
    tokio::select! {
        () = &mut answering => unreachable!("who listens goes on"),
        () = live.outside.all_told() => {}
        () = tokio::time::sleep(TELLING) => {}
    }
    control::remove(&state_folder);
    live.outside.sinks.dismiss().await.iter().for_each(|words| live.outside.tell.note(words));
    live.kept.close(clock::now()).await.iter().for_each(|words| live.outside.tell.note(words));
    match ended {
        Err(Refused::Stopped(stopped)) => Err(live.ended_in_silence(stopped.why).await),
        Err(Refused::Illegal(illegal)) => Err(DriveError::Illegal(illegal)),
        // everything is durable already: what the end brings in order, the next opening does as well
        Ok(ended) => {
            drop(live.outside.journal.close().await);
            Ok(ended)
        }
    }
}

fn make_folder(path: &Path) -> Result<PathBuf, DriveError> {
    let failed = |error| DriveError::State(path.to_owned(), error);
    fs::create_dir_all(path).map_err(failed)?;
    fs::canonicalize(path).map_err(failed)
}

/// Begins to put down at `path` what sources say.
fn record(path: &Path, now: Timestamp, journal: &Journal, run: &str) -> Result<Recorder, DriveError> {
    let (at, seq, version) = (now.as_millis(), journal.tip().seq, env!("CARGO_PKG_VERSION").to_owned());
    let line = Line::Driver { at, seq, form: FORM, version, run: run.to_owned() };
    let begun = Recorder::open(path).and_then(|mut recorder| recorder.write(&line).map(|()| recorder));
    begun.map_err(|error| DriveError::State(path.to_owned(), error))
}

struct Live<'a> {
    driver: Driver,
    outside: Outside<'a>,
    feed: Feed,
    kept: Kept,
    captures: Captures,
    shown: tokio::sync::watch::Sender<Option<Shown>>,
    /// Whether the run is left paused for a person from the beginning.
    needs_person: bool,
    recorder: Option<Recorder>,
    pace: Pace,
}

impl Live<'_> {
    async fn whole(&mut self, job: Job) -> Result<Ended, Refused> {
        self.begin(job).await?;
        self.judge_together();
        self.remember();
        loop {
            if self.pace.until_due(Instant::now()).is_zero() {
                self.look().await?;
            }
            // what was begun of a capture is kept: it has its own limit
            let ended = self.driver.run().and_then(|run| self.ended(run));
            if let Some(ended) = ended.filter(|_| self.captures.under_way() == 0) {
                return Ok(ended);
            }
            self.wait().await?;
        }
    }

    /// Does all there is to do, and shows what is waited for.
    async fn look(&mut self) -> Result<(), Refused> {
        let (began, waited) = (Instant::now(), self.outside.waited);
        let waiting = self.driver.settle(&mut self.outside).await?;
        let at = self.driver.looked().as_millis();
        self.put_down(|seq| Line::Looked { at, seq });
        self.show(waiting);
        let waited = self.outside.waited.saturating_sub(waited);
        self.pace.looked(began.elapsed().saturating_sub(waited), Instant::now());
        Ok(())
    }

    /// Puts on record that the run begins, or goes on: then what was in flight is unknown, or settled by its probe.
    async fn begin(&mut self, job: Job) -> Result<(), Refused> {
        let version = env!("CARGO_PKG_VERSION");
        self.driver.take_over(&mut self.outside, version, &crate::actions::driver()).await?;
        if !job.resumed {
            self.driver.write(&mut self.outside, Record::Plan(job.pinned.clone())).await?;
        }
        // from now on persons are answered
        self.show(Vec::new());
        let looks = crate::actions::end_looks(&self.driver.state().drivers);
        if !looks.is_empty() {
            self.outside
                .tell
                .note(&format!("ended what a capture of an earlier driver left: {}", looks.join(", ")));
        }
        let left = crate::actions::orphans(&self.driver.state().drivers);
        if !left.is_empty() {
            return self.left_behind(&left).await;
        }
        if !job.resumed {
            return Ok(());
        }
        self.probe().await?;
        let Some(run) = self.driver.run().filter(|run| run.paused.is_some()) else { return Ok(()) };
        if unknown(run).is_empty() {
            let word = Word { who: job.who, reason: "--resume".to_owned() };
            self.driver.write(&mut self.outside, Record::Resume(Said { run: job.pinned.run, word })).await?;
        } else {
            self.needs_person = true;
        }
        Ok(())
    }

    /// While something that an earlier driver started is still running, what a probe says now may not hold any more when
    /// it ends, and what is started once more would run beside it: the run waits for a person.
    async fn left_behind(&mut self, left: &[String]) -> Result<(), Refused> {
        let reason = format!("{LEFT_BEHIND}: {}", left.join(", "));
        self.outside.tell.note(&format!("{reason}; once that has ended, --resume goes on"));
        self.needs_person = true;
        let Some(run) = self.driver.run().filter(|run| run.paused.is_none() && run.mode != Mode::Aborting)
        else {
            return Ok(());
        };
        let word = Word { who: "plan".to_owned(), reason };
        let pause = Record::Pause(Said { run: run.pinned.run.clone(), word });
        self.driver.write(&mut self.outside, pause).await.map(drop)
    }

    /// Asks the probes about all attempts whose end nobody knows, as long as nobody wants something else.
    async fn probe(&mut self) -> Result<(), Refused> {
        let paused = self.driver.run().and_then(|run| run.paused.clone());
        for attempt in self.driver.run().map(unknown).unwrap_or_default() {
            let was_done = self.driver.run().is_some_and(|run| was_done(run, &attempt));
            let probing = self.outside.attempts.probe(&attempt, was_done);
            let said = tokio::select! {
                biased;
                Some(asked) = self.outside.asked.recv() => {
                    self.outside.keep(asked);
                    None
                }
                said = probing => said,
            };
            self.driver.listen(&mut self.outside).await?;
            let is_wanted = |run: &Run| run.paused == paused && run.mode != Mode::Aborting;
            let is_unknown = |run: &Run| unknown(run).contains(&attempt);
            let Some((ran, words)) = said.filter(|_| self.driver.run().is_some_and(is_unknown)) else {
                if !self.driver.run().is_some_and(is_wanted) {
                    return Ok(());
                }
                continue;
            };
            let word = Word { who: "probe".to_owned(), reason: words };
            let Attempt { run, step, target, .. } = attempt;
            let told = Told { run, step, target, word };
            self.driver.write(&mut self.outside, Record::Resolve { told, ran }).await?;
        }
        Ok(())
    }

    /// Waits until something happens or time has passed, and takes it in.
    async fn wait(&mut self) -> Result<(), Refused> {
        let now = clock::now();
        let pause_ms = self.feed.ask(now).clamp(1, LOOK_MS);
        if let Some(words) = self.kept.sync(now).await {
            self.outside.tell.note(&words);
        }
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
            words = self.outside.sinks.note() => self.outside.tell.note(&words),
            Some(mut fetched) = self.feed.next() => {
                let (signal, contradicted) = (fetched.signal, std::mem::take(&mut fetched.contradicted));
                self.take(fetched);
                self.contradict(signal, &contradicted).await?;
                self.capture(signal).await?;
                let waits = !self.pace.until_due(Instant::now()).is_zero();
                if waits && self.driver.watch().is_stirred(signal) {
                    self.pace.anomalous(signal, self.driver.moving(signal, clock::now()));
                }
            }
            () = tokio::time::sleep(Duration::from_millis(pause_ms.unsigned_abs())) => {}
        }
        Ok(())
    }

    /// Puts on record what was not decided by a look, and is looked at at once.
    async fn write(&mut self, record: Record) -> Result<(), Refused> {
        self.pace.hurry();
        self.driver.write(&mut self.outside, record).await.map(drop)
    }

    /// Pauses the run where one of its gates opened by a sample that is told otherwise now: a person is to judge what follows from
    /// that. Where none did, the gates hold by the answer alone.
    async fn contradict(&mut self, signal: usize, contradicted: &[Contradicted]) -> Result<(), Refused> {
        if contradicted.is_empty() {
            return Ok(());
        }
        let Some(gates) = self.driver.gates_at(clock::now()) else { return Ok(()) };
        let Some(word) = gates.distrusted(signal, contradicted) else { return Ok(()) };
        let pause = Record::Pause(Said { run: gates.run.pinned.run.clone(), word });
        self.write(pause).await
    }

    /// Captures the scene where something of `signal` is anomalous now and was not before, as long as the run goes on here.
    async fn capture(&mut self, signal: usize) -> Result<(), Refused> {
        let run = self.driver.run().filter(|run| self.ended(run).is_none());
        let Some(run) = run.filter(|_| self.captures.looks_at(signal)) else { return Ok(()) };
        let now = clock::now();
        let anomalous = self.driver.anomalous(signal, now);
        let Some(capture) = self.captures.due(run, signal, &anomalous, now) else { return Ok(()) };
        self.write(Record::Capture(capture.clone())).await?;
        self.captures.start(signal, &capture);
        // they begin before anything else is looked at
        tokio::task::yield_now().await;
        Ok(())
    }

    /// Puts down a line, where that is wanted. A file that cannot be written is no reason to leave a run alone.
    fn put_down(&mut self, line: impl FnOnce(u64) -> Line) {
        let Some(recorder) = &mut self.recorder else { return };
        if let Err(error) = recorder.write(&line(self.outside.journal.tip().seq)) {
            self.not_recorded(&error);
        }
    }

    /// Tells the monitors of all signals what was kept of their series; those of which a source may know what was before that
    /// wait for it.
    fn remember(&mut self) {
        let now = clock::now();
        for (signal, name) in self.driver.signals().into_iter().enumerate() {
            let Some(from) = self.feed.from(signal) else { continue };
            let room = self.kept.room(signal, now);
            match self.kept.oldest(signal, from, now) {
                Some(oldest) if self.feed.asks_older(signal, oldest, room) => {}
                _ => self.fill(signal, &name, now),
            }
        }
    }

    /// Tells the monitors of a signal what was kept of its series.
    fn fill(&mut self, signal: usize, name: &str, now: Timestamp) {
        let Some(from) = self.feed.from(signal) else { return };
        if self.is_together(signal) {
            return self.resume_together(signal, from, now);
        }
        let (driver, recorder) = (&mut self.driver, &mut self.recorder);
        let (told, seq) = (self.feed.tells_past(signal), self.outside.journal.tip().seq);
        let mut failed = None;
        let filled = self.kept.fill(signal, (from, now), |labels, samples| {
            if let Some(out) = recorder {
                let (at, signal) = (now.as_millis(), name.to_owned());
                let series = vec![SaidSeries::of(labels, samples)];
                failed = failed.take().or(out.write(&Line::Kept { at, seq, signal, told, series }).err());
            }
            // until the source has said something there is not all that there is
            driver.trouble(signal, Some(Reason::Partial), now);
            if told {
                driver.observe(signal, labels, samples);
            } else {
                driver.remember(signal, labels, samples);
            }
        });
        if let Some(error) = failed {
            self.not_recorded(&error);
        }
        let Some((filled, notes)) = filled else { return };
        self.feed.know(signal, filled.newest);
        notes.iter().for_each(|words| self.outside.tell.note(words));
    }

    fn not_recorded(&mut self, error: &io::Error) {
        self.recorder = None;
        self.outside.tell.note(&format!("what sources say is not recorded any more: {error}"));
    }

    /// What a source said of a signal.
    fn take(&mut self, fetched: Fetched) {
        let Fetched { signal, name, mut answer, fills, is_news, is_older, late, .. } = fetched;
        late.iter().for_each(|words| self.outside.tell.note(words));
        let is_older_whole = is_older && answer.as_ref().is_ok_and(|answer| answer.complete);
        if let Ok(answer) = &mut answer {
            // there is more to come
            answer.complete &= !is_older;
        }
        let now = clock::now();
        self.put_down(|seq| Line::heard(now, seq, &name, &answer));
        match answer {
            Ok(answer) => {
                self.driver.trouble(signal, (!answer.complete).then_some(Reason::Partial), now);
                match self.is_together(signal) {
                    true if is_older => self.keep_older(signal, &answer),
                    true => self.observe_together(signal, &answer),
                    false => self.observe(signal, &answer),
                }
                if is_older_whole {
                    self.fill(signal, &name, clock::now());
                }
                answer.ended.iter().for_each(|labels| self.driver.end(signal, labels));
                if answer.complete {
                    self.driver.begin(signal);
                }
                if fills {
                    let young = self.driver.young(signal, clock::now());
                    young.iter().for_each(|words| self.outside.tell.note(words));
                }
                if (is_news || fills) && !answer.warnings.is_empty() {
                    self.outside.tell.note(&answer.warnings.join("; "));
                }
            }
            Err(error) => {
                self.driver.trouble(signal, Some(error.reason()), now);
                if is_news {
                    self.outside.tell.note(&text::with_causes(&error));
                }
            }
        }
    }

    /// Judges new samples, and keeps what is judged.
    fn observe(&mut self, signal: usize, answer: &crate::sources::Answer) {
        let now = clock::now();
        for series in &answer.series {
            self.observe_alone(signal, series);
            self.keep(signal, false, now);
        }
        self.keep(signal, true, now);
    }

    fn observe_alone(&mut self, signal: usize, series: &SeriesSamples) {
        match self.kept.keeper(signal) {
            Some(keeper) => {
                let mut hearing = keeper.hearing(&series.labels);
                let heard = |at, said| hearing.hear(at, said);
                self.driver.observe_heard(signal, &series.labels, &series.samples, heard);
            }
            None => self.driver.observe(signal, &series.labels, &series.samples),
        }
    }

    /// Writes what was heard of a signal to its history, where that is much or `at_end`.
    fn keep(&mut self, signal: usize, at_end: bool, now: Timestamp) {
        if let Some(words) = self.kept.write(signal, at_end, now) {
            self.outside.tell.note(&words);
        }
    }

    fn show(&mut self, waiting: Vec<Waiting>) {
        let (now, state) = (clock::now(), Arc::clone(self.driver.state()));
        let window = self.driver.window(&waiting, now);
        self.outside.tell.waiting(now, &state, &waiting, window);
        let seen = Arc::clone(&state);
        let status = move || {
            let status = story::status(&seen, None, clock::now(), Waits::Now(&waiting));
            Answer::Status { text: status.to_string(), status: json!(status) }
        };
        self.shown.send_replace(Some(Shown { state, status: Arc::new(status) }));
    }

    /// Whether nothing more happens here. What a person has paused from elsewhere waits for them.
    fn ended(&self, run: &Run) -> Option<Ended> {
        if let Mode::Finished(ending) = run.mode {
            return Some(Ended::Over(ending));
        }
        let word = run.paused.as_ref().filter(|_| self.outside.attempts.under_way() == 0)?;
        let by_itself = ["plan", GATE].contains(&word.who.as_str());
        let here = word.reason == signals::PAUSED || self.needs_person;
        (by_itself || here).then(|| Ended::Paused(word.clone()))
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
