//! The thread that listens, from the opening of the source until it is dropped: whoever judges is not held up by who pushes.

use super::super::{SourceError, Trouble};
use super::inbox::Inbox;
use super::requests::Desk;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, oneshot};

/// A listener at work. Dropping it ends its thread, and waits for that, so that the address is free again.
#[derive(Debug)]
pub(super) struct Receiver {
    thread: Option<JoinHandle<()>>,
    /// The thread ends when this does.
    ends: Option<oneshot::Sender<()>>,
}

/// The most bytes of the head of a request.
const HEAD_MAX: usize = 16 << 10;
/// How long a connection lives at most: who reads no answers does not keep it for ever.
const LIFE: Duration = Duration::from_secs(600);
/// How long to wait where no connection can be accepted, such as for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(100);

impl Receiver {
    /// Listens at `address`, with so many connections at once at most.
    ///
    /// # Errors
    /// An address that cannot be had; no thread.
    pub(super) fn start(address: SocketAddr, connections: usize, desk: Desk) -> Result<Self, SourceError> {
        let failed =
            |what| move |cause| SourceError::new(address.to_string(), Trouble::System { what, cause });
        let listener = TcpListener::bind(address)
            .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
            .map_err(failed(
                "nothing can listen here; another program may, or another Quietgate with this config",
            ))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(failed("no runtime can be made"))?;
        let (ends, end) = oneshot::channel();
        let work = move || {
            let _told = Told(Arc::clone(&desk.inbox));
            runtime.block_on(async {
                tokio::select! {
                    _ = end => {}
                    // it goes on for ever, or cannot begin
                    result = serve(listener, connections, Arc::new(desk)) => drop(result),
                }
            });
            // a read of the token that the system holds up holds up nobody
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new().name("push".to_owned()).spawn(work);
        let thread = thread.map_err(failed("no thread can be started"))?;
        Ok(Self { thread: Some(thread), ends: Some(ends) })
    }

    /// Whether it has ended by itself.
    pub(super) fn has_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        drop(self.ends.take());
        // one that panicked has ended too
        drop(self.thread.take().map(JoinHandle::join));
    }
}

/// Tells those who wait when there is no more to wait for.
struct Told(Arc<Inbox>);

impl Drop for Told {
    fn drop(&mut self) {
        self.0.news.notify_waiters();
    }
}

async fn serve(listener: TcpListener, connections: usize, desk: Arc<Desk>) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let room = Arc::new(Semaphore::new(connections));
    loop {
        // who is one too many waits in the queue of the system
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return Ok(()) };
        match listener.accept().await {
            Ok((stream, _)) => {
                let desk = Arc::clone(&desk);
                tokio::spawn(async move {
                    converse(stream, desk).await;
                    drop(place);
                });
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// One connection, until its end.
async fn converse(stream: TcpStream, desk: Arc<Desk>) {
    // an answer is one packet
    drop(stream.set_nodelay(true));
    let timeout = desk.timeout;
    let service = service_fn(move |request: Request<Incoming>| {
        let desk = Arc::clone(&desk);
        async move { Ok::<_, Infallible>(desk.answer(request).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(timeout).max_header_size(HEAD_MAX);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    // whatever breaks a connection, its sender sees, and what was not answered comes again
    if tokio::time::timeout(LIFE, connection.as_mut()).await.is_err() {
        connection.as_mut().graceful_shutdown();
        drop(tokio::time::timeout(timeout, connection).await);
    }
}
