//! Very many series that are judged alike, and whose days are kept elsewhere: on disk, not in memory.
//!
//! A [`Panel`](crate::Panel) judges one series along its time. A flock judges a *row*: the cells of many series at one time. What
//! detectors need of earlier days comes as a [`Look`] at that row; the little that is remembered besides of each series, the flock
//! keeps. It says of every cell what a panel would say, to the bit, but for the days of the period test, which are those of UTC.

mod across;
mod average;
mod look;
mod members;
mod warming;

pub(crate) use across::{Across, Row, Sides, Wants};
pub use look::{Fold, Look, LookSpec, Past};

use crate::calendar::Calendar;
use crate::detector::Detector;
use crate::grid::Placed;
use crate::lack::{Lack, lack};
use crate::panel::PanelSpec;
use crate::registry::{Common, Spec};
use crate::sample::{DAY_MS, Interval, Sample, Timestamp};
use crate::verdict::{Evidence, Reason, Verdict};
use members::{Gathered, Members};
use warming::Warming;

/// So many cells of a row are judged at a time: what is made of them stays in the second cache.
const AT_ONCE: usize = 1024;

/// Judges many series, by their numbers from 0 on.
#[derive(Debug, Clone)]
pub struct Flock {
    specs: Vec<Spec>,
    interval: Interval,
    judges: Vec<Box<dyn Detector>>,
    look: LookSpec,
    variance: Option<f64>,
    members: Members,
    /// Series that learn side by side.
    warming: Option<Warming>,
    /// What waits to be judged.
    waiting: Vec<Waiting>,
    gathered: Gathered,
    row: RowOf,
}

/// A sample that has its cell.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    row: i64,
    member: u32,
    cell: u64,
    sample: Sample,
}

/// A row while it is judged.
#[derive(Debug, Clone, Default)]
struct RowOf {
    members: Vec<u32>,
    values: Vec<f64>,
    times: Vec<Timestamp>,
    periodic: Vec<bool>,
    verdicts: Vec<Vec<Verdict>>,
}

/// What a flock has to say, of each series in the order of its cells; it may restate the newest cell of a series.
#[derive(Debug)]
pub enum Said<'a> {
    /// The cells of some series at one time: of many not all at once.
    Judged(JudgedRow<'a>),
    /// A cell whose samples give no value.
    Unknown {
        /// The number of the series.
        member: u32,
        /// The row of the cell.
        row: i64,
        /// The time of the cell.
        at: Timestamp,
        /// Why it has no value.
        reason: Reason,
    },
}

/// Cells of some series at one time, judged.
#[derive(Debug)]
pub struct JudgedRow<'a> {
    /// Which series, in rising order.
    pub members: &'a [u32],
    /// The row: so many intervals since 1970.
    pub row: i64,
    /// The values.
    pub values: &'a [f64],
    /// The times of the samples.
    pub times: &'a [Timestamp],
    /// For each detector a verdict a series.
    pub verdicts: &'a [Vec<Verdict>],
    /// Whether each series has a daily period.
    pub periodic: &'a [bool],
    /// Whether earlier days could be read: where not, no verdict is worth anything.
    pub is_read: bool,
}

impl Flock {
    /// A flock of series that are judged by `spec`; none where one of its detectors keeps a past of its own, samples are waited
    /// for, or days do not all have the same cells.
    pub fn new(spec: &PanelSpec) -> Option<Self> {
        let PanelSpec { detectors, period, interval, calendar, lateness_ms } = spec;
        let is_even = DAY_MS % interval.as_millis() == 0 && matches!(calendar, Calendar::Utc);
        if !is_even || *lateness_ms > 0 {
            return None;
        }
        let mut common = Common::new(Timestamp::from_millis(0), *interval, Calendar::Utc);
        let judges: Vec<_> = detectors.iter().map(|spec| spec.detector(&mut common)).collect();
        let wants: Option<Vec<Wants>> = judges.iter().map(|judge| Some(judge.across()?.wants())).collect();
        let (mut look, mut depth) = (LookSpec { folds: Vec::new(), yesterday: period.is_some() }, 1);
        for Wants { recent, fold } in wants? {
            depth = depth.max(recent);
            look.folds.extend(fold.filter(|fold| !look.folds.contains(fold)));
        }
        let centres = common.averages.centres();
        if !centres.is_empty() {
            depth = depth.max(average::RECENT);
        }
        let members = Members::new(*interval, depth, &centres, &look, period.is_some());
        Some(Self {
            specs: detectors.clone(),
            interval: *interval,
            judges,
            look,
            variance: *period,
            members,
            warming: None,
            waiting: Vec::new(),
            gathered: Gathered::default(),
            row: RowOf { verdicts: vec![Vec::new(); detectors.len()], ..RowOf::default() },
        })
    }

    /// What it must see of earlier days.
    pub fn look(&self) -> &LookSpec {
        &self.look
    }

    /// How many samples without a gap until nothing of what was before them is in what it remembers, but for the daily period:
    /// weights of averages fade below what a number can hold.
    pub fn memory(&self) -> u64 {
        let longest = self.members.centres().fold(0.0, f64::max);
        (40.0 * (longest + 1.0)) as u64 + self.members.depth() as u64
    }

    /// Whether it asks for a daily period, and so remembers the day before too.
    pub fn asks_period(&self) -> bool {
        self.variance.is_some()
    }

    /// How many series there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// There are so many series from now on; never fewer than before.
    pub fn grow(&mut self, members: usize) {
        self.members.grow(members);
    }

    /// Nothing of series `member` was told yet: its number is another one's now.
    pub fn forget(&mut self, member: u32) {
        self.end_warming();
        self.members.forget(member as usize);
    }

    /// Series `member` begins anew with an empty cell at `at`, which is of `row`.
    pub fn begin(&mut self, member: u32, at: Timestamp, row: i64) {
        self.end_warming();
        self.members.begin(member as usize, at, row);
    }

    /// Learns, and does not judge, what the series from `first` on had at `row`, which is later than what they were told of before;
    /// `before` has the cells of the day before, where it [asks for a daily period](Self::asks_period). Not a number where there
    /// is no value.
    pub fn learn(&mut self, first: u32, row: i64, cells: &[f64], before: &[f64]) {
        let first = first as usize;
        let cells = &cells[..cells.len().min(self.len().saturating_sub(first))];
        let is_over = match &mut self.warming {
            Some(warming) if warming.goes_on_with(first, row, cells) => {
                warming.learn(&mut self.members, cells)
            }
            _ => {
                self.end_warming();
                if !self.asks_period() {
                    self.warming = Warming::begin(&self.members, first, row, cells);
                }
                false
            }
        };
        let (at, variance) = ((first, row), self.variance.unwrap_or_default());
        match &self.warming {
            Some(warming) => {
                let others = warming.others().iter().copied();
                self.members.learn_some(others, at, cells, before, variance);
            }
            None => self.members.learn_some(first..first + cells.len(), at, cells, before, variance),
        }
        if is_over {
            self.end_warming();
        }
    }

    /// What was learnt side by side goes to each series.
    fn end_warming(&mut self) {
        let warming = self.warming.take();
        warming.into_iter().for_each(|warming| warming.end(&mut self.members));
    }

    /// Judges samples of series by their numbers, which follow those of earlier calls: of each series in the order of time. Gives
    /// what there is to say to `tell`. The rows are judged one after the other where samples come so, which is fast.
    pub fn observe(
        &mut self,
        samples: impl IntoIterator<Item = (u32, Sample)>,
        past: &mut impl Past,
        mut tell: impl FnMut(Said<'_>),
    ) {
        self.end_warming();
        for (member, sample) in samples {
            let may_wait = self.members.may_wait(member as usize);
            let placed = self.members.place(member as usize, sample);
            let unknown = |members: &Members, cell, reason| {
                let (row, at) = (members.row(member as usize, cell), members.at(member as usize, cell));
                Said::Unknown { member, row, at, reason }
            };
            match placed {
                Placed::Value { cell } => {
                    let row = self.members.row(member as usize, cell);
                    // the rows of a series are judged one after the other
                    if may_wait {
                        self.judge(past, &mut tell);
                    }
                    self.waiting.push(Waiting { row, member, cell, sample });
                }
                Placed::Nothing { cell, reason } => {
                    self.judge(past, &mut tell);
                    tell(unknown(&self.members, cell, reason));
                }
                Placed::Retracted { cell } => {
                    self.judge(past, &mut tell);
                    self.members.retract(member as usize);
                    tell(unknown(&self.members, cell, Reason::Conflicting));
                }
                // of what came too late there is nothing to say
                Placed::Again | Placed::Late => {}
            }
        }
        self.judge(past, &mut tell);
    }

    /// Judges what waits: by rows, and in a row by what is looked at together.
    fn judge(&mut self, past: &mut impl Past, tell: &mut impl FnMut(Said<'_>)) {
        let mut waiting = std::mem::take(&mut self.waiting);
        let place = |waiting: &Waiting| (waiting.row, waiting.member);
        if !waiting.is_sorted_by_key(place) {
            waiting.sort_unstable_by_key(place);
        }
        let mut rest = waiting.as_slice();
        while let Some(first) = rest.first() {
            let look = past.look(first.row, first.member);
            let end = look.map_or(first.member + 1, |(from, look)| from + look.width() as u32);
            let is_within = |next: &&Waiting| next.row == first.row && next.member < end;
            let (row, others) = rest.split_at(rest.iter().take_while(is_within).count());
            row.chunks(AT_ONCE).for_each(|some| self.judge_row(some, look, tell));
            rest = others;
        }
        waiting.clear();
        self.waiting = waiting;
    }

    fn judge_row(&mut self, cells: &[Waiting], look: Option<(u32, &Look)>, tell: &mut impl FnMut(Said<'_>)) {
        let Self { members, row: of, gathered, judges, variance, .. } = self;
        let row = cells[0].row;
        of.clear();
        for &Waiting { member, cell, sample, .. } in cells {
            let number = member as usize;
            members.settle(number, cell);
            let periodic = variance.is_some_and(|variance| members.settle_day(number, row, variance));
            let look = look.map(|(first, look)| (look, (member - first) as usize));
            members.put(number, cell, sample.value, look);
            of.push(member, sample, periodic);
        }
        members.gather(&of.members, gathered);
        let cut = members.row_of(&of.members, gathered);
        for (judge, verdicts) in judges.iter().zip(&mut of.verdicts) {
            verdicts.resize(cells.len(), Verdict::Normal);
            across(judge.as_ref()).judge_row(&cut, verdicts);
        }
        let RowOf { members, values, times, periodic, verdicts } = &*of;
        tell(Said::Judged(JudgedRow {
            members,
            row,
            values,
            times,
            verdicts,
            periodic,
            is_read: look.is_some(),
        }));
    }

    /// What each detector says of the newest cell of `member`, with its numbers where it can judge; nothing where that cell has no
    /// value.
    pub fn votes(&self, member: u32) -> Vec<(Verdict, Option<Evidence>)> {
        if self.members.newest(member as usize).is_none() {
            return Vec::new();
        }
        let (members, mut gathered) = ([member], Gathered::default());
        self.members.gather_one(member, &mut gathered);
        let row = self.members.row_of(&members, &gathered);
        let vote = |judge: &dyn Detector| {
            let (judge, mut verdict) = (across(judge), [Verdict::Normal]);
            judge.judge_row(&row, &mut verdict);
            let [verdict] = verdict;
            (verdict, (!verdict.is_unknown()).then(|| judge.row_evidence(&row, 0).bounded()))
        };
        self.judges.iter().map(|judge| vote(judge.as_ref())).collect()
    }

    /// Whether `member` has a daily period at its newest cell.
    pub fn is_periodic(&self, member: u32) -> bool {
        self.members.periodic(member as usize)
    }

    /// The words of detector `column` for a judgement of the sample at `at`.
    pub fn words(&self, column: usize, verdict: Verdict, evidence: &Evidence, at: Timestamp) -> String {
        self.judges.get(column).map(|judge| judge.words(verdict, evidence, at)).unwrap_or_default()
    }

    /// What detector `column` lacks that said `reason` of the newest cell of `member`; none where the reason says it all.
    pub fn lack(&self, member: u32, column: usize, reason: Reason) -> Option<Lack> {
        let (newest, _) = self.members.newest(member as usize)?;
        let grid = self.members.grid(member as usize)?;
        lack(self.specs.get(column)?, reason, (grid, self.interval), newest, None)
    }
}

impl RowOf {
    fn clear(&mut self) {
        self.members.clear();
        self.values.clear();
        self.times.clear();
        self.periodic.clear();
    }

    #[inline(always)]
    fn push(&mut self, member: u32, sample: Sample, periodic: bool) {
        self.members.push(member);
        self.values.push(sample.value);
        self.times.push(sample.at);
        self.periodic.push(periodic);
    }
}

/// A detector as one of rows.
fn across(judge: &dyn Detector) -> &dyn Across {
    // a flock is made of such alone
    judge.across().expect("a detector that keeps no past of its own")
}
