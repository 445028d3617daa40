//! Averages of many series side by side, from their first sample on and as long as none of theirs is missing: then the weights are the
//! same for all, and are worked out once a row. What is learnt so is the same as by each alone, to the bit.

use super::members::Members;
use crate::ewm::Ewm;
use crate::settled::Moments;
use crate::wide::wide;
use std::collections::VecDeque;

/// Consecutive series while they learn the rows before the first that they judge.
#[derive(Debug, Clone)]
pub(super) struct Warming {
    first: usize,
    /// The row that comes next.
    next: i64,
    /// Which of them have had every sample.
    is_whole: Vec<bool>,
    /// The others: they learn each by itself.
    others: Vec<usize>,
    averages: Vec<Side>,
    /// The newest rows, one more than is remembered before the newest.
    recent: VecDeque<Vec<f64>>,
}

/// An average of all of them.
#[derive(Debug, Clone)]
struct Side {
    /// With the weights of all, and the mean and the spread of none.
    weights: Ewm,
    means: Vec<f64>,
    spreads: Vec<f64>,
}

impl Warming {
    /// The series from `first` on begin with `cells` at `row`: those that have a value there and none before.
    pub(super) fn begin(members: &Members, first: usize, row: i64, cells: &[f64]) -> Option<Self> {
        let is_whole = |(member, cell): (usize, &f64)| !cell.is_nan() && members.is_fresh(member);
        let is_whole: Vec<bool> = (first..).zip(cells).map(is_whole).collect();
        if !is_whole.contains(&true) {
            return None;
        }
        let others = (first..).zip(&is_whole).filter(|(_, is_whole)| !**is_whole);
        let others = others.map(|(member, _)| member).collect();
        let side = |com| Side {
            weights: Ewm::new(com),
            means: vec![0.0; cells.len()],
            spreads: vec![0.0; cells.len()],
        };
        let averages = members.centres().map(side).collect();
        let recent = VecDeque::from([cells.to_vec()]);
        Some(Self { first, next: row + 1, is_whole, others, averages, recent })
    }

    /// Whether `row` is the next one of these series.
    pub(super) fn goes_on_with(&self, first: usize, row: i64, cells: &[f64]) -> bool {
        self.first == first && self.next == row && self.is_whole.len() == cells.len()
    }

    /// Those that learn each by itself.
    pub(super) fn others(&self) -> &[usize] {
        &self.others
    }

    /// Learns the next row; says whether it is the last that is learnt so, as the weights stand still.
    pub(super) fn learn(&mut self, members: &mut Members, cells: &[f64]) -> bool {
        if wide!(missing(cells)) > 0 {
            for (place, cell) in cells.iter().enumerate() {
                if cell.is_nan() && self.is_whole[place] {
                    self.is_whole[place] = false;
                    self.others.push(self.first + place);
                    self.hand_over(members, place);
                }
            }
        }
        let Some(newest) = self.recent.back() else { return true };
        let mut is_over = false;
        for Side { weights, means, spreads } in &mut self.averages {
            is_over |= weights.learn_all(newest, means, spreads);
        }
        let mut row = match self.recent.len() > members.depth() {
            true => self.recent.pop_front().unwrap_or_default(),
            false => Vec::new(),
        };
        row.clear();
        row.extend_from_slice(cells);
        self.recent.push_back(row);
        self.next += 1;
        is_over
    }

    /// Gives what all have learnt to `members`.
    pub(super) fn end(self, members: &mut Members) {
        let whole = (0..self.is_whole.len()).filter(|place| self.is_whole[*place]);
        whole.for_each(|place| self.hand_over(members, place));
    }

    /// Gives what one has learnt to `members`: its newest sample was not learnt yet.
    fn hand_over(&self, members: &mut Members, place: usize) {
        let average = |Side { weights, means, spreads }: &Side| {
            weights.of(Moments { mean: means[place], spread: spreads[place] }, weights.count())
        };
        let averages = self.averages.iter().map(average);
        let recent = self.recent.iter().map(|row| row[place]);
        members.take_over(self.first + place, self.next - 1, averages, recent);
    }
}

/// How many have no value. Counted, which takes many at once, where `any` takes one after the other.
#[inline(always)]
fn missing(cells: &[f64]) -> u64 {
    cells.iter().map(|cell| u64::from(cell.is_nan())).sum()
}
