//! A real Prometheus: history, freshness, partial answers, logins, and its end.

use crate::servers::{Server, get, installed, node_exporter, prometheus, wait};
use crate::{fetch, only, source};
use quietgate::sources::{Source, Trouble};
use quietgate::text::with_causes;
use quietgate_detectors::Reason;
use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::{env, fs};

/// No targets, and no rules.
const EMPTY: &str = "global: {scrape_interval: 1s}\n";
/// The first sample of the history: 2024-03-01T00:00:00.123Z, off every grid.
const START: i64 = 1_709_251_200_123;
/// Milliseconds between samples of the history.
const EVERY: i64 = 10_000;
/// Samples of each series: more than a server gives at once.
const COUNT: i64 = 12_500;
/// The last sample.
const END: i64 = START + (COUNT - 1) * EVERY;

/// A Prometheus that has two series of history, made by its own tool.
fn with_history(dir: &Path) -> Server {
    let mut text = String::from("# TYPE load gauge\n");
    for vip in ["a", "b"] {
        for i in 0..COUNT {
            let at = START + i * EVERY;
            writeln!(text, "load{{vip=\"{vip}\"}} {} {}.{:03}", i % 100, at / 1000, at % 1000).expect("room");
        }
    }
    text.push_str("# EOF\n");
    let file = dir.join("history.om");
    fs::write(&file, text).expect("a file");
    let made = Command::new("promtool")
        .args(["tsdb", "create-blocks-from", "openmetrics"])
        .args([&file, &dir.join("data")])
        .stdout(Stdio::null())
        .status();
    assert!(made.expect("promtool").success());
    prometheus(dir, EMPTY, &[])
}

#[test]
fn the_look_back_is_filled_beyond_the_limit_and_nothing_old_looks_fresh() {
    if !installed("prometheus") || !installed("promtool") {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let server = with_history(dir.path());
    let url = server.url();
    let prom = source("prometheus", &[("url", &url)]);

    raw_samples_keep_their_times(&*prom);
    expressions_are_evaluated_on_the_grid(&*prom, &url);
    old_samples_do_not_look_fresh(&*prom, server.port);
    expressions_mean_what_they_meant(&*prom, server.port);
    answers_that_are_too_large_are_asked_for_in_pieces(&url);
    what_the_server_refuses_is_told(&*prom);

    drop(server);
    let error = fetch(&*prom, "load", START, END, EVERY).expect_err("it is stopped");
    assert!(matches!(error.trouble(), Trouble::Unreachable(_)), "{error:?}");
    assert_eq!(error.reason(), Reason::SourceDown);
    assert!(error.to_string().ends_with("/api/v1/query: no answer"), "{error}");
}

fn raw_samples_keep_their_times(prom: &dyn Source) {
    let answer = fetch(prom, "load{vip=\"a\"}", START - 1, END, EVERY).expect("an answer");
    let samples = only(&answer);
    assert!(answer.complete && &answer.series[0].labels["vip"] == "a");
    let expected: Vec<_> = (0..COUNT).map(|i| (START + i * EVERY, (i % 100) as f64)).collect();
    assert_eq!(samples, expected);
    // the start is left out, the end is not
    let answer = fetch(prom, "load{vip=\"b\"}", START, START + EVERY, EVERY).expect("an answer");
    assert_eq!(only(&answer), [(START + EVERY, 1.0)]);
    let nothing = fetch(prom, "load", END, END + 60_000, EVERY).expect("an answer");
    assert!(nothing.complete && nothing.series.is_empty());
}

fn expressions_are_evaluated_on_the_grid(prom: &dyn Source, url: &str) {
    let answer = fetch(prom, "sum(load)", START - 1, END, EVERY).expect("an answer");
    let samples = only(&answer);
    let first = START.div_euclid(EVERY) * EVERY + EVERY;
    let expected: Vec<_> = (0..COUNT - 1).map(|i| (first + i * EVERY, 2.0 * (i % 100) as f64)).collect();
    assert_eq!(samples, expected);
    // and the limit is real: asked for at once, the server refuses
    let greedy = source("prometheus", &[("url", url), ("max_points", "100000")]);
    let error = fetch(&*greedy, "sum(load)", START - 1, END, EVERY).expect_err("too many points");
    assert!(
        error.to_string().contains("answered 400: exceeded maximum resolution of 11,000 points"),
        "{error}"
    );
}

/// Where the server itself gives the last value for 5 minutes more, nothing is given.
fn old_samples_do_not_look_fresh(prom: &dyn Source, port: u16) {
    let later = END + 4 * 60_000;
    let repeated = get(port, &format!("/api/v1/query?query=sum(load)&time={}", later / 1000));
    assert!(repeated.contains("\"value\":["), "the server repeats old values: {repeated}");
    for query in ["load", "sum(load)", "load + 0", "max by (vip) (load)"] {
        let answer = fetch(prom, query, later - EVERY, later, EVERY).expect("an answer");
        assert!(answer.complete && answer.series.is_empty(), "{query}: {answer:?}");
    }
    let lenient =
        source("prometheus", &[("url", &format!("http://127.0.0.1:{port}")), ("max_sample_age", "5m")]);
    let answer = fetch(&*lenient, "sum(load)", later - EVERY, later, EVERY).expect("an answer");
    assert_eq!(only(&answer).len(), 1);
}

/// The ranges that are put into a query change nothing where samples are fresh.
fn expressions_mean_what_they_meant(prom: &dyn Source, port: u16) {
    let (first, last) = (START / 1000 + 1000, START / 1000 + 1200);
    let queries = [
        "load + 1",
        "sum by (vip) (load)",
        "sum(load) without (job)",
        "load / on (vip) group_left load",
        "load{vip=\"a\"} or load{vip=\"b\"} * 2",
        "load offset 1m",
        "rate(load[1m])",
        "max_over_time(load[1m:10s])",
        "topk(1, load) > bool 3",
        "-load",
        "clamp_max(load, 50) unless load > 70",
        "time() - timestamp(load)",
        "quantile(0.5, {__name__=\"load\"})",
        "vector(1)",
        "1 + 1",
        "load @ end()",
    ];
    for query in queries {
        let encoded: String = query.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let path = format!(
            "/api/v1/query_range?query={encoded}&start={}&end={}&step=10",
            first / 10 * 10 + 10,
            last / 10 * 10
        );
        let raw = get(port, &path);
        let body: serde_json::Value =
            serde_json::from_str(raw.split_once("\r\n\r\n").expect("a body").1).expect("JSON");
        let mut expected = std::collections::BTreeMap::new();
        for series in body["data"]["result"].as_array().unwrap_or_else(|| panic!("{query}: {raw}")) {
            let values = series["values"].as_array().expect("values").iter();
            let value = |pair: &serde_json::Value| {
                pair[1].as_str().expect("a value").parse::<f64>().expect("a number").to_string()
            };
            expected.insert(series["metric"].to_string(), values.map(value).collect::<Vec<_>>());
        }
        let answer = fetch(prom, query, first / 10 * 10_000, last / 10 * 10_000, EVERY).expect(query);
        let mut got = std::collections::BTreeMap::new();
        for series in &answer.series {
            let labels = serde_json::to_string(&series.labels).expect("JSON");
            got.insert(
                labels,
                series.samples.iter().map(|sample| sample.value.to_string()).collect::<Vec<_>>(),
            );
        }
        assert_eq!(got, expected, "{query}");
        assert!(!got.is_empty(), "{query}");
    }
}

fn answers_that_are_too_large_are_asked_for_in_pieces(url: &str) {
    let narrow = source("prometheus", &[("url", url), ("max_body", "64KiB")]);
    let answer = fetch(&*narrow, "load", START - 1, END, EVERY).expect("an answer");
    let counts: Vec<_> = answer.series.iter().map(|series| series.samples.len() as i64).collect();
    assert_eq!(counts, [COUNT, COUNT]);
    assert!(answer.series.iter().all(|series| series.samples.is_sorted_by(|a, b| a.at < b.at)));
    let few = source("prometheus", &[("url", url), ("max_series", "1")]);
    let error = fetch(&*few, "load", START - 1, END, EVERY).expect_err("two series");
    assert!(error.to_string().ends_with("2 series, allowed is at most 1 (max_series)"), "{error}");
}

fn what_the_server_refuses_is_told(prom: &dyn Source) {
    let error = fetch(prom, "sum(", START, END, EVERY).expect_err("no PromQL");
    assert!(matches!(error.trouble(), Trouble::Status { status: 400, .. }), "{error:?}");
    assert!(error.to_string().contains("parse error"), "{error}");
}

#[test]
fn a_partial_answer_is_not_complete() {
    if !installed("prometheus") {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    // nobody listens on port 1
    let config = format!("{EMPTY}remote_read: [{{url: \"http://127.0.0.1:1/read\", read_recent: true}}]\n");
    let server = prometheus(dir.path(), &config, &[]);
    let prom = source("prometheus", &[("url", &server.url())]);
    for query in ["up", "sum(up) or vector(1)"] {
        let answer = fetch(&*prom, query, START, START + 60_000, EVERY).expect("an answer");
        assert!(!answer.complete && answer.warnings.len() == 1, "{answer:?}");
        assert!(answer.warnings[0].contains("remote_read"), "{:?}", answer.warnings);
    }
}

#[test]
fn a_live_series_keeps_its_own_times_and_ends_with_its_exporter() {
    if !installed("prometheus") || !installed("prometheus-node-exporter") {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let exporter = node_exporter("loadavg");
    let config = format!(
        "{EMPTY}scrape_configs: [{{job_name: node, scrape_interval: 200ms, scrape_timeout: 200ms, static_configs: [{{targets: [\"127.0.0.1:{}\"]}}]}}]\n",
        exporter.port
    );
    let server = prometheus(dir.path(), &config, &[]);
    let prom = source("prometheus", &[("url", &server.url())]);
    let now = || quietgate::clock::now().as_millis();
    let samples = wait("four samples", || {
        let until = now();
        let answer = fetch(&*prom, "node_load1", until - 5_000, until, 200).expect("an answer");
        Some(answer).filter(|answer| answer.series.first().is_some_and(|series| series.samples.len() >= 4))
    });
    let times: Vec<_> = only(&samples).iter().map(|(at, _)| *at).collect();
    let spaced = times.windows(2).all(|two| (two[1] - two[0]) % 200 < 50 || (two[1] - two[0]) % 200 > 150);
    assert!(spaced, "the times of the scrapes, not of the askings: {times:?}");

    drop(exporter);
    wait("the end of the series", || {
        let until = now();
        let up = fetch(&*prom, "up", until - 2_000, until, 200).expect("an answer");
        let down =
            up.series.first().is_some_and(|series| series.samples.last().is_some_and(|s| s.value == 0.0));
        let newest = fetch(&*prom, "node_load1", until - 2_000, until, 200).expect("an answer");
        let load = fetch(&*prom, "sum(node_load1)", until - 1_000, until, 200).expect("an answer");
        (down && newest.series.is_empty() && load.series.is_empty()).then_some(())
    });
}

#[test]
fn a_server_with_tls_and_a_login_is_asked_by_its_own_authority() {
    if !installed("prometheus") || !installed("openssl") {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let path = |name: &str| dir.path().join(name).display().to_string();
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", &path("key.pem"), "-out", &path("cert.pem")])
        .stderr(Stdio::null())
        .status();
    assert!(made.expect("openssl").success());
    // the password is "test", as in the guide of Prometheus
    let web = "tls_server_config: {cert_file: cert.pem, key_file: key.pem}\n\
        basic_auth_users: {admin: \"$2b$12$hNf2lSsxfm0.i4a.1kVpSOVyBCfIB51VRjgBUyv6kdnyTlgWj81Ay\"}\n";
    fs::write(path("web.yml"), web).expect("a file");
    fs::write(path("password"), "test\n").expect("a file");
    fs::write(path("wrong"), "hunter2\n").expect("a file");
    let server = prometheus(dir.path(), EMPTY, &[&format!("--web.config.file={}", path("web.yml"))]);
    let url = format!("https://127.0.0.1:{}", server.port);
    let with = |more: &[(&str, &str)]| {
        let settings: Vec<_> = [("url", url.as_str())].into_iter().chain(more.iter().copied()).collect();
        fetch(&*source("prometheus", &settings), "vector(1)", START, START + EVERY, EVERY)
    };
    let (cert, password, wrong) = (path("cert.pem"), path("password"), path("wrong"));
    let trusted = ("ca_file", cert.as_str());
    let answer = with(&[trusted, ("user", "admin"), ("password_file", &password)]).expect("an answer");
    assert_eq!(only(&answer).len(), 1);

    let error = with(&[trusted, ("user", "admin"), ("password_file", &wrong)]).expect_err("a wrong password");
    assert!(matches!(error.trouble(), Trouble::Status { status: 401, .. }), "{error:?}");
    assert!(!format!("{error:?} {}", with_causes(&error)).contains("hunter2"));
    let error = with(&[trusted]).expect_err("no login");
    assert!(matches!(error.trouble(), Trouble::Status { status: 401, .. }), "{error:?}");
    // the certificates of the system, where it has any, do not sign this one
    if env::var_os("SSL_CERT_FILE").is_some() || Path::new("/etc/ssl/certs/ca-certificates.crt").exists() {
        let error = with(&[("user", "admin"), ("password_file", &password)]).expect_err("not trusted");
        assert!(matches!(error.trouble(), Trouble::Unreachable(_)), "{error:?}");
    }
}
