//! What the history knows of a series at one time, and the eight bytes that stand for it.

use quietgate_detectors::Reason;

/// One cell of a series' grid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell {
    /// There was no sample, or it is lost.
    Missing,
    /// The value, finite.
    Value(f64),
    /// There was a sample, and its value was no number.
    NotANumber,
    /// There were samples with different values.
    Conflicting,
}

/// The bits of a cell without a sample: a NaN that no arithmetic makes, as are the others.
pub(super) const MISSING: u64 = 0x7ff8_5147_0000_0001;
const NOT_A_NUMBER: u64 = 0x7ff8_5147_0000_0002;
const CONFLICTING: u64 = 0x7ff8_5147_0000_0003;

impl Cell {
    /// A sample with this value.
    pub fn of(value: f64) -> Self {
        if value.is_finite() { Self::Value(value) } else { Self::NotANumber }
    }

    /// What was said of it when it was judged.
    pub(super) fn said(said: Result<f64, Reason>) -> Self {
        match said {
            Ok(value) => Self::of(value),
            Err(Reason::Conflicting) => Self::Conflicting,
            Err(_) => Self::NotANumber,
        }
    }

    /// What becomes of a cell with this content when a sample with `value` comes on top: as the grid of the detectors has it.
    #[must_use]
    pub fn with(self, value: f64) -> Self {
        match (self, Self::of(value)) {
            (Self::Missing | Self::NotANumber, new) => new,
            (Self::Value(known), Self::Value(new)) if known != new => Self::Conflicting,
            (known, _) => known,
        }
    }

    pub(super) fn bits(self) -> u64 {
        match self {
            Self::Missing => MISSING,
            Self::Value(value) => value.to_bits(),
            Self::NotANumber => NOT_A_NUMBER,
            Self::Conflicting => CONFLICTING,
        }
    }

    pub(super) fn from_bits(bits: u64) -> Self {
        match bits {
            MISSING => Self::Missing,
            CONFLICTING => Self::Conflicting,
            _ => Self::of(f64::from_bits(bits)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cell_comes_back_as_it_was_to_the_last_bit() {
        for cell in [Cell::Missing, Cell::NotANumber, Cell::Conflicting] {
            assert_eq!(Cell::from_bits(cell.bits()), cell);
        }
        for value in [0.0, -0.0, 0.1 + 0.2, f64::MAX, f64::MIN_POSITIVE / 8.0] {
            let Cell::Value(back) = Cell::from_bits(Cell::of(value).bits()) else { panic!("{value}") };
            assert_eq!(back.to_bits(), value.to_bits());
        }
        assert_eq!([f64::NAN, f64::INFINITY].map(Cell::of), [Cell::NotANumber; 2]);
    }

    #[test]
    fn another_value_conflicts_for_good_and_what_is_no_number_gives_way() {
        let after = |values: &[f64]| values.iter().fold(Cell::Missing, |cell, &value| cell.with(value));
        assert_eq!(after(&[1.0, 1.0]), Cell::Value(1.0));
        assert_eq!(after(&[1.0, 2.0, 1.0]), Cell::Conflicting);
        assert_eq!(after(&[f64::NAN, 3.0, f64::NAN]), Cell::Value(3.0));
        assert_eq!(after(&[f64::NAN]), Cell::NotANumber);
    }
}
