//! `ss`: short-term ratio against the few samples before.

use crate::detector::{Cells, Detector};
use crate::flock::{Across, Row, Wants};
use crate::options::{Accepts, Default, OptionDoc, OptionError, Options};
use crate::registry::{Common, Entry};
use crate::sample::Timestamp;
use crate::verdict::{Evidence, Reason, Verdict};
use crate::wide::wide;
use crate::words::{counted, number};

pub(super) const ENTRY: Entry = Entry {
    kind: "ss",
    summary: "short-term ratio: differs from the 7 samples before by more than their spread",
    about: "Takes the `samples` samples before now; threshold = max(min(max - avg, avg - min), floor) of them; fires \
        when more than `count` of them differ from now by more than the threshold; surge where now is at least \
        their average. For sudden jumps. Blind to anything slower than its look-back, and restless on skewed or \
        quantised data, where the threshold shrinks: on a constant look-back any change fires unless `floor` is \
        set. Unknown for `samples` samples after a gap. Score: how many differ, over count + 1. Reference: the \
        short-term ratio of the literal five, D3 to D6.",
    options: &[
        OptionDoc {
            name: "samples",
            accepts: Accepts::Count { min: 2, max: 1000 },
            default: Default::Number(7.0),
            unit: "samples",
            why: "length of the look-back; 7 as the origin story has it",
        },
        OptionDoc {
            name: "count",
            accepts: Accepts::Count { min: 0, max: 999 },
            default: Default::Number(6.0),
            unit: "samples",
            why: "fires when more than this many differ; 6 of 7, so all must, is the strictest",
        },
        OptionDoc {
            name: "floor",
            accepts: Accepts::Number { min: 0.0, max: f64::MAX },
            default: Default::Number(0.0),
            unit: "the signal's",
            why: "the least threshold; 0 is the literal form, which fires on any change after a constant stretch",
        },
    ],
    seasonal: false,
    warm_up: |options, _| options.the_count("samples") as usize,
    build,
};

/// The look-back of the literal form, for which the loops are unrolled.
const LITERAL: usize = 7;

#[derive(Debug, Clone)]
struct Ss {
    samples: usize,
    rule: Rule,
    /// The newest run, and at most `samples` samples before it without a gap between them.
    line: Vec<f64>,
}

#[derive(Debug, Clone, Copy)]
struct Rule {
    count: usize,
    floor: f64,
}

fn build(options: &Options, _: &mut Common) -> Result<Box<dyn Detector>, OptionError> {
    let (samples, count) = (options.the_count("samples"), options.the_count("count"));
    if count >= samples {
        let message = format!(
            "count is {count}, allowed is less than samples, which is {samples}: it could never fire"
        );
        return Err(OptionError::Together { message });
    }
    let rule = Rule { count: count as usize, floor: options.the_number("floor") };
    Ok(Box::new(Ss { samples: samples as usize, rule, line: Vec::new() }))
}

impl Rule {
    /// The average of `before` and the threshold.
    #[inline(always)]
    fn threshold(self, before: &[f64]) -> (f64, f64) {
        let (mut sum, mut high, mut low) = (0.0, f64::NEG_INFINITY, f64::INFINITY);
        for &value in before {
            sum += value;
            high = if value > high { value } else { high };
            low = if value < low { value } else { low };
        }
        let average = sum / before.len() as f64;
        (average, self.of_spread(high - average, average - low))
    }

    /// The threshold where the highest and the lowest are so far from the average.
    #[inline(always)]
    fn of_spread(self, up: f64, down: f64) -> f64 {
        let spread = if up < down { up } else { down };
        if spread > self.floor { spread } else { self.floor }
    }

    #[inline(always)]
    fn differing(before: &[f64], threshold: f64, value: f64) -> usize {
        before.iter().map(|&past| usize::from((value - past).abs() > threshold)).sum()
    }

    #[inline(always)]
    fn judge(self, before: &[f64], value: f64) -> Verdict {
        let (average, threshold) = self.threshold(before);
        let fires = if self.count + 1 == before.len() {
            // all must differ: the nearest one decides
            Self::nearest(before, value) > threshold
        } else {
            Self::differing(before, threshold, value) > self.count
        };
        Verdict::of(fires, value >= average)
    }

    #[inline(always)]
    fn nearest(before: &[f64], value: f64) -> f64 {
        before.iter().fold(f64::INFINITY, |nearest, &past| {
            let distance = (value - past).abs();
            if distance < nearest { distance } else { nearest }
        })
    }

    /// The limits are those at which enough of the look-back differs on one side. Basis: the threshold.
    fn evidence(self, before: &[f64], value: f64) -> Evidence {
        let (_, threshold) = self.threshold(before);
        let (lower, upper) = self.limits(before);
        let differing = Self::differing(before, threshold, value);
        Evidence {
            value,
            lower: lower - threshold,
            upper: upper + threshold,
            score: differing as f64 / (self.count + 1) as f64,
            points: u32::try_from(before.len()).unwrap_or(u32::MAX),
            basis: threshold,
        }
    }

    /// The members of the look-back that are the last to differ from a value below all, and above all.
    fn limits(self, before: &[f64]) -> (f64, f64) {
        if self.count + 1 == before.len() {
            let least = before.iter().copied().fold(f64::INFINITY, f64::min);
            return (least, before.iter().copied().fold(f64::NEG_INFINITY, f64::max));
        }
        let mut sorted = before.to_vec();
        sorted.sort_by(f64::total_cmp);
        (sorted[sorted.len() - 1 - self.count], sorted[self.count])
    }

    /// Judges the cells of `line` that have `samples` cells before them.
    #[inline(always)]
    fn judge_line(self, line: &[f64], samples: usize, verdicts: &mut [Verdict]) {
        for (place, window) in verdicts.iter_mut().zip(line.windows(samples + 1)) {
            *place = self.judge(&window[..samples], window[samples]);
        }
    }
}

impl Ss {
    fn trim(&mut self) {
        let surplus = self.line.len().saturating_sub(self.samples);
        self.line.drain(..surplus);
    }
}

impl Across for Ss {
    fn wants(&self) -> Wants {
        Wants { recent: self.samples, ..Wants::default() }
    }

    fn judge_row(&self, row: &Row<'_>, verdicts: &mut [Verdict]) {
        for (i, (place, &value)) in verdicts.iter_mut().zip(row.values).enumerate() {
            *place = match row.recent.before(i, self.samples) {
                // as many as the literal form has, for which the loops are unrolled
                Some(before) => match before.first_chunk::<LITERAL>().filter(|_| self.samples == LITERAL) {
                    Some(before) => self.rule.judge(before, value),
                    None => self.rule.judge(before, value),
                },
                None => Verdict::Unknown(Reason::WarmingUp),
            };
        }
    }

    fn row_evidence(&self, row: &Row<'_>, place: usize) -> Evidence {
        // what has a verdict has a look-back
        let before = row.recent.before(place, self.samples).unwrap_or_default();
        self.rule.evidence(before, row.values[place])
    }
}

impl Detector for Ss {
    // One pass over a line of samples: the windows overlap.
    fn observe_run(&mut self, cells: &Cells<'_>, verdicts: &mut [Verdict]) {
        self.trim();
        self.line.extend_from_slice(cells.values);
        let judged = self.line.len().saturating_sub(self.samples).min(verdicts.len());
        let (waiting, verdicts) = verdicts.split_at_mut(verdicts.len() - judged);
        waiting.fill(Verdict::Unknown(Reason::WarmingUp));
        if judged > 0 {
            let line = &self.line[self.line.len() - judged - self.samples..];
            match self.samples {
                LITERAL => wide!(self.rule.judge_line(line, LITERAL, verdicts)),
                samples => wide!(self.rule.judge_line(line, samples, verdicts)),
            }
        }
    }

    fn evidence(&self, cells: &Cells<'_>, offset: usize) -> Evidence {
        let before = self.line.len() - cells.values.len() + offset - self.samples;
        self.rule.evidence(&self.line[before..][..self.samples], cells.values[offset])
    }

    fn skip(&mut self, cells: u64) {
        if cells > 0 {
            self.line.clear();
        }
    }

    fn retract(&mut self) {
        self.line.clear();
    }

    fn across(&self) -> Option<&dyn Across> {
        Some(self)
    }

    fn words(&self, verdict: Verdict, evidence: &Evidence, _: Timestamp) -> String {
        let value = number(evidence.value);
        let differing = (evidence.score * (self.rule.count + 1) as f64).round() as u32;
        let by = format!(
            "{differing} of {} before it by more than {}, the spread of these",
            counted(evidence.points, "sample"),
            number(evidence.basis)
        );
        match verdict {
            Verdict::Surge => format!("value {value} differs upwards from {by}"),
            Verdict::Drop => format!("value {value} differs downwards from {by}"),
            _ => format!("value {value} differs from {by}; {} are needed", self.rule.count + 1),
        }
    }
}
