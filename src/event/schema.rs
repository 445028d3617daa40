//! The JSON Schema of events, made from the table of their kinds.

use super::{CAUSES_MAX, Kind, Severity, VERSION};
use serde_json::{Value, json};

/// What an event is, JSON Schema draft 2020-12. Whoever receives one must expect more keys than these: what is added does not
/// change the version.
pub fn schema() -> Value {
    let kinds: Vec<_> =
        Kind::ALL.iter().map(|kind| json!({"const": kind.name(), "description": kind.about()})).collect();
    let severities: Vec<_> = Severity::ALL.iter().map(|severity| severity.name()).collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "an event of Quietgate",
        "type": "object",
        "required": ["type", "version", "id", "timestamp", "severity", "summary", "data"],
        "properties": {
            "type": {"oneOf": kinds, "description": "what happened"},
            "version": {"const": VERSION, "description": "the version of this form"},
            "id": text("the same for every delivery of it, and for no other event"),
            "timestamp": {"type": "string", "format": "date-time", "description": "when it happened, in UTC"},
            "severity": {"enum": severities, "description": "how much it matters"},
            "summary": text("one sentence for a person"),
            "data": data(),
        },
    })
}

fn data() -> Value {
    json!({
        "type": "object",
        "description": "what it is about; what it has nothing to say of is left out",
        "properties": {
            "seq": number("the number of its entry in the journal"),
            "run": text("the run"),
            "plan": text("the plan of the run"),
            "step": text("the step"),
            "batch": number("the number of the batch in the step, from 1"),
            "side": {"enum": ["before", "after", "late"], "description": "on which side of the batch the gate stands"},
            "target": text("the target"),
            "doing": {"enum": ["action", "undo"], "description": "what is done to it"},
            "attempt": number("the number of the attempt at that, from 1"),
            "who": text("who said so: a person, plan, gate or probe"),
            "reason": text("why, with numbers"),
            "because": {
                "type": "array",
                "items": {"type": "string"},
                "maxItems": CAUSES_MAX,
                "description": "the same without what changes from moment to moment: a cause each, or the series of a captured scene",
            },
            "ending": {"enum": ["done", "aborted", "rolled_back"], "description": "how a run ended"},
            "dropped": number("how many events were dropped"),
        },
    })
}

fn text(about: &str) -> Value {
    json!({"type": "string", "description": about})
}

fn number(about: &str) -> Value {
    json!({"type": "integer", "minimum": 1, "description": about})
}

/// What may stand in an object of this schema.
#[cfg(test)]
pub(super) fn properties(schema: &Value) -> &Value {
    &schema["properties"]
}
