//! A program whose output is read by us: what it writes is kept in memory, bounded, standard error apart.

use super::super::io::{Cancel, Canceller, Io};
use super::super::outcome::End;
use super::{Cage, Keep, Outputs, Program, over};
use std::path::Path;

/// How a program ended, and what it wrote.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Captured {
    /// How it ended.
    pub(crate) end: End,
    /// What is left of its processes although they were killed, or may be left of them.
    pub(crate) survivors: Vec<String>,
    /// What it wrote on standard output.
    pub(crate) output: Memory,
    /// The beginning of what it wrote on standard error.
    pub(crate) errors: Memory,
}

/// The beginning of what was written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Memory {
    /// What was kept.
    pub(crate) bytes: Vec<u8>,
    /// How many bytes came, those that were not kept included.
    pub(crate) total: u64,
    cap: usize,
}

/// What is asked of a program that is captured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// After how many milliseconds it is ended.
    pub(crate) timeout_ms: i64,
    /// How long its processes have between being asked to end and being killed, in milliseconds.
    pub(crate) grace_ms: i64,
    /// How many bytes of its standard output are kept.
    pub(crate) output: u64,
}

/// The most bytes that are kept of what is said on standard error: enough to say why.
const ERRORS_MAX: usize = 4 << 10;

/// Runs `program`, and sees to it that nothing is left of it; also where this is dropped.
pub(crate) async fn capture(program: &Program, bounds: Bounds, cage: &Cage) -> Captured {
    let (_never, cancel) = Canceller::new();
    capture_until(program, bounds, cage, &cancel).await
}

/// The same for one that is also ended when `cancel` says so.
pub(crate) async fn capture_until(
    program: &Program,
    bounds: Bounds,
    cage: &Cage,
    cancel: &Cancel,
) -> Captured {
    let io = Io {
        directory: Path::new(""),
        base: &program.directory,
        cage,
        timeout_ms: bounds.timeout_ms,
        cancel,
        spawned: &|_| {},
    };
    let cap = usize::try_from(bounds.output).unwrap_or(usize::MAX);
    let outputs = Outputs { all: Memory::new(cap), errors: Some(Memory::new(ERRORS_MAX)) };
    let (outcome, outputs) = over(program, outputs, bounds.grace_ms, &io).await;
    let errors = outputs.errors.unwrap_or_else(|| Memory::new(0));
    Captured { end: outcome.end, survivors: outcome.survivors, output: outputs.all, errors }
}

impl Memory {
    fn new(cap: usize) -> Self {
        Self { bytes: Vec::new(), total: 0, cap }
    }

    /// Whether all that was written was kept.
    pub(crate) fn is_whole(&self) -> bool {
        self.total == self.bytes.len() as u64
    }
}

impl Keep for Memory {
    async fn push(&mut self, chunk: &[u8]) {
        let room = self.cap - self.bytes.len();
        self.bytes.extend_from_slice(&chunk[..room.min(chunk.len())]);
        self.total += chunk.len() as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_is_kept_and_all_is_counted() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let mut memory = Memory::new(4);
            memory.push(b"abc").await;
            assert!(memory.is_whole());
            memory.push(b"def").await;
            assert_eq!((memory.bytes.as_slice(), memory.total, memory.is_whole()), (&b"abcd"[..], 6, false));
        });
    }
}
