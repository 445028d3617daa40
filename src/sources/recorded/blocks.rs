//! A text of any length in blocks of whole lines, so that memory is bounded by the block.

use std::io::{self, Read};

/// The longest line that is read: beyond it the file is no table.
const LONGEST_LINE: usize = 64 << 20;

/// A block: whole lines, or the last line of the text where it has no line end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Block<'a> {
    pub(super) bytes: &'a [u8],
    /// The number of its first line, from 1.
    pub(super) first_line: u64,
    /// How many line ends are in it.
    pub(super) lines: usize,
}

impl Block<'_> {
    /// Whether it ends with a line end.
    pub(super) fn is_whole(&self) -> bool {
        self.bytes.last() == Some(&b'\n')
    }
}

/// Why no block can be read.
#[derive(Debug)]
pub(super) enum BlockError {
    /// A line is longer than what is read.
    LongLine,
    /// The reader failed.
    Io(io::Error),
}

/// Cuts what `reader` yields into blocks.
#[derive(Debug)]
pub(super) struct Blocks<R> {
    reader: R,
    size: usize,
    buffer: Vec<u8>,
    taken: usize,
    next_line: u64,
    end: End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    NotYet,
    Reached,
    CutOff,
}

impl<R: Read> Blocks<R> {
    /// Blocks of about `size` bytes.
    pub(super) fn new(reader: R, size: usize) -> Self {
        Self { reader, size, buffer: Vec::new(), taken: 0, next_line: 1, end: End::NotYet }
    }

    /// The next block; `None` at the end. The rest of a line at which a compressed stream breaks off
    /// is left out.
    pub(super) fn next(&mut self) -> Result<Option<Block<'_>>, BlockError> {
        self.buffer.drain(..self.taken);
        let mut searched = 0;
        let length = loop {
            if self.end == End::NotYet && self.buffer.len() < searched + self.size {
                self.fill(searched + self.size).map_err(BlockError::Io)?;
            }
            if let Some(last) = memchr::memrchr(b'\n', &self.buffer[searched..]) {
                break searched + last + 1;
            }
            match self.end {
                End::NotYet if self.buffer.len() > LONGEST_LINE => return Err(BlockError::LongLine),
                End::NotYet => searched = self.buffer.len(),
                End::Reached => break self.buffer.len(),
                End::CutOff => break 0,
            }
        };
        self.taken = length;
        if length == 0 {
            return Ok(None);
        }
        let bytes = &self.buffer[..length];
        let lines = memchr::memchr_iter(b'\n', bytes).count();
        let block = Block { bytes, first_line: self.next_line, lines };
        self.next_line += lines as u64;
        Ok(Some(block))
    }

    /// The next line alone, with its line end; `None` at the end.
    pub(super) fn line(&mut self) -> Result<Option<Vec<u8>>, BlockError> {
        let number = self.next_line;
        let Some(block) = self.next()? else { return Ok(None) };
        let end = memchr::memchr(b'\n', block.bytes);
        let line = block.bytes[..end.map_or(block.bytes.len(), |end| end + 1)].to_vec();
        self.taken = line.len();
        self.next_line = number + u64::from(end.is_some());
        Ok(Some(line))
    }

    /// Whether the stream broke off, and the line on which it did. Final once `next` gave `None`.
    pub(super) fn cut_off(&self) -> Option<u64> {
        (self.end == End::CutOff).then_some(self.next_line)
    }

    /// The number of the line after the last block.
    pub(super) fn next_line(&self) -> u64 {
        self.next_line
    }

    /// Reads until the buffer holds `length` bytes or the text ends.
    fn fill(&mut self, length: usize) -> io::Result<()> {
        let missing = length - self.buffer.len();
        self.buffer.reserve(missing);
        match self.reader.by_ref().take(missing as u64).read_to_end(&mut self.buffer) {
            Ok(read) if read < missing => self.end = End::Reached,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => self.end = End::CutOff,
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str, size: usize) -> Vec<(String, u64, usize)> {
        let mut blocks = Blocks::new(text.as_bytes(), size);
        let mut all = Vec::new();
        while let Some(block) = blocks.next().expect("readable") {
            let text = String::from_utf8(block.bytes.to_vec()).expect("text");
            all.push((text, block.first_line, block.lines));
        }
        all
    }

    #[test]
    fn blocks_end_with_lines_and_know_their_first_line() {
        let text = "a\nbcd\n\nefghij\nk";
        assert_eq!(cut(text, 100), [("a\nbcd\n\nefghij\n".into(), 1, 4), ("k".into(), 5, 0)]);
        for size in 1..20 {
            let blocks = cut(text, size);
            let joined: String = blocks.iter().map(|(text, _, _)| text.as_str()).collect();
            assert_eq!(joined, text);
            for (number, (block, first_line, lines)) in blocks.iter().enumerate() {
                let before: String = blocks[..number].iter().map(|(text, _, _)| text.as_str()).collect();
                assert_eq!(*first_line as usize, before.matches('\n').count() + 1);
                assert_eq!(*lines, block.matches('\n').count());
                assert!(block.ends_with('\n') || number + 1 == blocks.len());
            }
        }
    }

    /// Yields its text and then breaks off as a decoder does.
    struct Broken<'a>(&'a [u8]);

    impl Read for Broken<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { self.0.read(buffer) }
        }
    }

    #[test]
    fn what_follows_the_last_line_end_before_a_break_is_left_out() {
        let mut blocks = Blocks::new(Broken(b"a\nb\nc"), 3);
        let mut all = Vec::new();
        while let Some(block) = blocks.next().expect("readable") {
            all.extend_from_slice(block.bytes);
        }
        assert_eq!(all, b"a\nb\n");
        assert_eq!(blocks.cut_off(), Some(3));
    }
}
