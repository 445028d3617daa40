//! Asks the sources of a plan's signals, each at its own pace, the look-back first.

use crate::config::{Config, Signal};
use crate::plan::Plan;
use crate::run::signals;
use crate::sources::{
    Answer, Contradicted, Labels, Opened, Outcome, Past, Poll, Seen, Source, SourceError, labels_in_words,
};
use crate::text;
use quietgate_detectors::{DAY_MS, Timestamp};
use quietgate_rules::{RuleSpec, SUSTAIN_MAX};
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
pub(in crate::run) struct Feed {
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
    /// The time from which on the look-back is wanted.
    from: Timestamp,
    /// So many cells before the windows of the gates are judged, and not learnt alone.
    judged_cells: u32,
    /// Until when the source is asked first for what the history lacks at its beginning; none where that is not wanted any more.
    older: Option<Timestamp>,
    /// How many samples came too late, and from how many on that is told again.
    late: u64,
    late_due: u64,
    /// Whether the last answer was whole, and without anything odd; none where there was none.
    sort: Option<(bool, bool)>,
}

/// What a source said of a signal.
#[derive(Debug)]
pub(in crate::run) struct Fetched {
    /// The number of the signal among those of the plan.
    pub(in crate::run) signal: usize,
    /// Its name.
    pub(in crate::run) name: String,
    /// New samples only.
    pub(in crate::run) answer: Result<Answer, SourceError>,
    /// Whether it is the first whole one, which has the look-back.
    pub(in crate::run) fills: bool,
    /// Whether the last answer was of another sort: whole, in part, none; with something odd about it or without.
    pub(in crate::run) is_news: bool,
    /// Whether it is what the history lacks at its beginning: all of it, where it is complete.
    pub(in crate::run) is_older: bool,
    /// Samples of which another value is told now; then the answer is one in part.
    pub(in crate::run) contradicted: Vec<Contradicted>,
    /// That samples came too late, in words.
    pub(in crate::run) late: Option<String>,
}

impl Feed {
    /// That of the signals of `plan`. Wanted is what comes after `now`, and the look-back before it; for the slow layer also what
    /// came since the first batch started, where one has.
    ///
    /// # Errors
    /// A source whose files cannot be used.
    pub(super) fn of_plan(
        config: &Config,
        at: (&Path, &mut Opened),
        plan: &Plan,
        now: Timestamp,
        started: Option<Timestamp>,
    ) -> Result<Self, SourceError> {
        let clean_ms = plan.steps.iter().map(|step| step.gate.clean_before_ms).max().unwrap_or_default();
        let before = |signal: &Signal| {
            let run_ms = started.filter(|_| signal.slow.is_some()).map_or(0, |started| {
                now.as_millis().saturating_sub(started.as_millis()).clamp(0, RUN_MAX_MS)
            });
            (clean_ms.max(run_ms), started.is_some())
        };
        Self::open(config, at, signals(config, plan), now, before)
    }

    /// Opens the sources of `signals`, whose relative paths begin in `base`. Wanted is what comes after `now`, and the look-back
    /// before what comes first of what is `before` it, in milliseconds; that says too whether batches have started.
    ///
    /// # Errors
    /// A source whose files cannot be used.
    pub(in crate::run) fn open<'a>(
        config: &Config,
        (base, opened): (&Path, &mut Opened),
        signals: impl Iterator<Item = &'a Signal>,
        now: Timestamp,
        before: impl Fn(&Signal) -> (i64, bool),
    ) -> Result<Self, SourceError> {
        let mut fed = Vec::new();
        for signal in signals {
            let name = signal.source.as_deref().unwrap_or_default();
            let Some(named) = config.sources.iter().find(|source| source.name == name) else { continue };
            let source = opened.open(&named.spec, base)?;
            let source = source.for_one().unwrap_or(source);
            let (before_ms, has_started) = before(signal);
            let from = now.as_millis().saturating_sub(look_back_ms(signal).saturating_add(before_ms));
            let from = Timestamp::from_millis(from);
            fed.push(Fed {
                seen: Seen::nothing(from, signal.max_age_ms)
                    .waiting(signal.lateness_ms)
                    .comparing(source.is_lasting()),
                from,
                older: None,
                judged_cells: 1 + judged_before(signal, has_started),
                every_ms: source.asked_every_ms(signal.interval).max(1),
                due_ms: now.as_millis(),
                is_filled: false,
                sort: Some((true, true)),
                late: 0,
                late_due: 1,
                signal: signal.clone(),
                source,
            });
        }
        Ok(Self { signals: fed, poll: Poll::default() })
    }

    /// The time from which on the look-back of a signal is wanted.
    pub(super) fn from(&self, signal: usize) -> Option<Timestamp> {
        self.signals.get(signal).map(|fed| fed.from)
    }

    /// The time from which on what is remembered of a signal shall be judged, and not learnt alone: the windows that gates look at, and
    /// some cells before.
    pub(super) fn judged_from(&self, signal: usize) -> Option<Timestamp> {
        let fed = self.signals.get(signal)?;
        let before_ms = i64::from(fed.judged_cells).saturating_mul(fed.signal.interval.as_millis());
        let look_back_ms = look_back_ms(&fed.signal).saturating_sub(before_ms);
        Some(Timestamp::from_millis(fed.from.as_millis().saturating_add(look_back_ms)))
    }

    /// Whether the source tells of what was before it was asked: then all of that must be there.
    pub(super) fn tells_past(&self, signal: usize) -> bool {
        self.signals.get(signal).is_some_and(|fed| fed.source.past() != Past::None)
    }

    /// The history of a signal begins at `oldest`, and can have nothing before `room`. Whether its source is asked first for what was
    /// before, as far as that is wanted.
    pub(super) fn asks_older(&mut self, signal: usize, oldest: Timestamp, room: Timestamp) -> bool {
        let Some(fed) = self.signals.get_mut(signal) else { return false };
        fed.from = fed.from.max(room);
        let interval_ms = fed.signal.interval.as_millis();
        let until = Timestamp::from_millis(oldest.as_millis().saturating_sub(interval_ms / 2));
        let lacks = until.as_millis().saturating_sub(fed.from.as_millis()) > interval_ms;
        fed.older = Some(until).filter(|_| lacks && fed.source.past() == Past::Asked);
        fed.older.is_some()
    }

    /// These are the newest samples of a signal's series by its history, which were all told of.
    pub(super) fn know(&mut self, signal: usize, newest: Vec<(Labels, Timestamp)>) {
        if let Some(fed) = self.signals.get_mut(signal) {
            fed.seen.know(newest, DAY_MS);
        }
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
            // what is under way is asked for again after its answer, which is waited for anyway
            if !self.poll.is_asked(&fed.signal.name) {
                next_ms = next_ms.min(fed.due_ms - now_ms);
            }
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
            let (is_older, was_filled) = (fed.older.is_some(), fed.is_filled);
            let mut answer = answer.map(|answer| match fed.older {
                Some(until) => fed.take_older(answer, until),
                None => {
                    fed.is_filled |= answer.complete;
                    fed.seen.take(answer, ask.until)
                }
            });
            let contradicted = fed.seen.take_contradicted();
            if let (Ok(answer), Some(words)) = (&mut answer, contradicted_words(&contradicted)) {
                answer.warnings.push(words);
                answer.complete = false;
            }
            let late = fed.late_words();
            let sort = answer.as_ref().ok().map(|answer| (answer.complete, answer.warnings.is_empty()));
            let is_news = std::mem::replace(&mut fed.sort, sort) != sort;
            let fills = fed.is_filled && !was_filled;
            return Some(Fetched {
                signal: number,
                name: signal,
                answer,
                fills,
                is_news,
                is_older,
                contradicted,
                late,
            });
        }
    }
}

impl Fed {
    /// Asks as of the newest multiple of its pace, so that what is stamped with the time of asking lies evenly.
    fn ask(&self, poll: &mut Poll, now_ms: i64) {
        let newest = Timestamp::from_millis(now_ms.div_euclid(self.every_ms) * self.every_ms);
        let until = self.older.unwrap_or(newest);
        let mut ask = self.seen.ask(self.signal.query.clone(), until, self.signal.interval);
        if self.older.is_some() {
            ask.from = self.from;
        }
        let limit_ms = if self.is_filled { LIMIT_MS } else { FILL_LIMIT_MS };
        // what is still under way is not asked for again: its samples come, or its limit
        drop(poll.ask(&self.signal.name, &self.source, ask, limit_ms));
    }

    /// That samples came too late: the first time, and each time that they are twice as many.
    fn late_words(&mut self) -> Option<String> {
        self.late += self.seen.take_late();
        let is_due = self.late >= self.late_due;
        is_due.then(|| {
            self.late_due = self.late.saturating_mul(2);
            let samples = text::counted(self.late, "sample", "samples");
            format!(
                "signal {:?}: {samples} came behind newer ones and later than lateness allows: not judged",
                self.signal.name
            )
        })
    }

    /// An answer about what was before `until`. One that is not whole is asked for once more, and nothing of it is taken: what
    /// comes later would be too late.
    fn take_older(&mut self, mut answer: Answer, until: Timestamp) -> Answer {
        if answer.complete {
            self.older = None;
            // the rest is asked for at once
            self.due_ms = i64::MIN;
            answer.series.iter_mut().for_each(|series| series.samples.retain(|sample| sample.at < until));
            answer.series.retain(|series| !series.samples.is_empty());
        } else {
            answer.series.clear();
        }
        answer
    }
}

/// That samples are told otherwise than before, by the first of them; nothing where none is.
fn contradicted_words(contradicted: &[Contradicted]) -> Option<String> {
    let Contradicted { labels, at, before, now } = contradicted.first()?;
    let (series, at) = (labels_in_words(labels), text::rfc3339(at.as_millis()));
    let more = match contradicted.len() - 1 {
        0 => String::new(),
        more => format!(", and {} more", text::counted(more as u64, "sample", "samples")),
    };
    Some(format!(
        "the series {series} had the value {before} at {at}, and {now} is told of that time now{more}"
    ))
}

/// How many cells before the windows of the gates are judged: what a sustain looks back on. Where batches have started, the most that any
/// does, for an anomaly from before a batch is not blamed on it as far back as is known since when it was.
fn judged_before(signal: &Signal, has_started: bool) -> u32 {
    let rules = std::iter::once(&signal.rule).chain(&signal.slow);
    let longest = rules.map(|rule| rule.sustain.n()).max();
    longest.filter(|_| !has_started).unwrap_or(SUSTAIN_MAX)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::plan::{Near, PlanFile};
    use crate::sources::{Ask, Fetching, SeriesSamples};
    use quietgate_detectors::Sample;
    use std::sync::Mutex;

    /// Has a sample each second since ever; says no more than a part of it the first time.
    #[derive(Debug, Default)]
    struct Ever {
        asked: Mutex<u32>,
    }

    impl Source for Ever {
        fn fetch<'a>(&'a self, ask: &'a Ask) -> Fetching<'a> {
            Box::pin(async {
                let mut asked = self.asked.lock().expect("no panic");
                *asked += 1;
                let seconds = ask.from.as_millis() / 1000 + 1..=ask.until.as_millis() / 1000;
                let samples = seconds.map(|second| Sample::new(second * 1000, 1.0)).collect();
                let series = vec![SeriesSamples { labels: Labels::new(), samples }];
                Ok(Answer { series, complete: *asked > 1, ..Answer::default() })
            })
        }

        fn past(&self) -> Past {
            Past::Asked
        }
    }

    fn feed(now: Timestamp) -> Feed {
        let config = "sources: {here: {kind: host}}\nsignals: {swap: {source: here, query: swap_used, interval: 1s, \
            rule: {kind: any, detectors: [{kind: threshold, above: 1}]}}}\n";
        let plan = "plan: p\ninventory: [{name: a, address: a}]\nsignals: [swap]\n\
            gate: {clean_before: 1s, clean_after: 1s, patience: 1h}\nsteps:\n- step: s\n  action: {kind: noop}\n";
        let config = Config::read("c.yaml", config).expect("a config");
        let plan = PlanFile::read("p.yaml", plan, &Near::to(Path::new("p.yaml"))).expect("a plan").plan;
        Feed::of_plan(&config, (Path::new("."), &mut Opened::default()), &plan, now, None).expect("a source")
    }

    fn times(fetched: &Fetched) -> Option<(i64, i64)> {
        let answer = fetched.answer.as_ref().expect("an answer");
        let samples = &answer.series.first()?.samples;
        Some((samples.first()?.at.as_millis(), samples.last()?.at.as_millis()))
    }

    #[test]
    fn a_source_is_asked_first_for_what_the_history_lacks_and_then_for_what_is_newer() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let at = Timestamp::from_millis;
        let now = at(9_000_000);
        runtime.block_on(async {
            let mut feed = feed(now);
            assert!(
                !feed.asks_older(0, at(8_900_000), at(0)),
                "this machine knows nothing of what was before"
            );
            feed.signals[0].source = Arc::new(Ever::default());
            let from = feed.from(0).expect("a signal");
            assert!(!feed.asks_older(0, from, at(0)), "it lacks nothing");
            assert!(feed.asks_older(0, at(8_900_000), at(0)));
            feed.ask(now);
            let partial = feed.next().await.expect("an answer");
            assert!(partial.is_older && times(&partial).is_none(), "nothing of a part is taken: {partial:?}");
            feed.ask(at(9_001_000));
            let older = feed.next().await.expect("an answer");
            assert_eq!((older.is_older, times(&older)), (true, Some((from.as_millis() + 1000, 8_899_000))));
            feed.know(0, vec![(Labels::new(), at(8_990_000))]);
            feed.ask(at(9_001_000));
            let newer = feed.next().await.expect("an answer");
            assert_eq!((newer.is_older, times(&newer)), (false, Some((8_991_000, 9_001_000))));
        });
    }
}
