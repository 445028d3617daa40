//! Fuzzes the reading of messages of the kernel about IPVS.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quietgate::fuzzing::netlink(bytes));
