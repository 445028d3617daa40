//! What suits a kind of signal: rules that work without further words.
//!
//! A preset is data: the rule that it stands for can be written out, changed, and given in its place. The numbers were chosen
//! on recorded series with made faults; docs/judgement.md says how and what they do.

use crate::direction::Direction;
use crate::registry::{RuleError, RuleSpec};
use crate::sustain::Sustain;
use quietgate_detectors::{OptionValue, Spec, number};
use std::fmt;

/// What suits a kind of signal.
#[derive(Debug)]
pub struct Preset {
    /// The kind of signal.
    pub kind: &'static str,
    /// What signals are of it, in at most 80 characters.
    pub summary: &'static str,
    /// Why these detectors, this direction and this sustain.
    pub about: &'static str,
    /// Which way is harmful, where nothing else is said.
    pub direction: Direction,
    /// The rule of the gate.
    pub rule: PresetRule,
    /// The rule of the slow layer; none where the kind needs none.
    pub slow: Option<PresetRule>,
}

/// A rule `any` over some detectors, written out.
#[derive(Debug)]
pub struct PresetRule {
    detectors: &'static [PresetDetector],
    sustain: &'static str,
}

/// A detector with the options that are not at their defaults.
#[derive(Debug)]
struct PresetDetector {
    kind: &'static str,
    options: &'static [(&'static str, Value)],
}

/// The value of an option.
#[derive(Debug, Clone, Copy)]
enum Value {
    Number(f64),
    Word(&'static str),
}

use Value::{Number, Word};

const SEASONAL: PresetDetector = PresetDetector { kind: "seasonal", options: &[] };
/// What is far from usual as long as it lasts; half as much again as other days ever were, and at least half.
const LASTING: PresetDetector = PresetDetector {
    kind: "seasonal",
    options: &[("level", Word("none")), ("factor", Number(1.5)), ("least", Number(0.6))],
};
const ABSENCE: PresetDetector = PresetDetector { kind: "absence", options: &[] };
const COUNTS: PresetDetector = PresetDetector { kind: "counts", options: &[] };

const fn contrast(options: &'static [(&'static str, Value)]) -> PresetDetector {
    PresetDetector { kind: "step_contrast", options }
}

const ALL: &[Preset] = &[
    Preset {
        kind: "traffic",
        summary: "what is served: requests, connections, bytes of a virtual IP",
        about: "Harmful both ways: a drop is a service that is gone, a surge one that another has left its users to. One sample \
            is enough: traffic to nothing is seen in the minute in which it happens, and for as long as there is nothing.",
        direction: Direction::Either,
        rule: PresetRule {
            detectors: &[SEASONAL, LASTING, ABSENCE, contrast(&[("least", Number(0.08))])],
            sustain: "1 of 1",
        },
        slow: None,
    },
    Preset {
        kind: "latency",
        summary: "how long something takes: response times, queueing times",
        about: "Only more is harmful. Latency is steadier than traffic, so that less of a rise is seen.",
        direction: Direction::Up,
        rule: PresetRule {
            detectors: &[SEASONAL, LASTING, contrast(&[("factor", Number(1.6)), ("least", Number(0.08))])],
            sustain: "1 of 1",
        },
        slow: None,
    },
    Preset {
        kind: "load",
        summary: "what a host does: CPU, run queue, its own network and disk traffic",
        about: "Harmful both ways: a host that does nothing is out of service. Jumps by itself, so that a single sample is not \
            enough, and less of a change is not seen.",
        direction: Direction::Either,
        rule: PresetRule {
            detectors: &[
                PresetDetector { kind: "seasonal", options: &[("factor", Number(2.0))] },
                contrast(&[("factor", Number(3.5)), ("least", Number(0.2))]),
            ],
            sustain: "2 of 3",
        },
        slow: None,
    },
    Preset {
        kind: "memory",
        summary: "what fills up: memory, disk space, open files, queues",
        about: "Only more is harmful, and what grows without an end grows slowly: windows of up to an hour for two hours after a \
            batch, and the same again, sharper, in the slow layer. Machines fill memory at all hours, so the starts of all \
            hours are compared with.",
        direction: Direction::Up,
        rule: PresetRule {
            detectors: &[
                PresetDetector { kind: "seasonal", options: &[("factor", Number(1.7))] },
                contrast(&[
                    ("factor", Number(1.4)),
                    ("longest", Number(60.0)),
                    ("within", Number(120.0)),
                    ("times", Word("all")),
                    ("least", Number(0.1)),
                ]),
            ],
            sustain: "1 of 1",
        },
        slow: Some(PresetRule {
            detectors: &[contrast(&[
                ("factor", Number(1.25)),
                ("longest", Number(60.0)),
                ("within", Number(120.0)),
                ("times", Word("all")),
                ("least", Number(0.05)),
            ])],
            sustain: "1 of 1",
        }),
    },
    Preset {
        kind: "errors",
        summary: "failures counted: responses with errors, failed logins, dropped packets",
        about: "Only more is harmful. Small counts have no mean and sigma to go by; their sums over 1, 5 and 15 samples have a \
            distribution. Counts since the last sample are wanted, `increase(…[1m])`: of a rate a second nothing would come near \
            a count.",
        direction: Direction::Up,
        rule: PresetRule { detectors: &[COUNTS], sustain: "1 of 1" },
        slow: None,
    },
    Preset {
        kind: "loss",
        summary: "lost pings or packets, counted",
        about: "Only more is harmful. Counts are wanted, no ratio. One to three lost pings are told and let pass where pings are lost now and then; an outage \
            of 15 seconds holds.",
        direction: Direction::Up,
        rule: PresetRule { detectors: &[COUNTS], sustain: "1 of 1" },
        slow: None,
    },
];

/// Every preset, in the order of the documentation.
pub fn presets() -> &'static [Preset] {
    ALL
}

/// The preset of a kind of signal.
pub fn preset(kind: &str) -> Option<&'static Preset> {
    ALL.iter().find(|preset| preset.kind == kind)
}

impl PresetRule {
    /// The rule at work, for a direction.
    ///
    /// # Errors
    /// None that a test has not seen: the tables are fixed.
    pub fn spec(&self, direction: Direction) -> Result<RuleSpec, RuleError> {
        let detectors = self.detectors.iter().map(PresetDetector::spec).collect::<Result<_, _>>()?;
        let sustain = self.sustain.parse::<Sustain>().unwrap_or(Sustain::ONE);
        RuleSpec::new("any", &[], detectors, direction, sustain)
    }
}

impl PresetDetector {
    fn spec(&self) -> Result<Spec, RuleError> {
        let value = |value: Value| match value {
            Number(number) => OptionValue::Number(number),
            Word(word) => OptionValue::Word(word.to_owned()),
        };
        let options: Vec<_> = self.options.iter().map(|&(name, v)| (name.to_owned(), value(v))).collect();
        Spec::new(self.kind, &options).map_err(RuleError::Detector)
    }
}

/// As it would be written in a config: `{kind: any, detectors: [seasonal], sustain: 1 of 1}`.
impl fmt::Display for PresetRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let detectors: Vec<_> = self.detectors.iter().map(ToString::to_string).collect();
        write!(f, "{{kind: any, detectors: [{}], sustain: {}}}", detectors.join(", "), self.sustain)
    }
}

impl fmt::Display for PresetDetector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.options.is_empty() {
            return f.write_str(self.kind);
        }
        let options: Vec<_> = self.options.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        write!(f, "{{kind: {}, {}}}", self.kind, options.join(", "))
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Number(value) => f.write_str(&number(*value)),
            Word(word) => f.write_str(word),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_a_rule() {
        for preset in presets() {
            for rule in std::iter::once(&preset.rule).chain(&preset.slow) {
                let spec = rule.spec(preset.direction).expect("options that are in range");
                assert_eq!(spec.sustain.to_string(), rule.sustain, "{}", preset.kind);
            }
            assert!(preset.summary.chars().count() <= 80, "{}", preset.kind);
        }
    }

    #[test]
    fn a_rule_is_written_as_in_a_config() {
        let written = |kind| preset(kind).map(|preset| preset.rule.to_string());
        assert_eq!(
            written("load").as_deref(),
            Some(
                "{kind: any, detectors: [{kind: seasonal, factor: 2}, {kind: step_contrast, factor: 3.5, least: 0.2}], \
                 sustain: 2 of 3}"
            )
        );
        assert_eq!(written("loss").as_deref(), Some("{kind: any, detectors: [counts], sustain: 1 of 1}"));
        assert!(written("metric").is_none());
    }
}
