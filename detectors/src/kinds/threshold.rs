//! `threshold`: a fixed limit, for what has a known one.

use crate::detector::{Cells, Detector};
use crate::flock::{Across, Row, Wants};
use crate::options::{Accepts, Default, OptionDoc, OptionError, Options};
use crate::registry::{Common, Entry};
use crate::sample::Timestamp;
use crate::verdict::{Evidence, Verdict};
use crate::words::number;

pub(super) const ENTRY: Entry = Entry {
    kind: "threshold",
    summary: "a fixed limit: fires above `above` or below `below`",
    about: "For what has a known limit: packet loss, load per core, free space. Strict: the limit itself is \
        normal. Blind to everything within the limits. Score: 1 at a limit, growing by 1 for each size of the \
        limit beyond it (by 1 for each unit where the limit is 0).",
    options: &[
        OptionDoc {
            name: "above",
            accepts: Accepts::Number { min: f64::MIN, max: f64::MAX },
            default: Default::Off,
            unit: "the signal's",
            why: "a value greater than this is a surge; off, since no limit suits every signal",
        },
        OptionDoc {
            name: "below",
            accepts: Accepts::Number { min: f64::MIN, max: f64::MAX },
            default: Default::Off,
            unit: "the signal's",
            why: "a value less than this is a drop; off, since no limit suits every signal",
        },
    ],
    seasonal: false,
    warm_up: |_, _| 0,
    build,
};

#[derive(Debug, Clone)]
struct Threshold {
    above: Option<f64>,
    below: Option<f64>,
}

fn build(options: &Options, _: &mut Common) -> Result<Box<dyn Detector>, OptionError> {
    let threshold = Threshold { above: options.number("above"), below: options.number("below") };
    match (threshold.above, threshold.below) {
        (None, None) => Err(OptionError::Together {
            message: "threshold has neither above nor below: it could never fire".to_owned(),
        }),
        (Some(above), Some(below)) if below > above => Err(OptionError::Together {
            message: format!("below is {below}, allowed is at most above, which is {above}"),
        }),
        _ => Ok(Box::new(threshold)),
    }
}

/// Limits beyond the limit, in sizes of the limit.
fn excess(beyond: f64, limit: f64) -> f64 {
    let size = if limit == 0.0 { 1.0 } else { limit.abs() };
    1.0 + beyond / size
}

impl Threshold {
    fn lower(&self) -> f64 {
        self.below.unwrap_or(f64::NEG_INFINITY)
    }

    fn upper(&self) -> f64 {
        self.above.unwrap_or(f64::INFINITY)
    }
}

impl Threshold {
    fn judge(&self, values: &[f64], verdicts: &mut [Verdict]) {
        let (lower, upper) = (self.lower(), self.upper());
        for (place, &value) in verdicts.iter_mut().zip(values) {
            *place = Verdict::of((value > upper) | (value < lower), value > upper);
        }
    }

    fn numbers(&self, value: f64) -> Evidence {
        let over = self.above.map_or(0.0, |limit| excess(value - limit, limit));
        let under = self.below.map_or(0.0, |limit| excess(limit - value, limit));
        let (lower, upper) = (self.lower(), self.upper());
        Evidence { value, lower, upper, score: over.max(under), points: 0, basis: 0.0 }
    }
}

impl Across for Threshold {
    fn wants(&self) -> Wants {
        Wants::default()
    }

    fn judge_row(&self, row: &Row<'_>, verdicts: &mut [Verdict]) {
        self.judge(row.values, verdicts);
    }

    fn row_evidence(&self, row: &Row<'_>, place: usize) -> Evidence {
        self.numbers(row.values[place])
    }
}

impl Detector for Threshold {
    fn observe_run(&mut self, cells: &Cells<'_>, verdicts: &mut [Verdict]) {
        self.judge(cells.values, verdicts);
    }

    fn evidence(&self, cells: &Cells<'_>, offset: usize) -> Evidence {
        self.numbers(cells.values[offset])
    }

    fn skip(&mut self, _: u64) {}

    fn retract(&mut self) {}

    fn across(&self) -> Option<&dyn Across> {
        Some(self)
    }

    fn words(&self, verdict: Verdict, evidence: &Evidence, _: Timestamp) -> String {
        let value = number(evidence.value);
        match verdict {
            Verdict::Surge => format!("value {value} is above the limit {}", number(evidence.upper)),
            Verdict::Drop => format!("value {value} is below the limit {}", number(evidence.lower)),
            _ => format!("value {value} is within the fixed limits"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::averages::Averages;
    use crate::residuals::AllResiduals;
    use crate::verdict::Judgement;

    fn observe(above: Option<f64>, below: Option<f64>, value: f64) -> Judgement {
        judge(&mut Threshold { above, below }, value)
    }

    fn judge(threshold: &mut Threshold, value: f64) -> Judgement {
        let cells =
            Cells { values: &[value], averages: &Averages::default(), residuals: &AllResiduals::default() };
        let mut verdict = [Verdict::Normal];
        threshold.observe_run(&cells, &mut verdict);
        Judgement { verdict: verdict[0], evidence: Some(threshold.evidence(&cells, 0)) }
    }

    #[test]
    fn the_limit_itself_is_normal() {
        assert_eq!(observe(Some(50.0), None, 50.0).verdict, Verdict::Normal);
        assert_eq!(observe(Some(50.0), None, 50.1).verdict, Verdict::Surge);
        assert_eq!(observe(None, Some(0.0), -0.1).verdict, Verdict::Drop);
    }

    #[test]
    fn the_score_is_one_at_the_limit() {
        let score = |above, below, value| observe(above, below, value).evidence.map(|e| e.score);
        assert_eq!(score(Some(50.0), None, 50.0), Some(1.0));
        assert_eq!(score(Some(50.0), None, 100.0), Some(2.0));
        assert_eq!(score(Some(0.0), None, 3.0), Some(4.0));
        assert_eq!(score(Some(90.0), Some(10.0), 5.0), Some(1.5));
        assert_eq!(score(Some(50.0), None, -50.0), Some(0.0));
    }

    #[test]
    fn it_speaks_plainly() {
        let mut threshold = Threshold { above: Some(50.0), below: None };
        let judgement = judge(&mut threshold, 81.25);
        let evidence = judgement.evidence.expect("a limit always judges");
        let words = threshold.words(judgement.verdict, &evidence, Timestamp::from_millis(0));
        assert_eq!(words, "value 81.25 is above the limit 50");
    }
}
