//! The sinks, one file each.

pub(super) mod alertmanager;
mod alerts;
pub(super) mod log;
pub(super) mod slack;
pub(super) mod webhook;
