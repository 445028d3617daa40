//! A flipped bit and a cut at any byte of any file of the state: the journal is refused by the number of its first bad
//! entry, or has the very same records.

use crate::child::{Driver, command};
use crate::dice::Dice;
use crate::place::{Place, folder_in_memory, now, read};
use quietgate::journal::{self, Entry, OpenError, Store};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// So many flips, and so many cuts.
const CASES: usize = 500;
/// So many records each of the two drivers appends.
const RECORDS: usize = 20;

/// The files of a state, and what the journal in them says.
#[derive(Debug)]
struct State {
    files: BTreeMap<String, Vec<u8>>,
    entries: Vec<Entry>,
}

impl State {
    /// What a killed driver leaves that had acknowledged all it wrote: of one that was killed before it could, the last entry
    /// may be gone without a loss.
    fn killed() -> Self {
        let states = std::iter::repeat_with(Self::killed_at_random).take(100);
        states
            .into_iter()
            .find(Self::is_acknowledged)
            .expect("a driver that was not in the middle of an entry")
    }

    /// Its records are in the log of the database, those of an earlier one in the database.
    fn killed_at_random() -> Self {
        let place = Place::files();
        let (said, _) = Driver::start(command(&[], &place, 0, Some(RECORDS))).end();
        assert_eq!(said.acknowledged.len(), RECORDS);
        now(async { place.open().await.expect("a journal").0.close().await.expect("an end") });
        let mut driver = Driver::start(command(&[], &place, 1, None));
        driver.wait_for(RECORDS);
        driver.kill();
        Self::of(&place)
    }

    /// What a driver leaves that came to its end.
    fn ended() -> Self {
        let place = Place::files();
        now(async {
            let (mut journal, _) = place.open().await.expect("a journal");
            for n in 0..2 * RECORDS {
                journal.append(n as i64, &crate::child::record(0, n)).await.expect("an entry");
            }
            journal.close().await.expect("an end");
        });
        Self::of(&place)
    }

    fn of(place: &Place) -> Self {
        let files = contents(place.state());
        let (_, entries) = now(place.read()).expect("a whole journal");
        assert!(entries.len() >= 2 * RECORDS);
        Self { files, entries }
    }

    /// Whether the head knows of all entries.
    fn is_acknowledged(&self) -> bool {
        let head = std::str::from_utf8(&self.files["head"]).expect("a text");
        head.lines().any(|line| line == format!("seq {}", self.entries.len()))
    }

    /// Puts the files into a new folder, `file` with other content.
    fn put(&self, file: &str, content: &[u8]) -> tempfile::TempDir {
        let folder = folder_in_memory();
        for (name, whole) in &self.files {
            let bytes = if name == file { content } else { whole };
            fs::write(folder.path().join(name), bytes).expect("a file");
        }
        folder
    }
}

#[test]
fn a_flipped_bit_is_never_a_silent_loss() {
    spoilt("flip", |bytes, dice| {
        let bit = dice.below(8 * bytes.len());
        bytes[bit / 8] ^= 1 << (bit % 8);
    });
}

#[test]
fn a_cut_is_never_a_silent_loss() {
    spoilt("cut", |bytes, dice| bytes.truncate(dice.below(bytes.len())));
}

fn spoilt(what: &str, spoil: fn(&mut Vec<u8>, &mut Dice)) {
    let states = [State::killed(), State::ended()];
    assert!(
        states[0].files.contains_key("journal.db-wal") && !states[1].files.contains_key("journal.db-wal")
    );
    let mut dice = Dice(7);
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for case in 0..CASES {
        let state = &states[case % 2];
        let names: Vec<_> =
            state.files.iter().filter(|(_, bytes)| !bytes.is_empty()).map(|(name, _)| name).collect();
        let name = names[dice.below(names.len())];
        let mut bytes = state.files[name].clone();
        spoil(&mut bytes, &mut dice);
        let folder = state.put(name, &bytes);
        let outcome =
            now(judge(folder.path(), state)).unwrap_or_else(|why| panic!("case {case}, {name}: {why}"));
        *counts.entry(format!("{name} {outcome}")).or_default() += 1;
    }
    println!("{what}: cases={CASES} silent_losses=0 {counts:?}");
    let refused = |name: &str| counts.get(&format!("{name} refused")).is_some_and(|count| *count > 0);
    for name in ["head", "journal.db", "journal.db-wal"] {
        assert!(refused(name), "nothing in {name} was ever seen");
    }
}

/// What is said of the journal in `folder`; an error where that is wrong.
async fn judge(folder: &Path, state: &State) -> Result<&'static str, String> {
    let seen = read(folder, None).await;
    if let Ok((_, entries)) = &seen
        && *entries != state.entries
    {
        return Err(format!("read as {} entries", entries.len()));
    }
    let before = contents(folder);
    match journal::open(folder, None).await {
        Ok((mut journal, entries)) => {
            if entries != state.entries || seen.is_err() {
                return Err(format!("opened with {} entries, read as {seen:?}", entries.len()));
            }
            journal.append(0, "{}").await.map_err(|error| format!("opened, but {error}"))?;
            journal.close().await.map_err(|error| format!("opened, but {error}"))?;
            let (tip, _) =
                read(folder, None).await.map_err(|error| format!("spoilt by an append: {error}"))?;
            if tip.seq == entries.len() as u64 + 1 { Ok("same") } else { Err("an append is gone".to_owned()) }
        }
        Err(OpenError::Refused(refusal)) => {
            let newest = state.entries.len() as u64;
            if !(1..=newest + 1).contains(&refusal.seq) {
                return Err(format!("the first bad entry is {} of {newest}", refusal.seq));
            }
            if contents(folder) != before {
                return Err(format!("refused and changed: {refusal}"));
            }
            Ok("refused")
        }
        Err(error) => {
            Err(format!("refused without a number: {error}: {:?}", std::error::Error::source(&error)))
        }
    }
}

/// The files of `folder` by name, without the index of the log, which every reader makes anew.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("a file"));
    entries
        .map(|entry| {
            (entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path()).expect("bytes"))
        })
        .filter(|(name, _)| name != "journal.db-shm")
        .collect()
}
