//! Reads what is a kind with settings, be it a source or a call of a plan: the settings stand beside the keys that all
//! kinds of its family share.

use super::fields::Shape;
use super::mistakes::{Mistakes, Place};
use super::read::{Fields, unknown_key, with_suggestion};
use super::yaml::{Key, Node, Value};
use crate::settings::{self, Given, Kind, Part, SettingDoc, SettingError};

/// The word at `node`, which names `what`, where it is one of `kinds`.
pub(super) fn known<'a>(
    node: &'a Node,
    what: &str,
    shape: Shape,
    kinds: &[&str],
    mistakes: &mut Mistakes,
) -> Option<&'a str> {
    let kind = node.text().filter(|kind| kinds.contains(kind));
    if kind.is_none() {
        let found = format!("{what} is {}", node.found());
        let word = node.scalar().unwrap_or_default();
        let message = with_suggestion(&found, word, kinds, &format!("allowed is {shape}"));
        mistakes.add(node.at, message);
    }
    kind
}

/// The settings of a kind as they were written.
pub(super) fn given(fields: &Fields<'_>) -> Vec<(String, Given)> {
    fields.options().map(|(key, node)| (key.name.clone(), node.given())).collect()
}

/// Notes every error in the settings of `kind`, which stand in `fields`, where it stands.
pub(super) fn note(errors: &[SettingError], kind: Kind, fields: &Fields<'_>, mistakes: &mut Mistakes) {
    let what = fields.table().what;
    for error in errors {
        match error {
            SettingError::Unknown { name } => {
                let known = fields.table().names().chain(kind.settings.iter().map(|doc| doc.name));
                mistakes.add(fields.place(name), unknown_key(name, what, &known.collect::<Vec<_>>()));
            }
            SettingError::Wrong { name, part, .. } => {
                mistakes.add(place(fields, name, *part), wrong(error, kind.settings, fields.node(name)));
            }
            SettingError::Refused { name, part, .. } => {
                mistakes.add(place(fields, name, *part), error.to_string());
            }
            SettingError::Missing { name, allowed } => {
                mistakes.add(fields.at(), format!("{what} has no {name}, allowed is {allowed}"));
            }
            SettingError::Together { .. } => mistakes.add(fields.at(), error.to_string()),
        }
    }
}

/// Where that part of the setting `name` stands.
pub(super) fn place(fields: &Fields<'_>, name: &str, part: Part) -> Place {
    let Some(node) = fields.node(name) else { return fields.at() };
    let inner = match (&node.value, part) {
        (Value::List(items), Part::Item(place)) => items.get(place).map(|item| item.at),
        (Value::Map(entries), Part::Item(place)) => entries.get(place).map(|(_, value)| value.at),
        (Value::Map(entries), Part::Key(place)) => entries.get(place).map(|(Key { at, .. }, _)| *at),
        _ => None,
    };
    inner.unwrap_or(node.at)
}

/// The words for a value of the wrong shape, with the word that it was perhaps meant to be.
fn wrong(error: &SettingError, docs: &[SettingDoc], node: Option<&Node>) -> String {
    if let SettingError::Wrong { name, found, allowed, .. } = error
        && let Some(settings::Shape::Word(words)) =
            docs.iter().find(|doc| doc.name == *name).map(|doc| doc.shape)
    {
        let word = node.and_then(Node::scalar).unwrap_or_default();
        return with_suggestion(&format!("{name} is {found}"), word, words, &format!("allowed is {allowed}"));
    }
    error.to_string()
}
