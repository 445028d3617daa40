//! Anomalies: stretches of anomalous findings, with who saw them and how far they went.

use super::{Judged, Said};
use quietgate_detectors::{Evidence, Run, Timestamp, Verdict};
use quietgate_rules::Finding;

/// A stretch of time in which a series was anomalous.
#[derive(Debug, Clone, PartialEq)]
pub struct Anomaly {
    /// The first cell that fired, of those that made it sustained.
    pub from: Timestamp,
    /// The last cell that fired.
    pub until: Timestamp,
    /// When it had lasted long enough to be a finding.
    pub found: Timestamp,
    /// The way most of its cells went: surge or drop.
    pub verdict: Verdict,
    /// How many of its cells fired.
    pub fired: u64,
    /// The cell that was furthest beyond a limit.
    pub peak: Timestamp,
    /// The value there.
    pub value: f64,
    /// What the detectors said; those that never fired are left out.
    pub votes: Vec<Vote>,
}

/// What one detector said of an anomaly.
#[derive(Debug, Clone, PartialEq)]
pub struct Vote {
    /// The column of the detector.
    pub column: usize,
    /// At how many cells it fired.
    pub fired: u64,
    /// The cell of its highest score.
    pub at: Timestamp,
    /// Its verdict there.
    pub verdict: Verdict,
    /// The numbers there.
    pub evidence: Evidence,
}

/// Gathers anomalies from what a monitor says.
#[derive(Debug, Default)]
pub struct Anomalies {
    sustain_n: u64,
    /// What fired at the newest cell: it may still be stated anew.
    newest: Option<Fired>,
    /// Cells that fired and may turn out to be part of an anomaly.
    pending: Vec<Fired>,
    open: Option<Open>,
    closed: Vec<Anomaly>,
}

/// A cell at which the rule fired.
#[derive(Debug)]
struct Fired {
    cell: u64,
    at: Timestamp,
    value: f64,
    verdict: Verdict,
    sustained: bool,
    votes: Vec<(usize, Verdict, Evidence)>,
}

/// An anomaly that goes on.
#[derive(Debug)]
struct Open {
    anomaly: Anomaly,
    surges: u64,
    best: f64,
    last_cell: u64,
}

impl Anomalies {
    /// None yet, for a sustain that looks back over `n` cells.
    pub fn new(n: u32) -> Self {
        Self { sustain_n: n.into(), ..Self::default() }
    }

    /// Takes in what the monitor says.
    pub fn hear(&mut self, said: &Said<'_>) {
        match said {
            Said::Judged(judged) => {
                self.settle_newest(judged.run.first);
                self.judged(judged);
            }
            Said::Unknown { cell, .. } => self.settle_newest(*cell),
            Said::Late { .. } => {}
        }
    }

    /// All anomalies, in order of time; one that goes on is closed at the newest sample.
    pub fn finish(mut self) -> Vec<Anomaly> {
        self.settle_newest(u64::MAX);
        self.close();
        self.closed
    }

    fn judged(&mut self, judged: &Judged<'_>) {
        let run = &judged.run;
        for (offset, &verdict) in judged.combined[0].iter().enumerate() {
            // what was expected to move is no anomaly
            if !verdict.fired() || judged.findings[offset] == Finding::Expected {
                continue;
            }
            let cell = run.first + offset as u64;
            self.settle_newest(cell);
            self.newest = Some(Fired {
                cell,
                at: run.at(offset),
                value: run.values[offset],
                verdict,
                sustained: judged.findings[offset] == Finding::Anomalous,
                votes: votes_at(run, offset),
            });
        }
    }

    /// What fired at the newest cell holds once a later `cell` is told of, and is void if it is the same.
    fn settle_newest(&mut self, cell: u64) {
        if let Some(fired) = self.newest.take().filter(|fired| fired.cell < cell) {
            // cells side by side are one stretch also where each is a finding by itself (1 of 1)
            let n = self.sustain_n.max(2);
            let last = self.pending.last().map(|f| f.cell).or(self.open.as_ref().map(|open| open.last_cell));
            if last.is_some_and(|last| fired.cell >= last + n) {
                // nothing fired in the n cells before: what was open is over
                self.close();
            }
            self.pending.retain(|f| f.cell + n > fired.cell);
            let (sustained, found) = (fired.sustained, fired.at);
            self.pending.push(fired);
            if sustained {
                self.confirm(found);
            }
        }
    }

    /// The cells that fired lately are an anomaly, or go on with the one that is open.
    fn confirm(&mut self, found: Timestamp) {
        for fired in self.pending.drain(..) {
            self.open.get_or_insert_with(|| Open::begin(&fired, found)).extend(&fired);
        }
    }

    fn close(&mut self) {
        self.pending.clear();
        self.closed.extend(self.open.take().map(|open| open.anomaly));
    }
}

impl Open {
    fn begin(first: &Fired, found: Timestamp) -> Self {
        let anomaly = Anomaly {
            from: first.at,
            until: first.at,
            found,
            verdict: first.verdict,
            fired: 0,
            peak: first.at,
            value: first.value,
            votes: Vec::new(),
        };
        Self { anomaly, surges: 0, best: f64::NEG_INFINITY, last_cell: first.cell }
    }

    fn extend(&mut self, fired: &Fired) {
        let anomaly = &mut self.anomaly;
        anomaly.until = fired.at;
        anomaly.fired += 1;
        self.surges += u64::from(fired.verdict == Verdict::Surge);
        anomaly.verdict = if 2 * self.surges >= anomaly.fired { Verdict::Surge } else { Verdict::Drop };
        self.last_cell = fired.cell;
        let best = fired.votes.iter().map(|(_, _, evidence)| evidence.score).fold(0.0, f64::max);
        if best > self.best {
            (self.best, anomaly.peak, anomaly.value) = (best, fired.at, fired.value);
        }
        for &(column, verdict, evidence) in &fired.votes {
            anomaly.count(Vote { column, fired: 1, at: fired.at, verdict, evidence });
        }
    }
}

impl Anomaly {
    /// Adds `vote` to those of its detector.
    fn count(&mut self, vote: Vote) {
        match self.votes.binary_search_by_key(&vote.column, |known| known.column) {
            Err(place) => self.votes.insert(place, vote),
            Ok(place) => {
                let known = &mut self.votes[place];
                let fired = known.fired + 1;
                if vote.evidence.score > known.evidence.score {
                    *known = vote;
                }
                known.fired = fired;
            }
        }
    }
}

/// Who fired at the cell at `offset`, with the numbers.
fn votes_at(run: &Run<'_>, offset: usize) -> Vec<(usize, Verdict, Evidence)> {
    let fired = run.verdicts.iter().map(|column| column[offset]).enumerate().filter(|(_, v)| v.fired());
    fired.filter_map(|(column, verdict)| Some((column, verdict, run.evidence(column, offset)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::{Monitor, MonitorSpec};
    use quietgate_detectors::{Calendar, Interval, OptionValue, Sample, Spec};
    use quietgate_rules::{Direction, RuleSpec};

    /// From which second to which the anomalies of `values`, one a second, last; above 5 fires.
    fn anomalies(sustain: &str, values: &[f64]) -> Vec<(i64, i64)> {
        let above = [("above".to_owned(), OptionValue::Number(5.0))];
        let threshold = Spec::new("threshold", &above).expect("a detector");
        let sustain = sustain.parse().expect("a sustain");
        let rule = RuleSpec::new("any", &[], vec![threshold], Direction::Either, sustain).expect("a rule");
        let n = rule.sustain.n();
        let mut monitor = Monitor::new(&MonitorSpec {
            rules: vec![rule],
            slow: None,
            interval: Interval::from_millis(1_000).expect("a second"),
            calendar: Calendar::Utc,
            lateness_ms: 0,
        });
        let samples: Vec<_> = (0..).zip(values).map(|(second, v)| Sample::new(second * 1_000, *v)).collect();
        let mut anomalies = Anomalies::new(n);
        monitor.observe(&samples, |said| anomalies.hear(&said));
        let second = |at: Timestamp| at.as_millis() / 1_000;
        anomalies.finish().iter().map(|a| (second(a.from), second(a.until))).collect()
    }

    #[test]
    fn cells_side_by_side_are_one_stretch_whatever_the_sustain() {
        let values = [1.0, 9.0, 9.0, 9.0, 1.0, 9.0, 1.0, 1.0, 1.0, 9.0, 9.0];
        assert_eq!(anomalies("1 of 1", &values), [(1, 3), (5, 5), (9, 10)]);
        assert_eq!(anomalies("2 of 2", &values), [(1, 3), (9, 10)]);
        assert_eq!(anomalies("2 of 3", &values), [(1, 5), (9, 10)]);
    }
}
