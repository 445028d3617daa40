//! Reads rules and detectors: their options are those of the registries.

use super::fields::{DETECTOR, RULE, Shape};
use super::kind::known;
use super::mistakes::{Mistakes, Place};
use super::read::{Beside, Fields};
use super::yaml::{Node, Value};
use crate::settings::Scalar;
use quietgate_detectors::{OptionDoc, OptionValue, Options, Spec};
use quietgate_rules::{Direction, RuleSpec, VOTERS_MAX};

/// Options by name, as they were given.
pub type Given = Vec<(String, OptionValue)>;

/// A kind as a flag names it, with its options: `ss`, `threshold:above=50:below=1`, `at_least:count=2`.
///
/// Nothing is asked here of the kind and the values; that is for the registries.
///
/// # Errors
/// A part that is not `OPTION=VALUE`, and an option given twice.
pub fn kind_from_text(text: &str) -> Result<(&str, Given), String> {
    let mut parts = text.split(':').map(str::trim);
    let kind = parts.next().unwrap_or_default();
    let mut options = Given::new();
    for part in parts {
        let (name, value) = part
            .split_once('=')
            .ok_or_else(|| format!("found {part:?} in {text:?}, allowed is OPTION=VALUE"))?;
        let (name, text_of_value) = (name.trim(), value.trim().to_owned());
        if options.iter().any(|(known, _)| known == name) {
            return Err(format!("option {name:?} is given twice in {text:?}"));
        }
        options.push((name.to_owned(), option_value(&Scalar { text: text_of_value, plain: true })));
    }
    Ok((kind, options))
}

/// The detector that `text` describes, in the form of [`kind_from_text`].
///
/// # Errors
/// Every mistake in it, in words.
pub fn detector_from_text(text: &str) -> Result<Spec, String> {
    let (kind, options) = kind_from_text(text)?;
    Spec::new(kind, &options).map_err(|error| format!("in {text:?}: {error}"))
}

/// The rule that `node`, a mapping, describes. `at` is where its name stands.
///
/// Where the direction is a mistake (none here) the rule is read all the same, for its own mistakes.
pub(super) fn read(
    node: &Node,
    at: Place,
    direction: Option<Direction>,
    mistakes: &mut Mistakes,
) -> Option<RuleSpec> {
    let kind = node.get("kind").and_then(|kind| known(kind, "kind", Shape::RuleKind, &rules(), mistakes));
    let entry = kind.and_then(quietgate_rules::find);
    let fields = Fields::open(node, at, &RULE, beside(entry.map(|entry| entry.options)), mistakes)?;
    let sustain = fields.parsed("sustain", mistakes);
    let must_name = entry.is_some_and(|entry| entry.default_detectors.is_empty());
    let detectors = detectors(&fields, must_name, mistakes);
    let given = options(&fields, entry?.options, mistakes);
    let spec = RuleSpec::new(kind?, &given?, detectors?, direction?, sustain?);
    spec.map_err(|error| mistakes.add(at, error.to_string())).ok()
}

/// The detectors of a rule: empty where none are named, none where there is a mistake in them.
fn detectors(fields: &Fields<'_>, must_name: bool, mistakes: &mut Mistakes) -> Option<Vec<Spec>> {
    let Some(node) = fields.node("detectors") else {
        if must_name {
            let message = format!("rule has no detectors, allowed is {}", Shape::Detectors);
            mistakes.add(fields.at(), message);
        }
        return Some(Vec::new()).filter(|_| !must_name);
    };
    let items = fields.list("detectors", mistakes)?;
    // a rule takes an empty list for "its own", which is not what somebody means who writes one
    let fits = (1..=VOTERS_MAX).contains(&items.len());
    if !fits {
        let message =
            format!("detectors is a list of {}, allowed are 1 to {VOTERS_MAX} detectors", items.len());
        mistakes.add(node.at, message);
    }
    // all are read before the first bad one ends it
    let read: Vec<_> = items.iter().map(|item| detector(item, mistakes)).collect();
    read.into_iter().collect::<Option<_>>().filter(|_| fits)
}

/// One detector: its name, or a mapping with options.
fn detector(node: &Node, mistakes: &mut Mistakes) -> Option<Spec> {
    let names: Vec<_> = quietgate_detectors::all().iter().map(|entry| entry.kind).collect();
    let mut kind_in = |node, what| known(node, what, Shape::DetectorKind, &names, mistakes);
    let (kind, given) = if let Value::Scalar(_) = node.value {
        (kind_in(node, "detector")?, Vec::new())
    } else {
        let kind = node.get("kind").and_then(|kind| kind_in(kind, "kind"));
        let entry = kind.and_then(quietgate_detectors::find);
        let fields =
            Fields::open(node, node.at, &DETECTOR, beside(entry.map(|entry| entry.options)), mistakes)?;
        (kind?, options(&fields, entry?.options, mistakes)?)
    };
    Spec::new(kind, &given).map_err(|error| mistakes.add(node.at, error.to_string())).ok()
}

/// What may stand beside the keys of a rule or detector: anything where its kind is not known.
fn beside(options: Option<&'static [OptionDoc]>) -> Beside {
    options.map_or(Beside::Anything, Beside::Options)
}

fn rules() -> Vec<&'static str> {
    quietgate_rules::all().iter().map(|entry| entry.kind).collect()
}

/// The options among `fields`, checked one by one against `table`; none where there is a mistake in them.
fn options(fields: &Fields<'_>, table: &'static [OptionDoc], mistakes: &mut Mistakes) -> Option<Given> {
    let (mut given, mut sound) = (Given::new(), true);
    for (key, node) in fields.options() {
        // a key that is not in the table was noted when the fields were opened
        let Some(doc) = table.iter().find(|doc| doc.name == key.name) else { continue };
        match &node.value {
            Value::Scalar(scalar) if node.scalar().is_some() => {
                given.push((key.name.clone(), option_value(scalar)));
            }
            _ => {
                let message = format!("{} is {}, allowed is {}", doc.name, node.found(), doc.accepts);
                mistakes.add(node.at, message);
                sound = false;
            }
        }
    }
    let errors = if sound { Options::check(table, &given).err() } else { None };
    for error in errors.iter().flatten() {
        let node = error.option().and_then(|name| fields.node(name));
        mistakes.add(node.map_or(fields.at(), |node| node.at), error.to_string());
    }
    Some(given).filter(|_| sound && errors.is_none())
}

fn option_value(scalar: &Scalar) -> OptionValue {
    scalar.number().map_or_else(|| OptionValue::Word(scalar.text.clone()), OptionValue::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detector_is_read_from_a_flag() {
        let limit = detector_from_text("threshold:above=50:below=1").expect("good");
        assert_eq!(
            (limit.options().number("above"), limit.options().number("below")),
            (Some(50.0), Some(1.0))
        );
        let spaced = detector_from_text(" threshold : above = 50 : below = 1").expect("good");
        assert_eq!(spaced, limit);
        assert_eq!(detector_from_text("ss").map(|spec| spec.entry().kind), Ok("ss"));
        let cases = [
            ("sss", "in \"sss\": unknown detector \"sss\", expected one of: ss"),
            ("threshold", "in \"threshold\": threshold has neither above nor below"),
            ("threshold:above", "found \"above\" in \"threshold:above\", allowed is OPTION=VALUE"),
            ("threshold:above=.nan", "in \"threshold:above=.nan\": above is NaN, allowed is any"),
            ("threshold:above=1:above=2", "option \"above\" is given twice"),
            ("chain:days=ten", "in \"chain:days=ten\": days is \"ten\", allowed is a whole number"),
        ];
        for (text, start) in cases {
            let error = detector_from_text(text).expect_err(text);
            assert!(error.starts_with(start), "{error}");
        }
    }
}
