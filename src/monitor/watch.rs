//! All series that gates look at: judged as their samples come, and how each stands.

use super::together::{One, Together};
use super::view::{Latest, Origin, Stands, View};
use super::{Monitor, MonitorSpec, Said};
pub use crate::labels::Labels;
use crate::sabotage::{self, Sabotage};
use quietgate_detectors::{BatchStart, Evidence, Lack, Past, Reason, Sample, Spec, Timestamp, Verdict};
use quietgate_rules::{Condition, Finding, RuleSpec, Standing};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

/// A group of series that are judged alike.
#[derive(Debug, Clone)]
pub struct Watched {
    /// The signal's name.
    pub name: String,
    /// What each of its series is judged by.
    pub spec: MonitorSpec,
    /// Age of the newest sample beyond which a series is stale, in milliseconds.
    pub max_age_ms: i64,
    /// Labels with the values that must be there; where there are none, every series seen at the start must.
    pub expect: Vec<(String, Vec<String>)>,
}

/// Every series of some signals.
#[derive(Debug, Clone)]
pub struct Watch {
    signals: Vec<Signal>,
}

#[derive(Debug, Clone)]
struct Signal {
    watched: Watched,
    series: BTreeMap<Labels, Series>,
    /// Those whose days are in the history.
    together: Option<Together>,
    /// Why its source can say nothing now.
    trouble: Option<Reason>,
    /// Whether its source has said everything once, and the newest time since when it does so again.
    was_whole: bool,
    whole_since: Option<Timestamp>,
    /// Whether what was seen is what must be there.
    begun: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Series {
    monitor: Monitor,
    standing: Standing,
    /// By the findings of the slow layer, where it judges the series.
    slow: Option<Standing>,
    pub(super) latest: Option<Told>,
    /// Whether it must be there.
    required: bool,
    /// Whether its source does not show it any more.
    has_ended: bool,
}

/// What was said of the newest sample of a series.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) latest: Latest,
    /// What each detector said, in the order of the rule; nothing where the cell has no value.
    pub(super) votes: Vec<Statement>,
    /// The same of those of the slow layer.
    pub(super) slow: Vec<Statement>,
}

/// What a detector said of a sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// The detector's kind.
    pub kind: &'static str,
    /// Its verdict.
    pub verdict: Verdict,
    /// The numbers; none where the verdict is unknown.
    pub evidence: Option<Evidence>,
    /// The same in words, where it fired, and where it has to tell something of what is normal.
    pub words: Option<String>,
    /// What it lacks, where it is unknown and the reason does not say it all.
    pub lack: Option<Lack>,
}

impl Watch {
    /// A watch over `signals` that has seen nothing yet.
    pub fn new(signals: Vec<Watched>) -> Self {
        let signal = |watched| Signal {
            watched,
            series: BTreeMap::new(),
            together: None,
            trouble: None,
            was_whole: false,
            whole_since: None,
            begun: false,
        };
        Self { signals: signals.into_iter().map(signal).collect() }
    }

    /// The signals, in the order in which they are numbered.
    pub fn signals(&self) -> impl Iterator<Item = &Watched> {
        self.signals.iter().map(|signal| &signal.watched)
    }

    /// The series of `signal` are judged together from now on, with their days in a history of so many, where what judges them needs
    /// no days of its own, and not more. To be told before anything of them.
    pub fn judge_together(&mut self, signal: usize, days: u32) -> Option<&mut Together> {
        let signal = &mut self.signals[signal];
        let together = Together::new(&signal.watched.spec).filter(|together| together.look().days() <= days);
        signal.together = together.filter(|_| signal.series.is_empty());
        signal.together.as_mut()
    }

    /// The series of `signal` that are judged together.
    pub fn together(&mut self, signal: usize) -> Option<&mut Together> {
        self.signals.get_mut(signal)?.together.as_mut()
    }

    /// A series of `signal` that is judged together with others has this number: it is seen now, or `remembered`. That it was there
    /// once does not mean that it must be there.
    pub fn know_together(&mut self, signal: usize, number: u32, labels: &Labels, remembered: bool) {
        let signal = &mut self.signals[signal];
        let is_declared = !signal.watched.expect.is_empty();
        let mut required = signal.must_be_there(labels) && (is_declared || !remembered);
        // it was shown before it had a sample
        required |= signal.series.remove(labels).is_some_and(|series| series.required);
        if let Some(together) = &mut signal.together {
            together.know(number, labels, &signal.watched.spec, required);
        }
    }

    /// Judges samples of series of `signal` by their numbers, which are known. Gives the row of each cell and its value, or why it
    /// has none, to `heard`.
    pub fn observe_together(
        &mut self,
        signal: usize,
        samples: impl IntoIterator<Item = (u32, Sample)>,
        past: &mut impl Past,
        heard: impl FnMut(u32, i64, Result<f64, Reason>),
    ) {
        // what was remembered alone must be there from now on, where what is seen at the start must
        let is_start = self.is_start(signal);
        if let Some(together) = self.together(signal) {
            together.observe(is_start, samples, past, heard);
        }
    }

    /// The same of samples that are remembered: that a series was there once does not mean that it must be there.
    pub fn remember_together(
        &mut self,
        signal: usize,
        samples: impl IntoIterator<Item = (u32, Sample)>,
        past: &mut impl Past,
    ) {
        if let Some(together) = &mut self.signals[signal].together {
            together.observe(false, samples, past, |_, _, _| {});
        }
    }

    /// Whether the series of `signal` with these labels is judged alone: it has samples, and no place in the history.
    pub fn is_alone(&self, signal: usize, labels: &Labels) -> bool {
        self.signals[signal].series.get(labels).is_some_and(|series| series.latest.is_some())
    }

    /// Whether what is seen of `signal` now must be there from now on.
    pub fn is_start(&self, signal: usize) -> bool {
        let signal = &self.signals[signal];
        signal.watched.expect.is_empty() && !signal.begun
    }

    /// The source of `signal` shows the series with this number.
    pub fn see_together(&mut self, signal: usize, number: u32) {
        let is_start = self.is_start(signal);
        if let Some(one) = self.together(signal).and_then(|together| together.get_mut(number)) {
            one.required |= is_start;
        }
    }

    /// Judges `samples` of one series of `signal`, which follow those of earlier calls.
    pub fn observe(&mut self, signal: usize, labels: &Labels, samples: &[Sample]) {
        self.observe_heard(signal, labels, samples, |_, _| {});
    }

    /// The same; gives the time of each cell and its value, or why it has none, to `heard`: also where that is another than before.
    pub fn observe_heard(
        &mut self,
        signal: usize,
        labels: &Labels,
        samples: &[Sample],
        heard: impl FnMut(Timestamp, Result<f64, Reason>),
    ) {
        let signal = &mut self.signals[signal];
        // what was remembered alone must be there from now on, where what is seen at the start must
        let is_start = signal.watched.expect.is_empty() && !signal.begun;
        if !signal.series.contains_key(labels) {
            signal.know(labels);
        }
        if let Some(series) = signal.series.get_mut(labels) {
            series.required |= is_start;
            series.observe(samples, &signal.watched.spec, heard);
        }
    }

    /// Judges `samples` that are remembered of one series of `signal`. That it was there once does not mean that it must be there.
    pub fn remember(&mut self, signal: usize, labels: &Labels, samples: &[Sample]) {
        let signal = &mut self.signals[signal];
        let is_declared = !signal.watched.expect.is_empty();
        // one that was told of batches alone is known by no more than its name
        let is_new = signal.series.get(labels).is_none_or(|series| series.latest.is_none());
        signal.know(labels);
        if let Some(series) = signal.series.get_mut(labels) {
            series.required &= is_declared || !is_new;
            series.observe(samples, &signal.watched.spec, |_, _| {});
        }
    }

    /// The source of `signal` does not show this series any more: until it has a sample again it is unknown, however fresh its
    /// last one is.
    pub fn end(&mut self, signal: usize, labels: &Labels) {
        let signal = &mut self.signals[signal];
        if let Some(series) = signal.series.get_mut(labels) {
            series.has_ended = true;
        }
        let together = signal.together.as_mut().and_then(|all| all.find(labels).map(|number| (all, number)));
        if let Some(one) = together.and_then(|(all, number)| all.get_mut(number)) {
            one.has_ended = true;
        }
    }

    /// Whether nothing of this series has been seen or said yet.
    pub fn is_new(&self, signal: usize, labels: &Labels) -> bool {
        let signal = &self.signals[signal];
        let is_known = |together: &Together| together.find(labels).is_some();
        !signal.series.contains_key(labels) && !signal.together.as_ref().is_some_and(is_known)
    }

    /// Batches that started before anything of this series was seen, in the order of time.
    pub fn expect_starts(
        &mut self,
        signal: usize,
        labels: &Labels,
        starts: impl Iterator<Item = BatchStart>,
    ) {
        let signal = &mut self.signals[signal];
        let together = signal.together.as_mut().and_then(|all| all.find(labels).map(|number| (all, number)));
        if let Some((together, number)) = together {
            starts.for_each(|start| together.batch_starts(number, start));
            return;
        }
        let series = signal.know(labels);
        starts.for_each(|start| series.batch_starts(start));
    }

    /// A batch starts, to be told in the order of time. `start` says of each series, by the number of its signal and its
    /// labels, whether and how it may feel it.
    pub fn batch_starts(&mut self, start: impl Fn(usize, &Labels) -> Option<BatchStart>) {
        for (number, signal) in self.signals.iter_mut().enumerate() {
            for (labels, series) in &mut signal.series {
                start(number, labels).into_iter().for_each(|start| series.batch_starts(start));
            }
            if let Some(together) = &mut signal.together {
                let felt = |(series, one): (u32, &One)| Some((series, start(number, &one.labels)?));
                let felt: Vec<_> = together.all().filter_map(felt).collect();
                felt.into_iter().for_each(|(series, start)| together.batch_starts(series, start));
            }
        }
    }

    /// The detectors by which nothing could be said of a series once a batch starts now, with what they lack; none where it
    /// could be judged: by its rule, or by that of the slow layer.
    pub fn start_lacks(&self, signal: usize, labels: &Labels, slow: bool) -> Vec<Statement> {
        let Some(signal) = self.signals.get(signal) else { return Vec::new() };
        let lacks = signal.series.get(labels).map(|series| series.monitor.start_lacks(slow));
        let lacks = lacks.filter(|lacks| !lacks.is_empty()).unwrap_or_default();
        let names = if lacks.is_empty() { Vec::new() } else { signal.watched.spec.detectors() };
        let statement = |(column, lack): (usize, Lack)| Statement {
            kind: names[column].entry().kind,
            verdict: Verdict::Unknown(Reason::WarmingUp),
            evidence: None,
            words: None,
            lack: Some(lack),
        };
        lacks.into_iter().map(statement).collect()
    }

    /// From `now` on the source of `signal` can say nothing, for this reason; or it can again. What was unknown is clean since then
    /// at the earliest, also where samples of the time before come afterwards: a window that nobody could see begins anew. What came
    /// before the first whole answer is no such time, for the look-back tells of it.
    pub fn trouble(&mut self, signal: usize, trouble: Option<Reason>, now: Timestamp) {
        let signal = &mut self.signals[signal];
        let is_over = signal.trouble.is_some() && trouble.is_none();
        if is_over && signal.was_whole && !sabotage::is(Sabotage::TroubleKeepsWindow) {
            signal.whole_since = Some(now);
        }
        signal.was_whole |= trouble.is_none();
        signal.trouble = trouble;
    }

    /// The first whole answer of `signal` has come: where nothing is declared, what was seen until now must be there from
    /// now on. Without any series it has not.
    pub fn begin(&mut self, signal: usize) {
        let signal = &mut self.signals[signal];
        let is_anything = signal.stands().next().is_some();
        signal.begun |= is_anything;
    }

    /// Whether the slow layer finds any required series anomalous at `now`.
    pub fn is_slowly_moving(&self, now: Timestamp) -> bool {
        let anomalous = |signal: &Signal, series: Stands<'_>| {
            matches!(signal.slow(&series, now), Some(Condition::Anomalous { .. }))
        };
        self.signals
            .iter()
            .any(|signal| signal.stands().any(|series| series.required && anomalous(signal, series)))
    }

    /// The required series of `signal` that are anomalous at `now`, by its rule or by the slow layer, and since when: where they
    /// are by both, since the later.
    pub fn anomalous(&self, signal: usize, now: Timestamp) -> impl Iterator<Item = (&Labels, Timestamp)> {
        let since = |condition| match condition {
            Some(Condition::Anomalous { since, .. }) => Some(since),
            _ => None,
        };
        let required = self.signals.get(signal).into_iter().flat_map(move |signal| {
            signal.stands().filter(|series| series.required).map(move |series| (signal, series))
        });
        required.filter_map(move |(signal, series)| {
            let fast = since(Some(signal.condition(&series, series.standing, now)));
            Some((series.labels, fast.max(since(signal.slow(&series, now)))?))
        })
    }

    /// Whether there may be an anomaly of `signal` that was not there when this was asked before: to look for it in vain is dear.
    pub fn is_stirred(&mut self, signal: usize) -> bool {
        let Signal { series, together, .. } = &mut self.signals[signal];
        let is_stirred = together.as_mut().is_some_and(|together| together.take_stirred());
        is_stirred || !series.is_empty()
    }

    /// Every required series at `now`, those that are missing too.
    pub fn views(&self, now: Timestamp) -> Vec<View<'_>> {
        // asked for once: there may be very many, and what grows is copied
        let mut views = Vec::with_capacity(self.signals.iter().map(Signal::len).sum());
        self.signals.iter().enumerate().for_each(|(number, signal)| signal.view(number, now, &mut views));
        views
    }
}

impl Signal {
    fn know(&mut self, labels: &Labels) -> &mut Series {
        let required = self.must_be_there(labels);
        let turn = self.series.len() as u64;
        self.series.entry(labels.clone()).or_insert_with(|| Series {
            monitor: Monitor::new(&self.watched.spec).in_turn(turn),
            standing: Standing::default(),
            slow: self.watched.spec.slow.is_some().then(Standing::default),
            latest: None,
            required,
            has_ended: false,
        })
    }

    /// All series in the order of their labels: those that are judged alone, and those together.
    fn stands(&self) -> impl Iterator<Item = Stands<'_>> {
        let alone = self.series.iter().map(|(labels, series)| Stands {
            labels,
            standing: &series.standing,
            slow: series.slow.as_ref(),
            required: series.required,
            has_ended: series.has_ended,
            origin: Origin::Alone(series),
        });
        let all = self.together.iter().flat_map(|together| together.all().map(move |one| (together, one)));
        alone.chain(all.map(|(together, (number, one))| Stands {
            labels: &one.labels,
            standing: &one.standing,
            slow: one.slow(),
            required: one.required,
            has_ended: one.has_ended,
            origin: Origin::Together { together, number, one, spec: &self.watched.spec },
        }))
    }

    fn must_be_there(&self, labels: &Labels) -> bool {
        let expected = |(label, values): &(String, Vec<String>)| {
            labels.get(label).is_some_and(|value| values.iter().any(|v| v == value))
        };
        if self.watched.expect.is_empty() { !self.begun } else { self.watched.expect.iter().all(expected) }
    }

    /// How many series there are.
    fn len(&self) -> usize {
        self.series.len() + self.together.as_ref().map_or(0, Together::len)
    }

    fn view<'a>(&'a self, number: usize, now: Timestamp, views: &mut Vec<View<'a>>) {
        views.extend(self.stands().filter(|series| series.required).map(|series| {
            View {
                signal: number,
                labels: Cow::Borrowed(series.labels),
                condition: self.condition(&series, series.standing, now),
                slow: self.slow(&series, now),
                anomalous_until: [Some(series.standing), series.slow]
                    .map(|standing| standing.and_then(Standing::anomalous_until)),
                latest: series.latest(),
                origin: Some(series.origin),
            }
        }));
        let missing = self.missing().into_iter().map(|labels| View {
            signal: number,
            labels: Cow::Owned(labels),
            condition: self.nothing(),
            slow: self.watched.spec.slow.is_some().then(|| self.nothing()),
            anomalous_until: [None; 2],
            latest: None,
            origin: None,
        });
        views.extend(missing);
    }

    /// How `series` stands by one of its two standings.
    fn condition(&self, series: &Stands<'_>, standing: &Standing, now: Timestamp) -> Condition {
        let condition = match self.trouble.or(series.has_ended.then_some(Reason::NoData)) {
            Some(reason) => Condition::Unknown { reason, newest: standing.newest() },
            None if sabotage::is(Sabotage::StaleIsClean) => standing.condition(now, i64::MAX),
            None => standing.condition(now, self.watched.max_age_ms),
        };
        match (condition, self.whole_since) {
            (Condition::Clean { since, until, samples }, Some(whole)) => {
                Condition::Clean { since: since.max(whole), until, samples }
            }
            (condition, _) => condition,
        }
    }

    fn slow(&self, series: &Stands<'_>, now: Timestamp) -> Option<Condition> {
        series.slow.map(|standing| self.condition(series, standing, now))
    }

    /// What a series is of which nothing was ever seen.
    fn nothing(&self) -> Condition {
        Condition::Unknown { reason: self.trouble.unwrap_or(Reason::NoData), newest: None }
    }

    /// What must be there and was never seen: each value that is expected, or anything at all.
    fn missing(&self) -> Vec<Labels> {
        if self.watched.expect.is_empty() {
            let nothing = !self.stands().any(|series| series.required);
            return if nothing { vec![Labels::new()] } else { Vec::new() };
        }
        // by label, for there may be very many of them
        let mut there: Vec<HashSet<&str>> = vec![HashSet::new(); self.watched.expect.len()];
        for series in self.stands().filter(|series| series.required) {
            let values = self.watched.expect.iter().map(|(label, _)| series.labels.get(label));
            let known = there.iter_mut().zip(values).filter_map(|(there, value)| Some((there, value?)));
            known.for_each(|(there, value)| {
                there.insert(value);
            });
        }
        let expected = self.watched.expect.iter().zip(&there);
        let missing = expected.flat_map(|((label, values), there)| {
            let missing = values.iter().filter(|value| !there.contains(value.as_str()));
            missing.map(move |value| Labels::from([(label, value)]))
        });
        missing.collect()
    }
}

impl Series {
    fn batch_starts(&mut self, start: BatchStart) {
        self.monitor.batch_starts(start);
        if start.at < start.settled {
            let both = std::iter::once(&mut self.standing).chain(&mut self.slow);
            both.for_each(|standing| standing.expect(start.at, start.settled));
        }
    }

    fn observe(
        &mut self,
        samples: &[Sample],
        spec: &MonitorSpec,
        mut tell: impl FnMut(Timestamp, Result<f64, Reason>),
    ) {
        self.has_ended &= samples.is_empty();
        let (standing, slow, mut newest) = (&mut self.standing, &mut self.slow, None);
        self.monitor.observe(samples, |said| match said {
            Said::Judged(judged) => {
                let run = &judged.run;
                (0..).zip(run.values).for_each(|(offset, value)| tell(run.at(offset), Ok(*value)));
                if sabotage::is(Sabotage::GapKeepsWindow) {
                    bridge(standing, run.first, run.at, spec.interval.as_millis());
                }
                for (offset, &finding) in judged.findings.iter().enumerate() {
                    standing.observe(run.first + offset as u64, run.sampled(offset), heard(finding));
                }
                if let Some(slow) = slow {
                    for (offset, &finding) in judged.slow.iter().enumerate() {
                        slow.observe(run.first + offset as u64, run.sampled(offset), finding);
                    }
                }
                let last = run.values.len() - 1;
                let votes = (0..run.verdicts.len()).map(|i| (run.verdicts[i][last], run.evidence(i, last)));
                let value = Some(run.values[last]);
                newest = Some((run.sampled(last), value, judged.findings[last], votes.collect()));
            }
            Said::Unknown { cell, at, reason: Reason::NotANumber } if sabotage::is(Sabotage::NanIsClean) => {
                standing.observe(cell, at, Finding::Clean);
            }
            Said::Unknown { cell, at, reason } => {
                tell(at, Err(reason));
                let finding = missed(standing, at, reason);
                for standing in std::iter::once(&mut *standing).chain(slow.as_mut()) {
                    standing.observe(cell, at, finding);
                }
                newest = Some((at, None, finding, Vec::new()));
            }
            // its cell was passed over and ended the clean window then
            Said::Late { .. } => {}
        });
        if let Some((at, value, finding, votes)) = newest {
            let (votes, slow) = self.words(at, votes, spec);
            self.latest = Some(Told { latest: Latest { at, value, finding }, votes, slow });
        }
    }

    /// What the detectors of the rules said, and those of the slow layer; one may be of both.
    fn words(
        &self,
        at: Timestamp,
        votes: Vec<(Verdict, Option<Evidence>)>,
        spec: &MonitorSpec,
    ) -> (Vec<Statement>, Vec<Statement>) {
        let names = spec.detectors();
        let statement = |(column, (verdict, evidence)): (usize, (Verdict, Option<Evidence>))| Statement {
            kind: names[column].entry().kind,
            verdict,
            evidence,
            words: evidence.and_then(|evidence| match verdict {
                Verdict::Normal => self.monitor.remark(column, &evidence),
                _ => Some(self.monitor.words(column, verdict, &evidence, at)),
            }),
            lack: match verdict {
                Verdict::Unknown(reason) => self.monitor.lack(column, reason),
                _ => None,
            },
        };
        let all: Vec<_> = votes.into_iter().enumerate().map(statement).collect();
        (those_of(spec, &names, all.clone(), false), those_of(spec, &names, all, true))
    }
}

/// Of `all` statements, by the detectors with these names, those of the rules, or of the slow layer; one may be of both.
pub(super) fn those_of(
    spec: &MonitorSpec,
    names: &[Spec],
    all: Vec<Statement>,
    slow: bool,
) -> Vec<Statement> {
    let rules: Vec<&RuleSpec> = if slow { spec.slow.iter().collect() } else { spec.rules.iter().collect() };
    let is_of = |name: &Spec| rules.iter().any(|rule| rule.detectors().contains(name));
    let own = all.into_iter().zip(names).filter(|(_, name)| is_of(name));
    own.map(|(statement, _)| statement).collect()
}

/// What a finding counts as: itself, unless a mistake is to be made.
pub(super) fn heard(finding: Finding) -> Finding {
    match finding {
        Finding::Expected if sabotage::is(Sabotage::ExpectedIsClean) => Finding::Clean,
        finding => finding,
    }
}

/// The finding on a cell without a value: unknown also while the series is expected to move, unless that mistake is to be made.
pub(super) fn missed(standing: &Standing, at: Timestamp, reason: Reason) -> Finding {
    if !sabotage::is(Sabotage::UnknownIsExpected) {
        return Finding::Unknown(reason);
    }
    match standing.condition(at, i64::MAX) {
        Condition::Expected { until } if at < until => Finding::Expected,
        _ => Finding::Unknown(reason),
    }
}

/// Takes the cells before `cell` that had no sample for clean ones: the mistake [`Sabotage::GapKeepsWindow`].
fn bridge(standing: &mut Standing, cell: u64, at: Timestamp, interval_ms: i64) {
    let Some(newest) = standing.newest() else { return };
    // the newest sample may lie half an interval before its cell or behind it
    let missing = (at.as_millis() - newest.as_millis() + interval_ms / 2) / interval_ms - 1;
    for back in (1..=missing).rev() {
        standing.observe(cell - back.unsigned_abs(), at, Finding::Clean);
    }
}

#[cfg(test)]
mod tests;
