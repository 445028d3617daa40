//! What an entry of a journal tells others.

use super::{CAUSES_MAX, Data, Event, Kind, Severity};
use crate::steps::{
    Attempt, Capture, Decision, Doing, End, Ending, Gate, Record, Said, Side, State, Told, Word,
};
use crate::story::{self, Noted};

/// Makes events of the entries of a journal, which it is told one after the other.
#[derive(Debug, Default)]
pub struct Telling {
    state: State,
}

impl Telling {
    /// The next entry, and the event that it is under this `id`; none where nobody but who looks for a mistake wants to know of it.
    pub fn event(&mut self, noted: &Noted, id: impl FnOnce() -> String) -> Option<Event> {
        // what the journal has was found legal before it was written
        drop(self.state.apply(noted.seq, noted.at, &noted.record));
        let kind = kind(&noted.record)?;
        let pinned = noted.record.run().and_then(|run| self.state.runs.get(run)).map(|run| &*run.pinned);
        let mut data = data(&noted.record);
        data.seq = Some(noted.seq);
        data.run = noted.record.run().map(str::to_owned);
        data.plan = pinned.map(|pinned| pinned.plan.clone());
        let summary = story::said(&sayable(noted), pinned).trim_end_matches([':', ' ']).to_owned();
        let mut event = Event::new(kind, id(), noted.at, summary, data);
        event.severity = severity(&noted.record).unwrap_or(event.severity);
        Some(event)
    }
}

/// The entry without what is of this machine alone: calls with their arguments, and where outputs lie.
fn sayable(noted: &Noted) -> Noted {
    let record = match &noted.record {
        Record::Intent { attempt, .. } => Record::Intent { attempt: attempt.clone(), call: String::new() },
        Record::Result { attempt, end, reason, .. } => {
            Record::Result { attempt: attempt.clone(), end: *end, reason: reason.clone(), output: None }
        }
        record => record.brief(),
    };
    Noted { record, ..*noted }
}

fn kind(record: &Record) -> Option<Kind> {
    Some(match record {
        Record::Boot { .. } => Kind::DriverStarted,
        Record::Plan(_) => Kind::RunStarted,
        Record::Gate(gate) => gate_kind(gate),
        Record::Approval { .. } => Kind::BatchApproved,
        Record::Intent { .. } => Kind::AttemptStarted,
        Record::Spawned { .. } | Record::Captured(_) => return None,
        Record::Result { end: End::Succeeded, .. } => Kind::AttemptSucceeded,
        Record::Result { .. } => Kind::AttemptFailed,
        Record::Withdrawn { .. } => Kind::AttemptWithdrawn,
        Record::Unknown { .. } => Kind::AttemptUnknown,
        Record::Pause(_) => Kind::RunPaused,
        Record::Resume(_) => Kind::RunResumed,
        Record::Abort(_) => Kind::RunAborted,
        Record::Rollback(_) => Kind::RunTurned,
        Record::Retry(_) => Kind::TargetRetried,
        Record::Skip(_) => Kind::TargetSkipped,
        Record::Resolve { .. } => Kind::TargetResolved,
        Record::Capture(_) => Kind::SceneCaptured,
        Record::Freeze(_) => Kind::FreezeStarted,
        Record::Unfreeze(_) => Kind::FreezeEnded,
        Record::Finish { .. } => Kind::RunFinished,
    })
}

fn gate_kind(gate: &Gate) -> Kind {
    match (gate.decision, gate.side) {
        (Decision::Proceed, Side::Before) => Kind::BatchOpened,
        (Decision::Proceed, Side::After | Side::Late) => Kind::BatchPassed,
        (Decision::Hold, _) => Kind::GateHeld,
        (Decision::Pause, _) => Kind::GatePaused,
        (Decision::Rollback, _) => Kind::GateTurned,
        (Decision::Abort, _) => Kind::GateAborted,
    }
}

/// How much it matters, where that is not the same for all of its kind.
fn severity(record: &Record) -> Option<Severity> {
    match record {
        Record::Gate(gate) if gate.is_passing() => Some(Severity::Info),
        Record::Finish { decision: Ending::Aborted | Ending::RolledBack, .. } => Some(Severity::Critical),
        _ => None,
    }
}

fn data(record: &Record) -> Data {
    match record {
        Record::Gate(gate) => of_gate(gate),
        Record::Approval { step, batch, word, .. } => {
            Data { step: Some(step.clone()), batch: Some(*batch as u64 + 1), ..by(word) }
        }
        Record::Intent { attempt, .. } | Record::Spawned { attempt, .. } => of_attempt(attempt, None),
        Record::Result { attempt, reason, .. }
        | Record::Withdrawn { attempt, reason }
        | Record::Unknown { attempt, reason } => of_attempt(attempt, Some(reason)),
        Record::Pause(Said { word, .. })
        | Record::Resume(Said { word, .. })
        | Record::Abort(Said { word, .. })
        | Record::Rollback(Said { word, .. })
        | Record::Freeze(word)
        | Record::Unfreeze(word) => by(word),
        Record::Retry(told) | Record::Skip(told) | Record::Resolve { told, .. } => of_target(told),
        Record::Capture(Capture { scene, left_out, .. }) => {
            Data { because: few(&scene.series), reason: left_out.clone(), ..Data::default() }
        }
        Record::Finish { decision, reason, .. } => {
            Data { ending: Some(ending(*decision)), reason: Some(reason.clone()), ..Data::default() }
        }
        Record::Boot { .. } | Record::Plan(_) | Record::Captured(_) => Data::default(),
    }
}

fn of_gate(gate: &Gate) -> Data {
    let side = match gate.side {
        Side::Before => "before",
        Side::After => "after",
        Side::Late => "late",
    };
    Data {
        step: Some(gate.step.clone()),
        batch: Some(gate.batch as u64 + 1),
        side: Some(side),
        reason: Some(gate.reason.clone()),
        because: few(&gate.because),
        ..Data::default()
    }
}

fn of_attempt(attempt: &Attempt, reason: Option<&String>) -> Data {
    let doing = match attempt.doing {
        Doing::Action => "action",
        Doing::Undo => "undo",
    };
    Data {
        step: Some(attempt.step.clone()),
        target: Some(attempt.target.clone()),
        doing: Some(doing),
        attempt: Some(attempt.attempt),
        reason: reason.cloned(),
        ..Data::default()
    }
}

fn of_target(told: &Told) -> Data {
    Data { step: Some(told.step.clone()), target: Some(told.target.clone()), ..by(&told.word) }
}

fn by(word: &Word) -> Data {
    Data { who: Some(word.who.clone()), reason: Some(word.reason.clone()), ..Data::default() }
}

fn ending(ending: Ending) -> &'static str {
    match ending {
        Ending::Done => "done",
        Ending::Aborted => "aborted",
        Ending::RolledBack => "rolled_back",
    }
}

fn few(causes: &[String]) -> Vec<String> {
    causes.iter().take(CAUSES_MAX).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{schema, schema::properties};
    use crate::story::sample;
    use serde_json::Value;

    fn told() -> Vec<(Noted, Event)> {
        let mut telling = Telling::default();
        let all = sample::all().into_iter();
        all.filter_map(|noted| {
            telling.event(&noted, || format!("e{}", noted.seq)).map(|event| (noted, event))
        })
        .collect()
    }

    #[test]
    fn an_event_says_what_it_is_about_and_nothing_of_this_machine_alone() {
        for (noted, event) in told() {
            let text = serde_json::to_string(&event).expect("JSON");
            assert_eq!((event.data.seq, event.data.run.as_deref()), (Some(noted.seq), noted.record.run()));
            assert!(!event.summary.is_empty() && !event.summary.ends_with([':', ' ']), "{text}");
            assert!(!text.contains("/plans") && !text.contains("/runs/"), "{text}");
            if let Record::Intent { call, .. } = &noted.record {
                assert!(!text.contains(call.as_str()), "{text}");
            }
        }
    }

    #[test]
    fn every_key_of_an_event_is_in_the_schema() {
        let schema = schema();
        let keys = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
        let (outer, inner) = (properties(&schema), properties(&properties(&schema)["data"]));
        for (_, event) in told() {
            let event = serde_json::to_value(&event).expect("JSON");
            assert!(keys(&event).iter().all(|key| outer.get(key).is_some()), "{event}");
            assert!(keys(&event["data"]).iter().all(|key| inner.get(key).is_some()), "{event}");
        }
    }

    #[test]
    fn a_hold_that_passes_by_itself_matters_less_than_one_that_does_not() {
        let of = |because: &[&str], decision| {
            let because = because.iter().map(|cause| (*cause).to_owned()).collect();
            let gate = Gate {
                run: "r".to_owned(),
                step: "s".to_owned(),
                batch: 0,
                side: Side::Before,
                decision,
                reason: String::new(),
                because,
                evidence: Value::Null,
            };
            let record = Record::Gate(gate);
            severity(&record)
        };
        let short = "clean, not yet for long enough";
        for passing in
            [&[short][..], &["loss{host=\"a\"}: suspect", short], &["cpu{host=\"a: b\"}: expected"]]
        {
            assert_eq!(of(passing, Decision::Hold), Some(Severity::Info), "{passing:?}");
            assert_eq!(of(passing, Decision::Pause), None, "its patience is over");
        }
        for lasting in ["loss: anomalous", "loss: unknown(stale)", "more than 100 series of loss: anomalous"]
        {
            assert_eq!(of(&[short, lasting], Decision::Hold), None, "{lasting}");
        }
    }
}
