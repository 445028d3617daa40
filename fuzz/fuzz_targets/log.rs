//! Fuzzes the reading of a table that grows.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quietgate::fuzzing::log(bytes));
