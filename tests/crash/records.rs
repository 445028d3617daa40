//! The journal, as `quietgate journal` prints it.

use crate::ledger::Key;
use crate::rig::Rig;
use serde_json::Value;
use std::collections::BTreeMap;

/// A record.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record {
    pub(crate) seq: u64,
    pub(crate) at_ms: i64,
    pub(crate) kind: String,
    value: Value,
}

impl Record {
    /// The text under `name`; empty where there is none.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.value[name].as_str().unwrap_or_default()
    }

    /// Whether there is a `true` under `name`.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.value[name].as_bool().unwrap_or_default()
    }

    /// The steps and targets of a plan, in the order of its steps.
    pub(crate) fn places(&self) -> Vec<(String, String)> {
        let list = |value: &Value| value.as_array().expect("a list").clone();
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let targets = |step: &Value| {
            list(&step["batches"]).iter().flat_map(list).map(|target| text(&target)).collect::<Vec<_>>()
        };
        let steps = list(&self.value["steps"]);
        steps
            .iter()
            .flat_map(|step| targets(step).into_iter().map(|target| (text(&step["step"]), target)))
            .collect()
    }

    /// The attempt that it is about; none where it is about something else.
    pub(crate) fn key(&self) -> Option<Key> {
        let attempt = self.value["attempt"].as_u64()?;
        let [run, step, target, doing] =
            ["run", "step", "target", "doing"].map(|name| self.text(name).to_owned());
        Some(Key { run, step, target, doing, attempt })
    }
}

/// What is on record of an attempt that has no end there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Open {
    /// Whether its process is on record.
    pub(crate) is_spawned: bool,
    /// Whether it is on record that nobody knows how it ended.
    pub(crate) is_unknown: bool,
}

/// Checks the journal of `rig`, and reads it; without a record where there is no journal yet.
pub(crate) fn read(rig: &Rig) -> Vec<Record> {
    let verified = rig.run(&["journal", "verify", "state"]);
    if verified.status.code() == Some(2) {
        return Vec::new();
    }
    assert_eq!(
        verified.status.code(),
        Some(0),
        "journal verify: {}",
        String::from_utf8_lossy(&verified.stderr)
    );
    let shown = rig.run(&["journal", "show", "state", "--format", "json"]);
    assert_eq!(shown.status.code(), Some(0), "journal show");
    String::from_utf8(shown.stdout).expect("text").lines().map(record).collect()
}

fn record(line: &str) -> Record {
    let value: Value = serde_json::from_str(line).expect("an object");
    let at: jiff::Timestamp = value["at"].as_str().and_then(|at| at.parse().ok()).expect("a time");
    Record {
        seq: value["seq"].as_u64().expect("a number"),
        at_ms: at.as_millisecond(),
        kind: value["kind"].as_str().expect("a kind").to_owned(),
        value,
    }
}

/// The run that is not over; none where there is no such run.
pub(crate) fn open_run(records: &[Record]) -> Option<String> {
    let begun = records.iter().rfind(|record| record.kind == "plan")?.text("run").to_owned();
    let is_over = records.iter().any(|record| record.kind == "finish" && record.text("run") == begun);
    (!is_over).then_some(begun)
}

/// The attempts without an end on record, those that nobody has settled among them.
pub(crate) fn open_attempts(records: &[Record]) -> BTreeMap<Key, Open> {
    let mut open: BTreeMap<Key, Open> = BTreeMap::new();
    for record in records {
        let key = record.key();
        match (record.kind.as_str(), key) {
            ("intent", Some(key)) => drop(open.insert(key, Open { is_spawned: false, is_unknown: false })),
            ("spawned", Some(key)) => open.get_mut(&key).expect("an intent").is_spawned = true,
            ("unknown", Some(key)) => open.get_mut(&key).expect("an intent").is_unknown = true,
            ("result" | "withdrawn", Some(key)) => drop(open.remove(&key).expect("an intent")),
            ("resolve", None) => {
                let place = ["run", "step", "target"].map(|name| record.text(name));
                open.retain(|key, open| [&key.run, &key.step, &key.target] != place || !open.is_unknown);
            }
            _ => {}
        }
    }
    open
}
