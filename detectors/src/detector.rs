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
///
/// A kind says how to [`judge`](Self::judge), [`learn`](Self::learn) and give [`evidence`](Self::evidence);
/// users call [`observe`](Self::observe) and [`observe_run`](Self::observe_run).
pub trait Detector: fmt::Debug + Send {
    /// The verdict on `value`, a finite number, as the value of the next cell.
    fn judge(&mut self, value: f64) -> Verdict;

    /// The numbers behind the verdict that [`judge`](Self::judge) just gave on `value`; it was not unknown.
    fn evidence(&self, value: f64) -> Evidence;

    /// Takes the cell that was just judged into the look-back.
    fn learn(&mut self, value: f64);

    /// The next `cells` cells have no value.
    fn skip(&mut self, cells: u64);

    /// The newest cell turned out to have no value after all (a second, conflicting sample came).
    /// Called at most once after a cell was learnt.
    fn retract(&mut self);

    /// Why a judgement is what it is, in words: one clause without a final stop. `at` is the sample's time.
    fn words(&self, verdict: Verdict, evidence: &Evidence, at: Timestamp) -> String;

    /// Judges the value of the next cell, then learns it.
    fn observe(&mut self, value: f64) -> Judgement {
        let verdict = self.judge(value);
        let evidence = (!verdict.is_unknown()).then(|| self.evidence(value).bounded());
        self.learn(value);
        Judgement { verdict, evidence }
    }

    /// Judges the values of consecutive cells: the same as [`observe`](Self::observe) on each, in one call.
    fn observe_run(&mut self, values: &[f64], column: &mut Column<'_>) {
        for (offset, (&value, place)) in values.iter().zip(column.verdicts.iter_mut()).enumerate() {
            let verdict = self.judge(value);
            *place = verdict;
            if column.keep.wants(verdict) {
                column.evidence.push((offset, self.evidence(value).bounded()));
            }
            self.learn(value);
        }
    }
}

/// Where a run of judgements is written: a verdict for each cell, the evidence where it is wanted.
#[derive(Debug)]
pub struct Column<'a> {
    /// One verdict a cell of the run: as long as the run.
    pub verdicts: &'a mut [Verdict],
    /// The evidence, with the offset of its cell in the run.
    pub evidence: &'a mut Vec<(usize, Evidence)>,
    /// Which evidence to keep.
    pub keep: Keep,
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
