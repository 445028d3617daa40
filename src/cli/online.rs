//! `quietgate check --online`: asks each source once for each signal, and says which required series are not there.

use crate::config::{Config, Expected, Mistake, Place, Signal};
use crate::monitor::{MonitorSpec, Watch, Watched};
use crate::plan::Plan;
use crate::run::{grown, of_inventory, young};
use crate::sources::{Answer, Ask, Fetching, Labels, Outcome, Poll, Source, SourceError, labels_in_words};
use crate::text;
use quietgate_detectors::{Calendar, Interval, Sample, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The longest that one signal may take, whatever the settings of its source allow.
const LIMIT_MS: i64 = 60_000;

/// The longest that a source is waited for before it is asked again.
const WAIT_MAX_MS: i64 = 55_000;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// What stands in the way of watching, in the order of the signals.
    pub(super) mistakes: Vec<Mistake>,
    /// What will hold every gate for a while.
    pub(super) warnings: Vec<Mistake>,
    /// What was seen of each signal, in words; then what else sources tell.
    pub(super) seen: Vec<String>,
}

/// Asks for the signals of `config`, the content of `file`, as of `now`. What must be there by the inventory is looked for
/// where one of `plans` uses the signal. One source that is slow delays no other.
///
/// # Errors
/// Where the system has no room for a runtime.
pub(super) fn ask(config: &Config, file: &str, plans: &[&Plan], now: Timestamp) -> io::Result<Found> {
    let question = |signal: &Signal| Some(Question::of(signal, now)?.back_to_starts(signal));
    let questions = config.signals.iter().filter_map(question).collect();
    let Told { answers, heard } = answers(config, file, questions)?;
    let mut found = Found::default();
    for signal in &config.signals {
        let of_file = |at: Place, message: String| Mistake { file: file.to_owned(), at, message };
        let mut mistake = |at: Place, message: String| found.mistakes.push(of_file(at, message));
        let Some(answer) = answers.get(&signal.name) else { continue };
        match answer {
            Ok(answer) => {
                let plans: Vec<_> = plans.iter().filter(|plan| plan.signals.contains(&signal.name)).collect();
                let complaints = complaints(signal, &plans, answer, now);
                complaints.into_iter().for_each(|message| mistake(signal.at, message));
                let odd = answer.warnings.iter().filter(|_| answer.complete);
                let odd = odd.map(|words| format!("signal {:?}: {}", signal.name, text::plain(words)));
                found.warnings.extend(odd.map(|message| of_file(signal.at, message)));
                let young = too_young(signal, answer, now);
                found.warnings.extend(young.into_iter().map(|message| of_file(signal.rule_at, message)));
                found.seen.push(seen(signal, &plans, answer, now));
            }
            Err(why) => mistake(signal.at, format!("signal {:?} has no answer: {why}", signal.name)),
        }
    }
    found.seen.extend(heard.into_iter().flat_map(|(source, heard)| {
        heard.into_iter().map(move |words| format!("source {source:?}: {}", text::plain(&words)))
    }));
    Ok(found)
}

/// What a source is asked for.
#[derive(Debug)]
pub(super) struct Question {
    /// The signal that it is for; no two have the same.
    pub(super) signal: String,
    /// The source's name in the config.
    pub(super) source: String,
    /// What is asked.
    pub(super) ask: Ask,
}

impl Question {
    /// What `signal` asks for at `now`, where it has a source: as far back as a sample is fresh, and at least one whole interval
    /// whatever the place of its grid.
    pub(super) fn of(signal: &Signal, now: Timestamp) -> Option<Self> {
        let source = signal.source.clone()?;
        let back = signal.max_age_ms.max(2 * signal.interval.as_millis());
        let ask = Ask {
            query: signal.query.clone(),
            from: Timestamp::from_millis(now.as_millis() - back),
            until: now,
            interval: signal.interval,
        };
        Some(Self { signal: signal.name.clone(), source, ask })
    }

    /// The same, as far back as the start of a batch is judged by.
    fn back_to_starts(mut self, signal: &Signal) -> Self {
        let grown = i64::try_from(grown(&watched(signal).spec)).unwrap_or(i64::MAX);
        let back = grown.saturating_add(2).saturating_mul(signal.interval.as_millis());
        self.ask.from =
            self.ask.from.min(Timestamp::from_millis(self.ask.until.as_millis().saturating_sub(back)));
        self
    }
}

/// What the sources of `config`, the content of `file`, say to `questions`, or why they say nothing, by the signals' names. A
/// source that has nothing at first is asked once more: a rate begins with the second asking.
///
/// # Errors
/// Where the system has no room for a runtime.
pub(super) fn answers(config: &Config, file: &str, questions: Vec<Question>) -> io::Result<Told> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let base = Path::new(file).parent().unwrap_or(Path::new(""));
    let told = runtime.block_on(answered(config, base, questions));
    // a read that the system holds up ends with the program
    runtime.shutdown_background();
    Ok(told)
}

/// What sources say.
#[derive(Debug)]
pub(super) struct Told {
    /// To the questions.
    pub(super) answers: Answers,
    /// Besides, by the sources' names: those that have something to say.
    pub(super) heard: BTreeMap<String, Vec<String>>,
}

/// Answers, or why there are none, by signal.
pub(super) type Answers = BTreeMap<String, Result<Answer, String>>;

async fn answered(config: &Config, base: &Path, questions: Vec<Question>) -> Told {
    let (mut poll, mut answers, mut asked_of) = (Poll::default(), Answers::new(), BTreeMap::new());
    let wanted: BTreeSet<_> = questions.iter().map(|question| question.source.clone()).collect();
    let wanted = config.sources.iter().filter(|source| wanted.contains(&source.name));
    let opened: BTreeMap<&str, Result<Arc<dyn Source>, String>> =
        wanted.map(|source| (source.name.as_str(), opened(source.spec.open(base)))).collect();
    for Question { signal, source, ask } in questions {
        match opened.get(source.as_str()) {
            Some(Ok(source)) => {
                let own = source.for_one();
                let waits = own.is_some();
                let source = own.unwrap_or_else(|| Arc::clone(source));
                // names are unique in a file, so nothing of this signal is under way
                match poll.ask(&signal, &source, ask, LIMIT_MS) {
                    Ok(()) => drop(asked_of.insert(signal, (source, waits))),
                    Err(unasked) => drop(answers.insert(signal, Err(unasked.to_string()))),
                }
            }
            Some(Err(why)) => drop(answers.insert(signal, Err(why.clone()))),
            None => {}
        }
    }
    while let Some(Outcome { signal, ask, answer }) = poll.next().await {
        let again = |waits: bool| answer.as_ref().is_ok_and(|answer| may_speak_later(answer, waits));
        let answer = match asked_of.remove(&signal).filter(|(_, waits)| again(*waits)) {
            Some((source, _)) => {
                let again = after(source, ask.interval);
                let asked = poll.ask(&signal, &again, ask, LIMIT_MS);
                asked.map(|()| Answer::default()).map_err(|unasked| unasked.to_string())
            }
            None => answer.map_err(|error| in_words(&error)),
        };
        answers.insert(signal, answer);
    }
    let heard = opened.into_iter().filter_map(|(name, source)| Some((name.to_owned(), source.ok()?.heard())));
    Told { answers, heard: heard.filter(|(_, heard)| !heard.is_empty()).collect() }
}

/// Whether who gave this answer may have more to say when asked once more: there is no sample in it. Who `waits` until something is told,
/// and heard of no series, would wait as long again.
fn may_speak_later(answer: &Answer, waits: bool) -> bool {
    let is_silent = answer.series.iter().all(|series| series.samples.is_empty());
    is_silent && !(waits && answer.series.is_empty())
}

/// `source`, asked as much later as it says, but for what would take too long.
fn after(source: Arc<dyn Source>, interval: Interval) -> Arc<dyn Source> {
    let wait = Duration::from_millis(source.settles_ms(interval).clamp(0, WAIT_MAX_MS).unsigned_abs());
    Arc::new(After { source, wait })
}

/// A source that is asked a little later.
#[derive(Debug)]
struct After {
    source: Arc<dyn Source>,
    wait: Duration,
}

impl Source for After {
    fn fetch<'a>(&'a self, ask: &'a Ask) -> Fetching<'a> {
        Box::pin(async {
            tokio::time::sleep(self.wait).await;
            self.source.fetch(ask).await
        })
    }
}

fn opened(source: Result<Box<dyn Source>, SourceError>) -> Result<Arc<dyn Source>, String> {
    source.map(Arc::from).map_err(|error| in_words(&error))
}

fn in_words(error: &SourceError) -> String {
    text::plain(&text::with_causes(error)).into_owned()
}

/// What of the signal is judged, whatever plan it is for.
fn watched(signal: &Signal) -> Watched {
    let spec = MonitorSpec { slow: signal.slow.clone(), ..signal.monitor_spec(Calendar::Utc) };
    Watched { name: signal.name.clone(), spec, max_age_ms: signal.max_age_ms, expect: Vec::new() }
}

/// Which series have too little past for the start of a batch.
fn too_young(signal: &Signal, answer: &Answer, now: Timestamp) -> Vec<String> {
    let mut watch = Watch::new(vec![watched(signal)]);
    answer.series.iter().for_each(|series| watch.observe(0, &series.labels, &series.samples));
    young(&watch, 0, now).iter().map(|words| text::plain(words).into_owned()).collect()
}

/// So many values that are missing are named.
const NAMED: usize = 10;

/// What keeps the signal from being watched now, by itself and for `plans`, which use it.
fn complaints(signal: &Signal, plans: &[&&Plan], answer: &Answer, now: Timestamp) -> Vec<String> {
    let name = &signal.name;
    let mut out: Vec<_> = answer
        .warnings
        .iter()
        .filter(|_| !answer.complete)
        .map(|warning| format!("signal {name:?} is answered in part: {warning}"))
        .collect();
    let fresh: Vec<_> = fresh(signal, answer, now).collect();
    for (label, expected) in &signal.expect {
        let missing = |values: &[String]| missing(label, values, &fresh);
        match expected {
            Expected::Values(values) => out.extend(
                missing(values).map(|words| format!("signal {name:?} has no fresh sample of {words}")),
            ),
            Expected::Inventory => out.extend(plans.iter().filter_map(|plan| {
                let words = missing(&of_inventory(signal, label, plan))?;
                Some(format!(
                    "signal {name:?} has no fresh sample of {words}, which plan {:?} needs",
                    plan.name
                ))
            })),
        }
    }
    if answer.complete && signal.expect.is_empty() {
        let silent = silent(answer);
        if let Some(silent) = &silent {
            out.push(format!("signal {name:?} has no sample of {silent}"));
        } else if fresh.is_empty() {
            out.push(format!("signal {name:?} has no series now"));
        }
    }
    out
}

/// The series that the source tells of without a sample, where there are any. Without a word all of them must be there.
fn silent(answer: &Answer) -> Option<String> {
    let silent: Vec<_> = answer.series.iter().filter(|series| series.samples.is_empty()).collect();
    (!silent.is_empty()).then(|| text::few(&silent, NAMED, |series| labels_in_words(&series.labels)))
}

/// Those of the values of `label` that no series has; nothing where all are there.
fn missing(label: &str, values: &[String], fresh: &[&Labels]) -> Option<String> {
    let present: BTreeSet<&str> = fresh.iter().filter_map(|labels| labels.get(label)).collect();
    let missing: Vec<_> = values.iter().filter(|value| !present.contains(value.as_str())).collect();
    let named = || text::few(&missing, NAMED, |value| format!("{label}={value:?}"));
    (!missing.is_empty()).then(|| text::plain(&named()).into_owned())
}

/// The series whose newest sample is not too old.
fn fresh<'a>(signal: &Signal, answer: &'a Answer, now: Timestamp) -> impl Iterator<Item = &'a Labels> {
    let oldest = now.as_millis() - signal.max_age_ms;
    let is_fresh = move |sample: &Sample| sample.at.as_millis() >= oldest;
    answer
        .series
        .iter()
        .filter(move |series| series.samples.last().is_some_and(is_fresh))
        .map(|series| &series.labels)
}

fn seen(signal: &Signal, plans: &[&&Plan], answer: &Answer, now: Timestamp) -> String {
    let (name, fresh) = (&signal.name, fresh(signal, answer, now).count());
    let left = signal.expect.iter().filter(|(_, expected)| *expected == Expected::Inventory);
    let left: Vec<_> = left.map(|(label, _)| label.as_str()).collect();
    let series = text::counted(fresh as u64, "fresh series", "fresh series");
    if left.is_empty() || !plans.is_empty() {
        return format!("signal {name:?}: {series}");
    }
    format!(
        "signal {name:?}: {series}; {} is held to the inventory where a plan is checked too",
        left.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::SeriesSamples;

    #[test]
    fn who_has_no_sample_yet_is_asked_once_more_and_who_waited_in_vain_is_not() {
        let of = |samples: &[&[i64]]| {
            let one = |times: &&[i64]| SeriesSamples {
                labels: Labels::default(),
                samples: times.iter().map(|at| Sample::new(*at, 1.0)).collect(),
            };
            Answer { series: samples.iter().map(one).collect(), complete: true, ..Answer::default() }
        };
        let asked = |samples: &[&[i64]]| [false, true].map(|waits| may_speak_later(&of(samples), waits));
        assert_eq!(asked(&[]), [true, false], "no series");
        assert_eq!(asked(&[&[]]), [true, true], "a rate begins with the second sample");
        assert_eq!(asked(&[&[], &[1]]), [false, false], "there is one");
    }
}
