//! What every detector promises.

use crate::averages::Averages;
use crate::sample::Timestamp;
use crate::verdict::{Evidence, Verdict};
use std::fmt;

/// Judges one series, cell by cell. A *cell* is one place on the series' time grid: start + k × interval.
///
/// Promises that `tests/conformance.rs` holds for every kind:
/// the same cells give the same verdicts however the stream is cut into calls;
/// a score is finite and at least 0; memory is bounded, and does not grow with the stream;
/// nothing but the cells decides: no clock, no thread, no environment.
pub(crate) trait Detector: fmt::Debug + Send {
    /// Judges the values of consecutive cells and learns them. `column` is as long as there are values.
    fn observe_run(&mut self, cells: &Cells<'_>, column: &mut Column<'_>);

    /// The next `cells` cells have no value.
    fn skip(&mut self, cells: u64);

    /// The newest cell turned out to have no value after all (a second, conflicting sample came).
    /// Called at most once after a cell was learnt.
    fn retract(&mut self);

    /// Why a judgement is what it is, in words: one clause without a final stop. `at` is the sample's time.
    fn words(&self, verdict: Verdict, evidence: &Evidence, at: Timestamp) -> String;
}

/// Consecutive cells as a detector sees them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cells<'a> {
    /// The values: finite numbers.
    pub(crate) values: &'a [f64],
    /// The averages that the detectors asked for, along these cells.
    pub(crate) averages: &'a Averages,
}

/// Where a run of judgements is written: a verdict for each cell, the evidence where it is wanted.
#[derive(Debug)]
pub(crate) struct Column<'a> {
    /// One verdict a cell of the run: as long as the run.
    pub(crate) verdicts: &'a mut [Verdict],
    /// The evidence, with the offset of its cell in the run.
    pub(crate) evidence: &'a mut Vec<(usize, Evidence)>,
    /// Which evidence to keep.
    pub(crate) keep: Keep,
}

impl Column<'_> {
    /// Keeps the evidence that is wanted of the verdicts from `from` until `until`, which are stated: `evidence`
    /// gives that of the cell at an offset. Kept apart from the stating of verdicts, whose loops stay simple.
    #[inline(always)]
    pub(crate) fn keep_evidence(&mut self, from: usize, until: usize, evidence: impl Fn(usize) -> Evidence) {
        if self.keep == Keep::Nothing {
            return;
        }
        for offset in from..until {
            if self.keep.wants(self.verdicts[offset]) {
                self.evidence.push((offset, evidence(offset).bounded()));
            }
        }
    }
}

/// Which evidence to keep while judging. An unknown verdict has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// None: verdicts alone.
    Nothing,
    /// That of surges and drops.
    Fired,
    /// All there is.
    All,
}

impl Keep {
    /// Whether the evidence behind `verdict` is kept.
    #[inline(always)]
    pub fn wants(self, verdict: Verdict) -> bool {
        match self {
            Self::Nothing => false,
            Self::Fired => verdict.fired(),
            Self::All => !verdict.is_unknown(),
        }
    }
}
