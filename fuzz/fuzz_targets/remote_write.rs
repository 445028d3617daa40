//! Fuzzes the reading of a body of remote-write.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quietgate::fuzzing::remote_write(bytes));
