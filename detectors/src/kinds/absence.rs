//! `absence`: a value that is 0 where it hardly ever was.

use super::{DAYS_BACK, FIRST_HISTORY};
use crate::behind::{Behind, Follower};
use crate::detector::Detector;
use crate::options::{Accepts, Default, OptionDoc, OptionError, Options};
use crate::registry::{Common, Entry};
use crate::slices::{Slices, look_back};
use crate::verdict::{Evidence, Verdict};
use crate::words::{counted, number};

pub(super) const ENTRY: Entry = Entry {
    kind: "absence",
    summary: "a value that is 0 for 2 samples, which it hardly ever was in the past 7 days",
    about: "Fires where the size of the value is at most `floor` for at least `samples` samples in a row, although in the past \
        `days` days fewer than 1 sample in 1,000 ended such a stretch. For traffic that goes away: a virtual IP \
        without connections, a link without bytes. A drop. Whether a stretch is rare is decided when it begins, and \
        anew once it has lasted for a day, from when on all of it is learnt; until then it counts as `samples` \
        samples, so that an outage does not make the next one usual. A sample that is missing is not 0: that is \
        unknown(no_data), and ends a stretch. Score: the stretch over its limit, 0 where it is not rare; points: the \
        samples of the look-back; basis: the stretch. Reference: none, a comparison with a share.",
    options: OPTIONS,
    seasonal: false,
    warm_up: |_, _| FIRST_HISTORY as usize,
    build,
};

const OPTIONS: &[OptionDoc] = &[
    OptionDoc {
        name: "samples",
        accepts: Accepts::Count { min: 1, max: 100_000 },
        default: Default::Number(2.0),
        unit: "samples",
        why: "how many in a row; 1 may be a scrape that went wrong, and more than 2 lose the scene",
    },
    OptionDoc {
        name: "floor",
        accepts: Accepts::Number { min: 0.0, max: f64::MAX },
        default: Default::Number(0.0),
        unit: "the signal's",
        why: "what is as good as 0; health checks alone may keep a dead service above it",
    },
    DAYS_BACK,
];

/// Rare is less than 1 in so many samples.
const RARE: u64 = 1000;

#[derive(Debug, Clone)]
struct Absence {
    samples: u64,
    floor: f64,
    a_day: u64,
    /// For how many samples it has been absent, and whether that was rare when it began.
    stretch: u64,
    rare: bool,
    slices: Slices<Seen>,
    seen: Seen,
}

/// Samples, and how many of them ended a stretch that was long enough.
#[derive(Debug, Clone, Copy, std::default::Default)]
struct Seen {
    all: u32,
    absent: u32,
}

#[derive(Debug, Clone, Copy)]
struct Reading {
    stretch: u64,
    rare: bool,
    seen: u32,
}

fn build(options: &Options, common: &mut Common) -> Result<Box<dyn Detector>, OptionError> {
    Ok(Box::new(Behind::new(Absence {
        samples: u64::from(options.the_count("samples")),
        floor: options.the_number("floor"),
        a_day: common.interval.cells_a_day() as u64,
        stretch: 0,
        rare: false,
        slices: Slices::new(look_back(options.the_count(DAYS_BACK.name), common.interval)),
        seen: Seen::default(),
    })))
}

impl Absence {
    #[inline(always)]
    fn after(&mut self, left: Seen) {
        self.seen.all -= left.all;
        self.seen.absent -= left.absent;
    }

    /// The stretch after which it counts as lasting.
    fn lasting(&self) -> u64 {
        self.a_day.max(2 * self.samples)
    }
}

impl Follower for Absence {
    type Reading = Reading;

    #[inline(always)]
    fn read(&self, value: f64) -> (Verdict, Reading) {
        let stretch = if value.abs() <= self.floor { self.stretch + 1 } else { 0 };
        let decided = (1..self.lasting()).contains(&self.stretch);
        let rare =
            if decided { self.rare } else { u64::from(self.seen.absent) * RARE < u64::from(self.seen.all) };
        let verdict = Verdict::of((stretch >= self.samples) & rare, false);
        let verdict = if self.seen.all < FIRST_HISTORY { super::WARMING_UP } else { verdict };
        (verdict, Reading { stretch, rare, seen: self.seen.all })
    }

    #[inline(always)]
    fn learn(&mut self, _: f64, reading: &Reading) {
        let Reading { stretch, rare, .. } = *reading;
        (self.stretch, self.rare) = (stretch, rare);
        let absent = stretch >= self.samples && (stretch < 2 * self.samples || stretch > self.lasting());
        for seen in [self.slices.growing(), &mut self.seen] {
            seen.all += 1;
            seen.absent += u32::from(absent);
        }
        let mut left = Seen::default();
        if self.slices.pass(|slice| left = slice) {
            self.after(left);
        }
    }

    fn miss(&mut self, cells: u64) {
        self.stretch = 0;
        let mut rest = self.slices.telling(cells);
        while rest > 0 {
            let mut left = Seen::default();
            rest -= self.slices.pass_many(rest, |slice| left = slice).0;
            self.after(left);
        }
    }

    fn evidence(&self, value: f64, reading: &Reading) -> Evidence {
        let Reading { stretch, rare, seen } = *reading;
        let score = if rare { stretch as f64 / (self.samples as f64 - 0.5) } else { 0.0 };
        let (lower, upper) = (f64::NEG_INFINITY, f64::INFINITY);
        Evidence { value, lower, upper, score, points: seen, basis: stretch as f64 }
    }

    fn words(&self, verdict: Verdict, evidence: &Evidence) -> String {
        let Evidence { value, score, points, basis, .. } = *evidence;
        let (value, past) = (number(value), counted(points, "sample"));
        let stretch = counted(basis as u32, "sample");
        let what =
            if self.floor > 0.0 { format!("{} or less", number(self.floor)) } else { "nothing".to_owned() };
        let often = format!("1 in {RARE} of {past} before");
        match verdict {
            Verdict::Drop => {
                format!("value {value} is {what} for {stretch} in a row, which was rarer than {often}")
            }
            _ if basis == 0.0 => format!("value {value} is more than {what}"),
            _ if score == 0.0 => {
                format!("value {value} is {what} for {stretch} in a row, which is not rarer than {often}")
            }
            _ => format!("value {value} is {what} for {stretch} in a row; {} are needed", self.samples),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::kinds::tests::{Judge, judge_of};

    fn say(judge: &mut Judge, value: f64, times: usize) -> Vec<bool> {
        (0..times).map(|_| judge.verdict(value).fired()).collect()
    }

    #[test]
    fn the_second_zero_in_a_row_fires_and_goes_on_firing() {
        let mut judge = judge_of("absence", &[]);
        say(&mut judge, 5.0, 1440);
        assert_eq!(say(&mut judge, 0.0, 2), [false, true]);
        assert_eq!(
            judge.words(),
            "value 0 is nothing for 2 samples in a row, which was rarer than 1 in 1000 of 1441 samples before"
        );
        assert!(say(&mut judge, 0.0, 600).iter().all(|fired| *fired));
        assert_eq!(say(&mut judge, 5.0, 1), [false]);
    }

    #[test]
    fn an_outage_does_not_make_the_next_one_usual() {
        let mut judge = judge_of("absence", &[]);
        say(&mut judge, 5.0, 3000);
        say(&mut judge, 0.0, 100);
        say(&mut judge, 5.0, 10);
        assert_eq!(say(&mut judge, 0.0, 2), [false, true]);
    }

    #[test]
    fn what_is_often_nothing_does_not_fire() {
        let mut judge = judge_of("absence", &[]);
        for _ in 0..30 {
            say(&mut judge, 5.0, 100);
            say(&mut judge, 0.0, 3);
        }
        assert!(!say(&mut judge, 0.0, 5).contains(&true));
        assert!(judge.words().contains("is not rarer than"), "{}", judge.words());
    }

    #[test]
    fn what_stays_away_becomes_usual_after_a_day() {
        let mut judge = judge_of("absence", &[("floor", 0.5)]);
        say(&mut judge, 5.0, 3000);
        let fired = say(&mut judge, 0.25, 1500);
        assert!(fired[1..1440].iter().all(|fired| *fired) && !fired[1450..].contains(&true));
    }

    #[test]
    fn a_gap_is_not_nothing() {
        let mut judge = judge_of("absence", &[]);
        say(&mut judge, 5.0, 1440);
        say(&mut judge, 0.0, 1);
        judge.ensemble.skip(1);
        assert_eq!(say(&mut judge, 0.0, 2), [false, true]);
    }
}
