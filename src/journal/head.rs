//! The head of the journal in a file beside it: what was appended last. A database that lost its end cannot tell; this can.
//!
//! ```text
//! quietgate head 1
//! seq 12
//! epoch 3
//! hash <64 hexadecimal digits: the hash of entry 12>
//! sum <64 hexadecimal digits: SHA-256 of the lines above>
//! ```

use super::chain::{Hash, Tip};
use super::error::{Damage, Refusal};
use crate::sabotage::{self, Sabotage};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The name of the file.
pub(super) const FILE: &str = "head";
/// The name that it has until it is whole.
const UNFINISHED: &str = "head.new";

/// What the folder of the state knows of its journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// There is no head.
    Nothing,
    /// What was appended last.
    Head(Head),
    /// There is a head that this program did not write.
    Damaged,
}

impl Known {
    /// What the folder `state` knows.
    ///
    /// # Errors
    /// Where there is a file that cannot be read.
    pub(super) fn read(state: &Path) -> io::Result<Self> {
        match fs::read(state.join(FILE)) {
            Ok(bytes) => Ok(Self::of(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::Nothing),
            Err(error) => Err(error),
        }
    }

    /// What a head of these `bytes` knows.
    pub(super) fn of(bytes: &[u8]) -> Self {
        Head::parse(bytes).map_or(Self::Damaged, Self::Head)
    }

    /// The head; that of an empty journal where there is none.
    pub(super) fn head(self) -> Head {
        if let Self::Head(head) = self { head } else { Head::NEW }
    }

    /// Refuses a journal without tables where they are known of: it was not left half made.
    pub(super) fn nothing(self) -> Result<(), Refusal> {
        match self {
            Self::Nothing | Self::Head(Head::NEW) => Ok(()),
            Self::Head(head) => Err(Refusal { seq: 1, why: Damage::Behind { head: head.seq } }),
            Self::Damaged => Err(Refusal { seq: 1, why: Damage::Head }),
        }
    }
}

/// What was appended last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// The number of the newest entry; 0 where there is none.
    pub(super) seq: u64,
    /// Its hash; zeros where there is none.
    pub(super) hash: Hash,
    /// The epoch of the driver that wrote the head; 0 before the first.
    pub(super) epoch: u64,
}

impl Head {
    /// The head of a journal without entries that never had a driver.
    pub(super) const NEW: Self = Self { seq: 0, hash: Hash::ZERO, epoch: 0 };

    /// Puts the head into the folder `state`. It is durable when this returns, and whole or the former one whenever the
    /// machine stops.
    ///
    /// # Errors
    /// Where any step fails: which of the two heads is there is not known then.
    pub(super) fn write(&self, state: &Path) -> io::Result<()> {
        let unfinished = state.join(UNFINISHED);
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        file.write_all(self.text().as_bytes())?;
        file.sync_all()?;
        fs::rename(&unfinished, state.join(FILE))?;
        sync_folder(state)
    }

    /// Whether a journal that ends at `tip` is all that this head knows of, and at most `ahead` entries more.
    /// `newest_known` is the hash of the entry that has the number of the head.
    pub(super) fn vouch(&self, tip: Tip, newest_known: Option<Hash>, ahead: u64) -> Result<(), Refusal> {
        if sabotage::is(Sabotage::HeadNotAsked) {
            return Ok(());
        }
        if tip.seq < self.seq {
            return Err(Refusal { seq: tip.seq + 1, why: Damage::Behind { head: self.seq } });
        }
        if newest_known != Some(self.hash) {
            return Err(Refusal { seq: self.seq.max(1), why: Damage::OtherThanHead });
        }
        self.reaches(tip, ahead)
    }

    /// Whether this head can have been written just before the entry at `tip`, or after it.
    pub(super) fn not_passed(&self, tip: Tip) -> Result<(), Refusal> {
        self.reaches(tip, 1)
    }

    fn reaches(&self, tip: Tip, ahead: u64) -> Result<(), Refusal> {
        if tip.seq.saturating_sub(self.seq) > ahead {
            return Err(Refusal { seq: self.seq + ahead + 1, why: Damage::BeyondHead { head: self.seq } });
        }
        Ok(())
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut lines = std::str::from_utf8(bytes).ok()?.lines().skip(1);
        let mut value = |key: &str| lines.next()?.strip_prefix(key)?.strip_prefix(' ').map(str::to_owned);
        let (seq, epoch, hash) = (value("seq")?, value("epoch")?, value("hash")?);
        let head = Self { seq: seq.parse().ok()?, epoch: epoch.parse().ok()?, hash: hash.parse().ok()? };
        // byte for byte what we would write: nothing else is ours
        (head.text().as_bytes() == bytes).then_some(head)
    }

    /// What stands in the file.
    pub(super) fn text(&self) -> String {
        let Self { seq, epoch, hash } = self;
        let text = format!("quietgate head 1\nseq {seq}\nepoch {epoch}\nhash {hash}\n");
        let sum = Hash::of(text.as_bytes());
        format!("{text}sum {sum}\n")
    }
}

/// Makes the names in `folder` durable.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(seq: u64) -> Head {
        Head { seq, hash: Hash::of(&seq.to_be_bytes()), epoch: 3 }
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        assert_eq!(Known::read(dir.path()).expect("a temporary folder"), Known::Nothing);
        for seq in [0, 12, u64::MAX] {
            head(seq).write(dir.path()).expect("a temporary folder");
            assert_eq!(Known::read(dir.path()).expect("a temporary folder"), Known::Head(head(seq)));
        }
        fs::write(dir.path().join(FILE), "").expect("a temporary folder");
        assert_eq!(Known::read(dir.path()).expect("a temporary folder"), Known::Damaged);
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_seen() {
        let text = head(12).text().into_bytes();
        for bit in 0..8 * text.len() {
            let mut flipped = text.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Head::parse(&flipped), None, "bit {bit}");
        }
        for length in 0..text.len() {
            assert_eq!(Head::parse(&text[..length]), None, "length {length}");
        }
        assert_eq!(Head::parse(&[text.clone(), b"\n".to_vec()].concat()), None);
        assert_eq!(Head::parse(&text), Some(head(12)));
    }

    #[test]
    fn it_vouches_for_what_it_knows_and_one_more() {
        let tip = |seq| Tip { seq, hash: head(seq).hash, epoch: 1 };
        let refused = |seq, known: u64| {
            head(12).vouch(tip(seq), Some(head(known).hash), 1).err().map(|refusal| refusal.seq)
        };
        assert_eq!((refused(12, 12), refused(13, 12)), (None, None));
        assert_eq!((refused(11, 12), refused(0, 12)), (Some(12), Some(1)));
        assert_eq!((refused(12, 5), refused(14, 12)), (Some(12), Some(14)));
        assert!(head(12).vouch(tip(99), Some(head(12).hash), u64::MAX).is_ok());
    }
}
