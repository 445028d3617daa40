//! What the `${…}` of an action stand for in one attempt.

use std::collections::BTreeMap;

/// The values of one attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct Values {
    /// The run's name.
    pub run: String,
    /// The plan's name.
    pub plan: String,
    /// The step's name.
    pub step: String,
    /// The target's name.
    pub target: String,
    /// Where the target is reached, as the inventory says.
    pub address: String,
    /// Which attempt on this target and step it is, from 1.
    pub attempt: u32,
    /// The target's labels.
    pub labels: BTreeMap<String, String>,
}
