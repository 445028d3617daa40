//! Samples as JSON, one a line: `{"at": 1709251200000, "labels": {"vip": "10.0.0.1"}, "value": 12.5}`.

use super::super::error::one_line;
use super::inbox::{Form, Staged};
use super::refusal::Refusal;
use jiff::Timestamp;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt;

/// The most bytes of a line: labels of a thousand bytes, sixty of them.
const LINE_MAX: usize = 64 << 10;

/// What is read.
pub(super) const FORMS: &str = "lines of JSON: Content-Type: application/x-ndjson, without Content-Encoding";

/// How many lines with something in them `body` has.
pub(super) fn count(body: &[u8]) -> usize {
    numbered(body).count()
}

/// The lines with something in them, by their numbers from 1.
fn numbered(body: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    let lines = (1_u64..).zip(body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii));
    lines.filter(|(_, line)| !line.is_empty())
}

/// Stages the samples of `body`.
///
/// # Errors
/// The first line that is wrong, by its number; what was staged until then is of no use.
pub(super) fn stage(body: &[u8], staged: &mut Staged<'_>) -> Result<(), Refusal> {
    for (number, line) in numbered(body) {
        let bad = |why: String| Refusal::Malformed(format!("line {number}: {why}; no line is taken"));
        if line.len() > LINE_MAX {
            return Err(bad(format!("{} bytes, allowed is at most {LINE_MAX}", line.len())));
        }
        let Line { at, labels, value } = serde_json::from_slice(line).map_err(|error| bad(told(&error)))?;
        let mut hash = staged.hash(Form::Lines);
        for text in labels.0.iter().flat_map(|(name, value)| [name, value]) {
            hash.write(text.as_bytes());
        }
        let places = staged.places(hash, || Ok(labels.0.into()))?;
        staged.sample(&places, at.0, value.unwrap_or(f64::NAN)).map_err(|refusal| match refusal {
            Refusal::Malformed(why) => bad(why),
            other => other,
        })?;
    }
    Ok(())
}

/// What is wrong with a line, by its column: that it is the first line is true of each by itself.
fn told(error: &serde_json::Error) -> String {
    let words = error.to_string();
    // it may repeat what stands in the line
    let words = one_line(words.split(" at line ").next().unwrap_or_default());
    format!("{words} (column {})", error.column())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    at: At,
    labels: Named,
    // it must be there, and may be null: then there is a sample and no value
    #[serde(deserialize_with = "Option::deserialize")]
    value: Option<f64>,
}

/// Milliseconds.
struct At(i64);

impl<'de> Deserialize<'de> for At {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = At;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("whole milliseconds since 1970, or a time as 2024-03-01T00:00:00Z")
            }

            fn visit_i64<E: Error>(self, ms: i64) -> Result<At, E> {
                Ok(At(ms))
            }

            fn visit_u64<E: Error>(self, ms: u64) -> Result<At, E> {
                i64::try_from(ms).map(At).map_err(|_| E::custom("a time that is too large"))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<At, E> {
                let time: Timestamp = text.parse().map_err(|_| E::custom("a time that cannot be read"))?;
                Ok(At(time.as_millisecond()))
            }
        }
        deserializer.deserialize_any(Read)
    }
}

/// Labels, each name once; those with an empty value are left out, for they are none.
struct Named(BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Named {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Named;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Named, A::Error> {
                let mut labels = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, String>()? {
                    if name.is_empty() {
                        return Err(A::Error::custom("a label has no name"));
                    }
                    if labels.insert(name, value).is_some() {
                        return Err(A::Error::custom("two labels of one name"));
                    }
                }
                labels.retain(|_, value| !value.is_empty());
                Ok(Named(labels))
            }
        }
        deserializer.deserialize_map(Read)
    }
}
