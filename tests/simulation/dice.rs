//! Numbers from a seed.

/// By the finalizer of SplitMix64 (Steele, Lea and Flood 2014).
#[derive(Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        // seeds that follow each other begin far apart
        let mut dice = Self(seed.wrapping_mul(0xd134_2543_de82_ef95));
        dice.roll(2);
        dice
    }

    /// From 0 to one below `sides`.
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }

    pub(crate) fn one_in(&mut self, sides: u64) -> bool {
        self.roll(sides) == 0
    }

    pub(crate) fn between(&mut self, from: i64, until: i64) -> i64 {
        from + self.roll((until - from).unsigned_abs()) as i64
    }

    pub(crate) fn index(&mut self, count: usize) -> usize {
        self.roll(count as u64) as usize
    }

    pub(crate) fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.index(of.len())].clone()
    }
}
