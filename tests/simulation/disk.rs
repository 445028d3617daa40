//! The disk under the journal: a log whose synced part stays and whose end may vanish or tear, and the head beside it.
//!
//! The entries and the head are made by the journal's own code, and what is read back is held against it. The log itself stands
//! for the database: its syncs are made by SQLite (`synchronous=FULL`), which no simulation runs. So the mistake of not
//! syncing can be made only here ([`Disk::forgets_to_sync`]).

use super::dice::Dice;
use quietgate::journal::{Entry, Tip, head_text, whole};

/// The disk.
#[derive(Debug)]
pub(crate) struct Disk {
    frames: Vec<Frame>,
    /// So many frames are there for good.
    synced: usize,
    head: String,
    /// The head that is there unless the machine stops.
    newer_head: Option<String>,
    tip: Tip,
    epoch: u64,
    /// Whether a sync does nothing: a mistake that must be seen.
    pub(crate) forgets_to_sync: bool,
}

/// What is written at once.
#[derive(Debug, Clone)]
enum Frame {
    /// A driver took over.
    Driver(u64),
    /// The bytes of an entry.
    Entry(Vec<u8>),
}

/// Where in an append the driver may die, or the disk fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Write,
    Sync,
    Head,
    SyncHead,
}

impl Stage {
    /// In their order.
    pub(crate) const ALL: [Self; 4] = [Self::Write, Self::Sync, Self::Head, Self::SyncHead];
}

impl Disk {
    /// One with an empty journal that never had a driver.
    pub(crate) fn new() -> Self {
        Self {
            frames: Vec::new(),
            synced: 0,
            head: head_text(Tip::EMPTY, 0),
            newer_head: None,
            tip: Tip::EMPTY,
            epoch: 0,
            forgets_to_sync: false,
        }
    }

    /// How many entries stay whatever happens.
    pub(crate) fn durable(&self) -> usize {
        self.frames[..self.synced].iter().filter(|frame| matches!(frame, Frame::Entry(_))).count()
    }

    /// The entry that comes next.
    pub(crate) fn next(&self, at_ms: i64, record: String) -> Entry {
        self.tip.next(at_ms, self.epoch, record)
    }

    /// One stage of the append of `entry`.
    pub(crate) fn append(&mut self, stage: Stage, entry: &Entry) {
        match stage {
            Stage::Write => {
                self.frames.push(Frame::Entry(bytes(entry)));
                self.tip = Tip { seq: entry.seq, hash: entry.hash, epoch: entry.epoch };
            }
            Stage::Sync => self.sync(),
            Stage::Head => self.newer_head = Some(head_text(self.tip, self.epoch)),
            Stage::SyncHead => self.sync_head(),
        }
    }

    /// A write that failed: the frame may be there, wholly or in part.
    pub(crate) fn fail(&mut self, entry: &Entry, dice: &mut Dice) {
        let bytes = bytes(entry);
        let length = dice.index(bytes.len() + 1);
        if length > 0 {
            self.frames.push(Frame::Entry(bytes[..length].to_vec()));
        }
    }

    fn sync(&mut self) {
        if !self.forgets_to_sync {
            self.synced = self.frames.len();
        }
    }

    fn sync_head(&mut self) {
        if let Some(head) = self.newer_head.take() {
            self.head = head;
        }
    }

    /// The machine stops: what is not synced may vanish, and the first that does may be torn. Says whether it is.
    pub(crate) fn lose_power(&mut self, dice: &mut Dice) -> bool {
        if dice.one_in(2) {
            self.sync_head();
        }
        self.newer_head = None;
        let kept = self.synced + dice.index(self.frames.len() - self.synced + 1);
        let lost = self.frames.get(kept).cloned();
        self.frames.truncate(kept);
        if let Some(Frame::Entry(mut bytes)) = lost.filter(|_| !dice.one_in(5)) {
            tear(&mut bytes, dice);
            self.frames.push(Frame::Entry(bytes));
            return true;
        }
        false
    }

    /// What was synced and the head knows of, `known` entries (at least one), is damaged: an entry changed, the end of the
    /// log gone, or the head changed.
    pub(crate) fn rot(&mut self, known: usize, dice: &mut Dice) {
        let is_entry = |i: &usize| matches!(self.frames[*i], Frame::Entry(_));
        let entries: Vec<usize> = (0..self.frames.len()).filter(is_entry).take(known).collect();
        match dice.roll(3) {
            0 => {
                let any = dice.pick(&entries);
                if let Frame::Entry(bytes) = &mut self.frames[any] {
                    flip(bytes, dice);
                }
            }
            1 => self.frames.truncate(entries[known - 1 - dice.index(known.min(3))]),
            _ => {
                let mut bytes = std::mem::take(&mut self.head).into_bytes();
                flip(&mut bytes, dice);
                self.head = String::from_utf8(bytes).expect("one ASCII character became another");
            }
        }
        self.synced = self.synced.min(self.frames.len());
    }

    /// What a driver that takes the journal over reads, or why it refuses to. An entry that is not whole is the end of the
    /// log where nothing follows it, as it is for a database.
    pub(crate) fn read(&mut self) -> Result<Vec<Entry>, String> {
        // what a process wrote stays when it is killed
        self.sync_head();
        self.epoch = 0;
        let mut entries = Vec::new();
        for (i, frame) in self.frames.iter().enumerate() {
            match frame {
                Frame::Driver(epoch) => self.epoch = *epoch,
                Frame::Entry(bytes) => match parsed(bytes) {
                    Some(entry) => entries.push(entry),
                    None if i + 1 == self.frames.len() => {}
                    None => return Err(format!("frame {i} cannot be read")),
                },
            }
        }
        if let Some(Frame::Entry(bytes)) = self.frames.last()
            && parsed(bytes).is_none()
        {
            self.frames.pop();
            self.synced = self.synced.min(self.frames.len());
        }
        match whole(&entries, self.epoch, self.head.as_bytes()) {
            Ok(tip) => {
                self.tip = tip;
                Ok(entries)
            }
            Err(refusal) => Err(refusal.to_string()),
        }
    }

    /// A person takes the end off that was refused: the last entry. Only where nobody was told of it.
    pub(crate) fn cut_off(&mut self) {
        self.frames.pop();
        self.synced = self.synced.min(self.frames.len());
    }

    /// The first step of taking over what was [read](Self::read): the epoch is counted up, for good, and with it all that was
    /// read is. The steps are those of `src/journal/sqlite.rs`.
    pub(crate) fn take_over(&mut self) {
        self.epoch += 1;
        self.frames.push(Frame::Driver(self.epoch));
        self.sync();
    }

    /// The second: the head has the epoch too.
    pub(crate) fn write_head(&mut self) {
        self.newer_head = Some(head_text(self.tip, self.epoch));
        self.sync_head();
    }
}

fn bytes(entry: &Entry) -> Vec<u8> {
    let Entry { seq, at, epoch, prev, hash, record } = entry;
    format!("{seq} {at} {epoch} {prev} {hash} {record}\n").into_bytes()
}

fn parsed(bytes: &[u8]) -> Option<Entry> {
    let line = std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?;
    let mut parts = line.splitn(6, ' ');
    let mut part = || parts.next();
    Some(Entry {
        seq: part()?.parse().ok()?,
        at: part()?.parse().ok()?,
        epoch: part()?.parse().ok()?,
        prev: part()?.parse().ok()?,
        hash: part()?.parse().ok()?,
        record: part()?.to_owned(),
    })
}

/// Cut in the middle, or one bit flipped.
fn tear(bytes: &mut Vec<u8>, dice: &mut Dice) {
    if dice.one_in(2) {
        bytes.truncate(1 + dice.index(bytes.len() - 1));
    } else {
        flip(bytes, dice);
    }
}

/// Flips the lowest bit of one byte: what is ASCII stays so, and much of it stays readable.
fn flip(bytes: &mut [u8], dice: &mut Dice) {
    let at = dice.index(bytes.len());
    bytes[at] ^= 1;
}
