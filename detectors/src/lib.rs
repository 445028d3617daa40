//! Explainable detectors for one time series: samples in, verdicts out.
//!
//! The lowest floor of Quietgate: it depends on nothing, and everything that judges depends on it. It is pure. There is
//! no I/O here, no clock, no thread and no environment; time comes in with the samples, as UTC milliseconds.
//!
//! A [`Panel`] judges one series by any number of detectors. Each sample is placed on the series' grid of cells; runs
//! of consecutive cells go to an [`Ensemble`] of detectors, each of which states a [`Verdict`] on each cell and, where it
//! is wanted, the [`Evidence`] behind it. Kinds of detectors come from the table that [`all`] gives; a [`Spec`] is a kind with
//! options that were found good.
//!
//! # Promises
//!
//! - The same samples give the same verdicts, bit for bit, however they are cut into calls.
//! - What cannot be judged is [`Verdict::Unknown`] with a [`Reason`], and never normal.
//! - A score is finite and at least 0. Memory is bounded, and does not grow with the stream.
//! - What a kind states under its name never changes.
//!
//! # Example
//!
//! ```
//! use quietgate_detectors::{Block, Calendar, Interval, OptionValue, Panel, PanelSpec, Sample, Spec, Verdict};
//!
//! let above = [("above".to_owned(), OptionValue::Number(50.0))];
//! let mut panel = Panel::new(PanelSpec {
//!     detectors: vec![Spec::new("threshold", &above)?],
//!     period: None,
//!     interval: Interval::from_millis(60_000)?,
//!     calendar: Calendar::Utc,
//!     lateness_ms: 0,
//! });
//! let mut said = Vec::new();
//! // a minute each; the third has no value
//! let samples = [(0, 12.0), (60_000, 81.25), (120_000, f64::NAN), (180_000, 13.0)];
//! panel.observe(&samples.map(|(at_ms, value)| Sample::new(at_ms, value)), |block| match block {
//!     Block::Judged(run) => said.extend_from_slice(&run.verdicts[0]),
//!     Block::Unknown { reason, .. } => said.push(Verdict::Unknown(reason)),
//!     Block::Late { .. } => {}
//! });
//! let said: Vec<_> = said.iter().map(ToString::to_string).collect();
//! assert_eq!(said, ["normal", "surge", "unknown(not_a_number)", "normal"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod averages;
mod baseline;
mod behind;
mod calendar;
mod days;
mod detector;
mod ensemble;
mod ewm;
mod flock;
mod grid;
mod kinds;
mod lack;
mod logarithm;
mod middle;
mod options;
mod panel;
mod period;
mod ranks;
mod registry;
mod reorder;
mod residuals;
mod ring;
mod sample;
mod settled;
mod slices;
mod tail;
mod verdict;
mod wide;
mod words;

pub use calendar::{Calendar, Transition, Zone};
pub use ensemble::Ensemble;
pub use flock::{Flock, Fold, JudgedRow, Look, LookSpec, Past, Said};
pub use lack::Lack;
pub use options::{Accepts, Default, OptionDoc, OptionError, OptionValue, Options};
pub use panel::{BatchStart, Block, Panel, PanelSpec, Run};
pub use period::PERIOD_VARIANCE;
pub use registry::{Entry, Spec, SpecError, all, find};
pub use sample::{DAY_MS, Interval, IntervalError, Sample, Timestamp};
pub use verdict::{Evidence, Judgement, Reason, Verdict};
pub use words::number;
