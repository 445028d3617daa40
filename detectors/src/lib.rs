//! Detectors.
mod detector;
mod options;
mod sample;
mod verdict;
pub use detector::{Column, Detector, Keep};
pub use options::{Accepts, Default, OptionDoc, OptionError, OptionValue, Options};
pub use sample::{DAY_MS, Interval, IntervalError, Sample, Timestamp};
pub use verdict::{Evidence, Judgement, Reason, Verdict};
