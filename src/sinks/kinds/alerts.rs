//! Which alerts fire, as the fold of events: pure.
//!
//! | alert | fires from | until |
//! |---|---|---|
//! | `QuietgateHeld` | `gate.held` for what does not pass by itself | the gate opens, or the run is paused, turned, aborted or over |
//! | `QuietgatePaused` | `run.paused`, `gate.paused` | the run is resumed, turned, aborted or over |
//! | `QuietgateUnknown` | `attempt.unknown` | the target is resolved, or the run is over |
//! | `QuietgateFailed` | `attempt.failed` | the target is retried or skipped, succeeds, or the run is over |
//! | `QuietgateTurned` | the run is rolled back or aborted | an hour after the run is over |
//! | `QuietgateDropped` | `events.dropped` | an hour later |
//! | `QuietgateTest` | `sink.tested` | five minutes later |

use crate::event::{Event, Kind, Severity};
use std::collections::BTreeMap;

/// How long an alert fires that nothing takes back.
const HOUR_MS: i64 = 3_600_000;
/// How long a test fires.
const TEST_MS: i64 = 300_000;

/// An alert that fires, or did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Alert {
    /// What makes it this one, its name among them.
    pub(super) labels: BTreeMap<&'static str, String>,
    /// One sentence.
    pub(super) summary: String,
    /// Why, with numbers.
    pub(super) reason: String,
    /// Since when, in milliseconds since 1970.
    pub(super) since_ms: i64,
    /// When it ends by itself, or has ended; none as long as it fires.
    pub(super) until_ms: Option<i64>,
}

/// What an alert is about: its name, the run, and the place in it.
type Key = (&'static str, String, String);

/// All alerts that fire.
#[derive(Debug, Default)]
pub(super) struct Alerts {
    firing: BTreeMap<Key, Alert>,
}

const HELD: &str = "QuietgateHeld";
const PAUSED: &str = "QuietgatePaused";
const UNKNOWN: &str = "QuietgateUnknown";
const FAILED: &str = "QuietgateFailed";
const TURNED: &str = "QuietgateTurned";
const DROPPED: &str = "QuietgateDropped";
const TEST: &str = "QuietgateTest";

impl Alerts {
    /// Those that fire at `now_ms`, the others forgotten.
    pub(super) fn firing(&mut self, now_ms: i64) -> Vec<Alert> {
        self.firing.retain(|_, alert| alert.until_ms.is_none_or(|until| until > now_ms));
        self.firing.values().cloned().collect()
    }

    /// Whether any fires as long as nothing takes it back.
    pub(super) fn is_lasting(&self) -> bool {
        self.firing.values().any(|alert| alert.until_ms.is_none())
    }

    /// Takes in `event`, of `at_ms`; gives the alerts that are to be told by it: new ones, changed ones, and those that have ended.
    pub(super) fn take(&mut self, event: &Event, at_ms: i64) -> Vec<Alert> {
        let place = place(event);
        match event.kind {
            Kind::GateHeld => self.held(event, at_ms),
            Kind::GatePaused | Kind::RunPaused => {
                let mut told = self.end(event, at_ms, |name, _| name == HELD);
                told.push(self.fire(PAUSED, Severity::Critical, event, at_ms, None));
                told
            }
            Kind::BatchOpened | Kind::BatchPassed => {
                self.end(event, at_ms, |name, of| name == HELD && of == place)
            }
            Kind::RunResumed => self.end(event, at_ms, |name, _| name == PAUSED),
            Kind::GateTurned | Kind::GateAborted | Kind::RunTurned | Kind::RunAborted => {
                let mut told = self.end(event, at_ms, |name, _| [HELD, PAUSED].contains(&name));
                told.push(self.fire(TURNED, Severity::Critical, event, at_ms, None));
                told
            }
            Kind::RunFinished => self.finished(event, at_ms),
            Kind::AttemptUnknown => vec![self.fire(UNKNOWN, Severity::Critical, event, at_ms, None)],
            Kind::AttemptFailed => vec![self.fire(FAILED, Severity::Warning, event, at_ms, None)],
            Kind::AttemptSucceeded | Kind::TargetRetried | Kind::TargetSkipped | Kind::TargetResolved => {
                self.end(event, at_ms, |name, of| [UNKNOWN, FAILED].contains(&name) && of == place)
            }
            Kind::EventsDropped => {
                vec![self.fire(DROPPED, Severity::Warning, event, at_ms, Some(at_ms + HOUR_MS))]
            }
            Kind::SinkTested => vec![self.fire(TEST, event.severity, event, at_ms, Some(at_ms + TEST_MS))],
            Kind::DriverStarted
            | Kind::RunStarted
            | Kind::BatchApproved
            | Kind::AttemptStarted
            | Kind::AttemptWithdrawn
            | Kind::SceneCaptured
            | Kind::FreezeStarted
            | Kind::FreezeEnded => Vec::new(),
        }
    }

    /// A gate that holds for what passes by itself fires nothing; one that fires goes on until it opens, for an anomaly that is over and
    /// a window that fills are the same incident.
    fn held(&mut self, event: &Event, at_ms: i64) -> Vec<Alert> {
        let is_known = self.firing.contains_key(&key(HELD, event));
        if event.severity < Severity::Warning && !is_known {
            return Vec::new();
        }
        vec![self.fire(HELD, Severity::Warning, event, at_ms, None)]
    }

    fn finished(&mut self, event: &Event, at_ms: i64) -> Vec<Alert> {
        let mut told = self.end(event, at_ms, |name, _| name != TURNED);
        if let Some(turned) = self.firing.get_mut(&key(TURNED, event)) {
            turned.until_ms = Some(at_ms + HOUR_MS);
            event.summary.clone_into(&mut turned.summary);
            told.push(turned.clone());
        }
        told
    }

    fn fire(
        &mut self,
        name: &'static str,
        severity: Severity,
        event: &Event,
        at_ms: i64,
        until_ms: Option<i64>,
    ) -> Alert {
        let key = key(name, event);
        let since_ms = self.firing.get(&key).map_or(at_ms, |known| known.since_ms);
        let reason = event.data.reason.clone().unwrap_or_default();
        let alert = Alert {
            labels: labels(name, severity, event),
            summary: event.summary.clone(),
            reason,
            since_ms,
            until_ms,
        };
        self.firing.insert(key, alert.clone());
        alert
    }

    /// Ends those of the event's run that `is_over` says.
    fn end(&mut self, event: &Event, at_ms: i64, is_over: impl Fn(&str, &str) -> bool) -> Vec<Alert> {
        let run = event.data.run.as_deref().unwrap_or_default();
        let over = self.firing.extract_if(.., |(name, of, place), _| of == run && is_over(name, place));
        over.map(|(_, alert)| Alert { until_ms: Some(at_ms.max(alert.since_ms + 1)), ..alert }).collect()
    }
}

fn key(name: &'static str, event: &Event) -> Key {
    let place = if [HELD, UNKNOWN, FAILED].contains(&name) { place(event) } else { String::new() };
    (name, event.data.run.clone().unwrap_or_default(), place)
}

/// The place in the run that an event is about: a batch, or a target of a step.
fn place(event: &Event) -> String {
    let data = &event.data;
    let step = data.step.as_deref().unwrap_or_default();
    match (&data.target, data.batch) {
        (Some(target), _) => format!("{step}/{target}"),
        (None, Some(batch)) => format!("{step} {batch}"),
        (None, None) => String::new(),
    }
}

fn labels(name: &str, severity: Severity, event: &Event) -> BTreeMap<&'static str, String> {
    let data = &event.data;
    let batch = data.batch.map(|batch| batch.to_string());
    let of_place = [HELD, UNKNOWN, FAILED].contains(&name);
    let of_place = |value: Option<String>| value.filter(|_| of_place);
    let labels = [
        ("alertname", Some(name.to_owned())),
        ("severity", Some(severity.name().to_owned())),
        ("run", data.run.clone()),
        ("plan", data.plan.clone()),
        ("step", of_place(data.step.clone())),
        ("batch", of_place(batch)),
        ("target", of_place(data.target.clone())),
    ];
    labels.into_iter().filter_map(|(label, value)| Some((label, value?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Data;
    use quietgate_detectors::Timestamp;

    /// What `alerts` tell of an event at that second: the name of each, and whether it fires.
    fn told(alerts: &mut Alerts, second: i64, kind: Kind, place: &str) -> Vec<(String, bool)> {
        let (step, rest) = place.split_once(' ').unwrap_or((place, ""));
        let batch = rest.parse().ok();
        let target = Some(rest.to_owned()).filter(|rest| batch.is_none() && !rest.is_empty());
        let data =
            Data { run: Some("r".to_owned()), step: Some(step.to_owned()), batch, target, ..Data::default() };
        let at = Timestamp::from_millis(second * 1_000);
        let mut event = Event::new(kind, "e".to_owned(), at, format!("{kind} {place}"), data);
        if place.ends_with('0') {
            event.severity = Severity::Info;
        }
        let one =
            |alert: Alert| (alert.labels["alertname"].replace("Quietgate", ""), alert.until_ms.is_none());
        alerts.take(&event, second * 1_000).into_iter().map(one).collect()
    }

    fn fires(name: &str) -> Vec<(String, bool)> {
        vec![(name.to_owned(), true)]
    }

    fn ends(name: &str) -> Vec<(String, bool)> {
        vec![(name.to_owned(), false)]
    }

    #[test]
    fn a_hold_fires_until_its_gate_opens_and_waiting_alone_does_not() {
        let mut alerts = Alerts::default();
        // batch 10 ends in 0: its holds pass by themselves
        assert_eq!(told(&mut alerts, 1, Kind::GateHeld, "agent 10"), []);
        assert_eq!(told(&mut alerts, 1, Kind::GateHeld, "agent 1"), fires("Held"));
        assert_eq!(told(&mut alerts, 5, Kind::GateHeld, "agent 1"), fires("Held"), "with other words");
        assert_eq!(alerts.firing(5_000).iter().map(|alert| alert.since_ms).collect::<Vec<_>>(), [1_000]);
        assert_eq!(told(&mut alerts, 6, Kind::BatchOpened, "agent 2"), [], "another gate");
        assert_eq!(told(&mut alerts, 7, Kind::BatchOpened, "agent 1"), ends("Held"));
        assert_eq!(told(&mut alerts, 8, Kind::BatchOpened, "agent 1"), []);
        assert!(!alerts.is_lasting());
    }

    #[test]
    fn a_pause_takes_the_place_of_a_hold_and_ends_with_what_a_person_says() {
        let mut alerts = Alerts::default();
        told(&mut alerts, 1, Kind::GateHeld, "agent 1");
        let both = [ends("Held"), fires("Paused")].concat();
        assert_eq!(told(&mut alerts, 2, Kind::GatePaused, "agent 1"), both);
        assert_eq!(told(&mut alerts, 3, Kind::RunResumed, ""), ends("Paused"));
        told(&mut alerts, 4, Kind::RunPaused, "");
        assert_eq!(told(&mut alerts, 5, Kind::RunAborted, ""), [ends("Paused"), fires("Turned")].concat());
        assert_eq!(told(&mut alerts, 6, Kind::RunFinished, ""), ends("Turned"));
        assert_eq!(alerts.firing(7_000).len(), 1, "for an hour");
        assert_eq!(alerts.firing(6_000 + HOUR_MS).len(), 0);
    }

    #[test]
    fn what_went_wrong_on_a_target_fires_until_that_target_is_settled() {
        let mut alerts = Alerts::default();
        assert_eq!(told(&mut alerts, 1, Kind::AttemptFailed, "agent h1"), fires("Failed"));
        assert_eq!(told(&mut alerts, 2, Kind::AttemptUnknown, "agent h2"), fires("Unknown"));
        assert_eq!(told(&mut alerts, 3, Kind::TargetResolved, "agent h1"), ends("Failed"));
        assert_eq!(told(&mut alerts, 4, Kind::AttemptSucceeded, "other h2"), []);
        assert_eq!(told(&mut alerts, 5, Kind::RunFinished, ""), ends("Unknown"));
    }

    #[test]
    fn labels_of_one_alert_are_always_the_same() {
        let mut alerts = Alerts::default();
        told(&mut alerts, 1, Kind::RunPaused, "");
        told(&mut alerts, 2, Kind::GatePaused, "agent 3");
        let firing = alerts.firing(3_000);
        let labels: Vec<_> =
            firing[0].labels.iter().map(|(label, value)| format!("{label}={value}")).collect();
        assert_eq!(
            (firing.len(), labels.join(" ").as_str()),
            (1, "alertname=QuietgatePaused run=r severity=critical")
        );
    }
}
