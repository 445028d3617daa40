//! How large the sizes of a series usually are: a quantile over the newest ones, kept up to date in constant time.
//!
//! Sizes are counted by buckets, 16 to each doubling: a quantile is good to a sixteenth, and memory is two bytes a cell.

/// The bucket of what is smaller than all others: 2^-14.
const LEAST_BITS: u32 = (127 - 14) << 23;
/// 30 doublings with 16 buckets each.
const BUCKETS: usize = 480;
/// In place of a bucket: the cell has no size, or one that is not counted.
const MISSING: u16 = u16::MAX;
const LEFT_OUT: u16 = u16::MAX - 1;

/// The sizes of the newest cells.
#[derive(Debug, Clone)]
pub(crate) struct Spread {
    counts: Vec<u32>,
    counted: u32,
    left_out: u32,
    /// The buckets of the newest cells, in a ring that grows up to `capacity`.
    ring: Vec<u16>,
    capacity: usize,
    next: usize,
}

impl Spread {
    /// The sizes of the newest `cells` cells.
    pub(crate) fn new(cells: usize) -> Self {
        let counts = vec![0; BUCKETS];
        Self { counts, counted: 0, left_out: 0, ring: Vec::new(), capacity: cells.max(1), next: 0 }
    }

    /// A size of the next cell, 0 or more; `usual` is whether it is one to go by. What is not is left out, unless it has
    /// become common: more than one in a hundred of the cells.
    #[inline(always)]
    pub(crate) fn push(&mut self, size: f32, usual: bool) {
        let is_counted = usual || self.is_common();
        self.put(if is_counted { bucket(size) } else { LEFT_OUT });
    }

    #[cold]
    fn is_common(&self) -> bool {
        100 * (u64::from(self.left_out) + 1) > u64::from(self.counted)
    }

    /// The next cell has no size.
    pub(crate) fn skip(&mut self) {
        self.put(MISSING);
    }

    /// The newest cell has no size after all.
    pub(crate) fn retract(&mut self) {
        let newest = if self.next == 0 { self.ring.len() } else { self.next } - 1;
        self.take_out(newest);
        self.ring[newest] = MISSING;
    }

    /// How many sizes are counted.
    pub(crate) fn counted(&self) -> u32 {
        self.counted
    }

    /// The size that at most one in `rarity` is above of, and not more than `times` that which one in ten is above of: so an
    /// outage among the sizes, which is rare and far off, does not become the scale of the next.
    pub(crate) fn scale(&self, rarity: u32, times: f32) -> f32 {
        let [rare, common] = self.quantiles([rarity, 10]);
        rare.min(times * common)
    }

    /// The sizes that at most one in each of `rarities` is above of, the rarest first: the upper ends of their buckets.
    fn quantiles<const N: usize>(&self, rarities: [u32; N]) -> [f32; N] {
        let mut buckets = self.counts.iter().enumerate().rev();
        let (mut above, mut end) = (0, f32::from_bits(LEAST_BITS));
        rarities.map(|rarity| {
            while above <= self.counted / rarity
                && let Some((bucket, count)) = buckets.next()
            {
                above += count;
                end = f32::from_bits(LEAST_BITS + ((bucket as u32 + 1) << 19));
            }
            if above > self.counted / rarity { end } else { f32::from_bits(LEAST_BITS) }
        })
    }

    #[inline(always)]
    fn put(&mut self, bucket: u16) {
        if self.next == self.ring.len() {
            self.ring.push(MISSING);
        } else {
            self.take_out(self.next);
        }
        self.ring[self.next] = bucket;
        match bucket {
            MISSING => {}
            LEFT_OUT => self.left_out += 1,
            bucket => {
                self.counts[usize::from(bucket)] += 1;
                self.counted += 1;
            }
        }
        self.next = if self.next + 1 == self.capacity { 0 } else { self.next + 1 };
    }

    #[inline(always)]
    fn take_out(&mut self, place: usize) {
        match self.ring[place] {
            MISSING => {}
            LEFT_OUT => self.left_out -= 1,
            bucket => {
                self.counts[usize::from(bucket)] -= 1;
                self.counted -= 1;
            }
        }
    }
}

#[inline(always)]
fn bucket(size: f32) -> u16 {
    let bits = size.to_bits().clamp(LEAST_BITS, LEAST_BITS + ((BUCKETS as u32 - 1) << 19));
    ((bits - LEAST_BITS) >> 19) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_good_to_a_sixteenth() {
        let mut spread = Spread::new(2000);
        (1..=1000).for_each(|i| spread.push(i as f32 / 100.0, true));
        for (rarity, expected) in [(10, 9.0), (100, 9.9), (1000, 9.99), (2000, 10.0)] {
            let found = spread.quantiles([rarity])[0];
            assert!(found >= expected && found <= expected * 1.07, "{rarity}: {found}");
        }
    }

    #[test]
    fn old_sizes_leave_and_a_size_taken_back_is_as_if_never_there() {
        let mut spread = Spread::new(3);
        [8.0, 1.0, 1.0, 1.0].into_iter().for_each(|size| spread.push(size, true));
        assert_eq!(spread.counted(), 3);
        assert!(spread.quantiles([1000])[0] < 1.1);
        spread.push(64.0, true);
        spread.retract();
        assert_eq!(spread.counted(), 2);
        assert!(spread.quantiles([1000])[0] < 1.1);
    }

    #[test]
    fn what_is_not_usual_is_left_out_until_it_is_common() {
        let mut spread = Spread::new(10_000);
        (0..1000).for_each(|_| spread.push(1.0, true));
        (0..10).for_each(|_| spread.push(50.0, false));
        assert!(spread.quantiles([1000])[0] < 1.1);
        (0..50).for_each(|_| spread.push(50.0, false));
        assert!(spread.quantiles([1000])[0] > 50.0);
    }

    #[test]
    fn nothing_seen_is_the_least_size() {
        assert_eq!(Spread::new(9).quantiles([1000])[0].to_bits(), LEAST_BITS);
    }

    #[test]
    fn what_is_rare_and_far_off_does_not_become_the_scale() {
        let mut spread = Spread::new(10_000);
        (0..1000).for_each(|i| spread.push(0.5 + (i % 10) as f32 / 20.0, true));
        (0..60).for_each(|_| spread.push(40.0, true));
        let scale = spread.scale(1000, 8.0);
        assert!((7.0..9.0).contains(&scale), "{scale}");
        assert!(spread.quantiles([1000])[0] > 39.0);
    }
}
