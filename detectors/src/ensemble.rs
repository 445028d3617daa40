//! All detectors of one series, driven together.

use crate::calendar::Calendar;
use crate::detector::{Cells, Detector, Lacks};
use crate::registry::{Common, Spec};
use crate::sample::{Interval, Timestamp};
use crate::verdict::{Evidence, Verdict};

/// The detectors of one series and what they share. It is told of every cell once, in order.
#[derive(Debug, Clone)]
pub struct Ensemble {
    detectors: Vec<Box<dyn Detector>>,
    common: Common,
    verdicts: Vec<Vec<Verdict>>,
}

impl Ensemble {
    /// A detector for each of `specs`, for a series whose cell 0 is at `start`, which is the one at `turn` of many.
    pub fn new(specs: &[Spec], start: Timestamp, interval: Interval, calendar: Calendar, turn: u64) -> Self {
        let mut common = Common { turn, ..Common::new(start, interval, calendar) };
        let detectors: Vec<_> = specs.iter().map(|spec| spec.detector(&mut common)).collect();
        Self { detectors, common, verdicts: vec![Vec::new(); specs.len()] }
    }

    /// Judges the values of the next cells, finite numbers, and learns them.
    pub fn observe_run(&mut self, values: &[f64]) {
        let Common { averages, residuals, .. } = &mut self.common;
        averages.learn(values);
        residuals.learn(values);
        let cells = Cells { values, averages, residuals };
        for (detector, verdicts) in self.detectors.iter_mut().zip(&mut self.verdicts) {
            verdicts.resize(values.len(), Verdict::Normal);
            detector.observe_run(&cells, verdicts);
        }
    }

    /// The next `cells` cells have no value.
    pub fn skip(&mut self, cells: u64) {
        self.common.averages.skip(cells);
        self.common.residuals.skip(cells);
        self.detectors.iter_mut().for_each(|detector| detector.skip(cells));
    }

    /// The next cell is the first after a batch started, whose expected effects last for `settling` cells.
    pub fn batch_starts(&mut self, settling: u64) {
        self.detectors
            .iter_mut()
            .for_each(|detector| detector.batch_starts(&self.common.residuals, settling));
    }

    /// What detector `column` lacks to judge a batch that starts with the next cell; nothing where it could.
    pub(crate) fn lacks(&self, column: usize) -> Option<Lacks> {
        self.detectors.get(column)?.lacks(&self.common.residuals)
    }

    /// The newest cell turned out to have no value after all. At most once after it was observed.
    pub fn retract(&mut self) {
        self.common.averages.retract();
        self.common.residuals.retract();
        self.detectors.iter_mut().for_each(|detector| detector.retract());
    }

    /// For each detector a verdict on each cell of the newest run.
    pub fn verdicts(&self) -> &[Vec<Verdict>] {
        &self.verdicts
    }

    /// The numbers behind the verdict of detector `column` on the cell at `offset` of the newest run, whose `values`
    /// are given again; none where the verdict is unknown.
    pub fn evidence(&self, values: &[f64], column: usize, offset: usize) -> Option<Evidence> {
        let Common { averages, residuals, .. } = &self.common;
        let cells = Cells { values, averages, residuals };
        let known = !self.verdicts[column][offset].is_unknown();
        known.then(|| self.detectors[column].evidence(&cells, offset).bounded())
    }

    /// The words of detector `column` for a judgement of the sample at `at`.
    pub fn words(&self, column: usize, verdict: Verdict, evidence: &Evidence, at: Timestamp) -> String {
        self.detectors.get(column).map(|d| d.words(verdict, evidence, at)).unwrap_or_default()
    }

    /// What detector `column` has to tell of a cell that it finds normal; nothing mostly.
    pub fn remark(&self, column: usize, evidence: &Evidence) -> Option<String> {
        self.detectors.get(column)?.remark(evidence)
    }
}
