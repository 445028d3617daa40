//! The control chart: so many standard deviations on either side of an exponential mean. What `ls` and
//! `ewma3sigma` have in common.

use crate::averages::{AverageId, Averages, Track};
use crate::detector::{Cells, Detector};
use crate::flock::{Across, Row, Sides, Wants};
use crate::options::{Accepts, Default, OptionDoc, Options};
use crate::sample::Timestamp;
use crate::verdict::{Evidence, Reason, Verdict};
use crate::wide::wide;
use crate::words::number;

/// The option `com` of a control chart.
pub(super) const COM: OptionDoc = OptionDoc {
    name: "com",
    accepts: Accepts::Number { min: 0.5, max: 1e6 },
    default: Default::Number(50.0),
    unit: "samples",
    why: "centre of mass of the weights: the past com samples count for about 63 %; 50 as the origin story has it",
};

/// The option `k` of a control chart.
pub(super) const K: OptionDoc = OptionDoc {
    name: "k",
    accepts: Accepts::Number { min: 0.1, max: 1000.0 },
    default: Default::Number(3.0),
    unit: "sigma",
    why: "how far from the mean a value must be: 3 sigma is passed by 0.27 % of the samples of a normal law",
};

/// Which mean and variance a sample is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Through {
    /// Those with the sample in them.
    Itself,
    /// Those through the sample before it.
    TheOneBefore,
}

/// The chart of one series.
#[derive(Debug, Clone)]
pub(super) struct Chart {
    k: f64,
    average: AverageId,
    through: Through,
    /// So many samples must be in mean and variance.
    min_samples: u64,
}

/// A deviation under this share of the mean is rounding: a constant series never fires.
const ROUNDING: f64 = 1e-9;

impl Chart {
    pub(super) fn new(
        options: &Options,
        averages: &mut Averages,
        through: Through,
        min_samples: u32,
    ) -> Self {
        let average = averages.follow(options.the_number(COM.name));
        Self { k: options.the_number(K.name), average, through, min_samples: min_samples.into() }
    }

    /// The verdicts on `values`. Squares are compared, which saves the root.
    #[inline(always)]
    fn judge(&self, values: &[f64], track: Track<'_>, verdicts: &mut [Verdict]) {
        let k2 = self.k * self.k;
        let limits = track.mean.iter().zip(track.variance);
        for ((place, &value), (&mean, &variance)) in verdicts.iter_mut().zip(values).zip(limits) {
            let deviation = value - mean;
            let beyond = deviation * deviation > k2 * variance;
            let size = if mean.abs() > f64::MIN_POSITIVE { mean.abs() } else { f64::MIN_POSITIVE };
            let real = deviation.abs() > ROUNDING * size;
            *place = Verdict::of(beyond & real, deviation > 0.0);
        }
    }

    /// Takes the verdicts back that rest on too few samples.
    #[cold]
    fn warm_up(&self, track: Track<'_>, verdicts: &mut [Verdict]) {
        let too_few = self.min_samples.saturating_sub(track.count);
        for (offset, (place, variance)) in verdicts.iter_mut().zip(track.variance).enumerate() {
            if variance.is_nan() || (offset as u64) < too_few {
                *place = Verdict::Unknown(Reason::WarmingUp);
            }
        }
    }

    /// The numbers behind a verdict. Score: deviation / (k x sigma), 0 where the deviation is rounding. Basis: the mean.
    fn numbers(&self, value: f64, mean: f64, variance: f64, samples: u64) -> Evidence {
        // rounding may leave a variance just below 0
        let reach = self.k * variance.max(0.0).sqrt();
        let deviation = (value - mean).abs();
        let score = if deviation <= ROUNDING * mean.abs() { 0.0 } else { deviation / reach };
        let points = u32::try_from(samples).unwrap_or(u32::MAX);
        Evidence { value, lower: mean - reach, upper: mean + reach, score, points, basis: mean }
    }

    fn sides<'a>(&self, row: &'a Row<'_>) -> &'a Sides {
        let average = row.average(self.average);
        match self.through {
            Through::Itself => &average.through,
            Through::TheOneBefore => &average.before,
        }
    }

    fn track<'a>(&self, cells: &Cells<'a>) -> Track<'a> {
        let average = cells.averages.get(self.average);
        match self.through {
            Through::Itself => average.through(),
            Through::TheOneBefore => average.before(),
        }
    }
}

impl Across for Chart {
    fn wants(&self) -> Wants {
        Wants::default()
    }

    fn judge_row(&self, row: &Row<'_>, verdicts: &mut [Verdict]) {
        let Sides { mean, variance, count } = self.sides(row);
        let track = Track { mean, variance, count: self.min_samples, firm: true };
        wide!(self.judge(row.values, track, verdicts));
        for ((place, variance), &count) in verdicts.iter_mut().zip(variance).zip(count) {
            if variance.is_nan() | (count < self.min_samples) {
                *place = Verdict::Unknown(Reason::WarmingUp);
            }
        }
    }

    fn row_evidence(&self, row: &Row<'_>, place: usize) -> Evidence {
        let Sides { mean, variance, count } = self.sides(row);
        self.numbers(row.values[place], mean[place], variance[place], count[place])
    }
}

impl Detector for Chart {
    fn observe_run(&mut self, cells: &Cells<'_>, verdicts: &mut [Verdict]) {
        let track = self.track(cells);
        wide!(self.judge(cells.values, track, verdicts));
        if !track.firm || track.count < self.min_samples {
            self.warm_up(track, verdicts);
        }
    }

    fn evidence(&self, cells: &Cells<'_>, offset: usize) -> Evidence {
        let (value, track) = (cells.values[offset], self.track(cells));
        self.numbers(value, track.mean[offset], track.variance[offset], track.count + offset as u64)
    }

    // The past is in the averages, which are told of these themselves.

    fn skip(&mut self, _: u64) {}

    fn retract(&mut self) {}

    fn across(&self) -> Option<&dyn Across> {
        Some(self)
    }

    fn words(&self, verdict: Verdict, evidence: &Evidence, _: Timestamp) -> String {
        let sigma = number((evidence.upper - evidence.basis) / self.k);
        let (value, mean, k) = (number(evidence.value), number(evidence.basis), number(self.k));
        let of = format!("mean and sigma of {} samples", evidence.points);
        match verdict {
            Verdict::Surge => {
                format!("value {value} is above {} = {mean} + {k} x {sigma}, {of}", number(evidence.upper))
            }
            Verdict::Drop => {
                format!("value {value} is below {} = {mean} - {k} x {sigma}, {of}", number(evidence.lower))
            }
            _ => format!("value {value} is within {mean} +- {k} x {sigma}, {of}"),
        }
    }
}
