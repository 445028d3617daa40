//! For fuzzers and tests alone: every parser of what others wrote, as a function of bytes that panics where something is wrong.
//!
//! Each says what must hold of whatever comes, beside the parser: `fuzz/` runs them on made bytes, the test below on all that is
//! kept in `fuzz/corpus`. Without `--cfg fuzzing` nothing of this is in the program.

pub use crate::backtest::fuzzing::names;
pub use crate::config::fuzzing::{config, inventory, plan, words};
pub use crate::history::fuzzing::{history, row};
pub use crate::journal::fuzzing::head;
pub use crate::sources::fuzzing::*;
pub use crate::story::fuzzing::records;

/// A parser: takes any bytes.
pub type Target = fn(&[u8]);

/// Every parser by its name, which is that of its target in `fuzz/fuzz_targets` and of the folder of its corpus.
pub const TARGETS: [(&str, Target); 20] = [
    ("page", page),
    ("selector", selector),
    ("output", output),
    ("remote_write", remote_write),
    ("json_lines", json_lines),
    ("prometheus", prometheus),
    ("promql", promql),
    ("netlink", netlink),
    ("proc", proc),
    ("echo", echo),
    ("csv", csv),
    ("log", log),
    ("names", names),
    ("words", words),
    ("config", config),
    ("plan", plan),
    ("inventory", inventory),
    ("history", history),
    ("row", row),
    ("journal", journal),
];

/// The head of a journal, and the records in it.
pub fn journal(bytes: &[u8]) {
    head(bytes);
    records(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    fn folder(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(name)
    }

    fn entries(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        entries.map(|entry| entry.expect("an entry").path()).collect()
    }

    /// What is found by fuzzing is kept there, and stays mended.
    #[test]
    fn whatever_is_in_the_corpus_is_read_as_it_must_be() {
        for (name, target) in TARGETS {
            let files = entries(&folder("corpus").join(name));
            assert!(!files.is_empty(), "{name} has no corpus");
            for file in files {
                let bytes = fs::read(&file).expect("a file of the corpus");
                let held = std::panic::catch_unwind(|| target(&bytes));
                assert!(held.is_ok(), "{name} {}", file.display());
            }
        }
    }

    #[test]
    fn each_parser_is_a_target_with_a_corpus() {
        let known: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
        let names = |folder: &Path| -> BTreeSet<String> {
            let stem = |path: PathBuf| path.file_stem().map(|name| name.to_string_lossy().into_owned());
            entries(folder).into_iter().filter_map(stem).collect()
        };
        assert_eq!(names(&folder("fuzz_targets")), known);
        assert_eq!(names(&folder("corpus")), known);
        let manifest = fs::read_to_string(folder("Cargo.toml")).expect("the manifest");
        let bins: BTreeSet<_> = manifest
            .lines()
            .filter_map(|line| line.strip_prefix("path = \"fuzz_targets/")?.strip_suffix(".rs\""))
            .map(str::to_owned)
            .collect();
        assert_eq!(bins, known);
    }
}
