//! What can be wrong with a history, and what to do then. Nothing is ever mixed or deleted because of it.

use crate::text;
use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why the history of a signal cannot be used.
#[derive(Debug)]
pub enum HistoryError {
    /// A file or folder of it cannot be read or written.
    File(PathBuf, io::Error),
    /// There is no room for it.
    Full(PathBuf, io::Error),
    /// Another process writes it.
    Held(PathBuf),
    /// It has a format that this version of the program does not know.
    Format {
        /// Its folder.
        folder: PathBuf,
        /// The format.
        found: u32,
    },
    /// It keeps something else than is wanted.
    Other {
        /// Its folder.
        folder: PathBuf,
        /// What it keeps: `samples every 1 min`.
        found: String,
        /// What is wanted, in the same form.
        wanted: String,
    },
    /// A file of it is not what was written.
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A file of values is longer or shorter than it was made.
    Length {
        /// The file.
        path: PathBuf,
        /// Its bytes.
        found: u64,
        /// The bytes that it was made with.
        wanted: u64,
    },
    /// The series of some rows are not known any more.
    Nameless {
        /// The log of series.
        path: PathBuf,
        /// So many lines it has.
        found: u32,
        /// So many it had.
        wanted: u32,
    },
}

impl HistoryError {
    /// What went wrong with the file at `path`.
    pub(super) fn file(path: &Path) -> impl Fn(io::Error) -> Self {
        let path = path.to_owned();
        move |error| match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full(path.clone(), error),
            _ => Self::File(path.clone(), error),
        }
    }
}

/// What to do with a history that cannot be gone on with.
const AWAY: &str =
    "move that folder away, then a new history begins, which `quietgate history import` can fill";

impl fmt::Display for HistoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, _) => write!(f, "{} cannot be used", path.display()),
            Self::Full(path, _) => write!(f, "there is no room for {}", path.display()),
            Self::Held(path) => {
                write!(f, "another process writes the history in {}: wait until it has ended", path.display())
            }
            Self::Format { folder, found } => write!(
                f,
                "the history in {} has the format {found}, this version of the program knows {}: export it with the version \
                 that wrote it, and {AWAY}",
                folder.display(),
                super::shape::FORMAT
            ),
            Self::Other { folder, found, wanted } => write!(
                f,
                "the history in {} keeps {found}, wanted is {wanted}, and nothing is mixed: `quietgate history export` it, and \
                 {AWAY}; or put the config back",
                folder.display()
            ),
            Self::Damaged { path, why } => write!(f, "{} is damaged: {why}; {AWAY}", path.display()),
            Self::Length { path, found, wanted } => write!(
                f,
                "{} was cut or grew: it has {} bytes and was made with {}; {AWAY}",
                path.display(),
                text::count(*found),
                text::count(*wanted)
            ),
            Self::Nameless { path, found, wanted } => write!(
                f,
                "{} was cut: it has {found} lines of {wanted}, so whose values those are that were kept is not known; {AWAY}",
                path.display()
            ),
        }
    }
}

impl Error for HistoryError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::File(_, error) | Self::Full(_, error) => Some(error),
            _ => None,
        }
    }
}
