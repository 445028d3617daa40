//! The one place where the time of day is read. Everything else takes the time as an argument.

use quietgate_detectors::Timestamp;
use rustix::time::{ClockId, Timespec, clock_gettime};

/// The time of day as this machine believes it, which may jump.
pub fn now() -> Timestamp {
    Timestamp::from_millis(jiff::Timestamp::now().as_millisecond())
}

/// How long this machine has been suspended since it started, in milliseconds: at least, for the two clocks that tell it are read
/// one after the other. Differences count alone; a container may have clocks that began at other times.
pub fn slept_ms() -> i64 {
    let ms = |time: Timespec| time.tv_sec.saturating_mul(1_000).saturating_add(time.tv_nsec / 1_000_000);
    // this one goes on while the machine sleeps, the other one does not
    let all = ms(clock_gettime(ClockId::Boottime));
    all.saturating_sub(ms(clock_gettime(ClockId::Monotonic)))
}
