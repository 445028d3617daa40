//! Asks the sources of a plan's signals, each at its own pace, the look-back first.

use crate::config::{Config, Signal};
use crate::plan::Plan;
use crate::run::signals;
use crate::sources::{Answer, Outcome, Poll, Seen, Source, SourceError};
use quietgate_detectors::{DAY_MS, Timestamp};
use quietgate_rules::RuleSpec;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// The longest that the first answer may take, which has the whole look-back.
const FILL_LIMIT_MS: i64 = 600_000;
/// The longest that any other answer may take; sources have limits of their own.
const LIMIT_MS: i64 = 60_000;
/// So many samples before the look-back help what never forgets, such as exponential averages.
const MORE_CELLS: i64 = 1000;

/// The longest part of a run that goes on which the slow layer is told of anew.
const RUN_MAX_MS: i64 = DAY_MS;

/// The sources of a plan's signals.
#[derive(Debug)]
pub(super) struct Feed {
    signals: Vec<Fed>,
    poll: Poll,
}

#[derive(Debug)]
struct Fed {
    signal: Signal,
    source: Arc<dyn Source>,
    seen: Seen,
    every_ms: i64,
    due_ms: i64,
    is_filled: bool,
    /// Whether the last answer was whole.
    is_well: bool,
}

/// What a source said of a signal.
#[derive(Debug)]
pub(super) struct Fetched {
    /// The number of the signal among those of the plan.
    pub(super) signal: usize,
    /// Its name.
    pub(super) name: String,
    /// New samples only.
    pub(super) answer: Result<Answer, SourceError>,
    /// Whether it is the first whole one, which has the look-back.
    pub(super) fills: bool,
    /// Whether the last answer was of another sort: whole, in part, none.
    pub(super) is_news: bool,
}

impl Feed {
    /// Opens the sources of the signals of `plan`, whose relative paths begin in `base`. Wanted is what comes after `now`, and
    /// the look-back before it; for the slow layer also what came since the first batch started, where one has.
    ///
    /// # Errors
    /// A source whose files cannot be used.
    pub(super) fn open(
        config: &Config,
        base: &Path,
        plan: &Plan,
        now: Timestamp,
        started: Option<Timestamp>,
    ) -> Result<Self, SourceError> {
        let mut sources: BTreeMap<&str, Arc<dyn Source>> = BTreeMap::new();
        let clean_ms = plan.steps.iter().map(|step| step.gate.clean_before_ms).max().unwrap_or_default();
        let mut fed = Vec::new();
        for signal in signals(config, plan) {
            let name = signal.source.as_deref().unwrap_or_default();
            let Some(named) = config.sources.iter().find(|source| source.name == name) else { continue };
            let source = match sources.get(name) {
                Some(source) => Arc::clone(source),
                None => Arc::from(named.spec.open(base)?),
            };
            sources.insert(name, Arc::clone(&source));
            let run_ms = started.filter(|_| signal.slow.is_some()).map_or(0, |started| {
                now.as_millis().saturating_sub(started.as_millis()).clamp(0, RUN_MAX_MS)
            });
            let before_ms = clean_ms.max(run_ms);
            let from = now.as_millis().saturating_sub(look_back_ms(signal).saturating_add(before_ms));
            fed.push(Fed {
                seen: Seen::nothing(Timestamp::from_millis(from), signal.max_age_ms),
                every_ms: source.asked_every_ms(signal.interval).max(1),
                due_ms: now.as_millis(),
                is_filled: false,
                is_well: true,
                signal: signal.clone(),
                source,
            });
        }
        Ok(Self { signals: fed, poll: Poll::default() })
    }

    /// Asks for whatever is due at `now`; says how long until the next is, in milliseconds.
    pub(super) fn ask(&mut self, now: Timestamp) -> i64 {
        let now_ms = now.as_millis();
        let mut next_ms = i64::MAX;
        for fed in &mut self.signals {
            // a clock that was set back must not keep anything from being asked for
            fed.due_ms = fed.due_ms.min(now_ms.saturating_add(fed.every_ms));
            if fed.due_ms <= now_ms {
                fed.ask(&mut self.poll, now_ms);
                fed.due_ms = (now_ms.div_euclid(fed.every_ms) + 1).saturating_mul(fed.every_ms);
            }
            next_ms = next_ms.min(fed.due_ms - now_ms);
        }
        next_ms
    }

    /// The next answer; none where nobody was asked. May be dropped and called again.
    pub(super) async fn next(&mut self) -> Option<Fetched> {
        loop {
            let Outcome { signal, ask, answer } = self.poll.next().await?;
            let Some(number) = self.signals.iter().position(|fed| fed.signal.name == signal) else {
                continue;
            };
            let fed = &mut self.signals[number];
            let was_filled = fed.is_filled;
            let answer = answer.map(|answer| {
                fed.is_filled |= answer.complete;
                fed.seen.take(answer, ask.until)
            });
            let is_well = answer.as_ref().is_ok_and(|answer| answer.complete);
            let is_news = std::mem::replace(&mut fed.is_well, is_well) != is_well;
            let fills = fed.is_filled && !was_filled;
            return Some(Fetched { signal: number, name: signal, answer, fills, is_news });
        }
    }
}

impl Fed {
    /// Asks as of the newest multiple of its pace, so that what is stamped with the time of asking lies evenly.
    fn ask(&self, poll: &mut Poll, now_ms: i64) {
        let until = Timestamp::from_millis(now_ms.div_euclid(self.every_ms) * self.every_ms);
        let ask = self.seen.ask(self.signal.query.clone(), until, self.signal.interval);
        let limit_ms = if self.is_filled { LIMIT_MS } else { FILL_LIMIT_MS };
        // what is still under way is not asked for again: its samples come, or its limit
        drop(poll.ask(&self.signal.name, &self.source, ask, limit_ms));
    }
}

/// How much of the past the detectors of a signal look at, and need before their first verdict, in milliseconds.
fn look_back_ms(signal: &Signal) -> i64 {
    let interval_ms = signal.interval.as_millis();
    let rules = std::iter::once(&signal.rule).chain(&signal.slow);
    let deepest = rules.flat_map(RuleSpec::detectors).map(|spec| {
        let warm_up = i64::try_from(spec.warm_up(signal.interval)).unwrap_or(i64::MAX);
        // the same time of day may be an hour further away where clocks change
        let days = spec.options().count("days").map_or(0, |days| (i64::from(days) + 1) * DAY_MS);
        warm_up.saturating_mul(interval_ms).max(days)
    });
    deepest.max().unwrap_or_default().saturating_add(MORE_CELLS.saturating_mul(interval_ms))
}
