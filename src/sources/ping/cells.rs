//! What was measured of each address in each interval. Pure: time comes with the echoes.

use super::flight::{Echo, Outcome};
use std::collections::VecDeque;
use std::sync::Arc;

/// Consecutive losses of one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord)]
pub(super) struct Outage {
    /// From when the first lost echo was due until when the one after the last is, in milliseconds.
    pub(super) ms: i64,
    /// So many echoes.
    pub(super) losses: u32,
}

/// The losses that each address has had since it last answered.
#[derive(Debug)]
pub(super) struct Outages {
    every_ms: i64,
    /// With when the first lost echo was due, in nanoseconds of a clock that nobody sets.
    of: Vec<(Outage, u64)>,
}

impl Outages {
    /// None of any of `addresses` addresses, which get an echo every `every_ms` milliseconds.
    pub(super) fn new(every_ms: i64, addresses: usize) -> Self {
        Self { every_ms, of: vec![(Outage::default(), 0); addresses] }
    }

    /// The outage that the address of `echo` is in after it. What was not measured ends one: nobody knows whether it goes on.
    pub(super) fn after(&mut self, echo: &Echo, outcome: Outcome) -> Outage {
        let Some((outage, since_ns)) = self.of.get_mut(echo.address as usize) else {
            return Outage::default();
        };
        if outcome == Outcome::Lost {
            if outage.losses == 0 {
                *since_ns = echo.due_ns;
            }
            outage.losses = outage.losses.saturating_add(1);
            let lasted_ms = echo.due_ns.saturating_sub(*since_ns) / 1_000_000;
            outage.ms = i64::try_from(lasted_ms).unwrap_or(i64::MAX).saturating_add(self.every_ms);
        } else {
            *outage = Outage::default();
        }
        *outage
    }
}

/// What was measured of one address in one interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tally {
    answered: u32,
    lost: u32,
    /// What this machine missed itself, or could not send.
    unmeasured: u32,
    round_trips_ns: u64,
    outage: Outage,
}

impl Tally {
    fn add(&mut self, outcome: Outcome, outage: Outage) {
        match outcome {
            Outcome::Answered { round_trip_ns } => {
                self.answered += 1;
                self.round_trips_ns = self.round_trips_ns.saturating_add(round_trip_ns);
            }
            Outcome::Lost => self.lost += 1,
            Outcome::Unmeasured | Outcome::Unsent => self.unmeasured += 1,
        }
        self.outage = self.outage.max(outage);
    }

    /// Whether nearly all of `expected` echoes, at least one, were measured, and none was missed.
    fn is_whole(&self, expected: u32) -> bool {
        let measured = u64::from(self.answered) + u64::from(self.lost);
        self.unmeasured == 0 && measured > 0 && measured * 10 >= u64::from(expected) * NEARLY_ALL
    }

    /// The share of echoes that were lost.
    pub(super) fn loss(&self) -> Option<f64> {
        let all = f64::from(self.answered) + f64::from(self.lost);
        (all > 0.0).then(|| f64::from(self.lost) / all)
    }

    /// The mean round-trip time in milliseconds; none where nothing was answered.
    pub(super) fn round_trip_ms(&self) -> Option<f64> {
        // exact enough: nanoseconds of hours
        (self.answered > 0).then(|| self.round_trips_ns as f64 / f64::from(self.answered) / 1e6)
    }

    /// The longest outage that reached into the interval, with what it had lost before that.
    pub(super) fn outage(&self) -> Outage {
        self.outage
    }
}

/// So many tenths of the echoes of an interval must have been sent: where this machine was too busy for the others, the
/// longest outage would be too short.
const NEARLY_ALL: u64 = 8;
/// So many intervals are kept for those who ask late.
const KEPT: usize = 8;

/// An interval that is over.
#[derive(Debug)]
pub(super) struct Closed {
    /// Its end, in milliseconds.
    pub(super) at_ms: i64,
    /// How many echoes this machine missed itself.
    pub(super) unmeasured: u64,
    /// How many addresses got too few echoes.
    pub(super) thin: usize,
    tallies: Vec<Tally>,
    expected: u32,
}

impl Closed {
    /// What was measured of each address that was measured in full, by its number.
    pub(super) fn whole(&self) -> impl Iterator<Item = (usize, &Tally)> {
        self.tallies.iter().enumerate().filter(|(_, tally)| tally.is_whole(self.expected))
    }
}

/// The intervals of one length.
#[derive(Debug)]
pub(super) struct Cells {
    interval_ms: i64,
    expected: u32,
    open: Option<i64>,
    /// Whether the one that is open was measured from its beginning.
    is_whole: bool,
    unmeasured: u64,
    tallies: Vec<Tally>,
    closed: VecDeque<Arc<Closed>>,
}

impl Cells {
    /// Nothing measured yet.
    pub(super) fn new(interval_ms: i64, every_ms: i64, addresses: usize) -> Self {
        let interval_ms = interval_ms.max(1);
        let expected = u32::try_from(interval_ms / every_ms.max(1)).unwrap_or(u32::MAX);
        let tallies = vec![Tally::default(); addresses];
        Self {
            interval_ms,
            expected,
            open: None,
            is_whole: false,
            unmeasured: 0,
            tallies,
            closed: VecDeque::new(),
        }
    }

    /// The length in milliseconds.
    pub(super) fn interval_ms(&self) -> i64 {
        self.interval_ms
    }

    /// Adds an echo, to be told in the order in which they were due. Gives whether an interval is over by that.
    pub(super) fn add(&mut self, echo: &Echo, outcome: Outcome, outage: Outage) -> bool {
        let is_over = self.reach(echo.due_ms);
        if let Some(tally) = self.tallies.get_mut(echo.address as usize) {
            tally.add(outcome, outage);
            self.unmeasured += u64::from(outcome == Outcome::Unmeasured);
        }
        is_over
    }

    /// Every echo that was due before `now_ms` has been added. Gives whether an interval is over by that.
    pub(super) fn reach(&mut self, now_ms: i64) -> bool {
        let now = now_ms.div_euclid(self.interval_ms);
        let Some(open) = self.open else {
            self.open = Some(now);
            return false;
        };
        let is_over = now > open && self.is_whole;
        if is_over {
            self.close(open);
        }
        // one interval back is the clock being put right by a little: what comes belongs to the open one
        if now > open || now < open - 1 {
            self.begin(now, now == open + 1);
        }
        is_over
    }

    /// The intervals that are over, the oldest first.
    pub(super) fn closed(&self) -> impl Iterator<Item = &Arc<Closed>> {
        self.closed.iter()
    }

    /// When the first interval that is measured from its beginning is over, as things are at `now_ms`, in milliseconds.
    pub(super) fn first_end_ms(&self, now_ms: i64) -> i64 {
        let open = self.open.unwrap_or_else(|| now_ms.div_euclid(self.interval_ms));
        (open + if self.is_whole { 1 } else { 2 }).saturating_mul(self.interval_ms)
    }

    fn close(&mut self, open: i64) {
        if self.closed.len() == KEPT {
            self.closed.pop_front();
        }
        let sent = |tally: &Tally| tally.answered + tally.lost + tally.unmeasured;
        let enough = u64::from(self.expected) * NEARLY_ALL;
        let thin = self.tallies.iter().filter(|tally| u64::from(sent(tally)) * 10 < enough.max(1)).count();
        self.closed.push_back(Arc::new(Closed {
            at_ms: (open + 1).saturating_mul(self.interval_ms),
            unmeasured: self.unmeasured,
            thin,
            tallies: self.tallies.clone(),
            expected: self.expected,
        }));
    }

    fn begin(&mut self, cell: i64, is_whole: bool) {
        (self.open, self.is_whole, self.unmeasured) = (Some(cell), is_whole, 0);
        self.tallies.fill(Tally::default());
        // the clock was set back: what bears later times would come twice
        let end = cell.saturating_mul(self.interval_ms);
        self.closed.retain(|closed| closed.at_ms <= end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWERED: Outcome = Outcome::Answered { round_trip_ns: 2_000_000 };

    /// An echo to `address` that is due at `due_ms`, of a clock that nobody sets and began with 1 s to spare.
    fn echo(address: u32, due_ms: i64) -> Echo {
        let due_ns = (due_ms + 1_000).unsigned_abs() * 1_000_000;
        Echo { address, sent_ns: due_ns, due_ns, due_ms }
    }

    /// What one address with an echo every 100 ms gives in intervals of a second, from the first whole one on.
    fn measured(outcomes: impl Fn(i64) -> Outcome, echoes: i64) -> Cells {
        let (mut cells, mut outages) = (Cells::new(1_000, 100, 1), Outages::new(100, 1));
        for number in -5..echoes {
            let echo = echo(0, number * 100);
            let outcome = if number < 0 { ANSWERED } else { outcomes(number) };
            let outage = outages.after(&echo, outcome);
            cells.add(&echo, outcome, outage);
        }
        cells.reach(echoes * 100);
        cells
    }

    fn whole(cells: &Cells) -> Vec<(i64, f64, u32, i64)> {
        let mut out = Vec::new();
        for closed in cells.closed() {
            for (_, tally) in closed.whole() {
                let Outage { ms, losses } = tally.outage();
                out.push((closed.at_ms, tally.loss().unwrap_or(f64::NAN), losses, ms));
            }
        }
        out
    }

    #[test]
    fn loss_is_a_share_of_each_whole_interval() {
        let cells = measured(|number| if number % 10 < 3 { Outcome::Lost } else { ANSWERED }, 20);
        assert_eq!(whole(&cells), [(1_000, 0.3, 3, 300), (2_000, 0.3, 3, 300)]);
        let first = cells.closed().next().expect("an interval");
        assert_eq!(first.whole().next().and_then(|(_, tally)| tally.round_trip_ms()), Some(2.0));
    }

    #[test]
    fn an_outage_is_as_long_as_it_is_in_whatever_interval_it_lies() {
        let cells = measured(|number| if (8..25).contains(&number) { Outcome::Lost } else { ANSWERED }, 40);
        let expected =
            [(1_000, 0.2, 2, 200), (2_000, 1.0, 12, 1_200), (3_000, 0.5, 17, 1_700), (4_000, 0.0, 0, 0)];
        assert_eq!(whole(&cells), expected);
        let lost = cells.closed().nth(1).expect("an interval");
        assert_eq!(lost.whole().next().and_then(|(_, tally)| tally.round_trip_ms()), None);
    }

    #[test]
    fn scattered_losses_are_no_long_outage() {
        let cells = measured(|number| if number % 2 == 0 { Outcome::Lost } else { ANSWERED }, 10);
        assert_eq!(whole(&cells), [(1_000, 0.5, 1, 100)]);
    }

    #[test]
    fn what_was_not_measured_is_missing_and_ends_an_outage() {
        for missed in [Outcome::Unmeasured, Outcome::Unsent] {
            let outcomes = |number| match number {
                12 => missed,
                10..15 => Outcome::Lost,
                _ => ANSWERED,
            };
            let cells = measured(outcomes, 30);
            assert_eq!(whole(&cells), [(1_000, 0.0, 0, 0), (3_000, 0.0, 0, 0)]);
            let unmeasured: Vec<_> = cells.closed().map(|closed| closed.unmeasured).collect();
            assert_eq!(unmeasured, [0, u64::from(missed == Outcome::Unmeasured), 0]);
        }
        let mut outages = Outages::new(100, 1);
        let lengths = [Outcome::Lost, Outcome::Lost, Outcome::Unmeasured, Outcome::Lost]
            .map(|outcome| outages.after(&echo(0, 0), outcome).losses);
        assert_eq!(lengths, [1, 2, 0, 1]);
    }

    #[test]
    fn the_first_interval_is_one_that_was_measured_from_its_beginning() {
        let mut cells = Cells::new(1_000, 100, 1);
        assert_eq!(cells.first_end_ms(5_300), 7_000);
        cells.reach(5_400);
        assert_eq!(cells.first_end_ms(5_900), 7_000);
        cells.reach(6_000);
        assert_eq!((cells.first_end_ms(6_000), cells.closed().count()), (7_000, 0));
        assert!(cells.reach(7_000));
    }

    #[test]
    fn an_interval_with_too_few_echoes_is_missing() {
        let (mut cells, mut outages) = (Cells::new(1_000, 100, 2), Outages::new(100, 2));
        for (due_ms, address) in (0..30).flat_map(|number| [(number * 100, 0), (number * 100, 1)]) {
            if address == 1 && (1_500..1_800).contains(&due_ms) {
                continue;
            }
            let echo = echo(address, due_ms);
            cells.add(&echo, ANSWERED, outages.after(&echo, ANSWERED));
        }
        let told: Vec<_> =
            cells.closed().map(|closed| (closed.at_ms, closed.thin, closed.whole().count())).collect();
        assert_eq!(told, [(2_000, 1, 1)], "the first interval is not whole, the last not over");
    }

    #[test]
    fn a_clock_that_is_set_gives_no_sample_twice() {
        let mut cells = measured(|_| ANSWERED, 50);
        for due_ms in (1_500..3_000).step_by(100) {
            cells.add(&echo(0, due_ms), ANSWERED, Outage::default());
        }
        cells.reach(3_000);
        let ends: Vec<_> = cells.closed().map(|closed| closed.at_ms).collect();
        assert_eq!(ends, [1_000, 3_000]);
        cells.reach(3_999_000);
        assert_eq!(cells.closed().count(), 3);
    }

    #[test]
    fn an_outage_is_as_long_as_it_is_whatever_the_clock_is_set_to() {
        for set_ms in [-10_000, 60_000] {
            let mut outages = Outages::new(100, 1);
            let lasted = (0..20).map(|number| {
                let due = echo(0, number * 100);
                let set = if number < 5 { 0 } else { set_ms };
                outages.after(&Echo { due_ms: due.due_ms + set, ..due }, Outcome::Lost).ms
            });
            assert_eq!(lasted.last(), Some(2_000), "the clock was set by {set_ms} ms");
        }
    }

    #[test]
    fn a_few_intervals_are_kept() {
        let cells = measured(|_| ANSWERED, 200);
        let ends: Vec<_> = cells.closed().map(|closed| closed.at_ms / 1_000).collect();
        assert_eq!(ends, [13, 14, 15, 16, 17, 18, 19, 20]);
    }
}
