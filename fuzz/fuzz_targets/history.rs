//! Fuzzes the reading of the shape of a history and its log of series.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quietgate::fuzzing::history(bytes));
