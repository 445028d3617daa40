//! What a signal's series were when they were last read, and what they are now: counters become what they grew by.

use super::super::Trouble;
use super::super::exposition::{Found, Growth, Moment, Reading, grown};
use super::super::source::{Answer, Ask, Labels, SeriesSamples, labels_in_words};
use crate::text::counted;
use quietgate_detectors::Sample;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;
use tokio::time::Instant;

/// The counters of a signal's series, and what was answered last.
#[derive(Debug, Default)]
pub(super) struct Readings {
    counters: HashMap<Labels, Reading>,
    last: Option<(Instant, Answer)>,
}

/// What was asked, and when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    from_ms: i64,
    until_ms: i64,
    interval_ms: i64,
    started: Instant,
}

/// What is asked for within such a time is one asking: two signals may ask for the same. Half of the shortest interval.
const SAME: Duration = Duration::from_millis(50);

impl Asked {
    /// `ask`, whose page was asked for at `started`.
    pub(super) fn new(ask: &Ask, started: Instant) -> Self {
        let (from_ms, until_ms) = (ask.from.as_millis(), ask.until.as_millis());
        Self { from_ms, until_ms, interval_ms: ask.interval.as_millis(), started }
    }

    /// How long before this a counter may have been read for that it still says what it grew by at this interval.
    fn longest(&self) -> Duration {
        Duration::from_millis(self.interval_ms.saturating_mul(2).unsigned_abs())
    }
}

impl Readings {
    /// The samples of `series` of one page, in the order of the page, which are read from now on. What is not among them is
    /// forgotten: when it is back it begins anew.
    ///
    /// # Errors
    /// One series that is there twice.
    pub(super) fn take(
        &mut self,
        series: BTreeMap<Labels, Vec<Found>>,
        growth: Growth,
        asked: Asked,
    ) -> Result<Answer, Trouble> {
        if let Some((at, answer)) = &self.last
            && asked.started.duration_since(*at) < SAME
            && at.duration_since(asked.started) < SAME
        {
            return Ok(after(answer.clone(), asked.from_ms));
        }
        let latest = asked.until_ms.saturating_add(asked.interval_ms);
        let (mut counters, mut told, mut ahead) = (HashMap::new(), Vec::new(), 0_u64);
        for (labels, found) in series {
            if !found.is_sorted_by(|a, b| matches!((a.time_ms, b.time_ms), (Some(a), Some(b)) if a < b)) {
                return Err(Trouble::Duplicate { series: labels_in_words(&labels) });
            }
            let mut samples = Vec::new();
            let mut before = self.counters.remove(&labels);
            for found in found {
                let at = found.time_ms.unwrap_or(asked.until_ms);
                let value = match growth {
                    Growth::ByType if !found.is_counter => Some(found.value),
                    _ => {
                        let at = found.time_ms.map_or(Moment::Ours(asked.started), Moment::Theirs);
                        grown(&mut before, Reading { at, count: found.value }, growth, asked.longest())
                    }
                };
                ahead += u64::from(at > latest);
                samples.extend(
                    value.filter(|_| at > asked.from_ms && at <= latest).map(|value| Sample::new(at, value)),
                );
            }
            counters.extend(before.map(|reading| (labels.clone(), reading)));
            told.extend((!samples.is_empty()).then_some(SeriesSamples { labels, samples }));
        }
        self.counters = counters;
        let lie = counted(ahead, "sample lies", "samples lie");
        let ahead_words =
            || format!("{lie} more than an interval after the time of asking: the clocks differ");
        let warnings: Vec<_> = (ahead > 0).then(ahead_words).into_iter().collect();
        let answer = Answer { series: told, complete: warnings.is_empty(), warnings };
        self.last = Some((asked.started, answer.clone()));
        Ok(answer)
    }
}

/// `answer` without what came before it was wanted.
fn after(mut answer: Answer, from_ms: i64) -> Answer {
    for series in &mut answer.series {
        series.samples.retain(|sample| sample.at.as_millis() > from_ms);
    }
    answer.series.retain(|series| !series.samples.is_empty());
    answer
}
