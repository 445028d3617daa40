//! Labels of a series: one shared piece that never changes, hashed once.
//!
//! There may be a million series, and many parts know each of them. So all share one copy of its labels, and who asks whether two are
//! the same mostly compares two pointers or two numbers.

mod table;
#[cfg(test)]
mod tests;

pub use table::Table;

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::ops::Index;
use std::sync::{Arc, LazyLock};

/// Labels of a series: values by name, in the order of the names. They are cheap to clone, and ordered as a `BTreeMap` would be.
#[derive(Clone)]
pub struct Labels(Arc<Inner>);

struct Inner {
    hash: u64,
    /// Where each name and each value ends in `text`, in turn.
    ends: Box<[u32]>,
    text: Box<str>,
}

/// Nobody outside can foresee which labels have the same hash.
static HASHES: LazyLock<RandomState> = LazyLock::new(RandomState::new);
/// The labels of which there are none are shared too.
static NONE: LazyLock<Labels> = LazyLock::new(|| Labels::pack(String::new(), Vec::new()));

impl Labels {
    /// No labels.
    pub fn new() -> Self {
        NONE.clone()
    }

    /// The value of the label `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// Whether there is a label `name`.
    pub fn contains_key(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Names and values, in the order of the names.
    pub fn iter(&self) -> Iter<'_> {
        Iter { labels: self, next: 0 }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.ends.len() / 2
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.ends.is_empty()
    }

    /// The same with one more, or with another value of it.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        self.iter().chain([(name, value)]).collect()
    }

    /// The same without one.
    #[must_use]
    pub fn without(&self, name: &str) -> Self {
        self.iter().filter(|(known, _)| *known != name).collect()
    }

    /// Whether both are one piece of memory.
    #[cfg(test)]
    pub(crate) fn is_shared_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn of<K: AsRef<str>, V: AsRef<str>>(mut pairs: Vec<(K, V)>) -> Self {
        if pairs.is_empty() {
            return Self::new();
        }
        pairs.sort_by(|(a, _), (b, _)| a.as_ref().cmp(b.as_ref()));
        let bytes = pairs.iter().map(|(name, value)| name.as_ref().len() + value.as_ref().len()).sum();
        let (mut text, mut ends) = (String::with_capacity(bytes), Vec::with_capacity(2 * pairs.len()));
        for (at, (name, value)) in pairs.iter().enumerate() {
            // of one name the last value holds
            if pairs.get(at + 1).is_some_and(|(next, _)| next.as_ref() == name.as_ref()) {
                continue;
            }
            for part in [name.as_ref(), value.as_ref()] {
                text.push_str(part);
                ends.push(
                    u32::try_from(text.len()).expect("what sources read of a series is far below 4 GiB"),
                );
            }
        }
        Self::pack(text, ends)
    }

    fn pack(text: String, ends: Vec<u32>) -> Self {
        let hash = HASHES.hash_one((&text, &ends));
        Self(Arc::new(Inner { hash, ends: ends.into(), text: text.into() }))
    }
}

/// Names and values of [`Labels`].
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    labels: &'a Labels,
    next: usize,
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let Inner { ends, text, .. } = &*self.labels.0;
        let start = self.next.checked_sub(1).map_or(0, |before| ends[before]);
        let &[name, value] = ends.get(self.next..self.next + 2)? else { return None };
        self.next += 2;
        Some((&text[start as usize..name as usize], &text[name as usize..value as usize]))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = (self.labels.0.ends.len() - self.next) / 2;
        (left, Some(left))
    }
}

impl<'a> IntoIterator for &'a Labels {
    type Item = (&'a str, &'a str);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl Default for Labels {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: AsRef<str>, V: AsRef<str>> FromIterator<(K, V)> for Labels {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self::of(pairs.into_iter().collect())
    }
}

impl<K: AsRef<str>, V: AsRef<str>, const N: usize> From<[(K, V); N]> for Labels {
    fn from(pairs: [(K, V); N]) -> Self {
        pairs.into_iter().collect()
    }
}

impl From<BTreeMap<String, String>> for Labels {
    fn from(map: BTreeMap<String, String>) -> Self {
        map.into_iter().collect()
    }
}

impl Index<&str> for Labels {
    type Output = str;

    /// The value of a label that is there.
    ///
    /// # Panics
    /// Where it is not.
    fn index(&self, name: &str) -> &str {
        self.get(name).unwrap_or_else(|| panic!("no label {name:?} in {self:?}"))
    }
}

impl PartialEq for Labels {
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (&self.0, &other.0);
        Arc::ptr_eq(a, b) || (a.hash == b.hash && a.ends == b.ends && a.text == b.text)
    }
}

impl Eq for Labels {}

impl Ord for Labels {
    fn cmp(&self, other: &Self) -> Ordering {
        if Arc::ptr_eq(&self.0, &other.0) {
            return Ordering::Equal;
        }
        self.iter().cmp(other)
    }
}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Labels {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.hash);
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

impl Serialize for Labels {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self)
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BTreeMap::<String, String>::deserialize(deserializer).map(Self::from)
    }
}
