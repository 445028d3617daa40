//! High quantiles of the newest readings, kept up to date in constant time.
//!
//! Readings are counted in buckets, 16 to each doubling, so that a quantile is at most a sixteenth too high, and memory is two
//! bytes a reading. A pointer to its bucket moves as readings come and go: it is found again in a few steps, and depends on
//! the readings alone.

use std::ops::Range;

/// Bits of a 32-bit number below its bucket: 4 of the 23 bits after the leading one count.
const BELOW: u32 = 19;
/// In place of a bucket: there was no reading, or one that is not counted.
const NOTHING: u16 = u16::MAX;
const LEFT_OUT: u16 = u16::MAX - 1;

/// So many readings are taken in together.
const BLOCK: usize = 32;

/// Readings of at least 0, at times of equal distance, and `N` quantiles of them.
///
/// New readings, and the old ones whose places they take, are at hand until there is a block of them or a quantile is asked
/// for: counts and ring are far off in memory where very many series get a value each.
#[derive(Debug, Clone)]
pub(crate) struct Ranks<const N: usize> {
    /// The bits of the lowest and the highest number that has a bucket; what is beyond is taken for these.
    bits: (u32, u32),
    counts: Vec<u32>,
    pointers: [Pointer; N],
    counted: u32,
    left_out: u32,
    /// The buckets of the newest readings, in a ring that grows up to `capacity`; the block at hand goes to `place`.
    ring: Vec<u16>,
    capacity: usize,
    place: usize,
    block: [Change; BLOCK],
    /// How many of the block are there, and how many of these are in the counts.
    filled: usize,
    applied: usize,
    mark: Option<Mark>,
    marked: Option<([f32; N], u32)>,
}

/// A point between two readings at which the quantiles are wanted.
#[derive(Debug, Clone, Copy)]
struct Mark {
    /// How many of the block are before it.
    filled: usize,
    counted: u32,
}

/// A new reading, and the old one whose place it takes.
#[derive(Debug, Clone, Copy)]
struct Change {
    new: u16,
    old: u16,
}

/// A quantile: the bucket, and how many readings are in those above it. It may lag behind.
#[derive(Debug, Clone, Copy)]
struct Pointer {
    one_in: u32,
    bucket: u16,
    above: u32,
}

impl<const N: usize> Ranks<N> {
    /// Of the newest `capacity` readings those that at most one in each of `one_in` is beyond; readings are from 2 to the first
    /// of `powers` up to the last, at most from −126 up to 128. The first block lacks `ahead` readings, so that those of very many
    /// series are not put away at the same time.
    pub(crate) fn new(capacity: usize, powers: Range<i32>, one_in: [u32; N], ahead: u64) -> Self {
        let bits = |power: i32| ((power.clamp(-126, 128) + 127) as u32) << 23;
        let (low, high) = (bits(powers.start), bits(powers.end));
        let capacity = capacity.max(1);
        let ahead = (ahead % BLOCK.min(capacity) as u64) as usize;
        Self {
            bits: (low, high - 1),
            counts: vec![0; ((high - low) >> BELOW) as usize],
            pointers: one_in.map(|one_in| Pointer { one_in, bucket: 0, above: 0 }),
            counted: 0,
            left_out: 0,
            ring: Vec::with_capacity(capacity),
            capacity,
            place: 0,
            block: [Change { new: NOTHING, old: NOTHING }; BLOCK],
            filled: ahead,
            applied: ahead,
            mark: None,
            marked: None,
        }
    }

    /// The next reading; none where there is none.
    #[inline(always)]
    pub(crate) fn push(&mut self, reading: Option<f32>) {
        let (low, high) = self.bits;
        // the sign of a zero is nothing to go by
        let bucket = |reading: f32| ((reading.abs().to_bits().clamp(low, high) - low) >> BELOW) as u16;
        self.put(reading.map_or(NOTHING, bucket));
    }

    /// The next reading is one that is not to go by.
    pub(crate) fn leave_out(&mut self) {
        self.put(LEFT_OUT);
    }

    /// The newest one is no reading after all.
    pub(crate) fn retract(&mut self) {
        // a block is put away by the reading after it
        let newest = std::mem::replace(&mut self.block[self.filled - 1].new, NOTHING);
        self.tally(newest, |count| *count -= 1);
        if self.applied == self.filled {
            self.take_out(newest);
        }
    }

    /// How many readings are counted.
    pub(crate) fn counted(&self) -> u32 {
        self.counted
    }

    /// How many were left out.
    pub(crate) fn left_out(&self) -> u32 {
        self.left_out
    }

    /// For each of `one_in` the upper end of the lowest bucket that no more readings are above of; the lowest of all where
    /// there is no reading.
    pub(crate) fn quantiles(&mut self) -> [f32; N] {
        self.apply();
        self.settle(self.counted)
    }

    /// The quantiles of the readings up to now are wanted later: they are found as the block is put away, which is after at most 32
    /// more readings, and not at the same one in each of very many series.
    pub(crate) fn mark(&mut self) {
        self.mark = Some(Mark { filled: self.filled, counted: self.counted });
        self.marked = None;
    }

    /// The quantiles at the newest mark, and how many readings were counted there; once, and only where one was set.
    pub(crate) fn marked(&mut self) -> Option<([f32; N], u32)> {
        if self.mark.is_some() {
            self.apply();
        }
        self.marked.take()
    }

    #[inline(always)]
    fn put(&mut self, bucket: u16) {
        if self.filled == BLOCK.min(self.capacity) {
            self.put_away();
        }
        let change = &mut self.block[self.filled];
        change.new = bucket;
        let old = change.old;
        self.tally(old, |count| *count -= 1);
        self.tally(bucket, |count| *count += 1);
        self.filled += 1;
    }

    #[inline(always)]
    fn tally(&mut self, bucket: u16, change: impl Fn(&mut u32)) {
        match bucket {
            NOTHING => {}
            LEFT_OUT => change(&mut self.left_out),
            _ => change(&mut self.counted),
        }
    }

    /// Puts the block at hand into the ring, and gets the readings whose places the next one takes.
    #[inline(never)]
    fn put_away(&mut self) {
        self.apply();
        for Change { new, .. } in &self.block[..self.filled] {
            match self.ring.get_mut(self.place) {
                Some(place) => *place = *new,
                None => self.ring.push(*new),
            }
            self.place = if self.place + 1 == self.capacity { 0 } else { self.place + 1 };
        }
        for (offset, change) in self.block.iter_mut().enumerate() {
            let place = (self.place + offset) % self.capacity;
            change.old = self.ring.get(place).copied().unwrap_or(NOTHING);
        }
        (self.filled, self.applied) = (0, 0);
    }

    /// Brings the counts up to date.
    fn apply(&mut self) {
        if let Some(Mark { filled, counted }) = self.mark.take() {
            self.apply_first(filled);
            self.marked = Some((self.settle(counted), counted));
        }
        self.apply_first(self.filled);
    }

    /// The quantiles by the counts, in which so many readings are.
    fn settle(&mut self, counted: u32) -> [f32; N] {
        self.pointers.each_mut().map(|pointer| {
            pointer.settle(&self.counts, counted);
            f32::from_bits(self.bits.0 + ((u32::from(pointer.bucket) + 1) << BELOW)).min(f32::MAX)
        })
    }

    fn apply_first(&mut self, filled: usize) {
        for i in self.applied..filled {
            let Change { new, old } = self.block[i];
            self.take_out(old);
            if new < LEFT_OUT {
                self.counts[usize::from(new)] += 1;
                self.pointers.iter_mut().for_each(|pointer| pointer.above += u32::from(new > pointer.bucket));
            }
        }
        self.applied = filled;
    }

    fn take_out(&mut self, old: u16) {
        if old < LEFT_OUT {
            self.counts[usize::from(old)] -= 1;
            self.pointers.iter_mut().for_each(|pointer| pointer.above -= u32::from(old > pointer.bucket));
        }
    }
}

impl Pointer {
    fn settle(&mut self, counts: &[u32], counted: u32) {
        let most = counted / self.one_in;
        let count = |bucket: u16| counts[usize::from(bucket)];
        while self.above > most {
            self.bucket += 1;
            self.above -= count(self.bucket);
        }
        while self.bucket > 0 && self.above + count(self.bucket) <= most {
            self.above += count(self.bucket);
            self.bucket -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_good_to_a_sixteenth() {
        let mut ranks = Ranks::new(2000, -14..16, [10, 100, 1000, 2000], 0);
        (1..=1000).for_each(|i| ranks.push(Some(i as f32 / 100.0)));
        for (found, expected) in ranks.quantiles().into_iter().zip([9.0, 9.9, 9.99, 10.0]) {
            assert!(found >= expected && found <= expected * 1.07, "{expected}: {found}");
        }
    }

    #[test]
    fn the_quantile_is_that_of_the_sorted_readings_at_any_time() {
        for ahead in [0, 1, 31] {
            the_quantile_is_that_of_the_sorted(Ranks::new(50, -126..128, [10, 3], ahead));
        }
    }

    fn the_quantile_is_that_of_the_sorted(mut ranks: Ranks<2>) {
        let mut all = Vec::new();
        for i in 0..500_u32 {
            // in disorder, rising in the end, some missing
            let reading = (i % 7 != 3).then(|| (i * 37 % 101) as f32 + (i / 300 * i) as f32);
            ranks.push(reading);
            all.push(reading);
            let mut newest: Vec<_> = all.iter().rev().take(50).flatten().copied().collect();
            newest.sort_by(f32::total_cmp);
            for (found, one_in) in ranks.quantiles().into_iter().zip([10, 3]) {
                let expected = newest[newest.len() - 1 - newest.len() / one_in];
                assert!(
                    found > expected && found <= (expected * 1.0626).max(2e-38),
                    "{i}: {expected} {found}"
                );
            }
        }
    }

    #[test]
    fn the_quantiles_at_a_mark_are_those_of_then_whatever_came_after_it() {
        for (ahead, after) in [(0, 0), (0, 32), (7, 5), (31, 32), (16, 40)] {
            let mut ranks = Ranks::new(50, -126..128, [10, 3], ahead);
            (0..73).for_each(|i| ranks.push(Some((i * 37 % 101) as f32)));
            let mut then = ranks.clone();
            ranks.mark();
            (0..after).for_each(|i| ranks.push(Some(1000.0 + i as f32)));
            assert_eq!(ranks.marked(), Some((then.quantiles(), then.counted())), "{ahead} {after}");
            assert_eq!(ranks.marked(), None, "they are told once");
            (0..after).for_each(|i| then.push(Some(1000.0 + i as f32)));
            assert_eq!(ranks.quantiles(), then.quantiles(), "{ahead} {after}");
        }
    }

    #[test]
    fn old_readings_leave_and_one_taken_back_is_as_if_never_there() {
        let mut ranks = Ranks::new(3, -14..16, [1000], 2);
        [8.0, 1.0, 1.0, 1.0].into_iter().for_each(|reading| ranks.push(Some(reading)));
        assert_eq!((ranks.counted(), ranks.quantiles()), (3, [1.0625]));
        ranks.push(Some(64.0));
        ranks.retract();
        assert_eq!((ranks.counted(), ranks.quantiles()), (2, [1.0625]));
        ranks.leave_out();
        assert_eq!((ranks.counted(), ranks.left_out()), (1, 1));
        (0..3).for_each(|_| ranks.push(None));
        assert_eq!((ranks.counted(), ranks.left_out()), (0, 0));
    }

    #[test]
    fn what_has_no_bucket_is_in_that_at_the_end() {
        let mut ranks = Ranks::new(9, -14..16, [1000], 0);
        assert_eq!(ranks.quantiles(), [1.0625 / 16384.0], "of nothing");
        ranks.push(Some(-0.0));
        assert_eq!(ranks.quantiles(), [1.0625 / 16384.0]);
        ranks.push(Some(f32::INFINITY));
        assert_eq!(ranks.quantiles(), [65536.0]);
        let mut ranks = Ranks::new(9, -126..128, [1000], 0);
        ranks.push(Some(f32::MAX));
        assert_eq!(ranks.quantiles(), [f32::MAX]);
    }
}
