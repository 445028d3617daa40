//! For fuzzers and tests alone: what must hold of the parsers of sources, here of exposition pages and selectors.

pub use super::command::fuzzing::output;
pub use super::file::fuzzing::log;
pub use super::ipvs::fuzzing::netlink;
pub use super::ping::fuzzing::echo;
pub use super::prometheus::fuzzing::{prometheus, promql};
pub use super::push::fuzzing::{json_lines, remote_write};
pub use super::recorded::fuzzing::csv;

use super::exposition::{Format, Found, Line, NAME, Query, Row, find, read};
use super::{host, ipvs, ping};
use std::borrow::Cow;
use std::fmt::Write;

/// What there may be of a page.
const MOST: usize = 40;
const LABELS: usize = 6;

/// A page in either format: within its limits, the same once it is written and read again, and none where it is cut.
pub fn page(bytes: &[u8]) {
    for format in [Format::Plain, Format::OpenMetrics] {
        let whole = |bytes: &[u8]| find(bytes, format, MOST, LABELS, |_| true);
        let Ok(found) = whole(bytes) else { continue };
        assert!(found.len() <= MOST + 1, "no more than one beyond the limit");
        assert!(found.iter().all(|one| one.labels.len() <= LABELS + 1), "labels, and the name");
        let again = whole(written(&found, format).as_bytes()).expect("what was read can be written");
        assert_eq!(bits(&found), bits(&again));
        let cut = &bytes[..bytes.len() / 2];
        let is_whole = match format {
            Format::Plain => cut.is_empty() || cut.ends_with(b"\n"),
            Format::OpenMetrics => bytes[cut.len()..].iter().all(|byte| matches!(byte, b'\r' | b'\n')),
        };
        assert!(is_whole || whole(cut).is_err(), "a page that is cut is none");
    }
}

/// All of a sample but whether it is a counter, which other lines say.
fn bits(found: &[Found]) -> Vec<(&super::Labels, u64, Option<i64>)> {
    let value = |value: f64| if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() };
    found.iter().map(|one| (&one.labels, value(one.value), one.time_ms)).collect()
}

fn written(found: &[Found], format: Format) -> String {
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let mut page = String::new();
    for Found { labels, value, time_ms, .. } in found {
        page.push('{');
        for (name, label) in labels {
            match name {
                NAME => drop(write!(page, "\"{}\",", quoted(label))),
                name => drop(write!(page, "\"{}\"=\"{}\",", quoted(name), quoted(label))),
            }
        }
        let _ = write!(page, "}} {value}");
        let time = time_ms.map(|ms| match format {
            Format::Plain => format!(" {ms}"),
            Format::OpenMetrics => {
                let sign = if ms < 0 { "-" } else { "" };
                format!(" {sign}{}.{:03}", ms.unsigned_abs() / 1000, ms.unsigned_abs() % 1000)
            }
        });
        let _ = writeln!(page, "{}", time.unwrap_or_default());
    }
    if format == Format::OpenMetrics { page + "# EOF\n" } else { page }
}

/// A selector on the first line, a page behind it: it wants nothing of what has no labels, in whatever order these stand.
pub fn selector(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (query, page) = text.split_once('\n').unwrap_or((text, ""));
    let Ok(query) = Query::new(query) else { return };
    let nothing = Row { name: Cow::Borrowed(""), labels: Vec::new(), value: 0.0, time_ms: None };
    assert!(!query.wants(&nothing), "something must be there");
    for line in page.lines() {
        if let Ok(Line::Row(mut row)) = read(line, Format::Plain, LABELS) {
            let is_wanted = query.wants(&row);
            row.labels.reverse();
            assert_eq!(query.wants(&row), is_wanted);
        }
    }
}

/// What the kernel tells in texts: of this host, of its sockets, of IPVS.
pub fn proc(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    host::fuzzing::texts(text);
    ping::fuzzing::drops(text);
    ipvs::fuzzing::totals(text);
}
