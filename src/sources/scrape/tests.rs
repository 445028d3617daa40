//! Pages one after the other, at times that the tests choose.

use super::*;
use crate::settings::Given;
use crate::sources::{Spec, find as kind};
use proptest::prelude::*;
use quietgate_detectors::{Reason, Timestamp};

/// One page after the other, an interval of 10 s apart.
struct Pages {
    page: Page,
    begun: Instant,
    /// How long the machine has slept since then, in which the time of day went on.
    slept_ms: u64,
}

const INTERVAL_MS: i64 = 10_000;
/// The time of the first asking.
const FIRST_MS: i64 = 1_709_251_200_000;

fn map(entries: &[(&str, &str)]) -> Vec<(String, String)> {
    entries.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

impl Pages {
    fn new() -> Self {
        Self::with(&[], &[])
    }

    fn with(labels: &[(&str, &str)], rename: &[(&str, &str)]) -> Self {
        let limits = Limits { series: 3, labels: 3, label_bytes: 32 };
        let (labels, rename) = (map(labels), map(rename));
        let page = Page { address: "URL".to_owned(), labels, rename, limits, readings: Mutex::default() };
        Self { page, begun: Instant::now(), slept_ms: 0 }
    }

    /// What `query` gives for `text`, read `after_ms` milliseconds after the first.
    fn at(&self, after_ms: u64, query: &str, text: &str) -> Result<Answer, SourceError> {
        let until = FIRST_MS + after_ms as i64;
        let ask = Ask {
            query: Some(query.to_owned()),
            from: Timestamp::from_millis(until - INTERVAL_MS),
            until: Timestamp::from_millis(until),
            interval: Interval::from_millis(INTERVAL_MS).expect("in range"),
        };
        let asked = Asked::new(
            &ask,
            self.begun + std::time::Duration::from_millis(after_ms - self.slept_ms),
            ask.until,
        );
        let body = Body { content_type: None, bytes: text.as_bytes().to_vec() };
        self.page.answer(&body, &Query::new(query).expect(query), &(query.to_owned(), INTERVAL_MS), asked)
    }

    /// The same as words: `{labels} value`, one series that has one behind the other.
    fn told(&self, after_ms: u64, query: &str, text: &str) -> String {
        match self.at(after_ms, query, text) {
            Ok(answer) => {
                assert!(answer.complete, "{:?}", answer.warnings);
                let one = |series: &crate::sources::SeriesSamples| {
                    let samples: Vec<_> =
                        series.samples.iter().map(|sample| sample.value.to_string()).collect();
                    format!("{} {}", crate::sources::labels_in_words(&series.labels), samples.join(","))
                };
                let valued = answer.series.iter().filter(|series| !series.samples.is_empty());
                valued.map(one).collect::<Vec<_>>().join("; ")
            }
            Err(error) => error.to_string(),
        }
    }
}

fn counter(values: &[(&str, f64)]) -> String {
    let rows = values.iter().map(|(name, value)| format!("c{{a=\"{name}\"}} {value}\n"));
    format!("# TYPE c counter\n{}", rows.collect::<String>())
}

#[test]
fn a_gauge_is_told_at_once_and_a_counter_by_what_it_grew() {
    let pages = Pages::new();
    let text = "# TYPE g gauge\ng 5\n# TYPE c counter\nc 100\n";
    assert_eq!(pages.told(0, "{__name__=~\"g|c\"}", text), "{__name__=\"g\"} 5");
    let text = text.replace("g 5", "g 4").replace("c 100", "c 150");
    assert_eq!(pages.told(10_000, "{__name__=~\"g|c\"}", &text), "{__name__=\"c\"} 5; {__name__=\"g\"} 4");
    let sample = pages.at(20_000, "g", "g 1\n").expect("a page").series[0].samples[0];
    assert_eq!(sample.at.as_millis(), FIRST_MS + 20_000, "the time of asking");
    assert_eq!(
        pages.told(30_000, "rate(g)", "g 1\n") + &pages.told(40_000, "rate(g)", "g 3\n"),
        "{__name__=\"g\"} 0.2"
    );
    assert_eq!(
        pages.told(30_000, "increase(g)", "g 1\n") + &pages.told(40_000, "increase(g)", "g 3\n"),
        "{__name__=\"g\"} 2"
    );
}

#[test]
fn a_counter_that_went_back_has_no_sample_once_and_the_others_have() {
    let pages = Pages::new();
    pages.told(0, "c", &counter(&[("x", 1e9), ("y", 1e9)]));
    let reset = pages.told(10_000, "c", &counter(&[("x", 50.0), ("y", 1e9 + 10.0)]));
    assert_eq!(reset, "{__name__=\"c\", a=\"y\"} 1");
    let after = pages.told(20_000, "c", &counter(&[("x", 70.0), ("y", 1e9 + 10.0)]));
    assert_eq!(after, "{__name__=\"c\", a=\"x\"} 2; {__name__=\"c\", a=\"y\"} 0");
    // a counter that is no number is told as that, and begins anew
    assert_eq!(pages.told(30_000, "c", &counter(&[("x", f64::NAN)])), "{__name__=\"c\", a=\"x\"} NaN");
    assert_eq!(pages.told(40_000, "c", &counter(&[("x", 100.0)])), "");
}

#[test]
fn a_counter_below_zero_cannot_be_and_is_no_number_by_its_name() {
    let pages = Pages::new();
    pages.told(0, "c", &counter(&[("x", 5.0), ("y", 5.0)]));
    let below = pages.at(10_000, "c", &counter(&[("x", -1.0), ("y", 15.0)])).expect("a page");
    let values: Vec<_> = below.series.iter().map(|series| series.samples[0].value).collect();
    assert!(values[0].is_nan() && values[1] == 1.0 && below.complete, "{below:?}");
    let words =
        "the counter {__name__=\"c\", a=\"x\"} is below 0, which cannot be: it is taken for no number";
    assert_eq!(below.warnings, [words]);
    assert_eq!(pages.told(20_000, "c", &counter(&[("x", 100.0)])), "", "it begins anew");
    assert_eq!(pages.told(30_000, "c", &counter(&[("x", 110.0)])), "{__name__=\"c\", a=\"x\"} 1");
    assert_eq!(pages.told(40_000, "rate(g)", "g -0\n"), "");
    let rate = pages.at(50_000, "rate(g)", "g -5\n").expect("a page");
    assert!(rate.series[0].samples[0].value.is_nan() && rate.warnings.len() == 1, "{rate:?}");
    assert_eq!(pages.told(60_000, "g", "g -5\n"), "{__name__=\"g\"} -5", "a level may be");
}

#[test]
fn what_was_away_begins_anew() {
    let pages = Pages::new();
    pages.told(0, "c", &counter(&[("x", 0.0)]));
    assert_eq!(pages.told(10_000, "c", &counter(&[])), "", "it is not repeated");
    assert_eq!(pages.told(15_000, "c", &counter(&[("x", 1e6)])), "", "it came back");
    assert_eq!(pages.told(20_000, "c", &counter(&[("x", 1e6 + 5.0)])), "{__name__=\"c\", a=\"x\"} 1");
    pages.page.forget(&("c".to_owned(), INTERVAL_MS));
    assert_eq!(pages.told(30_000, "c", &counter(&[("x", 2e6)])), "", "the page was away");
}

#[test]
fn what_a_counter_grew_by_is_told_of_about_one_interval_and_by_the_interval() {
    let one = |value: f64| counter(&[("x", value)]);
    for query in ["rate(c)", "increase(c)"] {
        let by = if query == "rate(c)" { 1.0 } else { 10.0 };
        let said = |rate: f64| format!("{{__name__=\"c\", a=\"x\"}} {}", rate * by);
        let pages = Pages::new();
        pages.told(0, query, &one(0.0));
        assert_eq!(pages.told(4_900, query, &one(490.0)), "", "less than half an interval");
        assert_eq!(
            pages.told(15_000, query, &one(1_500.0)),
            said(100.0),
            "as much again, and by the interval"
        );
        assert_eq!(pages.told(20_000, query, &one(1_750.0)), said(50.0));
        assert_eq!(pages.told(35_001, query, &one(1e6)), "", "more than one and a half");
        assert_eq!(pages.told(45_001, query, &one(1e6)), said(0.0));
        // a reset between two readings that come soon after each other
        assert_eq!(pages.told(46_000, query, &one(1e6 + 50.0)), "");
        assert_eq!(pages.told(47_000, query, &one(1e6 + 20.0)), "");
        assert_eq!(pages.told(57_000, query, &one(1e6 + 120.0)), said(10.0));
    }
}

#[test]
fn who_asks_twice_an_interval_is_told_of_each_interval() {
    let pages = Pages::new();
    // a little early, a little late
    let times = (0..40_u64).map(|n| n * 5_000 + [0, 13, 7, 2][n as usize % 4]);
    let told = times.map(|ms| pages.told(ms, "c", &counter(&[("x", ms as f64)])));
    let told: Vec<_> = told.skip(1).collect();
    assert!(told.chunks(2).all(|two| two.iter().any(|words| words.contains(" 1000"))), "{told:?}");
}

#[test]
fn what_was_counted_while_this_machine_slept_or_its_clock_was_set_is_no_leap() {
    let mut pages = Pages::new();
    pages.told(0, "c", &counter(&[("x", 0.0)]));
    pages.slept_ms = 3_600_000;
    let after = pages.slept_ms + 10_000;
    assert_eq!(
        pages.told(after, "c", &counter(&[("x", 1e6)])),
        "",
        "ten seconds by the one clock, an hour by the other"
    );
    assert_eq!(pages.told(after + 10_000, "c", &counter(&[("x", 1e6)])), "{__name__=\"c\", a=\"x\"} 0");
}

#[test]
fn a_series_is_told_before_it_has_a_value_and_when_the_page_shows_it_no_more() {
    let pages = Pages::new();
    let names = |answer: &Answer| -> Vec<_> {
        answer.series.iter().map(|series| (series.labels["a"].to_owned(), series.samples.len())).collect()
    };
    let ended =
        |answer: &Answer| -> Vec<_> { answer.ended.iter().map(|labels| labels["a"].to_owned()).collect() };
    let at = |ms: u64, text: &str| pages.at(ms, "c", text).expect("a page");
    let first = at(0, &counter(&[("x", 0.0), ("y", 0.0)]));
    assert_eq!(names(&first), [("x".to_owned(), 0), ("y".to_owned(), 0)]);
    assert!(first.ended.is_empty() && first.complete);
    let both = at(10_000, &counter(&[("x", 1.0), ("y", 0.0)]));
    assert_eq!(names(&both), [("x".to_owned(), 1), ("y".to_owned(), 1)]);
    let gone = at(20_000, &counter(&[("y", 0.0)]));
    assert_eq!((names(&gone), ended(&gone)), (vec![("y".to_owned(), 1)], vec!["x".to_owned()]));
    assert_eq!(ended(&at(20_010, "")), ["x"], "another signal that asks for the same hears it too");
    // also where the page was away meanwhile, and no longer than samples of that time are asked for
    pages.page.forget(&("c".to_owned(), INTERVAL_MS));
    assert_eq!(ended(&at(25_000, "# nothing\n")), ["y"]);
    assert!(at(40_000, "").ended.is_empty());
    assert_eq!(
        names(&at(50_000, &counter(&[("x", 5.0)]))),
        [("x".to_owned(), 0)],
        "it is back, and begins anew"
    );
}

#[test]
fn one_page_is_taken_apart_at_a_time() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let Pages { page, .. } = Pages::new();
        let scrape = Scrape {
            server: Server::new(&settings("http://127.0.0.1:1")).expect("a server"),
            path: "",
            params: Vec::new(),
            page: Arc::new(page),
            turn: Arc::new(Semaphore::new(1)),
        };
        let ask = Ask {
            query: Some("g".to_owned()),
            from: Timestamp::from_millis(0),
            until: Timestamp::from_millis(FIRST_MS),
            interval: Interval::from_millis(INTERVAL_MS).expect("in range"),
        };
        let read = || {
            let asked = Asked::new(&ask, Instant::now(), ask.until);
            let body = Body { content_type: None, bytes: b"g 1\n".to_vec() };
            scrape.taken_apart(body, Query::new("g").expect("a query"), ("g".to_owned(), INTERVAL_MS), asked)
        };
        let other = Arc::clone(&scrape.turn).acquire_owned().await.expect("open");
        let mut waits = std::pin::pin!(read());
        let second = std::time::Duration::from_millis(200);
        assert!(tokio::time::timeout(second, &mut waits).await.is_err(), "somebody else has the turn");
        drop(other);
        assert_eq!(waits.await.expect("a page").series.len(), 1);
    });
}

#[test]
fn who_asks_for_the_same_at_the_same_time_is_told_the_same() {
    let pages = Pages::new();
    pages.told(0, "c", &counter(&[("x", 0.0)]));
    let first = pages.told(10_000, "c", &counter(&[("x", 10.0)]));
    assert_eq!(pages.told(10_001, "c", &counter(&[("x", 10.0)])), first);
    assert_eq!(first, "{__name__=\"c\", a=\"x\"} 1");
}

#[test]
fn samples_with_times_of_their_own_keep_them_and_are_not_repeated() {
    let pages = Pages::new();
    let page =
        |ms: i64, value: f64| format!("# TYPE c counter\nc {value} {ms}\n# TYPE g gauge\ng {value} {ms}\n");
    let one = FIRST_MS - 3_000;
    let samples = |answer: Answer| -> Vec<_> {
        let samples = answer.series.iter().flat_map(|series| &series.samples);
        samples.map(|sample| (sample.at.as_millis() - FIRST_MS, sample.value)).collect()
    };
    assert_eq!(
        samples(pages.at(0, "{__name__=~\"c|g\"}", &page(one, 5.0)).expect("a page")),
        [(-3_000, 5.0)]
    );
    assert!(
        samples(pages.at(10_000, "c", &page(one, 5.0)).expect("a page")).is_empty(),
        "read for the first time"
    );
    assert!(
        samples(pages.at(20_000, "c", &page(one, 5.0)).expect("a page")).is_empty(),
        "no time has passed"
    );
    let second = pages.at(21_000, "c", &page(one + 15_000, 35.0)).expect("a page");
    assert_eq!(samples(second), [(12_000, 2.0)]);
    let ahead = pages.at(30_000, "g", &page(FIRST_MS + 40_001, 1.0)).expect("a page");
    assert!(!ahead.complete);
    assert_eq!(
        ahead.warnings,
        ["1 sample lies more than an interval after the time of asking: the clocks differ"]
    );
    // several of one series, in the order of time
    let two = format!("g 1 {}\ng 2 {}\n", FIRST_MS + 31_000, FIRST_MS + 32_000);
    assert_eq!(pages.told(33_000, "{__name__=\"g\"}", &two), "{__name__=\"g\"} 1,2");
}

#[test]
fn labels_are_added_and_renamed_and_never_mixed_up() {
    let pages = Pages::with(&[("host", "h1")], &[("dev", "nic")]);
    assert_eq!(
        pages.told(0, "g{dev=\"eth0\"}", "g{dev=\"eth0\"} 1\n"),
        "{__name__=\"g\", host=\"h1\", nic=\"eth0\"} 1"
    );
    for page in ["g{host=\"h2\"} 1\n", "g{nic=\"a\",dev=\"b\"} 1\n"] {
        let text = pages.told(10_000, "{__name__=\"g\"}", page);
        assert!(
            text.contains("a label of the page has a name that labels or rename give to another"),
            "{text}"
        );
    }
    let merged = Pages::with(&[], &[("a", "b")]);
    let error = merged.at(0, "g", "g{a=\"1\"} 1\ng{b=\"1\"} 2\n").expect_err("twice");
    assert_eq!(error.reason(), Reason::Conflicting);
    assert_eq!(error.to_string(), "URL: the series {__name__=\"g\", b=\"1\"} is in the answer twice");
}

#[test]
fn what_is_no_page_or_beyond_a_limit_is_an_error() {
    let pages = Pages::new();
    for (text, why) in [
        ("g 1", "not an answer that can be used: its last line has no end: it was cut off"),
        ("g 1\nfoo\n", "not an answer that can be used: line 2 has the value \"\", which is no number"),
        ("g 1\ng 2\n", "the series {__name__=\"g\"} is in the answer twice"),
        (
            "g{a=\"1\"} 1\ng{a=\"2\"} 1\ng{a=\"3\"} 1\ng{a=\"4\"} 1\n",
            "4 series, allowed is at most 3 (max_series)",
        ),
        ("g{a=\"1\",b=\"2\",c=\"3\"} 1\n", "a series with 4 labels, allowed is at most 3 (max_labels)"),
        (
            "x{a=\"1\",b=\"\",c=\"3\",d=\"4\"} 1\n",
            "not an answer that can be used: line 1 has more than 3 labels (max_labels)",
        ),
        (
            "g{a=\"0123456789012345678901234567890123\"} 1\n",
            "a label of 34 bytes, allowed is at most 32 bytes (max_label_length)",
        ),
    ] {
        assert_eq!(pages.told(0, "g", text), format!("URL: {why}"));
    }
    assert_eq!(format(Some("text/plain; version=0.0.4; charset=utf-8")), Ok(Format::Plain));
    assert_eq!(format(Some("application/openmetrics-text; version=1.0.0")), Ok(Format::OpenMetrics));
    let error = format(Some("text/html")).expect_err("a login");
    assert_eq!(error, "it is \"text/html\", allowed is text/plain and application/openmetrics-text");
}

/// Settings with this address and the defaults.
fn settings(url: &str) -> Settings {
    Settings::check(SETTINGS, &[("url".to_owned(), Given::plain(url))]).expect("good settings")
}

#[test]
fn settings_and_queries_that_make_no_sense_are_refused() {
    let with = |name: &str, entries: &[(&str, &str)]| {
        let entries = entries.iter().map(|(key, value)| ((*key).to_owned(), Given::plain(value))).collect();
        let given = [("url".to_owned(), Given::plain("http://h")), (name.to_owned(), Given::Map(entries))];
        Spec::new(kind("scrape").expect("a kind"), &given).map_err(|errors| errors[0].to_string())
    };
    assert_eq!(
        with("rename", &[("a", "c"), ("b", "c")]).expect_err("twice"),
        "labels and rename make \"c\" twice"
    );
    let spec = with("labels", &[("host", "h1")]).expect("good");
    assert!(spec.check_query(None).is_err() && spec.check_query(Some("sum(up)")).is_err());
    let interval = Interval::from_millis(INTERVAL_MS).expect("in range");
    assert!(spec.no_counts("up", interval).is_some() && spec.no_counts("increase(up)", interval).is_none());
}

proptest! {
    /// Whatever a counter does, what is told of it is never negative, and never more than it can have grown by.
    #[test]
    fn a_counter_is_never_told_to_fall_or_to_leap(counts in proptest::collection::vec(0_u32..1000, 1..20)) {
        let pages = Pages::new();
        let mut before: Option<u32> = None;
        for (number, count) in (0_u64..).zip(counts) {
            let answer = pages.at(number * 10_000, "c", &counter(&[("x", f64::from(count))])).expect("a page");
            let told = answer.series[0].samples.first().map(|sample| sample.value);
            let grown = before.and_then(|before| count.checked_sub(before)).map(|grown| f64::from(grown) / 10.0);
            prop_assert_eq!(told, grown);
            before = Some(count);
        }
    }
}
