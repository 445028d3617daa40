//! What every handler has at hand.

use super::failures::Failures;
use super::locks::Locks;
use super::problem::Problem;
use super::tokens::Tokens;
use crate::config::Api;
use crate::run::daemon::Handle;
use crate::steps::State;
use quietgate_detectors::Timestamp;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// So many streams of events there may be at once.
const STREAMS_MAX: usize = 256;
/// So many questions that are dear are answered at once: those that read the journal or a history.
const DEAR_MAX: usize = 2;

/// All that is shared. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct App(Arc<Inner>);

#[derive(Debug)]
pub(super) struct Inner {
    /// The daemon.
    pub(super) daemon: Handle,
    /// Who may ask.
    pub(super) tokens: Tokens,
    /// Who may reboot.
    pub(super) locks: Locks,
    /// Who tried in vain.
    pub(super) failures: Failures,
    /// How it is reached.
    pub(super) api: Api,
    /// When it began.
    pub(super) started: Timestamp,
    /// Where the journal is, if not in the folder of the state.
    pub(super) database: Option<String>,
    pub(super) streams: Arc<Semaphore>,
    dear: Semaphore,
}

impl App {
    pub(super) fn new(daemon: Handle, api: Api, database: Option<String>, started: Timestamp) -> Self {
        let (tokens, locks) = (Tokens::of(&daemon.state), Locks::of(&daemon.state));
        let (streams, dear) = (Arc::new(Semaphore::new(STREAMS_MAX)), Semaphore::new(DEAR_MAX));
        let failures = Failures::default();
        Self(Arc::new(Inner { daemon, tokens, locks, failures, api, started, database, streams, dear }))
    }

    /// Everything on record.
    ///
    /// # Errors
    /// The daemon is just starting.
    pub(super) fn state(&self) -> Result<Arc<State>, Problem> {
        self.daemon.desk.state().ok_or_else(|| Problem::unavailable("the daemon is just starting"))
    }

    /// How many streams are open.
    pub(super) fn streams_open(&self) -> usize {
        STREAMS_MAX.saturating_sub(self.streams.available_permits())
    }

    pub(super) fn is_tls(&self) -> bool {
        self.api.tls.is_some()
    }

    /// Does what is dear on a thread aside, in turns.
    ///
    /// # Errors
    /// It was lost.
    pub(super) async fn dear<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let lost = || Problem::unavailable("the answer was lost");
        let _turn = self.dear.acquire().await.map_err(|_| lost())?;
        tokio::task::spawn_blocking(work).await.map_err(|_| lost())
    }
}

impl std::ops::Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}
