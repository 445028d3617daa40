//! Samples in memory, in the order of arrival: 8 bytes each while their times come in even steps, as those of
//! nearly all series do, else 16.

use quietgate_detectors::{Sample, Timestamp};

/// Some samples of a series, in the order of arrival.
#[derive(Debug, Clone, Copy)]
pub enum Piece<'a> {
    /// Samples each of which has its time.
    Listed(&'a [Sample]),
    /// Samples whose times come in even steps.
    Even {
        /// The time of the first.
        first: Timestamp,
        /// From each time to the next, in milliseconds; of no meaning where there is one sample.
        step_ms: i64,
        /// The values.
        values: &'a [f64],
    },
}

impl Piece<'_> {
    /// Appends them to `samples`.
    pub fn append_to(self, samples: &mut Vec<Sample>) {
        match self {
            Self::Listed(listed) => samples.extend_from_slice(listed),
            Self::Even { first, step_ms, values } => {
                let at = |n: i64| first.as_millis() + step_ms * n;
                samples.extend(values.iter().zip(0..).map(|(value, n)| Sample::new(at(n), *value)));
            }
        }
    }
}

/// As many samples as it was made for.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    first_ms: i64,
    /// From each time to the next; of no meaning before the second sample.
    step_ms: i64,
    /// All times, once one has broken the even steps; else none.
    times: Vec<i64>,
    values: Vec<f64>,
}

impl Chunk {
    /// With room for at least `samples`.
    pub(super) fn with_room(samples: usize) -> Self {
        Self { values: Vec::with_capacity(samples), ..Self::default() }
    }

    /// How many samples there are.
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// How many samples it was made for.
    pub(super) fn capacity(&self) -> usize {
        self.values.capacity()
    }

    /// Bytes that are taken, whether they are filled or not.
    pub(super) fn bytes(&self) -> usize {
        self.times.capacity() * size_of::<i64>() + self.values.capacity() * size_of::<f64>()
    }

    /// Appends a sample.
    #[inline]
    pub(super) fn push(&mut self, sample: Sample) {
        let at_ms = sample.at.as_millis();
        match self.len() {
            0 => self.first_ms = at_ms,
            1 => self.step_ms = at_ms - self.first_ms,
            _ if self.is_even() && at_ms != self.next_ms() => self.list_times(),
            _ => {}
        }
        if !self.is_even() {
            self.times.push(at_ms);
        }
        self.values.push(sample.value);
    }

    /// Appends of these samples those at the head that go on in even, rising steps, as far as there is room;
    /// states how many.
    #[inline]
    pub(super) fn extend_evenly(&mut self, times: &[i64], values: &[f64]) -> usize {
        if self.len() < 2 || self.step_ms <= 0 || !self.is_even() {
            return 0;
        }
        let room = self.capacity() - self.len();
        let mut next_ms = self.next_ms();
        let goes_on = |at_ms: &&i64| {
            let even = **at_ms == next_ms;
            next_ms += self.step_ms;
            even
        };
        let even = times.iter().take(room).take_while(goes_on).count();
        self.values.extend_from_slice(&values[..even]);
        even
    }

    /// Gives all samples to `see`; `buffer` is room for them, used where they have to be listed.
    pub(super) fn see(&self, buffer: &mut Vec<Sample>, see: &mut dyn FnMut(Piece<'_>)) {
        if self.is_even() {
            let first = Timestamp::from_millis(self.first_ms);
            see(Piece::Even { first, step_ms: self.step_ms, values: &self.values });
        } else {
            buffer.clear();
            buffer.extend(self.samples());
            see(Piece::Listed(buffer));
        }
    }

    /// All samples.
    pub(super) fn samples(&self) -> impl Iterator<Item = Sample> {
        let even = if self.is_even() { self.values.as_slice() } else { &[] };
        let even =
            even.iter().zip(0..).map(|(value, n)| Sample::new(self.first_ms + self.step_ms * n, *value));
        let listed = self.times.iter().zip(&self.values).map(|(at_ms, value)| Sample::new(*at_ms, *value));
        even.chain(listed)
    }

    fn is_even(&self) -> bool {
        self.times.is_empty()
    }

    fn next_ms(&self) -> i64 {
        self.first_ms + self.step_ms * self.len() as i64
    }

    #[cold]
    fn list_times(&mut self) {
        let mut times = Vec::with_capacity(self.capacity());
        times.extend(self.samples().map(|sample| sample.at.as_millis()));
        self.times = times;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(times: &[i64]) -> Chunk {
        let mut chunk = Chunk::with_room(times.len());
        times.iter().zip(0_u8..).for_each(|(at, value)| chunk.push(Sample::new(*at, f64::from(value))));
        chunk
    }

    fn shown(chunk: &Chunk) -> Vec<(i64, f64)> {
        chunk.samples().map(|sample| (sample.at.as_millis(), sample.value)).collect()
    }

    #[test]
    fn even_times_take_no_room() {
        for times in [&[60, 120, 180, 240][..], &[5, 5, 5, 5], &[9, 6, 3, 0]] {
            let chunk = chunk(times);
            assert_eq!(shown(&chunk), times.iter().copied().zip([0.0, 1.0, 2.0, 3.0]).collect::<Vec<_>>());
            assert_eq!(chunk.bytes(), 8 * chunk.capacity(), "{times:?}");
        }
    }

    #[test]
    fn uneven_times_are_kept_one_by_one() {
        let chunk = chunk(&[60, 120, 181, 240]);
        assert_eq!(shown(&chunk), [(60, 0.0), (120, 1.0), (181, 2.0), (240, 3.0)]);
        assert_eq!(chunk.bytes(), 16 * chunk.capacity());
    }

    #[test]
    fn many_are_taken_at_once_as_far_as_they_go_on_evenly() {
        let mut even = Chunk::with_room(8);
        assert_eq!(even.extend_evenly(&[60], &[0.0]), 0, "there is no step yet");
        even.push(Sample::new(60, 0.0));
        even.push(Sample::new(120, 1.0));
        assert_eq!(even.extend_evenly(&[180, 240, 299], &[2.0, 3.0, 4.0]), 2);
        assert_eq!(shown(&even), [(60, 0.0), (120, 1.0), (180, 2.0), (240, 3.0)]);
        let rest: Vec<i64> = (5..20).map(|n| n * 60).collect();
        assert_eq!(even.extend_evenly(&rest, &[7.0; 15]), even.capacity() - 4);
        assert_eq!(
            chunk(&[9, 6, 3]).extend_evenly(&[0], &[1.0]),
            0,
            "falling times are looked at one by one"
        );
    }
}
