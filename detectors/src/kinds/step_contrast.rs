//! `step_contrast`: after the start of a batch against before it.

use crate::detector::{Cells, Detector, Lacks};
use crate::options::{Accepts, Default, OptionDoc, OptionError, Options};
use crate::registry::{Common, Entry};
use crate::residuals::{AllResiduals, ResidualsId};
use crate::sample::{Interval, Timestamp};
use crate::verdict::{Evidence, Verdict};
use crate::words::number;
use std::collections::VecDeque;

mod null;

use null::{Before, Limits, Shape};

pub(super) const ENTRY: Entry = Entry {
    kind: "step_contrast",
    summary: "the samples since a batch started, against the hour before it",
    about: "Knows when a batch started. From then on, for `within` minutes, the mean of the newest samples is compared with \
        the mean of the `before` minutes before the start and with the median of the last 10 of them, of which the nearer counts: what \
        comes back from an incident that is over is no change. All of it is on the logarithmic scale and free of the daily shape (the \
        residuals of `seasonal`), over windows of 2, 3, 5, 10, 15, 30, … samples up to `longest` minutes. \
        It fires where a difference exceeds `factor` times what such a start shows by itself: of all starts at multiples of \
        10 minutes in the past 7 days, within 3 hours of this time of day (of all times where `times` is all, or where \
        these are fewer than 40), each taken as if a batch had started there, the largest \
        difference that 95 in 100 stayed below; and at least `least`. What a batch is expected to do is left out. Of \
        batches that start one after the other the first whose time is not over and the newest are gone by: what creeps in \
        over several of them is seen by the first. The end of a batch that took ten minutes or more counts as a start. \
        Before any batch starts it is normal, for there is nothing to compare, and so it is when its time is over. \
        Sees what lasts for two samples or more, also where it is far too small for a detector that does not know when to \
        look; sees slow changes by wide windows. Needs 40 such starts: 8 hours and three quarters of samples with the defaults. \
        Before that it says warming_up from a start on, and the gate before a batch holds. Score: the largest difference / its limit. Source: a permutation test against the series' own \
        placebo dates (Abadie, Diamond and Hainmueller 2010, in-time placebos).",
    options: OPTIONS,
    seasonal: true,
    warm_up: |_, _| 0,
    build,
};

const OPTIONS: &[OptionDoc] = &[
    super::DAYS_OF_MEDIANS,
    OptionDoc {
        name: "factor",
        accepts: Accepts::Number { min: 0.1, max: 1000.0 },
        default: Default::Number(2.0),
        unit: "times what 95 of 100 other starts stay below",
        why: "what a difference must exceed; 2 is passed by one quiet start in some hundred",
    },
    OptionDoc {
        name: "longest",
        accepts: Accepts::Count { min: 1, max: 1440 },
        default: Default::Number(5.0),
        unit: "minutes",
        why: "the widest window: 5 minutes show most faults at once; 60 show slow ones, late",
    },
    OptionDoc {
        name: "before",
        accepts: Accepts::Count { min: 1, max: 1440 },
        default: Default::Number(60.0),
        unit: "minutes",
        why: "what is compared with; an hour is long enough to be steady and short enough to be alike",
    },
    OptionDoc {
        name: "within",
        accepts: Accepts::Count { min: 1, max: 1440 },
        default: Default::Number(60.0),
        unit: "minutes",
        why: "for how long after a start is looked; the longer, the more the level wanders by itself",
    },
    OptionDoc {
        name: "times",
        accepts: Accepts::Word(&["alike", "all"]),
        default: Default::Word("alike"),
        unit: "",
        why: "which other starts are looked at: those at like times of day, for what people do; all, for what machines do",
    },
    OptionDoc {
        name: "least",
        accepts: Accepts::Number { min: 0.0, max: 10.0 },
        default: Default::Number(0.01),
        unit: "on the logarithmic scale; 0.01 is about 1 %",
        why: "a difference that is smaller never fires, however still a series is",
    },
];

#[derive(Debug, Clone)]
struct StepContrast {
    residuals: ResidualsId,
    factor: f64,
    least: f64,
    shape: Shape,
    /// The first whose time is not over, and the newest.
    starts: Vec<Start>,
    /// The largest contrast at the cells of the newest run.
    said: Vec<Contrast>,
}

/// So many minutes before a start are also looked at by themselves: a gate has seen them clean before it opened.
const RECENT: u32 = 10;

/// A batch that started, and what came after it.
#[derive(Debug, Clone)]
struct Start {
    /// What was before; none where that is not known well enough.
    known: Option<Known>,
    /// For how many cells its expected effects last.
    settling: u64,
    /// Cells since the start.
    age: u64,
    /// The residuals since the effects settled, added up: of how many, and their sum. No more than the widest window needs.
    sums: VecDeque<(u32, f64)>,
}

#[derive(Debug, Clone)]
struct Known {
    before: Before,
    limits: Limits,
}

/// A difference with its limit.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Contrast {
    /// Positive where after is more than before.
    difference: f64,
    limit: f64,
    cells: usize,
    before: f64,
}

impl Contrast {
    const NONE: Self = Self { difference: 0.0, limit: f64::INFINITY, cells: 0, before: 0.0 };

    fn score(&self) -> f64 {
        self.difference.abs() / self.limit
    }
}

fn build(options: &Options, common: &mut Common) -> Result<Box<dyn Detector>, OptionError> {
    let minutes = |name| options.the_count(name);
    if minutes("longest") > minutes("within") {
        let (longest, within) = (minutes("longest"), minutes("within"));
        let words = format!("longest is {longest}, allowed is at most within, which is {within}");
        return Err(super::together(words));
    }
    let cells = |name| in_cells(minutes(name), common.interval);
    Ok(Box::new(StepContrast {
        shape: Shape {
            before: cells("before").max(2),
            recent: in_cells(RECENT, common.interval).min(cells("before").max(2)),
            within: cells("within").max(2),
            longest: cells("longest"),
            every: in_cells(10, common.interval),
            a_day: common.interval.cells_a_day(),
            alike: options.word("times") == Some("alike"),
        },
        residuals: AllResiduals::follow(common, options.the_count(super::DAYS_OF_MEDIANS.name)),
        factor: options.the_number("factor"),
        least: options.the_number("least"),
        starts: Vec::new(),
        said: Vec::new(),
    }))
}

/// So many minutes in cells, to the nearest, at least one.
fn in_cells(minutes: u32, interval: Interval) -> usize {
    let (ms, step) = (i64::from(minutes) * 60_000, interval.as_millis());
    usize::try_from((2 * ms + step) / (2 * step)).unwrap_or(usize::MAX).max(1)
}

impl StepContrast {
    fn judge(&mut self, residual: f32) -> (Verdict, Contrast) {
        let shape = &self.shape;
        self.starts.retain(|start| !start.is_over(shape));
        let is_settling = self.starts.iter().any(Start::is_settling);
        // what a batch is expected to do says nothing of an earlier one either
        let residual = if is_settling { f32::NAN } else { residual };
        let (mut largest, mut is_known) = (Contrast::NONE, true);
        for start in &mut self.starts {
            start.age += 1;
            if start.age <= start.settling {
                continue;
            }
            start.add(residual, shape);
            is_known &= start.known.is_some();
            let contrast = start.largest(shape, self.factor, self.least);
            if contrast.score() > largest.score() {
                largest = contrast;
            }
        }
        let fires = largest.score() > 1.0;
        let verdict =
            if fires || is_known { Verdict::of(fires, largest.difference > 0.0) } else { super::WARMING_UP };
        (verdict, largest)
    }
}

impl Start {
    /// Whether the next cell belongs to its expected effects.
    fn is_settling(&self) -> bool {
        self.age < self.settling
    }

    /// Whether its time is over, which counts from where the expected effects are.
    fn is_over(&self, shape: &Shape) -> bool {
        self.age >= self.settling.saturating_add(shape.within as u64)
    }

    fn add(&mut self, residual: f32, shape: &Shape) {
        let (count, sum) = self.sums.back().copied().unwrap_or_default();
        let missing = residual.is_nan();
        self.sums.push_back(if missing { (count, sum) } else { (count + 1, sum + f64::from(residual)) });
        if self.sums.len() > shape.longest.max(1) + 1 {
            self.sums.pop_front();
        }
    }

    /// The contrast that is the largest in units of its limit.
    fn largest(&self, shape: &Shape, factor: f64, least: f64) -> Contrast {
        let Some(known) = &self.known else { return Contrast::NONE };
        let (now, mut largest) = (self.sums.len() - 1, Contrast::NONE);
        let part = shape.part(usize::try_from(self.age - self.settling).unwrap_or(usize::MAX));
        for (i, cells) in shape.widths().enumerate().take_while(|(_, cells)| *cells < self.sums.len()) {
            let Some(mean) = null::mean(self.sums[now - cells], self.sums[now], cells) else { continue };
            let difference = known.before.difference(mean);
            let limit = (factor * known.limits.at(i, part, difference > 0.0)).max(least);
            let before = known.before.nearer(difference);
            let contrast = Contrast { difference, limit, cells, before };
            if contrast.score() > largest.score() {
                largest = contrast;
            }
        }
        largest
    }
}

impl Detector for StepContrast {
    fn observe_run(&mut self, cells: &Cells<'_>, verdicts: &mut [Verdict]) {
        self.said.clear();
        if self.starts.is_empty() {
            verdicts.fill(Verdict::Normal);
            return;
        }
        for (place, seen) in verdicts.iter_mut().zip(cells.residuals.get(self.residuals).run()) {
            let (verdict, contrast) = self.judge(seen.residual);
            *place = verdict;
            self.said.push(contrast);
        }
    }

    fn evidence(&self, cells: &Cells<'_>, offset: usize) -> Evidence {
        let value = cells.values[offset];
        let said = self.said.get(offset).copied().filter(|said| said.cells > 0);
        let Some(Contrast { difference, limit, cells: width, before }) = said else {
            let (lower, upper) = (f64::NEG_INFINITY, f64::INFINITY);
            return Evidence { value, lower, upper, score: 0.0, points: 0, basis: 0.0 };
        };
        let expected = cells.residuals.get(self.residuals).run()[offset].expected;
        let at = |off: f64| expected.value(before + off);
        Evidence {
            value,
            lower: at(-limit),
            upper: at(limit),
            score: difference.abs() / limit,
            points: u32::try_from(width).unwrap_or(u32::MAX),
            basis: at(0.0),
        }
    }

    fn skip(&mut self, cells: u64) {
        for start in &mut self.starts {
            let from = start.age.max(start.settling);
            start.age = start.age.saturating_add(cells);
            // more of them than the widest window leave nothing else in it
            let added = start.age.saturating_sub(from).min(self.shape.longest as u64 + 1);
            (0..added).for_each(|_| start.add(f32::NAN, &self.shape));
        }
    }

    fn retract(&mut self) {
        // what settles has no sum
        for start in self.starts.iter_mut().filter(|start| start.age > start.settling) {
            start.sums.pop_back();
            start.add(f32::NAN, &self.shape);
        }
    }

    fn batch_starts(&mut self, residuals: &AllResiduals, settling: u64) {
        let all = residuals.get(self.residuals).all();
        let known = self.shape.before(all).and_then(|before| {
            let limits = self.shape.limits(all)?;
            Some(Known { before, limits })
        });
        let shape = &self.shape;
        self.starts.retain(|start| !start.is_over(shape));
        self.starts.truncate(1);
        self.starts.push(Start { known, settling, age: 0, sums: VecDeque::from([(0, 0.0)]) });
    }

    fn lacks(&self, residuals: &AllResiduals) -> Option<Lacks> {
        self.shape.lacks(residuals.get(self.residuals).all())
    }

    fn words(&self, verdict: Verdict, evidence: &Evidence, _: Timestamp) -> String {
        if evidence.points == 0 {
            return format!("value {} came after no batch that could have moved it", number(evidence.value));
        }
        let (value, cells) = (number(evidence.value), evidence.points);
        let (lower, upper, before) = (number(evidence.lower), number(evidence.upper), number(evidence.basis));
        let most = "is the most that other times of the past 7 days showed by themselves";
        match verdict {
            Verdict::Surge => format!(
                "value {value}, and the last {cells} samples together, are above what was before the batch: that would be \
                 {before} now, and {upper} {most}"
            ),
            Verdict::Drop => format!(
                "value {value}, and the last {cells} samples together, are below what was before the batch: that would be \
                 {before} now, and {lower} {most}"
            ),
            _ => format!(
                "value {value} is with the last {cells} samples as before the batch, {lower} to {upper}"
            ),
        }
    }
}

#[cfg(test)]
mod tests;
