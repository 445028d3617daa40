//! One series judged by one setting: its false episodes, and what became of its labels.

use super::tally::Tally;
use crate::backtest::{BacktestError, Starts, labels::Window, listen};
use crate::monitor::{Anomalies, Anomaly, Judged, MonitorSpec, Said};
use crate::sources::recorded::Recording;
use quietgate_detectors::Timestamp;

/// Equal parts of the time that was recorded, in order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Folds {
    pub(super) from_ms: i64,
    pub(super) until_ms: i64,
    /// At least 1.
    pub(super) count: usize,
}

impl Folds {
    /// The part to which `at` belongs; what lies outside, to the nearest one.
    pub(super) fn of(&self, at: Timestamp) -> usize {
        let (since, whole) = (at.as_millis() - self.from_ms, (self.until_ms - self.from_ms).max(1));
        let part = (i128::from(since.max(0)) * self.count as i128 / i128::from(whole)) as usize;
        part.min(self.count - 1)
    }

    /// Where the part `index` begins, in milliseconds.
    pub(super) fn begins(&self, index: usize) -> i64 {
        let whole = i128::from(self.until_ms - self.from_ms);
        let count = self.count as i128;
        let begins = i128::from(self.from_ms) + (whole * index as i128 + count - 1) / count;
        i64::try_from(begins).unwrap_or(self.until_ms)
    }
}

/// By what is counted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counting {
    pub(super) folds: Folds,
    /// How long after a label an episode is not yet false, in milliseconds.
    pub(super) tolerance_ms: i64,
    /// A label found later than this after it began is late, in milliseconds.
    pub(super) soak_ms: i64,
    /// Where batches are taken to start, nothing counts but what begins while one of them is looked at.
    pub(super) starts: Option<Starts>,
}

impl Counting {
    fn counts(&self, at: Timestamp) -> bool {
        self.starts.is_none_or(|starts| starts.looks_at(at))
    }
}

/// Judges the series `index` by `spec`, with the same monitor as a gate, from its first sample to its last; gives one
/// tally for each part of the time. The detectors see all that was before, as they would live.
pub(super) fn judge(
    recording: &Recording,
    index: usize,
    spec: &MonitorSpec,
    labels: &[Window],
    counting: Counting,
) -> Result<Vec<Tally>, BacktestError> {
    let sustain_n = spec.rules[0].sustain.n();
    let step_ms = spec.interval.as_millis();
    let mut anomalies = Anomalies::new(sustain_n);
    let mut clean = Clean::new(labels, counting, step_ms);
    let info = &recording.series()[index];
    let starts = counting.starts.into_iter().flat_map(|starts| starts.between(info.first, info.last));
    listen(recording, index, spec, starts, |said| {
        anomalies.hear(said);
        clean.hear(said);
    })?;
    let seen = |label: &&Window| label.from <= info.last && label.to >= info.first;
    let labels: Vec<Window> = labels.iter().filter(seen).copied().collect();
    let mut tallies = clean.tallies;
    // an episode begins with the first of the cells that made it sustained, which may lie just before its label
    let lead_ms = i64::from(sustain_n - 1) * step_ms;
    tell_apart(&anomalies.finish(), &labels, lead_ms, counting, &mut tallies);
    Ok(tallies)
}

/// Counts episodes that are false, labels, and those that were caught, and how fast.
fn tell_apart(
    episodes: &[Anomaly],
    labels: &[Window],
    lead_ms: i64,
    counting: Counting,
    tallies: &mut [Tally],
) {
    let excused = |episode: &&Anomaly| {
        let begins = episode.from.as_millis();
        labels.iter().any(|label| {
            let allowed = label.from.as_millis() - lead_ms..=label.to.as_millis() + counting.tolerance_ms;
            allowed.contains(&begins)
        })
    };
    let (of_labels, false_ones): (Vec<&Anomaly>, Vec<&Anomaly>) = episodes.iter().partition(excused);
    for episode in false_ones.iter().filter(|episode| counting.counts(episode.from)) {
        tallies[counting.folds.of(episode.from)].false_episodes += 1;
    }
    for label in labels.iter().filter(|label| counting.counts(label.from)) {
        let tally = &mut tallies[counting.folds.of(label.from)];
        tally.labels += 1;
        let overlaps = |e: &&&Anomaly| e.from <= label.to && e.until >= label.from;
        let found = of_labels.iter().filter(overlaps).map(|episode| episode.found).min();
        if let Some(found) = found {
            let delay_ms = (found.as_millis() - label.from.as_millis()).max(0);
            tally.caught += 1;
            tally.late += u64::from(delay_ms > counting.soak_ms);
            tally.delays_ms.push(delay_ms);
        }
    }
}

/// The time in which a series was judged and nothing was labelled.
struct Clean {
    /// First and last millisecond of what is left out.
    left_out: Vec<(i64, i64)>,
    counting: Counting,
    step_ms: i64,
    tallies: Vec<Tally>,
    /// The newest cell that counts, with its part: it may turn out to be unknown.
    newest: Option<(Timestamp, usize)>,
}

impl Clean {
    fn new(labels: &[Window], counting: Counting, step_ms: i64) -> Self {
        let left_out =
            |label: &Window| (label.from.as_millis(), label.to.as_millis() + counting.tolerance_ms);
        Self {
            left_out: labels.iter().map(left_out).collect(),
            counting,
            step_ms,
            tallies: vec![Tally::default(); counting.folds.count],
            newest: None,
        }
    }

    fn hear(&mut self, said: &Said<'_>) {
        match said {
            Said::Judged(judged) => self.judged(judged),
            Said::Unknown { at, .. } => {
                if let Some((_, part)) = self.newest.take_if(|(newest, _)| newest == at) {
                    self.tallies[part].clean_ms -= self.step_ms;
                }
            }
            Said::Late { .. } => {}
        }
    }

    fn judged(&mut self, judged: &Judged<'_>) {
        let (run, verdicts) = (&judged.run, &judged.combined[0]);
        let Some(last) = verdicts.len().checked_sub(1) else { return };
        let (begins, ends) = (run.at.as_millis(), run.at(last).as_millis());
        let near: Vec<_> =
            self.left_out.iter().filter(|(from, to)| *from <= ends && begins <= *to).copied().collect();
        let one_part = self.counting.folds.of(run.at) == self.counting.folds.of(run.at(last));
        self.newest = None;
        for (offset, _) in verdicts.iter().enumerate().filter(|(_, verdict)| !verdict.is_unknown()) {
            let at = run.at(offset);
            let is_near = |(from, to): &(i64, i64)| (*from..=*to).contains(&at.as_millis());
            if (!near.is_empty() && near.iter().any(is_near)) || !self.counting.counts(at) {
                continue;
            }
            let part = self.counting.folds.of(if one_part { run.at } else { at });
            self.tallies[part].clean_ms += self.step_ms;
            self.newest = (offset == last).then_some((at, part));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quietgate_detectors::Verdict;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_millis(minute * 60_000)
    }

    fn counting() -> Counting {
        let folds = Folds { from_ms: 0, until_ms: 1_000 * 60_000, count: 2 };
        Counting { folds, tolerance_ms: 30 * 60_000, soak_ms: 15 * 60_000, starts: None }
    }

    fn tallies(episodes: &[(i64, i64, i64)], labels: &[(i64, i64)]) -> Vec<Tally> {
        counted(episodes, labels, counting())
    }

    fn counted(episodes: &[(i64, i64, i64)], labels: &[(i64, i64)], counting: Counting) -> Vec<Tally> {
        let episode = |&(from, found, until): &(i64, i64, i64)| Anomaly {
            from: at(from),
            until: at(until),
            found: at(found),
            verdict: Verdict::Surge,
            fired: 1,
            peak: at(from),
            value: 0.0,
            votes: Vec::new(),
        };
        let episodes: Vec<_> = episodes.iter().map(episode).collect();
        let labels: Vec<_> = labels.iter().map(|&(from, to)| Window { from: at(from), to: at(to) }).collect();
        let mut tallies = vec![Tally::default(); 2];
        tell_apart(&episodes, &labels, 2 * 60_000, counting, &mut tallies);
        tallies
    }

    #[test]
    fn worked_by_hand() {
        // two minutes before its label, in it but late, within the tolerance, beyond it, and in the second half
        let episodes = [(98, 101, 120), (230, 231, 235), (150, 151, 160), (151, 152, 160), (700, 701, 702)];
        let all = tallies(&episodes, &[(100, 120), (200, 240), (900, 910)]);
        let (first, second) = (&all[0], &all[1]);
        assert_eq!((first.false_episodes, first.labels, first.caught, first.late), (1, 2, 2, 1));
        assert_eq!(first.delays_ms, [60_000, 31 * 60_000]);
        assert_eq!((second.false_episodes, second.labels, second.caught), (1, 1, 0));
    }

    #[test]
    fn what_does_not_begin_after_a_start_does_not_count() {
        let starts = Some(Starts { every_ms: 100 * 60_000, looked_ms: 60 * 60_000 });
        // 210 is looked at, and is caught; 270 is not; of what is false the one at 140 counts
        let episodes = [(140, 141, 142), (180, 181, 182), (212, 213, 220), (272, 273, 280)];
        let first = &counted(&episodes, &[(210, 220), (270, 280)], Counting { starts, ..counting() })[0];
        assert_eq!((first.false_episodes, first.labels, first.caught), (1, 1, 1));
    }

    #[test]
    fn what_began_long_before_a_label_has_not_caught_it() {
        let all = tallies(&[(50, 51, 200)], &[(100, 120)]);
        assert_eq!((all[0].false_episodes, all[0].caught), (1, 0));
        // one that began in an earlier label goes on in the next
        let all = tallies(&[(100, 101, 140)], &[(100, 120), (130, 150)]);
        assert_eq!((all[0].false_episodes, all[0].caught), (0, 2));
    }

    #[test]
    fn parts_of_the_time_are_equal_and_whole() {
        let folds = Folds { from_ms: 10, until_ms: 20, count: 3 };
        let parts: Vec<_> = (0..=30).map(|ms| folds.of(Timestamp::from_millis(ms))).collect();
        assert_eq!(&parts[10..21], [0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 2]);
        assert_eq!((parts[0], parts[30]), (0, 2));
        assert_eq!((0..4).map(|part| folds.begins(part)).collect::<Vec<_>>(), [10, 14, 17, 20]);
    }
}
