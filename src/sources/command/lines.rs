//! What a program prints, taken apart: lines `at,value`, and lines of an exposition page whose name may be missing.

use super::super::exposition::{Format, Line, Query, Row, copied, read as read_line};
use super::super::recorded::Rows;
use super::super::source::{Ask, Labels};
use quietgate_detectors::Sample;
use std::borrow::Cow;

/// The samples in `output` that `query` wants, or all. Those without a time of their own have that of the asking.
///
/// # Errors
/// The first line that cannot be read, or has more than `labels_max` labels, in words.
pub(super) fn read(
    output: &[u8],
    query: Option<&Query>,
    ask: &Ask,
    labels_max: usize,
) -> Result<Vec<(Labels, Sample)>, String> {
    let text = std::str::from_utf8(output).map_err(|_| "it printed bytes that are not UTF-8".to_owned())?;
    let mut rows = Rows::under("output", HEADER).map_err(|error| error.to_string())?;
    let wants = |row: &Row<'_>| query.is_none_or(|query| query.wants(row));
    let mut out = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let bad = |why: String| format!("line {number} has {why}");
        // neither a name nor labels begin like this
        if line.starts_with(|first: char| first.is_ascii_digit()) {
            let samples = rows.read(line).map_err(|why| bad(in_words(line, why)))?;
            out.extend(samples.into_iter().filter(|_| wants(&nameless())));
            continue;
        }
        if let Line::Row(row) = read_line(line, Format::Plain, labels_max).map_err(bad)?
            && wants(&row)
        {
            let sample = Sample::new(row.time_ms.unwrap_or(ask.until.as_millis()), row.value);
            out.push((copied(row), sample));
        }
    }
    Ok(out)
}

/// The columns of lines that begin with a time.
const HEADER: &[u8] = b"timestamp,value\n";

/// What a line `at,value` is a sample of.
fn nameless() -> Row<'static> {
    Row { name: Cow::Borrowed(""), labels: Vec::new(), value: 0.0, time_ms: None }
}

/// Why a line that begins with a digit is no sample. A number alone is the likeliest mistake.
fn in_words(line: &str, why: String) -> String {
    if line.trim().parse::<f64>().is_ok() {
        return format!("the number {} alone, allowed is at,value, or {{…}} value", line.trim());
    }
    why
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use quietgate_detectors::{Interval, Timestamp};

    fn ask() -> Ask {
        Ask {
            query: None,
            from: Timestamp::from_millis(0),
            until: Timestamp::from_millis(9_000),
            interval: Interval::from_millis(1_000).expect("in range"),
        }
    }

    fn told(output: &str, query: Option<&str>) -> Result<Vec<String>, String> {
        let query = query.map(|query| Query::new(query).expect(query));
        let samples = read(output.as_bytes(), query.as_ref(), &ask(), 9)?;
        let one = |(labels, sample): &(Labels, Sample)| {
            format!("{} {} {}", crate::sources::labels_in_words(labels), sample.at.as_millis(), sample.value)
        };
        Ok(samples.iter().map(one).collect())
    }

    #[test]
    fn both_forms_are_read() {
        let output =
            "1700000000,1.5\r\n\n# a comment\n{vip=\"a\"} 2\nload{cpu=\"0\"} 3 1700000000123\n1700000001,NaN";
        let all = [
            "{} 1700000000000 1.5",
            "{vip=\"a\"} 9000 2",
            "{__name__=\"load\", cpu=\"0\"} 1700000000123 3",
            "{} 1700000001000 NaN",
        ];
        assert_eq!(told(output, None).expect("good"), all);
        assert_eq!(told(output, Some("load")).expect("good"), all[2..3]);
        assert_eq!(told(output, Some("{vip=~\".+\"}")).expect("good"), all[1..2]);
        assert_eq!(told("2024-01-01T00:00:00Z,1\n", None).expect("good"), ["{} 1704067200000 1"]);
        assert!(told("", None).expect("nothing").is_empty());
    }

    #[test]
    fn a_line_that_is_neither_is_told() {
        for (output, why) in [
            ("5\n", "line 1 has the number 5 alone, allowed is at,value, or {…} value"),
            ("1700000000,x\n", "line 1 has the value \"x\""),
            ("{a=\"b\"} 1\nhello world\n", "line 2 has the value \"world\", which is no number"),
            ("-5\n", "line 1 has no name and no labels in front"),
            ("1700000000,1\n1700000000000,1\n", "line 2 has "),
        ] {
            let error = told(output, None).expect_err(output);
            assert!(error.starts_with(why), "{error}");
        }
        let bytes = read(b"{a=\"\xff\"} 1\n", None, &ask(), 9);
        assert_eq!(bytes, Err("it printed bytes that are not UTF-8".to_owned()));
    }

    proptest! {
        #[test]
        fn no_output_stops_it(lines in "([0-9{}a\"=., \n-]){0,60}", any in proptest::collection::vec(any::<u8>(), 0..80)) {
            drop(read(lines.as_bytes(), None, &ask(), 9));
            drop(read(&any, None, &ask(), 9));
        }
    }
}
