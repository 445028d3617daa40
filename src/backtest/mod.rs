//! Backtest: recorded series in, findings out.

pub mod report;
