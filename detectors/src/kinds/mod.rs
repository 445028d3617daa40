//! The detectors, one file each. The order is that of the documentation and of every output.

mod ca;
mod chain;
mod chart;
mod ewma3sigma;
mod ls;
mod novelty;
mod seasonal;
mod ss;
mod step_contrast;
mod threshold;

use crate::baseline::DAYS_MAX;
use crate::options::{Accepts, Default, OptionDoc, OptionError, Options};
use crate::registry::Entry;
use crate::sample::{DAY_MS, Interval};

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
const DAYS_OF_MEDIANS: OptionDoc = OptionDoc {
    name: "days",
    accepts: Accepts::Count { min: 2, max: DAYS_MAX },
    default: Default::Number(14.0),
    unit: "days",
    why: "length of the look-back; 14 holds every day of the week twice",
};

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
        let message =
            format!("min_days is {min_days}, allowed is at most days, which is {days}: it could never judge");
        return Err(OptionError::Together { message });
    }
    Ok((days, min_days))
}
