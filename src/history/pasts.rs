//! Earlier days at one time of day, of series that are judged together: a slot of a shelf is read at a time, and what it showed is
//! kept until its time of day is over.

use super::HistoryError;
use super::row::{Found, bits};
use super::store::Store;
use super::{DAYS_MAX, Damage, Shape};
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
    /// A slot of a shelf while it is read, and cells that are not wanted any more.
    bytes: Vec<u8>,
    spare: Vec<f64>,
}

/// What was looked at of a shelf.
#[derive(Debug, Default)]
struct Looked {
    /// By their rows, the newest last; none where it could not be read.
    looks: Vec<(i64, Option<Look>)>,
    /// The cells of earlier days at the row that was looked at last: those before the next one.
    cells: Option<(i64, Vec<f64>)>,
}

impl Pasts {
    /// Nothing was looked at.
    pub(super) fn new(spec: LookSpec) -> Self {
        Self {
            spec,
            shelves: Vec::new(),
            damage: Damage::default(),
            failed: None,
            bytes: Vec::new(),
            spare: Vec::new(),
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
            looked.cells = None;
        }
        looked.looks.push((row, read.is_ok().then_some(look)));
        let at = looked.looks.len() - 1;
        if let Err(error) = read {
            self.pasts.failed.get_or_insert(error);
        }
        at
    }

    fn read(&mut self, shelf: usize, row: i64, look: &mut Look) -> Result<(), HistoryError> {
        let Self { store, pasts: Pasts { spec, shelves, damage, bytes, spare, .. } } = self;
        let width = store.shelves[shelf].place.width as usize;
        if spec.days() == 0 {
            spec.look(width, &[], &[], look);
            return Ok(());
        }
        let mut cells = std::mem::take(spare);
        let mut before = Vec::new();
        if spec.days_before() > 0 {
            match shelves[shelf].cells.take() {
                Some((at, known)) if at + 1 == row => before = known,
                _ => store.read_days(shelf, row - 1, (spec.days(), &mut before), bytes, damage)?,
            }
        }
        store.read_days(shelf, row, (spec.days(), &mut cells), bytes, damage)?;
        spec.look(width, &cells, &before, look);
        // memory is asked for once, and goes round
        if spec.days_before() > 0 {
            shelves[shelf].cells = Some((row, cells));
            *spare = before;
        } else {
            *spare = cells;
        }
        store.shelves[shelf].expect_slot(&store.shape, row + 1);
        Ok(())
    }
}

impl Store {
    /// The cells of a shelf at the time of day of `row` on so many days before, the day before first; not a number where there is no
    /// value.
    fn read_days(
        &self,
        shelf: usize,
        row: i64,
        (days, cells): (u32, &mut Vec<f64>),
        bytes: &mut Vec<u8>,
        damage: &mut Damage,
    ) -> Result<(), HistoryError> {
        let Self { shape, names, shelves, .. } = self;
        let (shelf, slots) = (&shelves[shelf], shape.slots() as i64);
        let (width, first) = (shelf.place.width as usize, shelf.place.first);
        cells.resize(days as usize * width, f64::NAN);
        let (mut lines, mut known) = (0, [false; DAYS_MAX as usize]);
        shelf.read_slot(shape, shape.slot_and_day(row).0, bytes, |day, found, bytes| match found {
            Found::Whole(head) => {
                lines = lines.max(head.lines);
                let back = usize::try_from((row - head.row) / slots).unwrap_or(0);
                if (1..=days as usize).contains(&back) {
                    known[back - 1] = true;
                    let to = &mut cells[(back - 1) * width..][..width];
                    let (there, missing) = to.split_at_mut((head.count as usize).min(width));
                    there.iter_mut().zip(bits(bytes)).for_each(|(to, bits)| *to = f64::from_bits(bits));
                    missing.fill(f64::NAN);
                }
            }
            Found::Empty => {}
            Found::Damaged => damage.add(row_at(shape, row, day)),
        })?;
        let missing = cells.chunks_exact_mut(width).zip(known).filter(|(_, known)| !known);
        missing.for_each(|(cells, _)| cells.fill(f64::NAN));
        for (column, from) in names.used_again(first, width as u32) {
            let strange = (1..=i64::from(days)).filter(|day| row - day * slots < from);
            strange.for_each(|day| {
                cells[(day - 1).unsigned_abs() as usize * width + (column - first) as usize] = f64::NAN;
            });
        }
        names.hold(lines)
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
