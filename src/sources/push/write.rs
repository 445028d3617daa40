//! A request of Prometheus' remote-write 1.0: a message of protobuf in one block of snappy.
//!
//! Of each series its labels are looked at as they lie there: what is known by them is not read again, and what nobody wants is
//! not copied. What stands beside samples (what a series is, exemplars) is left out; native histograms that are wanted are told of.

use super::inbox::{Form, Staged};
use super::refusal::Refusal;
use super::wire::{Fields, Malformed, Value};
use crate::settings::units::Size;
use crate::sources::Labels;
use std::collections::BTreeMap;

/// What `body` has in it, of `most` bytes at most; a block says in front how large it is.
pub(super) fn unpacked(body: &[u8], most: u64) -> Result<Vec<u8>, Refusal> {
    let bad = |_| Refusal::Malformed("the body is not one block of snappy".to_owned());
    let length = snap::raw::decompress_len(body).map_err(bad)?;
    if length as u64 > most {
        return Err(Refusal::TooLarge(format!(
            "{length} bytes when unpacked, allowed is at most {} (max_unpacked)",
            Size(most)
        )));
    }
    snap::raw::Decoder::new().decompress_vec(body).map_err(bad)
}

/// Stages the samples of `request`.
///
/// # Errors
/// What is wrong with it; what was staged until then is of no use.
pub(super) fn stage(request: &[u8], staged: &mut Staged<'_>) -> Result<(), Refusal> {
    for field in Fields::of(request) {
        match field.map_err(malformed)? {
            (1, Value::Bytes(series)) => stage_series(series, staged)?,
            (1, _) => return Err(malformed("a series is no message")),
            // there the other version has what this one has not
            (4 | 5, _) => return Err(Refusal::OtherForm(FORMS)),
            _ => {}
        }
    }
    Ok(())
}

/// What is read.
pub(super) const FORMS: &str =
    "remote-write 1.0: Content-Type: application/x-protobuf, Content-Encoding: snappy";

fn stage_series(series: &[u8], staged: &mut Staged<'_>) -> Result<(), Refusal> {
    let mut hash = staged.hash(Form::RemoteWrite);
    for field in Fields::of(series) {
        if let (1, Value::Bytes(label)) = field.map_err(malformed)? {
            hash.write(label);
        }
    }
    let places = staged.places(hash, || labels(series))?;
    for field in Fields::of(series) {
        match field.map_err(malformed)? {
            (2, Value::Bytes(bytes)) => {
                let (at_ms, value) = sample(bytes).map_err(malformed)?;
                staged.sample(&places, at_ms, value)?;
            }
            (4, _) => staged.histogram(&places)?,
            (2, _) => return Err(malformed("a sample is no message")),
            _ => {}
        }
    }
    Ok(())
}

fn labels(series: &[u8]) -> Result<Labels, Refusal> {
    let mut labels = BTreeMap::new();
    let mut count = 0;
    for field in Fields::of(series) {
        match field.map_err(malformed)? {
            (1, Value::Bytes(bytes)) => {
                let (name, value) = label(bytes).map_err(malformed)?;
                labels.insert(name, value);
                count += 1;
            }
            (1, _) => return Err(malformed("a label is no message")),
            _ => {}
        }
    }
    if labels.len() < count {
        return Err(malformed("a series has two labels of one name"));
    }
    Ok(labels.into_iter().filter(|(_, value)| !value.is_empty()).collect())
}

fn label(bytes: &[u8]) -> Result<(&str, &str), Malformed> {
    let (mut name, mut value) = ("", "");
    for field in Fields::of(bytes) {
        match field? {
            (1, Value::Bytes(text)) => name = str::from_utf8(text).map_err(|_| NOT_UTF8)?,
            (2, Value::Bytes(text)) => value = str::from_utf8(text).map_err(|_| NOT_UTF8)?,
            (1 | 2, _) => return Err("a label is no text"),
            _ => {}
        }
    }
    if name.is_empty() { Err("a label has no name") } else { Ok((name, value)) }
}

const NOT_UTF8: Malformed = "a label is not UTF-8";

/// The time in milliseconds and the value; what is left out is zero.
fn sample(bytes: &[u8]) -> Result<(i64, f64), Malformed> {
    let (mut at_ms, mut value) = (0, 0.0);
    for field in Fields::of(bytes) {
        match field? {
            (1, Value::Fixed64(bits)) => value = f64::from_bits(bits),
            (2, Value::Varint(number)) => at_ms = number.cast_signed(),
            (1 | 2, _) => return Err("a sample has no number where one must be"),
            _ => {}
        }
    }
    Ok((at_ms, value))
}

fn malformed(why: Malformed) -> Refusal {
    Refusal::Malformed(format!("not a request of remote-write 1.0: {why}"))
}
