//! Fuzzes the reading of a recorded table.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quietgate::fuzzing::csv(bytes));
