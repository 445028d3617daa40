//! What runs wait for, in few words that do not grow with what is watched.

use super::super::control::Desk;
use crate::steps::{State, Waiting};
use crate::telemetry::Telemetry;
use std::collections::BTreeSet;
use std::time::Instant;

/// What each run that is not over waits for, each reason once a run.
pub fn waits(desk: &Desk, state: &State) -> Vec<&'static str> {
    let mut all = Vec::new();
    for run in state.open_runs() {
        let Some(shown) = desk.shown(&run.pinned.run) else { continue };
        let own: BTreeSet<&'static str> = shown
            .waiting
            .iter()
            .map(|waiting| match waiting {
                Waiting::InFlight(_) => "in_flight",
                Waiting::Paused(_) => "paused",
                Waiting::Approval(_) => "approval",
                Waiting::Gate((step, batch), ..) => {
                    let batch = run.steps.get(*step).and_then(|step| step.batches.get(*batch));
                    let held = batch.and_then(|batch| batch.held.as_ref());
                    worst(held.map_or(&[], |held| &held.because))
                }
                Waiting::Forbidden(..) => "forbidden",
                Waiting::Frozen(_) => "frozen",
                Waiting::Soak(..) => "soak",
                Waiting::Watch(..) => "watch",
            })
            .collect();
        all.extend(own);
    }
    all
}

/// The worst of the causes of a gate that holds.
fn worst(because: &[String]) -> &'static str {
    let of = |cause: &String| cause.rsplit_once(": ").map_or("", |(_, word)| word).to_owned();
    let words: Vec<String> = because.iter().map(of).collect();
    let has = |start: &str| words.iter().any(|word| word.starts_with(start));
    let reasons = [
        ("anomalous", "anomalous"),
        ("unknown", "unknown"),
        ("suspect", "suspect"),
        ("expected", "expected"),
    ];
    let found = reasons.into_iter().find(|(start, _)| has(start));
    found.map_or("clean_too_short", |(_, reason)| reason)
}

/// Counts how long runs wait.
#[derive(Debug)]
pub(super) struct Waited {
    telemetry: Telemetry,
    newest: Instant,
}

impl Waited {
    pub(super) fn new(telemetry: Telemetry) -> Self {
        Self { telemetry, newest: Instant::now() }
    }

    /// Runs have waited for this since the last time.
    pub(super) fn so_far(&mut self, desk: &Desk, state: &State) {
        let now = Instant::now();
        let time = now.duration_since(self.newest);
        self.newest = now;
        for reason in waits(desk, state) {
            self.telemetry.waited(reason, time);
        }
    }
}
