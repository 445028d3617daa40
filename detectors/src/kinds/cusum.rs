//! `cusum`: small deviations that add up, for slow leaks and small shifts that last.

use super::FIRST_HISTORY;
use crate::behind::{Behind, Follower};
use crate::detector::Detector;
use crate::options::{Accepts, Default, OptionDoc, OptionError, Options};
use crate::registry::{Common, Entry};
use crate::slices::RENEWAL;
use crate::verdict::{Evidence, Verdict};
use crate::words::number;

pub(super) const ENTRY: Entry = Entry {
    kind: "cusum",
    summary: "small deviations that add up over time: slow leaks, small shifts that last",
    about: "Two-sided tabular CUSUM: with z = (value - centre) / sigma, at most 4 either way, up = max(0, up + z - k) and \
        down = max(0, down - z - k); fires where one of them exceeds `h`. Centre and sigma are exponential averages \
        over about `memory` samples, through the sample before (sigma renewed every 64 samples), that learn 16 \
        times as slowly while a sum is above h / 2, so that a leak does not become its own baseline. A sum ends at 1.25 h, so that it comes down soon after the fault. \
        After 120 samples of firing the centre moves to the average of the newest 60 or so and both sums \
        begin at 0: a new level fires for that long and not for ever. Not for series with a strong daily shape, whose \
        own nights and days add up. A gap of `memory` cells or more starts it anew; a shorter one leaves it as it is. \
        Score: the greater sum over h; points: samples learnt, at most those of the average; basis: the centre. \
        Reference: Page, Continuous inspection schemes (1954); Montgomery, Introduction to Statistical Quality \
        Control, chapter 9.",
    options: OPTIONS,
    seasonal: false,
    warm_up: |_, _| FIRST_HISTORY as usize,
    build,
};

const OPTIONS: &[OptionDoc] = &[
    OptionDoc {
        name: "k",
        accepts: Accepts::Number { min: 0.1, max: 3.0 },
        default: Default::Number(2.0),
        unit: "sigma",
        why: "smaller deviations do not add up; 0.5 suits white noise, real series wander by 1 to 2 sigma for hours",
    },
    OptionDoc {
        name: "h",
        accepts: Accepts::Number { min: 1.0, max: 1_000_000.0 },
        default: Default::Number(75.0),
        unit: "sigma",
        why: "the sum that fires; 75 is 4 sigma for 38 samples, as neighbouring samples are alike and add up by themselves",
    },
    OptionDoc {
        name: "memory",
        accepts: Accepts::Count { min: 120, max: 1_000_000 },
        default: Default::Number(480.0),
        unit: "samples",
        why: "centre of mass of the averages; shorter follows a leak, longer keeps yesterday's level",
    },
];

/// Further from the centre than this counts as this.
const Z_MAX: f64 = 4.0;
/// A sum ends at this many times h.
const SUM_MAX: f64 = 1.25;
/// How much more slowly is learnt while a sum is high.
const SLOWER: f64 = 16.0;
/// Centre of mass of the average that becomes the centre after firing for long.
const RECENT: f64 = 60.0;
/// After so many samples of firing it starts again from there.
const FIRING_MAX: u32 = 120;
/// Values are taken as no greater, so that their squares are finite.
const VALUE_MAX: f64 = 1e150;

#[derive(Debug, Clone)]
struct Cusum {
    k: f64,
    h: f64,
    /// Centre of mass of the averages, and the share of each sample that follows from it.
    com: f64,
    share: f64,
    /// Samples learnt.
    learnt: f64,
    past: Past,
    /// As of the newest renewal, and 1 over it.
    sigma: f64,
    per_sigma: f64,
    /// Samples since then.
    since: u64,
    recent: f64,
    /// For how many samples it has been firing.
    firing: u32,
    /// Cells without a value since the newest with one.
    missing: u64,
}

/// What a value is judged by.
#[derive(Debug, Clone, Copy, std::default::Default)]
struct Past {
    centre: f64,
    variance: f64,
    up: f64,
    down: f64,
}

#[derive(Debug, Clone, Copy)]
struct Reading {
    past: Past,
    learnt: f64,
    sigma: f64,
    /// How far the value counts from the centre, in sigma.
    z: f64,
    /// Both sums with the value.
    up: f64,
    down: f64,
}

fn build(options: &Options, _: &mut Common) -> Result<Box<dyn Detector>, OptionError> {
    let com = options.the_number("memory");
    Ok(Box::new(Behind::new(Cusum {
        k: options.the_number("k"),
        h: options.the_number("h"),
        com,
        share: 1.0 / (com + 1.0),
        learnt: 0.0,
        past: Past::default(),
        sigma: f64::MIN_POSITIVE,
        per_sigma: 0.0,
        since: 0,
        recent: 0.0,
        firing: 0,
        missing: 0,
    })))
}

impl Past {
    /// Never 0: what differs by rounding alone is no deviation.
    #[inline(always)]
    fn sigma(&self) -> f64 {
        self.variance.sqrt().max(self.centre.abs() * 1e-9).max(f64::MIN_POSITIVE)
    }
}

impl Cusum {
    #[inline(always)]
    fn ready(&self) -> bool {
        self.learnt >= f64::from(FIRST_HISTORY)
    }

    #[inline(always)]
    fn learn_level(&mut self, value: f64, reading: &Reading) {
        let high = reading.up.max(reading.down) > self.h / 2.0;
        let share = if self.learnt < self.com { 1.0 / (self.learnt + 1.0) } else { self.share };
        let share = if high { share / SLOWER } else { share };
        // at first there is no sigma to bound anything by
        let off = if self.ready() { reading.z * reading.sigma } else { value - self.past.centre };
        self.past.centre += share * off;
        self.past.variance = (1.0 - share) * (self.past.variance + share * off * off);
        let share = if self.learnt < RECENT { 1.0 / (self.learnt + 1.0) } else { 1.0 / (RECENT + 1.0) };
        self.recent += share * (value - self.recent);
        self.learnt += 1.0;
        self.since += 1;
        if self.since == RENEWAL {
            self.since = 0;
            self.sigma = self.past.sigma();
            self.per_sigma = 1.0 / self.sigma;
        }
    }

    fn start_again(&mut self) {
        (self.past.up, self.past.down, self.firing) = (0.0, 0.0, 0);
        self.past.centre = self.recent;
    }
}

impl Follower for Cusum {
    type Reading = Reading;

    #[inline(always)]
    fn read(&self, value: f64) -> (Verdict, Reading) {
        let (past, sigma) = (self.past, self.sigma);
        let off = value.clamp(-VALUE_MAX, VALUE_MAX) - past.centre;
        let z = (off * self.per_sigma).clamp(-Z_MAX, Z_MAX);
        let most = SUM_MAX * self.h;
        let up = (past.up + z - self.k).clamp(0.0, most);
        let down = (past.down - z - self.k).clamp(0.0, most);
        let reading = Reading { past, learnt: self.learnt, sigma, z, up, down };
        if !self.ready() {
            return (super::WARMING_UP, Reading { up: 0.0, down: 0.0, ..reading });
        }
        (Verdict::of((up > self.h) | (down > self.h), up >= down), reading)
    }

    #[inline(always)]
    fn learn(&mut self, value: f64, reading: &Reading) {
        self.missing = 0;
        self.learn_level(value.clamp(-VALUE_MAX, VALUE_MAX), reading);
        (self.past.up, self.past.down) = (reading.up, reading.down);
        self.firing = if reading.up.max(reading.down) > self.h { self.firing + 1 } else { 0 };
        if self.firing > FIRING_MAX {
            self.start_again();
        }
    }

    fn miss(&mut self, cells: u64) {
        self.missing = self.missing.saturating_add(cells);
        if self.missing as f64 >= self.com {
            (self.learnt, self.past, self.recent, self.firing) = (0.0, Past::default(), 0.0, 0);
            self.since = 0;
        }
    }

    fn evidence(&self, value: f64, reading: &Reading) -> Evidence {
        let Reading { past, learnt, sigma, up, down, .. } = *reading;
        // where even the farthest value that counts is not enough there is no limit
        let reach = |sum: f64| {
            let needed = self.h - sum + self.k;
            if needed < Z_MAX { needed * sigma } else { f64::INFINITY }
        };
        Evidence {
            value,
            lower: past.centre - reach(past.down),
            upper: past.centre + reach(past.up),
            score: up.max(down) / self.h,
            points: learnt.min(self.com) as u32,
            basis: past.centre,
        }
    }

    fn words(&self, verdict: Verdict, evidence: &Evidence) -> String {
        let Evidence { value, score, basis, .. } = *evidence;
        let (value, centre, h) = (number(value), number(basis), number(self.h));
        let sum = number((score * self.h * 10.0).round() / 10.0);
        let how = |side| {
            format!(
                "value {value} is one of many {side} the usual {centre}; the excess adds up to {sum} sigma, more than {h}"
            )
        };
        match verdict {
            Verdict::Surge => how("above"),
            Verdict::Drop => how("below"),
            _ => format!(
                "value {value} and those before it are near the usual {centre}; the excess adds up to {sum} sigma, at most {h}"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::kinds::tests::{Judge, judge_of};
    use crate::verdict::Verdict;

    /// Four days of -1 and 1 in turn: centre 0, sigma 1.
    fn even() -> Judge {
        let mut judge = judge_of("cusum", &[("memory", 1e5)]);
        (0..4 * 1440).for_each(|i| {
            judge.verdict(f64::from(i % 2 * 2 - 1));
        });
        judge
    }

    fn first_of(judge: &mut Judge, value: f64, most: usize) -> Option<(usize, Verdict)> {
        (1..=most).map(|i| (i, judge.verdict(value))).find(|(_, verdict)| verdict.fired())
    }

    #[test]
    fn a_shift_of_3_sigma_adds_up_1_a_sample() {
        // 75 / (3 - 2) = 75 samples, and a few more as centre and sigma follow
        let (samples, verdict) = first_of(&mut even(), 3.0, 300).expect("it fires");
        assert_eq!(verdict, Verdict::Surge);
        assert!((76..90).contains(&samples), "{samples}");
        let (samples, verdict) = first_of(&mut even(), -3.0, 300).expect("it fires");
        assert_eq!(verdict, Verdict::Drop);
        assert!((76..90).contains(&samples), "{samples}");
    }

    #[test]
    fn one_sample_counts_no_more_than_4_sigma() {
        let mut judge = even();
        let (verdict, evidence) = judge.say(1e9);
        assert_eq!(verdict, Verdict::Normal);
        // 4 - 2 of 75
        assert!((evidence.score - 2.0 / 75.0).abs() < 1e-5, "{evidence:?}");
        assert_eq!((evidence.lower, evidence.upper), (f64::NEG_INFINITY, f64::INFINITY));
    }

    #[test]
    fn less_than_k_never_adds_up() {
        assert_eq!(first_of(&mut even(), 1.9, 5000), None);
    }

    #[test]
    fn a_new_level_fires_for_120_samples_and_is_the_centre_then() {
        let mut judge = even();
        let fired: Vec<_> = (0..3000).map(|_| judge.verdict(3.0).fired()).collect();
        let count = fired.iter().filter(|fired| **fired).count();
        assert_eq!(count, 121, "one episode");
        let (_, evidence) = judge.say(3.0);
        assert!((evidence.basis - 3.0).abs() < 0.3, "{evidence:?}");
    }

    #[test]
    fn it_says_what_adds_up() {
        let mut judge = even();
        first_of(&mut judge, 3.0, 300);
        let words = judge.words();
        assert!(words.starts_with("value 3 is one of many above the usual 0.0"), "{words}");
        assert!(words.ends_with("more than 75"), "{words}");
    }
}
