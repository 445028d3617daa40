//! A recording as it is played: every sample arrives at its own time, and the gates are looked at once an interval.

use super::series::Stream;
use crate::monitor::Labels;
use quietgate_detectors::{Sample, Timestamp};

/// The series of a plan's signals, and the times at which is looked.
#[derive(Debug)]
pub struct Tape {
    /// The series.
    pub streams: Vec<Stream>,
    first_ms: i64,
    last_ms: i64,
    step_ms: i64,
}

/// How far the streams of a tape have been played: for each the next sample.
#[derive(Debug, Clone)]
pub struct Place(Vec<usize>);

impl Tape {
    /// A tape of `streams`, each with a sample, on which is looked every `step_ms` milliseconds, beginning with the first
    /// sample of all.
    pub fn new(streams: Vec<Stream>, step_ms: i64) -> Self {
        let times = |pick: fn(&[Sample]) -> Option<&Sample>| {
            streams.iter().filter_map(move |stream| Some(pick(&stream.samples)?.at.as_millis()))
        };
        let first_ms = times(<[Sample]>::first).min().unwrap_or_default();
        let last_ms = times(<[Sample]>::last).max().unwrap_or_default();
        Self { first_ms, last_ms, step_ms: step_ms.max(1), streams }
    }

    /// The same where the first look is at `from_ms`, and the last at `until_ms` or before.
    pub(super) fn over(streams: Vec<Stream>, (first_ms, last_ms): (i64, i64), step_ms: i64) -> Self {
        Self { streams, first_ms, last_ms, step_ms }
    }

    /// The beginning: nothing is played.
    pub fn begin(&self) -> Place {
        Place(vec![0; self.streams.len()])
    }

    /// The time of the first sample of all, which is the first look.
    pub fn first(&self) -> Timestamp {
        Timestamp::from_millis(self.first_ms)
    }

    /// The time of the last sample of all.
    pub fn last(&self) -> Timestamp {
        Timestamp::from_millis(self.last_ms)
    }

    /// Spacing of the looks in milliseconds.
    pub fn step_ms(&self) -> i64 {
        self.step_ms
    }

    /// The first look at `at` or later.
    pub fn look_from(&self, at: Timestamp) -> Timestamp {
        let since = at.as_millis().saturating_sub(self.first_ms).max(0);
        let looks = since / self.step_ms + i64::from(since % self.step_ms != 0);
        Timestamp::from_millis(self.first_ms.saturating_add(looks.saturating_mul(self.step_ms)))
    }

    /// The first look after `at`; none after the last sample.
    pub fn look_after(&self, at: Timestamp) -> Option<Timestamp> {
        let next = self.look_from(Timestamp::from_millis(at.as_millis().saturating_add(1)));
        (next.as_millis() <= self.last_ms).then_some(next)
    }

    /// Plays on from `place` until `until`, and gives the samples of each series that arrive, in order, to `hear`.
    pub fn play(&self, place: &mut Place, until: Timestamp, mut hear: impl FnMut(usize, &Labels, &[Sample])) {
        for (stream, next) in self.streams.iter().zip(&mut place.0) {
            let rest = &stream.samples[*next..];
            let arrived = match rest.iter().take(FEW).position(|sample| sample.at > until) {
                Some(few) => few,
                None => rest.partition_point(|sample| sample.at <= until),
            };
            if arrived > 0 {
                hear(stream.signal, &stream.labels, &rest[..arrived]);
                *next += arrived;
            }
        }
    }
}

/// So many samples are looked at one by one before they are searched: mostly one comes at a time.
const FEW: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_millis(second * 1000)
    }

    fn tape(seconds: &[i64]) -> Tape {
        let samples = seconds.iter().map(|second| Sample::new(second * 1000, 1.0)).collect();
        let stream = Stream { signal: 0, labels: Labels::new(), series: 0, name: "s".to_owned(), samples };
        Tape::new(vec![stream], 60_000)
    }

    #[test]
    fn looks_lie_an_interval_apart_from_the_first_sample_on() {
        let tape = tape(&[7, 67, 130]);
        assert_eq!([0, 7, 8, 67, 68].map(|second| tape.look_from(at(second))), [7, 7, 67, 67, 127].map(at));
        assert_eq!(
            [7, 66, 67, 127].map(|s| tape.look_after(at(s))),
            [Some(at(67)), Some(at(67)), Some(at(127)), None]
        );
    }

    #[test]
    fn each_sample_arrives_once_in_however_many_parts() {
        let tape = tape(&[0, 10, 20, 30, 40, 50, 60]);
        for step in [1, 7, 10, 25, 100] {
            let (mut place, mut heard) = (tape.begin(), Vec::new());
            for until in (0..=100).step_by(step) {
                tape.play(&mut place, at(until), |_, _, samples| {
                    assert!(samples.iter().all(|sample| sample.at <= at(until)));
                    heard.extend_from_slice(samples);
                });
            }
            assert_eq!(heard, tape.streams[0].samples);
        }
    }
}
