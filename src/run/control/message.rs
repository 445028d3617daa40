//! What goes over the socket of a running driver: one JSON object a line, one question a connection.

use super::Verb;
use crate::journal::Entry;
use serde::{Deserialize, Serialize};

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Question {
    /// How things stand, with this run or else those that are not over.
    Status {
        /// The run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        run: Option<String>,
    },
    /// Every record from now on, until the driver ends.
    Watch,
    /// Of a daemon: to begin a run of the plan in this file.
    Start {
        /// The file, from the root.
        plan: std::path::PathBuf,
        /// Why.
        reason: String,
        /// As in [`Question::Do`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        behind: Option<String>,
    },
    /// Of a daemon: to read its config once more.
    Reload {
        /// Why.
        reason: String,
        /// As in [`Question::Do`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        behind: Option<String>,
    },
    /// Of a daemon: to tell as much as this in its log.
    LogLevel {
        /// One of the levels.
        level: String,
        /// For how long, in milliseconds.
        lasts_ms: u64,
        /// As in [`Question::Do`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        behind: Option<String>,
    },
    /// Something to be done.
    Do {
        /// What.
        #[serde(flatten)]
        verb: Verb,
        /// The run; else the only one that is not over.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        run: Option<String>,
        /// Why.
        reason: String,
        /// Who, as far as the system does not know: the user before `sudo`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        behind: Option<String>,
    },
}

/// An answer, or one of many to [`Question::Watch`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// It is on record under this number.
    Done {
        /// The number.
        seq: u64,
    },
    /// A run began.
    Began {
        /// Its name.
        run: String,
    },
    /// It was done, and is not on record.
    Well,
    /// It was not done.
    Refused {
        /// Why.
        why: String,
    },
    /// How things stand.
    Status {
        /// As a text for a terminal.
        text: String,
        /// The same as data.
        status: serde_json::Value,
    },
    /// A record was written.
    Record {
        /// Its number.
        seq: u64,
        /// When, in UTC milliseconds.
        at: i64,
        /// The epoch of its driver.
        epoch: u64,
        /// The record itself.
        record: Box<serde_json::value::Value>,
    },
    /// So many records were passed over, for they came too fast for who watches; the journal has them.
    Missed {
        /// How many.
        count: u64,
    },
}

impl Answer {
    /// That it was not done.
    pub(super) fn refused(why: &str) -> Self {
        Self::Refused { why: why.to_owned() }
    }
}

impl From<&Entry> for Answer {
    fn from(entry: &Entry) -> Self {
        let record = serde_json::from_str(&entry.record).unwrap_or_default();
        Self::Record { seq: entry.seq, at: entry.at, epoch: entry.epoch, record: Box::new(record) }
    }
}
