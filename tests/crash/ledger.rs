//! The outside ledger: what actions said of themselves. It is the truth that the journal is held against.

use std::fs;
use std::path::Path;

/// One attempt, by what both the ledger and the journal call it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) run: String,
    pub(crate) step: String,
    pub(crate) target: String,
    /// `action` or `undo`; in the ledger also `probe`, which has the number of the attempt that it is about.
    pub(crate) doing: String,
    pub(crate) attempt: u64,
}

/// What is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    /// It begins.
    Begin,
    /// It did what it should.
    Ok,
    /// It did not.
    Failed,
    /// A probe: it is done.
    Yes,
    /// A probe: it is not done.
    No,
}

/// A line of the ledger.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) word: Word,
    pub(crate) key: Key,
    /// When it was said, in milliseconds.
    pub(crate) at_ms: i64,
    /// When the kernel started the process that said it, in hundredths of a second since the machine started.
    pub(crate) started: u64,
}

/// The lines of the ledger in `folder`, oldest first; one that is just being written is not there yet.
pub(crate) fn read(folder: &Path) -> Vec<Line> {
    let text = fs::read_to_string(folder.join("ledger")).expect("a ledger");
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole
        .lines()
        .map(|text| line(text).unwrap_or_else(|| panic!("not a line of a ledger: {text:?}")))
        .collect()
}

fn line(text: &str) -> Option<Line> {
    let words: Vec<&str> = text.split(' ').collect();
    let [word, doing, run, step, target, attempt, at, started] = words[..] else { return None };
    let word = match word {
        "begin" => Word::Begin,
        "ok" => Word::Ok,
        "failed" => Word::Failed,
        "yes" => Word::Yes,
        "no" => Word::No,
        _ => return None,
    };
    let [run, step, target, doing] = [run, step, target, doing].map(str::to_owned);
    let key = Key { run, step, target, doing, attempt: attempt.parse().ok()? };
    Some(Line { word, key, at_ms: at.parse().ok()?, started: started.parse().ok()? })
}
