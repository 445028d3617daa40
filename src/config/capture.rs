//! What captures the scene of an anomaly: the programs of a signal, and what holds for all of them.

use super::fields::CAPTURE;
use super::mistakes::{Mistakes, Place};
use super::read::Fields;
use super::yaml::Node;
use crate::actions::{LOOKS, Program};
use std::path::Path;

/// How many programs a capture has at most: all are started at once, and each leaves a record.
pub(super) const PROGRAMS_MAX: usize = 8;

/// A program with its arguments, which only looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The program and its arguments, at least one element, none of which has a NUL.
    pub argv: Vec<String>,
    /// Where it stands.
    pub at: Place,
}

/// What holds for all captures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capturing {
    /// The programs for signals that have none of their own.
    pub programs: Vec<Look>,
    /// The longest that one may run, in milliseconds.
    pub timeout_ms: i64,
    /// The most bytes that are kept of what one writes on standard output.
    pub max_output: u64,
    /// The most captures that a run has.
    pub at_most: u32,
    /// The least time between two captures of a signal, in milliseconds.
    pub spacing_ms: i64,
}

/// What `config` says of captures, or what holds where it says nothing; none where it has mistakes.
pub(super) fn read(config: &Fields<'_>, mistakes: &mut Mistakes) -> Option<Capturing> {
    let given = config.node("capture").filter(|_| config.map("capture", mistakes).is_some());
    let own = Fields::open_or_empty(given, config.place("capture"), &CAPTURE, mistakes)?;
    let programs = looks(&own, "programs", mistakes).unwrap_or_default();
    let (timeout, spacing) = (own.duration("timeout", mistakes), own.duration("spacing", mistakes));
    let (max_output, at_most) = (own.size("max_output", mistakes), own.count("at_most", mistakes));
    Some(Capturing {
        programs,
        timeout_ms: timeout?,
        max_output: max_output?,
        at_most: at_most?,
        spacing_ms: spacing?,
    })
}

/// The programs at `key`, where it is given.
pub(super) fn looks(fields: &Fields<'_>, key: &str, mistakes: &mut Mistakes) -> Option<Vec<Look>> {
    let node = fields.node(key)?;
    let items = node.list().filter(|items| items.len() <= PROGRAMS_MAX);
    let items = fields.or_wrong(key, node, items, mistakes)?;
    Some(items.iter().filter_map(|item| look(item, mistakes)).collect())
}

fn look(item: &Node, mistakes: &mut Mistakes) -> Option<Look> {
    let argv: Option<Vec<String>> =
        item.list().and_then(|words| words.iter().map(|word| word.scalar().map(str::to_owned)).collect());
    let is_good = |argv: &Vec<String>| {
        argv.first().is_some_and(|program| !program.is_empty())
            && argv.iter().all(|word| !word.contains('\0'))
    };
    let Some(argv) = argv.filter(is_good) else {
        let message = format!(
            "a program is {}, allowed is a list of its name and its arguments, such as [vmstat, \"1\", \"5\"]",
            item.found()
        );
        mistakes.add(item.at, message);
        return None;
    };
    Some(Look { argv, at: item.at })
}

impl Look {
    /// It as a program that is run in `folder`.
    pub(crate) fn program(&self, folder: &Path) -> Program {
        Program {
            argv: self.argv.clone(),
            directory: folder.to_owned(),
            environment: vec![(LOOKS.to_owned(), "1".into())],
        }
    }

    /// Why it cannot be started now in `folder`; none where it can.
    pub fn missing(&self, folder: &Path) -> Option<String> {
        self.program(folder).missing()
    }
}
