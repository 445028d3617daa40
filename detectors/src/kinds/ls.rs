//! `ls`: long-term ratio against mean and sigma of the whole past, the newest sample included.

use crate::detector::{Column, Detector};
use crate::ewm::{COM, Ewm, Sigmas};
use crate::options::{OptionDoc, OptionError, Options};
use crate::registry::{Entry, Setting};
use crate::sample::Timestamp;
use crate::verdict::{Evidence, Verdict};

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

const OPTIONS: &[OptionDoc] = &[COM, Sigmas::OPTION];

#[derive(Debug, Clone, Copy)]
struct Ls {
    sigmas: Sigmas,
    /// With the sample that is judged, and before it.
    now: Ewm,
    before: Ewm,
}

fn build(options: &Options, _: &Setting) -> Result<Box<dyn Detector>, OptionError> {
    let ewm = Ewm::from_options(options);
    Ok(Box::new(Ls { sigmas: Sigmas::from_options(options), now: ewm, before: ewm }))
}

impl Detector for Ls {
    fn observe_run(&mut self, values: &[f64], column: &mut Column<'_>) {
        // a copy on the stack stays in registers
        let Self { sigmas, mut now, mut before } = *self;
        for (offset, &value) in values.iter().enumerate() {
            before = now;
            now.learn(value);
            let verdict = sigmas.judge(value, &now, now.variance().is_nan());
            column.state(offset, verdict, || sigmas.evidence(value, &now));
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
