//! `push` against a real Prometheus that writes to us what it reads of a real node_exporter, which we read ourselves too; and
//! the program, with a source that somebody pushes to.

use crate::servers::{Server, installed, node_exporter, prometheus, wait};
use crate::{fetch, now, plain, source};
use quietgate::sources::{Labels, Source};
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The interval of all signals here, in milliseconds.
pub(crate) const EVERY: i64 = 200;
const TOKEN: &str = "a-token-of-these-tests";
/// What is asked for.
const SECONDS: &str = "node_cpu_seconds_total";

/// Samples by series, as milliseconds and value.
pub(crate) type Samples = BTreeMap<Labels, Vec<(i64, f64)>>;

/// A file with the token in `dir`.
fn token(dir: &Path) -> PathBuf {
    let path = dir.join("token");
    fs::write(&path, TOKEN).expect("a file");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("a mode");
    path
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port()
}

/// A source that listens on `port`, with more settings.
pub(crate) fn pushed(dir: &Path, port: u16, settings: &[(&str, &str)]) -> Box<dyn Source> {
    let path = token(dir).display().to_string();
    let listen = format!("127.0.0.1:{port}");
    let own = [("listen", listen.as_str()), ("token_file", &path)];
    source("push", &[&own[..], settings].concat())
}

/// A Prometheus that reads the exporter five times a second and writes all of it to the source at `port`.
pub(crate) fn writer(dir: &Path, exporter: &Server, port: u16) -> Server {
    let config = format!(
        "scrape_configs: [{{job_name: node, scrape_interval: 200ms, scrape_timeout: 200ms, static_configs: [{{targets: [\"127.0.0.1:{}\"]}}]}}]\n\
         remote_write: [{{url: \"http://127.0.0.1:{port}/api/v1/write\", authorization: {{credentials_file: {}}}, \
         queue_config: {{batch_send_deadline: 100ms, max_samples_per_send: 50, min_backoff: 30ms, max_backoff: 100ms}}}}]\n",
        exporter.port,
        dir.join("token").display()
    );
    prometheus(dir, &config, &[])
}

/// Adds what is there of `query` now; says what is odd.
pub(crate) fn gather(push: &dyn Source, query: &str, into: &mut Samples) -> Vec<String> {
    let until = now();
    let answer = fetch(push, query, until - 2 * EVERY, until, EVERY).expect("an answer");
    for series in answer.series {
        let known = into.entry(series.labels).or_default();
        // who asks twice as of one millisecond looks like two signals, which are both told
        let newest = known.last().map_or(i64::MIN, |(at, _)| *at);
        let samples = series.samples.iter().map(|sample| (sample.at.as_millis(), sample.value));
        known.extend(samples.filter(|(at, _)| *at > newest));
    }
    answer.warnings
}

/// The samples of `query` up to `until` that the Prometheus itself has.
fn stored(prom: &dyn Source, query: &str, until: i64) -> Samples {
    let answer = fetch(prom, query, now() - 120_000, until, EVERY).expect("an answer");
    let samples = |series: &quietgate::sources::SeriesSamples| {
        series.samples.iter().map(|sample| (sample.at.as_millis(), sample.value)).collect()
    };
    answer.series.iter().map(|series| (series.labels.clone(), samples(series))).collect()
}

fn until(samples: &Samples, end: i64) -> Samples {
    let cut = |samples: &Vec<(i64, f64)>| samples.iter().copied().filter(|(at, _)| *at <= end).collect();
    samples.iter().map(|(labels, samples)| (labels.clone(), cut(samples))).collect()
}

fn since(samples: &Samples, start: i64) -> Samples {
    let cut = |samples: &Vec<(i64, f64)>| samples.iter().copied().filter(|(at, _)| *at > start).collect();
    samples.iter().map(|(labels, samples)| (labels.clone(), cut(samples))).collect()
}

/// Whether every series has come beyond `end`.
fn is_past(samples: &Samples, end: i64) -> bool {
    !samples.is_empty() && samples.values().all(|samples| samples.last().is_some_and(|(at, _)| *at > end))
}

#[test]
fn what_a_prometheus_writes_is_what_it_has_and_what_the_exporter_shows() {
    if !installed("prometheus") || !installed("prometheus-node-exporter") {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let exporter = node_exporter("cpu");
    let port = free_port();
    let push = pushed(dir.path(), port, &[]);
    let server = writer(dir.path(), &exporter, port);
    let prom = source("prometheus", &[("url", &server.url())]);
    let page = source("scrape", &[("url", &exporter.url())]);
    let all = "{__name__=~\"(node|process)_.+\"}";

    let (mut ours, mut shown) = (Samples::new(), Samples::new());
    gather(&*push, all, &mut ours);
    let end = now() + 2_000;
    wait("samples of two seconds", || {
        assert_eq!(gather(&*push, all, &mut ours), Vec::<String>::new(), "nothing is odd");
        gather(&*page, all, &mut shown);
        is_past(&ours, end).then_some(())
    });
    // every sample from the first one on that the server has, although nobody had asked when it began to write
    let stored = stored(&*prom, all, end);
    assert_eq!(until(&ours, end), stored);
    assert!(stored.len() > 20 && stored.values().all(|samples| samples.len() > 5), "{stored:?}");
    // the same series, and what does not move has the same value
    let names = |samples: &Samples| samples.keys().map(plain).collect::<Vec<_>>();
    assert_eq!(names(&ours), names(&shown));
    let constant = |samples: &Samples| {
        let is_constant = |labels: &Labels| &labels["__name__"] == "process_start_time_seconds";
        samples
            .iter()
            .filter(|(labels, _)| is_constant(labels))
            .map(|(_, samples)| samples[0].1)
            .collect::<Vec<_>>()
    };
    assert!(constant(&ours).len() == 1 && constant(&ours) == constant(&shown), "{:?}", constant(&ours));
    rates_agree(&*push, &*page);
    drop(push);
    what_came_while_nobody_listened_is_there(dir.path(), port, &*prom);
    drop(server);
}

/// The one that listened before is gone: what it could not be told since then the next one is.
fn what_came_while_nobody_listened_is_there(dir: &Path, port: u16, prom: &dyn Source) {
    let gone = now();
    wait("samples of a second", || is_past(&stored(prom, SECONDS, now()), gone + 1_000).then_some(()));
    let (push, back, mut ours) = (pushed(dir, port, &[]), now(), Samples::new());
    wait("samples until now", || {
        assert_eq!(gather(&*push, SECONDS, &mut ours), Vec::<String>::new(), "nothing is odd");
        is_past(&ours, back).then_some(())
    });
    let between = |samples: &Samples| since(&until(samples, back), gone);
    assert_eq!(between(&ours), between(&stored(prom, SECONDS, back)));
    assert!(between(&ours).values().all(|samples| samples.len() >= 5), "{ours:?}");
}

/// Whatever a processor did, in a second it did something for about a second: by both ways.
fn rates_agree(push: &dyn Source, page: &dyn Source) {
    let query = format!("{SECONDS}{{cpu=\"0\"}}");
    let rate = format!("rate({query})");
    let sum = |source: &dyn Source, query: &str| {
        let mut samples = Samples::new();
        gather(source, query, &mut samples);
        samples.values().filter_map(|samples| Some(samples.last()?.1)).sum::<f64>()
    };
    wait("rates that agree by both ways", || {
        let near = |rate: f64| (rate - 1.0).abs() < 0.25;
        (near(sum(push, &rate)) && near(sum(page, &query))).then_some(())
    });
}

#[test]
fn a_prometheus_repeats_what_is_put_off_and_no_sample_is_lost() {
    if !installed("prometheus") || !installed("prometheus-node-exporter") {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let exporter = node_exporter("cpu");
    let port = free_port();
    let push = pushed(dir.path(), port, &[("max_samples", "100"), ("max_buffered", "150")]);
    let server = writer(dir.path(), &exporter, port);
    let prom = source("prometheus", &[("url", &server.url())]);
    let mut ours = Samples::new();
    gather(&*push, SECONDS, &mut ours);
    // nobody asks, until there is no room any more
    wait("a full buffer", || {
        push.heard().iter().any(|words| words.contains("wait to be judged")).then_some(())
    });
    let end = now();
    let mut odd = gather(&*push, SECONDS, &mut ours);
    assert!(odd.iter().any(|words| words.contains("put off")), "it is said: {odd:?}");
    wait("what was put off", || {
        odd.extend(gather(&*push, SECONDS, &mut ours));
        is_past(&ours, end).then_some(())
    });
    assert!(odd.iter().all(|words| words.contains("put off")), "and nothing else is odd: {odd:?}");
    let stored = stored(&*prom, SECONDS, end);
    assert_eq!(until(&ours, end), stored);
    assert!(stored.values().map(Vec::len).sum::<usize>() > 150, "more than there was room for: {stored:?}");
}

/// The status and the body that a request of JSON lines is answered with; nothing where nobody listens yet.
fn push_lines(port: u16, body: &str) -> Option<(String, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    let head = format!(
        "POST /push HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: Bearer {TOKEN}\r\n\
         Content-Type: application/x-ndjson\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.to_owned(), body.to_owned()))
}

#[test]
fn probe_listens_and_says_what_arrived() {
    let dir = tempfile::tempdir().expect("a directory");
    token(dir.path());
    let port = free_port();
    let config = format!(
        "sources:\n  in: {{kind: push, listen: \"127.0.0.1:{port}\", token_file: token}}\nsignals:\n  \
         sessions: {{source: in, query: \"sessions\", interval: 200ms, labels: {{vip: vip}}, rule: {{kind: majority}}}}\n"
    );
    fs::write(dir.path().join("quietgate.yaml"), config).expect("a file");
    let mut probe = Command::new(env!("CARGO_BIN_EXE_quietgate"))
        .args(["probe", "in"])
        .current_dir(dir.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program");
    let line = |name: &str, value: f64| {
        format!(
            "{{\"at\": {}, \"labels\": {{\"__name__\": \"{name}\", \"vip\": \"a\"}}, \"value\": {value}}}\n",
            now()
        )
    };
    let (status, body) = wait("the listener", || {
        let answer = push_lines(port, &[line("sessions", 7.0), line("others", 1.0)].concat())?;
        (answer.0 != "503").then_some(answer)
    });
    assert_eq!((status.as_str(), body.as_str()), ("200", "{\"taken\":2}\n"));
    let mut text = String::new();
    probe.stdout.take().expect("a pipe").read_to_string(&mut text).expect("text");
    assert!(probe.wait().expect("a child").success(), "{text}");
    assert!(
        text.starts_with("sessions: 1 series, interval 200 ms\n  {__name__=\"sessions\", vip=\"a\"} 7 at "),
        "{text}"
    );
    let heard = "1 request with 2 samples taken; 1 of 1 series are for no signal\n";
    assert!(text.contains(heard), "{text}");
}
