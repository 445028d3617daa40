//! Whether a journal is all that it ever was: its chain, its head, its epoch, and what the database says of itself.

use super::chain::{Entry, Hash, Tip};
use super::error::{Damage, OpenError, Refusal};
use super::head::{Head, Known};
use super::sql::{Connection, unreadable};

/// A journal that is whole.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whole {
    /// Where it ends.
    pub(super) tip: Tip,
    /// The epoch of its driver.
    pub(super) epoch: u64,
}

/// What a head can have missed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lag {
    /// Whether there can be entries without any head.
    pub(super) all: bool,
    /// So many entries. Drivers it can have missed any number: one that ends before it writes its head appends nothing.
    pub(super) entries: u64,
}

impl Lag {
    /// A driver that ended between an append and the writing of its head, or between taking over and that.
    pub(super) const OF_A_CRASH: Self = Self { all: false, entries: 1 };
    /// Drivers on other machines, whose heads are elsewhere.
    pub(super) const OF_OTHERS: Self = Self { all: true, entries: u64::MAX };
    /// A driver that goes on while we read; its head is read again afterwards.
    pub(super) const OF_A_READER: Self = Self { all: false, entries: u64::MAX };
}

/// Checks the journal behind `connection`, whose tables are there, against what was `known` before. Each entry is given
/// to `each` once the chain up to it is whole; none is where a head is missing that ought to be there.
///
/// # Errors
/// [`OpenError::Refused`] with the first entry that cannot be trusted.
pub(super) async fn check(
    connection: &mut Connection,
    known: Known,
    lag: Lag,
    mut each: impl FnMut(Entry),
) -> Result<Whole, OpenError> {
    if connection.is_newer().await.map_err(|error| unreadable(error, 1))? {
        return Err(OpenError::Newer);
    }
    let is_trusted = lag.all || known != Known::Nothing;
    let head = known.head();
    let mut newest_known = (head.seq == 0).then_some(Hash::ZERO);
    let mut keep = |entry: Entry| {
        if entry.seq == head.seq {
            newest_known = Some(entry.hash);
        }
        if is_trusted {
            each(entry);
        }
    };
    let tip = connection.follow(Tip::EMPTY, &mut keep).await?;
    let seq = tip.seq.saturating_add(1);
    let epoch = connection.epoch().await.map_err(|error| unreadable(error, seq))?;
    let whole = hold(known, lag, Whole { tip, epoch }, newest_known)?;
    match connection.complaint().await.map_err(|error| unreadable(error, seq))? {
        Some(said) => Err(Refusal { seq, why: Damage::Database(said) }.into()),
        None => Ok(whole),
    }
}

/// Holds a journal that was `read` against what was `known` of it. `newest_known` is the hash of the entry that has the
/// number of the head.
fn hold(known: Known, lag: Lag, read: Whole, newest_known: Option<Hash>) -> Result<Whole, Refusal> {
    let Whole { tip, epoch } = read;
    let seq = tip.seq.saturating_add(1);
    let head = known.head();
    if known == Known::Damaged {
        return Err(Refusal { seq, why: Damage::Head });
    }
    if !lag.all && known == Known::Nothing && (tip.seq > 0 || epoch > 0) {
        return Err(Refusal { seq, why: Damage::NoHead });
    }
    head.vouch(tip, newest_known, lag.entries)?;
    let newest = head.epoch.max(tip.epoch);
    if epoch < newest {
        return Err(Refusal { seq, why: Damage::Epoch { found: epoch, known: newest } });
    }
    Ok(read)
}

/// The decision behind [`open`](super::open) apart from any database: whether `entries`, of a journal whose driver has
/// this `epoch`, are all that the bytes of its `head` know of, and at most one more. Gives where they end.
///
/// # Errors
/// The first entry that cannot be trusted.
pub fn whole(entries: &[Entry], epoch: u64, head: &[u8]) -> Result<Tip, Refusal> {
    let known = Known::of(head);
    let tip = entries.iter().try_fold(Tip::EMPTY, |tip, entry| tip.followed(entry))?;
    let at_head = entries.iter().find(|entry| entry.seq == known.head().seq).map(|entry| entry.hash);
    let newest_known = if known.head().seq == 0 { Some(Hash::ZERO) } else { at_head };
    hold(known, Lag::OF_A_CRASH, Whole { tip, epoch }, newest_known).map(|whole| whole.tip)
}

/// What stands in the head of a journal that ends at `tip` and whose driver has this `epoch`.
pub fn head_text(tip: Tip, epoch: u64) -> String {
    Head { seq: tip.seq, hash: tip.hash, epoch }.text()
}
