//! Fuzzes the reading of names of series, times, and files of labels.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quietgate::fuzzing::names(bytes));
