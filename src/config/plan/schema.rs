//! The JSON Schema of plans, from the same tables as their reader.

use super::fields::{self, PlanShape};
use crate::actions::{self, Entry};
use crate::config::Table;
use crate::config::schema::{kinds_of, named_word, table};
use crate::plan::{OnAnomaly, TARGET_NAME_PATTERN};
use serde_json::{Value, json};

/// The schema of a plan, JSON Schema draft 2020-12. Stable: the same version says the same.
///
/// What it cannot say (the range of a duration, what `${…}` may name) is in the descriptions.
pub fn schema() -> Value {
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "plan.yaml",
    });
    if let (Value::Object(schema), Value::Object(more)) = (&mut schema, table(&fields::PLAN, &[], None, true))
    {
        schema.extend(more);
    }
    let calls = kinds_of(&fields::CALL, actions::all().iter().map(Entry::described));
    schema["$defs"] = json!({ "call": {"oneOf": calls} });
    schema
}

/// What a key of a plan takes.
pub(in crate::config) fn shape(shape: PlanShape) -> Value {
    let closed = |of: &'static Table| table(of, &[], None, true);
    let open = |of: &'static Table| table(of, &[], None, false);
    match shape {
        PlanShape::Name => json!({"type": ["string", "number"], "pattern": TARGET_NAME_PATTERN}),
        PlanShape::Label | PlanShape::ActionKind => named_word(),
        PlanShape::Count { min, max } => json!({"type": "integer", "minimum": min, "maximum": max}),
        PlanShape::Amount => amount(),
        PlanShape::Batch => {
            json!({"oneOf": [amount(), {"type": "array", "minItems": 1, "items": amount()}]})
        }
        PlanShape::List(_) => {
            json!({"type": "array", "items": {"type": ["string", "number", "boolean"]}})
        }
        PlanShape::Selector => json!({"type": "string", "minLength": 1}),
        PlanShape::OnAnomaly => json!({"enum": OnAnomaly::ALL.map(|(_, word)| word)}),
        PlanShape::KeepUp => one_or_more(closed(&fields::KEEP_UP)),
        PlanShape::Expects => {
            let mut expects = closed(&fields::EXPECTS);
            expects["properties"]["signals"]["minItems"] = json!(1);
            one_or_more(expects)
        }
        PlanShape::Call => json!({"$ref": "#/$defs/call"}),
        PlanShape::Steps => json!({"type": "array", "minItems": 1, "items": closed(&fields::STEP)}),
        PlanShape::Inventory => {
            let targets = json!({"type": "array", "minItems": 1, "items": open(&fields::TARGET)});
            let mut elsewhere = closed(&fields::INVENTORY);
            elsewhere["oneOf"] = json!([{"required": ["file"]}, {"required": ["command"]}]);
            json!({"oneOf": [targets, elsewhere]})
        }
        PlanShape::Gate => closed(&fields::GATE),
        PlanShape::Limits => closed(&fields::LIMITS),
        PlanShape::Windows => {
            let mut windows = closed(&fields::WINDOWS);
            windows["anyOf"] = json!([{"required": ["allow"]}, {"required": ["deny"]}]);
            windows
        }
    }
}

/// One such value, or a list of them.
fn one_or_more(value: Value) -> Value {
    json!({"oneOf": [value.clone(), {"type": "array", "minItems": 1, "items": value}]})
}

/// A number of targets or a share.
fn amount() -> Value {
    json!({"oneOf": [
        {"type": "integer", "minimum": 0},
        {"type": "string", "pattern": "^([0-9]+|[0-9]+(\\.[0-9]+)?%)$"},
    ]})
}
