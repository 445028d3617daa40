//! Detectors.
#![forbid(unsafe_code)]
mod calendar;
mod days;
mod detector;
mod ewm;
mod grid;
mod kinds;
mod options;
mod panel;
mod period;
mod registry;
mod reorder;
mod sample;
mod verdict;
mod words;
pub use calendar::{Calendar, Transition, Zone};
pub use detector::{Column, Detector, Keep};
pub use options::{Accepts, Default, OptionDoc, OptionError, OptionValue, Options};
pub use panel::{Block, Panel, PanelSpec, Run};
pub use period::PERIOD_VARIANCE;
pub use registry::{Build, Entry, Setting, Spec, SpecError, all, find};
pub use sample::{DAY_MS, Interval, IntervalError, Sample, Timestamp};
pub use verdict::{Evidence, Judgement, Reason, Verdict};
pub use words::number;
