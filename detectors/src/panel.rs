//! All detectors of one series behind one `observe`.

use crate::calendar::Calendar;
use crate::detector::Lacks;
use crate::ensemble::Ensemble;
use crate::grid::{Grid, Placed};
use crate::lack::{Lack, Started, lack};
use crate::period::Period;
use crate::registry::Spec;
use crate::reorder::Reorder;
use crate::sample::{Interval, Sample, Timestamp};
use crate::verdict::{Evidence, Reason, Verdict};
use std::collections::VecDeque;

/// What a series is judged by.
#[derive(Debug, Clone)]
pub struct PanelSpec {
    /// The detectors, in the order of the columns.
    pub detectors: Vec<Spec>,
    /// The variance threshold of the period test; none where no rule asks for it.
    pub period: Option<f64>,
    /// Spacing of the samples.
    pub interval: Interval,
    /// What a day is.
    pub calendar: Calendar,
    /// How long late samples are waited for, in milliseconds; every verdict comes that much later.
    pub lateness_ms: i64,
}

/// Judges one series: the same code whether samples come one by one or by the million, and the same
/// verdicts however they are cut into calls.
#[derive(Debug, Clone)]
pub struct Panel {
    spec: PanelSpec,
    turn: u64,
    reorder: Option<Reorder>,
    judges: Option<Judges>,
    /// Batches that started before the first sample came.
    starts: Vec<BatchStart>,
}

/// The start of a batch, as far as a series may feel it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchStart {
    /// When it started.
    pub at: Timestamp,
    /// When the effects that are expected of it are over; `at` where none are.
    pub settled: Timestamp,
}

/// What a panel has to say, in the order of the cells; a block may restate the newest cell.
#[derive(Debug)]
pub enum Block<'a> {
    /// Consecutive cells with a value.
    Judged(Run<'a>),
    /// A cell whose samples give no value. Cells that are passed over in silence had no sample at all.
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

/// Consecutive cells with a value, judged.
#[derive(Debug)]
pub struct Run<'a> {
    /// The first cell of the run.
    pub first: u64,
    /// The time of that cell.
    pub at: Timestamp,
    /// Spacing of the cells.
    pub interval: Interval,
    /// The values.
    pub values: &'a [f64],
    /// For each detector a verdict a cell.
    pub verdicts: &'a [Vec<Verdict>],
    /// Whether the series has a daily period at these cells.
    pub periodic: bool,
    /// The times of those samples that were not taken at the time of their cell, with the offset of that in the run.
    stray: &'a [(usize, Timestamp)],
    ensemble: &'a Ensemble,
}

impl Run<'_> {
    /// The numbers behind the verdict of detector `column` on the cell at `offset` of the run; none where it is
    /// unknown.
    pub fn evidence(&self, column: usize, offset: usize) -> Option<Evidence> {
        self.ensemble.evidence(self.values, column, offset)
    }

    /// The time of the cell at `offset` of the run.
    pub fn at(&self, offset: usize) -> Timestamp {
        let offset = i64::try_from(offset).unwrap_or(i64::MAX).saturating_mul(self.interval.as_millis());
        Timestamp::from_millis(self.at.as_millis().saturating_add(offset))
    }

    /// The time of the sample that gave the cell at `offset` of the run its value: by up to half an interval earlier or later
    /// than that of the cell. Of several with the same value it is that of the first that came. Never goes back from a cell to
    /// a later one.
    pub fn sampled(&self, offset: usize) -> Timestamp {
        let place = self.stray.binary_search_by_key(&offset, |(offset, _)| *offset);
        place.map_or_else(|_| self.at(offset), |place| self.stray[place].1)
    }
}

impl Panel {
    /// A panel that has seen nothing yet.
    pub fn new(spec: PanelSpec) -> Self {
        let reorder = (spec.lateness_ms > 0).then(|| Reorder::new(spec.lateness_ms));
        Self { spec, turn: 0, reorder, judges: None, starts: Vec::new() }
    }

    /// The panel of series number `turn` of very many that are judged side by side: what is done once for several samples is
    /// then not due in all of them at the same sample. What is said is the same for every `turn`.
    #[must_use]
    pub fn in_turn(self, turn: u64) -> Self {
        Self { turn, ..self }
    }

    /// Judges `samples`, which follow those of earlier calls, and gives what there is to say to `tell`.
    pub fn observe(&mut self, samples: &[Sample], mut tell: impl FnMut(Block<'_>)) {
        match &mut self.reorder {
            None => self.observe_in_order(samples, &mut tell),
            Some(reorder) => {
                let mut ready = Vec::new();
                samples.iter().for_each(|&sample| reorder.push(sample, |s| ready.push(s)));
                self.observe_in_order(&ready, &mut tell);
            }
        }
    }

    /// A batch starts: cells at `start.at` and later come after it, among those that were not judged yet. To be told in
    /// the order of time.
    pub fn batch_starts(&mut self, start: BatchStart) {
        match &mut self.judges {
            Some(judges) => judges.batch_starts(start),
            None => self.starts.push(start),
        }
    }

    /// The same for samples at `first` and each an interval after the one before, of which only the values are given.
    pub fn observe_even(&mut self, first: Timestamp, values: &[f64], mut tell: impl FnMut(Block<'_>)) {
        let step = self.spec.interval.as_millis();
        let mut rest = Even { first: first.as_millis(), step, values };
        // the first sample of all sets the grid, and late samples may still belong between
        while let Some(sample) = rest.first().filter(|_| self.judges.is_none() || self.reorder.is_some()) {
            self.observe(&[sample], &mut tell);
            rest.advance(1);
        }
        if let Some(judges) = &mut self.judges {
            judges.take_even(rest, &mut tell);
        }
    }

    /// Judges what was held back for `lateness`: the stream has ended.
    pub fn finish(&mut self, mut tell: impl FnMut(Block<'_>)) {
        let waiting = self.reorder.as_mut().map(Reorder::flush).unwrap_or_default();
        self.observe_in_order(&waiting, &mut tell);
    }

    /// The cell to which a sample at `at` belongs; none before the first sample, and for what is older.
    pub fn cell(&self, at: Timestamp) -> Option<u64> {
        self.judges.as_ref().and_then(|judges| judges.grid.cell(at))
    }

    /// The words of detector `column` for a judgement of the sample at `at`.
    pub fn words(&self, column: usize, verdict: Verdict, evidence: &Evidence, at: Timestamp) -> String {
        let words = |judges: &Judges| judges.ensemble.words(column, verdict, evidence, at);
        self.judges.as_ref().map(words).unwrap_or_default()
    }

    /// What detector `column` has to tell of a sample that it finds normal, such as a count that is not usual and too small to
    /// fire; nothing mostly.
    pub fn remark(&self, column: usize, evidence: &Evidence) -> Option<String> {
        self.judges.as_ref()?.ensemble.remark(column, evidence)
    }

    /// What detector `column` lacks that said `reason` of the newest cell with a value; none where the reason says it all.
    pub fn lack(&self, column: usize, reason: Reason) -> Option<Lack> {
        let (judges, spec) = (self.judges.as_ref()?, self.spec.detectors.get(column)?);
        let newest = judges.next.checked_sub(1)?;
        lack(spec, reason, (&judges.grid, judges.interval), newest, judges.started)
    }

    /// What detector `column` lacks to judge a batch that starts after the newest sample; nothing where it could, and as long
    /// as there is no sample.
    pub fn start_lack(&self, column: usize) -> Option<Lack> {
        let judges = self.judges.as_ref()?;
        let Lacks { wanted, more, gaps } = judges.ensemble.lacks(column)?;
        // the last of those that are wanted is the one with which it knows enough
        let from = judges.grid.at(judges.next.saturating_add(more).saturating_sub(1));
        Some(Lack::Samples { wanted, from, gaps })
    }

    fn observe_in_order(&mut self, samples: &[Sample], tell: &mut impl FnMut(Block<'_>)) {
        let mut rest = samples;
        if self.judges.is_none() {
            let Some((first, others)) = samples.split_first() else { return };
            let (mut judges, placed) = Judges::begin(&self.spec, self.turn, *first);
            self.starts.drain(..).for_each(|start| judges.batch_starts(start));
            judges.take(*first, placed, tell);
            self.judges = Some(judges);
            rest = others;
        }
        if let Some(judges) = &mut self.judges {
            while !rest.is_empty() {
                let regular = judges.take_regular(rest, tell);
                rest = &rest[regular..];
                if let Some((&sample, after)) = rest.split_first().filter(|_| regular == 0) {
                    let placed = judges.grid.place(sample);
                    judges.take(sample, placed, tell);
                    rest = after;
                }
            }
            judges.judge_run(tell);
        }
    }
}

/// Samples at `first` and each a step after the one before, in milliseconds.
#[derive(Debug, Clone, Copy)]
struct Even<'a> {
    first: i64,
    step: i64,
    values: &'a [f64],
}

impl Even<'_> {
    fn first(&self) -> Option<Sample> {
        self.values.first().map(|&value| Sample::new(self.first, value))
    }

    fn advance(&mut self, samples: usize) {
        self.values = &self.values[samples..];
        self.first = self.first.saturating_add(self.step.saturating_mul(samples as i64));
    }
}

/// So many cells are judged at a time: enough to make the calls cheap, few enough to stay in the first cache.
const RUN_MAX: usize = 512;

/// A panel that knows where its series starts.
#[derive(Debug, Clone)]
struct Judges {
    grid: Grid,
    interval: Interval,
    ensemble: Ensemble,
    period: Option<Period>,
    /// The next cell the detectors have not been told of.
    next: u64,
    /// Consecutive cells that wait to be judged, and the first of them.
    run: Vec<f64>,
    first: u64,
    /// Of the waiting cells, by their offset, those whose samples were taken at another time than that of the cell.
    stray: Vec<(usize, Timestamp)>,
    run_max: usize,
    /// Batches that the detectors have not been told of.
    starts: VecDeque<Started>,
    /// The newest one that they have.
    started: Option<Started>,
}

impl Judges {
    fn begin(spec: &PanelSpec, turn: u64, first: Sample) -> (Self, Placed) {
        let (grid, placed) = Grid::begin(first, spec.interval);
        let PanelSpec { detectors, interval, calendar, .. } = spec;
        let mut judges = Self {
            grid,
            interval: *interval,
            ensemble: Ensemble::new(detectors, first.at, *interval, calendar.clone(), turn),
            period: spec.period.map(|variance| Period::new(*interval, variance)),
            next: 0,
            run: Vec::new(),
            first: 0,
            stray: Vec::new(),
            run_max: RUN_MAX,
            starts: VecDeque::new(),
            started: None,
        };
        judges.begin_run(0);
        (judges, placed)
    }

    /// Takes those of `samples` that simply come next, as far as the waiting run may grow, and says how many.
    fn take_regular(&mut self, samples: &[Sample], tell: &mut impl FnMut(Block<'_>)) -> usize {
        let next = self.grid.next_cell();
        if next != self.first + self.run.len() as u64 || self.run.len() >= self.run_max {
            self.judge_run(tell);
            self.begin_run(next);
        }
        let regular = self.grid.place_regular(samples, self.run_max - self.run.len());
        self.run.extend(samples[..regular].iter().map(|sample| sample.value));
        regular
    }

    fn take(&mut self, sample: Sample, placed: Placed, tell: &mut impl FnMut(Block<'_>)) {
        match placed {
            Placed::Value { cell } => {
                if cell != self.first + self.run.len() as u64 || self.run.len() >= self.run_max {
                    self.judge_run(tell);
                    self.begin_run(cell);
                }
                if sample.at != self.grid.at(cell) {
                    self.stray.push((self.run.len(), sample.at));
                }
                self.run.push(sample.value);
            }
            Placed::Again => {}
            Placed::Nothing { cell, reason } => {
                self.judge_run(tell);
                tell(Block::Unknown { cell, at: self.grid.at(cell), reason });
            }
            Placed::Retracted { cell } => self.retract(cell, tell),
            Placed::Late => {
                self.judge_run(tell);
                tell(Block::Late { at: sample.at });
            }
        }
    }

    /// Takes samples that come evenly; where they are what comes next they are judged where they lie.
    fn take_even(&mut self, mut rest: Even<'_>, tell: &mut impl FnMut(Block<'_>)) {
        while let Some(sample) = rest.first() {
            if self.grid.expects(sample) {
                self.judge_run(tell);
                self.begin_run(self.grid.next_cell());
                let even = self.grid.place_even(rest.values, self.run_max);
                self.judge(&rest.values[..even], tell);
                rest.advance(even);
            } else {
                let placed = self.grid.place(sample);
                self.take(sample, placed, tell);
                rest.advance(1);
            }
        }
        self.judge_run(tell);
    }

    /// A run ends where the answer of the period test may change, and where a batch starts.
    fn begin_run(&mut self, cell: u64) {
        self.first = cell;
        let held = self.period.as_ref().map_or(u64::MAX, |period| period.held_for(cell));
        let start = self.starts.iter().map(|start| start.first).find(|first| *first > cell);
        let most = held.min(start.map_or(u64::MAX, |start| start - cell));
        self.run_max = usize::try_from(most).unwrap_or(usize::MAX).min(RUN_MAX);
    }

    fn batch_starts(&mut self, start: BatchStart) {
        let first = self.grid.first_from(start.at).max(self.next + self.run.len() as u64);
        let settled = self.grid.first_from(start.settled);
        self.starts.push_back(Started { at: start.at, first, settling: settled.saturating_sub(first) });
        // nothing waits to be judged between calls
        self.begin_run(self.first);
    }

    /// Tells the detectors of `gap` cells without a value, and of batches that started before the cell after them.
    fn skip(&mut self, gap: u64) {
        let mut cell = self.next;
        while let Some(started) = self.starts.pop_front_if(|start| start.first <= self.first) {
            let before = started.first.saturating_sub(cell);
            self.ensemble.skip(before);
            self.ensemble.batch_starts(started.settling);
            cell += before;
            self.started = Some(started);
        }
        self.ensemble.skip(self.next + gap - cell);
    }

    fn retract(&mut self, cell: u64, tell: &mut impl FnMut(Block<'_>)) {
        // the newest cell is the last of a waiting run, or was judged already
        let waiting = self.run.pop().is_some();
        self.stray.pop_if(|(offset, _)| *offset == self.run.len());
        self.judge_run(tell);
        if !waiting {
            self.ensemble.retract();
            if let Some(period) = &mut self.period {
                period.retract();
            }
        }
        tell(Block::Unknown { cell, at: self.grid.at(cell), reason: Reason::Conflicting });
    }

    /// Judges the waiting run, if there is one.
    fn judge_run(&mut self, tell: &mut impl FnMut(Block<'_>)) {
        if self.run.is_empty() {
            return;
        }
        let mut run = std::mem::take(&mut self.run);
        self.judge(&run, tell);
        run.clear();
        self.run = run;
    }

    /// Judges the values of the cells from `first` on.
    fn judge(&mut self, values: &[f64], tell: &mut impl FnMut(Block<'_>)) {
        let gap = self.first - self.next;
        let periodic = self.period.as_mut().is_some_and(|period| {
            period.skip(gap);
            period.observe_run(values);
            period.periodic()
        });
        self.skip(gap);
        self.ensemble.observe_run(values);
        self.next = self.first + values.len() as u64;
        tell(Block::Judged(Run {
            first: self.first,
            at: self.grid.at(self.first),
            interval: self.interval,
            values,
            verdicts: self.ensemble.verdicts(),
            periodic,
            stray: &self.stray,
            ensemble: &self.ensemble,
        }));
        self.stray.clear();
        self.begin_run(self.next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::OptionValue;

    /// What a panel of a second says of samples `{at, value}` that come in pieces of `piece`: of each judged cell its number,
    /// its time and that of its sample, and of others their number alone.
    fn sampled(samples: &[(i64, f64)], piece: usize, lateness_ms: i64) -> Vec<(u64, Option<(i64, i64)>)> {
        let above = Spec::new("threshold", &[("above".to_owned(), OptionValue::Number(5.0))]);
        let mut panel = Panel::new(PanelSpec {
            detectors: vec![above.expect("a detector")],
            period: None,
            interval: Interval::from_millis(1000).expect("a second"),
            calendar: Calendar::Utc,
            lateness_ms,
        });
        let mut said = Vec::new();
        let mut tell = |block: Block<'_>| match block {
            Block::Judged(run) => said.extend((0..run.values.len()).map(|offset| {
                let times = (run.at(offset).as_millis(), run.sampled(offset).as_millis());
                (run.first + offset as u64, Some(times))
            })),
            Block::Unknown { cell, .. } => said.push((cell, None)),
            Block::Late { .. } => {}
        };
        let samples: Vec<_> = samples.iter().map(|&(at, value)| Sample::new(at, value)).collect();
        samples.chunks(piece).for_each(|some| panel.observe(some, &mut tell));
        panel.finish(&mut tell);
        said
    }

    #[test]
    fn a_cell_knows_when_its_sample_was_taken_however_they_come() {
        let samples =
            [(0, 1.0), (1000, 1.0), (1501, 1.0), (2499, 1.0), (3499, 1.0), (4000, 1.0), (5300, 1.0)];
        let told = [(0, 0), (1000, 1000), (2000, 1501), (3000, 3499), (4000, 4000), (5000, 5300)];
        let told: Vec<_> = (0..).zip(told.map(Some)).collect();
        for piece in 1..=samples.len() {
            assert_eq!(sampled(&samples, piece, 0), told, "in pieces of {piece}");
            assert_eq!(sampled(&samples, piece, 2000), told, "in pieces of {piece}, and waited for");
        }
    }

    #[test]
    fn late_ones_that_are_waited_for_keep_their_time() {
        let told =
            [(0, Some((0, 0))), (1, Some((1000, 1300))), (2, Some((2000, 1800))), (3, Some((3000, 3000)))];
        assert_eq!(sampled(&[(0, 1.0), (1800, 1.0), (1300, 1.0), (3000, 1.0)], 1, 1000), told);
    }

    #[test]
    fn what_is_taken_back_leaves_no_time_behind() {
        let samples = [(0, 1.0), (1200, 1.0), (1300, 2.0), (2000, 1.0), (2900, f64::NAN), (3100, 1.0)];
        let waiting =
            [(0, Some((0, 0))), (1, None), (2, Some((2000, 2000))), (3, None), (3, Some((3000, 3100)))];
        assert_eq!(sampled(&samples, samples.len(), 0), waiting);
        let judged = [&waiting[..1], &[(1, Some((1000, 1200)))], &waiting[1..]].concat();
        assert_eq!(sampled(&samples, 1, 0), judged);
    }
}
