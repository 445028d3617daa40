//! What a source is: something that can be asked for samples of a stretch of time.

use super::SourceError;
pub use crate::labels::Labels;
use crate::labels::Table;
use quietgate_detectors::{Interval, Sample, Timestamp};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// Where samples come from. It hands out what it has, and never judges.
///
/// A future that is dropped ends the asking; nothing of it goes on but a read of a local file that the system holds up.
pub trait Source: Send + Sync + fmt::Debug {
    /// The samples that `ask` wants; from who is told of samples, and not asked, also those that came late and were not told before.
    fn fetch<'a>(&'a self, ask: &'a Ask) -> Fetching<'a>;

    /// How often to ask for samples of this interval, in milliseconds. Who has the samples' own times is asked twice in
    /// each, so that no sample waits for long, and asking again costs nothing.
    fn asked_every_ms(&self, interval: Interval) -> i64 {
        (interval.as_millis() / 2).max(1)
    }

    /// What it knows of the time before anybody asked.
    fn past(&self) -> Past {
        Past::None
    }

    /// Whether it has one value for ever of each time, and tells it whenever it is asked for that time: another one contradicts what it
    /// told before.
    fn is_lasting(&self) -> bool {
        false
    }

    /// How long after a first answer without samples there may be one with some, in milliseconds: for rates.
    fn settles_ms(&self, interval: Interval) -> i64 {
        interval.as_millis().clamp(0, 1_000)
    }

    /// One of it for a single signal, where what is told is gone: several may ask for the same.
    fn for_one(&self) -> Option<Arc<dyn Source>> {
        None
    }

    /// What a person who asks may want to know besides the answers, in words. Nothing is judged by it.
    fn heard(&self) -> Vec<String> {
        Vec::new()
    }
}

/// What a source knows of the time before anybody asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Past {
    /// Nothing.
    None,
    /// It is told, up to now, to who asks from then on.
    Told,
    /// Any stretch of it can be asked for.
    Asked,
}

/// An answer that is under way.
pub type Fetching<'a> = Pin<Box<dyn Future<Output = Result<Answer, SourceError>> + Send + 'a>>;

/// What is wanted: the samples in `(from, until]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// What to look for, in the source's own language; [`Entry::query`](super::Entry::query) says what that is.
    pub query: Option<String>,
    /// The time after which samples are wanted.
    pub from: Timestamp,
    /// The time of the asking: the last from which samples are wanted.
    pub until: Timestamp,
    /// Nominal spacing of the samples.
    pub interval: Interval,
}

/// What a source says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Answer {
    /// Series in the order of their labels, each once. One without samples is known to be there, and must be measured before it
    /// can be clean.
    pub series: Vec<SeriesSamples>,
    /// Series that were told before, and that the source does not show any more at the time of asking: their last samples say
    /// nothing of now, however fresh they are. A source that cannot know names none.
    pub ended: Vec<Labels>,
    /// What is odd about the answer, in words: from the server, or about lines of a file.
    pub warnings: Vec<String>,
    /// Whether this is all there is. Where it is not, every series of the signal is unknown(partial).
    pub complete: bool,
}

/// Samples of one series.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesSamples {
    /// What the source calls it.
    pub labels: Labels,
    /// Samples in the order of their times, each with its own time; a value that is no number is NaN or infinite.
    pub samples: Vec<Sample>,
}

/// Labels as they are told: `{host="h1", vip="a"}`. What a terminal would obey is shown.
pub fn labels_in_words(labels: &Labels) -> String {
    let quoted: Vec<_> = labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    crate::text::plain(&format!("{{{}}}", quoted.join(", "))).into_owned()
}

/// Series that are gathered from several parts, in the order of time.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    series: Table<Vec<Sample>>,
    samples: usize,
}

impl Gathered {
    /// Adds samples to a series, which is told also where it has none.
    pub(super) fn add(&mut self, labels: Labels, samples: Vec<Sample>) {
        let (_, known) = self.series.entry(labels);
        let before = known.len();
        known.extend(samples);
        self.samples += known.len() - before;
    }

    /// How many series there are.
    pub(super) fn series(&self) -> usize {
        self.series.len()
    }

    /// How many samples there are, of all series.
    pub(super) fn samples(&self) -> usize {
        self.samples
    }

    /// The answer, complete where there is nothing odd about it.
    pub(super) fn answer(self, warnings: Vec<String>) -> Answer {
        let series =
            self.series.into_order().into_iter().map(|(labels, samples)| SeriesSamples { labels, samples });
        Answer { series: series.collect(), complete: warnings.is_empty(), warnings, ..Answer::default() }
    }
}
