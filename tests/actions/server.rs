//! A small real server on the loopback, plain or with TLS.

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;

/// What is answered: written to the connection, which is closed afterwards.
type Answer = dyn Fn(&str, &mut dyn Write) -> io::Result<()> + Send + Sync;

/// A server that runs until the test's process ends.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    /// The requests as they came, heads and bodies.
    pub(crate) requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// One that gives `answer` to each request.
    pub(crate) fn new(
        answer: impl Fn(&str, &mut dyn Write) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self::serve(None, Arc::new(answer))
    }

    /// One that answers every request with `head`, such as `200 OK`, and `body`.
    pub(crate) fn with(head: &'static str, body: &'static str) -> Self {
        Self::new(move |_, out| {
            write!(out, "HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        })
    }

    /// One that answers every request with 204 by TLS, and its certificate in PEM.
    pub(crate) fn with_tls() -> (Self, String) {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions");
        let chain = vec![CertificateDer::from(made.cert.der().to_vec())];
        let config = config.with_no_client_auth().with_single_cert(chain, key).expect("a config");
        let answer = |_: &str, out: &mut dyn Write| out.write_all(b"HTTP/1.1 204 No Content\r\n\r\n");
        (Self::serve(Some(Arc::new(config)), Arc::new(answer)), made.cert.pem())
    }

    fn serve(tls: Option<Arc<ServerConfig>>, answer: Arc<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (tls, answer, seen) = (tls.clone(), Arc::clone(&answer), Arc::clone(&seen));
                // a client that goes away is its own affair
                thread::spawn(move || match tls {
                    None => talk(stream, &*answer, &seen),
                    Some(config) => {
                        let connection = ServerConnection::new(config).map_err(io::Error::other)?;
                        talk(StreamOwned::new(connection, stream), &*answer, &seen)
                    }
                });
            }
        });
        Self { address, requests }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn seen(&self) -> Vec<String> {
        self.requests.lock().expect("a list").clone()
    }
}

fn talk(mut stream: impl Read + Write, answer: &Answer, seen: &Mutex<Vec<String>>) -> io::Result<()> {
    let request = request(&mut stream)?;
    seen.lock().expect("a list").push(request.clone());
    answer(&request, &mut stream)?;
    stream.flush()
}

fn request(stream: &mut impl Read) -> io::Result<String> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        bytes.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&bytes).into_owned();
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body)?;
    Ok(head + &String::from_utf8_lossy(&body))
}

/// A port of the loopback that nobody listens on.
pub(crate) fn closed_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its address").port()
}
