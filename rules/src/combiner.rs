//! A rule at work on runs of cells.
//!
//! Each pattern of votes is put to the rule once and its outcome remembered: a rule decides by the votes
//! alone, and few patterns occur.

use crate::direction::Direction;
use crate::registry::Rule;
use fearless_simd::{Level, dispatch};
use quietgate_detectors::{Reason, Verdict};
use std::sync::Arc;

/// Combines the verdicts of several detectors, cell by cell.
#[derive(Debug, Clone)]
pub struct Combiner {
    rule: Arc<dyn Rule>,
    direction: Direction,
    voters: usize,
    /// By pattern, for series without and with a period; [`NOT_YET`] where the rule was not asked. Empty where there are
    /// too many voters.
    outcomes: [Vec<Verdict>; 2],
    patterns: Vec<u16>,
}

/// With more voters than this the memory of outcomes would not pay: 4^6 patterns are 4 KiB.
const REMEMBERED_VOTERS: usize = 6;

/// In place of an outcome. An unknown one is never remembered, for its reason is not in the pattern.
const NOT_YET: Verdict = Verdict::Unknown(Reason::NoData);

impl Combiner {
    pub(crate) fn new(rule: Arc<dyn Rule>, direction: Direction, voters: usize) -> Self {
        let patterns = if voters <= REMEMBERED_VOTERS { 1 << (2 * voters) } else { 0 };
        let outcomes = [vec![NOT_YET; patterns], vec![NOT_YET; patterns]];
        Self { rule, direction, voters, outcomes, patterns: Vec::new() }
    }

    /// The variance threshold of the period test, where the rule asks for it.
    pub fn period(&self) -> Option<f64> {
        self.rule.period()
    }

    /// The verdict where each detector says this, in the order of the rule.
    pub fn combine(&self, verdicts: &[Verdict], periodic: bool) -> Verdict {
        let columns: Vec<&[Verdict]> = verdicts.iter().map(std::slice::from_ref).collect();
        ask(&*self.rule, self.direction, &columns, 0, periodic)
    }

    /// Writes the combined verdict on each cell of a run to `out`. `columns` has one column a detector, in the
    /// order of the rule, each as long as `out`.
    pub fn combine_run(&mut self, columns: &[&[Verdict]], periodic: bool, out: &mut [Verdict]) {
        if columns.len() > REMEMBERED_VOTERS {
            let cells = out.iter_mut().enumerate();
            cells
                .for_each(|(cell, place)| *place = ask(&*self.rule, self.direction, columns, cell, periodic));
            return;
        }
        debug_assert_eq!(columns.len(), self.voters);
        self.patterns.clear();
        self.patterns.resize(out.len(), 0);
        dispatch!(Level::new(), _simd => read_patterns(columns, &mut self.patterns));
        let outcomes = &mut self.outcomes[usize::from(periodic)];
        recall(outcomes, &self.patterns, out);
        if !dispatch!(Level::new(), _simd => all_known(out)) {
            for (cell, place) in out.iter_mut().enumerate().filter(|(_, place)| place.is_unknown()) {
                let remembered = &mut outcomes[usize::from(self.patterns[cell])];
                if remembered.is_unknown() {
                    *place = ask(&*self.rule, self.direction, columns, cell, periodic);
                    *remembered = if place.is_unknown() { NOT_YET } else { *place };
                } else {
                    *place = *remembered;
                }
            }
        }
    }
}

/// Writes the remembered outcomes of `patterns` to `out`.
fn recall(outcomes: &[Verdict], patterns: &[u16], out: &mut [Verdict]) {
    // there are 4^n outcomes, and no pattern is beyond them: the mask spares the check
    let last = outcomes.len() - 1;
    let outcomes = &outcomes[..=last];
    for (place, &pattern) in out.iter_mut().zip(patterns) {
        *place = outcomes[usize::from(pattern) & last];
    }
}

/// Whether none is unknown. Counted, which takes many at once, where `all` takes one after the other.
#[inline(always)]
fn all_known(verdicts: &[Verdict]) -> bool {
    verdicts.iter().filter(|verdict| verdict.is_unknown()).count() == 0
}

/// The pattern of votes on each cell: two bits a voter.
#[inline(always)]
fn read_patterns(columns: &[&[Verdict]], patterns: &mut [u16]) {
    for (i, column) in columns.iter().enumerate() {
        for (pattern, &verdict) in patterns.iter_mut().zip(*column) {
            *pattern |= u16::from(code(verdict)) << (2 * i);
        }
    }
}

/// A verdict as two bits.
#[inline(always)]
fn code(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Normal => 0,
        Verdict::Surge => 1,
        Verdict::Drop => 2,
        Verdict::Unknown(_) => 3,
    }
}

#[cold]
fn ask(
    rule: &dyn Rule,
    direction: Direction,
    columns: &[&[Verdict]],
    cell: usize,
    periodic: bool,
) -> Verdict {
    let verdicts: Vec<Verdict> = columns.iter().map(|column| direction.heed(column[cell])).collect();
    rule.combine(&verdicts, periodic)
}
