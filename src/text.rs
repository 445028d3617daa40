//! Numbers, durations and times as people read them: one form everywhere, whatever the locale of the
//! process; and the words they may have meant.

use jiff::{Timestamp, tz::TimeZone};
use std::borrow::Cow;

/// `text` on one line and without what a terminal or a page would obey: control characters, line ends of any kind and marks
/// that turn the direction of writing are shown as their escapes (`\\u{1b}`). For names and values that come from outside.
pub fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let shown = |c: char| if is_obeyed(c) { c.escape_default().to_string() } else { c.to_string() };
    Cow::Owned(text.chars().map(shown).collect())
}

/// `text` as a cell of a table for programs: as it is, but what [`plain`] shows as escapes is `\\u{1b}` here too, by its number
/// alone. So that it can be told what was there, a cell with `\\u{` in it has each of its own backslashes twice.
///
/// ```
/// assert_eq!(quietgate::text::cell(r"C:\disk"), r"C:\disk");
/// assert_eq!(quietgate::text::cell("C:\\disk\u{1b}"), r"C:\\disk\u{1b}");
/// ```
pub fn cell(text: &str) -> Cow<'_, str> {
    if !text.contains(is_obeyed) && !text.contains("\\u{") {
        return Cow::Borrowed(text);
    }
    let shown = |c: char| match c {
        '\\' => "\\\\".to_owned(),
        c if is_obeyed(c) => c.escape_unicode().to_string(),
        c => c.to_string(),
    };
    Cow::Owned(text.chars().map(shown).collect())
}

/// What `json`, a text of JSON without control characters in its strings, says by escapes where [`plain`] would have some
/// (`\\u202e`): the same values. Line ends between values stay.
pub fn plain_json(json: String) -> String {
    let is_odd = |c: char| is_obeyed(c) && c >= ' ';
    if !json.contains(is_odd) {
        return json;
    }
    // none of them is beyond the first 65,536 characters, for which one escape is enough
    let shown = |c: char| if is_odd(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() };
    json.chars().map(shown).collect()
}

/// Whether a terminal or a page obeys `c` and does not show it.
fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// How many significant digits [`number`] keeps: enough to tell a value from its limit, few enough to read.
const DIGITS: usize = 4;

/// Suffixes of thousands, from 10^3 up.
const SUFFIXES: [char; 4] = ['k', 'M', 'G', 'T'];

/// A value with four significant digits, trailing zeros dropped.
///
/// Below 10,000 it is written out (`812`, `1234`, `0.0125`), from there up to 10^15 with a suffix of
/// thousands (`12.34k`, `3.4M`), beyond and below 0.001 in powers of ten (`1.5e300`, `2e-7`). Infinities are
/// `∞` and `-∞`, what is not a number says so.
///
/// ```
/// assert_eq!(quietgate::text::number(3_400_000.0), "3.4M");
/// ```
pub fn number(value: f64) -> String {
    number_with(value, DIGITS)
}

/// As [`number`], with `digits` significant digits (at least one).
pub fn number_with(value: f64, digits: usize) -> String {
    if value.is_nan() {
        return "not a number".to_owned();
    }
    let sign = if value < 0.0 { "-" } else { "" };
    if value.is_infinite() {
        return format!("{sign}∞");
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    // the scientific form rounds for us, also where rounding adds a digit (9999.6 is 1.000e4)
    let scientific = format!("{:.*e}", digits.max(1) - 1, value.abs());
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let kept = mantissa.replace('.', "");
    let kept = kept.trim_end_matches('0');
    let body = match exponent {
        -3..=3 => with_point(kept, exponent + 1),
        4..=14 => {
            let suffix = SUFFIXES[(exponent / 3 - 1) as usize];
            format!("{}{suffix}", with_point(kept, exponent % 3 + 1))
        }
        _ => format!("{}e{exponent}", with_point(kept, 1)),
    };
    format!("{sign}{body}")
}

/// The digits with a decimal point after the first `before` of them; zeros are added where digits lack.
fn with_point(digits: &str, before: i32) -> String {
    let Ok(before) = usize::try_from(before) else {
        return format!("0.{}{digits}", "0".repeat(before.unsigned_abs() as usize));
    };
    match before {
        0 => format!("0.{digits}"),
        _ if digits.len() <= before => format!("{digits}{}", "0".repeat(before - digits.len())),
        _ => format!("{}.{}", &digits[..before], &digits[before..]),
    }
}

/// A whole number with commas between thousands: `20,160`.
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number of things: `1 sample`, `20,160 samples`. `many` is the plural word.
pub fn counted(value: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(value), if value == 1 { one } else { many })
}

/// The first `most` of `all` by their names, and how many more there are: `h1, h2 and 3 more`.
pub fn few<T>(all: &[T], most: usize, name: impl Fn(&T) -> String) -> String {
    let named: Vec<_> = all.iter().take(most).map(name).collect();
    let more = all.len() - named.len();
    let named = named.join(", ");
    if more > 0 { format!("{named} and {more} more") } else { named }
}

/// A share from 0 to 1 in percent with one decimal: `12.5%`. What is not nothing never reads `0%`, what is
/// not all never reads `100%`: `<0.1%`, `>99.9%`. Values outside are taken as the nearer end, not a number as 0.
pub fn share(value: f64) -> String {
    let percent = if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) * 100.0 };
    if percent > 0.0 && percent < 0.05 {
        return "<0.1%".to_owned();
    }
    if (99.95..100.0).contains(&percent) {
        return ">99.9%".to_owned();
    }
    let rounded = format!("{percent:.1}");
    format!("{}%", rounded.strip_suffix(".0").unwrap_or(&rounded))
}

/// A duration in milliseconds with at most two units, rounded to the smaller one: `300 ms`, `1.5 s`,
/// `12 min`, `12 min 05 s`, `1 h 05 min`, `14 d`, `1 d 04 h`. Below a minute it is exact. A negative one has
/// a leading minus.
pub fn duration(ms: i64) -> String {
    let sign = if ms < 0 { "-" } else { "" };
    format!("{sign}{}", magnitude(ms.unsigned_abs()))
}

fn magnitude(ms: u64) -> String {
    let rounded = |unit_ms: u64| ms / unit_ms + u64::from(ms % unit_ms >= unit_ms / 2);
    let (seconds, minutes) = (rounded(1_000), rounded(60_000));
    if ms < 1_000 {
        format!("{ms} ms")
    } else if ms < 60_000 {
        let exact = format!("{}.{:03}", ms / 1_000, ms % 1_000);
        format!("{} s", exact.trim_end_matches('0').trim_end_matches('.'))
    } else if seconds < 3_600 {
        two_units(seconds, 60, "min", "s")
    } else if minutes < 1_440 {
        two_units(minutes, 60, "h", "min")
    } else {
        two_units(rounded(3_600_000), 24, "d", "h")
    }
}

/// `total` small units as large and small ones; the small ones are left out where there are none.
fn two_units(total: u64, per_large: u64, large: &str, small: &str) -> String {
    match total % per_large {
        0 => format!("{} {large}", total / per_large),
        rest => format!("{} {large} {rest:02} {small}", total / per_large),
    }
}

/// A time (UTC milliseconds since 1970) in the zone given, to the minute and as much finer as it is not
/// whole: `2024-03-09 08:01 UTC`, `2024-03-09 09:01:30.250 CET`. A time outside the years -9999 to 9999 is
/// written as its milliseconds.
pub fn time(ms: i64, zone: &TimeZone) -> String {
    let clock = clock_format(ms);
    time_as(ms, zone, &format!("%Y-%m-%d {clock} %Z")).unwrap_or_else(|| since_1970(ms))
}

/// A stretch of time in the zone given; what both ends have in common is said once:
/// `2024-03-09 08:01 – 08:26 UTC`, `2024-03-09 23:50 UTC – 2024-03-10 00:20 UTC`.
pub fn time_span(from_ms: i64, until_ms: i64, zone: &TimeZone) -> String {
    let day = |ms| time_as(ms, zone, "%Y-%m-%d %Z");
    if day(from_ms).is_some() && day(from_ms) == day(until_ms) {
        let from = time_as(from_ms, zone, &format!("%Y-%m-%d {}", clock_format(from_ms)));
        let until = time_as(until_ms, zone, &format!("{} %Z", clock_format(until_ms)));
        if let (Some(from), Some(until)) = (from, until) {
            return format!("{from} – {until}");
        }
    }
    format!("{} – {}", time(from_ms, zone), time(until_ms, zone))
}

/// The coarsest clock that still says the whole time.
fn clock_format(ms: i64) -> &'static str {
    if ms % 1_000 != 0 {
        "%H:%M:%S.%3f"
    } else if ms % 60_000 != 0 {
        "%H:%M:%S"
    } else {
        "%H:%M"
    }
}

/// A time in the zone given, in a `strftime` format; nothing outside the years -9999 to 9999.
pub fn time_as(ms: i64, zone: &TimeZone, format: &str) -> Option<String> {
    let zoned = Timestamp::from_millisecond(ms).ok()?.to_zoned(zone.clone());
    Some(zoned.strftime(format).to_string())
}

/// A time (UTC milliseconds since 1970) as RFC 3339 in UTC, for machines: `2024-03-09T08:01:00Z`. A time
/// outside the years -9999 to 9999 is written as its milliseconds.
pub fn rfc3339(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map_or_else(|_| since_1970(ms), |at| at.to_string())
}

fn since_1970(ms: i64) -> String {
    format!("{ms} ms since 1970-01-01T00:00:00Z")
}

/// The error and its causes, on one line.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words.push_str(&format!(": {error}"));
        cause = error.source();
    }
    words
}

/// The one of `known` that `word` was perhaps meant to be.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // one slip in three letters, and never all of them
    let letters = word.chars().count();
    let allowed = letters.div_ceil(3).min(letters.saturating_sub(1));
    known
        .into_iter()
        .map(|name| (distance(word, name), name))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// How many letters must be added, dropped, changed, or swapped with their neighbour to make `b` of `a`.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let change = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = change.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_only_a_few_are_named() {
        let told = |all: &[u32]| few(all, 2, |one| format!("h{one}"));
        assert_eq!([told(&[]), told(&[1, 2]), told(&[1, 2, 3])], ["", "h1, h2", "h1, h2 and 1 more"]);
    }

    #[test]
    fn what_a_terminal_would_obey_is_shown() {
        assert_eq!(plain("vip-a \u{e4}"), "vip-a \u{e4}");
        assert_eq!(plain("a\u{1b}[2J\r\nb\tc\u{9b}\u{202e}d"), "a\\u{1b}[2J\\r\\nb\\tc\\u{9b}\\u{202e}d");
        assert_eq!(plain("\u{2028}\u{2029}\u{200f}\u{61c}"), "\\u{2028}\\u{2029}\\u{200f}\\u{61c}");
    }

    /// What a cell was made of, as the documentation says it is found.
    fn of_cell(cell: &str) -> String {
        if !cell.contains("\\u{") {
            return cell.to_owned();
        }
        let (mut out, mut rest) = (String::new(), cell);
        while let Some((before, behind)) = rest.split_once('\\') {
            out += before;
            rest = match behind.strip_prefix("u{").and_then(|code| code.split_once('}')) {
                Some((code, behind)) => {
                    let code = u32::from_str_radix(code, 16).expect("a number");
                    out.push(char::from_u32(code).expect("a character"));
                    behind
                }
                None => {
                    out.push('\\');
                    behind.strip_prefix('\\').expect("a backslash twice")
                }
            };
        }
        out + rest
    }

    #[test]
    fn it_can_be_told_what_a_cell_was() {
        let plain = ["vip-a \u{e4}", "{host=\"h\\\\1\"}", r"C:\users", "", r"\\"];
        plain.iter().for_each(|text| assert_eq!(cell(text), *text));
        let odd = [
            "\u{1b}[2J",
            "\n\t\r\0",
            r"\u{1b}",
            "\\\u{202e}\\u{",
            "a\u{9b}\\\\\u{2028}",
            r"\\u{9",
            "\u{7f}u{",
        ];
        for text in plain.into_iter().chain(odd) {
            let cell = cell(text);
            assert!(!cell.contains(is_obeyed), "{cell:?}");
            assert_eq!(of_cell(&cell), text, "{cell}");
        }
    }

    #[test]
    fn json_has_the_same_values() {
        let value = serde_json::json!({"a\u{202e}": ["\u{1b}\n\u{7f}\u{9b}\u{2028}", "ä\\"]});
        for text in [value.to_string(), format!("{value:#}")] {
            let json = plain_json(text);
            assert!(!json.contains(|c: char| is_obeyed(c) && c != '\n'), "{json:?}");
            assert_eq!(serde_json::from_str::<serde_json::Value>(&json).expect("JSON"), value);
        }
        assert_eq!(plain_json("{\n  \"ä\": 1\n}".to_owned()), "{\n  \"ä\": 1\n}");
    }

    #[test]
    fn numbers_read_as_documented() {
        let cases = [
            (0.0, "0"),
            (-0.0, "0"),
            (812.0, "812"),
            (-812.04, "-812"),
            (1234.4, "1234"),
            (9999.6, "10k"),
            (8000.0, "8000"),
            (12_340.0, "12.34k"),
            (123_456.0, "123.5k"),
            (3_400_000.0, "3.4M"),
            (999_999.0, "1M"),
            (1.5e9, "1.5G"),
            (1e14, "100T"),
            (1e15, "1e15"),
            (-1.5e300, "-1.5e300"),
            (0.5, "0.5"),
            (0.012_345, "0.01235"),
            (0.001, "0.001"),
            (2e-7, "2e-7"),
            (1.0 / 3.0, "0.3333"),
            (f64::INFINITY, "∞"),
            (f64::NEG_INFINITY, "-∞"),
            (f64::NAN, "not a number"),
            (f64::MIN_POSITIVE, "2.225e-308"),
        ];
        for (value, expected) in cases {
            assert_eq!(number(value), expected, "{value:e}");
        }
    }

    #[test]
    fn more_digits_tell_close_values_apart() {
        assert_eq!(number_with(123_456.6, 7), "123.4566k");
        assert_eq!(number_with(123_456.8, 7), "123.4568k");
        assert_eq!(number_with(7.7, 0), "8");
    }

    #[test]
    fn counts_have_commas() {
        let cases = [(0, "0"), (999, "999"), (1_000, "1,000"), (20_160, "20,160"), (1_000_000, "1,000,000")];
        for (value, expected) in cases {
            assert_eq!(count(value), expected);
        }
        assert_eq!(counted(1, "sample", "samples"), "1 sample");
        assert_eq!(counted(0, "sample", "samples"), "0 samples");
    }

    #[test]
    fn shares_never_hide_a_rest() {
        let cases = [
            (0.0, "0%"),
            (0.000_1, "<0.1%"),
            (0.001, "0.1%"),
            (0.125, "12.5%"),
            (0.5, "50%"),
            (0.999, "99.9%"),
            (0.999_9, ">99.9%"),
            (1.0, "100%"),
            (1.5, "100%"),
            (-1.0, "0%"),
            (f64::NAN, "0%"),
        ];
        for (value, expected) in cases {
            assert_eq!(share(value), expected, "{value}");
        }
    }

    #[test]
    fn durations_read_as_documented() {
        let cases = [
            (0, "0 ms"),
            (300, "300 ms"),
            (1_000, "1 s"),
            (1_500, "1.5 s"),
            (59_999, "59.999 s"),
            (60_000, "1 min"),
            (725_000, "12 min 05 s"),
            (720_000, "12 min"),
            (3_599_499, "59 min 59 s"),
            (3_599_999, "1 h"),
            (3_900_000, "1 h 05 min"),
            (86_399_999, "1 d"),
            (86_400_000, "1 d"),
            (100_800_000, "1 d 04 h"),
            (1_209_600_000, "14 d"),
            (-60_000, "-1 min"),
        ];
        for (ms, expected) in cases {
            assert_eq!(duration(ms), expected, "{ms}");
        }
        assert_eq!(duration(i64::MIN), "-106751991167 d 07 h");
    }

    #[test]
    fn times_name_their_zone() {
        let berlin = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a valid rule");
        let cases = [
            (1_709_971_260_000, &TimeZone::UTC, "2024-03-09 08:01 UTC"),
            (1_709_971_260_000, &berlin, "2024-03-09 09:01 CET"),
            (1_720_000_000_000, &berlin, "2024-07-03 11:46:40 CEST"),
            (1_709_971_260_250, &TimeZone::UTC, "2024-03-09 08:01:00.250 UTC"),
            (-1, &TimeZone::UTC, "1969-12-31 23:59:59.999 UTC"),
            (i64::MAX, &TimeZone::UTC, "9223372036854775807 ms since 1970-01-01T00:00:00Z"),
        ];
        for (ms, zone, expected) in cases {
            assert_eq!(time(ms, zone), expected);
        }
    }

    #[test]
    fn a_span_says_once_what_both_ends_share() {
        let at = 1_709_971_260_000;
        let cases = [
            (at, at + 1_500_000, "2024-03-09 08:01 – 08:26 UTC"),
            (at, at + 1_500, "2024-03-09 08:01 – 08:01:01.500 UTC"),
            (at, at + 86_400_000, "2024-03-09 08:01 UTC – 2024-03-10 08:01 UTC"),
        ];
        for (from, until, expected) in cases {
            assert_eq!(time_span(from, until, &TimeZone::UTC), expected);
        }
        assert!(time_span(i64::MIN, i64::MAX, &TimeZone::UTC).contains(" – 9223372036854775807 ms"));
    }

    #[test]
    fn machines_get_rfc3339() {
        assert_eq!(rfc3339(1_709_971_260_000), "2024-03-09T08:01:00Z");
        assert_eq!(rfc3339(1_709_971_260_250), "2024-03-09T08:01:00.25Z");
        assert_eq!(rfc3339(i64::MIN), "-9223372036854775808 ms since 1970-01-01T00:00:00Z");
    }

    #[test]
    fn the_nearest_word_is_suggested_and_no_far_one() {
        let known = ["interval", "rule", "lateness"];
        let cases = [("intervall", Some("interval")), ("ruel", Some("rule")), ("colour", None), ("", None)];
        for (word, meant) in cases {
            assert_eq!(nearest(word, known), meant, "{word}");
        }
        assert_eq!(nearest("xy", ["zz"]), None);
    }

    #[test]
    fn a_distance_counts_slips() {
        let cases = [("", "", 0), ("ab", "", 2), ("abc", "acb", 1), ("kitten", "sitting", 3), ("ß", "s", 1)];
        for (a, b, slips) in cases {
            assert_eq!((distance(a, b), distance(b, a)), (slips, slips), "{a} {b}");
        }
    }
}
