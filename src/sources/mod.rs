//! Where samples come from. A source hands out series of samples; it never judges them.
//!
//! - [`recorded`]: series that were written down before, in CSV and Parquet files.

pub mod recorded;
