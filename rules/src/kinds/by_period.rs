//! `by_period`: a periodic series is judged by the seasonal detectors, any other by the rest.

use crate::registry::{Entry, Rule};
use crate::votes::Votes;
use quietgate_detectors::{
    Accepts, Default, OptionDoc, OptionError, Options, PERIOD_VARIANCE, Spec, Verdict,
};

pub(super) const ENTRY: Entry = Entry {
    kind: "by_period",
    summary: "a periodic series by its seasonal detectors, any other by the rest",
    about: "Tests once a day whether the last two days are alike (variance of the difference of their z-scores under \
        `variance`). A periodic series is judged by the seasonal detectors (chain, ca), any other by the rest (ss, \
        ls); also where no seasonal detector has a verdict yet. Within the group chosen, an unknown verdict does \
        not vote; if all are unknown, so is the outcome. Reference: combination 1 of the literal set, D16 to D18.",
    options: &[
        OptionDoc {
            name: "group",
            accepts: Accepts::Word(&["or", "and"]),
            default: Default::Word("or"),
            unit: "",
            why: "whether one detector of the group is enough or all that have a verdict must fire; or as D18 has it",
        },
        OptionDoc {
            name: "variance",
            accepts: Accepts::Number { min: 0.0, max: 2.0 },
            default: Default::Number(PERIOD_VARIANCE),
            unit: "squared z-score",
            why: "under it the series is periodic; 0.6 is a correlation of 0.7 between the days, noise has 2",
        },
    ],
    default_detectors: &["ss", "ls", "chain", "ca"],
    build,
};

#[derive(Debug)]
struct ByPeriod {
    seasonal: Vec<bool>,
    all_must_fire: bool,
    variance: f64,
}

fn build(options: &Options, detectors: &[Spec]) -> Result<Box<dyn Rule>, OptionError> {
    let seasonal: Vec<bool> = detectors.iter().map(|d| d.entry().seasonal).collect();
    if seasonal.iter().all(|&s| s) || !seasonal.iter().any(|&s| s) {
        let message =
            "by_period needs at least one seasonal detector (chain, ca) and one that is not".to_owned();
        return Err(OptionError::Together { message });
    }
    let all_must_fire = options.word("group") == Some("and");
    Ok(Box::new(ByPeriod { seasonal, all_must_fire, variance: options.the_number("variance") }))
}

impl ByPeriod {
    #[inline(always)]
    fn votes(&self, verdicts: &[Verdict], seasonal: bool) -> Votes {
        let group = verdicts.iter().zip(&self.seasonal).filter(|(_, s)| **s == seasonal);
        Votes::count(group.map(|(verdict, _)| *verdict))
    }
}

impl Rule for ByPeriod {
    fn combine(&self, verdicts: &[Verdict], periodic: bool) -> Verdict {
        let seasonal = periodic.then(|| self.votes(verdicts, true)).filter(|votes| votes.known() > 0);
        let votes = seasonal.unwrap_or_else(|| self.votes(verdicts, false));
        let fires = if self.all_must_fire { votes.fired() == votes.known() } else { votes.fired() > 0 };
        match (votes.known(), fires) {
            (0, _) => votes.verdict_unknown(),
            (_, true) => votes.way(),
            (_, false) => Verdict::Normal,
        }
    }

    fn period(&self) -> Option<f64> {
        Some(self.variance)
    }
}
