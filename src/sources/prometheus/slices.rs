//! A long stretch of time in pieces that a server answers.

use quietgate_detectors::Interval;

/// Times after `from` and up to `until`, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slice {
    pub(super) from: i64,
    pub(super) until: i64,
}

impl Slice {
    /// Both halves, cut at a whole interval, the older first; none where there is nothing to cut.
    pub(super) fn halves(self, interval: Interval) -> Option<[Self; 2]> {
        let every = interval.as_millis();
        let intervals = self.until.saturating_sub(self.from) / every;
        let middle = self.from + intervals / 2 * every;
        let cut = [Self { until: middle, ..self }, Self { from: middle, ..self }];
        (self.from < middle && middle < self.until).then_some(cut)
    }

    /// The first and the last multiple of the interval in it.
    pub(super) fn grid(self, interval: Interval) -> Option<(i64, i64)> {
        let every = interval.as_millis();
        let (first, last) =
            ((self.from.div_euclid(every) + 1).checked_mul(every)?, self.until.div_euclid(every) * every);
        (first <= last).then_some((first, last))
    }
}

/// The pieces of `whole`, the oldest first: each of at most `points` intervals, cut at multiples of the interval, so
/// that every piece but the ends is full and the same whenever it is asked for.
pub(super) fn slices(whole: Slice, interval: Interval, points: u32) -> Vec<Slice> {
    let every = interval.as_millis();
    let mut out = Vec::new();
    let mut from = whole.from;
    while from < whole.until {
        let cut = from.div_euclid(every).saturating_add(i64::from(points.max(1))).saturating_mul(every);
        let until = cut.min(whole.until);
        out.push(Slice { from, until });
        from = until;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn interval(ms: i64) -> Interval {
        Interval::from_millis(ms).expect("in range")
    }

    #[test]
    fn a_grid_begins_after_the_start_and_may_be_empty() {
        let grid = |from, until| Slice { from, until }.grid(interval(1000));
        assert_eq!(grid(0, 3000), Some((1000, 3000)));
        assert_eq!(grid(999, 1999), Some((1000, 1000)));
        assert_eq!((grid(1000, 1999), grid(5, 5)), (None, None));
        assert_eq!(grid(-2500, 0), Some((-2000, 0)));
    }

    #[test]
    fn what_cannot_be_cut_has_no_halves() {
        let halves = |from, until| Slice { from, until }.halves(interval(1000));
        assert_eq!(halves(0, 1999), None);
        let [older, newer] = halves(500, 3600).expect("three intervals");
        assert_eq!((older, newer), (Slice { from: 500, until: 1500 }, Slice { from: 1500, until: 3600 }));
    }

    proptest! {
        #[test]
        fn every_time_is_in_exactly_one_slice(
            from in 0_i64..10_000_000, length in 0_i64..5_000_000, every in 100_i64..60_000, points in 1_u32..500,
        ) {
            let (interval, until) = (interval(every), from + length);
            let slices = slices(Slice { from, until }, interval, points);
            let mut at = from;
            let mut on_grid = 0;
            for slice in &slices {
                prop_assert_eq!(slice.from, at);
                prop_assert!(slice.until > slice.from);
                if let Some((first, last)) = slice.grid(interval) {
                    let count = (last - first) / every + 1;
                    prop_assert!(first > slice.from && last <= slice.until && count <= i64::from(points));
                    on_grid += count;
                }
                at = slice.until;
            }
            prop_assert_eq!(at, until);
            prop_assert_eq!(on_grid, until / every - from / every);
        }
    }
}
