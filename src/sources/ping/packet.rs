//! Echo requests and replies as bytes: of ICMP (RFC 792) and of ICMPv6 (RFC 4443).

/// Which protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// ICMP over IPv4.
    V4,
    /// ICMPv6 over IPv6.
    V6,
}

/// What an echo carries, and its reply brings back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    /// Whose it is: others on this machine send echoes too.
    pub(super) owner: u64,
    /// Which of its echoes it is.
    pub(super) number: u64,
}

/// Bytes of a request: 8 of its head and 56 behind it, as `ping` sends them.
pub(super) const LENGTH: usize = 64;
const HEAD: usize = 8;
const KEY: usize = 16;

/// A request. `id` and `sequence` are for those who watch the network; on a ping socket the system writes an id of its own.
pub(super) fn request(family: Family, id: u16, sequence: u16, key: Key) -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    bytes[0] = family.request();
    bytes[4..6].copy_from_slice(&id.to_be_bytes());
    bytes[6..8].copy_from_slice(&sequence.to_be_bytes());
    bytes[HEAD..HEAD + 8].copy_from_slice(&key.owner.to_be_bytes());
    bytes[HEAD + 8..HEAD + KEY].copy_from_slice(&key.number.to_be_bytes());
    // that of ICMPv6 covers addresses, and is the system's
    if family == Family::V4 {
        let sum = checksum(&bytes);
        bytes[2..4].copy_from_slice(&sum.to_be_bytes());
    }
    bytes
}

/// What a reply brings back; none where it is none, or a damaged one. A raw socket of IPv4 hands out the head of IP too.
pub(super) fn reply(family: Family, bytes: &[u8], has_ip_head: bool) -> Option<Key> {
    let body = if has_ip_head { bytes.get(usize::from(bytes.first()? & 0xf) * 4..)? } else { bytes };
    let (head, rest) = body.split_at_checked(HEAD)?;
    if head[0] != family.reply() || head[1] != 0 || (family == Family::V4 && checksum(body) != 0) {
        return None;
    }
    let (owner, rest) = rest.split_first_chunk::<8>()?;
    let number = rest.first_chunk::<8>()?;
    Some(Key { owner: u64::from_be_bytes(*owner), number: u64::from_be_bytes(*number) })
}

impl Family {
    fn request(self) -> u8 {
        match self {
            Self::V4 => 8,
            Self::V6 => 128,
        }
    }

    /// The type of a reply.
    pub(super) fn reply(self) -> u8 {
        match self {
            Self::V4 => 0,
            Self::V6 => 129,
        }
    }
}

/// The checksum of the internet (RFC 1071); 0 over bytes that hold their own.
fn checksum(bytes: &[u8]) -> u16 {
    let word = |pair: &[u8]| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or_default());
    // 64 KiB of the largest words fit
    let mut sum: u32 = bytes.chunks(2).map(word).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    // exact: 16 bits are left
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: Key = Key { owner: 0x0102_0304_0506_0708, number: 99 };

    /// What a host answers to a request of IPv4.
    fn answered(mut bytes: [u8; LENGTH]) -> [u8; LENGTH] {
        bytes[0] = 0;
        bytes[2..4].fill(0);
        let sum = checksum(&bytes);
        bytes[2..4].copy_from_slice(&sum.to_be_bytes());
        bytes
    }

    #[test]
    fn a_request_has_the_form_of_the_standard() {
        let bytes = request(Family::V4, 0x1234, 7, KEY);
        assert_eq!((bytes[0], bytes[1], &bytes[4..8]), (8, 0, &[0x12, 0x34, 0, 7][..]));
        assert_eq!(checksum(&bytes), 0, "it holds its own checksum");
        assert_eq!(checksum(&[0x45, 0, 0, 0x1c]), !0x451c);
        let bytes = request(Family::V6, 1, 2, KEY);
        assert_eq!((bytes[0], &bytes[2..4]), (128, &[0, 0][..]));
    }

    #[test]
    fn a_reply_brings_back_what_was_sent() {
        let bytes = answered(request(Family::V4, 1, 2, KEY));
        assert_eq!(reply(Family::V4, &bytes, false), Some(KEY));
        let mut packet = vec![0x46; 24];
        packet.extend(bytes);
        assert_eq!(reply(Family::V4, &packet, true), Some(KEY), "behind a head of IP with an option");
        let mut bytes = request(Family::V6, 1, 2, KEY);
        bytes[0] = 129;
        assert_eq!(reply(Family::V6, &bytes, false), Some(KEY));
    }

    #[test]
    fn what_is_no_reply_or_damaged_is_none() {
        let request = request(Family::V4, 1, 2, KEY);
        assert_eq!(reply(Family::V4, &request, false), None, "a request");
        let good = answered(request);
        for at in 0..LENGTH {
            let mut bad = good;
            bad[at] ^= 1;
            assert_eq!(reply(Family::V4, &bad, false), None, "byte {at}");
        }
        assert_eq!(reply(Family::V6, &good, false), None);
    }

    proptest! {
        #[test]
        fn any_bytes_can_come(bytes in proptest::collection::vec(any::<u8>(), 0..100), head in any::<bool>()) {
            for family in [Family::V4, Family::V6] {
                let key = reply(family, &bytes, head);
                prop_assert!(key.is_none() || bytes.len() >= HEAD + super::KEY);
            }
        }
    }
}
