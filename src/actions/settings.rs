//! The settings of an action: described once as data, checked here, read by the kind with typed getters.
//!
//! Who reads files turns what was written into a [`Setting`] by the [`Shape`] of its key; what is wrong is told by key,
//! so that it can be shown with line and column.

use std::collections::BTreeMap;
use std::fmt;

/// One key of a kind, as users see it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SettingDoc {
    /// The key.
    pub name: &'static str,
    /// What may be given.
    pub shape: Shape,
    /// Whether it must be given, and what holds where it is not.
    pub need: Need,
    /// What it does and why the default is what it is.
    pub about: &'static str,
}

/// The form of a value; both ends of a range are included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shape {
    /// Text, possibly empty.
    Text,
    /// The path of a file or folder.
    Path,
    /// A length of time in milliseconds.
    Duration {
        /// The shortest.
        min_ms: i64,
        /// The longest.
        max_ms: i64,
    },
    /// A size in bytes.
    Size {
        /// The smallest.
        min: u64,
        /// The largest.
        max: u64,
    },
    /// A list of whole numbers, at least one.
    Counts {
        /// The least of each.
        min: u64,
        /// The greatest of each.
        max: u64,
    },
    /// A list of texts.
    Texts,
    /// Texts by name.
    TextMap,
    /// Paths of files by name.
    PathMap,
}

/// Whether a key must be given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Need {
    /// It must.
    Required,
    /// It may be left out; `about` says what holds then.
    Optional,
    /// It may be left out, and this length of time holds, in milliseconds.
    OrDuration(i64),
    /// It may be left out, and this size holds, in bytes.
    OrSize(u64),
    /// It may be left out, and this text holds.
    OrText(&'static str),
}

/// The value given for a key.
#[derive(Debug, Clone, PartialEq)]
pub enum Setting {
    /// Text or a path.
    Text(String),
    /// Milliseconds.
    Duration(i64),
    /// Bytes.
    Size(u64),
    /// Whole numbers.
    Counts(Vec<u64>),
    /// Texts in their order.
    Texts(Vec<String>),
    /// Texts or paths by name.
    Map(BTreeMap<String, String>),
}

/// Checked values of a kind, defaults filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings(BTreeMap<&'static str, Setting>);

impl Settings {
    /// Holds `given` against `docs` and fills in the defaults.
    ///
    /// # Errors
    /// Every mistake: unknown and missing keys, values of another form or out of range. Of a key given twice, the last holds.
    pub fn check(docs: &[SettingDoc], given: &[(String, Setting)]) -> Result<Self, Vec<SettingError>> {
        let mut errors = Vec::new();
        let mut values: BTreeMap<_, _> =
            docs.iter().filter_map(|doc| Some((doc.name, doc.need.default()?))).collect();
        for (name, value) in given {
            match docs.iter().find(|doc| doc.name == name) {
                None => errors.push(SettingError::unknown(name, docs)),
                Some(doc) if !doc.shape.takes(value) => {
                    errors.push(SettingError::wrong(doc.name, format!("expected {}", doc.shape)));
                }
                Some(doc) => drop(values.insert(doc.name, value.clone())),
            }
        }
        let missing =
            |doc: &&SettingDoc| doc.need == Need::Required && given.iter().all(|(name, _)| name != doc.name);
        errors.extend(docs.iter().filter(missing).map(|doc| SettingError::Missing { name: doc.name }));
        if errors.is_empty() { Ok(Self(values)) } else { Err(errors) }
    }

    /// Text or a path, where there is one.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self.0.get(name) {
            Some(Setting::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Milliseconds; 0 where there are none.
    pub(crate) fn duration_ms(&self, name: &str) -> i64 {
        match self.0.get(name) {
            Some(Setting::Duration(ms)) => *ms,
            _ => 0,
        }
    }

    /// Bytes; 0 where there are none.
    pub(crate) fn size(&self, name: &str) -> u64 {
        match self.0.get(name) {
            Some(Setting::Size(bytes)) => *bytes,
            _ => 0,
        }
    }

    /// Whole numbers, possibly none.
    pub(crate) fn counts(&self, name: &str) -> &[u64] {
        match self.0.get(name) {
            Some(Setting::Counts(counts)) => counts,
            _ => &[],
        }
    }

    /// Texts, possibly none.
    pub(crate) fn texts(&self, name: &str) -> &[String] {
        match self.0.get(name) {
            Some(Setting::Texts(texts)) => texts,
            _ => &[],
        }
    }

    /// Texts by name, possibly none.
    pub(crate) fn map(&self, name: &str) -> impl Iterator<Item = (&str, &str)> {
        let map = match self.0.get(name) {
            Some(Setting::Map(map)) => Some(map),
            _ => None,
        };
        map.into_iter().flatten().map(|(name, text)| (name.as_str(), text.as_str()))
    }
}

impl Need {
    fn default(self) -> Option<Setting> {
        match self {
            Self::Required | Self::Optional => None,
            Self::OrDuration(ms) => Some(Setting::Duration(ms)),
            Self::OrSize(bytes) => Some(Setting::Size(bytes)),
            Self::OrText(text) => Some(Setting::Text(text.to_owned())),
        }
    }
}

impl Shape {
    fn takes(self, value: &Setting) -> bool {
        match (self, value) {
            (Self::Text, Setting::Text(_))
            | (Self::Texts, Setting::Texts(_))
            | (Self::TextMap, Setting::Map(_)) => true,
            (Self::Path, Setting::Text(path)) => is_path(path),
            (Self::PathMap, Setting::Map(map)) => map.values().all(|path| is_path(path)),
            (Self::Duration { min_ms, max_ms }, Setting::Duration(ms)) => (min_ms..=max_ms).contains(ms),
            (Self::Size { min, max }, Setting::Size(bytes)) => (min..=max).contains(bytes),
            (Self::Counts { min, max }, Setting::Counts(counts)) => {
                !counts.is_empty() && counts.iter().all(|count| (min..=max).contains(count))
            }
            _ => false,
        }
    }
}

fn is_path(path: &str) -> bool {
    !path.is_empty() && !path.contains('\0')
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("text"),
            Self::Path => f.write_str("a path"),
            Self::Duration { min_ms, max_ms } => {
                let (min, max) = (whole(min_ms.unsigned_abs(), &TIMES), whole(max_ms.unsigned_abs(), &TIMES));
                write!(f, "a duration from {min} to {max}")
            }
            Self::Size { min, max } => {
                write!(f, "a size from {} to {}", whole(*min, &SIZES), whole(*max, &SIZES))
            }
            Self::Counts { min, max } => {
                write!(f, "a list of whole numbers from {min} to {max}, at least one")
            }
            Self::Texts => f.write_str("a list of texts"),
            Self::TextMap => f.write_str("a mapping of names to texts"),
            Self::PathMap => f.write_str("a mapping of names to paths"),
        }
    }
}

impl fmt::Display for Need {
    /// What holds where nothing is given, as it would be written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Required => f.write_str("required"),
            Self::Optional => f.write_str("none"),
            Self::OrDuration(ms) => f.write_str(&whole(ms.unsigned_abs(), &TIMES)),
            Self::OrSize(bytes) => f.write_str(&whole(*bytes, &SIZES)),
            Self::OrText(text) => f.write_str(text),
        }
    }
}

/// Units of time in milliseconds and of size in bytes, the larger first.
const TIMES: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];
const SIZES: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// `amount` in the largest unit of which it is a whole number.
fn whole(amount: u64, units: &[(&str, u64)]) -> String {
    let fits = units.iter().find(|(_, size)| amount > 0 && amount.is_multiple_of(*size));
    // nothing is the same in every unit
    let (name, size) = fits.or(units.iter().rev().nth(1)).unwrap_or(&("", 1));
    format!("{}{name}", amount / size)
}

/// What is wrong with the settings of an action.
#[derive(Debug, Clone, PartialEq)]
pub enum SettingError {
    /// The kind has no such key.
    Unknown {
        /// The key that was given.
        name: String,
        /// The keys the kind has.
        known: Vec<&'static str>,
    },
    /// A key that must be given was not.
    Missing {
        /// The key.
        name: &'static str,
    },
    /// The value is not one the key takes.
    Wrong {
        /// The key.
        name: &'static str,
        /// What is wrong or what is allowed, in words.
        message: String,
    },
}

impl SettingError {
    /// The key at fault.
    pub fn name(&self) -> &str {
        match self {
            Self::Unknown { name, .. } => name,
            Self::Missing { name } | Self::Wrong { name, .. } => name,
        }
    }

    pub(crate) fn wrong(name: &'static str, message: impl fmt::Display) -> Self {
        Self::Wrong { name, message: message.to_string() }
    }

    fn unknown(name: &str, docs: &[SettingDoc]) -> Self {
        Self::Unknown { name: name.to_owned(), known: docs.iter().map(|doc| doc.name).collect() }
    }
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { name, known } if known.is_empty() => {
                write!(f, "unknown key {name:?}, this kind has none")
            }
            Self::Unknown { name, known } => {
                write!(f, "unknown key {name:?}, expected one of: {}", known.join(", "))
            }
            Self::Missing { name } => write!(f, "{name} is missing"),
            Self::Wrong { name, message } => write!(f, "{name}: {message}"),
        }
    }
}

impl std::error::Error for SettingError {}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCS: &[SettingDoc] = &[
        SettingDoc { name: "argv", shape: Shape::Texts, need: Need::Required, about: "" },
        SettingDoc {
            name: "grace",
            shape: Shape::Duration { min_ms: 0, max_ms: 1000 },
            need: Need::OrDuration(500),
            about: "",
        },
        SettingDoc {
            name: "expect",
            shape: Shape::Counts { min: 200, max: 299 },
            need: Need::Optional,
            about: "",
        },
    ];

    fn given(pairs: &[(&str, Setting)]) -> Vec<(String, Setting)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let argv = Setting::Texts(vec!["a".into()]);
        let settings = Settings::check(DOCS, &given(&[("argv", argv)])).expect("good settings");
        assert_eq!((settings.duration_ms("grace"), settings.texts("argv")), (500, &["a".to_owned()][..]));
        assert_eq!((settings.counts("expect"), settings.text("argv")), (&[][..], None));
    }

    #[test]
    fn every_mistake_is_told_at_once() {
        let wrong = given(&[
            ("argc", Setting::Size(1)),
            ("grace", Setting::Duration(1001)),
            ("expect", Setting::Counts(vec![])),
        ]);
        let errors = Settings::check(DOCS, &wrong).expect_err("four mistakes");
        let text: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            text,
            [
                "unknown key \"argc\", expected one of: argv, grace, expect",
                "grace: expected a duration from 0s to 1s",
                "expect: expected a list of whole numbers from 200 to 299, at least one",
                "argv is missing",
            ]
        );
        assert_eq!(
            errors.iter().map(SettingError::name).collect::<Vec<_>>(),
            ["argc", "grace", "expect", "argv"]
        );
    }

    #[test]
    fn amounts_are_told_as_they_are_written() {
        for (ms, text) in [(0, "0s"), (1, "1ms"), (1500, "1500ms"), (600_000, "10m"), (86_400_000, "1d")] {
            assert_eq!(Need::OrDuration(ms).to_string(), text);
        }
        assert_eq!(Shape::Size { min: 1024, max: 1 << 30 }.to_string(), "a size from 1KiB to 1GiB");
    }

    #[test]
    fn a_value_of_another_form_is_wrong() {
        for (name, value) in [("argv", Setting::Text("a".into())), ("grace", Setting::Size(1))] {
            assert!(!DOCS.iter().find(|doc| doc.name == name).expect("a key").shape.takes(&value), "{name}");
        }
        assert!(!Shape::Path.takes(&Setting::Text(String::new())));
    }
}
