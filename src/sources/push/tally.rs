//! What has come to the listener so far, counted for persons who look.

use super::refusal::Refusal;
use crate::text::{count, counted};
use std::collections::BTreeMap;

/// What has come so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Requests that were taken.
    pub(super) requests: u64,
    /// Requests that came again after they were taken.
    pub(super) repeated: u64,
    /// Samples of requests that were taken.
    pub(super) samples: u64,
    /// Those of them that nobody asks for.
    pub(super) unwanted: u64,
    /// Requests that were not taken: how many, and what was said to the last one, by status.
    refused: BTreeMap<u16, (u64, String)>,
}

impl Tally {
    /// A request was not taken.
    pub(super) fn refuse(&mut self, refusal: &Refusal) {
        let (count, last) = self.refused.entry(refusal.status()).or_default();
        *count += 1;
        *last = refusal.words().into_owned();
    }

    /// All of it; `series` are known that nobody asks for.
    pub(super) fn in_words(&self, series: u64) -> Vec<String> {
        let mut out = vec![format!(
            "{} with {} taken; {} of {} are for no signal",
            counted(self.requests, "request", "requests"),
            counted(self.samples, "sample", "samples"),
            count(self.unwanted),
            counted(series, "series", "series"),
        )];
        if self.repeated > 0 {
            out.push(format!(
                "{} again after it was taken",
                counted(self.repeated, "request came", "requests came")
            ));
        }
        out.extend(self.refused.iter().map(|(status, (count, last))| {
            format!("{} answered {status}, the last one with: {last}", counted(*count, "request", "requests"))
        }));
        out
    }
}
