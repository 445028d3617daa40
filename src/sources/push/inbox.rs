//! What was pushed and is wanted: found by the labels as they lie in requests, taken a whole request at a time, and kept until
//! it is told.

use super::super::exposition::Query;
use super::super::limits::Limits;
use super::super::source::Labels;
use super::lost::Why;
use super::refusal::Refusal;
use super::slot::{Place, Slot, Told};
use super::tally::Tally;
use crate::text::count;
use quietgate_detectors::Sample;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, DefaultHasher, Hasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// What was pushed, for who pushes and who asks.
#[derive(Debug)]
pub(super) struct Inbox {
    inner: Mutex<Inner>,
    /// Something is there to tell, or nothing ever will be again.
    pub(super) news: Notify,
}

/// How much there may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    /// Samples of one request.
    pub(super) request: usize,
    /// Samples that wait to be told.
    pub(super) buffered: usize,
    /// Of the answer to one query.
    pub(super) answer: Limits,
}

#[derive(Debug)]
struct Inner {
    room: Room,
    slots: Vec<Slot>,
    keys: HashMap<(String, i64, u64), usize>,
    askers: u64,
    /// Where samples go, by the labels as they lie in requests.
    known: HashMap<u128, Places>,
    hashers: [RandomState; 2],
    next: u64,
    buffered: usize,
    begun: Option<Instant>,
    /// The newest requests that were taken: one whose answer was lost comes again.
    taken: VecDeque<u128>,
    tally: Tally,
}

/// Where the samples of a series go: slots, and the numbers of the series there.
pub(super) type Places = Arc<[(usize, u64)]>;

/// How a request is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Remote-write.
    RemoteWrite,
    /// JSON lines.
    Lines,
}

/// So long after the first asking requests are put off, until all who will ask have asked.
const SETTLES: Duration = Duration::from_millis(500);
/// So many series are known by their labels as they lie in requests, at 48 bytes each; then all are learnt anew.
const KNOWN_MAX: usize = 1 << 20;
/// So many of the newest requests are known again.
const TAKEN_MAX: usize = 256;
/// Times of the years 1 to 9999, in milliseconds.
const TIMES: std::ops::RangeInclusive<i64> = -62_135_596_800_000..=253_402_300_799_999;

impl Inbox {
    /// One that has nothing, and wants nothing before somebody asks.
    pub(super) fn new(room: Room) -> Self {
        let inner = Inner {
            room,
            slots: Vec::new(),
            keys: HashMap::new(),
            askers: 0,
            known: HashMap::new(),
            hashers: [RandomState::new(), RandomState::new()],
            next: 0,
            buffered: 0,
            begun: None,
            taken: VecDeque::new(),
            tally: Tally::default(),
        };
        Self { inner: Mutex::new(inner), news: Notify::new() }
    }

    /// One more who asks: what is told to one is not gone for another.
    pub(super) fn asker(&self) -> u64 {
        let mut inner = self.inner();
        inner.askers += 1;
        inner.askers
    }

    /// The number of the query that is `text` at this interval, which `asker` asks. From the first time on what it wants is kept.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn asked(&self, text: &str, interval_ms: i64, asker: u64) -> Result<usize, String> {
        let mut inner = self.inner();
        let key = (text.to_owned(), interval_ms, asker);
        if let Some(number) = inner.keys.get(&key) {
            return Ok(*number);
        }
        let slot = Slot::new(Query::new(text)?, interval_ms, inner.room.answer);
        inner.slots.push(slot);
        let number = inner.slots.len() - 1;
        inner.keys.insert(key, number);
        // what was not wanted may be now, also where it comes again
        inner.known.clear();
        inner.taken.clear();
        inner.begun.get_or_insert_with(Instant::now);
        Ok(number)
    }

    /// Whether there is something to tell of that query.
    pub(super) fn has_news(&self, number: usize) -> bool {
        self.inner().slots[number].has_news()
    }

    /// When each who pushes samples for that query has had his turn; none before the first came.
    pub(super) fn settled(&self, number: usize) -> Option<Instant> {
        self.inner().slots[number].settled()
    }

    /// What there is to tell of that query, and what is odd. It is gone then.
    pub(super) fn tell(&self, number: usize) -> (Told, Vec<String>) {
        let mut inner = self.inner();
        let (told, odd, gone) = inner.slots[number].tell(Instant::now());
        inner.buffered -= gone;
        (told, odd)
    }

    /// Whether a request can be looked at now.
    ///
    /// # Errors
    /// Nobody asks yet.
    pub(super) fn ready(&self) -> Result<(), Refusal> {
        let begun = self.inner().begun;
        let is_settled = begun.is_some_and(|begun| begun.elapsed() >= SETTLES);
        is_settled.then_some(()).ok_or(Refusal::NotNow("nobody asks for samples yet"))
    }

    /// Takes all samples of a request that are wanted, or none: `stage` reads it. `bytes` are the request as it came.
    ///
    /// # Errors
    /// Why none is taken.
    pub(super) fn take(
        &self,
        bytes: &[u8],
        now_ms: i64,
        stage: impl FnOnce(&mut Staged<'_>) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let mut inner = self.inner();
        let mut hash = inner.hash();
        hash.write(bytes);
        let hash = hash.done();
        if inner.taken.contains(&hash) {
            inner.tally.repeated += 1;
            return Ok(());
        }
        let mut staged =
            Staged { inner: &mut inner, samples: Vec::new(), lost: Vec::new(), read: 0, unwanted: 0 };
        stage(&mut staged)?;
        staged.keep(now_ms)?;
        inner.taken.push_back(hash);
        if inner.taken.len() > TAKEN_MAX {
            inner.taken.pop_front();
        }
        drop(inner);
        self.news.notify_waiters();
        Ok(())
    }

    /// Counts a request that was not taken.
    pub(super) fn refused(&self, refusal: &Refusal) {
        self.inner().tally.refuse(refusal);
    }

    /// What has come so far, in words.
    pub(super) fn heard(&self) -> Vec<String> {
        let inner = self.inner();
        let unwanted = inner.known.values().filter(|places| places.is_empty()).count();
        inner.tally.in_words(unwanted as u64)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn hash(&self) -> Hash {
        Hash(self.hashers.each_ref().map(BuildHasher::build_hasher))
    }

    fn places(&mut self, labels: &Labels, lost: &mut Vec<(usize, Why)>) -> (Places, bool) {
        let (now, before) = (Instant::now(), lost.len());
        let mut places = Vec::new();
        for (number, slot) in self.slots.iter_mut().enumerate() {
            match slot.place(labels, &mut self.next, now) {
                Place::Unwanted => {}
                Place::At(id) => places.push((number, id)),
                Place::Lost(why) => lost.push((number, why)),
            }
        }
        (places.into(), lost.len() == before)
    }
}

/// The samples of a request that are wanted, before they are taken.
#[derive(Debug)]
pub(super) struct Staged<'a> {
    inner: &'a mut Inner,
    samples: Vec<(usize, u64, Sample)>,
    lost: Vec<(usize, Why)>,
    read: usize,
    unwanted: u64,
}

impl Staged<'_> {
    /// Begins to look at the labels of a series.
    pub(super) fn hash(&self, form: Form) -> Hash {
        let mut hash = self.inner.hash();
        hash.write(&[form as u8]);
        hash
    }

    /// Where samples of the series of this hash go; `labels` reads its labels, where it is not known.
    ///
    /// # Errors
    /// Those of `labels`.
    pub(super) fn places(
        &mut self,
        hash: Hash,
        labels: impl FnOnce() -> Result<Labels, Refusal>,
    ) -> Result<Places, Refusal> {
        let hash = hash.done();
        if let Some(places) = self.inner.known.get(&hash) {
            // one that was silent for long is forgotten
            if places.iter().all(|(slot, id)| self.inner.slots[*slot].has(*id)) {
                return Ok(Arc::clone(places));
            }
        }
        let (places, is_whole) = self.inner.places(&labels()?, &mut self.lost);
        if is_whole {
            if self.inner.known.len() >= KNOWN_MAX {
                self.inner.known.clear();
            }
            self.inner.known.insert(hash, Arc::clone(&places));
        }
        Ok(places)
    }

    /// Stages a sample for these places.
    ///
    /// # Errors
    /// A time that none can be, and more samples than a request may have.
    pub(super) fn sample(&mut self, places: &Places, at_ms: i64, value: f64) -> Result<(), Refusal> {
        self.count()?;
        if !TIMES.contains(&at_ms) {
            return Err(Refusal::Malformed(format!("a sample has the time {at_ms} ms, which is in no year")));
        }
        self.unwanted += u64::from(places.is_empty());
        let samples = places.iter().map(|(slot, id)| (*slot, *id, Sample::new(at_ms, value)));
        self.samples.extend(samples);
        Ok(())
    }

    /// Notes a native histogram for these places.
    ///
    /// # Errors
    /// More samples than a request may have.
    pub(super) fn histogram(&mut self, places: &Places) -> Result<(), Refusal> {
        self.lost.extend(places.iter().map(|(slot, _)| (*slot, Why::Histogram)));
        self.count()
    }

    fn count(&mut self) -> Result<(), Refusal> {
        self.read += 1;
        let most = self.inner.room.request;
        if self.read <= most {
            return Ok(());
        }
        let most = count(most as u64);
        Err(Refusal::TooLarge(format!(
            "more samples than a request may have, allowed are {most} (max_samples)"
        )))
    }

    /// Takes what was staged.
    ///
    /// # Errors
    /// There is no room for all of it.
    fn keep(mut self, now_ms: i64) -> Result<(), Refusal> {
        let (inner, wanted) = (self.inner, self.samples.len());
        if inner.buffered + wanted > inner.room.buffered {
            self.samples.iter().for_each(|(slot, _, _)| inner.slots[*slot].lose(Why::PutOff));
            return Err(match inner.buffered {
                0 => Refusal::TooLarge(format!("{wanted} samples, and max_buffered is less")),
                _ => Refusal::NotNow("as many samples as allowed wait to be judged"),
            });
        }
        inner.tally.requests += 1;
        inner.tally.samples += self.read as u64;
        inner.tally.unwanted += self.unwanted;
        // of one series in the order of their times, whatever the order of the request
        self.samples.sort_by_key(|(_, _, sample)| sample.at);
        let now = Instant::now();
        for (slot, id, sample) in self.samples {
            inner.buffered += usize::from(inner.slots[slot].take(id, sample, now_ms, now));
        }
        self.lost.into_iter().for_each(|(slot, why)| inner.slots[slot].lose(why));
        Ok(())
    }
}

/// A hash of 128 bits that nobody else can foresee, so that two series never have the same.
#[derive(Debug, Clone)]
pub(super) struct Hash([DefaultHasher; 2]);

impl Hash {
    /// Adds `bytes`, with their end.
    pub(super) fn write(&mut self, bytes: &[u8]) {
        for hasher in &mut self.0 {
            hasher.write_usize(bytes.len());
            hasher.write(bytes);
        }
    }

    fn done(self) -> u128 {
        let [first, second] = self.0.map(|hasher| hasher.finish());
        u128::from(first) << 64 | u128::from(second)
    }
}
