//! `scrape` against what real exporters show, held against what a Prometheus makes of the same pages; and against pages that
//! are none.

use crate::misbehaving::{respond, server};
use crate::servers::{installed, node_exporter, prometheus, wait};
use crate::{fetch, given_source, now, only, plain, source};
use quietgate::settings::Given;
use quietgate::sources::{Answer, Labels, Source};
use quietgate::text::with_causes;
use quietgate_detectors::Reason;
use std::collections::BTreeSet;
use std::io::Write;

/// The interval of all signals here, in milliseconds.
const EVERY: i64 = 200;

fn read(page: &dyn Source, query: &str) -> Answer {
    let until = now();
    fetch(page, query, until - 2 * EVERY, until, EVERY).expect("an answer")
}

/// The labels of `answer` but those that a Prometheus adds, of series that stay, and that it does not make itself.
fn names(answer: &Answer) -> BTreeSet<Labels> {
    let own = |labels: &Labels| &labels["__name__"] != "up" && !labels["__name__"].starts_with("scrape_");
    answer.series.iter().map(|series| plain(&series.labels)).filter(own).collect()
}

#[test]
fn the_page_of_a_real_exporter_has_the_series_that_a_prometheus_reads_from_it() {
    if !installed("prometheus") || !installed("prometheus-node-exporter") {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let exporter = node_exporter("cpu");
    let config = format!(
        "scrape_configs: [{{job_name: node, scrape_interval: 200ms, scrape_timeout: 200ms, static_configs: [{{targets: [\"127.0.0.1:{}\"]}}]}}]\n",
        exporter.port
    );
    let server = prometheus(dir.path(), &config, &[]);
    let prom = source("prometheus", &[("url", &server.url())]);
    let page = source("scrape", &[("url", &exporter.url())]);
    let all = "{__name__=~\".+\"}";
    let mut ours = BTreeSet::new();
    let theirs = wait("the same series by both ways", || {
        // what grows is told from the second reading on
        ours.extend(names(&read(&*page, all)));
        let until = now();
        let theirs = fetch(&*prom, all, until - 2_000, until, EVERY).expect("an answer");
        let theirs = names(&theirs);
        (theirs == ours && theirs.len() > 50).then_some(theirs)
    });
    let counts = |name: &str| theirs.iter().filter(|labels| &labels["__name__"] == name).count();
    assert!(counts("node_cpu_seconds_total") >= 8 && counts("go_gc_duration_seconds") == 5, "{theirs:?}");

    rates_agree(&*page, &*prom);
    drop(exporter);
    let until = now();
    let error = fetch(&*page, all, until - EVERY, until, EVERY).expect_err("it is gone");
    assert_eq!(error.reason(), Reason::SourceDown);
}

/// All values that `answer` has.
fn values(answer: &Answer) -> Vec<f64> {
    answer.series.iter().flat_map(|series| &series.samples).map(|sample| sample.value).collect()
}

/// Whatever a processor did, in a second it did something for about a second: by both ways.
fn rates_agree(page: &dyn Source, prom: &dyn Source) {
    let query = "node_cpu_seconds_total{cpu=\"0\"}";
    wait("rates that agree by both ways", || {
        let ours: Vec<f64> = values(&read(page, query));
        let (until, sum) = (now(), format!("sum(rate({query}[2s]))"));
        let theirs = fetch(prom, &sum, until - 1_000, until, EVERY).expect("an answer");
        let theirs = theirs.series.first()?.samples.last()?.value;
        let near = |rate: f64| (rate - 1.0).abs() < 0.25;
        (near(ours.iter().sum()) && near(theirs)).then_some(())
    });
}

#[test]
fn the_pages_of_a_real_prometheus_are_read_with_histograms_and_with_times() {
    if !installed("prometheus") {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let config = "scrape_configs: [{job_name: none, scrape_interval: 200ms, scrape_timeout: 200ms, static_configs: [{targets: [\"127.0.0.1:1\"]}]}]\n";
    let server = prometheus(dir.path(), config, &[]);
    let own = source("scrape", &[("url", &server.url())]);
    let buckets = wait("a histogram", || {
        let answer = read(&*own, "prometheus_http_request_duration_seconds_bucket{handler=\"/metrics\"}");
        (!values(&answer).is_empty()).then_some(answer)
    });
    let all = buckets.series.iter().find(|series| &series.labels["le"] == "+Inf").expect("the last bucket");
    assert!(all.samples[0].value > 0.0, "we ask for the page: {all:?}");

    // what it hands on has the times of its own readings
    let given = [
        ("url".to_owned(), Given::plain(&format!("{}/federate", server.url()))),
        ("params".to_owned(), Given::Map(vec![("match[]".to_owned(), Given::plain("up"))])),
    ];
    let federated = given_source("scrape", &given);
    let answer = wait("a sample with a time", || {
        let until = now();
        let answer = fetch(&*federated, "up", until - 5_000, until, EVERY).expect("an answer");
        (!values(&answer).is_empty()).then_some((answer, until))
    });
    let (at, value) = only(&answer.0)[0];
    assert!(at < answer.1 && value == 0.0, "{answer:?}");
    // the same reading again is no new sample
    let again = fetch(&*federated, "up", at, at + 1, EVERY).expect("an answer");
    assert!(again.series.iter().all(|series| series.samples.iter().all(|sample| sample.at.as_millis() > at)));
}

/// What one page with this head gives for `up`.
fn said(head: &'static str, body: &'static str, settings: &[(&str, &str)]) -> String {
    let (address, _requests) = server(move |stream| respond(stream, head, body.as_bytes()));
    told(&address, settings)
}

fn told(address: &str, settings: &[(&str, &str)]) -> String {
    let settings: Vec<_> = [("url", address)].into_iter().chain(settings.iter().copied()).collect();
    let until = now();
    match fetch(&*source("scrape", &settings), "up", until - EVERY, until, EVERY) {
        Ok(answer) => only(&answer)[0].1.to_string(),
        Err(error) => with_causes(&error).replace(address, "URL"),
    }
}

const OPEN: &str = "200 OK\r\nContent-Type: application/openmetrics-text; version=1.0.0; charset=utf-8";

#[test]
fn a_page_is_taken_for_what_the_server_calls_it_and_as_a_whole_or_not_at_all() {
    assert_eq!(said("200 OK", "up 5\n", &[]), "5");
    assert_eq!(said(OPEN, "# TYPE up gauge\nup 5 # {id=\"x\"} 1\n# EOF\n", &[]), "5");
    for (head, body, why) in [
        (OPEN, "up 5\n", "its last line is not # EOF: it was cut off"),
        ("200 OK", "up 5", "its last line has no end: it was cut off"),
        ("200 OK", "up 5\n<html>\n", "line 2 has no name and no labels in front"),
        (
            "200 OK\r\nContent-Type: text/html",
            "up 5\n",
            "it is \"text/html\", allowed is text/plain and application/openmetrics-text",
        ),
    ] {
        assert_eq!(said(head, body, &[]), format!("URL/metrics: not an answer that can be used: {why}"));
    }
    assert_eq!(said("503 Down", "no\n", &[]), "URL/metrics: answered 503: no");
}

#[test]
fn the_right_page_is_asked_for_and_waited_for_no_longer_than_allowed() {
    let (address, requests) = server(|stream| respond(stream, "200 OK", b"up 1\n"));
    assert_eq!(told(&address, &[]), "1");
    let request = requests.recv().expect("a request").to_lowercase();
    assert!(request.starts_with("get /metrics http/1.1\r\n"), "{request}");
    assert!(request.contains("accept: application/openmetrics-text;version=1.0.0"), "{request}");
    assert!(request.contains("x-prometheus-scrape-timeout-seconds: 10\r\n"), "{request}");
    assert_eq!(told(&format!("{address}/a/b"), &[]), "1");
    assert!(requests.recv().expect("a request").starts_with("GET /a/b HTTP/1.1\r\n"));

    // a page that comes drop by drop and never ends
    let (address, _requests) = server(|stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        loop {
            stream.write_all(b"5\r\nup 1\n\r\n")?;
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    });
    assert_eq!(told(&address, &[("timeout", "300ms")]), "URL/metrics: no answer within 300 ms");
    let (address, _requests) = server(|stream| respond(stream, "200 OK", &[b'\n'; 2000]));
    let large = "URL/metrics: a larger body, allowed is at most 1KiB (max_body)";
    assert_eq!(told(&address, &[("max_body", "1KiB")]), large);
}
