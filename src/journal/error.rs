//! What can be wrong with a journal, and why an operation on it failed.

use std::error::Error;
use std::path::PathBuf;
use std::{fmt, io};

/// A journal that is not whole: the first entry that cannot be trusted, and why. Whatever stands before it is whole.
#[derive(Debug)]
pub struct Refusal {
    /// The number of the first bad entry, from 1. Where all that is there is whole and more ought to be, or may have
    /// been, it is the number after the newest.
    pub seq: u64,
    /// What is wrong.
    pub why: Damage,
}

/// What is wrong with a journal.
#[derive(Debug)]
pub enum Damage {
    /// Another entry stands where this one ought to.
    Gap {
        /// Its number.
        found: u64,
    },
    /// It does not name the hash of the entry before it.
    Unlinked,
    /// Its hash is not that of what it says.
    Altered,
    /// Its epoch is 0, or below that of the entry before.
    EpochBack {
        /// Its epoch.
        epoch: u64,
        /// That of the entry before.
        before: u64,
    },
    /// Its row cannot be read.
    Unreadable(sqlx::Error),
    /// The head knows of entries that are not there.
    Behind {
        /// The newest that the head knows of.
        head: u64,
    },
    /// The head knows of another entry with this number.
    OtherThanHead,
    /// More entries are there than the head can have missed.
    BeyondHead {
        /// The newest that the head knows of.
        head: u64,
    },
    /// The drivers that the database knows of are not those that the head, or the newest entry, knows of.
    Epoch {
        /// The epoch in the database.
        found: u64,
        /// The epoch that is known of.
        known: u64,
    },
    /// There is no head, although there was a driver.
    NoHead,
    /// The head file is not what this program wrote.
    Head,
    /// The database says of itself that it is damaged.
    Database(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the journal is damaged from seq {} on: {}", self.seq, self.why)
    }
}

impl Error for Refusal {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.why {
            Damage::Unreadable(error) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gap { found } => write!(f, "seq {found} stands in its place"),
            Self::Unlinked => f.write_str("it does not continue the entry before it"),
            Self::Altered => f.write_str("its hash is not that of what it says"),
            Self::EpochBack { epoch, before } => write!(f, "its epoch is {epoch}, after {before}"),
            Self::Unreadable(_) => f.write_str("it cannot be read"),
            Self::Behind { head: 0 } => f.write_str("the tables are gone, and the head knows of them"),
            Self::Behind { head } => write!(f, "it is missing, and the head knows of all up to seq {head}"),
            Self::OtherThanHead => f.write_str("the head knows of another entry with this number"),
            Self::BeyondHead { head } => {
                write!(f, "the head knows only of seq {head}, and can be behind by one at most")
            }
            Self::Epoch { found, known } => {
                write!(
                    f,
                    "the database is at epoch {found}, and {known} is known of; one of the files is an older copy"
                )
            }
            Self::NoHead => {
                f.write_str("the file `head` is missing, so what was appended last cannot be told")
            }
            Self::Head => f.write_str(
                "the file `head` is not what was written, so what was appended last cannot be told",
            ),
            Self::Database(said) => write!(f, "the database says of itself: {said}"),
        }
    }
}

/// Why a journal cannot be opened or read.
#[derive(Debug)]
pub enum OpenError {
    /// Another driver holds the state: the lock is taken.
    Held {
        /// What it holds: a folder, or `the database`.
        what: String,
    },
    /// The journal is not whole.
    Refused(Refusal),
    /// There is no journal to read.
    Absent(PathBuf),
    /// A newer program wrote it.
    Newer,
    /// The database server does not keep what it promises.
    Careless(&'static str),
    /// A file or folder cannot be used.
    File(PathBuf, io::Error),
    /// The database cannot be used.
    Database(sqlx::Error),
    /// The tables cannot be made or checked.
    Tables(sqlx::migrate::MigrateError),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held { what } => write!(f, "another driver holds {what}"),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Absent(path) => write!(f, "there is no journal in {}", path.display()),
            Self::Newer => f.write_str("a newer quietgate wrote this journal"),
            Self::Careless(what) => write!(f, "the database server is not fit for a journal: {what}"),
            Self::File(path, _) => write!(f, "{} cannot be used", path.display()),
            Self::Database(_) => f.write_str("the database of the journal cannot be used"),
            Self::Tables(_) => f.write_str("the tables of the journal cannot be made"),
        }
    }
}

impl Error for OpenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Refused(refusal) => refusal.source(),
            Self::File(_, error) => Some(error),
            Self::Database(error) => Some(error),
            Self::Tables(error) => Some(error),
            Self::Held { .. } | Self::Absent(_) | Self::Newer | Self::Careless(_) => None,
        }
    }
}

impl From<Refusal> for OpenError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<sqlx::Error> for OpenError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

/// Why an open journal did not do what it was asked to. Whatever it is, the journal does nothing more until it is
/// opened anew, and a record that was to be appended *may* be there then.
#[derive(Debug)]
pub enum JournalError {
    /// The record is no JSON object, or has a key that is the journal's own. Nothing was written.
    NoRecord(String),
    /// Another driver took the journal over: its epoch is not ours any more. Nothing was written.
    Superseded {
        /// The epoch of this driver.
        epoch: u64,
    },
    /// The database failed.
    Database(sqlx::Error),
    /// The head file cannot be written.
    Head(io::Error),
    /// What was read back is not whole.
    Refused(Refusal),
    /// An earlier operation failed or was given up half-way.
    Stopped,
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRecord(why) => write!(f, "not a record: {why}"),
            Self::Superseded { epoch } => write!(f, "another driver took over from epoch {epoch}"),
            Self::Database(_) => f.write_str("the journal cannot be written or read"),
            Self::Head(_) => f.write_str("the head of the journal cannot be written"),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Stopped => f.write_str("the journal stopped at an earlier error"),
        }
    }
}

impl Error for JournalError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Database(error) => Some(error),
            Self::Head(error) => Some(error),
            Self::Refused(refusal) => refusal.source(),
            Self::NoRecord(_) | Self::Superseded { .. } | Self::Stopped => None,
        }
    }
}
