//! Values by labels, for very many series that are mostly asked for in one order.

use super::Labels;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Values by labels, each with a number. Who asks for them in the order in which they came pays for no look-up: it is compared
/// first with the one behind the one that was found last.
#[derive(Debug)]
pub struct Table<V> {
    entries: Vec<(Labels, V)>,
    /// The numbers of the entries, each in the place that its hash says or behind it, up to the next free one. At most half are taken,
    /// so that is near; it takes 8 to 16 bytes a series, a third of what a map of labels would.
    places: Vec<u32>,
    /// The number that is likely to be asked for next.
    next: AtomicUsize,
}

/// A place without an entry.
const FREE: u32 = u32::MAX;
/// So many places there are at first; always a power of two.
const PLACES_MIN: usize = 8;

impl<V> Table<V> {
    /// One that has nothing.
    pub fn new() -> Self {
        Self { entries: Vec::new(), places: Vec::new(), next: AtomicUsize::new(0) }
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
        let number = if is_next { next } else { self.places[self.place(labels)?] as usize };
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
        let place = self.place(labels)?;
        let number = self.places[place];
        self.leave(place);
        if let Some(last) = self.entries.last().and_then(|(last, _)| self.place(last)) {
            self.places[last] = number;
        }
        Some(self.entries.swap_remove(number as usize).1)
    }

    /// Takes out all that are not to be kept; the others stay in their order.
    pub fn retain(&mut self, mut is_kept: impl FnMut(&Labels, &mut V) -> bool) {
        let before = self.entries.len();
        self.entries.retain_mut(|(labels, value)| is_kept(labels, value));
        if self.entries.len() < before {
            self.settle();
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
        self.entries.push((labels, value));
        if 2 * self.entries.len() > self.places.len() {
            self.settle();
        } else {
            self.enter(number);
        }
        number
    }

    /// Gives each entry its place anew.
    fn settle(&mut self) {
        let places = (2 * self.entries.len()).next_power_of_two().max(PLACES_MIN);
        self.places.clear();
        self.places.resize(places, FREE);
        (0..self.entries.len()).for_each(|number| self.enter(number));
    }

    /// Gives an entry that has no place one; there is one that is free.
    fn enter(&mut self, number: usize) {
        let short = u32::try_from(number).ok().filter(|short| *short != FREE);
        let mut place = self.home(number);
        while self.places[place] != FREE {
            place = self.behind(place);
        }
        self.places[place] = short.expect("memory ends before 2³² series");
    }

    /// The place of the entry with these labels.
    fn place(&self, labels: &Labels) -> Option<usize> {
        let mut place = labels.0.hash as usize & self.places.len().checked_sub(1)?;
        while self.places[place] != FREE {
            if self.entries[self.places[place] as usize].0 == *labels {
                return Some(place);
            }
            place = self.behind(place);
        }
        None
    }

    /// Frees a place, and lets those move up who stood behind because it was taken.
    fn leave(&mut self, mut free: usize) {
        let mask = self.places.len() - 1;
        let mut place = self.behind(free);
        while self.places[place] != FREE {
            let home = self.home(self.places[place] as usize);
            // how far it stands from where it belongs, and from what is free
            if place.wrapping_sub(home) & mask >= place.wrapping_sub(free) & mask {
                self.places[free] = self.places[place];
                free = place;
            }
            place = self.behind(place);
        }
        self.places[free] = FREE;
    }

    /// The place where an entry belongs.
    fn home(&self, number: usize) -> usize {
        self.entries[number].0.0.hash as usize & (self.places.len() - 1)
    }

    fn behind(&self, place: usize) -> usize {
        (place + 1) & (self.places.len() - 1)
    }
}

impl<V> Default for Table<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V: Clone> Clone for Table<V> {
    fn clone(&self) -> Self {
        let (entries, places) = (self.entries.clone(), self.places.clone());
        Self { entries, places, next: AtomicUsize::new(self.next.load(Ordering::Relaxed)) }
    }
}

impl<V> Extend<(Labels, V)> for Table<V> {
    fn extend<I: IntoIterator<Item = (Labels, V)>>(&mut self, series: I) {
        series.into_iter().for_each(|(labels, value)| drop(self.insert(labels, value)));
    }
}
