//! How much is told in the log: changed while the program runs, for a while.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The levels, from the one that tells least.
pub const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];
/// The longest that another level than the usual one lasts.
const LASTS_MAX: Duration = Duration::from_secs(86_400);

/// Sets the level, or the usual one.
type Set = dyn Fn(Option<&str>) -> Result<(), String> + Send + Sync;

/// The level of the log of this process. Cheap to clone.
#[derive(Clone)]
pub struct Log {
    set: Arc<Set>,
    until: Arc<Mutex<Option<Instant>>>,
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("until", &self.until).finish_non_exhaustive()
    }
}

impl Log {
    /// One whose level `set` sets.
    pub fn new(set: impl Fn(Option<&str>) -> Result<(), String> + Send + Sync + 'static) -> Self {
        Self { set: Arc::new(set), until: Arc::default() }
    }

    /// Tells as much as `level` says for so long from `now` on.
    ///
    /// # Errors
    /// There is no such level, it is too long, or the log cannot be changed.
    pub fn change(&self, level: &str, lasts: Duration, now: Instant) -> Result<(), String> {
        allowed(level, lasts)?;
        (self.set)(Some(level))?;
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = Some(now + lasts);
        Ok(())
    }

    /// Goes back to the usual level where the time of another one is over at `now`, and says whether it did.
    pub fn look(&self, now: Instant) -> bool {
        let mut until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        if until.is_none_or(|until| now < until) {
            return false;
        }
        *until = None;
        (self.set)(None).is_ok()
    }
}

/// Whether there is such a level, and it may last so long.
///
/// # Errors
/// What is allowed.
pub fn allowed(level: &str, lasts: Duration) -> Result<(), String> {
    if !LEVELS.contains(&level) {
        return Err(format!("the level is {level:?}, allowed is one of {}", LEVELS.join(", ")));
    }
    if lasts.is_zero() || lasts > LASTS_MAX {
        return Err("another level lasts more than nothing and a day at most".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_level_lasts_as_long_as_was_said() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let own = Arc::clone(&told);
        let log = Log::new(move |level| {
            own.lock().expect("no panic").push(level.map(str::to_owned));
            Ok(())
        });
        let (now, minute) = (Instant::now(), Duration::from_secs(60));
        assert!(!log.look(now));
        log.change("debug", minute, now).expect("a level");
        assert!(!log.look(now + minute / 2) && log.look(now + minute) && !log.look(now + 2 * minute));
        assert_eq!(*told.lock().expect("no panic"), [Some("debug".to_owned()), None]);
        for (level, lasts) in [("loud", minute), ("debug", Duration::ZERO), ("debug", LASTS_MAX + minute)] {
            assert!(log.change(level, lasts, now).is_err(), "{level} {lasts:?}");
        }
    }
}
