//! `slope`: a steady rise or fall, for leaks that are slower than any jump.

use super::{DAYS_BACK, FIRST_HISTORY, together};
use crate::behind::{Behind, Follower};
use crate::detector::Detector;
use crate::options::{Accepts, Default, OptionDoc, OptionError, Options};
use crate::ranks::Ranks;
use crate::registry::{Common, Entry};
use crate::slices::{Slices, Sliding, look_back};
use crate::verdict::{Evidence, Reason, Verdict};
use crate::words::number;
use std::ops::Range;

pub(super) const ENTRY: Entry = Entry {
    kind: "slope",
    summary: "a steady rise or fall over 60 or 120 samples, beyond nearly all of 7 days",
    about: "Cuts the newest `short` and `long` samples into 4 segments of equal length, and takes the smallest of the 3 \
        differences from one segment's mean to the next, where all go the same way: a jump makes one or two of them large and \
        the smallest stays small, a leak makes all of them large. Fires where that exceeds `factor` times the value \
        that 199 of 200 such readings of the past `days` days did not, for rises and falls apart (1,260 to 2,520 readings, \
        in buckets of 6 %, renewed every 64 cells). Of readings in a row that fire 5 are learnt, so \
        that a leak does not make the next one usual. A segment is known when half of its \
        samples are; `partial` where neither length has 4 known ones. Blind to jumps, to what is steeper every day, and \
        to what is slower than its longest segment tells from noise. Score: the smallest difference over its limit; \
        points: the samples looked at; basis: the smallest difference, falls below 0. Reference: a robust form of the trend \
        test of Cox and Stuart, Some quick sign tests for trend in location and dispersion (1955).",
    options: OPTIONS,
    seasonal: false,
    warm_up: |options, _| warm_up(options.the_count("long")) as usize,
    build,
};

const OPTIONS: &[OptionDoc] = &[
    OptionDoc {
        name: "short",
        accepts: Accepts::Count { min: 8, max: 1440 },
        default: Default::Number(60.0),
        unit: "samples",
        why: "the shorter stretch; an hour of minutes shows a leak of 30 % an hour in time to stop",
    },
    OptionDoc {
        name: "long",
        accepts: Accepts::Count { min: 8, max: 1440 },
        default: Default::Number(120.0),
        unit: "samples",
        why: "the longer stretch, which tells slower leaks from noise",
    },
    OptionDoc {
        name: "factor",
        accepts: Accepts::Number { min: 1.0, max: 1000.0 },
        default: Default::Number(2.0),
        unit: "times the 99.5 % quantile",
        why: "1 fires on 1 reading in 200 and more by construction; 2 leaves room for a week livelier than the last",
    },
    DAYS_BACK,
];

/// Segments of a stretch.
const SEGMENTS: usize = 4;
/// The limit rests on the reading that 1 in so many are beyond.
const ONE_IN: u32 = 200;
/// Readings may be of any size.
const ALL_POWERS: Range<i32> = -126..128;
/// At most so many readings are remembered.
const READINGS_MAX: u64 = 2520;

/// At most so many readings in a row that fire are learnt: two leaks in a week are fewer than 1 reading in 200.
const LEARNT_MAX: u32 = 5;

/// Twice the longest stretch: half of it gives readings.
fn warm_up(long: u32) -> u32 {
    FIRST_HISTORY.max(2 * long)
}

#[derive(Debug, Clone)]
struct Slope {
    stretches: [Stretch; 2],
    history: u32,
    /// How many samples there were in the look-back.
    slices: Slices<u32>,
    seen: u32,
    /// Every so many cells the readings are learnt; cells since.
    stride: u64,
    since: u64,
}

#[derive(Debug, Clone)]
struct Stretch {
    /// Samples of a segment.
    length: usize,
    factor: f64,
    /// The newest segment but for the cell that comes next: its sum, and how many samples that has.
    sum: Sliding,
    count: Sliding,
    /// The mean of the segment that ends at each of the past cells, as a ring; not a number where it is not known.
    means: Vec<f64>,
    place: usize,
    rises: Ranks<1>,
    falls: Ranks<1>,
    /// What a rise, and a fall, must exceed.
    limits: [f64; 2],
    /// How many readings of rises, and of falls, that fire have been learnt in a row.
    firing: [u32; 2],
}

/// The differences between the means of a stretch.
#[derive(Debug, Clone, Copy)]
struct Steps {
    /// The smaller and the greater of the earlier two.
    low: f64,
    high: f64,
    /// The newest; not a number where a segment is not known.
    newest: f64,
    /// The mean of the newest segment, and how many samples it has.
    mean: f64,
    count: f64,
    limits: [f64; 2],
}

type Reading = [Steps; 2];

fn build(options: &Options, common: &mut Common) -> Result<Box<dyn Detector>, OptionError> {
    let (short, long) = (options.the_count("short"), options.the_count("long"));
    if short > long {
        return Err(together(format!("short is {short}, allowed is at most long, which is {long}")));
    }
    let cells = look_back(options.the_count(DAYS_BACK.name), common.interval).max(4 * u64::from(long));
    let stride = cells.div_ceil(READINGS_MAX);
    let readings = cells.div_ceil(stride) as usize;
    let factor = options.the_number("factor");
    Ok(Box::new(Behind::new(Slope {
        stretches: [short, long]
            .map(|length| Stretch::new(length as usize / SEGMENTS, factor, readings, common.turn)),
        history: warm_up(long),
        slices: Slices::new(cells),
        seen: 0,
        stride,
        since: 0,
    })))
}

impl Stretch {
    fn new(length: usize, factor: f64, readings: usize, turn: u64) -> Self {
        Self {
            length,
            factor,
            sum: Sliding::new(length - 1),
            count: Sliding::new(length - 1),
            means: vec![f64::NAN; (SEGMENTS - 1) * length],
            place: 0,
            rises: Ranks::new(readings, ALL_POWERS, [ONE_IN], turn),
            falls: Ranks::new(readings, ALL_POWERS, [ONE_IN], turn),
            limits: [f64::INFINITY; 2],
            firing: [0; 2],
        }
    }

    /// With `value` as the next cell; without one where it has none.
    #[inline(always)]
    fn read(&self, value: Option<f64>) -> Steps {
        let count = self.count.sum() + f64::from(u8::from(value.is_some()));
        let sum = self.sum.sum() + value.unwrap_or(0.0);
        let mean = if 2.0 * count >= self.length as f64 { sum / count } else { f64::NAN };
        // the ring holds 3 segments: the place to be written next is that of 3 segments ago
        let at = |segments: usize| {
            let place = self.place + segments * self.length;
            self.means[if place >= self.means.len() { place - self.means.len() } else { place }]
        };
        let (third, second, first) = (at(0), at(1), at(2));
        let (earliest, middle, newest) = (second - third, first - second, mean - first);
        let known = !(earliest + middle).is_nan();
        Steps {
            low: if earliest < middle { earliest } else { middle },
            high: if earliest > middle { earliest } else { middle },
            newest: if known { newest } else { f64::NAN },
            mean,
            count,
            limits: self.limits,
        }
    }

    #[inline(always)]
    fn push(&mut self, value: Option<f64>, mean: f64) {
        self.sum.push(value.unwrap_or(0.0));
        self.count.push(f64::from(u8::from(value.is_some())));
        self.means[self.place] = mean;
        self.place += 1;
        if self.place == self.means.len() {
            self.place = 0;
        }
    }

    /// Learns the readings of a cell.
    fn learn(&mut self, steps: Option<&Steps>) {
        let known = steps.filter(|steps| steps.known());
        let sides = known.map(|steps| [steps.rise(), steps.fall()].into_iter().zip(steps.limits));
        for (side, ranks) in [&mut self.rises, &mut self.falls].into_iter().enumerate() {
            let reading = sides.clone().and_then(|mut sides| sides.nth(side));
            let firing = reading.is_some_and(|(reading, limit)| reading > limit);
            self.firing[side] = if firing { self.firing[side] + 1 } else { 0 };
            let learnt = reading.filter(|_| self.firing[side] <= LEARNT_MAX);
            ranks.push(learnt.map(|(reading, _)| (reading as f32).max(0.0)));
        }
    }

    fn renew(&mut self) {
        self.limits = [&mut self.rises, &mut self.falls].map(|ranks| {
            let [most] = ranks.quantiles();
            if ranks.counted() > 0 { self.factor * f64::from(most) } else { f64::INFINITY }
        });
    }

    fn miss(&mut self, cells: u64) {
        if cells <= (2 * SEGMENTS * self.length) as u64 {
            for _ in 0..cells {
                let mean = self.read(None).mean;
                self.push(None, mean);
            }
        } else {
            self.sum.push_zeros(cells);
            self.count.push_zeros(cells);
            self.means.fill(f64::NAN);
        }
    }
}

impl Steps {
    #[inline(always)]
    fn known(&self) -> bool {
        !self.newest.is_nan()
    }

    /// The smallest of three rises, 0 where not all rise.
    #[inline(always)]
    fn rise(&self) -> f64 {
        let least = if self.low < self.newest { self.low } else { self.newest };
        if least > 0.0 { least } else { 0.0 }
    }

    /// The smallest of three falls, 0 where not all fall.
    #[inline(always)]
    fn fall(&self) -> f64 {
        let least = if self.high > self.newest { self.high } else { self.newest };
        if least < 0.0 { -least } else { 0.0 }
    }

    #[inline(always)]
    fn fires(&self) -> bool {
        self.known() & ((self.rise() > self.limits[0]) | (self.fall() > self.limits[1]))
    }

    /// How far it is on the way to firing.
    fn score(&self) -> f64 {
        let over = |reading: f64, limit: f64| if reading > 0.0 { reading / limit } else { 0.0 };
        if self.known() {
            over(self.rise(), self.limits[0]).max(over(self.fall(), self.limits[1]))
        } else {
            0.0
        }
    }

    /// The values between which the newest would have to lie not to fire.
    fn bounds(&self, value: f64) -> (f64, f64) {
        let [rise, fall] = self.limits;
        let to = |newest: f64| value + (newest - self.newest) * self.count;
        let lower = if self.known() && self.high < -fall { to(-fall) } else { f64::NEG_INFINITY };
        let upper = if self.known() && self.low > rise { to(rise) } else { f64::INFINITY };
        (lower, upper)
    }
}

/// Which of the two stretches is nearer to firing.
fn nearer(reading: &Reading) -> usize {
    usize::from(reading[1].score() > reading[0].score() || !reading[0].known())
}

impl Slope {
    /// `cells` cells have passed, at most as many as there are up to the next renewal; the last had `steps`.
    #[inline(always)]
    fn passed(&mut self, cells: u64, steps: Option<&Reading>) {
        self.since += cells;
        while self.since >= self.stride {
            self.since -= self.stride;
            let last = steps.filter(|_| self.since == 0);
            for (i, stretch) in self.stretches.iter_mut().enumerate() {
                stretch.learn(last.map(|steps| &steps[i]));
            }
        }
    }

    fn renew(&mut self) {
        self.stretches.iter_mut().for_each(Stretch::renew);
    }
}

impl Follower for Slope {
    type Reading = Reading;

    #[inline(always)]
    fn read(&self, value: f64) -> (Verdict, Reading) {
        let [short, long] = &self.stretches;
        let reading = [short.read(Some(value)), long.read(Some(value))];
        let verdict = if self.seen < self.history {
            super::WARMING_UP
        } else if !reading[0].known() && !reading[1].known() {
            Verdict::Unknown(Reason::Partial)
        } else if reading[0].fires() | reading[1].fires() {
            let steps = &reading[nearer(&reading)];
            Verdict::of(true, steps.newest > 0.0)
        } else {
            Verdict::Normal
        };
        (verdict, reading)
    }

    #[inline(always)]
    fn learn(&mut self, value: f64, reading: &Reading) {
        for (stretch, steps) in self.stretches.iter_mut().zip(reading) {
            stretch.push(Some(value), steps.mean);
        }
        self.passed(1, Some(reading));
        *self.slices.growing() += 1;
        self.seen += 1;
        let mut left = 0;
        let renewal = self.slices.pass(|slice| left = slice);
        self.seen -= left;
        if renewal {
            self.renew();
        }
    }

    fn miss(&mut self, cells: u64) {
        self.stretches.iter_mut().for_each(|stretch| stretch.miss(cells));
        let since = (self.since + cells) % self.stride;
        let mut rest = self.slices.telling(cells);
        while rest > 0 {
            let mut left = 0;
            let (passed, renewal) = self.slices.pass_many(rest, |slice| left = slice);
            rest -= passed;
            self.seen -= left;
            self.passed(passed, None);
            if renewal {
                self.renew();
            }
        }
        self.since = since;
    }

    fn evidence(&self, value: f64, reading: &Reading) -> Evidence {
        let nearer = nearer(reading);
        let steps = &reading[nearer];
        let (lower, upper) = steps.bounds(value);
        let basis = if steps.known() { steps.rise() - steps.fall() } else { 0.0 };
        let points = (SEGMENTS * self.stretches[nearer].length) as u32;
        Evidence { value, lower, upper, score: steps.score(), points, basis }
    }

    fn words(&self, verdict: Verdict, evidence: &Evidence) -> String {
        let Evidence { value, score, points, basis, .. } = *evidence;
        let (value, quarter) = (number(value), points / SEGMENTS as u32);
        let (by, limit) = (number(basis.abs()), number(basis.abs() / score.max(f64::MIN_POSITIVE)));
        let how = |moves: &str| {
            format!(
                "value {value} ends {points} samples that {moves} by {by} or more every {quarter}, beyond {limit}"
            )
        };
        match verdict {
            Verdict::Surge => how("rose steadily,"),
            Verdict::Drop => how("fell steadily,"),
            _ if basis == 0.0 => format!("value {value} ends no steady rise or fall of {points} samples"),
            _ => format!(
                "value {value} ends {points} samples that moved by {by} or more every {quarter}, within {limit}"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::kinds::tests::{Judge, judge_of};
    use crate::verdict::{Reason, Verdict};

    /// Two days of noise from 100 to 115.
    fn restless() -> Judge {
        let mut judge = judge_of("slope", &[]);
        (0..2880_u32).for_each(|i| {
            judge.verdict(level(i));
        });
        judge
    }

    fn level(i: u32) -> f64 {
        let mixed = i.wrapping_mul(2_654_435_769);
        let mixed = (mixed ^ (mixed >> 15)).wrapping_mul(2_246_822_507);
        100.0 + f64::from((mixed ^ (mixed >> 13)) >> 28)
    }

    #[test]
    fn a_leak_fires_and_a_jump_does_not() {
        let leak: Vec<_> = {
            let mut judge = restless();
            (0..120).map(|i| judge.verdict(level(i) + f64::from(i))).collect()
        };
        assert!(leak.contains(&Verdict::Surge) && !leak.contains(&Verdict::Drop));
        let mut judge = judge_of("slope", &[]);
        (0..1440).for_each(|_| {
            judge.verdict(7.0);
        });
        assert!((0..240).all(|_| !judge.verdict(1e6).fired()));
    }

    #[test]
    fn the_smallest_of_three_differences_decides() {
        // never before has it risen at all: a rise of 1 a sample is one of 15 a segment of 15
        let mut judge = judge_of("slope", &[("long", 60.0)]);
        (0..1440).for_each(|_| {
            judge.verdict(7.0);
        });
        let mut evidence = judge.say(7.0).1;
        for i in 1..=60 {
            evidence = judge.say(7.0 + f64::from(i)).1;
        }
        assert_eq!((evidence.basis, evidence.points), (15.0, 60));
        let fall = judge.say(-1e6).1;
        assert_eq!(fall.basis, 0.0, "the newest falls and the others rise");
    }

    #[test]
    fn what_it_did_before_is_no_news() {
        // a saw tooth: 600 samples up by 1 each, then down at once
        let mut judge = judge_of("slope", &[]);
        let fired = (0..5000).filter(|i| judge.verdict(f64::from(i % 600)).fired()).count();
        assert_eq!(fired, 0);
        assert!(judge.words().contains("within"), "{}", judge.words());
    }

    #[test]
    fn half_a_segment_that_is_missing_is_partial() {
        let mut judge = restless();
        judge.ensemble.skip(7);
        assert!(!judge.verdict(level(7)).is_unknown());
        let mut judge = judge_of("slope", &[("long", 60.0)]);
        (0..1440).for_each(|i| {
            judge.verdict(level(i));
        });
        judge.ensemble.skip(16);
        let verdicts: Vec<_> = (16..100).map(|i| judge.verdict(level(i))).collect();
        assert_eq!(verdicts[0], Verdict::Unknown(Reason::Partial));
        let known = verdicts.iter().position(|verdict| !verdict.is_unknown());
        assert_eq!(known, Some(52), "fewer than half of the oldest segment are of the gap from 60 - 8 on");
    }

    #[test]
    fn it_speaks_plainly() {
        let mut judge = restless();
        let found = (0..120).any(|i| judge.verdict(level(i) + f64::from(i)).fired());
        assert!(found);
        let words = judge.words();
        assert!(words.contains(" ends 60 samples that rose steadily, by "), "{words}");
        assert!(words.contains(" or more every 15, beyond "), "{words}");
    }
}
