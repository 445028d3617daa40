//! The detectors, one file each. The order is that of the documentation and of every output.

mod absence;
mod ca;
mod chain;
mod chart;
mod counts;
mod cusum;
mod ewma3sigma;
mod flatline;
mod ls;
mod novelty;
mod seasonal;
mod slope;
mod ss;
mod step_contrast;
mod threshold;

use crate::baseline::DAYS_MAX;
use crate::options::{Accepts, Default, OptionDoc, OptionError, Options};
use crate::registry::Entry;
use crate::sample::{DAY_MS, Interval};
use crate::verdict::{Reason, Verdict};

pub(crate) use ca::relative_change;

/// Every kind. One place in memory, as options are compared by the address of their table.
pub(crate) static ALL: &[Entry] = &[
    ss::ENTRY,
    ls::ENTRY,
    ewma3sigma::ENTRY,
    chain::ENTRY,
    ca::ENTRY,
    threshold::ENTRY,
    seasonal::ENTRY,
    step_contrast::ENTRY,
    novelty::ENTRY,
    counts::ENTRY,
    cusum::ENTRY,
    slope::ENTRY,
    flatline::ENTRY,
    absence::ENTRY,
];

/// The option `days` of the seasonal kinds.
const DAYS: OptionDoc = OptionDoc {
    name: "days",
    accepts: Accepts::Count { min: 1, max: 60 },
    default: Default::Number(14.0),
    unit: "days",
    why: "length of the look-back; 14 holds every day of the week twice",
};

/// The option `min_days` of the seasonal kinds.
const MIN_DAYS: OptionDoc = OptionDoc {
    name: "min_days",
    accepts: Accepts::Count { min: 1, max: 60 },
    default: Default::Number(3.0),
    unit: "days",
    why: "how many of these days must have a sample at this time; fewer than 3 are no range to go by",
};

/// The option `days` of the kinds that go by medians.
const DAYS_OF_MEDIANS: OptionDoc = OptionDoc { accepts: Accepts::Count { min: 2, max: DAYS_MAX }, ..DAYS };

/// The option `days` of the kinds that learn from all hours of the past days.
const DAYS_BACK: OptionDoc = OptionDoc {
    default: Default::Number(7.0),
    why: "length of the look-back, and at least 960 samples; 7 holds every day of the week once",
    ..DAYS
};

/// Samples before the first verdict of kinds that compare with all of the past: four hours of minutes.
const FIRST_HISTORY: u32 = 240;

/// The verdict of what has not learnt enough.
const WARMING_UP: Verdict = Verdict::Unknown(Reason::WarmingUp);

fn together(message: String) -> OptionError {
    OptionError::Together { message }
}

/// Which of two equally near cells is meant.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Round {
    HalfDown,
    HalfUp,
}

/// Cells back to the same time `min_days` days earlier, to the nearest: an interval need not divide the day.
fn min_days_in_cells(options: &Options, interval: Interval, round: Round) -> usize {
    let (days, step) = (i64::from(options.the_count(MIN_DAYS.name)), interval.as_millis());
    let half = step - i64::from(round == Round::HalfDown);
    usize::try_from((2 * days * DAY_MS + half) / (2 * step)).unwrap_or(usize::MAX)
}

fn days_and_min_days(options: &Options) -> Result<(u32, u32), OptionError> {
    let (days, min_days) = (options.the_count(DAYS.name), options.the_count(MIN_DAYS.name));
    if min_days > days {
        return Err(together(format!(
            "min_days is {min_days}, allowed is at most days, which is {days}: it could never judge"
        )));
    }
    Ok((days, min_days))
}

#[cfg(test)]
pub(crate) mod tests {
    //! A detector of one series, told of one value at a time.

    use crate::calendar::Calendar;
    use crate::ensemble::Ensemble;
    use crate::options::OptionValue;
    use crate::registry::Spec;
    use crate::sample::{Interval, Timestamp};
    use crate::verdict::{Evidence, Verdict};

    pub(crate) struct Judge {
        pub(crate) ensemble: Ensemble,
        newest: Option<(Verdict, Evidence)>,
    }

    /// `kind` with these options, for a series of minutes.
    pub(crate) fn judge_of(kind: &str, options: &[(&str, f64)]) -> Judge {
        let given: Vec<_> =
            options.iter().map(|(name, n)| ((*name).to_owned(), OptionValue::Number(*n))).collect();
        let spec = Spec::new(kind, &given).expect("good options");
        let interval = Interval::from_millis(60_000).expect("a minute");
        let ensemble = Ensemble::new(&[spec], Timestamp::from_millis(0), interval, Calendar::Utc, 0);
        Judge { ensemble, newest: None }
    }

    impl Judge {
        pub(crate) fn verdict(&mut self, value: f64) -> Verdict {
            self.ensemble.observe_run(&[value]);
            let verdict = self.ensemble.verdicts()[0][0];
            self.newest = self.ensemble.evidence(&[value], 0, 0).map(|evidence| (verdict, evidence));
            verdict
        }

        /// Verdict and evidence; those of a value without a verdict are not looked at.
        pub(crate) fn say(&mut self, value: f64) -> (Verdict, Evidence) {
            let verdict = self.verdict(value);
            let nothing = Evidence { value, lower: 0.0, upper: 0.0, score: 0.0, points: 0, basis: 0.0 };
            self.newest.unwrap_or((verdict, nothing))
        }

        /// The words for the newest value.
        pub(crate) fn words(&self) -> String {
            let (verdict, evidence) = self.newest.expect("a verdict");
            self.ensemble.words(0, verdict, &evidence, Timestamp::from_millis(0))
        }
    }
}
