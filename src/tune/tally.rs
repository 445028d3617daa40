//! What is counted of a setting, and which setting is the best.

use super::budget::{Budget, Standing, upper};
use super::dials::Setting;
use crate::backtest::score::quantile;
use quietgate_rules::Sustain;
use serde::Serialize;
use std::cmp::Ordering;

/// What was counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Episodes that began in no label, nor within the tolerance after one.
    pub false_episodes: u64,
    /// Time in which a verdict was known and nothing was labelled, of all series together, in milliseconds.
    pub clean_ms: i64,
    /// Labels.
    pub labels: u64,
    /// Labels in which an episode was found.
    pub caught: u64,
    /// Of these, so many only after the soak.
    pub late: u64,
    /// From the beginning of each label that was caught to its finding, in milliseconds.
    pub delays_ms: Vec<i64>,
}

impl Tally {
    /// Several as one.
    pub fn sum<'a>(tallies: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut sum = Self::default();
        tallies.into_iter().for_each(|tally| sum.add(tally));
        sum
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.false_episodes += other.false_episodes;
        self.clean_ms += other.clean_ms;
        self.labels += other.labels;
        self.caught += other.caught;
        self.late += other.late;
        self.delays_ms.extend_from_slice(&other.delays_ms);
    }

    /// The clean time in curve-days.
    pub fn days(&self) -> f64 {
        self.clean_ms as f64 / 86_400_000.0
    }

    /// Labels that were missed, or caught only when the soak was over.
    pub fn missed_or_late(&self) -> u64 {
        self.labels - self.caught + self.late
    }

    /// False episodes a curve-day; none where no time was clean.
    pub fn rate(&self) -> Option<f64> {
        (!self.is_untried()).then(|| self.false_episodes as f64 / self.days())
    }

    /// Whether no time was clean, in which it could have been false.
    pub fn is_untried(&self) -> bool {
        self.clean_ms <= 0
    }

    /// How it stands to `budget`.
    pub fn standing(&self, budget: &Budget) -> Standing {
        budget.standing(self.false_episodes, self.days())
    }

    /// The figures.
    pub fn figures(&self, budget: &Budget) -> Figures {
        let rate = self.rate();
        let upper = (!self.is_untried()).then(|| upper(self.false_episodes) / self.days());
        let mut minutes: Vec<_> = self.delays_ms.iter().map(|ms| *ms as f64 / 60_000.0).collect();
        Figures {
            false_episodes: self.false_episodes,
            clean_days: self.days(),
            false_a_day: rate,
            false_a_day_upper: upper,
            hold: rate.map(|rate| budget.hold(rate)),
            hold_upper: upper.map(|rate| budget.hold(rate)),
            labels: self.labels,
            caught: self.caught,
            late: self.late,
            delay_minutes_median: quantile(&mut minutes, 0.5),
            delay_minutes_p90: quantile(&mut minutes, 0.9),
            budget: self.standing(budget).word(),
        }
    }

    fn median_delay(&self) -> f64 {
        let mut ms: Vec<_> = self.delays_ms.iter().map(|ms| *ms as f64).collect();
        quantile(&mut ms, 0.5).unwrap_or(f64::INFINITY)
    }
}

/// A tally in numbers; what would divide by nothing is missing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// Episodes that began in no label.
    pub false_episodes: u64,
    /// Curve-days judged outside of labels.
    pub clean_days: f64,
    /// False episodes a curve-day.
    pub false_a_day: Option<f64>,
    /// The same, at the upper end of what it may be (95 %).
    pub false_a_day_upper: Option<f64>,
    /// The probability that a clean step is held.
    pub hold: Option<f64>,
    /// The same, at the upper end.
    pub hold_upper: Option<f64>,
    /// Labels.
    pub labels: u64,
    /// Labels that were caught.
    pub caught: u64,
    /// Of these, so many only after the soak.
    pub late: u64,
    /// Median delay.
    pub delay_minutes_median: Option<f64>,
    /// Delay that nine of ten do not exceed.
    pub delay_minutes_p90: Option<f64>,
    /// How it stands to the budget: `within`, `not shown`, `over`.
    pub budget: &'static str,
}

/// The best of `settings` by `tallies`, one each: within the budget before what only may be, that before what is
/// over; among these, what misses the fewest labels (late is missed), then what has the fewest false episodes, then what
/// finds sooner, then what is nearest to the rule as it was given. What is over is chosen by its false episodes first.
/// Of what had no clean time at all nobody knows how often it is false: it comes behind everything else. None without a
/// setting.
pub(super) fn best(
    settings: &[Setting],
    tallies: &[Tally],
    budget: &Budget,
    given: Sustain,
) -> Option<usize> {
    let order = |a: usize, b: usize| -> Ordering {
        let (x, y) = (&tallies[a], &tallies[b]);
        let (untried, standing) = (x.is_untried(), x.standing(budget).cmp(&y.standing(budget)));
        let rate = |tally: &Tally| tally.rate().unwrap_or(f64::INFINITY);
        let false_ones = || rate(x).total_cmp(&rate(y));
        let first = if x.standing(budget) == Standing::Over { false_ones() } else { Ordering::Equal };
        let (near, nearer) = (settings[a].distance(given), settings[b].distance(given));
        untried
            .cmp(&y.is_untried())
            .then(standing)
            .then(first)
            .then(x.missed_or_late().cmp(&y.missed_or_late()))
            .then_with(false_ones)
            .then_with(|| x.median_delay().total_cmp(&y.median_delay()))
            .then(near.0.total_cmp(&nearer.0))
            .then(near.1.cmp(&nearer.1))
            .then(a.cmp(&b))
    };
    (0..settings.len()).min_by(|&a, &b| order(a, b))
}

/// The settings that no other one beats, those with the fewest false episodes first: none has as few false episodes and
/// as few labels missed or late, and less of one of them. Of several that are alike in both, the soonest. What had no clean
/// time is not among them, unless nothing had.
pub(super) fn frontier(tallies: &[Tally]) -> Vec<usize> {
    let key = |index: usize| (tallies[index].false_episodes, tallies[index].missed_or_late());
    let all_untried = tallies.iter().all(Tally::is_untried);
    let is_tried = |index: &usize| all_untried || !tallies[*index].is_untried();
    let mut order: Vec<usize> = (0..tallies.len()).filter(is_tried).collect();
    order.sort_by(|&a, &b| {
        let sooner = || tallies[a].median_delay().total_cmp(&tallies[b].median_delay());
        key(a).cmp(&key(b)).then_with(sooner).then(a.cmp(&b))
    });
    let mut fewest = u64::MAX;
    order.retain(|&index| {
        let is_better = key(index).1 < fewest;
        fewest = fewest.min(key(index).1);
        is_better
    });
    order
}

#[cfg(test)]
mod tests {
    use super::super::dials::settings;
    use super::*;
    use quietgate_detectors::Spec;
    use quietgate_rules::{Direction, RuleSpec};

    fn tally(false_episodes: u64, caught: u64, delay_minutes: i64) -> Tally {
        Tally {
            false_episodes,
            clean_ms: 100 * 86_400_000,
            labels: 10,
            caught,
            late: 0,
            delays_ms: vec![delay_minutes * 60_000; caught as usize],
        }
    }

    fn chosen(tallies: &[Tally], asked: &str) -> Option<usize> {
        let detector = Spec::new("seasonal", &[]).expect("a detector");
        let rule = RuleSpec::new("any", &[], vec![detector], Direction::Up, Sustain::ONE).expect("a rule");
        let settings = settings(&rule, false).expect("settings");
        let asked = asked.parse().expect("a budget");
        let budget = Budget { asked, soak_ms: 900_000, series: 1 };
        best(&settings[..tallies.len()], tallies, &budget, Sustain::ONE)
    }

    #[test]
    fn the_best_catches_most_within_the_budget() {
        let tallies = [tally(30, 10, 1), tally(2, 9, 1), tally(0, 3, 1), tally(1, 8, 5)];
        // 6.3 expected at most of two seen, in 100 days
        assert_eq!(chosen(&tallies, "0.07/day"), Some(1));
        // one false episode in 100 days shows it, two do not
        assert_eq!(chosen(&tallies, "0.06/day"), Some(3));
        assert_eq!(chosen(&tallies, "0.025/day"), Some(1));
        // nothing that was seen can show so little, and none seen is the best there is
        assert_eq!(chosen(&tallies, "0.001/day"), Some(2));
        assert_eq!(chosen(&tallies[..2], "0.001/day"), Some(1));
        assert_eq!(chosen(&[], "0.1/day"), None);
    }

    #[test]
    fn what_is_alike_stays_near_the_given_rule() {
        assert_eq!(chosen(&[tally(0, 5, 1), tally(0, 5, 1)], "1/day"), Some(0));
        assert_eq!(chosen(&[tally(0, 5, 9), tally(0, 5, 1)], "1/day"), Some(1));
    }

    #[test]
    fn the_frontier_has_what_nothing_beats() {
        let tallies = [
            tally(9, 9, 1),
            tally(3, 9, 2),
            tally(3, 9, 1),
            tally(0, 4, 1),
            tally(2, 4, 0),
            tally(20, 10, 1),
        ];
        assert_eq!(frontier(&tallies), [3, 2, 5]);
    }

    #[test]
    fn what_had_no_clean_time_is_the_last_choice() {
        let untried = |caught| Tally { clean_ms: 0, ..tally(0, caught, 1) };
        // over the budget, it is still better than what nobody knows
        assert_eq!(chosen(&[untried(10), tally(2, 9, 1)], "0.001/day"), Some(1));
        assert_eq!(chosen(&[untried(10), tally(0, 9, 1)], "0.001/day"), Some(1));
        assert_eq!(chosen(&[untried(9), untried(10)], "0.001/day"), Some(1));
        assert_eq!(frontier(&[untried(10), tally(2, 9, 1)]), [1]);
        assert_eq!(frontier(&[untried(9), untried(10)]), [1]);
    }
}
