//! Sources that are open, each once however many ask it: a port can be listened at once only, and what counts since it was asked
//! last would say something else to each of two who ask by turns.

use super::{Answer, Ask, Fetching, Past, Source, SourceError, Spec};
use quietgate_detectors::{Interval, Timestamp};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The sources that are open in a process.
#[derive(Debug, Default)]
pub struct Opened {
    sources: Vec<One>,
    is_shared: bool,
}

#[derive(Debug)]
struct One {
    spec: Spec,
    base: PathBuf,
    source: Arc<dyn Source>,
}

impl Opened {
    /// Sources that several ask for the same: what one was told of a time is told to the others as well.
    pub fn shared() -> Self {
        Self { sources: Vec::new(), is_shared: true }
    }

    /// The source of `spec`, whose relative paths begin in `base`: the one that is open, where one is.
    ///
    /// # Errors
    /// A file of the settings that cannot be used.
    pub fn open(&mut self, spec: &Spec, base: &Path) -> Result<Arc<dyn Source>, SourceError> {
        // what nobody asks any more is closed
        self.sources.retain(|one| Arc::strong_count(&one.source) > 1 || !self.is_shared);
        let known = self.sources.iter().find(|one| one.spec == *spec && one.base == base);
        if let Some(one) = known {
            return Ok(Arc::clone(&one.source));
        }
        let own: Arc<dyn Source> = Arc::from(spec.open(base)?);
        let source = if self.is_shared { Arc::new(Shared { own, told: Mutex::default() }) } else { own };
        let one = One { spec: spec.clone(), base: base.to_owned(), source: Arc::clone(&source) };
        self.sources.push(one);
        Ok(source)
    }
}

/// A source that several ask.
#[derive(Debug)]
struct Shared {
    own: Arc<dyn Source>,
    told: Mutex<Vec<Slot>>,
}

/// What is asked for, and what was told of it last.
#[derive(Debug, Clone)]
struct Slot {
    query: Option<String>,
    interval: Interval,
    told: Arc<tokio::sync::Mutex<Option<Told>>>,
}

#[derive(Debug)]
struct Told {
    from: Timestamp,
    until: Timestamp,
    answer: Answer,
}

impl Shared {
    fn slot(&self, ask: &Ask) -> Slot {
        let mut slots = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let known = slots.iter().find(|slot| slot.query == ask.query && slot.interval == ask.interval);
        if let Some(slot) = known {
            return slot.clone();
        }
        let slot = Slot { query: ask.query.clone(), interval: ask.interval, told: Arc::default() };
        slots.push(slot.clone());
        slot
    }

    /// What was told of the time of `ask`, or else is told now: one who asks meanwhile waits for it.
    async fn answer(&self, ask: &Ask) -> Result<Answer, SourceError> {
        let slot = self.slot(ask);
        let mut told = slot.told.lock().await;
        let has_all = |told: &Told| told.from <= ask.from || self.own.past() == Past::None;
        if let Some(told) = told.as_ref().filter(|told| told.until == ask.until && has_all(told)) {
            return Ok(told.answer.clone());
        }
        let answer = self.own.fetch(ask).await?;
        *told = Some(Told { from: ask.from, until: ask.until, answer: answer.clone() });
        Ok(answer)
    }
}

impl Source for Shared {
    fn fetch<'a>(&'a self, ask: &'a Ask) -> Fetching<'a> {
        Box::pin(self.answer(ask))
    }

    fn asked_every_ms(&self, interval: Interval) -> i64 {
        self.own.asked_every_ms(interval)
    }

    fn past(&self) -> Past {
        self.own.past()
    }

    fn is_lasting(&self) -> bool {
        self.own.is_lasting()
    }

    fn settles_ms(&self, interval: Interval) -> i64 {
        self.own.settles_ms(interval)
    }

    /// One of which what is told is gone has a place for each who asks.
    fn for_one(&self) -> Option<Arc<dyn Source>> {
        self.own.for_one()
    }

    fn heard(&self) -> Vec<String> {
        self.own.heard()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// Counts how often it was asked, and knows the past or not.
    #[derive(Debug)]
    struct Counting {
        asked: AtomicU32,
        past: Past,
    }

    impl Source for Counting {
        fn fetch<'a>(&'a self, _: &'a Ask) -> Fetching<'a> {
            Box::pin(async {
                tokio::task::yield_now().await;
                let number = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
                Ok(Answer { warnings: vec![number.to_string()], complete: true, ..Answer::default() })
            })
        }

        fn past(&self) -> Past {
            self.past
        }
    }

    fn shared(past: Past) -> Shared {
        Shared { own: Arc::new(Counting { asked: AtomicU32::new(0), past }), told: Mutex::default() }
    }

    fn ask(query: &str, from: i64, until: i64) -> Ask {
        let at = Timestamp::from_millis;
        let interval = Interval::from_millis(1000).expect("a second");
        Ask { query: Some(query.to_owned()), from: at(from), until: at(until), interval }
    }

    fn told(source: &Shared, asks: &[Ask]) -> Vec<String> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let number = |answer: Result<Answer, SourceError>| answer.expect("an answer").warnings.concat();
        asks.iter().map(|ask| number(runtime.block_on(source.fetch(ask)))).collect()
    }

    #[test]
    fn what_counts_since_it_was_asked_last_says_the_same_to_all_who_ask_for_the_same_time() {
        let source = shared(Past::None);
        let asks = [ask("a", 0, 10), ask("a", 5, 10), ask("b", 0, 10), ask("a", 0, 20), ask("a", -9, 20)];
        assert_eq!(told(&source, &asks), ["1", "1", "2", "3", "3"]);
    }

    #[test]
    fn who_wants_more_of_the_past_than_was_told_asks_anew() {
        let source = shared(Past::Asked);
        let asks = [ask("a", 5, 10), ask("a", 7, 10), ask("a", 0, 10), ask("a", 3, 10)];
        assert_eq!(told(&source, &asks), ["1", "1", "2", "2"]);
    }

    #[test]
    fn who_asks_while_another_waits_gets_the_same_answer() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let (source, ask) = (shared(Past::None), ask("a", 0, 10));
        let both = runtime.block_on(async { tokio::join!(source.fetch(&ask), source.fetch(&ask)) });
        assert_eq!(both.0.expect("an answer"), both.1.expect("an answer"));
    }
}
