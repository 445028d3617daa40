//! For fuzzers and tests alone: what must hold of what comes back, and of the kernel's tables of sockets.

use super::drops;
use super::packet::{Family, Key, LENGTH, reply, request};

/// Any packet may come; and what is sent comes back, also behind a head of IP.
pub fn echo(bytes: &[u8]) {
    for (family, has_ip_head) in [(Family::V4, false), (Family::V4, true), (Family::V6, false)] {
        let key = reply(family, bytes, has_ip_head);
        assert!(key.is_none() || bytes.len() >= 24);
    }
    let Some((first, rest)) = bytes.split_first_chunk::<16>() else { return };
    let all = u128::from_be_bytes(*first);
    let key = Key { owner: (all >> 64) as u64, number: all as u64 };
    for family in [Family::V4, Family::V6] {
        let answer = answered(family, request(family, all as u16, (all >> 16) as u16, key));
        assert_eq!(reply(family, &answer, false), Some(key));
        let words = rest.len().min(40) / 4;
        let mut packet = vec![0x45 + words as u8];
        packet.resize(20, 0);
        packet.extend(&rest[..4 * words]);
        packet.extend(answer);
        assert_eq!(reply(family, &packet, true), Some(key));
    }
}

/// A request as a host sends it back.
fn answered(family: Family, mut bytes: [u8; LENGTH]) -> [u8; LENGTH] {
    bytes[0] = family.reply();
    if family == Family::V4 {
        // the type was 8: the complement of the sum grows by what the sum lost
        let (sum, carry) = u16::from_be_bytes([bytes[2], bytes[3]]).overflowing_add(8 << 8);
        bytes[2..4].copy_from_slice(&(sum + u16::from(carry)).to_be_bytes());
    }
    bytes
}

/// A socket is found by its own number alone.
pub(in crate::sources) fn drops(table: &str) {
    for inode in [0, 4711, u64::MAX] {
        assert!(drops::of(table, inode).is_none() || table.contains(&inode.to_string()));
    }
}
