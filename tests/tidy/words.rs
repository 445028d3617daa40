//! One word, one meaning: the words that the glossary refuses do not come up in code, comments, texts and pages.
//!
//! The glossary is the table in CONTRIBUTING.md. Of its last column this holds what stands in backticks; the others are
//! fine words elsewhere (a command line has commands), and a reader of a change has to judge them.

use crate::tokens::tokens;
use crate::tree::File;

/// The page with the glossary.
pub(crate) const GLOSSARY: &str = "CONTRIBUTING.md";
/// The heading above the table.
const HEADING: &str = "## Glossary";

/// A place where a refused word may stand after all: the start of the path, the word, and why.
type Allowance = (&'static str, &'static str, &'static str);

/// All of them; one that nobody needs any more is a complaint.
pub(crate) const ALLOWED: &[Allowance] = &[
    ("tests/tidy/words.rs", "data point", "an example in the tests of this rule"),
    ("tests/tidy/words.rs", "cohort", "an example in the tests of this rule"),
];

/// A word that is not said, and the one to say instead.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    word: String,
    say: String,
}

/// The refused words in the glossary of `page`.
pub(crate) fn refused(page: &str) -> Vec<Refused> {
    let mut out = Vec::new();
    for line in section(page).lines().filter(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        if let [say, _, refused] = cells[..] {
            let words = refused.split('`').skip(1).step_by(2);
            out.extend(words.map(|word| Refused { word: word.to_lowercase(), say: say.to_owned() }));
        }
    }
    out
}

/// Every place where a refused word stands and is not `allowed` to.
pub(crate) fn complaints(files: &[File], refused: &[Refused], allowed: &[Allowance]) -> Vec<String> {
    let mut out = Vec::new();
    let mut used = vec![false; allowed.len()];
    for file in files {
        for (line, text) in texts(file) {
            let words = words(text);
            for entry in refused.iter().filter(|entry| contains(&words, &entry.word)) {
                let fits = |(path, word, _): &Allowance| file.path.starts_with(path) && *word == entry.word;
                if let Some(index) = allowed.iter().position(fits) {
                    used[index] = true;
                    continue;
                }
                let Refused { word, say } = entry;
                out.push(format!(
                    "{}:{line}: \"{word}\" is not said here; say {say}, or see {GLOSSARY}",
                    file.path
                ));
            }
        }
    }
    let stale = allowed.iter().zip(used).filter(|(_, used)| !used);
    out.extend(stale.map(|((path, word, _), _)| {
        format!("tests/tidy/words.rs: nobody says \"{word}\" in {path} any more")
    }));
    out
}

/// The texts of a file in which words count, each with its line: tokens of code, or lines of a page.
fn texts(file: &File) -> Vec<(usize, &str)> {
    if file.path.ends_with(".rs") {
        return tokens(&file.text).into_iter().map(|token| (token.line, token.text)).collect();
    }
    let hidden = if file.path == GLOSSARY { section(&file.text) } else { "" };
    let is_hidden = |line: &str| hidden.as_bytes().as_ptr_range().contains(&line.as_ptr());
    (1..).zip(file.text.lines()).filter(|(_, line)| !is_hidden(line)).collect()
}

/// The part of `page` from the glossary's heading to the next one.
fn section(page: &str) -> &str {
    let Some(start) = page.find(HEADING) else { return "" };
    let body = &page[start..];
    body[HEADING.len()..].find("\n## ").map_or(body, |end| &body[..HEADING.len() + end])
}

/// The words of a text in lower case, with names taken apart: `DataPoint`, `data_point` and "data point" are the same.
fn words(text: &str) -> Vec<String> {
    let mut out = vec![String::new()];
    let chars: Vec<char> = text.chars().collect();
    for (at, &c) in chars.iter().enumerate() {
        let after_lower = at > 0 && chars[at - 1].is_lowercase();
        let last_of_capitals =
            at > 0 && chars[at - 1].is_uppercase() && chars.get(at + 1).is_some_and(|c| c.is_lowercase());
        if !c.is_alphanumeric() || (c.is_uppercase() && (after_lower || last_of_capitals)) {
            out.push(String::new());
        }
        if c.is_alphanumeric() {
            out.last_mut().expect("it starts with one").extend(c.to_lowercase());
        }
    }
    out.retain(|word| !word.is_empty());
    out
}

/// `true` where the word, or the words of a phrase in a row, stand in `words`; a plural counts too.
fn contains(words: &[String], phrase: &str) -> bool {
    let wanted: Vec<&str> = phrase.split(' ').collect();
    let (last, first) = wanted.split_last().expect("a split has a part");
    words.windows(wanted.len()).any(|here| {
        let (end, start) = here.split_last().expect("a window has a word");
        start.iter().eq(first.iter()) && (end == last || end.strip_suffix('s') == Some(last))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# A\ncohort\n## Glossary\n\n| word | meaning | do not say |\n|---|---|---|\n\
                        | sample | one value | `data point`, record |\n| control | others | `cohort` |\n## B\nx\n";

    fn about(path: &str, text: &str) -> usize {
        complaints(&[File { path: path.into(), text: text.into() }], &refused(PAGE), &[]).len()
    }

    #[test]
    fn words_in_backticks_are_refused() {
        let words: Vec<_> = refused(PAGE).into_iter().map(|entry| (entry.word, entry.say)).collect();
        let expected =
            [("data point", "sample"), ("cohort", "control")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(words, expected);
    }

    #[test]
    fn a_word_is_found_however_it_is_written() {
        for text in [
            "struct DataPoint;",
            "let data_points = 1;",
            "// Data points",
            "\"a data-point\"",
            "fn a_cohort() {}",
        ] {
            assert_eq!(about("a.rs", text), 1, "{text}");
        }
        for text in ["struct Datapointer;", "// the point of data", "record", "fn cohorty() {}"] {
            assert_eq!(about("a.rs", text), 0, "{text}");
        }
    }

    #[test]
    fn an_allowance_holds_for_its_place_and_must_be_needed() {
        let allowed = &[("a.rs", "cohort", "a name of theirs")];
        let about = |path: &str, text: &str| {
            complaints(&[File { path: path.into(), text: text.into() }], &refused(PAGE), allowed).len()
        };
        assert_eq!((about("a.rs", "// cohort"), about("b.rs", "// cohort"), about("a.rs", "")), (0, 2, 1));
    }

    #[test]
    fn only_the_glossary_itself_may_name_them() {
        assert_eq!(about(GLOSSARY, PAGE), 1);
        assert_eq!(about("README.md", PAGE), 3);
    }
}
