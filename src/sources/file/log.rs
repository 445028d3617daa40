//! One file that grows: whole lines alone, from the place where what is wanted begins.

use crate::sources::recorded::Rows;
use crate::sources::source::Labels;
use quietgate_detectors::Sample;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A file that was opened, and what is known of it. The file may be renamed meanwhile: it stays this one.
#[derive(Debug)]
pub(super) struct Log {
    file: File,
    identity: (u64, u64),
    /// The first bytes, by which a file is noticed that was cut and has grown again.
    head: Vec<u8>,
    /// How many bytes it had when it was last read.
    length: u64,
    rows: Option<Rows>,
    marks: Vec<Mark>,
}

/// The beginning of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    place: u64,
    /// The number of the line, from 1.
    line: u64,
    /// The latest time in the rows before; what lay ahead of the asking does not count.
    latest: i64,
}

/// Which rows are wanted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// Those after this time,
    pub(super) from: i64,
    /// up to this one.
    pub(super) until: i64,
    /// The most bytes to read now.
    pub(super) bytes: u64,
}

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Wanted samples in the order of the file.
    pub(super) samples: Vec<(Labels, Sample)>,
    /// Lines among the wanted that could not be read.
    pub(super) bad: Vec<Bad>,
    /// Samples after the time of asking.
    pub(super) ahead: u64,
    /// Bytes that are still to be read.
    pub(super) rest: u64,
}

/// A line that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bad {
    /// The number of the line, from 1.
    pub(super) line: u64,
    /// Why not.
    pub(super) why: String,
    /// The time of the row behind it, in milliseconds; none where there is none yet.
    pub(super) before: Option<i64>,
}

/// Bytes between two marks: so much is read again at most.
const MARK_EVERY: u64 = 64 << 10;
/// The longest line.
const LINE_MAX: u64 = 64 << 10;
/// So many first bytes are remembered: the header and the time of the first row.
const HEAD_MAX: usize = 512;

impl Log {
    /// The file that is at `path` now.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
        }
        let identity = (metadata.dev(), metadata.ino());
        let start = Mark { place: 0, line: 1, latest: i64::MIN };
        Ok(Self { file, identity, head: Vec::new(), length: 0, rows: None, marks: vec![start] })
    }

    /// Whether this is still the file at `path`; also where there is none now, for another will come.
    pub(super) fn is_at(&self, path: &Path) -> bool {
        std::fs::metadata(path).map_or(true, |metadata| (metadata.dev(), metadata.ino()) == self.identity)
    }

    /// Whether the file was cut, or written anew in its place.
    pub(super) fn was_cut(&self) -> io::Result<bool> {
        let mut head = vec![0; self.head.len()];
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0))?;
        Ok(file.metadata()?.len() < self.length || file.read_exact(&mut head).is_err() || head != self.head)
    }

    /// Reads what is wanted. `name` is what messages call the file.
    pub(super) fn read(&mut self, name: &str, wanted: Wanted) -> io::Result<Result<Found, String>> {
        self.length = self.file.metadata()?.len();
        self.remember_head()?;
        if self.rows.is_none()
            && let Err(why) = self.header(name)?
        {
            return Ok(Err(why));
        }
        let Some(mut rows) = self.rows.take() else { return Ok(Ok(Found::default())) };
        let read = self.lines(&mut rows, wanted);
        self.rows = Some(rows);
        read.map(Ok)
    }

    fn remember_head(&mut self) -> io::Result<()> {
        if self.head.len() < HEAD_MAX && (self.head.len() as u64) < self.length {
            self.head.clear();
            self.file.seek(SeekFrom::Start(0))?;
            (&self.file).take(HEAD_MAX as u64).read_to_end(&mut self.head)?;
        }
        Ok(())
    }

    /// Reads the header line, where it is whole.
    fn header(&mut self, name: &str) -> io::Result<Result<(), String>> {
        self.file.seek(SeekFrom::Start(0))?;
        let mut line = Vec::new();
        BufReader::new(&self.file).take(LINE_MAX).read_until(b'\n', &mut line)?;
        if line.last() != Some(&b'\n') {
            let long = line.len() as u64 == LINE_MAX;
            return Ok(if long { Err("its first line is no header".to_owned()) } else { Ok(()) });
        }
        match Rows::under(name, &line) {
            Ok(rows) => {
                self.rows = Some(rows);
                self.marks = vec![Mark { place: line.len() as u64, line: 2, latest: i64::MIN }];
                Ok(Ok(()))
            }
            Err(error) => Ok(Err(error.to_string())),
        }
    }

    fn lines(&mut self, rows: &mut Rows, wanted: Wanted) -> io::Result<Found> {
        // every row before this mark is too old
        let known = self.marks.partition_point(|mark| mark.latest <= wanted.from).saturating_sub(1);
        let mut at = self.marks[known];
        self.file.seek(SeekFrom::Start(at.place))?;
        let stop = at.place.saturating_add(wanted.bytes);
        let mut reader = BufReader::new(&self.file);
        let (mut out, mut bytes, mut odd) = (Found::default(), Vec::new(), Vec::new());
        let mut fresh = Vec::new();
        while at.place < stop {
            let length = next_line(&mut reader, &mut bytes)?;
            if length == 0 {
                break;
            }
            match line(rows, &bytes, length) {
                Ok(samples) => take(samples, wanted, &mut at, &mut odd, &mut out),
                Err(why) => odd.push(Bad { line: at.line, why, before: None }),
            }
            at = Mark { place: at.place + length, line: at.line + 1, ..at };
            let last = fresh.last().or(self.marks.last()).map_or(0, |mark: &Mark| mark.place);
            // the last one is where the next asking goes on
            if at.place >= last + MARK_EVERY || (at.place >= stop && at.place > last) {
                fresh.push(at);
            }
        }
        self.marks.extend(fresh);
        // nobody knows yet to which time they belong
        out.bad.extend(odd);
        out.rest = if at.place >= stop { self.length.saturating_sub(at.place) } else { 0 };
        Ok(out)
    }
}

/// The samples of a line of `length` bytes, of which `bytes` were kept.
fn line(rows: &mut Rows, bytes: &[u8], length: u64) -> Result<Vec<(Labels, Sample)>, String> {
    if length > bytes.len() as u64 {
        return Err(format!("a line of more than {LINE_MAX} bytes"));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "bytes that are not UTF-8".to_owned())?;
    match text.trim_end_matches(['\r', '\n']) {
        "" => Ok(Vec::new()),
        text => rows.read(text),
    }
}

/// Takes the samples of one row, all of one time, and the odd lines before it where it is itself wanted.
fn take(samples: Vec<(Labels, Sample)>, wanted: Wanted, at: &mut Mark, odd: &mut Vec<Bad>, out: &mut Found) {
    let Some(time) = samples.first().map(|(_, sample)| sample.at.as_millis()) else { return };
    if time > wanted.until {
        out.ahead += samples.len() as u64;
        return;
    }
    at.latest = at.latest.max(time);
    if time > wanted.from {
        out.samples.extend(samples);
        out.bad.extend(odd.drain(..).map(|bad| Bad { before: Some(time), ..bad }));
    } else {
        odd.clear();
    }
}

/// The next line that has an end, its bytes in `line`, as far as a line may be long, and its whole length; 0 where
/// there is none yet.
fn next_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<u64> {
    line.clear();
    let mut length = 0;
    loop {
        let piece = reader.fill_buf()?;
        if piece.is_empty() {
            return Ok(0);
        }
        let end = memchr::memchr(b'\n', piece);
        let used = end.map_or(piece.len(), |end| end + 1);
        let room = (LINE_MAX as usize).saturating_sub(line.len());
        line.extend_from_slice(&piece[..used.min(room)]);
        reader.consume(used);
        length += used as u64;
        if end.is_some() {
            return Ok(length);
        }
    }
}
