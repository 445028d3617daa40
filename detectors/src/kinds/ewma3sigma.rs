//! `ewma3sigma`: the control-chart form, against mean and sigma through the previous sample.

use super::chart::{COM, Chart, K, Through};
use crate::detector::Detector;
use crate::options::{Accepts, Default, OptionDoc, OptionError, Options};
use crate::registry::{Common, Entry};

pub(super) const ENTRY: Entry = Entry {
    kind: "ewma3sigma",
    summary: "control chart: beyond 3 sigma of the weighted mean through the previous sample",
    about: "The same weights as ls, but mean and sigma stop before the sample that is judged, so that a jump does \
        not hide itself; fires at |value - mean| > k x sigma. For jumps on series without a daily shape. Where \
        all samples so far were equal, any change beyond rounding (1e-9 of the mean) fires. Blind to slow \
        drifts. Reference: EWMA control charts (Roberts 1959) in the form D9.",
    options: OPTIONS,
    seasonal: false,
    warm_up: |options, _| options.the_count("min_samples") as usize,
    build,
};

const OPTIONS: &[OptionDoc] = &[
    COM,
    K,
    OptionDoc {
        name: "min_samples",
        accepts: Accepts::Count { min: 2, max: 100_000 },
        default: Default::Number(11.0),
        unit: "samples",
        why: "how many samples must have been seen; a sigma of fewer than 11 is too loose to go by",
    },
];

fn build(options: &Options, common: &mut Common) -> Result<Box<dyn Detector>, OptionError> {
    let min_samples = options.the_count("min_samples");
    Ok(Box::new(Chart::new(options, &mut common.averages, Through::TheOneBefore, min_samples)))
}
