//! `at_least`: a given number of detectors.

use crate::registry::{Entry, Rule};
use crate::votes::Votes;
use quietgate_detectors::{Accepts, Default, OptionDoc, OptionError, Options, Spec, Verdict};

pub(super) const ENTRY: Entry = Entry {
    kind: "at_least",
    summary: "at least `count` of the detectors fire",
    about: "Three-valued: fires where enough fire; normal where too few are left that could; unknown between the two, \
        that is, where the unknown verdicts could decide it.",
    options: &[OptionDoc {
        name: "count",
        accepts: Accepts::Count { min: 1, max: 16 },
        default: Default::Required,
        unit: "detectors",
        why: "how many must fire; there is no number that suits every list of detectors",
    }],
    default_detectors: &[],
    build,
};

/// Fires where at least `count` detectors do.
#[derive(Debug)]
pub(super) struct AtLeast {
    pub(super) count: u32,
}

fn build(options: &Options, detectors: &[Spec]) -> Result<Box<dyn Rule>, OptionError> {
    let count = options.the_count("count");
    if count as usize > detectors.len() {
        let message = format!(
            "count is {count}, allowed is at most the number of detectors, which is {}",
            detectors.len()
        );
        return Err(OptionError::Together { message });
    }
    Ok(Box::new(AtLeast { count }))
}

impl Rule for AtLeast {
    fn combine(&self, verdicts: &[Verdict], _: bool) -> Verdict {
        let votes = Votes::count(verdicts.iter().copied());
        if votes.fired() >= self.count {
            votes.way()
        } else if votes.fired() + votes.unknown < self.count {
            Verdict::Normal
        } else {
            votes.verdict_unknown()
        }
    }
}
