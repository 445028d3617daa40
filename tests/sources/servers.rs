//! Real servers, each with a directory and a port of its own, ended by their own process id.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A server that runs until this is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        // it may have ended by itself
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Server {
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// Whether `program` is installed; says so where it is not.
pub(crate) fn installed(program: &str) -> bool {
    let found =
        Command::new(program).arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !found {
        eprintln!("skipped: {program} is not installed");
    }
    found
}

/// The longest that anything here may take.
const BOUND: Duration = Duration::from_secs(60);

/// What `look` finds, looked for again and again within the bound.
pub(crate) fn wait<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + BOUND;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "{what} did not come about");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A Prometheus with `config` and more arguments; its data lie in `dir/data`.
pub(crate) fn prometheus(dir: &Path, config: &str, arguments: &[&str]) -> Server {
    let file = dir.join("prometheus.yml");
    fs::write(&file, config).expect("a file");
    start(&prometheus_at(dir, arguments))
}

/// The same again, on the port that it had before.
pub(crate) fn prometheus_again(dir: &Path, port: u16) -> Server {
    start_at(port, &prometheus_at(dir, &[])).expect("the port is free again")
}

fn prometheus_at(dir: &Path, arguments: &[&str]) -> impl Fn(u16) -> Command {
    move |port| {
        let mut command = Command::new("prometheus");
        command
            .arg(format!("--config.file={}", dir.join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", dir.join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--storage.tsdb.retention.time=100y")
            .args(arguments);
        command
    }
}

/// A node_exporter that tells what this collector of it knows alone.
pub(crate) fn node_exporter(collector: &str) -> Server {
    node_exporter_of(&[collector])
}

/// The same of several collectors.
pub(crate) fn node_exporter_of(collectors: &[&str]) -> Server {
    start(&|port| {
        let mut command = Command::new("prometheus-node-exporter");
        command
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--collector.disable-defaults")
            .args(collectors.iter().map(|collector| format!("--collector.{collector}")));
        command
    })
}

/// Starts a command on a port that the kernel chose. The port may be taken meanwhile: then with another one.
fn start(command: &dyn Fn(u16) -> Command) -> Server {
    let port = || TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
    (0..5)
        .find_map(|_| start_at(port(), command))
        .expect("a server that does not end as soon as it is started")
}

/// Starts a command on this port, and waits until it answers there; nothing where it ends before.
fn start_at(port: u16, command: &dyn Fn(u16) -> Command) -> Option<Server> {
    let child = command(port).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program");
    let mut server = Server { child, port };
    let up = wait("the server", || {
        if server.child.try_wait().expect("a child").is_some() {
            return Some(false);
        }
        is_ready(port).then_some(true)
    });
    up.then_some(server)
}

/// Whether somebody listens who is ready, or who would rather speak TLS.
fn is_ready(port: u16) -> bool {
    let answer = get(port, "/-/ready");
    answer.starts_with("HTTP/1.0 400")
        || answer.starts_with("HTTP/1.1 200")
        || answer.starts_with("HTTP/1.0 200")
        || answer.starts_with("HTTP/1.0 404")
        || answer.starts_with("HTTP/1.1 404")
}

/// The whole answer to a plain `GET path`; empty where there is none.
pub(crate) fn get(port: u16, path: &str) -> String {
    ask(port, "GET", path)
}

/// The whole answer to a plain request; empty where there is none.
pub(crate) fn ask(port: u16, method: &str, path: &str) -> String {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return String::new() };
    drop(stream.set_read_timeout(Some(BOUND)));
    let mut answer = Vec::new();
    // what breaks is no answer
    drop(stream.write_all(format!("{method} {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").as_bytes()));
    drop(stream.read_to_end(&mut answer));
    String::from_utf8_lossy(&answer).into_owned()
}
