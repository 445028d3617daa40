//! An exponential average whose weights no longer move, followed a block of samples at a time.
//!
//! Sample by sample, m' = m + share x (x - m) makes each step wait for the one before. Within a block the steps are
//! taken side by side instead, as a scan by doubling (Hillis and Steele 1986), and only the last of a block waits for the
//! last of the block before. Blocks begin where the weights settled, not where calls do: one that is not full yet is
//! worked out anew with each sample, by the same operations, so that the answer does not depend on how samples come.

use fearless_simd::{Level, dispatch, f64x4, prelude::*};
use std::array::from_fn;

/// Samples of a block.
pub(crate) const BLOCK: usize = 4;

/// One number a sample of a block.
type Lanes = [f64; BLOCK];

/// Mean, and weighted sum of squared deviations from it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moments {
    pub(crate) mean: f64,
    pub(crate) spread: f64,
}

impl Moments {
    /// Before the first sample.
    pub(crate) const NONE: Self = Self { mean: 0.0, spread: 0.0 };
}

/// Weights that no longer move: the same for all series that are averaged alike.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weights {
    share: f64,
    /// What a sample keeps of its weight after 1, 2, ... more of them.
    kept: Lanes,
}

impl Weights {
    /// Each sample weighs `share`, and each step back `keep` times less.
    #[inline(always)]
    pub(crate) fn new(keep: f64, share: f64) -> Self {
        let mut kept = [keep; BLOCK];
        (1..BLOCK).for_each(|lane| kept[lane] = kept[lane - 1] * keep);
        Self { share, kept }
    }
}

/// What is remembered of one series: there may be a million of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settled {
    /// Before the block at hand.
    start: Moments,
    /// Of the block at hand, `filled` samples.
    block: Lanes,
    filled: usize,
}

impl Settled {
    /// From `now` on.
    pub(crate) fn new(now: Moments) -> Self {
        Self { start: now, block: [0.0; BLOCK], filled: 0 }
    }

    /// Whether a block begins with the next sample.
    pub(crate) fn is_between_blocks(&self) -> bool {
        self.filled == 0
    }

    /// Takes the next samples in. Gives mean and spread after each of them; both are as long as `values`.
    pub(crate) fn learn_run(
        &mut self,
        weights: &Weights,
        values: &[f64],
        means: &mut [f64],
        spreads: &mut [f64],
    ) {
        let begun = if self.filled == 0 { 0 } else { values.len().min(BLOCK - self.filled) };
        self.learn_each(weights, &values[..begun], means, spreads);
        let (values, means, spreads) = (&values[begun..], &mut means[begun..], &mut spreads[begun..]);
        let (blocks, rest) = values.as_chunks();
        if !blocks.is_empty() {
            let (block_means, block_spreads) = (means.as_chunks_mut().0, spreads.as_chunks_mut().0);
            self.start = dispatch!(Level::new(), simd => {
                weights.learn_blocks(simd, self.start, blocks, block_means, block_spreads)
            });
        }
        let done = blocks.len() * BLOCK;
        self.learn_each(weights, rest, &mut means[done..], &mut spreads[done..]);
    }

    fn learn_each(&mut self, weights: &Weights, values: &[f64], means: &mut [f64], spreads: &mut [f64]) {
        for ((&value, mean), spread) in values.iter().zip(means).zip(spreads) {
            Moments { mean: *mean, spread: *spread } = self.learn(weights, value);
        }
    }

    /// Takes the next sample in: mean and spread after it, by the same operations as in a run.
    #[inline(always)]
    pub(crate) fn learn(&mut self, weights: &Weights, value: f64) -> Moments {
        self.block[self.filled] = value;
        let after = weights.after(self.start, self.block, self.filled);
        self.filled = (self.filled + 1) % BLOCK;
        if self.filled == 0 {
            self.start = after;
        }
        after
    }
}

/// Each lane with what is kept of the lanes before it.
#[inline(always)]
fn scanned(kept: &Lanes, sums: Lanes) -> Lanes {
    let back = |sums: Lanes, lanes: usize, lane: usize| if lane < lanes { 0.0 } else { sums[lane - lanes] };
    let sums = from_fn(|lane| sums[lane] + back(sums, 1, lane) * kept[0]);
    from_fn(|lane| sums[lane] + back(sums, 2, lane) * kept[1])
}

impl Weights {
    /// Mean and spread with a block up to its sample `last`, which began at `start`.
    #[inline(always)]
    pub(crate) fn after(&self, start: Moments, block: Lanes, last: usize) -> Moments {
        let Self { share, kept } = self;
        // what lies behind that sample has no part in what lies before it
        let first = block[0];
        let own = scanned(kept, block.map(|value| (value - first) * share));
        let means: Lanes = from_fn(|lane| (first + own[lane]) + (start.mean - first) * kept[lane]);
        let before = [start.mean, means[0], means[1], means[2]];
        let own = scanned(kept, from_fn(|lane| (block[lane] - before[lane]) * (block[lane] - means[lane])));
        let spreads: Lanes = from_fn(|lane| own[lane] + start.spread * kept[lane]);
        Moments { mean: means[last], spread: spreads[last] }
    }

    /// Mean and spread after each sample of whole blocks, and after all.
    #[inline(always)]
    fn learn_blocks<S: Simd>(
        &self,
        simd: S,
        start: Moments,
        blocks: &[Lanes],
        means: &mut [Lanes],
        spreads: &mut [Lanes],
    ) -> Moments {
        let mean = self.means(simd, start, blocks, means);
        let spread = self.spreads(simd, start, blocks, means, spreads);
        Moments { mean, spread }
    }

    #[inline(always)]
    fn means<S: Simd>(&self, simd: S, start: Moments, blocks: &[Lanes], means: &mut [Lanes]) -> f64 {
        let kept = f64x4::from_slice(simd, &self.kept);
        let mut start = f64x4::splat(simd, start.mean);
        for (block, place) in blocks.iter().zip(means) {
            // measured from a sample of the block: a constant series has no deviation at all, not even by rounding
            let first = f64x4::splat(simd, block[0]);
            let own = self.scan(simd, (f64x4::from_slice(simd, block) - first) * self.share);
            let after = (first + own) + (start - first) * kept;
            after.store_slice(place);
            start = f64x4::splat(simd, after[BLOCK - 1]);
        }
        start[0]
    }

    #[inline(always)]
    fn spreads<S: Simd>(
        &self,
        simd: S,
        start: Moments,
        blocks: &[Lanes],
        means: &[Lanes],
        spreads: &mut [Lanes],
    ) -> f64 {
        let kept = f64x4::from_slice(simd, &self.kept);
        let (mut mean, mut start) = (f64x4::splat(simd, start.mean), f64x4::splat(simd, start.spread));
        for ((block, after), place) in blocks.iter().zip(means).zip(spreads) {
            let (values, after) = (f64x4::from_slice(simd, block), f64x4::from_slice(simd, after));
            let before = mean.slide::<{ BLOCK - 1 }>(after);
            let own = self.scan(simd, (values - before) * (values - after));
            let spread = own + start * kept;
            spread.store_slice(place);
            mean = after;
            start = f64x4::splat(simd, spread[BLOCK - 1]);
        }
        start[0]
    }

    /// Each lane with what is kept of the lanes before it.
    #[inline(always)]
    fn scan<S: Simd>(&self, simd: S, sums: f64x4<S>) -> f64x4<S> {
        let none = f64x4::splat(simd, 0.0);
        let sums = sums + none.slide::<{ BLOCK - 1 }>(sums) * self.kept[0];
        sums + none.slide::<{ BLOCK - 2 }>(sums) * self.kept[1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEP: f64 = 50.0 / 51.0;
    const START: Moments = Moments { mean: 90.0, spread: 700.0 };

    fn weights() -> Weights {
        Weights::new(KEEP, 1.0 - KEEP)
    }

    fn fresh() -> Settled {
        Settled::new(START)
    }

    fn varied(samples: usize) -> Vec<f64> {
        (0..samples).map(|i| 100.0 + ((i * 37) % 101) as f64).collect()
    }

    fn learn(settled: &mut Settled, values: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let (mut means, mut spreads) = (vec![0.0; values.len()], vec![0.0; values.len()]);
        settled.learn_run(&weights(), values, &mut means, &mut spreads);
        (means, spreads)
    }

    #[test]
    fn it_is_the_recurrence_sample_by_sample() {
        let values = varied(1003);
        let (means, spreads) = learn(&mut fresh(), &values);
        let Moments { mut mean, mut spread } = START;
        for ((value, got_mean), got_spread) in values.iter().zip(means).zip(spreads) {
            let before = mean;
            mean += (value - mean) * (1.0 - KEEP);
            spread = spread * KEEP + (value - before) * (value - mean);
            assert!((got_mean - mean).abs() <= 1e-14 * mean, "{got_mean} is not {mean}");
            assert!((got_spread - spread).abs() <= 1e-13 * spread, "{got_spread} is not {spread}");
        }
    }

    #[test]
    fn no_cut_changes_a_bit() {
        let values = varied(100);
        let whole = learn(&mut fresh(), &values);
        for size in 1..30 {
            let mut settled = fresh();
            let parts: Vec<_> = values.chunks(size).map(|part| learn(&mut settled, part)).collect();
            let means: Vec<f64> = parts.iter().flat_map(|(means, _)| means.clone()).collect();
            let spreads: Vec<f64> = parts.iter().flat_map(|(_, spreads)| spreads.clone()).collect();
            assert_eq!((means, spreads), whole, "in parts of {size}");
        }
    }

    #[test]
    fn no_processor_changes_a_bit() {
        let values = varied(8 * BLOCK);
        let learn = |level: Level| {
            let (mut means, mut spreads) = ([[0.0; BLOCK]; 8], [[0.0; BLOCK]; 8]);
            let blocks = values.as_chunks().0;
            dispatch!(level, simd => weights().learn_blocks(simd, START, blocks, &mut means, &mut spreads));
            (means, spreads)
        };
        assert_eq!(learn(Level::new()), learn(Level::baseline()));
    }

    #[test]
    fn a_constant_has_no_deviation_at_all() {
        let mut constant = Settled::new(Moments { mean: 0.1, spread: 0.0 });
        let (means, spreads) = learn(&mut constant, &[0.1; 100]);
        assert!(means.iter().all(|mean| *mean == 0.1) && spreads.iter().all(|spread| *spread == 0.0));
    }
}
