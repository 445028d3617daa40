//! Fuzzes the reading of the head of a journal, and records.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quietgate::fuzzing::journal(bytes));
