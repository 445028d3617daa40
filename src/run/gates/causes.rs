//! Why a gate decided, series by series, without what changes from moment to moment.

use crate::monitor::{View, Watch};
use crate::run::telling;
use std::collections::{BTreeMap, BTreeSet};

/// Of very many series so many of a signal are named with the same cause. That there are more is said without their number,
/// which may be another one with each sample: the evidence counts them.
const NAMED_OF_SIGNAL: usize = 100;

/// The causes of one decision, each once.
#[derive(Debug)]
pub(in crate::run) struct Causes<'a> {
    watch: &'a Watch,
    /// Whether not each series is named.
    is_large: bool,
    /// How many have it, by signal and cause.
    counts: BTreeMap<(usize, String), usize>,
    common: BTreeSet<String>,
    named: Vec<String>,
}

impl<'a> Causes<'a> {
    pub(in crate::run) fn new(watch: &'a Watch, is_large: bool) -> Self {
        Self { watch, is_large, counts: BTreeMap::new(), common: BTreeSet::new(), named: Vec::new() }
    }

    /// One that is the same whichever series has it.
    pub(in crate::run) fn of_all(&mut self, cause: String) {
        self.common.insert(cause);
    }

    /// The cause of one series.
    pub(in crate::run) fn of(&mut self, view: &View<'_>, cause: &str) {
        let count = self.counts.entry((view.signal, cause.to_owned())).or_default();
        *count += 1;
        if !self.is_large || *count <= NAMED_OF_SIGNAL {
            self.named.push(format!("{}: {cause}", telling::name(self.watch, view)));
        } else if *count == NAMED_OF_SIGNAL + 1 {
            let signal = self.watch.signals().nth(view.signal).map_or("?", |signal| signal.name.as_str());
            self.named.push(format!("more than {NAMED_OF_SIGNAL} series of {signal}: {cause}"));
        }
    }

    /// All of them, in the order of their words.
    pub(in crate::run) fn sorted(self) -> Vec<String> {
        let all: BTreeSet<String> = self.named.into_iter().chain(self.common).collect();
        all.into_iter().collect()
    }

    /// Those of single series, in the order in which they came.
    pub(in crate::run) fn in_order(self) -> Vec<String> {
        self.named
    }
}
