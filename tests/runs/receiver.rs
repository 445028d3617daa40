//! A receiver of events that answers as it is told: what was sent to it, request by request.

use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What came with one request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
    /// The status that it was answered with.
    pub(crate) status: u16,
}

impl Request {
    /// The body as JSON.
    pub(crate) fn event(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// Whether it was taken.
    pub(crate) fn is_taken(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// What it answers: the statuses in their order, then the last one again and again; 0 is no answer at all.
type Answers = Arc<Mutex<Vec<u16>>>;

/// A receiver on a port of this machine, for as long as the test runs.
pub(crate) struct Receiver {
    port: u16,
    answers: Answers,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Receiver {
    /// One that answers so.
    pub(crate) fn new(answers: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let receiver =
            Self { port, answers: Arc::new(Mutex::new(answers.to_vec())), requests: Arc::default() };
        let (answers, requests) = (Arc::clone(&receiver.answers), Arc::clone(&receiver.requests));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answers, requests) = (Arc::clone(&answers), Arc::clone(&requests));
                std::thread::spawn(move || serve(stream, &answers, &requests));
            }
        });
        receiver
    }

    /// From now on it answers so.
    pub(crate) fn answer(&self, answers: &[u16]) {
        *self.answers.lock().expect("no panic") = answers.to_vec();
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    /// All that was sent.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("no panic").clone()
    }

    /// The events that were taken, in their order.
    pub(crate) fn taken(&self) -> Vec<Value> {
        self.requests().iter().filter(|request| request.is_taken()).map(Request::event).collect()
    }
}

/// Answers the requests of one connection.
fn serve(stream: TcpStream, answers: &Answers, requests: &Mutex<Vec<Request>>) {
    let mut reader = BufReader::new(stream.try_clone().expect("a stream"));
    let mut writer = stream;
    while let Some((headers, body)) = read(&mut reader) {
        let status = {
            let mut answers = answers.lock().expect("no panic");
            if answers.len() > 1 { answers.remove(0) } else { answers[0] }
        };
        requests.lock().expect("no panic").push(Request { headers, body, status });
        if status == 0 {
            // it holds the connection until the other side gives up
            drop(reader.read(&mut [0; 1]));
            return;
        }
        let more = if (300..400).contains(&status) { "Location: /elsewhere\r\n" } else { "" };
        let answer = format!("HTTP/1.1 {status} So\r\n{more}Content-Length: 4\r\n\r\nso!\n");
        if writer.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn read(reader: &mut impl BufRead) -> Option<(BTreeMap<String, String>, Vec<u8>)> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut headers = BTreeMap::from([("request".to_owned(), line.trim().to_owned())]);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let Some((name, value)) = line.trim().split_once(": ") else { break };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((headers, body))
}
