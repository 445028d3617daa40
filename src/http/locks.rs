//! Who may reboot now, by the rules of FleetLock: some of a group at a time, whom the daemon still knows after a restart.

use super::kept;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The name of the file in the folder of the state.
const FILE: &str = "fleetlock.json";
/// So many may hold one in all: a client that invents names fills no disk.
const HOLDERS_MAX: usize = 10_000;

/// By group: who holds a slot, and since when, in UTC milliseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Held(BTreeMap<String, BTreeMap<String, i64>>);

/// The locks of a state.
#[derive(Debug)]
pub(super) struct Locks {
    state: PathBuf,
    held: Mutex<Option<Held>>,
}

/// What became of a wish for a slot.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Locked {
    /// It is held, from now or from before.
    Held,
    /// Others of the group hold all slots: who, since when.
    Full(Vec<(String, i64)>),
}

impl Locks {
    /// Those in the folder `state`.
    pub(super) fn of(state: &Path) -> Self {
        Self { state: state.to_owned(), held: Mutex::default() }
    }

    /// Gives `id` one of `slots` of its group, where one is free or it has one. It is on disk when this returns.
    ///
    /// # Errors
    /// The file cannot be read or written: then nobody has more than before.
    pub(super) fn lock(&self, group: &str, id: &str, slots: usize, now_ms: i64) -> io::Result<Locked> {
        self.change(|held| {
            let all: usize = held.0.values().map(BTreeMap::len).sum();
            let own = held.0.entry(group.to_owned()).or_default();
            if own.contains_key(id) {
                return Ok(Locked::Held);
            }
            if own.len() >= slots {
                return Ok(Locked::Full(own.iter().map(|(id, since)| (id.clone(), *since)).collect()));
            }
            if all >= HOLDERS_MAX {
                return Err(io::Error::new(
                    io::ErrorKind::QuotaExceeded,
                    format!("{HOLDERS_MAX} hold a lock already"),
                ));
            }
            own.insert(id.to_owned(), now_ms);
            Ok(Locked::Held)
        })
    }

    /// Takes the slot of `id` back, and says whether it had one.
    ///
    /// # Errors
    /// As [`lock`](Self::lock).
    pub(super) fn unlock(&self, group: &str, id: &str) -> io::Result<bool> {
        self.change(|held| {
            let Some(own) = held.0.get_mut(group) else { return Ok(false) };
            let was_held = own.remove(id).is_some();
            if own.is_empty() {
                held.0.remove(group);
            }
            Ok(was_held)
        })
    }

    /// Writes what `change` makes of it, if that is something else.
    fn change<T>(&self, change: impl FnOnce(&mut Held) -> io::Result<T>) -> io::Result<T> {
        let mut known = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let before = match known.take() {
            Some(held) => held,
            None => self.read()?,
        };
        let mut after = before.clone();
        let outcome = change(&mut after);
        if outcome.is_err() || after == before {
            *known = Some(before);
            return outcome;
        }
        // where it cannot be written it is read once more the next time
        kept::replace(&self.state, FILE, &serde_json::to_vec_pretty(&after)?)?;
        *known = Some(after);
        outcome
    }

    fn read(&self) -> io::Result<Held> {
        match std::fs::read(self.state.join(FILE)) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Held::default()),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_held_once_by_each_and_known_after_a_restart() {
        let dir = tempfile::tempdir().expect("a folder");
        let locks = Locks::of(dir.path());
        assert_eq!(locks.lock("web", "a", 2, 1).expect("a file"), Locked::Held);
        assert_eq!(locks.lock("web", "a", 2, 2).expect("a file"), Locked::Held, "once more is the same");
        assert_eq!(locks.lock("web", "b", 2, 3).expect("a file"), Locked::Held);
        let again = Locks::of(dir.path());
        let full = Locked::Full(vec![("a".to_owned(), 1), ("b".to_owned(), 3)]);
        assert_eq!(again.lock("web", "c", 2, 4).expect("a file"), full);
        assert_eq!(again.lock("db", "c", 1, 4).expect("a file"), Locked::Held, "another group");
        assert!(again.unlock("web", "a").expect("a file") && !again.unlock("web", "a").expect("a file"));
        assert_eq!(again.lock("web", "c", 2, 5).expect("a file"), Locked::Held);
    }

    #[test]
    fn a_file_that_cannot_be_read_gives_nobody_a_slot() {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::write(dir.path().join(FILE), "half a fi").expect("a file");
        assert!(Locks::of(dir.path()).lock("web", "a", 1, 1).is_err());
    }
}
