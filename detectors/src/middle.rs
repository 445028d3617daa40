//! The middle of up to 16 numbers, for eight places at once.

/// So many places are worked on together.
pub(crate) const PLACES: usize = 8;
/// So many numbers a place may have.
pub(crate) const DEPTH: usize = 16;

/// Sorts the numbers of each place: Batcher's odd-even merge network (Knuth, TAOCP 3, 5.3.4), which compares the same
/// pairs whatever the numbers are, and so all places at once.
#[inline(always)]
pub(crate) fn sort(rows: &mut [[f32; PLACES]; DEPTH]) {
    let mut p = 1;
    while p < DEPTH {
        let mut k = p;
        while k >= 1 {
            let mut j = k % p;
            while j + k < DEPTH {
                for i in 0..k.min(DEPTH - j - k) {
                    if (i + j) / (2 * p) == (i + j + k) / (2 * p) {
                        exchange(rows, i + j, i + j + k);
                    }
                }
                j += 2 * k;
            }
            k /= 2;
        }
        p *= 2;
    }
}

#[inline(always)]
fn exchange(rows: &mut [[f32; PLACES]; DEPTH], low: usize, high: usize) {
    for place in 0..PLACES {
        let (a, b) = (rows[low][place], rows[high][place]);
        (rows[low][place], rows[high][place]) = if b < a { (b, a) } else { (a, b) };
    }
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
