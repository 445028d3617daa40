//! What is kept until it is told: by order, counters, limits, and several who ask.

use super::message::{request, series};
use super::{INTERVAL_MS, NOW_MS, inbox, take, take_lines, told};
use crate::sources::push::refusal::Refusal;

/// The value by which a series says that it has ended.
const ENDED: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

/// A request of the series `name{x="x"}`.
fn one(name: &str, x: &str, samples: &[(i64, f64)]) -> Vec<u8> {
    let samples: Vec<_> = samples.iter().map(|(before, value)| (NOW_MS + before, *value)).collect();
    request(vec![series(&[("__name__", name), ("x", x)], &samples)])
}

#[test]
fn what_is_asked_for_is_told_once_and_nothing_else_is_kept() {
    let inbox = inbox(100);
    assert_eq!(inbox.asked("up{x=~\"[12]\"}", INTERVAL_MS, 0), Ok(0));
    assert!(!inbox.has_news(0));
    take(&inbox, &one("up", "2", &[(-1_000, 5.0), (0, 6.0)])).expect("good");
    take(&inbox, &one("up", "1", &[(0, 7.0)])).expect("good");
    take(&inbox, &one("up", "3", &[(0, 8.0)])).expect("good, and wanted by nobody");
    take(&inbox, &one("down", "1", &[(0, 9.0), (1, 9.0)])).expect("good, and wanted by nobody");
    assert!(inbox.has_news(0));
    assert_eq!(told(&inbox, 0), "up,1: 7@0; up,2: 5@-1000 6@0");
    assert_eq!((told(&inbox, 0).as_str(), inbox.has_news(0)), ("", false));
    let heard = inbox.heard();
    assert_eq!(heard, ["4 requests with 6 samples taken; 3 of 2 series are for no signal"]);
}

#[test]
fn a_query_that_comes_later_finds_what_was_wanted_by_nobody() {
    let inbox = inbox(100);
    inbox.asked("up", INTERVAL_MS, 0).expect("a query");
    take(&inbox, &one("down", "1", &[(-5, 1.0)])).expect("good");
    assert_eq!(inbox.asked("down", INTERVAL_MS, 0), Ok(1));
    take(&inbox, &one("down", "1", &[(0, 2.0)])).expect("good");
    assert_eq!((told(&inbox, 0).as_str(), told(&inbox, 1).as_str()), ("", "down,1: 2@0"));
    assert!(inbox.asked("sum(up)", INTERVAL_MS, 0).is_err());
}

#[test]
fn what_cannot_be_judged_any_more_is_counted_by_why() {
    let inbox = inbox(100);
    inbox.asked("up", INTERVAL_MS, 0).expect("a query");
    take(&inbox, &one("up", "1", &[(-1_000, 1.0), (-500, f64::NAN)])).expect("good");
    take(&inbox, &one("up", "1", &[(-2_000, 1.0)])).expect("late, which is nothing that its sender can mend");
    take(&inbox, &one("up", "1", &[(-500, 2.0), (INTERVAL_MS, 3.0)])).expect("good but for the first");
    take(&inbox, &one("up", "1", &[(INTERVAL_MS + 1, 4.0)])).expect("from the future");
    assert_eq!(
        told(&inbox, 0),
        "up,1: 1@-1000 NaN@-500 3@10000; \
         1 sample came after a newer one of the series, and cannot be judged any more; \
         1 sample came with another value than the series had at the same time; \
         1 sample with a time of more than an interval from now: the clocks differ"
    );
    assert_eq!(told(&inbox, 0), "", "and told once");
}

#[test]
fn a_request_whose_answer_was_lost_may_come_again() {
    let inbox = inbox(100);
    inbox.asked("up", INTERVAL_MS, 0).expect("a query");
    let request = one("up", "1", &[(-1_000, 1.0), (0, 2.0)]);
    take(&inbox, &request).expect("good");
    assert_eq!(told(&inbox, 0), "up,1: 1@-1000 2@0");
    take(&inbox, &request).expect("it came again");
    // the same sample in another request
    take(&inbox, &one("up", "1", &[(0, 2.0)])).expect("good");
    assert_eq!(told(&inbox, 0), "");
    assert_eq!(inbox.heard()[1], "1 request came again after it was taken");
}

#[test]
fn an_end_is_no_sample_and_a_counter_begins_anew_behind_it() {
    let inbox = inbox(100);
    for (number, query) in ["c", "rate(c)", "increase(c)"].into_iter().enumerate() {
        assert_eq!(inbox.asked(query, INTERVAL_MS, 0), Ok(number));
    }
    let steps = [
        (-60_000, 1.0),
        (-50_000, 21.0),
        (-40_000, 5.0),
        (-30_000, 15.0),
        (-20_000, ENDED),
        (-10_000, 35.0),
        (0, 55.0),
    ];
    for step in steps {
        take(&inbox, &one("c", "1", &[step])).expect("good");
    }
    assert_eq!(told(&inbox, 0), "c,1: 1@-60000 21@-50000 5@-40000 15@-30000 35@-10000 55@0");
    assert_eq!(told(&inbox, 1), "c,1: 2@-50000 1@-30000 2@0");
    assert_eq!(told(&inbox, 2), "c,1: 20@-50000 10@-30000 20@0");
    // more than one and a half intervals between two readings say nothing
    let later = request(vec![series(&[("__name__", "c"), ("x", "1")], &[(NOW_MS + 15_001, 100.0)])]);
    inbox.take(&later, NOW_MS + 30_000, |staged| super::write::stage(&later, staged)).expect("good");
    assert_eq!(told(&inbox, 1), "");
}

#[test]
fn a_full_inbox_puts_off_a_whole_request_and_takes_it_when_there_is_room() {
    let inbox = inbox(3);
    inbox.asked("up", INTERVAL_MS, 0).expect("a query");
    take(&inbox, &one("up", "1", &[(-5, 1.0), (-4, 2.0)])).expect("room for two");
    let next = one("up", "1", &[(-3, 3.0), (-2, 4.0)]);
    let error = take(&inbox, &next).expect_err("room for one only");
    assert_eq!(error.status(), 503);
    // what is for nobody needs no room
    take(&inbox, &one("down", "1", &[(-5, 1.0), (-4, 2.0)])).expect("nothing of it is kept");
    let odd = "2 samples put off, for as many as allowed wait to be judged (max_buffered)";
    assert_eq!(told(&inbox, 0), format!("up,1: 1@-5 2@-4; {odd}"));
    take(&inbox, &next).expect("the same again");
    assert_eq!(told(&inbox, 0), "up,1: 3@-3 4@-2");
    let never = one("up", "1", &[(-1, 1.0), (0, 2.0), (1, 3.0), (2, 4.0)]);
    assert_eq!(take(&inbox, &never).map_err(|error| error.status()), Err(413), "it never finds room");
}

#[test]
fn two_signals_that_ask_for_the_same_are_both_told() {
    let inbox = inbox(100);
    let askers = [inbox.asker(), inbox.asker()];
    let numbers = askers.map(|asker| inbox.asked("up", INTERVAL_MS, asker).expect("a query"));
    assert_eq!(numbers, [0, 1]);
    assert_eq!(inbox.asked("up", INTERVAL_MS, askers[0]), Ok(0), "he asks again");
    take(&inbox, &one("up", "1", &[(0, 1.0)])).expect("good");
    take(&inbox, &one("up", "1", &[(-5, 1.0)])).expect("late");
    let late = "1 sample came after a newer one of the series, and cannot be judged any more";
    for number in numbers {
        assert!(inbox.has_news(number));
        assert_eq!(told(&inbox, number), format!("up,1: 1@0; {late}"));
        assert!(!inbox.has_news(number));
    }
}

#[test]
fn series_beyond_a_limit_are_told_of_and_others_go_on() {
    let inbox = inbox(100);
    inbox.asked("up", INTERVAL_MS, 0).expect("a query");
    for x in ["1", "2", "3", "4", "0123456789012345678901234567890123"] {
        take(&inbox, &one("up", x, &[(-10, 1.0)])).expect("good");
    }
    let told = told(&inbox, 0);
    assert!(told.starts_with("up,1: 1@-10; up,2: 1@-10; up,3: 1@-10; "), "{told}");
    assert!(told.contains("1 sample of more series than allowed (max_series)"), "{told}");
    assert!(told.contains("1 sample of series with more or longer labels than allowed"), "{told}");
}

#[test]
fn lines_are_taken_all_or_none_and_a_bad_one_is_named() {
    let inbox = inbox(100);
    inbox.asked("{vip=~\".+\"}", INTERVAL_MS, 0).expect("a query");
    let good = "{\"at\": \"2024-03-01T00:00:00Z\", \"labels\": {\"vip\": \"a\"}, \"value\": 12.5}\n\n\
                {\"value\": null, \"labels\": {\"vip\": \"b\", \"none\": \"\"}, \"at\": 1709251200001}";
    take_lines(&inbox, good).expect("good lines");
    assert_eq!(told(&inbox, 0), "a: 12.5@0; b: NaN@1");
    // in the order of time, whatever that of the lines
    let line =
        |at: i64| format!("{{\"at\": {}, \"labels\": {{\"vip\": \"c\"}}, \"value\": 1}}\n", NOW_MS + at);
    take_lines(&inbox, &[line(3), line(2)].concat()).expect("good lines");
    assert_eq!(told(&inbox, 0), "c: 1@2 1@3");
    let long = format!("{}\n", " {".repeat(40_000));
    for (bad, why) in [
        ("nothing", "expected ident"),
        ("{\"at\": 1, \"labels\": {}}", "missing field `value`"),
        ("{\"at\": 1, \"labels\": {}, \"value\": 1, \"unit\": \"s\"}", "unknown field `unit`"),
        (
            "{\"at\": 1.5, \"labels\": {}, \"value\": 1}",
            "expected whole milliseconds since 1970, or a time as",
        ),
        ("{\"at\": \"noon\", \"labels\": {}, \"value\": 1}", "a time that cannot be read"),
        ("{\"at\": 1, \"labels\": {\"a\": \"1\", \"a\": \"2\"}, \"value\": 1}", "two labels of one name"),
        ("{\"at\": 1, \"labels\": {\"\": \"1\"}, \"value\": 1}", "a label has no name"),
        ("{\"at\": 1, \"labels\": {\"a\": 1}, \"value\": 1}", "expected a string"),
        ("{\"at\": 1, \"labels\": {}, \"value\": \"1\"}", "expected f64"),
        ("{\"at\": 1, \"labels\": {}, \"value\": 1e999}", "number out of range"),
        ("{\"at\": 9223372036854775807, \"labels\": {}, \"value\": 1}", "which is in no year"),
        (long.as_str(), "allowed is at most 65536"),
    ] {
        match take_lines(&inbox, &format!("{}\n{bad}\n", line(9))) {
            Err(Refusal::Malformed(words)) => {
                assert!(words.starts_with("line 3: ") && words.contains(why), "{bad}: {words}");
            }
            other => panic!("{bad}: {other:?}"),
        }
    }
    assert_eq!(told(&inbox, 0), "", "no line of these was taken");
}
