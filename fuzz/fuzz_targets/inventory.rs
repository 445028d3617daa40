//! Fuzzes the reading of an inventory, as a file and as what a command printed.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quietgate::fuzzing::inventory(bytes));
