//! `novelty`: what has not been seen before, in its value, its distance from the recent mean or its time of day.

use crate::calendar::Calendar;
use crate::detector::{Cells, Detector};
use crate::logarithm::ln;
use crate::options::{Accepts, Default, OptionDoc, OptionError, Options};
use crate::registry::{Common, Entry};
use crate::sample::{Interval, Timestamp};
use crate::verdict::{Evidence, Reason, Verdict};
use crate::words::{counted, number};

pub(super) const ENTRY: Entry = Entry {
    kind: "novelty",
    summary: "novelty: a value, a jump or a level at this time of day not seen before",
    about: "Sorts each sample into a bin in four ways: by its value coarsely and finely, by its distance from the \
        recent mean in sigma, and by the mean of the last few samples together with the part of the day. Where a \
        bin is visited for the first time, that counts log10(samples seen / first visits so far): the rarer \
        anything new was, the more; fires where the four together exceed `limit`. Bins are as wide as the spread \
        of the first `samples` samples says, and beyond 8 widths grow with the distance, 8 to each doubling. \
        Nothing is forgotten: what was seen once is never new again, so a fault that came before, and one that \
        lasts, is normal to it. For finding what is worth a look on series of any kind, with a sustain of 1 of \
        1, and not for holding a gate alone. After an alarm only what is newer still scores for `rest` samples; all \
        else in that time scores 0. Score: the sum over `limit`. Reference: symbols of quantised values as in SAX (Lin and others 2003); \
        bins as in HDR histograms; the rate of new symbols by Good (1953); the sum is of this project.",
    options: OPTIONS,
    seasonal: false,
    warm_up: |options, _| options.the_count(SAMPLES) as usize,
    build,
};

const SAMPLES: &str = "samples";
const LIMIT: &str = "limit";
const REST: &str = "rest";
const COM: &str = "com";
const PARTS: &str = "parts";

const OPTIONS: &[OptionDoc] = &[
    OptionDoc {
        name: SAMPLES,
        accepts: Accepts::Count { min: 10, max: 10_000 },
        default: Default::Number(150.0),
        unit: "samples",
        why: "how many first samples set the width of the bins, once and for all; of 150 a spread is known to 6 %",
    },
    OptionDoc {
        name: LIMIT,
        accepts: Accepts::Number { min: 0.01, max: 100.0 },
        default: Default::Number(2.0),
        unit: "powers of ten",
        why: "what the sum must exceed; 2 is one new bin in 100 samples, 5 is calm enough for minutes and seconds",
    },
    OptionDoc {
        name: REST,
        accepts: Accepts::Count { min: 0, max: 100_000 },
        default: Default::Number(100.0),
        unit: "samples",
        why: "how long after an alarm only what is newer still scores; one event is new many times over",
    },
    OptionDoc {
        name: COM,
        accepts: Accepts::Number { min: 5.0, max: 1e6 },
        default: Default::Number(200.0),
        unit: "samples",
        why: "centre of mass of the recent mean and its sigma; 200 outlasts most events and still follows the level",
    },
    OptionDoc {
        name: PARTS,
        accepts: Accepts::Count { min: 1, max: 96 },
        default: Default::Number(8.0),
        unit: "parts of a day",
        why: "into how many equal parts a day is cut; 8 tell night from morning and are seen often enough each",
    },
];

/// The ways in which a sample can be new.
const WAYS: usize = 4;
/// Bins of the fine way to a spread; the coarse one and the level have one.
const FINE: f64 = 8.0;
/// Bins of the distance from the recent mean to a sigma of it.
const AWAY: f64 = 4.0;
/// The least sigma, in spreads: below it a recent past is as good as constant.
const SIGMA_MIN: f64 = 0.05;
/// Centre of mass of the level: the last few samples.
const LEVEL_COM: f64 = 3.0;
/// Sigma over mean absolute deviation, for a normal law: the root of pi / 2.
const SIGMA_BY_DEVIATION: f64 = 1.253_314_137_315_5;
/// The spread where there is none, of the size of the values.
const SPREAD_OF_CONSTANT: f64 = 0.01;
/// No place is further from the centre than this, in spreads, so that no square overflows.
const FAR: f64 = 1e30;

fn build(options: &Options, common: &mut Common) -> Result<Box<dyn Detector>, OptionError> {
    let parts = options.the_count(PARTS);
    Ok(Box::new(Novelty {
        samples: options.the_count(SAMPLES) as usize,
        limit: options.the_number(LIMIT),
        rest: options.the_count(REST),
        weight: 1.0 / (1.0 + options.the_number(COM)),
        clock: Clock::new(common, parts),
        first: Vec::new(),
        centre: 0.0,
        past: Past::default(),
        seen: [Seen::default(); WAYS - 1],
        seen_by_part: vec![Seen::default(); parts as usize],
        newest: None,
        points: 0,
        said: Vec::new(),
    }))
}

#[derive(Debug, Clone)]
struct Novelty {
    samples: usize,
    limit: f64,
    rest: u32,
    /// Of the newest sample in the recent mean.
    weight: f64,
    clock: Clock,
    /// The first samples with the parts of their days, until the spread is known.
    first: Vec<(f64, usize)>,
    /// The median of the first samples.
    centre: f64,
    past: Past,
    seen: [Seen; WAYS - 1],
    seen_by_part: Vec<Seen>,
    /// How to take the newest sample back.
    newest: Option<Newest>,
    /// How many samples came before the newest run.
    points: u64,
    /// What was said of the newest run.
    said: Vec<Said>,
}

/// What is known of the samples so far, but for the bins.
#[derive(Debug, Clone, Copy, std::default::Default)]
struct Past {
    /// The width of a coarse bin; 0 until the spread is known.
    spread: f64,
    samples: u64,
    /// First visits, by way.
    firsts: [u64; WAYS],
    recent: Recent,
    /// The mean of the last few.
    level: Recent,
    /// The highest sum of the rest, and how many samples it still lasts.
    highest: f64,
    left: u32,
}

/// A weighted mean and variance; all samples weigh the same until there are enough of them.
#[derive(Debug, Clone, Copy, std::default::Default)]
struct Recent {
    mean: f64,
    variance: f64,
}

/// What was said of one sample.
#[derive(Debug, Clone, Copy)]
struct Said {
    score: f64,
    /// The recent mean before it, in the unit of the signal.
    mean: f64,
}

/// What the newest sample changed.
#[derive(Debug, Clone, Copy)]
struct Newest {
    past: Past,
    /// The bins that it was the first to visit.
    bins: [Option<usize>; WAYS],
    part: usize,
}

impl Recent {
    #[inline]
    fn learn(&mut self, place: f64, weight: f64, samples: u64) {
        let weight = weight.max(1.0 / (samples + 1) as f64);
        let away = place - self.mean;
        self.mean += weight * away;
        self.variance = (1.0 - weight) * (self.variance + weight * away * away);
    }
}

/// Bins on either side of 0.
const HALF: usize = 288;
/// So many of them, next to 0, have a width of 1; farther out as many share each doubling.
const NEAR: f64 = 8.0;
/// What is left of the bits of a number, apart from its sign, are its octave and the eighth of that.
const EIGHTHS: u32 = f64::MANTISSA_DIGITS - 1 - 3;

/// The bin of `x`: a whole number near 0, an eighth of an octave beyond.
#[inline]
fn bin(x: f64) -> usize {
    if x.abs() < NEAR {
        return HALF - NEAR as usize + (x + NEAR) as usize;
    }
    let eighths = (x.abs().to_bits() >> EIGHTHS) - (NEAR.to_bits() >> EIGHTHS);
    let from_zero = (NEAR as usize + eighths as usize).min(HALF - 1);
    if x > 0.0 { HALF + from_zero } else { HALF - 1 - from_zero }
}

/// Which bins were visited.
#[derive(Debug, Clone, Copy, std::default::Default)]
struct Seen([u64; 2 * HALF / 64]);

impl Seen {
    /// Visits a bin, and says whether that is the first time.
    #[inline]
    fn visit(&mut self, bin: usize) -> bool {
        let (word, bit) = (&mut self.0[bin / 64], 1 << (bin % 64));
        let first = *word & bit == 0;
        *word |= bit;
        first
    }

    fn forget(&mut self, bin: usize) {
        self.0[bin / 64] &= !(1 << (bin % 64));
    }
}

/// log10(samples / firsts).
fn rarity(samples: u64, firsts: u64) -> f64 {
    ln(samples as f64 / firsts as f64) * std::f64::consts::LOG10_E
}

/// The centre and the spread of the first samples: their median, and sigma by their mean distance from it.
fn scale(first: &[(f64, usize)]) -> (f64, f64) {
    let mut values: Vec<f64> = first.iter().map(|&(value, _)| value).collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let centre = match values.len() % 2 {
        0 => values[middle - 1] / 2.0 + values[middle] / 2.0,
        _ => values[middle],
    };
    let share = 1.0 / values.len() as f64;
    // shares are added up, as a sum may be beyond all numbers
    let deviation: f64 = values.iter().map(|value| (value - centre).abs() * share).sum();
    let spread = (deviation * SIGMA_BY_DEVIATION).min(f64::MAX);
    // what is left of equal values after rounding is no spread
    let rounding = centre.abs() * 1e-9;
    (centre, if spread > rounding { spread } else { centre.abs() * SPREAD_OF_CONSTANT })
}

impl Novelty {
    /// Learns all first samples at once.
    fn begin(&mut self) {
        let first = std::mem::take(&mut self.first);
        (self.centre, self.past.spread) = scale(&first);
        for (value, part) in first {
            self.learn(value, part);
        }
    }

    /// How far from the centre a value lies, in spreads. Where all was 0, the first value that is not gives the unit.
    #[inline]
    fn place(&mut self, value: f64) -> f64 {
        if self.past.spread == 0.0 {
            self.past.spread = value.abs() * SPREAD_OF_CONSTANT;
        }
        if self.past.spread == 0.0 {
            return 0.0;
        }
        ((value - self.centre) / self.past.spread).clamp(-FAR, FAR)
    }

    /// Learns a value, and says how new it is.
    #[inline]
    fn learn(&mut self, value: f64, part: usize) -> f64 {
        let before = self.past;
        let place = self.place(value);
        let past = &mut self.past;
        let sigma = before.recent.variance.sqrt().max(SIGMA_MIN);
        let away = if before.samples > 0 { (place - before.recent.mean) / sigma } else { 0.0 };
        past.recent.learn(place, self.weight, before.samples);
        past.level.learn(place, 1.0 / (1.0 + LEVEL_COM), before.samples);
        past.samples += 1;
        let bins = [bin(place), bin(place * FINE), bin(away * AWAY), bin(past.level.mean)];
        let [coarse, fine, distance] = &mut self.seen;
        let seen = [coarse, fine, distance, &mut self.seen_by_part[part]];
        let (mut sum, mut visited) = (0.0, [None; WAYS]);
        for (way, seen) in seen.into_iter().enumerate() {
            if seen.visit(bins[way]) {
                visited[way] = Some(bins[way]);
                past.firsts[way] += 1;
                sum += rarity(past.samples, past.firsts[way]);
            }
        }
        self.newest = Some(Newest { past: before, bins: visited, part });
        sum
    }

    /// What counts of a sum: during a rest only what exceeds all of it.
    #[inline]
    fn after_rest(&mut self, sum: f64) -> f64 {
        let past = &mut self.past;
        if past.left == 0 {
            past.highest = 0.0;
        }
        if sum > past.highest {
            (past.highest, past.left) = (sum, self.rest);
            return sum;
        }
        past.left = past.left.saturating_sub(1);
        0.0
    }

    /// Judges the next sample, whose first neighbours are known.
    #[inline]
    fn judge(&mut self, value: f64, part: usize) -> (Verdict, Said) {
        let recent = self.past.recent.mean;
        let sum = self.learn(value, part);
        let score = self.after_rest(sum) / self.limit;
        let mean = self.centre + recent * self.past.spread;
        (Verdict::of(score > 1.0, value >= mean), Said { score, mean })
    }
}

impl Detector for Novelty {
    fn observe_run(&mut self, cells: &Cells<'_>, verdicts: &mut [Verdict]) {
        self.said.clear();
        for (place, &value) in verdicts.iter_mut().zip(cells.values) {
            let part = self.clock.pass();
            if self.past.samples == 0 && self.first.len() < self.samples {
                self.first.push((value, part));
                self.said.push(Said { score: 0.0, mean: value });
                *place = Verdict::Unknown(Reason::WarmingUp);
                continue;
            }
            if self.past.samples == 0 {
                self.begin();
            }
            let (verdict, said) = self.judge(value, part);
            *place = verdict;
            self.said.push(said);
        }
        // counted back, as a run may begin in the warm-up
        self.points = self.past.samples.saturating_sub(cells.values.len() as u64);
    }

    /// There are no limits to one side or the other. Basis: the recent mean.
    fn evidence(&self, cells: &Cells<'_>, offset: usize) -> Evidence {
        let Said { score, mean } = self.said[offset];
        let points = u32::try_from(self.points + offset as u64).unwrap_or(u32::MAX);
        let (lower, upper) = (f64::NEG_INFINITY, f64::INFINITY);
        Evidence { value: cells.values[offset], lower, upper, score, points, basis: mean }
    }

    fn skip(&mut self, cells: u64) {
        self.clock.skip(cells);
    }

    fn retract(&mut self) {
        if self.first.pop().is_some() {
            return;
        }
        let Some(Newest { past, bins, part }) = self.newest.take() else { return };
        self.past = past;
        let [coarse, fine, distance] = &mut self.seen;
        let seen = [coarse, fine, distance, &mut self.seen_by_part[part]];
        for (seen, bin) in seen.into_iter().zip(bins) {
            bin.into_iter().for_each(|bin| seen.forget(bin));
        }
    }

    fn words(&self, verdict: Verdict, evidence: &Evidence, _: Timestamp) -> String {
        let (value, mean) = (number(evidence.value), number(evidence.basis));
        let samples = counted(evidence.points, "sample");
        match verdict {
            Verdict::Surge => {
                format!(
                    "value {value} is above {mean}, the recent mean, in a way not seen in {samples} before it"
                )
            }
            Verdict::Drop => {
                format!(
                    "value {value} is below {mean}, the recent mean, in a way not seen in {samples} before it"
                )
            }
            _ if evidence.score > 0.0 => {
                format!("value {value} is new in some way, as often happened in {samples} before it")
            }
            _ => format!("value {value} is no newer than what {samples} before it showed"),
        }
    }
}

/// Tells the part of the day of each cell.
#[derive(Debug, Clone)]
struct Clock {
    calendar: Calendar,
    interval: Interval,
    parts: u32,
    /// The time of the next cell.
    next_ms: i64,
    part: usize,
    /// Until when (exclusive) that is the part.
    until_ms: i64,
}

impl Clock {
    fn new(common: &Common, parts: u32) -> Self {
        let (calendar, next_ms) = (common.calendar.clone(), common.start.as_millis());
        Self { calendar, interval: common.interval, parts, next_ms, part: 0, until_ms: i64::MIN }
    }

    /// The part of the day of the next cell, and passes over it.
    #[inline]
    fn pass(&mut self) -> usize {
        if self.next_ms >= self.until_ms {
            let (part, until) = self.calendar.part_of_day(Timestamp::from_millis(self.next_ms), self.parts);
            (self.part, self.until_ms) = (part, until.as_millis());
        }
        self.next_ms = self.next_ms.saturating_add(self.interval.as_millis());
        self.part
    }

    fn skip(&mut self, cells: u64) {
        let gap = i64::try_from(cells).unwrap_or(i64::MAX).saturating_mul(self.interval.as_millis());
        self.next_ms = self.next_ms.saturating_add(gap);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_even_near_zero_and_eighths_of_octaves_beyond() {
        let from_zero = |x: f64| bin(x) as i64 - HALF as i64;
        let cases = [
            (0.0, 0),
            (0.99, 0),
            (1.0, 1),
            (-0.01, -1),
            (-1.01, -2),
            (7.99, 7),
            (8.0, 8),
            (8.99, 8),
            (9.0, 9),
            (15.9, 15),
            (16.0, 16),
            (17.9, 16),
            (18.0, 17),
            (32.0, 24),
            (-8.5, -9),
            (-32.0, -25),
            (1e30, 287),
            (-1e30, -288),
        ];
        for (x, expected) in cases {
            assert_eq!(from_zero(x), expected, "{x}");
        }
    }

    #[test]
    fn rarity_is_a_common_logarithm() {
        for (samples, firsts) in [(1, 1), (10, 1), (1000, 1), (150, 7), (4032, 4031), (u64::MAX, 3)] {
            let exact = (samples as f64 / firsts as f64).log10();
            assert!((rarity(samples, firsts) - exact).abs() < 1e-13, "{samples} / {firsts}");
        }
    }

    #[test]
    fn the_scale_is_the_median_and_a_sigma() {
        let of = |values: &[f64]| scale(&values.iter().map(|&value| (value, 0)).collect::<Vec<_>>());
        // distances 4, 1, 0, 1 and 4 from 5: 2 on average
        assert_eq!(of(&[9.0, 4.0, 5.0, 6.0, 1.0]), (5.0, 2.0 * SIGMA_BY_DEVIATION));
        assert_eq!(of(&[1.0, 3.0]), (2.0, SIGMA_BY_DEVIATION));
        assert_eq!(of(&[-50.0; 3]), (-50.0, 0.5));
        assert_eq!(of(&[0.0; 3]), (0.0, 0.0));
        assert!(of(&[f64::MAX, f64::MIN, f64::MAX, f64::MIN]).1.is_finite());
    }

    /// Ten samples set the scale; a rest of five.
    fn small() -> Box<dyn Detector> {
        let given = [(SAMPLES, 10.0), (REST, 5.0)];
        let given = given.map(|(name, n)| (name.to_owned(), crate::OptionValue::Number(n)));
        let options = Options::check(OPTIONS, &given).expect("in range");
        let interval = Interval::from_millis(60_000).expect("in range");
        build(&options, &mut Common::new(Timestamp::from_millis(0), interval, Calendar::Utc))
            .expect("good options")
    }

    fn scores(detector: &mut Box<dyn Detector>, values: &[f64]) -> Vec<f64> {
        let cells = Cells {
            values,
            averages: &crate::averages::Averages::default(),
            residuals: &crate::residuals::AllResiduals::default(),
        };
        detector.observe_run(&cells, &mut vec![Verdict::Normal; values.len()]);
        (0..values.len()).map(|offset| detector.evidence(&cells, offset).score).collect()
    }

    #[test]
    fn what_is_new_in_every_way_counts_four_times() {
        let mut detector = small();
        scores(&mut detector, &[50.0; 99]);
        // the 100th sample is the second first visit, in each of the four ways
        let expected = 4.0 * (100.0_f64 / 2.0).log10() / 2.0;
        assert!((scores(&mut detector, &[90.0])[0] - expected).abs() < 1e-12);
    }

    #[test]
    fn during_a_rest_only_what_is_newer_still_scores() {
        let mut detector = small();
        scores(&mut detector, &[50.0; 99]);
        let said = scores(&mut detector, &[90.0, 130.0, 50.0, 50.0, 50.0, 50.0, 170.0]);
        assert!(said[0] > 1.0 && said[6] > 1.0, "{said:?}");
        // new too, but no more than the one before
        assert_eq!(said[1..6], [0.0; 5], "{said:?}");
    }

    #[test]
    fn what_was_seen_once_is_never_new_again() {
        let mut detector = small();
        scores(&mut detector, &[50.0; 100]);
        let first = scores(&mut detector, &[90.0; 20]);
        assert!(first[0] > 1.0, "{first:?}");
        // at the same time three days later the recent mean is what it was
        scores(&mut detector, &[50.0; 3 * 1440 - 20]);
        assert_eq!(scores(&mut detector, &[90.0]), [0.0]);
    }

    #[test]
    fn it_speaks_plainly() {
        let detector = small();
        let words = |verdict, score| {
            let (lower, upper) = (f64::NEG_INFINITY, f64::INFINITY);
            let evidence = Evidence { value: 81.25, lower, upper, score, points: 4032, basis: 40.5 };
            detector.words(verdict, &evidence, Timestamp::from_millis(0))
        };
        let unseen = "the recent mean, in a way not seen in 4032 samples before it";
        assert_eq!(words(Verdict::Surge, 1.5), format!("value 81.25 is above 40.5, {unseen}"));
        assert_eq!(words(Verdict::Drop, 1.5), format!("value 81.25 is below 40.5, {unseen}"));
        let often = "value 81.25 is new in some way, as often happened in 4032 samples before it";
        assert_eq!(words(Verdict::Normal, 0.5), often);
        assert_eq!(
            words(Verdict::Normal, 0.0),
            "value 81.25 is no newer than what 4032 samples before it showed"
        );
    }

    #[test]
    fn where_all_was_zero_the_first_other_value_gives_the_unit() {
        for size in [1e-9, 1.0, 1e9] {
            let mut detector = small();
            scores(&mut detector, &[0.0; 100]);
            assert!(scores(&mut detector, &[size])[0] > 1.0, "{size}");
        }
    }
}
