//! Requests to a real server: each way to end, and what was sent.

use crate::rig::{Rig, map, named, output, runtime, text, until, values};
use crate::server::{Server, closed_port};
use quietgate::actions::{Allowed, End, Outcome, Spec, Values};
use quietgate::settings::Given;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

fn http(url: &str, more: &[(&str, Given)]) -> Spec {
    let mut settings = named(&[("url", text(url))]);
    settings.extend(named(more));
    Spec::new("http", &settings, Allowed::default()).expect("good settings")
}

fn mistakes(more: &[(&str, Given)]) -> String {
    Spec::new("http", &named(more), Allowed::default()).expect_err("a mistake").to_string()
}

#[test]
fn the_status_decides() {
    let rig = Rig::best();
    for (head, expect, end) in [
        ("200 OK", vec![], End::Succeeded),
        ("299 Odd", vec![], End::Succeeded),
        ("404 Not Found", vec![], End::Status(404)),
        ("500 Oh", vec![], End::Status(500)),
        ("404 Not Found", vec!["200", "404"], End::Succeeded),
        ("201 Created", vec!["200", "404"], End::Status(201)),
    ] {
        let server = Server::with(head, "why\n");
        let expect: Vec<_> = expect.into_iter().map(Given::plain).collect();
        let more = [("expect", Given::List(expect))];
        let more = if more[0].1 == Given::List(vec![]) { &[][..] } else { &more[..] };
        let outcome = rig.run(&http(&server.url("/"), more));
        assert_eq!((&outcome.end, output(&outcome).as_str(), outcome.bytes), (&end, "why\n", 4), "{head}");
        assert_eq!(server.seen().len(), 1, "{head}");
    }
}

#[test]
fn a_redirect_is_not_followed() {
    let elsewhere = Server::with("200 OK", "");
    let to = elsewhere.url("/");
    let server = Server::new(move |_, out| {
        write!(out, "HTTP/1.1 307 Go\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n")
    });
    assert_eq!(Rig::best().run(&http(&server.url("/"), &[])).end, End::Status(307));
    assert!(elsewhere.seen().is_empty());
}

#[test]
fn what_was_sent_is_what_was_asked_for() {
    let (rig, server) = (Rig::best(), Server::with("200 OK", ""));
    let more = [
        ("method", text("PUT")),
        ("headers", map(&[("X-Step", "step ${step}"), ("Content-Type", "application/x")])),
        ("json", text(r#"{"n": 1, "host": ["${target}", "${label.vip}"], "t": true}"#)),
    ];
    let spec = http(&server.url("/a/${label.vip}?t=${target}"), &more);
    assert_eq!(rig.run(&spec).end, End::Succeeded);
    let request = server.seen().pop().expect("a request");
    assert!(request.starts_with("PUT /a/v%201%3B%24%28x%29?t=h1 HTTP/1.1\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\n{\"n\":1,\"host\":[\"h1\",\"v 1;$(x)\"],\"t\":true}"), "{request}");
    for header in [
        "x-step: step s",
        "content-type: application/x",
        "user-agent: quietgate/",
        "idempotency-key: quietgate-",
    ] {
        assert!(request.contains(&format!("\r\n{header}")), "{header} is not in {request}");
    }
    assert_eq!(request.matches("content-type").count(), 1);
    assert_eq!(spec.rendered(&values()), Ok(format!("PUT {}", server.url("/a/v%201%3B%24%28x%29?t=h1"))));
}

#[test]
fn no_value_gets_out_of_its_string() {
    let (rig, server) = (Rig::best(), Server::with("200 OK", ""));
    let spec = http(&server.url("/"), &[("json", text(r#"{"host": "${target}"}"#))]);
    let evil = Values { target: "h\", \"force\": \"yes\\".into(), ..values() };
    runtime().block_on(async { spec.run(&evil, &rig.io().io()).await });
    let request = server.seen().pop().expect("a request");
    let body: serde_json::Value =
        serde_json::from_str(request.split("\r\n\r\n").nth(1).expect("a body")).expect("JSON");
    assert_eq!(body, serde_json::json!({"host": evil.target}));
}

fn keys(server: &Server) -> Vec<String> {
    let key = |request: &String| {
        request.lines().find_map(|line| line.strip_prefix("once: ")).expect("a key").to_owned()
    };
    server.seen().iter().map(key).collect()
}

#[test]
fn the_idempotency_key_is_that_of_the_attempt() {
    let (rig, server) = (Rig::best(), Server::with("200 OK", ""));
    let more = [("idempotency_header", text("Once"))];
    let (action, undo) = (http(&server.url("/do"), &more), http(&server.url("/undo"), &more));
    let send =
        |spec: &Spec, values: &Values| runtime().block_on(async { spec.run(values, &rig.io().io()).await });
    let next = Values { attempt: 2, ..values() };
    let other = Values { target: "h2".into(), ..values() };
    let shifted = Values { plan: "pr".into(), run: "1".into(), ..values() };
    for (spec, values) in [
        (&action, &values()),
        (&action, &values()),
        (&action, &next),
        (&action, &other),
        (&undo, &values()),
        (&action, &shifted),
    ] {
        assert_eq!(send(spec, values).end, End::Succeeded);
    }
    let mut keys = keys(&server);
    assert_eq!(keys[0], keys[1], "the same attempt");
    keys.remove(0);
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 5, "{keys:?}");
}

#[test]
fn a_secret_is_sent_and_nowhere_else() {
    let (rig, server) = (Rig::best(), Server::with("200 OK", "ok"));
    fs::write(rig.path("token"), "Bearer s3cret\n").expect("a file");
    let more = [("secret_headers", map(&[("Authorization", "token")]))];
    let spec = http(&server.url("/"), &more);
    let mode = |mode| fs::set_permissions(rig.path("token"), Permissions::from_mode(mode)).expect("our file");
    mode(0o644);
    let End::NotStarted(why) = rig.run(&spec).end else { panic!("it was sent") };
    assert!(why.ends_with("/token: others may read or write it; chmod o= it"), "{why}");
    mode(0o640);
    let outcome = rig.run(&spec);
    assert_eq!(outcome.end, End::Succeeded);
    assert!(server.seen()[0].contains("\r\nauthorization: Bearer s3cret\r\n"));
    let told =
        format!("{outcome:?}{spec:?}{}{}", spec.rendered(&values()).expect("good values"), output(&outcome));
    assert!(!told.contains("s3cret"), "{told}");
    fs::write(rig.path("token"), "").expect("our file");
    assert!(matches!(rig.run(&spec).end, End::NotStarted(_)));
}

#[test]
fn who_is_not_there_got_nothing_and_who_hangs_up_may_have() {
    let rig = Rig::best();
    let none = http(&format!("http://127.0.0.1:{}/", closed_port()), &[]);
    assert!(matches!(rig.run(&none).end, End::NotStarted(why) if why.contains("refused")));
    let unknown = http("http://name.invalid/", &[]);
    assert!(matches!(rig.run(&unknown).end, End::NotStarted(_)));
    let silent = Server::new(|_, _| Ok(()));
    assert!(matches!(rig.run(&http(&silent.url("/"), &[])).end, End::NoAnswer(_)));
    assert_eq!(silent.seen().len(), 1, "it was sent again");
    let short = Server::new(|_, out| out.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"));
    let outcome = rig.run(&http(&short.url("/"), &[]));
    assert!(
        matches!(&outcome.end, End::NoAnswer(why) if why.contains("with status 200 broke off")),
        "{outcome:?}"
    );
    assert_eq!(output(&outcome), "half");
    let nonsense = Server::new(|_, out| out.write_all(b"hello\r\n\r\n"));
    assert!(matches!(rig.run(&http(&nonsense.url("/"), &[])).end, End::NoAnswer(_)));
}

/// A server that begins an answer and then goes on for ever, as slowly as the client reads.
fn endless() -> Server {
    Server::new(|_, out| {
        out.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
        loop {
            out.write_all(&[b'x'; 4096])?;
        }
    })
}

fn run_for(rig: &mut Rig, timeout_ms: i64, spec: &Spec) -> Outcome {
    rig.timeout_ms = timeout_ms;
    rig.run(spec)
}

#[test]
fn a_server_that_takes_too_long_is_left() {
    let mut rig = Rig::best();
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    // it answers when the test is over
    let slow = Server::new(move |_, _| {
        let _ = held.lock().expect("ours alone").recv();
        Ok(())
    });
    assert_eq!(run_for(&mut rig, 100, &http(&slow.url("/"), &[])).end, End::TimedOut);
    assert_eq!(run_for(&mut rig, 100, &http(&endless().url("/"), &[])).end, End::TimedOut);
    drop(hold);
}

#[test]
fn a_request_can_be_cancelled() {
    let (rig, server) = (Rig::best(), endless());
    let outcome = runtime().block_on(async {
        let (outputs, values, spec) = (rig.io(), values(), http(&server.url("/"), &[]));
        let io = outputs.io();
        let cancel = async {
            until(|| !server.seen().is_empty()).await;
            rig.canceller.cancel();
        };
        tokio::join!(spec.run(&values, &io), cancel).0
    });
    assert_eq!(outcome.end, End::Cancelled);
}

#[test]
fn an_answer_of_any_size_is_read_and_bounded() {
    let rig = Rig::best();
    let server = Server::new(|_, out| {
        write!(out, "HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n")?;
        (0..50).try_for_each(|_| out.write_all(&[b'x'; 1_000_000]))
    });
    let outcome = rig.run(&http(&server.url("/"), &[("output", Given::plain("2048B"))]));
    assert_eq!((&outcome.end, outcome.bytes, outcome.truncated), (&End::Succeeded, 50_000_000, true));
    assert!(output(&outcome).len() < 2200);
}

#[test]
fn tls_trusts_only_what_it_is_told_to() {
    let rig = Rig::best();
    let (server, certificate) = Server::with_tls();
    fs::write(rig.path("ca.pem"), certificate).expect("a file");
    fs::write(rig.path("empty.pem"), "").expect("a file");
    let url = |host: &str| format!("https://{host}:{}/", server.address.port());
    let trusted = |host: &str, ca: &str| rig.run(&http(&url(host), &[("ca_file", text(ca))])).end;
    assert_eq!(trusted("localhost", "ca.pem"), End::Succeeded);
    assert!(
        matches!(rig.run(&http(&url("localhost"), &[])).end, End::NotStarted(_)),
        "nobody vouches for it"
    );
    assert!(matches!(trusted("127.0.0.1", "ca.pem"), End::NotStarted(_)), "it is another name");
    assert!(
        matches!(trusted("localhost", "empty.pem"), End::NotStarted(why) if why.contains("no certificate"))
    );
    assert!(
        matches!(trusted("localhost", "none.pem"), End::NotStarted(why) if why.contains("none.pem: No such file"))
    );
    assert_eq!(server.seen().len(), 1, "it was sent to a server that is not trusted");
}

#[test]
fn mistakes_in_settings_are_told_before_anything_is_sent() {
    let url = ("url", text("http://h/"));
    assert_eq!(mistakes(&[]), "url is missing, allowed is text (quote what looks like a number)");
    for (setting, message) in [
        (
            ("method", text("POKE")),
            "method is \"POKE\", allowed is one of POST, GET, PUT, PATCH, DELETE, HEAD",
        ),
        (("headers", map(&[("Host", "x")])), "headers: Host is not for a plan to set"),
        (("headers", map(&[("a b", "x")])), "headers: \"a b\" is no name of a header"),
        (("headers", map(&[("Idempotency-key", "x")])), "headers: Idempotency-key is there already"),
        (("json", text("{")), "json: EOF while parsing an object at line 1 column 1"),
        (("json", text("{\"${target}\": 1}")), "json: nothing is filled in into a key: \"${target}\""),
        (
            ("expect", Given::List(vec![Given::plain("100")])),
            "expect holds 100, allowed is a list of whole numbers from 200 to 599, at least one",
        ),
    ] {
        assert_eq!(mistakes(&[url.clone(), setting]), message);
    }
    assert_eq!(mistakes(&[url, ("json", text("1")), ("body", text("1"))]), "json: there is a body already");
}

#[test]
fn a_value_that_cannot_stand_where_it_would_keeps_it_from_being_sent() {
    let (rig, server) = (Rig::best(), Server::with("200 OK", ""));
    let bad = Values { target: "a\r\nX-Evil: 1".into(), ..values() };
    let spec = http(&server.url("/"), &[("headers", map(&[("X-Host", "${target}")]))]);
    let outcome = runtime().block_on(async { spec.run(&bad, &rig.io().io()).await });
    assert!(
        matches!(outcome.end, End::NotStarted(why) if why.starts_with("headers: x-host: a value may have visible ASCII"))
    );
    assert!(server.seen().is_empty());
}
