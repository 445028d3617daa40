//! A host that answers echo requests of IPv4 as it is told to, in a network namespace whose kernel answers none.

use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::collections::VecDeque;
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// What becomes of an echo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    Answer,
    Drop,
    /// Answered twice.
    Twice,
    /// Answered when so many later echoes have come.
    After(usize),
}

/// The host at one address. Dropping it ends it.
pub(crate) struct Responder {
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the responder ends well");
        }
    }
}

/// Answers for `address`; `manner` says what becomes of the echo with which number.
pub(crate) fn respond(address: Ipv4Addr, manner: impl Fn(u16) -> Manner + Send + 'static) -> Responder {
    let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4)).expect("a socket");
    // what is sent to this address comes here, and what is sent from here bears it
    socket.bind(&SockAddr::from(SocketAddrV4::new(address, 0))).expect("an address of this machine");
    socket.set_read_timeout(Some(Duration::from_millis(50))).expect("a limit");
    socket.set_recv_buffer_size(4 << 20).expect("a buffer");
    let ends = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&ends);
    let thread = std::thread::spawn(move || {
        let mut waiting = VecDeque::new();
        while !told.load(Ordering::Relaxed) {
            let Some((from, body)) = request(&socket) else { continue };
            let send = |from: Ipv4Addr, body: &[u8]| {
                let to = SockAddr::from(SocketAddrV4::new(from, 0));
                socket.send_to(&reply(body), &to).expect("a reply is sent");
            };
            match manner(u16::from_be_bytes([body[6], body[7]])) {
                Manner::Drop => {}
                Manner::Answer => send(from, &body),
                Manner::Twice => {
                    send(from, &body);
                    send(from, &body);
                }
                Manner::After(later) => {
                    waiting.push_back((from, body));
                    if waiting.len() > later {
                        waiting.pop_front().into_iter().for_each(|(from, body)| send(from, &body));
                    }
                }
            }
        }
    });
    Responder { ends, thread: Some(thread) }
}

/// The next request, with who sent it; none within the limit.
fn request(socket: &Socket) -> Option<(Ipv4Addr, Vec<u8>)> {
    let mut bytes = [0; 256];
    let mut reader = socket;
    let length = reader.read(&mut bytes).ok()?;
    let head = usize::from(bytes[0] & 0xf) * 4;
    let body = bytes[head..length].to_vec();
    let from = Ipv4Addr::new(bytes[12], bytes[13], bytes[14], bytes[15]);
    (body.first() == Some(&8)).then_some((from, body))
}

/// The reply to a request: another type, and the checksum that this makes.
fn reply(request: &[u8]) -> Vec<u8> {
    let mut bytes = request.to_vec();
    bytes[0] = 0;
    bytes[2..4].fill(0);
    let words = bytes.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    bytes[2..4].copy_from_slice(&(!(sum as u16)).to_be_bytes());
    bytes
}
