//! `ls`: long-term ratio against mean and sigma of the whole past, the newest sample included.

use super::chart::{COM, Chart, K, Through};
use crate::detector::Detector;
use crate::options::{OptionDoc, OptionError, Options};
use crate::registry::{Common, Entry};

pub(super) const ENTRY: Entry = Entry {
    kind: "ls",
    summary: "long-term ratio: beyond 3 sigma of the weighted mean, the sample itself included",
    about: "Exponentially weighted mean and unbiased standard deviation (pandas ewm: adjust=True, \
        ignore_na=False, bias=False) of the whole past with the newest sample in it; fires at |value - mean| > \
        k x sigma. For level changes on series without a daily shape. Since the sample pulls the mean towards \
        itself, it cannot fire before the 13th sample and |value - mean| never exceeds 7.03 sigma. Blind to slow \
        drifts. A deviation under 1e-9 of the mean is rounding and never fires. Reference: the long-term ratio \
        of the literal five, D7 and D8.",
    options: OPTIONS,
    seasonal: false,
    // a mean and a sigma need two samples
    warm_up: |_, _| 1,
    build,
};

const OPTIONS: &[OptionDoc] = &[COM, K];

fn build(options: &Options, common: &mut Common) -> Result<Box<dyn Detector>, OptionError> {
    Ok(Box::new(Chart::new(options, &mut common.averages, Through::Itself, 2)))
}
