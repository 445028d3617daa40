//! What an action writes, kept in a file of bounded size: all of it as it comes while it fits, else the beginning and the
//! end.

use super::process::Keep;
use super::values::Values;
use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// How many characters of the step's and the target's name stand in the name of a file.
const NAME_CHARS: usize = 60;

/// A file that takes any amount and keeps a bounded one.
#[derive(Debug)]
pub(crate) struct Output {
    path: PathBuf,
    file: Arc<File>,
    /// How many bytes may be kept.
    cap: u64,
    /// How many of them are in the file already.
    kept: u64,
    /// How many came.
    total: u64,
    /// The newest bytes, those of the first half of the file left out.
    tail: VecDeque<u8>,
    /// Whether the file refused to take something.
    failed: bool,
}

/// What there is of an output in the end.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Kept {
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
    pub(crate) truncated: bool,
}

impl Output {
    /// A new file in `directory`, which only we may read, for at most `cap` bytes (and one line that says what is left out).
    ///
    /// # Errors
    /// The file cannot be made.
    pub(crate) fn create(directory: &Path, values: &Values, cap: u64) -> io::Result<Self> {
        let name = format!("{}.{}.{}", tame(&values.step), tame(&values.target), values.attempt);
        for count in 1_u32.. {
            let suffix = if count == 1 { String::new() } else { format!(".{count}") };
            let path = directory.join(format!("{name}{suffix}.out"));
            match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
                Ok(file) => {
                    let file = Arc::new(file);
                    return Ok(Self {
                        path,
                        file,
                        cap,
                        kept: 0,
                        total: 0,
                        tail: VecDeque::new(),
                        failed: false,
                    });
                }
                // an undo or a probe of the same attempt, or one before a restart: both are kept
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Keeps the end of what came behind the first half of the file.
    fn remember(&mut self, chunk: &[u8]) {
        let before = usize::try_from(self.head().saturating_sub(self.total)).unwrap_or(usize::MAX);
        let behind = chunk.get(before..).unwrap_or_default();
        let room = usize::try_from(self.cap - self.head()).unwrap_or(usize::MAX);
        let newest = &behind[behind.len().saturating_sub(room)..];
        let too_many = (self.tail.len() + newest.len()).saturating_sub(room);
        self.tail.drain(..too_many.min(self.tail.len()));
        self.tail.extend(newest);
    }

    fn head(&self) -> u64 {
        self.cap / 2
    }

    /// Puts the end behind the beginning where not all was kept.
    pub(crate) async fn finish(mut self) -> Kept {
        let left_out = self.total.saturating_sub(self.cap);
        if left_out > 0 {
            let (file, head) = (Arc::clone(&self.file), self.head());
            let mut end = format!("\n[quietgate left out {left_out} bytes here]\n").into_bytes();
            end.extend(std::mem::take(&mut self.tail));
            let written = spawn_blocking(move || replace_from(&file, head, &end)).await;
            self.failed |= !matches!(written, Ok(Ok(())));
        }
        Kept { path: self.path, bytes: self.total, truncated: left_out > 0 || self.failed }
    }
}

impl Keep for Output {
    /// A file that cannot be written loses bytes and holds nobody up.
    async fn push(&mut self, chunk: &[u8]) {
        let fits = usize::try_from(self.cap - self.kept).unwrap_or(usize::MAX).min(chunk.len());
        if fits > 0 {
            let (mut file, bytes) = (Arc::clone(&self.file), chunk[..fits].to_vec());
            let written = spawn_blocking(move || file.write_all(&bytes)).await;
            self.failed |= !matches!(written, Ok(Ok(())));
            self.kept += fits as u64;
        }
        self.remember(chunk);
        self.total += chunk.len() as u64;
    }
}

fn replace_from(mut file: &File, at: u64, bytes: &[u8]) -> io::Result<()> {
    file.set_len(at)?;
    file.seek(io::SeekFrom::Start(at))?;
    file.write_all(bytes)
}

/// `name` as a part of a file's name: what is not a letter, digit, `.`, `_`, `-` becomes `_`.
fn tame(name: &str) -> String {
    let good = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    name.chars().take(NAME_CHARS).map(|c| if good(c) { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn values() -> Values {
        Values {
            run: "r".into(),
            plan: "p".into(),
            step: "../s".into(),
            target: "h1".into(),
            address: String::new(),
            attempt: 1,
            labels: Default::default(),
        }
    }

    /// What is in the file after `chunks`, and what is said about it.
    fn kept(cap: u64, chunks: &[&[u8]]) -> (Vec<u8>, Kept) {
        let folder = tempfile::tempdir().expect("a folder");
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let mut output = Output::create(folder.path(), &values(), cap).expect("a file");
            for chunk in chunks {
                output.push(chunk).await;
            }
            let kept = output.finish().await;
            (std::fs::read(&kept.path).expect("the file"), kept)
        })
    }

    #[test]
    fn what_fits_is_all_there() {
        let (bytes, kept) = kept(8, &[b"abc", b"", b"defgh"]);
        assert_eq!((bytes.as_slice(), kept.bytes, kept.truncated), (&b"abcdefgh"[..], 8, false));
    }

    #[test]
    fn beginning_and_end_are_kept_whatever_the_chunks() {
        let text: Vec<u8> = (b'a'..=b'z').collect();
        for size in 1..=26 {
            let chunks: Vec<_> = text.chunks(size).collect();
            let (bytes, kept) = kept(8, &chunks);
            let bytes = String::from_utf8(bytes).expect("letters");
            assert_eq!(bytes, "abcd\n[quietgate left out 18 bytes here]\nwxyz", "chunks of {size}");
            assert_eq!((kept.bytes, kept.truncated), (26, true));
        }
    }

    #[test]
    fn a_second_file_of_the_same_attempt_has_another_name_and_both_are_ours_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let paths: Vec<_> =
            (0..2).map(|_| Output::create(folder.path(), &values(), 8).expect("a file").path).collect();
        let names: Vec<_> = paths.iter().map(|path| path.file_name().expect("a name")).collect();
        assert_eq!(names, [".._s.h1.1.out", ".._s.h1.1.2.out"]);
        for path in &paths {
            assert_eq!(std::fs::metadata(path).expect("the file").permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        assert!(Output::create(Path::new("/nowhere/at/all"), &values(), 8).is_err());
    }
}
