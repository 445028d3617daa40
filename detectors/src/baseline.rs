//! What a series usually shows at a time of day: the median of the earlier days, with a few neighbours on each side.

use crate::calendar::Calendar;
use crate::middle::{DEPTH, Medians, PLACES, sort_five, sort_fourteen};
use crate::registry::Common;
use crate::ring::Ring;
use crate::sample::{Interval, Timestamp};
use crate::wide::wide;
use fearless_simd::Simd;

/// Cells on each side that count as the same time of day: what happens daily is some minutes early or late.
const NEIGHBOURS: usize = 2;
/// A cell with its neighbours.
const AROUND: usize = 2 * NEIGHBOURS + 1;
/// With fewer cells a day there is no time of day to speak of.
const LEAST_A_DAY: usize = 24;
/// The most days that are looked back.
pub(crate) const DAYS_MAX: u32 = DEPTH as u32;
/// With fewer cells a day the next block has places whose day before is not over when this one begins.
const LONG_DAY: usize = 3 * PLACES;

/// The medians of the earlier days around the cells that come next.
#[derive(Debug, Clone)]
pub(crate) struct Baseline {
    days: u32,
    start: Timestamp,
    interval: Interval,
    calendar: Calendar,
    /// How many places of the first block come before the first cell.
    ahead: u64,
    /// Cells back to the same time 1, 2, … days earlier; good for cells before `until`.
    lags: Vec<Option<u64>>,
    until: u64,
    /// The medians of the cells of the block at hand and of the one after it, and the last ones of the one before.
    before: [f32; NEIGHBOURS],
    at_hand: Medians,
    after: Medians,
    /// The number of the block at hand; none before the first.
    block: Option<u64>,
    /// What is usual there, and on how many days that rests.
    usual: Medians,
}

impl Baseline {
    pub(crate) fn new(days: u32, common: &Common) -> Self {
        Self {
            days: days.min(DAYS_MAX),
            start: common.start,
            interval: common.interval,
            calendar: common.calendar.clone(),
            ahead: Self::ahead(common),
            lags: Vec::new(),
            until: 0,
            before: [f32::NAN; NEIGHBOURS],
            at_hand: Medians::NONE,
            after: Medians::NONE,
            block: None,
            usual: Medians::NONE,
        }
    }

    /// How many cells back must be remembered.
    pub(crate) fn reach(days: u32, interval: Interval) -> usize {
        // a civil day may be longer than 24 h
        (days.min(DAYS_MAX) as usize + 1) * interval.cells_a_day() + 4 * PLACES
    }

    /// At which place of its block the first cell of a series is. Where a day is short, how blocks lie says what is known when
    /// one begins: then all begin alike.
    pub(crate) fn ahead(common: &Common) -> u64 {
        if common.interval.cells_a_day() >= LONG_DAY { common.turn % PLACES as u64 } else { 0 }
    }

    /// What is usual at the cells of the block of `cell`, from the `values` of the cells before it: not a number where no
    /// earlier day has any.
    #[inline(always)]
    pub(crate) fn block(&mut self, cell: u64, values: &Ring) -> &Medians {
        let block = (cell + self.ahead) / PLACES as u64;
        if self.block != Some(block) {
            self.advance(block, values);
        }
        &self.usual
    }

    #[cold]
    fn advance(&mut self, block: u64, values: &Ring) {
        let follows = self.block.is_some_and(|before| before + 1 == block);
        if follows && self.interval.cells_a_day() >= LONG_DAY {
            self.before = last(&self.at_hand);
            self.at_hand = self.after;
        } else {
            // the lags are those of these days, whatever was asked for before
            self.until = 0;
            let before = block.checked_sub(1).map(|before| self.medians_of(before, block, values));
            self.before = last(&before.unwrap_or(Medians::NONE));
            self.at_hand = self.medians_of(block, block, values);
        }
        self.after = self.medians_of(block + 1, block, values);
        self.block = Some(block);
        self.usual = wide!(|simd| smoothed(simd, &self.before, &self.at_hand, &self.after));
    }

    /// The medians of the cells of `block`, from what was known when the cells of block `at` began.
    fn medians_of(&mut self, block: u64, at: u64, values: &Ring) -> Medians {
        if self.interval.cells_a_day() < LEAST_A_DAY {
            return Medians::NONE;
        }
        let begin = |block: u64| (block * PLACES as u64).wrapping_sub(self.ahead);
        // places before the first cell of all are as little known as those
        let (first, known) = (begin(block), if at == 0 { 0 } else { begin(at) });
        let from = if block == 0 { 0 } else { first };
        if from >= self.until || self.lags.is_empty() {
            self.look_up(from);
        }
        let mut rows = [[f32::INFINITY; PLACES]; DEPTH];
        if from + PLACES as u64 <= self.until {
            for (row, lag) in rows.iter_mut().zip(&self.lags) {
                let Some(lag) = *lag else { continue };
                values.copy(first.wrapping_sub(lag), known, row);
            }
        } else {
            self.gather(block, known, values, &mut rows);
        }
        wide!(|simd| Medians::of(simd, &rows, sort_fourteen))
    }

    /// The earlier days of a block in which the lags change.
    #[cold]
    fn gather(&mut self, block: u64, known: u64, values: &Ring, rows: &mut [[f32; PLACES]; DEPTH]) {
        for place in 0..PLACES {
            let Some(cell) = (block * PLACES as u64 + place as u64).checked_sub(self.ahead) else { continue };
            if cell >= self.until {
                self.look_up(cell);
            }
            for (row, lag) in rows.iter_mut().zip(&self.lags) {
                let earlier = lag.and_then(|lag| cell.checked_sub(lag)).filter(|cell| *cell < known);
                row[place] = earlier.map_or(f32::INFINITY, |cell| values.get(cell));
            }
        }
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

fn last(medians: &Medians) -> [f32; NEIGHBOURS] {
    std::array::from_fn(|i| medians.values[PLACES - NEIGHBOURS + i])
}

/// The medians of the medians around each place of the block at hand.
#[inline(always)]
fn smoothed<S: Simd>(simd: S, before: &[f32; NEIGHBOURS], at_hand: &Medians, after: &Medians) -> Medians {
    let mut line = [0.0; PLACES + 2 * NEIGHBOURS];
    line[..NEIGHBOURS].copy_from_slice(before);
    line[NEIGHBOURS..][..PLACES].copy_from_slice(&at_hand.values);
    line[NEIGHBOURS + PLACES..].copy_from_slice(&after.values[..NEIGHBOURS]);
    for value in &mut line {
        *value = if value.is_nan() { f32::INFINITY } else { *value };
    }
    let mut around = [[0.0; PLACES]; AROUND];
    for (offset, row) in around.iter_mut().enumerate() {
        row.copy_from_slice(&line[offset..][..PLACES]);
    }
    let mut usual = Medians::of(simd, &around, sort_five);
    for (count, days) in usual.counts.iter_mut().zip(at_hand.counts) {
        *count = if *count == 0 { 0 } else { days };
    }
    usual
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Common;

    const HOUR_MS: i64 = 3_600_000;

    /// What is usual at `cell` of an hourly series, and on how many days that rests.
    fn usual(values: &[f32], cell: u64) -> (f32, u32) {
        let interval = Interval::from_millis(HOUR_MS).expect("an hour");
        let common = Common::new(Timestamp::from_millis(0), interval, Calendar::Utc);
        let mut ring = Ring::new(Baseline::reach(14, interval), f32::INFINITY, 0);
        values.iter().for_each(|&value| ring.push(value));
        let place = cell as usize % PLACES;
        let mut baseline = Baseline::new(14, &common);
        let usual = baseline.block(cell, &ring);
        (usual.values[place], usual.counts[place])
    }

    #[test]
    fn it_is_the_middle_of_the_earlier_days() {
        // three days; 10, 20 and 60 around noon, nothing else
        let day = |noon: f32| (0..24).map(move |hour| if (10..=14).contains(&hour) { noon } else { 0.0 });
        let values: Vec<f32> = [10.0, 20.0, 60.0].into_iter().flat_map(day).collect();
        assert_eq!(usual(&values, 72 + 12), (20.0, 3));
        assert_eq!(usual(&values[..72], 72), (0.0, 3));
    }

    #[test]
    fn a_single_odd_neighbour_changes_nothing() {
        let mut values = vec![5.0; 48];
        values[24 + 7] = 900.0;
        assert_eq!(usual(&values, 48 + 7).0, 5.0);
    }

    #[test]
    fn without_an_earlier_day_nothing_is_usual() {
        assert_eq!(usual(&[1.0; 8], 8).1, 0);
    }

    #[test]
    fn going_on_is_as_good_as_beginning_there() {
        // few cells a day and many: blocks as long as a day, and far shorter
        for a_day in [24_usize, 36, 48, 96, 1440] {
            let interval = Interval::from_millis(24 * HOUR_MS / a_day as i64).expect("a part of a day");
            let common = Common::new(Timestamp::from_millis(0), interval, Calendar::Utc);
            let mut ring = Ring::new(Baseline::reach(14, interval), f32::INFINITY, 0);
            let mut going = Baseline::new(14, &common);
            for cell in 0..(4 * a_day + 100) as u64 {
                let found = *going.block(cell, &ring);
                if cell.is_multiple_of(PLACES as u64) {
                    let begun = *Baseline::new(14, &common).block(cell, &ring);
                    assert_eq!(found.counts, begun.counts, "{a_day} {cell}");
                    assert_eq!(
                        found.values.map(f32::to_bits),
                        begun.values.map(f32::to_bits),
                        "{a_day} {cell}"
                    );
                }
                ring.push((cell * 7919 % 101) as f32);
            }
        }
    }
}
