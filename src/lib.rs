//! Quietgate.

pub mod backtest;
pub mod text;
