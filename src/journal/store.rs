//! The trait that a run writes its records through, and the journal behind it.

use super::chain::{Entry, Tip};
use super::check::Whole;
use super::error::{JournalError, OpenError};
use super::head::{self, Head};
use super::lock::Lock;
use super::sql::Connection;
use serde_json::{Map, Value};
use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// The keys of a record that are the journal's own: they stand beside those of the record where it is shown.
const OWN: [&str; 3] = ["seq", "at", "epoch"];

/// Where records are appended, durably and in their order.
///
/// After any error, and after an operation that was dropped before its end, a store does nothing more: every call is
/// [`JournalError::Stopped`] until it is opened anew. What was to be appended then is there or is not.
pub trait Store {
    /// Appends a record: a JSON object as text, without the keys `seq`, `at` and `epoch`. `at_ms` is the time now, UTC
    /// milliseconds since 1970. The entry is durable when this returns.
    ///
    /// # Errors
    /// [`JournalError::Superseded`] where another driver took over: nothing was written.
    fn append(
        &mut self,
        at_ms: i64,
        record: &str,
    ) -> impl Future<Output = Result<Entry, JournalError>> + Send;

    /// The entries from number `from_seq` on, in their order, checked; none where there are none.
    ///
    /// # Errors
    /// [`JournalError::Refused`] where they do not make a chain up to what was appended last.
    fn entries(&mut self, from_seq: u64) -> impl Future<Output = Result<Vec<Entry>, JournalError>> + Send;
}

/// An open journal, whose driver we are.
#[derive(Debug)]
pub struct Journal {
    connection: Connection,
    state: PathBuf,
    tip: Tip,
    epoch: u64,
    /// Set while an operation is under way, and for ever where one fails or is dropped.
    is_stopped: bool,
    /// Shared with a head that is being written: nobody else has the lock before it is.
    lock: Arc<Lock>,
}

impl Journal {
    /// The journal behind `connection`, taken over and found `whole`. Its head is written anew, with our epoch.
    pub(super) async fn begin(
        connection: Connection,
        state: PathBuf,
        whole: Whole,
        lock: Lock,
    ) -> Result<Self, OpenError> {
        let Whole { tip, epoch } = whole;
        let journal = Self { connection, state, tip, epoch, is_stopped: false, lock: Arc::new(lock) };
        let written = journal.write_head().await;
        written.map_err(|error| OpenError::File(journal.state.join(head::FILE), error))?;
        Ok(journal)
    }

    /// The epoch of this driver, from 1.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Where the journal ends.
    pub fn tip(&self) -> Tip {
        self.tip
    }

    /// Ends the journal: brings its files in order, then lets go of the lock. A journal that is dropped, or whose
    /// process is killed, is as whole, and opens a little later.
    ///
    /// # Errors
    /// Where the files cannot be brought in order. Everything acknowledged is durable all the same.
    pub async fn close(self) -> Result<(), JournalError> {
        self.connection.close().await.map_err(JournalError::Database)
    }

    async fn write(&mut self, at_ms: i64, record: &str) -> Result<Entry, JournalError> {
        check_record(record).map_err(JournalError::NoRecord)?;
        let entry = self.tip.next(at_ms, self.epoch, record.to_owned());
        if self.connection.append(&entry).await.map_err(JournalError::Database)? == 0 {
            return Err(JournalError::Superseded { epoch: self.epoch });
        }
        self.tip = Tip::of(&entry);
        self.write_head().await.map_err(JournalError::Head)?;
        Ok(entry)
    }

    async fn read(&mut self, from_seq: u64) -> Result<Vec<Entry>, JournalError> {
        let mut entries = Vec::new();
        let mut keep = |entry: Entry| {
            if entry.seq >= from_seq {
                entries.push(entry);
            }
        };
        let tip = self.connection.follow(Tip::EMPTY, &mut keep).await?;
        self.head().vouch(tip, Some(tip.hash), 0).map_err(JournalError::Refused)?;
        Ok(entries)
    }

    fn head(&self) -> Head {
        Head { seq: self.tip.seq, hash: self.tip.hash, epoch: self.epoch }
    }

    /// Writes the head on a thread of its own: a disk that stands still must not hold up who asks for an abort.
    async fn write_head(&self) -> io::Result<()> {
        let (head, state, lock) = (self.head(), self.state.clone(), Arc::clone(&self.lock));
        let write = move || {
            let written = head.write(&state);
            drop(lock);
            written
        };
        tokio::task::spawn_blocking(write).await.map_err(io::Error::other)?
    }

    /// Marks the beginning of an operation; [`Self::ended`] marks its end.
    fn begun(&mut self) -> Result<(), JournalError> {
        if std::mem::replace(&mut self.is_stopped, true) { Err(JournalError::Stopped) } else { Ok(()) }
    }

    fn ended<T>(&mut self, done: Result<T, JournalError>) -> Result<T, JournalError> {
        self.is_stopped = done.is_err();
        done
    }
}

impl Store for Journal {
    async fn append(&mut self, at_ms: i64, record: &str) -> Result<Entry, JournalError> {
        self.begun()?;
        let done = self.write(at_ms, record).await;
        self.ended(done)
    }

    async fn entries(&mut self, from_seq: u64) -> Result<Vec<Entry>, JournalError> {
        self.begun()?;
        let done = self.read(from_seq).await;
        self.ended(done)
    }
}

fn check_record(record: &str) -> Result<(), String> {
    let keys: Map<String, Value> = serde_json::from_str(record).map_err(|error| error.to_string())?;
    match OWN.iter().find(|key| keys.contains_key(**key)) {
        Some(key) => Err(format!("the key {key} is the journal's own")),
        None => Ok(()),
    }
}
