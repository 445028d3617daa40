//! Every required series at one instant, as gates count them: walked once, however many gates ask, and however often until
//! anything is heard. Without words, which only those few series need that keep a gate shut.

use super::scope::{About, Scope};
use super::telling;
use crate::monitor::{Monitor, MonitorSpec, View, Watch};
use quietgate_detectors::{Sample, Timestamp};
use quietgate_rules::{Condition, Direction, RuleSpec, Sustain};
use std::sync::OnceLock;

/// All required series at one instant, in the order of the [views](Watch::views) of the watch.
#[derive(Debug)]
pub(super) struct Look {
    /// When it was made, and until when it holds as long as nothing is heard: then something is stale, or may be.
    from: Timestamp,
    until: Timestamp,
    pub(super) series: Vec<Stand>,
    /// The places of those of which a detector has something to tell although it finds them normal.
    pub(super) told: Vec<usize>,
    /// Whether the slow layer finds any of them anomalous.
    pub(super) is_slowly_moving: bool,
    /// Whether any of them is anomalous by its rule.
    pub(super) is_moving: bool,
    /// The shortest clean window, in milliseconds, where every one of them is clean by a sample that does not lie ahead.
    shortest_ms: Option<i64>,
    /// Of which of them nothing could be said once a batch starts.
    blind: OnceLock<Vec<bool>>,
}

/// How a required series stands.
#[derive(Debug, Clone)]
pub(super) struct Stand {
    /// The number of its signal.
    pub(super) signal: usize,
    /// How it stands by its rule.
    pub(super) condition: Condition,
    /// How it stands by the slow layer; none where that does not judge it.
    pub(super) slow: Option<Condition>,
    /// The time of its newest sample that was found anomalous, over or not, and the same by the slow layer.
    pub(super) anomalous_until: [Option<Timestamp>; 2],
    /// Which targets it is about.
    pub(super) about: About,
}

impl Look {
    /// That at `now`, by the `views` of that time.
    pub(super) fn new(watch: &Watch, views: &[View<'_>], scopes: &[Scope], now: Timestamp) -> Self {
        let about =
            |view: &View<'_>| scopes.get(view.signal).map_or(About::Plan, |scope| scope.about(&view.labels));
        let stand = |view: &View<'_>| Stand {
            signal: view.signal,
            condition: view.condition,
            slow: view.slow,
            anomalous_until: view.anomalous_until,
            about: about(view),
        };
        let max_ages: Vec<i64> = watch.signals().map(|signal| signal.max_age_ms).collect();
        let until = |view: &View<'_>| holds_until(view, max_ages.get(view.signal).copied().unwrap_or(0), now);
        let is_anomalous = |condition| matches!(condition, Some(Condition::Anomalous { .. }));
        Self {
            from: now,
            until: views.iter().map(until).min().unwrap_or(Timestamp::from_millis(i64::MAX)),
            series: views.iter().map(stand).collect(),
            told: (0..views.len()).filter(|i| telling::has_told(&views[*i])).collect(),
            is_slowly_moving: views.iter().any(|view| is_anomalous(view.slow)),
            is_moving: views.iter().any(|view| is_anomalous(Some(view.condition))),
            shortest_ms: shortest_ms(views, now),
            blind: OnceLock::new(),
        }
    }

    /// Whether it says what one made at `now` would, where nothing was heard since.
    pub(super) fn holds_at(&self, now: Timestamp) -> bool {
        self.from <= now && now <= self.until
    }

    /// Whether every series is clean, and was for at least so long, in milliseconds.
    pub(super) fn is_clean_for(&self, clean_ms: i64) -> bool {
        self.shortest_ms.is_some_and(|shortest_ms| shortest_ms >= clean_ms.max(0))
    }

    /// Of which series nothing could be said once a batch starts now, by their place: no place where that can be none.
    pub(super) fn blind<'v, 'w: 'v>(&self, watch: &Watch, views: impl Fn() -> &'v [View<'w>]) -> &[bool] {
        self.blind.get_or_init(|| {
            if self.is_large() && !watch.signals().any(|signal| may_lack(&signal.spec)) {
                return Vec::new();
            }
            let lacks = |view: &View<'_>| watch.start_lacks(view.signal, &view.labels, false);
            views().iter().map(|view| !lacks(view).is_empty()).collect()
        })
    }

    /// Whether there are so many series that not each of them is put on record.
    pub(super) fn is_large(&self) -> bool {
        self.series.len() > telling::ALL_TOLD
    }
}

/// Until when a series stands as it does now, where nothing is heard of it.
fn holds_until(view: &View<'_>, max_age_ms: i64, now: Timestamp) -> Timestamp {
    let plus = |at: Timestamp| Timestamp::from_millis(at.as_millis().saturating_add(max_age_ms));
    match view.latest {
        // without a sample it stays unknown, and a stale one stays stale
        None => Timestamp::from_millis(i64::MAX),
        Some(latest) if plus(latest.at) < now => Timestamp::from_millis(i64::MAX),
        // what lies too far ahead is believed once it does not
        Some(latest) if latest.at.as_millis().saturating_sub(now.as_millis()) > max_age_ms => now,
        Some(latest) => plus(latest.at),
    }
}

/// The shortest clean window, where every series is clean, and by a sample that does not lie ahead of `now`.
fn shortest_ms(views: &[View<'_>], now: Timestamp) -> Option<i64> {
    let clean_ms = |view: &View<'_>| match view.condition {
        Condition::Clean { since, until, .. } if until <= now => {
            Some(until.as_millis().saturating_sub(since.as_millis()))
        }
        _ => None,
    };
    views.iter().try_fold(None, |shortest: Option<i64>, view| {
        let own = clean_ms(view)?;
        Some(Some(shortest.map_or(own, |shortest| shortest.min(own))))
    })?
}

/// Whether any detector of the rule could have nothing to say of the start of a batch: then a series of one sample lacks something.
fn may_lack(spec: &MonitorSpec) -> bool {
    let Some(rule) = spec.rules.first() else { return false };
    // by this rule every detector counts, whatever that of the signal makes of what is unknown
    let any = RuleSpec::new("any", &[], rule.detectors().to_vec(), Direction::Either, Sustain::ONE);
    let Ok(any) = any else { return true };
    let mut monitor = Monitor::new(&MonitorSpec { rules: vec![any], slow: None, ..spec.clone() });
    monitor.observe(&[Sample::new(0, 0.0)], |_| {});
    !monitor.start_lacks(false).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::{Labels, Watched};
    use quietgate_detectors::{Calendar, Interval, OptionValue, Spec};
    use quietgate_rules::gate::{self, Answer, Part, Seen};

    const SECOND_MS: i64 = 1000;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    fn spec(detector: &str) -> MonitorSpec {
        let above = [("above".to_owned(), OptionValue::Number(5.0))];
        let options = if detector == "threshold" { &above[..] } else { &[] };
        let detectors = vec![Spec::new(detector, options).expect("a detector")];
        let rule = RuleSpec::new("any", &[], detectors, Direction::Up, Sustain::ONE).expect("a rule");
        let interval = Interval::from_millis(SECOND_MS).expect("a second");
        MonitorSpec { rules: vec![rule], slow: None, interval, calendar: Calendar::Utc, lateness_ms: 0 }
    }

    /// Hosts of which each has been seen from the first to the second of its seconds, each half a second apart from the others.
    fn watch(hosts: &[(i64, i64, f64)]) -> Watch {
        let (name, expect) = ("loss".to_owned(), Vec::new());
        let watched = Watched { name, spec: spec("threshold"), max_age_ms: 3 * SECOND_MS, expect };
        let mut watch = Watch::new(vec![watched]);
        for (number, (from, until, last)) in hosts.iter().enumerate() {
            let labels = Labels::from([("host".to_owned(), format!("h{number}"))]);
            let value = |second: i64| if second == *until { *last } else { 0.0 };
            let offset = 500 * number as i64;
            let samples =
                (*from..=*until).map(|second| Sample::new(second * SECOND_MS + offset, value(second)));
            watch.observe(0, &labels, &samples.collect::<Vec<_>>());
        }
        watch
    }

    fn look(watch: &Watch, now: Timestamp) -> Look {
        Look::new(watch, &watch.views(now), &[], now)
    }

    fn conditions(look: &Look) -> Vec<Condition> {
        look.series.iter().map(|stand| stand.condition).collect()
    }

    #[test]
    fn as_long_as_a_look_holds_another_one_would_say_the_same() {
        let watch = watch(&[(0, 10, 0.0), (2, 10, 90.0), (0, 7, 0.0), (9, 16, 0.0)]);
        let mut longest = 0;
        for now in (0..25_000).step_by(100) {
            let made = look(&watch, at(now));
            assert!(made.holds_at(at(now)) && !made.holds_at(at(now - 1)), "{now}: not before it was made");
            for later in (now..25_000).step_by(100).take_while(|later| made.holds_at(at(*later))) {
                assert_eq!(conditions(&look(&watch, at(later))), conditions(&made), "{now}, {later}");
                longest = longest.max(later - now);
            }
        }
        assert!(longest > 2_000, "it held for some time");
    }

    #[test]
    fn a_look_knows_whether_a_gate_would_open_whatever_its_batch() {
        let fleets = [
            watch(&[(0, 10, 0.0), (2, 10, 0.0)]),
            watch(&[(0, 10, 0.0), (2, 10, 90.0)]),
            watch(&[(0, 10, 0.0), (2, 6, 0.0)]),
        ];
        let mut open = 0;
        for watch in &fleets {
            for now in (8_000..13_000).step_by(500) {
                let look = look(watch, at(now));
                let seen = |stand: &Stand| {
                    let (condition, anomalous_until, part) = (stand.condition, None, Part::Control);
                    Seen { condition, anomalous_until, part, signal: 0, blind: None }
                };
                let seen: Vec<Seen> = look.series.iter().map(seen).collect();
                for clean_ms in (0..12_000).step_by(500) {
                    let is_open = gate::before(&seen, at(now), clean_ms) == Answer::Proceed;
                    // what lies ahead is counted one by one
                    let is_ahead = now < 10_500;
                    assert!(
                        look.is_clean_for(clean_ms) == is_open || is_ahead && !look.is_clean_for(clean_ms)
                    );
                    open += usize::from(look.is_clean_for(clean_ms));
                }
            }
        }
        assert!(open > 50, "{open}");
    }

    #[test]
    fn only_what_judges_starts_can_lack_something_for_it() {
        let lacking = ["threshold", "ss", "ewma3sigma", "step_contrast"].map(|kind| may_lack(&spec(kind)));
        assert_eq!(lacking, [false, false, false, true]);
    }
}
