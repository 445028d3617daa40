//! `quietgate serve`: the daemon; and what a person on the same machine tells it to do.

use super::exit::{End, Failure};
use super::remote::{Remote, RemoteArgs};
use super::state::{Database, StateArgs, fold, folder_of};
use super::telling;
use crate::http::{Server, Setup};
use crate::journal;
use crate::memory;
use crate::run::control::{self, Answer, Question};
use crate::run::daemon::{self, Daemon};
use crate::run::job::Read;
use crate::steps::Word;
use crate::telemetry::{LEVELS, Log};
use crate::text;
use clap::Args;
use sd_notify::NotifyState;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::LocalSet;
use tracing::{info, warn};

/// What `quietgate serve` takes.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct ServeArgs {
    /// The config: where samples come from, how they are judged, how the daemon is reached
    #[arg(long, value_name = "FILE", default_value = "quietgate.yaml")]
    config: PathBuf,
    /// The folder of the state, instead of the config's
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    #[command(flatten)]
    database: Database,
    /// How long what is in flight may take when the daemon is to end
    #[arg(long, value_name = "DURATION", default_value = "60s")]
    stop_within: crate::settings::units::Duration,
}

const AFTER: &str = "SIGTERM and Ctrl-C end it: nothing new starts, what is in flight comes to its end within the limit, and the \
    next daemon goes on with the runs. SIGHUP reads the config once more: all of it counts, or nothing.\n\
    Exit codes: 0 ended as it was told to; 2 bad usage or input; 5 the journal is damaged or cannot be written; 6 another driver \
    holds the state, or another process has its journal locked.";

/// Runs the daemon of `args` until it is told to end.
///
/// # Errors
/// A config with mistakes, a state that another driver holds or that is damaged, a journal that cannot be written.
pub(crate) fn run(args: &ServeArgs) -> Result<End, Failure> {
    let log = telling::begin_daemon();
    memory::small_pages(true);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ended = LocalSet::new().block_on(&runtime, serve(args, log));
    // a read that the system holds up ends with the program
    runtime.shutdown_background();
    ended
}

async fn serve(args: &ServeArgs, log: Log) -> Result<End, Failure> {
    let config = Read::at(&args.config).map_err(Failure::because)?;
    let state = match &args.state {
        Some(state) => state.clone(),
        None => folder_of(&args.config, &config.config)?,
    };
    let (journal, entries) = journal::open(&state, args.database.url()).await?;
    let before = fold(&entries)?;
    let stop_within = Duration::from_millis(args.stop_within.as_millis().max(0).unsigned_abs());
    let (path, who) = (args.config.clone(), control::ourselves());
    let (api, base) = (config.config.api.clone(), config.folder.clone());
    let database = args.database.url().map(str::to_owned);
    let setup = daemon::Setup { path, config, state, who, stop_within, log: log.clone() };
    let daemon = Daemon::open(setup, journal, &entries, before).await.map_err(Failure::Drive)?;
    drop(entries);
    let (handle, reloading) = (daemon.handle(), daemon.handle());
    let hangups = tokio::task::spawn_local(async move {
        let Ok(mut hangup) = signal(SignalKind::hangup()) else { return };
        while hangup.recv().await.is_some() {
            if let Ok(now) = NotifyState::monotonic_usec_now() {
                tell(&[NotifyState::Reloading, now]);
            }
            let word = Word { who: "SIGHUP".to_owned(), reason: "SIGHUP".to_owned() };
            if let Err(why) = reloading.reload(word).await {
                warn!("the config stays as it was: {}", text::plain(&why));
            }
            tell(&[NotifyState::Ready]);
        }
    });
    let at = api.as_ref().map(|api| api.listen.to_string());
    info!(at, "quietgate {} serves {}", env!("CARGO_PKG_VERSION"), args.config.display());
    let server = api.map(|api| Server::start(Setup { api, base, daemon: handle, database })).transpose();
    let server = server.map_err(Failure::because)?;
    let mut service = Service::ready();
    let pulse = || {
        service.is_alive();
        if log.look(Instant::now()) {
            info!("the log tells as much as usual again");
        }
    };
    let ended = daemon.whole(told_to_end(), pulse).await;
    drop(server);
    hangups.abort();
    ended.map(|()| End::Done).map_err(Failure::Drive)
}

/// What the service manager is told.
struct Service {
    /// How often it wants to hear that we are alive, and when it heard it last.
    watchdog: Option<(Duration, Instant)>,
}

impl Service {
    /// All is open and answers.
    fn ready() -> Self {
        tell(&[NotifyState::Ready]);
        // twice as often as it must be
        let watchdog = sd_notify::watchdog_enabled().map(|limit| (limit / 2, Instant::now()));
        Self { watchdog }
    }

    /// The loop that drives has come round.
    fn is_alive(&mut self) {
        if let Some((often, newest)) = &mut self.watchdog
            && newest.elapsed() >= *often
        {
            tell(&[NotifyState::Watchdog]);
            *newest = Instant::now();
        }
    }
}

/// Nobody may listen: without a service manager this is nothing.
fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        warn!("the service manager cannot be told: {error}");
    }
}

async fn told_to_end() {
    let kinds = [SignalKind::interrupt(), SignalKind::terminate()];
    let [Ok(mut interrupt), Ok(mut terminate)] = kinds.map(signal) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    tell(&[NotifyState::Stopping]);
    info!("told to end: nothing new starts");
}

/// What `quietgate submit` takes.
#[derive(Debug, Args)]
pub(crate) struct SubmitArgs {
    /// The plan: a file, or with --url the name of one of those in the daemon's folder of plans
    #[arg(value_name = "PLAN")]
    plan: PathBuf,
    /// Why; it goes on record with who asked
    #[arg(long, short, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    state: StateArgs,
    #[command(flatten)]
    remote: RemoteArgs,
}

/// What `quietgate log-level` takes.
#[derive(Debug, Args)]
pub(crate) struct LogLevelArgs {
    /// How much is told
    #[arg(value_name = "LEVEL", value_parser = LEVELS)]
    level: String,
    /// For how long, a day at most; then it is as it was configured
    #[arg(long = "for", value_name = "DURATION", default_value = "10m")]
    lasts: crate::settings::units::Duration,
    #[command(flatten)]
    state: StateArgs,
    #[command(flatten)]
    remote: RemoteArgs,
}

/// What `quietgate reload` takes.
#[derive(Debug, Args)]
pub(crate) struct ReloadArgs {
    /// Why; it is told in the log
    #[arg(long, short, value_name = "TEXT", default_value = "quietgate reload")]
    reason: String,
    #[command(flatten)]
    state: StateArgs,
    #[command(flatten)]
    remote: RemoteArgs,
}

impl SubmitArgs {
    /// Has the daemon begin a run, and prints its name.
    ///
    /// # Errors
    /// There is no daemon, or it does not begin it.
    pub(crate) fn run(&self) -> Result<End, Failure> {
        if let Some(remote) = self.remote.open()? {
            let body = json!({ "plan": self.plan.to_string_lossy(), "reason": self.reason });
            let begun = post(&remote, "/api/v1/runs", body)?;
            println!("{}", text::plain(begun["run"].as_str().unwrap_or_default()));
            return Ok(End::Done);
        }
        let plan = std::path::absolute(&self.plan)
            .map_err(|error| Failure::File(self.plan.display().to_string(), error))?;
        let question = Question::Start { plan, reason: self.reason.clone(), behind: super::verbs::behind() };
        match ask(&self.state.folder()?, &question)? {
            Answer::Began { run } => {
                println!("{run}");
                Ok(End::Done)
            }
            answer => Err(strange(&answer)),
        }
    }
}

impl ReloadArgs {
    /// Has the daemon read its config once more.
    ///
    /// # Errors
    /// There is no daemon, or the config has mistakes.
    pub(crate) fn run(&self) -> Result<End, Failure> {
        if let Some(remote) = self.remote.open()? {
            post(&remote, "/api/v1/config/reload", json!({ "reason": self.reason }))?;
            return Ok(End::Done);
        }
        let question = Question::Reload { reason: self.reason.clone(), behind: super::verbs::behind() };
        well(&self.state, &question)
    }
}

impl LogLevelArgs {
    /// Has the daemon tell more, or less, for a while.
    ///
    /// # Errors
    /// There is no daemon, or it does not.
    pub(crate) fn run(&self) -> Result<End, Failure> {
        if let Some(remote) = self.remote.open()? {
            post(
                &remote,
                "/api/v1/log-level",
                json!({ "level": self.level, "lasts": self.lasts.to_string() }),
            )?;
            return Ok(End::Done);
        }
        let (level, lasts_ms) = (self.level.clone(), self.lasts.as_millis().max(0).unsigned_abs());
        well(&self.state, &Question::LogLevel { level, lasts_ms, behind: super::verbs::behind() })
    }
}

/// Has the daemon of this machine do what leaves nothing behind to be told.
fn well(state: &StateArgs, question: &Question) -> Result<End, Failure> {
    match ask(&state.folder()?, question)? {
        Answer::Well => Ok(End::Done),
        answer => Err(strange(&answer)),
    }
}

fn post(remote: &Remote, path: &str, body: Value) -> Result<Value, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(remote.ask(reqwest::Method::POST, path, Some(body)))?)
}

/// The only answer of the daemon that holds `folder`.
fn ask(folder: &Path, question: &Question) -> Result<Answer, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut said = None;
    let keep = |answer| {
        said = Some(answer);
        Ok(())
    };
    runtime.block_on(control::ask(folder, question, keep)).map_err(Failure::because)?;
    let none = || format!("no daemon holds {}: begin one by `quietgate serve`", folder.display());
    said.ok_or_else(|| Failure::Input(none()))
}

fn strange(answer: &Answer) -> Failure {
    match answer {
        Answer::Refused { why } => Failure::Input(format!("not done: {}", text::plain(why))),
        answer => Failure::Input(format!("an answer that was not expected: {answer:?}")),
    }
}
