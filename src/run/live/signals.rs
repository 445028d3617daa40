//! Ctrl-C and the wish of the system that we end: the first pauses the run, the second aborts it, the third ends what is in
//! flight.

use crate::actions::Canceller;
use crate::run::control::Asked;
use crate::steps::{Record, Said, Word};
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::Sender;

/// Why a run pauses that is paused so.
pub(super) const PAUSED: &str = "Ctrl-C, or a signal to end";

/// Listens for ever, and asks for what the signals stand for.
pub(super) async fn hear(run: String, who: String, ask: Sender<Asked>, cancel: Arc<Canceller>) {
    // the third comes where a terminal is closed
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let [Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)] = kinds.map(signal) else {
        // then they end the program at once, as if it were killed
        return std::future::pending().await;
    };
    for count in 1_u64.. {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
        let said = |reason: &str| Said {
            run: run.clone(),
            word: Word { who: who.clone(), reason: reason.to_owned() },
        };
        let record = match count {
            1 => Record::Pause(said(PAUSED)),
            2 => Record::Abort(said("Ctrl-C twice")),
            _ => {
                cancel.cancel();
                continue;
            }
        };
        // the driver listens until the run is over
        drop(ask.send(Asked { record, answer: None }).await);
    }
}
