//! What a page must mention, and what it may.

use crate::tree::{File, root};
use serde_json::Value;
use std::collections::BTreeSet;

/// The parts that the section of every kind has, in this order.
const PARTS: &[&str] = &["What it finds", "When to use", "Options", "Warm-up", "Blind spots", "Reference"];
/// A rule has no warm-up of its own, and is blind where its detectors are.
const RULE_PARTS: &[&str] = &["What it finds", "When to use", "Options", "Unknown verdicts", "Reference"];

/// A source says what the times of its samples are.
const SOURCE_PARTS: &[&str] =
    &["What it reads", "Settings", "Times and freshness", "Look-back", "Blind spots"];

/// The part of `page` from `heading` to the next heading of its rank.
pub(crate) fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let start = page.find(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no heading {heading:?}")) + 1;
    let body = &page[start..];
    let rank = heading.split(' ').next().unwrap_or_default();
    body[heading.len()..].find(&format!("\n{rank} ")).map_or(body, |end| &body[..heading.len() + end])
}

/// The first cell of each row of the tables in `text`, without heads and backticks.
pub(crate) fn first_cells(text: &str) -> Vec<String> {
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
    let is_rule = |line: &str| line.starts_with("|---");
    let body =
        (0..rows.len()).filter(|&i| !is_rule(rows[i]) && rows.get(i + 1).is_none_or(|next| !is_rule(next)));
    body.map(|i| rows[i].split('|').nth(1).unwrap_or_default().trim().replace('`', "")).collect()
}

/// The `words` that do not stand in backticks in the page at `path`.
pub(crate) fn missing(path: &str, page: &str, words: impl IntoIterator<Item = String>) -> Vec<String> {
    let absent = words.into_iter().filter(|word| !page.contains(&format!("`{word}`")));
    absent.map(|word| format!("{path}: `{word}` is not mentioned")).collect()
}

/// The kinds that have no section of their own, or lack a part in it.
pub(crate) fn kinds_without_words(path: &str, page: &str, kinds: &[Value]) -> Vec<String> {
    let parts = match path {
        "docs/rules.md" => RULE_PARTS,
        "docs/sources.md" => SOURCE_PARTS,
        _ => PARTS,
    };
    let mut out = Vec::new();
    for kind in kinds.iter().filter_map(|kind| kind["kind"].as_str()) {
        let heading = format!("## `{kind}`");
        if !page.contains(&format!("\n{heading}\n")) {
            out.push(format!("{path}: no section {heading}"));
            continue;
        }
        let text = section(page, &heading);
        let places: Vec<_> = parts.iter().map(|part| text.find(&format!("\n**{part}.**"))).collect();
        let absent = parts.iter().zip(&places).filter(|(_, place)| place.is_none());
        out.extend(absent.map(|(part, _)| format!("{path}: {heading} has no **{part}.**")));
        if !places.is_sorted() {
            out.push(format!("{path}: the parts of {heading} are not in the order {}", parts.join(", ")));
        }
    }
    out
}

/// The paths of the project that stand in backticks in `file` and are not there.
pub(crate) fn quoted_paths(file: &File) -> Vec<String> {
    let mut out = Vec::new();
    for (line, text) in (1..).zip(file.text.lines()) {
        let quoted = text.split('`').skip(1).step_by(2).filter(|word| is_path(word));
        let absent = quoted.filter(|path| !root().join(path).exists());
        out.extend(absent.map(|path| format!("{}:{line}: {path} is not there", file.path)));
    }
    out
}

/// Whether `word` looks like a path from the root of the project. A name in capitals stands for any.
fn is_path(word: &str) -> bool {
    let plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "./_-".contains(c));
    let (top, rest) = word.split_once('/').unwrap_or((word, ""));
    let stands_for_any = rest.split(['/', '.']).any(|part| {
        part.len() > 1 && part != "README" && part.chars().all(|c| c.is_ascii_uppercase() || c == '_')
    });
    let known_top =
        ["src", "detectors", "rules", "tests", "docs", "datasets", "benches", ".ci"].contains(&top);
    plain && word.contains('/') && known_top && !stands_for_any
}

/// The names in the tables of dependencies of `manifest`, without our own crates.
pub(crate) fn dependencies(manifest: &str) -> BTreeSet<String> {
    let mut inside = false;
    let mut out = BTreeSet::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = ["[workspace.dependencies]", "[dependencies]", "[dev-dependencies]"].contains(&line);
        } else if inside && !line.starts_with('#') {
            let name = line.split([' ', '=', '.']).next().unwrap_or_default();
            if !name.is_empty() && !name.starts_with("quietgate-") {
                out.insert(name.to_owned());
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_ends_at_the_next_heading_of_its_rank() {
        let page = "# A\n\n## B\nx\n### C\ny\n## D\nz\n";
        assert_eq!(section(page, "## B"), "## B\nx\n### C\ny");
        assert_eq!(section(page, "## D"), "## D\nz\n");
    }

    #[test]
    fn the_first_cells_of_all_tables_are_found() {
        let text = "| a | b |\n|---|---|\n| `x` | 1 |\n| y z | 2 |\n\n| c |\n|---|\n| w |\n";
        assert_eq!(first_cells(text), ["x", "y z", "w"]);
    }

    #[test]
    fn a_path_begins_with_a_folder_of_the_project() {
        assert!(is_path("src/cli") && is_path(".ci/run") && is_path("detectors/README.md"));
        for word in ["load/cpu", "src", "src/cli KIND", "src/kinds/KIND.rs", "a.md", "bytes/s"] {
            assert!(!is_path(word), "{word}");
        }
    }

    #[test]
    fn dependencies_are_those_of_all_tables() {
        let text = "[workspace.dependencies]\nd = \"1\"\n[dependencies]\n# why\na = \"1\"\nb.workspace = true\nquietgate-rules.workspace = true\n\n\
                    [dev-dependencies]\nc = { version = \"1\" }\n[profile.dev]\nd = 1\n";
        assert_eq!(dependencies(text), ["a", "b", "c", "d"].map(str::to_owned).into());
    }

    #[test]
    fn a_kind_without_its_parts_is_named() {
        let page = "\n## `any`\n\n**What it finds.** x\n\n**Options.**\n";
        let complaints = kinds_without_words("docs/rules.md", page, &[serde_json::json!({"kind": "any"})]);
        assert_eq!(complaints.len(), 4, "{complaints:?}");
    }
}
