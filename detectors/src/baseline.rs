//! What a series usually shows at a time of day: the median of the earlier days, with a few neighbours on each side.

use crate::calendar::Calendar;
use crate::middle::{DEPTH, FIVE, PLACES, exchange, medians};
use crate::registry::Common;
use crate::ring::Ring;
use crate::sample::{Interval, Timestamp};
use crate::wide::wide;

/// Cells on each side that count as the same time of day: what happens daily is some minutes early or late.
const NEIGHBOURS: usize = 2;
/// A cell with its neighbours.
const AROUND: usize = 2 * NEIGHBOURS + 1;
/// With fewer cells a day there is no time of day to speak of.
const LEAST_A_DAY: usize = 24;
/// The most days that are looked back.
pub(crate) const DAYS_MAX: u32 = DEPTH as u32 - 1;

/// The medians of the earlier days around the cells that come next.
#[derive(Debug, Clone)]
pub(crate) struct Baseline {
    days: u32,
    start: Timestamp,
    interval: Interval,
    calendar: Calendar,
    /// Cells back to the same time 1, 2, … days earlier; good for cells before `until`.
    lags: Vec<Option<u64>>,
    until: u64,
    /// The medians of the cells of three blocks: the one at hand, the one before, the one after.
    medians: [(f32, u32); 3 * PLACES],
    /// The number of the block at hand; none before the first.
    block: Option<u64>,
    /// What is usual there.
    usual: [Usual; PLACES],
}

/// What is usual at a cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Usual {
    /// The value; not a number where no earlier day has any.
    pub(crate) value: f32,
    /// How many days it rests on.
    pub(crate) days: u32,
}

impl Baseline {
    pub(crate) fn new(days: u32, common: &Common) -> Self {
        Self {
            days: days.min(DAYS_MAX),
            start: common.start,
            interval: common.interval,
            calendar: common.calendar.clone(),
            lags: Vec::new(),
            until: 0,
            medians: [(f32::NAN, 0); 3 * PLACES],
            block: None,
            usual: [Usual { value: f32::NAN, days: 0 }; PLACES],
        }
    }

    /// How many cells back must be remembered.
    pub(crate) fn reach(days: u32, interval: Interval) -> usize {
        // a civil day may be longer than 24 h
        (days.min(DAYS_MAX) as usize + 1) * interval.cells_a_day() + 4 * PLACES
    }

    /// What is usual at the cells of the block of `cell`, from the `values` of the cells before it.
    #[inline(always)]
    pub(crate) fn block(&mut self, cell: u64, values: &Ring) -> &[Usual; PLACES] {
        let block = cell / PLACES as u64;
        if self.block != Some(block) {
            self.advance(block, values);
        }
        &self.usual
    }

    #[cold]
    fn advance(&mut self, block: u64, values: &Ring) {
        if self.block.is_some_and(|before| before + 1 == block) {
            self.medians.copy_within(PLACES.., 0);
        } else {
            // the lags are those of these days, whatever was asked for before
            self.until = 0;
            for (part, number) in [block.checked_sub(1), Some(block)].into_iter().enumerate() {
                let found =
                    number.map_or([(f32::NAN, 0); PLACES], |number| self.medians_of(number, block, values));
                self.medians[part * PLACES..][..PLACES].copy_from_slice(&found);
            }
        }
        let after = self.medians_of(block + 1, block, values);
        self.medians[2 * PLACES..].copy_from_slice(&after);
        self.block = Some(block);
        self.usual = wide!(smoothed(&self.medians));
    }

    /// The medians of the cells of `block`, from what was known when the cells of block `at` began.
    fn medians_of(&mut self, block: u64, at: u64, values: &Ring) -> [(f32, u32); PLACES] {
        let first = block * PLACES as u64;
        if self.interval.cells_a_day() < LEAST_A_DAY {
            return [(f32::NAN, 0); PLACES];
        }
        if first >= self.until || self.lags.is_empty() {
            self.look_up(first);
        }
        let mut rows = [[f32::INFINITY; PLACES]; DEPTH];
        for (row, lag) in rows.iter_mut().zip(&self.lags) {
            let Some(lag) = *lag else { continue };
            values.copy(first.wrapping_sub(lag), at * PLACES as u64, row);
        }
        wide!(medians(rows))
    }

    fn look_up(&mut self, cell: u64) {
        let step = self.interval.as_millis();
        let offset = i64::try_from(cell).unwrap_or(i64::MAX).saturating_mul(step);
        let at = Timestamp::from_millis(self.start.as_millis().saturating_add(offset));
        let lag = |day| {
            let back = at.as_millis() - self.calendar.earlier(at, day)?.as_millis();
            u64::try_from((2 * back + step).div_euclid(2 * step)).ok()
        };
        self.lags = (1..=self.days).map(lag).collect();
        let hold = self.calendar.lags_hold_until(at, self.days).as_millis();
        let cells = hold.saturating_sub(self.start.as_millis()).div_euclid(step);
        self.until = u64::try_from(cells).unwrap_or(u64::MAX).max(cell + 1);
    }
}

/// The medians of the medians around each place of the block at hand.
#[inline(always)]
fn smoothed(medians: &[(f32, u32); 3 * PLACES]) -> [Usual; PLACES] {
    let mut around = [[f32::INFINITY; PLACES]; AROUND];
    let mut counts = [0_usize; PLACES];
    for (offset, row) in around.iter_mut().enumerate() {
        for (place, value) in row.iter_mut().enumerate() {
            let (median, days) = medians[PLACES - NEIGHBOURS + place + offset];
            *value = if days > 0 { median } else { f32::INFINITY };
            counts[place] += usize::from(days > 0);
        }
    }
    for (low, high) in FIVE {
        exchange(&mut around, low, high);
    }
    std::array::from_fn(|place| match counts[place] {
        0 => Usual { value: f32::NAN, days: 0 },
        count => {
            let (low, high) = (around[(count - 1) / 2][place], around[count / 2][place]);
            Usual { value: 0.5 * low + 0.5 * high, days: medians[PLACES + place].1 }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Common;

    const HOUR_MS: i64 = 3_600_000;

    /// What is usual at `cell` of an hourly series.
    fn usual(values: &[f32], cell: u64) -> Usual {
        let interval = Interval::from_millis(HOUR_MS).expect("an hour");
        let common = Common::new(Timestamp::from_millis(0), interval, Calendar::Utc);
        let mut ring = Ring::new(Baseline::reach(14, interval), f32::INFINITY);
        values.iter().for_each(|&value| ring.push(value));
        Baseline::new(14, &common).block(cell, &ring)[cell as usize % PLACES]
    }

    #[test]
    fn it_is_the_middle_of_the_earlier_days() {
        // three days; 10, 20 and 60 around noon, nothing else
        let day = |noon: f32| (0..24).map(move |hour| if (10..=14).contains(&hour) { noon } else { 0.0 });
        let values: Vec<f32> = [10.0, 20.0, 60.0].into_iter().flat_map(day).collect();
        assert_eq!(usual(&values, 72 + 12), Usual { value: 20.0, days: 3 });
        assert_eq!(usual(&values[..72], 72), Usual { value: 0.0, days: 3 });
    }

    #[test]
    fn a_single_odd_neighbour_changes_nothing() {
        let mut values = vec![5.0; 48];
        values[24 + 7] = 900.0;
        assert_eq!(usual(&values, 48 + 7).value, 5.0);
    }

    #[test]
    fn without_an_earlier_day_nothing_is_usual() {
        assert_eq!(usual(&[1.0; 8], 8).days, 0);
    }

    #[test]
    fn five_numbers_are_sorted() {
        let mut rows = [3.0, f32::INFINITY, -1.0, 2.0, 2.0].map(|number| [number; PLACES]);
        FIVE.into_iter().for_each(|(low, high)| exchange(&mut rows, low, high));
        assert_eq!(rows.map(|row| row[5]), [-1.0, 2.0, 2.0, 3.0, f32::INFINITY]);
    }
}
