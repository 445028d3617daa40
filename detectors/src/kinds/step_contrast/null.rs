//! What starts at which nothing was started show: the limits of a contrast.

use crate::ring::Ring;

/// Of which windows and starts there is talk, in cells.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    pub(super) before: usize,
    pub(super) within: usize,
    pub(super) longest: usize,
    /// Other starts lie this far apart.
    pub(super) every: usize,
    pub(super) a_day: usize,
    /// Whether only starts at like times of day count.
    pub(super) alike: bool,
}

/// For each window and part of the time after a start the difference that most other starts stay below, up and down.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    up: Vec<Vec<f64>>,
    down: Vec<Vec<f64>>,
}

impl Limits {
    pub(super) fn at(&self, window: usize, part: usize, up: bool) -> f64 {
        if up { self.up[part][window] } else { self.down[part][window] }
    }
}

/// The largest differences after another start, up and down: for each part of the time and each window.
type Largest = Vec<Vec<(f64, f64)>>;

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

    /// The mean of what was before `cell`.
    pub(super) fn before(&self, residuals: &Ring, cell: u64) -> Option<f64> {
        let sums = added_up(residuals, cell.saturating_sub(self.before as u64), cell);
        mean(sums[0], sums[sums.len() - 1], self.before)
    }

    /// The limits by the other starts of the past; none where these are too few.
    pub(super) fn limits(&self, residuals: &Ring) -> Option<Limits> {
        let now = residuals.next();
        let oldest = now.saturating_sub(residuals.capacity() as u64);
        let sums = added_up(residuals, oldest, now);
        let starts = self.starts(sums.len() - 1);
        let alike: Vec<usize> =
            starts.iter().copied().filter(|start| self.is_alike(sums.len() - 1 - start)).collect();
        let chosen = if self.alike && alike.len() >= STARTS_LEAST { alike } else { starts };
        let stride = chosen.len().div_ceil(STARTS_MOST).max(1);
        let others: Vec<Largest> =
            chosen.into_iter().step_by(stride).filter_map(|start| self.largest(&sums, start)).collect();
        if others.len() < STARTS_LEAST {
            return None;
        }
        let side = |side: fn(&(f64, f64)) -> f64| {
            let limit_of =
                |part: usize, window: usize| limit(others.iter().map(|other| side(&other[part][window])));
            let windows = |part| (0..self.widths().count()).map(|window| limit_of(part, window)).collect();
            (0..self.parts().count()).map(windows).collect()
        };
        Some(Limits { up: side(|(up, _)| *up), down: side(|(_, down)| *down) })
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

    /// The largest differences after a start; none where what was before is not known.
    fn largest(&self, sums: &[(u32, f64)], start: usize) -> Option<Largest> {
        let before = mean(sums[start - self.before], sums[start], self.before)?;
        let mut largest: Largest = self.parts().map(|_| Vec::new()).collect();
        for cells in self.widths() {
            let (mut up, mut down, mut first) = (0.0_f64, 0.0_f64, cells);
            for (last, largest) in self.parts().zip(&mut largest) {
                for age in first..=last {
                    let until = start + age;
                    if let Some(mean) = mean(sums[until - cells], sums[until], cells) {
                        up = up.max(mean - before);
                        down = down.max(before - mean);
                    }
                }
                first = first.max(last + 1);
                largest.push((up, down));
            }
        }
        Some(largest)
    }
}

/// The residuals of the cells from `first` until `until`, added up: before each cell, and at last all of them.
fn added_up(residuals: &Ring, first: u64, until: u64) -> Vec<(u32, f64)> {
    let mut sums = vec![(0, 0.0)];
    let (mut count, mut sum) = (0, 0.0);
    for cell in first..until {
        let residual = residuals.get(cell);
        if !residual.is_nan() {
            (count, sum) = (count + 1, sum + f64::from(residual));
        }
        sums.push((count, sum));
    }
    sums
}

/// What most of the numbers stay below.
fn limit(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = numbers.collect();
    let at = ((numbers.len() - 1) as f64 * BELOW) as usize;
    *numbers.select_nth_unstable_by(at, f64::total_cmp).1
}
