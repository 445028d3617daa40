//! What was wrong with the samples that were read all the same: counted, and the first of each kind named.

use std::fmt;

use super::error::Place;

/// What can be wrong with a sample without stopping the reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultKind {
    /// There is no value in the row.
    Empty,
    /// The value is `NaN` or infinite.
    NotANumber,
    /// The value is text.
    NotNumeric,
    /// The time is before the newest time that the series had reached.
    OutOfOrder,
    /// Time and value are those of the newest sample of the series.
    Duplicate,
    /// The time is that of the newest sample of the series, the value is another.
    Conflicting,
    /// The file ends in the middle of a line or of its compressed stream; the broken line is left out.
    Truncated,
}

impl FaultKind {
    /// Every kind, in the order in which they are told.
    pub const ALL: [Self; 7] = [
        Self::Empty,
        Self::NotANumber,
        Self::NotNumeric,
        Self::OutOfOrder,
        Self::Duplicate,
        Self::Conflicting,
        Self::Truncated,
    ];

    /// The kind in words, as it follows a count: `3 out of order`.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::NotANumber => "not a number",
            Self::NotNumeric => "not numeric",
            Self::OutOfOrder => "out of order",
            Self::Duplicate => "duplicate",
            Self::Conflicting => "conflicting",
            Self::Truncated => "truncated",
        }
    }
}

/// One fault with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file as the user named it.
    pub file: String,
    /// Line or row.
    pub place: Place,
    /// The series; a truncated line has none.
    pub series: Option<String>,
    /// What stood there; an empty value shows nothing.
    pub found: Option<String>,
}

/// How many faults of a kind are kept with their place: enough to look them up, bounded for any file.
pub const EXAMPLES: usize = 5;

/// The faults of a recording: a count for each kind and its first [`EXAMPLES`] in file order.
/// Prints as one line for each kind that occurred.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    kinds: [OfKind; FaultKind::ALL.len()],
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct OfKind {
    count: u64,
    examples: Vec<(Rank, Fault)>,
}

/// What orders examples: number of the file, line or row, number of the value column.
pub(super) type Rank = (usize, Place, usize);

impl Faults {
    /// Whether nothing at all was wrong.
    pub fn is_empty(&self) -> bool {
        self.kinds.iter().all(|kind| kind.count == 0)
    }

    /// How many faults of this kind there are.
    pub fn count(&self, kind: FaultKind) -> u64 {
        self.kinds[kind as usize].count
    }

    /// The first faults of this kind, at most [`EXAMPLES`], in the order of files and lines.
    pub fn examples(&self, kind: FaultKind) -> impl ExactSizeIterator<Item = &Fault> {
        self.kinds[kind as usize].examples.iter().map(|(_, fault)| fault)
    }

    /// One readable line for each kind that occurred:
    /// `3 not numeric: load.csv line 12 (vip_a): "n/a"; line 90 (vip_b): "-"; …`.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        FaultKind::ALL.into_iter().filter(|kind| self.count(*kind) > 0).map(|kind| self.line(kind))
    }

    /// Counts one fault. The fault itself is only made where it is among the first.
    pub(super) fn add(&mut self, kind: FaultKind, rank: Rank, fault: impl FnOnce() -> Fault) {
        self.count_only(kind, 1);
        self.keep(kind, rank, fault);
    }

    /// Counts faults whose places are not kept.
    pub(super) fn count_only(&mut self, kind: FaultKind, count: u64) {
        self.kinds[kind as usize].count += count;
    }

    /// Keeps a fault as an example, where it is among the first, without counting it.
    pub(super) fn keep(&mut self, kind: FaultKind, rank: Rank, fault: impl FnOnce() -> Fault) {
        let examples = &mut self.kinds[kind as usize].examples;
        let position = examples.partition_point(|(other, _)| *other <= rank);
        if position < EXAMPLES {
            examples.insert(position, (rank, fault()));
            examples.truncate(EXAMPLES);
        }
    }

    fn line(&self, kind: FaultKind) -> String {
        let mut line = format!("{} {}: ", self.count(kind), kind.words());
        let mut file = "";
        for (number, fault) in self.examples(kind).enumerate() {
            if number > 0 {
                line.push_str("; ");
            }
            if fault.file != file {
                line.push_str(&fault.file);
                line.push(' ');
                file = &fault.file;
            }
            line.push_str(&fault.to_string());
        }
        let more = self.count(kind) - self.examples(kind).len() as u64;
        if more > 0 {
            line.push_str(&format!("; and {more} more"));
        }
        line
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// Place, series and what was found, without the file: `line 12 (vip_a): "n/a"`.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.place)?;
        if let Some(series) = &self.series {
            write!(f, " ({series})")?;
        }
        self.found.as_ref().map_or(Ok(()), |found| write!(f, ": {found}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(file: &str, line: u64) -> Fault {
        Fault {
            file: file.to_owned(),
            place: Place::Line(line),
            series: Some("vip_a".to_owned()),
            found: Some("\"n/a\"".to_owned()),
        }
    }

    #[test]
    fn the_first_five_are_named_whatever_the_order_of_arrival() {
        let mut faults = Faults::default();
        for line in [9, 3, 8, 2, 7, 4] {
            faults.add(FaultKind::NotNumeric, (0, Place::Line(line), 0), || fault("load.csv", line));
        }
        assert_eq!(
            faults.to_string(),
            "6 not numeric: load.csv line 2 (vip_a): \"n/a\"; line 3 (vip_a): \"n/a\"; \
             line 4 (vip_a): \"n/a\"; line 7 (vip_a): \"n/a\"; line 8 (vip_a): \"n/a\"; and 1 more\n"
        );
    }

    #[test]
    fn another_file_is_named_anew() {
        let mut faults = Faults::default();
        faults.add(FaultKind::NotNumeric, (1, Place::Line(2), 0), || fault("b.csv", 2));
        faults.add(FaultKind::NotNumeric, (0, Place::Line(5), 0), || fault("a.csv", 5));
        let line: Vec<String> = faults.lines().collect();
        assert_eq!(line, ["2 not numeric: a.csv line 5 (vip_a): \"n/a\"; b.csv line 2 (vip_a): \"n/a\""]);
        assert!(!faults.is_empty());
        assert_eq!(faults.count(FaultKind::Empty), 0);
    }
}
