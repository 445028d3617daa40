//! What the value of a setting may look like, and how what was given is read as that.

use super::units::{Duration, Size};
use super::{Given, Part, Scalar, Value};
use std::fmt;
use std::net::SocketAddr;

/// What a value looks like. Prints as what is allowed, in words.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shape {
    /// Text that is no number and not true or false.
    Text,
    /// Any text, also an empty one in quotes; a number counts as text.
    AnyText,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A file or directory; where a relative one begins is for the family of kinds to say.
    Path,
    /// A file that holds a secret: its name may be shown, its content never.
    SecretFile,
    /// An address that begins with `http://` or `https://`, without user, password, query and fragment.
    Url,
    /// An address of this machine with a port to listen at, which only this machine can reach.
    Listen,
    /// A duration, both ends in milliseconds and included.
    Duration {
        /// The shortest.
        min: i64,
        /// The longest.
        max: i64,
    },
    /// An amount of bytes, both ends included.
    Size {
        /// The smallest.
        min: u64,
        /// The largest.
        max: u64,
    },
    /// A whole number, both ends included.
    Count {
        /// The least.
        min: u32,
        /// The most.
        max: u32,
    },
    /// A finite number, both ends included.
    Number {
        /// The least.
        min: f64,
        /// The most.
        max: f64,
    },
    /// True or false.
    Bool,
    /// A list of texts, which may be empty ones in quotes; numbers in it count as texts.
    TextList {
        /// How many there must be at least.
        least: usize,
    },
    /// A list of whole numbers, at least one, both ends included.
    CountList {
        /// The least of each.
        min: u32,
        /// The most of each.
        max: u32,
    },
    /// A mapping of names to texts; numbers in it count as texts.
    TextMap,
    /// A mapping of names to files or directories.
    PathMap,
}

/// Why a value does not fit: which part of it, and what was found there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unfit {
    /// Which part of the value.
    pub(super) part: Part,
    /// What was found, for a message.
    pub(super) found: String,
}

impl Shape {
    /// What `given` says.
    pub(super) fn read(self, given: &Given) -> Result<Value, Unfit> {
        match (self, given) {
            (Self::TextList { least }, Given::List(items)) if items.len() >= least => {
                each(items, text_of).map(Value::List)
            }
            (Self::CountList { min, max }, Given::List(items)) if !items.is_empty() => {
                each(items, |item| count_of(item.scalar()?, min, max)).map(Value::Counts)
            }
            (Self::TextMap, Given::Map(entries)) => entries_of(entries, text_of),
            (Self::PathMap, Given::Map(entries)) => {
                entries_of(entries, |item| text_of(item).filter(|path| is_path(path)))
            }
            _ => self.read_scalar(given).ok_or_else(|| Unfit { part: Part::Whole, found: self.found(given) }),
        }
    }

    fn read_scalar(self, given: &Given) -> Option<Value> {
        let scalar = given.scalar()?;
        let chars = scalar.chars()?;
        match self {
            Self::Text => {
                scalar.as_text().filter(|text| !text.is_empty()).map(|text| Value::Text(text.to_owned()))
            }
            Self::AnyText => Some(Value::Text(chars.to_owned())),
            Self::Path | Self::SecretFile => {
                scalar.as_text().filter(|path| is_path(path)).map(|path| Value::Text(path.to_owned()))
            }
            Self::Word(words) => words.contains(&chars).then(|| Value::Text(chars.to_owned())),
            Self::Url => is_address(chars).then(|| Value::Text(chars.trim_end_matches('/').to_owned())),
            Self::Listen => {
                let address: SocketAddr = chars.parse().ok()?;
                let is_ours = address.ip().is_loopback() && address.port() != 0;
                is_ours.then(|| Value::Text(address.to_string()))
            }
            Self::Duration { min, max } => {
                let ms = chars.parse::<Duration>().ok()?.as_millis();
                (min..=max).contains(&ms).then_some(Value::Duration(ms))
            }
            Self::Size { min, max } => {
                let Size(bytes) = chars.parse().ok()?;
                (min..=max).contains(&bytes).then_some(Value::Size(bytes))
            }
            Self::Count { min, max } => count_of(scalar, min, max).map(Value::Count),
            Self::Number { min, max } => {
                let number = scalar.number().filter(|n| n.is_finite())?;
                (min..=max).contains(&number).then_some(Value::Number(number))
            }
            Self::Bool => scalar.truth().map(Value::Bool),
            Self::TextList { .. } | Self::CountList { .. } | Self::TextMap | Self::PathMap => None,
        }
    }

    /// What was found, for a message. An address with a user in it is not repeated: its password would be.
    fn found(self, given: &Given) -> String {
        match given.scalar() {
            Some(scalar) if self == Self::Url && scalar.text.contains('@') => {
                "an address with a user or a password in it".to_owned()
            }
            _ => given.found(),
        }
    }
}

/// Every item as `read` reads it.
fn each<T>(items: &[Given], read: impl Fn(&Given) -> Option<T>) -> Result<Vec<T>, Unfit> {
    items.iter().enumerate().map(|(place, item)| item_of(place, item, &read)).collect()
}

/// Every entry with its value as `read` reads it.
fn entries_of(entries: &[(String, Given)], read: impl Fn(&Given) -> Option<String>) -> Result<Value, Unfit> {
    let entry = |(place, (key, item)): (usize, &(String, Given))| {
        item_of(place, item, &read).map(|text| (key.clone(), text))
    };
    entries.iter().enumerate().map(entry).collect::<Result<_, _>>().map(Value::Map)
}

fn item_of<T>(place: usize, item: &Given, read: impl Fn(&Given) -> Option<T>) -> Result<T, Unfit> {
    read(item).ok_or_else(|| Unfit { part: Part::Item(place), found: item.found() })
}

fn text_of(item: &Given) -> Option<String> {
    item.scalar().and_then(Scalar::chars).map(str::to_owned)
}

fn count_of(scalar: &Scalar, min: u32, max: u32) -> Option<u32> {
    let number = scalar.number().filter(|n| n.fract() == 0.0)?;
    let within = (f64::from(min)..=f64::from(max)).contains(&number);
    // exact: whole, and between two whole numbers of 32 bits
    within.then_some(number as u32)
}

/// Whether the system could be asked for a file of that name.
fn is_path(text: &str) -> bool {
    !text.is_empty() && !text.contains('\0')
}

/// Whether `text` is an address that a path can be added to, and that may be shown to anybody.
fn is_address(text: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(text) else { return false };
    let plain = url.username().is_empty() && url.password().is_none();
    // the parser would quietly drop spaces and take back-slashes as slashes
    let clean =
        !text.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '\\' | '?' | '#' | '@'));
    let scheme = ["http://", "https://"].iter().any(|scheme| text.starts_with(scheme));
    plain && clean && scheme && url.has_host()
}

/// What is allowed, in words.
impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("text (quote what looks like a number)"),
            Self::AnyText => f.write_str("text, also an empty one in quotes"),
            Self::Word(words) => write!(f, "one of {}", words.join(", ")),
            Self::Path => f.write_str("a path"),
            Self::SecretFile => f.write_str("the path of a file that holds the secret"),
            Self::Url => f.write_str("http://… or https://… without user, password, ? and #"),
            Self::Listen => f.write_str(
                "127.0.0.1:PORT or [::1]:PORT: others than this machine could reach it without TLS, which there is none of yet",
            ),
            Self::Duration { min, max } => {
                let (min, max) = (Duration::from_millis(*min), Duration::from_millis(*max));
                write!(f, "a duration from {min} to {max}, such as 300ms, 10m, 2h30m")
            }
            Self::Size { min, max } => {
                write!(f, "a size from {} to {}, such as 64KiB, 2GiB", Size(*min), Size(*max))
            }
            Self::Count { min, max } => write!(f, "a whole number from {min} to {max}"),
            Self::Number { min, max } => write!(f, "a number from {min} to {max}"),
            Self::Bool => f.write_str("true or false"),
            Self::TextList { least: 0 } => f.write_str("a list of texts"),
            Self::TextList { least: 1 } => f.write_str("a list of texts, at least one"),
            Self::TextList { least } => write!(f, "a list of texts, at least {least}"),
            Self::CountList { min, max } => {
                write!(f, "a list of whole numbers from {min} to {max}, at least one")
            }
            Self::TextMap => f.write_str("a mapping of names to texts"),
            Self::PathMap => f.write_str("a mapping of names to paths"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Scalar;

    fn read(shape: Shape, text: &str) -> Result<Value, String> {
        shape.read(&Given::plain(text)).map_err(|unfit| unfit.found)
    }

    #[test]
    fn values_are_read_and_their_ends_are_held() {
        let duration = Shape::Duration { min: 100, max: 60_000 };
        assert_eq!(read(duration, "1m"), Ok(Value::Duration(60_000)));
        assert_eq!(read(duration, "61s"), Err("\"61s\"".to_owned()));
        assert_eq!(read(duration, "5"), Err("5".to_owned()));
        let size = Shape::Size { min: 1, max: 2048 };
        assert_eq!((read(size, "2KiB"), read(size, "3KiB").is_err()), (Ok(Value::Size(2048)), true));
        let count = Shape::Count { min: 1, max: 5 };
        assert_eq!(read(count, "5"), Ok(Value::Count(5)));
        for wrong in ["0", "6", "1.5", "-1", "five", "", ".nan"] {
            assert!(read(count, wrong).is_err(), "{wrong}");
        }
        let number = Shape::Number { min: 0.0, max: 1.0 };
        assert_eq!((read(number, "0.5"), read(number, ".inf").is_err()), (Ok(Value::Number(0.5)), true));
        assert_eq!(read(Shape::Bool, "true"), Ok(Value::Bool(true)));
        assert!(read(Shape::Bool, "yes").is_err());
        let quoted = Given::Scalar(Scalar { text: "5".into(), plain: false });
        assert_eq!(Shape::Text.read(&quoted), Ok(Value::Text("5".into())));
        assert!(Shape::Text.read(&Given::plain("5")).is_err());
        assert_eq!(read(Shape::Word(&["a", "b"]), "b"), Ok(Value::Text("b".into())));
    }

    #[test]
    fn only_this_machine_is_listened_to() {
        for text in ["127.0.0.1:9480", "[::1]:9480", "127.1.2.3:1"] {
            assert_eq!(read(Shape::Listen, text), Ok(Value::Text(text.to_owned())));
        }
        for text in [
            "0.0.0.0:9480",
            "[::]:9480",
            "192.0.2.1:9480",
            "127.0.0.1",
            "127.0.0.1:0",
            "localhost:1",
            ":1",
            "",
        ] {
            assert!(read(Shape::Listen, text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_address_shows_no_secret_and_takes_a_path() {
        for (text, kept) in [
            ("http://127.0.0.1:9090", "http://127.0.0.1:9090"),
            ("https://[::1]/prom/", "https://[::1]/prom"),
            ("http://prometheus:9090/a/b", "http://prometheus:9090/a/b"),
        ] {
            assert_eq!(read(Shape::Url, text), Ok(Value::Text(kept.to_owned())));
        }
        for text in [
            "prometheus:9090",
            "ftp://a",
            "http://",
            "http://a?b=c",
            "http://a#b",
            "http://a b",
            "http:a",
            "http://a\\b",
        ] {
            assert!(read(Shape::Url, text).is_err(), "{text}");
        }
        let secret = read(Shape::Url, "http://admin:hunter2@prometheus").expect_err("a password");
        assert!(!secret.contains("hunter2"), "{secret}");
    }

    fn quoted(text: &str) -> Given {
        Given::Scalar(Scalar { text: text.into(), plain: false })
    }

    #[test]
    fn lists_and_mappings_name_the_part_that_is_wrong() {
        let list = Given::List(vec![Given::plain("a"), Given::plain("7"), Given::List(Vec::new())]);
        let unfit = |place, found: &str| Err(Unfit { part: Part::Item(place), found: found.into() });
        assert_eq!(Shape::TextList { least: 1 }.read(&list), unfit(2, "an empty list"));
        let map = Given::Map(vec![("a".into(), Given::plain("7"))]);
        assert_eq!(Shape::TextMap.read(&map), Ok(Value::Map(vec![("a".into(), "7".into())])));
        assert!(Shape::TextList { least: 0 }.read(&map).is_err());
        let statuses = Shape::CountList { min: 200, max: 599 };
        let counts = |texts: &[&str]| {
            statuses.read(&Given::List(texts.iter().map(|text| Given::plain(text)).collect()))
        };
        assert_eq!(counts(&["200", "404"]), Ok(Value::Counts(vec![200, 404])));
        assert_eq!(counts(&["200", "600"]), unfit(1, "600"));
        assert!(counts(&[]).is_err() && statuses.read(&Given::plain("200")).is_err());
        let paths =
            Given::Map(vec![("a".into(), Given::plain("x/y")), ("b".into(), quoted("")), ("c".into(), map)]);
        assert_eq!(Shape::PathMap.read(&paths), unfit(1, "\"\""));
    }

    #[test]
    fn texts_may_be_empty_or_look_like_numbers_where_that_makes_sense() {
        let empty = Given::List(Vec::new());
        assert_eq!(Shape::TextList { least: 0 }.read(&empty), Ok(Value::List(Vec::new())));
        assert!(Shape::TextList { least: 1 }.read(&empty).is_err());
        let argv = Given::List(vec![Given::plain("-5"), Given::plain("true"), quoted("")]);
        let texts = ["-5", "true", ""].map(str::to_owned).to_vec();
        assert_eq!(Shape::TextList { least: 1 }.read(&argv), Ok(Value::List(texts)));
        // what is left out by mistake is not an empty text
        for unsaid in ["", "~", "null"] {
            assert!(Shape::TextList { least: 1 }.read(&Given::List(vec![Given::plain(unsaid)])).is_err());
            assert!(Shape::AnyText.read(&Given::plain(unsaid)).is_err());
        }
        for text in ["", "null", "7"] {
            assert_eq!(Shape::AnyText.read(&quoted(text)), Ok(Value::Text(text.into())));
        }
        assert_eq!(read(Shape::AnyText, "7"), Ok(Value::Text("7".into())));
        assert!(Shape::Text.read(&quoted("")).is_err());
        for path in ["", "a\0b"] {
            assert!(Shape::Path.read(&quoted(path)).is_err(), "{path:?}");
        }
    }
}
