//! Asks the kernel for the table of IPVS by generic netlink.
//!
//! The kernel answers while it is asked: what is not there when a call returns will not come. So the socket does not wait.

use super::table::attributes_of;
use netlink_packet_core::{
    DecodeError, DefaultNla, Emitable, NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NetlinkBuffer,
    NetlinkDeserializable, NetlinkHeader, NetlinkMessage, NetlinkPayload, NetlinkSerializable, parse_u16,
};
use rustix::net::netlink::{GENERIC, SocketAddrNetlink};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, connect, recv, send, socket_with,
};
use std::io;
use std::os::fd::OwnedFd;

/// What can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    Services = 4,
    RealServers = 8,
    Info = 15,
}

/// Whether the kernel knows IPVS and tells us nothing of it, for want of the right CAP_NET_ADMIN.
pub(super) fn is_refused() -> bool {
    let about =
        Conversation::begin().and_then(|mut kernel| kernel.ask(Command::Info as u8, NLM_F_ACK, Vec::new()));
    matches!(about, Err(Failure::System(cause)) if cause.kind() == io::ErrorKind::PermissionDenied)
}

/// Why there is no table.
#[derive(Debug)]
pub(super) enum Failure {
    /// The kernel refuses, or the system does.
    System(io::Error),
    /// What it says makes no sense.
    Odd(DecodeError),
}

/// A socket to the kernel, and the number that IPVS has there.
#[derive(Debug)]
pub(super) struct Conversation {
    socket: OwnedFd,
    family: u16,
    sequence: u32,
    buffer: Vec<u8>,
}

impl Conversation {
    /// Begins one.
    ///
    /// # Errors
    /// A kernel that does not know IPVS, or a system that has no such sockets.
    pub(super) fn begin() -> Result<Self, Failure> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, Some(GENERIC))?;
        connect(&socket, &SocketAddrNetlink::new(0, 0))?;
        let mut conversation =
            Self { socket, family: CONTROLLER, sequence: 0, buffer: vec![0; MESSAGES_MAX] };
        let name = DefaultNla::new(CONTROLLER_FAMILY_NAME, b"IPVS\0".to_vec());
        let told = conversation.ask(CONTROLLER_GET_FAMILY, NLM_F_ACK, vec![name])?;
        let first = told.first().ok_or(DecodeError::from("no answer about IPVS"))?;
        let number = attributes_of(first)?.get(&CONTROLLER_FAMILY_ID).copied();
        conversation.family = parse_u16(number.ok_or(DecodeError::from("no number of IPVS"))?)?;
        Ok(conversation)
    }

    /// All messages that the kernel has to a question for a list, each without its heads.
    ///
    /// # Errors
    /// Where it has none, or not all.
    pub(super) fn list(
        &mut self,
        command: Command,
        attributes: Vec<DefaultNla>,
    ) -> Result<Vec<Vec<u8>>, Failure> {
        self.ask(command as u8, NLM_F_DUMP, attributes)
    }

    fn ask(&mut self, command: u8, flags: u16, attributes: Vec<DefaultNla>) -> Result<Vec<Vec<u8>>, Failure> {
        self.sequence += 1;
        let mut header = NetlinkHeader::default();
        (header.flags, header.sequence_number) = (NLM_F_REQUEST | flags, self.sequence);
        let question = Question { family: self.family, command, attributes };
        let mut message = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(question));
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        send(&self.socket, &bytes, SendFlags::empty())?;
        let mut told = Vec::new();
        loop {
            let (_, length) = recv(&self.socket, &mut self.buffer[..], RecvFlags::TRUNC)?;
            let bytes = self.buffer.get(..length).ok_or(DecodeError::from("messages longer than any"))?;
            if take(bytes, self.sequence, &mut told)? {
                return Ok(told);
            }
        }
    }
}

/// The controller of generic netlink, which knows what number a name has: its own number, its command and attributes.
const CONTROLLER: u16 = 16;
const CONTROLLER_GET_FAMILY: u8 = 3;
const CONTROLLER_FAMILY_ID: u16 = 1;
const CONTROLLER_FAMILY_NAME: u16 = 2;

/// The most bytes of one reading: the kernel cuts lists into pieces of 32 KiB at most.
const MESSAGES_MAX: usize = 64 << 10;
/// Of each: the command, the version, and two bytes of nothing.
const HEAD_BYTES: usize = 4;
/// The version of all that is asked here.
const VERSION: u8 = 1;

/// Puts the messages that answer question `sequence` behind `told`; says whether that was the last of them.
pub(super) fn take(mut bytes: &[u8], sequence: u32, told: &mut Vec<Vec<u8>>) -> Result<bool, Failure> {
    while !bytes.is_empty() {
        let length = NetlinkBuffer::new_checked(bytes)?.length() as usize;
        let message = NetlinkMessage::<Told>::deserialize(bytes)?;
        // each begins at a multiple of four
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        if message.header.sequence_number != sequence {
            continue;
        }
        match message.payload {
            NetlinkPayload::InnerMessage(Told(payload)) => told.push(payload),
            NetlinkPayload::Done(done) if done.code == 0 => return Ok(true),
            NetlinkPayload::Done(done) => {
                return Err(io::Error::from_raw_os_error(done.code.saturating_abs()).into());
            }
            // without a code it says that all is well
            NetlinkPayload::Error(error) if error.code.is_none() => return Ok(true),
            NetlinkPayload::Error(error) => return Err(error.to_io().into()),
            NetlinkPayload::Overrun(_) => return Err(DecodeError::from("messages were lost").into()),
            _ => {}
        }
    }
    Ok(false)
}

/// `attributes` as bytes.
pub(super) fn emitted(attributes: &[DefaultNla]) -> Vec<u8> {
    let mut bytes = vec![0; attributes.buffer_len()];
    attributes.emit(&mut bytes);
    bytes
}

/// A question by generic netlink.
#[derive(Debug)]
struct Question {
    family: u16,
    command: u8,
    attributes: Vec<DefaultNla>,
}

impl NetlinkSerializable for Question {
    fn message_type(&self) -> u16 {
        self.family
    }

    fn buffer_len(&self) -> usize {
        HEAD_BYTES + self.attributes.as_slice().buffer_len()
    }

    fn serialize(&self, buffer: &mut [u8]) {
        let (head, rest) = buffer.split_at_mut(HEAD_BYTES);
        head.copy_from_slice(&[self.command, VERSION, 0, 0]);
        self.attributes.as_slice().emit(rest);
    }
}

/// A message by generic netlink, without its head.
#[derive(Debug)]
struct Told(Vec<u8>);

impl NetlinkDeserializable for Told {
    type Error = DecodeError;

    fn deserialize(_: &NetlinkHeader, payload: &[u8]) -> Result<Self, DecodeError> {
        let rest = payload.get(HEAD_BYTES..).ok_or(DecodeError::from("a message without a head"))?;
        Ok(Self(rest.to_vec()))
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

impl From<rustix::io::Errno> for Failure {
    fn from(error: rustix::io::Errno) -> Self {
        Self::System(error.into())
    }
}

impl From<DecodeError> for Failure {
    fn from(error: DecodeError) -> Self {
        Self::Odd(error)
    }
}
