//! The gate: whether a batch may start, whether it is over, and whether what moved is to be blamed on it.

use crate::standing::Condition;
use quietgate_detectors::{Reason, Timestamp};

/// A required series as a gate sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// What it is now.
    pub condition: Condition,
    /// The time of its newest sample that was found anomalous, over or not.
    pub anomalous_until: Option<Timestamp>,
    /// What it has to do with the batch.
    pub part: Part,
    /// Which series are alike: those of one signal.
    pub signal: usize,
    /// Why nothing could be said of it once a batch starts now; none where it could be judged, or does not feel the batch.
    pub blind: Option<Reason>,
}

/// What a series has to do with a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// It is one of the batch's own: of its targets, of groups they belong to, or of the plan as a whole.
    Own,
    /// It is one of targets that the run has not touched: what moves there too is not the batch's doing.
    Control,
    /// It is one of other targets that the run has touched.
    Other,
}

/// Why a series keeps a gate from opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// Nothing can be said of it.
    Unknown(Reason),
    /// It is clean, and nothing could be said of it once a batch starts now.
    Blind(Reason),
    /// Something fired and is not sustained.
    Suspect {
        /// The time of the first sample that fired.
        since: Timestamp,
    },
    /// A sustained anomaly that is not the batch's doing, or of which that cannot be said.
    Anomalous {
        /// The time of the first sample that fired.
        since: Timestamp,
        /// Why it is not blamed on the batch; none where no batch is to be judged.
        not_blamed: Option<NotBlamed>,
    },
    /// The slow layer found an anomaly.
    Slow {
        /// The time of the first sample that fired.
        since: Timestamp,
        /// Why it is not blamed on the batch that it could be the doing of; none where it is.
        not_blamed: Option<NotBlamed>,
    },
    /// It is expected to move: what it is cannot be said yet.
    Expected {
        /// Until when.
        until: Timestamp,
    },
    /// It is clean, and was not for long enough.
    TooShort {
        /// For how long it has been clean, in milliseconds.
        clean_ms: i64,
        /// For how long it must be.
        wanted_ms: i64,
    },
}

/// Why an anomaly is not blamed on a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotBlamed {
    /// It began before the batch started.
    Earlier,
    /// It is not in the batch's scope.
    Elsewhere,
    /// Untouched series of the same signal have it as well.
    AlsoInControl {
        /// How many of them; what fired there counts before it is sustained.
        anomalous: usize,
        /// Of how many of which something is known.
        of: usize,
    },
    /// Untouched series of the same signal have no sample yet as new as that by which it was found, and may have it as well.
    ControlBehind {
        /// How many of them.
        behind: usize,
        /// Of how many of which something is known.
        of: usize,
    },
}

/// What a gate says, with the series by their place in what was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Every required series is clean, and was for long enough.
    Proceed,
    /// These keep it shut.
    Hold(Vec<(usize, Obstacle)>),
    /// These anomalies are blamed on the batch.
    Blame(Vec<usize>),
}

/// Whether a batch may start at `now`: every series clean for at least `clean_ms`, from its first clean sample to its newest,
/// and none of them unknown from the start on.
/// What a clock that is ahead puts into the future counts up to `now` only. No series at all proves nothing, and a plan
/// without required series is a mistake that is found before: here it holds.
pub fn before(seen: &[Seen], now: Timestamp, clean_ms: i64) -> Answer {
    hold(seen.iter().enumerate().filter_map(|(i, series)| {
        let obstacle = match (series.condition, series.blind) {
            (Condition::Clean { .. }, Some(reason)) => Some(Obstacle::Blind(reason)),
            (condition, _) => obstacle(condition, (None, now), clean_ms, None),
        };
        obstacle.map(|obstacle| (i, obstacle))
    }))
}

/// Whether anything that moved since a batch started is to be blamed on it, while it is at work.
///
/// An anomaly is blamed where it began at `started` or later, in the batch's own series, and is not equally present
/// in the control: not at least half as common among the untouched series of the same signal as among the batch's. What
/// fired in the control counts before it is sustained, and also when it is over, where that was after the anomaly began: what
/// all have in common need not end everywhere at once. Its samples must be as new as that by which the anomaly was found:
/// series are not sampled at the same instant, and a second between them must not decide.
pub fn blamed(seen: &[Seen], started: Timestamp) -> Vec<usize> {
    let is_anomalous = |i: &usize| matches!(seen[*i].condition, Condition::Anomalous { .. });
    let anomalous = (0..seen.len()).filter(is_anomalous);
    anomalous.filter(|i| not_blamed(seen, *i, started).is_none()).collect()
}

/// Why the anomaly of series `i` is not blamed on a batch that started at `started`; none where it is, or where there is no
/// anomaly.
pub fn not_blamed(seen: &[Seen], i: usize, started: Timestamp) -> Option<NotBlamed> {
    let Condition::Anomalous { since, found } = seen.get(i)?.condition else { return None };
    if seen[i].part != Part::Own {
        return Some(NotBlamed::Elsewhere);
    }
    if since < started {
        return Some(NotBlamed::Earlier);
    }
    let own = Count::of(alike(seen, i, Part::Own), found, |series| {
        matches!(series.condition, Condition::Anomalous { .. })
    });
    let control = Count::of(alike(seen, i, Part::Control), found, |series| {
        matches!(series.condition, Condition::Anomalous { .. } | Condition::Suspect { .. })
            || series.anomalous_until >= Some(since)
    });
    let Count { having, behind, of } = control;
    match (own.is_matched(having, of), own.is_matched(having + behind, of)) {
        (true, _) => Some(NotBlamed::AlsoInControl { anomalous: having, of }),
        (false, true) => Some(NotBlamed::ControlBehind { behind, of }),
        (false, false) => None,
    }
}

/// How many untouched series of the signal of series `i` there are of which something is known now.
pub fn control(seen: &[Seen], i: usize) -> usize {
    Count::of(alike(seen, i, Part::Control), Timestamp::from_millis(i64::MIN), |_| false).of
}

/// The series of the signal of series `i` that are such a part of what was seen.
fn alike(seen: &[Seen], i: usize, part: Part) -> impl Iterator<Item = &Seen> {
    let signal = seen.get(i).map(|series| series.signal);
    seen.iter().filter(move |series| Some(series.signal) == signal && series.part == part)
}

/// Whether a batch that `started` and `ended` is over at `now`: its own series clean for at least `clean_ms` since it ended,
/// by samples that were taken since then and not after `now`, and nothing to be blamed on it.
pub fn after(
    seen: &[Seen],
    (started, ended): (Timestamp, Timestamp),
    now: Timestamp,
    clean_ms: i64,
) -> Answer {
    let blamed = blamed(seen, started);
    if !blamed.is_empty() {
        return Answer::Blame(blamed);
    }
    let own = seen.iter().enumerate().filter(|(_, series)| series.part == Part::Own);
    hold(own.filter_map(|(i, series)| {
        let why = not_blamed(seen, i, started);
        obstacle(series.condition, (Some(ended), now), clean_ms, why).map(|obstacle| (i, obstacle))
    }))
}

fn hold(obstacles: impl Iterator<Item = (usize, Obstacle)>) -> Answer {
    let obstacles: Vec<_> = obstacles.collect();
    if obstacles.is_empty() { Answer::Proceed } else { Answer::Hold(obstacles) }
}

/// What keeps a series from being clean for `wanted_ms`, counted from `from` where that is given, and up to `now` at most.
fn obstacle(
    condition: Condition,
    (from, now): (Option<Timestamp>, Timestamp),
    wanted_ms: i64,
    not_blamed: Option<NotBlamed>,
) -> Option<Obstacle> {
    match condition {
        Condition::Unknown { reason, .. } => Some(Obstacle::Unknown(reason)),
        Condition::Suspect { since } => Some(Obstacle::Suspect { since }),
        Condition::Expected { until } => Some(Obstacle::Expected { until }),
        Condition::Anomalous { since, .. } => Some(Obstacle::Anomalous { since, not_blamed }),
        Condition::Clean { since, until, .. } => {
            let since = from.map_or(since, |from| from.max(since));
            // below 0 where no sample has come since `from`: then even a window of 0 is not there yet
            let clean_ms = until.min(now).as_millis().saturating_sub(since.as_millis());
            (clean_ms < wanted_ms.max(0)).then(|| Obstacle::TooShort { clean_ms: clean_ms.max(0), wanted_ms })
        }
    }
}

/// How many series of some have an anomaly.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    /// So many have it.
    having: usize,
    /// So many have not, and no sample either that is new enough to tell.
    behind: usize,
    /// Of so many something is known.
    of: usize,
}

impl Count {
    /// Those of `series` of which `has` says so, where samples since `found` tell.
    fn of<'a>(series: impl Iterator<Item = &'a Seen>, found: Timestamp, has: impl Fn(&Seen) -> bool) -> Self {
        series.fold(Self::default(), |count, series| match series.condition {
            // of one that is expected to move nobody can tell: it excuses nothing, and is not counted as well either
            Condition::Unknown { .. } | Condition::Expected { .. } => count,
            _ if has(series) => Self { having: count.having + 1, of: count.of + 1, ..count },
            Condition::Clean { until, .. } if until < found => {
                Self { behind: count.behind + 1, of: count.of + 1, ..count }
            }
            _ => Self { of: count.of + 1, ..count },
        })
    }

    /// Whether what these have is at least half as common among others, `having` of `of`.
    fn is_matched(&self, having: usize, of: usize) -> bool {
        of > 0 && 2 * having * self.of >= self.having * of
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_millis(minute * MINUTE)
    }

    fn clean(since: i64, until: i64) -> Condition {
        Condition::Clean { since: at(since), until: at(until), samples: 1 }
    }

    fn anomalous(since: i64) -> Condition {
        Condition::Anomalous { since: at(since), found: at(since + 1) }
    }

    fn seen(part: Part, condition: Condition) -> Seen {
        Seen { condition, anomalous_until: None, part, signal: 0, blind: None }
    }

    const NOW: Timestamp = Timestamp::from_millis(10 * MINUTE);
    const UNKNOWN: Condition = Condition::Unknown { reason: Reason::Stale, newest: None };
    const SUSPECT: Condition = Condition::Suspect { since: Timestamp::from_millis(0) };

    #[test]
    fn it_opens_before_a_batch_where_every_series_was_clean_for_long_enough() {
        let long = seen(Part::Own, clean(0, 10));
        assert_eq!(before(&[long, long], NOW, 10 * MINUTE), Answer::Proceed);
        let short = Obstacle::TooShort { clean_ms: 9 * MINUTE, wanted_ms: 10 * MINUTE };
        let series = [long, seen(Part::Control, clean(1, 10))];
        assert_eq!(before(&series, NOW, 10 * MINUTE), Answer::Hold(vec![(1, short)]));
    }

    #[test]
    fn one_series_that_is_not_clean_holds_it_whatever_part_it_has() {
        let long = seen(Part::Own, clean(0, 10));
        for (condition, obstacle) in [
            (UNKNOWN, Obstacle::Unknown(Reason::Stale)),
            (SUSPECT, Obstacle::Suspect { since: at(0) }),
            (anomalous(3), Obstacle::Anomalous { since: at(3), not_blamed: None }),
        ] {
            for part in [Part::Own, Part::Control, Part::Other] {
                let answer = before(&[long, seen(part, condition)], NOW, 0);
                assert_eq!(answer, Answer::Hold(vec![(1, obstacle)]), "{part:?}");
            }
        }
    }

    #[test]
    fn what_could_not_be_judged_from_the_start_on_holds_before_it_and_not_after() {
        let blind = |condition| Seen { blind: Some(Reason::WarmingUp), ..seen(Part::Own, condition) };
        let holds = |obstacle| Answer::Hold(vec![(0, obstacle)]);
        assert_eq!(before(&[blind(clean(0, 10))], NOW, MINUTE), holds(Obstacle::Blind(Reason::WarmingUp)));
        // what is not clean anyway is told first
        assert_eq!(before(&[blind(UNKNOWN)], NOW, MINUTE), holds(Obstacle::Unknown(Reason::Stale)));
        assert_eq!(before(&[blind(SUSPECT)], NOW, MINUTE), holds(Obstacle::Suspect { since: at(0) }));
        assert_eq!(after(&[blind(clean(0, 10))], (at(5), at(6)), NOW, MINUTE), Answer::Proceed);
    }

    #[test]
    fn what_began_in_scope_after_the_start_is_blamed() {
        let own = |condition| after(&[seen(Part::Own, condition)], (at(5), at(6)), NOW, MINUTE);
        let not_blamed = |since, why| {
            Answer::Hold(vec![(0, Obstacle::Anomalous { since: at(since), not_blamed: Some(why) })])
        };
        assert_eq!(own(anomalous(5)), Answer::Blame(vec![0]));
        assert_eq!(own(anomalous(4)), not_blamed(4, NotBlamed::Earlier));
        assert_eq!(own(UNKNOWN), Answer::Hold(vec![(0, Obstacle::Unknown(Reason::Stale))]));
        assert_eq!(own(SUSPECT), Answer::Hold(vec![(0, Obstacle::Suspect { since: at(0) })]));
        assert_eq!(blamed(&[seen(Part::Other, anomalous(7)), seen(Part::Control, anomalous(7))], at(5)), []);
    }

    #[test]
    fn what_the_control_has_as_well_is_not_blamed() {
        let blamed_with = |control: &[Condition]| {
            let own = [seen(Part::Own, anomalous(5)), seen(Part::Own, clean(0, 9))];
            let control = control.iter().map(|&condition| seen(Part::Control, condition));
            blamed(&own.into_iter().chain(control).collect::<Vec<_>>(), at(5))
        };
        // half of the batch's own series are anomalous: a quarter of the control is half as common
        let (moved, still) = (anomalous(5), clean(0, 9));
        assert_eq!(blamed_with(&[moved, still, still, still]), []);
        assert_eq!(blamed_with(&[moved, still, still, still, still]), [0]);
        // what fired there counts before it is sustained
        assert_eq!(blamed_with(&[SUSPECT, still, still, still]), []);
        // a series whose newest sample is older than that by which the anomaly was found may have it as well
        assert_eq!(blamed_with(&[clean(0, 5), still, still, still]), []);
        assert_eq!(blamed_with(&[clean(0, 5), still, still, still, still]), [0]);
        // an untouched series that says nothing excuses nothing
        assert_eq!(blamed_with(&[UNKNOWN, UNKNOWN]), [0]);
        assert_eq!(blamed_with(&[]), [0]);
    }

    #[test]
    fn what_is_expected_to_move_holds_and_is_neither_blamed_nor_an_excuse() {
        let until = at(9);
        let expected = Condition::Expected { until };
        let hold = |i| Answer::Hold(vec![(i, Obstacle::Expected { until })]);
        assert_eq!(before(&[seen(Part::Other, expected)], NOW, 0), hold(0));
        assert_eq!(after(&[seen(Part::Own, expected)], (at(5), at(6)), NOW, 0), hold(0));
        assert_eq!(blamed(&[seen(Part::Own, expected)], at(5)), []);
        // one of two is muted, the other moved: of those that are judged all have it
        let still = seen(Part::Control, clean(0, 9));
        let own = [seen(Part::Own, anomalous(5)), seen(Part::Own, expected)];
        assert_eq!(blamed(&[own[0], own[1], still, still], at(5)), [0]);
        assert_eq!(blamed(&[own[0], own[1], seen(Part::Control, expected)], at(5)), [0]);
        // a common cause is still one where the batch's own series were muted while it began
        assert_eq!(blamed(&[own[0], seen(Part::Control, anomalous(2))], at(5)), []);
        assert_eq!(
            control(&[own[0], still, seen(Part::Control, UNKNOWN), seen(Part::Control, expected)], 0),
            1
        );
    }

    #[test]
    fn what_the_control_had_as_well_is_not_blamed_when_it_is_over_there() {
        let had =
            |until| Seen { anomalous_until: Some(at(until)), ..seen(Part::Control, clean(until + 1, 9)) };
        let own = seen(Part::Own, anomalous(5));
        assert_eq!(blamed(&[own, had(8), had(7)], at(5)), []);
        assert_eq!(blamed(&[own, had(5)], at(5)), []);
        assert_eq!(blamed(&[own, had(4)], at(5)), [0], "that was another one");
        let unknown = Seen { anomalous_until: Some(at(8)), ..seen(Part::Control, UNKNOWN) };
        assert_eq!(blamed(&[own, unknown], at(5)), [0], "of what nothing is known it excuses nothing");
    }

    #[test]
    fn the_control_is_that_of_the_same_signal() {
        let other = Seen { signal: 1, ..seen(Part::Control, anomalous(5)) };
        assert_eq!(blamed(&[seen(Part::Own, anomalous(5)), other], at(5)), [0]);
    }

    #[test]
    fn a_batch_is_over_when_its_own_series_were_clean_since_it_ended() {
        let own =
            |since, until| after(&[seen(Part::Own, clean(since, until))], (at(5), at(6)), NOW, 2 * MINUTE);
        let short = |minutes| {
            let short = Obstacle::TooShort { clean_ms: minutes * MINUTE, wanted_ms: 2 * MINUTE };
            Answer::Hold(vec![(0, short)])
        };
        assert_eq!(own(0, 8), Answer::Proceed);
        assert_eq!(own(0, 7), short(1));
        assert_eq!(own(7, 8), short(1));
        assert_eq!(own(0, 5), short(0), "no sample since it ended");
        let elsewhere = [seen(Part::Own, clean(0, 8)), seen(Part::Control, UNKNOWN)];
        assert_eq!(after(&elsewhere, (at(5), at(6)), NOW, 2 * MINUTE), Answer::Proceed);
    }

    #[test]
    fn a_window_of_no_length_still_needs_a_sample() {
        let own = |until| after(&[seen(Part::Own, clean(0, until))], (at(5), at(6)), NOW, 0);
        assert!(matches!(own(5), Answer::Hold(_)));
        assert_eq!(own(6), Answer::Proceed);
    }

    #[test]
    fn what_lies_ahead_of_now_is_not_counted() {
        let series = [seen(Part::Own, clean(0, 10))];
        let millis = |ms| Timestamp::from_millis(ms);
        let too_short =
            |clean_ms, wanted_ms| Answer::Hold(vec![(0, Obstacle::TooShort { clean_ms, wanted_ms })]);
        let (of_ten, of_two) = (10 * MINUTE, 2 * MINUTE);
        assert_eq!(before(&series, millis(of_ten - 1), of_ten), too_short(of_ten - 1, of_ten));
        assert_eq!(before(&series, at(10), of_ten), Answer::Proceed);
        let over = |now| after(&series, (at(5), at(8)), now, of_two);
        assert_eq!(over(millis(of_ten - 1)), too_short(of_two - 1, of_two));
        assert_eq!(over(at(10)), Answer::Proceed);
        // that it ended lies ahead as well: the clock went back
        assert_eq!(over(at(7)), too_short(0, of_two));
    }
}
