//! What a sink is: it takes events one after the other, and says what became of each.

use crate::event::Event;
use std::fmt;
use std::pin::Pin;
use std::time::Duration;

/// What becomes of something that is sent.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<(), Failed>> + Send + 'a>>;

/// Something events go to.
pub trait Sink: Send + fmt::Debug {
    /// Learns where persons open the page, for links to it.
    fn page(&mut self, url: &str) {
        let _ = url;
    }

    /// Learns of an event that was delivered before, by an earlier process: nothing is sent for it.
    fn knew(&mut self, event: &Event) {
        let _ = event;
    }

    /// Delivers `event` once. Who fails is asked again, with the same event, as long as that can help.
    fn send<'a>(&'a mut self, event: &'a Event) -> Sending<'a>;

    /// When there is something to say without an event, in milliseconds since 1970; none where there never is.
    fn due_ms(&self) -> Option<i64> {
        None
    }

    /// Says what is due by `now_ms`.
    fn remind(&mut self, now_ms: i64) -> Sending<'_> {
        let _ = now_ms;
        Box::pin(async { Ok(()) })
    }

    /// Says at `now_ms` what is to be said before the process ends.
    fn leave(&mut self, now_ms: i64) -> Sending<'_> {
        let _ = now_ms;
        Box::pin(async { Ok(()) })
    }
}

/// Why something was not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failed {
    /// It may be taken later.
    Later {
        /// Why it was not now.
        why: String,
        /// The receiver wants to be left alone for so long.
        after: Option<Duration>,
    },
    /// The receiver will never take it.
    ForGood(String),
}

impl Failed {
    /// It may be taken later.
    pub(super) fn later(why: impl Into<String>) -> Self {
        Self::Later { why: why.into(), after: None }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Later { why, .. } => f.write_str(why),
            Self::ForGood(why) => write!(f, "refused for good: {why}"),
        }
    }
}

/// Why a sink cannot be opened: a file of its settings that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkError(pub String);

impl fmt::Display for SinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SinkError {}
