//! Settings that were held to their table, with getters by type.

use super::{Given, Need, SettingDoc, Shape};
use std::fmt;
use std::path::Path;

/// A checked value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A text, word, path or address.
    Text(String),
    /// Milliseconds.
    Duration(i64),
    /// Bytes.
    Size(u64),
    /// A whole number.
    Count(u32),
    /// A finite number.
    Number(f64),
    /// True or false.
    Bool(bool),
    /// Texts.
    List(Vec<String>),
    /// Whole numbers.
    Counts(Vec<u32>),
    /// Texts by name, in the order given.
    Map(Vec<(String, String)>),
}

/// The settings of one kind, checked against its table; what was not given has its default.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    values: Vec<(&'static str, Value)>,
}

/// Which part of a value is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Whole,
    /// That item of a list, or the value of that entry of a mapping; from 0.
    Item(usize),
    /// The key of that entry of a mapping; from 0.
    Key(usize),
}

/// What is wrong with a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingError {
    /// The kind has no such key.
    Unknown {
        /// The key that was given.
        name: String,
    },
    /// The value is not one the setting takes.
    Wrong {
        /// The key.
        name: &'static str,
        /// Which part of the value is wrong.
        part: Part,
        /// What was found.
        found: String,
        /// What is allowed, in words.
        allowed: String,
    },
    /// The value is one that the setting takes, and the kind cannot use it.
    Refused {
        /// The key.
        name: &'static str,
        /// Which part of the value is meant.
        part: Part,
        /// What is wrong, and what is allowed, in words.
        message: String,
    },
    /// A setting that must be given was not.
    Missing {
        /// The key.
        name: &'static str,
        /// What is allowed, in words.
        allowed: String,
    },
    /// Settings that do not go together.
    Together {
        /// What is wrong, in words.
        message: String,
    },
}

impl Settings {
    /// The same with the paths that `docs` has in them begun in the folder `base`, where they are relative.
    pub fn begun_in(&self, base: &Path, docs: &[SettingDoc]) -> Self {
        let is_path = |name: &str| {
            let doc = docs.iter().find(|doc| doc.name == name);
            doc.is_some_and(|doc| matches!(doc.shape, Shape::Path | Shape::SecretFile))
        };
        let begun = |(name, value): &(&'static str, Value)| match value {
            Value::Text(path) if is_path(name) => (*name, Value::Text(base.join(path).display().to_string())),
            value => (*name, value.clone()),
        };
        Self { values: self.values.iter().map(begun).collect() }
    }
}

impl SettingError {
    /// The kind cannot use `part` of the value of `name`.
    pub(crate) fn refused(name: &'static str, part: Part, message: impl fmt::Display) -> Self {
        Self::Refused { name, part, message: message.to_string() }
    }

    /// The key at fault, where it is one key that was given.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Unknown { name } => Some(name),
            Self::Wrong { name, .. } | Self::Refused { name, .. } => Some(name),
            Self::Missing { .. } | Self::Together { .. } => None,
        }
    }
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { name } => write!(f, "unknown key {name:?}"),
            Self::Wrong { name, part: Part::Whole, found, allowed } => {
                write!(f, "{name} is {found}, allowed is {allowed}")
            }
            Self::Wrong { name, part: Part::Item(_) | Part::Key(_), found, allowed } => {
                write!(f, "{name} holds {found}, allowed is {allowed}")
            }
            Self::Refused { name, message, .. } => write!(f, "{name}: {message}"),
            Self::Missing { name, allowed } => write!(f, "{name} is missing, allowed is {allowed}"),
            Self::Together { message } => f.write_str(message),
        }
    }
}

impl std::error::Error for SettingError {}

impl Settings {
    /// Checks `given` against `table`: every key known, every value good, nothing required missing.
    ///
    /// # Errors
    /// Every mistake found: those of what was given in its order, then what is missing.
    pub fn check(table: &'static [SettingDoc], given: &[(String, Given)]) -> Result<Self, Vec<SettingError>> {
        let (settings, errors) = Self::read(table, given);
        if errors.is_empty() { Ok(settings) } else { Err(errors) }
    }

    /// What `build` makes of `given`, once it is checked against `table`.
    ///
    /// # Errors
    /// Every mistake found, also what `build` cannot use among the values that are good by themselves.
    pub fn build<T>(
        table: &'static [SettingDoc],
        given: &[(String, Given)],
        build: impl FnOnce(&Self) -> Result<T, Vec<SettingError>>,
    ) -> Result<T, Vec<SettingError>> {
        let (settings, mut errors) = Self::read(table, given);
        match build(&settings) {
            Ok(built) if errors.is_empty() => return Ok(built),
            Ok(_) => {}
            Err(more) if errors.is_empty() => return Err(more),
            Err(more) => {
                // what is missing or wrong anyway would be told twice
                let is_good = |name: &str| {
                    given.iter().any(|(known, _)| known == name) && settings.value(name).is_some()
                };
                errors.extend(more.into_iter().filter(|error| error.name().is_some_and(is_good)));
            }
        }
        Err(errors)
    }

    /// The values that are good, and every mistake in the others.
    fn read(table: &'static [SettingDoc], given: &[(String, Given)]) -> (Self, Vec<SettingError>) {
        let (mut values, mut errors) = (Vec::new(), Vec::new());
        for (name, given) in given {
            let Some(doc) = table.iter().find(|doc| doc.name == name) else {
                errors.push(SettingError::Unknown { name: name.clone() });
                continue;
            };
            match doc.shape.read(given) {
                Ok(value) => values.push((doc.name, value)),
                Err(unfit) => errors.push(SettingError::Wrong {
                    name: doc.name,
                    part: unfit.part,
                    found: unfit.found,
                    allowed: doc.shape.to_string(),
                }),
            }
        }
        for doc in table.iter().filter(|doc| !given.iter().any(|(name, _)| name == doc.name)) {
            match doc.need {
                Need::Required => {
                    errors.push(SettingError::Missing { name: doc.name, allowed: doc.shape.to_string() });
                }
                Need::Default(text) => {
                    // a default that its own shape refuses is found by `every_default_is_allowed` of the families
                    values.extend(doc.shape.read(&Given::plain(text)).ok().map(|value| (doc.name, value)));
                }
                Need::Optional | Need::DefaultWords(_) => {}
            }
        }
        (Self { values }, errors)
    }

    /// The text, word or address of `name`.
    pub fn text(&self, name: &str) -> Option<&str> {
        if let Some(Value::Text(text)) = self.value(name) { Some(text) } else { None }
    }

    /// The path of `name`.
    pub fn path(&self, name: &str) -> Option<&Path> {
        self.text(name).map(Path::new)
    }

    /// The milliseconds of the duration `name`.
    pub fn duration_ms(&self, name: &str) -> Option<i64> {
        if let Some(Value::Duration(ms)) = self.value(name) { Some(*ms) } else { None }
    }

    /// The bytes of the size `name`.
    pub fn size(&self, name: &str) -> Option<u64> {
        if let Some(Value::Size(bytes)) = self.value(name) { Some(*bytes) } else { None }
    }

    /// The whole number of `name`.
    pub fn count(&self, name: &str) -> Option<u32> {
        if let Some(Value::Count(count)) = self.value(name) { Some(*count) } else { None }
    }

    /// The number of `name`.
    pub fn number(&self, name: &str) -> Option<f64> {
        if let Some(Value::Number(number)) = self.value(name) { Some(*number) } else { None }
    }

    /// Whether `name` is true.
    pub fn truth(&self, name: &str) -> Option<bool> {
        if let Some(Value::Bool(truth)) = self.value(name) { Some(*truth) } else { None }
    }

    /// The texts of the list `name`; none where it is not given.
    pub fn list(&self, name: &str) -> &[String] {
        if let Some(Value::List(texts)) = self.value(name) { texts } else { &[] }
    }

    /// The whole numbers of the list `name`; none where it is not given.
    pub fn counts(&self, name: &str) -> &[u32] {
        if let Some(Value::Counts(counts)) = self.value(name) { counts } else { &[] }
    }

    /// The entries of the mapping `name`; none where it is not given.
    pub fn map(&self, name: &str) -> &[(String, String)] {
        if let Some(Value::Map(entries)) = self.value(name) { entries } else { &[] }
    }

    fn value(&self, name: &str) -> Option<&Value> {
        self.values.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Shape;

    const TABLE: &[SettingDoc] = &[
        SettingDoc { name: "url", shape: Shape::Url, need: Need::Required, about: "" },
        SettingDoc {
            name: "timeout",
            shape: Shape::Duration { min: 1, max: 60_000 },
            need: Need::Default("10s"),
            about: "",
        },
        SettingDoc { name: "headers", shape: Shape::TextMap, need: Need::Optional, about: "" },
    ];

    fn check(given: &[(&str, Given)]) -> Result<Settings, Vec<SettingError>> {
        let given: Vec<_> = given.iter().map(|(name, given)| ((*name).to_owned(), given.clone())).collect();
        Settings::check(TABLE, &given)
    }

    #[test]
    fn what_is_not_given_has_its_default() {
        let settings = check(&[("url", Given::plain("http://a"))]).expect("good");
        assert_eq!((settings.text("url"), settings.duration_ms("timeout")), (Some("http://a"), Some(10_000)));
        assert!(settings.map("headers").is_empty() && settings.count("timeout").is_none());
    }

    #[test]
    fn what_cannot_be_built_is_told_beside_what_is_wrong_and_nothing_twice() {
        let build = |given: &[(&str, &str)]| {
            let given: Vec<_> =
                given.iter().map(|(name, text)| ((*name).to_owned(), Given::plain(text))).collect();
            let refused = |name| SettingError::refused(name, Part::Whole, "no");
            let built = Settings::build(TABLE, &given, |_| {
                Err::<(), _>(vec![refused("url"), refused("timeout"), refused("headers")])
            });
            let words: Vec<_> = built.expect_err("refused").iter().map(ToString::to_string).collect();
            words.join("; ")
        };
        assert_eq!(build(&[("url", "http://a")]), "url: no; timeout: no; headers: no");
        assert_eq!(build(&[("url", "http://a"), ("b", "1")]), "unknown key \"b\"; url: no");
        let wrong = "timeout is 5, allowed is a duration from 1ms to 1m, such as 300ms, 10m, 2h30m";
        assert_eq!(build(&[("timeout", "5"), ("url", "http://a")]), format!("{wrong}; url: no"));
        let given = [("url".to_owned(), Given::plain("http://a"))];
        assert_eq!(Settings::build(TABLE, &given, |settings| Ok(settings.text("url").is_some())), Ok(true));
    }

    #[test]
    fn every_mistake_is_reported() {
        let headers = Given::Map(vec![("a".into(), Given::plain("1")), ("b".into(), Given::plain(""))]);
        let errors = check(&[
            ("ulr", Given::plain("http://a")),
            ("timeout", Given::plain("2h")),
            ("headers", headers),
        ])
        .expect_err("four mistakes");
        let words: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            words,
            [
                "unknown key \"ulr\"",
                "timeout is \"2h\", allowed is a duration from 1ms to 1m, such as 300ms, 10m, 2h30m",
                "headers holds empty, allowed is a mapping of names to texts",
                "url is missing, allowed is http://… or https://… without user, password, ? and #",
            ]
        );
        assert_eq!(errors[1].name(), Some("timeout"));
    }
}
