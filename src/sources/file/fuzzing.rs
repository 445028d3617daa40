//! For fuzzers and tests alone: what must hold of a file that grows.

use super::log::{Log, Wanted};
use std::io::Write;

/// What was read: the samples, and the numbers of the lines that are bad. Why one is bad may change: once there was a time, all
/// must have its form.
struct Told {
    samples: Vec<String>,
    bad: Vec<u64>,
}

/// A file that is read while it grows has what it had before, and all that one has that is read whole. What it alone has are lines
/// before the first with a time that could be read: then its form was not known yet.
pub fn log(bytes: &[u8]) {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    let path = file.path().to_owned();
    let (begun, rest) = bytes.split_at(bytes.len() / 2);
    file.write_all(begun).expect("written");
    let mut grown = Log::open(&path).expect("a file");
    let before = told(&mut grown);
    file.write_all(rest).expect("written");
    assert!(!grown.was_cut().expect("a file"), "it has only grown");
    let (grown, whole) = (told(&mut grown), told(&mut Log::open(&path).expect("a file")));
    assert_eq!(grown.is_none(), whole.is_none());
    let (Some(before), Some(grown), Some(whole)) = (before, grown, whole) else { return };
    assert!(whole.samples.starts_with(&before.samples) && whole.bad.starts_with(&before.bad));
    assert!(holds(&grown.samples, &whole.samples) && holds(&whole.bad, &grown.bad));
    assert!(grown.samples.len() > whole.samples.len() || grown.bad == whole.bad);
}

/// All that there is; nothing where the file has no header that can be read.
fn told(log: &mut Log) -> Option<Told> {
    let wanted = Wanted { from: i64::MIN, until: i64::MAX, bytes: u64::MAX };
    let found = log.read("f", wanted).expect("a file").ok()?;
    assert_eq!((found.rest, found.ahead), (0, 0));
    let samples = found.samples.iter().map(|sample| format!("{sample:?}")).collect();
    Some(Told { samples, bad: found.bad.iter().map(|bad| bad.line).collect() })
}

/// Whether `all` has `some` in it, in their order.
fn holds<T: PartialEq>(all: &[T], some: &[T]) -> bool {
    let mut rest = all.iter();
    some.iter().all(|one| rest.any(|other| other == one))
}
