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
/// What a day says of the usual size holds from this many cells after its end: until then each of very many series has its turn
/// to work it out.
const NOTICE: u64 = 32;

/// The residuals of a series.
#[derive(Debug, Clone)]
pub(crate) struct Residuals {
    days: u32,
    a_day: u64,
    values: Ring,
    residuals: Ring,
    baseline: Baseline,
    size: Size,
    /// The newest residuals, by the size that holds now.
    recent: Recent,
    /// The cells after which the usual size is worked out again, and how many cells after that it is done.
    review: u64,
    turn: u64,
    coming: Option<Coming>,
    /// The cells of the newest run.
    run: Vec<Seen>,
}

/// How large the values usually are.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Size {
    /// Added to each value; above 0.
    small: f64,
    /// The median of the values: what is usual where no earlier day says it.
    level: f64,
}

/// What will hold from a cell on.
#[derive(Debug, Clone)]
struct Coming {
    from: u64,
    size: Size,
    /// The newest residuals by that size: by the one before they would look like another level.
    recent: Recent,
}

/// A cell of the newest run: side by side, as it is looked at as a whole where there is one only.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Seen {
    /// Not a number in the first cells of a series.
    pub(crate) residual: f32,
    /// The median of the residuals before it, the level of the recent past; not a number where these are too few.
    pub(crate) level: f32,
    pub(crate) expected: Expected,
}

/// What was expected at a cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Expected {
    small: f64,
    usual: f32,
    /// How many days the usual value rests on.
    pub(crate) days: u32,
}

impl Expected {
    /// The value whose residual this is.
    pub(crate) fn value(self, residual: f64) -> f64 {
        let curved = curve(f64::from(self.usual), self.small) + residual;
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
        let (a_day, ahead) = (common.interval.cells_a_day(), Baseline::ahead(common));
        let values_kept = Baseline::reach(days, common.interval).max(REVIEW_LEAST as usize);
        let residuals_kept = (DAYS_KEPT * a_day).max(4 * REVIEW_LEAST as usize);
        Self {
            days,
            a_day: a_day as u64,
            values: Ring::new(values_kept, f32::INFINITY, ahead),
            residuals: Ring::new(residuals_kept, f32::NAN, ahead),
            baseline: Baseline::new(days, common),
            size: Size { small: 1.0, level: 0.0 },
            recent: Recent::new(0),
            review: FIRST_CELL,
            turn: common.turn % NOTICE,
            coming: None,
            run: Vec::new(),
        }
    }

    /// The cells of the newest run.
    pub(crate) fn run(&self) -> &[Seen] {
        &self.run
    }

    /// The residuals of all cells that are remembered.
    pub(crate) fn all(&self) -> &Ring {
        &self.residuals
    }

    /// Takes in the values of consecutive cells.
    pub(crate) fn learn(&mut self, values: &[f64]) {
        self.run.clear();
        let mut rest = values;
        while !rest.is_empty() {
            self.review();
            let next = self.values.next();
            let in_block = PLACES - self.values.place_in_block(next);
            let to_review = usize::try_from(self.changes() - next).unwrap_or(usize::MAX);
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
            self.coming.iter_mut().for_each(|coming| coming.recent.push(f32::NAN));
        }
        if cells > all {
            self.values.forget(cells - all);
            self.residuals.forget(cells - all);
            self.recent = Recent::new(self.values.next());
            self.review = self.review_after(self.values.next() - 1);
            self.coming = None;
        }
    }

    /// The newest cell has no value after all.
    pub(crate) fn retract(&mut self) {
        if let Some(newest) = self.values.next().checked_sub(1) {
            self.values.set(newest, f32::INFINITY);
            self.residuals.set(newest, f32::NAN);
            self.recent.retract();
            self.coming.iter_mut().for_each(|coming| coming.recent.retract());
        }
    }

    #[inline(always)]
    fn learn_block(&mut self, values: &[f64]) {
        let next = self.values.next();
        let days = *self.baseline.block(next, &self.values);
        let usual = self.expected(days, next, self.size);
        let (count, first) = (values.len(), self.values.place_in_block(next));
        let mut found = [f32::INFINITY; PLACES];
        for (found, value) in found[first..][..count].iter_mut().zip(values) {
            // what is added makes a zero of either sign the same
            *found = value.clamp(-LARGEST, LARGEST) as f32 + 0.0;
        }
        self.values.extend(&found[first..][..count]);
        if self.coming.is_some() {
            self.learn_ahead(&found, days, next, count);
        }
        if next >= FIRST_CELL {
            residuals(&mut found, &usual.values, self.size.small as f32);
        } else {
            found = [f32::NAN; PLACES];
        }
        let found = &found[first..][..count];
        self.residuals.extend(found);
        let (small, recent) = (self.size.small, &mut self.recent);
        let told = usual.values.iter().zip(&usual.counts).skip(first);
        self.run.extend(found.iter().zip(told).map(|(&residual, (&usual, &days))| {
            let level = recent.level();
            recent.push(residual);
            Seen { residual, level, expected: Expected { small, usual, days } }
        }));
    }

    /// The same cells by the size that is to come.
    #[cold]
    fn learn_ahead(&mut self, values: &[f32; PLACES], days: Medians, next: u64, count: usize) {
        let Some(mut coming) = self.coming.take() else { return };
        let (mut found, usual) = (*values, self.expected(days, next, coming.size));
        residuals(&mut found, &usual.values, coming.size.small as f32);
        let first = self.values.place_in_block(next);
        found[first..][..count].iter().for_each(|&residual| coming.recent.push(residual));
        self.coming = Some(coming);
    }

    /// What is expected of `cell` and those after it in its block, of which `days` is usual. Over the third day the earlier days
    /// take the place of the level, bit by bit: two of them are few, and a jump would look like an anomaly.
    #[inline(always)]
    fn expected(&self, days: Medians, cell: u64, size: Size) -> Medians {
        let settled = self.first_of_block(cell) >= 3 * self.a_day;
        if settled && !days.counts.contains(&0) { days } else { self.expected_early(days, cell, size) }
    }

    /// The first cell of the block of `cell`; in wrapping numbers, as the first block may begin before the first cell.
    #[inline(always)]
    fn first_of_block(&self, cell: u64) -> u64 {
        cell.wrapping_sub(self.values.place_in_block(cell) as u64)
    }

    #[cold]
    fn expected_early(&self, mut usual: Medians, cell: u64, size: Size) -> Medians {
        let (level, first) = (size.level as f32, self.first_of_block(cell));
        for (place, (value, days)) in usual.values.iter_mut().zip(&mut usual.counts).enumerate() {
            let cell = first.wrapping_add(place as u64);
            if *days == 0 || cell < 2 * self.a_day {
                (*value, *days) = (level, 0);
                continue;
            }
            let into = cell - 2 * self.a_day;
            let share = if into >= self.a_day { 1.0 } else { into as f32 / self.a_day as f32 };
            *value = level * (1.0 - share) + *value * share;
        }
        usual
    }

    /// The cell before which [`Residuals::review`] has something to do next.
    #[inline(always)]
    fn changes(&self) -> u64 {
        match &self.coming {
            Some(coming) => coming.from,
            None => self.review + self.wait(),
        }
    }

    /// How long after its cells a review is done. The first ones are needed at once.
    #[inline(always)]
    fn wait(&self) -> u64 {
        if self.is_daily(self.review) { self.turn } else { 0 }
    }

    /// Works out the usual size again where that is due, after 16, 32, 64, … cells, then once a day, and goes by it when its
    /// time has come.
    #[inline(always)]
    fn review(&mut self) {
        while self.values.next() >= self.changes() {
            self.change();
        }
    }

    #[cold]
    fn change(&mut self) {
        if let Some(Coming { size, recent, .. }) = self.coming.take() {
            (self.size, self.recent) = (size, recent);
            return;
        }
        let from = self.review + if self.is_daily(self.review) { NOTICE } else { 0 };
        self.coming = self.size_at(self.review).map(|size| Coming { from, size, recent: self.rework(size) });
        self.review = self.review_after(self.review);
    }

    /// The first cell after `cell` before which the usual size is worked out again.
    fn review_after(&self, cell: u64) -> u64 {
        let daily = self.daily();
        let doubled = (FIRST_CELL.max(cell + 1)).next_power_of_two();
        if cell < daily { doubled.min(daily) } else { (cell / daily + 1) * daily }
    }

    fn daily(&self) -> u64 {
        self.a_day.max(REVIEW_LEAST)
    }

    fn is_daily(&self, review: u64) -> bool {
        review >= self.daily()
    }

    /// How large values usually are by the day before `cell`; none where it has no value.
    fn size_at(&self, cell: u64) -> Option<Size> {
        let since = self.values.next() - cell;
        let count = |cells: u64| usize::try_from(cells).unwrap_or(usize::MAX);
        let mut seen = self.values.newest(count(self.daily().min(cell) + since));
        seen.truncate(seen.len().saturating_sub(count(since)));
        seen.retain(|value| value.is_finite());
        if seen.is_empty() {
            return None;
        }
        let level = f64::from(middle(&mut seen));
        let below_zero = seen.iter().any(|value| *value < 0.0);
        seen.iter_mut().for_each(|value| *value = value.abs());
        let typical = if below_zero { f64::from(middle(&mut seen)) } else { level };
        let mean = || seen.iter().map(|&value| f64::from(value)).sum::<f64>() / seen.len() as f64;
        let size = if typical > 0.0 { typical } else { mean() };
        // of nothing but zeros nothing is known: then 1 is the size of things
        let small = if size > 0.0 { (SMALL * size).max(f64::from(f32::MIN_POSITIVE)) } else { SMALL };
        Some(Size { small, level })
    }

    /// The newest residuals by another size.
    fn rework(&self, size: Size) -> Recent {
        let now = self.values.next();
        let mut baseline = self.baseline.clone();
        // from a multiple on, so that the medians are those of the same cells
        let first = (now / TOGETHER as u64 * TOGETHER as u64).saturating_sub((MEDIANS * TOGETHER) as u64);
        let mut recent = Recent::new(first);
        for cell in first..now {
            let value = self.values.get(cell);
            let usual = self.expected(*baseline.block(cell, &self.values), cell, size);
            let expected = usual.values[self.values.place_in_block(cell)];
            let is_known = cell >= FIRST_CELL && value.is_finite();
            recent.push(if is_known { residual(value, expected, size.small as f32) } else { f32::NAN });
        }
        recent
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
pub(crate) fn middle(numbers: &mut [f32]) -> f32 {
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
