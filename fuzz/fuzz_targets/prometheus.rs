//! Fuzzes the reading of an answer of a Prometheus server.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quietgate::fuzzing::prometheus(bytes));
