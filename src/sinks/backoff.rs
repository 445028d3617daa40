//! How long is waited before something is tried again: twice as long each time, up to a limit, and never in step with others.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Before the second try; the first waits for nothing.
const FIRST_MS: u64 = 1_000;
/// At most.
const MOST_MS: u64 = 300_000;

/// How long to wait before the next try.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// It went well.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// Whether it went wrong since it last went well.
    pub(super) fn is_waiting(&self) -> bool {
        self.failures > 0
    }

    /// It went wrong once more: how long to wait. `least` is what the receiver asked for.
    pub(super) fn next(&mut self, least: Option<Duration>) -> Duration {
        let random = RandomState::new().hash_one(self.failures);
        let wait = wait(self.failures, random);
        self.failures = self.failures.saturating_add(1);
        wait.max(least.unwrap_or_default().min(Duration::from_millis(MOST_MS)))
    }
}

/// Between half of it and all of it, by the number `random`.
fn wait(failures: u32, random: u64) -> Duration {
    let whole = FIRST_MS.saturating_mul(1_u64.checked_shl(failures).unwrap_or(u64::MAX)).min(MOST_MS);
    let half = whole / 2;
    Duration::from_millis(half + random % (whole - half + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_up_to_five_minutes_and_lies_between_half_and_all_of_it() {
        let ends = |failures| [0, 500, u64::MAX].map(|random| wait(failures, random).as_millis());
        assert_eq!(ends(0), [500, 1_000, 500 + u128::from(u64::MAX % 501)]);
        for (failures, most) in [(0, 1_000), (1, 2_000), (4, 16_000), (9, 300_000), (80, 300_000)] {
            for random in (0..1_000).map(|n| n * 7_919) {
                let wait = wait(failures, random).as_millis();
                assert!((most / 2..=most).contains(&wait), "{failures}: {wait}");
            }
        }
        let mut backoff = Backoff::default();
        assert!(!backoff.is_waiting());
        assert_eq!(backoff.next(Some(Duration::from_secs(7))), Duration::from_secs(7));
        assert_eq!(backoff.next(Some(Duration::from_secs(7_000))), Duration::from_millis(MOST_MS));
        backoff.reset();
        assert!(!backoff.is_waiting() && backoff.next(None) <= Duration::from_millis(FIRST_MS));
    }
}
