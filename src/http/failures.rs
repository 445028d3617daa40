//! Tokens that were not good, by where they came from: who guesses is told to wait.

use super::problem::Problem;
use axum::http::{StatusCode, header};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// So many may be wrong before the next ones are told to wait.
const FREE: u32 = 10;
/// After so long without one they are forgotten.
const MEMORY: Duration = Duration::from_secs(60);
/// Of so many addresses they are remembered.
const ADDRESSES_MAX: usize = 4096;

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Failures(Mutex<HashMap<IpAddr, (u32, Instant)>>);

impl Failures {
    /// One from there was wrong. A good token is always looked at: nobody locks others out by guessing from where they are too.
    ///
    /// # Errors
    /// There were too many wrong ones.
    pub(super) fn add(&self, from: Option<IpAddr>) -> Result<(), Problem> {
        let Some(from) = from else { return Ok(()) };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= ADDRESSES_MAX {
            known.retain(|_, (_, newest)| newest.elapsed() < MEMORY);
        }
        if known.len() >= ADDRESSES_MAX && !known.contains_key(&from) {
            // rather forget somebody than grow
            known.clear();
        }
        let (count, newest) = known.entry(from).or_insert((0, Instant::now()));
        if newest.elapsed() >= MEMORY {
            *count = 0;
        }
        (*count, *newest) = (count.saturating_add(1), Instant::now());
        if *count <= FREE {
            return Ok(());
        }
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too many tokens from there were not good");
        Err(problem.with(header::RETRY_AFTER, &MEMORY.as_secs().to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn who_guesses_waits_and_nobody_else() {
        let failures = Failures::default();
        let at = |n: u32| Some(IpAddr::V4(Ipv4Addr::from(n)));
        for _ in 0..FREE {
            assert!(failures.add(at(1)).is_ok());
        }
        assert!(failures.add(at(1)).is_err());
        assert!(failures.add(at(2)).is_ok() && failures.add(None).is_ok());
    }

    #[test]
    fn of_any_number_of_addresses_not_more_are_remembered() {
        let failures = Failures::default();
        (0..10_000).for_each(|n| drop(failures.add(Some(IpAddr::V4(Ipv4Addr::from(n))))));
        assert!(failures.0.lock().expect("no panic").len() <= ADDRESSES_MAX);
    }
}
