//! Quietgate.
