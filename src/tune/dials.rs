//! What is turned: for each kind of detector the options that make it fire more or less often, and how far.

use quietgate_detectors::{Accepts, OptionValue, Spec};
use quietgate_rules::{RuleError, RuleSpec, Sustain};
use std::collections::BTreeSet;

/// An option that says how far a value must go.
struct Dial {
    kind: &'static str,
    option: &'static str,
    /// More fires less; else less does.
    more_is_rarer: bool,
}

const fn up(kind: &'static str, option: &'static str) -> Dial {
    Dial { kind, option, more_is_rarer: true }
}

/// The one table of what is tuned. A kind that is not in it stays as it is given: `ss`, `chain` and `absence`, whose
/// options count samples and days. So do those that judge starts alone where there are none.
const DIALS: &[Dial] = &[
    up("ls", "k"),
    up("ewma3sigma", "k"),
    up("ca", "factor"),
    up("threshold", "above"),
    Dial { kind: "threshold", option: "below", more_is_rarer: false },
    up("seasonal", "factor"),
    up("counts", "rarity"),
    up("cusum", "h"),
    up("slope", "factor"),
    up("flatline", "factor"),
    up("novelty", "limit"),
    up("step_contrast", "factor"),
];

/// How far each dial is turned, relative to where it is: steps of about a quarter, the same for every kind.
const TURNS: &[f64] = &[0.5, 0.63, 0.8, 1.0, 1.25, 1.6, 2.0, 2.5, 3.2, 4.0];

/// The sustains that are tried beside the one that is given.
const SUSTAINS: &[(u32, u32)] = &[(1, 1), (2, 3), (3, 5)];

/// One way to set a rule.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The rule, set so.
    pub rule: RuleSpec,
    /// How far its dials are turned; 1 is as given.
    pub turn: f64,
    /// In words: the options that are turned, and the sustain.
    pub words: String,
    /// Whether it is the rule as it was given.
    pub given: bool,
}

impl Setting {
    /// How far it is from the rule that was given: the turn as a ratio, then the sustain.
    pub(super) fn distance(&self, given: Sustain) -> (f64, bool) {
        (self.turn.ln().abs(), self.rule.sustain != given)
    }
}

/// All settings of `rule` that are tried, the given one first. All its detectors are turned together, by the same
/// ratio: their weight against each other is a matter of the rule. What an option does not accept is left out. What judges
/// starts is turned where there are any.
///
/// # Errors
/// None that the rule itself does not have.
pub(super) fn settings(rule: &RuleSpec, has_starts: bool) -> Result<Vec<Setting>, RuleError> {
    let mut sustains = vec![rule.sustain];
    for &(k, n) in SUSTAINS {
        sustains.extend(Sustain::new(k, n).ok().filter(|sustain| !sustains.contains(sustain)));
    }
    let turns = if rule.detectors().iter().any(|spec| is_turned(spec, has_starts)) { TURNS } else { &[1.0] };
    let mut turns = turns.to_vec();
    turns.sort_by(|a, b| a.ln().abs().total_cmp(&b.ln().abs()));
    let (mut out, mut seen) = (Vec::new(), BTreeSet::new());
    for &sustain in &sustains {
        for &turn in &turns {
            let Some(detectors) =
                rule.detectors().iter().map(|spec| turned(spec, turn, has_starts)).collect()
            else {
                continue;
            };
            let kind = rule.entry().kind;
            let set = RuleSpec::new(kind, &rule.options().changed(), detectors, rule.direction, sustain)?;
            let words = words(&set, has_starts);
            if seen.insert(words.clone()) {
                out.push(Setting { given: turn == 1.0 && sustain == rule.sustain, rule: set, turn, words });
            }
        }
    }
    Ok(out)
}

/// The detectors of `rule` that no dial turns, and whether they judge at starts alone.
pub(super) fn left(rule: &RuleSpec, has_starts: bool) -> Vec<(&'static str, bool)> {
    let mut left: Vec<_> = rule.detectors().iter().filter(|spec| !is_turned(spec, has_starts)).collect();
    left.dedup_by_key(|spec| spec.entry().kind);
    left.iter().map(|spec| (spec.entry().kind, spec.looks_ms().is_some())).collect()
}

/// The dials of a detector with the values they have; only a number above 0 can be turned by a ratio.
fn dials(spec: &Spec, has_starts: bool) -> impl Iterator<Item = (&'static Dial, f64)> {
    let is_used = has_starts || spec.looks_ms().is_none();
    let own = DIALS.iter().filter(move |dial| is_used && dial.kind == spec.entry().kind);
    own.filter_map(|dial| Some((dial, spec.options().number(dial.option).filter(|value| *value > 0.0)?)))
}

fn is_turned(spec: &Spec, has_starts: bool) -> bool {
    dials(spec, has_starts).next().is_some()
}

/// `spec` with its dials turned; none where an option does not take that.
fn turned(spec: &Spec, turn: f64, has_starts: bool) -> Option<Spec> {
    let mut options = spec.options().changed();
    for (dial, value) in dials(spec, has_starts).filter(|_| turn != 1.0) {
        let doc = spec.entry().options.iter().find(|doc| doc.name == dial.option)?;
        let value = if dial.more_is_rarer { value * turn } else { value / turn };
        let value = if let Accepts::Count { .. } = doc.accepts { value.round() } else { rounded(value) };
        options.retain(|(name, _)| name != dial.option);
        options.push((dial.option.to_owned(), OptionValue::Number(value)));
    }
    Spec::new(spec.entry().kind, &options).ok()
}

/// To three digits, as a person would set it.
fn rounded(value: f64) -> f64 {
    format!("{value:.2e}").parse().unwrap_or(value)
}

/// `seasonal factor 1.6, sustain 2 of 3`
fn words(rule: &RuleSpec, has_starts: bool) -> String {
    let of_detector = |spec: &Spec| {
        let own: Vec<_> =
            dials(spec, has_starts).map(|(dial, value)| format!("{} {value}", dial.option)).collect();
        (!own.is_empty()).then(|| format!("{} {}", spec.entry().kind, own.join(" ")))
    };
    let mut parts: Vec<_> = rule.detectors().iter().filter_map(of_detector).collect();
    parts.push(rule.sustain.to_string());
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use quietgate_rules::{Direction, presets};

    fn rule(detectors: &[(&str, &[(&str, f64)])]) -> RuleSpec {
        let spec = |(kind, options): &(&str, &[(&str, f64)])| {
            let options: Vec<_> =
                options.iter().map(|&(name, v)| (name.to_owned(), OptionValue::Number(v))).collect();
            Spec::new(kind, &options).expect("a detector")
        };
        let sustain = "2 of 3".parse().expect("a sustain");
        let detectors = detectors.iter().map(spec).collect();
        RuleSpec::new("any", &[], detectors, Direction::Up, sustain).expect("a rule")
    }

    #[test]
    fn every_dial_is_an_option_of_its_kind() {
        for dial in DIALS {
            let entry = quietgate_detectors::find(dial.kind).expect(dial.kind);
            assert!(entry.options.iter().any(|doc| doc.name == dial.option), "{} {}", dial.kind, dial.option);
        }
    }

    #[test]
    fn the_given_rule_is_the_first_setting() {
        let settings = settings(&rule(&[("seasonal", &[("factor", 2.0)])]), false).expect("settings");
        assert_eq!(settings.len(), 30);
        assert!(settings[0].given && settings[1..].iter().all(|setting| !setting.given));
        assert_eq!(settings[0].words, "seasonal factor 2, 2 of 3");
        assert!(settings.iter().any(|setting| setting.words == "seasonal factor 3.2, 1 of 1"));
    }

    #[test]
    fn detectors_are_turned_together_and_within_what_they_accept() {
        let two = rule(&[("threshold", &[("above", 10.0), ("below", 2.0)]), ("slope", &[]), ("ss", &[])]);
        let all = settings(&two, false).expect("settings");
        // slope takes no factor below 1
        assert!(all.iter().all(|setting| setting.turn >= 0.5));
        let far = all.iter().find(|setting| setting.turn == 4.0).expect("the furthest turn");
        assert_eq!(far.words, "threshold above 40 below 0.5, slope factor 8, 2 of 3");
        assert_eq!(left(&two, false), [("ss", false)]);
        assert_eq!(settings(&rule(&[("ss", &[])]), false).expect("settings").len(), 3);
    }

    #[test]
    fn every_preset_can_be_tuned() {
        for preset in presets() {
            let rule = preset.rule.spec(preset.direction).expect("a preset");
            let all = settings(&rule, false).expect("settings");
            assert_eq!(all[0].rule.detectors(), rule.detectors(), "{}", preset.kind);
            assert!(all.len() > 20, "{}: {}", preset.kind, all.len());
        }
    }

    #[test]
    fn what_judges_starts_is_turned_where_there_are_any() {
        let contrast = rule(&[("step_contrast", &[]), ("ls", &[])]);
        let furthest = |has_starts| {
            let settings = settings(&contrast, has_starts).expect("settings");
            settings.into_iter().find(|setting| setting.turn == 4.0).map(|setting| setting.words)
        };
        assert_eq!(furthest(false).as_deref(), Some("ls k 12, 2 of 3"));
        assert_eq!(furthest(true).as_deref(), Some("step_contrast factor 8, ls k 12, 2 of 3"));
        assert_eq!(left(&contrast, false), [("step_contrast", true)]);
        assert_eq!(left(&contrast, true), []);
    }
}
