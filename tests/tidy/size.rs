//! Sizes: what does not fit on a page or two is cut along its seams.

use crate::tokens::{Kind, Token, code};
use crate::tree::File;

/// Longest file, in lines.
const FILE_LINES: usize = 600;
/// Longest function, in lines, from `fn` to its closing brace.
const FUNCTION_LINES: usize = 70;

/// What is too long in `file`.
pub(crate) fn complaints(file: &File) -> Vec<String> {
    let lines = file.text.lines().count();
    let mut out = Vec::new();
    if lines > FILE_LINES {
        out.push(format!(
            "{}: {lines} lines, allowed are {FILE_LINES}; move one of its jobs to a file of its own",
            file.path
        ));
    }
    let long = functions(&code(&file.text)).into_iter().filter(|function| function.lines > FUNCTION_LINES);
    out.extend(long.map(|Function { name, line, lines }| {
        let path = &file.path;
        format!("{path}:{line}: fn {name} has {lines} lines, allowed are {FUNCTION_LINES}; name its parts as functions")
    }));
    out
}

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
struct Function<'a> {
    name: &'a str,
    line: usize,
    lines: usize,
}

/// Every function with a body, nested ones too: those count for themselves and for what they stand in.
fn functions<'a>(tokens: &[Token<'a>]) -> Vec<Function<'a>> {
    let starts =
        tokens.windows(2).enumerate().filter(|(_, pair)| pair[0].is("fn") && pair[1].kind == Kind::Ident);
    starts
        .filter_map(|(at, pair)| {
            let body = body_start(tokens, at)?;
            let lines = closing_line(tokens, body) - pair[0].line + 1;
            Some(Function { name: pair[1].text, line: pair[0].line, lines })
        })
        .collect()
}

/// Where the body of the function at `at` opens; nothing for one that is only declared.
fn body_start(tokens: &[Token<'_>], at: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate().skip(at) {
        if token.is("(") || token.is("[") {
            depth += 1;
        } else if token.is(")") || token.is("]") {
            depth = depth.saturating_sub(1);
        } else if depth == 0 && token.is(";") {
            return None;
        } else if depth == 0 && token.is("{") {
            return Some(index);
        }
    }
    None
}

/// The line of the brace that closes the one at `open`.
fn closing_line(tokens: &[Token<'_>], open: usize) -> usize {
    let mut depth = 0_usize;
    for token in &tokens[open..] {
        depth += usize::from(token.is("{"));
        depth -= usize::from(token.is("}"));
        if depth == 0 {
            return token.line;
        }
    }
    tokens.last().map_or(0, |token| token.line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(text: &str) -> Vec<(&str, usize)> {
        functions(&code(text)).into_iter().map(|function| (function.name, function.lines)).collect()
    }

    #[test]
    fn nested_functions_count_for_both() {
        let text = "fn outer() {\n    fn inner() {\n    }\n    let f = |x: u8| {\n        x\n    };\n}\n";
        assert_eq!(measured(text), [("outer", 7), ("inner", 2)]);
    }

    #[test]
    fn braces_in_literals_and_comments_do_not_count() {
        let text = "fn a() {\n    // }\n    let _ = ('}', \"}\", r#\"}\"\n}\"#, b'{');\n    /* } */\n}\nfn b<'x>(_: &'x u8) {}\n";
        assert_eq!(measured(text), [("a", 6), ("b", 1)]);
    }

    #[test]
    fn declarations_and_pointers_have_no_body() {
        let text =
            "trait T { fn a(&self) -> [u8; 3]; fn b() -> [u8; 2] { [0; 2] } }\ntype F = fn(u8) -> u8;\n";
        assert_eq!(measured(text), [("b", 1)]);
    }

    #[test]
    fn the_limits_are_what_is_still_allowed() {
        let function = |lines: usize| format!("fn f() {{\n{}}}\n", "g();\n".repeat(lines - 2));
        let about = |text: String| complaints(&File { path: "x.rs".into(), text }).len();
        assert_eq!((about(function(FUNCTION_LINES)), about(function(FUNCTION_LINES + 1))), (0, 1));
        assert_eq!((about("\n".repeat(FILE_LINES)), about("\n".repeat(FILE_LINES + 1))), (0, 1));
    }
}
