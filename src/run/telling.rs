//! What a gate says, in words.

use crate::monitor::{Labels, Statement, View, Watch};
use crate::steps::PASSING;
use crate::text;
use quietgate_detectors::{Lack, Reason, Timestamp, Verdict};
use quietgate_rules::Condition;
use quietgate_rules::gate::{NotBlamed, Obstacle};
use std::borrow::Cow;

/// So many series are named in a sentence; the evidence has more.
pub(super) const NAMED: usize = 5;

/// Of so many required series every one is put on record with each decision.
pub(super) const ALL_TOLD: usize = 1000;

/// By which of a signal's rules something was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// By its rule.
    Fast,
    /// By that of the slow layer.
    Slow,
}

impl Layer {
    /// What is to be said of a series that is blamed on a batch by it, without what changes from sample to sample.
    pub(super) fn blamed(self) -> &'static str {
        match self {
            Self::Fast => "blamed",
            Self::Slow => "by the slow layer: blamed",
        }
    }

    /// How a series stands by it.
    pub(super) fn of(self, view: &View<'_>) -> Condition {
        match self {
            Self::Fast => view.condition,
            Self::Slow => view.slow.unwrap_or(view.condition),
        }
    }

    /// What its detectors said of the newest sample.
    pub(super) fn statements<'a>(self, view: &View<'a>) -> Cow<'a, [Statement]> {
        view.votes(self == Self::Slow)
    }

    /// The detectors among `statements` by which a series is unknown: none where it is not, or for another reason than theirs.
    pub(super) fn unknown<'a>(
        self,
        view: &View<'_>,
        statements: &'a [Statement],
    ) -> impl Iterator<Item = &'a Statement> {
        let is_theirs = |reason| statements.iter().any(|vote| vote.verdict == Verdict::Unknown(reason));
        let is_so = matches!(self.of(view), Condition::Unknown { reason, .. } if is_theirs(reason));
        statements.iter().filter(move |vote| is_so && vote.verdict.is_unknown())
    }
}

/// The name of a series: `loss{host="h1"}`.
pub(super) fn name(watch: &Watch, view: &View<'_>) -> String {
    let signal = watch.signals().nth(view.signal).map_or("?", |signal| signal.name.as_str());
    series_name(signal, &view.labels)
}

/// The name of a series of `signal`: `loss{host="h1"}`.
pub fn series_name(signal: &str, labels: &Labels) -> String {
    let labels: Vec<_> = labels.iter().map(|(label, value)| format!("{label}={value:?}")).collect();
    if labels.is_empty() { signal.to_owned() } else { format!("{signal}{{{}}}", labels.join(",")) }
}

/// The first clauses of so many, [`NAMED`] at most, as one sentence.
pub(super) fn sentence(clauses: &[String], of: usize) -> String {
    let shown = clauses.join("; ");
    let more = of.saturating_sub(clauses.len());
    if more > 0 { format!("{shown}; and {more} more") } else { shown }
}

/// Why a series keeps a gate shut, with numbers.
pub(super) fn obstacle(obstacle: &Obstacle, view: &View<'_>, now: Timestamp) -> String {
    match obstacle {
        Obstacle::Unknown(reason) => unknown(*reason, view, Layer::Fast, now),
        Obstacle::Blind(reason) => blind(*reason, &[]),
        Obstacle::Suspect { since } => {
            format!("suspect since {}{}", text::rfc3339(since.as_millis()), said(view, Layer::Fast))
        }
        Obstacle::Expected { until } => {
            let left = until.as_millis().saturating_sub(now.as_millis()).max(0);
            let until = text::rfc3339(until.as_millis());
            format!("expected to move until {until}, for {} more", text::duration(left))
        }
        Obstacle::Slow { since, not_blamed } => {
            let why = match not_blamed {
                Some(NotBlamed::Earlier) => "it began before a batch of its targets started".to_owned(),
                Some(NotBlamed::Elsewhere) => "no batch has touched its targets".to_owned(),
                Some(why) => innocent(*why),
                None => "a batch is to blame for it".to_owned(),
            };
            let since = text::rfc3339(since.as_millis());
            format!("by the slow layer anomalous since {since}{}: {why}", said(view, Layer::Slow))
        }
        Obstacle::Anomalous { since, not_blamed } => {
            let blame = not_blamed.map(|why| format!(", not blamed on the batch: {}", innocent(why)));
            let since = text::rfc3339(since.as_millis());
            format!("anomalous since {since}{}{}", said(view, Layer::Fast), blame.unwrap_or_default())
        }
        Obstacle::TooShort { clean_ms, wanted_ms } => {
            format!("clean for {} of {}", text::duration(*clean_ms), text::duration(*wanted_ms))
        }
    }
}

/// That nothing can be said of a series by a layer, and what is lacking.
pub(super) fn unknown(reason: Reason, view: &View<'_>, layer: Layer, now: Timestamp) -> String {
    match layer.of(view) {
        Condition::Unknown { newest: Some(newest), .. } => {
            let age_ms = now.as_millis().saturating_sub(newest.as_millis()).max(0);
            let lacking = lacking(view, layer);
            format!("unknown ({reason}), newest sample {} ago{lacking}", text::duration(age_ms))
        }
        _ => format!("unknown ({reason}), no sample yet"),
    }
}

/// What helps where series are blind to the start of a batch, beside to wait: said once, behind them all.
pub(super) const HELPS_BLIND: &str = "; a batch that started sooner could not be judged: wait, back-fill the source and resume \
    the run, or judge by a rule that needs less";

/// Why nothing could be said of a series once a batch starts, and what its detectors lack.
pub(super) fn blind(reason: Reason, lacks: &[Statement]) -> String {
    let clauses: Vec<_> = lacks.iter().map(lacks_words).collect();
    format!("unknown ({reason}) once a batch starts ({})", clauses.join("; "))
}

/// The same without what changes from sample to sample.
pub(super) fn cause(obstacle: &Obstacle) -> String {
    match obstacle {
        Obstacle::Blind(reason) => format!("unknown({reason}) once a batch starts"),
        Obstacle::Unknown(reason) => format!("unknown({reason})"),
        Obstacle::Suspect { .. } => PASSING.suspect.to_owned(),
        Obstacle::Anomalous { .. } => "anomalous".to_owned(),
        Obstacle::Slow { .. } => "by the slow layer: anomalous".to_owned(),
        Obstacle::Expected { .. } => PASSING.expected.to_owned(),
        Obstacle::TooShort { .. } => PASSING.short.to_owned(),
    }
}

/// Why an anomaly is blamed on a batch that started then, with numbers. `control` is how many untouched series it was compared
/// with; none where the series concerns the whole plan, and has nothing to be compared with.
pub(super) fn blame(view: &View<'_>, layer: Layer, started: Timestamp, control: Option<usize>) -> String {
    let since = match layer.of(view) {
        Condition::Anomalous { since, .. } => text::rfc3339(since.as_millis()),
        _ => "?".to_owned(),
    };
    let after = match layer {
        Layer::Fast => format!("anomalous since {since}, after the batch started"),
        Layer::Slow => {
            let started = text::rfc3339(started.as_millis());
            format!("by the slow layer anomalous since {since}, after the batch started at {started}")
        }
    };
    let scope = match control {
        None => "; it concerns the whole plan, and has no control",
        Some(0) => ", in its scope; there is no control that tells",
        Some(_) => ", in its scope and not in the control",
    };
    format!("{after}{scope}{}", said(view, layer))
}

fn innocent(why: NotBlamed) -> String {
    match why {
        NotBlamed::Earlier => "it began before the batch started".to_owned(),
        NotBlamed::Elsewhere => "it is not in its scope".to_owned(),
        NotBlamed::AlsoInControl { anomalous, of } => {
            format!("{anomalous} of {of} untouched series have it too")
        }
        NotBlamed::ControlBehind { behind, of } => {
            format!(
                "{behind} of {of} untouched series have no sample yet that tells whether they have it too"
            )
        }
    }
}

/// What the detectors that fired said of the newest sample.
fn said(view: &View<'_>, layer: Layer) -> String {
    let words = fired_words(view, layer);
    if words.is_empty() { String::new() } else { format!(" ({})", words.join("; ")) }
}

/// The same, each for itself.
pub(super) fn fired_words(view: &View<'_>, layer: Layer) -> Vec<String> {
    let statements = layer.statements(view);
    let words =
        fired(&statements).filter_map(|vote| Some(format!("{}: {}", vote.kind, vote.words.as_ref()?)));
    words.collect()
}

/// What detectors have to tell of the newest sample that they find normal; none mostly.
pub(super) fn told(view: &View<'_>) -> Option<String> {
    let words: Vec<_> = remarks(&Layer::Fast.statements(view))
        .filter_map(|vote| Some(format!("{}: {}", vote.kind, vote.words.as_ref()?)))
        .collect();
    (!words.is_empty()).then(|| words.join("; "))
}

/// Those that fired.
pub(super) fn fired(statements: &[Statement]) -> impl Iterator<Item = &Statement> {
    statements.iter().filter(|vote| vote.verdict.fired())
}

/// Those that find the sample normal, and have something to tell of it.
pub(super) fn remarks(statements: &[Statement]) -> impl Iterator<Item = &Statement> {
    statements.iter().filter(|vote| vote.verdict == Verdict::Normal && vote.words.is_some())
}

/// Whether detectors have that.
pub(super) fn has_told(view: &View<'_>) -> bool {
    view.may_tell_of_normal() && remarks(&Layer::Fast.statements(view)).next().is_some()
}

/// Which detectors make a series unknown to a layer, why, and what would end it.
fn lacking(view: &View<'_>, layer: Layer) -> String {
    let clauses: Vec<_> = layer.unknown(view, &layer.statements(view)).map(lacks_words).collect();
    if clauses.is_empty() { String::new() } else { format!(" ({})", clauses.join("; ")) }
}

/// That a detector is unknown, what it lacks and what would end it.
fn lacks_words(vote: &Statement) -> String {
    let lack = vote.lack.map(|lack| format!(": {}", lack_words(lack))).unwrap_or_default();
    format!("{} is {}{lack}", vote.kind, vote.verdict)
}

/// What a detector lacks and what would end it, as a clause.
pub(super) fn lack_words(lack: Lack) -> String {
    let time = |at: Timestamp| text::rfc3339(at.as_millis());
    match lack {
        Lack::Samples { wanted, from, gaps } => {
            let samples = text::counted(wanted, "sample", "samples");
            let (why, when) = if gaps {
                (format!("some of the {samples} that it needs are missing"), "at the latest ")
            } else {
                (format!("it needs {samples} first"), "")
            };
            format!("{why}; it judges {when}from {} on, if none is missing until then", time(from))
        }
        Lack::Before { started, first, until } => {
            let history = started.as_millis().saturating_sub(first.as_millis()).max(0);
            format!(
                "too little is known from before the batch that started at {}, {} after the first sample; it looks until {}, \
                 and has nothing to say after that",
                time(started),
                text::duration(history),
                time(until)
            )
        }
        Lack::Compared => "what it compares the sample with is missing, or was 0".to_owned(),
    }
}
