//! An exponential average of each of very many series. Where the weights no longer move they are the same for all, and of a series
//! only its own numbers are kept: a third of what it would be otherwise.

use super::across::Averaged;
use crate::ewm::Ewm;
use crate::settled::{BLOCK, Moments, Weights};

/// So many samples before the newest must be remembered of a series: those of the block at hand.
pub(super) const RECENT: usize = BLOCK - 1;

/// The average of every series, by its number.
///
/// The newest cell of a series may still be taken back. Of one [alone](Self::alone) it is not learnt before it stays as it is;
/// of the others it is, and what was before follows from the block.
#[derive(Debug, Clone)]
pub(super) struct Average {
    com: f64,
    /// The weights at their limit, which is the same whichever way they went: none before the first series has come there.
    limit: Option<Limit>,
    /// How many samples were taken in.
    count: Vec<u64>,
    now: Vec<Moments>,
    /// Before the block at hand, and how many samples that has: its values are the newest ones of the series.
    start: Vec<Moments>,
    filled: Vec<u8>,
    /// A series whose weights still move; nothing where there was no sample yet.
    alone: Vec<Option<Box<Ewm>>>,
}

#[derive(Debug, Clone)]
struct Limit {
    weights: Weights,
    unbias: f64,
    /// What stands at it.
    ewm: Ewm,
}

/// Mean and variance of a series, and how many samples they rest on.
pub(super) type Side = ((f64, f64), u64);

impl Average {
    pub(super) fn new(com: f64) -> Self {
        let [now, start] = [Vec::new(), Vec::new()];
        Self { com, limit: None, count: Vec::new(), now, start, filled: Vec::new(), alone: Vec::new() }
    }

    /// Its centre of mass.
    pub(super) fn com(&self) -> f64 {
        self.com
    }

    pub(super) fn grow(&mut self, members: usize) {
        self.count.resize(members, 0);
        self.now.resize(members, Moments::NONE);
        self.start.resize(members, Moments::NONE);
        self.filled.resize(members, 0);
        self.alone.resize(members, None);
    }

    /// Nothing was learnt of `member`.
    pub(super) fn begin(&mut self, member: usize) {
        (self.count[member], self.now[member], self.alone[member]) = (0, Moments::NONE, None);
    }

    /// The newest cell, of this value, stays as it is.
    #[inline(always)]
    pub(super) fn settle(&mut self, member: usize, value: f64) {
        if self.is_at_limit(member) {
            if usize::from(self.filled[member]) == BLOCK {
                (self.start[member], self.filled[member]) = (self.now[member], 0);
            }
        } else {
            self.learn_alone(member, value);
        }
    }

    /// Whether the weights of `member` do not move.
    #[inline(always)]
    fn is_at_limit(&self, member: usize) -> bool {
        self.alone[member].is_none() && self.count[member] > 0
    }

    #[inline(never)]
    fn learn_alone(&mut self, member: usize, value: f64) {
        let mut ewm = self.alone[member].take().unwrap_or_else(|| Box::new(Ewm::new(self.com)));
        ewm.learn(value);
        self.put(member, ewm);
    }

    /// From now on `member` goes on as `ewm` does.
    fn put(&mut self, member: usize, ewm: Box<Ewm>) {
        if let Some(moments) = ewm.settled_now() {
            let limit = self.limit.get_or_insert_with(|| Limit::of(&ewm));
            if limit.ewm.weighs_like(&ewm) {
                (self.count[member], self.alone[member]) = (ewm.count(), None);
                (self.now[member], self.start[member], self.filled[member]) = (moments, moments, 0);
                return;
            }
        }
        self.alone[member] = Some(ewm);
    }

    /// Takes over what `member` has learnt elsewhere: all samples without a gap, the newest not among them.
    pub(super) fn take_over(&mut self, member: usize, ewm: Ewm) {
        self.put(member, Box::new(ewm));
    }

    /// The newest cell is `value` now, and nobody asks what comes of it: `recent` has the samples before, the newest last.
    #[inline(always)]
    pub(super) fn learn(&mut self, member: usize, recent: &[f64], value: f64) {
        let after = self.after(member, recent, value);
        after.into_iter().for_each(|after| self.take(member, after));
    }

    /// Mean and spread with `value`, where the weights do not move.
    #[inline(always)]
    fn after(&self, member: usize, recent: &[f64], value: f64) -> Option<Moments> {
        let limit = self.limit.as_ref().filter(|_| self.is_at_limit(member))?;
        let filled = usize::from(self.filled[member]);
        Some(limit.weights.after(self.start[member], block(recent, filled, value), filled))
    }

    /// The newest cell, with which mean and spread are `after`, was taken in.
    #[inline(always)]
    fn take(&mut self, member: usize, after: Moments) {
        self.count[member] += 1;
        self.now[member] = after;
        self.filled[member] += 1;
    }

    /// Takes the newest cells of `members` in, as [`judge`](Self::judge) does: what is before them, and through them, goes to `of`. Of
    /// each series `recent` has so many samples.
    #[inline(always)]
    pub(super) fn judge_row(
        &mut self,
        members: &[u32],
        (recent, depth): (&[f64], usize),
        values: &[f64],
        of: &mut Averaged,
    ) {
        for (&member, &value) in members.iter().zip(values) {
            let member = member as usize;
            of.push(self.judge(member, &recent[member * depth..][..depth], value));
        }
    }

    /// Takes the newest cell in, which is `value` and was not [learnt](Self::learn): before it, and through it.
    #[inline(always)]
    fn judge(&mut self, member: usize, recent: &[f64], value: f64) -> (Side, Side) {
        let Some(after) = self.after(member, recent, value) else {
            return self.sides_alone(member, value);
        };
        let (before, count) = (self.now[member], self.count[member]);
        self.take(member, after);
        (self.side(before, count), self.side(after, count + 1))
    }

    /// The same of the newest cell, which was judged or learnt already.
    pub(super) fn judged(&self, member: usize, recent: &[f64], value: f64) -> (Side, Side) {
        match self.is_at_limit(member) {
            true => {
                let (before, count) = (self.before(member, recent), self.count[member]);
                (self.side(before, count - 1), self.side(self.now[member], count))
            }
            false => self.sides_alone(member, value),
        }
    }

    /// Mean and spread before the newest cell, where the weights do not move.
    fn before(&self, member: usize, recent: &[f64]) -> Moments {
        let (start, filled) = (self.start[member], usize::from(self.filled[member]));
        let (Some(last), Some((newest, recent))) = (filled.checked_sub(2), recent.split_last()) else {
            return start;
        };
        let block = block(recent, last, *newest);
        self.limit.as_ref().map_or(start, |limit| limit.weights.after(start, block, last))
    }

    #[inline(always)]
    fn side(&self, Moments { mean, spread }: Moments, count: u64) -> Side {
        let unbias = self.limit.as_ref().map_or(f64::NAN, |limit| limit.unbias);
        ((mean, spread * unbias), count)
    }

    #[inline(never)]
    fn sides_alone(&self, member: usize, value: f64) -> (Side, Side) {
        let side = |ewm: &Ewm| ((ewm.mean(), ewm.variance()), ewm.count());
        let before = self.alone[member].as_deref().copied().unwrap_or_else(|| Ewm::new(self.com));
        let mut after = before;
        after.learn(value);
        (side(&before), side(&after))
    }

    /// `cells` cells without a value come next.
    pub(super) fn decay(&mut self, member: usize, cells: u64) {
        let (now, count) = (self.now[member], self.count[member]);
        if self.is_at_limit(member) {
            self.alone[member] = self.limit.as_ref().map(|limit| Box::new(limit.ewm.of(now, count)));
        }
        self.alone[member].iter_mut().for_each(|ewm| ewm.decay(cells));
    }

    /// The newest cell has no value after all.
    pub(super) fn retract(&mut self, member: usize, recent: &[f64]) {
        if self.is_at_limit(member) {
            self.now[member] = self.before(member, recent);
            self.count[member] -= 1;
        }
        self.decay(member, 1);
    }
}

/// A block of the `filled` newest of `recent` samples and then `value`; what comes after it is of no matter.
#[inline(always)]
fn block(recent: &[f64], filled: usize, value: f64) -> [f64; BLOCK] {
    match (filled, recent) {
        (1, [.., a]) => [*a, value, value, value],
        (2, [.., a, b]) => [*a, *b, value, value],
        (3, [.., a, b, c]) => [*a, *b, *c, value],
        _ => [value; BLOCK],
    }
}

impl Limit {
    /// Those of `ewm`, which have reached it.
    fn of(ewm: &Ewm) -> Self {
        Self { weights: ewm.weights(), unbias: ewm.unbias(), ewm: *ewm }
    }
}
