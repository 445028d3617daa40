//! The one place where the time of day is read. Everything else takes the time as an argument.

use quietgate_detectors::Timestamp;

/// The time of day as this machine believes it, which may jump.
pub fn now() -> Timestamp {
    Timestamp::from_millis(jiff::Timestamp::now().as_millisecond())
}
