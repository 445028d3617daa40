//! The same time of day on earlier days.
//!
//! Two stores with one answer. Where every day has the same whole number of cells, cells of one time of
//! day share a *slot* and its extremes are kept up to date: O(1) a sample, O(days) when an extreme leaves.
//! Otherwise (an interval that does not divide the day, a zone with clock changes) the cells are kept in
//! order and the lags are looked up: O(days) a sample.

use crate::calendar::Calendar;
use crate::registry::Common;
use crate::sample::{DAY_MS, Interval, Timestamp};
use crate::wide::wide;

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

/// What earlier days showed at some consecutive cells.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    pub(crate) highest: Vec<f64>,
    pub(crate) lowest: Vec<f64>,
    pub(crate) days: Vec<u32>,
}

impl Seen {
    pub(crate) fn at(&self, i: usize) -> Earlier {
        Earlier { highest: self.highest[i], lowest: self.lowest[i], days: self.days[i] }
    }

    fn resize(&mut self, cells: usize) {
        self.highest.resize(cells, Earlier::NONE.highest);
        self.lowest.resize(cells, Earlier::NONE.lowest);
        self.days.resize(cells, Earlier::NONE.days);
    }

    /// The cells from `from` on, so many.
    #[inline(always)]
    fn part(&mut self, from: usize, cells: usize) -> Part<'_> {
        Part {
            highest: &mut self.highest[from..][..cells],
            lowest: &mut self.lowest[from..][..cells],
            days: &mut self.days[from..][..cells],
        }
    }

    pub(crate) fn clear(&mut self) {
        self.highest.clear();
        self.lowest.clear();
        self.days.clear();
    }

    #[inline(always)]
    pub(crate) fn push(&mut self, earlier: Earlier) {
        self.highest.push(earlier.highest);
        self.lowest.push(earlier.lowest);
        self.days.push(earlier.days);
    }

    fn put(&mut self, i: usize, earlier: Earlier) {
        (self.highest[i], self.lowest[i], self.days[i]) = (earlier.highest, earlier.lowest, earlier.days);
    }
}

/// A part of a [`Seen`].
struct Part<'a> {
    highest: &'a mut [f64],
    lowest: &'a mut [f64],
    days: &'a mut [u32],
}

/// The look-back of a seasonal detector: `days` days of cells. Memory grows with the cells seen, up to
/// that bound.
#[derive(Debug, Clone)]
pub(crate) enum Days {
    Slots(Slots),
    Lags(Lags),
}

/// In the stores alone, a cell without a value.
const MISSING: f64 = f64::NAN;

impl Days {
    pub(crate) fn new(days: u32, common: &Common) -> Self {
        let regular = matches!(common.calendar, Calendar::Utc) && DAY_MS % common.interval.as_millis() == 0;
        if regular {
            Self::Slots(Slots::new(days as usize, common.interval.cells_a_day()))
        } else {
            Self::Lags(Lags::new(days, common))
        }
    }

    /// Passes over the next cells, one for each of `new`, which is what they hold, and says in `seen` what earlier days
    /// showed at each of them.
    pub(crate) fn pass(&mut self, new: &[f64], seen: &mut Seen) {
        seen.resize(new.len());
        match self {
            Self::Slots(slots) => slots.pass(new, seen),
            Self::Lags(lags) => {
                for (i, &value) in new.iter().enumerate() {
                    seen.put(i, lags.earlier());
                    lags.push(value);
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
#[derive(Debug, Clone)]
pub(crate) struct Slots {
    a_day: usize,
    /// The cells of up to `rows_max` days, in the order of their slots; a day takes the place of the one that is so many
    /// days older. What a row does not reach is missing.
    rows: Vec<Vec<f64>>,
    rows_max: usize,
    /// Where the next cell goes: its row and its slot.
    row: usize,
    slot: usize,
    /// One a slot, over all cells of it.
    over: Seen,
}

impl Slots {
    fn new(days: usize, a_day: usize) -> Self {
        Self { a_day, rows: Vec::new(), rows_max: days, row: 0, slot: 0, over: Seen::default() }
    }

    fn pass(&mut self, new: &[f64], seen: &mut Seen) {
        let mut done = 0;
        while done < new.len() {
            let (cells, fresh) = self.stretch(new.len() - done);
            let new = &new[done..done + cells];
            if fresh {
                wide!(self.begin(new, seen, done));
                self.rows[self.row].extend_from_slice(new);
            } else if wide!(self.learn(new, seen, done)) {
                self.refresh(cells);
            }
            self.advance(cells);
            done += cells;
        }
    }

    /// How many of the next `wanted` cells lie side by side, in their days and in their slots, and whether they are
    /// fresh: their places held nothing before. Makes room in the slots.
    fn stretch(&mut self, wanted: usize) -> (usize, bool) {
        if self.row == self.rows.len() {
            self.rows.push(Vec::new());
        }
        let row = &mut self.rows[self.row];
        let known = row.len().saturating_sub(self.slot);
        let cells = wanted.min(if known > 0 { known } else { self.a_day - self.slot });
        if known == 0 {
            // a series that goes on will fill its day
            let room = if row.is_empty() { self.slot + cells } else { self.a_day };
            row.reserve_exact(room - row.len());
            row.resize(self.slot, MISSING);
        }
        if self.over.days.len() < self.slot + cells {
            self.over.resize(self.slot + cells);
        }
        (cells, known == 0)
    }

    /// Takes `new` in where nothing was before, and says in `seen`, from `from` on, what the slots showed until then.
    #[inline(always)]
    fn begin(&mut self, new: &[f64], seen: &mut Seen, from: usize) {
        let (over, seen) = (self.over.part(self.slot, new.len()), seen.part(from, new.len()));
        for i in 0..new.len() {
            let (new, high, low, days) = (new[i], over.highest[i], over.lowest[i], over.days[i]);
            (seen.highest[i], seen.lowest[i], seen.days[i]) = (high, low, days);
            over.highest[i] = if new > high { new } else { high };
            over.lowest[i] = if new < low { new } else { low };
            over.days[i] = days + u32::from(!new.is_nan());
        }
    }

    /// The same in the place of the oldest cells. Whether any slot is stale then.
    #[inline(always)]
    fn learn(&mut self, new: &[f64], seen: &mut Seen, from: usize) -> bool {
        let cells = &mut self.rows[self.row][self.slot..][..new.len()];
        let (over, seen) = (self.over.part(self.slot, new.len()), seen.part(from, new.len()));
        let mut lost = false;
        for i in 0..new.len() {
            let (old, new, high, low, days) =
                (cells[i], new[i], over.highest[i], over.lowest[i], over.days[i]);
            (seen.highest[i], seen.lowest[i], seen.days[i]) = (high, low, days);
            // an old cell that was not an extreme, or was missing, leaves the others in force
            let inside = (old < high) & (old > low);
            let gone = !(inside | old.is_nan());
            lost |= gone;
            let count = days + u32::from(!new.is_nan()) - u32::from(!old.is_nan());
            over.days[i] = if gone { STALE } else { count };
            over.highest[i] = if new > high { new } else { high };
            over.lowest[i] = if new < low { new } else { low };
            cells[i] = new;
        }
        lost
    }

    /// Computes anew what lost an extreme among the next `cells` slots.
    #[cold]
    fn refresh(&mut self, cells: usize) {
        for slot in self.slot..self.slot + cells {
            if self.over.days[slot] == STALE {
                self.look_through(slot);
            }
        }
    }

    fn look_through(&mut self, slot: usize) {
        let earlier = Earlier::of(self.rows.iter().filter_map(|row| row.get(slot)).copied());
        self.over.put(slot, earlier);
    }

    fn advance(&mut self, cells: usize) {
        self.slot += cells;
        if self.slot == self.a_day {
            self.slot = 0;
            self.row = (self.row + 1) % self.rows_max;
        }
    }

    fn skip(&mut self, cells: u64) {
        let a_day = self.a_day as u64;
        if cells < self.rows_max as u64 * a_day {
            let mut left = cells as usize;
            while left > 0 {
                let (cells, fresh) = self.stretch(left);
                let slots = self.slot..self.slot + cells;
                // a place that held nothing has nothing to lose
                if !fresh {
                    self.rows[self.row][slots.clone()].fill(MISSING);
                    slots.for_each(|slot| self.look_through(slot));
                }
                self.advance(cells);
                left -= cells;
            }
        } else {
            // nothing of the look-back is left: start again at the slot that comes next
            let slot = ((self.slot as u64 + cells) % a_day) as usize;
            *self = Self { slot, ..Self::new(self.rows_max, self.a_day) };
        }
    }

    fn retract(&mut self) {
        let (row, slot) = match self.slot.checked_sub(1) {
            Some(slot) => (self.row, slot),
            None => (self.row.checked_sub(1).unwrap_or(self.rows_max - 1), self.a_day - 1),
        };
        self.rows[row][slot] = MISSING;
        self.look_through(slot);
    }
}

/// In place of a number of days, a mark: an extreme left, the slot must be looked through again.
const STALE: u32 = u32::MAX;

/// Cells in order, with the lag of each earlier day looked up.
#[derive(Debug, Clone)]
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
    fn new(days: u32, common: &Common) -> Self {
        // a civil day may be longer than 24 h: two days more than asked for hold every clock change
        let reach = i64::from(days + 2) * DAY_MS / common.interval.as_millis() + 2;
        Self {
            days,
            start: common.start,
            interval: common.interval,
            calendar: common.calendar.clone(),
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
