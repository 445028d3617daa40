//! From what was judged to what is shown: findings, and pictures of them.

use super::labels::Window;
use super::output::detector_names;
use super::report::{
    Direction, FindingView, Picture, Point, Said as Shown, SeriesSummary, Span, State, Vote, Words,
};
use super::series::Outcome;
use crate::monitor::{Anomaly, Judged, Monitor, MonitorSpec, Said, Vote as MonitorVote};
use quietgate_detectors::{Sample, Verdict};
use quietgate_rules::Finding;

/// The findings of one series, without names and pictures.
pub fn view(series: &str, outcome: &Outcome, labels: Option<&[Window]>) -> Vec<FindingView> {
    let anomalies = outcome.anomalies.iter();
    anomalies.map(|(anomaly, words)| finding(series, outcome, anomaly, words, labels)).collect()
}

/// One series in numbers.
pub fn in_numbers(series: &str, outcome: &Outcome) -> SeriesSummary {
    SeriesSummary {
        name: series.to_owned(),
        interval_ms: outcome.interval().as_millis(),
        samples: outcome.samples,
        judged: outcome.judged,
        unknown: outcome.unknown,
        missing: outcome.missing,
        anomalies: outcome.anomalies.len() as u64,
        anomalous_samples: outcome.anomalies.iter().map(|(anomaly, _)| cells(outcome, anomaly)).sum(),
    }
}

/// How many cells an anomaly lasts.
fn cells(outcome: &Outcome, anomaly: &Anomaly) -> u64 {
    let length_ms = anomaly.until.as_millis() - anomaly.from.as_millis();
    1 + (length_ms / outcome.interval().as_millis()).unsigned_abs()
}

fn finding(
    series: &str,
    outcome: &Outcome,
    anomaly: &Anomaly,
    words: &[String],
    labels: Option<&[Window]>,
) -> FindingView {
    let interval_ms = outcome.interval().as_millis();
    let names = detector_names(&outcome.spec.detectors());
    let name = |column: usize| names[column].clone();
    let until_ms = anomaly.until.as_millis() + interval_ms;
    let overlaps = |w: &Window| anomaly.from <= w.to && anomaly.until >= w.from;
    let furthest = furthest(anomaly);
    let limit = |limit: f64| Some(limit).filter(|limit| limit.is_finite());
    let said = anomaly.votes.iter().zip(words);
    FindingView {
        id: String::new(),
        series: series.to_owned(),
        direction: if anomaly.verdict == Verdict::Drop { Direction::Drop } else { Direction::Surge },
        from_ms: anomaly.from.as_millis(),
        until_ms,
        found_ms: anomaly.found.as_millis(),
        samples: cells(outcome, anomaly),
        by: anomaly.votes.iter().map(|vote| name(vote.column)).collect(),
        words: said
            .map(|(vote, words)| Words {
                detector: name(vote.column),
                verdict: vote.verdict.into(),
                sentence: words.clone(),
            })
            .collect(),
        peak_ms: furthest.map_or(anomaly.peak, |vote| vote.at).as_millis(),
        value: furthest.map_or(anomaly.value, |vote| vote.evidence.value),
        lower: furthest.and_then(|vote| limit(vote.evidence.lower)),
        upper: furthest.and_then(|vote| limit(vote.evidence.upper)),
        score: furthest.map_or(0.0, |vote| vote.evidence.score),
        labelled: labels.map(|windows| windows.iter().any(overlaps)),
        picture: Picture {
            band_of: furthest.map(|vote| name(vote.column)).unwrap_or_default(),
            ..Picture::default()
        },
    }
}

/// The vote with the highest score, of those that went the way of the anomaly where there are any: what is told of
/// a surge is not that something was below a limit.
fn furthest(anomaly: &Anomaly) -> Option<&MonitorVote> {
    let score = |vote: &&MonitorVote| (vote.verdict == anomaly.verdict, vote.evidence.score);
    anomaly.votes.iter().max_by(|a, b| {
        let ((a_along, a), (b_along, b)) = (score(a), score(b));
        a_along.cmp(&b_along).then(a.total_cmp(&b))
    })
}

/// A picture shows this many times the length of its finding on either side, within these bounds in cells.
const CONTEXT: i64 = 2;
const CONTEXT_CELLS: (i64, i64) = (60, 720);

/// Judges the samples of one series once more and draws the pictures of its findings.
pub fn draw(spec: &MonitorSpec, samples: &[Sample], labels: &[Window], findings: &mut [&mut FindingView]) {
    let interval_ms = spec.interval.as_millis();
    let mut frames: Vec<Frame<'_>> = findings.iter_mut().map(|f| Frame::of(f, spec, labels)).collect();
    let mut monitor = Monitor::new(spec);
    let mut hear = |said: Said<'_>| {
        let (from, until) = match &said {
            Said::Judged(judged) => {
                (judged.run.at.as_millis(), judged.run.at(judged.run.values.len()).as_millis())
            }
            Said::Unknown { at, .. } => (at.as_millis(), at.as_millis() + interval_ms),
            Said::Late { .. } => return,
        };
        let seen = frames.iter_mut().filter(|frame| frame.from_ms < until && frame.until_ms >= from);
        seen.for_each(|frame| frame.hear(&said));
    };
    monitor.observe(samples, &mut hear);
    monitor.finish(hear);
}

/// What one picture takes of a series.
struct Frame<'a> {
    from_ms: i64,
    until_ms: i64,
    band: usize,
    /// Which way the rule fired last: a finding lasts over cells at which it does not.
    way: Direction,
    picture: &'a mut Picture,
}

impl<'a> Frame<'a> {
    fn of(finding: &'a mut FindingView, spec: &MonitorSpec, labels: &[Window]) -> Self {
        let step = spec.interval.as_millis();
        let length = finding.until_ms - finding.from_ms;
        let context = (CONTEXT * length).clamp(CONTEXT_CELLS.0 * step, CONTEXT_CELLS.1 * step);
        let names = detector_names(&spec.detectors());
        let band = names.iter().position(|name| *name == finding.picture.band_of).unwrap_or(0);
        let picture = &mut finding.picture;
        picture.interval_ms = step;
        picture.votes = names.into_iter().map(|name| Vote { name, verdicts: Vec::new() }).collect();
        let span = |w: &Window| Span { from_ms: w.from.as_millis(), until_ms: w.to.as_millis() + step };
        picture.labels = labels.iter().map(span).collect();
        let (from_ms, until_ms) = (finding.from_ms - context, finding.until_ms + context);
        Self { from_ms, until_ms, band, way: finding.direction, picture }
    }

    fn hear(&mut self, said: &Said<'_>) {
        match said {
            Said::Judged(judged) => self.judged(judged),
            Said::Unknown { at, .. } => {
                let point = Point {
                    at_ms: at.as_millis(),
                    value: None,
                    lower: None,
                    upper: None,
                    state: State::Unknown,
                };
                self.put(point, |_| Shown::Unknown);
            }
            Said::Late { .. } => {}
        }
    }

    fn judged(&mut self, judged: &Judged<'_>) {
        let run = &judged.run;
        for (offset, &value) in run.values.iter().enumerate() {
            let at_ms = run.at(offset).as_millis();
            self.way = way(judged.combined[0][offset]).unwrap_or(self.way);
            if !(self.from_ms..self.until_ms).contains(&at_ms) {
                continue;
            }
            let limits = run.evidence(self.band, offset).map(|e| (e.lower, e.upper));
            let finite = |limit: f64| Some(limit).filter(|limit| limit.is_finite());
            let point = Point {
                at_ms,
                value: Some(value),
                lower: limits.and_then(|(lower, _)| finite(lower)),
                upper: limits.and_then(|(_, upper)| finite(upper)),
                state: state(judged.findings[offset], self.way),
            };
            self.put(point, |column| run.verdicts[column][offset].into());
        }
    }

    /// Adds a point, in place of the newest where that is stated anew.
    fn put(&mut self, point: Point, verdict: impl Fn(usize) -> Shown) {
        let anew = self.picture.points.last().is_some_and(|newest| newest.at_ms == point.at_ms);
        if anew {
            self.picture.points.pop();
            for vote in &mut self.picture.votes {
                vote.verdicts.pop();
            }
        }
        self.picture.points.push(point);
        for (column, vote) in self.picture.votes.iter_mut().enumerate() {
            vote.verdicts.push(verdict(column));
        }
    }
}

fn way(verdict: Verdict) -> Option<Direction> {
    match verdict {
        Verdict::Surge => Some(Direction::Surge),
        Verdict::Drop => Some(Direction::Drop),
        Verdict::Normal | Verdict::Unknown(_) => None,
    }
}

fn state(finding: Finding, way: Direction) -> State {
    match finding {
        Finding::Clean => State::Clean,
        Finding::Suspect => State::Suspect,
        Finding::Anomalous => State::Anomalous(way),
        // nothing is expected of recorded series, for no batch starts on them
        Finding::Unknown(_) | Finding::Expected => State::Unknown,
    }
}
