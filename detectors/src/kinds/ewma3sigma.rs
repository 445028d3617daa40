//! `ewma3sigma`: the control-chart form, against mean and sigma through the previous sample.

use crate::detector::{Column, Detector};
use crate::ewm::{COM, Ewm, Sigmas};
use crate::options::{Accepts, Default, OptionDoc, OptionError, Options};
use crate::registry::{Entry, Setting};
use crate::sample::Timestamp;
use crate::verdict::{Evidence, Verdict};

pub(super) const ENTRY: Entry = Entry {
    kind: "ewma3sigma",
    summary: "control chart: beyond 3 sigma of the weighted mean through the previous sample",
    about: "The same weights as ls, but mean and sigma stop before the sample that is judged, so that a jump does \
        not hide itself; fires at |value - mean| > k x sigma. For jumps on series without a daily shape. Where \
        all samples so far were equal, any change beyond rounding (1e-9 of the mean) fires. Blind to slow \
        drifts. Reference: EWMA control charts (Roberts 1959) in the form D9.",
    options: OPTIONS,
    seasonal: false,
    warm_up: |options, _| options.count("min_samples").unwrap_or(0) as usize,
    build,
};

const OPTIONS: &[OptionDoc] = &[
    COM,
    Sigmas::OPTION,
    OptionDoc {
        name: "min_samples",
        accepts: Accepts::Count { min: 2, max: 100_000 },
        default: Default::Number(11.0),
        unit: "samples",
        why: "how many samples must have been seen; a sigma of fewer than 11 is too loose to go by",
    },
];

#[derive(Debug, Clone, Copy)]
struct Ewma3Sigma {
    sigmas: Sigmas,
    min_samples: u64,
    now: Ewm,
    before: Ewm,
}

fn build(options: &Options, _: &Setting) -> Result<Box<dyn Detector>, OptionError> {
    let ewm = Ewm::from_options(options);
    let min_samples = options.count("min_samples").unwrap_or(0).into();
    Ok(Box::new(Ewma3Sigma { sigmas: Sigmas::from_options(options), min_samples, now: ewm, before: ewm }))
}

impl Detector for Ewma3Sigma {
    fn observe_run(&mut self, values: &[f64], column: &mut Column<'_>) {
        // a copy on the stack stays in registers
        let Self { sigmas, min_samples, mut now, mut before } = *self;
        for (offset, &value) in values.iter().enumerate() {
            let too_few = now.count() < min_samples || now.variance().is_nan();
            let verdict = sigmas.judge(value, &now, too_few);
            column.state(offset, verdict, || sigmas.evidence(value, &now));
            before = now;
            now.learn(value);
        }
        (self.now, self.before) = (now, before);
    }

    fn skip(&mut self, cells: u64) {
        self.now.decay(cells);
    }

    fn retract(&mut self) {
        self.now = self.before;
        self.now.decay(1);
    }

    fn words(&self, verdict: Verdict, evidence: &Evidence, _: Timestamp) -> String {
        self.sigmas.words(verdict, evidence)
    }
}
