//! What a file is by its first bytes: text or Parquet, plain or packed.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::error::InputError;
use super::paths::{Promise, promise};

const PARQUET: &[u8] = b"PAR1";
const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// What else people have at hand, by its first bytes.
const REFUSED: [(&[u8], &str); 3] =
    [(b"PK\x03\x04", "a zip archive"), (b"\xfd7zXZ\x00", "an xz stream"), (b"BZh91AY&SY", "a bzip2 stream")];
/// As many bytes as the longest of these beginnings has.
const HEAD_BYTES: u64 = 10;
const ALLOWED: &str = "CSV or Parquet, plain or packed with gzip or zstd";
/// Bytes read from a packed file at once.
const PACKED_BYTES: usize = 128 * 1024;

/// What is in a file, unpacked.
pub(super) enum Content {
    /// Anything that is not Parquet.
    Text(Box<dyn Read>),
    /// A Parquet file, or a temporary copy of what was packed.
    Parquet(File),
}

/// An opened file.
pub(super) struct Opened {
    pub(super) content: Content,
    /// The name of the packing, where there is one.
    pub(super) packed: Option<&'static str>,
    /// Bytes of the file that were read so far.
    pub(super) consumed: Arc<AtomicU64>,
}

/// Opens `path`, called `name` in errors. What is packed and must be sought in goes to `temporary`.
pub(super) fn open(path: &Path, name: &str, temporary: &Path) -> Result<Opened, InputError> {
    let unreadable =
        |cause: io::Error| InputError::new(name, "a file that cannot be read", "").because(cause);
    let file = File::open(path).map_err(unreadable)?;
    let seekable = file.metadata().map_err(unreadable)?.is_file();
    let consumed = Arc::new(AtomicU64::new(0));
    let mut counted = Counted { inner: file, consumed: Arc::clone(&consumed) };
    let outer = head(&mut counted).map_err(unreadable)?;
    let promise = promise(path);
    let kind = Kind::of(&outer);
    kind.check(name, promise, None)?;
    let all = Cursor::new(outer).chain(counted);
    let (packed, mut reader): (_, Box<dyn Read>) = match kind {
        Kind::Gzip => {
            let packed = BufReader::with_capacity(PACKED_BYTES, all);
            (Some("gzip"), Box::new(flate2::bufread::MultiGzDecoder::new(packed)))
        }
        Kind::Zstd => {
            let packed = BufReader::with_capacity(PACKED_BYTES, all);
            (Some("zstd"), Box::new(zstd::Decoder::with_buffer(packed).map_err(unreadable)?))
        }
        Kind::Parquet if seekable => {
            let file = File::open(path).map_err(unreadable)?;
            return Ok(Opened { content: Content::Parquet(file), packed: None, consumed });
        }
        _ => (None, Box::new(all)),
    };
    let kind = if let Some(packing) = packed {
        let inner = head(&mut reader).map_err(|cause| damaged(name, packing).because(cause))?;
        let kind = Kind::of(&inner);
        kind.check(name, promise, Some(packing))?;
        reader = Box::new(Cursor::new(inner).chain(reader));
        kind
    } else {
        kind
    };
    let content = match kind {
        Kind::Parquet => Content::Parquet(spool(reader, name, packed, temporary)?),
        _ => Content::Text(reader),
    };
    Ok(Opened { content, packed, consumed })
}

/// The error for a packed file that cannot be unpacked.
pub(super) fn damaged(name: &str, packing: &str) -> InputError {
    InputError::new(name, format!("a damaged {packing} stream"), format!("a whole {packing} stream"))
}

/// Copies `reader` into a temporary file, to seek in it.
fn spool(
    mut reader: Box<dyn Read>,
    name: &str,
    packed: Option<&str>,
    dir: &Path,
) -> Result<File, InputError> {
    let no_room = |cause: io::Error| {
        InputError::new(
            dir.display().to_string(),
            "no way to unpack a Parquet file there",
            "a directory with room for it",
        )
        .because(cause)
    };
    let mut file = tempfile::tempfile_in(dir).map_err(no_room)?;
    let mut buffer = vec![0; PACKED_BYTES];
    loop {
        let read = match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(cause) => return Err(damaged(name, packed.unwrap_or("byte")).because(cause)),
        };
        file.write_all(&buffer[..read]).map_err(no_room)?;
    }
    file.rewind().map_err(no_room)?;
    Ok(file)
}

fn head(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    match reader.take(HEAD_BYTES).read_to_end(&mut head) {
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => Err(error),
        _ => Ok(head),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Empty,
    Gzip,
    Zstd,
    Parquet,
    Refused(&'static str),
    Text,
}

impl Kind {
    fn of(head: &[u8]) -> Self {
        match head {
            [] => Self::Empty,
            _ if head.starts_with(GZIP) => Self::Gzip,
            _ if head.starts_with(ZSTD) => Self::Zstd,
            _ if head.starts_with(PARQUET) => Self::Parquet,
            _ => REFUSED
                .iter()
                .find(|(magic, _)| head.starts_with(magic))
                .map_or(Self::Text, |(_, words)| Self::Refused(words)),
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Empty => "an empty file",
            Self::Gzip => "a gzip stream",
            Self::Zstd => "a zstd stream",
            Self::Parquet => "a Parquet file",
            Self::Refused(words) => words,
            Self::Text => "text or other bytes",
        }
    }

    const fn is_packed(self) -> bool {
        matches!(self, Self::Gzip | Self::Zstd)
    }

    /// Refuses what cannot be read and what the name of the file promises differently. `packing` is what
    /// was already unpacked.
    fn check(self, name: &str, promise: Promise, packing: Option<&str>) -> Result<(), InputError> {
        let within = packing.map_or(String::new(), |packing| format!(" inside of {packing}"));
        let found = format!("{}{within}", self.words());
        if matches!(self, Self::Empty | Self::Refused(_)) || (self.is_packed() && packing.is_some()) {
            return Err(InputError::new(name, found, ALLOWED));
        }
        let promised = match (packing, promise.packed) {
            (None, Some(packed)) if !self.is_packed() => format!("a {packed} stream"),
            _ if self.is_packed() => return Ok(()),
            _ if promise.parquet == Some(true) && self != Self::Parquet => "a Parquet file".to_owned(),
            _ if promise.parquet == Some(false) && self == Self::Parquet => "text".to_owned(),
            _ => return Ok(()),
        };
        Err(InputError::new(name, found, format!("{promised}, as the name of the file says")))
    }
}

/// Counts the bytes that are read.
struct Counted<R> {
    inner: R,
    consumed: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.consumed.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
