//! What every detector promises.

use crate::averages::Averages;
use crate::flock::Across;
use crate::residuals::AllResiduals;
use crate::sample::Timestamp;
use crate::verdict::{Evidence, Verdict};
use std::fmt;

/// Judges one series, cell by cell. A *cell* is one place on the series' time grid: start + k × interval.
///
/// Promises that `tests/conformance.rs` holds for every kind:
/// the same cells give the same verdicts however the stream is cut into calls;
/// a score is finite and at least 0; memory is bounded, and does not grow with the stream;
/// nothing but the cells decides: no clock, no thread, no environment.
pub(crate) trait Detector: Boxed + fmt::Debug + Send {
    /// Judges the values of consecutive cells and learns them. `verdicts` has a place for each of them.
    fn observe_run(&mut self, cells: &Cells<'_>, verdicts: &mut [Verdict]);

    /// The numbers behind the verdict on the cell at `offset` of the newest run, which is `cells` again. Asked before
    /// anything else is told, and only of verdicts that are not unknown.
    fn evidence(&self, cells: &Cells<'_>, offset: usize) -> Evidence;

    /// The next `cells` cells have no value.
    fn skip(&mut self, cells: u64);

    /// The newest cell turned out to have no value after all (a second, conflicting sample came).
    /// Called at most once after a cell was learnt.
    fn retract(&mut self);

    /// The next cell is the first after a batch started, whose expected effects last for `settling` cells. Only what
    /// compares after with before takes note.
    fn batch_starts(&mut self, _residuals: &AllResiduals, _settling: u64) {}

    /// What it lacks to judge a batch that starts with the next cell; nothing where it could, and where it judges all cells
    /// alike.
    fn lacks(&self, _residuals: &AllResiduals) -> Option<Lacks> {
        None
    }

    /// The same for one cell of each of many series, whose past is kept elsewhere; none where it keeps its own.
    fn across(&self) -> Option<&dyn Across> {
        None
    }

    /// Why a judgement is what it is, in words: one clause without a final stop. `at` is the sample's time.
    fn words(&self, verdict: Verdict, evidence: &Evidence, at: Timestamp) -> String;

    /// What is worth telling of a cell that is normal, as a clause; nothing mostly. It changes no verdict.
    fn remark(&self, _evidence: &Evidence) -> Option<String> {
        None
    }
}

/// Cells that are missing from before a batch that starts with the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lacks {
    /// So many in a row are enough.
    pub(crate) wanted: u64,
    /// So many more of them are, if none is missing.
    pub(crate) more: u64,
    /// Whether some that have passed are missing: then fewer may do.
    pub(crate) gaps: bool,
}

/// A detector that can be doubled: what it has learnt goes on in two ways.
pub(crate) trait Boxed {
    /// The same detector once more.
    fn boxed(&self) -> Box<dyn Detector>;
}

impl<D: Detector + Clone + 'static> Boxed for D {
    fn boxed(&self) -> Box<dyn Detector> {
        Box::new(self.clone())
    }
}

impl Clone for Box<dyn Detector> {
    fn clone(&self) -> Self {
        (**self).boxed()
    }
}

/// Consecutive cells as a detector sees them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cells<'a> {
    /// The values: finite numbers.
    pub(crate) values: &'a [f64],
    /// The averages that the detectors asked for, along these cells.
    pub(crate) averages: &'a Averages,
    /// The residuals that the detectors asked for, up to these cells.
    pub(crate) residuals: &'a AllResiduals,
}
