//! `ewma3sigma`: the control-chart form, against mean and sigma through the previous sample.

use crate::detector::{Column, Detector};
use crate::ewm::{COM, Ewm, EwmRun, Sigmas};
use crate::options::{Accepts, Default, OptionDoc, OptionError, Options};
use crate::registry::{Entry, Setting};
use crate::sample::Timestamp;
use crate::verdict::{Evidence, Reason, Verdict};

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
    Sigmas::OPTION,
    OptionDoc {
        name: "min_samples",
        accepts: Accepts::Count { min: 2, max: 100_000 },
        default: Default::Number(11.0),
        unit: "samples",
        why: "how many samples must have been seen; a sigma of fewer than 11 is too loose to go by",
    },
];

#[derive(Debug)]
struct Ewma3Sigma {
    sigmas: Sigmas,
    min_samples: u64,
    ewm: EwmRun,
}

fn build(options: &Options, _: &Setting) -> Result<Box<dyn Detector>, OptionError> {
    let ewm = EwmRun::new(Ewm::from_options(options));
    let min_samples = options.the_count("min_samples").into();
    Ok(Box::new(Ewma3Sigma { sigmas: Sigmas::from_options(options), min_samples, ewm }))
}

impl Detector for Ewma3Sigma {
    fn observe_run(&mut self, values: &[f64], column: &mut Column<'_>) {
        let (sigmas, before, firm) = (self.sigmas, self.ewm.count(), self.ewm.is_firm());
        let track = self.ewm.learn(values);
        for ((place, &value), &at) in column.verdicts.iter_mut().zip(values).zip(track) {
            *place = sigmas.judge(value, at);
        }
        if !firm || before < self.min_samples {
            let too_few = usize::try_from(self.min_samples.saturating_sub(before)).unwrap_or(usize::MAX);
            for (offset, (place, (_, variance))) in column.verdicts.iter_mut().zip(track).enumerate() {
                if offset < too_few || variance.is_nan() {
                    *place = Verdict::Unknown(Reason::WarmingUp);
                }
            }
        }
        let points = |offset: usize| before + offset as u64;
        column.keep_evidence(0, values.len(), |i| sigmas.evidence(values[i], track[i], points(i)));
    }

    fn skip(&mut self, cells: u64) {
        self.ewm.skip(cells);
    }

    fn retract(&mut self) {
        self.ewm.retract();
    }

    fn words(&self, verdict: Verdict, evidence: &Evidence, _: Timestamp) -> String {
        self.sigmas.words(verdict, evidence)
    }
}
