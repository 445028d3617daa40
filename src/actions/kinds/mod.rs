//! The table of actions: one file a kind.

mod exec;

mod http;
mod noop;
mod shell;
mod surroundings;
mod wait;

use super::registry::Entry;

pub(crate) use surroundings::variable;

/// Every kind, in the order of the documentation.
pub(crate) static ALL: &[Entry] = &[exec::ENTRY, shell::ENTRY, http::ENTRY, wait::ENTRY, noop::ENTRY];
