//! Which way is harmful.

use quietgate_detectors::Verdict;
use std::fmt;
use std::str::FromStr;

/// Which verdicts of the detectors count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Only surges: a drop counts as normal.
    Up,
    /// Only drops: a surge counts as normal.
    Down,
    /// Both.
    Either,
}

impl Direction {
    /// Every direction, with its word.
    pub const ALL: [(Self, &'static str); 3] =
        [(Self::Up, "up"), (Self::Down, "down"), (Self::Either, "either")];

    /// What `verdict` counts as.
    #[inline(always)]
    pub fn heed(self, verdict: Verdict) -> Verdict {
        match (self, verdict) {
            (Self::Up, Verdict::Drop) | (Self::Down, Verdict::Surge) => Verdict::Normal,
            _ => verdict,
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Either => "either",
        })
    }
}

/// A word that is no direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownDirection {
    /// The word.
    pub word: String,
}

impl fmt::Display for UnknownDirection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "direction is {:?}, allowed is one of up, down, either", self.word)
    }
}

impl std::error::Error for UnknownDirection {}

impl FromStr for Direction {
    type Err = UnknownDirection;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .find(|(_, name)| *name == word)
            .map(|(direction, _)| *direction)
            .ok_or_else(|| UnknownDirection { word: word.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::{Drop, Normal, Surge};

    #[test]
    fn what_goes_the_harmless_way_counts_as_normal() {
        let heeded = |direction: Direction| [Surge, Drop, Normal].map(|v| direction.heed(v));
        assert_eq!(heeded(Direction::Up), [Surge, Normal, Normal]);
        assert_eq!(heeded(Direction::Down), [Normal, Drop, Normal]);
        assert_eq!(heeded(Direction::Either), [Surge, Drop, Normal]);
    }

    #[test]
    fn a_word_is_a_direction_or_an_error() {
        for (direction, word) in Direction::ALL {
            assert_eq!(word.parse(), Ok(direction));
            assert_eq!(direction.to_string(), word);
        }
        let error = "both".parse::<Direction>().expect_err("not a word of ours");
        assert_eq!(error.to_string(), "direction is \"both\", allowed is one of up, down, either");
    }
}
