//! `seasonal`: against the usual value of the time of day, at the level of the recent past.

use crate::detector::{Cells, Detector};
use crate::options::{Accepts, Default, OptionDoc, OptionError, Options};
use crate::ranks::Ranks;
use crate::registry::{Common, Entry};
use crate::residuals::{AllResiduals, DAYS_KEPT, FIRST_LEVEL, Residuals, ResidualsId, Seen};
use crate::sample::Timestamp;
use crate::verdict::{Evidence, Verdict};
use crate::words::{counted, number};
use std::ops::Range;

pub(super) const ENTRY: Entry = Entry {
    kind: "seasonal",
    summary: "far from the usual value of the time of day, at the level of the recent past",
    about: "Expects the median of the same time of day on the past `days` days, with 2 samples on each side, as what \
        happens daily is some minutes early or late. The difference is taken on a logarithmic scale, \
        f(x) = sign(x) ln(1 + |x| / c) with c = 2 % of the median size of the past day: for values that are \
        never below 0 it is that of ratios, and a value of 0 is finite. From it the level of the last 30 samples is taken, the median of medians of five, so that a day that is busier as a whole is no anomaly. What \
        is left fires where its size exceeds `factor` times the size that 999 of 1,000 samples of the past 7 days \
        stayed below, which counts for at most 16 times the size that 9 of 10 stayed below, and at least `least`. For traffic, latency and load, with and without a daily shape: over the third day the earlier days take \
        the place of the median of the past day, and with fewer than 24 samples a day they never do. Sees what is sudden; \
        blind to what takes longer than about 15 samples, and half an hour after a lasting change the new level is \
        usual: for that, after a batch, is step_contrast. Warm-up: 145 samples. Score: size / limit. Source: robust seasonal \
        residuals with medians (Cleveland et al. 1990, STL; Hochenbaum, Vallis and Kejariwal 2017, S-H-ESD), made \
        causal.",
    options: OPTIONS,
    seasonal: true,
    warm_up: |_, _| FIRST_LEVEL as usize + LEAST_KNOWN as usize,
    build,
};

const OPTIONS: &[OptionDoc] = &[
    super::DAYS_OF_MEDIANS,
    OptionDoc {
        name: "factor",
        accepts: Accepts::Number { min: 0.1, max: 1000.0 },
        default: Default::Number(1.3),
        unit: "times the size that 999 of 1,000 samples stay below",
        why: "what a sample must exceed; by 1.3 single odd samples of quiet series stay below",
    },
    OptionDoc {
        name: "least",
        accepts: Accepts::Number { min: 0.0, max: 10.0 },
        default: Default::Number(0.01),
        unit: "on the logarithmic scale; 0.01 is about 1 %",
        why: "a difference that is smaller never fires, however still a series is",
    },
    OptionDoc {
        name: "level",
        accepts: Accepts::Word(&["recent", "none"]),
        default: Default::Word("recent"),
        unit: "",
        why: "whether the level of the last 30 samples is taken off; without that a fault is seen as long as it lasts, and a busy \
            day from its beginning",
    },
];

/// Fewer sizes than this are no scale to go by.
const LEAST_KNOWN: u32 = 120;
/// At most one in so many is above the scale.
const RARITY: u32 = 1000;
/// The scale is at most `FAR` times the size that one in `COMMON` is above of: so an outage among the sizes, which is rare and
/// far off, does not become the scale of the next.
const COMMON: u32 = 10;
const FAR: f32 = 16.0;
/// Sizes are told apart between these powers of two.
const POWERS: Range<i32> = -14..16;
/// The scale is worked out again after this many cells, and holds from so many after these on, where it rests on as much as it ever
/// will: until then each of very many series has its turn to work it out.
const REVIEWED: u64 = 64;
const NOTICE: u64 = 32;
/// What exceeds the scale by more than this is not learnt.
const UNUSUAL: f32 = 4.0;

#[derive(Debug, Clone)]
struct Seasonal {
    residuals: ResidualsId,
    factor: f32,
    least: f32,
    /// Whether the level of the recent past is taken off.
    levelled: bool,
    sizes: Ranks<2>,
    kept: u64,
    scale: Option<f32>,
    /// The number of the next cell.
    next: u64,
    /// The scale at the cells of the newest run, where it has several; of a single one it is the scale.
    scales: Vec<f32>,
}

fn build(options: &Options, common: &mut Common) -> Result<Box<dyn Detector>, OptionError> {
    let kept = DAYS_KEPT * common.interval.cells_a_day();
    let kept = kept.max(4 * LEAST_KNOWN as usize);
    Ok(Box::new(Seasonal {
        residuals: AllResiduals::follow(common, options.the_count(super::DAYS_OF_MEDIANS.name)),
        factor: options.the_number("factor") as f32,
        least: options.the_number("least") as f32,
        levelled: options.word("level") == Some("recent"),
        sizes: Ranks::new(kept, POWERS, [RARITY, COMMON], common.turn),
        kept: kept as u64,
        scale: None,
        next: 0,
        scales: Vec::new(),
    }))
}

impl Seasonal {
    /// Works out the scale again where that is due; as long as there is none, at each cell. At first it is the largest of few
    /// sizes, and what came last counts at once.
    #[inline(always)]
    fn review(&mut self) {
        let since = self.next % REVIEWED;
        if since == 0 && self.scale.is_some() {
            self.sizes.mark();
        }
        let notice = if self.next < self.kept { 0 } else { NOTICE };
        if since == notice || self.scale.is_none() {
            self.change();
        }
    }

    #[cold]
    fn change(&mut self) {
        // a mark of before a long gap is taken away as well
        let marked = self.sizes.marked();
        let now = self.scale.is_none().then(|| (self.sizes.quantiles(), self.sizes.counted()));
        let Some(([rare, common], counted)) = now.or(marked) else { return };
        self.scale = (counted >= LEAST_KNOWN).then(|| rare.min(FAR * common));
    }

    #[inline(always)]
    fn judge(&mut self, residual: f32, level: f32) -> Verdict {
        self.review();
        self.next += 1;
        let off = residual - self.base(level);
        if off.is_nan() {
            self.sizes.push(None);
            return super::WARMING_UP;
        }
        let Some(scale) = self.scale else {
            self.sizes.push(Some(off));
            return super::WARMING_UP;
        };
        if off.abs() <= UNUSUAL * scale || self.is_common() {
            self.sizes.push(Some(off));
        } else {
            self.sizes.leave_out();
        }
        Verdict::of(off.abs() > self.limit(scale), off > 0.0)
    }

    /// Whether what is unusual has become common, more than one in a hundred: then it is learnt.
    #[cold]
    fn is_common(&self) -> bool {
        100 * (u64::from(self.sizes.left_out()) + 1) > u64::from(self.sizes.counted())
    }

    /// The scale at the newest cell; where there is none yet there is no verdict either, and nobody asks for it.
    fn scale(&self) -> f32 {
        self.scale.unwrap_or(0.0)
    }

    #[inline(always)]
    fn limit(&self, scale: f32) -> f32 {
        (self.factor * scale).max(self.least)
    }

    /// What is taken off a residual: without a level nothing is judged either way.
    #[inline(always)]
    fn base(&self, level: f32) -> f32 {
        if self.levelled { level } else { 0.0 * level }
    }

    fn of<'a>(&self, cells: &Cells<'a>) -> &'a Residuals {
        cells.residuals.get(self.residuals)
    }
}

impl Detector for Seasonal {
    fn observe_run(&mut self, cells: &Cells<'_>, verdicts: &mut [Verdict]) {
        let residuals = self.of(cells);
        let mut scales = std::mem::take(&mut self.scales);
        scales.clear();
        let is_single = verdicts.len() == 1;
        for (place, seen) in verdicts.iter_mut().zip(residuals.run()) {
            *place = self.judge(seen.residual, seen.level);
            if !is_single {
                scales.push(self.scale());
            }
        }
        self.scales = scales;
    }

    fn evidence(&self, cells: &Cells<'_>, offset: usize) -> Evidence {
        let Seen { residual, level, expected } = self.of(cells).run()[offset];
        let level = self.base(level);
        let limit = self.limit(self.scales.get(offset).copied().unwrap_or_else(|| self.scale()));
        let at = |off: f32| expected.value(f64::from(level) + f64::from(off));
        Evidence {
            value: cells.values[offset],
            lower: at(-limit),
            upper: at(limit),
            score: f64::from((residual - level).abs()) / f64::from(limit),
            points: expected.days,
            basis: at(0.0),
        }
    }

    fn skip(&mut self, cells: u64) {
        for _ in 0..cells.min(self.kept) {
            self.review();
            self.next += 1;
            self.sizes.push(None);
        }
        if cells > self.kept {
            self.next += cells - self.kept;
            self.scale = None;
        }
    }

    fn retract(&mut self) {
        self.sizes.retract();
    }

    fn words(&self, verdict: Verdict, evidence: &Evidence, _: Timestamp) -> String {
        let (value, usual) = (number(evidence.value), number(evidence.basis));
        let recent = if self.levelled { "the last 30 samples" } else { "the day before" };
        let from = match (evidence.points, self.levelled) {
            (0, _) => recent.to_owned(),
            (days, true) => format!("{} at this time and {recent}", counted(days, "day")),
            (days, false) => format!("{} at this time", counted(days, "day")),
        };
        let beyond = |limit| format!("beyond {}; usual is {usual} by {from}", number(limit));
        match verdict {
            Verdict::Surge => format!("value {value} is {}", beyond(evidence.upper)),
            Verdict::Drop => format!("value {value} is {}", beyond(evidence.lower)),
            _ => {
                let (lower, upper) = (number(evidence.lower), number(evidence.upper));
                format!("value {value} is within {lower} to {upper} around the usual {usual} by {from}")
            }
        }
    }
}
