//! The journal in a file of the state folder, by SQLite.
//!
//! The process must never open `journal.db` by other means while a connection to it is open: closing that other file
//! would take the locks of SQLite away.

use super::check::{Lag, Whole, check};
use super::error::OpenError;
use super::head::{self, Head, Known};
use super::{Entry, sql::Connection};
use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The name of the file.
const FILE: &str = "journal.db";

/// What SQLite leaves beside the file where it is killed while it makes it; later it has its log there instead.
const UNDO: &str = "journal.db-journal";

/// Whether there is such a file in `state` that was not left half made.
pub(super) fn exists(state: &Path, known: Known) -> bool {
    let is_half_made = state.join(UNDO).exists() && known.nothing().is_ok();
    state.join(FILE).exists() && !is_half_made
}

/// Opens the journal in `state`, of which so much is `known`, and takes it over. The lock of the folder is ours.
///
/// What is refused stays as it is: it is looked at by a connection that does not write, for one that does would throw
/// away what SQLite takes for the torn end of its log.
pub(super) async fn open(
    state: &Path,
    known: Known,
    mut each: impl FnMut(Entry),
) -> Result<(Connection, Whole), OpenError> {
    let whole =
        if exists(state, known) { look(state, known, Lag::OF_A_CRASH, &mut each).await? } else { None };
    if whole.is_none() {
        known.nothing()?;
        make(state).await?;
    }
    if known == Known::Nothing {
        // the head comes before the first driver: a journal that had one, and no head, has lost it
        Head::NEW.write(state).map_err(|error| OpenError::File(state.join(head::FILE), error))?;
    }
    let Whole { tip, epoch } = whole.unwrap_or(Whole { tip: super::Tip::EMPTY, epoch: 0 });
    let mut connection = writer(state).await?;
    connection.make_tables().await?;
    let epoch =
        connection.take_over(epoch).await?.ok_or_else(|| OpenError::Held { what: FILE.to_owned() })?;
    // an append that a journal dropped half-way is here by now, or is never written: its epoch is over
    let tip = connection.follow(tip, &mut each).await?;
    if let Known::Head(head) = known {
        head.not_passed(tip)?;
    }
    Ok((connection, Whole { tip, epoch }))
}

/// Reads the journal in `state` without writing: one state of it, also while a driver appends. Nothing where there are
/// no tables yet.
pub(super) async fn look(
    state: &Path,
    known: Known,
    lag: Lag,
    each: impl FnMut(Entry),
) -> Result<Option<Whole>, OpenError> {
    let unreadable = |error| super::sql::unreadable(error, 1);
    let options = options(state).read_only(true);
    let mut connection = Connection::Sqlite(options.connect().await.map_err(unreadable)?);
    connection.begin_reading().await.map_err(unreadable)?;
    let seen = match connection.has_tables().await {
        Ok(true) => check(&mut connection, known, lag, each).await.map(Some),
        Ok(false) => Ok(None),
        Err(error) => Err(unreadable(error).into()),
    };
    // what was seen counts; a connection that did not write has nothing to bring in order
    drop(connection.close().await);
    seen
}

/// Makes an empty journal.
async fn make(state: &Path) -> Result<(), OpenError> {
    let path = state.join(FILE);
    let failed = |error| OpenError::File(path.clone(), error);
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
        Ok(_) => head::sync_folder(state).map_err(failed)?,
        // left by a crash
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(failed(error)),
    }
    let mut connection = writer(state).await?;
    connection.make_tables().await?;
    Ok(connection.close().await?)
}

async fn writer(state: &Path) -> Result<Connection, OpenError> {
    let options = options(state).journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
    Ok(Connection::Sqlite(options.connect().await?))
}

fn options(state: &Path) -> SqliteConnectOptions {
    let options = SqliteConnectOptions::new().filename(state.join(FILE)).pragma("cell_size_check", "ON");
    // records may hold what does not belong into a log
    options.disable_statement_logging()
}
