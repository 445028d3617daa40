//! Why an input cannot be read: file, place, column, what was found, what is allowed.

use std::error::Error;
use std::fmt;

/// Where in a file something stands. Lines and rows count from 1; the header of a CSV file is line 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A line of a text file.
    Line(u64),
    /// A row of a table that has no lines (Parquet).
    Row(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(number) => write!(f, "line {number}"),
            Self::Row(number) => write!(f, "row {number}"),
        }
    }
}

/// An input that cannot be read. Prints as
/// `load.csv line 12, column timestamp: found "yesterday", allowed: …`.
#[derive(Debug)]
pub struct InputError {
    /// The file as the user named it, or the pattern that named none.
    pub file: String,
    /// Line or row, where the trouble has one.
    pub place: Option<Place>,
    /// The column by name, where the trouble lies in one.
    pub column: Option<Box<str>>,
    /// What was found, with quotes around what stood in the file.
    pub found: String,
    /// What is allowed instead; empty where the cause says it all (the disk cannot be read).
    pub allowed: String,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

impl InputError {
    pub(super) fn new(file: impl Into<String>, found: impl Into<String>, allowed: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            place: None,
            column: None,
            found: found.into(),
            allowed: allowed.into(),
            cause: None,
        }
    }

    pub(super) fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    pub(super) fn in_column(mut self, column: &str) -> Self {
        self.column = Some(column.into());
        self
    }

    pub(super) fn because(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(place) = self.place {
            write!(f, " {place}")?;
        }
        if let Some(column) = &self.column {
            write!(f, ", column {column}")?;
        }
        write!(f, ": found {}", self.found)?;
        if self.allowed.is_empty() { Ok(()) } else { write!(f, ", allowed: {}", self.allowed) }
    }
}

impl Error for InputError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}

/// The longest piece of a file that is quoted in a message, in characters.
const QUOTED_CHARS: usize = 40;

/// `text` as it stands in a message: quoted, on one line, shortened where it is long.
pub fn quoted(text: &str) -> String {
    if text.chars().count() <= QUOTED_CHARS {
        return format!("{text:?}");
    }
    let head: String = text.chars().take(QUOTED_CHARS).collect();
    format!("{head:?}…")
}
