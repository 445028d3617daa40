//! How many false holds are allowed, and what a recording can show about it.
//!
//! False episodes are taken to come one by one, `rate` a curve-day (a day of one series), as a Poisson process. A
//! step that soaks for `W` days on `M` series is held with probability `1 - exp(-rate M W)`. Of `n` false episodes
//! seen in `T` curve-days, the rate is below [`upper`]`(n) / T` with 95 % confidence: with none seen that is
//! `3 / T`, the rule of three.

use std::fmt;
use std::str::FromStr;

/// Milliseconds of a day.
const DAY: f64 = 86_400_000.0;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Asked {
    /// At most so many false holds in an upgrade of so many targets, one step each: `1/3000-targets`.
    Targets {
        /// Expected false holds.
        holds: f64,
        /// Targets of the upgrade.
        targets: f64,
    },
    /// At most so many false episodes a day of one series: `0.1/day`.
    Daily(f64),
    /// At most this share of clean steps held: `1%`.
    Share(f64),
}

impl FromStr for Asked {
    type Err = BudgetError;

    fn from_str(text: &str) -> Result<Self, BudgetError> {
        let error = || BudgetError { text: text.to_owned() };
        let positive = |part: &str| {
            let number: f64 = part.trim().parse().map_err(|_| error())?;
            if number.is_finite() && number > 0.0 { Ok(number) } else { Err(error()) }
        };
        if let Some(share) = text.strip_suffix('%') {
            return Some(positive(share)?)
                .filter(|share| *share < 100.0)
                .map(|s| Self::Share(s / 100.0))
                .ok_or_else(error);
        }
        let (holds, of) = text.split_once('/').ok_or_else(error)?;
        match of.trim().strip_suffix("-targets") {
            Some(targets) => Ok(Self::Targets { holds: positive(holds)?, targets: positive(targets)? }),
            None if of.trim() == "day" => Ok(Self::Daily(positive(holds)?)),
            None => Err(error()),
        }
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Targets { holds, targets } => write!(f, "{holds}/{targets}-targets"),
            Self::Daily(rate) => write!(f, "{rate}/day"),
            Self::Share(share) => write!(f, "{}%", crate::text::number(share * 100.0)),
        }
    }
}

/// A text that is no budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetError {
    /// The text.
    pub text: String,
}

impl fmt::Display for BudgetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "found {:?}, allowed is 1/3000-targets, 0.1/day or 1%, with numbers above 0", self.text)
    }
}

impl std::error::Error for BudgetError {}

/// What is asked for, on how many series and for how long a step is looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Budget {
    /// What is asked for.
    pub asked: Asked,
    /// How long a step soaks, in milliseconds; above 0.
    pub soak_ms: i64,
    /// How many series a step looks at; at least 1.
    pub series: u64,
}

/// How a number of false episodes stands to the budget; the better first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// The upper end of what the rate may be is within it.
    Within,
    /// What was seen is within it, and the recording is too short to show that the rate is.
    Unshown,
    /// More was seen than it allows.
    Over,
}

impl Standing {
    /// The word in every output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Within => "within",
            Self::Unshown => "not shown",
            Self::Over => "over",
        }
    }
}

impl Budget {
    /// The days for which series are looked at in one step: series x soak.
    pub fn step_days(&self) -> f64 {
        self.series as f64 * self.soak_ms as f64 / DAY
    }

    /// False episodes a curve-day that the budget allows.
    pub fn rate(&self) -> f64 {
        match self.asked {
            Asked::Targets { holds, targets } => holds / (targets * self.step_days()),
            Asked::Daily(rate) => rate,
            Asked::Share(share) => -(-share).ln_1p() / self.step_days(),
        }
    }

    /// The probability that a clean step is held, at `rate` false episodes a curve-day.
    pub fn hold(&self, rate: f64) -> f64 {
        -(-rate * self.step_days()).exp_m1()
    }

    /// How `seen` false episodes in `days` curve-days stand to it.
    pub fn standing(&self, seen: u64, days: f64) -> Standing {
        let allowed = self.rate() * days;
        if upper(seen) <= allowed {
            Standing::Within
        } else if seen as f64 <= allowed {
            Standing::Unshown
        } else {
            Standing::Over
        }
    }

    /// The curve-days with no more than `seen` false episodes that would show a rate within the budget.
    pub fn days_needed(&self, seen: u64) -> f64 {
        upper(seen) / self.rate()
    }
}

/// Beyond so many events the approximation is as good as the sum.
const SUMMED: u64 = 200;

/// The expected number that is not exceeded with 95 % confidence where `seen` events were seen: the exact limit of a
/// Poisson distribution, beyond 200 events the approximation of Wilson and Hilferty.
pub fn upper(seen: u64) -> f64 {
    let n = seen as f64;
    if seen > SUMMED {
        let k = n + 1.0;
        return k * (1.0 - 1.0 / (9.0 * k) + 1.644_853_627 / (3.0 * k.sqrt())).powi(3);
    }
    let (mut low, mut high) = (n, n + 4.0 * (n + 1.0).sqrt() + 4.0);
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if at_most(seen, middle) > 0.05 { low = middle } else { high = middle }
    }
    high
}

/// The expected number that is exceeded with 95 % confidence where `seen` events were seen; 0 where none was.
pub fn lower(seen: u64) -> f64 {
    let n = seen as f64;
    let Some(fewer) = seen.checked_sub(1) else { return 0.0 };
    if seen > SUMMED {
        return n * (1.0 - 1.0 / (9.0 * n) - 1.644_853_627 / (3.0 * n.sqrt())).powi(3);
    }
    let (mut low, mut high) = (0.0, n);
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if at_most(fewer, middle) > 0.95 { low = middle } else { high = middle }
    }
    low
}

/// The probability of at most `n` events where `mean` are expected.
fn at_most(n: u64, mean: f64) -> f64 {
    let mut term = (-mean).exp();
    let mut sum = term;
    for k in 1..=n {
        term *= mean / k as f64;
        sum += term;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(asked: &str, soak_minutes: i64, series: u64) -> Budget {
        let asked = asked.parse().expect("a budget");
        Budget { asked, soak_ms: soak_minutes * 60_000, series }
    }

    #[test]
    fn budgets_are_read_and_written() {
        for text in ["1/3000-targets", "0.5/10-targets", "0.1/day", "1%", "2.5%"] {
            assert_eq!(text.parse::<Asked>().expect(text).to_string(), text);
        }
        for text in ["", "1", "1/3000", "0/day", "-1%", "100%", "nan/day", "1/day/2", "1/inf-targets"] {
            assert!(text.parse::<Asked>().is_err(), "{text}");
        }
    }

    #[test]
    fn rates_worked_by_hand() {
        // 3000 steps of 15 minutes on one series are 31.25 days
        assert!((budget("1/3000-targets", 15, 1).rate() - 0.032).abs() < 1e-12);
        assert!((budget("1/3000-targets", 15, 4).rate() - 0.008).abs() < 1e-12);
        assert_eq!(budget("0.1/day", 15, 4).rate(), 0.1);
        let share = budget("1%", 15, 2);
        assert!((share.hold(share.rate()) - 0.01).abs() < 1e-12);
        // one a day, one step of 6 hours: 1 - exp(-1/4)
        assert!((budget("1%", 360, 1).hold(1.0) - 0.221_199_216_9).abs() < 1e-9);
    }

    #[test]
    fn upper_limits_are_those_of_the_tables() {
        for (seen, limit) in [(0, 2.9957), (1, 4.7439), (2, 6.2958), (10, 16.9622), (50, 63.2871)] {
            assert!((upper(seen) - limit).abs() < 1e-3, "{seen}: {}", upper(seen));
        }
        for (seen, limit) in [(0, 0.0), (1, 0.0513), (2, 0.3554), (10, 5.4254)] {
            assert!((lower(seen) - limit).abs() < 1e-3, "{seen}: {}", lower(seen));
        }
        assert!((lower(201) - lower(200) - 0.94).abs() < 0.05, "{} {}", lower(200), lower(201));
        // the approximation goes on where the sum ends
        assert!((upper(201) - upper(200) - 1.06).abs() < 0.05, "{} {}", upper(200), upper(201));
    }

    #[test]
    fn what_is_too_short_shows_nothing() {
        let budget = budget("0.1/day", 15, 1);
        assert_eq!(budget.standing(0, 29.0), Standing::Unshown);
        assert_eq!(budget.standing(0, 30.0), Standing::Within);
        assert_eq!(budget.standing(1, 30.0), Standing::Unshown);
        assert_eq!(budget.standing(4, 30.0), Standing::Over);
        assert!((budget.days_needed(0) - 29.957).abs() < 1e-2);
    }
}
