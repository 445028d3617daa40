//! Reads sources, and whatever else is a kind with settings: the settings are those of its table.

use super::fields::{SOURCE, Shape, Table};
use super::mistakes::{Mistakes, Place};
use super::read::{Beside, Fields, with_suggestion};
use super::rule::known;
use super::signal::Signal;
use super::yaml::{Key, Node, Value};
use crate::settings::{Given, Part, SettingDoc, SettingError};
use crate::sources::{self, Spec};

/// Where samples come from, under the name that signals use.
#[derive(Debug, Clone)]
pub struct NamedSource {
    /// Its name.
    pub name: String,
    /// Where its name stands.
    pub at: Place,
    /// Its kind and settings, found good.
    pub spec: Spec,
}

/// The source `key`, described by `node`.
pub(super) fn read(key: &Key, node: &Node, mistakes: &mut Mistakes) -> Option<NamedSource> {
    let fields = Fields::open(node, key.at, &SOURCE, Beside::Anything, mistakes)?;
    let kinds: Vec<_> = sources::all().iter().map(|entry| entry.kind).collect();
    let kind = known(fields.node("kind")?, "kind", Shape::SourceKind, &kinds, mistakes)?;
    let entry = sources::find(kind)?;
    let given = given(&fields);
    match Spec::new(entry, &given) {
        Ok(spec) => Some(NamedSource { name: key.name.clone(), at: key.at, spec }),
        Err(errors) => {
            note(&errors, &fields, &SOURCE, entry.settings, mistakes);
            None
        }
    }
}

/// Notes where the query of `signal` is none for its source. A source that is a mistake itself knows no queries.
pub(super) fn check_query(signal: &Signal, sources: &[NamedSource], mistakes: &mut Mistakes) {
    let is_mistaken = signal.query.is_none() && signal.query_at != signal.at;
    if is_mistaken {
        return;
    }
    let source = sources.iter().find(|source| signal.source.as_ref() == Some(&source.name));
    if let Some(Err(message)) = source.map(|source| source.spec.check_query(signal.query.as_deref())) {
        mistakes.add(signal.query_at, message);
    }
}

/// The settings beside the keys of the table, as they were written.
fn given(fields: &Fields<'_>) -> Vec<(String, Given)> {
    fields.options().map(|(key, node)| (key.name.clone(), node.given())).collect()
}

/// Notes every error in the settings of a kind, where it stands.
fn note(
    errors: &[SettingError],
    fields: &Fields<'_>,
    table: &'static Table,
    docs: &'static [SettingDoc],
    mistakes: &mut Mistakes,
) {
    for error in errors {
        match error {
            SettingError::Unknown { name } => {
                let known: Vec<_> = table.names().chain(docs.iter().map(|doc| doc.name)).collect();
                let what = format!("unknown key {name:?} in {}", table.what);
                let allowed = format!("allowed are {}", known.join(", "));
                mistakes.add(fields.place(name), with_suggestion(&what, name, &known, &allowed));
            }
            SettingError::Wrong { name, part, .. } => {
                let node = fields.node(name);
                let at = node.map_or(fields.at(), |node| part.map_or(node.at, |part| place_of(node, part)));
                mistakes.add(at, error.to_string());
            }
            SettingError::Missing { name, allowed } => {
                mistakes.add(fields.at(), format!("{} has no {name}, allowed is {allowed}", table.what));
            }
            SettingError::Together { .. } => mistakes.add(fields.at(), error.to_string()),
        }
    }
}

/// Where the part number `part` of a list or mapping stands.
fn place_of(node: &Node, part: usize) -> Place {
    let inner = match &node.value {
        Value::List(items) => items.get(part),
        Value::Map(entries) => entries.get(part).map(|(_, node)| node),
        Value::Scalar(_) => None,
    };
    inner.unwrap_or(node).at
}
