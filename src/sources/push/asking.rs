//! What is asked of what was pushed.

use super::super::source::{Answer, Ask, Fetching, SeriesSamples, Source};
use super::super::{SourceError, Trouble};
use super::inbox::Inbox;
use super::receiver::Receiver;
use quietgate_detectors::Interval;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout_at};

/// A source that is pushed to, for one who asks.
#[derive(Debug, Clone)]
pub(super) struct Push {
    /// Where it listens.
    pub(super) address: String,
    /// What came.
    pub(super) inbox: Arc<Inbox>,
    /// Who listens.
    pub(super) receiver: Arc<Receiver>,
    /// Who asks.
    pub(super) asker: u64,
}

/// The longest that an asking waits.
const WAIT: Duration = Duration::from_secs(50);
/// How soon it is asked again after an answer, in milliseconds: what comes meanwhile waits for so long.
const PACE_MS: i64 = 5;

impl Source for Push {
    /// An asking waits for what comes, so it costs nothing where nothing does.
    fn asked_every_ms(&self, interval: Interval) -> i64 {
        (interval.as_millis() / 2).clamp(1, PACE_MS)
    }

    fn fetch<'a>(&'a self, ask: &'a Ask) -> Fetching<'a> {
        Box::pin(self.answer(ask))
    }

    fn for_one(&self) -> Option<Arc<dyn Source>> {
        Some(Arc::new(Self { asker: self.inbox.asker(), ..self.clone() }))
    }

    fn heard(&self) -> Vec<String> {
        self.inbox.heard()
    }
}

impl Push {
    async fn answer(&self, ask: &Ask) -> Result<Answer, SourceError> {
        let text = ask.query.as_deref().unwrap_or_default();
        let interval = Duration::from_millis(ask.interval.as_millis().unsigned_abs());
        let number = self.inbox.asked(text, ask.interval.as_millis(), self.asker);
        let number = number.map_err(|what| self.error(Trouble::BadQuery { what }))?;
        let (began, is_first) = (Instant::now(), self.inbox.settled(number).is_none());
        self.wait(number, began + if is_first { WAIT } else { interval.min(WAIT) }).await?;
        // what is in the first answer must be there from then on: each who pushes gets his turn
        sleep_until(self.inbox.settled(number).unwrap_or(began).min(began + WAIT)).await;
        // from here on nothing waits: what is told is gone, and the answer must not be dropped on its way
        let (told, warnings) = self.inbox.tell(number);
        let series = told.into_iter().map(|(labels, samples)| SeriesSamples { labels, samples });
        Ok(Answer { series: series.collect(), complete: warnings.is_empty(), warnings, ..Answer::default() })
    }

    /// Waits until there is something to tell, or until the end.
    async fn wait(&self, number: usize, end: Instant) -> Result<(), SourceError> {
        loop {
            // what comes from here on is heard of
            let news = self.inbox.news.notified();
            tokio::pin!(news);
            news.as_mut().enable();
            if self.receiver.has_ended() {
                let what = "its thread has ended".to_owned();
                return Err(self.error(Trouble::BadAnswer { what }));
            }
            if self.inbox.has_news(number) || timeout_at(end, news).await.is_err() {
                return Ok(());
            }
        }
    }

    fn error(&self, trouble: Trouble) -> SourceError {
        SourceError::new(&self.address, trouble)
    }
}
