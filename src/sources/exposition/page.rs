//! A whole page: what it has of what is wanted, and what of that are counters.

use super::line::{Format, Line, NAME, Row, Type, read};
use crate::sources::Labels;
use std::borrow::Cow;
use std::collections::HashMap;

/// A sample of a page that was wanted.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::sources) struct Found {
    /// Its labels, the name among them as `__name__`.
    pub(in crate::sources) labels: Labels,
    /// Whether it only grows, by what the page declares.
    pub(in crate::sources) is_counter: bool,
    /// Its value.
    pub(in crate::sources) value: f64,
    /// Its own time in milliseconds, where it has one.
    pub(in crate::sources) time_ms: Option<i64>,
}

/// What `page` has of what is `wanted`, in its order; of no more than `most` samples. No line may have more than `labels_max`
/// labels.
///
/// # Errors
/// What is wrong with the page, in words: a line that cannot be read, or an end that is missing.
pub(in crate::sources) fn find(
    page: &[u8],
    format: Format,
    most: usize,
    labels_max: usize,
    wanted: impl Fn(&Row<'_>) -> bool,
) -> Result<Vec<Found>, String> {
    let text = std::str::from_utf8(page).map_err(|error| {
        let line = page[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
        format!("line {line} has bytes that are not UTF-8")
    })?;
    // half a number is a number; the other format marks its end
    if format == Format::Plain && !text.is_empty() && !text.ends_with('\n') {
        return Err("its last line has no end: it was cut off".to_owned());
    }
    let (mut types, mut out, mut is_over) = (HashMap::new(), Vec::new(), false);
    for (number, line) in (1..).zip(text.lines()) {
        if is_over {
            return Err(format!("line {number} stands behind its end"));
        }
        match read(line, format, labels_max).map_err(|why| format!("line {number} has {why}"))? {
            Line::Nothing => {}
            Line::End => is_over = true,
            Line::Family(name, kind) => {
                types.insert(name, kind);
            }
            Line::Row(row) if row.name.is_empty() => {
                return Err(format!("line {number} has a sample without a name"));
            }
            // one more says that there are too many
            Line::Row(row) if out.len() <= most && wanted(&row) => {
                let is_counter = is_counter(&row.name, |family| types.get(family).copied());
                let (value, time_ms) = (row.value, row.time_ms);
                out.push(Found { labels: copied(row), is_counter, value, time_ms });
            }
            Line::Row(_) => {}
        }
    }
    if format == Format::OpenMetrics && !is_over {
        return Err("its last line is not # EOF: it was cut off".to_owned());
    }
    Ok(out)
}

/// The labels of `row`, with the name among them where it has one.
pub(in crate::sources) fn copied(row: Row<'_>) -> Labels {
    let name = Some((Cow::Borrowed(NAME), row.name)).filter(|(_, name)| !name.is_empty());
    row.labels.into_iter().chain(name).collect()
}

/// Whether series of that name only grow: counters, and of histograms and summaries what counts and sums up.
fn is_counter(name: &str, kind_of: impl Fn(&str) -> Option<Type>) -> bool {
    match kind_of(name) {
        Some(kind) => kind == Type::Counter,
        None => {
            let family = |suffix: &str| name.strip_suffix(suffix).and_then(&kind_of);
            let sums = || family("_sum").or_else(|| family("_count"));
            family("_total") == Some(Type::Counter)
                || family("_bucket") == Some(Type::Histogram)
                || matches!(sums(), Some(Type::Histogram | Type::Summary))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PLAIN: &str = "# HELP a_total what\n# TYPE a_total counter\na_total{x=\"1\"} 5\n\n\
        # TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 3\nh_sum 4.5\nh_count 3\n\
        # TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 2\ns_count 3\n# TYPE g gauge\ng 1\ng_total 2\nu 1 5\n";
    const OPEN: &str = "# TYPE a counter\na_total{x=\"1\"} 5\na_created{x=\"1\"} 1.5\n# TYPE gh gaugehistogram\n\
        gh_bucket{le=\"1\"} 2\ngh_gcount 3\n# EOF\n";

    fn counters(page: &str, format: Format) -> Vec<(String, bool)> {
        let found = find(page.as_bytes(), format, 100, 9, |_| true).expect("a page");
        found.into_iter().map(|found| (found.labels[NAME].to_owned(), found.is_counter)).collect()
    }

    #[test]
    fn what_only_grows_is_told_by_the_types() {
        let growing: Vec<_> =
            counters(PLAIN, Format::Plain).into_iter().filter(|(_, grows)| *grows).collect();
        let names: Vec<_> = growing.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["a_total", "h_bucket", "h_bucket", "h_sum", "h_count", "s_sum", "s_count"]);
        let expected = [("a_total", true), ("a_created", false), ("gh_bucket", false), ("gh_gcount", false)];
        assert_eq!(
            counters(OPEN, Format::OpenMetrics),
            expected.map(|(name, grows)| (name.to_owned(), grows))
        );
    }

    #[test]
    fn a_page_without_its_end_or_with_a_bad_line_is_none() {
        let whole = |page: &[u8], format| find(page, format, 100, 9, |_| true).map(|found| found.len());
        assert_eq!(whole(b"", Format::Plain), Ok(0));
        for (page, format, why) in [
            ("a 12", Format::Plain, "its last line has no end: it was cut off"),
            ("a 1\n", Format::OpenMetrics, "its last line is not # EOF: it was cut off"),
            ("", Format::OpenMetrics, "its last line is not # EOF: it was cut off"),
            ("# EOF\na 1\n", Format::OpenMetrics, "line 2 stands behind its end"),
            ("a 1\nb\n", Format::Plain, "line 2 has the value \"\", which is no number"),
            ("a 1\n{b=\"c\"} 1\n", Format::Plain, "line 2 has a sample without a name"),
        ] {
            assert_eq!(whole(page.as_bytes(), format), Err(why.to_owned()));
        }
        let bytes = whole(b"a 1\nb{c=\"\xff\"} 1\n", Format::Plain);
        assert_eq!(bytes, Err("line 2 has bytes that are not UTF-8".to_owned()));
    }

    #[test]
    fn no_more_than_one_beyond_the_limit_is_kept() {
        let page: String = (0..10).map(|i| format!("a{{i=\"{i}\"}} 1\n")).collect();
        assert_eq!(find(page.as_bytes(), Format::Plain, 3, 9, |_| true).map(|found| found.len()), Ok(4));
        let one = find(page.as_bytes(), Format::Plain, 3, 9, |row| row.labels[0].1 == "9").expect("a page");
        assert_eq!(one[0].labels.get("i"), Some("9"));
    }

    proptest! {
        #[test]
        fn a_page_that_is_cut_is_no_page_or_ends_with_a_whole_line(cut in 0_usize..PLAIN.len()) {
            let page = &PLAIN.as_bytes()[..cut];
            let is_whole = cut == 0 || page.ends_with(b"\n");
            prop_assert_eq!(find(page, Format::Plain, 100, 9, |_| true).is_ok(), is_whole);
            let open = &OPEN.as_bytes()[..cut.min(OPEN.len() - 2)];
            prop_assert!(find(open, Format::OpenMetrics, 100, 9, |_| true).is_err());
        }

        #[test]
        fn no_bytes_stop_it(page in proptest::collection::vec(any::<u8>(), 0..200)) {
            drop(find(&page, Format::Plain, 10, 9, |_| true));
        }
    }
}
