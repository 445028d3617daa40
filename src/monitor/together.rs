//! Very many series of one signal, judged together: their days are in the history, and not in memory.

use super::line::Line;
use super::watch::{self, Statement};
use super::{MonitorSpec, Voter, is_expected};
use crate::labels::{Labels, Table};
use quietgate_detectors::{
    BatchStart, Flock, JudgedRow, LookSpec, PanelSpec, Past, Reason, Said, Sample, Timestamp, Verdict,
};
use quietgate_rules::{Finding, RuleSpec, Standing};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// Series by their numbers, which are those that the history has for them.
#[derive(Debug, Clone)]
pub struct Together {
    flock: Flock,
    rules: Rules,
    numbers: Table<u32>,
    series: Vec<Option<One>>,
    /// The numbers of all series, in the order of their labels; not known where one is new.
    order: OnceLock<Vec<u32>>,
    /// The starts after which something is expected that may not be over yet, by the series that may feel them.
    expected: BTreeMap<u32, Vec<BatchStart>>,
    /// Whether something was found anomalous since that was asked.
    is_stirred: bool,
}

/// The rules over what the detectors say.
#[derive(Debug, Clone)]
struct Rules {
    voters: Vec<Voter>,
    /// Which of them is that of the slow layer.
    slow: Option<usize>,
    combined: Vec<Vec<Verdict>>,
    periodic: Vec<Verdict>,
}

/// A series.
#[derive(Debug, Clone)]
pub(super) struct One {
    pub(super) labels: Labels,
    /// The cell after the newest.
    next: u64,
    line: Line,
    pub(super) standing: Standing,
    slow: Option<Box<Slow>>,
    pub(super) newest: Option<Newest>,
    /// Whether it must be there.
    pub(super) required: bool,
    /// Whether its source does not show it any more.
    pub(super) has_ended: bool,
}

/// What the slow layer makes of a series.
#[derive(Debug, Clone)]
struct Slow {
    line: Line,
    standing: Standing,
}

/// The newest sample of a series.
#[derive(Debug, Clone, Copy)]
pub(super) struct Newest {
    pub(super) at: Timestamp,
    /// Not a number where the cell has no value.
    pub(super) value: f64,
    pub(super) finding: Finding,
}

impl One {
    pub(super) fn slow(&self) -> Option<&Standing> {
        self.slow.as_ref().map(|slow| &slow.standing)
    }

    fn standings(&mut self) -> impl Iterator<Item = &mut Standing> {
        std::iter::once(&mut self.standing).chain(self.slow.as_mut().map(|slow| &mut slow.standing))
    }
}

impl Together {
    /// Series that are judged by `spec`; none where one of its detectors keeps days of its own.
    pub(super) fn new(spec: &MonitorSpec) -> Option<Self> {
        let detectors = spec.detectors();
        let all = spec.rules.iter().chain(&spec.slow);
        let voters: Vec<_> = all.map(|rule| Voter::new(rule, &detectors)).collect();
        let flock = Flock::new(&PanelSpec {
            period: voters.iter().find_map(|voter| voter.combiner.period()),
            detectors,
            interval: spec.interval,
            calendar: spec.calendar.clone(),
            lateness_ms: spec.lateness_ms,
        })?;
        let (slow, combined) = (spec.slow.as_ref().map(|_| spec.rules.len()), vec![Vec::new(); voters.len()]);
        Some(Self {
            flock,
            rules: Rules { voters, slow, combined, periodic: Vec::new() },
            numbers: Table::new(),
            series: Vec::new(),
            order: OnceLock::new(),
            expected: BTreeMap::new(),
            is_stirred: false,
        })
    }

    /// What it must see of earlier days.
    pub fn look(&self) -> &LookSpec {
        self.flock.look()
    }

    /// How many cells before the first that it shall judge it must learn, and how many days before that.
    pub fn memory(&self) -> (i64, bool) {
        (i64::try_from(self.flock.memory()).unwrap_or(i64::MAX), self.flock.asks_period())
    }

    /// How many series there are.
    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// The number of a series; none where it is new.
    pub fn find(&self, labels: &Labels) -> Option<u32> {
        let place = self.numbers.find(labels)?;
        self.numbers.get(place).map(|(_, number)| *number)
    }

    /// Adds a series by its number.
    pub(super) fn know(&mut self, number: u32, labels: &Labels, spec: &MonitorSpec, required: bool) {
        let place = number as usize;
        if place >= self.series.len() {
            self.series.resize_with(place + 1, || None);
            self.flock.grow(place + 1);
        }
        let slow = |rule: &RuleSpec| Slow { line: Line::new(rule.sustain), standing: Standing::default() };
        let slow = spec.slow.as_ref().map(|rule| Box::new(slow(rule)));
        let one = One {
            labels: labels.clone(),
            next: 0,
            line: Line::new(spec.rules[0].sustain),
            standing: Standing::default(),
            slow,
            newest: None,
            required,
            has_ended: false,
        };
        if let Some(before) = self.series[place].replace(one) {
            self.numbers.remove(&before.labels);
        }
        self.flock.forget(number);
        self.expected.remove(&number);
        self.numbers.insert(labels.clone(), number);
        self.order.take();
    }

    fn in_order(&self) -> Vec<u32> {
        let known = (0..).zip(&self.series).filter_map(|(number, one)| Some((&one.as_ref()?.labels, number)));
        let mut known: Vec<(&Labels, u32)> = known.collect();
        known.sort_unstable();
        known.into_iter().map(|(_, number)| number).collect()
    }

    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut One> {
        self.series.get_mut(number as usize)?.as_mut()
    }

    /// All series in the order of their labels.
    pub(super) fn all(&self) -> impl Iterator<Item = (u32, &One)> {
        self.order
            .get_or_init(|| self.in_order())
            .iter()
            .filter_map(|number| Some((*number, self.series[*number as usize].as_ref()?)))
    }

    /// Series `number` begins anew with an empty cell at `at`, which is of `row`.
    pub fn begin(&mut self, number: u32, at: Timestamp, row: i64) {
        self.flock.begin(number, at, row);
    }

    /// Learns what series had, and does not judge it: see [`Flock::learn`].
    pub fn learn(&mut self, first: u32, row: i64, cells: &[f64], before: &[f64]) {
        self.flock.learn(first, row, cells, before);
    }

    /// A batch starts.
    pub(super) fn batch_starts(&mut self, number: u32, start: BatchStart) {
        if start.at < start.settled
            && let Some(one) = self.get_mut(number)
        {
            one.standings().for_each(|standing| standing.expect(start.at, start.settled));
            self.expected.entry(number).or_default().push(start);
        }
    }

    /// Judges samples of series by their numbers, which must be there from now on where it `is_start`. Gives the row of each cell and its
    /// value, or why it has none, to `heard`.
    pub(super) fn observe(
        &mut self,
        is_start: bool,
        samples: impl IntoIterator<Item = (u32, Sample)>,
        past: &mut impl Past,
        mut heard: impl FnMut(u32, i64, Result<f64, Reason>),
    ) {
        let Self { flock, rules, series, expected, is_stirred, .. } = self;
        flock.observe(samples, past, |said| match said {
            Said::Judged(row) => {
                rules.combine(&row);
                for (place, (&number, &value)) in row.members.iter().zip(row.values).enumerate() {
                    heard(number, row.row, Ok(value));
                    if let Some(one) = &mut series[number as usize] {
                        one.seen(is_start);
                        let moves = moves(expected, number, row.times[place]);
                        *is_stirred |= one.judged(rules, &row, place, moves);
                    }
                }
            }
            Said::Unknown { member, row, at, reason } => {
                heard(member, row, Err(reason));
                if let Some(one) = &mut series[member as usize] {
                    one.seen(is_start);
                    one.unknown(cell_of(row), at, reason);
                }
            }
        });
    }

    /// Whether something was found anomalous since this was asked.
    pub(super) fn take_stirred(&mut self) -> bool {
        std::mem::take(&mut self.is_stirred)
    }

    /// What the detectors of the rules say of the newest sample of a series, or those of the slow layer.
    pub(super) fn votes(&self, number: u32, one: &One, spec: &MonitorSpec, slow: bool) -> Vec<Statement> {
        let Some(newest) = one.newest.filter(|newest| !newest.value.is_nan()) else { return Vec::new() };
        let names = spec.detectors();
        let all = (0..).zip(self.flock.votes(number)).map(|(column, (verdict, evidence))| Statement {
            kind: names[column].entry().kind,
            verdict,
            evidence,
            words: evidence
                .filter(|_| verdict.fired())
                .map(|evidence| self.flock.words(column, verdict, &evidence, newest.at)),
            lack: match verdict {
                Verdict::Unknown(reason) => self.flock.lack(number, column, reason),
                _ => None,
            },
        });
        watch::those_of(spec, &names, all.collect(), slow)
    }
}

impl Rules {
    /// What each rule makes of the verdicts on a row. Of earlier days that cannot be read nothing is made.
    fn combine(&mut self, row: &JudgedRow<'_>) {
        for (voter, combined) in self.voters.iter_mut().zip(&mut self.combined) {
            combined.clear();
            combined.resize(row.members.len(), Verdict::Unknown(Reason::Partial));
            if !row.is_read {
                continue;
            }
            let columns: Vec<&[Verdict]> =
                voter.columns.iter().map(|&c| row.verdicts[c].as_slice()).collect();
            voter.combiner.combine_run(&columns, false, combined);
            if row.periodic.contains(&true) {
                self.periodic.clear();
                self.periodic.resize(row.members.len(), Verdict::Normal);
                voter.combiner.combine_run(&columns, true, &mut self.periodic);
                let both = combined.iter_mut().zip(&self.periodic).zip(row.periodic);
                both.filter(|(_, is_periodic)| **is_periodic).for_each(|((one, other), _)| *one = *other);
            }
        }
    }
}

impl One {
    /// It has a sample.
    fn seen(&mut self, is_start: bool) {
        self.required |= is_start;
        self.has_ended = false;
    }

    /// Says whether it is found anomalous, by the slow layer or the other.
    fn judged(&mut self, rules: &Rules, row: &JudgedRow<'_>, place: usize, moves: bool) -> bool {
        let (cell, at, value) = (cell_of(row.row), row.times[place], row.values[place]);
        let finding = self.line.sustain(cell, self.next, rules.combined[0][place], moves);
        self.standing.observe(cell, at, watch::heard(finding));
        let mut is_anomalous = finding == Finding::Anomalous;
        if let (Some(slow), Some(voter)) = (&mut self.slow, rules.slow) {
            let finding = slow.line.sustain(cell, self.next, rules.combined[voter][place], moves);
            slow.standing.observe(cell, at, finding);
            is_anomalous |= finding == Finding::Anomalous;
        }
        self.next = self.next.max(cell + 1);
        self.newest = Some(Newest { at, value, finding });
        is_anomalous
    }

    fn unknown(&mut self, cell: u64, at: Timestamp, reason: Reason) {
        let (verdict, next) = (Verdict::Unknown(reason), self.next);
        self.line.sustain(cell, next, verdict, false);
        if let Some(slow) = &mut self.slow {
            slow.line.sustain(cell, next, verdict, false);
        }
        self.next = next.max(cell + 1);
        let finding = watch::missed(&self.standing, at, reason);
        self.standings().for_each(|standing| standing.observe(cell, at, finding));
        self.newest = Some(Newest { at, value: f64::NAN, finding });
    }
}

/// Whether a series is expected to move where its sample was taken at `at`. Samples come in the order of time.
fn moves(expected: &mut BTreeMap<u32, Vec<BatchStart>>, number: u32, at: Timestamp) -> bool {
    if expected.is_empty() {
        return false;
    }
    let Some(starts) = expected.get_mut(&number) else { return false };
    starts.retain(|start| at < start.settled);
    let moves = is_expected(starts, at);
    if starts.is_empty() {
        expected.remove(&number);
    }
    moves
}

/// The cell of a row: rows may lie before 1970.
fn cell_of(row: i64) -> u64 {
    row.cast_unsigned() ^ (1 << 63)
}
