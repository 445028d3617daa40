//! Small files in the folder of the state: replaced wholly and durably, readable by their owner alone.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// Puts `bytes` in the place of what the file `name` in `state` has. It is on disk when this returns.
///
/// # Errors
/// It cannot be written: then the file is as it was.
pub(super) fn replace(state: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    // such a file is made so that nobody else may read it
    let mut file = tempfile::Builder::new().prefix(&format!(".{name}")).tempfile_in(state)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(state.join(name))?;
    File::open(state)?.sync_all()
}
