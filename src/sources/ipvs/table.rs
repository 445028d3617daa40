//! The table of IPVS as the kernel tells it: attributes of generic netlink, and the text of `/proc/net/ip_vs_stats`.
//! Pure: somebody else has asked.

use super::key::{RealServer, Service};
use netlink_packet_core::{
    DecodeError, DefaultNla, NLA_F_NESTED, NLA_HEADER_SIZE, NlasIterator, parse_u16, parse_u16_be, parse_u32,
    parse_u64,
};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What is counted, in the order in which the kernel tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counter {
    Connections,
    InPackets,
    OutPackets,
    InBytes,
    OutBytes,
}

/// The counters of one entry, since it was made or last set to zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counters([u64; 5]);

/// What stands now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Levels {
    /// Connections that are open.
    pub(super) active: u64,
    /// Connections that are being closed, and are remembered still.
    pub(super) inactive: u64,
    /// The weight; 0 means that no new connection goes there.
    pub(super) weight: u64,
}

impl Levels {
    /// Adds those of another real server.
    pub(super) fn add(&mut self, more: Self) {
        self.active += more.active;
        self.inactive += more.inactive;
        self.weight += more.weight;
    }
}

impl Counters {
    /// What was counted of `counter`.
    pub(super) fn of(&self, counter: Counter) -> u64 {
        self.0[counter as usize]
    }

    /// Whether these can follow `before` without a reset between: nothing has gone back.
    pub(super) fn continues(&self, before: &Self) -> bool {
        self.0.iter().zip(&before.0).all(|(now, before)| now >= before)
    }

    /// The totals, from the text of `/proc/net/ip_vs_stats`: the first line of numbers, which are hexadecimal.
    pub(super) fn of_totals(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.lines().nth(2)?.split_whitespace().collect();
        let words: [&str; 5] = words.try_into().ok()?;
        let numbers = words.map(|word| u64::from_str_radix(word, 16).ok());
        numbers.iter().all(Option::is_some).then(|| Self(numbers.map(Option::unwrap_or_default)))
    }

    fn from_attribute(attributes: &Attributes<'_>, wide: u16, narrow: u16) -> Result<Self, DecodeError> {
        let nested = attributes.get(&wide).or_else(|| attributes.get(&narrow));
        let stats = attributes_of(nested.ok_or("an entry without counters")?)?;
        let mut counters = Self::default();
        // IPVS_STATS_ATTR_CONNS and those after it
        for (kind, counter) in (1_u16..).zip(&mut counters.0) {
            let value = found(&stats, kind)?;
            *counter = if value.len() == 4 { parse_u32(value)?.into() } else { parse_u64(value)? };
        }
        Ok(counters)
    }
}

#[cfg(test)]
impl From<[u64; 5]> for Counters {
    fn from(numbers: [u64; 5]) -> Self {
        Self(numbers)
    }
}

/// Attributes of `linux/ip_vs.h`; of a service those that say which it is are also sent.
mod attribute {
    pub(super) const SERVICE: u16 = 1;
    pub(super) const REAL_SERVER: u16 = 2;

    pub(super) const SERVICE_FAMILY: u16 = 1;
    pub(super) const SERVICE_PROTOCOL: u16 = 2;
    pub(super) const SERVICE_ADDRESS: u16 = 3;
    pub(super) const SERVICE_PORT: u16 = 4;
    pub(super) const SERVICE_MARK: u16 = 5;
    pub(super) const SERVICE_STATS: u16 = 10;
    pub(super) const SERVICE_STATS64: u16 = 12;

    pub(super) const SERVER_ADDRESS: u16 = 1;
    pub(super) const SERVER_PORT: u16 = 2;
    pub(super) const SERVER_WEIGHT: u16 = 4;
    pub(super) const SERVER_ACTIVE: u16 = 7;
    pub(super) const SERVER_INACTIVE: u16 = 8;
    pub(super) const SERVER_STATS: u16 = 10;
    pub(super) const SERVER_FAMILY: u16 = 11;
    pub(super) const SERVER_STATS64: u16 = 12;
}

/// The families of addresses.
const INET: u16 = 2;
const INET6: u16 = 10;
/// An address has this much room, of whichever family it is.
const ADDRESS_BYTES: usize = 16;

/// A virtual service, from a message about one.
///
/// # Errors
/// What is not there, or not of its size.
pub(super) fn service(message: &[u8]) -> Result<(Service, Counters), DecodeError> {
    let outer = attributes_of(message)?;
    let inner = attributes_of(found(&outer, attribute::SERVICE)?)?;
    let family = parse_u16(found(&inner, attribute::SERVICE_FAMILY)?)?;
    let service = match inner.get(&attribute::SERVICE_MARK) {
        Some(mark) => Service::Mark { mark: parse_u32(mark)?, is_v6: is_v6(family)? },
        None => Service::Address {
            vip: address(family, found(&inner, attribute::SERVICE_ADDRESS)?)?,
            port: parse_u16_be(found(&inner, attribute::SERVICE_PORT)?)?,
            protocol: parse_u16(found(&inner, attribute::SERVICE_PROTOCOL)?)?,
        },
    };
    let counters = Counters::from_attribute(&inner, attribute::SERVICE_STATS64, attribute::SERVICE_STATS)?;
    Ok((service, counters))
}

/// A real server behind `service`, from a message about one.
///
/// # Errors
/// What is not there, or not of its size.
pub(super) fn real_server(
    message: &[u8],
    service: Service,
) -> Result<(RealServer, Counters, Levels), DecodeError> {
    let outer = attributes_of(message)?;
    let inner = attributes_of(found(&outer, attribute::REAL_SERVER)?)?;
    // kernels before 3.18 know of no other family than the service's
    let family = match inner.get(&attribute::SERVER_FAMILY) {
        Some(family) => parse_u16(family)?,
        None => family_of(service),
    };
    let server = RealServer {
        address: address(family, found(&inner, attribute::SERVER_ADDRESS)?)?,
        port: parse_u16_be(found(&inner, attribute::SERVER_PORT)?)?,
    };
    let level = |kind| found(&inner, kind).and_then(parse_u32).map(u64::from);
    let levels = Levels {
        active: level(attribute::SERVER_ACTIVE)?,
        inactive: level(attribute::SERVER_INACTIVE)?,
        weight: level(attribute::SERVER_WEIGHT)?,
    };
    let counters = Counters::from_attribute(&inner, attribute::SERVER_STATS64, attribute::SERVER_STATS)?;
    Ok((server, counters, levels))
}

/// The attributes by which the kernel is told of which service the real servers are wanted.
pub(super) fn which(service: Service) -> DefaultNla {
    let mut inner =
        vec![DefaultNla::new(attribute::SERVICE_FAMILY, family_of(service).to_ne_bytes().to_vec())];
    match service {
        Service::Mark { mark, .. } => {
            inner.push(DefaultNla::new(attribute::SERVICE_MARK, mark.to_ne_bytes().to_vec()));
        }
        Service::Address { vip, port, protocol } => {
            let mut room = match vip {
                IpAddr::V4(vip) => vip.octets().to_vec(),
                IpAddr::V6(vip) => vip.octets().to_vec(),
            };
            room.resize(ADDRESS_BYTES, 0);
            inner.push(DefaultNla::new(attribute::SERVICE_PROTOCOL, protocol.to_ne_bytes().to_vec()));
            inner.push(DefaultNla::new(attribute::SERVICE_ADDRESS, room));
            inner.push(DefaultNla::new(attribute::SERVICE_PORT, port.to_be_bytes().to_vec()));
        }
    }
    DefaultNla::new(attribute::SERVICE | NLA_F_NESTED, super::netlink::emitted(&inner))
}

/// Attributes by their kinds.
pub(super) type Attributes<'a> = BTreeMap<u16, &'a [u8]>;

/// The attributes that stand in `bytes`; of a kind that comes again the last.
///
/// # Errors
/// One that reaches beyond the end.
pub(super) fn attributes_of(bytes: &[u8]) -> Result<Attributes<'_>, DecodeError> {
    let one = |attribute: Result<netlink_packet_core::NlaBuffer<_>, _>| {
        let attribute = attribute?;
        let (kind, length) = (attribute.kind(), attribute.value_length());
        let bytes: &[u8] = attribute.into_inner();
        Ok((kind, &bytes[NLA_HEADER_SIZE..][..length]))
    };
    NlasIterator::new(bytes).map(one).collect()
}

fn found<'a>(attributes: &Attributes<'a>, kind: u16) -> Result<&'a [u8], DecodeError> {
    attributes.get(&kind).copied().ok_or_else(|| format!("an entry without the attribute {kind}").into())
}

fn address(family: u16, bytes: &[u8]) -> Result<IpAddr, DecodeError> {
    let odd = || DecodeError::invalid_ip_address(bytes.len());
    if is_v6(family)? {
        let octets: [u8; 16] = bytes.try_into().map_err(|_| odd())?;
        return Ok(Ipv6Addr::from(octets).into());
    }
    let octets: &[u8; 4] = bytes.first_chunk().ok_or_else(odd)?;
    Ok(Ipv4Addr::from(*octets).into())
}

fn is_v6(family: u16) -> Result<bool, DecodeError> {
    match family {
        INET => Ok(false),
        INET6 => Ok(true),
        other => Err(format!("an address of the family {other}, known are {INET} and {INET6}").into()),
    }
}

fn family_of(service: Service) -> u16 {
    let is_v6 = match service {
        Service::Address { vip, .. } => vip.is_ipv6(),
        Service::Mark { is_v6, .. } => is_v6,
    };
    if is_v6 { INET6 } else { INET }
}
