//! Quietgate.

pub mod sources;
