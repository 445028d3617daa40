//! The JSON Schema of the config file, made from the tables that the reader and the registries go by.

use super::capture::PROGRAMS_MAX;
use super::fields::{
    ACTIONS, API, CAPTURE, CONFIG, DETECTOR, Field, HISTORY, RULE, SIGNAL, SINK, SOURCE, Shape, TLS, Table,
};
use super::plan;
use super::read::NAME_PATTERN;
use crate::event::Severity;
use crate::settings::{self, Kind, Need, SettingDoc};
use quietgate_detectors::{Accepts, Default, OptionDoc, Spec};
use quietgate_rules::{Direction, VOTERS_MAX, presets};
use serde_json::{Map, Value, json};

/// The schema of `quietgate.yaml`, JSON Schema draft 2020-12. Stable: the same version says the same.
///
/// It allows nothing that [`Config::read`](super::Config::read) refuses for an unknown key, a wrong kind or an
/// option out of range. What it cannot say (the range of a duration, that a source must be one of the file's)
/// is in the descriptions.
pub fn schema() -> Value {
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "quietgate.yaml",
    });
    merge(&mut schema, table(&CONFIG, &[], None, true));
    schema["$defs"] = json!({ "detector": {"oneOf": detectors()} });
    schema
}

/// The values that the option `doc` takes: type, bounds, default, and its words as description.
pub fn option_schema(doc: &OptionDoc) -> Value {
    let mut schema = match doc.accepts {
        Accepts::Count { min, max } => json!({"type": "integer", "minimum": min, "maximum": max}),
        Accepts::Number { min, max } => {
            let mut schema = json!({"type": "number"});
            // an end at the last of all numbers bounds nothing
            if min > f64::MIN {
                schema["minimum"] = number(min);
            }
            if max < f64::MAX {
                schema["maximum"] = number(max);
            }
            schema
        }
        Accepts::Word(words) => json!({"type": "string", "enum": words}),
    };
    match doc.default {
        Default::Number(n) => schema["default"] = number(n),
        Default::Word(word) => schema["default"] = json!(word),
        Default::Off | Default::Required => {}
    }
    let unit = if doc.unit.is_empty() { String::new() } else { format!(" (unit: {})", doc.unit) };
    schema["description"] = json!(format!("{}{unit}", doc.why));
    schema
}

/// `n` as JSON, whole where it is whole.
fn number(n: f64) -> Value {
    // exact: whole, and far below 2^53
    if n.fract() == 0.0 && n.abs() < 1e15 { json!(n as i64) } else { json!(n) }
}

/// The mapping that `table` describes, with `options` beside its keys. Where it is that of one kind, `kind` is
/// its name.
pub(super) fn table(table: &Table, options: &[OptionDoc], kind: Option<&str>, closed: bool) -> Value {
    let mut properties = Map::new();
    for doc in table.fields {
        properties.insert(doc.name.to_owned(), field(doc));
    }
    for doc in options {
        properties.insert(doc.name.to_owned(), option_schema(doc));
    }
    let required = table.fields.iter().filter(|doc| doc.need == Need::Required).map(|doc| doc.name);
    let needed = options.iter().filter(|doc| doc.default == Default::Required).map(|doc| doc.name);
    let required: Vec<_> = required.chain(needed).collect();
    if let Some(kind) = kind {
        properties.insert("kind".to_owned(), json!({ "const": kind }));
    }
    let mut schema = json!({"type": "object", "description": table.about, "properties": properties});
    if closed {
        schema["additionalProperties"] = json!(false);
    }
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

/// What a key takes.
fn field(doc: &Field) -> Value {
    let mut schema = shape(doc.shape);
    let words = match doc.need {
        Need::DefaultWords(words) => format!(" (default: {words})"),
        Need::Default(text) => {
            schema["default"] = default_value(text);
            String::new()
        }
        Need::Required | Need::Optional => String::new(),
    };
    let allowed = match doc.shape {
        Shape::Duration { .. } | Shape::Size { .. } | Shape::Sustain | Shape::Zone => {
            format!("; {}", doc.shape)
        }
        _ => String::new(),
    };
    schema["description"] = json!(format!("{}{words}{allowed}", doc.about));
    schema
}

/// A default as JSON: what is written without quotes may be a number, or true or false.
fn default_value(text: &str) -> Value {
    text.parse::<u32>()
        .map(Value::from)
        .or_else(|_| text.parse::<bool>().map(Value::from))
        .unwrap_or(json!(text))
}

fn shape(shape: Shape) -> Value {
    match shape {
        Shape::Text | Shape::Zone => json!({"type": "string", "minLength": 1}),
        Shape::Duration { .. } => json!({"type": "string", "minLength": 2, "pattern": DURATION_PATTERN}),
        Shape::Sustain => json!({"type": "string", "pattern": "^[0-9]+ of [0-9]+$"}),
        Shape::Direction => json!({"enum": Direction::ALL.map(|(_, word)| word)}),
        Shape::Preset => json!({"enum": presets().iter().map(|preset| preset.kind).collect::<Vec<_>>()}),
        Shape::RuleKind | Shape::DetectorKind | Shape::SourceKind | Shape::SinkKind | Shape::Name => {
            named_word()
        }
        Shape::Events => {
            json!({"type": "array", "minItems": 1, "items": {"type": "string", "pattern": EVENTS_PATTERN}})
        }
        Shape::Severity => json!({"enum": Severity::ALL.map(Severity::name)}),
        Shape::Labels => by_name(named_word()),
        Shape::Expect => by_name(json!({"oneOf": [{"const": "inventory"}, values()]})),
        Shape::Rule => json!({ "oneOf": rules() }),
        Shape::Detectors => {
            let detector = json!({"$ref": "#/$defs/detector"});
            json!({"type": "array", "minItems": 1, "maxItems": VOTERS_MAX, "items": detector})
        }
        Shape::Signals => at_least_one(by_name(table(&SIGNAL, &[], None, true))),
        Shape::Sources => {
            let kinds = crate::sources::all().iter().map(crate::sources::Entry::described);
            at_least_one(by_name(json!({ "oneOf": kinds_of(&SOURCE, kinds) })))
        }
        Shape::History => table(&HISTORY, &[], None, true),
        Shape::Size { .. } => json!({"type": "string", "pattern": SIZE_PATTERN}),
        Shape::Programs => {
            let word = json!({"type": ["string", "number", "boolean"]});
            let program = json!({"type": "array", "minItems": 1, "items": word});
            json!({"type": "array", "maxItems": PROGRAMS_MAX, "items": program})
        }
        Shape::Capture => table(&CAPTURE, &[], None, true),
        Shape::Actions => table(&ACTIONS, &[], None, true),
        Shape::Bool => json!({"type": "boolean"}),
        Shape::Sinks => {
            let kinds = crate::sinks::all().iter().map(crate::sinks::Entry::described);
            json!({"type": "array", "items": {"oneOf": kinds_of(&SINK, kinds)}})
        }
        Shape::Api => table(&API, &[], None, true),
        Shape::Tls => table(&TLS, &[], None, true),
        Shape::Address => json!({"type": "string", "pattern": "^.+:[0-9]+$"}),
        Shape::Hosts => json!({"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1}}),
        Shape::Plan(shape) => plan::shape_schema(shape),
    }
}

/// A duration as a regular expression; an empty text, which it lets through, is too short.
const DURATION_PATTERN: &str = "^([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$";

/// Kinds of events as a regular expression: one by its name, or all that begin alike.
const EVENTS_PATTERN: &str = "^[a-z]+\\.([a-z]+|\\*)$";

/// A size as a regular expression.
const SIZE_PATTERN: &str = "^[0-9]+(B|[KMGT]iB)$";

pub(super) fn named_word() -> Value {
    json!({"type": "string", "pattern": NAME_PATTERN})
}

fn by_name(value: Value) -> Value {
    json!({
        "type": "object",
        "propertyNames": {"pattern": NAME_PATTERN},
        "additionalProperties": value,
    })
}

fn at_least_one(mut object: Value) -> Value {
    object["minProperties"] = json!(1);
    object
}

/// Values of a label, which are text but may look like something else.
fn values() -> Value {
    let value = json!({"type": ["string", "number", "boolean"]});
    json!({"type": "array", "minItems": 1, "uniqueItems": true, "items": value})
}

/// Every kind of rule, with its options.
fn rules() -> Vec<Value> {
    let rule = |entry: &quietgate_rules::Entry| {
        let mut schema = table(&RULE, entry.options, Some(entry.kind), true);
        schema["description"] = json!(format!("{}. {}", entry.summary, entry.about));
        if entry.default_detectors.is_empty() {
            push(&mut schema, "required", "detectors");
        } else {
            schema["properties"]["detectors"]["default"] = json!(entry.default_detectors);
        }
        schema
    };
    quietgate_rules::all().iter().map(rule).collect()
}

/// Every kind of detector by its name alone, where that says enough, and as a mapping with its options.
fn detectors() -> Vec<Value> {
    let says_enough = |kind: &str| Spec::new(kind, &[]).is_ok();
    let all = quietgate_detectors::all();
    let names: Vec<_> = all.iter().map(|entry| entry.kind).filter(|kind| says_enough(kind)).collect();
    let mut schemas = vec![json!({"enum": names, "description": "A detector as it is by default."})];
    for entry in all {
        let mut schema = table(&DETECTOR, entry.options, Some(entry.kind), true);
        schema["description"] = json!(format!("{}. {}", entry.summary, entry.about));
        if !says_enough(entry.kind) {
            // the kind and at least one option
            schema["minProperties"] = json!(2);
        }
        schemas.push(schema);
    }
    schemas
}

/// Every one of `kinds`, with its settings beside the keys of `family`.
pub(super) fn kinds_of(family: &Table, kinds: impl Iterator<Item = Kind>) -> Vec<Value> {
    let schema = |kind: Kind| {
        let mut schema = table(family, &[], Some(kind.kind), true);
        schema["description"] = json!(format!("{}. {}", kind.summary, kind.about));
        for doc in kind.settings {
            schema["properties"][doc.name] = setting_schema(doc);
            if doc.need == Need::Required {
                push(&mut schema, "required", doc.name);
            }
        }
        schema
    };
    kinds.map(schema).collect()
}

/// The values that the setting `doc` takes, with its words as description.
pub fn setting_schema(doc: &SettingDoc) -> Value {
    let mut schema = setting_shape(doc.shape);
    let words = match doc.need {
        Need::DefaultWords(words) => format!(" (default: {words})"),
        Need::Default(text) => {
            schema["default"] = if schema["type"] == "string" { json!(text) } else { plain(text) };
            String::new()
        }
        Need::Required | Need::Optional => String::new(),
    };
    schema["description"] = json!(format!("{}{words}; {}", doc.about, doc.shape));
    schema
}

fn setting_shape(shape: settings::Shape) -> Value {
    use settings::Shape as S;
    let text = json!({"type": ["string", "number", "boolean"]});
    match shape {
        S::Text | S::Path | S::SecretFile => json!({"type": "string", "minLength": 1}),
        S::Word(words) => json!({"type": "string", "enum": words}),
        S::Url => json!({"type": "string", "pattern": "^https?://[^\\s?#@\\\\]+$"}),
        S::Listen => json!({"type": "string", "pattern": "^(127\\.[0-9.]+|\\[::1\\]):[1-9][0-9]*$"}),
        S::Duration { .. } => json!({"type": "string", "minLength": 2, "pattern": DURATION_PATTERN}),
        S::Size { .. } => json!({"type": "string", "pattern": SIZE_PATTERN}),
        S::Count { min, max } => json!({"type": "integer", "minimum": min, "maximum": max}),
        S::Number { min, max } => json!({"type": "number", "minimum": number(min), "maximum": number(max)}),
        S::Bool => json!({"type": "boolean"}),
        S::AnyText => text,
        S::TextList { least } => json!({"type": "array", "minItems": least, "items": text}),
        S::CountList { min, max } => {
            let count = json!({"type": "integer", "minimum": min, "maximum": max});
            json!({"type": "array", "minItems": 1, "items": count})
        }
        S::TextMap => json!({"type": "object", "additionalProperties": text}),
        S::PathMap => json!({"type": "object", "additionalProperties": {"type": "string", "minLength": 1}}),
    }
}

/// A default that is no text: a number, or true or false.
fn plain(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| json!(text))
}

fn push(schema: &mut Value, list: &str, word: &str) {
    if let Some(words) = schema[list].as_array_mut() {
        words.push(json!(word));
    }
}

/// Adds the keys of `more` to `schema`.
fn merge(schema: &mut Value, more: Value) {
    if let (Value::Object(schema), Value::Object(more)) = (schema, more) {
        schema.extend(more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn properties<'a>(schema: &'a Value, path: &str) -> &'a Map<String, Value> {
        let object = schema.pointer(path).unwrap_or_else(|| panic!("{path} is missing"));
        assert_eq!(object.get("additionalProperties"), Some(&json!(false)), "{path}");
        object["properties"].as_object().expect("an object")
    }

    const SIGNAL_PATH: &str = "/properties/signals/additionalProperties";

    #[test]
    fn every_key_of_the_reader_is_in_the_schema() {
        let schema = schema();
        for (path, table) in [("", &CONFIG), (SIGNAL_PATH, &SIGNAL)] {
            let keys: Vec<_> = properties(&schema, path).keys().map(String::as_str).collect();
            assert_eq!(keys, table.names().collect::<Vec<_>>());
        }
    }

    #[test]
    fn every_option_is_in_the_schema_with_its_bounds() {
        let schema = schema();
        let rules = &schema.pointer(SIGNAL_PATH).expect("signals")["properties"]["rule"]["oneOf"];
        let detectors = &schema["$defs"]["detector"]["oneOf"];
        let rule_options = quietgate_rules::all().iter().map(|entry| (rules, entry.kind, entry.options));
        let options = quietgate_detectors::all().iter().map(|entry| (detectors, entry.kind, entry.options));
        let mut seen = 0;
        for (list, kind, options) in rule_options.chain(options) {
            let entries = list.as_array().expect("a list");
            let entry = entries.iter().find(|entry| entry["properties"]["kind"]["const"] == kind);
            let entry = entry.unwrap_or_else(|| panic!("{kind} is missing"));
            for doc in options {
                let option = &entry["properties"][doc.name];
                match doc.accepts {
                    Accepts::Count { min, max } => {
                        assert_eq!((&option["minimum"], &option["maximum"]), (&json!(min), &json!(max)));
                    }
                    Accepts::Number { min, max } => {
                        let bound = |key| option.get(key).and_then(Value::as_f64);
                        assert_eq!(bound("minimum").unwrap_or(f64::MIN), min, "{kind} {}", doc.name);
                        assert_eq!(bound("maximum").unwrap_or(f64::MAX), max, "{kind} {}", doc.name);
                    }
                    Accepts::Word(words) => assert_eq!(option["enum"], json!(words)),
                }
                seen += 1;
            }
        }
        assert!(seen > 10, "{seen} options alone were looked at");
    }

    #[test]
    fn what_holds_by_default_is_accepted_where_it_is_written_out() {
        let mut signal = String::from("interval: 1m, rule: {kind: majority, sustain: 2 of 3");
        for doc in RULE.fields.iter().filter(|doc| doc.name == "sustain") {
            assert_eq!(doc.need, Need::Default("2 of 3"));
        }
        signal.push('}');
        for doc in SIGNAL.fields {
            if let Need::Default(text) = doc.need {
                signal.push_str(&format!(", {}: {text}", doc.name));
            }
        }
        let text = format!("signals: {{s: {{{signal}}}}}\n");
        let written = Config::read("f", &text).expect("defaults are allowed");
        let left_out = Config::read("f", "signals: {s: {interval: 1m, rule: {kind: majority}}}\n");
        let left_out = left_out.expect("defaults are enough");
        let said = |config: &Config| {
            let signal = &config.signals[0];
            (signal.rule.to_string(), signal.lateness_ms, signal.max_age_ms)
        };
        assert_eq!(said(&written), said(&left_out));
    }
}
