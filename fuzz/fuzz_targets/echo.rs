//! Fuzzes the reading of a packet that comes back.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quietgate::fuzzing::echo(bytes));
