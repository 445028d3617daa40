//! Fuzzes the reading of a plan.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quietgate::fuzzing::plan(bytes));
