//! Fuzzes the reading of a body of JSON lines.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quietgate::fuzzing::json_lines(bytes));
