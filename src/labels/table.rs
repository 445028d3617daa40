//! Values by labels, for very many series that are mostly asked for in one order.

use super::Labels;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Values by labels, each with a number. Who asks for them in the order in which they came pays for no look-up: it is compared
/// first with the one behind the one that was found last.
#[derive(Debug)]
pub struct Table<V> {
    entries: Vec<(Labels, V)>,
    index: HashMap<Labels, u32, BuildHasherDefault<Known>>,
    /// The number that is likely to be asked for next.
    next: AtomicUsize,
}

/// Takes the hash that labels have already.
#[derive(Debug, Default)]
struct Known(u64);

impl Hasher for Known {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl<V> Table<V> {
    /// One that has nothing.
    pub fn new() -> Self {
        Self { entries: Vec::new(), index: HashMap::default(), next: AtomicUsize::new(0) }
    }

    /// How many series there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The number of the series with these labels. It holds until one is taken out.
    pub fn find(&self, labels: &Labels) -> Option<usize> {
        let next = self.next.load(Ordering::Relaxed);
        let is_next = self.entries.get(next).is_some_and(|(known, _)| known == labels);
        let number = if is_next { next } else { *self.index.get(labels)? as usize };
        let behind = if number + 1 < self.entries.len() { number + 1 } else { 0 };
        self.next.store(behind, Ordering::Relaxed);
        Some(number)
    }

    /// The labels and the value of a number.
    pub fn get(&self, number: usize) -> Option<(&Labels, &V)> {
        self.entries.get(number).map(|(labels, value)| (labels, value))
    }

    /// The same, of which the value may be changed.
    pub fn get_mut(&mut self, number: usize) -> Option<(&Labels, &mut V)> {
        self.entries.get_mut(number).map(|(labels, value)| (&*labels, value))
    }

    /// Puts in a value; what was there before is given back. The labels that are known already stay.
    ///
    /// # Panics
    /// Where there are 2³² series already.
    pub fn insert(&mut self, labels: Labels, value: V) -> Option<V> {
        if let Some((_, known)) = self.find(&labels).and_then(|number| self.entries.get_mut(number)) {
            return Some(std::mem::replace(known, value));
        }
        self.append(labels, value);
        None
    }

    /// The value of these labels, that by default where they are new; and the labels that are known.
    ///
    /// # Panics
    /// As [`insert`](Self::insert).
    pub fn entry(&mut self, labels: Labels) -> (&Labels, &mut V)
    where
        V: Default,
    {
        let number = self.find(&labels).unwrap_or_else(|| self.append(labels, V::default()));
        let (labels, value) = &mut self.entries[number];
        (labels, value)
    }

    /// Takes a series out. The last one gets its number.
    pub fn remove(&mut self, labels: &Labels) -> Option<V> {
        let number = self.index.remove(labels)?;
        let (_, value) = self.entries.swap_remove(number as usize);
        if let Some((moved, _)) = self.entries.get(number as usize) {
            self.index.insert(moved.clone(), number);
        }
        Some(value)
    }

    /// Takes out all that are not to be kept; the others stay in their order.
    pub fn retain(&mut self, mut is_kept: impl FnMut(&Labels, &mut V) -> bool) {
        let before = self.entries.len();
        self.entries.retain_mut(|(labels, value)| is_kept(labels, value));
        if self.entries.len() < before {
            self.index.clear();
            self.index.extend((0..).zip(&self.entries).map(|(number, (labels, _))| (labels.clone(), number)));
        }
    }

    /// All of them, in the order in which they came, as long as none was removed.
    pub fn iter(&self) -> impl Iterator<Item = (&Labels, &V)> {
        self.entries.iter().map(|(labels, value)| (labels, value))
    }

    /// All values, to be changed.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.entries.iter_mut().map(|(_, value)| value)
    }

    /// All of them, in the order of their labels.
    pub fn into_order(mut self) -> Vec<(Labels, V)> {
        self.entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        self.entries
    }

    /// The same, where they stay.
    pub fn in_order(&self) -> impl Iterator<Item = (&Labels, &V)> {
        let mut all: Vec<_> = self.iter().collect();
        all.sort_by_key(|(labels, _)| *labels);
        all.into_iter()
    }

    /// The number of a series that is new.
    fn append(&mut self, labels: Labels, value: V) -> usize {
        let number = self.entries.len();
        let short = u32::try_from(number).expect("memory ends before 2³² series");
        self.index.insert(labels.clone(), short);
        self.entries.push((labels, value));
        number
    }
}

impl<V> Default for Table<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V: Clone> Clone for Table<V> {
    fn clone(&self) -> Self {
        let (entries, index) = (self.entries.clone(), self.index.clone());
        Self { entries, index, next: AtomicUsize::new(self.next.load(Ordering::Relaxed)) }
    }
}

impl<V> Extend<(Labels, V)> for Table<V> {
    fn extend<I: IntoIterator<Item = (Labels, V)>>(&mut self, series: I) {
        series.into_iter().for_each(|(labels, value)| drop(self.insert(labels, value)));
    }
}
