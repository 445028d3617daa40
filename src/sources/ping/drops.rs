//! When this machine missed packets: the kernel dropped them because a socket's receive buffer was full, or all of it slept.

use super::packet::Family;
use std::collections::VecDeque;
use std::path::PathBuf;

/// The table in which the kernel counts the drops of a socket of this kind, as this thread's network sees it.
pub(super) fn table(family: Family, is_raw: bool) -> PathBuf {
    let name = match (family, is_raw) {
        (Family::V4, false) => "icmp",
        (Family::V6, false) => "icmp6",
        (Family::V4, true) => "raw",
        (Family::V6, true) => "raw6",
    };
    PathBuf::from("/proc/thread-self/net").join(name)
}

/// The drops of the socket with this inode; none where the table does not have it.
pub(super) fn of(table: &str, inode: u64) -> Option<u64> {
    // sl local remote st tx:rx tr:when retransmits uid timeout inode ref pointer drops
    table.lines().skip(1).find_map(|line| {
        let mut words = line.split_whitespace().skip(9);
        let is_it = words.next()?.parse() == Ok(inode);
        words.nth(2).filter(|_| is_it)?.parse().ok()
    })
}

/// Stretches of time in which a socket dropped something, or could get nothing.
#[derive(Debug)]
pub(super) struct Drops {
    count: u64,
    read_ns: u64,
    stretches: VecDeque<(u64, u64)>,
}

impl Drops {
    /// None, after `count` before `now_ns`.
    pub(super) fn new(count: u64, now_ns: u64) -> Self {
        Self { count, read_ns: now_ns, stretches: VecDeque::new() }
    }

    /// There are `count` drops, read between two times. Gives how many are new.
    pub(super) fn read(&mut self, count: u64, from_ns: u64, until_ns: u64) -> u64 {
        // the kernel counts in 32 bits, so that it may begin anew
        let new = if count >= self.count { count - self.count } else { count.max(1) };
        if new > 0 {
            self.stretches.push_back((self.read_ns, until_ns));
        }
        (self.count, self.read_ns) = (count, from_ns);
        new
    }

    /// Between two times the machine slept.
    pub(super) fn slept(&mut self, from_ns: u64, until_ns: u64) {
        self.stretches.push_back((from_ns, until_ns));
    }

    /// Whether anything may have been dropped between two times, both included.
    pub(super) fn touch(&self, from_ns: u64, until_ns: u64) -> bool {
        self.stretches.iter().any(|(from, until)| *from <= until_ns && from_ns <= *until)
    }

    /// Forgets what was over before `before_ns`.
    pub(super) fn forget(&mut self, before_ns: u64) {
        self.stretches.retain(|(_, until)| *until >= before_ns);
    }
}

/// How long the machine has slept.
#[derive(Debug)]
pub(super) struct Sleep {
    known_ms: i64,
}

/// Less may come from reading two clocks one after the other.
const SLEEP_MS: i64 = 50;

impl Sleep {
    /// It has slept for `slept_ms` in all, at least.
    pub(super) fn until_now(slept_ms: i64) -> Self {
        Self { known_ms: slept_ms }
    }

    /// It has slept for `slept_ms` in all, at least. Gives for how long since it was told last, where it has.
    pub(super) fn woke(&mut self, slept_ms: i64) -> Option<i64> {
        let new_ms = slept_ms.saturating_sub(self.known_ms);
        self.known_ms = self.known_ms.max(slept_ms);
        (new_ms >= SLEEP_MS).then_some(new_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::super::flight::{Echo, Flight, Outcome};
    use super::*;
    use proptest::prelude::*;

    const TABLE: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
    1: 00000000:0001 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4711 2 00000000a1b2c3d4 0
   58: 00000000000000000000000000000000:003A 00000000000000000000000000000000:0000 07 00000000:00034D00 00:00000000 00000000     0        0 4712 2 0000000000000000 812
";

    #[test]
    fn the_drops_of_a_socket_are_found_by_its_inode() {
        assert_eq!((of(TABLE, 4711), of(TABLE, 4712), of(TABLE, 1)), (Some(0), Some(812), None));
        assert_eq!(of("", 4711), None);
        assert_eq!(of("head\n 1: 2 3 4 5 6 7 8 9 4711 2\n", 4711), None, "a line that is cut");
    }

    /// Of several kernels, which tell pointers, numbers for them, or words.
    #[test]
    fn the_tables_of_several_kernels_are_understood() {
        let table = |name: &str| {
            let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kernels").join(name);
            std::fs::read_to_string(path).expect(name)
        };
        let sockets = [
            ("3.10/net/icmp", 4711, 0),
            ("3.10/net/icmp", 20017, 812),
            ("3.10/net/raw", 9001, 5),
            ("4.19/net/icmp", 31337, 2_147_483_647),
            ("4.19/net/icmp6", 4712, 812),
            ("4.19/net/raw", 777, 0),
            ("5.10/net/icmp", 309, 0),
            ("6.1/net/icmp", 10899, 0),
        ];
        for (name, inode, drops) in sockets {
            assert_eq!(of(&table(name), inode), Some(drops), "{name}");
            assert_eq!(of(&table(name), inode + 1), None, "{name}: another socket");
        }
        for name in ["icmp", "icmp6", "raw", "raw6"] {
            assert_eq!(of(&table(&format!("6.18/net/{name}")), 0), None, "{name}: no socket");
        }
    }

    #[test]
    fn drops_lie_between_two_readings() {
        let mut drops = Drops::new(3, 100);
        assert_eq!(drops.read(3, 200, 210), 0);
        assert!(!drops.touch(0, 1_000));
        assert_eq!(drops.read(5, 300, 310), 2);
        assert_eq!(drops.read(5, 400, 410), 0);
        let touched =
            [(0, 199), (0, 200), (250, 260), (310, 900), (311, 900)].map(|(a, b)| drops.touch(a, b));
        assert_eq!(touched, [false, true, true, true, false]);
        assert_eq!(drops.read(1, 500, 510), 1, "a counter that began anew");
        drops.forget(311);
        assert!(!drops.touch(0, 310) && drops.touch(450, 450));
    }

    #[test]
    fn what_was_under_way_while_the_machine_slept_is_not_measured() {
        const TIMEOUT: u64 = 1_000;
        let (mut sleep, mut drops) = (Sleep::until_now(70), Drops::new(0, 0));
        let mut flight = Flight::new(TIMEOUT, 100);
        for sent_ns in [0, 1_500, 1_950, 2_200] {
            flight.push(Echo { address: 0, sent_ns, due_ns: sent_ns, due_ms: 0 }, true);
        }
        flight.answered(1, 1_500, 1_600);
        assert_eq!((sleep.woke(70), sleep.woke(60), sleep.woke(110)), (None, None, None));
        // between 1,900 and 2,000 an hour went by that this clock does not know
        assert_eq!(sleep.woke(3_600_110), Some(3_600_000));
        drops.slept(1_900, 2_000);
        let outcomes: Vec<_> =
            std::iter::from_fn(|| flight.decide(9_000, |_, from, until| drops.touch(from, until)))
                .map(|(_, outcome)| outcome)
                .collect();
        let answered = Outcome::Answered { round_trip_ns: 100 };
        assert_eq!(outcomes, [Outcome::Lost, answered, Outcome::Unmeasured, Outcome::Lost]);
        assert_eq!(sleep.woke(3_600_110), None);
    }

    proptest! {
        #[test]
        fn any_table_can_be_there(text in "[ -~\n]{0,300}", inode in any::<u64>()) {
            let found = of(&text, inode);
            prop_assert!(found.is_none() || text.contains(&inode.to_string()));
        }
    }
}
