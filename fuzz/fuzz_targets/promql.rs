//! Fuzzes the reading of a query.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quietgate::fuzzing::promql(bytes));
