//! Fuzzes the reading of a selector, and lines of a page.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quietgate::fuzzing::selector(bytes));
