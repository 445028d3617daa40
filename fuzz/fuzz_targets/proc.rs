//! Fuzzes the reading of texts of `/proc`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quietgate::fuzzing::proc(bytes));
