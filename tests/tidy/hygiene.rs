//! Small rules about every source file: its head, its format, no unsafe code, nothing unfinished.

use crate::tokens::{Kind, code, follows, tokens};
use crate::tree::{File, root};
use std::process::Command;

/// The edition that rustfmt is told; Cargo tells it the same from the manifest.
const EDITION: &str = "2024";
/// A crate's root with no more lines of code than this is a place-holder: the workspace's lint covers it.
const PLACE_HOLDER_LINES: usize = 10;
/// Words that mark a comment as a promise to come back.
const PROMISES: &[&str] = &["TODO", "FIXME", "XXX", "HACK"];
/// Macros that stand for code that is not there, or for a look at a value.
const STAND_INS: &[&str] = &["todo", "unimplemented", "dbg"];

/// Complains where a file does not start with a `//!` that says what it is.
pub(crate) fn head_complaints(file: &File) -> Vec<String> {
    let said = file
        .text
        .lines()
        .next()
        .and_then(|line| line.strip_prefix("//!"))
        .is_some_and(|s| !s.trim().is_empty());
    if said {
        return Vec::new();
    }
    vec![format!("{}:1: the first line is no `//!`; say in a sentence what the file is for", file.path)]
}

/// Complains where rustfmt would change a file. Cargo's own check does not see modules that a macro declares.
pub(crate) fn format_complaints(files: &[File]) -> Vec<String> {
    let mut rustfmt = Command::new("rustfmt");
    rustfmt.current_dir(root()).args(["--edition", EDITION, "--check", "--files-with-diff"]);
    let done = rustfmt.args(files.iter().map(|file| &file.path)).output();
    let output =
        done.unwrap_or_else(|error| panic!("rustfmt does not run ({error}); rustup component add rustfmt"));
    if output.status.success() {
        return Vec::new();
    }
    let told = [output.stdout, output.stderr].concat();
    let inside =
        |line: &str| line.trim_start_matches(&*root().to_string_lossy()).trim_start_matches('/').to_owned();
    let mut paths: Vec<_> = String::from_utf8_lossy(&told)
        .lines()
        .map(|line| format!("{}: run rustfmt on it", inside(line)))
        .collect();
    paths.sort();
    paths.dedup();
    paths
}

/// Complains where a crate's root does not forbid unsafe code.
pub(crate) fn unsafe_complaints(file: &File) -> Vec<String> {
    let is_root = file.path.ends_with("src/lib.rs") || file.path.ends_with("src/main.rs");
    let code_lines = file.text.lines().filter(|line| !line.starts_with("//!")).count();
    let tokens = code(&file.text);
    let forbids =
        (0..tokens.len()).any(|at| follows(&tokens, at, &["#", "!", "[", "forbid", "(", "unsafe_code"]));
    if !is_root || forbids || code_lines <= PLACE_HOLDER_LINES {
        return Vec::new();
    }
    vec![format!("{}: put #![forbid(unsafe_code)] below the head", file.path)]
}

/// Complains where a `Cargo.toml` does not take over the lints of the workspace, or those allow unsafe code.
pub(crate) fn lint_complaints(file: &File) -> Vec<String> {
    let mut out = Vec::new();
    if !file.path.ends_with("Cargo.toml") {
        return out;
    }
    if !file.text.contains("[lints]\nworkspace = true\n") {
        out.push(format!("{}: has no `[lints]` with `workspace = true`", file.path));
    }
    let is_workspace = file.text.contains("[workspace]\n");
    if is_workspace && !file.text.lines().any(|line| line == "unsafe_code = \"forbid\"") {
        out.push(format!("{}: has no `unsafe_code = \"forbid\"` in [workspace.lints.rust]", file.path));
    }
    out
}

/// Complains about promises in comments, macros that stand for missing code, and tests that are left out.
pub(crate) fn unfinished_complaints(file: &File) -> Vec<String> {
    let all = tokens(&file.text);
    let code: Vec<_> = all.iter().copied().filter(|token| token.kind != Kind::Comment).collect();
    let mut out = Vec::new();
    let mut complain = |line: usize, what: &str| {
        out.push(format!("{}:{line}: {what}: finish it, or say what is absent and why", file.path));
    };
    for token in all.iter().filter(|token| token.kind == Kind::Comment) {
        let mut words = token.text.split(|c: char| !c.is_alphanumeric());
        if let Some(promise) = words.find(|word| PROMISES.contains(word)) {
            complain(token.line, promise);
        }
    }
    for (at, token) in code.iter().enumerate() {
        if STAND_INS.iter().any(|name| token.is(name)) && follows(&code, at + 1, &["!"]) {
            complain(token.line, token.text);
        }
        if follows(&code, at, &["#", "[", "ignore"]) {
            complain(token.line, "a test that is not run");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.into(), text: text.into() }
    }

    #[test]
    fn a_head_says_something() {
        let about = |text| head_complaints(&file("a.rs", text)).len();
        assert_eq!((about("//! What.\n"), about("//!\n"), about("use a;\n"), about("")), (0, 1, 1, 1));
    }

    #[test]
    fn a_crate_that_does_something_forbids_unsafe_code() {
        let long = "fn f() {}\n".repeat(PLACE_HOLDER_LINES + 1);
        let about = |path: &str, text: &str| unsafe_complaints(&file(path, text)).len();
        assert_eq!(about("rules/src/lib.rs", &long), 1);
        assert_eq!(about("src/main.rs", &format!("//! A.\n// #![forbid(unsafe_code)]\n{long}")), 1);
        assert_eq!(about("src/main.rs", &format!("//! A.\n#![forbid(unsafe_code)]\n{long}")), 0);
        assert_eq!(about("src/text.rs", &long), 0);
    }

    #[test]
    fn lints_are_taken_over() {
        let about = |text: &str| lint_complaints(&file("Cargo.toml", text)).len();
        assert_eq!(
            about(
                "[workspace]\n[workspace.lints.rust]\nunsafe_code = \"forbid\"\n[lints]\nworkspace = true\n"
            ),
            0
        );
        assert_eq!(about("[workspace]\n[lints]\nworkspace = true\n"), 1);
        assert_eq!(about("[package]\n"), 1);
    }

    #[test]
    fn what_is_unfinished_is_seen_and_words_alone_are_not() {
        let about = |text: &str| unfinished_complaints(&file("a.rs", text)).len();
        let promise = format!("// {}: later\n", PROMISES[0]);
        assert_eq!(about(&promise), 1);
        assert_eq!(
            about("fn f() { todo!() }\n#[test]\n#[ignore = \"slow\"]\nfn g() { unimplemented!(\"x\") }"),
            3
        );
        assert_eq!(about("fn todo() { print(\"TODO dbg!\") }\n// to do\n"), 0);
    }
}
