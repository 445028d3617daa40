//! Judging one cell of each of many series at a time, by what is remembered of them elsewhere.

use super::average::Side;
use super::look::Fold;
use crate::averages::AverageId;
use crate::days::Seen;
use crate::verdict::{Evidence, Verdict};
use std::fmt;

/// A detector that keeps nothing of any series by itself: what it rests on is in the [`Row`].
///
/// It says of each cell what the same detector says as a [`Detector`](crate::detector::Detector) of one series, to the bit.
pub(crate) trait Across: fmt::Debug {
    /// What must be remembered of each series for it.
    fn wants(&self) -> Wants;

    /// Judges the cells of `row`; `verdicts` has a place for each of them.
    fn judge_row(&self, row: &Row<'_>, verdicts: &mut [Verdict]);

    /// The numbers behind the verdict on the cell at `place` of `row`. Asked only of verdicts that are not unknown.
    fn row_evidence(&self, row: &Row<'_>, place: usize) -> Evidence;
}

/// What must be remembered of each series.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Wants {
    /// So many values before the newest.
    pub(crate) recent: usize,
    /// What the same time of day showed on earlier days.
    pub(crate) fold: Option<Fold>,
}

/// One cell of each of some series.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    /// The values: finite numbers.
    pub(crate) values: &'a [f64],
    /// Those of the cells before; not a number where there is none.
    pub(crate) previous: &'a [f64],
    /// The samples before, without a gap.
    pub(crate) recent: Recent<'a>,
    /// By number, the averages of each series.
    pub(crate) averages: &'a [Averaged],
    /// By number, what earlier days showed.
    pub(crate) folds: &'a [(Fold, Seen)],
}

impl Row<'_> {
    /// The average that a detector named when it was made.
    pub(crate) fn average(&self, id: AverageId) -> &Averaged {
        &self.averages[id.number()]
    }

    /// What earlier days showed, folded so.
    pub(crate) fn fold(&self, wanted: Fold) -> &Seen {
        let fold = self.folds.iter().find(|(fold, _)| *fold == wanted);
        // every fold that a detector wants is asked for when the flock is made
        &fold.expect("a fold that is wanted").1
    }
}

/// Of each series the newest samples before the row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recent<'a> {
    /// Which series those of the row are.
    pub(crate) members: &'a [u32],
    /// `depth` places a series, filled from behind.
    pub(crate) values: &'a [f64],
    pub(crate) depth: usize,
    /// So many of them are filled.
    pub(crate) filled: &'a [u16],
}

impl<'a> Recent<'a> {
    /// The `samples` samples before the cell at `place`; none where there are fewer.
    #[inline(always)]
    pub(crate) fn before(&self, place: usize, samples: usize) -> Option<&'a [f64]> {
        let member = self.members[place] as usize;
        let end = (member + 1) * self.depth;
        (usize::from(self.filled[member]) >= samples).then(|| &self.values[end - samples..end])
    }
}

/// An average of each series of a row: through the cell before, and through that of the row.
#[derive(Debug, Clone, Default)]
pub(crate) struct Averaged {
    pub(crate) before: Sides,
    pub(crate) through: Sides,
}

/// Means and variances, and how many samples they rest on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sides {
    pub(crate) mean: Vec<f64>,
    pub(crate) variance: Vec<f64>,
    pub(crate) count: Vec<u64>,
}

impl Averaged {
    pub(crate) fn clear(&mut self) {
        self.before.clear();
        self.through.clear();
    }

    /// One more series.
    #[inline(always)]
    pub(crate) fn push(&mut self, (before, through): (Side, Side)) {
        self.before.push(before);
        self.through.push(through);
    }
}

impl Sides {
    fn clear(&mut self) {
        self.mean.clear();
        self.variance.clear();
        self.count.clear();
    }

    #[inline(always)]
    fn push(&mut self, ((mean, variance), count): Side) {
        self.mean.push(mean);
        self.variance.push(variance);
        self.count.push(count);
    }
}
