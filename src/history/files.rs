//! Small files and lines with a checksum in front.

use super::HistoryError;
use super::row::text_sum;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// A line of a file: the checksum of `json`, and `json`.
pub(super) fn line(json: &str, seed: u64) -> String {
    format!("{:016x} {json}\n", text_sum(json, seed))
}

/// What a line without its end says; nothing where its checksum is wrong.
pub(super) fn checked(line: &str, seed: u64) -> Option<&str> {
    let (sum, json) = line.split_once(' ')?;
    (sum == format!("{:016x}", text_sum(json, seed))).then_some(json)
}

/// The text of a file; none where there is no such file.
pub(super) fn read(path: &Path) -> Result<Option<String>, HistoryError> {
    match fs::read(path) {
        Ok(bytes) => String::from_utf8(bytes)
            .map(Some)
            .map_err(|_| HistoryError::Damaged { path: path.to_owned(), why: "it is no text".to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(HistoryError::file(path)(error)),
    }
}

/// Puts `text` in the place of the file at `path`, durably: there is the old one or the new one at any time.
pub(super) fn replace(path: &Path, text: &str) -> Result<(), HistoryError> {
    let new = path.with_extension("new");
    let written = create(&new).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.and_then(|()| fs::rename(&new, path)).map_err(HistoryError::file(path))?;
    sync_folder_of(path)
}

/// A new file, in the place of an old one, that nobody else may read.
fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

/// Makes the names in the folder of `path` durable.
pub(super) fn sync_folder_of(path: &Path) -> Result<(), HistoryError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(HistoryError::file(folder))
}
