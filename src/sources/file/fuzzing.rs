//! For fuzzers and tests alone: what must hold of a file that grows.

use super::log::{Found, Log, Wanted};
use std::io::Write;

/// A file that is read while it grows says the same as one that is read whole.
pub fn log(bytes: &[u8]) {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    let path = file.path().to_owned();
    let wanted = Wanted { from: i64::MIN, until: i64::MAX, bytes: u64::MAX };
    let told = |log: &mut Log| log.read("f", wanted).expect("a file").map(|found| words(&found));
    let (begun, rest) = bytes.split_at(bytes.len() / 2);
    file.write_all(begun).expect("written");
    let mut grown = Log::open(&path).expect("a file");
    let before = told(&mut grown);
    file.write_all(rest).expect("written");
    assert!(!grown.was_cut().expect("a file"), "it has only grown");
    let whole = told(&mut Log::open(&path).expect("a file"));
    assert_eq!(told(&mut grown), whole);
    if let (Ok(before), Ok(whole)) = (before, whole) {
        assert!(
            before.iter().zip(&whole).all(|(before, whole)| whole.starts_with(before)),
            "{before:?} {whole:?}"
        );
    }
}

/// The samples, the numbers of the lines that are bad, and nothing that is left. Why one is bad may change: once there was a time,
/// all must have its form.
fn words(found: &Found) -> [String; 2] {
    assert_eq!((found.rest, found.ahead), (0, 0));
    let told = |words: Vec<String>| words.concat();
    let samples = found.samples.iter().map(|sample| format!("{sample:?}\n")).collect();
    [told(samples), told(found.bad.iter().map(|(line, _)| format!("{line}\n")).collect())]
}
