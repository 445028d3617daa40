//! What a signal's series were when they were last read, and what they are now: counters become what they grew by.

use super::super::Trouble;
use super::super::exposition::{Found, Growth, Moment, Reading, grown, is_impossible};
use super::super::source::{Answer, Ask, Labels, SeriesSamples, labels_in_words};
use crate::labels::Table;
use crate::text::counted;
use quietgate_detectors::{Sample, Timestamp};
use std::time::Duration;
use tokio::time::Instant;

/// The series of a signal, and what was answered last.
#[derive(Debug, Default)]
pub(super) struct Readings {
    series: Table<Known>,
    /// How many pages were read.
    pages: u64,
    last: Option<(Instant, Answer)>,
}

/// A series that a page had.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    /// The newest page that had it.
    page: u64,
    /// The time of the asking that it was last there.
    shown_ms: i64,
    /// What it was then, where it is a counter.
    counter: Option<Reading>,
}

/// What was asked, and when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    from_ms: i64,
    until_ms: i64,
    interval_ms: i64,
    started: Instant,
    clock_ms: i64,
}

/// What is asked for within such a time is one asking: two signals may ask for the same. Half of the shortest interval.
const SAME: Duration = Duration::from_millis(50);

impl Asked {
    /// `ask`, whose page was asked for at `started`, when the time of day was `clock`.
    pub(super) fn new(ask: &Ask, started: Instant, clock: Timestamp) -> Self {
        let (from_ms, until_ms) = (ask.from.as_millis(), ask.until.as_millis());
        let interval_ms = ask.interval.as_millis();
        Self { from_ms, until_ms, interval_ms, started, clock_ms: clock.as_millis() }
    }
}

impl Readings {
    /// The samples of `series` of one page, which is read from now on: the series in the order of their labels, what is found of each
    /// in that of the page. One that is there for the first time and only grows has none yet. What is not among them has ended, and
    /// begins anew when it is back.
    ///
    /// # Errors
    /// One series that is there twice.
    pub(super) fn take(
        &mut self,
        series: Vec<(Labels, Vec<Found>)>,
        growth: Growth,
        asked: Asked,
    ) -> Result<Answer, Trouble> {
        if let Some((at, answer)) = &self.last
            && asked.started.duration_since(*at) < SAME
            && at.duration_since(asked.started) < SAME
        {
            return Ok(after(answer.clone(), asked.from_ms));
        }
        let in_order = |found: &[Found]| {
            found.is_sorted_by(|a, b| matches!((a.time_ms, b.time_ms), (Some(a), Some(b)) if a < b))
        };
        if let Some((labels, _)) = series.iter().find(|(_, found)| !in_order(found)) {
            return Err(Trouble::Duplicate { series: labels_in_words(labels) });
        }
        let latest = asked.until_ms.saturating_add(asked.interval_ms);
        self.pages += 1;
        let mut told = Vec::new();
        let (mut ahead, mut below) = (0_u64, Vec::new());
        for (labels, found) in series {
            let mut samples = Vec::new();
            // the same piece at each asking
            let (labels, known) = self.series.entry(labels);
            (known.page, known.shown_ms) = (self.pages, asked.until_ms);
            for found in found {
                let at = found.time_ms.unwrap_or(asked.until_ms);
                let value = match growth {
                    Growth::ByType if !found.is_counter => Some(found.value),
                    _ => {
                        if is_impossible(found.value) {
                            below.push(labels_in_words(labels));
                        }
                        let ours = Moment::Ours(asked.started, asked.clock_ms);
                        let now = Reading::new(found.time_ms.map_or(ours, Moment::Theirs), found.value);
                        grown(&mut known.counter, now, growth, asked.interval_ms)
                    }
                };
                ahead += u64::from(at > latest);
                samples.extend(
                    value.filter(|_| at > asked.from_ms && at <= latest).map(|value| Sample::new(at, value)),
                );
            }
            told.push(SeriesSamples { labels: labels.clone(), samples });
        }
        let ended = self.ended(asked.from_ms);
        let lie = counted(ahead, "sample lies", "samples lie");
        let ahead_words =
            || format!("{lie} more than an interval after the time of asking: the clocks differ");
        let warnings = (ahead > 0).then(ahead_words).into_iter().chain(below_words(&below)).collect();
        let answer = Answer { series: told, ended, complete: ahead == 0, warnings };
        self.last = Some((asked.started, answer.clone()));
        Ok(answer)
    }

    /// The page could not be read: whatever was read before says nothing about the time until it is there again. Only which
    /// series it had is remembered.
    pub(super) fn forget(&mut self) {
        self.last = None;
        self.series.values_mut().for_each(|known| known.counter = None);
    }

    /// Those that the newest page does not have are not shown any more. They are named as long as samples of that time are asked
    /// for, for an answer may be lost; then they are forgotten.
    fn ended(&mut self, from_ms: i64) -> Vec<Labels> {
        let newest = self.pages;
        self.series.retain(|_, known| known.page == newest || known.shown_ms >= from_ms);
        let gone = |known: &Known| known.page < newest;
        self.series.values_mut().filter(|known| gone(known)).for_each(|known| known.counter = None);
        let gone = self.series.iter().filter(|(_, known)| gone(known));
        let mut ended: Vec<Labels> = gone.map(|(labels, _)| labels.clone()).collect();
        ended.sort_unstable();
        ended
    }
}

/// That counters are below 0, by the name of the first; nothing where none is.
fn below_words(below: &[String]) -> Option<String> {
    let (first, others) = below.split_first()?;
    let more = if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
    Some(format!("the counter {first}{more} is below 0, which cannot be: it is taken for no number"))
}

/// `answer` without what came before it was wanted.
fn after(mut answer: Answer, from_ms: i64) -> Answer {
    for series in &mut answer.series {
        series.samples.retain(|sample| sample.at.as_millis() > from_ms);
    }
    answer
}
