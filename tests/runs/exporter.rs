//! A page as exporters show it, by a server that can be told to misbehave, and to be gone.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What becomes of a request.
#[derive(Debug, Clone, Default)]
pub(crate) enum Manner {
    /// The page, with what stands in `values`.
    #[default]
    Page,
    /// Nothing, until who asks goes away.
    Hang,
    /// The page, a byte every 50 ms.
    Drip,
    /// This body, with more lines of the head; each ends with a line end.
    Body(String, Arc<Vec<u8>>),
    /// Lines without an end, as many as anybody wants.
    Endless,
}

/// What an exporter shows.
#[derive(Debug, Default)]
struct Shown {
    manner: Manner,
    /// Values by host, as they are written; what stands behind one is its time.
    values: BTreeMap<&'static str, String>,
    /// Counters by host: what they had counted, and when. They count 1,000 a second.
    counts: BTreeMap<&'static str, (i64, Instant)>,
}

/// A server for the page. It ends when it is dropped.
pub(crate) struct Exporter {
    pub(crate) port: u16,
    shown: Arc<Mutex<Shown>>,
    listens: Option<(Arc<AtomicBool>, JoinHandle<()>)>,
}

impl Exporter {
    /// One of three hosts, all of which have the value 0.
    pub(crate) fn new() -> Self {
        let values = ["h1", "h2", "h3"].map(|host| (host, "0".to_owned())).into();
        let counts = ["h1", "h2", "h3"].map(|host| (host, (0, Instant::now()))).into();
        let shown = Arc::new(Mutex::new(Shown { values, counts, ..Shown::default() }));
        let mut exporter = Self { port: 0, shown, listens: None };
        exporter.open();
        exporter
    }

    /// Listens, where it listened before.
    pub(crate) fn open(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).expect("a port");
        self.port = listener.local_addr().expect("an address").port();
        let (ends, shown) = (Arc::new(AtomicBool::new(false)), Arc::clone(&self.shown));
        let told = Arc::clone(&ends);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if told.load(Ordering::Relaxed) {
                    return;
                }
                let (Ok(stream), shown) = (stream, Arc::clone(&shown)) else { continue };
                // one that hangs holds up no other; all end with the test's process at the latest
                std::thread::spawn(move || drop(serve(stream, &shown)));
            }
        });
        self.listens = Some((ends, thread));
    }

    /// Nobody listens any more.
    pub(crate) fn close(&mut self) {
        let Some((ends, thread)) = self.listens.take() else { return };
        ends.store(true, Ordering::Relaxed);
        // it waits for one more
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        thread.join().expect("it ends well");
    }

    /// From now on it does so.
    pub(crate) fn behave(&self, manner: Manner) {
        self.shown.lock().expect("no panic").manner = manner;
    }

    /// From now on `host` has this value, or is not shown.
    pub(crate) fn show(&self, host: &'static str, value: Option<&str>) {
        let values = &mut self.shown.lock().expect("no panic").values;
        match value {
            Some(value) => drop(values.insert(host, value.to_owned())),
            None => drop(values.remove(host)),
        }
    }

    /// The counter of `host` has counted so many now.
    pub(crate) fn count_from(&self, host: &'static str, count: i64) {
        self.shown.lock().expect("no panic").counts.insert(host, (count, Instant::now()));
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.close();
    }
}

fn serve(mut stream: TcpStream, shown: &Mutex<Shown>) -> std::io::Result<()> {
    let (mut head, mut one) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut one)?;
        head.push(one[0]);
    }
    let (manner, page) = {
        let shown = shown.lock().expect("no panic");
        (shown.manner.clone(), page(&shown))
    };
    let mut answer = |more: &str, body: &[u8]| {
        let length = body.len();
        write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\n{more}Content-Length: {length}\r\n\r\n")?;
        stream.write_all(body)
    };
    match manner {
        Manner::Page => answer("", page.as_bytes()),
        Manner::Body(more, body) => answer(&more, &body),
        Manner::Hang => stream.read_exact(&mut one),
        Manner::Drip => {
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", page.len())?;
            stream.set_read_timeout(Some(Duration::from_millis(50)))?;
            page.bytes().try_for_each(|byte| {
                stream.write_all(&[byte])?;
                // nothing comes: this is the pace of the drip
                drop(stream.read(&mut one));
                Ok(())
            })
        }
        Manner::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
            let line =
                format!("10000\r\n{}\r\n", "# nothing\n".repeat(0x1_0000 / 10 + 1).split_at(0x1_0000).0);
            loop {
                stream.write_all(line.as_bytes())?;
            }
        }
    }
}

fn page(shown: &Shown) -> String {
    let mut page = String::from("# TYPE loss gauge\n");
    for (host, value) in &shown.values {
        writeln!(page, "loss{{host={host:?}}} {value}").expect("room");
    }
    page.push_str("# TYPE packets_total counter\n");
    for (host, (count, since)) in &shown.counts {
        let count = i128::from(*count) + i128::try_from(since.elapsed().as_millis()).expect("a while");
        writeln!(page, "packets_total{{host={host:?}}} {count}").expect("room");
    }
    page
}
