//! `majority`: more than half of the detectors that have a verdict.

use crate::registry::{Entry, Rule};
use crate::votes::Votes;
use quietgate_detectors::{OptionError, Options, Spec, Verdict};

pub(super) const ENTRY: Entry = Entry {
    kind: "majority",
    summary: "more than half of the detectors that have a verdict fire",
    about: "An unknown verdict does not vote; with fewer than two verdicts the outcome is unknown. Half is not a \
        majority. Reference: combination 2 of the literal set, D19.",
    options: &[],
    default_detectors: &["ss", "ls", "ewma3sigma", "chain", "ca"],
    build,
};

#[derive(Debug)]
struct Majority;

fn build(_: &Options, detectors: &[Spec]) -> Result<Box<dyn Rule>, OptionError> {
    if detectors.len() < 2 {
        let message = "majority needs at least two detectors: with one it could never judge".to_owned();
        return Err(OptionError::Together { message });
    }
    Ok(Box::new(Majority))
}

impl Rule for Majority {
    fn combine(&self, verdicts: &[Verdict], _: bool) -> Verdict {
        let votes = Votes::count(verdicts.iter().copied());
        if votes.known() < 2 {
            votes.verdict_unknown()
        } else if votes.fired() * 2 > votes.known() {
            votes.way()
        } else {
            Verdict::Normal
        }
    }
}
