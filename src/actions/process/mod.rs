//! Runs one program to its end, with all that it starts: its time, its output, its processes.
//!
//! The order at the end is fixed: how the first process ended is taken down; what is left of the others is asked to end, then
//! killed; the first process is collected, so that until then its number cannot belong to anybody else; the rest of the
//! output is read.

mod cage;
mod captured;
mod drain;
mod program;
mod stat;
mod tree;

pub use cage::Cage;
pub(crate) use captured::{Bounds, Captured, capture, capture_until};
pub(crate) use drain::Keep;
pub(crate) use program::Program;
pub(crate) use tree::MARK;

use super::io::Io;
use super::outcome::{End, Outcome, Spawned};
use super::output::Output;
use super::values::Values;
use crate::memory;
use drain::Drain;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
pub(crate) use stat::Stat;
use std::io as std_io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio::signal::unix::{Signal as UnixSignal, SignalKind, signal};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, timeout};
use tree::{Look, Tree};

/// How long is waited for what was killed: it may still have to leave the kernel.
const KILLED_WAIT: Duration = Duration::from_secs(5);

/// After how many looks in a row that find nothing all are gone, where there was something: what a process starts in its last
/// moment may have come behind the place where a look was reading just then.
const QUIET_LOOKS: usize = 2;

/// How long a process must stay that may be of this or of another action until it is named.
const DOUBT_WAIT: Duration = Duration::from_secs(1);

/// How long the rest of the output is read, where a known survivor may keep it open, and where none is known.
const REST_WAIT: Duration = Duration::from_secs(1);
const LONG_REST_WAIT: Duration = Duration::from_secs(10);

/// How many look at `/proc` at the same time: each keeps a processor busy. More than one, as one may be held up.
static LOOKS: Semaphore = Semaphore::const_new(8);

/// The shortest and longest pause between two looks at processes that shall end.
const SHORTEST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// How a program is run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Terms {
    /// How long processes have between being asked to end and being killed, in milliseconds.
    pub(crate) grace_ms: i64,
    /// How many bytes of output are kept.
    pub(crate) output: u64,
}

/// Runs `program` and sees to it that nothing is left of it.
pub(crate) async fn run(program: &Program, terms: Terms, values: &Values, io: &Io<'_>) -> Outcome {
    let all = match Output::create(io.directory, values, terms.output) {
        Ok(output) => output,
        Err(error) => return Outcome::not_started(format!("output in {}: {error}", io.directory.display())),
    };
    let (outcome, outputs) = over(program, Outputs { all, errors: None }, terms.grace_ms, io).await;
    kept(outcome, outputs.all).await
}

/// Where the output of a program goes.
struct Outputs<K> {
    /// Everything, or what it writes on standard output.
    all: K,
    /// What it writes on standard error, where that goes elsewhere.
    errors: Option<K>,
}

/// Runs `program` to its end.
async fn over<K: Keep>(
    program: &Program,
    outputs: Outputs<K>,
    grace_ms: i64,
    io: &Io<'_>,
) -> (Outcome, Outputs<K>) {
    let deadline = Instant::now() + milliseconds(io.timeout_ms);
    let mut running = match Running::start(program, outputs, io).await {
        Ok(running) => running,
        Err(NotStarted { reason, outputs }) => return (Outcome::not_started(reason), outputs),
    };
    let early = tokio::select! {
        biased;
        () = running.root_ended() => None,
        () = io.cancel.asked() => Some(End::Cancelled),
        () = tokio::time::sleep_until(deadline) => Some(End::TimedOut),
    };
    running.finish(early, milliseconds(grace_ms)).await
}

fn milliseconds(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

/// A program that runs.
struct Running<K> {
    // dropped first: it kills all while the number of the first process is still its own
    tree: Tree,
    child: Child,
    /// Tells whenever a child of ours ends; nothing where that cannot be had.
    endings: Option<UnixSignal>,
    drains: Outputs<Drain<K>>,
    spawned: Spawned,
}

/// Why there is none.
struct NotStarted<K> {
    reason: String,
    outputs: Outputs<K>,
}

impl<K: Keep> Running<K> {
    async fn start(program: &Program, outputs: Outputs<K>, io: &Io<'_>) -> Result<Self, NotStarted<K>> {
        let mut tree = Tree::new(io.cage);
        // before the start, so that none is missed
        let endings = signal(SignalKind::child()).ok();
        let (child, pid, readers) = match start(program, &mut tree, outputs.errors.is_some()) {
            Ok(started) => started,
            Err(reason) => return Err(NotStarted { reason, outputs }),
        };
        let spawned =
            Spawned { pid, started: tree.started(), cgroup: tree.cgroup(), mark: tree.mark().to_owned() };
        (io.spawned)(&spawned);
        let errors = readers.errors.zip(outputs.errors).map(|(reader, errors)| Drain::new(reader, errors));
        let drains = Outputs { all: Drain::new(readers.all, outputs.all), errors };
        if spawned.cgroup.is_some() {
            let _turn = LOOKS.acquire().await;
            tree = blocking(move || {
                tree.admit();
                tree
            })
            .await;
        }
        Ok(Self { tree, child, endings, drains, spawned })
    }

    /// Is over when the first process has ended, and leaves it to be collected.
    async fn root_ended(&mut self) {
        while !has_ended(self.spawned.pid) {
            match &mut self.endings {
                Some(endings) => drop(endings.recv().await),
                None => sleep(LONGEST_PAUSE).await,
            }
        }
    }

    /// Ends what is left, and says how it all ended: `early` where we ended it.
    async fn finish(mut self, early: Option<End>, grace: Duration) -> (Outcome, Outputs<K>) {
        let (tree, mut survivors) = end_all(self.tree, grace).await;
        let status = timeout(KILLED_WAIT, self.child.wait()).await;
        blocking(move || tree.over()).await;
        let rest = if survivors.is_empty() { LONG_REST_WAIT } else { REST_WAIT };
        if timeout(rest, self.drains.ended()).await.is_err() && survivors.is_empty() {
            survivors.push("an unknown process that keeps the output open".to_owned());
        }
        let outputs = self.drains.stop().await;
        let end = early.unwrap_or_else(|| match status {
            Ok(Ok(status)) => ended(status),
            Ok(Err(error)) => End::NoAnswer(format!("its exit code was lost: {error}")),
            Err(_) => End::NoAnswer("it ended but cannot be collected".to_owned()),
        });
        (Outcome { survivors, spawned: Some(self.spawned), ..Outcome::without_output(end) }, outputs)
    }
}

impl<K: Keep> Outputs<Drain<K>> {
    /// Is over when all was read.
    async fn ended(&mut self) {
        self.all.ended().await;
        if let Some(errors) = &mut self.errors {
            errors.ended().await;
        }
    }

    /// Stops, and gives the outputs back with what was read.
    async fn stop(self) -> Outputs<K> {
        let all = self.all.stop().await;
        let errors = match self.errors {
            Some(errors) => Some(errors.stop().await),
            None => None,
        };
        Outputs { all, errors }
    }
}

/// Starts the process, and gives the ends of the pipes that its output comes from: standard error `apart`, or all in one.
fn start(
    program: &Program,
    tree: &mut Tree,
    apart: bool,
) -> Result<(Child, u32, Outputs<std_io::PipeReader>), String> {
    let pipe = || std_io::pipe().map_err(|error| format!("no pipe for its output: {error}"));
    let (all, writer) = pipe()?;
    let (errors, errors_writer) = if apart { Some(pipe()?) } else { None }.unzip();
    let mut command = Command::from(program.command(tree.mark(), writer, errors_writer)?);
    command.kill_on_drop(true);
    let (child, pid) = tree
        .start(|| {
            let child = memory::usual(|| command.spawn())?;
            let pid = child.id().expect("a number until it is collected, and nobody has waited for it yet");
            Ok((child, pid))
        })
        .map_err(|error: std_io::Error| program.refused(&error))?;
    Ok((child, pid, Outputs { all, errors }))
}

/// Whether our child `pid` has ended; it is not collected by that.
fn has_ended(pid: u32) -> bool {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return true };
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    // an error says that there is no such child any more
    waitid(WaitId::Pid(pid), options).map_or(true, |state| state.is_some())
}

fn ended(status: ExitStatus) -> End {
    match (status.code(), status.signal()) {
        (Some(0), _) => End::Succeeded,
        (Some(code), _) => End::Exited(code),
        (None, signal) => End::Signalled(signal.unwrap_or(0)),
    }
}

/// Asks all to end, kills what has not ended after `grace`, and names what is left even then.
async fn end_all(tree: Tree, grace: Duration) -> (Tree, Vec<String>) {
    let (mut tree, mut look) = looked(tree).await;
    let mut quiet = if look.is_quiet() { QUIET_LOOKS } else { 0 };
    if !look.members.is_empty() {
        Tree::ask_to_end(&look.members);
        (tree, look) = gone(tree, look, grace).await;
    }
    let deadline = Instant::now() + KILLED_WAIT;
    let mut pause = SHORTEST_PAUSE;
    while quiet < QUIET_LOOKS && Instant::now() < deadline {
        tree.kill(&look.members);
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
        (tree, look) = looked(tree).await;
        quiet = if look.is_quiet() { quiet + 1 } else { 0 };
    }
    // what another action is ending just now is of no interest
    let deadline = Instant::now() + DOUBT_WAIT;
    while !look.doubtful.is_empty() && Instant::now() < deadline {
        sleep(LONGEST_PAUSE).await;
        (tree, look) = looked(tree).await;
    }
    let left = look.members.iter().map(Stat::words);
    let doubtful = look.doubtful.iter().map(|stat| format!("{}, of this or another action", stat.words()));
    let survivors = left.chain(doubtful).collect();
    (tree, survivors)
}

/// Waits until all are gone, for at most `grace`; what comes up meanwhile is asked to end as well.
async fn gone(mut tree: Tree, mut look: Look, grace: Duration) -> (Tree, Look) {
    let deadline = Instant::now() + grace;
    let mut pause = SHORTEST_PAUSE;
    while Instant::now() < deadline {
        sleep(pause.min(deadline - Instant::now())).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
        if Tree::still_alive(&look.members) {
            continue;
        }
        (tree, look) = looked(tree).await;
        if look.members.is_empty() {
            break;
        }
        Tree::ask_to_end(&look.members);
    }
    (tree, look)
}

/// A look at `/proc`, on a thread that may wait: a process in trouble can hold up who reads about it.
async fn looked(mut tree: Tree) -> (Tree, Look) {
    // never closed
    let _turn = LOOKS.acquire().await;
    blocking(move || {
        let look = tree.look();
        (tree, look)
    })
    .await
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// Adds what there is of the output.
async fn kept(outcome: Outcome, output: Output) -> Outcome {
    let kept = output.finish().await;
    Outcome { output: Some(kept.path), bytes: kept.bytes, truncated: kept.truncated, ..outcome }
}
