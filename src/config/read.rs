//! Reads the fields of a mapping as its table describes them, and notes every mistake on the way.

use super::fields::{Field, Shape, Table};
use super::mistakes::{Mistakes, Place};
use super::plan::PlanShape;
use super::units::{Duration, Size};
use super::yaml::{Key, Node};
use crate::settings::Need;
use crate::text::nearest;
use quietgate_detectors::OptionDoc;
use std::str::FromStr;

/// A mapping whose keys are those of a table.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    at: Place,
    entries: &'a [(Key, Node)],
    table: &'static Table,
}

/// Which keys may stand beside those of a table.
#[derive(Debug, Clone, Copy)]
pub(super) enum Beside {
    /// These options; none where the table says it all.
    Options(&'static [OptionDoc]),
    /// Any: they are read elsewhere, or the kind that knows them is itself a mistake.
    Anything,
}

impl<'a> Fields<'a> {
    /// `node` as the mapping that `table` describes, with what may stand `beside` its keys. Any other key, and
    /// a required one that is missing, is a mistake. `at` is where the latter is noted.
    pub(super) fn open(
        node: &'a Node,
        at: Place,
        table: &'static Table,
        beside: Beside,
        mistakes: &mut Mistakes,
    ) -> Option<Self> {
        let Some(entries) = node.map() else {
            mistakes.add(node.at, format!("{} is {}, allowed is a mapping", table.what, node.found()));
            return None;
        };
        if let Beside::Options(options) = beside {
            let known: Vec<_> = table.names().chain(options.iter().map(|doc| doc.name)).collect();
            for (key, _) in entries.iter().filter(|(key, _)| !known.contains(&key.name.as_str())) {
                mistakes.add(key.at, unknown_key(&key.name, table.what, &known));
            }
        }
        for field in table.fields.iter().filter(|field| field.need == Need::Required) {
            if !entries.iter().any(|(key, _)| key.name == field.name) {
                let message = format!("{} has no {}, allowed is {}", table.what, field.name, field.shape);
                mistakes.add(at, message);
            }
        }
        Some(Self { at, entries, table })
    }

    /// The mapping at `key` as `table` describes it, where it is given.
    pub(super) fn inner(
        &self,
        key: &str,
        table: &'static Table,
        mistakes: &mut Mistakes,
    ) -> Option<Fields<'a>> {
        let node = self.node(key)?;
        self.map(key, mistakes)?;
        Fields::open(node, self.place(key), table, Beside::Options(&[]), mistakes)
    }

    /// The mapping `table` describes: `node`, or an empty one where it is not given.
    pub(super) fn open_or_empty(
        node: Option<&'a Node>,
        at: Place,
        table: &'static Table,
        mistakes: &mut Mistakes,
    ) -> Option<Self> {
        match node {
            Some(node) => Self::open(node, at, table, Beside::Options(&[]), mistakes),
            None => Some(Self { at, entries: &[], table }),
        }
    }

    /// What its keys are.
    pub(super) fn table(&self) -> &'static Table {
        self.table
    }

    /// Where the mapping is named.
    pub(super) fn at(&self) -> Place {
        self.at
    }

    /// Where the key `name` stands; where it is not given, the place of the mapping.
    pub(super) fn place(&self, name: &str) -> Place {
        self.entry(name).map_or(self.at, |(key, _)| key.at)
    }

    /// The value of `name`, where it is given.
    pub(super) fn node(&self, name: &str) -> Option<&'a Node> {
        self.entry(name).map(|(_, node)| node)
    }

    /// The keys that are not in the table, with their values.
    pub(super) fn options(&self) -> impl Iterator<Item = &'a (Key, Node)> + use<'a> {
        let table = self.table;
        self.entries.iter().filter(move |(key, _)| table.field(&key.name).is_none())
    }

    /// The text of `name`.
    pub(super) fn text(&self, name: &str, mistakes: &mut Mistakes) -> Option<String> {
        let node = self.node(name)?;
        self.or_wrong(name, node, node.text().map(str::to_owned), mistakes)
    }

    /// The value of `name`, read from its characters; its default where it is not given.
    pub(super) fn parsed<T: FromStr>(&self, name: &str, mistakes: &mut Mistakes) -> Option<T> {
        match self.node(name) {
            Some(node) => {
                let value = node.scalar().and_then(|text| text.parse().ok());
                self.or_wrong(name, node, value, mistakes)
            }
            None => match self.field(name).need {
                Need::Default(text) => text.parse().ok(),
                Need::Required | Need::Optional | Need::DefaultWords(_) => None,
            },
        }
    }

    /// The milliseconds of the duration `name`, found to be in its range.
    pub(super) fn duration(&self, name: &str, mistakes: &mut Mistakes) -> Option<i64> {
        let ms = self.parsed::<Duration>(name, mistakes)?.as_millis();
        let within =
            matches!(self.field(name).shape, Shape::Duration { min, max } if (min..=max).contains(&ms));
        match self.node(name) {
            Some(node) => self.or_wrong(name, node, Some(ms).filter(|_| within), mistakes),
            None => Some(ms),
        }
    }

    /// The bytes of the size `name`, found to be in its range.
    pub(super) fn size(&self, name: &str, mistakes: &mut Mistakes) -> Option<u64> {
        let Size(bytes) = self.parsed::<Size>(name, mistakes)?;
        let within =
            matches!(self.field(name).shape, Shape::Size { min, max } if (min..=max).contains(&bytes));
        match self.node(name) {
            Some(node) => self.or_wrong(name, node, Some(bytes).filter(|_| within), mistakes),
            None => Some(bytes),
        }
    }

    /// The whole number `name`, found to be in its range.
    pub(super) fn count(&self, name: &str, mistakes: &mut Mistakes) -> Option<u32> {
        let count = self.parsed::<u32>(name, mistakes)?;
        let within = match self.field(name).shape {
            Shape::Plan(PlanShape::Count { min, max }) => (min..=max).contains(&count),
            _ => true,
        };
        match self.node(name) {
            Some(node) => self.or_wrong(name, node, Some(count).filter(|_| within), mistakes),
            None => Some(count),
        }
    }

    /// The mapping `name` with the place of its key.
    pub(super) fn map(&self, name: &str, mistakes: &mut Mistakes) -> Option<&'a [(Key, Node)]> {
        let node = self.node(name)?;
        self.or_wrong(name, node, node.map(), mistakes)
    }

    /// The list `name`.
    pub(super) fn list(&self, name: &str, mistakes: &mut Mistakes) -> Option<&'a [Node]> {
        let node = self.node(name)?;
        self.or_wrong(name, node, node.list(), mistakes)
    }

    /// `value`, or a mistake that says what was found at `name` and what is allowed.
    pub(super) fn or_wrong<T>(
        &self,
        name: &str,
        node: &Node,
        value: Option<T>,
        mistakes: &mut Mistakes,
    ) -> Option<T> {
        if value.is_none() {
            let allowed = self.field(name).shape;
            mistakes.add(node.at, format!("{name} is {}, allowed is {allowed}", node.found()));
        }
        value
    }

    fn entry(&self, name: &str) -> Option<&'a (Key, Node)> {
        self.entries.iter().find(|(key, _)| key.name == name)
    }

    fn field(&self, name: &str) -> &'static Field {
        self.table.field(name).expect("the reader asks for fields of its table alone")
    }
}

/// The words for a key that is none of those `known` in `what`.
pub(super) fn unknown_key(name: &str, what: &str, known: &[&str]) -> String {
    let allowed = format!("allowed are {}", known.join(", "));
    with_suggestion(&format!("unknown key {name:?} in {what}"), name, known, &allowed)
}

/// `what`, what `word` may have meant of `known`, and what is `allowed`.
pub(super) fn with_suggestion(what: &str, word: &str, known: &[&str], allowed: &str) -> String {
    match nearest(word, known.iter().copied()) {
        Some(nearest) => format!("{what}, did you mean {nearest:?}? {allowed}"),
        None => format!("{what}, {allowed}"),
    }
}

/// Whether `name` may name a signal, a source or a label: a letter or `_`, then letters, digits, `_` and `-`.
pub(super) fn is_name(name: &str) -> bool {
    let head = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    head && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

/// [`is_name`] as a regular expression.
pub(super) const NAME_PATTERN: &str = "^[A-Za-z_][A-Za-z0-9_-]*$";

/// Notes each of `entries` whose key is no name of `what`.
pub(super) fn check_names(what: &str, entries: &[(Key, Node)], mistakes: &mut Mistakes) {
    for (key, _) in entries.iter().filter(|(key, _)| !is_name(&key.name)) {
        let message = format!(
            "{what} is named {:?}, allowed is a letter or _, then letters, digits, _ and -",
            key.name
        );
        mistakes.add(key.at, message);
    }
}
