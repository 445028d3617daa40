//! The chain of the journal: each entry carries the hash of the one before it. Pure; what reads and writes is elsewhere.
//!
//! The hash of an entry is SHA-256 over these bytes, one after the other, numbers with their highest byte first:
//!
//! | bytes | what |
//! |---|---|
//! | 20 | `quietgate journal 1` and a line feed |
//! | 32 | the hash of the entry before; zeros for the first |
//! | 8 | `seq` |
//! | 8 | `epoch` |
//! | 8 | `at`, two's complement |
//! | 8 | the length of the record in bytes |
//! | any | the record in UTF-8, byte for byte as it was given |
//!
//! Everything before the record has a fixed length, so no two entries have the same bytes.

use super::error::{Damage, Refusal};
use crate::sabotage::{self, Sabotage};
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

/// What every hash begins with: a hash of ours is no hash of anything else.
const DOMAIN: &[u8] = b"quietgate journal 1\n";

/// A SHA-256 hash; written as 64 hexadecimal digits in lower case.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Hash([u8; 32]);

impl Hash {
    /// What stands before the first entry.
    pub const ZERO: Self = Self([0; 32]);

    /// The hash of `bytes`.
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is not 64 hexadecimal digits in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoHash;

impl fmt::Display for NoHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not 64 hexadecimal digits in lower case")
    }
}

impl std::error::Error for NoHash {}

impl FromStr for Hash {
    type Err = NoHash;

    fn from_str(text: &str) -> Result<Self, NoHash> {
        let digit = |byte: &u8| match byte {
            b'0'..=b'9' => Ok(byte - b'0'),
            b'a'..=b'f' => Ok(byte - b'a' + 10),
            _ => Err(NoHash),
        };
        let digits = text.as_bytes().iter().map(digit).collect::<Result<Vec<u8>, _>>()?;
        let bytes: Vec<u8> =
            digits.chunks(2).map(|pair| pair.iter().fold(0, |high, low| high << 4 | low)).collect();
        if digits.len() != 64 {
            return Err(NoHash);
        }
        bytes.try_into().map(Self).map_err(|_| NoHash)
    }
}

/// One entry of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number; the first is 1, and none is left out.
    pub seq: u64,
    /// When it was appended, by the clock of the driver: UTC milliseconds since 1970. May go back where that clock does.
    pub at: i64,
    /// Which driver appended it; every opening of the journal counts one up. Never goes back.
    pub epoch: u64,
    /// The hash of the entry before; [`Hash::ZERO`] for the first.
    pub prev: Hash,
    /// The hash of this entry, over all of the above and the record.
    pub hash: Hash,
    /// A JSON object, byte for byte as it was given.
    pub record: String,
}

/// Where a chain ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tip {
    /// The number of the newest entry; 0 where there is none.
    pub seq: u64,
    /// Its hash; [`Hash::ZERO`] where there is none.
    pub hash: Hash,
    /// Its epoch; 0 where there is none.
    pub epoch: u64,
}

impl Tip {
    /// The end of a chain without entries.
    pub const EMPTY: Self = Self { seq: 0, hash: Hash::ZERO, epoch: 0 };

    /// The entry that continues the chain.
    pub fn next(&self, at: i64, epoch: u64, record: String) -> Entry {
        let (seq, prev) = (self.seq.saturating_add(1), self.hash);
        Entry { seq, at, epoch, prev, hash: hash(prev, seq, epoch, at, &record), record }
    }

    /// The end of the chain with `entry` added.
    ///
    /// # Errors
    /// Where `entry` does not continue the chain: another number, another hash before it, a hash that is not that of
    /// its content, an epoch of 0 or below that of the entry before.
    pub fn followed(&self, entry: &Entry) -> Result<Self, Refusal> {
        let seq = self.seq.saturating_add(1);
        let refuse = |why| Err(Refusal { seq, why });
        if entry.seq != seq {
            return refuse(Damage::Gap { found: entry.seq });
        }
        if entry.prev != self.hash {
            return refuse(Damage::Unlinked);
        }
        let hash = hash(entry.prev, entry.seq, entry.epoch, entry.at, &entry.record);
        if entry.hash != hash && !sabotage::is(Sabotage::TornTailAccepted) {
            return refuse(Damage::Altered);
        }
        if entry.epoch == 0 || entry.epoch < self.epoch {
            return refuse(Damage::EpochBack { epoch: entry.epoch, before: self.epoch });
        }
        Ok(Self::of(entry))
    }

    /// The end of a chain whose newest entry is `entry`.
    pub(super) fn of(entry: &Entry) -> Self {
        Self { seq: entry.seq, hash: entry.hash, epoch: entry.epoch }
    }
}

fn hash(prev: Hash, seq: u64, epoch: u64, at: i64, record: &str) -> Hash {
    let mut digest = Sha256::new();
    digest.update(DOMAIN);
    digest.update(prev.0);
    digest.update(seq.to_be_bytes());
    digest.update(epoch.to_be_bytes());
    digest.update(at.to_be_bytes());
    digest.update((record.len() as u64).to_be_bytes());
    digest.update(record);
    Hash(digest.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn chain(records: &[String]) -> Vec<Entry> {
        let mut tip = Tip::EMPTY;
        let mut out = Vec::new();
        for (at, record) in (1_000..).zip(records) {
            let entry = tip.next(at, 1 + at as u64 / 1_002, record.clone());
            tip = tip.followed(&entry).expect("it continues");
            out.push(entry);
        }
        out
    }

    /// Where the chain is refused; nothing where it is whole.
    fn refused(entries: &[Entry]) -> Option<u64> {
        entries.iter().try_fold(Tip::EMPTY, |tip, entry| tip.followed(entry)).err().map(|refusal| refusal.seq)
    }

    #[test]
    fn the_hash_is_that_of_the_documented_bytes() {
        // written out by hand from the table above
        let mut bytes = b"quietgate journal 1\n".to_vec();
        bytes.extend([0; 32]);
        bytes.extend([0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7]);
        bytes.extend([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 2]);
        bytes.extend(b"{}");
        assert_eq!(Tip::EMPTY.next(-1, 7, "{}".into()).hash, Hash::of(&bytes));
    }

    #[test]
    fn a_hash_is_read_as_it_is_written() {
        let hash = Hash::of(b"x");
        assert_eq!(hash.to_string().parse(), Ok(hash));
        for text in ["", "00", &hash.to_string()[1..], &hash.to_string().to_uppercase(), &format!("{hash}0")]
        {
            assert_eq!(text.parse::<Hash>(), Err(NoHash), "{text}");
        }
    }

    #[test]
    fn the_first_bad_entry_is_named() {
        let whole = chain(&["{}", "{\"a\":1}", "{}", "{}"].map(String::from));
        assert_eq!(refused(&whole), None);
        let spoilt = |spoil: fn(&mut Vec<Entry>)| {
            let mut entries = whole.clone();
            spoil(&mut entries);
            refused(&entries)
        };
        assert_eq!(spoilt(|entries| drop(entries.remove(1))), Some(2));
        assert_eq!(spoilt(|entries| drop(entries.remove(0))), Some(1));
        assert_eq!(spoilt(|entries| entries.swap(1, 2)), Some(2));
        assert_eq!(spoilt(|entries| entries[2].at += 1), Some(3));
        assert_eq!(spoilt(|entries| entries[2].epoch += 1), Some(3));
        assert_eq!(spoilt(|entries| entries[1].record = "{\"a\":2}".into()), Some(2));
        assert_eq!(spoilt(|entries| entries[3].prev = Hash::ZERO), Some(4));
        assert_eq!(spoilt(|entries| entries[3] = Tip::of(&entries[2]).next(0, 1, "{}".into())), Some(4));
    }

    proptest! {
        #[test]
        fn no_entry_can_be_changed_in_silence(
            records in proptest::collection::vec(".{0,20}", 1..8), at in any::<prop::sample::Index>(),
            other in ".{0,20}",
        ) {
            let whole = chain(&records);
            prop_assert_eq!(refused(&whole), None);
            let index = at.index(records.len());
            let mut changed = whole.clone();
            changed[index].record = other.clone();
            prop_assert_eq!(refused(&changed).is_some(), other != records[index]);
        }
    }
}
