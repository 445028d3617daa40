//! The listener on loopback: who may push, what is refused, and senders that are slow, greedy, or gone.

use super::message::{packed, request, series};
use crate::settings::Given;
use crate::sources::{Answer, Ask, Source, SourceError, Spec, find};
use quietgate_detectors::{Interval, Timestamp};
use std::fs::Permissions;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// The longest that anything here may take.
const BOUND: Duration = Duration::from_secs(30);
const TOKEN: &str = "a-token-of-these-tests";
const FORM: &str = "Content-Type: application/x-protobuf\r\nContent-Encoding: snappy\r\n";
const LINES: &str = "Content-Type: application/x-ndjson\r\n";

/// A source that listens on a port that the system chose, with more settings.
struct Pushed {
    source: Box<dyn Source>,
    port: u16,
    _dir: tempfile::TempDir,
}

fn spec(dir: &Path, port: u16, settings: &[(&str, &str)]) -> Spec {
    let token = dir.join("token").display().to_string();
    let listen = format!("127.0.0.1:{port}");
    let own = [("listen", listen.as_str()), ("token_file", &token)];
    let given = own.iter().chain(settings).map(|(name, text)| ((*name).to_owned(), Given::plain(text)));
    Spec::new(find("push").expect("a kind"), &given.collect::<Vec<_>>()).expect("good settings")
}

fn with_token() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("token");
    std::fs::write(&path, format!("{TOKEN}\n")).expect("a file");
    std::fs::set_permissions(path, Permissions::from_mode(0o600)).expect("a mode");
    dir
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port()
}

impl Pushed {
    fn with(settings: &[(&str, &str)]) -> Self {
        let dir = with_token();
        let opened = (0..5).find_map(|_| {
            let port = free_port();
            let source = spec(dir.path(), port, settings).open(Path::new("")).ok()?;
            Some((source, port))
        });
        let (source, port) = opened.expect("a port that nobody took meanwhile");
        Self { source, port, _dir: dir }
    }

    /// The same, once it takes requests: somebody has asked for `up` at an interval of 100 ms.
    fn asked(settings: &[(&str, &str)]) -> Self {
        let pushed = Self::with(settings);
        // who asks goes away before there is an answer, and nothing is lost by that
        let ask = ask();
        runtime().block_on(async {
            tokio::select! {
                biased;
                answer = pushed.source.fetch(&ask) => panic!("nothing was pushed yet: {answer:?}"),
                () = tokio::task::yield_now() => {}
            }
        });
        let end = Instant::now() + BOUND;
        while pushed.lines("").starts_with("HTTP/1.1 503") {
            assert!(Instant::now() < end, "it takes no requests");
            std::thread::sleep(Duration::from_millis(20));
        }
        pushed
    }

    /// What there is of `up` now.
    fn fetch(&self) -> Result<Answer, SourceError> {
        runtime().block_on(self.source.fetch(&ask()))
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        stream.set_read_timeout(Some(BOUND)).expect("a limit");
        stream
    }

    /// The whole answer to a request.
    fn send(&self, head: &str, headers: &str, body: &[u8]) -> String {
        let mut stream = self.connect();
        let length = body.len();
        let head = format!(
            "{head} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
        );
        // who is refused may hear of it before all is sent
        drop(stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)));
        answer(stream)
    }

    fn write(&self, message: &[u8]) -> String {
        self.send("POST /api/v1/write", &format!("{}{FORM}", bearer(TOKEN)), &packed(message))
    }

    fn lines(&self, text: &str) -> String {
        self.send("POST /push", &format!("{}{LINES}", bearer(TOKEN)), text.as_bytes())
    }
}

fn answer(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    drop(stream.read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn now_ms() -> i64 {
    crate::clock::now().as_millis()
}

fn ask() -> Ask {
    let interval = Interval::from_millis(100).expect("in range");
    let until = Timestamp::from_millis(now_ms());
    Ask { query: Some("up".to_owned()), from: Timestamp::from_millis(0), until, interval }
}

fn up(x: &str, value: f64) -> Vec<u8> {
    request(vec![series(&[("__name__", "up"), ("x", x)], &[(now_ms(), value)])])
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

#[test]
fn both_ways_to_push_end_in_one_answer() {
    let pushed = Pushed::asked(&[]);
    assert_eq!(status(&pushed.write(&up("1", 5.0))), "204");
    let line = format!(
        "{{\"at\": {}, \"labels\": {{\"__name__\": \"up\", \"x\": \"2\"}}, \"value\": 6}}\n",
        now_ms()
    );
    let answer = pushed.lines(&line);
    assert!(status(&answer) == "200" && answer.ends_with("{\"taken\":1}\n"), "{answer}");
    let answer = pushed.lines(&format!("{line}nothing\n"));
    assert!(
        status(&answer) == "400" && answer.contains("\"taken\":0") && answer.contains("line 2: "),
        "{answer}"
    );
    let answer = pushed.fetch().expect("an answer");
    let values: Vec<_> =
        answer.series.iter().map(|series| (&series.labels["x"], series.samples[0].value)).collect();
    assert_eq!((values, answer.complete), (vec![("1", 5.0), ("2", 6.0)], true));
}

#[test]
fn nobody_pushes_without_the_token_and_nothing_says_what_it_is() {
    let pushed = Pushed::asked(&[]);
    let body = packed(&up("1", 5.0));
    let say = |headers: &str| pushed.send("POST /api/v1/write", &format!("{headers}{FORM}"), &body);
    for (headers, wanted) in [
        (String::new(), "401"),
        ("Authorization: Basic YTpi\r\n".to_owned(), "401"),
        (bearer("another-token-of-nobody"), "403"),
        (bearer(&TOKEN[1..]), "403"),
        (bearer(TOKEN), "204"),
    ] {
        let answer = say(&headers);
        assert_eq!(status(&answer), wanted, "{headers}: {answer}");
        assert!(!answer.contains("token-of"), "{answer}");
    }
    let heard = pushed.source.heard().join("; ");
    assert!(
        heard.contains("2 requests answered 401") && heard.contains("2 requests answered 403"),
        "{heard}"
    );
    assert!(!heard.contains("token-of") && !format!("{:?}", pushed.source).contains(TOKEN), "{heard}");
    assert!(pushed.send("POST /push", LINES, b"").to_lowercase().contains("www-authenticate: bearer"));
}

#[test]
fn a_token_that_others_can_read_is_none() {
    let dir = with_token();
    let path = dir.path().join("token");
    let spec = spec(dir.path(), free_port(), &[]);
    let refused = |why: &str| {
        let error = spec.open(Path::new("")).expect_err(why);
        let words = crate::text::with_causes(&error);
        assert!(words.contains(why) && !words.contains(TOKEN), "{words}");
    };
    for mode in [0o604, 0o602] {
        std::fs::set_permissions(&path, Permissions::from_mode(mode)).expect("a mode");
        refused("others may read or write it; chmod o= it");
    }
    std::fs::set_permissions(&path, Permissions::from_mode(0o640)).expect("a mode");
    drop(spec.open(Path::new("")).expect("the group may"));
    std::fs::write(&path, "\n").expect("a file");
    refused("it is empty");
    std::fs::remove_file(&path).expect("it is there");
    refused("No such file");
}

#[test]
fn what_is_in_no_form_that_is_read_is_refused() {
    let pushed = Pushed::asked(&[("max_body", "1KiB"), ("max_unpacked", "2KiB")]);
    let own = bearer(TOKEN);
    let say = |head: &str, headers: &str, body: &[u8]| pushed.send(head, &format!("{own}{headers}"), body);
    let body = packed(&up("1", 5.0));
    let form = |kind: &str, packing: &str| format!("Content-Type: {kind}\r\nContent-Encoding: {packing}\r\n");
    let first = form("application/x-protobuf;proto=prometheus.WriteRequest", "snappy");
    assert_eq!(status(&say("POST /api/v1/write", &first, &body)), "204");
    let second = form("application/x-protobuf; proto=io.prometheus.write.v2.Request", "snappy");
    for (head, headers, wanted) in [
        ("POST /api/v1/write", second.as_str(), "415"),
        ("POST /api/v1/write", &form("application/x-protobuf", "zstd"), "415"),
        ("POST /api/v1/write", "Content-Type: application/x-protobuf\r\n", "415"),
        ("POST /api/v1/write", &form("application/json", "snappy"), "415"),
        ("POST /push", &form("application/json", "gzip"), "415"),
        ("POST /push", "Content-Type: application/x-www-form-urlencoded\r\n", "415"),
        ("GET /push", LINES, "405"),
        ("POST /", LINES, "404"),
    ] {
        let answer = say(head, headers, &body);
        assert_eq!(status(&answer), wanted, "{head} {headers}: {answer}");
    }
    assert_eq!(status(&say("POST /api/v1/write", FORM, b"nothing that is packed")), "400");
    assert_eq!(status(&say("POST /api/v1/write", FORM, &packed(&[0; 2049]))), "413");
    assert_eq!(status(&say("POST /push", LINES, &[b' '; 1025])), "413");
    // the same without its length in front
    let mut stream = pushed.connect();
    let head = format!(
        "POST /push HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n{own}{LINES}\r\n"
    );
    let chunk = format!("400\r\n{}\r\n", " ".repeat(0x400));
    drop(stream.write_all(format!("{head}{chunk}{chunk}0\r\n\r\n").as_bytes()));
    assert_eq!(status(&answer(stream)), "413");
}

#[test]
fn nothing_is_taken_before_somebody_asks() {
    let pushed = Pushed::with(&[]);
    let answer = pushed.write(&up("1", 5.0));
    assert!(status(&answer) == "503" && answer.to_lowercase().contains("retry-after: 1"), "{answer}");
    assert!(answer.contains("nobody asks for samples yet; try again"), "{answer}");
}

#[test]
fn who_is_slow_is_put_off_and_holds_up_nobody() {
    let pushed = Pushed::asked(&[("timeout", "300ms"), ("max_connections", "2")]);
    // as many as there is room for, and one sends a byte of its head at a time
    let mut slow = pushed.connect();
    slow.write_all(b"POST /push HTTP/1.1\r\nHo").expect("it listens");
    let mut body = pushed.connect();
    let head =
        format!("POST /push HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n{}{LINES}\r\nsome", bearer(TOKEN));
    body.write_all(head.as_bytes()).expect("it listens");
    // who comes then waits for them to be put off, and is heard
    assert_eq!(status(&pushed.write(&up("1", 5.0))), "204");
    let answer = answer(body);
    assert!(status(&answer) == "503" && answer.contains("the body took too long"), "{answer}");
    let mut rest = Vec::new();
    drop(slow.read_to_end(&mut rest));
    assert!(!String::from_utf8_lossy(&rest).contains(" 2"), "no success: {rest:?}");
}

#[test]
fn half_a_request_is_none() {
    let pushed = Pushed::asked(&[]);
    let line = format!("{{\"at\": {}, \"labels\": {{\"__name__\": \"up\"}}, \"value\": 6}}\n", now_ms());
    let mut stream = pushed.connect();
    let length = line.len() + 1;
    let head =
        format!("POST /push HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n{}{LINES}\r\n", bearer(TOKEN));
    stream.write_all(format!("{head}{line}").as_bytes()).expect("it listens");
    // its sender is gone, with a line that is whole by itself
    drop(stream);
    assert_eq!(status(&pushed.write(&up("1", 5.0))), "204");
    let answer = pushed.fetch().expect("an answer");
    assert_eq!(answer.series.len(), 1, "{answer:?}");
    assert_eq!(&answer.series[0].labels["x"], "1");
}

#[test]
fn what_was_put_off_is_taken_when_there_is_room_and_nothing_is_lost() {
    let pushed = Pushed::asked(&[("max_samples", "2"), ("max_buffered", "2")]);
    let first = now_ms() - 1_000;
    let sample = |i: i64| request(vec![series(&[("__name__", "up")], &[(first + i, i as f64)])]);
    let (mut heard, mut put_off) = (Vec::new(), 0);
    for i in 0..7 {
        while status(&pushed.write(&sample(i))) != "204" {
            put_off += 1;
            assert!(put_off < 100, "it never has room");
            let answer = pushed.fetch().expect("an answer");
            assert!(!answer.complete && answer.warnings[0].contains("put off"), "{answer:?}");
            heard.extend(answer.series.into_iter().flat_map(|series| series.samples));
        }
    }
    let answer = pushed.fetch().expect("an answer");
    heard.extend(answer.series.into_iter().flat_map(|series| series.samples));
    let values: Vec<_> = heard.iter().map(|sample| sample.value).collect();
    assert_eq!(values, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!(put_off, 3);
}

#[test]
fn an_address_has_one_listener_and_is_free_after_it() {
    let pushed = Pushed::with(&[]);
    let dir = with_token();
    let spec = spec(dir.path(), pushed.port, &[]);
    let error = spec.open(Path::new("")).expect_err("it is taken");
    assert!(error.to_string().contains("nothing can listen here; another program may"), "{error}");
    drop(pushed);
    drop(spec.open(Path::new("")).expect("it is free"));
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let given = |settings: &[(&str, &str)]| {
        let own = [("token_file", "t")];
        let given = own.iter().chain(settings).map(|(name, text)| ((*name).to_owned(), Given::plain(text)));
        let spec = Spec::new(find("push").expect("a kind"), &given.collect::<Vec<_>>());
        spec.map_err(|errors| errors[0].to_string())
    };
    let error = given(&[("listen", "0.0.0.0:9480")]).expect_err("others could reach it");
    assert!(error.contains("without TLS, which there is none of yet"), "{error}");
    let error = given(&[("listen", "[::1]:9480"), ("max_buffered", "10")]).expect_err("too few");
    assert!(error.starts_with("max_samples is 100000 and max_buffered 10, so that"), "{error}");
    let spec = given(&[("listen", "[::1]:9480")]).expect("good");
    assert_eq!(spec.listens().collect::<Vec<_>>(), ["[::1]:9480"]);
    assert!(spec.check_query(None).is_err() && spec.check_query(Some("sum(up)")).is_err());
    let interval = Interval::from_millis(10_000).expect("in range");
    assert!(
        spec.no_counts("rate(up)", interval).is_some() && spec.no_counts("increase(up)", interval).is_none()
    );
}
