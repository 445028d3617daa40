//! Calls: what a step has done to a target, as far as that does not depend on its kind.

use crate::settings::Given;

/// An action, an undo or a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The kind of action.
    pub kind: String,
    /// Where the call stands in the plan's file: line and column, both from 1.
    pub at: (usize, usize),
    /// What the kind wants to know, as it is written; the keys that every call has are not among it.
    pub settings: Vec<(String, Given)>,
    /// How long it may take, in milliseconds; more than 0. Each attempt has that long.
    pub timeout_ms: i64,
    /// How often it is tried again after it failed; more than 0 only where it is `repeatable`.
    pub retries: u32,
    /// Whether doing it twice does no more than doing it once.
    pub repeatable: bool,
}
