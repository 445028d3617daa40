//! What there may be in one answer: series, labels, lengths.

use super::{Labels, SourceError, Trouble};
use crate::settings::{Need, SettingDoc, Settings, Shape};
use crate::text::{count, counted};

pub(super) const SERIES: SettingDoc = SettingDoc {
    name: "max_series",
    shape: Shape::Count { min: 1, max: 1_000_000 },
    need: Need::Default("50000"),
    about: "the most series of one query",
};

pub(super) const LABELS: SettingDoc = SettingDoc {
    name: "max_labels",
    shape: Shape::Count { min: 1, max: 1000 },
    need: Need::Default("64"),
    about: "the most labels of a series",
};

pub(super) const LABEL_LENGTH: SettingDoc = SettingDoc {
    name: "max_label_length",
    shape: Shape::Size { min: 16, max: 1 << 20 },
    need: Need::Default("1KiB"),
    about: "the longest name and value of a label",
};

/// What there may be in one answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Series.
    pub(super) series: u32,
    /// Labels of a series.
    pub(super) labels: u32,
    /// Bytes of the name and of the value of a label.
    pub(super) label_bytes: u64,
}

impl Limits {
    /// Those of `settings`, which have all three.
    pub(super) fn of(settings: &Settings) -> Self {
        Self {
            series: settings.count(SERIES.name).unwrap_or_default(),
            labels: settings.count(LABELS.name).unwrap_or_default(),
            label_bytes: settings.size(LABEL_LENGTH.name).unwrap_or_default(),
        }
    }

    /// Refuses more than so many series in an answer that came from `at`.
    pub(super) fn hold_series(self, found: usize, at: &str) -> Result<(), SourceError> {
        if found <= self.series as usize {
            return Ok(());
        }
        let what = counted(found as u64, "series", "series");
        let limit = format!("{} (max_series)", count(self.series.into()));
        Err(SourceError::new(at, Trouble::TooMuch { what, limit }))
    }

    /// Refuses a series with too many or too long labels.
    pub(super) fn hold_labels(self, labels: &Labels, at: &str) -> Result<(), SourceError> {
        let too_much =
            |what: String, limit: String| Err(SourceError::new(at, Trouble::TooMuch { what, limit }));
        if labels.len() > self.labels as usize {
            let what = format!("a series with {} labels", labels.len());
            return too_much(what, format!("{} (max_labels)", self.labels));
        }
        let longest = labels.iter().map(|(name, value)| name.len().max(value.len())).max().unwrap_or(0);
        if longest as u64 > self.label_bytes {
            let what = format!("a label of {longest} bytes");
            return too_much(what, format!("{} bytes (max_label_length)", self.label_bytes));
        }
        Ok(())
    }
}
