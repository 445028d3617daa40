//! What a run waits for, as its driver knows it or as its records leave it.

use super::words::{ago, batch, near, when};
use crate::steps::{BatchId, Held, Mode, Run, Side, State, Waiting};
use crate::text;
use quietgate_detectors::Timestamp;
use serde::Serialize;

/// Where it is known from what a run waits for.
#[derive(Debug, Clone, Copy)]
pub enum Waits<'a> {
    /// Its driver says so now.
    Now(&'a [Waiting]),
    /// Nobody was asked: what the records leave, the newest of which is of this time. What gates say now is not known then.
    Recorded(Timestamp),
}

/// Something that a run waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Wait {
    /// What: `in_flight`, `paused`, `approval`, `gate`, `forbidden`, `frozen`, `soak` or `watch`.
    #[serde(rename = "for")]
    pub what: &'static str,
    /// The step, where it is about a batch.
    pub step: Option<String>,
    /// The batch in the step, from 0.
    pub batch: Option<usize>,
    /// Since when, in RFC 3339, where that is on record.
    pub since: Option<String>,
    /// Until when, in RFC 3339, where that is known.
    pub until: Option<String>,
    /// When the patience of a gate that holds ends; none where that is not known.
    pub patience: Option<Patience>,
    /// All the rest of it in words, without a final stop.
    pub reason: String,
}

/// The end of the patience of a gate that holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Patience {
    /// When it ends, in RFC 3339.
    pub until: String,
    /// What follows where the gate still holds then: `pause`.
    pub then: &'static str,
    #[serde(skip)]
    pub(super) words: String,
}

impl Wait {
    /// Whether it is said on top of a status: a pause, a freeze.
    pub(super) fn is_in_head(&self) -> bool {
        ["paused", "frozen"].contains(&self.what)
    }
}

/// What `run` waits for at `now`.
pub(super) fn waits(state: &State, run: &Run, waits: Waits<'_>, now: Timestamp) -> Vec<Wait> {
    match waits {
        _ if run.is_over() => Vec::new(),
        Waits::Now([]) => held(run, now),
        Waits::Now(waiting) => waiting.iter().map(|waiting| live(run, waiting, now)).collect(),
        Waits::Recorded(_) => recorded(state, run, now),
    }
}

fn live(run: &Run, waiting: &Waiting, now: Timestamp) -> Wait {
    let words = waiting.words();
    let of = |what, id: BatchId, words: String| about(run, what, id, words);
    match waiting {
        Waiting::InFlight(_) => plain("in_flight", words),
        Waiting::Paused(_) => plain("paused", words),
        Waiting::Frozen(_) => plain("frozen", words),
        Waiting::Approval(id) => of("approval", *id, words),
        Waiting::Forbidden(id, _) => of("forbidden", *id, format!("may not start now: {words}")),
        Waiting::Gate(id, side, reason) => {
            let holds = match side {
                Side::Before => "holds before it starts",
                Side::After | Side::Late => "holds before it passes",
            };
            let known = run.steps.get(id.0).and_then(|step| step.batches.get(id.1));
            let since = known.and_then(|batch| batch.held.as_ref()).map(|held| held.since);
            let words = match since {
                Some(since) => format!("{holds}, since {}: {reason}", near(since, now)),
                None => format!("{holds}: {reason}"),
            };
            let patience = since.and_then(|since| patience(run, *id, since, now));
            Wait { since: since.map(rfc3339), patience, ..of("gate", *id, words) }
        }
        Waiting::Soak(id, until) => {
            let words = format!("soaks until {}", near(*until, now));
            Wait { until: Some(rfc3339(*until)), ..of("soak", *id, words) }
        }
        Waiting::Watch(until, unknown) => {
            let unknown = unknown
                .as_ref()
                .map(|words| format!(", and until it knows of all: {words}"))
                .unwrap_or_default();
            let until_clock = near(*until, now);
            let words =
                format!("every step is over, and the slow layer watches until {until_clock}{unknown}");
            Wait { until: Some(rfc3339(*until)), ..plain("watch", words) }
        }
    }
}

/// What the records alone say.
fn recorded(state: &State, run: &Run, now: Timestamp) -> Vec<Wait> {
    let mut out = Vec::new();
    let flying = run.all().filter(|(_, _, work)| work.is_in_flight()).count();
    if flying > 0 {
        out.push(plain("in_flight", Waiting::InFlight(flying).words()));
    }
    if let Some(word) = &run.paused {
        out.push(plain("paused", Waiting::Paused(word.clone()).words()));
        return out;
    }
    if run.mode == Mode::Going {
        out.extend(state.frozen.clone().map(|word| plain("frozen", Waiting::Frozen(word).words())));
        out.extend(approvals(run).map(|id| about(run, "approval", id, Waiting::Approval(id).words())));
    }
    out.extend(held(run, now));
    out
}

/// The batches that a person must let start before anything else can.
pub(super) fn approvals(run: &Run) -> impl Iterator<Item = BatchId> {
    let over = |name: &String| run.step(name).is_some_and(|step| run.next_batch(step).is_none());
    let next = move |step: usize| {
        let pinned = &run.pinned.steps[step];
        let batch = run.next_batch(step).filter(|_| pinned.approve && pinned.after.iter().all(over))?;
        (!run.is_approved(step)).then_some((step, batch))
    };
    (0..run.steps.len()).filter_map(next)
}

/// The holds on record that nothing has ended since.
fn held(run: &Run, now: Timestamp) -> Vec<Wait> {
    let mut out = Vec::new();
    for (step, state) in run.steps.iter().enumerate() {
        for (number, batch) in state.batches.iter().enumerate() {
            if let Some(Held { because, since, noted }) = &batch.held {
                let words = format!(
                    "holds since {}, as recorded at {}: {}",
                    near(*since, now),
                    near(*noted, now),
                    listed(because)
                );
                let patience = patience(run, (step, number), *since, now);
                let since = Some(rfc3339(*since));
                out.push(Wait { since, patience, ..about(run, "gate", (step, number), words) });
            }
        }
    }
    out
}

/// Until when the gate of a batch may hold that has held since then, and what follows: never more than a pause.
fn patience(run: &Run, (step, _): BatchId, since: Timestamp, now: Timestamp) -> Option<Patience> {
    let patience_ms = run.pinned.steps.get(step)?.patience_ms?;
    let until = Timestamp::from_millis(since.as_millis().saturating_add(patience_ms));
    let (ends, lasts) = (near(until, now), text::duration(patience_ms));
    let words = if until < now {
        format!("its patience of {lasts} ended at {ends}: a driver that finds it holding pauses the run")
    } else {
        format!(
            "its patience of {lasts} ends at {ends}: where it still holds then, the run is paused for a person"
        )
    };
    Some(Patience { until: rfc3339(until), then: "pause", words })
}

fn listed(because: &[String]) -> String {
    const SHOWN: usize = super::words::NAMED;
    let more = because.len().saturating_sub(SHOWN);
    let shown = because[..because.len() - more].join("; ");
    if more > 0 { format!("{shown}; and {} more", text::count(more as u64)) } else { shown }
}

fn plain(what: &'static str, reason: String) -> Wait {
    Wait { what, step: None, batch: None, since: None, until: None, patience: None, reason }
}

fn about(run: &Run, what: &'static str, (step, number): BatchId, words: String) -> Wait {
    // a driver that says a number the plan has not is of another run: its words are told all the same
    let name = run.pinned.steps.get(step).map_or_else(|| "?".to_owned(), |step| step.step.clone());
    let reason = format!("{}: {words}", batch(Some(&run.pinned), &name, number));
    Wait { step: Some(name), batch: Some(number), ..plain(what, reason) }
}

fn rfc3339(at: Timestamp) -> String {
    text::rfc3339(at.as_millis())
}

impl Waits<'_> {
    /// From where the status is, in words: nothing where the driver itself tells it.
    pub(super) fn origin(&self, now: Timestamp) -> Option<String> {
        match self {
            Self::Now(_) => None,
            Self::Recorded(newest) => {
                let ago = ago(*newest, now);
                Some(format!("as recorded up to {}, {ago} before; no driver was asked", when(*newest)))
            }
        }
    }
}
