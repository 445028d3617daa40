//! Connections: so many at once, from one address and in all; none that is slow to say what it wants.

use super::tls::Certificates;
use axum::Router;
use axum::extract::ConnectInfo;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tower::ServiceExt;

/// So many connections there may be at once; who comes later waits.
const CONNECTIONS: usize = 1024;
/// And so many from one address, but for this host.
const FROM_ONE: usize = 64;
/// So long may the head of a request take, and a handshake.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// So long may it be, in bytes.
const HEAD_MAX: usize = 16 << 10;
/// So many headers it may have.
const HEADERS_MAX: usize = 64;
/// How long a connection lives at most.
const LIFE: Duration = Duration::from_secs(3700);
/// How long to wait where no connection can be accepted, such as for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// Answers at `listener` by `router`, for ever.
pub(super) async fn serve(
    listener: std::net::TcpListener,
    certificates: Option<Certificates>,
    router: Router,
) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    let (room, from) = (Arc::new(Semaphore::new(CONNECTIONS)), Arc::new(Places::default()));
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
        let Ok((stream, peer)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let Some(own) = from.take(peer.ip()) else { continue };
        let (router, acceptor) = (router.clone(), certificates.as_ref().map(Certificates::acceptor));
        tokio::spawn(async move {
            // an answer is one packet
            drop(stream.set_nodelay(true));
            match acceptor {
                None => converse(stream, peer, router).await,
                Some(acceptor) => {
                    if let Ok(Ok(stream)) = timeout(HEAD_TIMEOUT, acceptor.accept(stream)).await {
                        converse(stream, peer, router).await;
                    }
                }
            }
            drop((place, own));
        });
    }
}

/// One connection, until its end.
async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin, peer: SocketAddr, router: Router) {
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request)
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_header_size(HEAD_MAX)
        .max_headers(HEADERS_MAX);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    if timeout(LIFE, connection.as_mut()).await.is_err() {
        connection.as_mut().graceful_shutdown();
        drop(timeout(HEAD_TIMEOUT, connection).await);
    }
}

/// How many connections there are from each address.
#[derive(Debug, Default)]
struct Places(Mutex<HashMap<IpAddr, usize>>);

/// One of them.
#[derive(Debug)]
struct Place(Arc<Places>, IpAddr);

impl Places {
    /// One more from there; none where there are too many.
    fn take(self: &Arc<Self>, from: IpAddr) -> Option<Place> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = all.entry(from).or_default();
        if *count >= FROM_ONE && !from.is_loopback() {
            return None;
        }
        *count += 1;
        Some(Place(Arc::clone(self), from))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut all = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = all.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                all.remove(&self.1);
            }
        }
    }
}
