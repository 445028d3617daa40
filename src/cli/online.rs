//! `quietgate check --online`: asks each source once for each signal, and says which required series are not there.

use crate::config::{Config, Expected, Mistake, Place, Signal};
use crate::monitor::{MonitorSpec, Watch, Watched};
use crate::plan::Plan;
use crate::run::{grown, of_inventory, young};
use crate::sources::{Answer, Ask, Fetching, Labels, Outcome, Poll, Source, SourceError};
use crate::text;
use quietgate_detectors::{Calendar, Interval, Sample, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The longest that one signal may take, whatever the settings of its source allow.
const LIMIT_MS: i64 = 60_000;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// What stands in the way of watching, in the order of the signals.
    pub(super) mistakes: Vec<Mistake>,
    /// What will hold every gate for a while.
    pub(super) warnings: Vec<Mistake>,
    /// What was seen of each signal, in words.
    pub(super) seen: Vec<String>,
}

/// Asks for the signals of `config`, the content of `file`, as of `now`. What must be there by the inventory is looked for
/// where one of `plans` uses the signal. One source that is slow delays no other.
///
/// # Errors
/// Where the system has no room for a runtime.
pub(super) fn ask(config: &Config, file: &str, plans: &[&Plan], now: Timestamp) -> io::Result<Found> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let base = Path::new(file).parent().unwrap_or(Path::new(""));
    let answers = runtime.block_on(answers(config, base, now));
    // a read that the system holds up ends with the program
    runtime.shutdown_background();
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
                let young = too_young(signal, answer, now);
                found.warnings.extend(young.into_iter().map(|message| of_file(signal.rule_at, message)));
                found.seen.push(seen(signal, &plans, answer, now));
            }
            Err(why) => mistake(signal.at, format!("signal {:?} has no answer: {why}", signal.name)),
        }
    }
    Ok(found)
}

/// The answer, or why there is none, for each signal that has a source.
async fn answers(config: &Config, base: &Path, now: Timestamp) -> BTreeMap<String, Result<Answer, String>> {
    let mut poll = Poll::default();
    let mut answers = BTreeMap::new();
    let opened: BTreeMap<&str, Result<Arc<dyn Source>, String>> =
        config.sources.iter().map(|source| (source.name.as_str(), opened(source.spec.open(base)))).collect();
    for signal in &config.signals {
        match signal.source.as_deref().and_then(|name| opened.get(name)) {
            Some(Ok(source)) => {
                // names are unique in a file, so nothing of this signal is under way
                let asked = poll.ask(&signal.name, source, question(signal, now), LIMIT_MS);
                asked.unwrap_or_else(|unasked| {
                    drop(answers.insert(signal.name.clone(), Err(unasked.to_string())))
                });
            }
            Some(Err(why)) => drop(answers.insert(signal.name.clone(), Err(why.clone()))),
            None => {}
        }
    }
    while let Some(Outcome { signal, ask, answer }) = poll.next().await {
        let source = config.signal(&signal).and_then(|signal| opened.get(signal.source.as_deref()?));
        let first = !answers.contains_key(&signal);
        match (&answer, source) {
            (Ok(answer), Some(Ok(source))) if first && answer.complete && answer.series.is_empty() => {
                // a rate begins with the second asking
                let again = after(Arc::clone(source), ask.interval);
                let asked = poll.ask(&signal, &again, ask, LIMIT_MS);
                answers
                    .insert(signal, asked.map(|()| Answer::default()).map_err(|unasked| unasked.to_string()));
            }
            _ => drop(answers.insert(signal, answer.map_err(|error| in_words(&error)))),
        }
    }
    answers
}

/// `source`, asked an interval later, or a second where that is shorter.
fn after(source: Arc<dyn Source>, interval: Interval) -> Arc<dyn Source> {
    let wait = Duration::from_millis(interval.as_millis().clamp(0, 1_000).unsigned_abs());
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

/// As far back as a sample is fresh and as the start of a batch is judged by, and at least one whole interval whatever the place
/// of its grid.
fn question(signal: &Signal, now: Timestamp) -> Ask {
    let interval_ms = signal.interval.as_millis();
    let grown = i64::try_from(grown(&watched(signal).spec)).unwrap_or(i64::MAX).saturating_mul(interval_ms);
    let back = signal.max_age_ms.max(grown.saturating_add(2 * interval_ms));
    Ask {
        query: signal.query.clone(),
        from: Timestamp::from_millis(now.as_millis() - back),
        until: now,
        interval: signal.interval,
    }
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
    if answer.complete && fresh.is_empty() && signal.expect.is_empty() {
        out.push(format!("signal {name:?} has no series now"));
    }
    out
}

/// Those of the values of `label` that no series has; nothing where all are there.
fn missing(label: &str, values: &[String], fresh: &[&Labels]) -> Option<String> {
    let present: BTreeSet<&String> = fresh.iter().filter_map(|labels| labels.get(label)).collect();
    let missing: Vec<_> = values.iter().filter(|value| !present.contains(value)).collect();
    let named: Vec<_> = missing.iter().take(NAMED).map(|value| format!("{label}={value:?}")).collect();
    let more = missing.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!missing.is_empty()).then(|| text::plain(&format!("{}{more}", named.join(", "))).into_owned())
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
