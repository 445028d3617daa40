//! The lock of the state folder: one driver at a time. The system lets go of it when the process ends, however it ends.

use super::error::OpenError;
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The name of the file. It is empty, and stays: a lock on a file that somebody removes is no lock.
const FILE: &str = "lock";

/// The lock, held until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of the folder `state`, at once or not at all.
    ///
    /// # Errors
    /// [`OpenError::Held`] where somebody has it.
    pub(super) fn take(state: &Path) -> Result<Self, OpenError> {
        let path = state.join(FILE);
        let failed = |error| OpenError::File(path.clone(), error);
        let options = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).clone();
        let file = options.open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(OpenError::Held { what: state.display().to_string() }),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_has_it_and_the_next_may_after_it() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let held = Lock::take(dir.path()).expect("a temporary folder");
        assert!(matches!(Lock::take(dir.path()), Err(OpenError::Held { .. })));
        drop(held);
        assert!(Lock::take(dir.path()).is_ok());
    }
}
