//! Why a run cannot be driven on.

use crate::config::ZoneError;
use crate::history::HistoryError;
use crate::sources::SourceError;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a run cannot be driven on.
#[derive(Debug)]
pub enum DriveError {
    /// The journal cannot be written: what was in flight came to its end, and nobody has put that on record.
    Journal {
        /// Why.
        why: String,
        /// How many attempts ended that are not on record.
        lost: usize,
    },
    /// A record that cannot be: the program is wrong.
    Illegal(crate::steps::Illegal),
    /// A source cannot be opened.
    Source(SourceError),
    /// The history of a signal cannot be gone on with.
    History(HistoryError),
    /// A sink cannot be opened.
    Sink(String),
    /// A time zone is not known.
    Zone(ZoneError),
    /// A file or folder of the state cannot be used.
    State(PathBuf, io::Error),
}

impl fmt::Display for DriveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Journal { why, lost: 0 } => {
                write!(f, "the journal cannot be written, so nothing starts any more: {why}")
            }
            Self::Journal { why, lost } => write!(
                f,
                "the journal cannot be written, so nothing starts any more; how {lost} ended is not on record, and they will \
                 be unknown: {why}"
            ),
            Self::Illegal(_) => f.write_str("a mistake in this program: it would write what cannot be"),
            Self::Source(_) => f.write_str("a source cannot be opened"),
            Self::History(error) => error.fmt(f),
            Self::Sink(why) => f.write_str(why),
            Self::Zone(error) => error.fmt(f),
            Self::State(path, _) => write!(f, "{} cannot be used", path.display()),
        }
    }
}

impl std::error::Error for DriveError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Illegal(error) => Some(error),
            Self::Source(error) => Some(error),
            Self::History(error) => error.source(),
            Self::State(_, error) => Some(error),
            Self::Journal { .. } | Self::Zone(_) | Self::Sink(_) => None,
        }
    }
}
