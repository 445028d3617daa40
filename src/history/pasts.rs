//! Earlier days at one time of day, of series that are judged together: a slot of a shelf is read at a time, and what it showed is
//! kept until its time of day is over.

use super::HistoryError;
use super::row::Found;
use super::store::Store;
use super::{Damage, Shape};
use quietgate_detectors::{Look, LookSpec, Past};

/// So many looks of a shelf are kept: its series need not be at the same row at the same time.
const LOOKS: usize = 3;

/// What earlier days showed, as far as it was looked at.
#[derive(Debug)]
pub struct Pasts {
    spec: LookSpec,
    shelves: Vec<Looked>,
    damage: Damage,
    /// Why something could not be read, until somebody is told.
    failed: Option<HistoryError>,
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
        Self { spec, shelves: Vec::new(), damage: Damage::default(), failed: None }
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
        let at = match known {
            Some(at) => at,
            None => {
                let look = self.look_anew(shelf, row);
                let looks = &mut self.pasts.shelves[shelf].looks;
                if looks.len() >= LOOKS {
                    looks.remove(0);
                }
                looks.push((row, look));
                looks.len() - 1
            }
        };
        let look = self.pasts.shelves[shelf].looks[at].1.as_ref()?;
        Some((place.first, look))
    }
}

impl Looking<'_> {
    fn look_anew(&mut self, shelf: usize, row: i64) -> Option<Look> {
        match self.read(shelf, row) {
            Ok(look) => Some(look),
            Err(error) => {
                self.pasts.shelves[shelf].cells = None;
                self.pasts.failed.get_or_insert(error);
                None
            }
        }
    }

    fn read(&mut self, shelf: usize, row: i64) -> Result<Look, HistoryError> {
        let Self { store, pasts: Pasts { spec, shelves, damage, .. } } = self;
        let width = store.shelves[shelf].place.width as usize;
        let (mut cells, mut before) = (Vec::new(), Vec::new());
        if spec.days_before() > 0 {
            match shelves[shelf].cells.take() {
                Some((at, known)) if at + 1 == row => before = known,
                _ => store.read_days(shelf, row - 1, spec.days(), &mut before, damage)?,
            }
        }
        store.read_days(shelf, row, spec.days(), &mut cells, damage)?;
        let look = spec.look(width, &cells, &before);
        if spec.days_before() > 0 {
            shelves[shelf].cells = Some((row, cells));
        }
        store.shelves[shelf].expect_slot(&store.shape, row + 1);
        Ok(look)
    }
}

impl Store {
    /// The cells of a shelf at the time of day of `row` on so many days before, the day before first; not a number where there is no
    /// value.
    fn read_days(
        &mut self,
        shelf: usize,
        row: i64,
        days: u32,
        cells: &mut Vec<f64>,
        damage: &mut Damage,
    ) -> Result<(), HistoryError> {
        let Self { shape, names, shelves, image, .. } = self;
        let (shelf, slots, days) = (&mut shelves[shelf], shape.slots() as i64, i64::from(days));
        let (width, first) = (shelf.place.width as usize, shelf.place.first);
        cells.clear();
        cells.resize(days.unsigned_abs() as usize * width, f64::NAN);
        image.resize(image.len().max(width), 0);
        let (slot, mut lines) = (shape.slot_and_day(row).0, 0);
        shelf.read(
            shape,
            (slot, 0),
            shape.ring(),
            &mut image[..width],
            |day, found, values| match found {
                Found::Whole(head) => {
                    lines = lines.max(head.lines);
                    let back = (row - head.row) / slots;
                    if (1..=days).contains(&back) {
                        let to = &mut cells[(back - 1).unsigned_abs() as usize * width..][..width];
                        to.iter_mut().zip(values).for_each(|(to, bits)| *to = f64::from_bits(*bits));
                    }
                }
                Found::Empty => {}
                Found::Damaged => damage.add(row_at(shape, row, day)),
            },
        )?;
        for (column, from) in names.used_again(first, width as u32) {
            let strange = (1..=days).filter(|day| row - day * slots < from);
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
