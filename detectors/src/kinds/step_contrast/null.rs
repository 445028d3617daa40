//! What starts at which nothing was started show: the limits of a contrast.

use crate::detector::Lacks;
use crate::residuals::{FIRST_CELL, middle};
use crate::ring::Ring;
use crate::wide::wide;
use std::ops::RangeInclusive;

/// Of which windows and starts there is talk, in cells.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    pub(super) before: usize,
    /// The newest of them, by themselves.
    pub(super) recent: usize,
    pub(super) within: usize,
    pub(super) longest: usize,
    /// Other starts lie this far apart.
    pub(super) every: usize,
    pub(super) a_day: usize,
    /// Whether only starts at like times of day count.
    pub(super) alike: bool,
}

/// For each part of the time after a start, and each window in it, the difference that most other starts stay below.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    windows: usize,
    up: Vec<f64>,
    down: Vec<f64>,
}

impl Limits {
    pub(super) fn at(&self, window: usize, part: usize, up: bool) -> f64 {
        let place = part * self.windows + window;
        if up { self.up[place] } else { self.down[place] }
    }
}

/// The windows that there may be.
const WIDTHS: [usize; 16] = [2, 3, 5, 10, 15, 30, 45, 60, 90, 120, 180, 240, 480, 960, 1920, 3600];
/// The first part of the time after a start is as long as so many of the widest windows.
const FIRST_PART: usize = 3;
/// Fewer other starts say nothing.
const STARTS_LEAST: usize = 40;
/// Other starts may be this part of a day off: 3 hours.
const ALIKE: usize = 8;
/// The part of other starts that stay below a limit.
const BELOW: f64 = 0.95;
/// More other starts make no better limit.
const STARTS_MOST: usize = 252;
/// The newest cells before a start are not another one: the gate looked at them.
const LEFT_OUT: usize = 15;

/// What was before a start, as two numbers say it: the mean of all of it and the median of the newest. Where something was that is
/// over they differ, and what comes back to either is no change.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Before {
    pub(super) low: f64,
    pub(super) high: f64,
}

impl Before {
    /// How far `mean` is above both, or below both as a number below 0; 0 between them.
    #[inline(always)]
    pub(super) fn difference(&self, mean: f64) -> f64 {
        if mean > self.high { mean - self.high } else { (mean - self.low).min(0.0) }
    }

    /// The one of them that is nearer to something that differs by so much.
    pub(super) fn nearer(&self, difference: f64) -> f64 {
        if difference > 0.0 { self.high } else { self.low }
    }
}

/// Residuals of a stretch, and added up: before each cell, and at last all of them.
#[derive(Debug, Clone)]
struct Sums {
    residuals: Vec<f32>,
    counts: Vec<u32>,
    sums: Vec<f64>,
}

impl Sums {
    /// Of the newest `cells` cells.
    fn of(residuals: &Ring, cells: usize) -> Self {
        let residuals = residuals.newest(cells);
        let room = residuals.len() + 1;
        let (mut counts, mut sums) = (Vec::with_capacity(room), Vec::with_capacity(room));
        let (mut count, mut sum) = (0, 0.0);
        for &residual in &residuals {
            counts.push(count);
            sums.push(sum);
            let there = !residual.is_nan();
            count += u32::from(there);
            sum += if there { f64::from(residual) } else { 0.0 };
        }
        counts.push(count);
        sums.push(sum);
        Self { residuals, counts, sums }
    }

    fn cells(&self) -> usize {
        self.sums.len() - 1
    }

    fn at(&self, cell: usize) -> (u32, f64) {
        (self.counts[cell], self.sums[cell])
    }

    /// What was in the cells before `start`; none where more than half are missing.
    fn before(&self, start: usize, shape: &Shape) -> Option<Before> {
        let first = start.saturating_sub(shape.before);
        let mean = mean(self.at(first), self.at(start), shape.before)?;
        let newest = &self.residuals[start.saturating_sub(shape.recent)..start];
        let mut there: Vec<f32> = newest.iter().copied().filter(|residual| !residual.is_nan()).collect();
        // with too few of them all of it has to do
        let median = (2 * there.len() >= shape.recent).then(|| f64::from(middle(&mut there)));
        let median = median.unwrap_or(mean);
        Some(Before { low: mean.min(median), high: mean.max(median) })
    }

    /// The mean of the cells from `first` until `until`.
    fn mean(&self, first: usize, until: usize) -> Option<f64> {
        mean(self.at(first), self.at(until), until - first)
    }

    /// The lowest and the highest mean of `cells` cells that end at one of `ends`; none where there is no such mean.
    fn extremes(&self, cells: usize, ends: RangeInclusive<usize>) -> Option<(f64, f64)> {
        let (first, last) = (*ends.start(), *ends.end());
        if last < first {
            return None;
        }
        let is_whole = self.counts[last] - self.counts[first - cells] == (last + cells - first) as u32;
        if is_whole {
            let (low, high) = (&self.sums[first - cells..=last - cells], &self.sums[first..=last]);
            let (least, most) = wide!(differences(low, high));
            // to divide does not change which is the least
            return Some((least / cells as f64, most / cells as f64));
        }
        let means = ends.filter_map(|end| self.mean(end - cells, end));
        means.fold(None, |found, mean| {
            let (least, most): (f64, f64) = found.unwrap_or((mean, mean));
            Some((least.min(mean), most.max(mean)))
        })
    }
}

/// So many differences are looked at side by side.
const LANES: usize = 8;

/// The least and the most that is between numbers at the same place, of at least one.
#[inline(always)]
fn differences(low: &[f64], high: &[f64]) -> (f64, f64) {
    let (mut least, mut most) = ([f64::INFINITY; LANES], [f64::NEG_INFINITY; LANES]);
    let mut look = |low: &[f64], high: &[f64]| {
        for (((low, high), least), most) in low.iter().zip(high).zip(&mut least).zip(&mut most) {
            let difference = high - low;
            *least = if difference < *least { difference } else { *least };
            *most = if difference > *most { difference } else { *most };
        }
    };
    let ((lows, last_low), (highs, last_high)) = (low.as_chunks::<LANES>(), high.as_chunks::<LANES>());
    lows.iter().zip(highs).for_each(|(low, high)| look(low, high));
    look(last_low, last_high);
    (least.into_iter().fold(f64::INFINITY, f64::min), most.into_iter().fold(f64::NEG_INFINITY, f64::max))
}

/// The mean of the numbers between two sums of `cells` cells; none where more than half are missing.
#[inline(always)]
pub(super) fn mean((from, low): (u32, f64), (until, high): (u32, f64), cells: usize) -> Option<f64> {
    let count = until - from;
    (2 * count as usize >= cells).then(|| (high - low) / f64::from(count))
}

impl Shape {
    /// The windows, narrow to wide.
    pub(super) fn widths(&self) -> impl Iterator<Item = usize> + '_ {
        let wide = WIDTHS.into_iter().filter(|cells| *cells <= self.longest);
        std::iter::once(1).filter(|_| self.longest < 2).chain(wide)
    }

    /// The parts of the time after a start, by their last cells: each twice as long as the one before. What wanders does not
    /// get as far in a few minutes as in an hour, and need not be given as much room.
    fn parts(&self) -> impl Iterator<Item = usize> + '_ {
        let doubled = std::iter::successors(Some(FIRST_PART * self.longest), |cells| cells.checked_mul(2));
        doubled.take_while(|cells| *cells < self.within).chain(std::iter::once(self.within))
    }

    /// The part in which the cell `age` after a start lies, 1 being the first.
    pub(super) fn part(&self, age: usize) -> usize {
        self.parts().position(|last| age <= last).unwrap_or_else(|| self.parts().count() - 1)
    }

    /// What was before the next cell.
    pub(super) fn before(&self, residuals: &Ring) -> Option<Before> {
        let sums = Sums::of(residuals, self.before);
        sums.before(sums.cells(), self)
    }

    /// The limits by the other starts of the past; none where these are too few.
    pub(super) fn limits(&self, residuals: &Ring) -> Option<Limits> {
        let sums = Sums::of(residuals, residuals.capacity());
        let known = |start| sums.before(start, self).is_some();
        let chosen = self.others(sums.cells(), known, STARTS_MOST)?;
        let mut others = Others::new(self);
        chosen.into_iter().for_each(|start| others.add(self, &sums, start));
        Some(others.limits())
    }

    /// What lacks before a batch that starts with the next cell, so that [`before`](Self::before) and [`limits`](Self::limits) of
    /// it are there; nothing where they are.
    pub(super) fn lacks(&self, residuals: &Ring) -> Option<Lacks> {
        let next = residuals.next();
        let cells = usize::try_from(next).unwrap_or(usize::MAX).min(residuals.capacity());
        let first = next - cells as u64;
        let is_known = |cell: &u64| !residuals.get(*cell).is_nan();
        let known = |start: usize| {
            let (from, until) = (start.saturating_sub(self.before), start);
            let there = (first + from as u64..first + until as u64).filter(is_known);
            // half of them do, as for a mean
            there.take(self.before.div_ceil(2)).count() == self.before.div_ceil(2)
        };
        if self.others(cells, known, STARTS_LEAST).is_some() {
            let half = self.before.div_ceil(2) as u64;
            return (!known(cells)).then_some(Lacks { wanted: half, more: half, gaps: true });
        }
        let wanted = self.wanted();
        // where the starts will lie that are the first to be enough, those of them that have passed must be known
        let last = wanted.saturating_sub(LEFT_OUT + self.within);
        let passed = (0..STARTS_LEAST).map(|k| last - k * self.every).filter(|start| *start <= cells);
        let gaps = next >= wanted as u64 || !passed.into_iter().all(known);
        let more = if gaps { wanted as u64 } else { wanted as u64 - next };
        Some(Lacks { wanted: wanted as u64, more, gaps })
    }

    /// How many cells there must be, none of them missing, before a start is known well enough.
    fn wanted(&self) -> usize {
        // the first cells of a series have no residual
        let first = self.before.max(FIRST_CELL as usize + self.before.div_ceil(2));
        first + (STARTS_LEAST - 1) * self.every + LEFT_OUT + self.within
    }

    /// The other starts among so many cells that limits go by, of which is `known` what was before, at most so many of them;
    /// none where they are too few.
    fn others(&self, cells: usize, known: impl Fn(usize) -> bool, most: usize) -> Option<Vec<usize>> {
        let all = self.starts(cells);
        let alike = all.iter().copied().filter(|start| self.is_alike(cells - start)).collect();
        let enough = |starts: Vec<usize>| {
            let stride = starts.len().div_ceil(STARTS_MOST).max(1);
            let known = starts.into_iter().step_by(stride).filter(|start| known(*start)).take(most);
            Some(known.collect::<Vec<_>>()).filter(|known| known.len() >= STARTS_LEAST)
        };
        self.alike.then(|| enough(alike)).flatten().or_else(|| enough(all))
    }

    /// The other starts among so many cells.
    fn starts(&self, cells: usize) -> Vec<usize> {
        let last = cells.saturating_sub(LEFT_OUT + self.within);
        let back = (0..).map_while(|k| last.checked_sub(k * self.every));
        back.take_while(|start| *start >= self.before).collect()
    }

    /// Whether a start so many cells ago was at a like time of day.
    fn is_alike(&self, ago: usize) -> bool {
        let off = ago % self.a_day;
        off.min(self.a_day - off) <= self.a_day / ALIKE
    }
}

/// The largest differences after each of the other starts, up and down: by part of the time and by window in it.
struct Others {
    widths: Vec<usize>,
    parts: Vec<usize>,
    up: Vec<Vec<f64>>,
    down: Vec<Vec<f64>>,
}

impl Others {
    fn new(shape: &Shape) -> Self {
        let (widths, parts): (Vec<_>, Vec<_>) = (shape.widths().collect(), shape.parts().collect());
        let none = vec![Vec::with_capacity(STARTS_MOST); parts.len() * widths.len()];
        Self { widths, parts, up: none.clone(), down: none }
    }

    /// One more start, unless what was before it is not known.
    fn add(&mut self, shape: &Shape, sums: &Sums, start: usize) {
        let Some(Before { low, high }) = sums.before(start, shape) else { return };
        for (window, &cells) in self.widths.iter().enumerate() {
            let (mut up, mut down, mut first) = (0.0_f64, 0.0_f64, cells);
            for (part, &last) in self.parts.iter().enumerate() {
                if let Some((least, most)) = sums.extremes(cells, start + first..=start + last) {
                    up = up.max(most - high);
                    down = down.max(low - least);
                }
                first = first.max(last + 1);
                let place = part * self.widths.len() + window;
                self.up[place].push(up);
                self.down[place].push(down);
            }
        }
    }

    /// Of one start at least.
    fn limits(self) -> Limits {
        let limits = |all: Vec<Vec<f64>>| all.into_iter().map(limit).collect();
        Limits { windows: self.widths.len(), up: limits(self.up), down: limits(self.down) }
    }
}

/// What most of the numbers stay below.
fn limit(mut numbers: Vec<f64>) -> f64 {
    let at = ((numbers.len() - 1) as f64 * BELOW) as usize;
    *numbers.select_nth_unstable_by(at, f64::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A ring of odd numbers, some of them missing.
    fn ring(missing: impl Fn(u32) -> bool) -> Ring {
        let mut ring = Ring::new(300, f32::NAN, 0);
        for i in 0..500_u32 {
            ring.push(if missing(i) {
                f32::NAN
            } else {
                (i.wrapping_mul(2_654_435_761) >> 20) as f32 / 512.0
            });
        }
        ring
    }

    #[test]
    fn the_extremes_are_those_of_every_single_mean() {
        for ring in [ring(|_| false), ring(|i| i % 9 == 4), ring(|i| (200..330).contains(&i))] {
            let sums = Sums::of(&ring, 300);
            for (cells, ends) in
                [(1, 1..=300), (5, 5..=5), (7, 40..=57), (60, 100..=163), (3, RangeInclusive::new(9, 8))]
            {
                let means: Vec<f64> = ends.clone().filter_map(|end| sums.mean(end - cells, end)).collect();
                let found = sums.extremes(cells, ends.clone());
                let plain = (!means.is_empty()).then(|| {
                    let least = means.iter().copied().fold(f64::INFINITY, f64::min);
                    (least, means.iter().copied().fold(f64::NEG_INFINITY, f64::max))
                });
                assert_eq!(found, plain, "{cells} {ends:?}");
            }
        }
    }

    /// With 40 other starts of a minute each, an hour before and 30 minutes after them, among like times or all.
    fn shape(alike: bool) -> Shape {
        let (before, within, longest, every) = (60, 30, 5, 10);
        Shape { before, recent: 10, within, longest, every, a_day: 1440, alike }
    }

    /// A ring of seven days after so many cells, some of which have no residual.
    fn week(cells: u64, missing: impl Fn(u64) -> bool) -> Ring {
        let mut ring = Ring::new(7 * 1440, f32::NAN, 0);
        for i in 0..cells {
            let is_missing = i < FIRST_CELL || missing(i);
            ring.push(if is_missing { f32::NAN } else { (i * 7919 % 101) as f32 / 101.0 });
        }
        ring
    }

    #[test]
    fn what_lacks_is_what_before_and_limits_would_lack() {
        type Gap = fn(u64) -> bool;
        let gaps: [(&str, Gap); 5] = [
            ("none", |_| false),
            ("two hours", |i| (300..420).contains(&i)),
            ("every second", |i| i % 2 == 1),
            ("two of three", |i| i % 3 > 0),
            ("most of a week", |i| (400..6400).contains(&i)),
        ];
        for (name, gap) in gaps {
            for alike in [false, true] {
                let shape = shape(alike);
                let mut met = [0, 0];
                for cells in (0..1200).step_by(35).chain((6000..12_000).step_by(245)) {
                    let ring = week(cells, gap);
                    let is_judged = shape.before(&ring).is_some() && shape.limits(&ring).is_some();
                    assert_eq!(shape.lacks(&ring).is_none(), is_judged, "{name}, {cells} cells, {alike}");
                    met[usize::from(is_judged)] += 1;
                }
                assert!(met[0] > 0 && (met[1] > 0 || name == "two of three"), "{name}: {met:?}");
            }
        }
    }

    #[test]
    fn what_lacks_is_over_when_it_was_told() {
        for gap in [(0, 0), (300, 330), (300, 420), (530, 570)] {
            let is_gap = |i| (gap.0..gap.1).contains(&i);
            for cells in [1, 100, 350, 440, 480, 494, 575] {
                let lacks = shape(false).lacks(&week(cells, is_gap));
                let Some(Lacks { more, gaps, .. }) = lacks else { continue };
                // nothing is missing from then on
                let is_judged = |then| shape(false).lacks(&week(then, |i| is_gap(i) && i < cells)).is_none();
                assert!(is_judged(cells + more), "{gap:?} after {cells}: {lacks:?}");
                assert!(gaps || !is_judged(cells + more - 1), "{gap:?} after {cells}: {lacks:?}");
            }
        }
        assert_eq!(shape(false).lacks(&week(1, |_| false)).map(|lacks| lacks.wanted), Some(495));
    }

    #[test]
    fn a_mean_of_less_than_half_is_none() {
        let sums = Sums::of(&ring(|i| i >= 450), 300);
        assert!(sums.mean(245, 256).is_none());
        assert!(sums.mean(240, 260).is_some());
    }
}
