//! The findings on one series by one rule, cell by cell.

use quietgate_detectors::Verdict;
use quietgate_rules::{Finding, Sustain, Sustained};

/// What is remembered of the cells of a series for the findings on the next ones.
#[derive(Debug, Clone)]
pub(super) struct Line {
    sustained: Sustained,
    /// Where the newest cell made that forget: what was remembered before it, and whether that has the cell already.
    forgotten: Option<Box<(Sustained, bool)>>,
}

impl Line {
    pub(super) fn new(sustain: Sustain) -> Self {
        Self { sustained: Sustained::new(sustain), forgotten: None }
    }

    /// The finding at `cell`: after a gap, right at `next`, or the newest cell anew. One that is expected to move has no part
    /// in the sustain, and what fired before it has none after it; what is unknown is so also there. A cell that turns out to
    /// be unknown after all has made nothing forgotten, as where it was unknown at once.
    #[inline]
    pub(super) fn sustain(&mut self, cell: u64, next: u64, verdict: Verdict, moves: bool) -> Finding {
        let mut is_known = cell < next;
        if let Some(forgotten) = self.forgotten.take().filter(|_| is_known) {
            (self.sustained, is_known) = *forgotten;
        } else if !is_known {
            self.sustained.skip(cell - next);
        }
        if moves && !matches!(verdict, Verdict::Unknown(_)) {
            self.forgotten = Some(Box::new((self.sustained.clone(), is_known)));
            self.sustained.forget();
            return Finding::Expected;
        }
        if is_known { self.sustained.restate(verdict) } else { self.sustained.observe(verdict) }
    }

    /// The findings at the cells that follow the newest without a gap, of which none is expected to move.
    pub(super) fn sustain_run(&mut self, verdicts: &[Verdict], findings: &mut Vec<Finding>) {
        if !verdicts.is_empty() {
            self.forgotten = None;
        }
        self.sustained.observe_run(verdicts, findings);
    }
}
