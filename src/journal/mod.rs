//! The journal: an append-only, hash-chained table, in a file by SQLite or on a PostgreSQL server.
//!
//! What an append acknowledges is durable, in its order, once. What is damaged is refused by the number of its first bad
//! entry and never read as a shorter whole one: the chain shows what was changed, the head beside it what is missing.
//! `docs/journal.md` tells the promises and formats to those who run the program.
//!
//! Needs a tokio runtime with time and input; files are synced on its blocking threads.

mod chain;
mod check;
mod error;
#[cfg(any(fuzzing, test))]
pub(crate) mod fuzzing;
mod head;
mod lock;
mod postgres;
mod sql;
mod sqlite;
mod store;

pub use chain::{Entry, Hash, NoHash, Tip};
pub use check::{head_text, whole};
pub use error::{Damage, JournalError, OpenError, Refusal};
pub use store::{Journal, Store};

use check::Lag;
use head::Known;
use lock::Lock;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

/// Opens the journal of the folder `state` as its driver, and makes it where there is none. With `server`, the URL of a
/// PostgreSQL database, the journal is there; `state` then has what this machine knows of it.
///
/// Takes the lock, checks chain and head, and counts the epoch up, durably: from then on no other driver appends. Gives
/// all entries, in their order. The lock ends with the journal, or with the process, however that ends.
///
/// # Errors
/// [`OpenError::Held`] where another driver has the lock, [`OpenError::Refused`] where the journal is not whole; what is
/// refused stays as it was.
pub async fn open(state: &Path, server: Option<&str>) -> Result<(Journal, Vec<Entry>), OpenError> {
    make_folder(state).map_err(|error| OpenError::File(state.to_owned(), error))?;
    let lock = Lock::take(state)?;
    let known = known(state)?;
    let mut entries = Vec::new();
    let keep = |entry| entries.push(entry);
    let (connection, whole) = match server {
        None => sqlite::open(state, known, keep).await?,
        Some(url) => postgres::open(url, known, keep).await?,
    };
    let journal = Journal::begin(connection, state.to_owned(), whole, lock).await?;
    Ok((journal, entries))
}

/// Reads the journal of the folder `state`, or with `server` that of the PostgreSQL database at this URL, without taking
/// or waiting for the lock: one state of it, also while a driver appends. Each entry is given to `each` once the chain up
/// to it is whole. Gives where the journal ends.
///
/// # Errors
/// [`OpenError::Absent`] where there is no journal, [`OpenError::Refused`] where it is not whole: what `each` was given
/// stands before the first bad entry, and is whole.
pub async fn read(state: &Path, server: Option<&str>, mut each: impl FnMut(Entry)) -> Result<Tip, OpenError> {
    loop {
        let before = known(state)?;
        if let Some(url) = server {
            return Ok(postgres::look(url, before, each).await?.tip);
        }
        let seen = if sqlite::exists(state, before) {
            sqlite::look(state, before, Lag::OF_A_READER, &mut each).await
        } else {
            Ok(None)
        };
        let after = known(state)?;
        match (seen, before, after) {
            // its first driver wrote the first head meanwhile
            (Err(_) | Ok(None), Known::Nothing, Known::Head(_)) => {}
            (Ok(Some(whole)), _, Known::Head(head)) => {
                head.not_passed(whole.tip)?;
                return Ok(whole.tip);
            }
            (Ok(Some(whole)), ..) => return Ok(whole.tip),
            (Ok(None), Known::Nothing, _) => return Err(OpenError::Absent(state.to_owned())),
            (Ok(None), ..) => {
                before.nothing()?;
                return Ok(Tip::EMPTY);
            }
            (Err(error), ..) => return Err(error),
        }
    }
}

fn known(state: &Path) -> Result<Known, OpenError> {
    Known::read(state).map_err(|error| OpenError::File(state.join(head::FILE), error))
}

/// The folder of the state, for its owner alone, and durable.
fn make_folder(state: &Path) -> io::Result<()> {
    if state.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(state)?;
    match state.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => head::sync_folder(parent),
        _ => head::sync_folder(Path::new(".")),
    }
}
