//! The middle of a few numbers, by sorting networks: the same comparisons whatever the numbers are, so that they can be made
//! for many places at once.

use fearless_simd::{Simd, f32x16, prelude::*};

/// So many places are worked on together.
pub(crate) const PLACES: usize = 16;
/// So many numbers a place may have.
pub(crate) const DEPTH: usize = 14;

/// A number, or one for each place.
pub(crate) trait Numbers: Copy {
    /// The lower one of two, neither of which is not a number.
    fn lower(self, other: Self) -> Self;
    /// The higher one.
    fn higher(self, other: Self) -> Self;
}

impl Numbers for f32 {
    #[inline(always)]
    fn lower(self, other: Self) -> Self {
        if other < self { other } else { self }
    }

    #[inline(always)]
    fn higher(self, other: Self) -> Self {
        if other < self { self } else { other }
    }
}

impl<S: Simd> Numbers for f32x16<S> {
    #[inline(always)]
    fn lower(self, other: Self) -> Self {
        self.min(other)
    }

    #[inline(always)]
    fn higher(self, other: Self) -> Self {
        self.max(other)
    }
}

/// Makes the function that sorts so many numbers by these comparisons. Written out they stay in registers, and those that do
/// not matter for what is asked for are left out by the compiler; in a loop over a table both would be lost.
macro_rules! network {
    ($(#[$about:meta])* $name:ident, $count:expr; $(($low:literal, $high:literal))*) => {
        $(#[$about])*
        #[inline(always)]
        pub(crate) fn $name<N: Numbers>(numbers: &mut [N; $count]) {
            $(
                let (low, high) = (numbers[$low], numbers[$high]);
                (numbers[$low], numbers[$high]) = (low.lower(high), low.higher(high));
            )*
        }
    };
}

network! {
    /// Sorts five (Knuth, TAOCP 3, 5.3.4).
    sort_five, 5;
    (0, 1) (3, 4) (2, 4) (2, 3) (1, 4) (0, 3) (0, 2) (1, 3) (1, 2)
}

network! {
    /// Sorts six (the same).
    sort_six, 6;
    (1, 2) (4, 5) (0, 2) (3, 5) (0, 1) (3, 4) (2, 5) (0, 3) (1, 4) (2, 4) (1, 3) (2, 3)
}

network! {
    /// Sorts fourteen: Batcher's odd-even merge of sixteen (the same), without what the last two would need.
    sort_fourteen, DEPTH;
    (0, 1) (2, 3) (4, 5) (6, 7) (8, 9) (10, 11) (12, 13)
    (0, 2) (1, 3) (4, 6) (5, 7) (8, 10) (9, 11) (1, 2) (5, 6) (9, 10)
    (0, 4) (1, 5) (2, 6) (3, 7) (8, 12) (9, 13) (2, 4) (3, 5) (10, 12) (11, 13)
    (1, 2) (3, 4) (5, 6) (9, 10) (11, 12)
    (0, 8) (1, 9) (2, 10) (3, 11) (4, 12) (5, 13) (4, 8) (5, 9) (6, 10) (7, 11)
    (2, 4) (3, 5) (6, 8) (7, 9) (10, 12) (11, 13) (1, 2) (3, 4) (5, 6) (7, 8) (9, 10) (11, 12)
}

/// Between two numbers.
#[inline(always)]
fn between(low: f32, high: f32) -> f32 {
    0.5 * low + 0.5 * high
}

/// The median of those that are there; not a number where these are fewer than `least`. An infinite one is missing.
#[inline(always)]
pub(crate) fn median<const N: usize>(
    mut numbers: [f32; N],
    sort: impl Fn(&mut [f32; N]),
    least: usize,
) -> f32 {
    sort(&mut numbers);
    let mut count = 0;
    for number in numbers {
        count += usize::from(number < f32::INFINITY);
    }
    if count < least { f32::NAN } else { between(numbers[(count - 1) / 2], numbers[count / 2]) }
}

/// The medians of some places, and how many numbers each is of; not a number where there are none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Medians {
    pub(crate) values: [f32; PLACES],
    pub(crate) counts: [u32; PLACES],
}

impl Medians {
    pub(crate) const NONE: Self = Self { values: [f32::NAN; PLACES], counts: [0; PLACES] };

    /// Of `rows`, each with a number for each place. An infinite one is missing.
    #[inline(always)]
    pub(crate) fn of<S: Simd, const N: usize>(
        simd: S,
        rows: &[[f32; PLACES]; N],
        sort: impl Fn(&mut [f32x16<S>; N]),
    ) -> Self {
        let mut counts = [0; PLACES];
        let mut sorted = [f32x16::splat(simd, 0.0); N];
        for (sorted, row) in sorted.iter_mut().zip(rows) {
            *sorted = f32x16::simd_from(simd, *row);
            for (count, number) in counts.iter_mut().zip(row) {
                *count += u32::from(*number < f32::INFINITY);
            }
        }
        sort(&mut sorted);
        if counts == [N as u32; PLACES] {
            // what most are like is said apart: then only these rows are asked for
            let values = sorted[(N - 1) / 2] * 0.5 + sorted[N / 2] * 0.5;
            return Self { values: values.into(), counts };
        }
        let mut all = [[0.0; PLACES]; N];
        for (row, sorted) in all.iter_mut().zip(&sorted) {
            *row = (*sorted).into();
        }
        let mut values = [f32::NAN; PLACES];
        for (place, value) in values.iter_mut().enumerate() {
            let count = counts[place] as usize;
            if count > 0 {
                *value = between(all[(count - 1) / 2][place], all[count / 2][place]);
            }
        }
        Self { values, counts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wide::wide;

    /// What sorts every row of zeros and ones sorts everything (Knuth, the 0-1 principle).
    fn sorts<const N: usize>(sort: impl Fn(&mut [f32; N])) {
        for bits in 0..1_u32 << N {
            let mut numbers: [f32; N] = std::array::from_fn(|i| (bits >> i & 1) as f32);
            sort(&mut numbers);
            assert!(numbers.is_sorted(), "{bits:b}: {numbers:?}");
        }
    }

    #[test]
    fn every_network_sorts() {
        sorts(sort_five::<f32>);
        sorts(sort_six::<f32>);
        sorts(sort_fourteen::<f32>);
    }

    #[test]
    fn a_median_is_that_of_the_numbers_that_are_there() {
        const INF: f32 = f32::INFINITY;
        assert_eq!(median([5.0, 1.0, 9.0, 3.0, 2.0], sort_five, 1), 3.0);
        assert_eq!(median([5.0, 1.0, 9.0, 3.0, 2.0, 4.0], sort_six, 1), 3.5);
        assert_eq!(median([INF, 4.0, INF, 2.0, INF], sort_five, 1), 3.0);
        assert!(median([INF, 4.0, INF, INF, INF], sort_five, 2).is_nan());
        assert!(median([INF; 5], sort_five, 1).is_nan());
    }

    /// The same by sorting what is there.
    fn plain(rows: &[[f32; PLACES]; DEPTH], place: usize) -> (f32, u32) {
        let mut there: Vec<f32> = rows.iter().map(|row| row[place]).filter(|x| x.is_finite()).collect();
        there.sort_by(f32::total_cmp);
        let count = there.len();
        let median = if count == 0 { f32::NAN } else { between(there[(count - 1) / 2], there[count / 2]) };
        (median, count as u32)
    }

    #[test]
    fn each_place_has_the_median_of_its_own_numbers() {
        for missing in 0..DEPTH + 1 {
            let mut rows = [[0.0; PLACES]; DEPTH];
            for (i, row) in rows.iter_mut().enumerate() {
                for (place, value) in row.iter_mut().enumerate() {
                    let number = ((i * (2 * place + 3) + place) % 17) as f32 - 5.0;
                    *value = if (i + place) % DEPTH < missing { f32::INFINITY } else { number };
                }
            }
            let found = wide!(|simd| Medians::of(simd, &rows, sort_fourteen));
            for place in 0..PLACES {
                let (value, count) = plain(&rows, place);
                assert_eq!(found.counts[place], count);
                assert_eq!(found.values[place].to_bits(), value.to_bits(), "{missing} {place}");
            }
        }
    }
}
