//! What earlier days showed at one time of day, of many series side by side.

use crate::days::Earlier;
use crate::kinds::relative_change;
use crate::wide::wide;
use std::ops::Range;

/// So many series are looked at together.
const SERIES: usize = 256;

/// What is made of the cells of earlier days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fold {
    /// The highest and the lowest value, of so many days.
    Values(u32),
    /// The largest change from the cell before, of so many days.
    Changes(u32),
}

impl Fold {
    fn days(self) -> u32 {
        match self {
            Self::Values(days) | Self::Changes(days) => days,
        }
    }
}

/// What a [`Look`] is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LookSpec {
    pub(crate) folds: Vec<Fold>,
    /// Whether the cell a day before is wanted by itself.
    pub(crate) yesterday: bool,
}

impl LookSpec {
    /// How many days back it looks.
    pub fn days(&self) -> u32 {
        let folds = self.folds.iter().map(|fold| fold.days()).max();
        folds.unwrap_or_default().max(u32::from(self.yesterday))
    }

    /// How many days back it looks at the cells before as well.
    pub fn days_before(&self) -> u32 {
        let changes = self.folds.iter().filter(|fold| matches!(fold, Fold::Changes(_)));
        changes.map(|fold| fold.days()).max().unwrap_or_default()
    }

    /// A look at `days`, the cells of earlier days at one time of day, the day before first, with those `before` them. Each day has
    /// `width` places; not a number where a cell has no value.
    /// It takes the place of another `look`, whose memory it uses.
    pub fn look(&self, width: usize, days: &[&[f64]], before: &[&[f64]], look: &mut Look) {
        look.width = width;
        look.parts.resize_with(self.folds.len(), Part::default);
        look.parts.iter_mut().for_each(|part| part.begin(width));
        // so many series at a time that what is made of them stays in the first cache
        for from in (0..width).step_by(SERIES) {
            let some = from..width.min(from + SERIES);
            for (fold, part) in self.folds.iter().zip(&mut look.parts) {
                let mut to = part.piece(some.clone());
                match fold {
                    Fold::Values(so_many) => {
                        let days = days.iter().take(*so_many as usize);
                        days.for_each(|day| wide!(to.take_values(&day[some.clone()])));
                    }
                    Fold::Changes(so_many) => {
                        let days = days.iter().zip(before).take(*so_many as usize);
                        days.for_each(|(day, before)| {
                            wide!(to.take_changes(&day[some.clone()], &before[some.clone()]))
                        });
                    }
                }
            }
        }
        look.yesterday.clear();
        if let Some(yesterday) = days.first().filter(|_| self.yesterday) {
            look.yesterday.extend_from_slice(yesterday);
        }
    }
}

/// What earlier days showed of consecutive series.
#[derive(Debug, Clone, Default)]
pub struct Look {
    width: usize,
    parts: Vec<Part>,
    /// Empty where it is not wanted.
    yesterday: Vec<f64>,
}

/// One fold.
#[derive(Debug, Clone, Default)]
struct Part {
    highest: Vec<f64>,
    lowest: Vec<f64>,
    days: Vec<u8>,
}

impl Part {
    /// Of no day yet.
    fn begin(&mut self, width: usize) {
        let Earlier { highest, lowest, .. } = Earlier::NONE;
        let Self { highest: highs, lowest: lows, days } = self;
        [(highs, highest), (lows, lowest)].into_iter().for_each(|(all, none)| {
            all.clear();
            all.resize(width, none);
        });
        days.clear();
        days.resize(width, 0);
    }

    /// Some of its series.
    fn piece(&mut self, some: Range<usize>) -> Piece<'_> {
        let Self { highest, lowest, days } = self;
        Piece {
            highest: &mut highest[some.clone()],
            lowest: &mut lowest[some.clone()],
            days: &mut days[some],
        }
    }
}

/// A fold of some series.
struct Piece<'a> {
    highest: &'a mut [f64],
    lowest: &'a mut [f64],
    days: &'a mut [u8],
}

impl Piece<'_> {
    /// Takes in the values of one more day; a missing one changes nothing.
    #[inline(always)]
    fn take_values(&mut self, values: &[f64]) {
        for ((highest, lowest), &value) in self.highest.iter_mut().zip(&mut *self.lowest).zip(values) {
            *highest = if value > *highest { value } else { *highest };
            *lowest = if value < *lowest { value } else { *lowest };
        }
        // apart, for these are narrower
        self.days.iter_mut().zip(values).for_each(|(days, value)| *days += u8::from(!value.is_nan()));
    }

    /// Takes in the sizes of the changes of one more day. Nobody asks for the smallest.
    #[inline(always)]
    fn take_changes(&mut self, values: &[f64], before: &[f64]) {
        let mut sizes = [f64::NAN; SERIES];
        let pairs = before.iter().zip(values);
        sizes.iter_mut().zip(pairs).for_each(|(size, (&before, &value))| {
            *size = relative_change(before, value).abs();
        });
        for (highest, &size) in self.highest.iter_mut().zip(&sizes) {
            *highest = if size > *highest { size } else { *highest };
        }
        self.days.iter_mut().zip(&sizes).for_each(|(days, size)| *days += u8::from(!size.is_nan()));
    }
}

impl Look {
    /// How many series it has.
    pub fn width(&self) -> usize {
        self.width
    }

    /// What fold `number` is of the series at `place`.
    #[inline(always)]
    pub(crate) fn earlier(&self, number: usize, place: usize) -> Earlier {
        let part = &self.parts[number];
        let (highest, lowest) = (part.highest[place], part.lowest[place]);
        Earlier { highest, lowest, days: part.days[place].into() }
    }

    /// The value a day before of the series at `place`; not a number where there is none, or where it is not wanted.
    #[inline(always)]
    pub(crate) fn yesterday(&self, place: usize) -> f64 {
        self.yesterday.get(place).copied().unwrap_or(f64::NAN)
    }
}

/// Where the days of the series are.
pub trait Past {
    /// What earlier days showed at `row` of the series around `member`, and which of them is the first. None where that cannot be
    /// read now.
    fn look(&mut self, row: i64, member: u32) -> Option<(u32, &Look)>;
}
