//! The page of a replay.

use super::Replay;
use super::summary::Summary;
use crate::backtest::labels::Labels;
use crate::sources::recorded::SeriesInfo;

/// The page.
pub fn html(_replay: &Replay, _summary: &Summary, _labels: Option<(&Labels, &[SeriesInfo])>) -> String {
    String::new()
}
