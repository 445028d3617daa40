//! The monitor of a daemon: all signals of its config at all times, whether anything is driven or not.

use super::findings::Findings;
use super::query::{
    FindingNow, FindingsAsk, GateAsk, GateNow, GateState, Page, Query, SeriesAsk, SeriesNow, SignalNow,
    ValueNow,
};
use crate::clock;
use crate::config::Config;
use crate::monitor::View;
use crate::plan::{GateTimes, Inventory, Limits, Plan};
use crate::run::job::Read;
use crate::run::live::{DriveError, Feed, Hearing, Kept, Stop};
use crate::run::telling::{self, Layer};
use crate::run::{Driver, watch};
use crate::sources::Opened;
use crate::steps::State;
use crate::telemetry::Telemetry;
use crate::text;
use quietgate_detectors::{Reason, Timestamp};
use quietgate_rules::Condition;
use quietgate_rules::gate::{self, Answer, Part, Seen};
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// The longest clean window that somebody can ask for at once after a start, in milliseconds: what is judged of the past.
const WINDOW_MS: i64 = 3_600_000;
/// The longest that nothing is looked at: samples age without anybody saying so.
const LOOK_MS: i64 = 1000;
/// Of so many anomalies that are found at once it is put down what detectors said.
const TOLD_MAX: usize = 1000;
/// So many causes of a gate that holds are told.
const CAUSES_MAX: usize = 20;

/// The monitor of all signals.
#[derive(Debug)]
pub(super) struct Monitor {
    hearing: Hearing,
    findings: Findings,
    sources: Vec<String>,
    troubles: Vec<Option<Reason>>,
    looked: i64,
    telemetry: Telemetry,
}

impl Monitor {
    /// Opens the sources and the histories of all signals of `config`. Of what is amiss with a history it is said by `note`.
    ///
    /// # Errors
    /// A source that cannot be opened, a time zone that is not known.
    pub(super) fn open(
        config: &Read,
        state: &Path,
        (opened, telemetry): (&mut Opened, Telemetry),
        note: &mut dyn FnMut(&str),
    ) -> Result<(Self, Kept), DriveError> {
        let (now, own) = (clock::now(), &config.config);
        let plan = everything(own);
        let (watched, scopes) = watch(own, &plan, now).map_err(DriveError::Zone)?;
        let feed = Feed::open(own, (&config.folder, opened), own.signals.iter(), now, |_| (WINDOW_MS, false))
            .map_err(DriveError::Source)?;
        let kept = Kept::open(own, own.signals.iter(), state, true, note)?;
        let (shared, _) = kept.beside(own.signals.iter());
        let driver = Driver::new(plan, watched, scopes, State::default(), String::new());
        let mut hearing = Hearing::new(driver, feed, kept, None);
        hearing.begin();
        hearing.notes().iter().for_each(|words| note(words));
        let source = |signal: &crate::config::Signal| signal.source.clone().unwrap_or_default();
        let sources = own.signals.iter().map(source).collect();
        let troubles = vec![Some(Reason::NoData); own.signals.len()];
        Ok((Self { hearing, findings: Findings::default(), sources, troubles, looked: 0, telemetry }, shared))
    }

    /// Watches until the process is to end or nobody asks any more. What there is to say is told by `note`.
    pub(super) async fn whole(
        mut self,
        mut queries: mpsc::Receiver<Query>,
        mut stop: Stop,
        note: impl Fn(&str),
    ) -> mpsc::Receiver<Query> {
        while !stop.is_wanted() {
            let now = clock::now();
            let pause_ms = self.hearing.ask(now).clamp(1, LOOK_MS);
            self.hearing.sync(now).await;
            tokio::select! {
                biased;
                () = stop.changed() => {}
                Some(fetched) = self.hearing.next() => {
                    let signal = fetched.signal;
                    let trouble = match &fetched.answer {
                        Ok(answer) => (!answer.complete).then_some(Reason::Partial),
                        Err(error) => Some(error.reason()),
                    };
                    self.troubles[signal] = trouble;
                    let began = Instant::now();
                    self.hearing.take(fetched);
                    self.look(signal, clock::now());
                    self.telemetry.judged(began.elapsed());
                }
                Some(query) = queries.recv() => self.answer(query),
                () = tokio::time::sleep(Duration::from_millis(pause_ms.unsigned_abs())) => {}
            }
            self.age(clock::now());
            self.hearing.notes().iter().for_each(|words| note(words));
        }
        self.hearing.close().await;
        self.hearing.notes().iter().for_each(|words| note(words));
        queries
    }

    /// Puts down what of `signal` is anomalous now.
    fn look(&mut self, signal: usize, now: Timestamp) {
        if !self.hearing.driver.watch().is_stirred(signal) && !self.findings.has_open(signal) {
            return;
        }
        let anomalous = self.hearing.driver.anomalous(signal, now);
        let new = self.findings.now(signal, anomalous, now);
        if new.is_empty() {
            return;
        }
        let watch = self.hearing.driver.watch();
        if let Some(signal) = watch.signals().nth(signal) {
            self.telemetry.found(&signal.name, new.len());
        }
        let is_moving = |view: &&View<'_>| matches!(view.condition, Condition::Anomalous { .. });
        let views = watch.views(now);
        for view in views.iter().filter(|view| view.signal == signal).filter(is_moving).take(TOLD_MAX) {
            let name = telling::name(watch, view);
            if new.contains(&name) {
                self.findings.because(signal, name, telling::fired_words(view, Layer::Fast));
            }
        }
    }

    /// What is silent is anomalous no more, and nobody says so.
    fn age(&mut self, now: Timestamp) {
        if now.as_millis().saturating_sub(self.looked).abs() < LOOK_MS {
            return;
        }
        self.looked = now.as_millis();
        for signal in self.findings.open_signals() {
            self.look(signal, now);
        }
    }

    fn answer(&mut self, query: Query) {
        let now = clock::now();
        // who does not wait for the answer any more has gone
        match query {
            Query::Signals(to) => drop(to.send(self.signals(now))),
            Query::Series(ask, to) => drop(to.send(self.series(&ask, now))),
            Query::Findings(ask, to) => drop(to.send(self.found(&ask))),
            Query::Gate(ask, to) => drop(to.send(self.gate(&ask, now))),
        }
    }

    fn signals(&mut self, now: Timestamp) -> Vec<SignalNow> {
        let watch = self.hearing.driver.watch();
        let mut all: Vec<SignalNow> = watch
            .signals()
            .zip(self.sources.iter().zip(&self.troubles))
            .map(|(watched, (source, trouble))| SignalNow {
                signal: watched.name.clone(),
                source: source.clone(),
                interval: text::duration(watched.spec.interval.as_millis()),
                series: 0,
                clean: 0,
                suspect: 0,
                anomalous: 0,
                expected: 0,
                unknown: 0,
                trouble: trouble.map(|reason| reason.to_string()),
                newest: None,
                newest_ms: None,
            })
            .collect();
        let mut newest = vec![None; all.len()];
        for view in watch.views(now) {
            let own = &mut all[view.signal];
            own.series += 1;
            match view.condition {
                Condition::Clean { .. } => own.clean += 1,
                Condition::Suspect { .. } => own.suspect += 1,
                Condition::Anomalous { .. } => own.anomalous += 1,
                Condition::Expected { .. } => own.expected += 1,
                Condition::Unknown { .. } => own.unknown += 1,
            }
            newest[view.signal] = newest[view.signal].max(view.latest.map(|latest| latest.at));
        }
        for (own, newest) in all.iter_mut().zip(newest) {
            own.newest_ms = newest.map(Timestamp::as_millis);
            own.newest = own.newest_ms.map(text::rfc3339);
        }
        all
    }

    fn number(&mut self, name: &str) -> Option<usize> {
        self.hearing.driver.watch().signals().position(|signal| signal.name == name)
    }

    fn series(&mut self, ask: &SeriesAsk, now: Timestamp) -> Option<Page<SeriesNow>> {
        let signal = self.number(&ask.signal)?;
        let watch = self.hearing.driver.watch();
        let views = watch.views(now);
        let is_wanted = |view: &&View<'_>| {
            view.signal == signal && ask.finding.as_deref().is_none_or(|word| word == word_of(view.condition))
        };
        let wanted = views.iter().filter(is_wanted);
        Some(Page::of(wanted, ask.skip, ask.limit, |view| series_now(&ask.signal, view)))
    }

    fn found(&self, ask: &FindingsAsk) -> Page<FindingNow> {
        let names = self.hearing.driver.signals();
        Page::of(self.findings.newest_first(), ask.skip, ask.limit, |found| found.told(&names))
    }

    /// Whether every required series of the signals is clean, and was for long enough.
    fn gate(&mut self, ask: &GateAsk, now: Timestamp) -> Result<GateNow, String> {
        let mut numbers = Vec::new();
        for name in &ask.signals {
            numbers.push(self.number(name).ok_or_else(|| format!("there is no signal {name:?}"))?);
        }
        let watch = self.hearing.driver.watch();
        let views: Vec<View<'_>> =
            watch.views(now).into_iter().filter(|view| numbers.contains(&view.signal)).collect();
        let seen = |view: &View<'_>| Seen {
            condition: view.condition,
            anomalous_until: view.anomalous_until[0],
            part: Part::Own,
            signal: view.signal,
            blind: None,
        };
        let seen: Vec<Seen> = views.iter().map(seen).collect();
        let (answer, series) = (gate::before(&seen, now, ask.window_ms), views.len());
        let clean_ms = clean_ms(&seen, now).min(ask.window_ms);
        let (state, because) = match answer {
            Answer::Proceed => (GateState::Open, Vec::new()),
            Answer::Hold(holds) => {
                let worst = holds.iter().map(|(_, obstacle)| state(obstacle)).max();
                let words = |(i, obstacle): &(usize, gate::Obstacle)| {
                    let name = telling::name(watch, &views[*i]);
                    format!("{name}: {}", telling::obstacle(obstacle, &views[*i], now))
                };
                let mut because: Vec<String> = holds.iter().take(CAUSES_MAX).map(words).collect();
                if holds.len() > CAUSES_MAX {
                    because.push(format!("and {} more", holds.len() - CAUSES_MAX));
                }
                if holds.is_empty() {
                    because.push("there is no series".to_owned());
                }
                (worst.unwrap_or(GateState::Unknown), because)
            }
            Answer::Blame(_) => unreachable!("before a batch nothing is blamed on it"),
        };
        let at = text::rfc3339(now.as_millis());
        let (is_open, window_ms) = (state == GateState::Open, ask.window_ms);
        Ok(GateNow { at, is_open, state, window_ms, clean_ms, series, because })
    }
}

/// What a gate is by one obstacle alone.
const fn state(obstacle: &gate::Obstacle) -> GateState {
    match obstacle {
        gate::Obstacle::Anomalous { .. } | gate::Obstacle::Slow { .. } => GateState::Anomalous,
        gate::Obstacle::Unknown(_) | gate::Obstacle::Blind(_) => GateState::Unknown,
        gate::Obstacle::Suspect { .. }
        | gate::Obstacle::Expected { .. }
        | gate::Obstacle::TooShort { .. } => GateState::Waiting,
    }
}

/// For how long all series were clean; 0 where one is not.
fn clean_ms(seen: &[Seen], now: Timestamp) -> i64 {
    let own = |seen: &Seen| match seen.condition {
        Condition::Clean { since, until, .. } => {
            until.min(now).as_millis().saturating_sub(since.as_millis()).max(0)
        }
        _ => 0,
    };
    seen.iter().map(own).min().unwrap_or_default()
}

/// One word for a condition.
fn word_of(condition: Condition) -> &'static str {
    match condition {
        Condition::Clean { .. } => "clean",
        Condition::Suspect { .. } => "suspect",
        Condition::Anomalous { .. } => "anomalous",
        Condition::Expected { .. } => "expected",
        Condition::Unknown { .. } => "unknown",
    }
}

fn series_now(signal: &str, view: &View<'_>) -> SeriesNow {
    let (since, reason) = match view.condition {
        Condition::Clean { since, .. }
        | Condition::Suspect { since }
        | Condition::Anomalous { since, .. } => (Some(since), None),
        Condition::Expected { .. } => (None, None),
        Condition::Unknown { reason, .. } => (None, Some(reason.to_string())),
    };
    let told = |at: Timestamp| text::rfc3339(at.as_millis());
    SeriesNow {
        name: crate::run::series_name(signal, &view.labels),
        labels: view.labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        finding: word_of(view.condition),
        reason,
        since: since.map(told),
        newest: view.latest.map(|latest| ValueNow { at: told(latest.at), value: latest.value }),
    }
}

/// A plan that looks at all signals and does nothing.
fn everything(config: &Config) -> Plan {
    Plan {
        name: String::new(),
        inventory: Inventory::default(),
        signals: config.signals.iter().map(|signal| signal.name.clone()).collect(),
        gate: GateTimes { clean_before_ms: WINDOW_MS, clean_after_ms: 0, patience_ms: i64::MAX },
        max_failed: None,
        limits: Limits::default(),
        windows: None,
        watch_after_ms: 0,
        steps: Vec::new(),
    }
}
