//! What of a series is not usual at its time of day, on a logarithmic scale; followed once for all detectors that rest on it.
//!
//! The residual of a value x whose usual value is b is f(x) − f(b) with f(x) = sign(x) ln(1 + |x| / c) and c = 2 % of the
//! usual size of the values. For values that are never below 0 this is ln((x + c) / (b + c)): 0.1 is a tenth more than
//! usual, −0.7 is half, whatever the unit, and 0 is a finite −3.9 where traffic is all gone.

use crate::baseline::Baseline;
use crate::logarithm::{exp, ln, ln_short};
use crate::middle::{Medians, PLACES, median, sort_five, sort_six};
use crate::registry::Common;
use crate::ring::Ring;
use crate::wide::wide;
use std::cmp::Ordering;

/// Residuals are remembered for this many days.
pub(crate) const DAYS_KEPT: usize = 7;
/// The first cells, whose values only say how large values are.
pub(crate) const FIRST_CELL: u64 = 16;
/// Larger values are taken for this.
const LARGEST: f64 = 1e37;
/// The part of the usual size that is added to each value.
const SMALL: f64 = 0.02;
/// The usual size is worked out again after this many cells at the latest, where a day has fewer.
const REVIEW_LEAST: u64 = 64;

/// The residuals of a series.
#[derive(Debug, Clone)]
pub(crate) struct Residuals {
    days: u32,
    a_day: u64,
    values: Ring,
    residuals: Ring,
    baseline: Baseline,
    size: Size,
    /// The cell before which the usual size is worked out again.
    review: u64,
    /// The newest residuals, by the size that holds now.
    recent: Recent,
    /// Of the cells of the newest run: the residual, the level before it, and what was expected.
    run: Vec<f32>,
    levels: Vec<f32>,
    expected: Vec<Expected>,
}

/// How large the values usually are.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Size {
    /// Added to each value; above 0.
    small: f64,
    /// The median of the values: what is usual where no earlier day says it.
    level: f64,
}

/// What was expected at a cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Expected {
    small: f64,
    usual: f64,
    /// How many days the usual value rests on.
    pub(crate) days: u32,
}

impl Expected {
    /// The value whose residual this is.
    pub(crate) fn value(self, residual: f64) -> f64 {
        let curved = curve(self.usual, self.small) + residual;
        (exp(curved.abs()) - 1.0) * self.small * curved.signum()
    }
}

#[inline(always)]
fn curve(value: f64, small: f64) -> f64 {
    ln(1.0 + value.abs() / small) * value.signum()
}

/// f(value) − f(usual).
#[inline(always)]
fn residual(value: f32, usual: f32, small: f32) -> f32 {
    if value >= 0.0 && usual >= 0.0 {
        ln_short((value + small) / (usual + small))
    } else {
        let curve = |value: f32| ln_short(1.0 + value.abs() / small) * value.signum();
        curve(value) - curve(usual)
    }
}

impl Residuals {
    pub(crate) fn new(days: u32, common: &Common) -> Self {
        let a_day = common.interval.cells_a_day();
        Self {
            days,
            a_day: a_day as u64,
            values: Ring::new(
                Baseline::reach(days, common.interval).max(REVIEW_LEAST as usize),
                f32::INFINITY,
            ),
            residuals: Ring::new((DAYS_KEPT * a_day).max(4 * REVIEW_LEAST as usize), f32::NAN),
            baseline: Baseline::new(days, common),
            size: Size { small: 1.0, level: 0.0 },
            review: FIRST_CELL,
            recent: Recent::new(0),
            run: Vec::new(),
            levels: Vec::new(),
            expected: Vec::new(),
        }
    }

    /// The residuals at the cells of the newest run; not a number in the first cells of a series.
    pub(crate) fn run(&self) -> &[f32] {
        &self.run
    }

    /// At the same cells the median of the residuals before it, the level of the recent past; not a number where these are
    /// too few.
    pub(crate) fn levels(&self) -> &[f32] {
        &self.levels
    }

    /// The residuals of all cells that are remembered.
    pub(crate) fn all(&self) -> &Ring {
        &self.residuals
    }

    /// What was expected at the cell at `offset` of the newest run.
    pub(crate) fn expected(&self, offset: usize) -> Expected {
        self.expected[offset]
    }

    /// Takes in the values of consecutive cells.
    pub(crate) fn learn(&mut self, values: &[f64]) {
        self.run.clear();
        self.levels.clear();
        self.expected.clear();
        let mut rest = values;
        while !rest.is_empty() {
            self.review();
            let next = self.values.next();
            let in_block = PLACES - (next % PLACES as u64) as usize;
            let to_review = usize::try_from(self.review - next).unwrap_or(usize::MAX);
            let (now, after) = rest.split_at(rest.len().min(in_block).min(to_review));
            wide!(self.learn_block(now));
            rest = after;
        }
    }

    /// The next `cells` cells have no value.
    pub(crate) fn skip(&mut self, cells: u64) {
        let all = self.values.capacity().max(self.residuals.capacity()) as u64;
        for _ in 0..cells.min(all) {
            self.review();
            self.values.push(f32::INFINITY);
            self.residuals.push(f32::NAN);
            self.recent.push(f32::NAN);
        }
        if cells > all {
            self.values.forget(cells - all);
            self.residuals.forget(cells - all);
            self.recent = Recent::new(self.values.next());
            self.review = self.review_after(self.values.next() - 1);
        }
    }

    /// The newest cell has no value after all.
    pub(crate) fn retract(&mut self) {
        if let Some(newest) = self.values.next().checked_sub(1) {
            self.values.set(newest, f32::INFINITY);
            self.residuals.set(newest, f32::NAN);
            self.recent.retract();
        }
    }

    #[inline(always)]
    fn learn_block(&mut self, values: &[f64]) {
        let next = self.values.next();
        let mut usual = *self.baseline.block(next, &self.values);
        self.expect(next, &mut usual);
        let (count, first) = (values.len(), (next % PLACES as u64) as usize);
        let mut found = [f32::INFINITY; PLACES];
        for (found, value) in found[first..][..count].iter_mut().zip(values) {
            // what is added makes a zero of either sign the same
            *found = value.clamp(-LARGEST, LARGEST) as f32 + 0.0;
        }
        self.values.extend(&found[first..][..count]);
        if next >= FIRST_CELL {
            residuals(&mut found, &usual.values, self.size.small as f32);
        } else {
            found = [f32::NAN; PLACES];
        }
        let found = &found[first..][..count];
        self.residuals.extend(found);
        self.run.extend_from_slice(found);
        for &residual in found {
            self.levels.push(self.recent.level());
            self.recent.push(residual);
        }
        let small = self.size.small;
        let told = usual.values.iter().zip(&usual.counts).skip(first).take(count);
        self.expected.extend(told.map(|(value, days)| Expected {
            small,
            usual: f64::from(*value),
            days: *days,
        }));
    }

    /// Makes of what is usual at the cells of the block of `cell` what is expected of `cell` and those after it. Over the
    /// third day the earlier days take the place of the level, bit by bit: two of them are few, and a jump would look like
    /// an anomaly.
    #[inline(always)]
    fn expect(&self, cell: u64, usual: &mut Medians) {
        let settled = cell / PLACES as u64 * PLACES as u64 >= 3 * self.a_day;
        if !settled || usual.counts.contains(&0) {
            self.expect_early(cell, usual);
        }
    }

    #[cold]
    fn expect_early(&self, cell: u64, usual: &mut Medians) {
        let (level, first) = (self.size.level as f32, cell / PLACES as u64 * PLACES as u64);
        for (place, (value, days)) in usual.values.iter_mut().zip(&mut usual.counts).enumerate() {
            let cell = first + place as u64;
            if *days == 0 || cell < 2 * self.a_day {
                (*value, *days) = (level, 0);
                continue;
            }
            let into = cell - 2 * self.a_day;
            let share = if into >= self.a_day { 1.0 } else { into as f32 / self.a_day as f32 };
            *value = level * (1.0 - share) + *value * share;
        }
    }

    /// Works out the usual size again where that is due: after 16, 32, 64, … cells, then once a day.
    #[inline(always)]
    fn review(&mut self) {
        if self.values.next() >= self.review {
            self.review_now();
        }
    }

    /// The first cell after `cell` before which the usual size is worked out again.
    fn review_after(&self, cell: u64) -> u64 {
        let daily = self.a_day.max(REVIEW_LEAST);
        let doubled = (FIRST_CELL.max(cell + 1)).next_power_of_two();
        if cell < daily { doubled.min(daily) } else { (cell / daily + 1) * daily }
    }

    #[cold]
    fn review_now(&mut self) {
        let now = self.values.next();
        self.review = self.review_after(now);
        let back = self.a_day.max(REVIEW_LEAST).min(now);
        let back = usize::try_from(back).unwrap_or(usize::MAX);
        let mut seen = self.values.newest(back);
        seen.retain(|value| value.is_finite());
        if seen.is_empty() {
            return;
        }
        let level = f64::from(middle(&mut seen));
        let below_zero = seen.iter().any(|value| *value < 0.0);
        seen.iter_mut().for_each(|value| *value = value.abs());
        let typical = if below_zero { f64::from(middle(&mut seen)) } else { level };
        let mean = || seen.iter().map(|&value| f64::from(value)).sum::<f64>() / seen.len() as f64;
        let size = if typical > 0.0 { typical } else { mean() };
        // of nothing but zeros nothing is known: then 1 is the size of things
        let small = if size > 0.0 { (SMALL * size).max(f64::from(f32::MIN_POSITIVE)) } else { SMALL };
        self.size = Size { small, level };
        self.rework(now);
    }

    /// Works out the newest residuals by the size that holds from now on: by the one before they would look like another
    /// level.
    fn rework(&mut self, now: u64) {
        let mut baseline = self.baseline.clone();
        // from a multiple on, so that the medians are those of the same cells
        let first = (now / TOGETHER as u64 * TOGETHER as u64).saturating_sub((MEDIANS * TOGETHER) as u64);
        self.recent = Recent::new(first);
        for cell in first..now {
            let value = self.values.get(cell);
            let mut usual = *baseline.block(cell, &self.values);
            self.expect(cell, &mut usual);
            let expected = usual.values[(cell % PLACES as u64) as usize];
            let is_known = cell >= FIRST_CELL && value.is_finite();
            self.recent.push(if is_known {
                residual(value, expected, self.size.small as f32)
            } else {
                f32::NAN
            });
        }
    }

    /// Whether these are the residuals against so many days.
    fn looks_back(&self, days: u32) -> bool {
        self.days == days
    }
}

#[inline(always)]
fn residuals(values: &mut [f32; PLACES], usual: &[f32; PLACES], small: f32) {
    for (value, usual) in values.iter_mut().zip(usual) {
        *value = residual(*value, *usual, small);
    }
}

/// Residuals of so many cells, from a multiple of it on, have a median together.
const TOGETHER: usize = 5;
/// The level is the median of so many such medians: of the last 30 cells, up to 4 cells ago.
const MEDIANS: usize = 6;
/// With fewer of them there is no level.
const MEDIANS_LEAST: usize = 2;
/// The first cell of a series that has a level.
pub(crate) const FIRST_LEVEL: u64 = 25;

/// The level of the newest residuals: a median of medians (Tukey 1978, the ninther), which one odd half hour does not move.
#[derive(Debug, Clone)]
struct Recent {
    /// The residuals of the cells since the last multiple; a missing one is infinite.
    newest: [f32; TOGETHER],
    place: usize,
    /// The medians, in a ring; a missing one is infinite.
    medians: [f32; MEDIANS],
    next: usize,
    level: f32,
}

impl Recent {
    /// A level that begins with the cell of this number.
    fn new(cell: u64) -> Self {
        let place = (cell % TOGETHER as u64) as usize;
        let newest = [f32::INFINITY; TOGETHER];
        Self { newest, place, medians: [f32::INFINITY; MEDIANS], next: 0, level: f32::NAN }
    }

    /// The level before the next cell; not a number where there are too few residuals.
    #[inline(always)]
    fn level(&mut self) -> f32 {
        if self.place == TOGETHER {
            self.gather();
        }
        self.level
    }

    /// The residual of the next cell.
    #[inline(always)]
    fn push(&mut self, residual: f32) {
        if self.place == TOGETHER {
            self.gather();
        }
        self.newest[self.place] = missing_if_nan(residual);
        self.place += 1;
    }

    /// The newest one is missing after all: it was not gathered yet.
    fn retract(&mut self) {
        self.newest[self.place - 1] = f32::INFINITY;
    }

    #[inline(always)]
    fn gather(&mut self) {
        self.medians[self.next] = missing_if_nan(median(self.newest, sort_five, 1));
        self.next = if self.next + 1 == MEDIANS { 0 } else { self.next + 1 };
        self.level = median(self.medians, sort_six, MEDIANS_LEAST);
        self.newest = [f32::INFINITY; TOGETHER];
        self.place = 0;
    }
}

#[inline(always)]
fn missing_if_nan(number: f32) -> f32 {
    if number.is_nan() { f32::INFINITY } else { number }
}

/// The lower of the two numbers in the middle, of at least one.
fn middle(numbers: &mut [f32]) -> f32 {
    let at = (numbers.len() - 1) / 2;
    // by what is less, which is quicker than the total order; where none is not a number they are the same
    *numbers.select_nth_unstable_by(at, |a, b| a.partial_cmp(b).unwrap_or(Ordering::Equal)).1
}

/// The residuals that the detectors of one series ask for, each against its own number of days.
#[derive(Debug, Clone, Default)]
pub(crate) struct AllResiduals {
    all: Vec<Residuals>,
}

/// Which of the residuals.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ResidualsId(usize);

impl AllResiduals {
    /// Those against `days` days, followed from now on.
    pub(crate) fn follow(common: &mut Common, days: u32) -> ResidualsId {
        let known = common.residuals.all.iter().position(|residuals| residuals.looks_back(days));
        ResidualsId(known.unwrap_or_else(|| {
            let residuals = Residuals::new(days, common);
            common.residuals.all.push(residuals);
            common.residuals.all.len() - 1
        }))
    }

    #[inline(always)]
    pub(crate) fn get(&self, id: ResidualsId) -> &Residuals {
        &self.all[id.0]
    }

    pub(crate) fn learn(&mut self, values: &[f64]) {
        self.all.iter_mut().for_each(|residuals| residuals.learn(values));
    }

    pub(crate) fn skip(&mut self, cells: u64) {
        self.all.iter_mut().for_each(|residuals| residuals.skip(cells));
    }

    pub(crate) fn retract(&mut self) {
        self.all.iter_mut().for_each(Residuals::retract);
    }
}
