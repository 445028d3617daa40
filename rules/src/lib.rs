//! Rules: verdicts of several detectors over time, combined into findings.
#![forbid(unsafe_code)]
mod combiner;
mod direction;
mod kinds;
mod registry;
mod sustain;
mod votes;
pub use combiner::Combiner;
pub use direction::{Direction, UnknownDirection};
pub use registry::{Build, Entry, Rule, RuleError, RuleSpec, VOTERS_MAX, all, find};
pub use sustain::{Finding, SUSTAIN_MAX, Sustain, SustainError, Sustained};
