//! What becomes of starts that are taken to be there, by a rule that judges starts: which of them it would have held.

use super::{BacktestError, Starts, listen};
use crate::monitor::{Anomalies, Anomaly, MonitorSpec, Said};
use crate::sources::recorded::Recording;
use jiff::Timestamp as Instant;
use jiff::tz::TimeZone;
use quietgate_detectors::{Run, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// A time of day at which so many starts are held, and of how many one, is one at which a step would be held night after night:
/// three may not be chance, and a good setting holds one clean start in some hundred.
const HELD: (u64, u64) = (3, 5);

/// The starts of one series.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Held {
    pub(super) starts: Starts,
    /// How many there were from its first sample to its last.
    pub(super) count: u64,
    /// Those that were judged, and at which nothing was anomalous: whether they were held by what judges starts.
    clean: Vec<(Timestamp, bool)>,
}

/// How many clean starts at a time of day were held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AtTime {
    /// The time of day, in minutes.
    pub(super) minute: i64,
    pub(super) held: u64,
    pub(super) of: u64,
    /// At so many other times of day too many are held as well.
    pub(super) others: usize,
}

/// Judges the series `index` of `recording` by `spec` with `starts` in it, and tells `hear` each column that judges starts with
/// what it says.
pub(super) fn held(
    recording: &Recording,
    index: usize,
    spec: &MonitorSpec,
    starts: Starts,
    mut hear: impl FnMut(usize, &Run<'_>),
) -> Result<Held, BacktestError> {
    let info = &recording.series()[index];
    let detectors = spec.detectors();
    let columns: Vec<usize> = (0..detectors.len()).filter(|c| detectors[*c].looks_ms().is_some()).collect();
    let (mut anomalies, mut judged) = (Anomalies::new(spec.rules[0].sustain.n()), BTreeSet::new());
    listen(recording, index, spec, starts.between(info.first, info.last), |said| {
        anomalies.hear(said);
        let Said::Judged(said) = said else { return };
        for &column in &columns {
            hear(column, &said.run);
            judged.extend(judged_starts(column, &said.run, starts));
        }
    })?;
    let inside = starts.between(info.first, info.last).filter(|start| start.at >= info.first);
    Ok(Held {
        starts,
        count: inside.count() as u64,
        clean: clean(&judged, &anomalies.finish(), &columns, starts),
    })
}

/// The starts of which `column` says something in `run`.
fn judged_starts(column: usize, run: &Run<'_>, starts: Starts) -> BTreeSet<Timestamp> {
    let said = run.verdicts[column].iter().enumerate().filter(|(_, verdict)| !verdict.is_unknown());
    let at = said.map(|(offset, _)| run.at(offset)).filter(|at| starts.looks_at(*at));
    at.map(|at| starts.newest(at)).collect()
}

/// Of the starts those at which no anomaly goes on, and whether one that `columns` see was found while they were looked at.
fn clean(
    judged: &BTreeSet<Timestamp>,
    anomalies: &[Anomaly],
    columns: &[usize],
    starts: Starts,
) -> Vec<(Timestamp, bool)> {
    let goes_on = |start: Timestamp| anomalies.iter().any(|a| a.from < start && a.until >= start);
    let is_seen = |anomaly: &&Anomaly| anomaly.votes.iter().any(|vote| columns.contains(&vote.column));
    let found = anomalies.iter().filter(is_seen).filter(|anomaly| starts.looks_at(anomaly.found));
    let held: BTreeSet<Timestamp> = found.map(|anomaly| starts.newest(anomaly.found)).collect();
    let clean = judged.iter().copied().filter(|start| !goes_on(*start));
    clean.map(|start| (start, held.contains(&start))).collect()
}

impl Held {
    /// The time of day at which the largest part of the clean starts was held, the earliest of several, where that is too
    /// large a part; by clocks of `zone`.
    pub(super) fn too_often(&self, zone: &TimeZone) -> Option<AtTime> {
        let mut times: BTreeMap<i64, (u64, u64)> = BTreeMap::new();
        for &(start, is_held) in &self.clean {
            let Some(minute) = local_minute(start, zone) else { continue };
            let (held, of) = times.entry(minute.rem_euclid(DAY_MINUTES)).or_default();
            *held += u64::from(is_held);
            *of += 1;
        }
        let is_much = |(held, of): &(u64, u64)| *held >= HELD.0 && held * HELD.1 >= *of;
        let much: Vec<_> = times.into_iter().filter(|(_, time)| is_much(time)).collect();
        let worst = much.iter().rev().max_by(|(_, a), (_, b)| (a.0 * b.1, a.0).cmp(&(b.0 * a.1, b.0)))?;
        let (minute, (held, of)) = *worst;
        Some(AtTime { minute, held, of, others: much.len() - 1 })
    }
}

pub(super) const DAY_MINUTES: i64 = 1_440;

/// Minutes since 1970 as clocks of `zone` show them; none outside of what a calendar has.
pub(super) fn local_minute(at: Timestamp, zone: &TimeZone) -> Option<i64> {
    let instant = Instant::from_millisecond(at.as_millis()).ok()?;
    let offset = i64::from(zone.to_offset(instant).seconds());
    Some((at.as_millis().div_euclid(1_000) + offset).div_euclid(60))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::Vote;
    use quietgate_detectors::{Evidence, Verdict};

    const STARTS: Starts = Starts { every_ms: 3_600_000, looked_ms: 3_600_000 };

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_millis(minute * 60_000)
    }

    fn anomaly(from: i64, found: i64, until: i64, column: usize) -> Anomaly {
        let evidence = Evidence { value: 0.0, lower: 0.0, upper: 0.0, score: 2.0, points: 1, basis: 0.0 };
        let vote = Vote { column, fired: 1, at: at(found), verdict: Verdict::Surge, evidence };
        Anomaly {
            from: at(from),
            until: at(until),
            found: at(found),
            verdict: Verdict::Surge,
            fired: 1,
            peak: at(from),
            value: 0.0,
            votes: vec![vote],
        }
    }

    #[test]
    fn a_start_is_held_by_what_judges_starts_where_it_was_clean() {
        let judged = [60, 120, 180, 240].map(at).into_iter().collect();
        // the first one is held, over the second; what another detector finds in the third is no matter of starts
        let anomalies = [anomaly(70, 72, 130, 1), anomaly(190, 191, 192, 0)];
        let clean = clean(&judged, &anomalies, &[1], STARTS);
        assert_eq!(clean, [(at(60), true), (at(180), false), (at(240), false)]);
    }

    /// So many of so many starts held at an hour of the day (UTC), the first ones.
    fn held(hours: &[(i64, i64, i64)]) -> Held {
        let mut clean = Vec::new();
        for &(hour, held, of) in hours {
            clean.extend((0..of).map(|day| (at(day * DAY_MINUTES + hour * 60), day < held)));
        }
        Held { starts: STARTS, count: 99, clean }
    }

    #[test]
    fn one_start_in_five_at_a_time_of_day_is_too_often() {
        let zone = TimeZone::posix("CET-1").expect("a zone");
        let too_often = |hours: &[(i64, i64, i64)]| held(hours).too_often(&zone);
        let found = |minute, held, of, others| Some(AtTime { minute, held, of, others });
        assert_eq!(too_often(&[(2, 3, 15), (4, 2, 28)]), found(180, 3, 15, 0));
        assert_eq!(too_often(&[(2, 3, 16), (4, 2, 2)]), None, "less than one in five, and two may be chance");
        assert_eq!(too_often(&[(2, 6, 20), (5, 6, 20), (23, 20, 28)]), found(0, 20, 28, 2));
        assert_eq!(
            too_often(&[(5, 6, 20), (2, 6, 20)]),
            found(180, 6, 20, 1),
            "the earliest of those that are alike"
        );
        assert_eq!(too_often(&[]), None);
    }
}
