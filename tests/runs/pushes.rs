//! What a gate says of samples that were pushed and cannot be right, as samples.rs does of those that were asked for.

use super::faults::{CLEAN_MS, Holding, INTERVAL_MS, PEAK_MIB, at_work, configure, now_ms};
use super::fleet::{Fleet, step, wait};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

const TOKEN: &str = "a-token-of-these-tests";

/// A fleet whose signal is pushed.
struct Pushed {
    fleet: Fleet,
    port: u16,
    told: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// The line of a sample.
fn line(host: &str, at: i64, value: &str) -> String {
    format!(
        "{{\"at\": {at}, \"labels\": {{\"__name__\": \"loss\", \"host\": \"{host}\"}}, \"value\": {value}}}\n"
    )
}

/// The status of the answer to a request; none where nobody listens.
fn post(port: u16, path: &str, head: &str, body: &[u8]) -> Option<u16> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: Bearer {TOKEN}\r\n{head}Content-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).ok()?;
    // who refuses may close before he has heard all
    drop(stream.write_all(body));
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).ok()?;
    std::str::from_utf8(&answer[9..]).ok()?.parse().ok()
}

fn push(port: u16, lines: &str) -> Option<u16> {
    post(port, "/push", "Content-Type: application/x-ndjson\r\n", lines.as_bytes())
}

impl Pushed {
    /// One that is told of all hosts at each half of an interval: that they lose nothing, and what `more` makes of the time and of
    /// the words in the file `twist`, in a request of its own.
    fn new(more: impl Fn(i64, &str) -> Option<String> + Send + 'static) -> Self {
        let fleet = Fleet::new(&step("one", "  batch: 3\n"));
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
        fleet.write("token", TOKEN);
        let mode = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(fleet.path("token"), mode).expect("a mode");
        let source = format!("in: {{kind: push, listen: \"127.0.0.1:{port}\", token_file: token}}");
        configure(&fleet, &source, "in\n    query: loss", "");
        let (told, stopped) = channel();
        let twist = fleet.path("twist");
        let thread = std::thread::spawn(move || {
            let pace = Duration::from_millis(INTERVAL_MS.unsigned_abs() / 2);
            while stopped.recv_timeout(pace) == Err(RecvTimeoutError::Timeout) {
                let (at, twist) = (now_ms(), std::fs::read_to_string(&twist).unwrap_or_default());
                let value = |host: &str| if host == "h2" && twist == "null" { "null" } else { "0" };
                let lines: String = ["h1", "h2", "h3"].map(|host| line(host, at, value(host))).concat();
                push(port, &lines);
                more(at, &twist).and_then(|lines| push(port, &lines));
            }
        });
        Self { fleet, port, told: Some(told), thread: Some(thread) }
    }

    /// A run whose batch is at work, and is then done.
    fn done(&self) -> (Holding<'_>, i64) {
        let held = at_work(&self.fleet, &["run", "plan.yaml"]);
        let ended = held.done();
        (held, ended)
    }
}

impl Drop for Pushed {
    fn drop(&mut self) {
        self.told.take();
        if let Some(thread) = self.thread.take() {
            // the test says what failed
            drop(thread.join());
        }
    }
}

/// Row 15: no value. Rows 17 and 18: two values at one time, and what comes behind a newer one. Row 18: the future.
#[test]
fn what_is_pushed_and_cannot_be_judged_holds_and_is_counted() {
    let pushed = Pushed::new(|at, twist| match twist {
        "twice" => Some(line("h2", at, "0")),
        "other" => Some(line("h2", at, "1")),
        "late" => Some(line("h2", at - 5 * INTERVAL_MS, "0")),
        "future" => Some(line("h2", at + 3_600_000, "0")),
        _ => None,
    });
    let fleet = &pushed.fleet;
    let (mut held, _) = pushed.done();
    let partial = "loss{__name__=\"loss\",host=\"h1\"}: unknown (partial)";
    let cases = [
        ("null", "loss{__name__=\"loss\",host=\"h2\"}: unknown (not_a_number)", ""),
        ("other", partial, "came with another value than the series had at the same time"),
        ("late", partial, "came after a newer one of the series"),
        ("future", partial, "with a time of more than an interval from now: the clocks differ"),
    ];
    let mut mended = 0;
    for (twist, says, cause) in cases {
        fleet.write("twist", twist);
        held.says(&[says]);
        assert!(fleet.said("run.err").contains(cause), "{}", fleet.said("run.err"));
        fleet.write("twist", "");
        mended = now_ms();
        held.says(&["loss{__name__=\"loss\",host=\"h2\"}: clean for"]);
    }
    // the same once more is nothing
    fleet.write("twist", "twice");
    held.opens(mended);
}

/// Row 21: a request that is small until it is unpacked.
#[test]
fn a_request_that_is_too_large_when_it_is_unpacked_is_refused_and_fills_no_memory() {
    let pushed = Pushed::new(|_, _| None);
    let (held, ended) = pushed.done();
    // 3 MiB, within what a request may have as it comes
    let bomb = snap::raw::Encoder::new().compress_vec(&vec![0; 64 << 20]).expect("room");
    assert!(bomb.len() < 4 << 20, "{} bytes", bomb.len());
    let head = "Content-Encoding: snappy\r\nContent-Type: application/x-protobuf\r\n";
    // a length that nobody has
    let liar = [0xff, 0xff, 0xff, 0xff, 0x0f, 0];
    let mut count = 0;
    wait("half of a window", || {
        for body in [&bomb[..], &liar[..]] {
            assert_eq!(post(pushed.port, "/api/v1/write", head, body), Some(413));
            count += 1;
        }
        (now_ms() > ended + CLEAN_MS / 2).then_some(())
    });
    let peak = held.run().peak_mib();
    assert!(peak < PEAK_MIB, "{peak} MiB of memory after {count} of them");
    // it was never taken for a sample, so nothing of it is missing either
    held.opens(ended);
}
