//! Verdicts of several detectors over time, combined into findings.
//!
//! The floor above the detectors, and as pure: no I/O, no clock, no thread. A [`RuleSpec`] is a rule as it is
//! configured, found good: its kind, its detectors, the [`Direction`] that is harmful, and a [`Sustain`]. Its
//! [`Combiner`] turns the verdicts on each cell into one; [`Sustained`] turns these over time into [`Finding`]s.
//!
//! # Promises
//!
//! - Unknown never counts as clean: a [`Finding`] is unknown wherever the newest cell could not be judged.
//! - A rule decides by the verdicts on the cell and by whether the series is periodic, and by nothing else. None fires
//!   because a detector is silent.
//! - An unknown word is an error, never a default.
//!
//! # Example
//!
//! ```
//! use quietgate_detectors::{Reason, Spec, Verdict};
//! use quietgate_rules::{Direction, Finding, RuleSpec, Sustained};
//!
//! let detectors = vec![Spec::new("ss", &[])?, Spec::new("ls", &[])?];
//! let rule = RuleSpec::new("any", &[], detectors, Direction::Down, "2 of 3".parse()?)?;
//!
//! let ss = [Verdict::Surge, Verdict::Drop, Verdict::Drop, Verdict::Unknown(Reason::WarmingUp)];
//! let ls = [Verdict::Normal, Verdict::Normal, Verdict::Drop, Verdict::Normal];
//! let mut combined = [Verdict::Normal; 4];
//! rule.combiner().combine_run(&[&ss, &ls], false, &mut combined);
//!
//! let mut sustained = Sustained::new(rule.sustain);
//! let findings = combined.map(|verdict| sustained.observe(verdict));
//! // a surge is harmless here; one drop may be a slip; `ss` might have fired at the end
//! let expected =
//!     [Finding::Clean, Finding::Suspect, Finding::Anomalous, Finding::Unknown(Reason::WarmingUp)];
//! assert_eq!(findings, expected);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod combiner;
mod direction;
pub mod gate;
mod kinds;
mod presets;
mod registry;
mod standing;
mod sustain;
mod votes;

pub use combiner::Combiner;
pub use direction::{Direction, UnknownDirection};
pub use presets::{Preset, PresetRule, preset, presets};
pub use registry::{Build, Entry, Rule, RuleError, RuleSpec, VOTERS_MAX, all, find};
pub use standing::{Condition, Standing};
pub use sustain::{Finding, SUSTAIN_MAX, Sustain, SustainError, Sustained};
