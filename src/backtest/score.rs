//! How good findings are against labels, event by event.
//!
//! A labelled window is *caught* by the findings that overlap it; a finding that overlaps none is a *false
//! hold*. Precision: findings that overlap a label / findings. Recall: labels caught / labels. F1: their
//! harmonic mean. Detection delay: from the beginning of a label to the time the first of its findings was
//! found, 0 where it was found before.

use super::labels::Window;
use super::report;
use quietgate_detectors::{DAY_MS, Interval, Timestamp};

/// A finding as far as scoring goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Its first cell.
    pub from: Timestamp,
    /// Its last cell.
    pub until: Timestamp,
    /// When it was found.
    pub found: Timestamp,
}

/// The scores of one series, or of several together.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scores {
    findings: u64,
    hits: u64,
    labels: u64,
    caught: u64,
    days: f64,
    /// In samples and in minutes, one a label caught.
    delays: Vec<(f64, f64)>,
}

impl Scores {
    /// The scores of one series that was recorded from `span.0` until `span.1`. Labels outside are left out.
    pub fn of(
        findings: &[Found],
        labels: &[Window],
        span: (Timestamp, Timestamp),
        interval: Interval,
    ) -> Self {
        let (from, until) = span;
        let seen: Vec<_> = labels.iter().filter(|label| label.from < until && label.to >= from).collect();
        let overlap = |found: &Found, label: &Window| found.from <= label.to && found.until >= label.from;
        let hits = findings.iter().filter(|found| seen.iter().any(|label| overlap(found, label))).count();
        let step = interval.as_millis() as f64;
        let delay = |label: &&Window| {
            let first =
                findings.iter().filter(|found| overlap(found, label)).map(|found| found.found).min()?;
            let ms = (first.as_millis() - label.from.as_millis()).max(0) as f64;
            Some((ms / step, ms / 60_000.0))
        };
        let delays: Vec<_> = seen.iter().filter_map(delay).collect();
        Self {
            findings: findings.len() as u64,
            hits: hits as u64,
            labels: seen.len() as u64,
            caught: delays.len() as u64,
            days: (until.as_millis() - from.as_millis()) as f64 / DAY_MS as f64,
            delays,
        }
    }

    /// Those of several series as one.
    pub fn together(series: &[Self]) -> Self {
        let mut all = Self::default();
        series.iter().for_each(|scores| all.add(scores));
        all
    }

    fn add(&mut self, other: &Self) {
        self.findings += other.findings;
        self.hits += other.hits;
        self.labels += other.labels;
        self.caught += other.caught;
        self.days += other.days;
        self.delays.extend_from_slice(&other.delays);
    }

    /// The figures; what would divide by nothing is missing.
    pub fn figures(&self) -> report::Score {
        let ratio = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
        let (precision, recall) = (ratio(self.hits, self.findings), ratio(self.caught, self.labels));
        let f1 = precision.zip(recall).filter(|(p, r)| p + r > 0.0).map(|(p, r)| 2.0 * p * r / (p + r));
        let false_holds = self.findings - self.hits;
        let (mut samples, mut minutes): (Vec<f64>, Vec<f64>) = self.delays.iter().copied().unzip();
        report::Score {
            precision,
            recall,
            f1,
            labelled: self.labels,
            caught: self.caught,
            false_holds,
            false_holds_a_day: (self.days > 0.0).then(|| false_holds as f64 / self.days),
            delay_samples_median: quantile(&mut samples, 0.5),
            delay_samples_p90: quantile(&mut samples, 0.9),
            delay_minutes_median: quantile(&mut minutes, 0.5),
            delay_minutes_p90: quantile(&mut minutes, 0.9),
        }
    }
}

/// The smallest value that at least the share `p` of all do not exceed; the middle two are averaged for 0.5.
pub(crate) fn quantile(values: &mut [f64], p: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let n = values.len();
    if n == 0 {
        return None;
    }
    if p == 0.5 && n.is_multiple_of(2) {
        return Some(f64::midpoint(values[n / 2 - 1], values[n / 2]));
    }
    let rank = (p * n as f64).ceil() as usize;
    Some(values[rank.clamp(1, n) - 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_millis(minute * 60_000)
    }

    fn scores(findings: &[(i64, i64, i64)], labels: &[(i64, i64)]) -> report::Score {
        let found: Vec<_> =
            findings.iter().map(|&(f, u, d)| Found { from: at(f), until: at(u), found: at(d) }).collect();
        let windows: Vec<_> = labels.iter().map(|&(f, t)| Window { from: at(f), to: at(t) }).collect();
        let interval = Interval::from_millis(60_000).expect("a minute");
        Scores::of(&found, &windows, (at(0), at(2880)), interval).figures()
    }

    #[test]
    fn worked_by_hand() {
        // two labels: the first is caught by two findings, the second missed; one finding is false
        let score = scores(&[(100, 110, 103), (115, 130, 116), (500, 501, 501)], &[(101, 120), (900, 950)]);
        assert_eq!((score.precision, score.recall), (Some(2.0 / 3.0), Some(0.5)));
        assert!((score.f1.expect("both are known") - 4.0 / 7.0).abs() < 1e-12);
        assert_eq!((score.labelled, score.caught, score.false_holds), (2, 1, 1));
        assert_eq!(score.false_holds_a_day, Some(0.5));
        assert_eq!((score.delay_samples_median, score.delay_minutes_p90), (Some(2.0), Some(2.0)));
    }

    #[test]
    fn found_before_the_label_begins_is_no_delay() {
        assert_eq!(scores(&[(90, 105, 91)], &[(100, 120)]).delay_minutes_median, Some(0.0));
    }

    #[test]
    fn touching_ends_overlap_and_the_next_cell_does_not() {
        assert_eq!(scores(&[(90, 100, 91)], &[(100, 120)]).caught, 1);
        assert_eq!(scores(&[(121, 130, 122)], &[(100, 120)]).caught, 0);
    }

    #[test]
    fn what_would_divide_by_nothing_is_missing() {
        let none = scores(&[], &[]);
        assert_eq!(
            (none.precision, none.recall, none.f1, none.delay_samples_median),
            (None, None, None, None)
        );
        assert_eq!(none.false_holds_a_day, Some(0.0));
        assert_eq!(scores(&[], &[(1, 2)]).recall, Some(0.0));
        // outside of what was recorded
        assert_eq!(scores(&[], &[(9000, 9001)]).recall, None);
    }

    #[test]
    fn quantiles() {
        assert_eq!(quantile(&mut [4.0, 1.0, 3.0, 2.0], 0.5), Some(2.5));
        assert_eq!(quantile(&mut [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0], 0.9), Some(9.0));
        assert_eq!(quantile(&mut [7.0], 0.9), Some(7.0));
    }
}
