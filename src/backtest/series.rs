//! One recorded series, judged.

use super::{BacktestError, NotJudged, SpecOf, Task, interval};
use crate::monitor::{Anomalies, Anomaly, Monitor, MonitorSpec, Said};
use crate::sources::recorded::{Piece, Recording, SeriesInfo};
use quietgate_detectors::{BatchStart, Interval, Reason, Sample, Timestamp, Verdict};
use quietgate_rules::Finding;
use std::collections::BTreeMap;

/// What is kept of a series beyond its anomalies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// Nothing.
    Anomalies,
    /// The verdicts on each sample too.
    Rows,
    /// The verdicts on each sample, and the score of each detector.
    Scores,
}

/// What became of one series.
#[derive(Debug)]
pub struct Outcome {
    /// How it was judged.
    pub spec: MonitorSpec,
    /// Samples read.
    pub samples: u64,
    /// Cells about which the rule made a statement.
    pub judged: u64,
    /// Cells about which nothing can be said, those without a sample included.
    pub unknown: u64,
    /// Cells without a sample, from the first one to the last.
    pub missing: u64,
    /// The time of the first cell.
    pub from: Timestamp,
    /// The end of the last cell.
    pub until: Timestamp,
    /// The anomalies in order of time, each with the words of its votes.
    pub anomalies: Vec<(Anomaly, Vec<String>)>,
    /// The samples with what was said of their cells, where wanted: in the order of arrival.
    pub rows: Vec<Row>,
    /// The cells these rows refer to.
    pub cells: Vec<Cell>,
}

impl Outcome {
    /// Spacing of the cells.
    pub fn interval(&self) -> Interval {
        self.spec.interval
    }
}

/// A sample of the input.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The sample.
    pub sample: Sample,
    /// Its cell in [`Outcome::cells`]; none where it came too late to be judged.
    pub cell: Option<usize>,
}

/// What was said of a cell.
#[derive(Debug, Clone)]
pub struct Cell {
    /// Its number.
    pub number: u64,
    /// One verdict a detector.
    pub verdicts: Box<[Verdict]>,
    /// One score a detector, none where its verdict is unknown; empty where scores are not wanted.
    pub scores: Box<[Option<f64>]>,
    /// One combined verdict a rule.
    pub combined: Box<[Verdict]>,
    /// The finding.
    pub finding: Finding,
}

/// Judges the series `index` of `recording`, or says why it cannot be.
pub(super) fn judge(
    recording: &Recording,
    index: usize,
    task: &Task<'_>,
) -> Result<Result<Outcome, NotJudged>, BacktestError> {
    let spec = match spec_of(recording, index, task.spec, task.interval)? {
        Ok(spec) => spec,
        Err(not_judged) => return Ok(Err(not_judged)),
    };
    let mut hearing = Hearing::new(&spec, task.want);
    let monitor = listen(recording, index, &spec, [], |said| hearing.hear(said))?;
    let rows = match task.want {
        Want::Anomalies => Vec::new(),
        Want::Rows | Want::Scores => {
            hearing.rows(&recording.samples(index).map_err(BacktestError::Input)?, &monitor)
        }
    };
    Ok(Ok(outcome(spec, &recording.series()[index], &monitor, hearing, rows)))
}

/// How the series `index` of `recording` is judged by `of`, with `interval` where it is given. Where neither knows
/// the interval, it is the most common spacing of the samples.
///
/// # Errors
/// Samples that cannot be read back.
pub fn spec_of(
    recording: &Recording,
    index: usize,
    of: &SpecOf<'_>,
    interval: Option<Interval>,
) -> Result<Result<MonitorSpec, NotJudged>, BacktestError> {
    let info = &recording.series()[index];
    match (of(info, interval), interval) {
        (Err(NotJudged::Interval(_)), None) => {
            let mut spacings = interval::Spacings::default();
            recording.visit(index, &mut |piece| spacings.observe(piece)).map_err(BacktestError::Input)?;
            let found = spacings.most_common().map_err(NotJudged::Interval);
            Ok(found.and_then(|found| of(info, Some(found))))
        }
        (spec, _) => Ok(spec),
    }
}

/// Gives all samples of the series `index` of `recording` to a new monitor, which is told of `starts` in the order of time,
/// and what that says to `tell`. The monitor comes back for what is asked of it afterwards.
///
/// # Errors
/// Samples that cannot be read back.
pub fn listen(
    recording: &Recording,
    index: usize,
    spec: &MonitorSpec,
    starts: impl IntoIterator<Item = BatchStart>,
    mut tell: impl FnMut(&Said<'_>),
) -> Result<Monitor, BacktestError> {
    let mut monitor = Monitor::new(spec);
    starts.into_iter().for_each(|start| monitor.batch_starts(start));
    let (interval_ms, mut listed) = (spec.interval.as_millis(), Vec::new());
    let mut hear = |piece: Piece<'_>| match piece {
        Piece::Even { first, step_ms, values } if step_ms == interval_ms => {
            monitor.observe_even(first, values, |said| tell(&said));
        }
        _ => {
            listed.clear();
            piece.append_to(&mut listed);
            monitor.observe(&listed, |said| tell(&said));
        }
    };
    recording.visit(index, &mut hear).map_err(BacktestError::Input)?;
    monitor.finish(|said| tell(&said));
    Ok(monitor)
}

/// What became of the series `info`, now that all of it is judged.
fn outcome(
    spec: MonitorSpec,
    info: &SeriesInfo,
    monitor: &Monitor,
    hearing: Hearing,
    rows: Vec<Row>,
) -> Outcome {
    let words = |anomaly: &Anomaly| {
        let votes = anomaly.votes.iter();
        votes.map(|vote| monitor.words(vote.column, vote.verdict, &vote.evidence, vote.at)).collect()
    };
    let cells = hearing.next - hearing.judged;
    Outcome {
        samples: info.samples,
        judged: hearing.judged,
        unknown: cells,
        missing: hearing.next - hearing.told,
        from: info.first,
        until: Timestamp::from_millis(info.last.as_millis().saturating_add(spec.interval.as_millis())),
        anomalies: hearing.anomalies.finish().into_iter().map(|a| (a.clone(), words(&a))).collect(),
        rows,
        cells: hearing.cells,
        spec,
    }
}

/// Gathers what a monitor says of one series.
#[derive(Debug)]
struct Hearing {
    want: Want,
    anomalies: Anomalies,
    judged: u64,
    cells: Vec<Cell>,
    detectors: usize,
    rules: usize,
    /// The cell after the newest, and whether the newest is counted as judged.
    next: u64,
    newest_judged: bool,
    /// Cells of which something was told: the others had no sample.
    told: u64,
    /// How many samples of a time came too late.
    late: BTreeMap<Timestamp, u64>,
}

impl Hearing {
    fn new(spec: &MonitorSpec, want: Want) -> Self {
        Self {
            want,
            anomalies: Anomalies::new(spec.rules[0].sustain.n()),
            judged: 0,
            cells: Vec::new(),
            detectors: spec.detectors().len(),
            rules: spec.rules.len(),
            next: 0,
            newest_judged: false,
            told: 0,
            late: BTreeMap::new(),
        }
    }

    fn hear(&mut self, said: &Said<'_>) {
        self.anomalies.hear(said);
        match said {
            Said::Judged(judged) => {
                let known = judged.combined[0].iter().filter(|verdict| !verdict.is_unknown()).count();
                self.judged += known as u64;
                self.newest_judged = judged.combined[0].last().is_some_and(|verdict| !verdict.is_unknown());
                self.reach(judged.run.first, judged.run.values.len() as u64);
                if self.want != Want::Anomalies {
                    self.keep_run(judged);
                }
            }
            Said::Unknown { cell, reason, .. } => {
                let restated = self.newest_judged && self.next == cell + 1;
                self.judged -= u64::from(restated);
                self.newest_judged = false;
                self.reach(*cell, 1);
                if self.want != Want::Anomalies {
                    self.keep_unknown(*cell, *reason);
                }
            }
            Said::Late { at } => *self.late.entry(*at).or_default() += 1,
        }
    }

    /// Something was told of `cells` cells from `first` on; the first may be the newest, told of anew.
    fn reach(&mut self, first: u64, cells: u64) {
        let anew = self.next.saturating_sub(first).min(cells);
        self.told += cells - anew;
        self.next = first + cells;
    }

    fn keep_run(&mut self, judged: &crate::monitor::Judged<'_>) {
        let run = &judged.run;
        self.forget(run.first);
        let scored = if self.want == Want::Scores { self.detectors } else { 0 };
        for offset in 0..run.values.len() {
            self.cells.push(Cell {
                number: run.first + offset as u64,
                verdicts: run.verdicts.iter().map(|column| column[offset]).collect(),
                scores: (0..scored).map(|column| run.evidence(column, offset).map(|e| e.score)).collect(),
                combined: judged.combined.iter().map(|column| column[offset]).collect(),
                finding: judged.findings[offset],
            });
        }
    }

    fn keep_unknown(&mut self, number: u64, reason: Reason) {
        self.forget(number);
        let verdict = Verdict::Unknown(reason);
        self.cells.push(Cell {
            number,
            verdicts: vec![verdict; self.detectors].into(),
            scores: Box::default(),
            combined: vec![verdict; self.rules].into(),
            finding: Finding::Unknown(reason),
        });
    }

    /// The newest cell is stated anew.
    fn forget(&mut self, number: u64) {
        if self.cells.last().is_some_and(|cell| cell.number == number) {
            self.cells.pop();
        }
    }

    /// The samples with their cells. Of several samples of one time the last ones are those that came too late.
    fn rows(&mut self, samples: &[Sample], monitor: &Monitor) -> Vec<Row> {
        let mut late = std::mem::take(&mut self.late);
        let row = |&sample: &Sample| {
            if let Some(count) = late.get_mut(&sample.at).filter(|count| **count > 0) {
                *count -= 1;
                return Row { sample, cell: None };
            }
            let number = monitor.cell(sample.at);
            let cell = number.and_then(|n| self.cells.binary_search_by_key(&n, |cell| cell.number).ok());
            Row { sample, cell }
        };
        let mut rows: Vec<Row> = samples.iter().rev().map(row).collect();
        rows.reverse();
        rows
    }
}
