//! What was seen of the series of one signal, so that each sample is handed on once although askings overlap.
//!
//! A server shows a sample some time after the time that it bears, and the series of one signal not all at once. Who
//! asked from the newest sample of all series would never see those that come later with an earlier time.

use super::{Answer, Ask, Labels, SeriesSamples};
use crate::labels::Table;
use quietgate_detectors::{Interval, Sample, Timestamp};
use std::collections::{BTreeSet, VecDeque};

/// What was told of each series of a signal.
#[derive(Debug, Clone)]
pub struct Seen {
    series: Table<Told>,
    from: Timestamp,
    /// What is older than this was forgotten.
    tidied: Timestamp,
    overlap_ms: i64,
    lateness_ms: i64,
    /// Whether values are remembered, and those that are told otherwise later.
    compares: bool,
    contradicted: Vec<Contradicted>,
    /// So many samples came too late since somebody asked.
    late: u64,
}

/// A sample that was handed on, of whose time another value was told later. That one is not handed on.
#[derive(Debug, Clone, PartialEq)]
pub struct Contradicted {
    /// The labels of its series.
    pub labels: Labels,
    /// Its time.
    pub at: Timestamp,
    /// The value that was handed on.
    pub before: f64,
    /// The other one.
    pub now: f64,
}

/// What was told of one series.
#[derive(Debug, Clone)]
struct Told {
    /// The time of its newest sample; none where it has had none.
    newest: Option<Timestamp>,
    /// All up to this time was told, or is too late.
    all: Timestamp,
    /// The newest time that was asked about and at which it was told, with samples or without; [`NEVER`] where it is remembered alone.
    until: Timestamp,
    /// None where there is nothing in it: there are very many series, and few that need more than the times above.
    more: Option<Box<More>>,
}

/// What is remembered of single samples.
#[derive(Debug, Clone, Default)]
struct More {
    /// Samples later than all that were told, where late ones are waited for.
    recent: BTreeSet<Timestamp>,
    /// Where values are remembered: those of the last samples, in the order of time; none of a time that has several.
    values: Values,
}

type Values = VecDeque<(Timestamp, Option<f64>)>;

/// Before any time.
const NEVER: Timestamp = Timestamp::from_millis(i64::MIN);

/// So many values of a series are remembered at most.
const VALUES_MAX: usize = 4096;

impl Seen {
    /// Nothing seen; wanted is what comes after `from`. A sample that comes within `overlap_ms` milliseconds after the
    /// time that it bears is not missed: `max_age` of the signal, for later ones are stale when they come.
    pub fn nothing(from: Timestamp, overlap_ms: i64) -> Self {
        let (series, contradicted, overlap_ms) = (Table::new(), Vec::new(), overlap_ms.max(0));
        Self {
            series,
            from,
            tidied: from,
            overlap_ms,
            lateness_ms: 0,
            compares: false,
            contradicted,
            late: 0,
        }
    }

    /// The same, where samples that are told once more are `compared` with what they were.
    pub fn comparing(self, compares: bool) -> Self {
        Self { compares, ..self }
    }

    /// The samples of which another value was told since this was asked last. Each is given once.
    pub fn take_contradicted(&mut self) -> Vec<Contradicted> {
        std::mem::take(&mut self.contradicted)
    }

    /// The same, where samples that come behind newer ones of their series are wanted if they are no older than `lateness_ms`
    /// before the newest.
    pub fn waiting(self, lateness_ms: i64) -> Self {
        let lateness_ms = lateness_ms.max(0);
        Self { lateness_ms, overlap_ms: self.overlap_ms.max(lateness_ms), ..self }
    }

    /// These were the newest samples of the series, and all before them was seen: wanted is what comes after that, as far as it is not
    /// older than `at_most_ms` before the newest of all.
    pub fn know(&mut self, newest: impl IntoIterator<Item = (Labels, Timestamp)>, at_most_ms: i64) {
        let told = |at| Told { newest: Some(at), all: at, until: NEVER, more: None };
        let known = newest.into_iter().map(|(labels, at)| (labels, told(at)));
        self.series.extend(known);
        let newest = || self.series.iter().filter_map(|(_, told)| told.newest).map(Timestamp::as_millis);
        let Some(latest) = newest().max() else { return };
        let since = latest.saturating_sub(at_most_ms);
        let recent = newest().filter(|newest| *newest >= since).min().unwrap_or(latest);
        self.from = self.from.max(Timestamp::from_millis(recent.saturating_sub(self.overlap_ms)));
    }

    /// How many samples came behind newer ones of their series, and too late to be handed on, since this was asked last: where they
    /// are compared.
    pub fn take_late(&mut self) -> u64 {
        std::mem::take(&mut self.late)
    }

    /// What to ask for at `now`: since the last asking, and the overlap again.
    pub fn ask(&self, query: Option<String>, now: Timestamp, interval: Interval) -> Ask {
        Ask { query, from: self.from.min(now), until: now, interval }
    }

    /// The answer to a question asked at `until`, without the samples that were seen before. Later askings begin there. A series
    /// without new samples is handed on where it was not known.
    pub fn take(&mut self, mut answer: Answer, until: Timestamp) -> Answer {
        answer.series.retain_mut(|series| self.is_news(series, until));
        let from = Timestamp::from_millis(until.as_millis().saturating_sub(self.overlap_ms));
        // what was not answered in full is asked for again
        if answer.complete && from > self.from {
            self.from = from;
            self.forget(from, until);
        }
        answer
    }

    /// Forgets series of which nothing so old as `from` is asked for any more; but who told of it just now may tell it again. Not at
    /// each answer: there may be many of them, and very many series.
    fn forget(&mut self, from: Timestamp, until: Timestamp) {
        if from.as_millis().saturating_sub(self.tidied.as_millis()) < self.overlap_ms / 2 {
            return;
        }
        self.tidied = from;
        let is_told = |told: &Told| told.until > from || told.until >= until;
        self.series.retain(|_, told| is_told(told) || told.newest.is_some_and(|newest| newest > from));
    }

    /// Takes out of `series` the samples that were seen before; whether there is anything else to it.
    fn is_news(&mut self, series: &mut SeriesSamples, until: Timestamp) -> bool {
        let known = self.series.find(&series.labels);
        let Some((labels, told)) = known.and_then(|number| self.series.get_mut(number)) else {
            let all = Timestamp::from_millis(i64::MIN);
            let mut told = Told { newest: None, all, until, more: None };
            told.add(series, self.lateness_ms);
            told.remember(series, self.compares, self.overlap_ms);
            self.series.insert(series.labels.clone(), told);
            return true;
        };
        if self.compares {
            let found = series.samples.iter().filter_map(|sample| told.contradicted(labels, *sample));
            self.contradicted.extend(found);
            self.late += series.samples.iter().filter(|sample| told.is_late(sample.at)).count() as u64;
        }
        series.samples.retain(|sample| sample.at > told.all && !told.is_recent(sample.at));
        // what was remembered alone is told of once more, also without a new sample: it is there now
        let is_first = told.until == NEVER;
        told.until = told.until.max(until);
        // whoever builds labels anew at each asking: all others know these
        series.labels = labels.clone();
        told.add(series, self.lateness_ms);
        told.remember(series, self.compares, self.overlap_ms);
        is_first || !series.samples.is_empty()
    }
}

impl Told {
    /// These were told too.
    fn add(&mut self, series: &SeriesSamples, lateness_ms: i64) {
        let Some(newest) = series.samples.last().map(|last| last.at).max(self.newest) else { return };
        self.newest = Some(newest);
        self.all = self.all.max(Timestamp::from_millis(newest.as_millis().saturating_sub(lateness_ms)));
        let all = self.all;
        let mut later = series.samples.iter().map(|sample| sample.at).filter(|at| *at > all).peekable();
        if self.more.is_none() && later.peek().is_none() {
            return;
        }
        let recent = &mut self.more.get_or_insert_default().recent;
        recent.extend(later);
        *recent = recent.split_off(&Timestamp::from_millis(all.as_millis().saturating_add(1)));
        self.tidy();
    }

    /// Whether this sample was told, later than all that were.
    fn is_recent(&self, at: Timestamp) -> bool {
        self.more.as_ref().is_some_and(|more| more.recent.contains(&at))
    }

    /// The values that are remembered; none where there never were any.
    fn values(&mut self) -> Option<&mut Values> {
        self.more.as_mut().map(|more| &mut more.values)
    }

    /// Gives back what nothing is in.
    fn tidy(&mut self) {
        self.more.take_if(|more| more.recent.is_empty() && more.values.is_empty());
    }

    /// Remembers the values of these, which are handed on, for as long as they may be told once more.
    fn remember(&mut self, series: &SeriesSamples, compares: bool, overlap_ms: i64) {
        let since = self.newest.map_or(i64::MIN, |newest| newest.as_millis().saturating_sub(2 * overlap_ms));
        let is_kept = |sample: &&Sample| compares && sample.at.as_millis() >= since;
        for sample in series.samples.iter().filter(is_kept) {
            let values = &mut self.more.get_or_insert_default().values;
            let place = values.partition_point(|(at, _)| *at < sample.at);
            match values.get_mut(place).filter(|(at, _)| *at == sample.at) {
                Some((_, value)) => *value = value.filter(|value| is_same(*value, sample.value)),
                None => values.insert(place, (sample.at, Some(sample.value))),
            }
        }
        let Some(values) = self.values() else { return };
        let is_past = |(at, _): &mut (Timestamp, Option<f64>)| at.as_millis() < since;
        while values.len() > VALUES_MAX || values.front_mut().is_some_and(is_past) {
            values.pop_front();
        }
        self.tidy();
    }

    /// What a sample contradicts that was handed on before; its time has no value from then on.
    fn contradicted(&mut self, labels: &Labels, sample: Sample) -> Option<Contradicted> {
        let values = self.values()?;
        let place = values.partition_point(|(at, _)| *at < sample.at);
        let (_, value) = values.get_mut(place).filter(|(at, _)| *at == sample.at)?;
        let before = value.take_if(|value| !is_same(*value, sample.value))?;
        Some(Contradicted { labels: labels.clone(), at: sample.at, before, now: sample.value })
    }

    /// Whether a sample of this time is too late and is told for the first time. Of what is older than anything remembered nobody
    /// knows.
    fn is_late(&mut self, at: Timestamp) -> bool {
        let all = self.all;
        let Some(values) = self.values() else { return false };
        let place = values.partition_point(|(known, _)| *known < at);
        let is_known = values.get(place).is_some_and(|(known, _)| *known == at);
        let is_late = at <= all && place > 0 && !is_known;
        if is_late {
            values.insert(place, (at, None));
        }
        is_late
    }
}

/// Whether two values of one time are the same, or both none.
fn is_same(one: f64, other: f64) -> bool {
    one == other || (one.is_nan() && other.is_nan())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(series: &[(&str, &[i64])]) -> Answer {
        let one = |(name, times): &(&str, &[i64])| SeriesSamples {
            labels: Labels::from([("a", name)]),
            samples: times.iter().map(|at| Sample::new(*at, 1.0)).collect(),
        };
        Answer { series: series.iter().map(one).collect(), complete: true, ..Answer::default() }
    }

    #[test]
    fn each_sample_is_handed_on_once_also_where_one_series_comes_later_than_another() {
        let at = Timestamp::from_millis;
        let interval = Interval::from_millis(1_000).expect("in range");
        let mut seen = Seen::nothing(at(0), 2_000);
        let first = answer(&[("x", &[1_000, 2_000, 3_000]), ("y", &[1_000])]);
        assert_eq!(seen.take(first.clone(), at(3_000)), first);
        let ask = seen.ask(None, at(4_000), interval);
        assert_eq!((ask.from, ask.until), (at(1_000), at(4_000)));
        let second = answer(&[("x", &[2_000, 3_000, 4_000]), ("y", &[2_000, 3_000]), ("z", &[])]);
        let new = answer(&[("x", &[4_000]), ("y", &[2_000, 3_000]), ("z", &[])]);
        assert_eq!(seen.take(second, at(4_000)), new);
        assert_eq!(seen.take(answer(&[("x", &[4_000])]), at(5_000)), answer(&[]));
        // x is forgotten when nobody can ask for it again
        seen.take(answer(&[]), at(9_000));
        assert!(seen.series.is_empty() && seen.ask(None, at(9_000), interval).from == at(7_000));
    }

    #[test]
    fn a_series_without_samples_is_handed_on_when_it_is_new_and_not_at_each_asking() {
        let at = Timestamp::from_millis;
        let mut seen = Seen::nothing(at(0), 2_000);
        let silent = || answer(&[("x", &[])]);
        assert_eq!(seen.take(silent(), at(1_000)), silent());
        for until in (2_000..9_000).step_by(1_000) {
            assert_eq!(seen.take(silent(), at(until)), answer(&[]), "at {until}");
        }
        assert_eq!(seen.take(answer(&[("x", &[9_000])]), at(9_000)), answer(&[("x", &[9_000])]));
        for until in (10_000..19_000).step_by(1_000) {
            assert_eq!(seen.take(silent(), at(until)), answer(&[]), "at {until}");
        }
        seen.take(answer(&[]), at(30_000));
        assert!(seen.series.is_empty(), "what is not told of any more is forgotten");
    }

    #[test]
    fn what_is_told_late_and_again_is_handed_on_once() {
        let at = Timestamp::from_millis;
        let mut seen = Seen::nothing(at(0), 2_000);
        let late = answer(&[("x", &[1_000, 1_500])]);
        assert_eq!(seen.take(late.clone(), at(60_000)), late);
        assert_eq!(seen.take(late.clone(), at(61_000)), answer(&[]));
        assert_eq!(seen.take(answer(&[("x", &[1_500, 2_000])]), at(62_000)), answer(&[("x", &[2_000])]));
        seen.take(answer(&[]), at(64_000));
        assert!(seen.series.is_empty());
    }

    #[test]
    fn what_comes_behind_newer_ones_is_handed_on_once_where_it_is_waited_for() {
        let at = Timestamp::from_millis;
        let mut seen = Seen::nothing(at(0), 1_000).waiting(3_000);
        let first = answer(&[("x", &[1_000, 2_000, 4_000, 5_000])]);
        assert_eq!(seen.take(first.clone(), at(5_000)), first);
        assert_eq!(seen.from, at(2_000), "as far back as is waited");
        let all = answer(&[("x", &[1_500, 2_000, 3_000, 4_000, 5_000])]);
        assert_eq!(seen.take(all.clone(), at(5_500)), answer(&[("x", &[3_000])]));
        assert_eq!(seen.take(all, at(5_600)), answer(&[]));
        // and not where nobody waits
        let mut seen = Seen::nothing(at(0), 2_000);
        seen.take(answer(&[("x", &[1_000, 2_000, 4_000, 5_000])]), at(5_000));
        assert_eq!(seen.take(answer(&[("x", &[3_000, 4_000, 5_000])]), at(5_500)), answer(&[]));
    }

    #[test]
    fn another_value_of_a_time_that_was_told_is_named_once_and_not_handed_on() {
        let at = Timestamp::from_millis;
        let told = |values: &[(i64, f64)]| {
            let samples = values.iter().map(|(at, value)| Sample::new(*at, *value)).collect();
            let labels = Labels::from([("a", "x")]);
            Answer { series: vec![SeriesSamples { labels, samples }], complete: true, ..Answer::default() }
        };
        let mut seen = Seen::nothing(at(0), 3_000).comparing(true);
        seen.take(
            told(&[(1_000, 1.0), (2_000, f64::NAN), (3_000, 3.0), (4_000, 1.0), (4_000, 2.0)]),
            at(4_000),
        );
        assert_eq!(seen.take_contradicted(), [], "two at once are the matter of who judges them");
        let again = told(&[(1_000, 1.0), (2_000, f64::NAN), (3_000, 3.0), (3_000, 9.0), (4_000, 3.0)]);
        assert_eq!(seen.take(again.clone(), at(5_000)), answer(&[]));
        let labels = Labels::from([("a", "x")]);
        assert_eq!(seen.take_contradicted(), [Contradicted { labels, at: at(3_000), before: 3.0, now: 9.0 }]);
        assert_eq!(
            (seen.take(again, at(6_000)), seen.take_contradicted()),
            (answer(&[]), Vec::new()),
            "once"
        );
        seen.take(told(&[(2_000, 2.0), (3_500, 5.0)]), at(7_000));
        let found = seen.take_contradicted();
        assert!(found.len() == 1 && found[0].before.is_nan() && found[0].now == 2.0, "{found:?}");
        assert_eq!(seen.take_late(), 1, "at 3,500 there was none");
        seen.take(told(&[(500, 1.0), (3_500, 6.0), (3_600, 5.0), (3_700, 5.0)]), at(7_000));
        assert_eq!(
            (seen.take_contradicted(), seen.take_late()),
            (Vec::new(), 2),
            "each once, and of 500 nobody knows"
        );
        // and nothing of it where nobody wants to know
        let mut seen = Seen::nothing(at(0), 3_000);
        seen.take(told(&[(1_000, 1.0)]), at(1_000));
        seen.take(told(&[(1_000, 2.0)]), at(2_000));
        assert!(
            seen.take_contradicted().is_empty() && seen.series.iter().all(|(_, told)| told.more.is_none())
        );
    }

    #[test]
    fn a_series_of_which_nothing_is_remembered_but_its_times_is_small() {
        let at = Timestamp::from_millis;
        assert!(size_of::<Told>() <= 40, "{} bytes", size_of::<Told>());
        let has_more = |seen: &Seen| seen.series.iter().any(|(_, told)| told.more.is_some());
        let mut seen = Seen::nothing(at(0), 3_000).waiting(2_000);
        seen.take(answer(&[("x", &[1_000, 2_000])]), at(2_000));
        assert!(has_more(&seen), "2,000 may be told again");
        // one alone, later than all that is waited for
        let mut plain = Seen::nothing(at(0), 3_000);
        plain.take(answer(&[("x", &[1_000, 2_000])]), at(2_000));
        assert!(!has_more(&plain));
    }

    #[test]
    fn all_that_is_handed_on_of_a_series_shares_its_labels() {
        let at = Timestamp::from_millis;
        let mut seen = Seen::nothing(at(0), 3_000);
        let [first, second] = [1_000, 2_000].map(|until| {
            let taken = seen.take(answer(&[("x", &[until])]), at(until));
            taken.series.into_iter().next().expect("a sample").labels
        });
        assert!(first.is_shared_with(&second));
    }

    #[test]
    fn what_is_known_from_before_is_not_asked_for_again() {
        let at = Timestamp::from_millis;
        let interval = Interval::from_millis(1_000).expect("in range");
        let name = |name: &str| Labels::from([("a", name)]);
        let mut seen = Seen::nothing(at(0), 2_000);
        seen.know([(name("x"), at(90_000)), (name("y"), at(87_000)), (name("gone"), at(10_000))], 10_000);
        assert_eq!(seen.ask(None, at(99_000), interval).from, at(85_000), "y may have more");
        let shown = answer(&[("x", &[90_000]), ("gone", &[])]);
        let there = answer(&[("x", &[]), ("gone", &[])]);
        assert_eq!(seen.clone().take(shown.clone(), at(99_000)), there, "they are there");
        let mut twice = seen.clone();
        twice.take(shown.clone(), at(99_000));
        assert_eq!(twice.take(shown, at(99_500)), answer(&[]), "which is told once");
        let said = answer(&[("x", &[90_000, 91_000]), ("y", &[87_000, 88_000])]);
        assert_eq!(seen.take(said, at(99_000)), answer(&[("x", &[91_000]), ("y", &[88_000])]));
    }

    #[test]
    fn what_was_answered_in_part_is_asked_for_again() {
        let at = Timestamp::from_millis;
        let interval = Interval::from_millis(1_000).expect("in range");
        let mut seen = Seen::nothing(at(0), 1_000);
        let partial = Answer { complete: false, ..answer(&[("x", &[5_000])]) };
        seen.take(partial, at(9_000));
        assert_eq!(seen.ask(None, at(10_000), interval).from, at(0));
        assert_eq!(seen.take(answer(&[("x", &[5_000, 6_000])]), at(10_000)), answer(&[("x", &[6_000])]));
        assert_eq!(seen.ask(None, at(9_500), interval).from, at(9_000));
        assert_eq!(
            seen.ask(None, at(8_000), interval).from,
            at(8_000),
            "a clock that went back asks for nothing"
        );
    }
}
