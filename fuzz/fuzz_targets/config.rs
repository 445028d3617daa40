//! Fuzzes the reading of a config.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quietgate::fuzzing::config(bytes));
