//! What history says of a rule: whether it could have fired at all, and whether it fires at the same time of many days.

use super::held::{AtTime, DAY_MINUTES, Held, held, local_minute};
use super::{BacktestError, Starts, listen};
use crate::monitor::{Anomalies, MonitorSpec, Said};
use crate::sources::recorded::Recording;
use crate::text::{counted, duration, number};
use jiff::tz::TimeZone;
use quietgate_detectors::{Run, Timestamp};
use std::collections::BTreeSet;

/// A score that a rule that can fire is thought to exceed at some time: above 1 fires.
const LEAST_SCORE: f64 = 0.05;
/// Found on so many of so many days at the same time of day, it is found every day as far as an operator goes.
const DAYS: (usize, i64) = (3, 7);
/// The same time of day is within so many minutes; such stretches begin so often.
const STRETCH: (i64, i64) = (60, 15);

/// What one series was found to be over all of its history.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    /// Samples.
    samples: u64,
    /// From the first sample to the last, in milliseconds.
    span_ms: i64,
    /// Its detectors.
    detectors: Vec<Heard>,
    /// What became of starts that were taken to be there; none where the rule judges none.
    held: Option<Held>,
    /// When its anomalies were found.
    found: Vec<Timestamp>,
}

/// What one detector said.
#[derive(Debug, Clone, PartialEq)]
struct Heard {
    kind: &'static str,
    /// How many samples without a gap it needs before it judges.
    warm_up: usize,
    /// Whether it judges the starts of batches alone, of which a recording has none: then only what it says of starts that are
    /// taken to be there counts.
    at_starts: bool,
    /// Cells that it judged.
    judged: u64,
    /// The highest score.
    highest: f64,
}

/// What is odd about a rule, by the history of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Odd {
    /// A detector never judged.
    NeverJudges,
    /// No detector came anywhere near its limit.
    NeverNear,
    /// It was found at the same time of many days.
    EveryDay,
    /// Too many starts at the same time of day would have been held.
    EveryStart,
}

/// Judges the series `index` of `recording` by `spec`, and gathers what can be odd; once more with batches that are taken to
/// start now and then, where a detector judges starts.
///
/// # Errors
/// Samples that cannot be read back.
pub fn history(recording: &Recording, index: usize, spec: &MonitorSpec) -> Result<History, BacktestError> {
    let mut anomalies = Anomalies::new(spec.rules[0].sustain.n());
    let detectors = spec.detectors();
    let mut heard: Vec<Heard> = detectors
        .iter()
        .map(|detector| Heard {
            kind: detector.entry().kind,
            warm_up: detector.warm_up(spec.interval),
            at_starts: detector.looks_ms().is_some(),
            judged: 0,
            highest: 0.0,
        })
        .collect();
    listen(recording, index, spec, [], |said| {
        anomalies.hear(said);
        if let Said::Judged(judged) = said {
            let always = heard.iter_mut().enumerate().filter(|(_, heard)| !heard.at_starts);
            always.for_each(|(column, heard)| heard.hear(column, &judged.run, |_| true));
        }
    })?;
    let started = Starts::of_a_day(&spec.rules[0]).map(|starts| {
        let looks_at = |at| starts.looks_at(at);
        held(recording, index, spec, starts, |column, run| heard[column].hear(column, run, looks_at))
    });
    let held = started.transpose()?;
    let info = &recording.series()[index];
    Ok(History {
        samples: info.samples,
        span_ms: info.last.as_millis() - info.first.as_millis(),
        detectors: heard,
        held,
        found: anomalies.finish().iter().map(|anomaly| anomaly.found).collect(),
    })
}

impl Heard {
    fn hear(&mut self, column: usize, run: &Run<'_>, counts: impl Fn(Timestamp) -> bool) {
        for (offset, verdict) in run.verdicts[column].iter().enumerate() {
            if verdict.is_unknown() || !counts(run.at(offset)) {
                continue;
            }
            self.judged += 1;
            let score = run.evidence(column, offset).map_or(0.0, |evidence| evidence.score);
            self.highest = self.highest.max(score);
        }
    }
}

impl History {
    /// What is odd, each with its numbers in words. Times of day are those of `zone`.
    pub fn odd(&self, zone: &TimeZone) -> Vec<(Odd, String)> {
        let mut odd = Vec::new();
        let silent = self.detectors.iter().filter(|heard| heard.judged == 0);
        let silent: Vec<_> = silent.map(|heard| self.silent(heard)).collect();
        if !silent.is_empty() {
            odd.push((Odd::NeverJudges, format!("{} {}", self.within(), silent.join(", "))));
        }
        let judged = || self.detectors.iter().filter(|heard| heard.judged > 0);
        let highest = judged().map(|heard| heard.highest).fold(0.0, f64::max);
        if judged().next().is_some() && highest <= LEAST_SCORE {
            let message = format!(
                "{} no score was above {}{}, where above 1 fires: the rule can hardly ever fire on it",
                self.within(),
                number(highest),
                self.started()
            );
            odd.push((Odd::NeverNear, message));
        }
        let minutes: Vec<i64> = self.found.iter().filter_map(|at| local_minute(*at, zone)).collect();
        if let Some((from, days)) = same_time(&minutes).filter(|(_, days)| *days >= DAYS.0) {
            let message = format!(
                "{} it was found anomalous {}, between {} and {} on {days} of {} days: a step at that time would be \
                 held again and again",
                self.within(),
                counted(self.found.len() as u64, "time", "times"),
                clock(from),
                clock(from + STRETCH.0),
                DAYS.1
            );
            odd.push((Odd::EveryDay, message));
        }
        if let Some(time) = self.held.as_ref().and_then(|held| held.too_often(zone)) {
            odd.push((Odd::EveryStart, self.held_again(time)));
        }
        odd
    }

    /// That a detector never judged, and why.
    fn silent(&self, heard: &Heard) -> String {
        match &self.held {
            Some(Held { starts, count, .. }) if heard.at_starts => format!(
                "{} judged none of {} that are taken to be there, one every {} (it needs hours of samples before a start)",
                heard.kind,
                counted(*count, "start", "starts"),
                duration(starts.every_ms)
            ),
            _ => {
                let needs = counted(heard.warm_up as u64, "sample", "samples");
                format!("{} never judged (it needs {needs} without a gap)", heard.kind)
            }
        }
    }

    /// That too many starts at a time of day were held.
    fn held_again(&self, AtTime { minute, held, of, others }: AtTime) -> String {
        let mut kinds: Vec<_> = self.detectors.iter().filter(|h| h.at_starts).map(|h| h.kind).collect();
        kinds.dedup();
        let more = match others {
            0 => String::new(),
            1 => ", and too many at another time of day".to_owned(),
            others => format!(", and too many at {others} other times of day"),
        };
        format!(
            "{}{}, {} held {held} of {of} clean starts at {}{more}: a step at that time would be held again and again",
            self.within(),
            self.started(),
            kinds.join(", "),
            clock(minute)
        )
    }

    /// That batches were taken to start, where they were.
    fn started(&self) -> String {
        let every = self.held.as_ref().map(|held| duration(held.starts.every_ms));
        every.map(|every| format!(", with a batch taken to start every {every}")).unwrap_or_default()
    }

    /// On how much this rests.
    fn within(&self) -> String {
        format!("in {} of {}", counted(self.samples, "sample", "samples"), duration(self.span_ms))
    }
}

/// A minute of the day as `02:30`.
fn clock(minute: i64) -> String {
    format!("{:02}:{:02}", minute % DAY_MINUTES / 60, minute % 60)
}

/// The hour of the day that has one of `minutes` on the most of seven days that follow each other: its first minute, and how
/// many days. Of several, the one that begins closest before what it has.
fn same_time(minutes: &[i64]) -> Option<(i64, usize)> {
    let of_stretch = |from: i64| {
        let within = minutes.iter().map(|minute| minute - from);
        let within: Vec<i64> = within.filter(|since| since.rem_euclid(DAY_MINUTES) < STRETCH.0).collect();
        let days: BTreeSet<i64> = within.iter().map(|since| since.div_euclid(DAY_MINUTES)).collect();
        let most = days.iter().map(|first| days.range(*first..first + DAYS.1).count()).max().unwrap_or(0);
        let before: i64 = within.iter().map(|since| since.rem_euclid(DAY_MINUTES)).sum();
        (from, most, before)
    };
    let stretches = (0..DAY_MINUTES / STRETCH.1).map(|place| of_stretch(place * STRETCH.1));
    let best = stretches.min_by_key(|&(from, most, before)| (usize::MAX - most, before, from));
    best.filter(|(_, most, _)| *most > 0).map(|(from, most, _)| (from, most))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Minutes since 1970 of (day, hour, minute).
    fn minutes(times: &[(i64, i64, i64)]) -> Vec<i64> {
        times.iter().map(|(day, hour, minute)| (day * 24 + hour) * 60 + minute).collect()
    }

    #[test]
    fn the_same_time_of_day_is_found_around_midnight_too() {
        assert_eq!(same_time(&minutes(&[(1, 2, 10), (2, 2, 20), (4, 2, 30)])), Some((120, 3)));
        assert_eq!(same_time(&minutes(&[(1, 23, 50), (3, 0, 5), (4, 0, 20)])), Some((23 * 60 + 45, 3)));
        // twice on one day is one day, and three days of ten are not three of seven
        assert_eq!(same_time(&minutes(&[(1, 2, 0), (1, 2, 30), (2, 2, 0)])).map(|(_, days)| days), Some(2));
        assert_eq!(same_time(&minutes(&[(1, 2, 0), (5, 2, 0), (10, 2, 0)])).map(|(_, days)| days), Some(2));
        assert_eq!(same_time(&[]), None);
    }

    fn heard(judged: u64, highest: f64) -> Heard {
        Heard { kind: "seasonal", warm_up: 1_440, at_starts: false, judged, highest }
    }

    fn words(detectors: Vec<Heard>, found: &[(i64, i64, i64)]) -> Vec<String> {
        let found =
            minutes(found).into_iter().map(|minute| Timestamp::from_millis(minute * 60_000)).collect();
        let history = History { samples: 900, span_ms: 8 * 86_400_000, detectors, held: None, found };
        let zone = TimeZone::get("Europe/Berlin").expect("a zone");
        history.odd(&zone).into_iter().map(|(_, message)| message).collect()
    }

    #[test]
    fn what_is_odd_is_said_with_its_numbers() {
        let within = "in 900 samples of 8 d";
        assert_eq!(
            words(vec![heard(0, 0.0)], &[]),
            [format!("{within} seasonal never judged (it needs 1,440 samples without a gap)")]
        );
        assert_eq!(
            words(vec![heard(800, 0.02), heard(700, 0.04)], &[]),
            [format!(
                "{within} no score was above 0.04, where above 1 fires: the rule can hardly ever fire on it"
            )]
        );
        assert_eq!(
            words(vec![heard(800, 3.0)], &[(1, 1, 5), (2, 1, 5), (3, 1, 5)]),
            [format!(
                "{within} it was found anomalous 3 times, between 02:00 and 03:00 on 3 of 7 days: a step at that time \
                 would be held again and again"
            )]
        );
        assert_eq!(words(vec![heard(800, 0.06)], &[(1, 1, 5), (2, 1, 5), (3, 4, 5)]), Vec::<String>::new());
    }
}
