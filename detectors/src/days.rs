//! The same time of day on earlier days.
//!
//! Two stores with one answer. Where every day has the same whole number of cells, cells of one time of
//! day share a *slot* and its extremes are kept up to date: O(1) a sample, O(days) when an extreme leaves.
//! Otherwise (an interval that does not divide the day, a zone with clock changes) the cells are kept in
//! order and the lags are looked up: O(days) a sample.

use crate::calendar::Calendar;
use crate::registry::Setting;
use crate::sample::{DAY_MS, Interval, Timestamp};

/// What earlier days showed at this time of day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Earlier {
    pub(crate) highest: f64,
    pub(crate) lowest: f64,
    /// How many days have a sample there.
    pub(crate) days: u32,
}

impl Earlier {
    pub(crate) const NONE: Self = Self { highest: f64::NEG_INFINITY, lowest: f64::INFINITY, days: 0 };

    /// With one more cell; a missing one changes nothing.
    #[inline(always)]
    fn with(self, value: f64) -> Self {
        Self {
            highest: if value > self.highest { value } else { self.highest },
            lowest: if value < self.lowest { value } else { self.lowest },
            days: self.days + u32::from(!value.is_nan()),
        }
    }

    fn of(values: impl Iterator<Item = f64>) -> Self {
        values.fold(Self::NONE, Self::with)
    }
}

/// The look-back of a seasonal detector: `days` days of cells. Memory grows with the cells seen, up to
/// that bound.
#[derive(Debug)]
pub(crate) enum Days {
    Slots(Slots),
    Lags(Lags),
}

/// In the stores alone, a cell without a value.
const MISSING: f64 = f64::NAN;

impl Days {
    pub(crate) fn new(days: u32, setting: &Setting) -> Self {
        let regular = matches!(setting.calendar, Calendar::Utc) && DAY_MS % setting.interval.as_millis() == 0;
        if regular {
            Self::Slots(Slots::new(days as usize, setting.interval.cells_a_day()))
        } else {
            Self::Lags(Lags::new(days, setting))
        }
    }

    /// Passes over the next cells, one for each of `values`: `judge` is told the offset of each, what earlier
    /// days showed there, and the value; what it gives back is taken in.
    #[inline(always)]
    pub(crate) fn pass(&mut self, values: &[f64], mut judge: impl FnMut(usize, Earlier, f64) -> f64) {
        match self {
            Self::Slots(slots) => slots.pass(values, judge),
            Self::Lags(lags) => {
                for (offset, &value) in values.iter().enumerate() {
                    let earlier = lags.earlier();
                    lags.push(judge(offset, earlier, value));
                }
            }
        }
    }

    /// The next `cells` cells have no value.
    pub(crate) fn skip(&mut self, cells: u64) {
        match self {
            Self::Slots(slots) => slots.skip(cells),
            Self::Lags(lags) => lags.skip(cells),
        }
    }

    /// The newest cell has no value after all.
    pub(crate) fn retract(&mut self) {
        match self {
            Self::Slots(slots) => slots.retract(),
            Self::Lags(lags) => lags.retract(),
        }
    }
}

/// Days of equal length: cell k lies in slot k mod `a_day`.
#[derive(Debug)]
pub(crate) struct Slots {
    a_day: usize,
    /// Day by day, up to `capacity`; each new cell takes the place of the one that is `days` days older.
    cells: Vec<f64>,
    capacity: usize,
    /// Where the next cell goes, and its slot.
    next: usize,
    slot: usize,
    /// One a slot, over all cells of it.
    extremes: Vec<Earlier>,
}

impl Slots {
    fn new(days: usize, a_day: usize) -> Self {
        let (cells, extremes) = (Vec::new(), Vec::new());
        Self { a_day, cells, capacity: days * a_day, next: 0, slot: 0, extremes }
    }

    #[inline(always)]
    fn pass(&mut self, values: &[f64], mut judge: impl FnMut(usize, Earlier, f64) -> f64) {
        let mut done = 0;
        while done < values.len() {
            let cells = self.stretch(values.len() - done);
            let (places, slots) =
                (&mut self.cells[self.next..][..cells], &mut self.extremes[self.slot..][..cells]);
            for (i, ((place, slot), &value)) in places.iter_mut().zip(slots).zip(&values[done..]).enumerate()
            {
                let new = judge(done + i, *slot, value);
                let old = std::mem::replace(place, new);
                // an old value that was not an extreme, or none, leaves the others in force
                let inside = old < slot.highest && old > slot.lowest;
                if inside || old.is_nan() {
                    let days = slot.days - u32::from(inside);
                    *slot = Earlier { days, ..*slot }.with(new);
                } else {
                    slot.days = STALE;
                }
            }
            self.refresh(cells);
            self.advance(cells);
            done += cells;
        }
    }

    /// How many of the next `wanted` cells lie side by side, in their days and in their slots; makes room.
    fn stretch(&mut self, wanted: usize) -> usize {
        let cells = wanted.min(self.a_day - self.slot);
        if self.cells.len() < self.next + cells {
            self.cells.resize(self.next + cells, MISSING);
        }
        if self.extremes.len() < self.slot + cells {
            self.extremes.resize(self.slot + cells, Earlier::NONE);
        }
        cells
    }

    /// Computes anew what lost an extreme among the next `cells` slots.
    fn refresh(&mut self, cells: usize) {
        for slot in self.slot..self.slot + cells {
            if self.extremes[slot].days == STALE {
                self.extremes[slot] = Earlier::of(self.cells[slot..].iter().step_by(self.a_day).copied());
            }
        }
    }

    fn advance(&mut self, cells: usize) {
        self.slot = (self.slot + cells) % self.a_day;
        self.next += cells;
        if self.next == self.capacity {
            self.next = 0;
        }
    }

    fn skip(&mut self, cells: u64) {
        if cells < self.capacity as u64 {
            let mut left = cells as usize;
            while left > 0 {
                let cells = self.stretch(left);
                self.cells[self.next..][..cells].fill(MISSING);
                self.extremes[self.slot..][..cells].iter_mut().for_each(|slot| slot.days = STALE);
                self.refresh(cells);
                self.advance(cells);
                left -= cells;
            }
        } else {
            // nothing of the look-back is left: start again at the slot that comes next
            self.slot = ((self.slot as u64 + cells) % self.a_day as u64) as usize;
            self.next = self.slot;
            self.cells.clear();
            self.cells.resize(self.capacity, MISSING);
            self.extremes.clear();
            self.extremes.resize(self.a_day, Earlier::NONE);
        }
    }

    fn retract(&mut self) {
        let place = self.next.checked_sub(1).unwrap_or(self.capacity - 1);
        let slot = self.slot.checked_sub(1).unwrap_or(self.a_day - 1);
        self.cells[place] = MISSING;
        self.extremes[slot] = Earlier::of(self.cells[slot..].iter().step_by(self.a_day).copied());
    }
}

/// In `Earlier::days`, a mark: an extreme left, the slot must be looked through again.
const STALE: u32 = u32::MAX;

/// Cells in order, with the lag of each earlier day looked up.
#[derive(Debug)]
pub(crate) struct Lags {
    days: u32,
    start: Timestamp,
    interval: Interval,
    calendar: Calendar,
    /// Ring over the cell number; grows up to `capacity`.
    cells: Vec<f64>,
    capacity: u64,
    /// The number of the next cell.
    next: u64,
    /// Cells back to the same time 1, 2, … days earlier, good for cells before `until`.
    lags: Vec<Option<Lag>>,
    until: u64,
}

/// How many cells back; `tie` where the cell after that one is as near.
#[derive(Debug, Clone, Copy)]
struct Lag {
    cells: u64,
    tie: bool,
}

impl Lags {
    fn new(days: u32, setting: &Setting) -> Self {
        // a civil day may be longer than 24 h: two days more than asked for hold every clock change
        let reach = i64::from(days + 2) * DAY_MS / setting.interval.as_millis() + 2;
        Self {
            days,
            start: setting.start,
            interval: setting.interval,
            calendar: setting.calendar.clone(),
            cells: Vec::new(),
            capacity: u64::try_from(reach).unwrap_or(u64::MAX),
            next: 0,
            lags: Vec::new(),
            until: 0,
        }
    }

    fn earlier(&mut self) -> Earlier {
        if self.next >= self.until {
            self.look_up();
        }
        Earlier::of(self.lags.iter().flatten().filter_map(|lag| self.back(lag)))
    }

    /// The cell `lag` back from the next one. Of two equally near ones the older is taken where it exists.
    fn back(&self, lag: &Lag) -> Option<f64> {
        let cell = match self.next.checked_sub(lag.cells) {
            None if lag.tie => self.next.checked_sub(lag.cells - 1)?,
            None => return None,
            Some(cell) => cell,
        };
        self.cells.get((cell % self.capacity) as usize).copied()
    }

    fn at(&self, cell: u64) -> Timestamp {
        let offset = i64::try_from(cell).unwrap_or(i64::MAX).saturating_mul(self.interval.as_millis());
        Timestamp::from_millis(self.start.as_millis().saturating_add(offset))
    }

    fn look_up(&mut self) {
        let at = self.at(self.next);
        let step = self.interval.as_millis();
        self.lags = (1..=self.days)
            .map(|day| {
                let back = at.as_millis() - self.calendar.earlier(at, day)?.as_millis();
                let cells = u64::try_from((2 * back + step).div_euclid(2 * step)).ok()?;
                Some(Lag { cells, tie: (2 * back + step).rem_euclid(2 * step) == 0 })
            })
            .collect();
        let hold = self.calendar.lags_hold_until(at, self.days).as_millis();
        let cells = hold.saturating_sub(self.start.as_millis()).saturating_add(step - 1).div_euclid(step);
        self.until = u64::try_from(cells).unwrap_or(u64::MAX).max(self.next + 1);
    }

    fn push(&mut self, value: f64) {
        let place = (self.next % self.capacity) as usize;
        if place == self.cells.len() {
            self.cells.push(value);
        } else {
            self.cells[place] = value;
        }
        self.next += 1;
    }

    fn skip(&mut self, cells: u64) {
        if cells >= self.capacity {
            self.cells.iter_mut().for_each(|cell| *cell = MISSING);
            self.cells.resize(self.capacity as usize, MISSING);
            self.next += cells;
        } else {
            (0..cells).for_each(|_| self.push(MISSING));
        }
    }

    fn retract(&mut self) {
        if let Some(newest) = self.next.checked_sub(1) {
            self.cells[(newest % self.capacity) as usize] = MISSING;
        }
    }
}
