//! Fuzzes the reading of a page of an exporter, in either format.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quietgate::fuzzing::page(bytes));
