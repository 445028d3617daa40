//! Ctrl-C and the wish of the system that we end: the first pauses the run, the second aborts it, the third ends what is in
//! flight.

use crate::actions::Canceller;
use crate::run::control::Desk;
use crate::steps::{Mode, Record, Run, Said, State, Word};
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

/// Why a run pauses that is paused so.
pub(super) const PAUSED: &str = "Ctrl-C, or a signal to end";

/// What comes sooner after another one is the same wish once more: a terminal and a shell may both pass it on.
const SAME_WISH: Duration = Duration::from_millis(200);

/// Listens for ever, and asks for what a signal stands for as things stand: pause what goes on, abort what a signal has
/// paused, end what is in flight of what is aborted.
pub(super) async fn hear(run: String, who: String, desk: Desk, canceller: Canceller) {
    // the third comes where a terminal is closed
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let [Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)] = kinds.map(signal) else {
        // then they end the program at once, as if it were killed
        return std::future::pending().await;
    };
    let (mut newest, mut is_pressed): (Option<Instant>, bool) = (None, false);
    loop {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
        if newest.is_some_and(|newest| newest.elapsed() < SAME_WISH) {
            continue;
        }
        newest = Some(Instant::now());
        let said = |reason: &str| Said {
            run: run.clone(),
            word: Word { who: who.clone(), reason: reason.to_owned() },
        };
        let record = match stage(&run, desk.state().as_deref()) {
            Stage::Going => Record::Pause(said(PAUSED)),
            Stage::Paused => {
                is_pressed = true;
                Record::Abort(said("Ctrl-C twice"))
            }
            // who aborted from elsewhere has not pressed anything here yet
            Stage::Aborting if !is_pressed => {
                is_pressed = true;
                continue;
            }
            Stage::Aborting | Stage::Over => {
                canceller.cancel();
                continue;
            }
        };
        desk.wish(record).await;
    }
}

/// What a signal finds.
enum Stage {
    Going,
    Paused,
    Aborting,
    /// All that is left are captures.
    Over,
}

fn stage(run: &str, state: Option<&State>) -> Stage {
    let run = state.and_then(|state| state.runs.get(run));
    let is_paused = |run: &Arc<Run>| run.paused.as_ref().is_some_and(|word| word.reason == PAUSED);
    match run {
        Some(run) if run.mode == Mode::Aborting => Stage::Aborting,
        Some(run) if matches!(run.mode, Mode::Finished(_)) => Stage::Over,
        Some(run) if is_paused(run) => Stage::Paused,
        _ => Stage::Going,
    }
}
