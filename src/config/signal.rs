//! Signals: groups of series that are judged alike.

use super::capture::Look;
use super::fields::{SIGNAL, Shape};
use super::kind::known;
use super::mistakes::{Mistakes, Place};
use super::read::{Beside, Fields, check_names, is_name, with_suggestion};
use super::source::NamedSource;
use super::units::Duration;
use super::yaml::{Key, Node};
use super::{capture, rule, zone};
use crate::monitor::MonitorSpec;
use quietgate_detectors::{Calendar, Interval};
use quietgate_rules::{Direction, PresetRule, RuleSpec, preset, presets};

/// A group of series: where they come from and how they are judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Signal {
    /// Its name.
    pub name: String,
    /// Where its name stands.
    pub at: Place,
    /// The name of its source; none only where the config has no sources.
    pub source: Option<String>,
    /// What the source is asked for.
    pub query: Option<String>,
    /// Where the query stands; without one, where the name does.
    pub query_at: Place,
    /// Nominal spacing of the samples.
    pub interval: Interval,
    /// Age of the newest sample beyond which the series is stale, in milliseconds; at least the interval.
    pub max_age_ms: i64,
    /// How long late samples are waited for, in milliseconds.
    pub lateness_ms: i64,
    /// The time zone of its days, as the time zone database writes it; none where the config does not say.
    pub time_zone: Option<String>,
    /// The unit of the values.
    pub unit: Option<String>,
    /// What labels of the series stand for.
    pub labels: Vec<(String, Meaning)>,
    /// What values of labels must be there.
    pub expect: Vec<(String, Expected)>,
    /// How verdicts become findings; it also holds the direction.
    pub rule: RuleSpec,
    /// Where the rule stands.
    pub rule_at: Place,
    /// The rule of the slow layer, which goes on judging what was upgraded; none where the signal has no such layer.
    pub slow: Option<RuleSpec>,
    /// Where that rule stands; without one, where the other does.
    pub slow_at: Place,
    /// What captures the scene of its anomalies in a run; none where the config's own programs do.
    pub capture: Option<Vec<Look>>,
}

/// What a label of a series stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// Its value is the name of a target.
    Target,
    /// Its value is one of this label of the inventory.
    Label(String),
}

/// The values of a label that must be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// All that the inventory has.
    Inventory,
    /// These.
    Values(Vec<String>),
}

impl Signal {
    /// What a series of this signal is judged by, the slow layer left out, which only runs have. Which days `calendar`
    /// has is for the caller to find out, from the signal's time zone and the time that is judged.
    pub fn monitor_spec(&self, calendar: Calendar) -> MonitorSpec {
        MonitorSpec {
            rules: vec![self.rule.clone()],
            slow: None,
            interval: self.interval,
            calendar,
            lateness_ms: self.lateness_ms,
        }
    }
}

/// What a signal may name as its source.
#[derive(Debug)]
pub(super) enum Sources<'a> {
    /// Nothing: the config has no sources, and is one for recorded series.
    None,
    /// One of these names; of those that were found good more is known.
    Named(Vec<&'a str>, &'a [NamedSource]),
    /// Nobody can tell: what the config says of its sources is a mistake.
    Mistaken,
}

impl Sources<'_> {
    /// How much later than the time that it bears a sample of the source `name` may be there, in milliseconds.
    fn lag_ms(&self, name: Option<&str>) -> i64 {
        let Sources::Named(_, good) = self else { return 0 };
        let source = good.iter().find(|source| Some(source.name.as_str()) == name);
        source.map_or(0, |source| source.spec.lag_ms())
    }
}

/// The signal `key`, described by `node`.
pub(super) fn read(key: &Key, node: &Node, sources: &Sources<'_>, mistakes: &mut Mistakes) -> Option<Signal> {
    let fields = Fields::open(node, key.at, &SIGNAL, Beside::Options(&[]), mistakes)?;
    let source = source(&fields, sources, mistakes);
    let query = fields.text("query", mistakes);
    let query_at = fields.node("query").map_or(key.at, |node| node.at);
    let interval = fields.duration("interval", mistakes).and_then(|ms| Interval::from_millis(ms).ok());
    let max_age_ms = max_age(&fields, interval, sources.lag_ms(source.as_deref()), mistakes);
    let lateness_ms = fields.duration("lateness", mistakes);
    let time_zone = time_zone(&fields, mistakes);
    let unit = fields.text("unit", mistakes);
    let labels = labels(&fields, mistakes);
    let expect = expect(&fields, mistakes);
    let Judged { rule, rule_at, slow, slow_at } = judged(&fields, mistakes);
    let capture = capture::looks(&fields, "capture", mistakes);
    one_period(rule.as_ref(), slow.as_ref(), slow_at, mistakes);
    Some(Signal {
        name: key.name.clone(),
        at: key.at,
        source,
        query,
        query_at,
        interval: interval?,
        max_age_ms: max_age_ms?,
        lateness_ms: lateness_ms?,
        time_zone,
        unit,
        labels,
        expect,
        rule: rule?,
        rule_at,
        slow,
        slow_at,
        capture,
    })
}

/// By what a signal is judged, and where that stands.
struct Judged {
    rule: Option<RuleSpec>,
    rule_at: Place,
    slow: Option<RuleSpec>,
    slow_at: Place,
}

/// The rules of a signal, as they are given, else as its kind has them.
fn judged(fields: &Fields<'_>, mistakes: &mut Mistakes) -> Judged {
    let names: Vec<_> = presets().iter().map(|preset| preset.kind).collect();
    let kind = fields.node("kind").and_then(|node| known(node, "kind", Shape::Preset, &names, mistakes));
    let preset = kind.and_then(preset);
    let direction = match fields.node("direction") {
        Some(_) => fields.parsed("direction", mistakes),
        None => Some(preset.map_or(Direction::Either, |preset| preset.direction)),
    };
    let mut read = |name: &str| {
        let node = fields.node(name).filter(|_| fields.map(name, mistakes).is_some())?;
        rule::read(node, fields.place(name), direction, mistakes)
    };
    let (given, slow) = (read("rule"), read("slow"));
    let is_given = |name| fields.node(name).is_some();
    // a preset is a rule in every direction, which a test of its crate holds
    let of = |rule: &PresetRule| rule.spec(direction?).ok();
    let rule = if is_given("rule") { given } else { preset.and_then(|preset| of(&preset.rule)) };
    let own_slow = preset.filter(|_| !is_given("rule")).and_then(|preset| preset.slow.as_ref());
    let slow = if is_given("slow") { slow } else { own_slow.and_then(of) };
    if !is_given("rule") && !is_given("kind") {
        let message = format!(
            "a signal has neither kind nor rule, allowed is a kind ({}) or a rule ({})",
            Shape::Preset,
            Shape::Rule
        );
        mistakes.add(fields.at(), message);
    }
    let rule_at = fields.place(if is_given("rule") { "rule" } else { "kind" });
    let slow_at = if is_given("slow") { fields.place("slow") } else { rule_at };
    Judged { rule, rule_at, slow, slow_at }
}

/// A series is periodic or not: both rules must ask in the same way, where both do.
fn one_period(rule: Option<&RuleSpec>, slow: Option<&RuleSpec>, at: Place, mistakes: &mut Mistakes) {
    let period = |rule: Option<&RuleSpec>| rule.and_then(|rule| rule.combiner().period());
    if let (Some(fast), Some(slow)) = (period(rule), period(slow))
        && fast != slow
    {
        let message = format!("variance of slow is {slow}, allowed is that of rule, which is {fast}");
        mistakes.add(at, message);
    }
}

fn source(fields: &Fields<'_>, sources: &Sources<'_>, mistakes: &mut Mistakes) -> Option<String> {
    let source = fields.text("source", mistakes);
    match (fields.node("source"), sources) {
        (None, Sources::Named(known, _)) => {
            let message = format!("a signal has no source, allowed is one of {}", known.join(", "));
            mistakes.add(fields.at(), message);
        }
        (Some(node), Sources::None) => {
            let message = format!("source is {}, but the file has no sources", node.found());
            mistakes.add(node.at, message);
        }
        (Some(node), Sources::Named(known, _)) => {
            if let Some(source) = source.as_deref().filter(|source| !known.contains(source)) {
                let allowed = format!("allowed is one of {}", known.join(", "));
                let found = format!("source is {source:?}");
                mistakes.add(node.at, with_suggestion(&found, source, known, &allowed));
            }
        }
        (None, Sources::None) | (_, Sources::Mistaken) => {}
    }
    source
}

/// The age of the newest sample beyond which a series is stale: two intervals where it is not given, and the lag of its
/// source. One shorter than the interval would call every series stale; where a sample comes `lag_ms` after its time,
/// and up to half an interval later is asked for, so would one shorter than all three together.
fn max_age(
    fields: &Fields<'_>,
    interval: Option<Interval>,
    lag_ms: i64,
    mistakes: &mut Mistakes,
) -> Option<i64> {
    let interval_ms = interval?.as_millis();
    let Some(node) = fields.node("max_age") else { return Some(2 * interval_ms + lag_ms) };
    let ms = fields.duration("max_age", mistakes)?;
    let least_ms = if lag_ms > 0 { interval_ms + interval_ms / 2 + lag_ms } else { interval_ms };
    if ms < least_ms {
        let (found, least) = (node.found(), Duration::from_millis(least_ms));
        let of = match lag_ms {
            0 => format!("the interval, which is {least}"),
            _ => {
                let lag = Duration::from_millis(lag_ms);
                format!("{least}: 1.5 intervals, and {lag} that its source needs to tell what was measured")
            }
        };
        mistakes.add(node.at, format!("max_age is {found}, allowed is at least {of}"));
    }
    Some(ms)
}

fn time_zone(fields: &Fields<'_>, mistakes: &mut Mistakes) -> Option<String> {
    let node = fields.node("time_zone")?;
    let name = node.text().and_then(|name| zone::canonical(name).ok());
    fields.or_wrong("time_zone", node, name, mistakes)
}

fn labels(fields: &Fields<'_>, mistakes: &mut Mistakes) -> Vec<(String, Meaning)> {
    let entries = fields.map("labels", mistakes).unwrap_or_default();
    check_names("a label", entries, mistakes);
    let mut labels = Vec::new();
    for (key, node) in entries {
        match node.text() {
            Some("target") => labels.push((key.name.clone(), Meaning::Target)),
            Some(label) if is_name(label) => {
                labels.push((key.name.clone(), Meaning::Label(label.to_owned())));
            }
            _ => {
                let (name, found) = (&key.name, node.found());
                let message = format!("{name} is {found}, allowed is `target` or a label of the inventory");
                mistakes.add(node.at, message);
            }
        }
    }
    labels
}

fn expect(fields: &Fields<'_>, mistakes: &mut Mistakes) -> Vec<(String, Expected)> {
    let entries = fields.map("expect", mistakes).unwrap_or_default();
    check_names("a label", entries, mistakes);
    let mut expect = Vec::new();
    for (key, node) in entries {
        let mapped = fields.node("labels").is_some_and(|labels| labels.get(&key.name).is_some());
        match (node.text(), node.list()) {
            (Some("inventory"), _) if mapped => expect.push((key.name.clone(), Expected::Inventory)),
            (Some("inventory"), _) => {
                let name = &key.name;
                let message = format!(
                    "{name} is \"inventory\", but labels does not say what {name} is in the inventory"
                );
                mistakes.add(node.at, message);
            }
            (_, Some(items)) if !items.is_empty() => {
                expect.push((key.name.clone(), Expected::Values(values(items, mistakes))));
            }
            _ => {
                let (name, found) = (&key.name, node.found());
                let message = format!("{name} is {found}, allowed is `inventory` or a list of values");
                mistakes.add(node.at, message);
            }
        }
    }
    expect
}

/// The values of a label, as they are written: a label's value is text, also where it looks like a number.
fn values(items: &[Node], mistakes: &mut Mistakes) -> Vec<String> {
    let mut values: Vec<String> = Vec::new();
    for item in items {
        match item.scalar() {
            Some(value) if values.iter().any(|known| known == value) => {
                mistakes.add(item.at, format!("value {value:?} is given twice"));
            }
            Some(value) => values.push(value.to_owned()),
            None => mistakes.add(item.at, format!("a value is {}, allowed is text", item.found())),
        }
    }
    values
}
