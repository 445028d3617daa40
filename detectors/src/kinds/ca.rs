//! `ca`: change amplitude, against the changes at the same time of day on the past days.

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
    kind: "ca",
    summary: "change amplitude: a relative change above any at that time on the past 14 days",
    about: "Relative change from the previous sample, r = (value - previous) / |previous|, against the largest |r| at the \
        same time of day on the past `days` days x factor. For sudden moves on series with a daily shape. By \
        construction it fires on 1 sample in days + 1 of any stationary series while factor is 1 (a new change \
        beats the largest of 14 exchangeable ones): vote with it, or raise factor. A change from 0 to 0 is 0; from \
        0 to anything else has no ratio and is unknown. Unknown for one sample after a gap. Score: |r| over the \
        limit. Reference: the change amplitude of the literal five, D13 to D15.",
    options: OPTIONS,
    seasonal: true,
    // of two cells equally near to that time the older serves, and the first of all has no change
    warm_up: |options, interval| super::min_days_in_cells(options, interval, Round::HalfUp) + 1,
    build,
};

const OPTIONS: &[OptionDoc] = &[
    super::DAYS,
    super::MIN_DAYS,
    OptionDoc {
        name: "factor",
        accepts: Accepts::Number { min: 0.0, max: 1e6 },
        default: Default::Number(1.0),
        unit: "times the largest change",
        why: "what a change must exceed; 1 is the literal form, 4 is calm enough to act on",
    },
    OptionDoc {
        name: "floor",
        accepts: Accepts::Number { min: 0.0, max: 1e6 },
        default: Default::Number(0.0),
        unit: "relative change",
        why: "the least limit; 0 is the literal form, which fires on any change where the past days had none",
    },
];

#[derive(Debug, Clone)]
struct Ca {
    limits: Limits,
    min_days: u32,
    calendar: Calendar,
    /// What it looks at, where others keep its days.
    fold: Fold,
    /// Sizes of the relative changes.
    days: Days,
    /// The value of the newest cell; not a number where it has none.
    previous: f64,
    /// Of the newest run: the value before it, the relative changes, their sizes, and what earlier days showed.
    before: f64,
    changes: Vec<f64>,
    sizes: Vec<f64>,
    seen: Seen,
}

#[derive(Debug, Clone)]
struct Limits {
    factor: f64,
    floor: f64,
}

fn build(options: &Options, common: &mut Common) -> Result<Box<dyn Detector>, OptionError> {
    let (days, min_days) = super::days_and_min_days(options)?;
    Ok(Box::new(Ca {
        limits: Limits { factor: options.the_number("factor"), floor: options.the_number("floor") },
        min_days,
        calendar: common.calendar.clone(),
        fold: Fold::Changes(days),
        days: Days::new(days, common),
        previous: f64::NAN,
        before: f64::NAN,
        changes: Vec::new(),
        sizes: Vec::new(),
        seen: Seen::default(),
    }))
}

impl Limits {
    #[inline(always)]
    fn limit(&self, highest: f64) -> f64 {
        let limit = highest * self.factor;
        if limit > self.floor { limit } else { self.floor }
    }

    #[inline(always)]
    fn judge(&self, changes: &[f64], seen: &Seen, min_days: u32, verdicts: &mut [Verdict]) {
        let cells = verdicts.iter_mut().zip(changes).zip(&seen.highest).zip(&seen.days);
        for (((place, &change), &highest), &days) in cells {
            let verdict = Verdict::of(change.abs() > self.limit(highest), change > 0.0);
            let verdict = if change.is_nan() { Verdict::Unknown(Reason::Partial) } else { verdict };
            *place = if days < min_days { Verdict::Unknown(Reason::WarmingUp) } else { verdict };
        }
    }

    /// The limits on either side of the previous value. Basis: the previous value.
    #[inline(always)]
    fn evidence(&self, value: f64, previous: f64, change: f64, earlier: Earlier) -> Evidence {
        let reach = self.limit(earlier.highest) * previous.abs();
        let score = (change.abs() / self.limit(earlier.highest).max(LEAST_LIMIT)).min(SCORE_MAX);
        let (lower, upper) = (previous - reach, previous + reach);
        Evidence { value, lower, upper, score, points: earlier.days, basis: previous }
    }
}

/// Relative change; not a number where there is none.
#[inline(always)]
pub(crate) fn relative_change(previous: f64, value: f64) -> f64 {
    let ratio = (value - previous) / previous.abs();
    // 0 / 0 is not a number: from 0 to 0 nothing changed
    let from_zero = if value == 0.0 { 0.0 } else { f64::NAN };
    if previous == 0.0 { from_zero } else { ratio }
}

/// The relative change to each of `values`, the first from `previous`, and its size.
#[inline(always)]
fn relative_changes(previous: f64, values: &[f64], changes: &mut [f64], sizes: &mut [f64]) {
    let Some(&first) = values.first() else { return };
    (changes[0], sizes[0]) = (relative_change(previous, first), relative_change(previous, first).abs());
    let places = changes[1..].iter_mut().zip(&mut sizes[1..]);
    for ((change, size), (&previous, &value)) in places.zip(values.iter().zip(&values[1..])) {
        *change = relative_change(previous, value);
        *size = change.abs();
    }
}

/// A limit of 0 would make every score infinite: this is the least that scores are measured against.
const LEAST_LIMIT: f64 = 1e-12;

impl Across for Ca {
    fn wants(&self) -> Wants {
        Wants { fold: Some(self.fold), ..Wants::default() }
    }

    fn judge_row(&self, row: &Row<'_>, verdicts: &mut [Verdict]) {
        let pairs = row.previous.iter().zip(row.values);
        let changes: Vec<f64> = pairs.map(|(&previous, &value)| relative_change(previous, value)).collect();
        wide!(self.limits.judge(&changes, row.fold(self.fold), self.min_days, verdicts));
    }

    fn row_evidence(&self, row: &Row<'_>, place: usize) -> Evidence {
        let (previous, value) = (row.previous[place], row.values[place]);
        let (change, earlier) = (relative_change(previous, value), row.fold(self.fold).at(place));
        self.limits.evidence(value, previous, change, earlier)
    }
}

impl Detector for Ca {
    fn observe_run(&mut self, cells: &Cells<'_>, verdicts: &mut [Verdict]) {
        let Some(&last) = cells.values.last() else { return };
        self.before = std::mem::replace(&mut self.previous, last);
        self.changes.resize(cells.values.len(), 0.0);
        self.sizes.resize(cells.values.len(), 0.0);
        wide!(relative_changes(self.before, cells.values, &mut self.changes, &mut self.sizes));
        self.days.pass(&self.sizes, &mut self.seen);
        wide!(self.limits.judge(&self.changes, &self.seen, self.min_days, verdicts));
    }

    fn evidence(&self, cells: &Cells<'_>, offset: usize) -> Evidence {
        let previous = offset.checked_sub(1).map_or(self.before, |before| cells.values[before]);
        self.limits.evidence(cells.values[offset], previous, self.changes[offset], self.seen.at(offset))
    }

    fn skip(&mut self, cells: u64) {
        if cells > 0 {
            self.days.skip(cells);
            self.previous = f64::NAN;
        }
    }

    fn retract(&mut self) {
        self.days.retract();
        self.previous = f64::NAN;
    }

    fn across(&self) -> Option<&dyn Across> {
        Some(self)
    }

    fn words(&self, verdict: Verdict, evidence: &Evidence, at: Timestamp) -> String {
        let (value, previous) = (number(evidence.value), number(evidence.basis));
        let percent = |to: f64| number(100.0 * relative_change(evidence.basis, to).abs());
        let limit = format!(
            "{} % = {} x the largest change of {} at {}",
            percent(evidence.upper),
            number(self.limits.factor),
            counted(evidence.points, "day"),
            self.calendar.time_of_day(at)
        );
        let change = percent(evidence.value);
        match verdict {
            Verdict::Surge => {
                format!("value {value} is {change} % above {previous} before it, more than {limit}")
            }
            Verdict::Drop => {
                format!("value {value} is {change} % below {previous} before it, more than {limit}")
            }
            _ => format!("value {value} is {change} % from {previous} before it, within {limit}"),
        }
    }
}
