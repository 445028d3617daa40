//! Mistakes in a file: each with its place, all of them at once.

use std::fmt;

/// A place in a file: line and column count from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Place {
    /// Where a file begins.
    pub const START: Self = Self { line: 1, column: 1 };
}

/// One thing that is wrong in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The file, as it was named.
    pub file: String,
    /// Where in the file.
    pub at: Place,
    /// What was found and what is allowed.
    pub message: String,
}

/// `quietgate.yaml:12:15: sustain is "3 of 2", allowed is …`
impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.at.line, self.at.column, self.message)
    }
}

/// All that is wrong in a file, in the order of the places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistakes {
    file: String,
    list: Vec<Mistake>,
}

impl Mistakes {
    /// None so far in `file`.
    pub(super) fn none(file: &str) -> Self {
        Self { file: file.to_owned(), list: Vec::new() }
    }

    /// Adds one.
    pub(super) fn add(&mut self, at: Place, message: impl Into<String>) {
        let file = self.file.clone();
        self.add_in(&file, at, message);
    }

    /// Adds one of another file that this one names. Those of a file stand together, its own before all others.
    pub(super) fn add_in(&mut self, file: &str, at: Place, message: impl Into<String>) {
        let absent = if file == self.file { 0 } else { self.list.len() };
        let start = self.list.iter().position(|known| known.file == file).unwrap_or(absent);
        let before = |known: &&Mistake| known.file == file && known.at <= at;
        let place = start + self.list[start..].iter().take_while(before).count();
        self.list.insert(place, Mistake { file: file.to_owned(), at, message: message.into() });
    }

    /// `good` where nothing is wrong.
    pub(super) fn or<T>(self, good: Option<T>) -> Result<T, Self> {
        match good {
            Some(good) if self.list.is_empty() => Ok(good),
            _ => Err(self),
        }
    }

    /// Every mistake, in the order of the places.
    pub fn list(&self) -> &[Mistake] {
        &self.list
    }
}

/// One line a mistake, without a final line end.
impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, mistake) in self.list.iter().enumerate() {
            write!(f, "{}{mistake}", if i == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_come_in_the_order_of_their_places() {
        let mut mistakes = Mistakes::none("f.yaml");
        for (line, column) in [(3, 1), (1, 9), (3, 1), (1, 2)] {
            mistakes.add(Place { line, column }, format!("number {}", mistakes.list().len()));
        }
        let expected =
            "f.yaml:1:2: number 3\nf.yaml:1:9: number 1\nf.yaml:3:1: number 0\nf.yaml:3:1: number 2";
        assert_eq!(mistakes.to_string(), expected);
        for (file, line) in [("hosts.csv", 7), ("f.yaml", 2), ("hosts.csv", 1)] {
            mistakes.add_in(file, Place { line, column: 1 }, "more");
        }
        let order: Vec<_> = mistakes.list().iter().map(|m| (m.file.as_str(), m.at.line)).collect();
        let [own, other] = ["f.yaml", "hosts.csv"];
        assert_eq!(order, [(own, 1), (own, 1), (own, 2), (own, 3), (own, 3), (other, 1), (other, 7)]);
        assert!(mistakes.or(Some(())).is_err());
        assert_eq!(Mistakes::none("f.yaml").or(Some(1)), Ok(1));
    }
}
