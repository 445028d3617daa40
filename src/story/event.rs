//! An entry of a journal as one JSON object.

use super::Noted;
use crate::text;
use serde_json::{Map, Value, json};

/// Keys of a record that stand first, and are there as `null` where the record has none.
const FIRST: [&str; 7] = ["kind", "run", "step", "target", "attempt", "decision", "reason"];

/// The event that `noted` is: the same object as that of its [text](object).
pub fn event(noted: &Noted) -> Value {
    // a record is made of texts, numbers and values that were JSON before: nothing of it cannot be an object again
    let record = match serde_json::to_value(&noted.record) {
        Ok(Value::Object(record)) => record,
        _ => Map::new(),
    };
    Value::Object(object(noted.seq, noted.at.as_millis(), noted.epoch, record))
}

/// The entry number `seq`, written at `at_ms` (UTC) by the driver of `epoch`, as one object: `seq`, `at` (RFC 3339) and
/// `epoch`, then the keys that most records have, then all else that `record` has.
pub fn object(seq: u64, at_ms: i64, epoch: u64, mut record: Map<String, Value>) -> Map<String, Value> {
    let mut out = Map::new();
    out.insert("seq".to_owned(), json!(seq));
    out.insert("at".to_owned(), json!(text::rfc3339(at_ms)));
    out.insert("epoch".to_owned(), json!(epoch));
    for key in FIRST {
        out.insert(key.to_owned(), record.shift_remove(key).unwrap_or_default());
    }
    // what an entry is has been said: a record does not say it anew
    for (key, value) in record {
        out.entry(key).or_insert(value);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::sample;

    #[test]
    fn an_event_is_the_object_that_the_journal_shows() {
        for noted in sample::all() {
            let text = serde_json::to_string(&noted.record).expect("JSON");
            let record = serde_json::from_str(&text).expect("an object");
            let shown = object(noted.seq, noted.at.as_millis(), noted.epoch, record);
            assert_eq!(event(&noted).to_string(), Value::Object(shown).to_string());
            assert_eq!(Noted::read(noted.seq, noted.at, noted.epoch, &text).expect("a record"), noted);
        }
    }

    #[test]
    fn the_keys_that_most_records_have_stand_first_and_are_always_there() {
        let boot = sample::all().remove(0);
        assert_eq!(
            event(&boot).to_string(),
            r#"{"seq":1,"at":"2026-03-09T08:00:00Z","epoch":3,"kind":"boot","run":null,"step":null,"target":null,"attempt":null,"decision":null,"reason":null,"version":"0.1.0","driver":""}"#
        );
    }

    #[test]
    fn a_record_of_another_program_is_named() {
        let at = boot_time();
        let error = Noted::read(7, at, 1, r#"{"kind":"dance"}"#).expect_err("an unknown kind");
        assert_eq!(error.to_string(), "record 7 is none that this version of the program knows");
        assert!(std::error::Error::source(&error).is_some());
    }

    fn boot_time() -> quietgate_detectors::Timestamp {
        sample::all().remove(0).at
    }
}
