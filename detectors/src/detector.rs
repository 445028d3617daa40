//! What every detector promises.

use crate::sample::Timestamp;
use crate::verdict::{Evidence, Judgement, Verdict};
use std::fmt;

/// Judges one series, cell by cell. A *cell* is one place on the series' time grid: start + k × interval.
///
/// Promises that `tests/conformance.rs` holds for every kind:
/// the same cells give the same verdicts however the stream is cut into calls;
/// a score is finite and at least 0; memory is bounded, and does not grow with the stream;
/// nothing but the cells decides: no clock, no thread, no environment.
pub trait Detector: fmt::Debug + Send {
    /// Judges the value of the next cell, then learns it. `value` is finite.
    fn observe(&mut self, value: f64) -> Judgement;

    /// The next `cells` cells have no value.
    fn skip(&mut self, cells: u64);

    /// The newest cell turned out to have no value after all (a second, conflicting sample came).
    /// Called at most once after an [`observe`](Self::observe).
    fn retract(&mut self);

    /// Why the judgement of the sample at `at` is what it is, in words: one clause without a final stop.
    fn words(&self, verdict: Verdict, evidence: &Evidence, at: Timestamp) -> String;

    /// Judges consecutive cells: the same as [`observe`](Self::observe) on each, in one call.
    fn observe_run(&mut self, values: &[f64], column: &mut Column<'_>) {
        for (offset, &value) in values.iter().enumerate() {
            column.put(offset, self.observe(value));
        }
    }
}

/// Where a run of judgements is written: a verdict for each cell, the evidence where it is wanted.
#[derive(Debug)]
pub struct Column<'a> {
    /// One verdict a cell of the run.
    pub verdicts: &'a mut [Verdict],
    /// The evidence, with the offset of its cell in the run.
    pub evidence: &'a mut Vec<(usize, Evidence)>,
    /// Which evidence to keep.
    pub keep: Keep,
}

/// Which evidence to keep while judging.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// None: verdicts alone.
    Nothing,
    /// That of surges and drops.
    Fired,
    /// All there is.
    All,
}

impl Column<'_> {
    /// Writes the judgement of the cell at `offset` of the run.
    #[inline(always)]
    pub fn put(&mut self, offset: usize, judgement: Judgement) {
        self.verdicts[offset] = judgement.verdict;
        let wanted = match self.keep {
            Keep::Nothing => false,
            Keep::Fired => judgement.verdict.fired(),
            Keep::All => true,
        };
        if wanted && let Some(evidence) = judgement.evidence {
            self.evidence.push((offset, evidence));
        }
    }
}
