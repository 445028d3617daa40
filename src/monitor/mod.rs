//! Samples of one series in, findings out: the panel of detectors, the rules over it, the sustain.
//!
//! The same code live and offline: what [`Monitor::observe`] says does not depend on how the samples are
//! cut into calls.

mod anomaly;
mod line;
mod together;
mod view;
mod watch;

pub use anomaly::{Anomalies, Anomaly, Vote};
pub use together::Together;
pub use view::{Latest, View};
pub use watch::{Labels, Statement, Watch, Watched};

use crate::sabotage::{self, Sabotage};
use line::Line;
use quietgate_detectors::{
    BatchStart, Block, Calendar, Evidence, Interval, Lack, Panel, PanelSpec, Reason, Run, Sample, Spec,
    Timestamp, Verdict,
};
use quietgate_rules::{Combiner, Finding, RuleSpec};

/// What a series is judged by.
#[derive(Debug, Clone)]
pub struct MonitorSpec {
    /// The rules; the first one decides the findings, the others are only stated.
    pub rules: Vec<RuleSpec>,
    /// The rule of the slow layer, whose findings are a stream of their own; none where it does not judge the series.
    pub slow: Option<RuleSpec>,
    /// Spacing of the samples.
    pub interval: Interval,
    /// What a day is.
    pub calendar: Calendar,
    /// How long late samples are waited for, in milliseconds.
    pub lateness_ms: i64,
}

impl MonitorSpec {
    /// The detectors of all rules, each once, in the order in which the rules name them, that of the slow layer last.
    pub fn detectors(&self) -> Vec<Spec> {
        let mut detectors: Vec<Spec> = Vec::new();
        for spec in self.rules.iter().chain(&self.slow).flat_map(RuleSpec::detectors) {
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
    /// One finding a cell, by the rule of the slow layer; empty where there is none.
    pub slow: &'a [Finding],
}

impl Monitor {
    /// A monitor that has seen nothing yet.
    pub fn new(spec: &MonitorSpec) -> Self {
        let detectors = spec.detectors();
        let all = spec.rules.iter().chain(&spec.slow);
        let voters = all.map(|rule| Voter::new(rule, &detectors)).collect::<Vec<_>>();
        let panel = Panel::new(PanelSpec {
            period: voters.iter().find_map(|voter| voter.combiner.period()),
            detectors,
            interval: spec.interval,
            calendar: spec.calendar.clone(),
            lateness_ms: spec.lateness_ms,
        });
        let combined = vec![Vec::new(); voters.len()];
        let rules = spec.rules.len();
        let slow = spec.slow.as_ref().map(|slow| Stream::new(rules, slow));
        let streams = std::iter::once(Stream::new(0, &spec.rules[0])).chain(slow).collect();
        let opinions =
            Opinions { voters, rules, combined, streams, expected: Vec::new(), next: 0, periodic: false };
        Self { panel, opinions }
    }

    /// That of series number `turn` of very many: see [`Panel::in_turn`].
    #[must_use]
    pub fn in_turn(self, turn: u64) -> Self {
        Self { panel: self.panel.in_turn(turn), ..self }
    }

    /// Judges `samples`, which follow those of earlier calls, and gives what there is to say to `tell`.
    pub fn observe(&mut self, samples: &[Sample], mut tell: impl FnMut(Said<'_>)) {
        let opinions = &mut self.opinions;
        self.panel.observe(samples, |block| opinions.form(block, &mut tell));
    }

    /// A batch starts, to be told in the order of time: see [`Panel::batch_starts`]. From its start until what is expected
    /// of it is over, the findings on cells that are not judged yet are `expected`, where they would be something else than
    /// unknown.
    pub fn batch_starts(&mut self, start: BatchStart) {
        self.panel.batch_starts(start);
        if start.at < start.settled {
            self.opinions.expected.push(start);
        }
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

    /// What detector `column` has to tell of a sample that it finds normal: see [`Panel::remark`].
    pub fn remark(&self, column: usize, evidence: &Evidence) -> Option<String> {
        self.panel.remark(column, evidence)
    }

    /// The detectors by which nothing could be said of a batch that starts after the newest sample, by their column, with what
    /// they lack: those of the first rule, or of that of the slow layer. None where that rule could judge it, the other
    /// detectors finding nothing.
    pub fn start_lacks(&self, slow: bool) -> Vec<(usize, Lack)> {
        let Some(stream) = self.opinions.streams.get(usize::from(slow)) else { return Vec::new() };
        let voter = &self.opinions.voters[stream.voter];
        let lacks: Vec<_> = voter.columns.iter().map(|&column| self.panel.start_lack(column)).collect();
        if lacks.iter().all(Option::is_none) {
            return Vec::new();
        }
        let verdict =
            |lack: &Option<Lack>| lack.map_or(Verdict::Normal, |_| Verdict::Unknown(Reason::WarmingUp));
        let verdicts: Vec<_> = lacks.iter().map(verdict).collect();
        if !voter.combiner.combine(&verdicts, self.opinions.periodic).is_unknown() {
            return Vec::new();
        }
        voter.columns.iter().zip(lacks).filter_map(|(&column, lack)| Some((column, lack?))).collect()
    }

    /// What detector `column` lacks that said `reason` of the newest sample: see [`Panel::lack`].
    pub fn lack(&self, column: usize, reason: Reason) -> Option<Lack> {
        self.panel.lack(column, reason)
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
    /// The rules, and behind them that of the slow layer.
    voters: Vec<Voter>,
    /// So many of them are not of the slow layer.
    rules: usize,
    combined: Vec<Vec<Verdict>>,
    /// The findings by the first rule, and those of the slow layer where there is one.
    streams: Vec<Stream>,
    /// The starts after which something is expected that may not be over yet.
    expected: Vec<BatchStart>,
    /// The cell after the newest that was told of.
    next: u64,
    /// Whether the series has a daily period at the newest of them.
    periodic: bool,
}

impl Opinions {
    fn form(&mut self, block: Block<'_>, tell: &mut impl FnMut(Said<'_>)) {
        match block {
            Block::Judged(run) => self.judge(run, tell),
            Block::Unknown { cell, at, reason } => {
                for stream in &mut self.streams {
                    stream.line.sustain(cell, self.next, Verdict::Unknown(reason), false);
                }
                self.next = self.next.max(cell + 1);
                tell(Said::Unknown { cell, at, reason });
            }
            Block::Late { at } => tell(Said::Late { at }),
        }
    }

    fn judge(&mut self, run: Run<'_>, tell: &mut impl FnMut(Said<'_>)) {
        self.periodic = run.periodic;
        for (voter, combined) in self.voters.iter_mut().zip(&mut self.combined) {
            let columns: Vec<&[Verdict]> =
                voter.columns.iter().map(|&c| run.verdicts[c].as_slice()).collect();
            combined.resize(run.values.len(), Verdict::Normal);
            voter.combiner.combine_run(&columns, run.periodic, combined);
        }
        // samples come in the order of time
        self.expected.retain(|start| run.sampled(0) < start.settled);
        for stream in &mut self.streams {
            stream.judge(&run, &self.combined[stream.voter], self.next, &self.expected);
        }
        self.next = self.next.max(run.first + run.values.len() as u64);
        let findings = |stream: usize| self.streams.get(stream).map_or(&[][..], |stream| &stream.findings);
        let combined = &self.combined[..self.rules];
        tell(Said::Judged(Judged { run, combined, findings: findings(0), slow: findings(1) }));
    }
}

/// The findings by one rule.
#[derive(Debug, Clone)]
struct Stream {
    /// Which of the rules.
    voter: usize,
    line: Line,
    findings: Vec<Finding>,
}

impl Stream {
    fn new(voter: usize, rule: &RuleSpec) -> Self {
        Self { voter, line: Line::new(rule.sustain), findings: Vec::new() }
    }

    /// The findings on the cells of `run`, to which `verdicts` belong.
    fn judge(&mut self, run: &Run<'_>, verdicts: &[Verdict], next: u64, expected: &[BatchStart]) {
        self.findings.clear();
        let Some((&first, rest)) = verdicts.split_first() else { return };
        let moves = |offset| is_expected(expected, run.sampled(offset));
        let finding = self.line.sustain(run.first, next, first, moves(0));
        self.findings.push(finding);
        if expected.is_empty() {
            self.line.sustain_run(rest, &mut self.findings);
            return;
        }
        for (offset, &verdict) in (1..).zip(rest) {
            let cell = run.first + offset as u64;
            let finding = self.line.sustain(cell, cell, verdict, moves(offset));
            self.findings.push(finding);
        }
    }
}

/// Whether a series is expected to move where its sample was taken at `at`.
fn is_expected(expected: &[BatchStart], at: Timestamp) -> bool {
    let within = |start: &BatchStart| start.at <= at && at < start.settled;
    expected.iter().any(within) && !sabotage::is(Sabotage::ExpectedFires)
}
