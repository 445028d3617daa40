//! For fuzzers and tests alone: what must hold of messages and texts about IPVS.

use super::key::{Key, Service};
use super::netlink::{emitted, take};
use super::table::{Counters, attributes_of, real_server, service, which};
use netlink_packet_core::{DefaultNla, NLA_F_NESTED, Nla};
use std::net::IpAddr;

/// A reading of the socket, or one message without its heads; a service that is known can be asked for.
pub fn netlink(bytes: &[u8]) {
    let mut told = Vec::new();
    // who is answered is not known here
    let sequence =
        bytes.get(8..12).map_or(1, |four| u32::from_ne_bytes([four[0], four[1], four[2], four[3]]));
    let _ = take(bytes, sequence, &mut told);
    assert!(told.iter().map(Vec::len).sum::<usize>() <= bytes.len());
    told.push(bytes.to_vec());
    for message in told {
        let web = Service::Address { vip: IpAddr::from([10, 9, 100, 1]), port: 80, protocol: 6 };
        if let Ok((server, ..)) = real_server(&message, web) {
            assert_eq!(Key::RealServer(web, server).labels().len(), 5);
        }
        if let Ok((known, _)) = service(&message) {
            assert!(Key::Service(known).labels().len() >= 2);
            asked(known);
        }
    }
}

/// What the kernel is asked about a service says which one, as it would itself.
fn asked(known: Service) {
    let question = which(known);
    let mut inner = vec![0; question.value_len()];
    question.emit_value(&mut inner);
    assert!(attributes_of(&inner).is_ok());
    // IPVS_STATS_ATTR_CONNS and those after it, and IPVS_SVC_ATTR_STATS around them
    let counts: Vec<_> = (1..=5_u16).map(|kind| DefaultNla::new(kind, vec![0; 8])).collect();
    inner.extend(emitted(&[DefaultNla::new(10 | NLA_F_NESTED, emitted(&counts))]));
    let message = emitted(&[DefaultNla::new(question.kind() | NLA_F_NESTED, inner)]);
    assert_eq!(service(&message).expect("a whole message"), (known, Counters::default()));
}

/// The totals are the same, once they are written and read again.
pub(in crate::sources) fn totals(text: &str) {
    use super::table::Counter::{Connections, InBytes, InPackets, OutBytes, OutPackets};
    let Some(totals) = Counters::of_totals(text) else { return };
    let counts = [Connections, InPackets, OutPackets, InBytes, OutBytes].map(|counter| totals.of(counter));
    let words = counts.map(|count| format!("{count:X}")).join(" ");
    assert_eq!(Counters::of_totals(&format!("\n\n{words}\n")), Some(totals));
    assert!(totals.continues(&totals));
}
