//! The floors of `src/`: a module uses only floors below its own, so there are no cycles and every part can be read alone.

use crate::tokens::{Kind, Token, code, follows, names_behind};
use crate::tree::File;

/// The modules of the root crate, the highest floor first. Neighbours on one floor do not use each other.
const FLOORS: &[&[&str]] = &[
    &["main"],
    &["cli", "fuzzing"],
    &["http"],
    &["replay", "tune"],
    &["run", "backtest"],
    &["config"],
    &["sources", "sinks", "journal", "history", "telemetry"],
    &["actions"],
    &["event"],
    &["story"],
    &["monitor", "steps"],
    &["plan"],
    &["id", "clock", "labels", "memory", "sabotage", "secret", "settings", "text"],
];

/// What `file` uses that is not below it; nothing for files outside of `src/`.
pub(crate) fn complaints(file: &File) -> Vec<String> {
    let Some(inside) = file.path.strip_prefix("src/") else { return Vec::new() };
    let module = inside.trim_end_matches(".rs").split('/').next().unwrap_or_default();
    let tokens = code(&file.text);
    if module == "lib" {
        return declared(&tokens).into_iter().filter_map(|name| unknown(file, name)).collect();
    }
    let Some(own) = floor(module) else {
        return vec![format!(
            "{}: the module {module} is on no floor; give it one in tests/tidy/floors.rs",
            file.path
        )];
    };
    let mut out = Vec::new();
    for name in uses(&tokens, depth(inside)) {
        match floor(name.text) {
            _ if name.text == module => {}
            None => out.extend(unknown(file, name)),
            Some(other) if other > own => {}
            Some(_) => out.push(format!(
                "{}:{}: {module} may not use {}, which is not below it; pass in what is needed, or move it down",
                file.path, name.line, name.text
            )),
        }
    }
    out
}

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

fn unknown(file: &File, name: Token<'_>) -> Option<String> {
    let (path, line, text) = (&file.path, name.line, name.text);
    floor(text).is_none().then(|| {
        format!("{path}:{line}: {text} is no module on a floor; name things by their module, and give a new one a floor in tests/tidy/floors.rs")
    })
}

/// The modules that the crate's root declares.
fn declared<'a>(tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    let declares =
        |three: &&[Token<'_>]| three[0].is("mod") && three[1].kind == Kind::Ident && three[2].is(";");
    tokens.windows(3).filter(declares).map(|three| three[1]).collect()
}

/// How deep the module of a file lies: 1 for a module of the crate's root.
fn depth(inside: &str) -> usize {
    let parts = inside.split('/').count();
    if inside.ends_with("/mod.rs") { parts - 1 } else { parts }
}

/// The top-level modules that are named, by `crate::`, by `quietgate::`, or by as many `super::` as lead to the root.
fn uses<'a>(tokens: &[Token<'a>], file_depth: usize) -> Vec<Token<'a>> {
    let mut out = Vec::new();
    for (at, inside) in inline_modules(tokens).into_iter().enumerate() {
        if follows(tokens, at, &["crate", ":", ":"]) || follows(tokens, at, &["quietgate", ":", ":"]) {
            out.extend(names_behind(tokens, at + 3));
        }
        let ups = supers(tokens, at);
        let continues = at >= 3 && follows(tokens, at - 3, &["super", ":", ":"]);
        if ups > 0 && !continues && ups == file_depth + inside {
            out.extend(names_behind(tokens, at + 3 * ups));
        }
    }
    out
}

/// How many `super::` stand in a row at `at`.
fn supers(tokens: &[Token<'_>], at: usize) -> usize {
    (0..).take_while(|count| follows(tokens, at + 3 * count, &["super", ":", ":"])).count()
}

/// For each token, in how many `mod name { … }` of the file it stands.
fn inline_modules(tokens: &[Token<'_>]) -> Vec<usize> {
    let mut open = Vec::new();
    let mut out = Vec::with_capacity(tokens.len());
    for (at, token) in tokens.iter().enumerate() {
        if token.is("{") {
            open.push(at >= 2 && tokens[at - 2].is("mod"));
        } else if token.is("}") {
            open.pop();
        }
        out.push(open.iter().filter(|is_module| **is_module).count());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(path: &str, text: &str) -> usize {
        complaints(&File { path: path.into(), text: text.into() }).len()
    }

    #[test]
    fn down_is_allowed_up_and_sideways_are_not() {
        assert_eq!(about("src/cli.rs", "use crate::{backtest::judge, config};"), 0);
        assert_eq!(about("src/config/rules.rs", "use crate::config::lines; use crate::sources::Table;"), 0);
        assert_eq!(about("src/sources/csv.rs", "use crate::{sources::Table, cli::Args};"), 1);
        assert_eq!(about("src/backtest/mod.rs", "fn f() { crate::run::start() }"), 1);
        assert_eq!(about("src/main.rs", "use quietgate::cli;"), 0);
        assert_eq!(about("src/plan.rs", "use quietgate::cli;"), 1);
    }

    #[test]
    fn the_root_is_reached_by_super_too() {
        assert_eq!(about("src/text.rs", "use super::cli;"), 1);
        assert_eq!(about("src/text/wrap.rs", "use super::super::cli; use super::wide;"), 1);
        assert_eq!(about("src/text.rs", "mod tests { use super::*; use super::wrap; }"), 0);
        assert_eq!(about("src/text.rs", "mod tests { use super::super::config; }"), 1);
    }

    #[test]
    fn modules_without_a_floor_are_errors() {
        assert_eq!(about("src/misc.rs", ""), 1);
        assert_eq!(about("src/lib.rs", "pub mod cli; mod misc;"), 1);
        assert_eq!(about("src/cli.rs", "use crate::Thing; use crate::*;"), 2);
    }

    #[test]
    fn comments_literals_macros_and_visibility_are_no_uses() {
        let text = "// crate::cli\npub(crate) const A: &str = \"crate::cli\"; fn f() { crate::table!() }";
        assert_eq!(about("src/text.rs", text), 0);
    }

    #[test]
    fn no_module_stands_on_two_floors() {
        let mut all: Vec<_> = FLOORS.concat();
        all.sort_unstable();
        let count = all.len();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
