//! The middle of up to 16 numbers, for eight places at once.

/// So many places are worked on together.
pub(crate) const PLACES: usize = 8;
/// So many numbers a place may have.
pub(crate) const DEPTH: usize = 16;

/// The shortest network that sorts five numbers (Knuth, TAOCP 3, 5.3.4).
pub(crate) const FIVE: [(usize, usize); 9] =
    [(0, 1), (3, 4), (2, 4), (2, 3), (1, 4), (0, 3), (0, 2), (1, 3), (1, 2)];

/// The pairs of Batcher's odd-even merge network (Knuth, TAOCP 3, 5.3.4), which are the same whatever the numbers are.
const PAIRS: [(usize, usize); 63] = pairs();

const fn pairs() -> [(usize, usize); 63] {
    let (mut pairs, mut count) = ([(0, 0); 63], 0);
    let mut p = 1;
    while p < DEPTH {
        let mut k = p;
        while k >= 1 {
            let mut low = k % p;
            while low + k < DEPTH {
                let mut i = low;
                while i < low + k && i + k < DEPTH {
                    if i / (2 * p) == (i + k) / (2 * p) {
                        pairs[count] = (i, i + k);
                        count += 1;
                    }
                    i += 1;
                }
                low += 2 * k;
            }
            k /= 2;
        }
        p *= 2;
    }
    pairs
}

/// Those of them that are needed where the last two rows are missing everywhere, as with the usual 14 days.
const PAIRS_OF_14: [(usize, usize); 53] = pairs_of_14();

const fn pairs_of_14() -> [(usize, usize); 53] {
    let (mut kept, mut count, mut i) = ([(0, 0); 53], 0, 0);
    while i < PAIRS.len() {
        // what is missing is infinite, and where it lies already
        if PAIRS[i].1 < 14 {
            kept[count] = PAIRS[i];
            count += 1;
        }
        i += 1;
    }
    kept
}

/// Sorts the numbers of each place.
#[inline(always)]
pub(crate) fn sort(rows: &mut [[f32; PLACES]; DEPTH]) {
    if rows[14..] == [[f32::INFINITY; PLACES]; 2] {
        for (low, high) in PAIRS_OF_14 {
            exchange(rows, low, high);
        }
    } else {
        for (low, high) in PAIRS {
            exchange(rows, low, high);
        }
    }
}

/// Puts the smaller one of each place into row `low` and the other into row `high`.
#[inline(always)]
pub(crate) fn exchange<const N: usize>(rows: &mut [[f32; PLACES]; N], low: usize, high: usize) {
    let (a, b) = (rows[low], rows[high]);
    rows[low] = std::array::from_fn(|place| if b[place] < a[place] { b[place] } else { a[place] });
    rows[high] = std::array::from_fn(|place| if b[place] < a[place] { a[place] } else { b[place] });
}

/// The median of each place, and how many numbers it is of; not a number where there are none. Infinite ones are missing:
/// they are the last once sorted.
#[inline(always)]
pub(crate) fn medians(mut rows: [[f32; PLACES]; DEPTH]) -> [(f32, u32); PLACES] {
    let mut counts = [0_u32; PLACES];
    for row in &rows {
        for place in 0..PLACES {
            counts[place] += u32::from(row[place] < f32::INFINITY);
        }
    }
    sort(&mut rows);
    std::array::from_fn(|place| match counts[place] as usize {
        0 => (f32::NAN, 0),
        count => {
            let (low, high) = (rows[(count - 1) / 2][place], rows[count / 2][place]);
            (0.5 * low + 0.5 * high, counts[place])
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_is_sorted_by_itself() {
        let mut rows = [[0.0; PLACES]; DEPTH];
        for (i, row) in rows.iter_mut().enumerate() {
            for (place, value) in row.iter_mut().enumerate() {
                *value = ((i * (2 * place + 3) + place) % 17) as f32;
            }
        }
        let before = rows;
        sort(&mut rows);
        for place in 0..PLACES {
            let mut expected: Vec<f32> = before.iter().map(|row| row[place]).collect();
            expected.sort_by(f32::total_cmp);
            let found: Vec<f32> = rows.iter().map(|row| row[place]).collect();
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn the_middle_is_that_of_the_numbers_that_are_there() {
        let mut rows = [[f32::INFINITY; PLACES]; DEPTH];
        for (value, row) in [5.0, 1.0, 9.0].into_iter().zip([3, 7, 11]) {
            rows[row][0] = value;
        }
        (rows[4][1], rows[9][1]) = (2.0, 4.0);
        let found = medians(rows);
        assert_eq!((found[0], found[1]), ((5.0, 3), (3.0, 2)));
        assert!(found[2].0.is_nan());
    }
}
