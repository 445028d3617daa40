//! Quietgate.
#![forbid(unsafe_code)]
pub mod monitor;
