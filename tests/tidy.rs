//! Holds what a compiler does not: the floors of `src/`, sizes, words, and the form of the standing files.
//!
//! Each rule is a function from text to complaints, tried on small texts beside it; here it meets the whole tree.
//! A complaint names file and line, and says what to do instead.

#[path = "tidy/docs.rs"]
mod docs;
#[path = "tidy/floors.rs"]
mod floors;
#[path = "tidy/hygiene.rs"]
mod hygiene;
#[path = "tidy/pure.rs"]
mod pure;
#[path = "tidy/size.rs"]
mod size;
#[path = "tidy/tokens.rs"]
mod tokens;
#[path = "tidy/tree.rs"]
mod tree;
#[path = "tidy/words.rs"]
mod words;

use tree::{File, files};

/// Fails with all complaints at once, so that one run is enough to mend them.
fn hold(complaints: impl IntoIterator<Item = String>) {
    let complaints: Vec<String> = complaints.into_iter().collect();
    assert!(complaints.is_empty(), "{} to mend:\n{}", complaints.len(), complaints.join("\n"));
}

/// Every complaint of `rule` about any of the `files`.
fn each(files: &[File], rule: impl Fn(&File) -> Vec<String>) -> Vec<String> {
    files.iter().flat_map(rule).collect()
}

#[test]
fn the_tree_is_seen() {
    let rust = files("rs");
    for path in ["src/main.rs", "detectors/src/lib.rs", "rules/src/lib.rs", "tests/tidy/tree.rs"] {
        assert!(rust.iter().any(|file| file.path == path), "{path} is not among {} files", rust.len());
    }
}

#[test]
fn a_module_uses_only_floors_below_its_own() {
    hold(each(&files("rs"), floors::complaints));
}

#[test]
fn pure_crates_know_neither_the_crates_above_them_nor_the_world() {
    hold(each(&files("rs"), pure::complaints));
    hold(each(&files("toml"), pure::manifest_complaints));
}

#[test]
fn files_and_functions_are_short() {
    hold(each(&files("rs"), size::complaints));
}

#[test]
fn every_file_says_what_it_is() {
    hold(each(&files("rs"), hygiene::head_complaints));
}

#[test]
fn every_file_is_formatted() {
    hold(hygiene::format_complaints(&files("rs")));
}

#[test]
fn unsafe_code_is_forbidden_in_every_crate() {
    hold(each(&files("rs"), hygiene::unsafe_complaints));
    hold(each(&files("toml"), hygiene::lint_complaints));
}

#[test]
fn nothing_is_left_unfinished() {
    hold(each(&files("rs"), hygiene::unfinished_complaints));
}

#[test]
fn one_word_has_one_meaning() {
    let guide =
        files("md").into_iter().find(|file| file.path == words::GLOSSARY).expect("there is a glossary");
    let refused = words::refused(&guide.text);
    assert!(
        refused.len() > 10,
        "the glossary of {} names only {} refused words",
        words::GLOSSARY,
        refused.len()
    );
    let mut texts = files("rs");
    texts.extend(files("md"));
    hold(words::complaints(&texts, &refused, words::ALLOWED));
}

#[test]
fn the_changelog_has_its_form() {
    let all = files("md");
    let changelog = all.iter().find(|file| file.path == "CHANGELOG.md").expect("there is a changelog");
    hold(docs::changelog_complaints(changelog));
}

#[test]
fn every_linked_file_exists() {
    hold(each(&files("md"), docs::link_complaints));
}
