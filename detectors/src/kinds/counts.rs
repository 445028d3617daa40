//! `counts`: small counts, such as lost pings and errors, against how rare such sums are in the series' own past.

use super::{DAYS_BACK, together};
use crate::behind::{Behind, Follower};
use crate::detector::Detector;
use crate::logarithm::exp;
use crate::options::{Accepts, Default, OptionDoc, OptionError, Options};
use crate::registry::{Common, Entry};
use crate::slices::{Slices, Sliding, look_back};
use crate::tail::Law;
use crate::verdict::{Evidence, Verdict};
use crate::words::{counted, number};
use std::f64::consts::LN_10;

pub(super) const ENTRY: Entry = Entry {
    kind: "counts",
    summary: "small counts: more in 1, 5 or 15 samples than chance gives 1 time in 300,000",
    about: "For counts a sample that are mostly 0 or small: lost pings, errors. Adds up the newest `short`, `medium` and \
        `long` samples and fires where a sum, rounded to the nearest count, is rarer than 10^-`rarity` in the \
        negative-binomial law whose mean and variance are those of such sums in the past `days` days (method of \
        moments; Poisson where the variance is not above the mean), and is at least `least`. Half an event is added \
        to the mean, over a day or the shorter past there is, so that a past of zeros does not make every event \
        rare. While a sum fires it is learnt once, as the first count that does, until it has fired for a day: so an \
        outage does not make the next one normal, and what stays becomes so. Of the first 64 cells, when no law is known yet, \
        a sum is left out that lies further above what the median of the counts so far makes than 10 times their usual \
        spread: an outage in the warm-up is not taken for normal. Surges only: a count that falls is no fault. Negative \
        values count as 0, a missing sample adds nothing. Limits are renewed every 64 cells, where mean or variance moved by more than 1 %. Score: the sum over its \
        limit, of the sum nearest to firing; points: how many samples that sum adds up; basis: the usual count a \
        sample. Reference: Johnson, Kemp and Kotz, Univariate Discrete Distributions (2005), chapter 5.",
    options: OPTIONS,
    seasonal: false,
    warm_up: |_, _| WARM_UP as usize,
    build,
};

/// Samples before the first verdict.
const WARM_UP: u32 = 120;

/// With fewer counts of a series there is no median to go by.
const FIRST_LEAST: usize = 16;

/// So many times the usual spread above the median is far.
const FAR: f64 = 10.0;

/// A sum that does not fire is told where it is more than so many times the usual one.
const UNUSUAL: f64 = 10.0;

/// A value above this counts as this.
const COUNT_MAX: f64 = 1e15;

const OPTIONS: &[OptionDoc] = &[
    OptionDoc {
        name: "short",
        accepts: STRETCH,
        default: Default::Number(1.0),
        unit: "samples",
        why: "the shortest sum; 1 sees an outage in the sample in which it happens",
    },
    OptionDoc {
        name: "medium",
        accepts: STRETCH,
        default: Default::Number(5.0),
        unit: "samples",
        why: "the middle sum, for what loses a few again and again",
    },
    OptionDoc {
        name: "long",
        accepts: STRETCH,
        default: Default::Number(15.0),
        unit: "samples",
        why: "the longest sum, for a raised rate; what is longer is known too late to stop an upgrade",
    },
    OptionDoc {
        name: "rarity",
        accepts: Accepts::Number { min: 1.0, max: 100.0 },
        default: Default::Number(5.5),
        unit: "-log10 of a probability",
        why: "fires at what is rarer than 10 to minus this; at 5.5 chance fires about once in half a year of minutes",
    },
    OptionDoc {
        name: "least",
        accepts: Accepts::Count { min: 1, max: 1_000_000 },
        default: Default::Number(4.0),
        unit: "events",
        why: "a sum below this never fires: 1 to 3 lost pings are told, and are no outage",
    },
    DAYS_BACK,
];

const STRETCH: Accepts = Accepts::Count { min: 1, max: 1440 };

/// How many sums are followed.
const SUMS: usize = 3;

/// So many slices are added up with every eighth cell: all of them, or nearly, before the growing one is full.
const AHEAD: usize = 16;
const AHEAD_EVERY: u64 = 8;

#[derive(Debug, Clone)]
struct Counts {
    /// How many samples each sum adds up.
    lengths: [u32; SUMS],
    /// Each sum but for the cell that comes next.
    sums: [Sliding; SUMS],
    rare: Rare,
    limits: Limits,
    /// What the limits follow from.
    laws: [Option<Law>; SUMS],
    slices: Slices<Moments>,
    /// All slices that are full.
    full: Moments,
    /// The first `added` of those that will be when the growing one is: added up ahead, as no cell shall have to wait for all.
    next: Moments,
    added: usize,
    /// Samples within the look-back.
    seen: u32,
    /// For how many samples each sum has been firing.
    firing: [f64; SUMS],
    /// The counts so far, in their order, until the first law is known.
    first: Option<First>,
}

/// The first counts of a series, from small to large.
#[derive(Debug, Clone, std::default::Default)]
struct First(Vec<f64>);

#[derive(Debug, Clone, Copy)]
struct Rare {
    /// What is less probable fires.
    share: f64,
    rarity: f64,
    least: f64,
    cells_a_day: f64,
}

#[derive(Debug, Clone, Copy)]
struct Limits {
    /// What a sum must exceed: the last count that is not rare, and a half.
    above: [f64; SUMS],
    /// The usual count a sample.
    usual: f64,
}

/// Sums over some cells of what is learnt of each.
#[derive(Debug, Clone, Copy, std::default::Default)]
struct Moments {
    /// Samples there were.
    seen: u32,
    /// How many of the sums were learnt.
    learnt: [f64; SUMS],
    sums: [f64; SUMS],
    squares: [f64; SUMS],
}

#[derive(Debug, Clone, Copy)]
struct Reading {
    sums: [f64; SUMS],
    limits: Limits,
}

fn build(options: &Options, common: &mut Common) -> Result<Box<dyn Detector>, OptionError> {
    let lengths = ["short", "medium", "long"].map(|name| options.the_count(name));
    if !lengths.is_sorted() {
        let [short, medium, long] = lengths;
        return Err(together(format!(
            "short is {short}, medium {medium} and long {long}, allowed is none shorter than the one before"
        )));
    }
    let (rarity, least) = (options.the_number("rarity"), options.the_number("least"));
    let cells_a_day = common.interval.cells_a_day() as f64;
    Ok(Box::new(Behind::new(Counts {
        lengths,
        sums: lengths.map(|length| Sliding::new(length as usize - 1)),
        rare: Rare { share: exp(-rarity * LN_10), rarity, least, cells_a_day },
        limits: Limits { above: [f64::INFINITY; SUMS], usual: 0.0 },
        laws: [None; SUMS],
        slices: Slices::new(look_back(options.the_count(DAYS_BACK.name), common.interval)),
        full: Moments::default(),
        next: Moments::default(),
        added: 0,
        seen: 0,
        firing: [0.0; SUMS],
        first: Some(First::default()),
    })))
}

/// What `value` counts as.
#[inline(always)]
fn count_of(value: f64) -> f64 {
    value.clamp(0.0, COUNT_MAX)
}

impl Moments {
    /// Learns the sum `i`, with the weight 1 or 0.
    #[inline(always)]
    fn learn(&mut self, i: usize, sum: f64, weight: f64) {
        self.learnt[i] += weight;
        self.sums[i] += weight * sum;
        self.squares[i] += weight * (sum * sum);
    }

    fn and(mut self, other: &Self) -> Self {
        self.seen += other.seen;
        for i in 0..SUMS {
            self.learnt[i] += other.learnt[i];
            self.sums[i] += other.sums[i];
            self.squares[i] += other.squares[i];
        }
        self
    }
}

impl First {
    fn learn(&mut self, count: f64) {
        let place = self.0.partition_point(|other| *other <= count);
        self.0.insert(place, count);
    }

    /// What the sum of `length` counts must exceed to be far from the usual; none where that is not known yet.
    fn above(&self, length: u32) -> Option<f64> {
        let counts = Some(&self.0).filter(|counts| counts.len() >= FIRST_LEAST)?;
        let (middle, length) = (counts.len() / 2, f64::from(length));
        let median = counts[middle];
        let mut distances: Vec<f64> = counts.iter().map(|count| (count - median).abs()).collect();
        let distance = *distances.select_nth_unstable_by(middle, f64::total_cmp).1;
        // the spread is at least that of chance
        let usual = length * median;
        // between two counts, as every limit is
        Some((usual + FAR * usual.sqrt().max(length * distance).max(1.0)).floor() + 0.5)
    }
}

impl Counts {
    /// Limits that follow from the look-back; those stay whose law is as good as the same.
    fn renew(&mut self) {
        let past = self.full.and(self.slices.growing());
        for i in 0..SUMS {
            let (samples, length) = (past.learnt[i].max(1.0), f64::from(self.lengths[i]));
            let mean = past.sums[i] / samples;
            let variance = past.squares[i] / samples - mean * mean;
            let mean = mean + 0.5 * length / samples.min(self.rare.cells_a_day);
            if self.laws[i].is_none_or(|law| !law.is_about(mean, variance)) {
                let law = Law::new(mean, variance);
                // no limit yet: looked for from the least on
                let above = self.limits.above[i];
                let near = if above.is_finite() { above + 0.5 } else { self.rare.least };
                self.limits.above[i] = law.rarest(self.rare.share, near).max(self.rare.least) - 0.5;
                self.laws[i] = Some(law);
            }
        }
        self.limits.usual = past.sums[0] / (past.learnt[0].max(1.0) * f64::from(self.lengths[0]));
    }

    /// Adds up some more of what will be full.
    #[cold]
    #[inline(never)]
    fn add_ahead(&mut self) {
        let some = self.slices.staying(self.added, AHEAD);
        self.added += some.len();
        self.next = some.fold(self.next, Moments::and);
    }

    /// After a slice has begun.
    fn add_up(&mut self) {
        self.full = self.slices.full().skip(self.added).fold(self.next, Moments::and);
        (self.next, self.added) = (Moments::default(), 0);
    }
}

impl Follower for Counts {
    type Reading = Reading;

    #[inline(always)]
    fn read(&self, value: f64) -> (Verdict, Reading) {
        let count = count_of(value);
        let [short, medium, long] = &self.sums;
        let sums = [short.sum() + count, medium.sum() + count, long.sum() + count];
        let above = self.limits.above;
        let fires = (sums[0] > above[0]) | (sums[1] > above[1]) | (sums[2] > above[2]);
        let verdict = if self.seen < WARM_UP { super::WARMING_UP } else { Verdict::of(fires, true) };
        (verdict, Reading { sums, limits: self.limits })
    }

    #[inline(always)]
    fn learn(&mut self, value: f64, reading: &Reading) {
        let count = count_of(value);
        self.sums.iter_mut().for_each(|sum| sum.push(count));
        let Reading { sums, limits: Limits { above, .. } } = *reading;
        let (past, a_day) = (self.slices.growing(), self.rare.cells_a_day);
        // among few counts one that is far would still tell most
        let once = if self.first.is_some() { 0.0 } else { 1.0 };
        for i in 0..SUMS {
            let firing = if sums[i] > above[i] { self.firing[i] + 1.0 } else { 0.0 };
            self.firing[i] = firing;
            let learnt = if firing == 1.0 { above[i] + 0.5 } else { sums[i] };
            past.learn(i, learnt, if firing <= once || firing > a_day { 1.0 } else { 0.0 });
        }
        past.seen += 1;
        self.seen += 1;
        if let Some(first) = &mut self.first {
            first.learn(count);
            for (above, &length) in self.limits.above.iter_mut().zip(&self.lengths) {
                *above = first.above(length).unwrap_or(f64::INFINITY);
            }
        }
        self.pass();
    }

    fn miss(&mut self, cells: u64) {
        self.sums.iter_mut().for_each(|sum| sum.push_zeros(cells));
        let mut rest = self.slices.telling(cells);
        while rest > 0 {
            let mut left = 0;
            let (passed, renewal) = self.slices.pass_many(rest, |slice| left += slice.seen);
            rest -= passed;
            self.after(left, renewal);
        }
    }

    fn evidence(&self, value: f64, reading: &Reading) -> Evidence {
        let Reading { sums, limits: Limits { above, usual } } = *reading;
        // of equals the longer says more
        let score = |i: usize| sums[i] / above[i];
        let nearest = (0..SUMS).fold(0, |best, i| if score(i) >= score(best) { i } else { best });
        Evidence {
            value,
            lower: f64::NEG_INFINITY,
            // as far from the value as the sum is from its limit
            upper: value - (sums[nearest] - above[nearest]),
            score: score(nearest),
            points: self.lengths[nearest],
            basis: usual,
        }
    }

    fn words(&self, verdict: Verdict, evidence: &Evidence) -> String {
        let Evidence { value, points, basis, .. } = *evidence;
        let value = number(value);
        let Some((sum, first)) = sum_and_first(evidence) else {
            return format!("value {value} is at the limit of what is not rare here");
        };
        let (sum, first, usual) = (number(sum), number(first), number(basis));
        let newest = newest(points);
        match verdict {
            Verdict::Surge => format!(
                "value {value} makes {sum} in {newest}; {first} or more is rarer than 1 in {} here (usually {usual} a sample)",
                one_in(self.rare.rarity)
            ),
            _ => format!(
                "value {value} makes {sum} in {newest}; fewer than {first} is not rare here (usually {usual} a sample)"
            ),
        }
    }

    fn remark(&self, evidence: &Evidence) -> Option<String> {
        let (sum, first) = sum_and_first(evidence)?;
        let usual = evidence.basis * f64::from(evidence.points);
        let is_odd = sum >= 1.0 && sum < first && sum > UNUSUAL * usual;
        is_odd.then(|| {
            let (sum, newest, usual) = (number(sum), newest(evidence.points), number(evidence.basis));
            format!(
                "{sum} in {newest}, below the {} that would fire (usually {usual} a sample)",
                number(first)
            )
        })
    }
}

/// The sum that is nearest to firing, and the first that would fire; none where both are the same.
fn sum_and_first(evidence: &Evidence) -> Option<(f64, f64)> {
    let Evidence { value, upper, score, .. } = *evidence;
    // the sum is score x limit, and lies as far beyond the limit as the value beyond `upper`
    let limit = (value - upper) / (score - 1.0);
    let is_apart = limit.is_finite() && limit > 0.0;
    is_apart.then(|| ((score * limit * 1e6).round() / 1e6, (limit + 0.5).round()))
}

/// What a sum adds up.
fn newest(points: u32) -> String {
    if points == 1 { "it alone".to_owned() } else { format!("the last {}", counted(points, "sample")) }
}

impl Counts {
    #[inline(always)]
    fn pass(&mut self) {
        if self.slices.grown().is_multiple_of(AHEAD_EVERY) {
            self.add_ahead();
        }
        let mut left = 0;
        if self.slices.pass(|slice| left += slice.seen) {
            self.after(left, true);
        }
    }

    fn after(&mut self, left: u32, renewal: bool) {
        self.seen -= left;
        if renewal {
            if self.slices.begins() {
                self.add_up();
            }
            self.first = None;
            self.renew();
        }
    }
}

/// 10 to the power `rarity` in one digit: `300,000`.
fn one_in(rarity: f64) -> String {
    // 9.99 is 10 but for rounding
    let (power, digit) = (rarity.floor(), exp(rarity.fract() * LN_10) + 1e-9);
    if power > 15.0 {
        return format!("10^{power}");
    }
    let zeros = "0".repeat(power as usize);
    let mut out = String::new();
    for (i, figure) in format!("{}{zeros}", digit.floor()).chars().enumerate() {
        if i > 0 && (power as usize + 1 - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(figure);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{Judge, judge_of};
    use crate::registry::Spec;
    use crate::slices::RENEWAL;
    use crate::verdict::Reason;

    /// `zeros` samples without an event.
    fn after(zeros: usize) -> Judge {
        let mut judge = judge_of("counts", &[]);
        (0..zeros).for_each(|_| {
            judge.say(0.0);
        });
        judge
    }

    #[test]
    fn one_to_three_are_told_and_do_not_fire() {
        let mut judge = after(2000);
        let (verdict, evidence) = judge.say(1.0);
        assert_eq!((verdict, evidence.points), (Verdict::Normal, 15));
        // 4 would fire, so 3.5 is the limit
        assert_eq!((evidence.score, evidence.upper, evidence.basis), (1.0 / 3.5, 3.5, 0.0));
        assert_eq!(
            judge.words(),
            "value 1 makes 1 in the last 15 samples; fewer than 4 is not rare here (usually 0 a sample)"
        );
        assert_eq!(judge.say(1.0).0, Verdict::Normal);
        let (verdict, evidence) = judge.say(1.0);
        assert_eq!((verdict, evidence.score), (Verdict::Normal, 3.0 / 3.5));
        assert_eq!(judge.say(1.0).0, Verdict::Surge);
    }

    #[test]
    fn an_outage_fires_at_once_and_is_told_in_words() {
        let mut judge = after(2000);
        let (verdict, evidence) = judge.say(15.0);
        assert_eq!((verdict, evidence.score), (Verdict::Surge, 15.0 / 3.5));
        judge.say(0.0);
        assert_eq!(
            judge.words(),
            "value 0 makes 15 in the last 15 samples; 4 or more is rarer than 1 in 300,000 here (usually 0 a sample)"
        );
        let verdicts: Vec<_> = (0..20).map(|_| judge.say(0.0).0.fired()).collect();
        assert_eq!(verdicts.iter().position(|fired| !fired), Some(13), "15 samples in all");
    }

    #[test]
    fn an_outage_does_not_make_the_next_one_normal() {
        let mut judge = after(2000);
        (0..60).for_each(|_| {
            judge.say(60.0);
        });
        (0..300).for_each(|_| {
            judge.say(0.0);
        });
        assert_eq!(judge.say(15.0).0, Verdict::Surge);
    }

    #[test]
    fn what_is_not_usual_and_too_small_to_fire_is_remarked_upon() {
        let remark = |judge: &mut Judge, value: f64| {
            let (verdict, evidence) = judge.say(value);
            assert_eq!(verdict, Verdict::Normal, "{value}");
            judge.ensemble.remark(0, &evidence)
        };
        let mut judge = after(2000);
        assert_eq!(remark(&mut judge, 0.0), None);
        let told = |count: u32| {
            Some(format!("{count} in the last 15 samples, below the 4 that would fire (usually 0 a sample)"))
        };
        assert_eq!(remark(&mut judge, 1.0), told(1));
        assert_eq!(remark(&mut judge, 2.0), told(3));
        let (verdict, evidence) = judge.say(1.0);
        assert_eq!((verdict, judge.ensemble.remark(0, &evidence)), (Verdict::Surge, None));
        // one in every ten samples is usual
        let mut judge = judge_of("counts", &[]);
        let said = (0..2000).filter(|i| {
            let (_, evidence) = judge.say(f64::from(u8::from(i % 10 == 0)));
            *i > 1000 && judge.ensemble.remark(0, &evidence).is_some()
        });
        assert_eq!(said.count(), 0);
    }

    #[test]
    fn an_outage_in_the_warm_up_does_not_make_the_next_one_normal() {
        let mut judge = after(20);
        (0..20).for_each(|_| {
            judge.say(60.0);
        });
        (0..100).for_each(|_| {
            judge.say(0.0);
        });
        let (verdict, evidence) = judge.say(15.0);
        assert_eq!((verdict, evidence.basis < 0.5), (Verdict::Surge, true), "{evidence:?}");
    }

    #[test]
    fn what_is_usual_in_the_warm_up_is_learnt() {
        // now and then 9, or 100 and 140 in turn: neither is far from the median
        for values in [[0.0, 0.0, 9.0, 0.0], [100.0, 140.0, 100.0, 140.0]] {
            let mut judge = judge_of("counts", &[]);
            let fired = (0..600).filter(|i| judge.verdict(values[i % 4]).fired()).count();
            assert_eq!(fired, 0, "{values:?}");
        }
        // the first half hour was the odd one
        let mut judge = after(25);
        let fired = (0..600).filter(|_| judge.verdict(50.0).fired()).count();
        assert_eq!(fired, 0);
    }

    #[test]
    fn what_fires_for_longer_than_a_day_becomes_usual() {
        let mut judge = after(2000);
        let fired: Vec<_> = (0..2500).map(|_| judge.say(60.0).0.fired()).collect();
        assert!(fired[..1440].iter().all(|fired| *fired));
        assert!(!fired[2400..].iter().any(|fired| *fired));
    }

    #[test]
    fn the_limit_is_that_of_the_law() {
        // 0 and 1 in turn: variance 1/4 is below the mean 1/2, so Poisson with the mean 0.5 + 0.5/1440:
        // 1 - sum of the first 7 terms = 1.0e-6 and of the first 6 = 1.4e-5
        let mut judge = judge_of("counts", &[("medium", 1.0), ("long", 1.0)]);
        (0..64 * 30).for_each(|i| {
            judge.say(f64::from(i % 2));
        });
        let (verdict, evidence) = judge.say(6.0);
        assert_eq!((verdict, evidence.upper), (Verdict::Normal, 6.5));
        assert_eq!(judge.say(7.0).0, Verdict::Surge);
    }

    #[test]
    fn it_waits_for_120_samples_and_is_careful_with_few() {
        let mut judge = judge_of("counts", &[("least", 1.0), ("medium", 1.0), ("long", 1.0)]);
        for _ in 0..WARM_UP {
            assert_eq!(judge.verdict(0.0), Verdict::Unknown(Reason::WarmingUp));
        }
        // 0.5 / 64 events expected: two are no more than 3 in 100,000, three 8 in 100 million
        assert_eq!(judge.say(0.0).1.upper, 2.5);
        (0..RENEWAL * 30).for_each(|_| {
            judge.say(0.0);
        });
        assert_eq!(judge.say(0.0).1.upper, 1.5);
    }

    #[test]
    fn less_than_none_is_none() {
        let mut judge = after(2000);
        judge.say(-1e9);
        assert_eq!(judge.say(15.0).0, Verdict::Surge);
    }

    #[test]
    fn lengths_in_disorder_are_refused() {
        let given = [("medium".to_owned(), crate::OptionValue::Number(20.0))];
        let message = Spec::new("counts", &given).expect_err("longer than long").to_string();
        assert!(message.starts_with("short is 1, medium 20 and long 15"), "{message}");
    }

    #[test]
    fn rarity_is_told_in_one_digit() {
        let told = [1.0, 3.0, 5.5, 6.0, 40.0].map(one_in);
        assert_eq!(told, ["10", "1,000", "300,000", "1,000,000", "10^40"]);
    }
}
