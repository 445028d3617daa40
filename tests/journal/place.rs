//! A place for a journal: a folder of its own, and perhaps a database of its own on a server.

use crate::server::Server;
use quietgate::journal::{self, Entry, Journal, OpenError, Tip};
use std::future::Future;
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// For so long a driver that is gone may still be noticed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// A folder that lies in memory on most machines.
const MEMORY: &str = "/dev/shm";

/// A place where no journal was before.
#[derive(Debug)]
pub(crate) struct Place {
    folder: TempDir,
    url: Option<String>,
}

impl Place {
    /// A folder alone.
    pub(crate) fn files() -> Self {
        Self { folder: folder(), url: None }
    }

    /// A folder in memory, where the machine has one: for what is not about what a disk keeps.
    pub(crate) fn in_memory() -> Self {
        Self { folder: folder_in_memory(), url: None }
    }

    /// A folder, and a database on `server`.
    pub(crate) fn on(server: &Server) -> Self {
        Self { folder: folder(), url: Some(server.database()) }
    }

    /// Another machine with the same database.
    pub(crate) fn elsewhere(&self) -> Self {
        Self { folder: folder(), url: self.url.clone() }
    }

    /// The folder of the state.
    pub(crate) fn state(&self) -> &Path {
        self.folder.path()
    }

    /// The URL of the database; nothing where there is only the folder.
    pub(crate) fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    /// Opens the journal.
    pub(crate) async fn open(&self) -> Result<(Journal, Vec<Entry>), OpenError> {
        journal::open(self.state(), self.url()).await
    }

    /// Opens the journal, waiting until the server has noticed that the driver before is gone.
    pub(crate) async fn open_after_another(&self) -> (Journal, Vec<Entry>) {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            match self.open().await {
                Ok(opened) => return opened,
                Err(OpenError::Held { .. }) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
        panic!("the lock is never let go of")
    }

    /// Reads the journal.
    pub(crate) async fn read(&self) -> Result<(Tip, Vec<Entry>), OpenError> {
        read(self.state(), self.url()).await
    }

    /// Lets a driver elsewhere take over, without a look at the lock.
    pub(crate) async fn take_over(&self) {
        use sqlx::{Connection, PgConnection, SqliteConnection};
        let statement = "UPDATE driver SET epoch = epoch + 1";
        if let Some(url) = self.url() {
            let mut session = PgConnection::connect(url).await.expect("a session");
            sqlx::query(statement).execute(&mut session).await.expect("an update");
        } else {
            let url = format!("sqlite://{}", self.state().join("journal.db").display());
            let mut session = SqliteConnection::connect(&url).await.expect("a connection");
            sqlx::query(statement).execute(&mut session).await.expect("an update");
            session.close().await.expect("a connection that ends");
        }
    }
}

/// Reads the journal in `state`.
pub(crate) async fn read(state: &Path, url: Option<&str>) -> Result<(Tip, Vec<Entry>), OpenError> {
    let mut entries = Vec::new();
    let tip = journal::read(state, url, |entry| entries.push(entry)).await?;
    Ok((tip, entries))
}

/// Does `work` to its end.
pub(crate) fn now<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(work)
}

/// A folder in memory, where the machine has one.
pub(crate) fn folder_in_memory() -> TempDir {
    tempfile::tempdir_in(MEMORY).unwrap_or_else(|_| folder())
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}
