//! How one series stands: what it is found to be now, and since when.

use crate::sustain::Finding;
use quietgate_detectors::{Reason, Timestamp};

/// The findings of one series, as far as a gate must remember them. Memory: a few numbers.
///
/// The clean window begins with a clean cell. It goes on while cells follow each other without a gap, each of them
/// clean or suspect; an anomalous or unknown one, one that is expected to move, or a missing one, ends it, and it begins
/// again from nothing. Where it is expected to move, what fired before is over as well: what fires after it began after it.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    newest: Option<Newest>,
    window: Window,
    fired_since: Time,
    /// When what fired was first sustained, since the series was last clean.
    found: Time,
    /// The time of the newest sample that was found anomalous.
    anomalous_until: Time,
    /// Until when it is expected to move, as far as that was told.
    moves_until: Time,
}

/// A time, or none, which is before all: in no more room than a time, for there may be a million standings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Time(i64);

impl Time {
    const NONE: Self = Self(i64::MIN);

    fn get(self) -> Option<Timestamp> {
        (self != Self::NONE).then_some(Timestamp::from_millis(self.0))
    }

    /// This one, or from now on `at` where there is none.
    fn begin(&mut self, at: Timestamp) {
        if *self == Self::NONE {
            *self = at.into();
        }
    }
}

impl From<Timestamp> for Time {
    fn from(at: Timestamp) -> Self {
        Self(at.as_millis())
    }
}

impl Default for Time {
    fn default() -> Self {
        Self::NONE
    }
}

#[derive(Debug, Clone, Copy)]
struct Newest {
    cell: u64,
    at: Timestamp,
    finding: Finding,
}

/// There is none without a time.
#[derive(Debug, Clone, Copy, Default)]
struct Window {
    since: Time,
    samples: u64,
}

/// What a series is at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Clean, and so it was without a break.
    Clean {
        /// The time of the first sample of the clean window.
        since: Timestamp,
        /// The time of the newest sample.
        until: Timestamp,
        /// How many samples the window has, suspect ones included.
        samples: u64,
    },
    /// Something fired and is not (or no longer) sustained.
    Suspect {
        /// The time of the first sample that fired since the series was last clean.
        since: Timestamp,
    },
    /// A sustained anomaly.
    Anomalous {
        /// The time of the first sample that fired since the series was last clean.
        since: Timestamp,
        /// The time of the first sample by which it was sustained.
        found: Timestamp,
    },
    /// It is expected to move: neither clean nor anomalous, whatever was seen.
    Expected {
        /// Until when.
        until: Timestamp,
    },
    /// Nothing can be said.
    Unknown {
        /// Why.
        reason: Reason,
        /// The time of the newest sample; none where there was none yet.
        newest: Option<Timestamp>,
    },
}

impl Standing {
    /// Takes in the finding on `cell`, the newest one or a later one, whose sample was taken at `at`: its own time, for that of
    /// the cell may be half an interval ahead of it, and a window is counted only as far as was looked. The newest one may
    /// be stated anew: what its first statement began or went on with is then begun anew.
    pub fn observe(&mut self, cell: u64, at: Timestamp, finding: Finding) {
        let follows = self.newest.is_some_and(|newest| newest.cell.checked_add(1) == Some(cell));
        if !follows {
            self.window = Window::default();
        }
        match finding {
            Finding::Clean => {
                self.window.since.begin(at);
                self.window.samples += 1;
                (self.fired_since, self.found) = (Time::NONE, Time::NONE);
            }
            Finding::Suspect => {
                self.window.samples += u64::from(self.window.since != Time::NONE);
                self.fired_since.begin(at);
            }
            Finding::Anomalous => {
                self.window = Window::default();
                self.fired_since.begin(at);
                self.found.begin(at);
                self.anomalous_until = at.into();
            }
            Finding::Unknown(_) => self.window = Window::default(),
            Finding::Expected => {
                (self.window, self.fired_since, self.found) = (Window::default(), Time::NONE, Time::NONE);
            }
        }
        self.newest = Some(Newest { cell, at, finding });
    }

    /// It is told that the series is expected to move from `from` until before `until`: of cells in between the findings
    /// say so from now on, and the newest is taken for one of them where it lies there.
    pub fn expect(&mut self, from: Timestamp, until: Timestamp) {
        self.moves_until = self.moves_until.max(until.into());
        let within = |newest: &Newest| from <= newest.at && newest.at < until;
        let is_known = |newest: &Newest| !matches!(newest.finding, Finding::Unknown(_));
        if let Some(Newest { cell, at, .. }) = self.newest.filter(|newest| within(newest) && is_known(newest))
        {
            self.observe(cell, at, Finding::Expected);
        }
    }

    /// The time of the newest sample; none where there was none yet.
    pub fn newest(&self) -> Option<Timestamp> {
        self.newest.map(|newest| newest.at)
    }

    /// The time of the newest sample that was found anomalous, over or not; none where there was none.
    pub fn anomalous_until(&self) -> Option<Timestamp> {
        self.anomalous_until.get()
    }

    /// What the series is at `now`, where a sample may be `max_age_ms` old. One that is as far in the future as that
    /// is no better than one that is too old: a clock is wrong, and nobody knows which.
    pub fn condition(&self, now: Timestamp, max_age_ms: i64) -> Condition {
        let Some(Newest { at, finding, .. }) = self.newest else {
            return Condition::Unknown { reason: Reason::NoData, newest: None };
        };
        let unknown = |reason| Condition::Unknown { reason, newest: Some(at) };
        let age = now.as_millis().saturating_sub(at.as_millis());
        if age > max_age_ms {
            return unknown(Reason::Stale);
        }
        if age < max_age_ms.saturating_neg() {
            return unknown(Reason::OutOfOrder);
        }
        let fired = self.fired_since.get().unwrap_or(at);
        match (finding, self.window.since.get()) {
            (Finding::Clean, Some(since)) => {
                Condition::Clean { since, until: at, samples: self.window.samples }
            }
            (Finding::Unknown(reason), _) => unknown(reason),
            (Finding::Expected, _) => Condition::Expected { until: self.moves_until.get().unwrap_or(at) },
            (Finding::Anomalous, _) => {
                Condition::Anomalous { since: fired, found: self.found.get().unwrap_or(at) }
            }
            // a clean finding has a window; were there none, this does not open a gate either
            (Finding::Suspect | Finding::Clean, _) => Condition::Suspect { since: fired },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Finding::{Anomalous, Clean, Suspect, Unknown};

    const STEP_MS: i64 = 1000;

    fn time(cell: u64) -> Timestamp {
        Timestamp::from_millis(STEP_MS * cell as i64)
    }

    /// What a series is right after the newest of `findings`, whose cells are given.
    fn after(findings: &[(u64, Finding)]) -> Condition {
        let mut standing = Standing::default();
        findings.iter().for_each(|&(cell, finding)| standing.observe(cell, time(cell), finding));
        standing.condition(standing.newest().unwrap_or(time(0)), 2 * STEP_MS)
    }

    fn clean(since: u64, until: u64, samples: u64) -> Condition {
        Condition::Clean { since: time(since), until: time(until), samples }
    }

    #[test]
    fn a_window_grows_from_its_first_clean_sample() {
        assert_eq!(after(&[(0, Clean)]), clean(0, 0, 1));
        assert_eq!(after(&[(0, Anomalous), (1, Clean), (2, Clean), (3, Clean)]), clean(1, 3, 3));
    }

    #[test]
    fn what_is_suspect_neither_breaks_nor_opens() {
        assert_eq!(after(&[(0, Clean), (1, Suspect)]), Condition::Suspect { since: time(1) });
        assert_eq!(after(&[(0, Clean), (1, Suspect), (2, Suspect), (3, Clean)]), clean(0, 3, 4));
        assert_eq!(after(&[(0, Suspect), (1, Clean)]), clean(1, 1, 1));
    }

    #[test]
    fn anything_worse_and_any_gap_begins_it_anew() {
        for worse in [Anomalous, Unknown(Reason::NotANumber)] {
            assert_eq!(after(&[(0, Clean), (1, worse), (2, Clean)]), clean(2, 2, 1));
        }
        assert_eq!(after(&[(0, Clean), (2, Clean)]), clean(2, 2, 1));
    }

    #[test]
    fn a_cell_stated_anew_does_not_count_twice() {
        let conflict = Unknown(Reason::Conflicting);
        assert_eq!(after(&[(0, Clean), (1, Clean), (1, conflict), (2, Clean)]), clean(2, 2, 1));
        assert_eq!(after(&[(0, Clean), (1, Unknown(Reason::NotANumber)), (1, Clean)]), clean(1, 1, 1));
    }

    #[test]
    fn an_anomaly_began_with_the_first_that_fired() {
        let began = |cell, found| Condition::Anomalous { since: time(cell), found: time(found) };
        assert_eq!(after(&[(0, Clean), (1, Suspect), (2, Anomalous), (3, Anomalous)]), began(1, 2));
        // what lies between is unknown: it may have gone on
        assert_eq!(after(&[(1, Suspect), (2, Unknown(Reason::NotANumber)), (3, Anomalous)]), began(1, 3));
        assert_eq!(after(&[(1, Anomalous), (2, Clean), (3, Suspect), (4, Anomalous)]), began(3, 4));
    }

    #[test]
    fn where_it_is_expected_to_move_everything_begins_anew() {
        let mut standing = Standing::default();
        let mut say = |cell, finding| standing.observe(cell, time(cell), finding);
        (0..3).for_each(|cell| say(cell, Clean));
        say(3, Suspect);
        say(4, Anomalous);
        standing.expect(time(5), time(7));
        let now = |standing: &Standing| standing.condition(standing.newest().expect("a cell"), 2 * STEP_MS);
        let began = Condition::Anomalous { since: time(3), found: time(4) };
        assert_eq!(now(&standing), began, "the newest cell lies before");
        standing.observe(5, time(5), Finding::Expected);
        assert_eq!(now(&standing), Condition::Expected { until: time(7) });
        standing.observe(6, time(6), Unknown(Reason::NotANumber));
        assert!(matches!(now(&standing), Condition::Unknown { .. }), "what is missing is not excused");
        standing.observe(7, time(7), Anomalous);
        assert_eq!(now(&standing), Condition::Anomalous { since: time(7), found: time(7) });
        standing.observe(8, time(8), Clean);
        assert_eq!(now(&standing), clean(8, 8, 1));
    }

    #[test]
    fn the_newest_cell_may_turn_out_to_be_expected() {
        let told = |finding| {
            let mut standing = Standing::default();
            (0..3).for_each(|cell| standing.observe(cell, time(cell), Clean));
            standing.observe(3, time(3), finding);
            standing.expect(time(3), time(5));
            standing.condition(time(3), 2 * STEP_MS)
        };
        assert_eq!(told(Clean), Condition::Expected { until: time(5) });
        assert_eq!(told(Anomalous), Condition::Expected { until: time(5) });
        let reason = Reason::Conflicting;
        assert_eq!(told(Unknown(reason)), Condition::Unknown { reason, newest: Some(time(3)) });
    }

    #[test]
    fn an_anomaly_that_is_over_is_remembered() {
        let mut standing = Standing::default();
        let findings = [Suspect, Anomalous, Anomalous, Clean, Suspect, Clean];
        for (cell, (finding, until)) in
            (0..).zip(findings.into_iter().zip([None, Some(1), Some(2), Some(2), Some(2), Some(2)]))
        {
            standing.observe(cell, time(cell), finding);
            assert_eq!(standing.anomalous_until(), until.map(time), "{cell}");
        }
    }

    #[test]
    fn only_what_is_fresh_is_known() {
        let mut standing = Standing::default();
        let unknown = |reason, newest| Condition::Unknown { reason, newest };
        assert_eq!(standing.condition(time(0), 1000), unknown(Reason::NoData, None));
        standing.observe(9, time(9), Clean);
        let at = |ms| standing.condition(Timestamp::from_millis(ms), 2000);
        assert_eq!(at(11_000), clean(9, 9, 1));
        assert_eq!(at(11_001), unknown(Reason::Stale, Some(time(9))));
        assert_eq!(at(7000), clean(9, 9, 1));
        assert_eq!(at(6999), unknown(Reason::OutOfOrder, Some(time(9))));
    }
}
