//! Fuzzes the reading of what a program printed.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quietgate::fuzzing::output(bytes));
