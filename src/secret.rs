//! Secrets in files: read for the one use, bounded, and never shown.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The most bytes of a secret: tokens are a few KiB at most.
const MAX: u64 = 64 << 10;

/// The secret in the file at `path`, without line ends. May be held up by a disk.
///
/// # Errors
/// The file cannot be read, or is no line of text. No error holds a part of it.
pub fn read(path: &Path) -> io::Result<String> {
    bounded(path, MAX).and_then(text)
}

/// The bytes of the file at `path`, of which there may be `max`.
///
/// # Errors
/// The file cannot be read, or is larger.
pub fn bounded(path: &Path, max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("it has more than {max} bytes")));
    }
    Ok(bytes)
}

fn text(bytes: Vec<u8>) -> io::Result<String> {
    let odd = |why: &str| io::Error::new(io::ErrorKind::InvalidData, why);
    // the error of the conversion would hold the bytes
    let text = String::from_utf8(bytes).map_err(|_| odd("it is not UTF-8 text"))?;
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err(odd("it is empty")),
        secret if secret.contains(char::is_control) => {
            Err(odd("it has control characters, or several lines"))
        }
        secret => Ok(secret.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_one_line() {
        assert_eq!(text(b"abc\r\n".to_vec()).expect("good"), "abc");
        for odd in ["", "\n", "a\nb", "a\tb"] {
            assert!(text(odd.as_bytes().to_vec()).is_err(), "{odd:?}");
        }
        assert!(text(vec![0xff]).is_err());
    }

    #[test]
    fn what_is_too_large_is_not_read() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "x".repeat(65_537)).expect("written");
        assert!(read(file.path()).is_err());
    }
}
