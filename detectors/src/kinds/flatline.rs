//! `flatline`: a value that stands still for longer than it ever did.

use super::{DAYS_BACK, FIRST_HISTORY};
use crate::behind::{Behind, Follower};
use crate::detector::Detector;
use crate::options::{Accepts, Default, OptionDoc, OptionError, Options};
use crate::registry::{Common, Entry};
use crate::slices::{Slices, look_back};
use crate::verdict::{Evidence, Verdict};
use crate::words::{counted, number};

pub(super) const ENTRY: Entry = Entry {
    kind: "flatline",
    summary: "a value that has not changed for longer than ever in the past 7 days",
    about: "Counts for how many samples in a row the value has been the same, and fires where these are at least \
        `least` and more than `factor` times the longest such stretch in the past `days` days. For what never stands \
        still while it is healthy: a frozen exporter, a counter that hangs, a stuck gauge. A drop, for what stopped \
        moving. A series that stands still for more than half of its steps never fires, nor does one that has stood \
        still for longer than it moved. A stretch that fired is learnt, when it ends, as the limit it had to exceed. \
        A gap ends a stretch. Score: the stretch over its limit, 0 where it cannot fire; points: the steps of the \
        look-back; basis: the stretch. Reference: none, a comparison with the longest.",
    options: OPTIONS,
    seasonal: false,
    warm_up: |_, _| FIRST_HISTORY as usize,
    build,
};

const OPTIONS: &[OptionDoc] = &[
    OptionDoc {
        name: "factor",
        accepts: Accepts::Number { min: 1.0, max: 1000.0 },
        default: Default::Number(2.0),
        unit: "times the longest stretch",
        why: "how much longer than ever; the longest of a week is often beaten a little, and hardly ever twofold",
    },
    OptionDoc {
        name: "least",
        accepts: Accepts::Count { min: 2, max: 100_000 },
        default: Default::Number(10.0),
        unit: "samples",
        why: "a shorter stretch never fires; coarsely rounded values are the same a few times in a row by chance",
    },
    DAYS_BACK,
];

#[derive(Debug, Clone)]
struct Flatline {
    factor: f64,
    least: f64,
    /// The value of the newest cell, not a number where it has none, and for how many samples it has been so.
    value: f64,
    stretch: f64,
    slices: Slices<Steps>,
    /// The look-back: all steps, and the longest stretch that ended.
    steps: Steps,
}

#[derive(Debug, Clone, Copy, std::default::Default)]
struct Steps {
    samples: u32,
    all: u32,
    still: u32,
    longest: f64,
}

#[derive(Debug, Clone, Copy)]
struct Reading {
    stretch: f64,
    /// Infinite where it cannot fire.
    limit: f64,
    steps: u32,
}

fn build(options: &Options, common: &mut Common) -> Result<Box<dyn Detector>, OptionError> {
    Ok(Box::new(Behind::new(Flatline {
        factor: options.the_number("factor"),
        least: options.the_number("least"),
        value: f64::NAN,
        stretch: 0.0,
        slices: Slices::new(look_back(options.the_count(DAYS_BACK.name), common.interval)),
        steps: Steps::default(),
    })))
}

impl Flatline {
    /// The stretch that `value` would make, as the next.
    #[inline(always)]
    fn stretch_with(&self, value: f64) -> f64 {
        if value == self.value { self.stretch + 1.0 } else { 1.0 }
    }

    #[inline(always)]
    fn limit(&self) -> f64 {
        let limit = (self.factor * self.steps.longest).max(self.least - 0.5);
        if 2 * u64::from(self.steps.still) > u64::from(self.steps.all) { f64::INFINITY } else { limit }
    }

    /// The stretch so far has ended.
    #[inline(always)]
    fn end(&mut self) {
        let limit = self.limit();
        let learnt = if self.stretch < limit { self.stretch } else { limit };
        let slice = self.slices.growing();
        slice.longest = slice.longest.max(learnt);
        self.steps.longest = self.steps.longest.max(learnt);
        self.stretch = 0.0;
    }

    #[inline(always)]
    fn after(&mut self, left: Steps) {
        self.steps.samples -= left.samples;
        self.steps.all -= left.all;
        self.steps.still -= left.still;
        if left.longest > 0.0 && left.longest == self.steps.longest {
            let growing = self.slices.growing().longest;
            self.steps.longest =
                self.slices.full().fold(growing, |longest, slice| longest.max(slice.longest));
        }
    }
}

impl Follower for Flatline {
    type Reading = Reading;

    #[inline(always)]
    fn read(&self, value: f64) -> (Verdict, Reading) {
        let (stretch, limit) = (self.stretch_with(value), self.limit());
        let verdict = Verdict::of(stretch > limit, false);
        let verdict = if self.steps.samples < FIRST_HISTORY { super::WARMING_UP } else { verdict };
        (verdict, Reading { stretch, limit, steps: self.steps.all })
    }

    #[inline(always)]
    fn learn(&mut self, value: f64, reading: &Reading) {
        let (step, still) = (!self.value.is_nan(), value == self.value);
        if !still {
            self.end();
        }
        (self.value, self.stretch) = (value, reading.stretch);
        for steps in [self.slices.growing(), &mut self.steps] {
            steps.samples += 1;
            steps.all += u32::from(step);
            steps.still += u32::from(still);
        }
        let mut left = Steps::default();
        if self.slices.pass(|slice| left = slice) {
            self.after(left);
        }
    }

    fn miss(&mut self, cells: u64) {
        self.end();
        self.value = f64::NAN;
        let mut rest = self.slices.telling(cells);
        while rest > 0 {
            let mut left = Steps::default();
            rest -= self.slices.pass_many(rest, |slice| left = slice).0;
            self.after(left);
        }
    }

    fn evidence(&self, value: f64, reading: &Reading) -> Evidence {
        let Reading { stretch, limit, steps } = *reading;
        let (lower, upper) = (f64::NEG_INFINITY, f64::INFINITY);
        Evidence { value, lower, upper, score: stretch / limit, points: steps, basis: stretch }
    }

    fn words(&self, verdict: Verdict, evidence: &Evidence) -> String {
        let Evidence { value, score, points, basis, .. } = *evidence;
        let (value, stretch, steps) =
            (number(value), counted(basis as u32, "sample"), counted(points, "step"));
        let most = number((basis / score).floor());
        match verdict {
            Verdict::Drop => format!(
                "value {value} has stood still for {stretch}; {most} is the most of {steps} before, with a margin"
            ),
            _ if score == 0.0 => {
                format!("value {value} has stood still for {stretch}, as more than half of {steps} before do")
            }
            _ => format!(
                "value {value} has stood still for {stretch}, within the {most} allowed after {steps} before"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::kinds::tests::{Judge, judge_of};

    /// A day of values that are each the same `times` times.
    fn moving(times: usize) -> Judge {
        let mut judge = judge_of("flatline", &[]);
        (0..1440).for_each(|i| {
            judge.verdict((i / times % 7) as f64);
        });
        judge
    }

    fn first_of(judge: &mut Judge, value: f64, most: usize) -> Option<usize> {
        (0..most).find(|_| judge.verdict(value).fired()).map(|i| i + 1)
    }

    #[test]
    fn what_always_moves_fires_at_the_tenth_sample() {
        let mut judge = moving(1);
        assert_eq!(first_of(&mut judge, 99.0, 20), Some(10));
        assert_eq!(
            judge.words(),
            "value 99 has stood still for 10 samples; 9 is the most of 1448 steps before, with a margin"
        );
    }

    #[test]
    fn what_rests_at_times_must_rest_twice_as_long() {
        // rests of 20 among single steps
        let mut judge = judge_of("flatline", &[]);
        for i in 0..1440 {
            judge.verdict(if i % 100 < 20 { 50.0 } else { f64::from(i % 100) });
        }
        // the day ends with 80 single steps
        assert_eq!(first_of(&mut judge, 500.0, 100), Some(41));
        // and 40 were learnt of the 60
        (0..19).for_each(|_| {
            judge.verdict(500.0);
        });
        assert_eq!(first_of(&mut judge, 600.0, 100), Some(81));
    }

    #[test]
    fn what_stands_still_for_most_of_its_steps_never_fires() {
        let mut judge = moving(3);
        assert_eq!(first_of(&mut judge, 50.0, 20_000), None);
        assert!(judge.words().contains("as more than half"), "{}", judge.words());
    }

    #[test]
    fn a_gap_ends_the_stretch() {
        let mut judge = moving(1);
        (0..9).for_each(|_| {
            judge.verdict(99.0);
        });
        judge.ensemble.skip(1);
        assert_eq!(first_of(&mut judge, 99.0, 40), Some(19), "9 were learnt, so more than 18 are needed");
    }
}
