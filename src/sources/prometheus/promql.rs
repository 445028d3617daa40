//! Queries in PromQL, looked at just closely enough to keep old samples from looking fresh.
//!
//! A server answers a series name with its newest sample of the last 5 minutes, at the time that was asked for: a series
//! that stopped 4 minutes ago looks as fresh as any. So a query that is one selector is asked for its raw samples, which
//! have their own times; in any other query each selector without a range gets a short one by `last_over_time`.
//! Looked at as closely as that, a query also shows whether it can be meant for counts.

use crate::settings::units::Duration;
use quietgate_detectors::Interval;

/// What a query is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Query {
    /// One selector and nothing else: `up`, `up{job="a"}`, `{__name__="up"}`.
    Selector(String),
    /// Anything else.
    Expression(String),
}

/// What is known of `query`, which may be no PromQL at all: then the server will say so.
pub(super) fn understand(query: &str) -> Query {
    let selectors = Scanner::selectors(query);
    match selectors.as_slice() {
        [only] if only.is_all_of(query) => Query::Selector(query[only.start..only.end].to_owned()),
        _ => Query::Expression(query.to_owned()),
    }
}

/// `query` with every selector that has no range wrapped: it sees samples of the last `age_ms` milliseconds alone.
/// The argument of `timestamp` stays, for with it a query looks at the age itself.
pub(super) fn bounded(query: &str, age_ms: i64) -> String {
    let mut out = String::with_capacity(query.len() + 64);
    let mut done = 0;
    for selector in Scanner::selectors(query).iter().filter(|selector| !selector.timed) {
        let (name, modifiers) = (&query[selector.start..selector.end], &query[selector.end..selector.whole]);
        out.push_str(&query[done..selector.start]);
        out.push_str(&format!("last_over_time({name}[{age_ms}ms]{modifiers})"));
        done = selector.whole;
    }
    out + &query[done..]
}

/// Why the values of `query`, taken at `interval`, are surely not what was counted since the sample before, and what to write
/// instead.
pub(super) fn no_counts(query: &str, interval: Interval) -> Option<String> {
    let own = Duration::from_millis(interval.as_millis());
    let Ranged { calls, multiplies } = Scanner::ranged(query);
    calls.into_iter().find_map(|(function, range)| match function.as_str() {
        // times the seconds a rate is a count again
        "rate" | "irate" => (!multiplies).then(|| {
            format!("{function}(…[{range}]) is what is counted in a second: write increase(…[{own}])")
        }),
        "increase" => {
            let range: Duration = range.parse().ok()?;
            let (ms, own_ms) = (range.as_millis(), own.as_millis());
            let what = match ms.cmp(&own_ms) {
                std::cmp::Ordering::Equal => return None,
                std::cmp::Ordering::Less => "leaves out what comes between two samples",
                std::cmp::Ordering::Greater => "counts the same events in several samples",
            };
            Some(format!("increase(…[{range}]) {what}, which are {own} apart: write increase(…[{own}])"))
        }
        _ => None,
    })
}

/// What a query does over ranges.
struct Ranged<'a> {
    /// Each range, with the function that it stands in, in lower case.
    calls: Vec<(String, &'a str)>,
    /// Whether anything is multiplied.
    multiplies: bool,
}

/// A selector without a range, by places in the query.
#[derive(Debug)]
struct Selector {
    start: usize,
    /// Where name and labels end.
    end: usize,
    /// Where `offset` and `@` end.
    whole: usize,
    /// Whether it is the argument of `timestamp`.
    timed: bool,
}

impl Selector {
    /// Whether there is nothing else but spaces and comments.
    fn is_all_of(&self, query: &str) -> bool {
        let mut before = Scanner { text: query, at: 0 };
        let mut behind = Scanner { text: query, at: self.end };
        let alone = before.peek().is_some() && before.at == self.start && behind.peek().is_none();
        alone && self.end == self.whole && !self.timed
    }
}

/// Words that stand between operands.
const OPERATORS: [&str; 6] = ["and", "or", "unless", "atan2", "bool", "offset"];
/// Words that a list of labels may follow.
const GROUPINGS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];
/// Words that are numbers.
const NUMBERS: [&str; 2] = ["inf", "nan"];

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    /// Every selector without a range.
    fn selectors(text: &'a str) -> Vec<Selector> {
        let mut scanner = Self { text, at: 0 };
        let mut out = Vec::new();
        let mut timed = false;
        while let Some(head) = scanner.peek() {
            let start = scanner.at;
            let was_timed = std::mem::take(&mut timed);
            match head {
                b'"' | b'\'' | b'`' => scanner.string(head),
                b'[' => scanner.until(b']'),
                b'0'..=b'9' | b'.' => scanner.word(),
                b'{' => out.extend(scanner.selector(start, was_timed)),
                _ if is_word(head) => {
                    scanner.word();
                    let word = text[start..scanner.at].to_ascii_lowercase();
                    match scanner.role(&word) {
                        Role::Selector => out.extend(scanner.selector(start, was_timed)),
                        Role::Grouping => scanner.until(b')'),
                        Role::Function => {
                            scanner.at += 1;
                            timed = word == "timestamp";
                        }
                        Role::Other => {}
                    }
                }
                _ => scanner.at += 1,
            }
        }
        out
    }

    /// Every range with the function before it.
    fn ranged(text: &'a str) -> Ranged<'a> {
        let mut scanner = Self { text, at: 0 };
        let (mut function, mut calls, mut multiplies) = (String::new(), Vec::new(), false);
        while let Some(head) = scanner.peek() {
            let start = scanner.at;
            match head {
                b'"' | b'\'' | b'`' => scanner.string(head),
                b'{' => scanner.until(b'}'),
                b'[' => {
                    scanner.until(b']');
                    let range = text[start..scanner.at].trim_matches(['[', ']']).trim();
                    calls.push((std::mem::take(&mut function), range));
                }
                b'0'..=b'9' | b'.' => scanner.word(),
                _ if is_word(head) => {
                    scanner.word();
                    let word = text[start..scanner.at].to_ascii_lowercase();
                    if matches!(scanner.role(&word), Role::Function) {
                        function = word;
                    }
                }
                _ => {
                    multiplies |= head == b'*';
                    scanner.at += 1;
                }
            }
        }
        Ranged { calls, multiplies }
    }

    /// What the word before this place is.
    fn role(&mut self, word: &str) -> Role {
        let before = self.at;
        let next = self.peek();
        let grouped = next.is_some_and(is_word) && {
            let start = self.at;
            self.word();
            ["by", "without"].contains(&self.text[start..self.at].to_ascii_lowercase().as_str())
        };
        self.at = before;
        match next {
            Some(b'(') if GROUPINGS.contains(&word) => Role::Grouping,
            _ if OPERATORS.contains(&word) || GROUPINGS.contains(&word) || NUMBERS.contains(&word) => {
                Role::Other
            }
            Some(b'(') => {
                self.peek();
                Role::Function
            }
            // an aggregation with its labels in front: sum by (vip) (…)
            _ if grouped => Role::Other,
            _ => Role::Selector,
        }
    }

    /// The rest of a selector whose name (if any) ends here; none where it has a range.
    fn selector(&mut self, start: usize, timed: bool) -> Option<Selector> {
        let mut end = self.at;
        if self.peek() == Some(b'{') {
            self.until(b'}');
            end = self.at;
        }
        if self.peek() == Some(b'[') {
            let range = self.at;
            self.until(b']');
            // a subquery runs over what stands before it, which has no range of its own
            if !self.text[range..self.at].contains(':') {
                return None;
            }
            self.at = range;
            return Some(Selector { start, end, whole: end, timed });
        }
        let whole = self.modifiers(end);
        self.at = whole;
        Some(Selector { start, end, whole, timed })
    }

    /// Where `offset 5m` and `@ end()` end, which may stand behind `end` in any order.
    fn modifiers(&mut self, end: usize) -> usize {
        let mut whole = end;
        loop {
            self.at = whole;
            let Some(head) = self.peek() else { return whole };
            let start = self.at;
            if head == b'@' {
                self.at += 1;
            } else {
                self.word();
                if !self.text[start..self.at].eq_ignore_ascii_case("offset") {
                    return whole;
                }
            }
            if matches!(self.peek(), Some(b'-' | b'+')) {
                self.at += 1;
            }
            // what follows is a number, a duration, something in parentheses, or `end()`
            self.peek();
            self.word();
            whole = self.at;
            if self.peek() == Some(b'(') {
                self.until(b')');
                whole = self.at;
            }
        }
    }

    /// The next byte that is neither space nor comment; it becomes the place.
    fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        loop {
            match bytes.get(self.at)? {
                b'#' => self.at += bytes[self.at..].iter().take_while(|byte| **byte != b'\n').count(),
                byte if byte.is_ascii_whitespace() => self.at += 1,
                byte => return Some(*byte),
            }
        }
    }

    /// Over letters, digits, `_`, `:` and `.`.
    fn word(&mut self) {
        let rest = &self.text.as_bytes()[self.at..];
        self.at +=
            rest.iter().take_while(|byte| is_word(**byte) || matches!(byte, b'0'..=b'9' | b'.')).count();
    }

    /// Over what is in quotes.
    fn string(&mut self, quote: u8) {
        let bytes = self.text.as_bytes();
        self.at += 1;
        while let Some(byte) = bytes.get(self.at) {
            self.at += if *byte == b'\\' && quote != b'`' { 2 } else { 1 };
            if *byte == quote {
                break;
            }
        }
        self.at = self.at.min(bytes.len());
    }

    /// Behind the next `close` that is in no quotes and no inner brackets of the same sort.
    fn until(&mut self, close: u8) {
        let open = match close {
            b')' => b'(',
            b']' => b'[',
            _ => b'{',
        };
        let mut depth = 0_usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' | b'\'' | b'`' => {
                    self.string(byte);
                    continue;
                }
                byte if byte == open => depth += 1,
                byte if byte == close => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.at += 1;
            if byte == close && depth == 0 {
                return;
            }
        }
    }
}

/// What a word is.
enum Role {
    Selector,
    Function,
    Grouping,
    Other,
}

fn is_word(byte: u8) -> bool {
    // bytes above ASCII are left inside of words, so that no character is cut
    byte.is_ascii_alphabetic() || matches!(byte, b'_' | b':') || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_selector_alone_is_asked_for_its_raw_samples() {
        for query in ["up", " up ", "up{job=\"a\"}", "{__name__=~\"a|}\"}", "job:rate:5m{}", "up # all"] {
            assert!(matches!(understand(query), Query::Selector(_)), "{query}");
        }
        assert_eq!(understand(" up{a='}'}\n"), Query::Selector("up{a='}'}".to_owned()));
        for query in [
            "up offset 5m",
            "up @ end()",
            "up + 1",
            "sum(up)",
            "up[5m]",
            "timestamp(up)",
            "1",
            "(up)",
            "",
            "\"a\"",
            "-up",
        ] {
            assert!(matches!(understand(query), Query::Expression(_)), "{query}");
        }
    }

    #[test]
    fn every_selector_without_a_range_gets_one() {
        let cases = [
            ("up + 1", "last_over_time(up[9ms]) + 1"),
            ("sum by (vip) (rate(a{b=\"c\"}[1m]))", "sum by (vip) (rate(a{b=\"c\"}[1m]))"),
            ("sum by (vip) (a)", "sum by (vip) (last_over_time(a[9ms]))"),
            ("sum(a) without (x)", "sum(last_over_time(a[9ms])) without (x)"),
            ("SUM BY(x)(a)", "SUM BY(x)(last_over_time(a[9ms]))"),
            (
                "a / on (x) group_left (y) b",
                "last_over_time(a[9ms]) / on (x) group_left (y) last_over_time(b[9ms])",
            ),
            (
                "a * ignoring(x) group_right b",
                "last_over_time(a[9ms]) * ignoring(x) group_right last_over_time(b[9ms])",
            ),
            (
                "a and b or c unless d",
                "last_over_time(a[9ms]) and last_over_time(b[9ms]) or last_over_time(c[9ms]) unless last_over_time(d[9ms])",
            ),
            ("a offset 5m > bool 3", "last_over_time(a[9ms] offset 5m) > bool 3"),
            ("a @ end() offset -1h", "last_over_time(a[9ms] @ end() offset -1h)"),
            ("rate(a[5m] offset 1h)", "rate(a[5m] offset 1h)"),
            ("max_over_time(a[5m:1m])", "max_over_time(last_over_time(a[9ms])[5m:1m])"),
            ("max_over_time(rate(a[1m])[5m:1m])", "max_over_time(rate(a[1m])[5m:1m])"),
            ("time() - timestamp(a)", "time() - timestamp(a)"),
            ("quantile(0.9, {job=\"x\"})", "quantile(0.9, last_over_time({job=\"x\"}[9ms]))"),
            (
                "label_replace(a, \"b\", \"$1\", \"c\", \"(.*)\")",
                "label_replace(last_over_time(a[9ms]), \"b\", \"$1\", \"c\", \"(.*)\")",
            ),
            ("a == Inf or a != nan", "last_over_time(a[9ms]) == Inf or last_over_time(a[9ms]) != nan"),
            ("a # b\n + 1e3", "last_over_time(a[9ms]) # b\n + 1e3"),
            ("count(a{b=\"[1m]\"})", "count(last_over_time(a{b=\"[1m]\"}[9ms]))"),
            ("vector(1)", "vector(1)"),
            ("count_values(\"v\", a)", "count_values(\"v\", last_over_time(a[9ms]))"),
        ];
        for (query, expected) in cases {
            assert_eq!(bounded(query, 9), expected, "{query}");
        }
    }

    #[test]
    fn what_is_no_count_is_told_with_what_to_write() {
        let of = |query| no_counts(query, Interval::from_millis(60_000).expect("a minute"));
        let rate = |name, range| {
            Some(format!("{name}(…[{range}]) is what is counted in a second: write increase(…[1m])"))
        };
        assert_eq!(of("sum by (host) (rate(errors_total{code=\"[5m]\"}[5m]))"), rate("rate", "5m"));
        assert_eq!(of("IRATE ( a [ 1m ] )"), rate("irate", "1m"));
        assert_eq!(of("rate(a[1m]) / rate(b[1m])"), rate("rate", "1m"), "a ratio is none either");
        let increase = |range, what| {
            Some(format!("increase(…[{range}]) {what}, which are 1m apart: write increase(…[1m])"))
        };
        assert_eq!(of("increase(a[5m])"), increase("5m", "counts the same events in several samples"));
        assert_eq!(of("increase(a[30s])"), increase("30s", "leaves out what comes between two samples"));
        for good in [
            "increase(a[1m])",
            "sum(increase(a[60s])) by (host)",
            "rate(a[1m]) * 60",
            "count_over_time(a[1m])",
            "errors",
            "increase(a[$__interval])",
            "\"rate(a[1m])\"",
            "rate # (a[1m])",
        ] {
            assert_eq!(of(good), None, "{good}");
        }
    }

    proptest! {
        #[test]
        fn no_text_stops_it(text in "\\PC{0,40}", code in "[a-c(){}\\[\\]:\"'`#@ offset,]{0,40}") {
            for text in [text, code] {
                understand(&text);
                bounded(&text, 1);
                no_counts(&text, Interval::LONGEST);
            }
        }
    }
}
