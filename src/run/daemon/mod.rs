//! The long-running form: all signals are watched at all times, several runs are driven at once, and persons speak to it.
//!
//! One thread does it all, one thing after the other: the monitor, each run, and what persons want are tasks on it. Whoever is on
//! another thread has a [`Handle`].

mod chart;
mod findings;
mod handle;
mod lane;
mod monitor;
mod plans;
mod query;
mod telling;
mod waits;

use super::control::{self, Asked, Desk, serve};
use super::driver::{Refused, taken_over};
use super::job::{Pinning, Prepared, Read};
use super::ledger::Ledger;
use super::live::{DriveError, Job, Kept, Stop};
use super::sinks::{Notes, Past, Sinks};
use crate::clock;
use crate::journal::{Entry, Journal};
use crate::sources::Opened;
use crate::steps::{Record, State, Word};
use crate::telemetry::{Log, Telemetry};
use crate::text;
pub use chart::{Chart, ChartAsk, NoChart, chart};
pub use handle::Handle;
use handle::Order;
use lane::{Lane, Lanes};
use monitor::Monitor;
pub use plans::PlanNow;
pub use query::{
    FindingNow, FindingsAsk, GateAsk, GateNow, GateState, Page, Query, SeriesAsk, SeriesNow, SignalNow,
    ValueNow,
};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tracing::{error, info, warn};
use waits::Waited;
pub use waits::waits;

/// So many may want something before it is taken in.
const WISHES_MAX: usize = 64;
/// The longest that the loop says nothing of being alive.
const PULSE: Duration = Duration::from_secs(1);
/// How long is waited for what was ended and must be put on record.
const ENDING: Duration = Duration::from_secs(10);

/// What a daemon begins with.
#[derive(Debug)]
pub struct Setup {
    /// Its config, and where it is.
    pub path: PathBuf,
    /// The same as it was read.
    pub config: Read,
    /// The folder of the state.
    pub state: PathBuf,
    /// Who it runs as.
    pub who: String,
    /// How long what is in flight may take when it is to end.
    pub stop_within: Duration,
    /// How much it tells in its log.
    pub log: Log,
}

/// A daemon.
#[derive(Debug)]
pub struct Daemon {
    setup: Setup,
    config: watch::Sender<Arc<Read>>,
    ledger: Rc<Ledger>,
    desk: Desk,
    asked: mpsc::Receiver<Asked>,
    orders: mpsc::Receiver<Order>,
    notes: Notes,
    opened: Opened,
    kept: Kept,
    watching: Option<Watching>,
    lanes: Lanes,
    stop: watch::Sender<bool>,
    handle: Handle,
}

/// The monitor that runs.
#[derive(Debug)]
struct Watching {
    task: JoinHandle<mpsc::Receiver<Query>>,
    stop: watch::Sender<bool>,
}

impl Daemon {
    /// Opens everything that it needs; `entries` are all of `journal`, which tell `state`. What was in flight is put on record as
    /// unknown.
    ///
    /// # Errors
    /// What cannot be opened, or not be written.
    pub async fn open(
        setup: Setup,
        journal: Journal,
        entries: &[Entry],
        state: State,
    ) -> Result<Self, DriveError> {
        let (own, folder) = (&setup.config.config, setup.config.folder.clone());
        let past = Past::of(entries).map_err(|error| DriveError::Sink(text::with_causes(&error)))?;
        let events = past.newest();
        let (sinks, notes) = Sinks::open(own, &folder, &setup.state, past).map_err(DriveError::Sink)?;
        let telemetry = Telemetry::default();
        let ledger = Ledger::new(journal, state, sinks.followed(events.clone()));
        let ledger = Rc::new(ledger.counted(telemetry.clone()));
        let (ask, asked) = mpsc::channel(WISHES_MAX);
        let (order, orders) = mpsc::channel(WISHES_MAX);
        let (query, queries) = mpsc::channel(WISHES_MAX);
        let desk = Desk::new(ask, ledger.states(), ledger.news().clone());
        let config = watch::Sender::new(Arc::new(setup.config.clone()));
        let handle = Handle {
            desk: desk.clone(),
            events,
            state: Arc::new(setup.state.clone()),
            orders: order,
            queries: query,
            config: config.subscribe(),
            telemetry,
            log: setup.log.clone(),
        };
        let mut daemon = Self {
            setup,
            config,
            ledger,
            desk,
            asked,
            orders,
            notes,
            opened: Opened::shared(),
            kept: Kept::default(),
            watching: None,
            lanes: Lanes::default(),
            stop: watch::Sender::new(false),
            handle,
        };
        daemon.take_over().await?;
        let (monitor, kept) = daemon.monitor(&daemon.setup.config.clone())?;
        daemon.watch(monitor, kept, queries);
        Ok(daemon)
    }

    /// What others have of it.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    async fn take_over(&mut self) -> Result<(), DriveError> {
        let state = self.ledger.state();
        for record in taken_over(&state, env!("CARGO_PKG_VERSION"), &crate::actions::driver()) {
            self.write(&record).await.map_err(refused)?;
        }
        let looks = crate::actions::end_looks(&self.ledger.state().drivers);
        if !looks.is_empty() {
            info!("ended what a capture of an earlier driver left: {}", looks.join(", "));
        }
        Ok(())
    }

    async fn write(&self, record: &Record) -> Result<u64, Refused> {
        let entry = self.ledger.write(clock::now(), record).await?;
        telling::tell(&self.ledger, &entry, record);
        Ok(entry.seq)
    }

    fn monitor(&mut self, config: &Read) -> Result<(Monitor, Kept), DriveError> {
        let note = |words: &str| warn!("{}", text::plain(words));
        let telemetry = self.handle.telemetry.clone();
        Monitor::open(config, &self.setup.state, (&mut self.opened, telemetry), &mut { note })
    }

    fn watch(&mut self, monitor: Monitor, kept: Kept, queries: mpsc::Receiver<Query>) {
        self.kept = kept;
        let stop = watch::Sender::new(false);
        let note = |words: &str| warn!("{}", text::plain(words));
        let task = tokio::task::spawn_local(monitor.whole(queries, Stop::by(stop.subscribe()), note));
        self.watching = Some(Watching { task, stop });
    }

    /// Drives everything until `end` is over, then ends what there is. `pulse` is called again and again as long as all goes well.
    ///
    /// # Errors
    /// The journal cannot be written: then nothing starts any more, and what was in flight has come to its end.
    pub async fn whole(
        mut self,
        end: impl Future<Output = ()>,
        mut pulse: impl FnMut(),
    ) -> Result<(), DriveError> {
        let answering = serve(&self.setup.state, self.desk.clone(), Some(self.handle()))
            .map_err(|error| DriveError::State(self.setup.state.clone(), error))?;
        let answering = tokio::task::spawn_local(answering);
        self.go_on().await;
        self.desk.open();
        tokio::pin!(end);
        let mut waited = Waited::new(self.handle.telemetry.clone());
        let ended = loop {
            pulse();
            waited.so_far(&self.desk, &self.ledger.state());
            tokio::select! {
                biased;
                () = &mut end => break Ok(()),
                Some((run, ended)) = self.lanes.next() => if let Some(error) = lane_ended(&run, ended) {
                    break Err(error);
                },
                Some(asked) = self.asked.recv() => if let Err(error) = self.hand_on(asked).await {
                    break Err(error);
                },
                Some(order) = self.orders.recv() => self.obey(order).await,
                words = self.notes.next() => warn!("{}", text::plain(&words)),
                () = tokio::time::sleep(PULSE) => {}
            }
        };
        let ended = ended.and(self.end_lanes(&mut pulse).await);
        answering.abort();
        control::remove(&self.setup.state);
        if let Some(Watching { task, stop }) = self.watching.take() {
            stop.send_replace(true);
            drop(task.await);
        }
        for words in self.ledger.take_sinks().dismiss(&mut self.notes).await {
            warn!("{}", text::plain(&words));
        }
        if ended.is_ok() {
            self.ledger.close().await;
        }
        ended
    }

    /// Goes on with the runs that are on record and not over.
    async fn go_on(&mut self) {
        let state = self.ledger.state();
        for run in state.open_runs().map(|run| run.pinned.run.clone()) {
            match Pinning::again(&run, &state) {
                Ok(pinning) => drop(self.drive(pinning, true).await),
                Err(error) => error!(
                    run,
                    "it is not driven, and nothing of it starts: {}; abort it, or go on with it by hand",
                    text::with_causes(&error)
                ),
            }
        }
    }

    /// Drives a run; says when its plan is on record.
    async fn drive(&mut self, pinning: Pinning, resumed: bool) -> Result<(), String> {
        let Pinning { file, config, pinned } = pinning;
        let (kept, others) = self.kept.beside(super::signals(&config, &file.plan));
        let run = pinned.run.clone();
        if !others.is_empty() {
            let others = others.join(", ");
            warn!(
                run,
                "its config judges otherwise than that of the daemon, so it knows no history of {others}"
            );
        }
        let (state, who) = (self.setup.state.clone(), self.setup.who.clone());
        let job = Job { file, config, pinned, resumed, state, who, dry: false, record: None, past: None };
        let (ledger, desk) = (Rc::clone(&self.ledger), self.desk.clone());
        let lane = Lane { ledger, desk, kept, stop: Stop::by(self.stop.subscribe()) };
        self.lanes.begin(job, lane, &mut self.opened).await
    }

    /// Hands what somebody wants to the driver of the run that it is about, or puts it on record.
    async fn hand_on(&mut self, asked: Asked) -> Result<(), DriveError> {
        let Asked { record, answer } = asked;
        let driver = record.run().and_then(|run| self.lanes.ask(run));
        if let Some(driver) = driver {
            // one that ends now answers no more, and that is said to who waits
            drop(driver.send(Asked { record, answer }).await);
            return Ok(());
        }
        let outcome = match self.write(&record).await {
            Ok(seq) => Ok(seq),
            Err(Refused::Illegal(illegal)) => Err(illegal.why.to_owned()),
            Err(stopped) => return Err(refused(stopped)),
        };
        if let Some(answer) = answer {
            drop(answer.send(outcome));
        }
        Ok(())
    }

    async fn obey(&mut self, order: Order) {
        match order {
            Order::Start { plan, word, to } => drop(to.send(self.start(&plan, word).await)),
            Order::Reload { word, to } => drop(to.send(self.reload(&word).await)),
        }
    }

    async fn start(&mut self, plan: &Path, word: Word) -> Result<String, String> {
        if word.reason.trim().is_empty() {
            return Err("a reason is needed".to_owned());
        }
        let (path, config) = (plan.to_owned(), Read::clone(&self.config.borrow()));
        let prepared = tokio::task::spawn_blocking(move || Prepared::at(&path, config)).await;
        let prepared = prepared.map_err(|error| error.to_string())?;
        let prepared = prepared.map_err(|error| text::with_causes(&error))?;
        let before = self.ledger.state();
        let mut pinning = prepared.begin(clock::now(), &before);
        if let Some((target, run)) = before.shared(&pinning.pinned) {
            return Err(format!("{target} is a target of {run} too, which is not over"));
        }
        pinning.pinned.by = Some(Box::new(word));
        let run = pinning.pinned.run.clone();
        self.drive(pinning, false).await?;
        Ok(run)
    }

    /// Takes a config that was changed: all of it counts, or nothing. Runs keep theirs.
    async fn reload(&mut self, word: &Word) -> Result<(), String> {
        let path = self.setup.path.clone();
        let read = tokio::task::spawn_blocking(move || Read::at(&path)).await;
        let read = read.map_err(|error| error.to_string())?.map_err(|error| text::with_causes(&error))?;
        let before = Arc::clone(&self.config.borrow());
        let (new, old) = (&read.config, &before.config);
        let kept = [
            ("state", new.state == old.state),
            ("api", new.api == old.api),
            ("list of sinks", new.sinks == old.sinks),
        ];
        if let Some((what, _)) = kept.into_iter().find(|(_, is_same)| !is_same) {
            return Err(format!("another {what} needs a restart"));
        }
        let queries = match self.watching.take() {
            Some(Watching { task, stop }) => {
                stop.send_replace(true);
                task.await.map_err(|error| error.to_string())?
            }
            None => return Err("the monitor has ended".to_owned()),
        };
        let (opened, failed) = match self.monitor(&read) {
            Ok(opened) => (Ok(opened), None),
            Err(error) => (self.monitor(&before), Some(text::with_causes(&error))),
        };
        match opened {
            Ok((monitor, kept)) => self.watch(monitor, kept, queries),
            Err(error) => return Err(format!("nothing is watched any more: {}", text::with_causes(&error))),
        }
        if let Some(failed) = failed {
            return Err(failed);
        }
        info!(who = word.who, "the config was read once more: {}", word.reason);
        self.config.send_replace(Arc::new(read));
        Ok(())
    }

    /// Lets what is in flight come to its end, or ends it; nothing new starts.
    async fn end_lanes(&mut self, pulse: &mut impl FnMut()) -> Result<(), DriveError> {
        self.stop.send_replace(true);
        let mut failed = None;
        for (limit, cancel) in [(self.setup.stop_within, false), (ENDING, true)] {
            if cancel && !self.lanes.is_empty() {
                warn!("what is in flight is ended, and its outcome is unknown: {}", self.lanes.names());
                self.lanes.cancel();
            }
            let deadline = tokio::time::Instant::now() + limit;
            while !self.lanes.is_empty() && tokio::time::Instant::now() < deadline {
                pulse();
                tokio::select! {
                    Some((run, ended)) = self.lanes.next() => failed = failed.or(lane_ended(&run, ended)),
                    () = tokio::time::sleep(PULSE.min(limit)) => {}
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

/// What the end of a driver means for the daemon: where the journal cannot be written nothing goes on.
fn lane_ended(run: &str, ended: lane::Ended) -> Option<DriveError> {
    match ended {
        Ok(Ok(_)) => None,
        Ok(Err(error @ DriveError::Journal { .. })) => Some(error),
        Ok(Err(error)) => {
            error!(run, "it is not driven any more: {}", text::with_causes(&error));
            None
        }
        Err(error) => {
            error!(run, "its driver was lost: {error}");
            None
        }
    }
}

fn refused(refused: Refused) -> DriveError {
    match refused {
        Refused::Illegal(illegal) => DriveError::Illegal(illegal),
        Refused::Stopped(stopped) => DriveError::Journal { why: stopped.why, lost: 0 },
    }
}
