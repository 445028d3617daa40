//! What an attempt is given besides its values: where its output goes, its time, and the way to end it.

use super::outcome::Spawned;
use super::process::Cage;
use std::fmt;
use std::path::Path;
use tokio::sync::watch;

/// The surroundings of one attempt.
#[derive(Clone, Copy)]
pub struct Io<'a> {
    /// The folder in which the file with the output is made; it must exist.
    pub directory: &'a Path,
    /// The folder that relative paths of the settings start from, and the working directory of processes: the plan's.
    pub base: &'a Path,
    /// What holds the processes together.
    pub cage: &'a Cage,
    /// After how many milliseconds the attempt is ended; what is below 1 ends it at once.
    pub timeout_ms: i64,
    /// Ends the attempt early.
    pub cancel: &'a Cancel,
    /// Told of the process as soon as it exists; must not block.
    pub spawned: &'a (dyn Fn(&Spawned) + Send + Sync),
}

impl fmt::Debug for Io<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Io")
            .field("directory", &self.directory)
            .field("base", &self.base)
            .field("cage", &self.cage)
            .field("timeout_ms", &self.timeout_ms)
            .finish_non_exhaustive()
    }
}

/// Ends attempts: all that were given the [`Cancel`] it came with.
#[derive(Debug)]
pub struct Canceller(watch::Sender<bool>);

/// Says whether an attempt shall be ended; cheap to clone.
#[derive(Debug, Clone)]
pub struct Cancel(watch::Receiver<bool>);

impl Canceller {
    /// A new one, and what to give to the attempts. Dropping it does not end them.
    pub fn new() -> (Self, Cancel) {
        let (sender, receiver) = watch::channel(false);
        (Self(sender), Cancel(receiver))
    }

    /// Ends them, now and for good.
    pub fn cancel(&self) {
        self.0.send_replace(true);
    }
}

impl Cancel {
    /// Is over when they shall end; never where the canceller is gone without a word.
    pub(crate) async fn asked(&self) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|asked| *asked).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
