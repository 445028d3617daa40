//! Earlier days at one time of day, of series that are judged together: a slot of a shelf is read at a time, and what it showed is
//! kept until its time of day is over.

use super::HistoryError;
use super::row::Found;
use super::store::Store;
use super::{Damage, Shape};
use quietgate_detectors::{Look, LookSpec, Past};

/// So many looks of a shelf are kept: its series need not be at the same row at the same time.
const LOOKS: usize = 2;

/// What earlier days showed, as far as it was looked at.
#[derive(Debug)]
pub struct Pasts {
    spec: LookSpec,
    shelves: Vec<Looked>,
    damage: Damage,
    /// Why something could not be read, until somebody is told.
    failed: Option<HistoryError>,
    /// A slot that is not wanted any more.
    spare: Vec<f64>,
}

/// What was looked at of a shelf.
#[derive(Debug, Default)]
struct Looked {
    /// By their rows, the newest last; none where it could not be read.
    looks: Vec<(i64, Option<Look>)>,
    /// The slot of the row that was looked at last, as it was read: it is the one before the next.
    slot: Option<(i64, Vec<f64>)>,
}

impl Pasts {
    /// Nothing was looked at.
    pub(super) fn new(spec: LookSpec) -> Self {
        Self { spec, shelves: Vec::new(), damage: Damage::default(), failed: None, spare: Vec::new() }
    }

    /// Rows from `oldest` on were written, of days with so many `slots`: what was looked at a day later or more is read anew. Usually
    /// that is nothing, for what is written is of today.
    pub(super) fn written(&mut self, oldest: i64, slots: i64) {
        let is_sure = |row: i64| row.saturating_sub(slots) < oldest;
        for Looked { looks, slot } in &mut self.shelves {
            looks.retain(|(row, _)| is_sure(*row));
            slot.take_if(|(row, _)| !is_sure(*row));
        }
    }

    /// Rows that were found damaged since this was asked last.
    pub fn take_damage(&mut self) -> Damage {
        std::mem::take(&mut self.damage)
    }

    /// Why something could not be read since this was asked last.
    pub fn take_failed(&mut self) -> Option<HistoryError> {
        self.failed.take()
    }
}

/// The pasts of a history.
#[derive(Debug)]
pub struct Looking<'a> {
    pub(super) store: &'a mut Store,
    pub(super) pasts: &'a mut Pasts,
}

impl Past for Looking<'_> {
    fn look(&mut self, row: i64, member: u32) -> Option<(u32, &Look)> {
        let place = self.store.shape.place(member);
        let shelf = place.shelf as usize;
        if self.pasts.shelves.len() <= shelf {
            self.pasts.shelves.resize_with(shelf + 1, Looked::default);
        }
        let known = self.pasts.shelves[shelf].looks.iter().position(|(at, _)| *at == row);
        let at = known.unwrap_or_else(|| self.look_anew(shelf, row));
        let look = self.pasts.shelves[shelf].looks[at].1.as_ref()?;
        Some((place.first, look))
    }
}

impl Looking<'_> {
    /// Looks at a row in the place of the one that was looked at the longest ago; says at which place.
    fn look_anew(&mut self, shelf: usize, row: i64) -> usize {
        let looks = &mut self.pasts.shelves[shelf].looks;
        let over = if looks.len() < LOOKS { None } else { looks.remove(0).1 };
        let mut look = over.unwrap_or_default();
        let read = self.read(shelf, row, &mut look);
        let looked = &mut self.pasts.shelves[shelf];
        if read.is_err() {
            looked.slot = None;
        }
        looked.looks.push((row, read.is_ok().then_some(look)));
        let at = looked.looks.len() - 1;
        if let Err(error) = read {
            self.pasts.failed.get_or_insert(error);
        }
        at
    }

    fn read(&mut self, shelf: usize, row: i64, look: &mut Look) -> Result<(), HistoryError> {
        let Self { store, pasts: Pasts { spec, shelves, damage, spare, .. } } = self;
        let width = store.shelves[shelf].place.width as usize;
        if spec.days() == 0 {
            spec.look(width, &[], &[], look);
            return Ok(());
        }
        let (mut slot, mut before) = (std::mem::take(spare), Vec::new());
        if spec.days_before() > 0 {
            match shelves[shelf].slot.take() {
                Some((at, known)) if at + 1 == row => before = known,
                _ => store.read_days(shelf, row - 1, &mut before, damage)?,
            }
        }
        store.read_days(shelf, row, &mut slot, damage)?;
        let days_before = store.days(shelf, row - 1, spec.days_before(), &before);
        spec.look(width, &store.days(shelf, row, spec.days(), &slot), &days_before, look);
        // memory is asked for once, and goes round
        if spec.days_before() > 0 {
            shelves[shelf].slot = Some((row, slot));
            *spare = before;
        } else {
            *spare = slot;
        }
        store.shelves[shelf].expect_slot(&store.shape, row + 1);
        Ok(())
    }
}

impl Store {
    /// Reads the slot of a shelf at the time of day of `row`, whose cells are not a number where there is no value on that day.
    fn read_days(
        &self,
        shelf: usize,
        row: i64,
        slot: &mut Vec<f64>,
        damage: &mut Damage,
    ) -> Result<(), HistoryError> {
        let (here, all) = ((self.shape.slot_and_day(row).0, 0), self.shape.ring());
        self.read_values(shelf, (here, all), slot, damage, |day| row_at(&self.shape, row, day))
    }

    /// The cells of a shelf at `row`, read into `words`: not a number where there is no value.
    pub(super) fn values_at<'a>(
        &self,
        shelf: usize,
        row: i64,
        words: &'a mut Vec<f64>,
        damage: &mut Damage,
    ) -> Result<&'a [f64], HistoryError> {
        self.read_values(shelf, (self.shape.slot_and_day(row), 1), words, damage, |_| row)?;
        Ok(self.shelves[shelf].cells_of(0, words))
    }

    /// Reads so many rows from a place on, of which `row` says by the day of the ring which should stand there.
    fn read_values(
        &self,
        shelf: usize,
        (from, count): ((usize, usize), usize),
        words: &mut Vec<f64>,
        damage: &mut Damage,
        row: impl Fn(usize) -> i64,
    ) -> Result<(), HistoryError> {
        let Self { shape, names, shelves, .. } = self;
        let (shelf, mut lines) = (&shelves[shelf], 0);
        let (width, first) = (shelf.place.width, shelf.place.first);
        let used_again: Vec<_> = names.used_again(first, width).collect();
        shelf.read_words(shape, from, count, words, |day, found, cells| {
            let row = row(day);
            let known = match found {
                Found::Whole(head) => {
                    lines = lines.max(head.lines);
                    if head.row == row { head.count as usize } else { 0 }
                }
                Found::Empty => 0,
                Found::Damaged => {
                    damage.add(row);
                    0
                }
            };
            cells.iter_mut().skip(known).for_each(|cell| *cell = f64::NAN);
            let strange = used_again.iter().filter(|(_, from)| row < *from);
            strange.for_each(|(column, _)| cells[(column - first) as usize] = f64::NAN);
        })?;
        names.hold(lines)
    }

    /// The cells of so many days before `row` in the slot of its time of day, the day before first.
    fn days<'a>(&self, shelf: usize, row: i64, days: u32, slot: &'a [f64]) -> Vec<&'a [f64]> {
        let (shape, shelf) = (&self.shape, &self.shelves[shelf]);
        let day = |back: i64| shape.slot_and_day(row - back * shape.slots() as i64).1;
        // the ring has no more
        let kept = 1..=i64::from(days.min(shape.days));
        kept.map(|back| shelf.cells_of(day(back), slot)).collect()
    }

    /// The cells of a shelf at `row`, as they are kept.
    pub(super) fn read_row(
        &mut self,
        shelf: usize,
        row: i64,
        cells: &mut Vec<u64>,
        damage: &mut Damage,
    ) -> Result<(), HistoryError> {
        let Self { shape, names, shelves, .. } = self;
        let shelf = &mut shelves[shelf];
        let (width, first) = (shelf.place.width as usize, shelf.place.first);
        cells.resize(width, super::cell::MISSING);
        let (mut lines, mut is_there) = (0, false);
        shelf.read(shape, shape.slot_and_day(row), 1, cells, |_, found, _| match found {
            Found::Whole(head) => (lines, is_there) = (head.lines, head.row == row),
            Found::Empty => {}
            Found::Damaged => damage.add(row),
        })?;
        if !is_there {
            cells.fill(super::cell::MISSING);
        }
        for (column, from) in names.used_again(first, width as u32) {
            if row < from {
                cells[(column - first) as usize] = super::cell::MISSING;
            }
        }
        names.hold(lines)
    }
}

/// The row that should be at a day of the ring, around `row`.
fn row_at(shape: &Shape, row: i64, day: usize) -> i64 {
    let here = shape.slot_and_day(row).1;
    let back = (here + shape.ring() - day) % shape.ring();
    row - back as i64 * shape.slots() as i64
}
