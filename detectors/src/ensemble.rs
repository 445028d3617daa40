//! All detectors of one series, driven together.

use crate::calendar::Calendar;
use crate::detector::{Cells, Column, Detector, Keep};
use crate::registry::{Common, Spec};
use crate::sample::{Interval, Timestamp};
use crate::verdict::{Evidence, Verdict};

/// The detectors of one series and what they share. It is told of every cell once, in order.
#[derive(Debug)]
pub struct Ensemble {
    detectors: Vec<Box<dyn Detector>>,
    common: Common,
    keep: Keep,
    verdicts: Vec<Vec<Verdict>>,
    evidence: Vec<Vec<(usize, Evidence)>>,
}

impl Ensemble {
    /// A detector for each of `specs`, for a series whose cell 0 is at `start`.
    pub fn new(specs: &[Spec], start: Timestamp, interval: Interval, calendar: Calendar, keep: Keep) -> Self {
        let mut common = Common::new(start, interval, calendar);
        let detectors: Vec<_> = specs.iter().map(|spec| spec.detector(&mut common)).collect();
        let (verdicts, evidence) = (vec![Vec::new(); specs.len()], vec![Vec::new(); specs.len()]);
        Self { detectors, common, keep, verdicts, evidence }
    }

    /// Judges the values of the next cells, finite numbers, and learns them.
    pub fn observe_run(&mut self, values: &[f64]) {
        let averages = &mut self.common.averages;
        averages.learn(values);
        let cells = Cells { values, averages };
        let columns = self.verdicts.iter_mut().zip(&mut self.evidence);
        for (detector, (verdicts, evidence)) in self.detectors.iter_mut().zip(columns) {
            verdicts.resize(values.len(), Verdict::Normal);
            evidence.clear();
            detector.observe_run(&cells, &mut Column { verdicts, evidence, keep: self.keep });
        }
    }

    /// The next `cells` cells have no value.
    pub fn skip(&mut self, cells: u64) {
        self.common.averages.skip(cells);
        self.detectors.iter_mut().for_each(|detector| detector.skip(cells));
    }

    /// The newest cell turned out to have no value after all. At most once after it was observed.
    pub fn retract(&mut self) {
        self.common.averages.retract();
        self.detectors.iter_mut().for_each(|detector| detector.retract());
    }

    /// For each detector a verdict on each cell of the newest run.
    pub fn verdicts(&self) -> &[Vec<Verdict>] {
        &self.verdicts
    }

    /// For each detector the evidence that is kept of the newest run, with the offset of its cell.
    pub fn evidence(&self) -> &[Vec<(usize, Evidence)>] {
        &self.evidence
    }

    /// The words of detector `column` for a judgement of the sample at `at`.
    pub fn words(&self, column: usize, verdict: Verdict, evidence: &Evidence, at: Timestamp) -> String {
        self.detectors.get(column).map(|d| d.words(verdict, evidence, at)).unwrap_or_default()
    }
}
