//! The votes on one cell, counted.

use quietgate_detectors::{Reason, Verdict};

/// What the detectors said of one cell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Votes {
    pub(crate) surges: u32,
    pub(crate) drops: u32,
    pub(crate) normal: u32,
    pub(crate) unknown: u32,
    /// The first that fired, and the first reason for an unknown: they decide ties.
    first_is_drop: bool,
    first_reason: Option<Reason>,
}

impl Votes {
    /// Counts one vote a detector, in their order.
    #[inline(always)]
    pub(crate) fn count(verdicts: impl Iterator<Item = Verdict>) -> Self {
        let mut votes = Self::default();
        for verdict in verdicts {
            match verdict {
                Verdict::Normal => votes.normal += 1,
                Verdict::Surge => votes.surges += 1,
                Verdict::Drop => {
                    votes.first_is_drop |= votes.fired() == 0;
                    votes.drops += 1;
                }
                Verdict::Unknown(reason) => {
                    votes.first_reason = votes.first_reason.or(Some(reason));
                    votes.unknown += 1;
                }
            }
        }
        votes
    }

    /// How many fired.
    #[inline(always)]
    pub(crate) fn fired(&self) -> u32 {
        self.surges + self.drops
    }

    /// How many have a verdict at all.
    #[inline(always)]
    pub(crate) fn known(&self) -> u32 {
        self.fired() + self.normal
    }

    /// The way most of those that fired point; the first of them decides a tie.
    #[inline(always)]
    pub(crate) fn way(&self) -> Verdict {
        let down = self.drops > self.surges || (self.drops == self.surges && self.first_is_drop);
        if down { Verdict::Drop } else { Verdict::Surge }
    }

    /// No verdict, for the reason of the first detector that has none.
    pub(crate) fn verdict_unknown(&self) -> Verdict {
        Verdict::Unknown(self.first_reason.unwrap_or(Reason::NoData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::{Drop, Normal, Surge};

    #[test]
    fn the_majority_of_the_fired_decides_the_way_and_the_first_a_tie() {
        let way = |verdicts: &[Verdict]| Votes::count(verdicts.iter().copied()).way();
        assert_eq!(way(&[Surge, Drop, Drop]), Drop);
        assert_eq!(way(&[Drop, Surge, Normal, Surge]), Surge);
        assert_eq!(way(&[Drop, Surge]), Drop);
        assert_eq!(way(&[Normal, Surge, Drop]), Surge);
    }

    #[test]
    fn the_first_reason_stands_for_all() {
        let reasons = [Verdict::Unknown(Reason::Partial), Verdict::Unknown(Reason::WarmingUp)];
        assert_eq!(Votes::count(reasons.into_iter()).verdict_unknown(), Verdict::Unknown(Reason::Partial));
        assert_eq!(Votes::count(std::iter::empty()).verdict_unknown(), Verdict::Unknown(Reason::NoData));
    }
}
