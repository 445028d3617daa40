//! The whole page: what it says, what it must never hold, whatever the report.

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;

/// Text that is markup wherever it is not escaped.
const MARKUP: &str = "</style></title><script>alert('x')</script>\" onload=\"y";

fn page(report: &Report) -> String {
    html(report, &TimeZone::UTC)
}

#[test]
fn the_page_says_what_happened() {
    let page = page(&sample::report());
    for expected in [
        "<title>3 findings in 2 of 2 series · Quietgate backtest</title>",
        "<h1>3 findings in 2 of 2 series</h1>",
        "majority of ls, chain; sustain 2 of 3; either direction",
        "2024-03-09 06:00 UTC – 2024-03-23 06:00 UTC (14 d)",
        "<strong>Interrupted.</strong>",
        "1 of 2 labelled windows were caught, 1 missed.",
        "<strong>3</strong> duplicate time",
        "once: its samples have no spacing",
        "2024-03-09 07:40 – 08:05 UTC, 25 samples",
        "At its peak, 2024-03-09 07:46 UTC, it was 412, where at least 980 was expected (58% below). Called by ls, chain; score 2.4.",
        "value 412 is below 980 = 0.8 x the lowest of 14 days at 07:46",
        "2 more findings are not shown here",
    ] {
        assert!(page.contains(expected), "{expected:?} is not in the page");
    }
}

#[test]
fn the_picture_holds_band_gap_stretch_label_and_peak() {
    let page = page(&sample::report());
    let path = |class: &str| {
        let start = page.find(&format!("<path class=\"{class}\"")).expect("the path is there");
        &page[start..start + page[start..].find("/>").expect("it ends")]
    };
    assert_eq!(path("band").matches('M').count(), 1);
    assert_eq!(path("series").matches('M').count(), 2, "the gap is left open");
    assert_eq!(path("series drop").matches('M').count(), 1);
    assert_eq!(path("series drop").matches('L').count(), 24, "25 anomalous samples");
    // 25 of 180 minutes, from the hundredth on
    assert!(page.contains(r#"<rect class="stretch drop" x="55.56%" width="13.89%" height="100%"/>"#));
    assert!(page.contains(r#"<g class="label"><rect x="54.44%" y="-7" width="15.56%" height="4"/>"#));
    assert!(page.contains(r#"<circle class="peak drop""#));
    assert!(page.contains(r#"aria-label="chain, by samples: 144 normal, 10 unknown, 1 surge, 25 drop""#));
    assert!(page.contains(r#"aria-label="rule, by samples: 144 normal, 10 unknown, 1 suspect, 25 drop""#));
}

#[test]
fn an_unbounded_side_of_the_band_reaches_the_edge() {
    let mut report = sample::report();
    report.findings[0].picture.points.iter_mut().for_each(|p| p.lower = None);
    let below = page(&report);
    assert!(
        below.contains(r#"L1000 1000L"#) && below.contains("L0 1000Z"),
        "the band ends at the lower edge"
    );
    assert_eq!(below.matches(r#"<path class="limit""#).count(), 1);
    report.findings[0].picture.points.iter_mut().for_each(|p| (p.lower, p.upper) = (p.upper, None));
    let above = page(&report);
    assert!(above.contains(r#"<path class="band" d="M0 0L"#), "the band begins at the upper edge");
}

#[test]
fn the_page_can_be_read_without_seeing_it() {
    let page = page(&sample::report());
    assert!(page.starts_with("<!DOCTYPE html>\n<html lang=\"en\">"));
    for landmark in ["<header>", "<main>", "<footer>"] {
        assert_eq!(page.matches(landmark).count(), 1, "{landmark}");
    }
    assert_eq!(page.matches("<h1>").count(), 1);
    for id in page.split("aria-labelledby=\"").skip(1).flat_map(|rest| rest.split('"').next()) {
        for id in id.split(' ') {
            assert_eq!(page.matches(&format!("id=\"{id}\"")).count(), 1, "{id}");
        }
    }
    for svg in page.split("<svg").skip(1).map(|rest| rest.split('>').next().unwrap_or_default()) {
        let inner = svg.contains("viewBox");
        let told = ["aria-label", "aria-hidden"].iter().any(|a| svg.contains(a));
        assert!(inner || told, "<svg{svg}> has no words");
    }
}

#[test]
fn nothing_comes_from_elsewhere() {
    let page = page(&sample::report());
    assert!(page.contains(r#"content="default-src 'none'; style-src 'unsafe-inline';"#));
    for forbidden in ["http:", "https:", "//", "<script", "<link", "<img", "@import", " src=", " onload="] {
        assert!(!page.contains(forbidden), "{forbidden} is in the page");
    }
    for target in page.split("url(").skip(1).chain(page.split("href=\"").skip(1)) {
        assert!(target.starts_with('#'), "{}", &target[..target.len().min(40)]);
    }
}

#[test]
fn markup_in_any_field_stays_text() {
    let mut report = sample::report();
    let text = || MARKUP.to_owned();
    report.inputs = vec![text()];
    (report.rule, report.time_zone) = (text(), text());
    report.series[0].name = text();
    report.faults[0] = FaultLine { kind: text(), count: 1, examples: vec![text()] };
    let finding = &mut report.findings[0];
    (finding.id, finding.series, finding.by) = (text(), text(), vec![text()]);
    finding.words = vec![Words { detector: text(), verdict: Said::Unknown, sentence: text() }];
    finding.picture.band_of = text();
    finding.picture.votes[0].name = text();
    let page = page(&report);
    assert!(!page.contains("<script"), "markup got through");
    assert!(!page.contains("\" onload"), "an attribute got through");
    assert_eq!(page.matches("</style>").count(), 1);
    let escaped = page.matches("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;").count();
    // inputs, rule, zone, series (strip, its label, table), fault and example, finding (strip, id, series,
    // title of the picture), by, detector, sentence, band (caption, description), lane and its label
    assert!(escaped >= 19, "only {escaped} of the fields are shown");
}

#[test]
fn nothing_found_is_said_plainly() {
    let quiet = Report { findings: Vec::new(), findings_left_out: 0, interrupted: false, ..sample::report() };
    let page = page(&quiet);
    assert!(page.contains("<h1>No findings in 2 series</h1>"));
    assert!(page.contains("40,320 samples of 2 series were looked at and 0.8% of the time is unknown"));
    assert!(!page.contains("class=\"legend\"") && !page.contains("id=\"findings\""));
}

#[test]
fn times_follow_the_zone() {
    let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a valid rule");
    let page = html(&sample::report(), &zone);
    assert!(page.contains("2024-03-09 08:40 – 09:05 CET"));
    assert!(!page.contains(" UTC,"));
}

#[test]
fn a_picture_of_many_points_stays_small() {
    let mut report = sample::report();
    let picture = &mut report.findings[0].picture;
    let points = (0..200_000).map(|i| Point { at_ms: i * 1_000, ..picture.points[i as usize % 180] });
    picture.points = points.collect();
    picture.interval_ms = 1_000;
    picture.votes[0].verdicts =
        (0..200_000).map(|i| [Said::Normal, Said::Surge, Said::Unknown][i % 3]).collect();
    let size = page(&report).len();
    assert!(size < 200_000, "{size} bytes");
}

#[test]
fn json_has_times_as_text_and_no_pictures() {
    let mut report = sample::report();
    report.findings[0].upper = None;
    report.findings[0].score = f64::INFINITY;
    let json: serde_json::Value =
        serde_json::from_str(&json(&report).expect("it can be written")).expect("it is JSON");
    let finding = &json["findings"][0];
    assert_eq!(finding["from"], "2024-03-09T07:40:00Z");
    assert_eq!(finding["until"], "2024-03-09T08:05:00Z");
    assert_eq!(finding["peak"], "2024-03-09T07:46:00Z");
    assert_eq!((&finding["lower"], &finding["direction"]), (&980.0.into(), &"drop".into()));
    assert!(finding["upper"].is_null() && finding["score"].is_null());
    assert!(finding.get("picture").is_none());
    assert_eq!(json["span"]["from"], "2024-03-09T06:00:00Z");
}

/// Any float, the odd ones often.
fn value() -> impl Strategy<Value = f64> {
    let odd = [0.0, -0.0, f64::MAX, f64::MIN, f64::MIN_POSITIVE, 5e-324, 1e300, f64::NAN, f64::INFINITY];
    prop_oneof![any::<f64>(), proptest::sample::select(odd.to_vec()), -1e3..1e3f64]
}

/// Any time, those near each other often.
fn at() -> impl Strategy<Value = i64> {
    prop_oneof![any::<i64>(), 0..10_000_000i64]
}

fn point() -> impl Strategy<Value = Point> {
    let state = proptest::sample::select(vec![
        State::Clean,
        State::Suspect,
        State::Anomalous(Direction::Drop),
        State::Unknown,
    ]);
    let limit = || proptest::option::of(value());
    (at(), limit(), limit(), limit(), state).prop_map(|(at_ms, value, lower, upper, state)| Point {
        at_ms,
        value,
        lower,
        upper,
        state,
    })
}

fn picture() -> impl Strategy<Value = Picture> {
    let said = proptest::sample::select(vec![Said::Normal, Said::Surge, Said::Drop, Said::Unknown]);
    let vote =
        proptest::collection::vec(said, 0..20).prop_map(|verdicts| Vote { name: "ss".to_owned(), verdicts });
    let span = (at(), at()).prop_map(|(from_ms, until_ms)| Span { from_ms, until_ms });
    let points = proptest::collection::vec(point(), 0..20);
    (at(), points, proptest::collection::vec(vote, 0..3), proptest::collection::vec(span, 0..3)).prop_map(
        |(interval_ms, points, votes, labels)| Picture {
            interval_ms,
            points,
            band_of: "ss".to_owned(),
            votes,
            starts_ms: labels.iter().map(|span| span.until_ms).collect(),
            held: labels.clone(),
            labels,
        },
    )
}

fn any_report() -> impl Strategy<Value = Report> {
    let limit = || proptest::option::of(value());
    let finding = (picture(), (at(), at(), at()), value(), limit(), limit(), value(), any::<bool>())
        .prop_map(|(picture, (from_ms, until_ms, peak_ms), value, lower, upper, score, up)| {
            let direction = if up { Direction::Surge } else { Direction::Drop };
            let times = FindingView { from_ms, until_ms, peak_ms, ..sample::finding() };
            FindingView { direction, value, lower, upper, score, picture, ..times }
        });
    let numbers = (any::<u64>(), any::<u64>(), any::<u64>(), any::<u64>(), at()).prop_map(
        |(samples, judged, unknown, anomalous_samples, interval_ms)| {
            let counts = SeriesSummary { samples, judged, unknown, anomalous_samples, ..sample::series("a") };
            SeriesSummary { interval_ms, ..counts }
        },
    );
    (proptest::collection::vec(finding, 0..4), numbers, (at(), at()), value()).prop_map(
        |(findings, series, (from_ms, until_ms), ratio)| {
            let score = Score {
                precision: Some(ratio),
                false_holds_a_day: Some(ratio),
                delay_minutes_median: Some(ratio),
                delay_samples_median: Some(ratio),
                ..Score::default()
            };
            let span = Some(Span { from_ms, until_ms });
            Report { findings, series: vec![series], span, score: Some(score), ..sample::report() }
        },
    )
}

proptest! {
    #[test]
    fn every_number_is_finite_and_the_bytes_are_the_same_twice(report in any_report()) {
        let page = page(&report);
        let body = &page[page.find("<body>").expect("a body")..];
        for forbidden in ["NaN", "inf", "nan"] {
            prop_assert!(!body.contains(forbidden), "{forbidden} in {body}");
        }
        prop_assert_eq!(&page, &self::page(&report));
        prop_assert!(json(&report).is_ok());
    }
}
