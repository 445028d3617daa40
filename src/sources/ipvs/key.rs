//! What an entry of the director is called: all of it, a virtual service, or a real server behind one.

use crate::sources::Labels;
use std::net::IpAddr;

/// An entry that has counters. The order is that of the kinds, then of the addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    /// The director, all of its services taken together.
    Total,
    /// A virtual service.
    Service(Service),
    /// A real server behind a virtual service.
    RealServer(Service, RealServer),
}

/// A virtual service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Service {
    /// One with a virtual IP.
    Address {
        /// The virtual IP.
        vip: IpAddr,
        /// Its port; 0 for all.
        port: u16,
        /// The number of the protocol: 6 is TCP.
        protocol: u16,
    },
    /// One of packets that the firewall has marked.
    Mark {
        /// The mark.
        mark: u32,
        /// Whether it is of IPv6, and not of IPv4.
        is_v6: bool,
    },
}

/// A real server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RealServer {
    /// Its address.
    pub(super) address: IpAddr,
    /// Its port; 0 for that of the service.
    pub(super) port: u16,
}

/// The kinds of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Total,
    Service,
    RealServer,
}

impl Key {
    /// What kind of entry it is.
    pub(super) fn scope(&self) -> Scope {
        match self {
            Self::Total => Scope::Total,
            Self::Service(_) => Scope::Service,
            Self::RealServer(..) => Scope::RealServer,
        }
    }

    /// The labels of its series. Those of a real server are those of its service and two more.
    pub(super) fn labels(&self) -> Labels {
        let mut labels = Vec::new();
        let mut put = |name, value: String| labels.push((name, value));
        if let Self::Service(service) | Self::RealServer(service, _) = self {
            match service {
                Service::Address { vip, port, protocol } => {
                    put("vip", vip.to_string());
                    put("port", port.to_string());
                    put("protocol", protocol_in_words(*protocol));
                }
                Service::Mark { mark, is_v6 } => {
                    put("fwmark", mark.to_string());
                    put("family", if *is_v6 { "ipv6" } else { "ipv4" }.to_owned());
                }
            }
        }
        if let Self::RealServer(_, RealServer { address, port }) = self {
            put("real_server", address.to_string());
            put("real_port", port.to_string());
        }
        labels.into_iter().collect()
    }
}

/// The protocols that IPVS knows by the names of `ipvsadm`, in small letters; others by their number.
fn protocol_in_words(protocol: u16) -> String {
    match protocol {
        6 => "tcp".to_owned(),
        17 => "udp".to_owned(),
        132 => "sctp".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::labels_in_words;

    #[test]
    fn series_have_the_labels_of_their_service_and_of_their_real_server() {
        let vip = IpAddr::from([10, 9, 100, 1]);
        let web = Service::Address { vip, port: 80, protocol: 6 };
        let server = RealServer { address: IpAddr::from([10, 9, 2, 2]), port: 8080 };
        let words = |key: Key| labels_in_words(&key.labels());
        assert_eq!(words(Key::Total), "{}");
        assert_eq!(words(Key::Service(web)), r#"{port="80", protocol="tcp", vip="10.9.100.1"}"#);
        assert_eq!(
            words(Key::RealServer(web, server)),
            r#"{port="80", protocol="tcp", real_port="8080", real_server="10.9.2.2", vip="10.9.100.1"}"#
        );
        let marked = Service::Mark { mark: 5, is_v6: true };
        assert_eq!(words(Key::Service(marked)), r#"{family="ipv6", fwmark="5"}"#);
        let odd = Service::Address { vip: "2001:db8::1".parse().expect("an address"), port: 0, protocol: 50 };
        assert_eq!(words(Key::Service(odd)), r#"{port="0", protocol="50", vip="2001:db8::1"}"#);
    }
}
