//! The options of a kind: described once, read and checked in one place.
//!
//! Help, documentation, JSON Schema and error messages all come from the [`OptionDoc`] tables.

use std::fmt;

/// One option of a detector or rule, as users see it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OptionDoc {
    /// Its key.
    pub name: &'static str,
    /// What may be given.
    pub accepts: Accepts,
    /// What holds where it is not given.
    pub default: Default,
    /// The unit of the value; `""` for a plain number.
    pub unit: &'static str,
    /// What it does and why the default is what it is.
    pub why: &'static str,
}

/// The values an option takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Accepts {
    /// A whole number, both ends included.
    Count {
        /// The least value.
        min: u32,
        /// The greatest value.
        max: u32,
    },
    /// A finite number, both ends included.
    Number {
        /// The least value.
        min: f64,
        /// The greatest value.
        max: f64,
    },
    /// One of these words.
    Word(&'static [&'static str]),
}

/// What holds where an option is not given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Default {
    /// This number.
    Number(f64),
    /// This word.
    Word(&'static str),
    /// Nothing: the option is off.
    Off,
    /// There is no default: the option must be given.
    Required,
}

/// The value given for an option.
#[derive(Debug, Clone, PartialEq)]
pub enum OptionValue {
    /// A number.
    Number(f64),
    /// A word.
    Word(String),
}

impl fmt::Display for OptionValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(n) => write!(f, "{n}"),
            Self::Word(w) => write!(f, "{w:?}"),
        }
    }
}

impl fmt::Display for Accepts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count { min, max } => write!(f, "a whole number from {min} to {max}"),
            Self::Number { min: f64::MIN, max: f64::MAX } => f.write_str("any finite number"),
            // an end at the last of all numbers bounds nothing, and has 309 digits
            Self::Number { min, max: f64::MAX } => write!(f, "a number of at least {min}"),
            Self::Number { min: f64::MIN, max } => write!(f, "a number of at most {max}"),
            Self::Number { min, max } => write!(f, "a number from {min} to {max}"),
            Self::Word(words) => write!(f, "one of {}", words.join(", ")),
        }
    }
}

impl Accepts {
    fn takes(&self, value: &OptionValue) -> bool {
        match (self, value) {
            (Self::Count { min, max }, OptionValue::Number(n)) => {
                n.fract() == 0.0 && (f64::from(*min)..=f64::from(*max)).contains(n)
            }
            (Self::Number { min, max }, OptionValue::Number(n)) => n.is_finite() && (*min..=*max).contains(n),
            (Self::Word(words), OptionValue::Word(w)) => words.contains(&w.as_str()),
            _ => false,
        }
    }
}

/// What is wrong with an option.
#[derive(Debug, Clone, PartialEq)]
pub enum OptionError {
    /// The kind has no such option.
    Unknown {
        /// The key that was given.
        name: String,
        /// The keys the kind has.
        known: Vec<&'static str>,
    },
    /// The value is not one the option takes.
    OutOfRange {
        /// The option's key.
        name: &'static str,
        /// What was given.
        value: OptionValue,
        /// What is allowed, in words.
        allowed: String,
    },
    /// An option that has no default was not given, or two options do not go together.
    Together {
        /// What is wrong, in words.
        message: String,
    },
}

impl OptionError {
    /// The key at fault, where it is one key.
    pub fn option(&self) -> Option<&str> {
        match self {
            Self::Unknown { name, .. } => Some(name),
            Self::OutOfRange { name, .. } => Some(name),
            Self::Together { .. } => None,
        }
    }
}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { name, known } if known.is_empty() => {
                write!(f, "unknown option {name:?}: this kind has no options")
            }
            Self::Unknown { name, known } => {
                write!(f, "unknown option {name:?}, expected one of: {}", known.join(", "))
            }
            Self::OutOfRange { name, value, allowed } => write!(f, "{name} is {value}, allowed is {allowed}"),
            Self::Together { message } => f.write_str(message),
        }
    }
}

impl std::error::Error for OptionError {}

/// Options of one kind, checked against its table. Equal where every option has the same value.
#[derive(Debug, Clone)]
pub struct Options {
    table: &'static [OptionDoc],
    given: Vec<(&'static str, OptionValue)>,
}

impl Options {
    /// Checks `given` against `table`: every key known, every value in range, nothing required missing.
    ///
    /// # Errors
    /// Every mistake found, in the order given.
    pub fn check(
        table: &'static [OptionDoc],
        given: &[(String, OptionValue)],
    ) -> Result<Self, Vec<OptionError>> {
        let mut errors = Vec::new();
        let mut kept = Vec::new();
        for (name, value) in given {
            match table.iter().find(|doc| doc.name == name) {
                None => errors.push(OptionError::Unknown {
                    name: name.clone(),
                    known: table.iter().map(|doc| doc.name).collect(),
                }),
                Some(doc) if !doc.accepts.takes(value) => errors.push(OptionError::OutOfRange {
                    name: doc.name,
                    value: value.clone(),
                    allowed: doc.accepts.to_string(),
                }),
                Some(doc) => kept.push((doc.name, value.clone())),
            }
        }
        for doc in table.iter().filter(|doc| doc.default == Default::Required) {
            if !given.iter().any(|(name, _)| name == doc.name) {
                errors.push(OptionError::Together {
                    message: format!("{} is missing: {}", doc.name, doc.accepts),
                });
            }
        }
        if errors.is_empty() { Ok(Self { table, given: kept }) } else { Err(errors) }
    }

    /// The options of `table` with nothing given.
    pub fn defaults(table: &'static [OptionDoc]) -> Self {
        Self { table, given: Vec::new() }
    }

    /// The number of option `name`: given, or its default; nothing where it is off.
    pub fn number(&self, name: &str) -> Option<f64> {
        match self.given.iter().find(|(key, _)| *key == name) {
            Some((_, OptionValue::Number(n))) => Some(*n),
            Some((_, OptionValue::Word(_))) => None,
            None => match self.default(name)? {
                Default::Number(n) => Some(n),
                Default::Word(_) | Default::Off | Default::Required => None,
            },
        }
    }

    /// The whole number of option `name`.
    pub fn count(&self, name: &str) -> Option<u32> {
        // checked against `Accepts::Count`, so the cast is exact
        self.number(name).map(|n| n as u32)
    }

    /// The number that option `name` always has: given, or its default.
    ///
    /// # Panics
    /// Where it has none: a kind that asks for what its own table does not promise must not go on with some other
    /// number.
    pub fn the_number(&self, name: &str) -> f64 {
        self.number(name)
            .unwrap_or_else(|| panic!("the kind's own table promises no number for option {name}"))
    }

    /// The whole number that option `name` always has.
    ///
    /// # Panics
    /// As [`the_number`](Self::the_number).
    pub fn the_count(&self, name: &str) -> u32 {
        self.the_number(name) as u32
    }

    /// The word of option `name`.
    pub fn word(&self, name: &str) -> Option<&str> {
        match self.given.iter().find(|(key, _)| *key == name) {
            Some((_, OptionValue::Word(w))) => Some(w),
            Some((_, OptionValue::Number(_))) => None,
            None => match self.default(name)? {
                Default::Word(w) => Some(w),
                Default::Number(_) | Default::Off | Default::Required => None,
            },
        }
    }

    /// The options whose value is not the default, with it, in the order of the table: given again they make the same.
    pub fn changed(&self) -> Vec<(String, OptionValue)> {
        let plain = Self::defaults(self.table);
        let value = |doc: &OptionDoc| {
            let (number, word) = (self.number(doc.name), self.word(doc.name));
            let changed = number != plain.number(doc.name) || word != plain.word(doc.name);
            let value =
                number.map(OptionValue::Number).or(word.map(|word| OptionValue::Word(word.to_owned())))?;
            changed.then(|| (doc.name.to_owned(), value))
        };
        self.table.iter().filter_map(value).collect()
    }

    fn default(&self, name: &str) -> Option<Default> {
        self.table.iter().find(|doc| doc.name == name).map(|doc| doc.default)
    }
}

impl PartialEq for Options {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.table, other.table)
            && self.table.iter().all(|doc| {
                self.number(doc.name) == other.number(doc.name) && self.word(doc.name) == other.word(doc.name)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[OptionDoc] = &[
        OptionDoc {
            name: "count",
            accepts: Accepts::Count { min: 1, max: 6 },
            default: Default::Number(6.0),
            unit: "samples",
            why: "",
        },
        OptionDoc {
            name: "k",
            accepts: Accepts::Number { min: 0.5, max: 9.0 },
            default: Default::Required,
            unit: "",
            why: "",
        },
        OptionDoc {
            name: "group",
            accepts: Accepts::Word(&["or", "and"]),
            default: Default::Word("or"),
            unit: "",
            why: "",
        },
    ];

    fn given(pairs: &[(&str, OptionValue)]) -> Vec<(String, OptionValue)> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect()
    }

    #[test]
    fn every_mistake_is_reported_and_names_value_and_range() {
        let errors = Options::check(
            TABLE,
            &given(&[
                ("count", OptionValue::Number(7.0)),
                ("cuont", OptionValue::Number(1.0)),
                ("group", OptionValue::Word("xor".into())),
            ]),
        )
        .expect_err("four mistakes");
        let text: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            text,
            [
                "count is 7, allowed is a whole number from 1 to 6",
                "unknown option \"cuont\", expected one of: count, k, group",
                "group is \"xor\", allowed is one of or, and",
                "k is missing: a number from 0.5 to 9",
            ]
        );
    }

    #[test]
    fn an_end_that_bounds_nothing_is_not_told() {
        let words = |min, max| Accepts::Number { min, max }.to_string();
        assert_eq!(words(0.5, 9.0), "a number from 0.5 to 9");
        assert_eq!(words(0.0, f64::MAX), "a number of at least 0");
        assert_eq!(words(f64::MIN, 0.0), "a number of at most 0");
        assert_eq!(words(f64::MIN, f64::MAX), "any finite number");
    }

    #[test]
    fn not_a_number_is_out_of_every_range() {
        for value in [f64::NAN, f64::INFINITY] {
            assert!(Options::check(TABLE, &given(&[("k", OptionValue::Number(value))])).is_err());
        }
    }

    #[test]
    fn defaults_hold_where_nothing_is_given() {
        let options = Options::check(TABLE, &given(&[("k", OptionValue::Number(3.0))])).expect("in range");
        assert_eq!(
            (options.count("count"), options.number("k"), options.word("group")),
            (Some(6), Some(3.0), Some("or"))
        );
    }

    #[test]
    #[should_panic(expected = "promises no number for option cuont")]
    fn a_kind_that_asks_for_what_its_table_does_not_have_stops() {
        Options::defaults(TABLE).the_count("cuont");
    }
}
