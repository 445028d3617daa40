//! Samples of one series in, findings out: the panel of detectors, the rules over it, the sustain.
//!
//! The same code live and offline: what [`Monitor::observe`] says does not depend on how the samples are
//! cut into calls.

mod anomaly;
mod watch;

pub use anomaly::{Anomalies, Anomaly, Vote};
pub use watch::{Labels, Latest, Statement, View, Watch, Watched};

use quietgate_detectors::{
    BatchStart, Block, Calendar, Evidence, Interval, Panel, PanelSpec, Reason, Run, Sample, Spec, Timestamp,
    Verdict,
};
use quietgate_rules::{Combiner, Finding, RuleSpec, Sustained};

/// What a series is judged by.
#[derive(Debug, Clone)]
pub struct MonitorSpec {
    /// The rules; the first one decides the findings, the others are only stated.
    pub rules: Vec<RuleSpec>,
    /// Spacing of the samples.
    pub interval: Interval,
    /// What a day is.
    pub calendar: Calendar,
    /// How long late samples are waited for, in milliseconds.
    pub lateness_ms: i64,
}

impl MonitorSpec {
    /// The detectors of all rules, each once, in the order in which the rules name them.
    pub fn detectors(&self) -> Vec<Spec> {
        let mut detectors: Vec<Spec> = Vec::new();
        for spec in self.rules.iter().flat_map(RuleSpec::detectors) {
            if !detectors.contains(spec) {
                detectors.push(spec.clone());
            }
        }
        detectors
    }
}

/// Judges one series.
#[derive(Debug, Clone)]
pub struct Monitor {
    panel: Panel,
    opinions: Opinions,
}

/// What a monitor has to say, in the order of the cells; it may restate the newest cell.
#[derive(Debug)]
pub enum Said<'a> {
    /// Consecutive cells with a value.
    Judged(Judged<'a>),
    /// A cell whose samples give no value.
    Unknown {
        /// The cell.
        cell: u64,
        /// Its time.
        at: Timestamp,
        /// Why it has no value.
        reason: Reason,
    },
    /// A sample that came too late to be judged.
    Late {
        /// Its time.
        at: Timestamp,
    },
}

/// Consecutive cells with a value: verdicts, what the rules make of them, and the findings.
#[derive(Debug)]
pub struct Judged<'a> {
    /// The cells with the verdicts of the detectors.
    pub run: Run<'a>,
    /// For each rule a combined verdict a cell.
    pub combined: &'a [Vec<Verdict>],
    /// One finding a cell, by the first rule.
    pub findings: &'a [Finding],
}

impl Monitor {
    /// A monitor that has seen nothing yet.
    pub fn new(spec: &MonitorSpec) -> Self {
        let detectors = spec.detectors();
        let voters = spec.rules.iter().map(|rule| Voter::new(rule, &detectors)).collect::<Vec<_>>();
        let panel = Panel::new(PanelSpec {
            period: voters.iter().find_map(|voter| voter.combiner.period()),
            detectors,
            interval: spec.interval,
            calendar: spec.calendar.clone(),
            lateness_ms: spec.lateness_ms,
        });
        let combined = vec![Vec::new(); voters.len()];
        let sustained = Sustained::new(spec.rules[0].sustain);
        Self { panel, opinions: Opinions { voters, combined, findings: Vec::new(), sustained, next: 0 } }
    }

    /// Judges `samples`, which follow those of earlier calls, and gives what there is to say to `tell`.
    pub fn observe(&mut self, samples: &[Sample], mut tell: impl FnMut(Said<'_>)) {
        let opinions = &mut self.opinions;
        self.panel.observe(samples, |block| opinions.form(block, &mut tell));
    }

    /// A batch starts, to be told in the order of time: see [`Panel::batch_starts`].
    pub fn batch_starts(&mut self, start: BatchStart) {
        self.panel.batch_starts(start);
    }

    /// The same for samples at `first` and each an interval after the one before, of which only the values are given.
    pub fn observe_even(&mut self, first: Timestamp, values: &[f64], mut tell: impl FnMut(Said<'_>)) {
        let opinions = &mut self.opinions;
        self.panel.observe_even(first, values, |block| opinions.form(block, &mut tell));
    }

    /// Judges what was held back for `lateness`: the stream has ended.
    pub fn finish(&mut self, mut tell: impl FnMut(Said<'_>)) {
        let opinions = &mut self.opinions;
        self.panel.finish(|block| opinions.form(block, &mut tell));
    }

    /// The cell to which a sample at `at` belongs; none before the first sample.
    pub fn cell(&self, at: Timestamp) -> Option<u64> {
        self.panel.cell(at)
    }

    /// The words of detector `column` for a judgement of the sample at `at`.
    pub fn words(&self, column: usize, verdict: Verdict, evidence: &Evidence, at: Timestamp) -> String {
        self.panel.words(column, verdict, evidence, at)
    }
}

/// A rule and the columns of its detectors.
#[derive(Debug, Clone)]
struct Voter {
    combiner: Combiner,
    columns: Vec<usize>,
}

impl Voter {
    fn new(spec: &RuleSpec, detectors: &[Spec]) -> Self {
        let column = |voter: &Spec| detectors.iter().position(|d| d == voter);
        let columns = spec.detectors().iter().filter_map(column).collect();
        Self { combiner: spec.combiner(), columns }
    }
}

/// What the rules make of the verdicts.
#[derive(Debug, Clone)]
struct Opinions {
    voters: Vec<Voter>,
    combined: Vec<Vec<Verdict>>,
    findings: Vec<Finding>,
    sustained: Sustained,
    /// The cell after the newest that was told of.
    next: u64,
}

impl Opinions {
    fn form(&mut self, block: Block<'_>, tell: &mut impl FnMut(Said<'_>)) {
        match block {
            Block::Judged(run) => self.judge(run, tell),
            Block::Unknown { cell, at, reason } => {
                self.sustain(cell, Verdict::Unknown(reason));
                tell(Said::Unknown { cell, at, reason });
            }
            Block::Late { at } => tell(Said::Late { at }),
        }
    }

    fn judge(&mut self, run: Run<'_>, tell: &mut impl FnMut(Said<'_>)) {
        for (voter, combined) in self.voters.iter_mut().zip(&mut self.combined) {
            let columns: Vec<&[Verdict]> =
                voter.columns.iter().map(|&c| run.verdicts[c].as_slice()).collect();
            combined.resize(run.values.len(), Verdict::Normal);
            voter.combiner.combine_run(&columns, run.periodic, combined);
        }
        self.findings.clear();
        let verdicts = std::mem::take(&mut self.combined[0]);
        if let Some((&first, rest)) = verdicts.split_first() {
            let finding = self.sustain(run.first, first);
            self.findings.push(finding);
            self.sustained.observe_run(rest, &mut self.findings);
            self.next = run.first + run.values.len() as u64;
        }
        self.combined[0] = verdicts;
        tell(Said::Judged(Judged { run, combined: &self.combined, findings: &self.findings }));
    }

    /// The finding at `cell`: after a gap, right after the newest cell, or the newest cell anew.
    fn sustain(&mut self, cell: u64, verdict: Verdict) -> Finding {
        if cell < self.next {
            return self.sustained.restate(verdict);
        }
        self.sustained.skip(cell - self.next);
        self.next = cell + 1;
        self.sustained.observe(verdict)
    }
}
