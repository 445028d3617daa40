//! Which series of a page are wanted, and whether as they are or by how they grow: one selector of PromQL, alone or in
//! `rate(…)` or `increase(…)`.

use super::line::{NAME, Row};
use regex::Regex;
use std::str::Chars;

/// What is asked for.
#[derive(Debug, Clone)]
pub(in crate::sources) struct Query {
    /// What is told of the series.
    pub(in crate::sources) growth: Growth,
    matchers: Vec<Matcher>,
}

/// What is told of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sources) enum Growth {
    /// Of a counter, as the page declares it, how much it grows in a second; of anything else its value.
    ByType,
    /// How much it grows in a second, whatever it is declared to be.
    Rate,
    /// How much it grows in an interval, whatever it is declared to be.
    Increase,
}

/// What holds for one label.
#[derive(Debug, Clone)]
struct Matcher {
    label: String,
    test: Test,
    /// Whether it holds where the test does not.
    is_not: bool,
}

#[derive(Debug, Clone)]
enum Test {
    Equals(String),
    /// The whole value.
    Fits(Regex),
}

impl Query {
    /// Reads `text`.
    ///
    /// # Errors
    /// What is wrong with it, and what is allowed.
    pub(in crate::sources) fn new(text: &str) -> Result<Self, String> {
        let wrong = |why: String| format!("query is {text:?}: {why}, allowed is {ALLOWED}");
        let (growth, selector) = enclosed(text.trim());
        let matchers = Reader { rest: selector.chars() }.matchers().map_err(wrong)?;
        // what everything matches is a mistake, as it is to a server
        if matchers.iter().all(|matcher| matcher.holds("")) {
            return Err(wrong("it names nothing that must be there".to_owned()));
        }
        Ok(Self { growth, matchers })
    }

    /// Reads the query that a signal of a source of this `kind` must have.
    ///
    /// # Errors
    /// There is none, or as [`new`](Self::new).
    pub(in crate::sources) fn required(text: Option<&str>, kind: &str) -> Result<Self, String> {
        let none = || {
            format!(
                "a signal of a {kind} source needs a query, allowed is a selector such as up{{job=\"a\"}}"
            )
        };
        Self::new(text.ok_or_else(none)?)
    }

    /// Whether a series of that name with these labels is wanted.
    pub(in crate::sources) fn wants(&self, row: &Row<'_>) -> bool {
        let value = |label: &str| match label {
            NAME => row.name.as_ref(),
            _ => row.labels.iter().find(|(name, _)| name == label).map_or("", |(_, value)| value.as_ref()),
        };
        self.matchers.iter().all(|matcher| matcher.holds(value(&matcher.label)))
    }
}

/// What may be asked for, in words.
const ALLOWED: &str =
    "a selector such as up, up{job=\"a\",instance=~\"b.*\"}, alone or in rate(…) or increase(…)";

/// The selector, and what it stands in.
fn enclosed(text: &str) -> (Growth, &str) {
    let inside = |function: &str| {
        text.strip_prefix(function)?.trim_start().strip_prefix('(')?.strip_suffix(')').map(str::trim)
    };
    inside("rate").map(|inner| (Growth::Rate, inner)).unwrap_or_else(|| {
        inside("increase").map_or((Growth::ByType, text), |inner| (Growth::Increase, inner))
    })
}

impl Matcher {
    fn holds(&self, value: &str) -> bool {
        let holds = match &self.test {
            Test::Equals(text) => text == value,
            Test::Fits(pattern) => pattern.is_match(value),
        };
        holds != self.is_not
    }
}

struct Reader<'a> {
    rest: Chars<'a>,
}

impl Reader<'_> {
    /// A name, or matchers between braces, or both, and nothing behind.
    fn matchers(mut self) -> Result<Vec<Matcher>, String> {
        let name = self.name();
        let named = (!name.is_empty()).then(|| Matcher {
            label: NAME.to_owned(),
            test: Test::Equals(name),
            is_not: false,
        });
        let mut matchers: Vec<_> = named.into_iter().collect();
        if self.eat('{') {
            while !self.eat('}') {
                matchers.push(self.matcher()?);
                if !self.eat(',') && self.peek() != Some('}') {
                    return Err("no comma and no } behind a matcher".to_owned());
                }
            }
        }
        match self.peek() {
            Some('[') => Err("a range, which a page has not".to_owned()),
            Some(_) => Err(format!("{:?} is more than one selector", self.rest.as_str())),
            None => Ok(matchers),
        }
    }

    fn matcher(&mut self) -> Result<Matcher, String> {
        let label = match self.peek() {
            Some('"' | '\'' | '`') => self.text()?,
            _ => self.name(),
        };
        let (is_not, fits) = match (self.next_char(), self.rest.clone().next()) {
            (Some('='), Some('~')) => (false, true),
            (Some('!'), Some('~')) => (true, true),
            (Some('='), _) => (false, false),
            (Some('!'), Some('=')) => (true, false),
            _ => return Err("a matcher without =, !=, =~ or !~".to_owned()),
        };
        if is_not || fits {
            self.rest.next();
        }
        if label.is_empty() {
            return Err("a matcher without a label".to_owned());
        }
        let text = self.text()?;
        let test = if fits { Test::Fits(whole(&text)?) } else { Test::Equals(text) };
        Ok(Matcher { label, test, is_not })
    }

    /// Letters, digits, `_`, `:`; empty where there are none.
    fn name(&mut self) -> String {
        let mut name = String::new();
        let is_first = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | ':');
        while let Some(next) = if name.is_empty() { self.peek() } else { self.rest.clone().next() } {
            if !is_first(next) && (name.is_empty() || !next.is_ascii_digit()) {
                break;
            }
            name.push(next);
            self.rest.next();
        }
        name
    }

    /// A text in quotes of any sort.
    fn text(&mut self) -> Result<String, String> {
        let quote = self.next_char().filter(|quote| matches!(quote, '"' | '\'' | '`'));
        let quote = quote.ok_or("a value that is not in quotes")?;
        let mut text = String::new();
        while let Some(next) = self.rest.next() {
            match next {
                _ if next == quote => return Ok(text),
                '\\' if quote != '`' => text.push(match self.rest.next() {
                    Some('n') => '\n',
                    Some('t') => '\t',
                    Some(same @ ('\\' | '"' | '\'')) => same,
                    _ => return Err("a \\ that is not followed by one of \\ \" ' n t".to_owned()),
                }),
                _ => text.push(next),
            }
        }
        Err("quotes that do not end".to_owned())
    }

    /// The next character that is no space; it comes next.
    fn peek(&mut self) -> Option<char> {
        let trimmed = self.rest.as_str().trim_start();
        self.rest = trimmed.chars();
        self.rest.clone().next()
    }

    fn next_char(&mut self) -> Option<char> {
        self.peek();
        self.rest.next()
    }

    fn eat(&mut self, wanted: char) -> bool {
        let eaten = self.peek() == Some(wanted);
        if eaten {
            self.rest.next();
        }
        eaten
    }
}

/// The pattern that the whole of a value must fit, as is the custom of PromQL.
fn whole(pattern: &str) -> Result<Regex, String> {
    // by itself first: what has too many parentheses must not fit with ours
    Regex::new(pattern).and_then(|_| Regex::new(&format!("^(?s:{pattern})$"))).map_err(|error| {
        format!("the pattern {pattern:?} cannot be read ({})", last_line(&error.to_string()))
    })
}

fn last_line(text: &str) -> &str {
    text.lines().last().unwrap_or_default().trim_start_matches("error: ")
}

#[cfg(test)]
mod tests {
    use super::super::line::{Format, Line, read};
    use super::*;
    use proptest::prelude::*;

    fn wants(query: &str, line: &str) -> bool {
        let Ok(Line::Row(row)) = read(line, Format::Plain, 9) else { panic!("{line} is a sample") };
        Query::new(query).expect(query).wants(&row)
    }

    #[test]
    fn a_selector_matches_as_in_promql() {
        let line = r#"node_network_receive_bytes_total{device="eth0",zone="a\nb"} 1"#;
        for query in [
            "node_network_receive_bytes_total",
            " node_network_receive_bytes_total { device = \"eth0\" , } ",
            "{__name__=~\"node_network_.*\"}",
            "{device!=\"eth1\",device=~'eth[0-9]'}",
            "{device=~`eth\\d`}",
            "node_network_receive_bytes_total{none=\"\"}",
            "node_network_receive_bytes_total{none!~\"x\"}",
            "{zone=~\"a.b\"}",
            "{\"device\"=\"eth0\"}",
            "rate(node_network_receive_bytes_total)",
        ] {
            assert!(wants(query, line), "{query}");
        }
        for query in [
            "node_network_receive_bytes",
            "{device=~\"eth\"}",
            "{device=~\"th0|eth\"}",
            "{device!~\"eth.\",zone=~\".+\"}",
            "{none=~\".+\"}",
            "{__name__=\"up\"}",
        ] {
            assert!(!wants(query, line), "{query}");
        }
    }

    #[test]
    fn what_it_stands_in_says_how_it_is_told() {
        let growth = |query: &str| Query::new(query).expect(query).growth;
        assert_eq!(growth("up"), Growth::ByType);
        assert_eq!(growth("rate_limit{a=\"b\"}"), Growth::ByType);
        assert_eq!(growth(" rate ( up ) "), Growth::Rate);
        assert_eq!(growth("increase(up{a=\")\"})"), Growth::Increase);
    }

    #[test]
    fn what_is_no_selector_is_refused_with_what_is_allowed() {
        for (query, why) in [
            ("", "it names nothing that must be there"),
            ("{}", "it names nothing that must be there"),
            ("{a=\"\"}", "it names nothing that must be there"),
            ("{a=~\".*\"}", "it names nothing that must be there"),
            ("rate(up[1m])", "a range, which a page has not"),
            ("sum(up)", "\"(up)\" is more than one selector"),
            ("up + 1", "\"+ 1\" is more than one selector"),
            ("up{a=\"b\"", "no comma and no } behind a matcher"),
            ("up{a}", "a matcher without =, !=, =~ or !~"),
            ("up{=\"a\"}", "a matcher without a label"),
            ("up{a=b}", "a value that is not in quotes"),
            ("up{a=\"b}", "quotes that do not end"),
            ("up{a=\"\\d\"}", "a \\ that is not followed by one of"),
            ("up{a=~\"(\"}", "the pattern \"(\" cannot be read (unclosed group)"),
            ("up{a=~\")|(\"}", "the pattern \")|(\" cannot be read (unopened group)"),
        ] {
            let error = Query::new(query).expect_err(query);
            assert!(error.contains(why) && error.ends_with(ALLOWED), "{query}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_stops_it(text in "[a-c{}()\"'`\\\\=!~,. \\[]{0,30}", any in any::<String>()) {
            drop(Query::new(&text));
            drop(Query::new(&any));
        }
    }
}
