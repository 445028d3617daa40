//! Just enough of Rust's lexical grammar to tell code from comments and literals.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A name or keyword; the name of a lifetime too, after its `'`.
    Ident,
    /// One character of punctuation.
    Punct,
    /// A number, character or string.
    Literal,
    /// A comment with its slashes.
    Comment,
}

/// A piece of a Rust file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    /// What it is.
    pub(crate) kind: Kind,
    /// Its text as written.
    pub(crate) text: &'a str,
    /// The line on which it starts, from 1.
    pub(crate) line: usize,
}

impl Token<'_> {
    /// `true` for the name, keyword or punctuation `text`; never for a literal or comment.
    pub(crate) fn is(&self, text: &str) -> bool {
        matches!(self.kind, Kind::Ident | Kind::Punct) && self.text == text
    }
}

/// All tokens of a file.
pub(crate) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut out = Vec::new();
    let (mut at, mut line) = (0, 1);
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        let length = if first.is_whitespace() {
            first.len_utf8()
        } else {
            let (kind, length) = measure(rest, first);
            out.push(Token { kind, text: &rest[..length], line });
            length
        };
        line += rest[..length].matches('\n').count();
        at += length;
    }
    out
}

/// The tokens of a file without its comments.
pub(crate) fn code(text: &str) -> Vec<Token<'_>> {
    tokens(text).into_iter().filter(|token| token.kind != Kind::Comment).collect()
}

/// `true` where `tokens[at..]` starts with these names and punctuation.
pub(crate) fn follows(tokens: &[Token<'_>], at: usize, wanted: &[&str]) -> bool {
    wanted
        .iter()
        .enumerate()
        .all(|(offset, text)| tokens.get(at + offset).is_some_and(|token| token.is(text)))
}

/// The first names behind a path's `::`, where `tokens[at]` is what follows it: one, or those of a `{…}` group.
/// A macro's name is none, as it belongs to no module; a `*` is given as such.
pub(crate) fn names_behind<'a>(tokens: &[Token<'a>], at: usize) -> Vec<Token<'a>> {
    let Some(first) = tokens.get(at) else { return Vec::new() };
    if !first.is("{") {
        let is_macro = tokens.get(at + 1).is_some_and(|next| next.is("!"));
        return if is_macro { Vec::new() } else { vec![*first] };
    }
    let (mut depth, mut names) = (0, Vec::new());
    for pair in tokens[at..].windows(2) {
        depth += usize::from(pair[0].is("{"));
        if depth == 1 && (pair[0].is("{") || pair[0].is(",")) && !pair[1].is("}") && !pair[1].is("self") {
            names.push(pair[1]);
        }
        depth -= usize::from(pair[0].is("}"));
        if depth == 0 {
            break;
        }
    }
    names
}

/// Kind and length in bytes of the token that `rest` starts with.
fn measure(rest: &str, first: char) -> (Kind, usize) {
    if rest.starts_with("//") {
        (Kind::Comment, rest.find('\n').unwrap_or(rest.len()))
    } else if rest.starts_with("/*") {
        (Kind::Comment, block_comment(rest))
    } else if let Some(length) = string(rest).or_else(|| character(rest)) {
        (Kind::Literal, length)
    } else if first.is_alphabetic() || first == '_' {
        let raw = if rest.starts_with("r#") { 2 } else { 0 };
        (Kind::Ident, raw + word(&rest[raw..]))
    } else if first.is_ascii_digit() {
        (Kind::Literal, word(rest))
    } else {
        (Kind::Punct, first.len_utf8())
    }
}

fn word(rest: &str) -> usize {
    rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

/// The length of a string, plain or raw, with its prefix.
fn string(rest: &str) -> Option<usize> {
    let prefix = ["br", "cr", "b", "c", "r", ""].into_iter().find(|prefix| {
        let tail = rest.strip_prefix(prefix).unwrap_or_default();
        tail.starts_with('"') || prefix.ends_with('r') && tail.trim_start_matches('#').starts_with('"')
    })?;
    let tail = &rest[prefix.len()..];
    if prefix.ends_with('r') {
        let hashes = tail.len() - tail.trim_start_matches('#').len();
        let end = format!("\"{}", &tail[..hashes]);
        let body = hashes + 1;
        let length = tail[body..].find(&end).map_or(tail.len(), |found| body + found + end.len());
        return Some(prefix.len() + length);
    }
    Some(prefix.len() + quoted(tail, '"'))
}

/// The length of a character, plain or byte; nothing for a lifetime.
fn character(rest: &str) -> Option<usize> {
    let prefix = usize::from(rest.starts_with("b'"));
    let tail = rest[prefix..].strip_prefix('\'')?;
    let mut chars = tail.chars();
    let inside = chars.next()?;
    (inside == '\\' || chars.next() == Some('\'')).then(|| prefix + quoted(&rest[prefix..], '\''))
}

/// The length of a literal up to its closing `quote`, with both quotes.
fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == quote {
            return at + c.len_utf8();
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<(Kind, &str)> {
        tokens(text).into_iter().map(|token| (token.kind, token.text)).collect()
    }

    #[test]
    fn lifetimes_are_no_characters() {
        let found = kinds(r"&'a str '}' '\'' b'{' 'static");
        let literals: Vec<_> =
            found.iter().filter(|(kind, _)| *kind == Kind::Literal).map(|(_, text)| *text).collect();
        assert_eq!(literals, ["'}'", r"'\''", "b'{'"]);
    }

    #[test]
    fn strings_hide_what_looks_like_code() {
        let text = "a(\"{ \\\" }\", r#\"fn \"x\" {\"#, br\"\\\", c\"z\", r\"//\") // {\nb /* /* } */ */ c";
        let idents: Vec<_> =
            code(text).into_iter().filter(|t| t.kind == Kind::Ident).map(|t| (t.text, t.line)).collect();
        assert_eq!(idents, [("a", 1), ("b", 2), ("c", 2)]);
        assert!(code(text).iter().all(|token| !token.is("{") && !token.is("}")));
    }

    #[test]
    fn a_raw_identifier_is_a_name() {
        assert_eq!(kinds("r#type r"), [(Kind::Ident, "r#type"), (Kind::Ident, "r")]);
    }

    #[test]
    fn a_range_is_no_decimal() {
        assert_eq!(kinds("0..n").len(), 4);
    }

    #[test]
    fn names_of_a_group_are_its_first_level() {
        let tokens = code("crate::{a::{b, c}, self, D, e as f, g::*};");
        let names: Vec<_> = names_behind(&tokens, 3).iter().map(|token| token.text).collect();
        assert_eq!(names, ["a", "D", "e", "g"]);
    }
}
