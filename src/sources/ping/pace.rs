//! When which echo is due: evenly spread, and never in a burst after a delay.

/// The order of echoes: to each address in turn, round after round, evenly spread over the spacing of one address.
#[derive(Debug)]
pub(super) struct Pace {
    every_ns: u64,
    addresses: u64,
    origin_ns: u64,
    next: u64,
}

/// An echo that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Due {
    /// Which address, from 0.
    pub(super) address: u32,
    /// Which echo to it, from 0.
    pub(super) round: u64,
    /// Since when it is due, in nanoseconds.
    pub(super) at_ns: u64,
}

/// What is later than this is not caught up with: all later echoes move. Hosts would get echoes closer together than asked
/// for, and the network a burst.
const CATCH_UP_NS: u64 = LATE_MAX_MS.unsigned_abs() * 1_000_000;

/// An echo is sent so much later than it was due at most, in milliseconds.
pub(super) const LATE_MAX_MS: i64 = 100;

impl Pace {
    /// An echo every `every_ns` nanoseconds to each of `addresses` addresses (at least one), from `now_ns` on.
    pub(super) fn new(every_ns: u64, addresses: u32, now_ns: u64) -> Self {
        Self { every_ns, addresses: u64::from(addresses.max(1)), origin_ns: now_ns, next: 0 }
    }

    /// When the next echo is due.
    pub(super) fn next_ns(&self) -> u64 {
        let offset = u128::from(self.next) * u128::from(self.every_ns) / u128::from(self.addresses);
        self.origin_ns.saturating_add(u64::try_from(offset).unwrap_or(u64::MAX))
    }

    /// The next echo, where it is due at `now_ns`.
    pub(super) fn take(&mut self, now_ns: u64) -> Option<Due> {
        let late = now_ns.checked_sub(self.next_ns())?;
        if late > CATCH_UP_NS {
            self.origin_ns += late;
        }
        let at_ns = self.next_ns();
        let (address, round) = (self.next % self.addresses, self.next / self.addresses);
        self.next += 1;
        // exact: there are at most so many addresses
        Some(Due { address: address as u32, round, at_ns })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn echoes_are_spread_over_the_spacing() {
        let mut pace = Pace::new(200 * MS, 4, 1_000);
        let due: Vec<_> = std::iter::from_fn(|| {
            let at = pace.next_ns();
            pace.take(at)
        })
        .take(6)
        .map(|due| (due.address, due.round, (due.at_ns - 1_000) / MS))
        .collect();
        assert_eq!(due, [(0, 0, 0), (1, 0, 50), (2, 0, 100), (3, 0, 150), (0, 1, 200), (1, 1, 250)]);
    }

    #[test]
    fn a_short_delay_is_caught_up_with_and_a_long_one_is_not() {
        let mut pace = Pace::new(10 * MS, 1, 0);
        assert_eq!(pace.take(15 * MS).map(|due| due.at_ns), Some(0), "15 ms late");
        assert_eq!(pace.take(15 * MS).map(|due| due.at_ns), Some(10 * MS));
        assert_eq!(pace.take(15 * MS), None);
        let late: Vec<_> = std::iter::from_fn(|| pace.take(5_000 * MS)).collect();
        assert_eq!(late, [Due { address: 0, round: 2, at_ns: 5_000 * MS }], "no burst");
        assert_eq!(pace.next_ns(), 5_010 * MS);
    }
}
