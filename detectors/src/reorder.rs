//! Waits for late samples: brings samples that come out of order, by no more than `lateness`, into order.

use crate::sample::Sample;

/// Holds samples back until nothing older can come in time.
#[derive(Debug, Clone)]
pub(crate) struct Reorder {
    lateness_ms: i64,
    /// Sorted by time; equal times in the order of arrival.
    waiting: Vec<Sample>,
}

impl Reorder {
    pub(crate) fn new(lateness_ms: i64) -> Self {
        Self { lateness_ms, waiting: Vec::new() }
    }

    /// Takes `sample` in and gives `ready` those that need not wait any longer.
    pub(crate) fn push(&mut self, sample: Sample, mut ready: impl FnMut(Sample)) {
        let place = self.waiting.partition_point(|other| other.at <= sample.at);
        self.waiting.insert(place, sample);
        let newest = self.waiting[self.waiting.len() - 1].at.as_millis();
        let due = self.waiting.partition_point(|other| other.at.as_millis() <= newest - self.lateness_ms);
        self.waiting.drain(..due).for_each(&mut ready);
    }

    /// Gives up waiting.
    pub(crate) fn flush(&mut self) -> Vec<Sample> {
        std::mem::take(&mut self.waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(lateness_ms: i64, times: &[i64]) -> Vec<i64> {
        let mut reorder = Reorder::new(lateness_ms);
        let mut out = Vec::new();
        for &at in times {
            reorder.push(Sample::new(at, 0.0), |s| out.push(s.at.as_millis()));
        }
        out.extend(reorder.flush().iter().map(|s| s.at.as_millis()));
        out
    }

    #[test]
    fn late_by_no_more_than_lateness_is_put_in_its_place() {
        assert_eq!(order(100, &[0, 100, 50, 200, 150, 300]), [0, 50, 100, 150, 200, 300]);
    }

    #[test]
    fn later_than_that_comes_as_it_comes() {
        assert_eq!(order(0, &[0, 100, 50, 200]), [0, 100, 50, 200]);
        assert_eq!(order(60, &[0, 100, 200, 50]), [0, 100, 50, 200]);
    }
}
