//! One line of an exposition page, taken apart. What needs no copy is not copied.

use crate::sources::error::quoted;
use std::borrow::Cow;

/// The two formats, which differ in small things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sources) enum Format {
    /// `text/plain; version=0.0.4`: times in milliseconds.
    Plain,
    /// `application/openmetrics-text`: times in seconds, exemplars behind samples, an end that is marked.
    OpenMetrics,
}

/// What a family of series is, as the page declares it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sources) enum Type {
    /// It only grows, until it begins anew.
    Counter,
    /// Counters by the bounds of buckets, with their sum and count.
    Histogram,
    /// Quantiles, which are no counters, with their sum and count, which are.
    Summary,
    /// Anything that is no counter, or of which nobody says that it is one.
    Other,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::sources) enum Line<'a> {
    /// Nothing that matters: an empty line, a comment, help.
    Nothing,
    /// What the family of that name is.
    Family(Cow<'a, str>, Type),
    /// The page is over.
    End,
    /// A sample.
    Row(Row<'a>),
}

/// A sample as it stands on its line.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::sources) struct Row<'a> {
    /// Its name; empty where there is none.
    pub(in crate::sources) name: Cow<'a, str>,
    /// Its labels in the order of the line, each name once; those with an empty value are left out, for they are none.
    pub(in crate::sources) labels: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// Its value, which may be NaN or infinite.
    pub(in crate::sources) value: f64,
    /// Its own time in milliseconds, where it has one.
    pub(in crate::sources) time_ms: Option<i64>,
}

/// The label that holds the name, and that no line may have.
pub(in crate::sources) const NAME: &str = "__name__";

/// What an OpenMetrics page ends with, alone on its line.
const END: &str = "# EOF";

/// Reads a line without its end, that has at most `labels_max` labels.
///
/// # Errors
/// What is wrong with it, in words.
pub(in crate::sources) fn read(line: &str, format: Format, labels_max: usize) -> Result<Line<'_>, String> {
    let mut scanner = Scanner { text: line, at: 0, labels_max };
    match scanner.peek() {
        None => Ok(Line::Nothing),
        Some(b'#') if format == Format::OpenMetrics && line.starts_with(END) => match &line[END.len()..] {
            "" => Ok(Line::End),
            more => Err(format!("{} behind # EOF: cut there it would look whole", quoted(more))),
        },
        Some(b'#') => scanner.comment(),
        Some(_) => scanner.row(format).map(Line::Row),
    }
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    labels_max: usize,
}

/// Seconds as far as milliseconds fit into them by far.
const TIME_MAX: f64 = 1e12;

impl<'a> Scanner<'a> {
    /// The next byte that is no space; it becomes the place.
    fn peek(&mut self) -> Option<u8> {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r')).count();
        self.text.as_bytes().get(self.at).copied()
    }

    /// Steps over `byte`, where that comes next.
    fn eat(&mut self, byte: u8) -> bool {
        let eaten = self.peek() == Some(byte);
        self.at += usize::from(eaten);
        eaten
    }

    /// All up to the next space.
    fn word(&mut self) -> &'a str {
        self.peek();
        self.while_is(|byte| !matches!(byte, b' ' | b'\t' | b'\r'))
    }

    /// A name, of letters, digits, `_` and `:`; empty where there is none.
    fn name(&mut self) -> &'a str {
        match self.peek() {
            Some(b'0'..=b'9') | None => "",
            Some(_) => self.while_is(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':')),
        }
    }

    /// The bytes from here that are as `is` says: of ASCII, or up to a byte of ASCII, so the place is between characters.
    fn while_is(&mut self, is: impl Fn(u8) -> bool) -> &'a str {
        let start = self.at;
        self.at += self.text.as_bytes()[start..].iter().take_while(|byte| is(**byte)).count();
        &self.text[start..self.at]
    }

    /// `# TYPE name kind`; all other comments say nothing.
    fn comment(&mut self) -> Result<Line<'a>, String> {
        self.at += 1;
        if self.word() != "TYPE" {
            return Ok(Line::Nothing);
        }
        let name = match self.peek() {
            Some(b'"') => self.quoted()?,
            _ => Cow::Borrowed(self.name()),
        };
        let kind = match self.word() {
            "counter" => Type::Counter,
            "histogram" => Type::Histogram,
            "summary" => Type::Summary,
            "gauge" | "untyped" | "unknown" | "info" | "stateset" | "gaugehistogram" => Type::Other,
            other => return Err(format!("the type {}, which nobody knows", quoted(other))),
        };
        if name.is_empty() || self.peek().is_some() {
            return Err("a TYPE that is not followed by a name and a type alone".to_owned());
        }
        Ok(Line::Family(name, kind))
    }

    fn row(&mut self, format: Format) -> Result<Row<'a>, String> {
        let mut name = Cow::Borrowed(self.name());
        let mut labels = Vec::new();
        if self.eat(b'{') {
            self.labels(&mut name, &mut labels)?;
        } else if name.is_empty() {
            return Err("no name and no labels in front".to_owned());
        }
        let text = self.word();
        let value = text.parse().map_err(|_| format!("the value {}, which is no number", quoted(text)))?;
        let time_ms = match self.peek() {
            None => None,
            Some(b'#') if format == Format::OpenMetrics => {
                return Ok(Row { name, labels, value, time_ms: None });
            }
            Some(_) => Some(self.time(format)?),
        };
        match self.peek() {
            // an exemplar: one of the events that were counted
            Some(b'#') if format == Format::OpenMetrics => {}
            Some(_) => return Err(format!("{} behind the sample", quoted(&self.text[self.at..]))),
            None => {}
        }
        Ok(Row { name, labels, value, time_ms })
    }

    fn time(&mut self, format: Format) -> Result<i64, String> {
        let text = self.word();
        let bad = || format!("the time {}", quoted(text));
        match format {
            Format::Plain => text.parse().map_err(|_| bad()),
            Format::OpenMetrics => {
                let seconds: f64 = text.parse().map_err(|_| bad())?;
                // exact enough: whole milliseconds, far below the limit
                let in_reach = seconds.abs() < TIME_MAX;
                in_reach.then_some((seconds * 1000.0).round() as i64).ok_or_else(bad)
            }
        }
    }

    /// What stands between braces, the first of which was read: labels, and the name where it stands in quotes.
    fn labels(
        &mut self,
        name: &mut Cow<'a, str>,
        labels: &mut Vec<(Cow<'a, str>, Cow<'a, str>)>,
    ) -> Result<(), String> {
        // all of them, also those whose value is empty
        let mut names: Vec<Cow<'a, str>> = Vec::new();
        while !self.eat(b'}') {
            let is_quoted = self.peek() == Some(b'"');
            let key = if is_quoted { self.quoted()? } else { Cow::Borrowed(self.name()) };
            if self.eat(b'=') {
                let value = self.quoted()?;
                if key.is_empty() || key == NAME {
                    return Err(bad_label(&key));
                }
                if names.len() == self.labels_max {
                    return Err(format!("more than {} labels (max_labels)", self.labels_max));
                }
                names.push(key.clone());
                if !value.is_empty() {
                    labels.push((key, value));
                }
            } else if is_quoted && name.is_empty() && !key.is_empty() {
                *name = key;
            } else {
                return Err(format!("{} among the labels, without a value", quoted(&key)));
            }
            if !self.eat(b',') && self.peek() != Some(b'}') {
                return Err("labels that do not end".to_owned());
            }
        }
        // one after the other would take long where there are many
        names.sort_unstable();
        let twice = names.windows(2).find(|two| two[0] == two[1]);
        twice.map_or(Ok(()), |two| Err(bad_label(&two[0])))
    }

    /// A text in quotes, in which `\\`, `\"` and `\n` stand for others; what else follows a back-slash stays as it is, with it.
    fn quoted(&mut self) -> Result<Cow<'a, str>, String> {
        if !self.eat(b'"') {
            return Err("a label whose value is not in quotes".to_owned());
        }
        let plain = self.while_is(|byte| !matches!(byte, b'"' | b'\\'));
        if self.text.as_bytes().get(self.at) == Some(&b'"') {
            self.at += 1;
            return Ok(Cow::Borrowed(plain));
        }
        let mut text = plain.to_owned();
        let mut rest = self.text[self.at..].char_indices();
        while let Some((place, char)) = rest.next() {
            match char {
                '"' => {
                    self.at += place + 1;
                    return Ok(Cow::Owned(text));
                }
                '\\' => match rest.next().map(|(_, next)| next) {
                    Some('n') => text.push('\n'),
                    Some(next @ ('"' | '\\')) => text.push(next),
                    Some(next) => text.extend(['\\', next]),
                    None => break,
                },
                char => text.push(char),
            }
        }
        Err("a text in quotes that do not end".to_owned())
    }
}

fn bad_label(name: &str) -> String {
    format!("the label {}, which is empty, reserved or there twice", quoted(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As many labels as the default allows.
    const MOST: usize = 64;

    fn read(line: &str, format: Format) -> Result<Line<'_>, String> {
        super::read(line, format, MOST)
    }

    fn row(line: &str, format: Format) -> Result<Row<'_>, String> {
        match read(line, format)? {
            Line::Row(row) => Ok(row),
            other => Err(format!("{other:?}")),
        }
    }

    fn told(line: &str, format: Format) -> String {
        row(line, format).map_or_else(
            |why| why,
            |Row { name, labels, value, time_ms }| {
                let labels: Vec<_> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
                format!(
                    "{name}|{}|{value}|{}",
                    labels.join(";"),
                    time_ms.map_or(String::new(), |ms| ms.to_string())
                )
            },
        )
    }

    #[test]
    fn samples_are_read_in_both_formats() {
        for (line, plain) in [
            ("up 1", "up||1|"),
            ("  a:b_C2{}\t-1.5e3 ", "a:b_C2||-1500|"),
            (r#"a{b="1,c=2",d="}",} 3 1709251200123"#, "a|b=1,c=2;d=}|3|1709251200123"),
            (r#"a { b = "x" , c = "" } 3 -5"#, "a|b=x|3|-5"),
            (r#"a{b="\\n\"\n\x"} +Inf"#, "a|b=\\n\"\n\\x|inf|"),
            (r#"{"a.b","c d"="ü"} NaN"#, "a.b|c d=ü|NaN|"),
            (r#"{vip="a"} 2"#, "|vip=a|2|"),
            ("a 1\r", "a||1|"),
        ] {
            assert_eq!(told(line, Format::Plain), plain, "{line}");
        }
        for (line, open) in [
            ("a_total 17 1520879607.789", "a_total||17|1520879607789"),
            (
                r##"a_bucket{le="10.0"} 17 # {trace_id="oHg5SJ#YRHA0"} 9.8 1520879607.789"##,
                "a_bucket|le=10.0|17|",
            ),
            (r##"a_bucket{le="+Inf"} 17 1.5 # {} 9.8"##, "a_bucket|le=+Inf|17|1500"),
        ] {
            assert_eq!(told(line, Format::OpenMetrics), open, "{line}");
        }
    }

    #[test]
    fn types_are_read_and_other_comments_say_nothing() {
        let family = |name: &'static str, kind| Ok(Line::Family(Cow::Borrowed(name), kind));
        assert_eq!(read("# TYPE a counter", Format::Plain), family("a", Type::Counter));
        assert_eq!(read("#  TYPE\ta   summary ", Format::Plain), family("a", Type::Summary));
        assert_eq!(read("# TYPE \"a.b\" histogram", Format::OpenMetrics), family("a.b", Type::Histogram));
        assert_eq!(read("# TYPE a gauge", Format::OpenMetrics), family("a", Type::Other));
        for line in ["", "   ", "#", "# a comment", "# HELP a TYPE a counter", "# TYPES a b", "# EOF"] {
            assert_eq!(read(line, Format::Plain), Ok(Line::Nothing), "{line}");
        }
        assert_eq!(read("# EOF", Format::OpenMetrics), Ok(Line::End));
        let more = read("# EOFs", Format::OpenMetrics).expect_err("no end");
        assert_eq!(more, "\"s\" behind # EOF: cut there it would look whole");
        for line in ["# TYPE a thing", "# TYPE a", "# TYPE", "# TYPE a counter b"] {
            assert!(read(line, Format::Plain).is_err(), "{line}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_line_is_told() {
        for (line, why) in [
            ("up", "the value \"\", which is no number"),
            ("up x", "the value \"x\", which is no number"),
            ("up 1 2 3", "\"3\" behind the sample"),
            ("up 1 1.5", "the time \"1.5\""),
            ("up 1 # {a=\"b\"} 1", "the time \"#\""),
            ("1", "no name and no labels in front"),
            ("up{a=\"b\" 1", "labels that do not end"),
            ("up{a=\"b} 1", "a text in quotes that do not end"),
            ("up{a=\"b\\", "a text in quotes that do not end"),
            ("up{a=b} 1", "a label whose value is not in quotes"),
            ("up{a} 1", "\"a\" among the labels, without a value"),
            ("up{\"a\"} 1", "\"a\" among the labels, without a value"),
            ("up{a=\"b\",a=\"\"} 1", "the label \"a\", which is empty, reserved or there twice"),
            ("up{__name__=\"b\"} 1", "the label \"__name__\", which is empty, reserved or there twice"),
            ("up{,} 1", "\"\" among the labels, without a value"),
        ] {
            assert_eq!(told(line, Format::Plain), why, "{line}");
        }
        assert_eq!(told("a 1 1e300", Format::OpenMetrics), "the time \"1e300\"");
        assert_eq!(told("a 1 NaN", Format::OpenMetrics), "the time \"NaN\"");
    }

    #[test]
    fn a_line_with_very_many_labels_is_refused_where_it_has_one_too_many() {
        let line = |labels: usize| {
            let labels: Vec<_> = (0..labels).map(|i| format!("l{i}=\"\"")).collect();
            format!("a{{{}}} 1", labels.join(","))
        };
        assert_eq!(told(&line(MOST), Format::Plain), "a||1|", "those without a value count, and are none");
        let (long, begun) = (line(2_000_000), std::time::Instant::now());
        assert_eq!(told(&line(MOST + 1), Format::Plain), "more than 64 labels (max_labels)");
        assert_eq!(told(&long, Format::Plain), "more than 64 labels (max_labels)");
        assert_eq!(super::read(&long, Format::Plain, usize::MAX).map(drop), Ok(()));
        // comparing each with each would take an hour
        assert!(begun.elapsed() < std::time::Duration::from_secs(60));
    }

    #[test]
    fn what_is_wrong_is_told_in_few_words_whatever_the_line_is() {
        let much = "x\u{1b}".repeat(100_000);
        for line in [
            format!("# TYPE a {much}"),
            format!("a {much}"),
            format!("a 1 {much}"),
            format!("a 1 1 {much}"),
            format!("a{{{much}\"b\"}} 1"),
            format!("a{{\"{much}\"}} 1"),
            format!("a{{\"{much}\"=\"\",\"{much}\"=\"\"}} 1"),
        ] {
            for format in [Format::Plain, Format::OpenMetrics] {
                let why = told(&line, format);
                assert!(why.len() < 1_000 && !why.contains('\u{1b}'), "{} bytes: {:.99}", why.len(), why);
            }
        }
    }

    /// As the format wants it.
    fn escaped(value: &str) -> String {
        value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            name in "[a-zA-Z_:][a-zA-Z0-9_:]{0,8}",
            labels in proptest::collection::btree_map("[a-z][a-z0-9_]{0,6}", "[^\r]{1,12}", 0..4),
            value in any::<f64>(),
            time in proptest::option::of(any::<i64>()),
        ) {
            let written: Vec<_> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
            let time_words = time.map_or(String::new(), |ms| format!(" {ms}"));
            let line = format!("{name}{{{}}} {value}{time_words}", written.join(","));
            prop_assume!(!line.contains('\n'));
            let row = row(&line, Format::Plain).expect("as it was written");
            prop_assert_eq!(&row.name, &name);
            let read: Vec<_> = row.labels.iter().map(|(name, value)| (name.as_ref(), value.as_ref())).collect();
            let expected: Vec<_> = labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            prop_assert_eq!(read, expected);
            prop_assert!(row.value == value || (row.value.is_nan() && value.is_nan()));
            prop_assert_eq!(row.time_ms, time);
        }

        #[test]
        fn no_line_stops_it(line in "[a{}\"\\\\=, #0-9.TYPEü\t-]{0,40}", any in any::<String>()) {
            for text in [&line, &any] {
                for format in [Format::Plain, Format::OpenMetrics] {
                    drop(read(text, format));
                }
            }
        }
    }
}
