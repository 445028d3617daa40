//! The form of the standing pages: the changelog's entries, and links that lead somewhere.

use crate::tree::{File, root};
use std::path::Path;

/// What an entry of the changelog is about.
const TAGS: &[&str] = &["CHANGE", "FEATURE", "FIX", "SAFETY"];

/// What in the changelog is neither heading nor entry.
pub(crate) fn changelog_complaints(file: &File) -> Vec<String> {
    let mut out = Vec::new();
    let mut headings = Vec::new();
    for (line, text) in (1..).zip(file.text.lines()) {
        if let Some(version) = text.strip_prefix("## ") {
            headings.push(version);
            if version != "Unreleased" && !is_version(version) {
                out.push(format!(
                    "{}:{line}: a heading is `## Unreleased` or `## 1.2.3 (2026-01-31)`",
                    file.path
                ));
            }
        } else if !headings.is_empty() && !text.is_empty() && !is_entry(text) {
            let tags = TAGS.join("|");
            out.push(format!("{}:{line}: an entry is one line `- [{tags}] area: sentence.`", file.path));
        }
    }
    if headings.first() != Some(&"Unreleased") {
        out.push(format!("{}: the first heading is `## Unreleased`", file.path));
    }
    out
}

/// `1.2.3 (2026-01-31)`.
fn is_version(heading: &str) -> bool {
    let Some((version, date)) = heading.split_once(" (") else { return false };
    let numbers = |text: &str, by: char| text.split(by).filter(|part| part.parse::<u32>().is_ok()).count();
    numbers(version, '.') == 3
        && date.len() == "2026-01-31)".len()
        && numbers(date.trim_end_matches(')'), '-') == 3
}

/// `- [TAG] area: sentence.`
fn is_entry(line: &str) -> bool {
    let Some((tag, rest)) = line.strip_prefix("- [").and_then(|rest| rest.split_once("] ")) else {
        return false;
    };
    let Some((area, sentence)) = rest.split_once(": ") else { return false };
    TAGS.contains(&tag) && !area.is_empty() && sentence.len() > 1 && sentence.ends_with('.')
}

/// The links of a page that name a file which is not there.
pub(crate) fn link_complaints(file: &File) -> Vec<String> {
    let folder = root().join(Path::new(&file.path).parent().unwrap_or(Path::new("")));
    let dead = links(&file.text).into_iter().filter(|(_, target)| !folder.join(target).exists());
    dead.map(|(line, target)| format!("{}:{line}: {target} is not there; mend the link", file.path)).collect()
}

/// Line and target of each link to a file, without the `#part` of the page.
fn links(page: &str) -> Vec<(usize, &str)> {
    let mut out = Vec::new();
    let mut in_code = false;
    for (line, text) in (1..).zip(page.lines()) {
        in_code ^= text.trim_start().starts_with("```");
        if in_code {
            continue;
        }
        let inline = text.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
        let named =
            text.starts_with('[').then(|| text.split_once("]: ").map(|(_, target)| target.trim())).flatten();
        for target in inline.chain(named) {
            let path = target.split('#').next().unwrap_or_default();
            if !path.is_empty() && !path.contains("://") && !path.starts_with("mailto:") {
                out.push((line, path));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> File {
        File { path: "CHANGELOG.md".into(), text: text.into() }
    }

    #[test]
    fn entries_have_a_tag_an_area_and_a_sentence() {
        let good = "# Changelog\n\nProse.\n\n## Unreleased\n\n- [FEATURE] backtest: judges files.\n\n## 0.1.0 (2026-01-31)\n";
        assert_eq!(changelog_complaints(&file(good)), Vec::<String>::new());
        for bad in [
            "- [ADDED] a: b.",
            "- [FIX] no area.",
            "- [FIX] a: no stop",
            "  more",
            "## 1.0",
            "### New",
            "* x",
        ] {
            assert_eq!(changelog_complaints(&file(&format!("## Unreleased\n{bad}\n"))).len(), 1, "{bad}");
        }
        assert_eq!(changelog_complaints(&file("## 0.1.0 (2026-01-31)\n")).len(), 1);
    }

    #[test]
    fn links_to_files_are_found_and_others_are_not() {
        let page =
            "[a](b.md#c) ![d](e/f.png \"t\") [g](https://h.example/i) [j](#k)\n```\n[l](m)\n```\n[n]: o.md\n";
        assert_eq!(links(page), [(1, "b.md"), (1, "e/f.png"), (5, "o.md")]);
    }

    #[test]
    fn a_dead_link_is_named() {
        let complaints = link_complaints(&file("[a](Cargo.toml) [b](no/such.file)"));
        assert_eq!(complaints, ["CHANGELOG.md:1: no/such.file is not there; mend the link"]);
    }
}
