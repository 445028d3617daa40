//! The runs that a daemon drives, each a task of its own.

use super::telling::Teller;
use crate::actions::Canceller;
use crate::run::control::{Asked, Desk};
use crate::run::ledger::Ledger;
use crate::run::live::{self, DriveError, Job, Kept, Seat, Stop, drive_at};
use crate::run::sinks::Notes;
use crate::sources::Opened;
use crate::text;
use std::collections::BTreeMap;
use std::rc::Rc;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{Id, JoinError, JoinSet};

/// So many may want something of a run before its driver listens.
const ASKED_MAX: usize = 32;

/// How the driver of a run ended, or that it was lost.
pub(super) type Ended = Result<Result<live::Ended, DriveError>, JoinError>;

/// What a run needs of the daemon.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) ledger: Rc<Ledger>,
    pub(super) desk: Desk,
    pub(super) kept: Kept,
    pub(super) stop: Stop,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    tasks: JoinSet<Result<live::Ended, DriveError>>,
    runs: BTreeMap<Id, One>,
}

#[derive(Debug)]
struct One {
    run: String,
    ask: mpsc::Sender<Asked>,
    canceller: Canceller,
}

impl Lanes {
    /// Begins to drive `job`; over once its plan is on record.
    pub(super) async fn begin(&mut self, job: Job, lane: Lane, opened: &mut Opened) -> Result<(), String> {
        let Lane { ledger, desk, kept, stop } = lane;
        let (ask, asked) = mpsc::channel(ASKED_MAX);
        let (canceller, cancel) = Canceller::new();
        let (begun, has_begun) = oneshot::channel();
        let run = job.pinned.run.clone();
        let mut teller = Teller { run: run.clone(), ledger: Rc::clone(&ledger) };
        let feed = live::feed(&job, &ledger.state(), opened).map_err(|error| text::with_causes(&error))?;
        let handle = self.tasks.spawn_local(async move {
            let mut notes = Notes::default();
            let begun = Some(begun);
            let seat =
                Seat { ledger, desk, asked, kept, notes: &mut notes, cancel, stop, begun, is_alone: false };
            drive_at(job, seat, feed, &mut teller).await
        });
        self.runs.insert(handle.id(), One { run, ask, canceller });
        // where its driver ends before that it is told of as of any other end
        has_begun.await.map_err(|_| "its driver ended before it began: the log says why".to_owned())
    }

    /// The next driver to end, by the name of its run; none where none drives. May be dropped and called again.
    pub(super) async fn next(&mut self) -> Option<(String, Ended)> {
        let ended = self.tasks.join_next_with_id().await?;
        let id = ended.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        let run = self.runs.remove(&id).map(|one| one.run).unwrap_or_default();
        Some((run, ended.map(|(_, ended)| ended)))
    }

    /// Whom to ask what is wanted of `run`; none where nobody drives it.
    pub(super) fn ask(&self, run: &str) -> Option<mpsc::Sender<Asked>> {
        self.runs.values().find(|one| one.run == run).map(|one| one.ask.clone())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    pub(super) fn names(&self) -> String {
        self.runs.values().map(|one| one.run.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// Ends what is in flight.
    pub(super) fn cancel(&self) {
        self.runs.values().for_each(|one| one.canceller.cancel());
    }
}
