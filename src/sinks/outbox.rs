//! What a sink has yet to deliver, and the mark that says how far it came: in the folder of the state, so that a later process goes on
//! from there.
//!
//! The events themselves are in the journal. The mark is written after a delivery, so what was delivered just before a crash is delivered
//! once more, under the same id; nothing is left out.

use crate::event::Event;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The folder of the marks in that of the state.
const FOLDER: &str = "sinks";

/// The form of a mark that this program writes.
const FORM: u32 = 1;

/// How far a sink came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    form: u32,
    /// All up to this entry of the journal was delivered, is not wanted, or was dropped.
    pub seq: u64,
    /// Events that were dropped, of which the receiver was not told yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub untold: Option<Dropped>,
    /// How many were dropped, ever.
    #[serde(default)]
    pub dropped: u64,
}

/// Events that were not delivered and will not be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dropped {
    /// How many.
    pub count: u64,
    /// The entry of the journal that is the first of them.
    pub from: u64,
    /// The entry that is the last.
    pub to: u64,
    /// Why the last was dropped.
    pub why: String,
}

/// What a sink has yet to deliver.
#[derive(Debug)]
pub(super) struct Outbox {
    path: PathBuf,
    mark: Mark,
    waiting: VecDeque<Event>,
    most: usize,
    /// Whether the first of those that wait is under way.
    is_under_way: bool,
    /// The newest entry that was delivered or dropped; older ones may wait yet.
    settled: u64,
}

impl Outbox {
    /// The outbox of the sink `name` in the folder `state`, for at most `most` events. A sink that has no mark begins behind the entry
    /// `tip`; one whose mark cannot be read begins with all there is, which is said.
    pub(super) fn open(
        state: &Path,
        name: &str,
        most: usize,
        tip: u64,
    ) -> io::Result<(Self, Option<String>)> {
        let path = path_of(state, name);
        fs::create_dir_all(state.join(FOLDER))?;
        let begun = |seq| Mark { form: FORM, seq, untold: None, dropped: 0 };
        let (mark, said) = match read(&path) {
            Ok(Some(mark)) => (mark, None),
            Ok(None) => (begun(tip), None),
            Err(why) => {
                let said =
                    format!("{}: {why}: everything that is on record is delivered once more", path.display());
                (begun(0), Some(said))
            }
        };
        let (waiting, settled) = (VecDeque::new(), mark.seq);
        let outbox = Self { path, mark, waiting, most: most.max(1), is_under_way: false, settled };
        outbox.save()?;
        Ok((outbox, said))
    }

    pub(super) fn mark(&self) -> &Mark {
        &self.mark
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// One more to deliver. Where there is no room for it, the oldest that is not under way gives way; then the outcome is how many
    /// were dropped, of which the receiver was not told.
    pub(super) fn push(&mut self, event: Event) -> io::Result<Option<u64>> {
        let mut count = None;
        if self.waiting.len() >= self.most {
            let oldest = usize::from(self.is_under_way);
            if let Some(dropped) = self.waiting.remove(oldest) {
                count = Some(self.dropped(&dropped, &format!("{} waited, and no more may", self.most)));
                self.settle(&dropped)?;
            }
        }
        self.waiting.push_back(event);
        Ok(count)
    }

    /// The first of those that wait, which is under way from now on.
    pub(super) fn first(&mut self) -> Option<Event> {
        let first = self.waiting.front().cloned();
        self.is_under_way = first.is_some();
        first
    }

    /// The one under way did not arrive: it stays the first.
    pub(super) fn keep(&mut self) {
        self.is_under_way = false;
    }

    /// The one under way was delivered.
    pub(super) fn delivered(&mut self) -> io::Result<()> {
        self.is_under_way = false;
        self.waiting.pop_front().map_or(Ok(()), |event| self.settle(&event))
    }

    /// The one under way will never be taken. Gives how many were dropped, of which the receiver was not told.
    pub(super) fn refused(&mut self, why: &str) -> io::Result<u64> {
        self.is_under_way = false;
        let Some(event) = self.waiting.pop_front() else { return Ok(0) };
        let count = self.dropped(&event, why);
        self.settle(&event)?;
        Ok(count)
    }

    /// Nothing more is to be done about `event`: the mark goes on as far as none before it waits.
    fn settle(&mut self, event: &Event) -> io::Result<()> {
        self.settled = self.settled.max(event.data.seq.unwrap_or(0));
        let before = self.waiting.front().and_then(|first| first.data.seq).map(|seq| seq.saturating_sub(1));
        self.mark.seq = self.mark.seq.max(before.map_or(self.settled, |before| before.min(self.settled)));
        self.save()
    }

    /// The receiver knows of what was dropped, as far as that is `told`.
    pub(super) fn told(&mut self, told: &Dropped) -> io::Result<()> {
        match &mut self.mark.untold {
            Some(untold) if untold == told => self.mark.untold = None,
            Some(untold) => {
                untold.count = untold.count.saturating_sub(told.count);
                untold.from = told.to + 1;
            }
            None => {}
        }
        self.save()
    }

    fn dropped(&mut self, event: &Event, why: &str) -> u64 {
        let seq = event.data.seq.unwrap_or(self.mark.seq);
        self.mark.dropped += 1;
        let new = || Dropped { count: 0, from: seq, to: seq, why: String::new() };
        let untold = self.mark.untold.get_or_insert_with(new);
        untold.count += 1;
        untold.to = untold.to.max(seq);
        why.clone_into(&mut untold.why);
        untold.count
    }

    /// Puts the mark down. It need not be synced: an older one delivers some events once more.
    fn save(&self) -> io::Result<()> {
        let text = serde_json::to_string(&self.mark)?;
        let new = self.path.with_extension("new");
        fs::write(&new, text + "\n")?;
        fs::rename(&new, &self.path)
    }
}

/// How far each sink came that ever had an outbox in the folder `state`, by name.
///
/// # Errors
/// A mark that cannot be read, by its file.
pub fn marks(state: &Path) -> Result<Vec<(String, Mark)>, String> {
    let folder = state.join(FOLDER);
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(format!("{}: {error}", folder.display())),
    };
    let mut marks = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| format!("{}: {error}", folder.display()))?.path();
        let name = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".json"));
        let Some(name) = name else { continue };
        match read(&path) {
            Ok(Some(mark)) => marks.push((name.to_owned(), mark)),
            Ok(None) => {}
            Err(why) => return Err(format!("{}: {why}", path.display())),
        }
    }
    marks.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(marks)
}

fn path_of(state: &Path, name: &str) -> PathBuf {
    state.join(FOLDER).join(format!("{name}.json"))
}

/// The mark at `path`; none where there is none.
fn read(path: &Path) -> Result<Option<Mark>, String> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let mark: Mark = serde_json::from_str(&text).map_err(|error| format!("no mark of a sink: {error}"))?;
    if mark.form != FORM {
        return Err(format!("its form is {}, known is {FORM}", mark.form));
    }
    Ok(Some(mark))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Data, Kind};
    use quietgate_detectors::Timestamp;

    fn event(seq: u64) -> Event {
        let data = Data { seq: Some(seq), ..Data::default() };
        Event::new(Kind::GateHeld, format!("e{seq}"), Timestamp::from_millis(0), String::new(), data)
    }

    fn open(state: &Path, most: usize, tip: u64) -> Outbox {
        let (outbox, said) = Outbox::open(state, "hook", most, tip).expect("an outbox");
        assert_eq!(said, None);
        outbox
    }

    fn waits(outbox: &Outbox) -> Vec<u64> {
        outbox.waiting.iter().filter_map(|event| event.data.seq).collect()
    }

    #[test]
    fn a_new_sink_begins_behind_what_there_is_and_a_known_one_where_it_was() {
        let state = tempfile::tempdir().expect("a folder");
        let mut outbox = open(state.path(), 10, 7);
        assert_eq!(outbox.mark().seq, 7);
        (8..=9).for_each(|seq| assert_eq!(outbox.push(event(seq)).expect("room"), None));
        assert_eq!(outbox.first().map(|event| event.id), Some("e8".to_owned()));
        outbox.keep();
        assert_eq!(outbox.first().map(|event| event.id), Some("e8".to_owned()), "it is tried again");
        outbox.delivered().expect("a mark");
        assert_eq!((waits(&outbox), open(state.path(), 10, 99).mark().seq), (vec![9], 8));
        assert_eq!(marks(state.path()).expect("marks").len(), 1);
    }

    #[test]
    fn what_is_too_much_is_counted_and_never_the_one_under_way() {
        let state = tempfile::tempdir().expect("a folder");
        let mut outbox = open(state.path(), 2, 0);
        (1..=2).for_each(|seq| assert_eq!(outbox.push(event(seq)).expect("room"), None));
        outbox.first();
        assert_eq!(
            (3..=4).map(|seq| outbox.push(event(seq)).expect("a mark")).collect::<Vec<_>>(),
            [Some(1), Some(2)]
        );
        assert_eq!((waits(&outbox), outbox.mark().seq), (vec![1, 4], 0), "the first is still on its way");
        outbox.delivered().expect("a mark");
        let untold = Dropped { count: 2, from: 2, to: 3, why: "2 waited, and no more may".to_owned() };
        let again = open(state.path(), 2, 0);
        assert_eq!(
            (&again.mark().untold, again.mark().seq, again.mark().dropped),
            (&Some(untold.clone()), 3, 2)
        );
        // more is dropped while the receiver is told
        outbox.first();
        assert_eq!(outbox.refused("400").expect("a mark"), 3);
        outbox.told(&untold).expect("a mark");
        let left = Dropped { count: 1, from: 4, to: 4, why: "400".to_owned() };
        assert_eq!(
            (&outbox.mark().untold, outbox.mark().seq, outbox.mark().dropped),
            (&Some(left.clone()), 4, 3)
        );
        outbox.told(&left).expect("a mark");
        assert_eq!((&outbox.mark().untold, outbox.mark().dropped), (&None, 3));
    }

    #[test]
    fn a_mark_that_cannot_be_read_loses_nothing() {
        let state = tempfile::tempdir().expect("a folder");
        drop(open(state.path(), 2, 9));
        let path = path_of(state.path(), "hook");
        for bad in ["", "{\"form\":1", "{\"form\":2,\"seq\":3}", "{\"form\":1,\"seq\":3,\"more\":1}"] {
            fs::write(&path, bad).expect("a file");
            assert!(marks(state.path()).expect_err("no mark").contains("hook.json"), "{bad}");
            let (outbox, said) = Outbox::open(state.path(), "hook", 2, 9).expect("an outbox");
            assert_eq!(outbox.mark().seq, 0, "{bad}");
            assert!(said.is_some_and(|said| said.contains("delivered once more")), "{bad}");
        }
    }
}
