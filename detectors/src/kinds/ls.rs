//! `ls`: long-term ratio against mean and sigma of the whole past, the newest sample included.

use crate::detector::{Column, Detector};
use crate::ewm::{COM, Ewm, EwmRun, Sigmas};
use crate::options::{OptionDoc, OptionError, Options};
use crate::registry::{Entry, Setting};
use crate::sample::Timestamp;
use crate::verdict::{Evidence, Reason, Verdict};

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

#[derive(Debug)]
struct Ls {
    sigmas: Sigmas,
    ewm: EwmRun,
}

fn build(options: &Options, _: &Setting) -> Result<Box<dyn Detector>, OptionError> {
    let ewm = EwmRun::new(Ewm::from_options(options));
    Ok(Box::new(Ls { sigmas: Sigmas::from_options(options), ewm }))
}

impl Detector for Ls {
    fn observe_run(&mut self, values: &[f64], column: &mut Column<'_>) {
        let (sigmas, before, firm) = (self.sigmas, self.ewm.count(), self.ewm.is_firm());
        let track = &self.ewm.learn(values)[1..];
        for ((place, &value), &at) in column.verdicts.iter_mut().zip(values).zip(track) {
            *place = sigmas.judge(value, at);
        }
        if !firm {
            // one sample has a mean and no variance
            for (place, _) in
                column.verdicts.iter_mut().zip(track).filter(|(_, (_, variance))| variance.is_nan())
            {
                *place = Verdict::Unknown(Reason::WarmingUp);
            }
        }
        let points = |offset: usize| before + offset as u64 + 1;
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
