//! How long a verdict must last to become a finding: `K of N`.

use quietgate_detectors::{Reason, Verdict};
use std::fmt;
use std::str::FromStr;

/// At least `k` of the newest `n` cells must have fired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sustain {
    k: u32,
    n: u32,
}

/// The longest look-back of a sustain.
pub const SUSTAIN_MAX: u32 = 64;

impl Sustain {
    /// A single cell is enough.
    pub const ONE: Self = Self { k: 1, n: 1 };

    /// `k` of `n` cells.
    ///
    /// # Errors
    /// Unless 1 ≤ k ≤ n ≤ 64.
    pub fn new(k: u32, n: u32) -> Result<Self, SustainError> {
        if 1 <= k && k <= n && n <= SUSTAIN_MAX {
            Ok(Self { k, n })
        } else {
            Err(SustainError { text: format!("{k} of {n}") })
        }
    }

    /// How many cells must have fired.
    pub const fn k(self) -> u32 {
        self.k
    }

    /// Of how many of the newest cells.
    pub const fn n(self) -> u32 {
        self.n
    }
}

impl fmt::Display for Sustain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.k, self.n)
    }
}

/// A text that is no sustain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SustainError {
    text: String,
}

impl fmt::Display for SustainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sustain is {:?}, allowed is `K of N` with 1 <= K <= N <= {SUSTAIN_MAX}", self.text)
    }
}

impl std::error::Error for SustainError {}

impl FromStr for Sustain {
    type Err = SustainError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || SustainError { text: text.to_owned() };
        let (k, n) = text.split_once(" of ").ok_or_else(error)?;
        let (k, n) = (k.trim().parse().map_err(|_| error())?, n.trim().parse().map_err(|_| error())?);
        Self::new(k, n).map_err(|_| error())
    }
}

/// What a series is found to be at a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// Nothing fired in the newest N cells, and the newest was judged.
    Clean,
    /// Something fired, not (or no longer) K times: neither clean nor anomalous.
    Suspect,
    /// Sustained.
    Anomalous,
    /// The newest cell could not be judged. Never counts as clean.
    Unknown(Reason),
    /// It was declared that the series moves at this time: whatever was seen, it is neither clean nor anomalous.
    Expected,
}

impl Finding {
    /// The word used in every output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Suspect => "suspect",
            Self::Anomalous => "anomalous",
            Self::Unknown(_) => "unknown",
            Self::Expected => "expected",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(reason) => write!(f, "unknown({reason})"),
            other => f.write_str(other.word()),
        }
    }
}

/// The newest cells of one series, as far as a sustain looks back.
///
/// Every cell takes a place, judged or not: what fired before a gap does not add up with what fires after it.
#[derive(Debug, Clone)]
pub struct Sustained {
    sustain: Sustain,
    /// Bit i: the cell i back fired.
    fired: u64,
}

impl Sustained {
    /// Nothing seen yet.
    pub fn new(sustain: Sustain) -> Self {
        Self { sustain, fired: 0 }
    }

    /// The finding at the next cell, whose combined verdict is `verdict`.
    #[inline(always)]
    pub fn observe(&mut self, verdict: Verdict) -> Finding {
        self.fired = ((self.fired << 1) | u64::from(verdict.fired())) & self.mask();
        self.finding(verdict)
    }

    /// The findings at the next cells, one for each of `verdicts`, added to `findings`: the same as
    /// [`observe`](Self::observe) on each.
    pub fn observe_run(&mut self, verdicts: &[Verdict], findings: &mut Vec<Finding>) {
        let mut rest = verdicts;
        while let Some((&verdict, after)) = rest.split_first() {
            // most of the time nothing has fired and nothing fires
            let calm = if self.fired == 0 { calm(rest) } else { 0 };
            if calm > 0 {
                findings.resize(findings.len() + calm, Finding::Clean);
                rest = &rest[calm..];
            } else {
                findings.push(self.observe(verdict));
                rest = after;
            }
        }
    }

    /// The next `cells` cells have no verdict.
    pub fn skip(&mut self, cells: u64) {
        let gone = u32::try_from(cells).unwrap_or(u32::MAX);
        self.fired = self.fired.checked_shl(gone).unwrap_or(0) & self.mask();
    }

    /// Nothing that fired until now counts any more.
    pub fn forget(&mut self) {
        self.fired = 0;
    }

    /// The newest cell is judged anew.
    pub fn restate(&mut self, verdict: Verdict) -> Finding {
        self.fired = (self.fired & !1) | u64::from(verdict.fired());
        self.finding(verdict)
    }

    fn mask(&self) -> u64 {
        u64::MAX >> (SUSTAIN_MAX - self.sustain.n)
    }

    #[inline(always)]
    fn finding(&self, verdict: Verdict) -> Finding {
        match verdict {
            Verdict::Unknown(reason) => Finding::Unknown(reason),
            _ if self.fired == 0 => Finding::Clean,
            _ if self.fired.count_ones() >= self.sustain.k => Finding::Anomalous,
            _ => Finding::Suspect,
        }
    }
}

/// How many of the first verdicts are normal, as far as a quick look tells: some at a time.
fn calm(verdicts: &[Verdict]) -> usize {
    const AT_ONCE: usize = 16;
    let normal = |block: &&[Verdict]| block.iter().filter(|v| **v != Verdict::Normal).count() == 0;
    AT_ONCE * verdicts.chunks_exact(AT_ONCE).take_while(normal).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use Finding::{Anomalous, Clean, Suspect};
    use Verdict::{Drop, Normal, Surge};

    const GONE: Verdict = Verdict::Unknown(Reason::NoData);

    fn findings(k: u32, n: u32, verdicts: &[Verdict]) -> Vec<Finding> {
        let mut sustained = Sustained::new(Sustain::new(k, n).expect("in range"));
        verdicts.iter().map(|&v| sustained.observe(v)).collect()
    }

    #[test]
    fn two_of_three() {
        let got = findings(2, 3, &[Normal, Surge, Normal, Drop, Normal, Normal, Normal]);
        assert_eq!(got, [Clean, Suspect, Suspect, Anomalous, Suspect, Suspect, Clean]);
    }

    #[test]
    fn one_of_one_is_the_verdict_itself() {
        assert_eq!(findings(1, 1, &[Surge, Normal, Drop]), [Anomalous, Clean, Anomalous]);
    }

    #[test]
    fn unknown_is_never_clean_and_takes_a_place() {
        let got = findings(2, 3, &[Surge, GONE, GONE, Surge, GONE, Surge]);
        let unknown = Finding::Unknown(Reason::NoData);
        assert_eq!(got, [Suspect, unknown, unknown, Suspect, unknown, Anomalous]);
    }

    #[test]
    fn all_64_places_are_used() {
        let mut verdicts = vec![Surge];
        verdicts.extend([Normal; 62]);
        verdicts.push(Surge);
        assert_eq!(findings(2, 64, &verdicts).last(), Some(&Anomalous));
        verdicts.insert(1, Normal);
        assert_eq!(findings(2, 64, &verdicts).last(), Some(&Suspect));
    }

    #[test]
    fn a_run_is_its_cells_one_by_one() {
        let verdicts =
            [Normal, Normal, Surge, Normal, Normal, Normal, GONE, Normal, Drop, Drop, Normal, Normal, Normal];
        for (k, n) in [(1, 1), (2, 3), (3, 4)] {
            let (mut found, mut sustained) =
                (Vec::new(), Sustained::new(Sustain::new(k, n).expect("in range")));
            sustained.observe_run(&verdicts, &mut found);
            assert_eq!(found, findings(k, n, &verdicts));
        }
    }

    #[test]
    fn skipping_is_observing_nothing() {
        let mut sustained = Sustained::new(Sustain::new(2, 3).expect("in range"));
        sustained.observe(Surge);
        sustained.skip(2);
        assert_eq!(sustained.observe(Surge), Suspect);
        sustained.skip(u64::MAX);
        assert_eq!(sustained.observe(Normal), Clean);
    }

    #[test]
    fn restating_takes_the_newest_verdict_back() {
        let mut sustained = Sustained::new(Sustain::new(2, 3).expect("in range"));
        sustained.observe(Surge);
        assert_eq!(sustained.observe(Surge), Anomalous);
        assert_eq!(sustained.restate(GONE), Finding::Unknown(Reason::NoData));
        assert_eq!(sustained.observe(Normal), Suspect);
    }

    #[test]
    fn what_is_forgotten_does_not_add_up() {
        let mut sustained = Sustained::new(Sustain::new(2, 3).expect("in range"));
        sustained.observe(Surge);
        sustained.forget();
        assert_eq!(sustained.observe(Surge), Suspect);
        assert_eq!(sustained.observe(Surge), Anomalous);
    }

    #[test]
    fn the_text_form_is_read_and_checked() {
        assert_eq!("2 of 3".parse::<Sustain>().map(|s| (s.k(), s.n())), Ok((2, 3)));
        for wrong in ["", "3 of 2", "0 of 1", "1 of 65", "2/3", "2 of", "-1 of 3", "2 of 3 of 4"] {
            let error = wrong.parse::<Sustain>().expect_err(wrong);
            let text = format!("sustain is {wrong:?}, allowed is `K of N` with 1 <= K <= N <= 64");
            assert_eq!(error.to_string(), text);
        }
    }
}
