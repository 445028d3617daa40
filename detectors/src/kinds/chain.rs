//! `chain`: against the range of the same time of day on the past days.

use super::Round;
use crate::calendar::Calendar;
use crate::days::{Days, Earlier, Seen};
use crate::detector::{Cells, Detector};
use crate::flock::{Across, Fold, Row, Wants};
use crate::options::{Accepts, Default, OptionDoc, OptionError, Options};
use crate::registry::{Common, Entry};
use crate::sample::Timestamp;
use crate::verdict::{Evidence, Reason, SCORE_MAX, Verdict};
use crate::wide::wide;
use crate::words::{counted, number};

pub(super) const ENTRY: Entry = Entry {
    kind: "chain",
    summary: "same time of day: outside 0.8 to 1.2 times the range of the past 14 days",
    about: "Looks at the same time of day on the past `days` days (nearest sample within half an interval; with a time \
        zone the same clock time: one that a day skips is left out, one that it shows twice counts once, the \
        first). Fires above the highest x max_threshold or below the lowest x min_threshold; where these are \
        negative the margin is that share of their size. For series with a daily shape. Blind to what stays \
        inside the range of two weeks, and to drops where a past day was 0; where all past days were 0 any rise \
        fires. Score: how far beyond the range, in units of the allowed margin. Reference: the chain ratio of \
        the literal five, D10 to D12.",
    options: OPTIONS,
    seasonal: true,
    // of two cells equally near to that time the younger serves where the older is not there
    warm_up: |options, interval| super::min_days_in_cells(options, interval, Round::HalfDown),
    build,
};

const OPTIONS: &[OptionDoc] = &[
    super::DAYS,
    super::MIN_DAYS,
    OptionDoc {
        name: "max_threshold",
        accepts: Accepts::Number { min: 1.0, max: 1e6 },
        default: Default::Number(1.2),
        unit: "times the highest",
        why: "what a surge must exceed; 1.2 leaves 20 % above the highest day",
    },
    OptionDoc {
        name: "min_threshold",
        accepts: Accepts::Number { min: 0.0, max: 1.0 },
        default: Default::Number(0.8),
        unit: "times the lowest",
        why: "what a drop must fall below; 0.8 leaves 20 % below the lowest day",
    },
];

#[derive(Debug, Clone)]
struct Chain {
    limits: Limits,
    min_days: u32,
    calendar: Calendar,
    /// What it looks at, where others keep its days.
    fold: Fold,
    days: Days,
    /// What earlier days showed at the cells of the newest run.
    seen: Seen,
}

#[derive(Debug, Clone)]
struct Limits {
    max_threshold: f64,
    min_threshold: f64,
}

fn build(options: &Options, common: &mut Common) -> Result<Box<dyn Detector>, OptionError> {
    let (days, min_days) = super::days_and_min_days(options)?;
    Ok(Box::new(Chain {
        limits: Limits {
            max_threshold: options.the_number("max_threshold"),
            min_threshold: options.the_number("min_threshold"),
        },
        min_days,
        calendar: common.calendar.clone(),
        fold: Fold::Values(days),
        days: Days::new(days, common),
        seen: Seen::default(),
    }))
}

impl Limits {
    #[inline(always)]
    fn upper(&self, earlier: Earlier) -> f64 {
        earlier.highest + (self.max_threshold - 1.0) * earlier.highest.abs()
    }

    #[inline(always)]
    fn lower(&self, earlier: Earlier) -> f64 {
        earlier.lowest - (1.0 - self.min_threshold) * earlier.lowest.abs()
    }

    #[inline(always)]
    fn judge(&self, values: &[f64], seen: &Seen, min_days: u32, verdicts: &mut [Verdict]) {
        let Seen { highest, lowest, days } = seen;
        for ((((place, &value), &highest), &lowest), &days) in
            verdicts.iter_mut().zip(values).zip(highest).zip(lowest).zip(days)
        {
            let earlier = Earlier { highest, lowest, days };
            let above = value > self.upper(earlier);
            let verdict = Verdict::of(above | (value < self.lower(earlier)), above);
            *place = if days < min_days { Verdict::Unknown(Reason::WarmingUp) } else { verdict };
        }
    }

    fn evidence(&self, value: f64, earlier: Earlier) -> Evidence {
        let (lower, upper, Earlier { highest, lowest, days }) =
            (self.lower(earlier), self.upper(earlier), earlier);
        let up = excursion(value - highest, upper - highest, highest);
        let down = excursion(lowest - value, lowest - lower, lowest);
        let basis = if value < lower { lowest } else { highest };
        Evidence { value, lower, upper, score: up.max(down).min(SCORE_MAX), points: days, basis }
    }
}

/// A margin of 0 would make every excursion infinite: this share of the limit is the least.
const LEAST_MARGIN: f64 = 1e-12;

/// How far `beyond` the range goes, in units of `margin`.
fn excursion(beyond: f64, margin: f64, limit: f64) -> f64 {
    beyond / margin.max(LEAST_MARGIN * limit.abs().max(f64::MIN_POSITIVE))
}

impl Across for Chain {
    fn wants(&self) -> Wants {
        Wants { fold: Some(self.fold), ..Wants::default() }
    }

    fn judge_row(&self, row: &Row<'_>, verdicts: &mut [Verdict]) {
        wide!(self.limits.judge(row.values, row.fold(self.fold), self.min_days, verdicts));
    }

    fn row_evidence(&self, row: &Row<'_>, place: usize) -> Evidence {
        self.limits.evidence(row.values[place], row.fold(self.fold).at(place))
    }
}

impl Detector for Chain {
    fn observe_run(&mut self, cells: &Cells<'_>, verdicts: &mut [Verdict]) {
        self.days.pass(cells.values, &mut self.seen);
        wide!(self.limits.judge(cells.values, &self.seen, self.min_days, verdicts));
    }

    fn evidence(&self, cells: &Cells<'_>, offset: usize) -> Evidence {
        self.limits.evidence(cells.values[offset], self.seen.at(offset))
    }

    fn skip(&mut self, cells: u64) {
        self.days.skip(cells);
    }

    fn retract(&mut self) {
        self.days.retract();
    }

    fn across(&self) -> Option<&dyn Across> {
        Some(self)
    }

    fn words(&self, verdict: Verdict, evidence: &Evidence, at: Timestamp) -> String {
        let (value, days) = (number(evidence.value), counted(evidence.points, "day"));
        let time = self.calendar.time_of_day(at);
        let limit = |limit, times: f64, of: &str| {
            let (limit, basis) = (number(limit), number(evidence.basis));
            if evidence.basis >= 0.0 {
                format!("{limit} = {} x {basis}, the {of} of {days} at {time}", number(times))
            } else {
                let share = number((times - 1.0).abs() * 100.0);
                format!("{limit}, {share} % beyond {basis}, the {of} of {days} at {time}")
            }
        };
        match verdict {
            Verdict::Surge => {
                format!(
                    "value {value} is above {}",
                    limit(evidence.upper, self.limits.max_threshold, "highest")
                )
            }
            Verdict::Drop => {
                format!(
                    "value {value} is below {}",
                    limit(evidence.lower, self.limits.min_threshold, "lowest")
                )
            }
            _ => {
                let (lower, upper) = (number(evidence.lower), number(evidence.upper));
                format!("value {value} is within {lower} to {upper}, from {days} at {time}")
            }
        }
    }
}
