//! Asks many sources without one waiting for another: each question is a task of its own with a limit, and there is at
//! most one at a time for a signal.

use super::{Answer, Ask, Source, SourceError, Trouble};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{Id, JoinError, JoinSet};

/// Questions that are under way. Dropping it ends them all.
#[derive(Debug, Default)]
pub struct Poll {
    tasks: JoinSet<Result<Answer, SourceError>>,
    asked: BTreeMap<Id, (String, Ask)>,
    waiting: BTreeSet<String>,
}

/// How a question ended.
#[derive(Debug)]
pub struct Outcome {
    /// The signal it was asked for.
    pub signal: String,
    /// What was asked.
    pub ask: Ask,
    /// The answer, or why there is none.
    pub answer: Result<Answer, SourceError>,
}

/// A question that was not asked: the signal's last one is not answered yet. Its answer will come, or its limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unasked {
    /// The signal.
    pub signal: String,
}

impl fmt::Display for Unasked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "signal {:?} is not asked for again: its last question is not answered yet", self.signal)
    }
}

impl std::error::Error for Unasked {}

impl Poll {
    /// Asks `source` for the samples of `signal`. Returns at once. What is not answered within `limit_ms` milliseconds is
    /// dropped, and [`next`](Self::next) says so.
    ///
    /// # Errors
    /// The last question of this signal is not answered yet: then nothing is asked.
    ///
    /// # Panics
    /// Outside of a runtime of tokio.
    pub fn ask(
        &mut self,
        signal: &str,
        source: &Arc<dyn Source>,
        ask: Ask,
        limit_ms: i64,
    ) -> Result<(), Unasked> {
        if self.waiting.contains(signal) {
            return Err(Unasked { signal: signal.to_owned() });
        }
        let (source, question, name) = (Arc::clone(source), ask.clone(), signal.to_owned());
        let limit = Duration::from_millis(limit_ms.max(0).unsigned_abs());
        let handle = self.tasks.spawn(async move {
            let late = |_| Err(SourceError::new(format!("signal {name:?}"), Trouble::Late { limit_ms }));
            tokio::time::timeout(limit, source.fetch(&question)).await.unwrap_or_else(late)
        });
        self.asked.insert(handle.id(), (signal.to_owned(), ask));
        self.waiting.insert(signal.to_owned());
        Ok(())
    }

    /// The next question to end; none where nothing is under way. May be dropped and called again: nothing is lost.
    pub async fn next(&mut self) -> Option<Outcome> {
        loop {
            let ended = self.tasks.join_next_with_id().await?;
            if let Some(outcome) = self.outcome(ended) {
                return Some(outcome);
            }
        }
    }

    /// Whether a question of `signal` is under way.
    pub fn is_asked(&self, signal: &str) -> bool {
        self.waiting.contains(signal)
    }

    /// Ends all questions; nothing more is heard of them.
    pub fn stop(&mut self) {
        self.tasks.abort_all();
        self.asked.clear();
        self.waiting.clear();
    }

    /// What became of a task; none where it was stopped.
    fn outcome(&mut self, ended: Result<(Id, Result<Answer, SourceError>), JoinError>) -> Option<Outcome> {
        let (id, answer) = match ended {
            Ok((id, answer)) => (id, answer),
            Err(error) => {
                let what = format!("the source failed: {error}");
                (error.id(), Err(SourceError::new("a source", Trouble::BadAnswer { what })))
            }
        };
        let (signal, ask) = self.asked.remove(&id)?;
        self.waiting.remove(&signal);
        Some(Outcome { signal, ask, answer })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::Fetching;
    use quietgate_detectors::{Interval, Timestamp};
    use tokio::sync::Notify;

    /// Answers when it is told to, or at once.
    #[derive(Debug, Default)]
    struct Told {
        waits: bool,
        go: Notify,
    }

    impl Source for Told {
        fn fetch<'a>(&'a self, _ask: &'a Ask) -> Fetching<'a> {
            Box::pin(async {
                if self.waits {
                    self.go.notified().await;
                }
                Ok(Answer { complete: true, ..Answer::default() })
            })
        }
    }

    fn question() -> Ask {
        let interval = Interval::from_millis(1_000).expect("in range");
        Ask { query: None, from: Timestamp::from_millis(0), until: Timestamp::from_millis(1), interval }
    }

    fn run(test: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(test);
    }

    /// Long enough never to be reached by a test that is right.
    const LONG_MS: i64 = 60_000;

    #[test]
    fn a_slow_source_delays_no_other_and_is_asked_once_at_a_time() {
        run(async {
            let slow = Arc::new(Told { waits: true, ..Told::default() });
            let (slow_source, quick): (Arc<dyn Source>, Arc<dyn Source>) =
                (slow.clone(), Arc::new(Told::default()));
            let mut poll = Poll::default();
            poll.ask("slow", &slow_source, question(), LONG_MS).expect("nothing is under way");
            for _ in 0..3 {
                poll.ask("quick", &quick, question(), LONG_MS).expect("nothing is under way");
                let outcome = poll.next().await.expect("an answer");
                assert_eq!((outcome.signal.as_str(), outcome.answer.is_ok()), ("quick", true));
            }
            let again = poll.ask("slow", &slow_source, question(), LONG_MS).expect_err("it is under way");
            assert_eq!(again, Unasked { signal: "slow".to_owned() });
            assert_eq!((poll.is_asked("slow"), poll.is_asked("quick")), (true, false));
            slow.go.notify_one();
            assert_eq!(poll.next().await.expect("an answer").signal, "slow");
            assert!(!poll.is_asked("slow") && poll.next().await.is_none());
        });
    }

    #[test]
    fn what_is_late_is_dropped_and_said() {
        run(async {
            let never: Arc<dyn Source> = Arc::new(Told { waits: true, ..Told::default() });
            let mut poll = Poll::default();
            poll.ask("never", &never, question(), 1).expect("nothing is under way");
            let outcome = poll.next().await.expect("an outcome");
            let error = outcome.answer.expect_err("it never answers");
            assert_eq!(error.to_string(), "signal \"never\": no answer within 1 ms");
            poll.ask("never", &never, question(), LONG_MS).expect("the last question has ended");
            poll.stop();
            assert!(!poll.is_asked("never") && poll.next().await.is_none());
        });
    }
}
