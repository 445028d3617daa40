//! Why a source gave no answer. Whatever it is, the series of the signal are unknown then.

use quietgate_detectors::{Reason, Timestamp};
use std::fmt;
use std::io;

/// Why there is no answer: where, and what happened. It never holds a secret.
#[derive(Debug)]
pub struct SourceError {
    at: String,
    trouble: Trouble,
}

/// What happened.
#[derive(Debug)]
pub enum Trouble {
    /// Nobody can be reached, or the connection broke.
    Unreachable(reqwest::Error),
    /// The answer did not come in time.
    Late {
        /// The limit in milliseconds.
        limit_ms: i64,
    },
    /// The server refused.
    Status {
        /// The HTTP status.
        status: u16,
        /// What the server said, on one line and cut.
        said: String,
    },
    /// The body of the answer is larger than its limit.
    TooLarge {
        /// The most that is allowed, with its setting: `32MiB (max_body)`.
        limit: String,
    },
    /// There is more of something than its limit.
    TooMuch {
        /// What there is too much of: `50,001 series`.
        what: String,
        /// The most that is allowed, with its setting: `50,000 (max_series)`.
        limit: String,
    },
    /// The answer is not what it was taken for.
    BadAnswer {
        /// What is wrong with it.
        what: String,
    },
    /// One series came twice, so that nobody can tell which holds.
    Duplicate {
        /// Its labels.
        series: String,
    },
    /// One series has two values at one time, so that nobody can tell which holds.
    Contradicted {
        /// Its labels.
        series: String,
        /// The time.
        at: Timestamp,
    },
    /// The question makes no sense to this source.
    BadQuery {
        /// What is wrong with it.
        what: String,
    },
    /// A file cannot be used.
    File {
        /// What it is to the source: `the secret`, `the certificates`.
        what: &'static str,
        /// Why not.
        cause: io::Error,
    },
    /// The system refuses something.
    System {
        /// What cannot be done, and what would help where that is known.
        what: &'static str,
        /// Why not.
        cause: io::Error,
    },
    /// A counter went back to a lower value; the next answer counts from there.
    CounterReset {
        /// Its name.
        counter: &'static str,
    },
    /// The client could not be made of its settings.
    Client(reqwest::Error),
    /// A program did not end as it should.
    Program {
        /// How it ended: `exit code 3`.
        how: String,
        /// What it said on standard error, on one line and cut.
        said: String,
    },
}

impl SourceError {
    /// The trouble at an address, a path or a name. Words that may be those of others are put on one line and cut.
    pub(super) fn new(at: impl Into<String>, trouble: Trouble) -> Self {
        let trouble = match trouble {
            Trouble::BadAnswer { what } => Trouble::BadAnswer { what: one_line(&what) },
            Trouble::Duplicate { series } => Trouble::Duplicate { series: one_line(&series) },
            Trouble::Contradicted { series, at } => Trouble::Contradicted { series: one_line(&series), at },
            trouble => trouble,
        };
        Self { at: at.into(), trouble }
    }

    /// What happened.
    pub fn trouble(&self) -> &Trouble {
        &self.trouble
    }

    /// Why the series are unknown now.
    pub fn reason(&self) -> Reason {
        match self.trouble {
            Trouble::CounterReset { .. } => Reason::CounterReset,
            Trouble::Duplicate { .. } | Trouble::Contradicted { .. } => Reason::Conflicting,
            _ => Reason::SourceDown,
        }
    }

    /// Whether a shorter stretch of time may be answered.
    pub(super) fn is_too_much(&self) -> bool {
        match &self.trouble {
            Trouble::TooLarge { .. } => true,
            // the server's own limit, --query.max-samples
            Trouble::Status { status: 422, said } => said.contains("too many samples"),
            _ => false,
        }
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, trouble } = self;
        match trouble {
            Trouble::Unreachable(_) => write!(f, "{at}: no answer"),
            Trouble::Late { limit_ms } => {
                write!(f, "{at}: no answer within {}", crate::text::duration(*limit_ms))
            }
            Trouble::Status { status, said } if said.is_empty() => write!(f, "{at}: answered {status}"),
            Trouble::Status { status, said } => write!(f, "{at}: answered {status}: {said}"),
            Trouble::TooLarge { limit } => write!(f, "{at}: a larger body, allowed is at most {limit}"),
            Trouble::TooMuch { what, limit } => write!(f, "{at}: {what}, allowed is at most {limit}"),
            Trouble::BadAnswer { what } => write!(f, "{at}: not an answer that can be used: {what}"),
            Trouble::Duplicate { series } => write!(f, "{at}: the series {series} is in the answer twice"),
            Trouble::Contradicted { series, at: when } => {
                let when = crate::text::rfc3339(when.as_millis());
                write!(f, "{at}: the series {series} has two values at {when}")
            }
            Trouble::BadQuery { what } => write!(f, "{at}: {what}"),
            Trouble::File { what, .. } => write!(f, "{at}: {what} cannot be read"),
            Trouble::System { what, .. } => write!(f, "{at}: {what}"),
            Trouble::CounterReset { counter } => write!(f, "{at}: {counter} went back to a lower value"),
            Trouble::Program { how, said } if said.is_empty() => write!(f, "{at}: {how}"),
            Trouble::Program { how, said } => write!(f, "{at}: {how}: {said}"),
            Trouble::Client(_) => write!(f, "{at}: no client can be made of these settings"),
        }
    }
}

impl std::error::Error for SourceError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.trouble {
            Trouble::Unreachable(cause) | Trouble::Client(cause) => Some(cause),
            Trouble::File { cause, .. } | Trouble::System { cause, .. } => Some(cause),
            _ => None,
        }
    }
}

/// The most characters of the words of others that are repeated.
const SAID_MAX: usize = 300;
/// The most characters of a piece of what they wrote, such as a value.
const PIECE_MAX: usize = 80;

/// `text` on one line, and cut.
pub(super) fn one_line(text: &str) -> String {
    crate::text::plain(&cut(text, SAID_MAX)).into_owned()
}

/// The beginning of `text` in quotes, as a piece of a sentence: what stands in an answer.
pub(super) fn quoted(text: &str) -> String {
    format!("{:?}", cut(text, PIECE_MAX))
}

fn cut(text: &str, most: usize) -> String {
    let mut cut: String = text.chars().take(most).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_others_are_one_line_and_few() {
        let much = "a\n\u{1b}".repeat(100_000);
        for trouble in
            [Trouble::BadAnswer { what: much.clone() }, Trouble::Duplicate { series: much.clone() }]
        {
            let said = SourceError::new("here", trouble).to_string();
            assert!(said.len() < 3_000 && !said.contains(char::is_control), "{} bytes", said.len());
        }
        assert_eq!((quoted("a\n"), quoted(&much).chars().count()), ("\"a\\n\"".to_owned(), 240));
    }
}
