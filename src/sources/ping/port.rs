//! The one socket of a family: a ping socket where the system lets us have one, else a raw one.

use super::super::{SourceError, Trouble};
use super::drops;
use super::packet::{self, Family, Key};
use rustix::io::Errno;
use rustix::net::RecvFlags;
use rustix::net::sockopt::{set_socket_recv_buffer_size_force, set_socket_send_buffer_size_force};
use socket2::{Domain, Protocol, SockAddr, SockFilter, Socket, Type};
use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// A socket, with what must be known to use it.
#[derive(Debug)]
pub(super) struct Port {
    socket: Socket,
    family: Family,
    is_raw: bool,
    owner: u64,
    table: PathBuf,
    inode: u64,
}

/// What came.
#[derive(Debug, Clone, Copy)]
pub(super) enum Received {
    /// Nothing is there to be read.
    Nothing,
    /// A packet that is none of our replies.
    Other,
    /// The reply to one of our echoes.
    Reply {
        /// Who sent it.
        from: IpAddr,
        /// The number of the echo.
        number: u64,
    },
}

/// What lets a program send echoes.
const RIGHTS: &str = "this program may send no echoes: let its group be in the sysctl net.ipv4.ping_group_range (of IPv6 too), \
    or give it CAP_NET_RAW (setcap cap_net_raw+ep, or AmbientCapabilities of its unit), or run it as root";

impl Port {
    /// A socket of `family` for the echoes of `owner`, with a receive buffer of `buffer` bytes where that is allowed.
    ///
    /// # Errors
    /// The system refuses; where a right is missing, it says which would do.
    pub(super) fn open(family: Family, owner: u64, buffer: usize) -> Result<Self, SourceError> {
        let failed =
            |what: &'static str| move |cause| SourceError::new("ping", Trouble::System { what, cause });
        let (socket, is_raw) = opened(family).map_err(|cause| {
            let denied = cause.kind() == io::ErrorKind::PermissionDenied;
            failed(if denied { RIGHTS } else { "no socket can be opened" })(cause)
        })?;
        let made = |socket: &Socket| {
            socket.set_nonblocking(true)?;
            widen(socket, buffer)?;
            if is_raw {
                socket.attach_filter(&filter(family, owner_id(owner)))?;
            } else {
                // it has an id, and a row in the kernel's table, only from then on
                socket.bind(&any(family))?;
            }
            // the number by which the kernel tells of its drops
            File::from(socket.as_fd().try_clone_to_owned()?).metadata().map(|metadata| metadata.ino())
        };
        let inode = made(&socket).map_err(failed("the socket cannot be set up"))?;
        Ok(Self { socket, family, is_raw, owner, table: drops::table(family, is_raw), inode })
    }

    /// Sends echo `number`, the `round`th to `address`. Never waits.
    ///
    /// # Errors
    /// It was not sent.
    pub(super) fn send(&self, address: &SockAddr, round: u64, number: u64) -> io::Result<()> {
        let key = Key { owner: self.owner, number };
        // exact: who watches sees the numbers begin anew
        let bytes = packet::request(self.family, owner_id(self.owner), (round & 0xffff) as u16, key);
        self.socket.send_to(&bytes, address).map(drop)
    }

    /// What came next. Never waits.
    ///
    /// # Errors
    /// The system refuses.
    pub(super) fn receive(&self) -> io::Result<Received> {
        let mut bytes = [0; LOOKED_AT];
        let got = rustix::net::recvfrom(&self.socket, &mut bytes[..], RecvFlags::DONTWAIT);
        let (_, length, from) = match got {
            Ok(got) => got,
            Err(Errno::AGAIN) => return Ok(Received::Nothing),
            Err(Errno::INTR) => return Ok(Received::Other),
            Err(error) => return Err(error.into()),
        };
        let key = packet::reply(self.family, &bytes[..length.min(LOOKED_AT)], self.has_ip_head());
        let from = from.and_then(|from| SocketAddr::try_from(from).ok());
        Ok(match (key.filter(|key| key.owner == self.owner), from) {
            (Some(key), Some(from)) => Received::Reply { from: from.ip(), number: key.number },
            _ => Received::Other,
        })
    }

    /// How many replies the kernel has dropped because the receive buffer was full.
    ///
    /// # Errors
    /// The kernel does not tell.
    pub(super) fn drops(&self) -> io::Result<u64> {
        let table = std::fs::read_to_string(&self.table)?;
        drops::of(&table, self.inode).ok_or_else(|| {
            let path = self.table.display();
            io::Error::new(io::ErrorKind::InvalidData, format!("{path} does not have the socket"))
        })
    }

    /// Which echoes go through it.
    pub(super) fn family(&self) -> Family {
        self.family
    }

    fn has_ip_head(&self) -> bool {
        self.is_raw && self.family == Family::V4
    }
}

impl AsFd for Port {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Room for what waits to leave: a second of echoes at the highest rate is less than half of it.
const SEND_BUFFER: usize = 64 << 20;
/// So much of a reply is looked at: a head of IP and an echo.
const LOOKED_AT: usize = 128;

/// The socket, and whether it is a raw one.
fn opened(family: Family) -> io::Result<(Socket, bool)> {
    let (domain, protocol) = match family {
        Family::V4 => (Domain::IPV4, Protocol::ICMPV4),
        Family::V6 => (Domain::IPV6, Protocol::ICMPV6),
    };
    match Socket::new(domain, Type::DGRAM, Some(protocol)) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Ok((Socket::new(domain, Type::RAW, Some(protocol))?, true))
        }
        socket => Ok((socket?, false)),
    }
}

/// No address in particular, and no id.
fn any(family: Family) -> SockAddr {
    let ip = match family {
        Family::V4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        Family::V6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    SockAddr::from(SocketAddr::new(ip, 0))
}

/// Gives the socket as large buffers as it may have, one of `buffer` bytes at most for what it receives.
fn widen(socket: &Socket, buffer: usize) -> io::Result<()> {
    // beyond the limits of the system with CAP_NET_ADMIN only
    if set_socket_send_buffer_size_force(socket, SEND_BUFFER).is_err() {
        socket.set_send_buffer_size(SEND_BUFFER)?;
    }
    if set_socket_recv_buffer_size_force(socket, buffer).is_err() {
        socket.set_recv_buffer_size(buffer)?;
    }
    Ok(())
}

/// The id that the echoes of `owner` bear on a raw socket.
fn owner_id(owner: u64) -> u16 {
    // exact: the lowest 16 bits
    (owner & 0xffff) as u16
}

/// Lets replies with our id through and nothing else, so that no other packet fills the buffer of a raw socket.
fn filter(family: Family, id: u16) -> [SockFilter; 7] {
    // where the message begins: of IPv4 behind its head (X = 4 * (byte 0 & 0xf)), of IPv6 at once (X = 0)
    let begin = match family {
        Family::V4 => SockFilter::new(0xb1, 0, 0, 0),
        Family::V6 => SockFilter::new(0x01, 0, 0, 0),
    };
    [
        begin,
        SockFilter::new(0x50, 0, 0, 0), // A = type, byte X + 0
        SockFilter::new(0x15, 0, 3, u32::from(family.reply())), // unless a reply: refuse
        SockFilter::new(0x48, 0, 0, 4), // A = id, bytes X + 4 and X + 5
        SockFilter::new(0x15, 0, 1, u32::from(id)), // unless ours: refuse
        SockFilter::new(0x06, 0, 0, u32::MAX), // take all of it
        SockFilter::new(0x06, 0, 0, 0), // refuse
    ]
}
