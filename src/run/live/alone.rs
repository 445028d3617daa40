//! A run that is driven in the foreground: by a process of its own, with its journal, its socket and its sinks.

use super::driving::{Seat, Stop, drive_at, feed};
use super::keep::Kept;
use super::{DriveError, Ended, Job, Tell, signals};
use crate::actions::Canceller;
use crate::journal::Journal;
use crate::run::control::{self, Desk, serve};
use crate::run::ledger::Ledger;
use crate::run::signals as signals_of;
use crate::run::sinks::Sinks;
use crate::sources::Opened;
use crate::steps::State;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::mpsc;

/// The longest that a driver which has ended waits for those who watch to take the last records.
const TELLING: Duration = Duration::from_secs(1);
/// How often is looked whether they have.
const TELLING_LOOK: Duration = Duration::from_millis(2);
/// So many may want something before the driver listens.
const ASKED_MAX: usize = 32;

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
    let folder = Path::new(&job.pinned.config_folder);
    let kept = match job.dry {
        true => Kept::default(),
        false => {
            let signals = signals_of(&job.config, &job.file.plan);
            Kept::open(&job.config, signals, &job.state, job.resumed, &mut |note| tell.note(note))?
        }
    };
    let sinks = job.past.take().map(|past| Sinks::open(&job.config, folder, &job.state, past));
    let (sinks, mut notes) = sinks.transpose().map_err(DriveError::Sink)?.unwrap_or_default();
    let ledger = Rc::new(Ledger::new(journal, state, sinks));
    let (ask, asked) = mpsc::channel(ASKED_MAX);
    let desk = Desk::new(ask, ledger.states(), ledger.news().clone());
    let feed = feed(&job, &ledger.state(), &mut Opened::default())?;
    let answering =
        serve(&job.state, desk.clone(), None).map_err(|error| DriveError::State(job.state.clone(), error))?;
    tokio::pin!(answering);
    let (canceller, cancel) = Canceller::new();
    let (run, who) = (job.pinned.run.clone(), job.who.clone());
    let state_folder = job.state.clone();
    let ended = {
        let (ledger, shown, stop) = (Rc::clone(&ledger), desk.clone(), Stop::never());
        let seat = Seat {
            ledger,
            desk: shown,
            asked,
            kept,
            notes: &mut notes,
            cancel,
            stop,
            begun: None,
            is_alone: true,
        };
        tokio::select! {
            ended = drive_at(job, seat, feed, tell) => ended,
            () = &mut answering => unreachable!("who listens goes on"),
            () = signals::hear(run, who, desk, canceller) => unreachable!("they are listened to as long as there is a run"),
        }
    };
    // the last record is for those who watch as well
    tokio::select! {
        () = &mut answering => unreachable!("who listens goes on"),
        () = all_told(&ledger) => {}
        () = tokio::time::sleep(TELLING) => {}
    }
    control::remove(&state_folder);
    ledger.take_sinks().dismiss(&mut notes).await.iter().for_each(|words| tell.note(words));
    if ended.is_ok() {
        ledger.close().await;
    }
    ended
}

/// Waits until everybody who watches has taken every record.
async fn all_told(ledger: &Ledger) {
    while !ledger.news().is_empty() {
        tokio::time::sleep(TELLING_LOOK).await;
    }
}
