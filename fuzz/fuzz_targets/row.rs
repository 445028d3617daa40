//! Fuzzes the reading of a row of a history.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quietgate::fuzzing::row(bytes));
