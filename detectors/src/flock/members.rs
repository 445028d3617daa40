//! What is remembered of each series of a flock: a column for each number, so that a row of cells goes through memory in order.

use super::across::{Averaged, Recent, Row};
use super::average::Average;
use super::look::{Fold, Look, LookSpec};
use crate::days::{Earlier, Seen};
use crate::ewm::Ewm;
use crate::grid::{Grid, Placed};
use crate::period::Pairs;
use crate::sample::{Interval, Sample, Timestamp};
use crate::verdict::Reason;
use crate::wide::wide;

/// All series of a flock, by their number.
///
/// The newest cell of each may still be taken back, so all but `newest`, `shown` and the averages is as it was before that cell.
#[derive(Debug, Clone)]
pub(super) struct Members {
    interval: Interval,
    a_day: i64,
    depth: usize,
    /// None of a series of which there was no sample yet.
    grids: Vec<Option<Grid>>,
    /// The row of cell 0.
    first: Vec<i64>,
    /// The cell after the newest that was judged.
    next: Vec<u64>,
    /// The value of the newest cell that was judged; not a number where it was taken back.
    newest: Vec<f64>,
    /// The samples before that without a gap, up to `depth` of each series, filled from behind.
    recent: Vec<f64>,
    filled: Vec<u16>,
    averages: Vec<Average>,
    /// By fold, what earlier days showed at the newest cell.
    shown: Vec<(Fold, Vec<Earlier>)>,
    days: Option<Vec<Days>>,
}

/// Whether a series repeats itself daily.
#[derive(Debug, Clone, Copy, Default)]
struct Days {
    /// Of the day at hand, with that before, without the newest cell.
    pairs: Pairs,
    /// The cell a day before the newest.
    before: f64,
    /// The day of the newest cell; none before the first.
    day: Option<i64>,
    periodic: bool,
}

impl Members {
    pub(super) fn new(
        interval: Interval,
        depth: usize,
        centres: &[f64],
        look: &LookSpec,
        asks_period: bool,
    ) -> Self {
        Self {
            interval,
            a_day: interval.cells_a_day() as i64,
            depth,
            grids: Vec::new(),
            first: Vec::new(),
            next: Vec::new(),
            newest: Vec::new(),
            recent: Vec::new(),
            filled: Vec::new(),
            averages: centres.iter().copied().map(Average::new).collect(),
            shown: look.folds.iter().map(|fold| (*fold, Vec::new())).collect(),
            days: asks_period.then(Vec::new),
        }
    }

    /// The centres of mass of the averages.
    pub(super) fn centres(&self) -> impl Iterator<Item = f64> {
        self.averages.iter().map(Average::com)
    }

    /// How many samples before the newest are remembered.
    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    pub(super) fn len(&self) -> usize {
        self.grids.len()
    }

    /// There are so many series from now on.
    pub(super) fn grow(&mut self, members: usize) {
        let members = members.max(self.len());
        self.grids.resize(members, None);
        self.first.resize(members, 0);
        self.next.resize(members, 0);
        self.newest.resize(members, f64::NAN);
        self.recent.resize(members * self.depth, f64::NAN);
        self.filled.resize(members, 0);
        self.averages.iter_mut().for_each(|average| average.grow(members));
        self.shown.iter_mut().for_each(|(_, all)| all.resize(members, Earlier::NONE));
        self.days.iter_mut().for_each(|days| days.resize(members, Days::default()));
    }

    /// Begins series `member` with an empty cell at `at`, which is of `row`: it has had none of its samples.
    pub(super) fn begin(&mut self, member: usize, at: Timestamp, row: i64) {
        self.forget(member);
        let (grid, _) = Grid::begin(Sample { at, value: f64::NAN }, self.interval);
        (self.grids[member], self.first[member]) = (Some(grid), row);
    }

    /// Forgets all of series `member`: another one has its number.
    pub(super) fn forget(&mut self, member: usize) {
        self.grids[member] = None;
        (self.next[member], self.newest[member], self.filled[member]) = (0, f64::NAN, 0);
        self.averages.iter_mut().for_each(|average| average.begin(member));
        self.days.iter_mut().for_each(|days| days[member] = Days::default());
    }

    pub(super) fn grid(&self, member: usize) -> Option<&Grid> {
        self.grids.get(member)?.as_ref()
    }

    /// The newest cell that was judged; none where there was none, or where it was taken back.
    pub(super) fn newest(&self, member: usize) -> Option<(u64, f64)> {
        let value = *self.newest.get(member)?;
        Some((self.next[member].checked_sub(1)?, value)).filter(|_| !value.is_nan())
    }

    /// Whether a sample of `member` may have a cell that was not judged yet.
    #[inline(always)]
    pub(super) fn may_wait(&self, member: usize) -> bool {
        self.grids[member].as_ref().is_some_and(|grid| grid.next_cell() > self.next[member])
    }

    /// What `sample` means for the grid of `member`.
    #[inline(always)]
    pub(super) fn place(&mut self, member: usize, sample: Sample) -> Placed {
        match &mut self.grids[member] {
            Some(grid) => match grid.place(sample) {
                // the empty cell with which it began has its first sample
                Placed::Again if grid.next_cell() == 1 && self.next[member] == 0 => {
                    Placed::Nothing { cell: 0, reason: Reason::NotANumber }
                }
                placed => placed,
            },
            none => {
                let (grid, placed) = Grid::begin(sample, self.interval);
                *none = Some(grid);
                self.first[member] = sample.at.as_millis().div_euclid(self.interval.as_millis());
                placed
            }
        }
    }

    /// The row of a cell.
    #[inline(always)]
    pub(super) fn row(&self, member: usize, cell: u64) -> i64 {
        self.first[member].saturating_add_unsigned(cell)
    }

    /// The cell of a row; none where that is before the first.
    pub(super) fn cell(&self, member: usize, row: i64) -> Option<u64> {
        u64::try_from(row.checked_sub(self.first[member])?).ok()
    }

    /// The time of a cell.
    pub(super) fn at(&self, member: usize, cell: u64) -> Timestamp {
        let start = Timestamp::from_millis(i64::MIN);
        self.grids[member].as_ref().map_or(start, |grid| grid.at(cell))
    }

    /// The newest cell has no value after all.
    pub(super) fn retract(&mut self, member: usize) {
        let recent = &self.recent[member * self.depth..][..self.depth];
        self.averages.iter_mut().for_each(|average| average.retract(member, recent));
        (self.newest[member], self.filled[member]) = (f64::NAN, 0);
    }

    /// Learns what stands before `cell`, which comes next: the newest cell stays as it is.
    #[inline(always)]
    pub(super) fn settle(&mut self, member: usize, cell: u64) {
        let (value, gap) = (self.newest[member], cell - self.next[member]);
        if !value.is_nan() {
            push(&mut self.recent[member * self.depth..][..self.depth], value);
            self.filled[member] = self.filled[member].saturating_add(1);
            self.averages.iter_mut().for_each(|average| average.settle(member, value));
        }
        if gap > 0 {
            self.filled[member] = 0;
            self.averages.iter_mut().for_each(|average| average.decay(member, gap));
        }
    }

    /// The same for the daily period, whose days are those of UTC: a restart does not move them.
    #[inline(always)]
    pub(super) fn settle_day(&mut self, member: usize, row: i64, variance: f64) -> bool {
        let (Some(days), value) = (&mut self.days, self.newest[member]) else { return false };
        let (days, day) = (&mut days[member], row.div_euclid(self.a_day));
        days.pairs.add(days.before, value);
        if days.day.is_some_and(|before| before != day) {
            let pairs = std::mem::take(&mut days.pairs);
            // of a day without any sample nothing is known
            let follows = days.day == day.checked_sub(1);
            days.periodic = follows && pairs.variance(self.a_day.unsigned_abs()) < variance;
        }
        days.day = Some(day);
        days.periodic
    }

    /// `value` is the newest cell of `member` now, and `look` has at `place` what earlier days showed there.
    #[inline(always)]
    pub(super) fn put(&mut self, member: usize, cell: u64, value: f64, look: Option<(&Look, usize)>) {
        (self.next[member], self.newest[member]) = (cell + 1, value);
        for (number, (_, all)) in self.shown.iter_mut().enumerate() {
            all[member] = look.map_or(Earlier::NONE, |(look, place)| look.earlier(number, place));
        }
        if let Some(days) = &mut self.days {
            days[member].before = look.map_or(f64::NAN, |(look, place)| look.yesterday(place));
        }
    }

    /// Learns, and does not judge, the cells of some series at a row, where the first of `cells` is that of series `first`: `before`
    /// has the cells of the day before, where they are wanted.
    pub(super) fn learn_some(
        &mut self,
        some: impl Iterator<Item = usize>,
        (first, row): (usize, i64),
        cells: &[f64],
        before: &[f64],
        variance: f64,
    ) {
        for member in some {
            let value = cells[member - first];
            if !value.is_nan() {
                let before = before.get(member - first).copied().unwrap_or(f64::NAN);
                self.learn(member, row, value, before, variance);
            }
        }
    }

    /// The same of one, whose value a day before was `before`.
    fn learn(&mut self, member: usize, row: i64, value: f64, before: f64, variance: f64) {
        let cell = self.cell(member, row).filter(|cell| *cell >= self.next[member]);
        let Some(cell) = cell.filter(|_| self.grids[member].is_some()) else { return };
        self.settle(member, cell);
        self.settle_day(member, row, variance);
        if let Some(days) = &mut self.days {
            days[member].before = before;
        }
        self.go_on(member, cell, value);
    }

    /// `value` is the newest cell of `member` now, and neither the averages nor the grid have been told of it.
    fn go_on(&mut self, member: usize, cell: u64, value: f64) {
        (self.next[member], self.newest[member]) = (cell + 1, value);
        let recent = &self.recent[member * self.depth..][..self.depth];
        self.averages.iter_mut().for_each(|average| average.learn(member, recent, value));
        if let Some(grid) = &mut self.grids[member] {
            grid.place(Sample { at: grid.at(cell), value });
        }
    }

    /// Whether `member` has begun, and has had no sample.
    pub(super) fn is_fresh(&self, member: usize) -> bool {
        self.grids.get(member).is_some_and(Option::is_some) && self.next[member] == 0
    }

    /// Takes over what `member`, which was fresh, has learnt elsewhere without a gap: its averages before the sample of `row`, and
    /// the newest samples with that one.
    pub(super) fn take_over(
        &mut self,
        member: usize,
        row: i64,
        averages: impl Iterator<Item = Ewm>,
        recent: impl DoubleEndedIterator<Item = f64> + ExactSizeIterator,
    ) {
        let (Some(cell), before) = (self.cell(member, row), recent.len().saturating_sub(1)) else { return };
        for (all, average) in self.averages.iter_mut().zip(averages) {
            all.take_over(member, average);
        }
        let places = self.recent[member * self.depth..][..self.depth].iter_mut().rev();
        let mut newest_first = recent.rev();
        let Some(value) = newest_first.next() else { return };
        places.zip(newest_first).for_each(|(place, value)| *place = value);
        self.filled[member] = u16::try_from(before).unwrap_or(u16::MAX);
        self.go_on(member, cell, value);
    }

    /// Whether `member` repeats itself daily, as of its newest cell.
    pub(super) fn periodic(&self, member: usize) -> bool {
        self.days.as_ref().is_some_and(|days| days[member].periodic)
    }

    /// Gathers what detectors look at of `members`, whose newest cells have just been put.
    pub(super) fn gather(&mut self, members: &[u32], to: &mut Gathered) {
        self.gather_values(members, to);
        let recent = (self.recent.as_slice(), self.depth);
        for (average, of) in self.averages.iter_mut().zip(&mut to.averages) {
            wide!(average.judge_row(members, recent, &to.values, of));
        }
    }

    /// Gathers it of one, whose newest cell was judged or learnt before.
    pub(super) fn gather_one(&self, member: u32, to: &mut Gathered) {
        self.gather_values(&[member], to);
        let (member, value) = (member as usize, to.values[0]);
        let recent = &self.recent[member * self.depth..][..self.depth];
        for (average, of) in self.averages.iter().zip(&mut to.averages) {
            of.push(average.judged(member, recent, value));
        }
    }

    /// All but the averages.
    fn gather_values(&self, members: &[u32], to: &mut Gathered) {
        let all = || members.iter().map(|member| *member as usize);
        to.values.clear();
        to.values.extend(all().map(|member| self.newest[member]));
        to.previous.clear();
        to.previous.extend(all().map(|member| match self.filled[member] {
            0 => f64::NAN,
            _ => self.recent[(member + 1) * self.depth - 1],
        }));
        to.averages.resize_with(self.averages.len(), Averaged::default);
        to.averages.iter_mut().for_each(Averaged::clear);
        if to.folds.len() != self.shown.len() {
            to.folds = self.shown.iter().map(|(fold, _)| (*fold, Seen::default())).collect();
        }
        for ((_, earlier), (_, seen)) in self.shown.iter().zip(&mut to.folds) {
            seen.clear();
            all().for_each(|member| seen.push(earlier[member]));
        }
    }

    /// What was gathered of `members` as detectors look at it.
    pub(super) fn row_of<'a>(&'a self, members: &'a [u32], gathered: &'a Gathered) -> Row<'a> {
        let Gathered { values, previous, averages, folds, .. } = gathered;
        let recent = Recent { members, values: &self.recent, depth: self.depth, filled: &self.filled };
        Row { values, previous, recent, averages, folds }
    }
}

/// `value` comes after `recent` samples, of which the oldest goes.
#[inline(always)]
fn push(recent: &mut [f64], value: f64) {
    // as many as `ss` has in its literal form, which takes no loop
    match <&mut [f64; 7]>::try_from(&mut *recent) {
        Ok(seven) => seven.copy_within(1.., 0),
        Err(_) => recent.copy_within(1.., 0),
    }
    recent.iter_mut().last().into_iter().for_each(|newest| *newest = value);
}

/// What detectors look at of a row.
#[derive(Debug, Clone, Default)]
pub(super) struct Gathered {
    values: Vec<f64>,
    previous: Vec<f64>,
    averages: Vec<Averaged>,
    folds: Vec<(Fold, Seen)>,
}
