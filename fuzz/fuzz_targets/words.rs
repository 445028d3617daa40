//! Fuzzes the reading of durations, sizes, shares, amounts, selectors of targets, zones.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quietgate::fuzzing::words(bytes));
