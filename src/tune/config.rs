//! The config with which a gate judges by a setting.

use crate::monitor::MonitorSpec;
use crate::settings::units::Duration;
use quietgate_detectors::{OptionValue, Spec};
use quietgate_rules::RuleSpec;
use std::fmt::Write as _;

/// The first line of a config of signals alone: those of [`signal`] follow.
pub const SIGNALS: &str = "signals:\n";

/// A signal of this name that judges by `rule`, with the slow layer `slow` where there is one: behind [`SIGNALS`] it is what
/// `quietgate check` accepts, and `backtest --config` judges by. `time_zone` is left out where it is UTC.
pub fn signal(
    name: &str,
    rule: &RuleSpec,
    slow: Option<&RuleSpec>,
    spec: &MonitorSpec,
    time_zone: &str,
) -> String {
    let mut out = format!("  {name}:\n");
    let mut line = |key: &str, value: &str| {
        // writing to a string does not fail
        let _ = writeln!(out, "    {key}: {value}");
    };
    line("interval", &Duration::from_millis(spec.interval.as_millis()).to_string());
    if spec.lateness_ms > 0 {
        line("lateness", &Duration::from_millis(spec.lateness_ms).to_string());
    }
    if time_zone != "UTC" {
        line("time_zone", time_zone);
    }
    line("direction", &rule.direction.to_string());
    line("rule", &of_rule(rule));
    if let Some(slow) = slow {
        line("slow", &of_rule(slow));
    }
    out
}

fn of_rule(rule: &RuleSpec) -> String {
    let options = options(&rule.options().changed());
    let detectors: Vec<_> = rule.detectors().iter().map(of_detector).collect();
    let (kind, detectors) = (rule.entry().kind, detectors.join(", "));
    format!("{{kind: {kind}{options}, detectors: [{detectors}], sustain: {}}}", rule.sustain)
}

fn of_detector(spec: &Spec) -> String {
    let (kind, options) = (spec.entry().kind, options(&spec.options().changed()));
    if options.is_empty() { kind.to_owned() } else { format!("{{kind: {kind}{options}}}") }
}

fn options(changed: &[(String, OptionValue)]) -> String {
    let one = |(name, value): &(String, OptionValue)| match value {
        OptionValue::Number(number) => format!(", {name}: {number}"),
        OptionValue::Word(word) => format!(", {name}: {word}"),
    };
    changed.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use quietgate_detectors::{Calendar, Interval};
    use quietgate_rules::{Direction, presets};

    fn written(rule: &RuleSpec, slow: Option<&RuleSpec>, zone: &str) -> String {
        let interval = Interval::from_millis(90_000).expect("an interval");
        let spec = MonitorSpec {
            rules: vec![rule.clone()],
            slow: None,
            interval,
            calendar: Calendar::Utc,
            lateness_ms: 5_000,
        };
        SIGNALS.to_owned() + &signal("load", rule, slow, &spec, zone)
    }

    #[test]
    fn what_is_written_is_read_as_the_same_rule() {
        let number = |name: &str, n| (name.to_owned(), OptionValue::Number(n));
        let limit = Spec::new("threshold", &[number("above", 0.819), number("below", -2.0)]).expect("good");
        let plain = Spec::new("ss", &[]).expect("good");
        let sustain = "3 of 5".parse().expect("good");
        let rule =
            RuleSpec::new("at_least", &[number("count", 2.0)], vec![limit, plain], Direction::Up, sustain);
        let mut rules = vec![(rule.expect("good"), None)];
        for preset in presets() {
            let spec = |rule: &quietgate_rules::PresetRule| rule.spec(preset.direction).expect("a preset");
            rules.push((spec(&preset.rule), preset.slow.as_ref().map(spec)));
        }
        for (rule, slow) in rules {
            let text = written(&rule, slow.as_ref(), "Europe/Berlin");
            let read = Config::read("tuned.yaml", &text).unwrap_or_else(|error| panic!("{error}\n{text}"));
            let signal = &read.signals[0];
            assert_eq!(signal.rule.detectors(), rule.detectors(), "{text}");
            assert_eq!(signal.rule.options(), rule.options(), "{text}");
            assert_eq!(
                (signal.rule.direction, signal.rule.sustain),
                (rule.direction, rule.sustain),
                "{text}"
            );
            assert_eq!(signal.slow.is_some(), slow.is_some(), "{text}");
            assert_eq!(written(&signal.rule, signal.slow.as_ref(), "Europe/Berlin"), text);
            assert_eq!((signal.interval.as_millis(), signal.lateness_ms), (90_000, 5_000));
            assert_eq!(signal.time_zone.as_deref(), Some("Europe/Berlin"));
        }
    }
}
