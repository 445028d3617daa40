//! A watch over hosts of which one number comes each second.

use super::*;
use quietgate_detectors::{Calendar, Interval, OptionValue};
use quietgate_rules::{Direction, Sustain};

const STEP_MS: i64 = 1000;

/// Loss in percent, one sample a second; above 5 is an anomaly.
fn watch(expect: &[(&str, &[&str])]) -> Watch {
    let above = [("above".to_owned(), OptionValue::Number(5.0))];
    let threshold = Spec::new("threshold", &above).expect("a detector");
    let rule = RuleSpec::new("any", &[], vec![threshold], Direction::Up, Sustain::ONE).expect("a rule");
    let owned = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
    Watch::new(vec![Watched {
        name: "loss".to_owned(),
        spec: MonitorSpec {
            rules: vec![rule],
            slow: None,
            interval: Interval::from_millis(STEP_MS).expect("a second"),
            calendar: Calendar::Utc,
            lateness_ms: 0,
        },
        max_age_ms: 2 * STEP_MS,
        expect: expect.iter().map(|(label, values)| ((*label).to_owned(), owned(values))).collect(),
    }])
}

fn host(name: &str) -> Labels {
    Labels::from([("host", name)])
}

fn see(watch: &mut Watch, name: &str, seconds: std::ops::Range<i64>, value: f64) {
    let samples: Vec<_> = seconds.map(|second| Sample::new(second * STEP_MS, value)).collect();
    watch.observe(0, &host(name), &samples);
}

fn conditions(watch: &Watch, second: i64) -> Vec<(String, Condition)> {
    let name = |labels: &Labels| labels.get("host").unwrap_or_default().to_owned();
    let views = watch.views(Timestamp::from_millis(second * STEP_MS));
    views.iter().map(|view| (name(&view.labels), view.condition)).collect()
}

fn clean(since: i64, until: i64) -> Condition {
    let at = |second| Timestamp::from_millis(second * STEP_MS);
    Condition::Clean { since: at(since), until: at(until), samples: (until - since) as u64 + 1 }
}

const NO_DATA: Condition = Condition::Unknown { reason: Reason::NoData, newest: None };

#[test]
fn each_series_is_judged_by_itself_however_its_samples_come() {
    let mut watch = watch(&[]);
    (0..9).for_each(|second| see(&mut watch, "a", second..second + 1, 0.0));
    see(&mut watch, "b", 0..9, 9.0);
    let began = Condition::Anomalous { since: Timestamp::from_millis(0), found: Timestamp::from_millis(0) };
    assert_eq!(conditions(&watch, 9), [("a".into(), clean(0, 8)), ("b".into(), began)]);
}

#[test]
fn what_is_expected_and_not_there_is_unknown() {
    let mut watch = watch(&[("host", &["a", "b"])]);
    see(&mut watch, "a", 0..3, 0.0);
    see(&mut watch, "other", 0..3, 9.0);
    assert_eq!(conditions(&watch, 2), [("a".into(), clean(0, 2)), ("b".into(), NO_DATA)]);
}

#[test]
fn without_a_word_what_was_seen_at_the_start_must_be_there() {
    let mut watch = watch(&[]);
    assert_eq!(conditions(&watch, 0), [(String::new(), NO_DATA)], "nothing at all proves nothing");
    see(&mut watch, "a", 0..3, 0.0);
    watch.begin(0);
    see(&mut watch, "late", 0..3, 9.0);
    assert_eq!(conditions(&watch, 2), [("a".into(), clean(0, 2))]);
    let stale = Condition::Unknown { reason: Reason::Stale, newest: Some(Timestamp::from_millis(2000)) };
    assert_eq!(conditions(&watch, 5), [("a".into(), stale)]);
}

#[test]
fn a_series_that_its_source_does_not_show_any_more_is_unknown_at_once_and_until_it_has_a_sample() {
    let mut watch = watch(&[]);
    for name in ["a", "b"] {
        see(&mut watch, name, 0..3, 0.0);
    }
    watch.begin(0);
    watch.end(0, &host("a"));
    watch.end(0, &host("never seen"));
    let gone = Condition::Unknown { reason: Reason::NoData, newest: Some(Timestamp::from_millis(2000)) };
    assert_eq!(conditions(&watch, 2), [("a".into(), gone), ("b".into(), clean(0, 2))]);
    see(&mut watch, "a", 3..3, 0.0);
    assert_eq!(conditions(&watch, 2)[0].1, gone, "it is there again, without a sample");
    see(&mut watch, "a", 4..5, 0.0);
    assert_eq!(conditions(&watch, 4)[0].1, clean(4, 4), "what it missed ended the clean window");
}

#[test]
fn a_series_that_is_known_without_a_sample_must_be_there() {
    let mut watch = watch(&[]);
    see(&mut watch, "a", 0..3, 0.0);
    see(&mut watch, "b", 0..0, 0.0);
    watch.begin(0);
    assert_eq!(conditions(&watch, 2), [("a".into(), clean(0, 2)), ("b".into(), NO_DATA)]);
}

#[test]
fn what_is_remembered_must_be_there_only_where_it_is_seen_at_the_start() {
    let mut watch = watch(&[]);
    let samples: Vec<_> = (0..3).map(|second| Sample::new(second * STEP_MS, 0.0)).collect();
    ["a", "gone"].iter().for_each(|name| watch.remember(0, &host(name), &samples));
    assert_eq!(conditions(&watch, 2), [(String::new(), NO_DATA)]);
    see(&mut watch, "a", 3..4, 0.0);
    watch.begin(0);
    assert_eq!(conditions(&watch, 3), [("a".into(), clean(0, 3))], "with all that is remembered");
}

#[test]
fn a_source_in_trouble_says_nothing_of_any_series() {
    let mut watch = watch(&[("host", &["a", "b"])]);
    see(&mut watch, "a", 0..3, 0.0);
    let at = |second: i64| Timestamp::from_millis(second * STEP_MS);
    watch.trouble(0, None, at(0));
    watch.trouble(0, Some(Reason::SourceDown), at(2));
    let reasons: Vec<_> = conditions(&watch, 2)
        .into_iter()
        .map(|(_, condition)| match condition {
            Condition::Unknown { reason, .. } => Some(reason),
            _ => None,
        })
        .collect();
    assert_eq!(reasons, [Some(Reason::SourceDown); 2]);
    watch.trouble(0, None, at(4));
    // it tells afterwards what was meanwhile, and nobody could know that
    see(&mut watch, "a", 3..7, 0.0);
    let anew = Condition::Clean { since: at(4), until: at(6), samples: 7 };
    assert_eq!(conditions(&watch, 6)[0], ("a".into(), anew));
}

#[test]
fn what_a_source_could_not_say_before_its_first_whole_answer_is_in_its_look_back() {
    let mut watch = watch(&[("host", &["a"])]);
    let at = |second: i64| Timestamp::from_millis(second * STEP_MS);
    watch.trouble(0, Some(Reason::SourceDown), at(0));
    watch.trouble(0, None, at(2));
    see(&mut watch, "a", 0..3, 0.0);
    assert_eq!(conditions(&watch, 2), [("a".into(), clean(0, 2))]);
}

#[test]
fn the_newest_sample_comes_with_the_words_of_its_detectors() {
    let mut watch = watch(&[]);
    see(&mut watch, "a", 0..3, 9.0);
    let views = watch.views(Timestamp::from_millis(2000));
    let latest = views[0].latest.expect("a sample");
    let said = |vote: &Statement| (vote.kind, vote.verdict, vote.words.clone());
    let words = Some("value 9 is above the limit 5".to_owned());
    assert_eq!(
        views[0].votes(false).iter().map(said).collect::<Vec<_>>(),
        [("threshold", Verdict::Surge, words)]
    );
    assert_eq!((latest.at.as_millis(), latest.value), (2000, Some(9.0)));
}
