//! Servers that misbehave: each is a small one that says the wrong thing, once a connection.

use crate::{fetch, only, source};
use quietgate::sources::{Answer, SourceError, Trouble};
use quietgate::text::with_causes;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

/// The time of asking, in milliseconds.
const NOW: i64 = 1_709_251_200_000;

/// A server that lets `answer` do what it likes with each connection. Gives its address, and the requests as they come.
pub(crate) fn server(
    answer: impl Fn(&mut TcpStream) -> std::io::Result<()> + Send + 'static,
) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let (told, requests) = channel();
    // it ends with the test's process
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let Some(request) = request(&mut stream) else { continue };
            drop(told.send(request));
            // the client may go away in the middle
            drop(answer(&mut stream));
        }
    });
    (address, requests)
}

fn request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let mut one = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut one).ok()?;
        bytes.push(one[0]);
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

pub(crate) fn respond(stream: &mut TcpStream, head: &str, body: &[u8]) -> std::io::Result<()> {
    write!(stream, "HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len())?;
    stream.write_all(body)
}

fn ask(address: &str, more: &[(&str, &str)]) -> Result<Answer, SourceError> {
    let settings: Vec<_> = [("url", address)].into_iter().chain(more.iter().copied()).collect();
    fetch(&*source("prometheus", &settings), "up", NOW - 1000, NOW, 1000)
}

fn said(address: &str, more: &[(&str, &str)]) -> String {
    with_causes(&ask(address, more).expect_err("nothing that can be used")).replace(address, "URL")
}

const GOOD: &str = r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"1"},"value":[1709251200,"1"]}]}}"#;

#[test]
fn a_good_answer_is_read_and_the_question_is_the_right_one() {
    let (address, requests) = server(|stream| respond(stream, "200 OK", GOOD.as_bytes()));
    assert_eq!(only(&ask(&address, &[]).expect("an answer")), [(NOW, 1.0)]);
    let request = requests.recv().expect("a request");
    let line = "GET /api/v1/query?query=up%5B1000ms%5D&time=1709251200.000&timeout=10.000 HTTP/1.1";
    assert_eq!(request.lines().next(), Some(line));
    assert!(!request.to_lowercase().contains("accept-encoding"), "nothing packed is asked for: {request}");
    // with a path in front
    ask(&format!("{address}/prom/"), &[]).expect("an answer");
    assert!(requests.recv().expect("a request").starts_with("GET /prom/api/v1/query?"));
}

#[test]
fn a_body_beyond_its_limit_is_cut_off() {
    let too_large = "URL/api/v1/query: a larger body, allowed is at most 64KiB (max_body)";
    let limit = [("max_body", "64KiB")];
    let (address, _requests) = server(|stream| respond(stream, "200 OK", &[b' '; 70_000]));
    assert_eq!(said(&address, &limit), too_large, "told at the head");
    // without an end, as large as anybody wants
    let (address, _requests) = server(|stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        loop {
            stream.write_all(b"1000\r\n")?;
            stream.write_all(&[b' '; 0x1000])?;
            stream.write_all(b"\r\n")?;
        }
    });
    assert_eq!(said(&address, &limit), too_large, "cut while it comes");
}

#[test]
fn what_is_cut_off_or_no_json_is_no_answer() {
    let (address, _requests) = server(|stream| respond(stream, "200 OK", &GOOD.as_bytes()[..60]));
    let text = said(&address, &[]);
    assert!(text.starts_with("URL: not an answer that can be used: EOF while parsing"), "{text}");
    let (address, _requests) = server(|stream| {
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}", GOOD.len(), &GOOD[..60])
    });
    assert!(said(&address, &[]).starts_with("URL/api/v1/query: no answer: "));
    let (address, _requests) = server(|stream| stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n"));
    assert!(said(&address, &[]).starts_with("URL/api/v1/query: no answer: "));
    let (address, _requests) = server(|_| Ok(()));
    assert!(said(&address, &[]).starts_with("URL/api/v1/query: no answer: "));
    let deep = "[".repeat(100_000);
    let (address, _requests) = server(move |stream| respond(stream, "200 OK", deep.as_bytes()));
    assert!(said(&address, &[]).starts_with("URL: not an answer that can be used: "));
}

#[test]
fn statuses_other_than_200_are_errors_with_the_words_of_the_server() {
    let cases = [
        ("500 Oops", "", "answered 500"),
        (
            "503 Down",
            "{\"status\":\"error\",\"error\":\"TSDB not\\nready\"}",
            "answered 503: TSDB not\\u{a}ready",
        ),
        ("404 Not Found", "<html>\x1b[2J", "answered 404: <html>\\u{1b}[2J"),
        ("204 No Content", "", "answered 204"),
        ("302 Found\r\nLocation: http://127.0.0.1:1/", "", "answered 302: a redirect, which is not followed"),
    ];
    for (head, body, expected) in cases {
        let (address, requests) = server(move |stream| respond(stream, head, body.as_bytes()));
        let text = said(&address, &[]).replace("\\n", "\\u{a}");
        assert_eq!(text, format!("URL/api/v1/query: {expected}"));
        requests.recv().expect("a request");
        assert!(requests.try_recv().is_err(), "it is asked once: {head}");
    }
}

#[test]
fn a_server_that_hangs_or_drips_is_left_at_the_limit() {
    let late = "URL/api/v1/query: no answer within 300 ms";
    let limit = [("timeout", "300ms")];
    let (address, _requests) = server(|stream| {
        // until the client goes away
        stream.read_exact(&mut [0])
    });
    assert_eq!(said(&address, &limit), late);
    let (address, _requests) = server(|stream| {
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", GOOD.len())?;
        for byte in GOOD.bytes() {
            stream.write_all(&[byte])?;
            stream.set_read_timeout(Some(Duration::from_millis(20)))?;
            // nothing comes: this is the pace of the drip
            drop(stream.read(&mut [0]));
        }
        Ok(())
    });
    assert_eq!(said(&address, &limit), late);
}

#[test]
fn what_is_packed_without_being_asked_for_is_refused_unopened() {
    let (address, _requests) = server(|stream| {
        respond(stream, "200 OK\r\nContent-Encoding: gzip", &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3])
    });
    let expected =
        "URL/api/v1/query: not an answer that can be used: it is packed, which it was not asked to be";
    assert_eq!(said(&address, &[]), expected);
}

#[test]
fn a_series_that_comes_twice_is_a_conflict_and_a_time_ahead_is_partial() {
    let (address, _requests) = server(|stream| {
        let twice = GOOD.replace("[{", r#"[{"metric":{"a":"1"},"value":[1709251200,"2"]},{"#);
        respond(stream, "200 OK", twice.as_bytes())
    });
    let error = ask(&address, &[]).expect_err("a conflict");
    assert_eq!(error.reason(), quietgate_detectors::Reason::Conflicting);
    let (address, _requests) =
        server(|stream| respond(stream, "200 OK", GOOD.replace("1709251200", "1709251201.001").as_bytes()));
    let answer = ask(&address, &[]).expect("an answer");
    assert!(!answer.complete && answer.series.is_empty() && answer.warnings.len() == 1, "{answer:?}");
    let (address, _requests) =
        server(|stream| respond(stream, "200 OK", GOOD.replace("1709251200", "1709251200.100").as_bytes()));
    let answer = ask(&address, &[]).expect("an answer");
    assert!(answer.complete, "a clock that is a little ahead is usual");
    assert_eq!(only(&answer), [(NOW + 100, 1.0)]);
}

#[test]
fn a_token_goes_to_the_server_and_nowhere_else() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("token");
    std::fs::write(&path, "hunter2\n").expect("a file");
    let token = path.display().to_string();
    let (address, requests) = server(|stream| respond(stream, "401 No", b"who are you?"));
    let source = source("prometheus", &[("url", &address), ("bearer_token_file", &token)]);
    let error = fetch(&*source, "up", NOW - 1000, NOW, 1000).expect_err("refused");
    assert!(requests.recv().expect("a request").to_lowercase().contains("authorization: bearer hunter2\r\n"));
    let told = format!("{error:?} {} {source:?}", with_causes(&error));
    assert!(!told.contains("hunter2"), "{told}");

    // changed meanwhile, it is read again
    std::fs::write(&path, "hunter3").expect("a file");
    drop(fetch(&*source, "up", NOW - 1000, NOW, 1000));
    assert!(requests.recv().expect("a request").contains("hunter3"));
    for odd in ["", "hunter2\nhunter3"] {
        std::fs::write(&path, odd).expect("a file");
        let error = fetch(&*source, "up", NOW - 1000, NOW, 1000).expect_err("no token");
        assert!(
            matches!(error.trouble(), Trouble::File { .. }) && !with_causes(&error).contains("hunter"),
            "{error:?}"
        );
        assert!(requests.try_recv().is_err(), "nothing is asked without it");
    }
}
